//! Which login a peer came by: the kernel's word, read while the peer's process is pinned, so that no other can be looked at
//! in its place.
//!
//! `sudo` and `su` change a process's uid and leave the uid of its login, which only the kernel and a privileged process can
//! change once it is set. The pin is `SO_PEERPIDFD` (Linux 6.5); before that the open directory `/proc/PID`, which stays that
//! process's whatever becomes of the number, with start time and uid compared after the read.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use nix::sys::stat::Mode;

use crate::model::Login;

/// What `loginuid` holds where no login has set it.
const UNSET: u32 = u32::MAX;
/// None of the files read here is longer.
const LONGEST: u64 = 8 * 1024;

/// The login of the process at the other end of a connected socket. `uid` is what the socket says of it.
pub(super) fn of(socket: &impl AsFd, pid: Option<i32>, uid: u32) -> Login {
    let Some(pid) = pid.filter(|pid| *pid > 0) else {
        // The kernel gives 0 for a process of another PID namespace.
        return Login::Hidden;
    };
    match getsockopt(socket, sockopt::PeerPidfd) {
        Ok(pidfd) => pinned(&pidfd, pid),
        // An older kernel. Every other error means that the peer is no longer there.
        Err(Errno::ENOPROTOOPT) => unpinned(pid, uid),
        Err(_) => Login::Gone,
    }
}

/// Reads under a pidfd: if that process still runs after the read, its number was its own all the while.
fn pinned(pidfd: &OwnedFd, pid: i32) -> Login {
    let login = Process::open(pid).and_then(|process| process.login());
    if has_ended(pidfd) { Login::Gone } else { login.unwrap_or_else(|why| why) }
}

/// Readable = ended.
fn has_ended(pidfd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO) != Ok(0)
}

/// Reads without a pidfd: the process must be the same before and after, and still have the uid that connected.
fn unpinned(pid: i32, uid: u32) -> Login {
    let look = || {
        let process = Process::open(pid)?;
        let before = process.started()?;
        let login = process.login()?;
        // By its number again: were it another process by now, it would have begun at another time.
        let after = Process::open(pid)?;
        if before != after.started()? || process.uid()? != uid {
            return Err(Login::Gone);
        }
        Ok(login)
    };
    look().unwrap_or_else(|why: Login| why)
}

/// `/proc/PID`, held open.
struct Process(OwnedFd);

impl Process {
    fn open(pid: i32) -> Result<Self, Login> {
        let dir = File::open(format!("/proc/{pid}")).map_err(|error| match error.kind() {
            // With `hidepid` a process that is there looks as if it were not; our own is always there to compare with.
            std::io::ErrorKind::NotFound if std::fs::exists("/proc/1").unwrap_or(false) => Login::Gone,
            _ => Login::Hidden,
        })?;
        Ok(Self(dir.into()))
    }

    /// A file of this process.
    fn read(&self, name: &str) -> Result<String, Login> {
        let file = openat(&self.0, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
        let mut text = String::new();
        let read = file
            .map_err(std::io::Error::from)
            .and_then(|file| File::from(file).take(LONGEST).read_to_string(&mut text));
        match read {
            Ok(_) => Ok(text),
            Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => Err(Login::Gone),
            Err(_) => Err(Login::Hidden),
        }
    }

    fn login(&self) -> Result<Login, Login> {
        match self.read("loginuid")?.trim().parse() {
            Ok(UNSET) => Ok(Login::Unset),
            Ok(uid) => Ok(Login::Uid(uid)),
            Err(_) => Err(Login::Hidden),
        }
    }

    /// When it began, in ticks since the boot: the 22nd field, counted behind the name, which may hold anything.
    fn started(&self) -> Result<u64, Login> {
        let stat = self.read("stat")?;
        let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        behind.split_whitespace().nth(19).and_then(|field| field.parse().ok()).ok_or(Login::Hidden)
    }

    /// Its effective uid, which is what a socket says of a peer.
    fn uid(&self) -> Result<u32, Login> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).ok_or(Login::Hidden)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    use super::*;

    fn own_login() -> Login {
        let text = std::fs::read_to_string("/proc/self/loginuid").expect("a kernel with auditing");
        match text.trim().parse().expect("a number") {
            UNSET => Login::Unset,
            uid => Login::Uid(uid),
        }
    }

    fn own_uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    #[test]
    fn both_ways_of_reading_say_the_same_of_a_living_peer() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair");
        let me = i32::try_from(std::process::id()).expect("a pid");
        assert_eq!(of(&ours, Some(me), own_uid()), own_login());
        assert_eq!(unpinned(me, own_uid()), own_login());
        assert_eq!(of(&ours, Some(0), own_uid()), Login::Hidden, "another PID namespace");
    }

    #[test]
    fn without_a_pidfd_another_uid_is_another_process() {
        let me = i32::try_from(std::process::id()).expect("a pid");
        assert_eq!(unpinned(me, own_uid() + 1), Login::Gone);
    }

    #[test]
    fn a_peer_that_has_ended_has_no_login_whether_anybody_waited_for_it_or_not() {
        let path = tempfile::tempdir().expect("a folder");
        let at = path.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&at).expect("bound");
        // Connects, and ends: what is left is the connection in the queue.
        let script = "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
        let Ok(mut peer) = Command::new("python3").arg("-c").arg(script).arg(&at).stdin(Stdio::null()).spawn() else {
            return;
        };
        let (stream, _) = listener.accept().expect("accepted");
        let pid = i32::try_from(peer.id()).expect("a pid");
        let ended = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        while !ended() {
            std::thread::yield_now();
        }
        assert_eq!(of(&stream, Some(pid), own_uid()), Login::Gone, "not waited for yet");
        peer.wait().expect("its end");
        assert_eq!(of(&stream, Some(pid), own_uid()), Login::Gone);
        assert_eq!(unpinned(pid, own_uid()), Login::Gone);
    }
}
