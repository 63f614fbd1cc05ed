//! What is typed, read by a thread of its own: a terminal that went away or a half sequence stops nothing but that thread.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::mpsc;

use super::input_parser::InputParser;
use crate::console::input::Input;

/// Keys that may wait to be taken in; more wait in the terminal's own buffer.
const WAITING: usize = 256;
/// Bytes read at once.
const PIECE: usize = 4096;

/// Whether what is typed is somebody else's: the terminal was given back, for good or until it is taken again.
static CLOSED: Mutex<bool> = Mutex::new(false);
/// How often a reader that may not read looks again.
const CLOSED_FOR: Duration = Duration::from_millis(20);

/// From now on nothing is read: what is typed is for the shell. When this returns, no read is under way.
pub fn close() {
    *CLOSED.lock().unwrap_or_else(PoisonError::into_inner) = true;
}

/// What is typed is ours again.
pub fn open() {
    *CLOSED.lock().unwrap_or_else(PoisonError::into_inner) = false;
}

/// Starts to read what is typed. The channel ends when the terminal does.
///
/// # Errors
/// If no thread can be started.
pub fn listen() -> io::Result<mpsc::Receiver<Input>> {
    let (send, inputs) = mpsc::channel(WAITING);
    std::thread::Builder::new().name("terminal-in".to_owned()).spawn(move || read(&io::stdin(), &send, &CLOSED))?;
    Ok(inputs)
}

/// Reads until the end, an error, or until nobody takes the inputs.
fn read(from: &impl AsFd, to: &mpsc::Sender<Input>, closed: &Mutex<bool>) {
    let mut decoder = InputParser::default();
    let mut piece = [0; PIECE];
    loop {
        let limit = match decoder.patience() {
            Some(patience) => PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO),
            None => PollTimeout::NONE,
        };
        let mut watched = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        let inputs = match poll(&mut watched, limit) {
            Err(Errno::EINTR) => continue,
            Err(_) => return,
            Ok(0) => decoder.quiet().into_iter().collect(),
            // A terminal that hung up is readable too, and then says that this is the end.
            Ok(_) => match read_if_open(from, &mut piece, closed) {
                None => {
                    if to.is_closed() {
                        return;
                    }
                    std::thread::sleep(CLOSED_FOR);
                    continue;
                }
                Some(Err(Errno::EINTR | Errno::EAGAIN)) => continue,
                Some(Ok(0) | Err(_)) => return,
                Some(Ok(n)) => decoder.push(&piece[..n]),
            },
        };
        for input in inputs {
            if to.blocking_send(input).is_err() {
                return;
            }
        }
    }
}

/// Reads what is there, unless it is somebody else's.
fn read_if_open(from: &impl AsFd, piece: &mut [u8], closed: &Mutex<bool>) -> Option<nix::Result<usize>> {
    let closed = closed.lock().unwrap_or_else(PoisonError::into_inner);
    (!*closed).then(|| nix::unistd::read(from, piece))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn keys_come_through_and_the_end_of_the_terminal_is_the_end() {
        let (mut hand, terminal) = UnixStream::pair().unwrap();
        let (send, mut inputs) = mpsc::channel(4);
        let reader = std::thread::spawn(move || read(&terminal, &send, &Mutex::new(false)));
        hand.write_all(b"\x1b[Aq\x1b").unwrap();
        let mut told = Vec::new();
        for _ in 0..3 {
            let Some(Input::Key(key)) = inputs.blocking_recv() else { panic!("a key") };
            told.push(key.to_string());
        }
        assert_eq!(told, ["Up", "q", "Esc"], "the escape by itself, because nothing follows");
        drop(hand);
        assert!(inputs.blocking_recv().is_none());
        reader.join().unwrap();
    }

    #[test]
    fn what_is_typed_while_it_is_closed_is_somebody_elses() {
        let (mut hand, terminal) = UnixStream::pair().unwrap();
        let mut shell = terminal.try_clone().unwrap();
        let closed = Mutex::new(true);
        let (send, inputs) = mpsc::channel(4);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| read(&terminal, &send, &closed));
            hand.write_all(b"ls\n").unwrap();
            // Nobody takes keys any more: it ends, and has taken nothing.
            drop(inputs);
            reader.join().unwrap();
        });
        let mut typed = [0; 3];
        shell.read_exact(&mut typed).unwrap();
        assert_eq!(&typed, b"ls\n");
    }

    #[test]
    fn it_ends_when_nobody_takes_the_keys() {
        let (mut hand, terminal) = UnixStream::pair().unwrap();
        let (send, inputs) = mpsc::channel(4);
        let reader = std::thread::spawn(move || read(&terminal, &send, &Mutex::new(false)));
        drop(inputs);
        hand.write_all(b"q").unwrap();
        reader.join().unwrap();
    }
}
