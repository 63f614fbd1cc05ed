//! A simulated disk for tests: un-synced sectors may be lost or kept in any combination, un-synced names too, and any call
//! can be made to fail, once or from then on. Longer than a file of the program, for a disk is one thing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use nix::libc;

use super::storage::{AppendFile, DirFacts, Directory, FileFacts, LockGuard, ReadFile, Storage};

const SECTOR: usize = 512;

/// How calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFaultKind {
    Eio,
    Enospc,
    Eintr,
    Erofs,
    /// No descriptor is free. Of these only the calls that open something are counted, and fail.
    Emfile,
    /// Reads and writes do half of what was asked; other calls work.
    Short,
}

/// The call that fails, counted from 0, and whether every later one does too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFault {
    pub at: u64,
    pub kind: DiskFaultKind,
    pub sticky: bool,
}

#[derive(Clone, Default)]
struct Inode {
    now: Vec<u8>,
    /// What a sync has put on the disk.
    durable: Vec<u8>,
    /// Sectors written since.
    dirty: BTreeSet<usize>,
}

#[derive(Clone, Default)]
struct DiskState {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    /// Names as of the last directory sync, and each state since.
    durable_names: BTreeMap<PathBuf, usize>,
    since: Vec<BTreeMap<PathBuf, usize>>,
    locked: bool,
    calls: u64,
    opens: u64,
    /// Bytes that were read.
    read: u64,
    fault: Option<DiskFault>,
    /// Bytes that may still be written.
    free: Option<u64>,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<DiskState>>);

fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, DiskState> {
        self.0.lock().expect("no panic while locked")
    }

    /// Counts a call; `Ok(true)` = do half.
    fn call(&self) -> io::Result<bool> {
        let mut state = self.state();
        let n = state.calls;
        state.calls += 1;
        match state.fault.filter(|fault| n == fault.at || (fault.sticky && n > fault.at)).map(|fault| fault.kind) {
            None | Some(DiskFaultKind::Emfile) => Ok(false),
            Some(DiskFaultKind::Short) => Ok(true),
            Some(DiskFaultKind::Eio) => Err(errno(libc::EIO)),
            Some(DiskFaultKind::Enospc) => Err(errno(libc::ENOSPC)),
            Some(DiskFaultKind::Eintr) => Err(errno(libc::EINTR)),
            Some(DiskFaultKind::Erofs) => Err(errno(libc::EROFS)),
        }
    }

    /// Counts a call that opens something.
    fn open_call(&self) -> io::Result<()> {
        let mut state = self.state();
        let n = state.opens;
        state.opens += 1;
        let lacks =
            |fault: DiskFault| fault.kind == DiskFaultKind::Emfile && (n == fault.at || (fault.sticky && n > fault.at));
        if state.fault.is_some_and(lacks) {
            return Err(errno(libc::EMFILE));
        }
        drop(state);
        self.call().map(|_| ())
    }

    pub fn opens(&self) -> u64 {
        self.state().opens
    }

    /// Plans a failure, counted from now.
    pub fn fail(&self, fault: Option<DiskFault>) {
        let mut state = self.state();
        (state.calls, state.opens) = (0, 0);
        state.fault = fault;
    }

    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Bytes that were read since this was asked last.
    pub fn read(&self) -> u64 {
        std::mem::take(&mut self.state().read)
    }

    /// Limits what may still be written.
    pub fn set_free(&self, bytes: Option<u64>) {
        self.state().free = bytes;
    }

    /// A disk after power loss: of each file's un-synced sectors those stay for which `keep` says so; of its un-synced
    /// length `len` decides; of the directory changes the first `names`.
    pub fn crash(&self, names: usize, keep: impl Fn(usize) -> bool, full_len: bool) -> Self {
        let mut state = self.state().clone();
        state.names = match names.min(state.since.len()) {
            0 => state.durable_names.clone(),
            n => state.since[n - 1].clone(),
        };
        for inode in &mut state.inodes {
            let len = if full_len { inode.now.len() } else { inode.durable.len() };
            let mut after = inode.durable.clone();
            after.resize(len, 0);
            for (i, sector) in inode.dirty.iter().enumerate() {
                let range = (sector * SECTOR).min(len)..((sector + 1) * SECTOR).min(len);
                if keep(i) {
                    for at in range {
                        after[at] = inode.now.get(at).copied().unwrap_or(0);
                    }
                }
            }
            *inode = Inode { now: after.clone(), durable: after, dirty: BTreeSet::new() };
        }
        state.durable_names = state.names.clone();
        state.since.clear();
        (state.locked, state.calls, state.fault, state.free) = (false, 0, None, None);
        Self(Arc::new(Mutex::new(state)))
    }

    /// How many changes of names are not durable.
    pub fn loose_names(&self) -> usize {
        self.state().since.len()
    }

    /// A copy on which only the process died: everything written is there.
    pub fn killed(&self) -> Self {
        self.crash(usize::MAX, |_| true, true)
    }

    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(path).map(|ino| state.inodes[*ino].now.clone())
    }

    /// Puts bytes in place of a file, durable.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let inode = Inode { now: bytes.to_vec(), durable: bytes.to_vec(), dirty: BTreeSet::new() };
        if let Some(ino) = state.names.get(path).copied() {
            state.inodes[ino] = inode;
        } else {
            state.inodes.push(inode);
            let ino = state.inodes.len() - 1;
            state.names.insert(path.to_owned(), ino);
            state.durable_names.insert(path.to_owned(), ino);
        }
    }

    pub fn remove_file(&self, path: &Path) {
        let mut state = self.state();
        state.names.remove(path);
        state.durable_names.remove(path);
    }

    fn rename_change(state: &mut DiskState, change: impl FnOnce(&mut BTreeMap<PathBuf, usize>)) {
        change(&mut state.names);
        let names = state.names.clone();
        state.since.push(names);
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.state().names.get(path).copied().ok_or_else(|| errno(libc::ENOENT))
    }

    fn facts_of(&self, ino: usize) -> FileFacts {
        let state = self.state();
        let links = state.names.values().filter(|named| **named == ino).count() as u64;
        let size = state.inodes[ino].now.len() as u64;
        FileFacts { dev: 1, ino: ino as u64, links, size, regular: true }
    }
}

