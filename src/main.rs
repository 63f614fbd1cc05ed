//! The thin door: parse, run, exit code.

fn main() -> std::process::ExitCode {
    let args = warroom::cli::command_line::Args::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    warroom::cli::main(args).into()
}
