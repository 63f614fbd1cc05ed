//! What opening a log takes: how, and what its steps need.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::Damage;
use super::reader::Segment;
use super::scan::Scan;
use super::sealer::Sealer;
use super::storage::{LockGuard, Storage};
use crate::clock::{Clock, Random};
use crate::model::entry::{EntryDraft, LogLine};
use crate::model::{Actor, Digest, Happening, SafeText};
use crate::seal;

/// How to open a log.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Its directory; made (0700) if missing.
    pub dir: PathBuf,
    /// The room's name, which every entry carries.
    pub room: String,
    /// The host that records.
    pub src: String,
    /// The executor's boot id.
    pub boot: String,
    /// A drill's log goes anywhere.
    pub drill: bool,
    /// The room's public key in OpenSSH format, for a new log's genesis; may be empty.
    pub key: String,
    /// Kinds of file system that are accepted though they may lose synced writes: `nfs`, `fuse`, `smb`.
    pub allow_fs: Vec<String>,
    /// Refuse the kinds that are not allowed.
    pub check_fs: bool,
    /// The form of the snapshot that the caller can go on from; `None` = read the whole log.
    pub snapshot: Option<String>,
}

/// What every step of opening needs.
pub(super) struct Opening {
    pub options: OpenOptions,
    pub storage: Arc<dyn Storage>,
    pub sealer: Sealer,
    pub random: Random,
    pub clock: Clock,
    pub warnings: Vec<SafeText>,
    pub lock: Box<dyn LockGuard>,
}

/// The chain of a whole directory.
#[derive(Default)]
pub(super) struct Survey {
    pub segments: Vec<Segment>,
    pub head: (u64, Digest),
    /// Damage in what is closed.
    pub closed: Option<Damage>,
    /// The newest segment, and how far it is good.
    pub newest: Option<(PathBuf, Scan)>,
    pub log_id: String,
    /// Tails that `recovered` entries speak of.
    pub noted: BTreeSet<Digest>,
    /// What a snapshot shows of the log: durable entries are gone, or are others now.
    pub unlike_snapshot: Option<SafeText>,
}

/// An entry of the room's own.
pub(super) fn by_room(happening: impl Into<Happening>) -> EntryDraft {
    EntryDraft { incident: None, by: Actor::room(), happening: happening.into(), text: None }
}

/// The log that a first line begins.
pub(super) fn id_of(genesis: &[u8]) -> String {
    let line = String::from_utf8_lossy(genesis).into_owned();
    match seal::decode(&LogLine { line, body: None }).map(|entry| entry.happening) {
        Ok(Happening::Genesis(genesis)) => genesis.log,
        _ => String::new(),
    }
}
