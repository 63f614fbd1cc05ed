//! What Velero's objects say.

use serde::{Deserialize, Serialize};

use super::open_enum::Open;
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
    /// When Velero comes back it leaves out the run that is overdue, instead of making up for all that it missed with one.
    pub skip_immediately: bool,
}

/// What a Backup holds, or what a Restore asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// None, or `*`: all.
    pub included_namespaces: Vec<SafeText>,
    pub excluded_namespaces: Vec<SafeText>,
    /// Why it may be less than everything in these namespaces, in words.
    pub less: Vec<SafeText>,
}

impl Scope {
    /// Why it is not everything in these namespaces; `None` = it is, as far as a scope can tell.
    pub fn gap(&self, namespaces: &[String]) -> Option<String> {
        let outside =
            namespaces.iter().find_map(|it| outside(&self.included_namespaces, &self.excluded_namespaces, it));
        outside.or_else(|| self.less.first().map(SafeText::to_string))
    }
}

/// Why a list of namespaces does not hold this one; `None` = it does.
pub fn outside(included: &[SafeText], excluded: &[SafeText], namespace: &str) -> Option<String> {
    let any = |patterns: &[SafeText]| patterns.iter().any(|pattern| glob(pattern.as_str(), namespace));
    match () {
        () if !included.is_empty() && !any(included) => Some(format!("it does not cover namespace {namespace}")),
        () if any(excluded) => Some(format!("it leaves out namespace {namespace}")),
        () => None,
    }
}

/// Velero's namespace patterns: `*` matches anything, `?` one character; the rest is literal.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            star = Some((star_p, star_t + 1));
            p = star_p + 1;
            t = star_t + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
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
    /// When it was made: for one that has not begun. A synced copy was made anew.
    pub created: Option<Stamp>,
    /// When anything of it was last written, by the server's own record.
    pub written: Option<Stamp>,
    /// How many items it holds; `None` = that was not recorded.
    pub items: Option<u64>,
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
    /// The schedule whose backup it is of, as Velero wrote it down.
    #[serde(default)]
    pub schedule: SafeText,
    /// What it asks for.
    #[serde(default)]
    pub scope: Scope,
    /// What its backup holds, if that is still known; filled in by the board.
    #[serde(default)]
    pub backup_scope: Option<Scope>,
}

impl Restore {
    /// Items that were brought back at most: Velero counts each item that it looked at, also one that exists already and
    /// is skipped with a warning.
    pub fn items_restored(&self) -> u64 {
        self.items_done.saturating_sub(self.warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, glob};

    #[test]
    fn namespaces_match_by_glob() {
        for (pattern, text, is) in [
            ("*", "shop", true),
            ("shop", "shop", true),
            ("shop", "shops", false),
            ("shop-*", "shop-eu", true),
            ("shop-*", "shop", false),
            ("*-eu", "shop-eu", true),
            ("s*p", "shop", true),
            ("s*x*p", "shop", false),
            ("sh?p", "shop", true),
            ("", "shop", false),
            ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(glob(pattern, text), is, "{pattern} against {text}");
        }
    }

    #[test]
    fn a_scope_has_a_gap_where_anything_is_outside_or_left_out() {
        let of = |included: &[&str], excluded: &[&str], less: &[&str]| {
            let all = |names: &[&str]| names.iter().map(|it| (*it).into()).collect();
            let scope =
                Scope { included_namespaces: all(included), excluded_namespaces: all(excluded), less: all(less) };
            scope.gap(&["shop".to_owned(), "pay".to_owned()])
        };
        assert_eq!(of(&[], &[], &[]), None, "no list means all namespaces");
        assert_eq!(of(&["*"], &["kube-*"], &[]), None);
        assert_eq!(of(&["shop"], &[], &[]), Some("it does not cover namespace pay".into()));
        assert_eq!(of(&[], &["p*"], &[]), Some("it leaves out namespace pay".into()));
        assert_eq!(of(&[], &[], &["only secrets"]), Some("only secrets".into()));
    }
}
