//! The terminal: taken and given back by the thread that owns it, on return, error, panic, signal and suspend.
//!
//! Frames are differences between buffers, in one synchronized write: a frame that changed nothing sends nothing. Reading
//! and writing are threads of their own ([`reader`], [`writer`]): a terminal that hangs up or takes nothing stops those
//! and never the loop.

mod capabilities;
mod diff_encoder;
mod input_parser;
pub mod reader;
pub mod writer;

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::ResetColor;
use crossterm::terminal::{
    Clear, ClearType, DisableLineWrap, EnableLineWrap, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid, getpgrp, getppid, getsid};
use ratatui::buffer::Buffer;
use tokio::signal::unix::{SignalKind, signal};

use self::capabilities::Capabilities;
pub use self::diff_encoder::DiffEncoder;
#[cfg(test)]
pub(crate) use self::input_parser::InputParser;
use self::writer::TerminalWriter;
use crate::model::SafeText;

/// The largest screen that is drawn. A larger one keeps its rest empty: some lines report 65535 columns.
const WIDEST: u16 = 1000;
const TALLEST: u16 = 500;
/// How long a stop may take to arrive, and how long signals that came with a continue are waited for.
const STOPPING: Duration = Duration::from_millis(100);

/// Where frames go.
pub trait Surface {
    /// Shows a frame; whole = do not trust what is on the screen. Only when [`Surface::free`].
    fn show(&mut self, frame: &Buffer, whole: bool) -> io::Result<()>;
    /// Puts text on the clipboard of the person's terminal.
    fn copy(&mut self, text: &SafeText) -> io::Result<()>;
    /// Waits until the frame before has left.
    fn free(&self) -> impl Future<Output = ()>;
    /// Whether the frame before is still on its way.
    fn busy(&self) -> bool;
    /// The window's title; sent only where it is another one.
    fn title(&mut self, text: &SafeText) -> io::Result<()>;
    /// Calls a person who may be looking at another window.
    fn call(&mut self, text: &SafeText, focused: bool) -> io::Result<()>;
    /// Takes the mouse, or gives it back.
    fn mouse(&mut self, on: bool) -> io::Result<()>;
    /// Hands the terminal to the shell; returns when continued.
    fn suspend(&mut self) -> impl Future<Output = io::Result<()>>;
}

/// Whether this process has the terminal in its hands right now.
static HELD: AtomicBool = AtomicBool::new(false);
/// The thread that took it.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);
/// What writes to it.
static WRITER: OnceLock<TerminalWriter> = OnceLock::new();

/// How it is spoken to.
static MANNERS: OnceLock<Capabilities> = OnceLock::new();
/// Whether its mouse was taken.
static MOUSE: AtomicBool = AtomicBool::new(false);
/// Whether the next stop signal is the one that we sent to our own group.
static OUR_STOP: AtomicBool = AtomicBool::new(false);

fn manners() -> &'static Capabilities {
    MANNERS.get_or_init(|| Capabilities::detect(|name| std::env::var(name).ok()))
}

fn writer() -> io::Result<TerminalWriter> {
    if let Some(writer) = WRITER.get() {
        return Ok(writer.clone());
    }
    let writer = TerminalWriter::start(io::stdout())?;
    Ok(WRITER.get_or_init(|| writer).clone())
}

/// Gives the terminal back as it was found, if it was taken. Safe to call at any time, from hooks too.
pub fn restore() {
    if HELD.swap(false, Ordering::SeqCst) {
        // What is typed from here on is for whoever has the terminal next.
        reader::close();
        let mut out = Vec::new();
        if MOUSE.load(Ordering::SeqCst) {
            out.extend_from_slice(Capabilities::mouse(false).as_bytes());
        }
        out.extend_from_slice(manners().end().as_bytes());
        // Nothing can be done about a terminal that is gone; each step is tried all the same.
        let _ = queue!(
            out,
            EndSynchronizedUpdate,
            DisableBracketedPaste,
            ResetColor,
            EnableLineWrap,
            LeaveAlternateScreen,
            Show
        );
        if let Some(writer) = WRITER.get() {
            writer.last(out, discard);
        }
        let _ = disable_raw_mode();
    }
}

/// Throws away what the terminal has not taken. A writer that waits for room is not woken by that; by new modes it is, and
/// by the same ones again too.
fn discard() {
    use nix::sys::termios::{FlushArg, SetArg, tcflush, tcgetattr, tcsetattr};
    let out = io::stdout();
    let _ = tcflush(&out, FlushArg::TCOFLUSH);
    let _ = tcgetattr(&out).and_then(|modes| tcsetattr(&out, SetArg::TCSANOW, &modes));
}

/// Paste brackets before anything can be confirmed: without them a pasted line end is Enter.
fn modes(out: &mut impl Write) -> io::Result<()> {
    queue!(out, EnableBracketedPaste, DisableLineWrap, Hide)
}

fn take() -> io::Result<()> {
    let writer = writer()?;
    enable_raw_mode()?;
    HELD.store(true, Ordering::SeqCst);
    reader::open();
    let mut out = Vec::new();
    queue!(out, EnterAlternateScreen)?;
    modes(&mut out)?;
    out.extend_from_slice(manners().begin().as_bytes());
    if MOUSE.load(Ordering::SeqCst) {
        out.extend_from_slice(Capabilities::mouse(true).as_bytes());
    }
    queue!(out, Clear(ClearType::All))?;
    writer.send(out)
}

/// After a stop that nobody announced the terminal may be in the shell's modes: takes it again, unless it is somebody
/// else's now.
pub fn regain() {
    if HELD.load(Ordering::SeqCst) && in_foreground() {
        let _ = disable_raw_mode();
        let _ = enable_raw_mode();
    }
}

