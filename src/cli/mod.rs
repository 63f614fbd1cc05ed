//! The command line: one file per subcommand. Composes rooms, drill and console; imported by nobody.

pub mod appearance;
pub mod args;
pub mod board_tables;
pub mod command_output;
pub mod config;
pub mod connect;
pub mod console;
pub mod dispatch;
pub mod drill;
pub mod drill_participant;
mod drill_report;
pub mod error;
pub mod exit_code;
pub mod export;
pub mod headless;
pub mod init;
mod log_folder;
pub mod output;
pub mod plan;
mod rbac;
mod readiness;
pub mod screenshot;
pub mod serve;
mod silence;
mod status_exit;
pub mod timeline;
mod timeline_write;
pub mod verify;

use exit_code::Exit;

/// The whole program after parsing: one runtime, one command.
pub fn main(args: args::Args) -> Exit {
    one_heap();
    crate::systems::http::install_crypto();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&format!("can't start: {error}"));
            return Exit::Failure;
        }
    };
    let exit = runtime.block_on(dispatch::run(args));
    // A blocking read (an exec plugin, a name look-up) must not hold the exit.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    exit
}

/// Tells glibc to keep one heap. By default every thread gets its own, up to eight a core, and each keeps what its busiest
/// moment took: under 200 events/s a room of nine threads held 190 MB in eleven heaps, and 52 MB in one.
fn one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "the C library has no other way to say it")]
    // SAFETY: a setting by value, made while this is the only thread.
    unsafe {
        nix::libc::mallopt(nix::libc::M_ARENA_MAX, 1);
    }
}
