//! Who is called, when, and how often; what the window is called.

use std::time::Duration;

use crate::approval::PlanState;
use crate::client::LinkState;
use crate::console::notifications::{Notifications, title};
use crate::model::{PlanId, SafeText, Severity};

use super::fixture::{app, at, now, tick};
use super::plans;

#[test]
fn each_need_is_called_once_and_what_was_there_calls_nobody() {
    let mut app = app("sam", (120, 40));
    let mut attention = Notifications::default();
    assert_eq!(attention.look(&app), None, "it is on the screen");
    let record = plans::record(plans::failover(), PlanState::Proposed, at("14:50:00"), 10);
    let id = record.plan.plan.clone();
    let plans = &mut app.mirror.story.incidents[0].plans.by_id;
    plans.clear();
    plans.insert(id.clone(), record);
    assert!(attention.look(&app).is_some_and(|words| words.as_str().starts_with("A plan waits for you: Fail over")));
    for _ in 0..100 {
        tick(&mut app, 1);
        assert_eq!(attention.look(&app), None);
    }
    app.mirror.story.incidents[0].severity = Severity::Sev2;
    assert_eq!(attention.look(&app), None, "it got better");
    app.mirror.story.incidents[0].severity = Severity::Sev1;
    assert!(attention.look(&app).is_some_and(|words| words.as_str().starts_with("SEV1")));
}

#[test]
fn the_end_of_ones_own_plan_is_called_and_of_nobody_elses() {
    for (me, called) in [("ana", true), ("sam", false)] {
        let mut app = app(me, (120, 40));
        let mut attention = Notifications::default();
        attention.look(&app);
        let plans = &mut app.mirror.story.incidents[0].plans.by_id;
        plans.get_mut(&PlanId::from("01KB3Z1RESTORE")).unwrap().state = PlanState::Failed;
        assert_eq!(attention.look(&app).is_some_and(|words| words.as_str().contains("ended, failed")), called, "{me}");
    }
}

#[test]
fn a_storm_is_one_call_and_then_the_newest() {
    let mut app = app("sam", (120, 40));
    let mut attention = Notifications::default();
    attention.look(&app);
    let mut calls = Vec::new();
    for i in 0..200u64 {
        let incident = &mut app.mirror.story.incidents[0];
        incident.id = format!("INC-{i}").as_str().into();
        incident.title = SafeText::from(format!("incident {i}"));
        app.now.real += Duration::from_millis(100);
        calls.extend(attention.look(&app));
    }
    assert!((2..=3).contains(&calls.len()), "twenty seconds: {calls:?}");
}

#[test]
fn the_title_has_severity_and_clock_and_changes_once_a_minute() {
    let mut app = app("sam", (120, 40));
    assert!(title(&app).as_str().starts_with("DRILL SEV1 T+14 etcd corruption"), "{}", title(&app));
    let mut titles = vec![title(&app)];
    for _ in 0..120 {
        app.now.room += chrono::TimeDelta::seconds(1);
        titles.push(title(&app));
        titles.dedup();
    }
    assert_eq!(titles.len(), 3, "{titles:?}");
    app.mirror.link = LinkState::Lost { since: now(), why: SafeText::from("gone") };
    assert_eq!(title(&app).as_str(), "DRILL warroom: the room is not reached");
}
