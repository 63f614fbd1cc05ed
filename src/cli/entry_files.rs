//! Entries in files, read again as often as a long answer needs them, so that nobody has to keep them all: the log in a
//! folder, or what a room sent of an incident.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::clock::Random;
use crate::ledger::{self, FileStorage, Storage as _};
use crate::model::Entry;
use crate::model::entry::LogLine;
use crate::seal::{self, ChainLine};
use crate::timeline::{EntrySource, WantedSeqs};

/// Where the entries are.
enum EntryBacking {
    /// The segments of a log.
    Segments(Vec<PathBuf>),
    /// A file without a name: nothing of it is left, however the program ends.
    Spool(File),
}

/// Entries whose chain was checked before.
pub(super) struct EntryFiles {
    backing: EntryBacking,
    /// The last one that was checked: what is read again goes at least so far.
    last: u64,
    /// Why they could not be read to the end.
    failed: RefCell<Option<String>>,
}

impl EntryFiles {
    /// The log in a folder, which `take` hears first: every entry, checked. With why it is not whole, if it isn't.
    pub(super) fn folder(dir: &Path, take: &mut dyn FnMut(LogLine)) -> Result<(Self, Option<String>), CliError> {
        let wrong = |error: ledger::LedgerError| CliError::Usage(error.to_string());
        let files = ledger::segment_files(dir).map_err(wrong)?;
        let mut last = 0;
        let broken = ledger::read_folder(dir, &mut |line| {
            if let Ok(ChainLine::Entry(found)) = seal::scan_line(line.line.as_bytes()) {
                last = found.seq;
            }
            take(line);
        });
        Ok((Self { backing: EntryBacking::Segments(files), last, failed: RefCell::default() }, broken.map_err(wrong)?))
    }

    /// Why reading ended.
    pub(super) fn failure(&self) -> CliError {
        let why = self.failed.take().unwrap_or_else(|| "the entries could not be written as they are".to_owned());
        CliError::Integrity(why)
    }

    fn fail(&self, why: impl fmt::Display) -> fmt::Error {
        self.failed.replace(Some(why.to_string()));
        fmt::Error
    }

    fn file(
        &self,
        file: &dyn ledger::ReadFile,
        (wanted, reached): (WantedSeqs<'_>, &Cell<u64>),
        take: &mut dyn FnMut(Entry) -> fmt::Result,
    ) -> fmt::Result {
        let mut taken = Ok(());
        // Each in its order and none behind the last that was checked: whatever else stands there is not believed.
        let asked = Cell::new(false);
        let heard = |seq: u64| {
            let follows = seq > reached.get() && seq <= self.last;
            if follows {
                reached.set(seq);
            }
            asked.set(follows && wanted(seq));
            asked.get()
        };
        let read = ledger::read_lines(file, &heard, &mut |line| {
            if !asked.replace(false) && reached.get() >= self.last {
                return true;
            }
            taken = match seal::decode(&line) {
                Ok(entry) => take(entry),
                Err(error) => Err(self.fail(format!("an entry does not verify when it is read again: {error}"))),
            };
            taken.is_ok()
        });
        let broken = read.map_err(|error| self.fail(format!("the entries can't be read again: {error}")))?;
        taken?;
        match broken.filter(|_| reached.get() < self.last) {
            Some(why) => Err(self.fail(format!("the entries are not what they were a moment ago: {why}"))),
            None => Ok(()),
        }
    }
}

impl EntrySource for EntryFiles {
    fn entries(&self, wanted: WantedSeqs<'_>, take: &mut dyn FnMut(Entry) -> fmt::Result) -> fmt::Result {
        let reached = Cell::new(0);
        match &self.backing {
            EntryBacking::Spool(file) => self.file(file, (wanted, &reached), take)?,
            EntryBacking::Segments(files) => files.iter().try_for_each(|path| {
                let file = FileStorage.open_any(path);
                let file =
                    file.map_err(|error| self.fail(format!("{} can't be read again: {error}", path.display())))?;
                self.file(file.as_ref(), (wanted, &reached), take)
            })?,
        }
        match reached.get() < self.last {
            true => Err(self.fail("the log was longer a moment ago")),
            false => Ok(()),
        }
    }
}

/// What a room sends of an incident, on its way to a file.
pub(super) struct Spool {
    file: BufWriter<File>,
    last: u64,
}

impl Spool {
    /// A file that only this process can read.
    pub(super) fn new() -> Result<Self, CliError> {
        let path = std::env::temp_dir().join(format!(".warroom-{:016x}", u64::from_ne_bytes(Random::system().bytes())));
        let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = made.and_then(|file| std::fs::remove_file(&path).map(|()| file));
        let wrong = |error| CliError::Other(format!("can't write {}: {error}", path.display()));
        file.map(|file| Self { file: BufWriter::new(file), last: 0 }).map_err(wrong)
    }

    /// Keeps an entry, as a log has it.
    pub(super) fn add(&mut self, line: &LogLine, seq: u64) -> Result<(), CliError> {
        self.last = seq;
        for text in line.body.iter().chain([&line.line]) {
            writeln!(self.file, "{text}")?;
        }
        Ok(())
    }

    /// All that was kept.
    pub(super) fn done(self) -> Result<EntryFiles, CliError> {
        let file = self.file.into_inner().map_err(|error| CliError::Other(error.to_string()))?;
        Ok(EntryFiles { backing: EntryBacking::Spool(file), last: self.last, failed: RefCell::default() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::ledger::{Ledger, OpenOptions as LedgerOptions};

    #[test]
    fn a_log_that_is_cut_while_it_is_told_is_not_told_as_if_it_ended_there() {
        let home = tempfile::tempdir().expect("a directory");
        let dir = home.path().join("log");
        let options = LedgerOptions {
            dir: dir.clone(),
            room: "shop".into(),
            src: "bastion".into(),
            boot: "9f3c".into(),
            drill: false,
            key: String::new(),
            allow_fs: Vec::new(),
            check_fs: false,
            snapshot: None,
        };
        drop(Ledger::open(options, Arc::new(FileStorage), Clock::real(), Random::seeded(7)).expect("a log"));
        let (entries, broken) = EntryFiles::folder(&dir, &mut |_| {}).expect("read");
        assert_eq!((broken, entries.last > 0), (None, true));
        let read = || entries.entries(&|_| true, &mut |_| Ok(()));
        assert!(read().is_ok());
        let path = ledger::segment_files(&dir).expect("segments").pop().expect("one");
        let whole = std::fs::read(&path).expect("bytes");
        // What was not checked is not told: neither what is no entry, nor an entry a second time.
        let told = || {
            let told = Cell::new(0);
            entries.entries(&|_| true, &mut |_| {
                told.set(told.get() + 1);
                Ok(())
            })?;
            Ok::<_, fmt::Error>(told.get())
        };
        let all = told().expect("read");
        let first = whole.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for more in [b"no entry\n".as_slice(), &whole[..first], &whole] {
            std::fs::write(&path, [whole.as_slice(), more].concat()).expect("written");
            assert_eq!(told().expect("read"), all);
        }
        std::fs::write(&path, &whole[..whole.len() - 9]).expect("cut in its last line");
        assert!(read().is_err());
        assert!(entries.failure().message().contains("a moment ago"));
        let lines = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        std::fs::write(&path, &whole[..lines]).expect("cut before its last line");
        assert!(read().is_err());
    }
}
