//! The logs that this account has seen, by room and socket: what ssh's `known_hosts` is to hosts. The first one is taken as it
//! comes; another one in its place is refused until somebody accepts it by its id.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::log_continuity::SeenHead;
use super::trust::other_log;
use crate::model::{Refusal, SafeText, clean};
use crate::protocol::socket_trust;

/// Rooms that are remembered; the one of which nothing was seen for longest goes first.
const MOST: usize = 256;
/// A file that is longer was not written here.
const LONGEST: u64 = 1024 * 1024;
/// Damaged ones that are kept; whoever damages so many has to be looked for.
const MOST_DAMAGED: u32 = 1000;
/// Tells the files apart that one process writes.
static TURN: AtomicU64 = AtomicU64::new(0);

/// What is known, and where that is kept.
#[derive(Clone, Debug)]
pub struct KnownLogs {
    /// Shared by all consoles of this account. One that is not there, or is damaged, begins empty.
    pub file: PathBuf,
    /// The id of a log that its user accepts in place of the one that is known.
    pub accept: Option<String>,
}

/// A log that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownLog {
    pub socket: PathBuf,
    pub room: String,
    pub log: String,
    /// The newest entry of it that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<SeenHead>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct KnownLogsFile {
    rooms: Vec<KnownLog>,
    /// What stood in it before was set aside just now.
    #[serde(skip)]
    begun_anew: bool,
}

impl KnownLogsFile {
    /// The logs of a socket.
    fn at(&self, socket: &Path) -> Vec<KnownLog> {
        self.rooms.iter().filter(|it| it.socket == socket).cloned().collect()
    }

    /// A log at a socket, under each name that its room has had.
    fn of_log<'a>(&'a mut self, socket: &'a Path, log: &'a str) -> impl Iterator<Item = &'a mut KnownLog> {
        self.rooms.iter_mut().filter(move |it| it.socket == socket && it.log == log)
    }
}

fn say(said: &mut Vec<SafeText>, what: &str) {
    tracing::warn!("{what}");
    said.push(SafeText::new(what));
}

/// What was seen of a log before it was met now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenBefore {
    /// The file can't be read: nothing is compared, so nothing is kept either.
    Unread,
    /// No entry of it, or none that still counts.
    Nothing,
    /// This entry, the newest.
    Entry(SeenHead),
}

/// The newest of these entries that belongs to a log. An empty log's has the number 0: every log begins so.
pub(super) fn newest(rooms: &[KnownLog], log: &str) -> Option<SeenHead> {
    let heads = rooms.iter().filter(|it| it.log == log).filter_map(|it| it.head);
    heads.filter(|(seq, _)| *seq > 0).max_by_key(|(seq, _)| *seq)
}

/// Why the file says nothing.
enum Unread {
    /// It could be read, and is not what is written here.
    Damaged(String),
    /// It can't be read, or can't be believed.
    Unreadable(String),
}

impl KnownLogs {
    /// Compares a room's log with the one that is known, and remembers the first. Gives the newest entry of it that was seen at
    /// this socket, whatever the room was called then. What the user must know of the file itself is added to `said`.
    ///
    /// # Errors
    /// The refusal, if it is another one and nobody has accepted it. What can't be read or kept refuses nothing: a full disk
    /// must not keep anybody out.
    pub fn check(&self, socket: &Path, room: &str, log: &str, said: &mut Vec<SafeText>) -> Result<SeenBefore, Refusal> {
        let socket = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
        let alone = self.lock();
        let Some(mut file) = self.read_or_begin(alone.as_ref(), said) else { return Ok(SeenBefore::Unread) };
        let accepted = self.accept.as_deref() == Some(log);
        if accepted {
            // Accepted with its history: what was seen of another one counts no more.
            file.of_log(&socket, log).for_each(|it| it.head = None);
        }
        let head = newest(&file.at(&socket), log);
        match file.rooms.iter_mut().find(|it| it.socket == socket && it.room == room) {
            Some(known) if accepted => (known.log, known.head) = (log.to_owned(), None),
            Some(known) if known.log == log => return Ok(head.map_or(SeenBefore::Nothing, SeenBefore::Entry)),
            Some(known) => return Err(other_log(room, &socket, &known.log, log)),
            None => file.rooms.push(KnownLog { socket, room: room.to_owned(), log: log.to_owned(), head }),
        }
        let over = file.rooms.len().saturating_sub(MOST);
        file.rooms.drain(..over);
        self.keep(&file, said);
        Ok(head.map_or(SeenBefore::Nothing, SeenBefore::Entry))
    }

