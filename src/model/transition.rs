//! The kinds of recorded changes: one table of their names and of what follows from each.
//!
//! What the configuration may name, what ends what, what an incident takes over from before it, and what may move a clock
//! are read from this table. A kind that this version does not know (from a later or an earlier log) is kept by its name
//! and means nothing but itself.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Topic;

/// What a kind of change means for others.
#[derive(Clone, Copy, Debug)]
struct Meaning {
    /// It begins something bad that lasts until another kind ends it.
    begins: bool,
    /// It tells the newest of something, which stands until the next is told.
    newest: bool,
    /// It tells how something is, until another kind tells it otherwise.
    stands: bool,
    /// How long it must have been so before it is worth an entry, seconds: until then it may be in passing.
    settles_s: u32,
    /// What is over when this is told of the same thing.
    ends: &'static [TransitionKind],
    /// It may move a clock of an incident.
    moves_clock: bool,
    /// It may be left out of the log by `[rules] ignore`.
    optional: bool,
}

impl Meaning {
    /// Told once, with nothing that it begins or ends.
    const fn event() -> Self {
        Self {
            begins: false,
            newest: false,
            stands: false,
            settles_s: 0,
            ends: &[],
            moves_clock: false,
            optional: true,
        }
    }

    const fn begins() -> Self {
        Self { begins: true, stands: true, ..Self::event() }
    }

    const fn newest() -> Self {
        Self { newest: true, stands: true, ..Self::event() }
    }

    const fn state() -> Self {
        Self { stands: true, ..Self::event() }
    }

    const fn after(self, settles_s: u32) -> Self {
        Self { settles_s, ..self }
    }

    const fn ends(ends: &'static [TransitionKind]) -> Self {
        Self { ends, ..Self::event() }
    }

    const fn and_ends(self, ends: &'static [TransitionKind]) -> Self {
        Self { ends, ..self }
    }

    const fn moving_a_clock(self) -> Self {
        Self { moves_clock: true, ..self }
    }

    /// About the record itself, so no rule can leave it out.
    const fn always_recorded(self) -> Self {
        Self { optional: false, ..self }
    }
}

macro_rules! edge_kinds {
    ($($(#[$of:meta])* $family:ident $prefix:literal $(of $topic:ident)? {
        $($(#[$doc:meta])* $variant:ident $word:literal = $meaning:expr;)*
    })*) => {
        /// What a change is of: `probe.failing` and `probe.ok` are of one family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TransitionFamily {
            $($(#[$of])* $family,)*
        }

        impl TransitionFamily {
            /// The part of a kind's name before the dot.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$family => $prefix,)*
                }
            }

            /// The table whose rows it tells of; `None` = the room's own, or that of the source it comes from.
            pub fn topic(self) -> Option<Topic> {
                match self {
                    $(Self::$family => [$(Topic::$topic)?].first().copied(),)*
                }
            }
        }

        /// A kind of recorded change, by its name in the log.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TransitionKind {
            $($($(#[$doc])* $variant,)*)*
            /// A kind of another version: kept, shown, and without any meaning here.
            Unknown(String),
        }

        impl TransitionKind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)*)*];

            /// The name in the log, on the wire and in the configuration.
            pub fn as_str(&self) -> &str {
                match self {
                    $($(Self::$variant => concat!($prefix, ".", $word),)*)*
                    Self::Unknown(name) => name,
                }
            }

            /// What it is of; `None` for a kind of another version.
            pub fn family(&self) -> Option<TransitionFamily> {
                match self {
                    $($(Self::$variant)|* => Some(TransitionFamily::$family),)*
                    Self::Unknown(_) => None,
                }
            }

            fn meaning(&self) -> Meaning {
                match self {
                    $($(Self::$variant => const { $meaning },)*)*
                    Self::Unknown(_) => Meaning::event(),
                }
            }
        }

        impl From<&str> for TransitionKind {
            fn from(name: &str) -> Self {
                match name {
                    $($(concat!($prefix, ".", $word) => Self::$variant,)*)*
                    _ => Self::Unknown(name.to_owned()),
                }
            }
        }
    };
}

