//! The fold's rules, one by one.

use super::*;
use crate::model::filter::Filter;
use crate::model::{IncidentStatus, Milestone, PlanId, TransitionKind};
use crate::timeline::{IncidentClock, Item, Statement, ToldItem, possible, sentence};

#[test]
fn the_story_gives_clocks_people_services_and_an_end() {
    let story = story().fold();
    assert_eq!(story.anomalies, []);
    let incident = story.latest().expect("an incident");
    assert!(story.current().is_none(), "it was closed");
    let clocks = &incident.clocks;
    assert_eq!(clocks.impact, Some((at("14:37:00"), 2)));
    assert_eq!(clocks.detection, Some((at("14:41:00"), 5)), "the alert's own entry is the witness");
    assert_eq!(clocks.decision, Some((at("14:49:00"), 11)));
    assert_eq!(clocks.recovery, Some((at("15:04:00"), 18)));
    assert_eq!((clocks.rpo_s, clocks.rpo_seq), (Some(480), Some(1)));
    assert_eq!(incident.title, "etcdMembersDown");
    assert_eq!((incident.status, incident.closed_at), (IncidentStatus::Closed, Some(at("15:10:00"))));
    assert_eq!(incident.commander, Some("ana".into()));
    assert_eq!(incident.people.keys().map(PersonId::as_str).collect::<Vec<_>>(), ["ana", "lee", "sam"]);
    assert_eq!(incident.services, ["shop"]);
    assert_eq!(incident.items.len(), 22);
    assert_eq!(incident.items.iter().filter(|item| incident.is_adopted(item)).count(), 3);
    assert_in_order(incident);
}

#[test]
fn two_persons_who_confirm_a_plan_have_decided() {
    let mut log = story();
    let digest = crate::model::Digest([7; 32]);
    let seq = log.add(at("14:46:00"), person("sam"), Approved { plan: PlanId::from("p9"), digest }, None);
    let decided = |log: &Log| log.fold().latest().and_then(|incident| incident.clocks.decision);
    assert_eq!(decided(&log), Some((at("14:46:00"), seq)), "before the decision was written down");
    log.entries.last_mut().unwrap().ts = at("14:52:00");
    assert_eq!(decided(&log), Some((at("14:49:00"), 11)), "the first of both");
}

#[test]
fn lengths_are_counted_to_the_measured_recovery_and_are_never_negative() {
    let story = story().fold();
    let clocks = &story.latest().expect("an incident").clocks;
    assert_eq!(IncidentClock::ALL.map(|clock| clocks.to_recovery(clock)), [Some(1620), Some(1380), Some(900), Some(0)]);

    // An alert that fires late: the service was back before anybody was told.
    let mut log = Log::new();
    log.transition("probe.failing", at("14:37:00"), "shop", json!({}));
    log.transition("service.recovered", at("14:38:00"), "shop", json!({}));
    log.open(at("14:41:04"), Some(at("14:41:00")));
    let mut late = log.fold().latest().expect("an incident").clocks.clone();
    late.recovery = Some((at("14:38:00"), 2));
    assert_eq!(late.to_recovery(IncidentClock::Detection), None);
    assert_eq!(late.to_recovery(IncidentClock::Impact), Some(60));
}

#[test]
fn an_amended_entry_moves_and_shows_who_amended_it() {
    let story = story().fold();
    let incident = story.latest().expect("an incident");
    let note = incident.item(9).expect("the note");
    assert_eq!((note.at, note.entry.ts), (at("14:44:50"), at("14:45:00")), "observed and recorded both stay");
    assert!(note.is_moved() && note.own_time().is_none() && note.pinned);
    assert_eq!(note.amended_by, [20]);
    assert!(incident.item(20).is_some(), "the amendment is an entry like any other");
}

fn stated(clocks: &crate::timeline::Clocks, clock: IncidentClock) -> Option<(Stamp, u64, &str)> {
    clocks.stated.of(clock).map(|it| (it.at, it.seq, it.by.as_str()))
}

