//! What is measured, and what is only said: the export never takes the one for the other.

use proptest::prelude::*;

use super::*;
use crate::model::entry::{Amend, Set};
use crate::timeline::tests::{Log, properties};

/// The story up to the last failed probe, with what one person says about it.
fn bent(word: Set) -> Outline {
    let mut log = story();
    log.entries.truncate(17);
    log.add(at("15:04:00"), person("ana"), word, None);
    outline(log.fold().latest().expect("an incident"), &[objective()], &meta(false))
}

fn forms(outline: &Outline) -> [String; 4] {
    [to_markdown(outline), to_html(outline), to_csv(outline), to_json(outline).to_string()]
}

#[test]
fn a_stated_recovery_meets_no_objective_and_stands_beside_what_was_measured() {
    let word = Set { impact_at: Some(at("14:36:00")), recovered_at: Some(at("15:03:00")), ..Set::default() };
    let outline = bent(word);
    let reached = &outline.objectives[0];
    assert_eq!((reached.recovered_in_s, reached.rto_met), (None, None));
    assert_eq!((reached.lost_s, reached.rpo_met), (Some(480), None), "that no more is lost nobody measured");
    assert_eq!((outline.from_impact_s, outline.from_detection_s), (None, None));
    assert!(outline.rows.iter().all(|row| row.event != "recovered"), "{:?}", outline.rows);
    let [markdown, page, _, _] = forms(&outline);
    for words in [
        "measured: 2026-03-02 14:37:00 UTC · stated by ana: 2026-03-02 14:36:00 UTC",
        "measured: not recovered · stated by ana: 2026-03-02 15:03:00 UTC",
        "not measured · stated by ana: 27 min",
        "8 min · stated by ana: 7 min",
    ] {
        assert!(markdown.contains(words), "{words}: {markdown}");
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains("recovery, stated by ana"), "the drawing has it: {page}");
    let json = to_json(&outline);
    assert_eq!(json["clocks"]["recovery"], serde_json::Value::Null);
    assert_eq!(json["clocks"]["stated"]["recovery"]["by"], "ana");
    assert_eq!(json["objectives"][0]["stated"]["recovered_in_s"], 27 * 60);
}

#[test]
fn an_order_that_can_not_be_is_said_and_not_computed() {
    let word = Set { impact_at: Some(at("14:44:14")), recovered_at: Some(at("14:41:10")), ..Set::default() };
    let [markdown, page, _, json] = forms(&bent(word));
    for form in [markdown, page] {
        assert!(form.contains("stated by ana: before the impact, which can"), "{form}");
    }
    assert!(json.contains("\"impossible\":true"), "{json}");
}

#[test]
fn time_that_has_run_out_without_a_recovery_is_missed() {
    let mut log = story();
    log.entries.truncate(17);
    log.note(at("15:08:00"), "ana", "still down");
    let of = |log: &Log| outline(log.fold().latest().expect("an incident"), &[objective()], &meta(false));
    assert_eq!(of(&log).objectives[0].rto_met, Some(false), "31 minutes of 30");
    log.entries.pop();
    assert_eq!(of(&log).objectives[0].rto_met, None, "26 minutes: it may still be met");
}

#[test]
fn an_edge_that_was_retimed_shows_both_times_and_its_row_keeps_the_measured_one() {
    let mut log = story();
    log.add(at("15:11:00"), person("ana"), Amend { seq: 13, at: Some(at("14:50:40")) }, None);
    let story = log.fold();
    let outline = outline(story.latest().expect("an incident"), &[objective()], &meta(false));
    let row = outline.rows.iter().find(|row| row.event == "traffic_switched").expect("it moved");
    assert_eq!((row.at, row.t_s), (at("14:51:00"), 600));
    let markdown = to_markdown(&outline);
    assert!(markdown.contains("amended by entry 23; measured: 2026-03-02 14:51:00 UTC"), "{markdown}");
    assert!(to_csv(&outline).contains("2026-03-02T14:50:40.000Z,2026-03-02T14:51:03.000Z"));
}

