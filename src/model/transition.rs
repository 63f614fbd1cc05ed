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
    ($($family:ident $prefix:literal $(of $topic:ident)? { $($variant:ident $word:literal = $meaning:expr;)* })*) => {
        /// What a change is of: `probe.failing` and `probe.ok` are of one family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TransitionFamily {
            $($family,)*
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
            $($($variant,)*)*
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
    Alert "alert" of Alerts {
        AlertFiring "firing" = Meaning::begins().and_ends(&[TransitionKind::AlertSilenced]).moving_a_clock();
        AlertSilenced "silenced" = Meaning::state().and_ends(&[TransitionKind::AlertFiring]);
        AlertResolved "resolved" = Meaning::ends(&[TransitionKind::AlertFiring, TransitionKind::AlertSilenced]);
        AlertGone "gone" = Meaning::ends(&[TransitionKind::AlertFiring, TransitionKind::AlertSilenced]);
    }
    Watchdog "watchdog" of Alerts {
        WatchdogMissing "missing" = Meaning::begins();
        WatchdogSeen "seen" = Meaning::ends(&[TransitionKind::WatchdogMissing]);
    }
    ControlPlane "control_plane" of Clusters {
        ControlPlaneFailing "failing" = Meaning::begins();
        ControlPlaneOk "ok" = Meaning::ends(&[TransitionKind::ControlPlaneFailing]);
    }
    Node "node" of Clusters {
        NodeNotReady "not_ready" = Meaning::begins();
        NodeReady "ready" = Meaning::ends(&[TransitionKind::NodeNotReady]);
    }
    Source "source" {
        SourceLost "lost" = Meaning::begins();
        SourceBack "back" = Meaning::ends(&[TransitionKind::SourceLost]);
    }
    Probe "probe" of Traffic {
        ProbeFailing "failing" = Meaning::begins().moving_a_clock();
        ProbeOk "ok" = Meaning::ends(&[TransitionKind::ProbeFailing]);
    }
    Traffic "traffic" of Traffic {
        TrafficOrder "order" = Meaning::state();
        TrafficMoved "moved" = Meaning::state();
    }
    Service "service" of Traffic {
        ServiceRecovered "recovered" = Meaning::event().moving_a_clock();
    }
    Gitops "gitops" of Gitops {
        GitopsParity "parity" = Meaning::state().and_ends(&[TransitionKind::GitopsDrift]);
        GitopsDrift "drift" = Meaning::begins().and_ends(&[TransitionKind::GitopsParity]).after(60);
    }
    Backup "backup" of Backups {
        BackupUsable "usable" = Meaning::newest().and_ends(&[TransitionKind::BackupOverdue, TransitionKind::BackupMissed]).moving_a_clock();
        BackupOverdue "overdue" = Meaning::begins().after(60);
        BackupMissed "missed" = Meaning::begins();
        BackupVanished "vanished" = Meaning::event();
    }
    Location "location" of Backups {
        LocationUnavailable "unavailable" = Meaning::begins().after(60);
        LocationOk "ok" = Meaning::ends(&[TransitionKind::LocationUnavailable]);
    }
    Restore "restore" of Backups {
        RestoreStarted "started" = Meaning::state();
        RestoreCompleted "completed" = Meaning::state().and_ends(&[TransitionKind::RestoreStuck, TransitionKind::RestoreStarted]);
        RestoreFailed "failed" = Meaning::state().and_ends(&[TransitionKind::RestoreStuck, TransitionKind::RestoreStarted]);
        RestoreStuck "stuck" = Meaning::begins();
    }
    Slo "slo" of Slo {
        SloBurning "burning" = Meaning::begins();
        SloOk "ok" = Meaning::ends(&[TransitionKind::SloBurning]);
        SloExhausted "exhausted" = Meaning::state();
    }
    Log "log" {
        LogDamaged "damaged" = Meaning::event().always_recorded();
        LogFills "fills" = Meaning::event().always_recorded();
    }
    Recording "recording" {
        RecordingBack "back" = Meaning::event().always_recorded();
    }
    Clock "clock" {
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