struct SimFile {
    disk: Disk,
    ino: usize,
}

impl AppendFile for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let half = self.disk.call()?;
        let mut state = self.disk.state();
        let mut take = if half { bytes.len().div_ceil(2) } else { bytes.len() };
        if let Some(free) = &mut state.free {
            take = take.min(usize::try_from(*free).expect("small"));
            if take == 0 {
                return Err(errno(libc::ENOSPC));
            }
            *free -= take as u64;
        }
        let inode = &mut state.inodes[self.ino];
        let from = inode.now.len();
        inode.now.extend_from_slice(&bytes[..take]);
        inode.dirty.extend(from / SECTOR..=(from + take - 1) / SECTOR);
        Ok(take)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        // A failed sync drops what was dirty: the pages are clean, the disk has something else. An interrupted one doesn't.
        let called = self.disk.call();
        if called.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
            return called.map(|_| ());
        }
        let mut state = self.disk.state();
        let inode = &mut state.inodes[self.ino];
        let dirty = std::mem::take(&mut inode.dirty);
        if called.is_ok() {
            inode.durable.resize(inode.now.len(), 0);
            for sector in dirty {
                let range = (sector * SECTOR).min(inode.now.len())..((sector + 1) * SECTOR).min(inode.now.len());
                inode.durable[range.clone()].copy_from_slice(&inode.now[range]);
            }
        }
        called.map(|_| ())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.disk.call()?;
        let mut state = self.disk.state();
        let inode = &mut state.inodes[self.ino];
        inode.now.resize(usize::try_from(len).expect("small"), 0);
        Ok(())
    }

    fn facts(&self) -> io::Result<FileFacts> {
        self.disk.call()?;
        Ok(self.disk.facts_of(self.ino))
    }
}