/// Whether a stop signal that was heard is the one that we sent to our own group.
pub fn is_our_stop() -> bool {
    OUR_STOP.swap(false, Ordering::SeqCst)
}

/// Whether somebody is there who could continue this process's group: a process of the same session and another group,
/// above us. The kernel asks the same before it stops a group.
fn is_watched() -> bool {
    let (Ok(session), group) = (getsid(None), getpgrp()) else { return false };
    let mut above = getppid();
    // A script that started us may be of our group, and its starter too; nobody nests these deeply.
    for _ in 0..16 {
        if above.as_raw() <= 1 && getsid(Some(above)) != Ok(session) {
            return false;
        }
        match (getsid(Some(above)), getpgid(Some(above))) {
            (Ok(theirs), Ok(other)) if theirs == session && other != group => return true,
            (Ok(theirs), Ok(_)) if theirs == session => match parent_of(above) {
                Some(next) => above = next,
                None => return false,
            },
            _ => return false,
        }
    }
    false
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; fields are counted behind it.
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok().map(Pid::from_raw).filter(|pid| pid.as_raw() > 0)
}

/// Whether this process's group is the one that the terminal listens to.
fn in_foreground() -> bool {
    // Without a controlling terminal nobody can take it from us.
    nix::unistd::tcgetpgrp(io::stdin()).map_or(true, |group| group == getpgrp())
}

/// A panic of the thread that draws restores the terminal before it speaks; any other thread's goes to the log, because
/// the screen still belongs to someone.
fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let owner = *OWNER.lock().unwrap_or_else(PoisonError::into_inner);
            if HELD.load(Ordering::SeqCst) && owner != Some(thread::current().id()) {
                tracing::error!("a task panicked: {info}");
                return;
            }
            restore();
            before(info);
        }));
    });
}

/// A terminal that was taken. Dropping it gives it back.
pub struct Terminal {
    pen: DiffEncoder,
    writer: TerminalWriter,
    title: SafeText,
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If there is none: stdin or stdout is a file or a pipe, or `TERM` is `dumb`.
    pub fn open() -> io::Result<Self> {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() || dumb {
            let words = "The console needs a terminal. Over ssh say `ssh -t HOST warroom`; without one use `warroom status --watch`.";
            return Err(io::Error::new(io::ErrorKind::Unsupported, words));
        }
        *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        install_panic_hook();
        // `NO_COLOR` is followed by the look, which sends no colour then. Here it would turn "back to the own colour" into an
        // empty sequence, which is "back to nothing": reverse video, the only selection there is, would be gone.
        crossterm::style::force_color_output(true);
        let writer = writer()?;
        if let Err(error) = take() {
            restore();
            return Err(error);
        }
        Ok(Self { pen: DiffEncoder::default(), writer, title: SafeText::default() })
    }

    /// Asks the terminal for its background, and then for what every terminal answers: when that comes, no other answer will.
    /// Both come back as inputs, late ones too, and are never read as keys.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn ask_background(&self) -> io::Result<()> {
        self.writer.send(b"\x1b]11;?\x07\x1b[c".to_vec())
    }

    /// Columns and rows, as far as they are drawn. A window of 0×0 (`ssh -tt` from a script) is one.
    pub fn size() -> (u16, u16) {
        let size = crossterm::terminal::window_size().map_or((80, 24), |size| (size.columns, size.rows));
        (size.0.min(WIDEST), size.1.min(TALLEST))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

impl Terminal {
    /// Sends what is not a frame. A terminal that takes nothing has no clipboard and no title either.
    fn aside(&self, text: String) -> io::Result<()> {
        match self.writer.send(text.into_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            sent => sent,
        }
    }
}

impl Surface for Terminal {
    fn show(&mut self, frame: &Buffer, whole: bool) -> io::Result<()> {
        self.writer.send(self.pen.bytes(frame, whole))
    }

    fn copy(&mut self, text: &SafeText) -> io::Result<()> {
        self.aside(manners().copy(text))
    }

    fn title(&mut self, text: &SafeText) -> io::Result<()> {
        if self.title == *text {
            return Ok(());
        }
        self.title = text.clone();
        self.aside(manners().title(text))
    }

    fn call(&mut self, text: &SafeText, focused: bool) -> io::Result<()> {
        self.aside(manners().call(text, focused))
    }

    fn mouse(&mut self, on: bool) -> io::Result<()> {
        MOUSE.store(on, Ordering::SeqCst);
        self.aside(Capabilities::mouse(on).to_owned())
    }

    async fn free(&self) {
        self.writer.free().await;
    }

    fn busy(&self) -> bool {
        self.writer.busy()
    }

    async fn suspend(&mut self) -> io::Result<()> {
        let mut continued = signal(SignalKind::from_raw(Signal::SIGCONT as i32))?;
        // Whoever listened before: from here on this signal is heard, and does not stop us by itself.
        let _heard = signal(SignalKind::from_raw(Signal::SIGTSTP as i32))?;
        restore();
        self.title = SafeText::default();
        loop {
            // The whole group, as when the terminal itself stops it: a script that started us stops too. We hear that
            // signal ourselves, so as to give the terminal back first, and stop by the other one. A group that no shell
            // watches is not stopped at all: nobody could continue it.
            OUR_STOP.store(true, Ordering::SeqCst);
            kill(Pid::from_raw(0), Signal::SIGTSTP)?;
            if is_watched() {
                kill(Pid::this(), Signal::SIGSTOP)?;
            }
            let _ = tokio::time::timeout(STOPPING, continued.recv()).await;
            if in_foreground() {
                return take();
            }
            // Continued in the background: the screen is somebody else's. What came with it (`kill %1`) is heard first.
            tokio::time::sleep(STOPPING).await;
        }
    }
}
