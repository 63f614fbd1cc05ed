//! Real files that are not synced: a log that is thrown away need not survive a crash.

use std::io;
use std::path::Path;

use warroom::ledger::{AppendFile, DirFacts, Directory, FileFacts, FileStorage, LockGuard, ReadFile, Storage};

/// [`FileStorage`] without the waiting for the disk.
pub struct Unsynced;

struct File(Box<dyn AppendFile>);

impl AppendFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn facts(&self) -> io::Result<FileFacts> {
        self.0.facts()
    }
}

impl Directory for Unsynced {
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for Unsynced {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        FileStorage.make_dir(dir)
    }
    fn dir_facts(&self, dir: &Path) -> io::Result<DirFacts> {
        FileStorage.dir_facts(dir)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        FileStorage.list(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        FileStorage.lock(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(File(FileStorage.create(path)?)))
    }
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(File(FileStorage.open_append(path)?)))
    }
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        FileStorage.open_read(path)
    }
    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        FileStorage.facts(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FileStorage.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        FileStorage.remove(path)
    }
    fn open_dir(&self, _: &Path) -> io::Result<Box<dyn Directory>> {
        Ok(Box::new(Unsynced))
    }
    fn close_off(&self, path: &Path) -> io::Result<()> {
        FileStorage.close_off(path)
    }
    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        FileStorage.reserve(path, bytes)
    }
    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        FileStorage.free_bytes(dir)
    }
}
