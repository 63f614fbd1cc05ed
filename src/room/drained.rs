//! Reading a client's socket to its end, though the client sends descriptors along.
//!
//! A read on a Unix socket stops where other descriptors begin, with more to be read behind it. The runtime takes a short
//! read for the last and waits for new data; such a connection would stand still. The descriptors themselves are not taken:
//! a plain read has the kernel close them.

use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

/// A socket's reading half that leaves nothing behind a short read.
pub(super) struct Drained(pub OwnedReadHalf);

impl AsyncRead for Drained {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        // Before the runtime is asked: it may take what is there for read already.
        self.take(into);
        if into.filled().len() > before {
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut self.0).poll_read(cx, into) {
            Poll::Ready(Ok(())) if into.filled().len() > before => self.take(into),
            other => return other,
        }
        Poll::Ready(Ok(()))
    }
}

impl Drained {
    /// Takes what is there, as far as there is room for it. An end or an error shows again at the next read.
    fn take(&self, into: &mut ReadBuf<'_>) {
        let stream: &UnixStream = self.0.as_ref();
        while into.remaining() > 0 {
            match recv(stream.as_raw_fd(), into.initialize_unfilled(), MsgFlags::MSG_DONTWAIT) {
                Ok(n) if n > 0 => into.advance(n),
                _ => break,
            }
        }
    }
}