#[test]
fn retiming_is_told_beside_the_clocks_and_text_can_be_amended() {
    let mut log = story();
    let measured = log.fold().latest().expect("an incident").clocks.clone();
    assert_eq!(measured.stated, crate::timeline::StatedClocks::default(), "a note that was re-timed is no clock");
    log.add(at("15:11:00"), person("ana"), Amend { seq: 11, at: Some(at("14:47:00")) }, Some("fail over now"));
    log.add(at("15:11:10"), person("ana"), Amend { seq: 2, at: Some(at("14:36:00")) }, None);
    log.add(at("15:11:20"), person("sam"), Amend { seq: 18, at: Some(at("15:03:00")) }, None);
    log.add(at("15:11:30"), person("sam"), Amend { seq: 4, at: Some(at("14:40:00")) }, None);
    let story = log.fold();
    let incident = story.latest().expect("an incident");
    let clocks = &incident.clocks;
    for clock in IncidentClock::ALL {
        assert_eq!(clocks.of(clock), measured.of(clock), "{clock:?}: nobody bends what was measured");
    }
    assert_eq!((clocks.rpo_s, clocks.rpo_seq), (measured.rpo_s, measured.rpo_seq));
    assert_eq!(stated(clocks, IncidentClock::Decision), Some((at("14:47:00"), 23, "ana")));
    assert_eq!(stated(clocks, IncidentClock::Impact), Some((at("14:36:00"), 24, "ana")));
    assert_eq!(stated(clocks, IncidentClock::Recovery), Some((at("15:03:00"), 25, "sam")));
    assert_eq!(stated(clocks, IncidentClock::Detection), Some((at("14:40:00"), 26, "sam")));
    assert_eq!(clocks.stated.rpo_s, Some(420), "what is lost by their word follows their impact");
    assert_eq!(incident.zero(), at("14:41:00"));
    assert_eq!(incident.item(11).map(sentence), Some("fail over now".to_owned()));
    assert_in_order(incident);
}

#[test]
fn a_decision_that_is_told_later_is_measured_when_it_is_recorded() {
    let mut log = story();
    log.entries.truncate(10);
    log.add(at("14:49:00"), person("ana"), Decision { at: Some(at("14:46:00")) }, Some("fail over, by phone"));
    let story = log.fold();
    let clocks = &story.current().expect("open").clocks;
    assert_eq!(clocks.decision, Some((at("14:49:00"), 11)));
    assert_eq!(stated(clocks, IncidentClock::Decision), Some((at("14:46:00"), 11, "ana")));
    let say = |at: Stamp| at.format("%H:%M").to_string();
    assert_eq!(clocks.words(IncidentClock::Decision, say).as_deref(), Some("measured: 14:49 · stated by ana: 14:46"));
    assert_eq!(clocks.words(IncidentClock::Detection, say).as_deref(), Some("14:41"));
    assert_eq!(clocks.words(IncidentClock::Recovery, say), None);
    // The first decision counts; that another was written down late is not its clock.
    log.add(at("14:55:00"), person("sam"), Decision { at: Some(at("14:48:00")) }, Some("page the vendor"));
    assert_eq!(stated(&log.fold().current().expect("open").clocks, IncidentClock::Decision).map(|it| it.1), Some(11));
}

#[test]
fn pointing_at_nothing_is_an_anomaly_and_changes_nothing() {
    let mut log = story();
    let before = log.fold().latest().map(|it| it.clocks.clone());
    log.add(at("15:12:00"), person("ana"), Amend { seq: 999, at: Some(at("10:00:00")) }, None);
    log.add(at("15:12:00"), person("ana"), Pin { seq: 0, pinned: true }, None);
    log.open(at("15:13:00"), None);
    let mut lost = log.entries[8].clone();
    lost.seq = 100;
    lost.incident = Some("INC-none".into());
    log.entries.push(lost);
    let story = log.fold();
    assert_eq!(story.anomalies.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [23, 24, 25, 100]);
    assert_eq!(story.latest().map(|it| it.clocks.clone()), before);
    assert_eq!(story.incidents.len(), 1);
}

