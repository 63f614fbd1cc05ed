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
    assert_eq!((reached.lost_s, reached.rpo_met), (Some(480), Some(true)), "by the measured impact");
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
        assert!(form.contains("stated by ana: before the impact, which can't be"), "{form}");
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
