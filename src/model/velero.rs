//! What Velero's objects say.

use serde::{Deserialize, Serialize};

use super::open_enum::Open;
use super::{SafeText, Stamp};

/// A Velero Schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// `metadata.namespace`: the one Velero runs in.
    pub namespace: String,
    /// `metadata.name`: what its backups are labelled with, and what the configuration names.
    pub name: SafeText,
    /// `Enabled`, `FailedValidation`, …; empty while Velero has not looked at it.
    pub phase: Open,
    /// `spec.paused`: Velero starts no run of it.
    pub paused: bool,
    /// `spec.schedule`: five cron fields or `@every …`, UTC unless it names a zone.
    pub cron: SafeText,
    /// When a backup was last *submitted*; not a success.
    pub last_submitted: Option<Stamp>,
    /// The location that its backups go to; empty = Velero's default one.
    pub location: SafeText,
    /// `status.validationErrors`, at most 64; empty while its spec is good.
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
    /// Patterns of namespaces that are left out of those that are included; empty = none.
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

impl OffSite {
    /// Whether a restore point's volumes are off the failed site, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Yes => "off-site",
            Self::No => "on the source's own storage",
            Self::NoVolumes => "none that is known",
            Self::Unknown => "nothing proves that its volumes are off-site",
        }
    }
}

/// A Velero Backup as a candidate restore point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestorePoint {
    /// Name, in the configuration, of the cluster it was read from: a synced copy is another fact.
    pub cluster: String,
    /// `metadata.namespace`: the one Velero runs in.
    pub namespace: String,
    /// `metadata.name`, the same on every cluster that syncs from its bucket.
    pub name: SafeText,
    /// `metadata.uid`: of a synced copy another one than of the original.
    pub uid: String,
    /// The schedule that made it, by its label, which synced copies keep; `None` = somebody made it at will.
    pub schedule: Option<SafeText>,
    /// Only `Completed` can be restored from; empty while Velero has not picked it up.
    pub phase: Open,
    /// Data is at least as old as this.
    pub started: Option<Stamp>,
    /// `None` = it has not ended, or the server does not say when.
    pub completed: Option<Stamp>,
    /// When Velero deletes it and its data; `None` = never said. What expires within the hour is not used.
    pub expires: Option<Stamp>,
    /// The location (name) that holds it, by its spec or else its label; empty if neither names one.
    pub location: SafeText,
    /// Patterns; empty, or `*`, = all namespaces. At most 64 are kept.
    pub included_namespaces: Vec<SafeText>,
    /// Patterns of what is left out of those; at most 64 are kept.
    pub excluded_namespaces: Vec<SafeText>,
    /// `status.errors`.
    pub errors: u64,
    /// `status.warnings`; said beside the point, and it counts all the same.
    pub warnings: u64,
    /// Why it failed: `failureReason`, else the first three validation errors; empty if it did not.
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
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// `metadata.name`.
    pub name: SafeText,
    /// The Backup (name) that owns it, else by its label, which is cut at 63 characters.
    pub backup: SafeText,
    /// Only `Completed` means that the volume's data is in the bucket.
    pub phase: Open,
    /// When the copying began; `None` = not yet.
    pub started: Option<Stamp>,
}

/// One volume on its way back, file by file (a PodVolumeRestore).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeRestore {
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// `metadata.name`.
    pub name: SafeText,
    /// The Restore (name) that owns it, else by its label, which is cut at 63 characters.
    pub restore: SafeText,
    /// `Completed` counts as back; every other word does not.
    pub phase: Open,
    /// Bytes that are back, by its own progress.
    pub bytes_done: u64,
    /// Bytes there are in all, by its own progress; 0 until that is known.
    pub bytes_total: u64,
}

/// One volume on its way back from a moved snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataDownload(pub VolumeRestore);

/// A Velero BackupStorageLocation; its validation time is Velero's heartbeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// `metadata.namespace`: the one Velero runs in.
    pub namespace: String,
    /// `metadata.name`: what backups name as their location.
    pub name: SafeText,
    /// `Available`, `Unavailable`; empty = never validated. It stays `Available` when Velero is dead.
    pub phase: Open,
    /// `ReadWrite` when the server left it out.
    pub access_mode: Open,
    /// `spec.default`: schedules that name no location use it.
    pub default: bool,
    /// When Velero last reached it, by its cluster's clock; `None` = never. Too long ago means that Velero may be dead.
    pub last_validated: Option<Stamp>,
    /// Seconds; 0 = validation is off, so there is no heartbeat.
    pub validation_every_s: u64,
    /// When Velero last looked there for backups of others; `None` = never.
    pub last_synced: Option<Stamp>,
    /// Seconds between looks for new backups in the bucket; 0 = never.
    pub sync_every_s: u64,
    /// What Velero says is wrong with it; empty while nothing is.
    pub message: SafeText,
    /// Where it keeps its data: provider, bucket and prefix. Equal on two clusters = the same backups.
    pub store: SafeText,
    /// Where that provider is reached, if the location says so; empty = the provider's own place.
    pub endpoint: SafeText,
}

/// A Velero Restore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    /// Name, in the configuration, of the cluster it was read from, which is where it restores to.
    pub cluster: String,
    /// `metadata.namespace`: the one Velero runs in.
    pub namespace: String,
    /// `metadata.name`; one that a plan makes is called `wr-` and the beginning of the plan's digest.
    pub name: SafeText,
    /// `metadata.uid`.
    pub uid: String,
    /// The Backup (name) that it is of; empty where it names a schedule and Velero has not chosen yet.
    pub backup: SafeText,
    /// Empty or `New` = it waits for Velero, which does one at a time; `Completed` does not mean that all came back.
    pub phase: Open,
    /// When Velero began it, by its cluster's clock; `None` = it waits.
    pub started: Option<Stamp>,
    /// When it ended, by its cluster's clock; `None` = it has not.
    pub completed: Option<Stamp>,
    /// `status.progress.itemsRestored`: items looked at, those that were skipped too.
    pub items_done: u64,
    /// `status.progress.totalItems`: may still rise while it runs.
    pub items_total: u64,
    /// `status.errors`.
    pub errors: u64,
    /// `status.warnings`: mostly items that existed already and were skipped.
    pub warnings: u64,
    /// Why it failed: `failureReason`, else the first three validation errors; empty if it did not.
    pub failure: SafeText,
    /// The full plan digest that this program put on it, if it did.
    pub plan_digest: Option<String>,
    /// `metadata.creationTimestamp`: what waits is counted from here.
    pub created: Option<Stamp>,
    /// When anything of it last moved: by the object's own record, or as we saw it (the board knows).
    pub moved: Option<Stamp>,
    /// Volumes that are back, of how many; filled in by the board.
    pub volumes_done: u32,
    /// Volumes that there are in all, as far as their objects are there; filled in by the board.
    pub volumes_total: u32,
    /// Bytes of volumes, likewise.
    pub bytes_done: u64,
    /// Bytes there are in all, as far as their objects say; filled in by the board.
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
