//! What Velero's objects say.

use serde::{Deserialize, Serialize};

use super::facts::Open;
use super::{SafeText, Stamp};

/// A Velero Schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub cluster: String,
    pub namespace: String,
    pub name: SafeText,
    pub phase: Open,
    pub paused: bool,
    pub cron: SafeText,
    /// When a backup was last *submitted*; not a success.
    pub last_submitted: Option<Stamp>,
    pub location: SafeText,
    pub errors: Vec<SafeText>,
    /// When it was made: the first run is counted from here.
    pub created: Option<Stamp>,
    /// When a run was left out on purpose (`skipImmediately`); the next is counted from here.
    pub last_skipped: Option<Stamp>,
}

/// Whether volume data of a restore point is known to be outside the source's site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OffSite {
    /// Data was moved to the object store, all of it that was tried.
    Yes,
    /// Snapshots that stay on the source's storage.
    No,
    /// It is not known to hold any volume data: volumes, if there are any, come back empty.
    NoVolumes,
    /// Nothing proves either.
    Unknown,
}

/// A Velero Backup as a candidate restore point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestorePoint {
    pub cluster: String,
    pub namespace: String,
    pub name: SafeText,
    pub uid: String,
    pub schedule: Option<SafeText>,
    pub phase: Open,
    /// Data is at least as old as this.
    pub started: Option<Stamp>,
    pub completed: Option<Stamp>,
    pub expires: Option<Stamp>,
    pub location: SafeText,
    pub included_namespaces: Vec<SafeText>,
    pub excluded_namespaces: Vec<SafeText>,
    pub errors: u64,
    pub warnings: u64,
    pub failure: SafeText,
    /// `deletionTimestamp` is set.
    pub deleting: bool,
    /// By the Backup alone; the board adds what its volume backups say.
    pub off_site: OffSite,
    /// Why it may hold less than its namespaces, in words: selectors, kinds. Then nothing proves that it covers a service.
    pub limits: Vec<SafeText>,
    /// What it leaves out on purpose, in words. It covers the namespaces all the same.
    pub left_out: Vec<SafeText>,
}

/// One volume in a restore point, copied file by file (a PodVolumeBackup). Synced to the DR cluster with its Backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeBackup {
    pub cluster: String,
    pub name: SafeText,
    pub backup: SafeText,
    pub phase: Open,
    pub started: Option<Stamp>,
}

/// One volume on its way back, file by file (a PodVolumeRestore).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeRestore {
    pub cluster: String,
    pub name: SafeText,
    pub restore: SafeText,
    pub phase: Open,
    pub bytes_done: u64,
    pub bytes_total: u64,
}

/// One volume on its way back from a moved snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataDownload(pub VolumeRestore);

/// A Velero BackupStorageLocation; its validation time is Velero's heartbeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    pub cluster: String,
    pub namespace: String,
    pub name: SafeText,
    pub phase: Open,
    /// `ReadWrite` when the server left it out.
    pub access_mode: Open,
    pub default: bool,
    pub last_validated: Option<Stamp>,
    /// Seconds; 0 = validation is off, so there is no heartbeat.
    pub validation_every_s: u64,
    pub last_synced: Option<Stamp>,
    /// Seconds between looks for new backups in the bucket; 0 = never.
    pub sync_every_s: u64,
    pub message: SafeText,
    /// Where it keeps its data: provider, bucket and prefix. Equal on two clusters = the same backups.
    pub store: SafeText,
    /// Where that provider is reached, if the location says so; empty = the provider's own place.
    pub endpoint: SafeText,
}

/// A Velero Restore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    pub cluster: String,
    pub namespace: String,
    pub name: SafeText,
    pub uid: String,
    pub backup: SafeText,
    pub phase: Open,
    pub started: Option<Stamp>,
    pub completed: Option<Stamp>,
    pub items_done: u64,
    pub items_total: u64,
    pub errors: u64,
    pub warnings: u64,
    pub failure: SafeText,
    /// The full plan digest that this program put on it, if it did.
    pub plan_digest: Option<String>,
    pub created: Option<Stamp>,
    /// When anything of it last moved: by the object's own record, or as we saw it (the board knows).
    pub moved: Option<Stamp>,
    /// Volumes that are back, of how many; filled in by the board.
    pub volumes_done: u32,
    pub volumes_total: u32,
    /// Bytes of volumes, likewise.
    pub bytes_done: u64,
    pub bytes_total: u64,
}
