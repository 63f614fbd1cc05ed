//! The logs that this account has seen, by room and socket: what ssh's `known_hosts` is to hosts. The first one is taken as it
//! comes; another one in its place is refused until somebody accepts it by its id.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::trust::other_log;
use super::witness::Head;
use crate::model::{Refusal, clean};
use crate::protocol::place;

/// Rooms that are remembered; the one seen first goes first.
const MOST: usize = 256;
/// A file that is longer was not written here.
const LONGEST: u64 = 1024 * 1024;
/// Tells the files apart that one process writes.
static TURN: AtomicU64 = AtomicU64::new(0);

/// What is known, and where that is kept.
#[derive(Clone, Debug)]
pub struct KnownLogs {
    pub file: PathBuf,
    /// The id of a log that its user accepts in place of the one that is known.
    pub accept: Option<String>,
}

/// A log that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub socket: PathBuf,
    pub room: String,
    pub log: String,
    /// The newest entry of it that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    rooms: Vec<Known>,
}

impl KnownLogs {
    /// Compares a room's log with the one that is known, and remembers the first. Gives the newest entry of it that was seen.
    ///
    /// # Errors
    /// The refusal, if it is another one and nobody has accepted it. What can't be read or kept is logged and refuses nothing:
    /// a full disk must not keep anybody out.
    pub fn check(&self, socket: &Path, room: &str, log: &str) -> Result<Option<Head>, Refusal> {
        let socket = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
        let _alone = self.lock();
        let mut file = match self.read() {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(file = %self.file.display(), %error, "the known logs can't be read");
                return Ok(None);
            }
        };
        match file.rooms.iter_mut().find(|it| it.socket == socket && it.room == room) {
            // Accepted with its history: what was seen of another one counts no more.
            Some(known) if self.accept.as_deref() == Some(log) => (known.log, known.head) = (log.to_owned(), None),
            Some(known) if known.log == log => return Ok(known.head),
            Some(known) => return Err(other_log(room, &socket, &known.log, log)),
            None => file.rooms.push(Known { socket, room: room.to_owned(), log: log.to_owned(), head: None }),
        }
        let over = file.rooms.len().saturating_sub(MOST);
        file.rooms.drain(..over);
        if let Err(error) = self.write(&file) {
            tracing::warn!(file = %self.file.display(), %error, "the log's id can't be kept");
        }
        Ok(None)
    }

    /// The logs that were seen at a socket: the first of its rooms first. None if that can't be read.
    pub fn seen_at(&self, socket: &Path) -> Vec<Known> {
        let socket = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
        let mut rooms = self.read().unwrap_or_default().rooms;
        rooms.retain(|it| it.socket == socket);
        rooms
    }

    /// Keeps the newest entry that was seen of a known log. What can't be kept is logged.
    pub fn remember(&self, socket: &Path, room: &str, log: &str, head: Head) {
        let socket = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
        let _alone = self.lock();
        let kept = self.read().and_then(|mut file| {
            let known = file.rooms.iter_mut().find(|it| it.socket == socket && it.room == room && it.log == log);
            match known {
                // Another console of this account may have seen more by now.
                Some(known) if known.head.is_none_or(|(seq, _)| seq < head.0) => known.head = Some(head),
                _ => return Ok(()),
            }
            self.write(&file)
        });
        if let Err(error) = kept {
            tracing::warn!(file = %self.file.display(), %error, "the newest entry can't be kept");
        }
    }

    /// Keeps the other consoles of this account from changing the file between our reading and our writing of it. Where that
    /// can't be had the file is still whole, and at worst an older head or a later first log stands in it.
    fn lock(&self) -> Option<Flock<fs::File>> {
        let beside = self.file.with_extension("lock");
        let trusted = [0, nix::unistd::geteuid().as_raw()];
        place::check(&beside, &trusted).ok()?;
        DirBuilder::new().recursive(true).mode(0o700).create(beside.parent()?).ok()?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&beside).ok()?;
        Flock::lock(file, FlockArg::LockExclusive).ok()
    }

    fn read(&self) -> io::Result<File> {
        use std::io::Read as _;
        // Somebody without a home has it below /tmp, where another may have been first.
        let trusted = [0, nix::unistd::geteuid().as_raw()];
        place::check(&self.file, &trusted).map_err(|wrong| io::Error::other(wrong.to_string()))?;
        let mut text = String::new();
        match fs::File::open(&self.file) {
            Ok(file) => file.take(LONGEST).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(File::default()),
            Err(error) => return Err(error),
        };
        clean::from_str(&text).map_err(io::Error::other)
    }

    /// Whole or not at all, and nobody else's to read.
    fn write(&self, file: &File) -> io::Result<()> {
        if let Some(dir) = self.file.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        // Another console, and another link of this one, write beside it at the same time.
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let beside = self.file.with_extension(format!("{}-{turn}.new", std::process::id()));
        let text = serde_json::to_vec_pretty(file)?;
        // Left over where a process of this number was killed.
        let _ = fs::remove_file(&beside);
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        // Its content before its name: a file that is empty after a power loss would forget every log.
        let synced = new.write_all(&text).and_then(|()| new.sync_data());
        let written = synced.and_then(|()| fs::rename(&beside, &self.file));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::model::RefusalKind;

    fn known(dir: &Path, accept: Option<&str>) -> KnownLogs {
        KnownLogs { file: dir.join("state/known-logs.json"), accept: accept.map(str::to_owned) }
    }

    #[test]
    fn the_first_log_is_pinned_and_another_is_refused_until_it_is_accepted_by_its_id() {
        let dir = tempfile::tempdir().expect("a folder");
        let (here, there) = (Path::new("/run/warroom/warroom.sock"), Path::new("/tmp/s"));
        let plain = known(dir.path(), None);
        for _ in 0..2 {
            plain.check(here, "shop", "01OLD").expect("as before");
        }
        let mode = fs::metadata(&plain.file).expect("kept").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = plain.check(here, "shop", "01NEW").expect_err("another log");
        assert_eq!(refused.kind, RefusalKind::OtherLog);
        let said = format!("{} {}", refused.why, refused.remedy);
        for word in ["01OLD", "01NEW", "warroom --accept-log 01NEW", "/run/warroom/warroom.sock"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(known(dir.path(), Some("01ELSE")).check(here, "shop", "01NEW").is_err(), "another id accepts nothing");
        plain.check(here, "bank", "01NEW").expect("another room");
        plain.check(there, "shop", "01NEW").expect("another socket");
        known(dir.path(), Some("01NEW")).check(here, "shop", "01NEW").expect("accepted");
        plain.check(here, "shop", "01NEW").expect("remembered");
        assert!(plain.check(here, "shop", "01OLD").is_err(), "the old one is another one now");
    }

    #[test]
    fn the_newest_entry_that_was_seen_is_kept_for_its_log_and_given_up_with_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let (plain, here) = (known(dir.path(), None), Path::new("/s"));
        let head = |seq| (seq, crate::model::Digest([7; 32]));
        plain.remember(here, "shop", "01OLD", head(3));
        assert_eq!(plain.check(here, "shop", "01OLD"), Ok(None), "a log that is not known has no head");
        for (seen, kept) in [(5, 5), (4, 5), (8, 8)] {
            plain.remember(here, "shop", "01OLD", head(seen));
            assert_eq!(plain.check(here, "shop", "01OLD"), Ok(Some(head(kept))));
        }
        plain.remember(here, "shop", "01NEW", head(9));
        assert_eq!(plain.check(here, "shop", "01OLD"), Ok(Some(head(8))), "what another log has is not its own");
        assert_eq!(known(dir.path(), Some("01OLD")).check(here, "shop", "01OLD"), Ok(None), "accepted as it is now");
        assert_eq!(plain.check(here, "shop", "01OLD"), Ok(None));
    }

    #[test]
    fn consoles_that_write_at_once_leave_a_whole_file_with_a_head_that_was_seen() {
        let dir = tempfile::tempdir().expect("a folder");
        let here = Path::new("/s");
        let head = |seq: u64| (seq, crate::model::Digest([7; 32]));
        known(dir.path(), None).check(here, "shop", "01OLD").expect("the first");
        std::thread::scope(|scope| {
            for first in 0..4 {
                let logs = known(dir.path(), None);
                scope.spawn(move || {
                    for seq in (first + 1..200).step_by(4) {
                        logs.remember(here, "shop", "01OLD", head(seq));
                        let seen = logs.check(here, "shop", "01OLD").expect("the same log");
                        assert!(seen.is_some_and(|(seen, _)| (1..200).contains(&seen)), "{seen:?}");
                    }
                });
            }
        });
        let left: Vec<_> = fs::read_dir(dir.path().join("state")).expect("listed").flatten().collect();
        assert_eq!(left.len(), 2, "nothing stays beside it and its lock: {left:?}");
        let kept = known(dir.path(), None).check(here, "shop", "01OLD").expect("the same log");
        assert_eq!(kept, Some(head(199)), "nobody's head is lost to another's");
    }

    #[test]
    fn what_cant_be_kept_or_read_keeps_nobody_out() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("state"), "a file where a directory should be").expect("written");
        known(dir.path(), None).check(Path::new("/s"), "shop", "01OLD").expect("not kept");
        let other = tempfile::tempdir().expect("a folder");
        fs::create_dir(other.path().join("state")).expect("made");
        fs::write(known(other.path(), None).file, "not JSON").expect("written");
        known(other.path(), None).check(Path::new("/s"), "shop", "01OLD").expect("not read");
    }

    #[test]
    fn what_others_could_have_written_is_not_believed_and_not_written_to() {
        let dir = tempfile::tempdir().expect("a folder");
        let logs = known(dir.path(), None);
        logs.check(Path::new("/s"), "shop", "01OLD").expect("the first");
        let state = dir.path().join("state");
        fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).expect("its mode");
        logs.check(Path::new("/s"), "shop", "01NEW").expect("nothing is known");
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).expect("its mode");
        logs.check(Path::new("/s"), "shop", "01OLD").expect("nothing was written");
    }

    #[test]
    fn no_more_rooms_are_kept_than_fit() {
        let dir = tempfile::tempdir().expect("a folder");
        let logs = known(dir.path(), None);
        let many =
            (0..MOST).map(|n| Known { socket: "/s".into(), room: format!("r{n}"), log: "01OLD".into(), head: None });
        fs::create_dir(dir.path().join("state")).expect("made");
        logs.write(&File { rooms: many.collect() }).expect("kept");
        logs.check(Path::new("/s"), "new", "01NEW").expect("the first");
        let kept = logs.read().expect("read").rooms;
        assert_eq!((kept.len(), kept[0].room.as_str(), kept[MOST - 1].room.as_str()), (MOST, "r1", "new"));
    }
}
