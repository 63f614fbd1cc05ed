//! Shields the tests from the program's insides: scratch folders, the built binary in a scrubbed environment, waiting for
//! values, peers that may be missing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The longest any wait lasts before the test fails, with what was last seen.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// The built binary, with an environment that holds nothing of the person who runs the tests.
pub fn warroom(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warroom"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_RUNTIME_DIR", home)
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null());
    command
}

/// A scratch folder with a path short enough for sockets.
pub fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("wr").tempdir_in("/tmp").expect("a scratch folder")
}

/// Runs to the end and gives output and exit code.
pub fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Runs a command that prints JSON.
pub fn run_json(command: &mut Command) -> (i32, Value) {
    let (code, out, err) = run(command);
    let value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("no JSON ({error}):\n{out}\n{err}"));
    (code, value)
}

/// Waits until `look` gives something, for at most [`PATIENCE`].
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_within(PATIENCE, look).unwrap_or_else(|| panic!("{what} did not happen within {} s", PATIENCE.as_secs()))
}

/// Waits until `look` gives something, for at most `patience`; `None` if it never did.
pub fn wait_within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// A child that is killed when the test ends.
pub struct Running(pub Child);

impl Running {
    /// Starts a command in the background; its output goes to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let child = command
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self(child)
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

pub use crate::peers::skipped;

/// The verifier of others, where `WARROOM_VERIFIER` names it.
pub fn stock_verifier() -> Option<PathBuf> {
    crate::peers::hints::verifier()
}

/// Timeline segments of a folder, in order.
pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
        .collect();
    found.sort();
    found
}

/// The stock verifier accepts the log of this folder; where there is none, the program's own check stands alone.
pub fn assert_intact(dir: &Path) {
    let Some(verifier) = stock_verifier() else { return };
    let (code, out, err) = run(Command::new("bash").arg(verifier).args(segments(dir)));
    assert_eq!(code, 0, "the stock verifier refuses the log:\n{out}{err}");
}

/// The ports that servers of tests get: below those that the system gives to outgoing connections, so that a server that
/// was killed finds its port free when it starts again.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A free port on loopback, handed out once. Another process may take it before it is used; callers try again.
pub fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(fastrand::u16(0..PORTS.end - PORTS.start)));
    let span = PORTS.end - PORTS.start;
    let next = || PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % span;
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (0..span).map(|_| next()).find(free).expect("a free port")
}
