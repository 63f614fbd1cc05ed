//! The panes answer: readiness in its three states, folds that open, pages that lead to one another.

use chrono::TimeDelta;

use crate::approval::PlanState;
use crate::board::{BackupRow, HeartbeatRow, LoadBalancerRow, ParityRow, RowBody, ServiceRow, Topic, Verdict};
use crate::console::app::Console;
use crate::console::overlay::Overlay;
use crate::console::screenshot::to_text;
use crate::console::{rows, view};
use crate::model::entry::Restored;
use crate::model::facts::OffSite;
use crate::model::step_request::{CreateRestore, RestoreSpec};
use crate::model::{IncidentId, IncidentStatus, Objective, SafeText, Strategy};
use crate::timeline::{effects, plan_of};

use super::fixture::{app, at, look, objective, press};
use super::{plans, story};

fn text(app: &Console) -> String {
    to_text(&view::draw(app, &look("dark")))
}

/// A calm day: two services, and a game day three weeks ago in which the first was moved and restored.
pub fn calm_day(size: (u16, u16)) -> Console {
    let mut app = app("ana", size);
    app.now.room = at("14:36:00");
    let mut rehearsal = story::incident();
    rehearsal.id = IncidentId::from("INC-2026-11-02-01");
    let back = TimeDelta::days(20);
    rehearsal.clocks.impact = Some((at("14:00:00") - back, 2));
    rehearsal.clocks.recovery = Some((at("14:23:00") - back, 30));
    rehearsal.status = IncidentStatus::Closed;
    rehearsal.closed_at = Some(at("15:00:00") - back);
    for record in rehearsal.plans.by_id.values_mut() {
        record.state = PlanState::Succeeded;
        record.approvals = plans::failover_done().approvals.clone();
        record.approvals[0].at = at("14:10:00") - back;
        record.changed_at = at("14:14:00") - back;
        for step in record.plan.steps.iter_mut().filter(|step| step.request.verb() == "velero.create_restore") {
            let spec = RestoreSpec { backup_name: "shop-hourly-1429".into(), included_namespaces: vec!["shop".into()] };
            step.request = CreateRestore { namespace: "velero".into(), spec }.into();
            let whole = Restored { phase: "Completed".into(), items: 412, of: 412, ..Restored::default() };
            record.restored.insert(step.id.clone(), whole);
        }
    }
    app.mirror.story.incidents = vec![rehearsal];
    let ledger = Objective {
        service: "ledger".to_owned(),
        rpo_s: 3_600,
        rto_s: 3_600,
        strategy: Strategy::PilotLight,
        schedules: vec!["ledger".to_owned()],
        apps: vec!["ledger-*".to_owned()],
        hosts: Vec::new(),
        ..objective()
    };
    app.mirror.welcome.as_mut().unwrap().objectives.push(ledger);
    let board = &mut app.mirror.board;
    let services = &mut board.get_mut(&Topic::Services).unwrap().rows;
    let mut other = services[0].clone();
    for (row, named) in [(&mut services[0], "shop"), (&mut other, "ledger")] {
        row.verdict = Verdict::Ok;
        row.id = named.to_owned();
        if let RowBody::Service(ServiceRow { name, failing_since, good_percent, restore_point, rpo_s, .. }) =
            &mut row.body
        {
            *name = named.to_owned();
            (*failing_since, *good_percent) = (None, Some(100));
            if named == "ledger" {
                *rpo_s = 3_600;
                let point = restore_point.as_mut().unwrap();
                point.name = SafeText::from("ledger-1429");
                point.started = at("13:31:00");
            }
        }
    }
    services.push(other);
    for row in &mut board.get_mut(&Topic::Backups).unwrap().rows {
        if let RowBody::Backup(BackupRow { schedule, services, point, .. }) = &mut row.body
            && schedule.as_str() == "ledger"
        {
            *services = vec!["ledger".to_owned()];
            point.as_mut().unwrap().started = at("13:31:00");
        }
    }
    for row in &mut board.get_mut(&Topic::Traffic).unwrap().rows {
        if let RowBody::LoadBalancer(LoadBalancerRow { order, goes_to, .. }) = &mut row.body {
            order.reverse();
            for pool in order.iter_mut() {
                (pool.healthy, pool.places_ok) = (Some(true), 3);
            }
            *goes_to = Some(SafeText::from("primary"));
        }
    }
    for row in &mut board.get_mut(&Topic::Gitops).unwrap().rows {
        if let RowBody::Parity(ParityRow { against, .. }) = &mut row.body {
            against.iter_mut().for_each(|it| it.known = crate::board::row::AppsKnown::Now);
        }
    }
    app
}

#[test]
fn readiness_says_what_is_proven_what_is_not_and_why() {
    let mut app = calm_day((80, 24));
    press(&mut app, "r");
    let first = text(&app);
    assert!(first.contains("NOT READY: 1 of 2 services would miss an objective"), "{first}");
    assert!(first.contains("✓ shop") && first.contains("✓ 23 min of 30 min") && first.contains("✓ 7 min of 15 min"));
    assert!(first.contains("✗ ledger") && first.contains("OVER 1 h"), "{first}");
    let back = app.mirror.board.get_mut(&Topic::Backups).unwrap();
    back.rows.iter_mut().for_each(|row| row.stale = true);
    let stale = text(&app);
    assert!(!stale.contains("✓ 7 min of 15 min"), "what is not heard is not green:\n{stale}");
}

