//! The built binary on a real pseudo terminal, with a model of its screen. For any test that plays a person.
//!
//! ```text
//! let mut pty = Pty::start(Start::warroom(home).args(["drill", "--seed", "7"]).size(120, 40));
//! pty.wait_text("SEV1");                            // within support::PATIENCE, or fails with a picture of the screen
//! pty.keys("!f");  pty.keys("<esc>");               // keys as key maps write them
//! pty.send(b"\x1b[200~pasted\x1b[201~");            // or bytes
//! let age = pty.wait("an age", |screen| find(&screen.contents()));
//! pty.resize(80, 24);  pty.signal(Signal::SIGTERM);
//! assert_eq!(pty.exit_code(), 143);
//! pty.assert_clean();                               // no raw control byte, nothing unknown
//! pty.assert_restored();                            // modes and termios as before
//! ```
//!
//! * [`Pty::wait`] looks at the screen only between frames: what it sees is what an eye would see.
//! * [`Pty::raw_control_bytes`] counts control bytes that are not part of a sequence the program is known to send
//!   ([`strict`] has the list), C1 characters, broken UTF-8 and characters that hide or turn text. [`Pty::oddities`] names
//!   the first of them with their place. On the main screen line ends are allowed, on the console's own they are not.
//! * [`Pty::evidence`] is the screen as text, to be kept by a test.
//! * [`Pty::stop_reading`] is a stalled link; [`Pty::hang_up`] a link that is gone.
//! * [`shell`] starts an interactive shell instead, where job control matters.

#![allow(dead_code, reason = "each test takes what it needs")]

pub mod strict;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use self::strict::Strict;
use crate::support::{PATIENCE, wait_for};

/// The last raw bytes that are kept for a failed test to show.
const TAIL: usize = 4096;
/// The largest screen that the model draws; the program draws no larger one.
const WIDEST: u16 = 1000;
const TALLEST: u16 = 500;

/// What to start, and where.
pub struct Start {
    argv: Vec<OsString>,
    env: Vec<(String, OsString)>,
    uid: Option<(u32, u32)>,
    size: (u16, u16),
    cwd: PathBuf,
}

impl Start {
    /// Any program, with an environment of nothing but PATH, TERM and HOME.
    pub fn program(program: impl Into<OsString>, home: &Path) -> Self {
        let start =
            Self { argv: vec![program.into()], env: Vec::new(), uid: None, size: (120, 40), cwd: home.to_owned() };
        start.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "xterm-256color").env("HOME", home)
    }

    /// A command as it is, with nothing but its own environment. Its redirections are not taken over.
    pub fn command(command: &std::process::Command, cwd: &Path) -> Self {
        let argv = std::iter::once(command.get_program()).chain(command.get_args());
        let env = command.get_envs().filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_owned())));
        let (argv, env) = (argv.map(OsString::from).collect(), env.collect());
        Self { argv, env, uid: None, size: (120, 40), cwd: cwd.to_owned() }
    }

    /// The built binary; its files under `home`.
    pub fn warroom(home: &Path) -> Self {
        Self::program(env!("CARGO_BIN_EXE_warroom"), home).room_in(home)
    }

    /// Where the program keeps its own files.
    pub fn room_in(self, home: &Path) -> Self {
        let dirs = [("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config"), ("XDG_RUNTIME_DIR", "")];
        let start = dirs.into_iter().fold(self, |start, (name, dir)| start.env(name, home.join(dir)));
        // UTF-8 without any locale being installed.
        start.env("LANG", "C.UTF-8")
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.argv.push(arg.into());
        self
    }

    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.argv.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// As this account. Tests that run as root can be anybody.
    pub fn account(mut self, uid: u32, gid: u32) -> Self {
        self.uid = Some((uid, gid));
        self
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    fn built(&self) -> CommandBuilder {
        let mut argv = Vec::new();
        if let Some((uid, gid)) = self.uid {
            let flags = [format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()];
            argv.push(OsString::from("setpriv"));
            argv.extend(flags.map(OsString::from));
            argv.push(OsString::from("--"));
        }
        argv.extend(self.argv.iter().cloned());
        let mut command = CommandBuilder::from_argv(argv);
        command.env_clear();
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command.cwd(&self.cwd);
        command
    }
}

