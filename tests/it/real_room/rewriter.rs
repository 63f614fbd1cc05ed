//! A proxy for plain HTTP that changes what it carries and keeps every length: the `Date` of answers, and how long watches
//! ask to live. Before `kubectl proxy` it makes a real API server's clock wrong, or its watches short.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chrono::{NaiveDateTime, TimeDelta};

use crate::peers::kube::Cluster;
use crate::peers::process::Server;
use crate::support::free_port;

const DATE: &[u8] = b"\r\nDate: ";
/// `Sun, 06 Nov 1994 08:49:37 GMT`: always as long as this.
const DATE_FORM: &str = "%a, %d %b %Y %H:%M:%S GMT";
const DATE_LENGTH: usize = 29;
/// What the program asks for, and what a server may make of it.
const ASKED: &[u8] = b"timeoutSeconds=30";
const GRANTED: &[u8] = b"timeoutSeconds=10";

#[derive(Default)]
struct Wishes {
    shift_s: AtomicI64,
    brief: AtomicBool,
    changed: AtomicI64,
}

/// `kubectl proxy` on a cluster: its API over plain HTTP, with the admin's credentials. Ended on drop.
pub struct Plain {
    pub port: u16,
    _server: Server,
}

impl Plain {
    pub fn start(cluster: &Cluster, home: &Path) -> Option<Self> {
        let kubectl = crate::peers::need("kubectl")?;
        let port = free_port();
        let args = [
            "--kubeconfig".into(),
            cluster.kubeconfig.as_os_str().to_owned(),
            "proxy".into(),
            format!("--port={port}").into(),
        ];
        let server = Server::new("kubectl-proxy", &kubectl, home, args);
        server.start();
        server.wait_ready(|| crate::peers::http::answers(&format!("http://127.0.0.1:{port}/readyz")));
        Some(Self { port, _server: server })
    }
}

/// The proxy. Its threads end with the connections they carry.
pub struct Rewriter {
    pub port: u16,
    wishes: Arc<Wishes>,
}

impl Rewriter {
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let wishes = Arc::new(Wishes::default());
        let theirs = Arc::clone(&wishes);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                carry(&theirs, client, server);
            }
        });
        Self { port, wishes }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The server's clock is so many seconds ahead of what it is.
    pub fn shift(&self, seconds: i64) {
        self.wishes.shift_s.store(seconds, Ordering::SeqCst);
    }

    /// The server ends every watch after ten seconds.
    pub fn brief(&self, brief: bool) {
        self.wishes.brief.store(brief, Ordering::SeqCst);
    }

    /// How often something was changed.
    pub fn changed(&self) -> i64 {
        self.wishes.changed.load(Ordering::SeqCst)
    }
}

fn carry(wishes: &Arc<Wishes>, client: TcpStream, server: TcpStream) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ends = [(client.try_clone(), server.try_clone(), true), (Ok(server), Ok(client), false)];
    for (from, to, up) in ends {
        let (Ok(from), Ok(to)) = (from, to) else { return };
        let wishes = Arc::clone(wishes);
        std::thread::spawn(move || pump(&wishes, from, to, up));
    }
}

fn pump(wishes: &Wishes, mut from: TcpStream, mut to: TcpStream, up: bool) {
    let mut piece = vec![0; 64 * 1024];
    let mut held = Vec::new();
    while let Ok(length @ 1..) = from.read(&mut piece) {
        held.extend_from_slice(&piece[..length]);
        let head = if up { !held.is_empty() } else { held.starts_with(b"HTTP/1.") };
        // A head that has not come whole waits for the rest of it.
        if head && held.len() < 16 * 1024 && !held.windows(4).any(|four| four == b"\r\n\r\n") {
            continue;
        }
        rewrite(wishes, &mut held, up);
        if to.write_all(&held).is_err() {
            break;
        }
        held.clear();
    }
    let _ = (to.shutdown(Shutdown::Write), from.shutdown(Shutdown::Read));
}

fn rewrite(wishes: &Wishes, bytes: &mut [u8], up: bool) {
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|here| here == what);
    if up {
        if wishes.brief.load(Ordering::SeqCst)
            && let Some(at) = find(bytes, ASKED)
        {
            bytes[at..at + GRANTED.len()].copy_from_slice(GRANTED);
            wishes.changed.fetch_add(1, Ordering::SeqCst);
        }
        return;
    }
    let shift = wishes.shift_s.load(Ordering::SeqCst);
    let Some(at) = find(bytes, DATE).map(|at| at + DATE.len()).filter(|_| shift != 0) else { return };
    let Some(date) = bytes.get_mut(at..at + DATE_LENGTH) else { return };
    let shifted = std::str::from_utf8(date)
        .ok()
        .and_then(|text| NaiveDateTime::parse_from_str(text, DATE_FORM).ok())
        .map(|at| (at + TimeDelta::seconds(shift)).format(DATE_FORM).to_string());
    if let Some(shifted) = shifted.filter(|text| text.len() == DATE_LENGTH) {
        date.copy_from_slice(shifted.as_bytes());
        wishes.changed.fetch_add(1, Ordering::SeqCst);
    }
}
