//! The timeline until T+14.

use std::collections::BTreeMap;

use crate::approval::{PlanState, Plans};
use crate::model::entry::{Closed, Decision, Entry, Joined, Note, Opened, Set, Transition};
use crate::model::{Actor, Digest, Happening, IncidentId, IncidentStatus, PersonId, SafeText, Severity, Stamp};
use crate::timeline::{Clocks, Incident, Item, StatedClocks, Story};

use super::fixture::{at, person};
use super::plans;

fn item(seq: u64, at: Stamp, by: Actor, happening: impl Into<Happening>, text: &str) -> Item {
    let entry = Entry {
        seq,
        batch: seq,
        ts: at,
        boot: "b007".to_owned(),
        mono: seq * 1000,
        room: "prod-ca".to_owned(),
        incident: Some(IncidentId::from("INC-2026-11-22-01")),
        by,
        src: "bastion-1".to_owned(),
        happening: happening.into(),
        text: (!text.is_empty()).then(|| SafeText::from(text)),
        prev: Digest([0; 32]),
        hash: Digest([seq as u8; 32]),
    };
    let (amended_by, marks, text) = (Vec::new(), Vec::new(), SafeText::from(text));
    Item { at, placed: at, text, amended_by, redacted_by: None, pinned: false, marks, entry }
}

fn transition(seq: u64, when: Stamp, name: &str, verdict: &str, says: &str) -> Item {
    let edge = Transition {
        edge: name.into(),
        at: when,
        source: "alertmanager/am-1".to_owned(),
        subject: SafeText::from(if name == "gitops.parity" { "dr" } else { "etcdMembersDown" }),
        service: Some("shop".to_owned()),
        verdict: verdict.to_owned(),
        says: SafeText::from(says),
        figures: serde_json::Value::Null,
    };
    item(seq, when, Actor::room(), edge, says)
}

/// The probe of shop turns, at the end of the timeline.
pub fn turn(incident: &mut Incident, seq: u64, good: bool) {
    let (name, verdict, says) = match good {
        true => ("probe.ok", "ok", "shop answers"),
        false => ("probe.failing", "critical", "shop fails"),
    };
    incident.items.push(transition(seq, at("14:55:30"), name, verdict, says));
}

/// The incident until T+14.
pub fn incident() -> Incident {
    let id = IncidentId::from("INC-2026-11-22-01");
    let set = |status| Set { status: Some(status), ..Set::default() };
    let commander = Set { commander: Some(PersonId::from("ana")), ..Set::default() };
    let opened = Opened { incident: id.clone(), severity: Severity::Sev1, detected_at: Some(at("14:41:00")) };
    let restore = plans::record(plans::restore(), PlanState::Proposed, at("14:55:02"), 20);
    let failover = plans::failover_done();
    let plans = BTreeMap::from([(failover.plan.plan.clone(), failover), (restore.plan.plan.clone(), restore)]);
    Incident {
        id,
        title: SafeText::from("etcd corruption, primary"),
        severity: Severity::Sev1,
        status: IncidentStatus::Mitigating,
        commander: Some(PersonId::from("ana")),
        people: [("ana", "14:42:10"), ("sam", "14:47:30"), ("lee", "14:52:05")]
            .map(|(name, when)| (PersonId::from(name), at(when)))
            .into(),
        opened_at: at("14:41:00"),
        closed_at: None,
        after: None,
        clocks: Clocks {
            impact: Some((at("14:37:00"), 2)),
            detection: Some((at("14:41:00"), 3)),
            decision: Some((at("14:49:00"), 8)),
            recovery: None,
            rpo_s: Some(480),
            stated: StatedClocks::default(),
            rpo_seq: Some(2),
        },
        items: vec![
            transition(
                2,
                at("14:37:00"),
                "probe.failing",
                "critical",
                "Probe shop fails: 503 from primary; newest restore point shop-hourly-1429 is 8 min old",
            ),
            transition(
                3,
                at("14:41:00"),
                "alert.firing",
                "critical",
                "Alert etcdMembersDown fires on primary → pagerduty",
            ),
            item(4, at("14:41:00"), Actor::room(), opened, "etcd corruption, primary"),
            item(5, at("14:42:10"), person("ana"), Joined {}, ""),
            item(6, at("14:42:30"), person("ana"), commander, ""),
            item(
                7,
                at("14:45:00"),
                person("ana"),
                Note { at: None },
                "etcd corruption confirmed with etcdctl on all three members",
            ),
            item(8, at("14:49:00"), person("ana"), Decision { at: None }, "fail over to DR"),
            item(9, at("14:49:10"), person("ana"), set(IncidentStatus::Mitigating), ""),
            transition(16, at("14:50:58"), "traffic.moved", "ok", "Traffic of shop moved from primary to dr"),
            transition(17, at("14:53:00"), "gitops.parity", "ok", "GitOps: 12 of 12 apps healthy on dr"),
        ],
        index: Default::default(),
        redactions: Default::default(),
        plans: Plans { by_id: plans },
        services: vec!["shop".to_owned()],
    }
}

/// The incident as it ended: restored at T+18, all traffic answered on DR at T+23, then closed.
pub fn whole() -> Incident {
    let mut incident = incident();
    let restored = plans::restore_done();
    incident.items.extend([
        transition(
            28,
            at("14:59:00"),
            "restore.completed",
            "ok",
            "Restore of shop on dr completed, from shop-hourly-1429",
        ),
        transition(30, at("15:04:00"), "probe.ok", "ok", "Probe shop is answered by dr: 200"),
        item(31, at("15:06:20"), person("ana"), Set { status: Some(IncidentStatus::Resolved), ..Set::default() }, ""),
        item(32, at("15:12:00"), person("ana"), Closed::default(), ""),
    ]);
    incident.plans.by_id.insert(restored.plan.plan.clone(), restored);
    incident.status = IncidentStatus::Closed;
    incident.clocks.recovery = Some((at("15:04:00"), 30));
    incident.closed_at = Some(at("15:12:00"));
    incident
}

/// The log's story.
pub fn story() -> Story {
    Story { incidents: vec![incident()], entries: 20, ..Story::default() }
}
