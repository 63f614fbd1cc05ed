//! The command line: one file per subcommand. Composes rooms, drill and console; imported by nobody.

pub mod args;
pub mod config;
pub mod console;
mod describe;
pub mod dress;
pub mod drill;
pub mod exit;
pub mod export;
pub mod fail;
pub mod headless;
pub mod init;
pub mod link;
pub mod output;
pub mod plan;
pub mod player;
pub mod run;
pub mod serve;
pub mod shot;
pub mod shown;
mod silence;
pub mod timeline;
pub mod verify;
pub mod views;

use exit::Exit;

/// The whole program after parsing: one runtime, one command.
pub fn main(args: args::Args) -> Exit {
    crate::systems::http::install_crypto();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&format!("can't start: {error}"));
            return Exit::Failure;
        }
    };
    let exit = runtime.block_on(run::run(args));
    // A blocking read (an exec plugin, a name look-up) must not hold the exit.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    exit
}
