//! The room's socket: private, without stale leftovers, and only one room behind it.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::protocol::socket_trust::{self, UnsafePath};

/// Who may own a directory on the way to a room's socket, besides whoever runs the room.
const ROOT: u32 = 0;

/// Why the socket could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody answers at this path.
    #[error("a room already runs at {0}; stop it first, or choose another --socket")]
    Taken(PathBuf),
    /// The path, and its length in bytes; the kernel takes 107.
    #[error("{0} is {1} bytes long and a socket's path may have 107; choose a shorter --socket")]
    TooLong(PathBuf, usize),
    /// A file or folder stands at this path; it is left alone.
    #[error("{0} exists and is not a socket; remove it or choose another --socket")]
    NotASocket(PathBuf),
    /// Somebody else could put another socket in the place of ours.
    #[error("no room is opened at {path}: {wrong}; {}, or choose another --socket", wrong.remedy())]
    Place {
        /// Where the socket was to be.
        path: PathBuf,
        /// Which part of the way there others can change.
        wrong: UnsafePath,
    },
    /// The folder or the socket can't be made.
    #[error("can't make the socket {path}: {error}; choose another --socket")]
    Io {
        /// Where the socket was to be.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// A bound listener; the file goes with it.
pub struct Socket {
    /// Bound and listening, made here or handed over by systemd.
    pub listener: UnixListener,
    path: PathBuf,
    /// We made the file, so we remove it. A socket from systemd is systemd's.
    ours: bool,
}

impl Socket {
    /// Binds `path`, in a directory that is made if it is not there: 0700, or 0755 where a group may connect. `mode` is the
    /// socket's own: 0600 for a room of one's own, 0660 for a daemon whose group may connect.
    pub async fn bind(path: &Path, mode: u32) -> Result<Self, SocketError> {
        let io = |error| SocketError::Io { path: path.to_owned(), error };
        let length = path.as_os_str().len();
        if length > 107 {
            return Err(SocketError::TooLong(path.to_owned(), length));
        }
        if let Some(dir) = path.parent() {
            let enter = if mode & 0o077 == 0 { 0o700 } else { 0o755 };
            std::fs::DirBuilder::new().recursive(true).mode(enter).create(dir).map_err(io)?;
        }
        socket_trust::check(path, &[ROOT, nix::unistd::geteuid().as_raw()])
            .map_err(|wrong| SocketError::Place { path: path.to_owned(), wrong })?;
        clear_stale(path).await?;
        let listener = listen(path, mode).map_err(io)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(io)?;
        Ok(Self { listener, path: path.to_owned(), ours: true })
    }

    /// Takes the listener that systemd hands over, if it does.
    pub fn inherited() -> Option<io::Result<Self>> {
        let mut fds = listenfd::ListenFd::from_env();
        let listener = match fds.take_unix_listener(0) {
            Ok(Some(listener)) => listener,
            Ok(None) => return None,
            Err(error) => return Some(Err(error)),
        };
        let path = listener
            .local_addr()
            .ok()
            .and_then(|address| address.as_pathname().map(Path::to_owned))
            .unwrap_or_else(|| PathBuf::from("(inherited socket)"));
        let listener = listener.set_nonblocking(true).and_then(|()| UnixListener::from_std(listener));
        Some(listener.map(|listener| Self { listener, path, ours: false }))
    }

    /// Where clients connect.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Binds and listens. Linux gives the name the mode of the unbound socket, less the umask: so it is never wider than asked,
/// whatever the umask is, not even for an instant.
fn listen(path: &Path, mode: u32) -> io::Result<UnixListener> {
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    nix::sys::stat::fchmod(&fd, nix::sys::stat::Mode::from_bits_truncate(mode))?;
    bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    listen(&fd, Backlog::MAXCONN)?;
    UnixListener::from_std(fd.into())
}

/// Removes a socket nobody listens on; refuses anything else that is in the way.
async fn clear_stale(path: &Path) -> Result<(), SocketError> {
    use std::os::unix::fs::FileTypeExt;
    let Ok(meta) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !meta.file_type().is_socket() {
        return Err(SocketError::NotASocket(path.to_owned()));
    }
    let io = |error| SocketError::Io { path: path.to_owned(), error };
    match UnixStream::connect(path).await {
        Ok(_) => Err(SocketError::Taken(path.to_owned())),
        // Only this says that nobody listens.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(io),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Somebody listens, with as many callers waiting as there is place for.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(SocketError::Taken(path.to_owned())),
        Err(error) => Err(io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_has_its_mode_and_goes_with_the_room() {
        let dir = tempfile::tempdir().expect("a directory");
        for mode in [0o600, 0o660] {
            let path = dir.path().join(format!("{mode:o}/s"));
            let socket = Socket::bind(&path, mode).await.expect("bound");
            let bits = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!(bits(&path), mode);
            assert_eq!(bits(path.parent().expect("a folder")) & 0o007 != 0, mode == 0o660, "the group gets through");
            assert!(matches!(Socket::bind(&path, mode).await, Err(SocketError::Taken(_))));
            drop(socket);
            assert!(!path.exists());
        }
    }

    #[tokio::test]
    async fn a_socket_whose_room_is_too_busy_to_answer_is_not_taken_away() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("s");
        use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
        use std::os::fd::AsRawFd;
        let busy = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None).expect("a socket");
        bind(busy.as_raw_fd(), &UnixAddr::new(&path).expect("an address")).expect("bound");
        listen(&busy, Backlog::new(0).expect("a backlog")).expect("listens");
        let mut callers = Vec::new();
        while let Ok(caller) = UnixStream::connect(&path).await {
            callers.push(caller);
        }
        assert!(matches!(Socket::bind(&path, 0o600).await, Err(SocketError::Taken(_))));
        assert!(path.exists(), "it still leads to who listens");
        drop((busy, callers));
        Socket::bind(&path, 0o600).await.expect("nobody listens any more");
    }

    #[tokio::test]
    async fn no_room_is_opened_where_others_could_put_another_socket_in_its_place() {
        let dir = tempfile::tempdir().expect("a directory");
        let open = dir.path().join("open");
        std::fs::create_dir(&open).expect("made");
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).expect("its mode");
        let Err(refused) = Socket::bind(&open.join("s"), 0o600).await else { panic!("bound") };
        assert!(matches!(refused, SocketError::Place { .. }), "{refused}");
        let said = refused.to_string();
        assert!(said.contains("mode 0777") && said.contains("chmod go-w") && said.contains("--socket"), "{said}");
        assert!(!open.join("s").exists());
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        // Only root can give a directory to somebody else.
        if std::os::unix::fs::chown(&open, Some(65_101), None).is_ok() {
            let Err(refused) = Socket::bind(&open.join("s"), 0o660).await else { panic!("bound") };
            assert!(refused.to_string().contains("belongs to uid 65101"), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_socket_that_a_crash_left_behind_is_taken_over_and_a_file_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("left behind"));
        drop(Socket::bind(&path, 0o600).await.expect("taken over"));
        std::fs::write(&path, "mine").expect("a file");
        assert!(matches!(Socket::bind(&path, 0o600).await, Err(SocketError::NotASocket(_))));
    }
}
