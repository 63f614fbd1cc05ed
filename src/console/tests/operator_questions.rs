//! The list of questions keeps its word at 80×24: its keys lead to the answer.

use crate::console::keymap::keys;
use crate::console::operator_questions::{MOST_KEYS, QUESTIONS};
use crate::console::screenshot::to_text;
use crate::console::view;

use super::fixture::{app, look, press};

/// Words of the answers, on the fixture's incident.
const ANSWERS: &[(&str, &[&str])] = &[
    ("How long has it been, and how long have we got?", &["impact +18:42", "RTO 11:18 left"]),
    ("What is wrong, and who has been told?", &["etcdMembersDown", "→ pagerduty"]),
    ("Is it getting worse?", &["BackOff", "rising", "14:45", "primary"]),
    ("Which service is worst?", &["✗ shop", "failing for 18 min"]),
    ("How much data do we lose if we fail over now?", &["shop", "8 m", "of 15 m", "off-site"]),
    ("Is the backup usable, and is it off-site?", &["Newest usable restore point", "off-site"]),
    ("Where does traffic go?", &["→ dr", "100 % of answers"]),
    ("Is DR the same as prod?", &["dr 12 of 12 as primary"]),
    ("What was decided, and by whom?", &["ana: Decision: fail over to DR"]),
    ("Who approved?", &["ana+sam", "confirmed"]),
    ("What has happened since 14:41?", &["14:41  room", "Alert etcdMembersDown fires"]),
    ("What waits for me?", &["SECOND PERSON NEEDED", "Restore shop on dr"]),
    ("Who is here, and who commands?", &["ana", "commands", "sam", "lee"]),
    ("Would we meet RTO and RPO now?", &["Readiness", "RTO", "RPO", "not proven"]),
];

#[test]
fn every_question_is_answered_in_at_most_two_keys_from_the_overview() {
    assert!(QUESTIONS.len() >= 10);
    for question in QUESTIONS {
        let pressed = keys(question.keys).unwrap();
        assert!(pressed.len() <= MOST_KEYS, "{}", question.asks);
        let mut app = app("sam", (80, 24));
        press(&mut app, question.keys);
        let text = to_text(&view::draw(&app, &look("dark")));
        let (_, words) = ANSWERS.iter().find(|(asks, _)| *asks == question.asks).expect("an answer to look for");
        for word in *words {
            assert!(text.contains(word), "{} [{}]: no `{word}` in\n{text}", question.asks, question.keys);
        }
    }
}
