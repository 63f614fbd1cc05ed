//! Entries in files, read again as often as a long answer needs them, so that nobody has to keep them all: the log in a
//! folder, or what a room sent of an incident.

use std::cell::RefCell;
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
use crate::seal;
use crate::timeline::{EntrySource, WantedSeqs};

/// Where the entries are.
enum EntryBacking {
    /// The segments of a log.
    Segments(Vec<PathBuf>),
    /// A file without a name: nothing of it is left, however the program ends.
    Spool(File),
}

/// Entries whose chain was checked before.
pub struct EntryFiles {
    backing: EntryBacking,
    /// Why they could not be read to the end.
    failed: RefCell<Option<String>>,
}

impl EntryFiles {
    /// The log in a folder.
    pub fn folder(dir: &Path) -> Result<Self, CliError> {
        let files = ledger::segment_files(dir).map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(Self { backing: EntryBacking::Segments(files), failed: RefCell::default() })
    }

    /// Why reading ended.
    pub fn failure(&self) -> CliError {
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
        wanted: WantedSeqs<'_>,
        take: &mut dyn FnMut(Entry) -> fmt::Result,
    ) -> fmt::Result {
        let mut taken = Ok(());
        let read = ledger::read_lines(file, wanted, &mut |line| {
            taken = match seal::decode(&line) {
                Ok(entry) => take(entry),
                Err(error) => Err(self.fail(format!("an entry does not verify when it is read again: {error}"))),
            };
            taken.is_ok()
        });
        read.map_err(|error| self.fail(format!("the entries can't be read again: {error}")))?;
        taken
    }
}

impl EntrySource for EntryFiles {
    fn entries(&self, wanted: WantedSeqs<'_>, take: &mut dyn FnMut(Entry) -> fmt::Result) -> fmt::Result {
        match &self.backing {
            EntryBacking::Spool(file) => self.file(file, wanted, take),
            EntryBacking::Segments(files) => files.iter().try_for_each(|path| {
                let file = FileStorage.open_any(path);
                let file =
                    file.map_err(|error| self.fail(format!("{} can't be read again: {error}", path.display())))?;
                self.file(file.as_ref(), wanted, take)
            }),
        }
    }
}

/// What a room sends of an incident, on its way to a file.
pub struct Spool(BufWriter<File>);

impl Spool {
    /// A file that only this process can read.
    pub fn new() -> Result<Self, CliError> {
        let path = std::env::temp_dir().join(format!(".warroom-{:016x}", u64::from_ne_bytes(Random::system().bytes())));
        let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = made.and_then(|file| std::fs::remove_file(&path).map(|()| file));
        let wrong = |error| CliError::Other(format!("can't write {}: {error}", path.display()));
        file.map(|file| Self(BufWriter::new(file))).map_err(wrong)
    }

    /// Keeps an entry, as a log has it.
    pub fn add(&mut self, line: &LogLine) -> Result<(), CliError> {
        for text in line.body.iter().chain([&line.line]) {
            writeln!(self.0, "{text}")?;
        }
        Ok(())
    }

    /// All that was kept.
    pub fn done(self) -> Result<EntryFiles, CliError> {
        let file = self.0.into_inner().map_err(|error| CliError::Other(error.to_string()))?;
        Ok(EntryFiles { backing: EntryBacking::Spool(file), failed: RefCell::default() })
    }
}
