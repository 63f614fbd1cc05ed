//! The command line: one file per subcommand. Composes rooms, drill and console; imported by nobody.

pub mod args;
pub mod config;
pub mod console;
mod describe;
pub mod dress;
pub mod drill;
mod ending;
pub mod exit;
pub mod export;
pub mod fail;
mod folder;
pub mod headless;
pub mod init;
pub mod link;
pub mod output;
pub mod plan;
pub mod player;
mod rbac;
mod readiness;
pub mod run;
pub mod serve;
pub mod shot;
pub mod shown;
mod silence;
mod standing;
pub mod timeline;
pub mod verify;
pub mod views;
mod write;

use exit::Exit;

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
    let exit = runtime.block_on(run::run(args));
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