impl ReadFile for SimFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let half = self.disk.call()?;
        let mut state = self.disk.state();
        let now = &state.inodes[self.ino].now;
        let from = usize::try_from(offset).expect("small").min(now.len());
        let mut take = into.len().min(now.len() - from);
        if half {
            take = take.div_ceil(2);
        }
        into[..take].copy_from_slice(&now[from..from + take]);
        state.read += take as u64;
        Ok(take)
    }

    fn size(&self) -> io::Result<u64> {
        self.disk.call()?;
        Ok(self.disk.state().inodes[self.ino].now.len() as u64)
    }
}

struct Lock(Disk);

impl LockGuard for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Ok(mut state) = self.0.0.lock() {
            state.locked = false;
        }
    }
}

impl Directory for Disk {
    fn sync(&self) -> io::Result<()> {
        self.call()?;
        let mut state = self.state();
        state.durable_names = state.names.clone();
        state.since.clear();
        Ok(())
    }
}

impl Storage for Disk {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        self.call().map(|_| ())
    }

    fn dir_facts(&self, dir: &Path) -> io::Result<DirFacts> {
        self.call()?;
        if self.state().names.contains_key(dir) {
            return Err(errno(libc::ENOTDIR));
        }
        Ok(DirFacts { mode: 0o700, mine: true, kind: "ext" })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.open_call()?;
        let state = self.state();
        let inside = state.names.keys().filter_map(|path| path.strip_prefix(dir).ok());
        let mut names: Vec<_> = inside.filter_map(|p| p.iter().next()?.to_str().map(str::to_owned)).collect();
        names.dedup();
        Ok(names)
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn LockGuard>> {
        self.open_call()?;
        if std::mem::replace(&mut self.state().locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Lock(self.clone())))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.open_call()?;
        let mut state = self.state();
        if state.names.contains_key(path) {
            return Err(errno(libc::EEXIST));
        }
        state.inodes.push(Inode::default());
        let ino = state.inodes.len() - 1;
        Self::rename_change(&mut state, |names| {
            names.insert(path.to_owned(), ino);
        });
        Ok(Box::new(SimFile { disk: self.clone(), ino }))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.open_call()?;
        Ok(Box::new(SimFile { disk: self.clone(), ino: self.find(path)? }))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.open_call()?;
        Ok(Box::new(SimFile { disk: self.clone(), ino: self.find(path)? }))
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        self.call()?;
        Ok(self.facts_of(self.find(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        let ino = self.find(from)?;
        Self::rename_change(&mut self.state(), |names| {
            names.remove(from);
            names.insert(to.to_owned(), ino);
        });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        self.find(path)?;
        Self::rename_change(&mut self.state(), |names| {
            names.remove(path);
        });
        Ok(())
    }

    fn open_dir(&self, dir: &Path) -> io::Result<Box<dyn Directory>> {
        self.open_call()?;
        // As a real one: no path is no directory.
        if dir.as_os_str().is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(self.clone()))
    }

    fn close_off(&self, path: &Path) -> io::Result<()> {
        self.open_call()?;
        self.find(path).map(|_| ())
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.open_call()?;
        let mut state = self.state();
        if state.names.contains_key(path) {
            return Ok(());
        }
        if let Some(free) = &mut state.free {
            *free = free.checked_sub(bytes).ok_or_else(|| errno(libc::ENOSPC))?;
        }
        // The bytes themselves don't matter, only that the name is there.
        state.inodes.push(Inode::default());
        let ino = state.inodes.len() - 1;
        Self::rename_change(&mut state, |names| {
            names.insert(path.to_owned(), ino);
        });
        Ok(())
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        self.call()?;
        Ok(self.state().free.unwrap_or(u64::MAX))
    }
}