#[test]
fn what_is_set_by_hand_stands_beside_and_the_latest_word_counts() {
    let mut log = story();
    let measured = log.fold().latest().expect("an incident").clocks.clone();
    let set = |impact: Option<&str>, recovered: Option<&str>| Set {
        impact_at: impact.map(at),
        recovered_at: recovered.map(at),
        ..Set::default()
    };
    log.add(at("15:11:00"), person("ana"), set(Some("14:30:00"), None), None);
    log.add(at("15:12:00"), person("sam"), set(Some("14:35:00"), Some("15:05:00")), None);
    let clocks = log.fold().latest().expect("an incident").clocks.clone();
    assert_eq!((clocks.impact, clocks.recovery), (measured.impact, measured.recovery));
    assert_eq!((clocks.rpo_s, clocks.rpo_seq), (Some(480), Some(1)));
    assert_eq!(stated(&clocks, IncidentClock::Impact), Some((at("14:35:00"), 24, "sam")));
    assert_eq!(stated(&clocks, IncidentClock::Recovery), Some((at("15:05:00"), 24, "sam")));
    assert_eq!(clocks.stated.rpo_s, Some(360), "by the restore point known then or told first");
    assert_eq!(clocks.stated_recovery(), Some((vec![&PersonId::from("sam")], Some(1800))));
}

#[test]
fn a_recovery_that_is_only_stated_recovers_nothing() {
    let mut log = story();
    log.entries.truncate(17);
    let word = Set { recovered_at: Some(at("15:04:00")), ..Set::default() };
    log.add(at("15:04:00"), person("ana"), word, None);
    let clocks = log.fold().latest().expect("an incident").clocks.clone();
    assert_eq!(clocks.recovery, None);
    assert_eq!(IncidentClock::ALL.map(|clock| clocks.to_recovery(clock)), [None; 4]);
    let say = |at: Stamp| at.format("%H:%M").to_string();
    let words = clocks.words(IncidentClock::Recovery, say);
    assert_eq!(words.as_deref(), Some("measured: not recovered · stated by ana: 15:04"));
}

/// What a person may state of the open story (impact 14:37, detected 14:41, decided 14:49, not recovered), at 15:00.
#[test]
fn an_order_that_can_not_be_is_refused_and_a_late_statement_is_not() {
    let mut log = story();
    log.entries.truncate(17);
    let story = log.fold();
    let ana = PersonId::from("ana");
    let judge = |statement: Statement<'_>| possible(&story, statement, &ana, at("15:00:00"));
    let set = |impact: Option<&str>, recovered: Option<&str>| {
        let (impact_at, recovered_at) = (impact.map(at), recovered.map(at));
        judge(Statement::Set(&Set { impact_at, recovered_at, ..Set::default() }))
    };
    let amend = |seq: u64, to: &str| judge(Statement::Amend(&Amend { seq, at: Some(at(to)) }));
    let decided = |to: &str| judge(Statement::Decision(&Decision { at: Some(at(to)) }));
    assert_eq!(set(Some("14:30:00"), None), Ok(()), "users were hurt before a probe saw it");
    assert_eq!(set(Some("14:39:00"), None), Ok(()), "or after, but before the alert");
    assert_eq!(set(Some("14:41:00"), None), Ok(()), "in the same second");
    assert_eq!(set(None, Some("14:58:00")), Ok(()), "whatever probes say: it is shown as stated");
    assert_eq!(amend(4, "14:39:00"), Ok(()), "a call came before the first alert");
    assert_eq!(amend(9, "14:00:00"), Ok(()), "a note is no clock");
    assert_eq!(decided("14:45:00"), Ok(()));
    for (refused, says) in [
        (
            set(Some("14:59:59"), Some("15:00:00")),
            "detection at 14:41:00 UTC (entry 5) would be before impact at 14:59:59 UTC",
        ),
        (set(Some("14:44:14"), Some("14:41:10")), "would be before"),
        (set(None, Some("14:48:00")), "recovery at 14:48:00 UTC would be before decision at 14:49:00 UTC (entry 11)"),
        (set(None, Some("14:36:00")), "recovery at 14:36:00 UTC would be before impact at 14:37:00 UTC (entry 2)"),
        (amend(11, "14:40:00"), "decision at 14:40:00 UTC would be before detection at 14:41:00 UTC (entry 5)"),
        (amend(4, "14:36:00"), "detection at 14:36:00 UTC would be before impact at 14:37:00 UTC (entry 2)"),
        (decided("14:40:59"), "decision at 14:40:59 UTC would be before detection at 14:41:00 UTC (entry 5)"),
    ] {
        let why = refused.expect_err(says).why;
        assert!(why.contains(says), "{why}");
    }
    assert_eq!(amend(999, "14:00:00"), Ok(()), "no such entry: another's refusal");
}