/// The first length of time in a text that is negative, with what stands around it.
fn negative_length(text: &str) -> Option<&str> {
    text.match_indices('-').find_map(|(at, _)| {
        let rest = &text[at + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = |unit: &str| rest[digits..].starts_with(unit);
        let negative = digits > 0 && [" s", " m", " min", " h"].into_iter().any(unit);
        negative.then(|| &text[..at + 1 + digits])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_form_ever_holds_a_negative_length(parts in prop::collection::vec((any::<u8>(), 0i64..3_600, 0u64..60), 0..60)) {
        let log = properties::log(&parts);
        for incident in &log.fold().incidents {
            let outline = outline(incident, &[objective()], &meta(false));
            for form in forms(&outline) {
                prop_assert!(negative_length(&form).is_none(), "{form}");
            }
            let json = to_json(&outline);
            for figure in ["from_impact_s", "from_detection_s", "from_decision_s", "rpo_s"] {
                prop_assert!(json[figure].is_null() || json[figure].is_u64(), "{figure}: {json}");
            }
        }
    }
}

/// The whole story with the two plans, and what is changed of it.
fn told(change: impl FnOnce(&mut Incident)) -> Outline {
    let mut incident = incident();
    change(&mut incident);
    outline(&incident, &[objective()], &meta(false))
}

fn row<'a>(outline: &'a Outline, event: &str) -> Option<&'a MilestoneRow> {
    outline.rows.iter().find(|row| row.event == event)
}

fn mark(incident: &mut Incident, seq: u64, milestone: Milestone, by: &str) {
    let item = incident.items.iter_mut().find(|item| item.entry.seq == seq).expect("an item");
    item.marks.push(Marking { milestone, by: by.into(), seq: 106 });
}

#[test]
fn nothing_is_confirmed_by_whatever_somebody_writes() {
    let mut log = story();
    log.note(at("15:05:00"), "ana", "confirmed: brb, making coffee");
    let outline = outline(log.fold().latest().expect("an incident"), &[objective()], &meta(false));
    assert_eq!(row(&outline, "confirmed"), None);
    assert_eq!(outline.not_recorded, ["confirmed"]);
    let [markdown, page, _, json] = forms(&outline);
    assert!(markdown.contains("Not recorded: confirmed."), "{markdown}");
    assert!(page.contains("<p>Not recorded: confirmed.</p>"), "{page}");
    assert!(json.contains("\"not_recorded\":[\"confirmed\"]"), "{json}");
}

#[test]
fn a_marked_entry_is_a_milestone_and_says_who_marked_it() {
    let outline = told(|_| {});
    let confirmed = row(&outline, "confirmed").expect("it was marked");
    assert_eq!((confirmed.basis, confirmed.seqs.as_slice()), (Basis::Marked, &[9, 105][..]));
    assert_eq!(confirmed.who(), "ana, marked by sam");
    let [markdown, page, csv, _] = forms(&outline);
    for form in [markdown, page] {
        assert!(form.contains("ana, marked by sam"), "{form}");
        assert!(form.contains("marked as confirmed by sam in entry"), "{form}");
        assert!(!form.contains("Not recorded"), "{form}");
    }
    assert!(csv.contains(",confirmed\r\n"), "{csv}");
}

#[test]
fn a_mark_does_not_overrule_what_was_observed_and_both_are_shown() {
    let outline = told(|incident| mark(incident, 6, Milestone::Recovered, "lee"));
    let recovered = row(&outline, "recovered").expect("it was seen");
    assert_eq!((recovered.t_s, recovered.basis, recovered.auto), (1380, Basis::Observed, true));
    assert_eq!(outline.rows.len(), 7, "one row a milestone");
    for form in [to_markdown(&outline), to_html(&outline)] {
        assert!(form.contains("recovered, as marked") && form.contains("marked by lee"), "{form}");
    }
}

#[test]
fn a_restore_that_runs_has_restored_nothing() {
    let without_edge = |incident: &mut Incident| {
        incident.items.retain(|item| {
            !matches!(&item.entry.happening, crate::model::Happening::Transition(it) if it.edge == TransitionKind::RestoreCompleted)
        });
        let restore = incident.plans.by_id.values_mut().find(|it| it.plan.action == Action::Restore).expect("a plan");
        // The entry that ended it, as far as the milestone asks.
        restore.seqs.push(15);
    };
    let state = |state: PlanState| {
        move |incident: &mut Incident| {
            without_edge(incident);
            for record in incident.plans.by_id.values_mut() {
                record.state = state;
            }
        }
    };
    let ran = told(state(PlanState::Succeeded));
    let restored = row(&ran, "restored").expect("every effect was seen");
    assert_eq!((restored.basis, restored.actor.as_str()), (Basis::Plan, "ana+sam"));
    for not in [PlanState::Executing, PlanState::Failed, PlanState::Interrupted, PlanState::Proposed] {
        let outline = told(state(not));
        assert_eq!(row(&outline, "restored"), None, "{not:?}");
        assert!(outline.not_recorded.contains(&"restored"));
    }
    let read_again = told(|incident| {
        state(PlanState::Interrupted)(incident);
        for record in incident.plans.by_id.values_mut() {
            record.reconciled = Some(crate::model::entry::Reconciliation::Applied);
        }
    });
    assert!(row(&read_again, "restored").is_some(), "reading found it");
}

/// A room that died between claim and outcome: what its plans did still has its persons.
#[test]
fn what_an_interrupted_plan_did_names_its_persons() {
    for state in [PlanState::Interrupted, PlanState::Failed, PlanState::Stopped, PlanState::Executing] {
        let outline = told(|incident| {
            for record in incident.plans.by_id.values_mut() {
                record.state = state;
            }
        });
        for event in ["traffic_switched", "restored"] {
            let row = row(&outline, event).expect(event);
            assert_eq!((row.actor.as_str(), row.auto, row.basis), ("ana+sam", false, Basis::Observed), "{state:?}");
        }
    }
    let rejected = told(|incident| {
        for record in incident.plans.by_id.values_mut() {
            record.state = PlanState::Rejected;
        }
    });
    assert!(row(&rejected, "traffic_switched").is_some_and(|row| row.auto), "nobody's plan ran");
}

#[test]
fn a_restore_of_nothing_or_of_another_service_is_not_the_restore() {
    let figures = |service: &'static str, figures: serde_json::Value| {
        told(move |incident| {
            incident.plans.by_id.retain(|_, record| record.plan.action != Action::Restore);
            for item in &mut incident.items {
                if let crate::model::Happening::Transition(it) = &mut item.entry.happening
                    && it.edge == TransitionKind::RestoreCompleted
                {
                    (it.service, it.figures) = (Some(service.to_owned()), figures.clone());
                }
            }
        })
    };
    assert!(row(&figures("shop", serde_json::json!({ "items": 40 })), "restored").is_some());
    assert_eq!(row(&figures("shop", serde_json::json!({ "items": 0 })), "restored"), None);
    assert_eq!(row(&figures("ledger", serde_json::json!({ "items": 40 })), "restored"), None);
    let skipped = |warnings: u64| figures("shop", serde_json::json!({ "items": 40, "warnings": warnings }));
    assert!(row(&skipped(2), "restored").is_some(), "the other 38 came back");
    assert_eq!(row(&skipped(40), "restored"), None, "all of it existed already and was skipped");
}