    /// The logs that were seen at a socket: the one whose entries were seen last is last.
    pub fn seen_at(&self, socket: &Path, said: &mut Vec<SafeText>) -> Vec<KnownLog> {
        let socket = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
        let alone = self.lock();
        self.read_or_begin(alone.as_ref(), said).unwrap_or_default().at(&socket)
    }

    /// Keeps the newest entry that was seen of a known log, which was compared with what was known of it.
    pub fn remember(&self, socket: &Path, room: &str, log: &str, head: SeenHead, said: &mut Vec<SafeText>) {
        let socket = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
        let alone = self.lock();
        let Some(mut file) = self.read_or_begin(alone.as_ref(), said) else { return };
        if file.begun_anew {
            file.rooms.push(KnownLog {
                socket: socket.clone(),
                room: room.to_owned(),
                log: log.to_owned(),
                head: None,
            });
        }
        // Another console of this account may have seen more by now.
        let is_news = |it: &&mut KnownLog| it.head.is_none_or(|(seq, _)| seq < head.0);
        let changed = file.of_log(&socket, log).filter(is_news).map(|it| it.head = Some(head)).count();
        if changed > 0 {
            file.rooms.sort_by_key(|it| it.socket == socket && it.log == log);
            self.keep(&file, said);
        }
    }

    /// What the file holds, for whoever holds its lock. A damaged one is set aside and begun anew; one that can't be read, or
    /// can't be set aside, stays as it is, and there is nothing to compare with.
    fn read_or_begin(&self, alone: Option<&Flock<fs::File>>, said: &mut Vec<SafeText>) -> Option<KnownLogsFile> {
        let file = self.file.display();
        let not_compared = "whether a room's log is the one that was seen before is not compared";
        let (damage, aside) = match self.read() {
            Ok(content) => return Some(content),
            Err(Unread::Unreadable(why)) => {
                say(said, &format!("{not_compared}: {file} can't be used: {why}"));
                return None;
            }
            // Without the lock it may be another console's new one by now.
            Err(Unread::Damaged(why)) => (why, alone.ok_or_else(|| io::Error::other("its lock can't be had"))),
        };
        match aside.and_then(|_| self.set_aside()) {
            Ok(aside) => {
                let aside = aside.display();
                say(
                    said,
                    &format!(
                        "what was known of rooms' logs was damaged and is begun anew; it is set aside as {aside} ({damage}). \
                         The log of each room is taken as it comes now: compare it once with an export or a head that left \
                         the host (warroom verify DIR --expect-head SEQ:HASH)"
                    ),
                );
                Some(KnownLogsFile { begun_anew: true, ..KnownLogsFile::default() })
            }
            Err(error) => {
                let why = format!(
                    "{not_compared}: {file} is damaged ({damage}) and can't be set aside ({error}): move it away"
                );
                say(said, &why);
                None
            }
        }
    }

    /// Renames the file to a name beside it that nothing has yet.
    fn set_aside(&self) -> io::Result<PathBuf> {
        let mut name = self.file.file_name().unwrap_or_default().to_owned();
        name.push(".damaged");
        for n in 1..MOST_DAMAGED {
            let mut name = name.clone();
            if n > 1 {
                name.push(format!("-{n}"));
            }
            let aside = self.file.with_file_name(name);
            match fs::symlink_metadata(&aside) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return fs::rename(&self.file, &aside).map(|()| aside);
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many were set aside before"))
    }

    /// Keeps the other consoles of this account from changing the file between our reading and our writing of it. Where that
    /// can't be had the file is still whole, and at worst an older head or a later first log stands in it.
    fn lock(&self) -> Option<Flock<fs::File>> {
        let beside = self.file.with_extension("lock");
        let trusted = [0, nix::unistd::geteuid().as_raw()];
        socket_trust::check(&beside, &trusted).ok()?;
        DirBuilder::new().recursive(true).mode(0o700).create(beside.parent()?).ok()?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&beside).ok()?;
        Flock::lock(file, FlockArg::LockExclusive).ok()
    }