/// An interactive shell with job control and a prompt that is only `$ `.
pub fn shell(bash: &Path, home: &Path) -> Start {
    let start = Start::program(bash, home).args(["--norc", "--noprofile", "--noediting", "-i"]).room_in(home);
    // A folder of its own for the history, and no change of the terminal's modes while a line is typed.
    start.env("PS1", "$ ").env("HISTFILE", "/dev/null").env("WARROOM", env!("CARGO_BIN_EXE_warroom"))
}

struct Model {
    parser: vt100::Parser,
    strict: Strict,
    tail: Vec<u8>,
    open: bool,
    reading: bool,
    leaving: bool,
}

struct Shared {
    model: Mutex<Model>,
    changed: Condvar,
}

impl Shared {
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A screen's text in which a running clock makes no difference.
pub fn still(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

/// A program on a pseudo terminal. It is killed when this is dropped.
pub struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    shared: Arc<Shared>,
    before: String,
    size: (u16, u16),
    ended: Option<i32>,
}

impl Pty {
    /// Opens a terminal of the given size and starts the program on it.
    pub fn start(start: Start) -> Self {
        let size = start.size;
        let pair = native_pty_system().openpty(pty_size(size)).expect("a pseudo terminal");
        let before = termios(&*pair.master);
        let (rows, columns) = model_size(size);
        let model = Model {
            parser: vt100::Parser::new(rows, columns, 0),
            strict: Strict::default(),
            tail: Vec::new(),
            open: true,
            reading: true,
            leaving: false,
        };
        let shared = Arc::new(Shared { model: Mutex::new(model), changed: Condvar::new() });
        let child = pair.slave.spawn_command(start.built()).expect("the program starts");
        drop(pair.slave);
        let reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || read(reader, &theirs));
        Self { master: Some(pair.master), writer: Some(writer), child, shared, before, size, ended: None }
    }