#[test]
fn a_fold_opens_its_objects_and_an_object_its_event() {
    let mut app = app("ana", (80, 24));
    press(&mut app, "5");
    assert!(text(&app).contains("8 Pods"), "{}", text(&app));
    let place = rows::visible(&app, crate::console::pane::Pane::Events)
        .iter()
        .position(|entry| entry.key().ends_with("/BackOff"))
        .unwrap();
    press(&mut app, &"j".repeat(place));
    press(&mut app, "<enter>");
    assert!(text(&app).contains("count                 296, as Kubernetes counts"), "{}", text(&app));
    press(&mut app, "<tab><enter>");
    assert!(matches!(app.overlays.as_slice(), [Overlay::Detail { .. }, Overlay::Detail { .. }]));
    assert!(text(&app).contains("Pod/checkout-5d9c7f8b6-x2x4z"), "{}", text(&app));
    press(&mut app, "<esc><esc>");
    assert!(app.overlays.is_empty());
}

#[test]
fn a_page_has_every_field_the_raw_object_and_the_way_to_what_is_related() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "<enter>");
    let page = view::open_page::plain(&app);
    for words in
        ["Related", "Timeline  T+0  14:41  room", "Raw object, as the board holds it", "\"fingerprint\": \"f-etcd"]
    {
        assert!(page.contains(words), "no {words} in\n{page}");
    }
}

#[test]
fn many_pages_are_never_more_than_a_handful() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "<enter>");
    for _ in 0..30 {
        press(&mut app, "<tab><tab><enter>");
    }
    assert!(app.overlays.len() <= 9, "{}", app.overlays.len());
}

#[test]
fn what_followed_from_a_plan_names_it_and_leads_there() {
    let incident = story::incident();
    let moved = incident.items.iter().find(|item| item.entry.seq == 16).unwrap();
    let record = plan_of(&incident, moved).expect("the failover");
    assert_eq!(record.plan.plan.as_str(), "01KB3Z0FAILOVER");
    assert_eq!(effects(&incident, &record.plan.plan).len(), 1);
    let mut late = incident.clone();
    late.items.iter_mut().for_each(|item| item.at = at("15:30:00"));
    assert!(plan_of(&late, &late.items[8]).is_some(), "whatever somebody says about its time");
    for item in &mut late.items {
        if let crate::model::Happening::Transition(edge) = &mut item.entry.happening {
            edge.at = at("15:30:00");
        }
    }
    assert!(plan_of(&late, &late.items[8]).is_none(), "half an hour later it is something else's doing");
    let mut app = app("ana", (120, 40));
    press(&mut app, "6");
    assert!(text(&app).contains("Traffic of shop moved from primary to dr · by plan 4a1b44"), "{}", text(&app));
}

#[test]
fn a_loss_without_proof_is_not_green() {
    let mut app = calm_day((120, 40));
    assert!(text(&app).contains("✓ shop"), "{}", text(&app));
    for row in &mut app.mirror.board.get_mut(&Topic::Services).unwrap().rows {
        if let RowBody::Service(ServiceRow { restore_point: Some(point), .. }) = &mut row.body {
            point.off_site = OffSite::Unknown;
        }
    }
    assert!(text(&app).contains("? shop"), "{}", text(&app));
}

#[test]
fn strip_and_title_count_what_is_over_alike_and_name_a_doubtful_location() {
    let mut app = app("ana", (120, 40));
    let (title, strip) = (view::backups::summary(&app), view::backups::signal(&app));
    let first = |words: &crate::console::widget::Words| words[0].text.clone();
    assert_eq!((first(&title), first(&strip)), ("1 over RPO".to_owned(), "1 OVER".to_owned()));
    for topic in [Topic::Services, Topic::Backups] {
        let rows = &mut app.mirror.board.get_mut(&topic).unwrap().rows;
        rows.retain(|row| matches!(row.body, RowBody::Location { .. }));
        rows.iter_mut().for_each(|row| row.verdict = Verdict::Warning);
    }
    let all = |words: crate::console::widget::Words| words.iter().map(|it| it.text.as_str()).collect::<String>();
    assert!(all(view::backups::summary(&app)).ends_with("in doubt"), "{}", all(view::backups::summary(&app)));
    assert!(all(view::backups::signal(&app)).ends_with("1?"), "{}", all(view::backups::signal(&app)));
}

#[test]
fn that_no_heartbeat_is_seen_is_the_first_of_the_alerts_and_no_source() {
    let mut app = calm_day((200, 60));
    let before = text(&app);
    let sources = &mut app.mirror.board.get_mut(&Topic::Sources).unwrap().rows;
    let mut row = sources[0].clone();
    row.id = "heartbeat".to_owned();
    (row.verdict, row.stale) = (Verdict::Critical, false);
    row.why = "no heartbeat alert (Watchdog) fires: nothing proves that alerts arrive".into();
    row.body = RowBody::Heartbeat(HeartbeatRow { expected: vec!["Watchdog".to_owned()] });
    sources.push(row);
    let shown = text(&app);
    let line = shown.lines().find(|line| line.contains("heartbeat")).unwrap_or_else(|| panic!("{shown}"));
    assert!(line.contains("✗ heartbeat") && line.contains("no heartbeat alert"), "{line}");
    let sources = |drawn: &str| drawn.lines().find(|line| line.contains(" sources ")).map(ToOwned::to_owned);
    assert_eq!(sources(&shown), sources(&before), "it is none of the sources that are counted");
    press(&mut app, "1<enter>");
    let page = text(&app);
    assert!(page.contains("nothing proves that alerts arrive") && page.contains("Watchdog"), "{page}");
    press(&mut app, "<esc>s");
    let wrong = text(&app);
    assert!(wrong.contains("no heartbeat alert (Watchdog) fires"), "{wrong}");
}
