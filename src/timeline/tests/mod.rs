//! Tests of the fold, and the story that the export's tests tell too.

mod firings;
pub(crate) mod properties;
mod rules;

use chrono::TimeDelta;
use serde_json::json;

use super::{EntrySource, Incident, Item, Story, WantedSeqs};
use crate::model::entry::*;
use crate::model::{
    Actor, Digest, Entry, Happening, Host, IncidentId, Level, Objective, PersonId, Severity, Stamp, Strategy,
};

pub(crate) const INCIDENT: &str = "INC-2026-03-02-01";

pub(crate) fn at(clock: &str) -> Stamp {
    format!("2026-03-02T{clock}Z").parse().expect("a time")
}

pub(crate) fn person(name: &str) -> Actor {
    Actor { person: PersonId::from(name), uid: None, level: Level::Drill, login: None, simulated: name == "lee" }
}

/// A log in the making.
pub(crate) struct Log {
    pub entries: Vec<Entry>,
    incident: Option<IncidentId>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), incident: None }
    }

    pub(crate) fn add(&mut self, ts: Stamp, by: Actor, happening: impl Into<Happening>, text: Option<&str>) -> u64 {
        let seq = self.entries.len() as u64 + 1;
        let happening = happening.into();
        if let Happening::Opened(opened) = &happening {
            self.incident = Some(opened.incident.clone());
        }
        self.entries.push(Entry {
            seq,
            batch: seq,
            ts,
            boot: "boot".into(),
            mono: seq,
            room: "drill".into(),
            incident: self.incident.clone(),
            by,
            src: "bastion".into(),
            happening,
            text: text.map(Into::into),
            prev: Digest([0; 32]),
            hash: Digest([1; 32]),
        });
        seq
    }

    pub(crate) fn room(&mut self, ts: Stamp, happening: impl Into<Happening>) -> u64 {
        self.add(ts, Actor::room(), happening, None)
    }

    pub(crate) fn transition(&mut self, name: &str, happened: Stamp, subject: &str, figures: serde_json::Value) -> u64 {
        let late = happened + TimeDelta::seconds(3);
        self.room(late, transition(name, happened, subject, figures))
    }

    pub(crate) fn open(&mut self, ts: Stamp, detected_at: Option<Stamp>) -> u64 {
        let opened = Opened { incident: IncidentId::from(INCIDENT), severity: Severity::Sev1, detected_at };
        self.add(ts, Actor::room(), opened, Some("etcdMembersDown"))
    }

    /// What follows belongs to no incident.
    pub(crate) fn outside(&mut self) {
        self.incident = None;
    }

    pub(crate) fn note(&mut self, ts: Stamp, by: &str, text: &str) -> u64 {
        self.add(ts, person(by), Note { at: None }, Some(text))
    }

    pub(crate) fn fold(&self) -> Story {
        fold(&self.entries)
    }
}

/// A log that is read again and again.
pub(crate) struct ReadAgain<'a>(pub &'a [Entry]);

impl EntrySource for ReadAgain<'_> {
    fn entries(&self, wanted: WantedSeqs<'_>, take: &mut dyn FnMut(Entry) -> std::fmt::Result) -> std::fmt::Result {
        self.0.iter().filter(|entry| wanted(entry.seq)).cloned().try_for_each(take)
    }
}

pub(crate) fn fold(entries: &[Entry]) -> Story {
    let mut story = Story::default();
    for entry in entries {
        story.apply(entry);
    }
    story
}

pub(crate) fn transition(name: &str, happened: Stamp, subject: &str, figures: serde_json::Value) -> Transition {
    Transition {
        edge: name.into(),
        at: happened,
        source: "probe/shop".into(),
        subject: subject.into(),
        service: Some("shop".into()),
        verdict: if name == "alert.firing" { "critical" } else { "info" }.into(),
        says: format!("{name} of {subject}").into(),
        figures,
    }
}

pub(crate) fn objective() -> Objective {
    Objective {
        service: "shop".into(),
        rto_s: 1800,
        rpo_s: 900,
        strategy: Strategy::WarmStandby,
        primary: "primary".into(),
        dr: vec!["dr".into()],
        schedules: vec!["shop-hourly".into()],
        namespaces: vec!["shop".into()],
        apps: vec!["shop-*".into()],
        hosts: vec![Host::new("shop.example", Some("primary"), [("dr", "dr")])],
        probes: vec!["shop".into()],
    }
}