    fn read(&self) -> Result<KnownLogsFile, Unread> {
        use std::io::Read as _;
        // Somebody without a home has it below /tmp, where another may have been first.
        let trusted = [0, nix::unistd::geteuid().as_raw()];
        socket_trust::check(&self.file, &trusted)
            .map_err(|wrong| Unread::Unreadable(format!("{wrong}; {}", wrong.remedy())))?;
        let mut text = Vec::new();
        let read = fs::File::open(&self.file).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(KnownLogsFile::default()),
            Err(error) => return Err(Unread::Unreadable(error.to_string())),
        }
        if text.len() as u64 > LONGEST {
            return Err(Unread::Damaged(format!("it is longer than {LONGEST} bytes")));
        }
        let text = str::from_utf8(&text).map_err(|error| Unread::Damaged(error.to_string()))?;
        clean::from_str(text).map_err(|error| Unread::Damaged(error.to_string()))
    }

    /// Writes, and says what can't be written.
    fn keep(&self, file: &KnownLogsFile, said: &mut Vec<SafeText>) {
        if let Err(error) = self.write(file) {
            let file = self.file.display();
            say(said, &format!("what is seen of a room's log now is not kept for the next time: {file}: {error}"));
        }
    }

    /// Whole or not at all, and nobody else's to read.
    fn write(&self, file: &KnownLogsFile) -> io::Result<()> {
        if let Some(dir) = self.file.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        // Another console, and another link of this one, write beside it at the same time.
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let beside = self.file.with_extension(format!("{}-{turn}.new", std::process::id()));
        let text = serde_json::to_vec_pretty(file)?;
        if text.len() as u64 > LONGEST {
            // It would not be read.
            return Err(io::Error::other(format!("it would be longer than {LONGEST} bytes")));
        }
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

    /// What was seen of a log, of a file that has nothing to tell its user.
    fn checked(logs: &KnownLogs, socket: &Path, room: &str, log: &str) -> Result<SeenBefore, Refusal> {
        let mut said = Vec::new();
        let held = logs.check(socket, room, log, &mut said);
        assert!(said.is_empty(), "{said:?}");
        held
    }

    fn seen(logs: &KnownLogs, socket: &Path, room: &str, log: &str, head: SeenHead) {
        logs.remember(socket, room, log, head, &mut Vec::new());
    }

    fn known(dir: &Path, accept: Option<&str>) -> KnownLogs {
        KnownLogs { file: dir.join("state/known-logs.json"), accept: accept.map(str::to_owned) }
    }

    #[test]
    fn the_first_log_is_pinned_and_another_is_refused_until_it_is_accepted_by_its_id() {
        let dir = tempfile::tempdir().expect("a folder");
        let (here, there) = (Path::new("/run/warroom/warroom.sock"), Path::new("/tmp/s"));
        let plain = known(dir.path(), None);
        for _ in 0..2 {
            checked(&plain, here, "shop", "01OLD").expect("as before");
        }
        let mode = fs::metadata(&plain.file).expect("kept").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = checked(&plain, here, "shop", "01NEW").expect_err("another log");
        assert_eq!(refused.kind, RefusalKind::OtherLog);
        let said = format!("{} {}", refused.why, refused.remedy);
        for word in ["01OLD", "01NEW", "warroom --accept-log 01NEW", "/run/warroom/warroom.sock"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(
            checked(&known(dir.path(), Some("01ELSE")), here, "shop", "01NEW").is_err(),
            "another id accepts nothing"
        );
        checked(&plain, here, "bank", "01NEW").expect("another room");
        checked(&plain, there, "shop", "01NEW").expect("another socket");
        checked(&known(dir.path(), Some("01NEW")), here, "shop", "01NEW").expect("accepted");
        checked(&plain, here, "shop", "01NEW").expect("remembered");
        assert!(checked(&plain, here, "shop", "01OLD").is_err(), "the old one is another one now");
    }

    #[test]
    fn the_newest_entry_that_was_seen_is_kept_for_its_log_and_given_up_with_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let (plain, here) = (known(dir.path(), None), Path::new("/s"));
        let head = |seq| (seq, crate::model::Digest([7; 32]));
        seen(&plain, here, "shop", "01OLD", head(3));
        assert_eq!(
            checked(&plain, here, "shop", "01OLD"),
            Ok(SeenBefore::Nothing),
            "a log that is not known has no head"
        );
        for (seq, kept) in [(5, 5), (4, 5), (8, 8)] {
            seen(&plain, here, "shop", "01OLD", head(seq));
            assert_eq!(checked(&plain, here, "shop", "01OLD"), Ok(SeenBefore::Entry(head(kept))));
        }
        seen(&plain, here, "shop", "01NEW", head(9));
        assert_eq!(
            checked(&plain, here, "shop", "01OLD"),
            Ok(SeenBefore::Entry(head(8))),
            "what another log has is not its own"
        );
        assert_eq!(
            checked(&known(dir.path(), Some("01OLD")), here, "shop", "01OLD"),
            Ok(SeenBefore::Nothing),
            "accepted as it is now"
        );
        assert_eq!(checked(&plain, here, "shop", "01OLD"), Ok(SeenBefore::Nothing));
    }

    #[test]
    fn consoles_that_write_at_once_leave_a_whole_file_with_a_head_that_was_seen() {
        let dir = tempfile::tempdir().expect("a folder");
        let here = Path::new("/s");
        let head = |seq: u64| (seq, crate::model::Digest([7; 32]));
        checked(&known(dir.path(), None), here, "shop", "01OLD").expect("the first");
        std::thread::scope(|scope| {
            for first in 0..4 {
                let logs = known(dir.path(), None);
                scope.spawn(move || {
                    for seq in (first + 1..200).step_by(4) {
                        seen(&logs, here, "shop", "01OLD", head(seq));
                        let held = checked(&logs, here, "shop", "01OLD").expect("the same log");
                        assert!(matches!(held, SeenBefore::Entry((seq, _)) if (1..200).contains(&seq)), "{held:?}");
                    }
                });
            }
        });
        let left: Vec<_> = fs::read_dir(dir.path().join("state")).expect("listed").flatten().collect();
        assert_eq!(left.len(), 2, "nothing stays beside it and its lock: {left:?}");
        let kept = checked(&known(dir.path(), None), here, "shop", "01OLD").expect("the same log");
        assert_eq!(kept, SeenBefore::Entry(head(199)), "nobody's head is lost to another's");
    }

    #[test]
    fn what_cant_be_kept_or_read_keeps_nobody_out_and_is_told_to_the_user() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("state"), "a file where a directory should be").expect("written");
        let logs = known(dir.path(), None);
        let mut said = Vec::new();
        let held = logs.check(Path::new("/s"), "shop", "01OLD", &mut said).expect("not kept");
        assert!(held != SeenBefore::Entry((1, crate::model::Digest([0; 32]))) && said.len() == 1, "{held:?} {said:?}");
        assert!(said[0].as_str().contains("known-logs.json"), "{said:?}");
        let dir = tempfile::tempdir().expect("a folder");
        let logs = known(dir.path(), None);
        fs::create_dir_all(&logs.file).expect("a directory where a file should be");
        let mut said = Vec::new();
        assert_eq!(logs.check(Path::new("/s"), "shop", "01OLD", &mut said), Ok(SeenBefore::Unread));
        assert_eq!(logs.seen_at(Path::new("/s"), &mut said), []);
        logs.remember(Path::new("/s"), "shop", "01OLD", (1, crate::model::Digest([0; 32])), &mut said);
        assert!(said.len() == 3 && said.iter().all(|it| it.as_str().contains("is not compared")), "{said:?}");
        assert!(logs.file.is_dir(), "untouched");
    }

    #[test]
    fn a_damaged_file_is_set_aside_whole_and_begun_anew_and_the_user_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let (logs, here) = (known(dir.path(), None), Path::new("/s"));
        let long = "[".repeat(usize::try_from(LONGEST).expect("a length") + 1).into_bytes();
        let damages = [(b"not JSON".to_vec(), ""), (b"\xff".to_vec(), "-2"), (Vec::new(), "-3"), (long, "-4")];
        let head = (7, crate::model::Digest([7; 32]));
        checked(&logs, here, "shop", "01OLD").expect("the first");
        for (n, (damage, behind)) in damages.iter().enumerate() {
            fs::write(&logs.file, damage).expect("written");
            let mut said = Vec::new();
            match n {
                0 => assert_eq!(logs.seen_at(here, &mut said), []),
                1 => logs.remember(here, "shop", "01OLD", head, &mut said),
                _ => assert_eq!(logs.check(here, "shop", "01OLD", &mut said), Ok(SeenBefore::Nothing)),
            }
            let aside = dir.path().join(format!("state/known-logs.json.damaged{behind}"));
            assert!(said.len() == 1 && said[0].as_str().contains(&format!("{} (", aside.display())), "{said:?}");
            assert_eq!(fs::read(&aside).expect("set aside"), *damage);
            let now = if n == 1 { SeenBefore::Entry(head) } else { SeenBefore::Nothing };
            assert_eq!(checked(&logs, here, "shop", "01OLD"), Ok(now), "pinned anew, with what is shown now");
            assert!(checked(&logs, here, "shop", "01NEW").is_err());
        }
    }

    #[test]
    fn what_others_could_have_written_is_not_believed_and_not_written_to() {
        let dir = tempfile::tempdir().expect("a folder");
        let logs = known(dir.path(), None);
        checked(&logs, Path::new("/s"), "shop", "01OLD").expect("the first");
        let state = dir.path().join("state");
        let before = fs::read(&logs.file).expect("kept");
        for content in [before.as_slice(), b"not JSON"] {
            fs::write(&logs.file, content).expect("written");
            fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).expect("its mode");
            let mut said = Vec::new();
            assert_eq!(logs.check(Path::new("/s"), "shop", "01NEW", &mut said), Ok(SeenBefore::Unread));
            assert!(said.len() == 1 && said[0].as_str().contains("chmod go-w"), "{said:?}");
            fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).expect("its mode");
            assert_eq!(fs::read(&logs.file).expect("there"), content, "nothing was written");
        }
    }

    #[test]
    fn what_was_seen_of_a_log_is_its_own_under_each_name_of_its_room() {
        let dir = tempfile::tempdir().expect("a folder");
        let (plain, here) = (known(dir.path(), None), Path::new("/s"));
        let head = |seq| (seq, crate::model::Digest([7; 32]));
        checked(&plain, here, "shop", "01OLD").expect("the first");
        seen(&plain, here, "shop", "01OLD", head(5));
        assert_eq!(checked(&plain, here, "store", "01OLD"), Ok(SeenBefore::Entry(head(5))));
        seen(&plain, here, "store", "01OLD", head(8));
        checked(&plain, here, "bank", "01BANK").expect("another");
        assert_eq!(checked(&plain, here, "shop", "01OLD"), Ok(SeenBefore::Entry(head(8))));
        assert_eq!(checked(&plain, Path::new("/t"), "shop", "01OLD"), Ok(SeenBefore::Nothing), "of this socket alone");
        seen(&plain, here, "shop", "01OLD", head(9));
        let last: Vec<_> = plain.seen_at(here, &mut Vec::new()).into_iter().map(|it| it.room).collect();
        assert_eq!(last, ["bank", "shop", "store"], "what was seen last is last");
        assert!(checked(&plain, here, "shop", "01NEW").is_err(), "the old name is still its own");
        let accepts = known(dir.path(), Some("01OLD"));
        assert_eq!(checked(&accepts, here, "third", "01OLD"), Ok(SeenBefore::Nothing), "accepted as it is now");
        assert_eq!(checked(&plain, here, "shop", "01OLD"), Ok(SeenBefore::Nothing), "under each name");
        seen(&plain, here, "shop", "01OLD", head(0));
        assert_eq!(
            checked(&plain, here, "shop", "01OLD"),
            Ok(SeenBefore::Nothing),
            "an empty log has no entry to compare"
        );
    }

    #[test]
    fn no_file_is_written_that_would_not_be_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let (logs, here) = (known(dir.path(), None), Path::new("/s"));
        checked(&logs, here, "shop", "01OLD").expect("the first");
        let (mut said, name) = (Vec::new(), "x".repeat(usize::try_from(LONGEST).expect("a length")));
        assert_eq!(logs.check(here, &name, "01NEW", &mut said), Ok(SeenBefore::Nothing));
        assert!(said.len() == 1 && said[0].as_str().contains("not kept"), "{said:?}");
        assert!(checked(&logs, here, "shop", "01NEW").is_err(), "still known");
    }

    #[test]
    fn no_more_rooms_are_kept_than_fit() {
        let dir = tempfile::tempdir().expect("a folder");
        let logs = known(dir.path(), None);
        let many =
            (0..MOST).map(|n| KnownLog { socket: "/s".into(), room: format!("r{n}"), log: "01OLD".into(), head: None });
        fs::create_dir(dir.path().join("state")).expect("made");
        logs.write(&KnownLogsFile { rooms: many.collect(), ..KnownLogsFile::default() }).expect("kept");
        checked(&logs, Path::new("/s"), "new", "01NEW").expect("the first");
        let kept = logs.seen_at(Path::new("/s"), &mut Vec::new());
        assert_eq!((kept.len(), kept[0].room.as_str(), kept[MOST - 1].room.as_str()), (MOST, "r1", "new"));
    }
}