    /// Types bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        let writer = self.writer.as_mut().expect("not hung up");
        writer.write_all(bytes).and_then(|()| writer.flush()).expect("typed");
    }

    /// Types keys, written as in key maps: `!f<enter>`, `<c-z>`, `<s-tab>`. No hand is so quick that the key after an
    /// escape belongs to it, so there is a pause.
    pub fn keys(&mut self, script: &str) {
        for key in warroom::console::keymap::keys(script).expect("keys") {
            let bytes = bytes_of(&key.to_string());
            self.send(&bytes);
            if bytes == b"\x1b" {
                std::thread::park_timeout(Duration::from_millis(150));
            }
        }
    }

    /// Another size of the window.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
        // The model first: what is drawn for the new size must find it.
        let (rows_of, columns_of) = model_size(self.size);
        self.shared.model().parser.set_size(rows_of, columns_of);
        self.master.as_ref().expect("not hung up").resize(pty_size(self.size)).expect("resized");
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).expect("sent");
    }

    /// The process that was started.
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// Waits until `look` finds something on the screen. It never sees half a frame.
    pub fn wait<T>(&mut self, what: &str, mut look: impl FnMut(&vt100::Screen) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut model = self.shared.model();
        loop {
            if !model.strict.in_frame()
                && let Some(found) = look(model.parser.screen())
            {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !model.open {
                let why = if model.open { "did not come in time" } else { "did not come before the program ended" };
                drop(model);
                panic!("{what} {why}\n{}", self.picture());
            }
            // Also without news: what `look` looks at may be something else than the screen.
            let step = left.min(Duration::from_millis(200));
            model = self.shared.changed.wait_timeout(model, step).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until a text stands on the screen.
    pub fn wait_text(&mut self, text: &str) {
        self.wait(&format!("{text:?} on the screen"), |screen| screen.contents().contains(text).then_some(()));
    }

    /// Waits until a text stands on the screen no more.
    pub fn wait_gone(&mut self, text: &str) {
        self.wait(&format!("{text:?} to go"), |screen| (!screen.contents().contains(text)).then_some(()));
    }

    /// Waits until the console is there: on the alternate screen with something on it.
    pub fn wait_console(&mut self) {
        self.wait("the console's first frame", |screen| {
            (screen.alternate_screen() && !screen.contents().trim().is_empty()).then_some(())
        });
    }

    /// Looks at the screen now.
    pub fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.shared.model().parser.screen())
    }

    /// The screen as text.
    pub fn evidence(&self) -> String {
        self.look(vt100::Screen::contents)
    }

    /// The screen with a frame around it and the last raw bytes, for whoever reads why a test failed.
    pub fn picture(&self) -> String {
        let model = self.shared.model();
        let screen = model.parser.screen();
        let (columns, line) = (screen.size().1.get(), "─".repeat(usize::from(screen.size().1.get())));
        let rows: Vec<String> = screen.rows(0, columns).map(|row| format!("│{row}")).collect();
        format!(
            "the screen, {}×{}, {}:\n┌{line}\n{}\n└{line}\n{} bytes, {} frames; the last bytes:\n{}\n",
            self.size.0,
            self.size.1,
            if screen.alternate_screen() { "alternate" } else { "main" },
            rows.join("\n"),
            model.strict.bytes,
            model.strict.frames,
            model.tail.escape_ascii(),
        )
    }

    /// How often the program asked for the terminal's background.
    pub fn questions(&self) -> u64 {
        self.shared.model().strict.questions
    }

    /// Whether the program has ended.
    pub fn ended(&mut self) -> bool {
        self.try_end().is_some()
    }

    /// Every byte so far.
    pub fn bytes(&self) -> u64 {
        self.shared.model().strict.bytes
    }

    /// Frames so far: synchronized updates that ended.
    pub fn frames(&self) -> u64 {
        self.shared.model().strict.frames
    }

    /// Frames so far that painted every cell.
    pub fn whole_frames(&self) -> u64 {
        self.shared.model().strict.whole
    }

    /// Control bytes and characters that nothing legitimate sends. See [`strict`].
    pub fn raw_control_bytes(&self) -> u64 {
        self.shared.model().strict.odd
    }

    /// Bells and calls so far.
    pub fn bells(&self) -> u64 {
        self.shared.model().strict.bells
    }

    /// The titles it gave the window.
    pub fn titles(&self) -> Vec<String> {
        self.shared.model().strict.titles.clone()
    }

    /// The first of them, in words.
    pub fn oddities(&self) -> Vec<String> {
        self.shared.model().strict.oddities.clone()
    }

    /// Fails if anything was sent that a terminal would obey and the program never means to send.
    pub fn assert_clean(&self) {
        assert_eq!(self.raw_control_bytes(), 0, "{}", self.oddities().join("\n"));
    }

    /// Modes that are not as a terminal starts: alternate screen, hidden cursor, mouse, pastes, focus, an open frame.
    pub fn modes_left(&self) -> Vec<String> {
        self.shared.model().strict.modes_left()
    }

    /// The terminal's line discipline now, and as it was when nothing ran on it.
    pub fn termios(&self) -> (String, String) {
        (termios(&**self.master.as_ref().expect("not hung up")), self.before.clone())
    }

    /// Fails unless the terminal is as it was.
    pub fn assert_restored(&self) {
        assert_eq!(self.modes_left(), Vec::<String>::new(), "modes left on\n{}", self.picture());
        let (now, before) = self.termios();
        assert_eq!(now, before, "the line discipline");
        assert_eq!(self.shared.model().strict.kept_titles, 0, "the window's title is put back");
    }

    /// Reads nothing any more, as a link that stalls.
    pub fn stop_reading(&self) {
        self.shared.model().reading = false;
    }

    /// Reads again.
    pub fn read_on(&self) {
        self.shared.model().reading = true;
        self.shared.changed.notify_all();
    }

    /// Closes the terminal under the program, as a lost connection does.
    pub fn hang_up(&mut self) {
        self.shared.model().leaving = true;
        self.shared.changed.notify_all();
        // The reader holds the terminal too, and wakes when the program draws: for another size it does.
        let master = self.master.take().expect("not hung up yet");
        let _ = master.resize(pty_size((self.size.0 + 1, self.size.1)));
        self.writer = None;
        drop(master);
    }

    /// Whether it runs.
    pub fn alive(&mut self) -> bool {
        self.try_end().is_none()
    }

    fn try_end(&mut self) -> Option<i32> {
        if self.ended.is_none() {
            let status = self.child.try_wait().expect("a status")?;
            // What ends by a signal has a name instead of a code here.
            self.ended = Some(if status.signal().is_some() { -1 } else { status.exit_code().cast_signed() });
        }
        self.ended
    }

    /// Waits for the end and gives the exit code; -1 for a signal. What the program said last is on the screen then.
    pub fn exit_code(&mut self) -> i32 {
        let until = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(code) = self.try_end() {
                break code;
            }
            assert!(Instant::now() < until, "the program did not end\n{}", self.picture());
            std::thread::park_timeout(Duration::from_millis(20));
        };
        if self.master.is_some() && self.shared.model().reading {
            wait_for("the end of what was written", || (!self.shared.model().open).then_some(()));
        }
        code
    }

    /// Memory of the program in bytes, and the processor time it has used.
    pub fn usage(&self) -> (u64, Duration) {
        usage(self.pid())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.shared.model().leaving = true;
        self.shared.changed.notify_all();
        if self.ended.is_none() {
            let _ = self.child.kill();
            // The reader ends with the program. A child that was stopped dies of this too.
            if let Some(pid) = self.child.process_id() {
                let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
            }
            let _ = self.child.wait();
        }
    }
}

