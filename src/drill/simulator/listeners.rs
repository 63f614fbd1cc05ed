//! Sockets that can be taken down: a service that is down refuses connections and has cut the ones it had; up again, it is on the
//! same port.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::clock::stir;

/// Connections waiting to be accepted.
const BACKLOG: u32 = 1024;

/// One service on its own port.
pub(super) struct PortGate {
    pub port: u16,
    /// True = should be down.
    want: watch::Sender<bool>,
    /// True = is down.
    is: watch::Receiver<bool>,
    stop: CancellationToken,
}

impl PortGate {
    /// Serves on a loopback port: the wished one, or any if that is taken.
    pub(super) async fn open(router: Router, wished: Option<u16>) -> io::Result<Self> {
        let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = match wished {
            None => any.await?,
            Some(port) => match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => listener,
                Err(_) => any.await?,
            },
        };
        let port = listener.local_addr()?.port();
        let (want, wanted) = watch::channel(false);
        let (told, is) = watch::channel(false);
        let stop = CancellationToken::new();
        tokio::spawn(keep(port, listener, router, wanted, told, stop.clone()));
        Ok(Self { port, want, is, stop })
    }

    /// Takes the service down or up, and returns when that is so.
    pub(super) async fn set_down(&self, down: bool) {
        self.want.send_replace(down);
        let mut is = self.is.clone();
        let _ = is.wait_for(|now| *now == down).await;
    }
}

impl Drop for PortGate {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn keep(
    port: u16,
    first: TcpListener,
    router: Router,
    mut wanted: watch::Receiver<bool>,
    told: watch::Sender<bool>,
    stop: CancellationToken,
) {
    let mut listener = Some(first);
    loop {
        if let Some(listener) = listener.take() {
            told.send_replace(false);
            let cut = stop.child_token();
            let serving = axum::serve(CuttableListener { listener, cut: cut.clone() }, router.clone());
            tokio::select! {
                _ = serving.into_future() => {}
                _ = wanted.wait_for(|down| *down) => {}
                () = stop.cancelled() => {}
            }
            cut.cancel();
        }
        if stop.is_cancelled() {
            return;
        }
        // Down: the port stays ours, but nobody listens on it, so the kernel refuses.
        let Some(reserved) = reserve(port, &stop).await else { return };
        told.send_replace(true);
        tokio::select! {
            up = wanted.wait_for(|down| !*down) => if up.is_err() { return },
            () = stop.cancelled() => return,
        }
        listener = reserved.listen(BACKLOG).ok();
    }
}

async fn reserve(port: u16, stop: &CancellationToken) -> Option<TcpSocket> {
    while !stop.is_cancelled() {
        let socket = TcpSocket::new_v4().ok()?;
        socket.set_reuseaddr(true).ok()?;
        if socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok() {
            return Some(socket);
        }
        // Real time on purpose: the port is the kernel's to give, whatever the drill's clock says.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

/// A listener whose connections end when the service goes down.
struct CuttableListener {
    listener: TcpListener,
    cut: CancellationToken,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        let (stream, from) = stirred(Listener::accept(&mut self.listener).await);
        let _ = stream.set_nodelay(true);
        (CuttableStream { stream, cut: Box::pin(self.cut.clone().cancelled_owned()) }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A byte that comes or goes keeps the drill's clock from going on: it is an exchange with the world.
fn stirred<T>(done: T) -> T {
    stir();
    done
}

/// A connection that ends when its token is cancelled.
struct CuttableStream {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf).map(stirred)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf).map(stirred)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
