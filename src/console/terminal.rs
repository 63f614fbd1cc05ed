//! The terminal: taken and given back by the thread that owns it, on return, error, panic, signal and suspend.
//!
//! Frames are differences between buffers, in one synchronized write: a frame that changed nothing sends nothing. Reading
//! and writing are threads of their own ([`reader`], [`writer`]): a terminal that hangs up or takes nothing stops those
//! and never the loop.

mod decode;
pub mod reader;
mod writer;

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::ResetColor;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap, EndSynchronizedUpdate,
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::signal::unix::{SignalKind, signal};

#[cfg(test)]
pub use self::decode::Decoder;
use self::writer::Writer;
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
    /// Hands the terminal to the shell; returns when continued.
    fn suspend(&mut self) -> impl Future<Output = io::Result<()>>;
}

/// Whether this process has the terminal in its hands right now.
static HELD: AtomicBool = AtomicBool::new(false);
/// The thread that took it.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);
/// What writes to it.
static WRITER: OnceLock<Writer> = OnceLock::new();

fn writer() -> io::Result<Writer> {
    if let Some(writer) = WRITER.get() {
        return Ok(writer.clone());
    }
    let writer = Writer::start(io::stdout())?;
    Ok(WRITER.get_or_init(|| writer).clone())
}

/// Gives the terminal back as it was found, if it was taken. Safe to call at any time, from hooks too.
pub fn restore() {
    if HELD.swap(false, Ordering::SeqCst) {
        // What is typed from here on is for whoever has the terminal next.
        reader::close();
        let mut out = Vec::new();
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
            writer.last(out, || {
                let _ = nix::sys::termios::tcflush(io::stdout(), nix::sys::termios::FlushArg::TCOFLUSH);
            });
        }
        let _ = disable_raw_mode();
    }
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

/// Whether this process's group is the one that the terminal listens to.
fn in_foreground() -> bool {
    // Without a controlling terminal nobody can take it from us.
    nix::unistd::tcgetpgrp(io::stdin()).map_or(true, |group| group == nix::unistd::getpgrp())
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

/// Collects what a frame writes; sent in one go.
#[derive(Clone, Default)]
struct Frame(Arc<Mutex<Vec<u8>>>);

impl Write for Frame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Frame {
    fn taken(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A terminal that was taken. Dropping it gives it back.
pub struct Terminal {
    frame: Frame,
    backend: CrosstermBackend<Frame>,
    last: Buffer,
    writer: Writer,
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
        let frame = Frame::default();
        let backend = CrosstermBackend::new(frame.clone());
        Ok(Self { frame, backend, last: Buffer::empty(Rect::ZERO), writer })
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

impl Surface for Terminal {
    fn show(&mut self, frame: &Buffer, whole: bool) -> io::Result<()> {
        let whole = whole || self.last.area != frame.area;
        if !whole && self.last == *frame {
            return Ok(());
        }
        queue!(self.frame, BeginSynchronizedUpdate)?;
        if whole {
            // Another program on this terminal may have changed its modes as well as its cells.
            modes(&mut self.frame)?;
            queue!(self.frame, ResetColor, Clear(ClearType::All))?;
            self.last = Buffer::empty(frame.area);
        }
        self.backend.draw(self.last.diff(frame).into_iter())?;
        queue!(self.frame, EndSynchronizedUpdate)?;
        self.last = frame.clone();
        self.writer.send(self.frame.taken())
    }

    fn copy(&mut self, text: &SafeText) -> io::Result<()> {
        match self.writer.send(format!("\x1b]52;c;{}\x07", base64(text.as_str().as_bytes())).into_bytes()) {
            // A terminal that takes nothing has no clipboard either.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            sent => sent,
        }
    }

    async fn free(&self) {
        self.writer.free().await;
    }

    fn busy(&self) -> bool {
        self.writer.busy()
    }

    async fn suspend(&mut self) -> io::Result<()> {
        let mut continued = signal(SignalKind::from_raw(Signal::SIGCONT as i32))?;
        restore();
        loop {
            // The whole group, as when the terminal itself stops it: a script that started us stops too. A group that no
            // shell watches is not stopped at all; then we go on at once.
            kill(Pid::from_raw(0), Signal::SIGTSTP)?;
            let _ = tokio::time::timeout(STOPPING, continued.recv()).await;
            if in_foreground() {
                return take();
            }
            // Continued in the background: the screen is somebody else's. What came with it (`kill %1`) is heard first.
            tokio::time::sleep(STOPPING).await;
        }
    }
}

/// Base64 as OSC 52 wants it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_usual_one() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_frame_is_one_piece() {
        let mut frame = Frame::default();
        queue!(frame, BeginSynchronizedUpdate, Clear(ClearType::All), EndSynchronizedUpdate).unwrap();
        frame.flush().unwrap();
        let piece = frame.taken();
        assert!(piece.starts_with(b"\x1b[?2026h") && piece.ends_with(b"\x1b[?2026l"));
        assert!(frame.taken().is_empty());
    }
}
