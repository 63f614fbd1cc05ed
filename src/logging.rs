//! Logs to a file, panics and errors to people, and neither to a terminal that someone is drawing on.
//!
//! A panic gives the terminal back first, then is logged, then told. While the console draws, its own hook stands before
//! these: a panic of a thread that doesn't draw is only logged then, and the screen stays.

use std::fs::{self, DirBuilder, File};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Once;
use std::thread;

use tracing::Subscriber;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait for the disk; more are dropped rather than making the program wait.
const WAITING_LINES: usize = 8 * 1024;
/// A log file larger than this is set aside at the next start; one older file is kept.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// What is logged unless `WARROOM_LOG` says otherwise.
/// A failing API server is said on the board; the client's own word for each failed request would only fill the log.
const FILTER: &str = "info,hyper=warn,h2=warn,rustls=warn,tower=warn,kube_client=off";
/// The variable that changes it, e.g. `warroom=debug`.
pub const FILTER_VAR: &str = "WARROOM_LOG";

/// Keeps the log open. Dropping it writes what still waits: hold it until the very end of the program.
#[must_use = "the log ends when this is dropped"]
pub struct LogGuard(#[expect(dead_code, reason = "held for its drop")] WorkerGuard);

/// Sends what is traced to a file, from now on. The file is its owner's alone.
///
/// # Errors
/// If the file can't be opened, or something traces already.
pub fn log_to(path: &Path) -> io::Result<LogGuard> {
    let (subscriber, guard) = subscriber(open_log(path)?);
    tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
    Ok(guard)
}

/// Sends what is traced to stderr, from now on: for the service, whose stderr is the journal. Where stderr is a terminal
/// nothing is logged to it.
///
/// # Errors
/// If something traces already.
pub fn log_to_journal() -> io::Result<Option<LogGuard>> {
    if io::stderr().is_terminal() {
        return Ok(None);
    }
    let (subscriber, guard) = subscriber(io::stderr());
    tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
    Ok(Some(guard))
}

fn open_log(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        // It is the directory in which a room keeps its log, and that refuses one that others may enter.
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > MAX_FILE) {
        let mut old = path.as_os_str().to_owned();
        old.push(".1");
        fs::rename(path, old)?;
    }
    let flags = (nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_CLOEXEC).bits();
    File::options().append(true).create(true).mode(0o600).custom_flags(flags).open(path)
}

fn subscriber(out: impl Write + Send + 'static) -> (impl Subscriber + Send + Sync, LogGuard) {
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES).lossy(true).thread_name("log").finish(out);
    let filter = std::env::var(FILTER_VAR).ok().and_then(|text| EnvFilter::try_new(text).ok());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new(FILTER)))
        .with_ansi(false)
        .with_writer(OneLineWriter(writer))
        .finish();
    (subscriber, LogGuard(guard))
}

/// Makes each event one line of plain text, whatever was in it.
struct OneLineWriter(NonBlocking);

impl<'a> MakeWriter<'a> for OneLineWriter {
    type Writer = EventWriter;

    fn make_writer(&'a self) -> EventWriter {
        EventWriter(self.0.clone())
    }
}

/// One event on its way to the file.
struct EventWriter(NonBlocking);

impl Write for EventWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = plain(text.strip_suffix('\n').unwrap_or(&text), false);
        self.0.write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Text without anything a terminal would obey or hide: control, bidi and zero-width characters become escapes.
fn plain(text: &str, keep_lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hides = matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{10ffff}');
        match c {
            '\n' if keep_lines => out.push(c),
            c if c.is_control() || hides => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Keeps the memory of this process from others: no core is written when it dies, and no other process of the same account
/// may look into it. A room holds credentials that its files keep from everyone else.
pub fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        tracing::warn!(%error, "the memory of this process can be looked into");
    }
    use nix::sys::resource::{Resource, setrlimit};
    // Where a service manager forbids the call it has set the limit itself, and without the flag above no core is written.
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::debug!(%error, "the limit of core files stays as it was");
    }
}

/// Installs the hooks for panics and error reports, once; later calls do nothing. `restore` gives the terminal back if it
/// is taken, and does nothing otherwise. Install them before the terminal is taken: the console's own hook then comes
/// first, and keeps a panic of a thread that doesn't draw away from the screen.
pub fn hooks(restore: impl Fn() + Send + Sync + 'static) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (panics, errors) = color_eyre::config::HookBuilder::blank()
            .add_default_filters()
            .display_env_section(false)
            .panic_section("This is a fault of warroom. What was recorded is on disk; start the program again.")
            .into_hooks();
        // An error means that another hook is installed already: reports then look different, and that is all.
        let _ = errors.install();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            let thread = thread::current();
            tracing::error!(thread = thread.name().unwrap_or("unnamed"), "panic: {info}");
            let report = plain(&panics.panic_report(info).to_string(), true);
            let _ = writeln!(io::stderr().lock(), "{report}");
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    #[test]
    fn an_event_is_one_plain_line_in_a_private_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("state/warroom.log");
        let (subscriber, guard) = subscriber(open_log(&path).expect("opened"));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("pod \u{1b}[2Jx\nINFO forged\r\u{202e}");
            tracing::debug!("too quiet");
        });
        drop(guard);
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("pod ") && text.ends_with('\n'), "{text}");
        assert!(!text.trim_end().chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_large_log_is_set_aside_and_a_link_is_not_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("warroom.log");
        File::create(&path).expect("made").set_len(MAX_FILE + 1).expect("grown");
        open_log(&path).expect("opened");
        assert_eq!(fs::metadata(&path).expect("there").len(), 0);
        assert!(dir.path().join("warroom.log.1").exists());
        let link = dir.path().join("link.log");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        assert!(open_log(&link).is_err());
    }

    /// Runs as a process of its own, started by the next test: hooks belong to the whole process.
    #[test]
    #[ignore = "started by `on_a_panic_the_terminal_is_given_back_then_it_is_logged_then_told`"]
    fn child() {
        let Ok(log) = std::env::var("WARROOM_TEST_LOG") else { return };
        let guard = log_to(Path::new(&log)).expect("logs");
        hooks(|| eprintln!("RESTORED"));
        hooks(|| eprintln!("the first hooks stay"));
        let _ = thread::spawn(|| panic!("the \u{1b}[31mcause")).join();
        drop(guard);
    }

    #[test]
    fn on_a_panic_the_terminal_is_given_back_then_it_is_logged_then_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("warroom.log");
        let out = Command::new(std::env::current_exe().expect("this program"))
            .args(["--ignored", "--exact", "--nocapture", "logging::tests::child"])
            .env("WARROOM_TEST_LOG", &log)
            .output()
            .expect("ran");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        let (restored, cause) = (said.find("RESTORED").expect("restored"), said.find("cause").expect("told"));
        assert!(restored < cause, "restored first\n{said}");
        assert!(!said.contains("the first hooks stay") && !said.contains('\u{1b}'), "{said:?}");
        let logged = fs::read_to_string(&log).expect("a log");
        assert!(logged.contains("cause") && logged.contains("ERROR"), "{logged}");
    }
}
