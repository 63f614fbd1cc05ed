//! What is drawn, written by a thread of its own: a terminal that takes nothing (a stalled link, a stopped reader) holds up
//! that thread, and neither the console's loop nor its signals.
//!
//! One frame is on its way at most. While it is, no other is made, and the next one shows the newest state: nothing piles up.

use std::io;
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::Notify;

/// Pieces on their way: a frame, a copy, what takes and what gives back the terminal.
const PIECES: usize = 8;
/// How long the last words wait for a terminal that takes nothing, before what it has not taken is thrown away.
const PATIENCE: Duration = Duration::from_millis(500);
/// What is thrown away is one buffer of the kernel: a frame on its way may need several, and then goes at once.
const DISCARDS: u32 = 100;
const AFTER_DISCARD: Duration = Duration::from_millis(20);

/// Where things stand.
#[derive(Default)]
struct WriterState {
    on_the_way: usize,
    failed: Option<io::Error>,
}

#[derive(Default)]
struct WriterShared {
    standing: Mutex<WriterState>,
    less: Condvar,
    free: Notify,
}

impl WriterShared {
    fn standing(&self) -> MutexGuard<'_, WriterState> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands bytes to the thread that writes them.
#[derive(Clone)]
pub struct TerminalWriter {
    jobs: SyncSender<Vec<u8>>,
    shared: Arc<WriterShared>,
}

impl TerminalWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// If there can be none.
    pub fn start(to: impl AsFd + Send + 'static) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(PIECES);
        let shared = Arc::new(WriterShared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("terminal-out".to_owned()).spawn(move || write(&to, &queue, &theirs))?;
        Ok(Self { jobs, shared })
    }

    /// Whether something is still on its way.
    pub fn busy(&self) -> bool {
        self.shared.standing().on_the_way > 0
    }

    /// Waits until nothing is on its way.
    pub async fn free(&self) {
        loop {
            // Listens first, then looks: an end between the two is not missed.
            let freed = self.shared.free.notified();
            if !self.busy() {
                return;
            }
            freed.await;
        }
    }

    /// Sends one piece, without waiting for it.
    ///
    /// # Errors
    /// If an earlier piece failed, or too many are on their way.
    pub fn send(&self, bytes: Vec<u8>) -> io::Result<()> {
        if let Some(error) = self.shared.standing().failed.take() {
            return Err(error);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.shared.standing().on_the_way += 1;
        self.jobs.try_send(bytes).map_err(|error| {
            self.shared.standing().on_the_way -= 1;
            io::Error::new(io::ErrorKind::WouldBlock, error.to_string())
        })
    }

    /// Sends the last piece and waits until it has left. A terminal that takes nothing does not get what it has not taken:
    /// `discard` throws that away, so that the last words find room.
    pub fn last(&self, bytes: Vec<u8>, discard: impl Fn()) {
        // Whatever failed before: these words are tried all the same.
        self.shared.standing().failed = None;
        let _ = self.send(bytes);
        let mut patience = PATIENCE;
        for _ in 0..DISCARDS {
            let alone = self.shared.standing().on_the_way == 1;
            match self.left_after(if alone { PATIENCE } else { patience }) {
                0 => return,
                // The last words have just come up: they may be in the buffer by now, and must not be thrown away too.
                1 if !alone => {}
                _ => discard(),
            }
            patience = AFTER_DISCARD;
        }
    }

    /// How many pieces are still on their way after so long, or as soon as there are none.
    fn left_after(&self, within: Duration) -> usize {
        let until = Instant::now() + within;
        let mut standing = self.shared.standing();
        while standing.on_the_way > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            standing = self.shared.less.wait_timeout(standing, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        standing.on_the_way
    }
}

fn write(to: &impl AsFd, jobs: &Receiver<Vec<u8>>, shared: &WriterShared) {
    while let Ok(bytes) = jobs.recv() {
        let result = write_all(to, &bytes);
        let mut standing = shared.standing();
        standing.on_the_way = standing.on_the_way.saturating_sub(1);
        if let Err(error) = result {
            standing.failed = Some(error);
        }
        drop(standing);
        shared.less.notify_all();
        shared.free.notify_waiters();
    }
}

/// One write per piece where the terminal takes it. Somebody who shares the terminal may have made it non-blocking.
fn write_all(to: &impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match nix::unistd::write(to, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut watched = [PollFd::new(to.as_fd(), PollFlags::POLLOUT)];
                match poll(&mut watched, PollTimeout::NONE) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use super::*;

    #[test]
    fn a_piece_is_one_write_and_pieces_keep_their_order() {
        let (terminal, eye) = UnixDatagram::pair().unwrap();
        let writer = TerminalWriter::start(terminal).unwrap();
        let long = vec![b'x'; 20_000];
        writer.send(long.clone()).unwrap();
        writer.send(b"second".to_vec()).unwrap();
        let mut buffer = vec![0; 65_536];
        assert_eq!(eye.recv(&mut buffer).unwrap(), long.len(), "a datagram is one write");
        let second = eye.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..second], b"second");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_terminal_that_takes_nothing() {
        let (terminal, mut eye) = UnixStream::pair().unwrap();
        let writer = TerminalWriter::start(terminal).unwrap();
        writer.send(vec![b'x'; 4 << 20]).unwrap();
        assert!(writer.busy(), "far more than a socket holds");
        let waiting = tokio::time::timeout(Duration::from_millis(20), writer.free());
        assert!(waiting.await.is_err());
        let reader = std::thread::spawn(move || {
            let mut all = vec![0; 4 << 20];
            eye.read_exact(&mut all).unwrap();
            eye
        });
        writer.free().await;
        drop(reader.join().unwrap());
        // Nobody reads any more: the piece fails, and the next one says so.
        writer.send(b"y".to_vec()).unwrap();
        writer.free().await;
        assert!(writer.send(b"z".to_vec()).is_err());
    }

    #[test]
    fn the_last_words_throw_away_what_was_not_taken() {
        let (terminal, eye) = UnixStream::pair().unwrap();
        let writer = TerminalWriter::start(terminal).unwrap();
        writer.send(vec![b'x'; 4 << 20]).unwrap();
        let taken = Mutex::new((eye, 0usize));
        writer.last(b"bye".to_vec(), || {
            let mut buffer = vec![0; 8 << 20];
            let mut taken = taken.lock().unwrap();
            while taken.1 < (4 << 20) {
                taken.1 += taken.0.read(&mut buffer).unwrap();
            }
        });
        assert!(!writer.busy());
        assert!(taken.into_inner().unwrap().1 >= 4 << 20, "what was not taken was thrown away once");
    }
}
