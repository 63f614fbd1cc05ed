//! Which firings an incident met, and what a new incident takes from the one before: nothing.

use super::*;
use crate::model::entry::{Closed, Folded};

const SECOND: &str = "INC-2026-03-02-02";

fn figures(alert: &str, began: &str) -> serde_json::Value {
    json!({ "fingerprint": alert, "severity": "critical", "starts_at": at(began) })
}

fn fires(log: &mut Log, alert: &str, began: &str) -> u64 {
    log.transition("alert.firing", at(began), alert, figures(alert, began))
}

fn firing(alert: &str, began: &str) -> Transition {
    transition("alert.firing", at(began), alert, figures(alert, began))
}

fn close(log: &mut Log, ts: &str) {
    log.add(at(ts), person("ana"), Closed::default(), None);
    log.outside();
}

#[test]
fn what_fired_while_an_incident_was_open_or_closed_opens_no_other() {
    let mut log = Log::new();
    fires(&mut log, "early", "12:00:00");
    fires(&mut log, "over", "12:01:00");
    log.transition("alert.resolved", at("12:30:00"), "over", json!({ "fingerprint": "over" }));
    fires(&mut log, "adopted", "14:30:00");
    log.open(at("14:41:04"), Some(at("14:41:00")));
    fires(&mut log, "opener", "14:41:00");
    fires(&mut log, "second", "14:45:00");
    close(&mut log, "15:00:00");
    let story = log.fold();
    for (alert, began) in
        [("early", "12:00:00"), ("adopted", "14:30:00"), ("opener", "14:41:00"), ("second", "14:45:00")]
    {
        assert!(story.has_met(&firing(alert, began)), "{alert}");
        assert!(!story.has_met(&firing(alert, "15:05:00")), "{alert} again is another firing");
    }
    assert!(!story.has_met(&firing("over", "15:05:00")) && !story.has_met(&firing("stranger", "14:50:00")));
}

#[test]
fn before_any_incident_nothing_is_met() {
    let mut log = Log::new();
    fires(&mut log, "a", "14:00:00");
    assert!(!log.fold().has_met(&firing("a", "14:00:00")));
}

#[test]
fn a_beginning_that_moves_with_a_restart_is_the_same_firing_unless_an_end_was_seen() {
    let restarted = |began: &str| {
        let mut edge = firing("a", began);
        edge.figures["since_restart"] = true.into();
        edge
    };
    let mut log = Log::new();
    log.open(at("14:41:04"), None);
    fires(&mut log, "a", "14:41:00");
    close(&mut log, "15:00:00");
    assert!(log.fold().has_met(&restarted("15:10:00")), "Alertmanager was started again");
    assert!(log.fold().has_met(&firing("a", "14:40:00")), "another member heard of it earlier");
    // Once it was told, that beginning is known by itself; the older one still is.
    log.room(at("15:10:05"), restarted("15:10:00"));
    assert!(log.fold().has_met(&firing("a", "15:10:00")) && log.fold().has_met(&firing("a", "14:41:00")));
    assert!(!log.fold().has_met(&firing("a", "15:30:00")));
    log.transition("alert.gone", at("15:20:00"), "a", json!({ "fingerprint": "a" }));
    assert!(log.fold().has_met(&restarted("15:21:00")), "gone is not known to have ended");
    log.transition("alert.resolved", at("15:25:00"), "a", json!({ "fingerprint": "a" }));
    assert!(!log.fold().has_met(&restarted("15:26:00")), "it ended for certain");
    assert!(log.fold().has_met(&firing("a", "15:10:00")), "whoever tells of it still is late");
}

#[test]
fn a_firing_that_is_told_again_after_the_closing_is_not_taken_by_the_next_incident() {
    let mut log = Log::new();
    log.open(at("14:41:04"), None);
    fires(&mut log, "a", "14:41:00");
    close(&mut log, "15:00:00");
    let mut again = firing("a", "15:10:00");
    again.figures["since_restart"] = true.into();
    let again = log.room(at("15:10:05"), again);
    let own = fires(&mut log, "b", "15:27:00");
    log.incident = Some(SECOND.into());
    let opened = Opened { incident: SECOND.into(), severity: Severity::Sev1, detected_at: None };
    log.add(at("15:30:00"), Actor::room(), opened, Some("b"));
    let story = log.fold();
    let items: Vec<u64> = story.get(&SECOND.into()).expect("the second").items.iter().map(|it| it.entry.seq).collect();
    assert!(items.contains(&own) && !items.contains(&again), "{items:?}");
}