edge_kinds! {
    /// An alert that is not a heartbeat, by its fingerprint.
    Alert "alert" of Alerts {
        /// Some Alertmanager tells of it, and somebody hears. It may open an incident.
        AlertFiring "firing" = Meaning::begins().and_ends(&[TransitionKind::AlertSilenced]).moving_a_clock();
        /// One that was told as firing still fires, and is silenced, muted or inhibited.
        AlertSilenced "silenced" = Meaning::state().and_ends(&[TransitionKind::AlertFiring]);
        /// It ended: every Alertmanager that could know vouches for it.
        AlertResolved "resolved" = Meaning::ends(&[TransitionKind::AlertFiring, TransitionKind::AlertSilenced]);
        /// Nobody holds it any more, and not every Alertmanager can vouch that it ended.
        AlertGone "gone" = Meaning::ends(&[TransitionKind::AlertFiring, TransitionKind::AlertSilenced]);
    }
    /// An alert that always fires, by its name.
    Watchdog "watchdog" of Alerts {
        /// No Alertmanager holds it: nothing proves that alerts still arrive.
        WatchdogMissing "missing" = Meaning::begins();
        /// An Alertmanager holds it again.
        WatchdogSeen "seen" = Meaning::ends(&[TransitionKind::WatchdogMissing]);
    }
    /// The API server of a cluster by its health endpoints; the subject is the cluster.
    ControlPlane "control_plane" of Clusters {
        /// A check of it fails, or neither endpoint is reached.
        ControlPlaneFailing "failing" = Meaning::begins();
        /// No check fails any more, and an endpoint answers.
        ControlPlaneOk "ok" = Meaning::ends(&[TransitionKind::ControlPlaneFailing]);
    }
    /// Nodes of a cluster, all those that changed at once in one transition; the subject is the cluster.
    Node "node" of Clusters {
        /// They are not ready, or their kubelets are silent; `figures.nodes` names them.
        NodeNotReady "not_ready" = Meaning::begins();
        /// They are ready and heard again, or are gone.
        NodeReady "ready" = Meaning::ends(&[TransitionKind::NodeNotReady]);
    }
    /// A source itself, as `system/instance`.
    Source "source" {
        /// What it told last is older than its data may be.
        SourceLost "lost" = Meaning::begins();
        /// It answers again; `figures.gap_s` says after how long.
        SourceBack "back" = Meaning::ends(&[TransitionKind::SourceLost]);
    }
    /// A probe, by its name.
    Probe "probe" of Traffic {
        /// A bad sample is in its window. The first one of an incident is the measured impact.
        ProbeFailing "failing" = Meaning::begins().moving_a_clock();
        /// Every sample in its window is good again.
        ProbeOk "ok" = Meaning::ends(&[TransitionKind::ProbeFailing]);
    }
    /// Where requests go: the order of pools at a load balancer, or the site that gives a service's answers.
    Traffic "traffic" of Traffic {
        /// A load balancer has other pools, another order or another fallback than at the look before.
        TrafficOrder "order" = Meaning::state();
        /// All answers of a service come from one site, and did not before.
        TrafficMoved "moved" = Meaning::state();
    }
    /// A service of the configuration as a whole, over all of its probes.
    Service "service" of Traffic {
        /// It had failed, and every sample of its probes is good. The last one is the measured recovery.
        ServiceRecovered "recovered" = Meaning::event().moving_a_clock();
    }
    /// All applications of a cluster together; the subject is the cluster.
    Gitops "gitops" of Gitops {
        /// All of them are deployed and healthy.
        GitopsParity "parity" = Meaning::state().and_ends(&[TransitionKind::GitopsDrift]);
        /// One of them at least is not, for a minute already.
        GitopsDrift "drift" = Meaning::begins().and_ends(&[TransitionKind::GitopsParity]).after(60);
    }
    /// The restore points of a schedule, by the schedule's name.
    Backup "backup" of Backups {
        /// Another one than was told is the newest that could be restored from.
        BackupUsable "usable" = Meaning::newest().and_ends(&[TransitionKind::BackupOverdue, TransitionKind::BackupMissed]).moving_a_clock();
        /// The newest that could be restored from is older than the RPO of a service, or there is none.
        BackupOverdue "overdue" = Meaning::begins().after(60);
        /// The schedule has left out more of its runs than was told.
        BackupMissed "missed" = Meaning::begins();
        /// Several that had not expired are gone at once.
        BackupVanished "vanished" = Meaning::event();
    }
    /// A backup storage location on one cluster, by its name.
    Location "location" of Backups {
        /// It was validated once, and is not available or not validated for too long.
        LocationUnavailable "unavailable" = Meaning::begins().after(60);
        /// It is available, and was validated lately.
        LocationOk "ok" = Meaning::ends(&[TransitionKind::LocationUnavailable]);
    }
    /// A Velero Restore on one cluster, by its name, whoever made it.
    Restore "restore" of Backups {
        /// Velero has picked it up.
        RestoreStarted "started" = Meaning::state();
        /// Its phase is `Completed`, which does not mean that anything came back: `says` tells.
        RestoreCompleted "completed" = Meaning::state().and_ends(&[TransitionKind::RestoreStuck, TransitionKind::RestoreStarted]);
        /// It ended in any other phase, `PartiallyFailed` too.
        RestoreFailed "failed" = Meaning::state().and_ends(&[TransitionKind::RestoreStuck, TransitionKind::RestoreStarted]);
        /// It runs, and nothing of it has moved for ten minutes.
        RestoreStuck "stuck" = Meaning::begins();
    }
    /// The error budget of a service, by the service's name.
    Slo "slo" of Slo {
        /// It burns so fast that somebody would be paged.
        SloBurning "burning" = Meaning::begins();
        /// It no longer burns so fast.
        SloOk "ok" = Meaning::ends(&[TransitionKind::SloBurning]);
        /// Nothing of it is left for the period.
        SloExhausted "exhausted" = Meaning::state();
    }
    /// The log itself.
    Log "log" {
        /// It is not what was written: a part of it can't be verified.
        LogDamaged "damaged" = Meaning::event().always_recorded();
        /// Most or all of its quota is used, or its disk will be full before that.
        LogFills "fills" = Meaning::event().always_recorded();
    }
    /// Whether the room records.
    Recording "recording" {
        /// It records again after the disk was full; `figures` says from when to when it did not.
        RecordingBack "back" = Meaning::event().always_recorded();
    }
    /// The wall clock of the room's host.
    Clock "clock" {
        /// It moved against the boot clock: times before and after can't be compared.
        ClockStepped "stepped" = Meaning::event().always_recorded();
    }
}

