//! A proxy for TCP that breaks what it carries: late, cut, cut short, silent, refused. It looks at no byte, so TLS passes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::free_port;

/// Towards the server, and back.
const UP: usize = 0;
const DOWN: usize = 1;

/// How often a thread that holds a piece looks whether its connection is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// What happens to connections, old and new, from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is wrong.
    Pass,
    /// Every piece is handed on this much later, both ways.
    Delay(Duration),
    /// Open connections are reset (RST) now; so is each new one as soon as it is accepted.
    Cut,
    /// After this many bytes of an answer, counted per connection from now, the connection is closed.
    Truncate(u64),
    /// Connections stay open and are accepted, and nothing is carried.
    Stall,
    /// Nobody listens; open connections are reset.
    Refuse,
}

/// What the proxy has carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections: u64,
    pub bytes_up: u64,
    pub bytes_down: u64,
}

struct Shared {
    fault: Mutex<(Fault, u64)>,
    changed: Condvar,
    ended: AtomicBool,
    connections: AtomicU64,
    bytes: [AtomicU64; 2],
    open: Mutex<Vec<Weak<Connection>>>,
}

/// A proxy on a port of loopback before a server. Ended on drop.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
    target: SocketAddr,
    listener: Mutex<Option<JoinHandle<()>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// A proxy before a port of loopback that lets everything pass.
    pub fn start(target: u16) -> Self {
        let shared = Arc::new(Shared {
            fault: Mutex::new((Fault::Pass, 0)),
            changed: Condvar::new(),
            ended: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            bytes: Default::default(),
            open: Mutex::default(),
        });
        let this = Self {
            port: free_port(),
            shared,
            target: SocketAddr::from(([127, 0, 0, 1], target)),
            listener: Mutex::new(None),
        };
        this.listen();
        this
    }

    /// `SCHEME://127.0.0.1:PORT`.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// From now on.
    pub fn set(&self, fault: Fault) {
        {
            let mut now = lock(&self.shared.fault);
            *now = (fault, now.1 + 1);
            self.shared.changed.notify_all();
        }
        if matches!(fault, Fault::Cut | Fault::Refuse) {
            self.shared.reset_all();
        }
        if fault == Fault::Refuse {
            self.hang_up();
        } else {
            self.listen();
        }
    }

    /// Resets what is open now, and goes on as before: a network that blinked.
    pub fn cut_once(&self) {
        self.shared.reset_all();
    }

    pub fn counts(&self) -> Counts {
        let read = |of: &AtomicU64| of.load(Ordering::SeqCst);
        Counts {
            connections: read(&self.shared.connections),
            bytes_up: read(&self.shared.bytes[UP]),
            bytes_down: read(&self.shared.bytes[DOWN]),
        }
    }

    fn listen(&self) {
        let mut running = lock(&self.listener);
        if running.is_some() {
            return;
        }
        self.shared.ended.store(false, Ordering::SeqCst);
        let listener =
            crate::support::wait_for("the proxy's port", || TcpListener::bind(("127.0.0.1", self.port)).ok());
        let (shared, target) = (Arc::clone(&self.shared), self.target);
        *running = Some(std::thread::spawn(move || accept(&listener, &shared, target)));
    }

    /// Ends the listener: a connection of our own wakes it.
    fn hang_up(&self) {
        let Some(running) = lock(&self.listener).take() else { return };
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = running.join();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.hang_up();
        self.shared.reset_all();
    }
}

impl Shared {
    fn fault(&self) -> (Fault, u64) {
        *lock(&self.fault)
    }

    fn over(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn reset_all(&self) {
        for connection in lock(&self.open).drain(..) {
            if let Some(connection) = connection.upgrade() {
                connection.reset();
            }
        }
        self.changed.notify_all();
    }
}

/// The two ends of what is carried. Closed when the last thread that carries it lets go.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    reset: AtomicBool,
}

impl Connection {
    /// Both ends get RST: nothing is shut down for writing (that would say FIN), and closing does not linger.
    fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
        for socket in [&self.client, &self.server] {
            no_linger(socket);
            let _ = socket.shutdown(Shutdown::Read);
        }
    }

    fn is_reset(&self) -> bool {
        self.reset.load(Ordering::SeqCst)
    }
}

fn no_linger(socket: &TcpStream) {
    let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::Linger, &linger);
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, target: SocketAddr) {
    for client in listener.incoming() {
        if shared.over() {
            return;
        }
        let Ok(client) = client else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        // Without a server, its client sees what it would see of a server that ends.
        let server = if shared.fault().0 == Fault::Cut { None } else { TcpStream::connect(target).ok() };
        match server {
            Some(server) => carry(shared, Connection { client, server, reset: AtomicBool::new(false) }),
            None => no_linger(&client),
        }
    }
}

fn carry(shared: &Arc<Shared>, connection: Connection) {
    let _ = (connection.client.set_nodelay(true), connection.server.set_nodelay(true));
    let connection = Arc::new(connection);
    {
        let mut open = lock(&shared.open);
        open.retain(|connection| connection.strong_count() > 0);
        open.push(Arc::downgrade(&connection));
    }
    // A fault that was set meanwhile has not seen this one.
    if matches!(shared.fault().0, Fault::Cut | Fault::Refuse) {
        connection.reset();
    }
    for way in [UP, DOWN] {
        let (shared, connection) = (Arc::clone(shared), Arc::clone(&connection));
        std::thread::spawn(move || pump(&shared, &connection, way));
    }
}

/// Carries one way until an end closes or a fault says so.
fn pump(shared: &Shared, connection: &Connection, way: usize) {
    let ends = [&connection.client, &connection.server];
    let (mut from, mut to) = if way == UP { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
    let mut piece = vec![0; 16 * 1024];
    let (mut counted, mut since) = (0, 0);
    while let Ok(mut length @ 1..) = from.read(&mut piece) {
        let (fault, number) = until_carried(shared, connection);
        if connection.is_reset() {
            break;
        }
        if number != since {
            (counted, since) = (0, number);
        }
        if let Fault::Delay(time) = fault {
            std::thread::park_timeout(time);
        }
        let mut last = false;
        if let (Fault::Truncate(limit), DOWN) = (fault, way) {
            let left = usize::try_from(limit.saturating_sub(counted)).unwrap_or(usize::MAX);
            last = length >= left;
            length = length.min(left);
        }
        counted += length as u64;
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
        shared.bytes[way].fetch_add(length as u64, Ordering::SeqCst);
        if last {
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            return;
        }
    }
    if !connection.is_reset() {
        let _ = to.shutdown(Shutdown::Write);
    }
}

/// The fault of now. A piece that meets a stall is held and goes on when it ends: to both ends the network is only silent.
fn until_carried(shared: &Shared, connection: &Connection) -> (Fault, u64) {
    let mut now = lock(&shared.fault);
    while now.0 == Fault::Stall && !connection.is_reset() {
        now = shared.changed.wait_timeout(now, LOOK).unwrap_or_else(PoisonError::into_inner).0;
    }
    *now
}
