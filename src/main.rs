//! The thin door: parse, run, exit code.

use clap::Parser;

fn main() -> std::process::ExitCode {
    warroom::cli::main(warroom::cli::args::Args::parse()).into()
}