#[test]
fn who_opens_an_incident_by_hand_may_have_decided_before() {
    let mut log = Log::new();
    log.open(at("14:41:00"), None);
    let decided = Decision { at: Some(at("14:30:00")) };
    let judged = possible(&log.fold(), Statement::Decision(&decided), &PersonId::from("ana"), at("15:00:00"));
    assert_eq!(judged, Ok(()));
}

/// A log that is out of order by itself does not refuse what has nothing to do with it.
#[test]
fn what_is_odd_already_refuses_nothing_else() {
    let mut log = Log::new();
    log.open(at("14:41:00"), None);
    let early = Set { impact_at: Some(at("14:50:00")), ..Set::default() };
    log.add(at("14:51:00"), person("ana"), early, None);
    let story = log.fold();
    let recovered = Set { recovered_at: Some(at("14:55:00")), ..Set::default() };
    let sam = PersonId::from("sam");
    assert_eq!(possible(&story, Statement::Set(&recovered), &sam, at("15:00:00")), Ok(()));
    let status = Set { status: Some(IncidentStatus::Resolved), ..Set::default() };
    assert_eq!(possible(&story, Statement::Set(&status), &sam, at("15:00:00")), Ok(()));
}

#[test]
fn only_outstanding_bad_news_of_the_last_hour_is_adopted() {
    let mut log = Log::new();
    let f = |n: &str| json!({ "fingerprint": n });
    log.transition("probe.failing", at("13:00:00"), "shop", json!({}));
    log.transition("alert.firing", at("14:00:00"), "Blip", f("a"));
    log.transition("alert.resolved", at("14:01:00"), "Blip", f("a"));
    log.transition("alert.firing", at("14:05:00"), "Lasting", f("b"));
    log.transition("gitops.parity", at("14:06:00"), "dr", json!({}));
    for (hour, name) in [("02:00:00", "daily-1"), ("08:00:00", "daily-2")] {
        let figures = json!({ "name": name, "started": format!("2026-03-02T{hour}Z") });
        log.transition("backup.usable", at(hour), "daily", figures);
    }
    log.open(at("14:30:00"), None);
    let story = log.fold();
    let incident = story.current().expect("open");
    let adopted: Vec<&str> =
        incident.items.iter().filter(|item| incident.is_adopted(item)).map(|item| item.text.as_str()).collect();
    assert_eq!(adopted, ["alert.firing of Lasting", "backup.usable of daily"], "as the log has them");
    assert_eq!(incident.clocks.impact, None, "a probe that failed too long ago is another story");
    assert_eq!(incident.clocks.detection, Some((at("14:05:00"), 4)));

    // A second incident starts afresh, but knows what could be restored.
    log.add(at("14:40:00"), person("ana"), Closed::default(), None);
    let id = IncidentId::from("INC-2026-03-02-02");
    let opened = Opened { incident: id.clone(), severity: Severity::Sev3, detected_at: None };
    log.add(at("14:41:00"), person("ana"), opened, Some("again"));
    let story = log.fold();
    let second = story.get(&id).expect("the second");
    assert_eq!(second.items.len(), 2);
    assert_eq!(second.clocks.detection, Some((at("14:41:00"), 10)), "a person who opens one has detected it");
}

/// Whatever begins something bad is adopted while it lasts, and not when it has ended, for every kind of the table.
#[test]
fn an_incident_adopts_whatever_has_begun_and_not_ended() {
    for kind in TransitionKind::ALL.iter().filter(|kind| kind.begins()) {
        let adopted = |ended_by: Option<&TransitionKind>| {
            let mut log = Log::new();
            log.transition(kind.as_str(), at("14:20:00"), "shop", json!({}));
            if let Some(end) = ended_by {
                log.transition(end.as_str(), at("14:21:00"), "shop", json!({}));
            }
            log.open(at("14:30:00"), None);
            let story = log.fold();
            let incident = story.current().expect("open");
            incident.items.iter().filter(|item| item.entry.seq == 1 && incident.is_adopted(item)).count()
        };
        assert_eq!(adopted(None), 1, "{kind}");
        for end in TransitionKind::ALL.iter().filter(|end| end.ends().contains(kind)) {
            assert_eq!(adopted(Some(end)), 0, "{kind} ended by {end}");
        }
    }
}

