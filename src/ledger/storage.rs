//! What the ledger needs of a file system, as a trait, and the real one.
//!
//! Tests put a simulated disk behind [`Storage`] that tears, loses, reorders and fails; production has [`FileStorage`].

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use nix::libc;
use nix::sys::statfs;

/// How often a lock is tried, and the time between: half a second in all.
const LOCK_TRIES: u32 = 25;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// What a directory is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirFacts {
    /// Permission bits.
    pub mode: u32,
    /// It belongs to the user we run as.
    pub mine: bool,
    /// Kind of file system: `ext`, `xfs`, `btrfs`, `nfs`, `fuse`, `smb`, `overlay`, `tmpfs`, `other`.
    pub kind: &'static str,
}

/// What a file is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Device number: with `ino`, whether a path still leads to the file that is open.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Hard links: a segment that is written has one, and none once its name was removed.
    pub links: u64,
    /// Length in bytes.
    pub size: u64,
    /// Neither a directory nor a symlink nor a device.
    pub regular: bool,
}

/// A file open for appending.
pub trait AppendFile: Send {
    /// Appends some of the bytes; says how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// `fdatasync`.
    fn sync_data(&mut self) -> io::Result<()>;
    /// Cuts the file there; what is written next begins at its new end.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
    /// Facts of the open file, wherever its name leads by now.
    fn facts(&self) -> io::Result<FileFacts>;
}

/// A file open for reading.
pub trait ReadFile: Send {
    /// Reads some bytes from an offset on; says how many, 0 at the end.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Length in bytes right now: a writer may be at work.
    fn size(&self) -> io::Result<u64>;
}

/// An open directory.
pub trait Directory {
    /// Makes renames, creations and removals in it durable.
    fn sync(&self) -> io::Result<()>;
}

/// Whatever is held until dropped.
pub trait LockGuard: Send + Sync {}

/// The file system. Every call may fail; none retries, but for [`Storage::lock`].
pub trait Storage: Send + Sync {
    /// Makes a directory (0700) and its parents, if missing.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// Facts of what the name leads to, through links; an error if that is no directory.
    fn dir_facts(&self, dir: &Path) -> io::Result<DirFacts>;
    /// Names in a directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Takes a lock that ends with the process; `WouldBlock` if another holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>>;
    /// A new file (0600) for appending; it must not exist.
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;
    /// An existing file for appending.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;
    /// An existing file for reading, never through a symlink.
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;
    /// Opens a file that somebody named, through links if they like: for verifying, never for the room's own log.
    fn open_any(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.open_read(path)
    }
    /// Facts of the name itself: a symlink is not followed.
    fn facts(&self, path: &Path) -> io::Result<FileFacts>;
    /// Puts a file under another name, over what has that name. Durable only after the directory is synced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Takes a name away. Durable only after the directory is synced.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Opens a directory, to sync it later.
    fn open_dir(&self, dir: &Path) -> io::Result<Box<dyn Directory>>;
    /// Makes renames, creations and removals in a directory durable. Where a failure must say that the *disk* failed, and not
    /// that descriptors had run out, the directory is opened before it is changed.
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.open_dir(dir)?.sync()
    }
    /// 0400: nothing is appended here any more.
    fn close_off(&self, path: &Path) -> io::Result<()>;
    /// A file that occupies so many bytes of the disk.
    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()>;
    /// Bytes that this user may still write.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

impl Directory for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Real files.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileStorage;

fn facts_of(meta: &std::fs::Metadata) -> FileFacts {
    FileFacts { dev: meta.dev(), ino: meta.ino(), links: meta.nlink(), size: meta.size(), regular: meta.is_file() }
}

impl AppendFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(self, bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn facts(&self) -> io::Result<FileFacts> {
        self.metadata().map(|meta| facts_of(&meta))
    }
}

impl ReadFile for File {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, into, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.metadata().map(|meta| meta.len())
    }
}

impl LockGuard for File {}

/// Options that every file of a log is opened with: never through a symlink, never inherited (std sets `O_CLOEXEC`).
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(libc::O_NOFOLLOW).mode(0o600);
    options
}

impl Storage for FileStorage {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }

    fn dir_facts(&self, dir: &Path) -> io::Result<DirFacts> {
        let meta = std::fs::metadata(dir)?;
        if !meta.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let kind = kind_of(statfs::statfs(dir)?.filesystem_type());
        Ok(DirFacts { mode: meta.mode() & 0o777, mine: meta.uid() == nix::unistd::geteuid().as_raw(), kind })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        let file = options().create(true).truncate(false).write(true).open(path)?;
        // A child that is just being started holds what its parent had open until its own program runs: a room that was
        // left a moment ago can be locked for that long.
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Box::new(file)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(options().create_new(true).append(true).open(path)?))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(options().append(true).open(path)?))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(options().read(true).open(path)?))
    }

    fn open_any(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(File::open(path)?))
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        std::fs::symlink_metadata(path).map(|meta| facts_of(&meta))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn open_dir(&self, dir: &Path) -> io::Result<Box<dyn Directory>> {
        Ok(Box::new(File::open(dir)?))
    }

    fn close_off(&self, path: &Path) -> io::Result<()> {
        let file = options().read(true).open(path)?;
        file.set_permissions(Permissions::from_mode(0o400))
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut file = options().create(true).truncate(false).append(true).open(path)?;
        let have = file.metadata()?.len();
        // Written, not only allocated: some file systems take allocation back, and all of them take a write seriously.
        let block = [0u8; 64 * 1024];
        let mut left = bytes.saturating_sub(have);
        while left > 0 {
            let part = left.min(block.len() as u64);
            file.write_all(&block[..usize::try_from(part).unwrap_or(block.len())])?;
            left -= part;
        }
        file.sync_data()
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = statfs::statfs(dir)?;
        Ok(stat.blocks_available().saturating_mul(u64::try_from(stat.block_size()).unwrap_or(0)))
    }
}

fn kind_of(kind: statfs::FsType) -> &'static str {
    // SMB 2 and later has a number of its own, which nix does not name.
    const SMB2: u32 = 0xFE53_4D42;
    const CIFS: u32 = 0xFF53_4D42;
    match kind {
        statfs::EXT4_SUPER_MAGIC => "ext",
        statfs::XFS_SUPER_MAGIC => "xfs",
        statfs::BTRFS_SUPER_MAGIC => "btrfs",
        statfs::NFS_SUPER_MAGIC => "nfs",
        statfs::FUSE_SUPER_MAGIC => "fuse",
        statfs::SMB_SUPER_MAGIC => "smb",
        statfs::OVERLAYFS_SUPER_MAGIC => "overlay",
        statfs::TMPFS_MAGIC => "tmpfs",
        // The low 32 bits are the number, whatever the width of the field.
        other if matches!(other.0 as u32, SMB2 | CIFS) => "smb",
        _ => "other",
    }
}

/// Repeats a call that was interrupted by a signal, within reason.
pub(super) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const TIMES: usize = 16;
    let mut last = call();
    for _ in 0..TIMES {
        match last {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => last = call(),
            done => return done,
        }
    }
    last
}

/// Writes everything, though single writes may be short or interrupted.
pub(super) fn write_all(file: &mut dyn AppendFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = retry(|| file.write(bytes))?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// True if the process or the host lacks descriptors or memory right now: trying again later is all that is needed.
pub(super) fn is_passing(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM))
}

/// True if the disk (or the user's share of it) is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