#[test]
fn a_new_firing_that_opened_no_incident_yet_is_not_met() {
    let mut log = Log::new();
    log.open(at("14:41:04"), None);
    fires(&mut log, "a", "14:41:00");
    log.transition("alert.resolved", at("14:50:00"), "a", json!({ "fingerprint": "a" }));
    close(&mut log, "15:00:00");
    fires(&mut log, "a", "15:05:00");
    assert!(!log.fold().has_met(&firing("a", "15:05:00")));
}

#[test]
fn what_was_only_counted_in_a_storm_was_met_too() {
    let mut log = Log::new();
    log.open(at("14:41:04"), None);
    let (from, to) = (at("14:41:10"), at("14:42:00"));
    log.room(at("14:42:01"), Folded { edge: "alert.firing".into(), count: 6_970, from, to });
    close(&mut log, "15:00:00");
    let story = log.fold();
    assert!(story.has_met(&firing("one-of-7000", "14:41:20")));
    assert!(!story.has_met(&firing("one-of-7000", "15:00:01")));
}

#[test]
fn the_memory_is_bounded_and_what_it_forgets_opens_nothing() {
    let mut log = Log::new();
    log.open(at("10:00:00"), None);
    for n in 0..5_000_i64 {
        let began = at("10:00:00") + TimeDelta::seconds(n);
        let name = format!("a{n}");
        log.transition("alert.firing", began, &name, json!({ "fingerprint": name, "starts_at": began }));
    }
    close(&mut log, "15:00:00");
    let story = log.fold();
    let began = |n: i64| {
        let began = at("10:00:00") + TimeDelta::seconds(n);
        transition("alert.firing", began, "it", json!({ "fingerprint": format!("a{n}"), "starts_at": began }))
    };
    assert!([0, 903, 904, 4_999].into_iter().all(|n| story.has_met(&began(n))));
    assert!(format!("{:?}", story.memory).len() < 4_200 * 1_000, "it does not grow with the log");
}

#[test]
fn a_new_incident_takes_no_clock_and_no_item_of_the_one_before() {
    let mut log = story();
    log.outside();
    let point = json!({ "name": "shop-hourly-1529", "started": at("15:29:00"), "services": ["shop"] });
    log.transition("backup.usable", at("15:36:00"), "shop-hourly", point);
    // The room is started again, and is told once more what is so since long ago.
    log.transition("alert.firing", at("14:41:00"), "etcdMembersDown", figures("f1", "14:41:00"));
    log.transition("probe.failing", at("14:37:00"), "shop", json!({}));
    let id = IncidentId::from(SECOND);
    log.incident = Some(id.clone());
    let opened = Opened { incident: id.clone(), severity: Severity::Sev1, detected_at: None };
    log.add(at("15:40:00"), person("ana"), opened, Some("users see errors"));
    // Told late, within it.
    log.transition("restore.completed", at("14:59:00"), "wr-1", json!({}));
    log.transition("service.recovered", at("15:04:00"), "shop", json!({}));
    let story = log.fold();
    let second = story.get(&id).expect("the second");
    assert_eq!(second.after, Some(at("15:10:00")));
    assert_eq!((second.clocks.impact, second.clocks.recovery), (None, None));
    assert_eq!(second.clocks.detection.map(|(at, _)| at), Some(at("15:40:00")));
    let adopted: Vec<&str> =
        second.items.iter().filter(|it| second.is_adopted(it)).map(|it| it.text.as_str()).collect();
    assert_eq!(adopted, ["backup.usable of shop-hourly"], "what can be restored is a fact of now");
    let mut told: Vec<_> = second.items.iter().map(|it| (it.entry.seq, second.is_own(&it.entry))).collect();
    told.sort_unstable();
    let told: Vec<bool> = told.into_iter().map(|(_, own)| own).collect();
    assert_eq!(told, [true, true, false, false], "what is told late is kept, and is not its own");
    // What begins now is its own.
    let seq = log.transition("probe.failing", at("15:41:00"), "shop", json!({}));
    assert_eq!(log.fold().get(&id).and_then(|it| it.clocks.impact), Some((at("15:41:00"), seq)));
}