/// A kind of a later version, in a transition and in a count of what was held back: kept as it is, and the fold goes on.
#[test]
fn a_change_of_a_later_version_is_kept_by_its_name() {
    let mut log = Log::new();
    log.open(at("14:30:00"), None);
    log.transition("quorum.lost", at("14:31:00"), "shop", json!({ "of": 3 }));
    let story = log.fold();
    let item = story.current().expect("open").items.last().expect("an item");
    let Happening::Transition(edge) = &item.entry.happening else { panic!("{item:?}") };
    assert_eq!((edge.edge.as_str(), item.text.as_str()), ("quorum.lost", "quorum.lost of shop"));
    let data = item.entry.happening.data_json().expect("data");
    assert_eq!(Happening::from_parts("edge", &data).expect("reads back"), item.entry.happening);
}

#[test]
fn recovery_is_undone_by_a_new_failure_until_the_incident_is_resolved() {
    let mut log = story();
    log.entries.truncate(18);
    log.transition("probe.failing", at("15:04:30"), "shop", json!({}));
    assert_eq!(log.fold().current().expect("open").clocks.recovery, None);
    log.transition("service.recovered", at("15:05:30"), "shop", json!({}));
    let recovered = Some((at("15:05:30"), 20));
    assert_eq!(log.fold().current().expect("open").clocks.recovery, recovered);
    let resolved = Set { status: Some(IncidentStatus::Resolved), ..Set::default() };
    log.add(at("15:06:00"), person("ana"), resolved, None);
    log.transition("probe.failing", at("15:07:00"), "shop", json!({}));
    let story = log.fold();
    assert_eq!(story.current().expect("open").clocks.recovery, recovered);
    assert_eq!(story.current().map(|it| it.status), Some(IncidentStatus::Resolved));
}

#[test]
fn a_note_changes_no_status_and_a_redacted_text_is_gone() {
    let mut log = Log::new();
    log.open(at("14:00:00"), None);
    let seq = log.note(at("14:01:00"), "ana", "call from a customer, number 12345");
    log.add(at("14:02:00"), person("ana"), Decision { at: None }, Some("wait"));
    assert_eq!(log.fold().current().map(|it| it.status), Some(IncidentStatus::Detected));
    let proposal = redact_asked(&mut log, at("14:03:00"), "ana", seq, "a private number");
    // Nobody removes a text alone, nor one account of two, nor without its request.
    for by in ["ana", "room"] {
        let hash = log.entries[proposal as usize - 1].hash;
        log.add(at("14:03:10"), person(by), RedactApproved { seq, proposal, hash }, None);
    }
    log.room(at("14:03:20"), Redact { seq, proposal: Some(proposal) });
    log.room(at("14:03:20"), Redact { seq, proposal: None });
    let story = log.fold();
    assert_eq!(story.anomalies.len(), 4, "{:?}", story.anomalies);
    assert!(format!("{story:?}").contains("12345"), "it stands until another person confirms");
    redact_confirmed(&mut log, at("14:04:00"), "sam", seq, proposal);
    let story = log.fold();
    assert!(!format!("{story:?}").contains("12345"));
    let incident = story.current().expect("open");
    assert_eq!(incident.item(seq).map(sentence), Some("(redacted)".to_owned()));
    let request = incident.redactions.of(seq).expect("the request");
    assert_eq!(request.persons().iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["ana", "sam"]);
    assert_eq!(incident.redactions.open().count(), 0);
}

