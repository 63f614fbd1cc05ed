//! The terminal: taken and given back by the thread that owns it, on return, error, panic, signal and suspend.
//!
//! Frames are differences between buffers, in one synchronized write: a frame that changed nothing sends nothing.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::{self, ThreadId};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::ResetColor;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap, EndSynchronizedUpdate,
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::SafeText;

/// Where frames go.
pub trait Surface {
    /// Shows a frame; whole = do not trust what is on the screen.
    fn show(&mut self, frame: &Buffer, whole: bool) -> io::Result<()>;
    /// Puts text on the clipboard of the person's terminal.
    fn copy(&mut self, text: &SafeText) -> io::Result<()>;
    /// Hands the terminal to the shell; returns when continued.
    fn suspend(&mut self) -> io::Result<()>;
}

/// Whether this process has the terminal in its hands right now.
static HELD: AtomicBool = AtomicBool::new(false);
/// The thread that took it.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Gives the terminal back as it was found, if it was taken. Safe to call at any time, from hooks too.
pub fn restore() {
    if HELD.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // Nothing can be done about a terminal that is gone; each step is tried all the same.
        let _ = execute!(
            out,
            EndSynchronizedUpdate,
            DisableBracketedPaste,
            ResetColor,
            EnableLineWrap,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    HELD.store(true, Ordering::SeqCst);
    // Paste brackets before anything can be confirmed: without them a pasted line end is Enter.
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, DisableLineWrap, Hide, Clear(ClearType::All))
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
    fn send(&self, out: &mut impl Write) -> io::Result<()> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        out.write_all(&bytes)?;
        out.flush()
    }
}

/// A terminal that was taken. Dropping it gives it back.
pub struct Terminal {
    frame: Frame,
    backend: CrosstermBackend<Frame>,
    last: Buffer,
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
        if let Err(error) = take() {
            restore();
            return Err(error);
        }
        let frame = Frame::default();
        let backend = CrosstermBackend::new(frame.clone());
        Ok(Self { frame, backend, last: Buffer::empty(Rect::ZERO) })
    }

    /// Columns and rows.
    pub fn size() -> (u16, u16) {
        crossterm::terminal::size().unwrap_or((80, 24))
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
            queue!(self.frame, ResetColor, Clear(ClearType::All))?;
            self.last = Buffer::empty(frame.area);
        }
        self.backend.draw(self.last.diff(frame).into_iter())?;
        queue!(self.frame, EndSynchronizedUpdate)?;
        self.last = frame.clone();
        self.frame.send(&mut io::stdout().lock())
    }

    fn copy(&mut self, text: &SafeText) -> io::Result<()> {
        write!(self.frame, "\x1b]52;c;{}\x07", base64(text.as_str().as_bytes()))?;
        self.frame.send(&mut io::stdout().lock())
    }

    fn suspend(&mut self) -> io::Result<()> {
        restore();
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGTSTP).map_err(io::Error::from)?;
        take()
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
    fn a_frame_is_sent_in_one_write() {
        struct Counting(usize, Vec<u8>);
        impl Write for Counting {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                self.1.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut frame = Frame::default();
        queue!(frame, BeginSynchronizedUpdate, Clear(ClearType::All), EndSynchronizedUpdate).unwrap();
        frame.flush().unwrap();
        let mut out = Counting(0, Vec::new());
        frame.send(&mut out).unwrap();
        assert_eq!(out.0, 1);
        assert!(out.1.starts_with(b"\x1b[?2026h") && out.1.ends_with(b"\x1b[?2026l"));
    }
}