/// A request to remove the text of an entry; its number.
pub(crate) fn redact_asked(log: &mut Log, ts: Stamp, by: &str, seq: u64, why: &str) -> u64 {
    let proposal = log.add(ts, person(by), RedactProposed { seq, quorum: 2, level: Level::Account }, Some(why));
    log.entries[proposal as usize - 1].hash = Digest([proposal as u8; 32]);
    proposal
}

/// Another person confirms it, and the room removes the text; the number of the entry that says so.
pub(crate) fn redact_confirmed(log: &mut Log, ts: Stamp, by: &str, seq: u64, proposal: u64) -> u64 {
    let hash = log.entries[proposal as usize - 1].hash;
    log.add(ts, person(by), RedactApproved { seq, proposal, hash }, None);
    log.room(ts, Redact { seq, proposal: Some(proposal) })
}

/// What the room recorded stands as the log has it. What a person wrote of an earlier time stands after what was recorded by
/// then and before whatever speaks of it.
pub(crate) fn assert_in_order(incident: &Incident) {
    let told: Vec<u64> = incident.items.iter().filter(|it| !it.is_moved()).map(|it| it.entry.seq).collect();
    assert!(told.is_sorted(), "{told:?}");
    for (i, item) in incident.items.iter().enumerate() {
        let early = incident.items[..i].iter().find(|it| item.amended_by.contains(&it.entry.seq));
        assert!(early.is_none(), "{early:?} speaks of what stands after it");
        if item.is_moved() {
            let late = |it: &&Item| !it.is_moved() && it.entry.seq < item.entry.seq && it.entry.ts <= item.placed;
            assert_eq!(incident.items[i..].iter().find(late), None, "{item:?} stands before what was recorded by then");
        }
    }
}

/// The drill's story as a log: impact before detection, two persons, amendments, recovery.
pub(crate) fn story() -> Log {
    let mut log = Log::new();
    let point = json!({ "name": "shop-hourly-1429", "started": "2026-03-02T14:29:00Z", "services": ["shop"] });
    log.transition("backup.usable", at("14:36:55"), "shop-hourly", point);
    let lost = json!({ "restore_point": "shop-hourly-1429", "started": "2026-03-02T14:29:00Z", "status": 503 });
    log.transition("probe.failing", at("14:37:00"), "shop", lost);
    log.transition("control_plane.failing", at("14:37:05"), "primary", json!({ "failed": ["etcd"] }));
    log.open(at("14:41:04"), Some(at("14:41:00")));
    log.transition(
        "alert.firing",
        at("14:41:00"),
        "etcdMembersDown",
        json!({ "fingerprint": "f1", "severity": "critical" }),
    );
    log.transition(
        "alert.firing",
        at("14:41:01"),
        "KubeAPIDown",
        json!({ "fingerprint": "f2", "severity": "critical" }),
    );
    log.add(at("14:42:00"), person("ana"), Joined {}, None);
    log.add(at("14:42:10"), person("ana"), Set { commander: Some("ana".into()), ..Set::default() }, None);
    let note = log.note(at("14:45:00"), "ana", "etcd corruption confirmed with etcdctl | all members");
    log.add(at("14:45:30"), person("sam"), Joined {}, None);
    log.add(at("14:49:00"), person("ana"), Decision { at: None }, Some("fail over to DR"));
    log.transition("traffic.order", at("14:50:30"), "shop.example", json!({ "order": ["dr", "primary"] }));
    log.transition("traffic.moved", at("14:51:00"), "shop", json!({ "from": "primary", "to": "dr" }));
    log.transition("gitops.parity", at("14:53:00"), "dr", json!({ "ok": 12, "total": 12 }));
    log.transition("restore.started", at("14:54:50"), "wr-1", json!({}));
    log.transition("restore.completed", at("14:59:00"), "wr-1", json!({}));
    log.transition("probe.ok", at("15:03:30"), "shop", json!({}));
    log.transition("service.recovered", at("15:04:00"), "shop", json!({ "site": "dr", "good_percent": 100 }));
    let owner = Some(PersonId::from("sam"));
    log.add(at("15:06:00"), person("lee"), FollowUp { owner }, Some("why did `defrag` *not* run?"));
    log.add(at("15:07:00"), person("sam"), Amend { seq: note, at: Some(at("14:44:50")) }, None);
    log.add(at("15:08:00"), person("ana"), Pin { seq: note, pinned: true }, None);
    log.add(at("15:10:00"), person("ana"), Closed::default(), None);
    log
}