#[test]
fn what_is_removed_is_gone_from_title_amendment_and_refusal_too() {
    let mut log = Log::new();
    let opened = log.open(at("14:00:00"), None);
    let note = log.note(at("14:01:00"), "ana", "the first words");
    let amend = log.add(at("14:02:00"), person("ana"), Amend { seq: note, at: None }, Some("the second words"));
    let incident = |log: &Log| log.fold().current().cloned().expect("open");
    let item = incident(&log).item(note).cloned().expect("the note");
    assert_eq!(
        (item.text.as_str(), item.original().map(|it| it.as_str())),
        ("the second words", Some("the first words"))
    );
    let mut remove = |seq: u64, clock: &str| {
        let proposal = redact_asked(&mut log, at(clock), "ana", seq, "because");
        redact_confirmed(&mut log, at(clock), "sam", seq, proposal);
        incident(&log)
    };
    let after = remove(amend, "14:03:00");
    assert_eq!(after.item(note).map(|it| it.text.as_str()), Some("the first words"), "what is left");
    let after = remove(note, "14:04:00");
    assert_eq!(after.item(note).map(|it| it.text.as_str()), Some("(redacted)"));
    assert_eq!(after.title.as_str(), "etcdMembersDown");
    let after = remove(opened, "14:05:00");
    assert_eq!(after.title.as_str(), "(redacted)");
    assert!(!format!("{after:?}").contains("words") && !format!("{after:?}").contains("etcdMembersDown"));
}

#[test]
fn every_kind_says_a_sentence() {
    let mut log = story();
    let plan = PlanId::from("01KB3Z");
    let ended = StepEnded { plan: plan.clone(), step: "1".into(), says: "200".into(), restored: None };
    log.room(at("15:11:00"), Executing { plan: plan.clone(), digest: Digest([7; 32]), boot: "b".into() });
    log.room(at("15:11:00"), StepDone(ended));
    log.room(at("15:11:00"), Happening::Unknown { kind: "witnessed".into(), data: "{}".into() });
    log.room(
        at("15:11:00"),
        Folded { edge: "alert.firing".into(), count: 7, from: at("15:00:00"), to: at("15:00:59") },
    );
    let story = log.fold();
    let incident = story.latest().expect("an incident");
    for item in &incident.items {
        assert!(!sentence(item).trim().is_empty(), "{item:?}");
    }
    let of = |seq: u64| incident.item(seq).map(sentence).unwrap_or_default();
    assert_eq!(of(4), "INC-2026-03-02-01 opened as sev1: etcdMembersDown");
    assert_eq!(of(8), "ana commands");
    assert_eq!(of(23), "Running: plan 01KB3Z");
    assert_eq!(of(25), "An entry of kind witnessed, which this version does not know");
    assert_eq!(of(26), "7 more alert.firing between 15:00:00 UTC and 15:00:59 UTC were not recorded one by one");
}