/// Memory of a process in bytes, and the processor time it has used.
pub fn usage(pid: u32) -> (u64, Duration) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(|rest| rest.split_whitespace().next());
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    // The name in brackets may hold anything; fields are counted behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number");
    (kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024, Duration::from_millis(ticks * 10))
}

fn read(mut from: Box<dyn Read + Send>, shared: &Shared) {
    let mut piece = [0; 16 * 1024];
    loop {
        {
            let mut model = shared.model();
            while !model.reading && !model.leaving {
                model = shared.changed.wait(model).unwrap_or_else(PoisonError::into_inner);
            }
            if model.leaving {
                break;
            }
        }
        let n = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let mut model = shared.model();
        let model_ref = &mut *model;
        model_ref.strict.push(&piece[..n]);
        model_ref.parser.process(&piece[..n]);
        model_ref.tail.extend_from_slice(&piece[..n]);
        let surplus = model_ref.tail.len().saturating_sub(TAIL);
        model_ref.tail.drain(..surplus);
        drop(model);
        shared.changed.notify_all();
    }
    shared.model().open = false;
    shared.changed.notify_all();
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn model_size((columns, rows): (u16, u16)) -> (NonZeroU16, NonZeroU16) {
    let some = |n: u16, most: u16| NonZeroU16::new(n.clamp(1, most)).expect("not zero");
    (some(rows, TALLEST), some(columns, WIDEST))
}

fn termios(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios().expect("its line discipline"))
}

/// What a terminal sends for a key, by the name that the program shows for it.
fn bytes_of(name: &str) -> Vec<u8> {
    let plain: &[u8] = match name {
        "Enter" => b"\r",
        "Esc" => b"\x1b",
        "Tab" => b"\t",
        "S-Tab" => b"\x1b[Z",
        "Space" => b" ",
        "Backspace" => b"\x7f",
        "Delete" => b"\x1b[3~",
        "Up" => b"\x1b[A",
        "Down" => b"\x1b[B",
        "Right" => b"\x1b[C",
        "Left" => b"\x1b[D",
        "Home" => b"\x1b[H",
        "End" => b"\x1b[F",
        "PgUp" => b"\x1b[5~",
        "PgDn" => b"\x1b[6~",
        other => match (other.strip_prefix("Ctrl-"), other.strip_prefix("Alt-")) {
            (Some(letter), _) if letter.len() == 1 => return vec![letter.as_bytes()[0] & 0x1f],
            (_, Some(letter)) => return [b"\x1b", letter.as_bytes()].concat(),
            _ if other.chars().count() == 1 => other.as_bytes(),
            _ => panic!("no bytes are known for the key {other}"),
        },
    };
    plain.to_vec()
}