impl TransitionFamily {
    /// Whether it tells of a source itself, so of everything that comes from it.
    pub fn is_of_a_source(self) -> bool {
        self == Self::Source
    }
}

impl TransitionKind {
    /// Whether it begins something bad that lasts until it is ended. An incident that begins meanwhile adopts it.
    pub fn begins(&self) -> bool {
        self.meaning().begins
    }

    /// Whether it tells the newest of something, which an incident adopts however old it is.
    pub fn is_newest(&self) -> bool {
        self.meaning().newest
    }

    /// What is over when this is told of the same thing.
    pub fn ends(&self) -> &'static [Self] {
        self.meaning().ends
    }

    /// Whether it tells how something is, until another kind tells it otherwise.
    pub fn stands(&self) -> bool {
        self.meaning().stands
    }

    /// How long it must have been so before it is worth an entry, in seconds. Tools pass through such states all the time: a
    /// reconciliation, a validation.
    pub fn settles_s(&self) -> i64 {
        i64::from(self.meaning().settles_s)
    }

    /// Whether it may move a clock of an incident.
    pub fn moves_clock(&self) -> bool {
        self.meaning().moves_clock
    }

    /// The names that `[rules] ignore` may hold, families apart.
    pub fn ignorable() -> Vec<&'static str> {
        Self::ALL.iter().filter(|kind| kind.meaning().optional).map(Self::as_str).collect()
    }

    /// Whether a pattern of `[rules] ignore` is about it: its name, `family.*` or `*`.
    pub fn is_ignored_by(&self, pattern: &str) -> bool {
        self.meaning().optional
            && match pattern.strip_suffix('*') {
                Some(prefix) => self.as_str().starts_with(prefix),
                None => self.as_str() == pattern,
            }
    }
}

impl fmt::Display for TransitionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TransitionKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TransitionKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_its_kind_and_an_unknown_one_is_kept() {
        for kind in TransitionKind::ALL {
            assert_eq!(TransitionKind::from(kind.as_str()), *kind);
            assert_eq!(serde_json::to_string(kind).expect("text"), format!("\"{kind}\""));
            let family = kind.family().expect("a family").name();
            assert_eq!(kind.as_str().split_once('.').map(|(it, _)| it), Some(family));
        }
        let later: TransitionKind = serde_json::from_str("\"quorum.lost\"").expect("an unknown kind");
        assert_eq!((later.as_str(), later.family()), ("quorum.lost", None));
        assert!(!later.begins() && later.ends().is_empty() && !later.moves_clock() && !later.is_newest());
        assert_eq!(serde_json::to_string(&later).expect("text"), "\"quorum.lost\"");
    }

    #[test]
    fn what_begins_can_end_and_what_ends_had_begun() {
        for kind in TransitionKind::ALL {
            let enders = TransitionKind::ALL.iter().filter(|it| it.ends().contains(kind)).count();
            assert!(enders > 0 || !kind.begins(), "{kind} can end");
            assert!(kind.ends().iter().all(|ended| ended.family() == kind.family()), "{kind} ends its own family");
        }
    }

    #[test]
    fn only_what_is_about_the_record_itself_cannot_be_ignored() {
        let names = TransitionKind::ignorable();
        assert!(names.contains(&"alert.silenced") && !names.contains(&"log.damaged"));
        assert_eq!(names.len() + 4, TransitionKind::ALL.len());
        assert!(
            TransitionKind::AlertSilenced.is_ignored_by("alert.*") && TransitionKind::AlertSilenced.is_ignored_by("*")
        );
        assert!(
            !TransitionKind::AlertSilenced.is_ignored_by("alert.firing")
                && !TransitionKind::LogDamaged.is_ignored_by("*")
        );
    }
}