#[test]
fn a_filter_asks_items_for_words_kinds_persons_and_ages() {
    let story = story().fold();
    let incident = story.latest().expect("an incident");
    let seqs = |text: &str| {
        let filter = Filter::parse(text).expect(text);
        let told = incident.items.iter().map(|item| ToldItem { incident, item });
        told.filter(|told| filter.matches(told, at("15:10:00"))).map(|told| told.item.entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs("kind:decision"), [11]);
    assert_eq!(seqs("kind:alert.*,note"), [5, 6, 9]);
    assert_eq!(seqs("ETCD person:ana"), [9]);
    assert_eq!(seqs("<2m1s"), [21, 22]);
    assert_eq!(seqs("state:pinned"), [9]);
    assert_eq!(seqs("").len(), incident.items.len());
    assert_eq!(seqs("!person:room").len() + seqs("person:room").len(), incident.items.len());
}

#[test]
fn an_incident_detected_at_the_beginning_of_time_does_not_end_the_fold() {
    let mut log = Log::new();
    let incident = IncidentId::from(super::INCIDENT);
    let detected_at = Some(Stamp::MIN_UTC);
    log.room(at("14:41:00"), Opened { incident, severity: Severity::Sev1, detected_at });
    let story = log.entries.iter().fold(Story::default(), |mut story, entry| {
        story.apply(entry);
        story
    });
    assert!(story.current().is_some());
}

#[test]
fn the_first_who_marks_an_entry_stands_until_somebody_takes_it_back() {
    let mut log = story();
    let mark = |milestone: &Milestone, marked| Marked { seq: 9, milestone: milestone.clone(), marked };
    log.add(at("15:11:00"), person("sam"), mark(&Milestone::Confirmed, true), None);
    log.add(at("15:11:10"), person("ana"), mark(&Milestone::Confirmed, true), None);
    log.add(at("15:11:20"), person("ana"), mark(&Milestone::Unknown("failed_back".to_owned()), true), None);
    let marks = |log: &Log| {
        let story = log.fold();
        assert_eq!(story.anomalies, []);
        let item = story.latest().and_then(|it| it.item(9)).expect("the note").clone();
        item.marks.iter().map(|it| (it.milestone.name().to_owned(), it.by.to_string(), it.seq)).collect::<Vec<_>>()
    };
    let confirmed = ("confirmed".to_owned(), "sam".to_owned(), 23);
    assert_eq!(marks(&log), [confirmed.clone(), ("failed_back".to_owned(), "ana".to_owned(), 25)]);
    let filter = Filter::parse("state:confirmed").expect("a filter");
    let story = log.fold();
    let incident = story.latest().expect("an incident");
    let found = incident.items.iter().filter(|item| filter.matches(&ToldItem { incident, item }, at("15:12:00")));
    assert_eq!(found.map(|item| item.entry.seq).collect::<Vec<_>>(), [9]);
    log.add(at("15:11:30"), person("ana"), mark(&Milestone::Confirmed, false), None);
    assert_eq!(marks(&log).len(), 1);
    log.add(at("15:11:40"), person("ana"), Marked { seq: 99, ..mark(&Milestone::Confirmed, true) }, None);
    assert_eq!(log.fold().anomalies.len(), 1, "there is no such entry");
    let of = |seq: u64| log.fold().latest().and_then(|it| it.item(seq)).map(sentence).unwrap_or_default();
    assert_eq!(of(23), "Marked entry 9 as confirmed");
    assert_eq!(of(26), "Entry 9 is no longer marked as confirmed");
}

#[test]
fn what_systems_say_in_whole_seconds_stands_where_the_log_has_it_with_their_time_beside_it() {
    let mut log = Log::new();
    log.open(at("14:40:00"), None);
    let plan = PlanId::from("01KB3Z");
    let approved =
        log.add(at("15:00:00.400"), person("sam"), Approved { plan: plan.clone(), digest: Digest([7; 32]) }, None);
    let runs =
        log.room(at("15:00:00.400"), Executing { plan: plan.clone(), digest: Digest([7; 32]), boot: "b".into() });
    let started = log.room(at("15:00:02"), transition("restore.started", at("15:00:00"), "wr-1", json!({})));
    let late =
        log.room(at("15:09:00"), transition("alert.firing", at("14:41:00"), "Late", json!({ "fingerprint": "f" })));
    let note = log.add(at("15:10:00"), person("ana"), Note { at: Some(at("15:00:01")) }, Some("I saw it begin"));
    let amended = log.add(at("15:11:00"), person("ana"), Amend { seq: note, at: Some(at("14:41:30")) }, None);
    let story = log.fold();
    let incident = story.current().expect("open");
    let order: Vec<u64> = incident.items.iter().map(|it| it.entry.seq).collect();
    assert_eq!(order, [1, note, approved, runs, started, late, amended]);
    assert_in_order(incident);
    let own = |seq: u64| incident.item(seq).and_then(Item::own_time);
    assert_eq!((own(started), own(late), own(note)), (Some(at("15:00:00")), Some(at("14:41:00")), None));
    assert_eq!(incident.item(late).map(|it| it.placed), Some(at("15:09:00")));
}

#[test]
fn nobody_moves_what_the_room_recorded_nor_anything_into_the_future() {
    let mut log = story();
    let proposal = log.room(at("15:11:00"), Executing { plan: "p".into(), digest: Digest([7; 32]), boot: "b".into() });
    let note = log.note(at("15:12:00"), "ana", "written");
    log.add(at("15:13:00"), person("ana"), Amend { seq: proposal, at: Some(at("14:00:00")) }, None);
    log.add(at("15:14:00"), person("ana"), Amend { seq: note, at: Some(at("18:00:00")) }, None);
    log.note(at("15:15:00"), "ana", "after");
    let story = log.fold();
    let incident = story.latest().expect("an incident");
    let tail: Vec<u64> = incident.items.iter().rev().take(5).map(|it| it.entry.seq).collect();
    assert_eq!(tail, [27, 26, 25, note, proposal]);
    assert_in_order(incident);
}
