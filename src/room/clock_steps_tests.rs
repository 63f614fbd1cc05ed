//! The wall clock of the host is set a day forward and a day back, and nothing that the room decides hangs on it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::mpsc;

use super::engine::Engine;
use super::plans_tests::{Faulty, shared};
use crate::clock::Clock;
use crate::ledger::{self, Expected};
use crate::model::entry::{EntryDraft, LogLine, Opened};
use crate::model::{Actor, Happening, IncidentId, Severity};
use crate::seal::{self, SigningKey};

const DAY: TimeDelta = TimeDelta::days(1);

/// A room with a key and an open incident, on a clock that can be set.
fn room(home: &std::path::Path) -> (Engine, Clock, String) {
    let clock = Clock::manual("2026-03-02T14:37:00Z".parse().expect("a time"));
    let (shared, ledger) = shared(home, Arc::new(Faulty::default()), clock.clone());
    let (commands, _) = mpsc::channel(16);
    let (mut engine, _news) = Engine::new(&shared, ledger, &commands);
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&[5; 32]);
    let private = ssh_key::PrivateKey::new(pair.into(), "").expect("a key");
    let key = SigningKey::parse(&private.to_openssh(ssh_key::LineEnding::LF).expect("text")).expect("a key");
    let public = key.public();
    engine.recorder.sign_with(Some(key));
    let incident = IncidentId::from("INC-1");
    let opened = Opened { incident: incident.clone(), severity: Severity::Sev1, detected_at: None };
    let draft = EntryDraft { incident: Some(incident), by: Actor::room(), happening: opened.into(), text: None };
    assert!(engine.recorder.record(vec![draft]).is_some());
    (engine, clock, public)
}

fn happened(engine: &Engine) -> Vec<Happening> {
    let lines: Vec<LogLine> = engine.shared.reader.read_from(1, usize::MAX).expect("readable");
    lines.iter().map(|line| seal::decode(line).expect("an entry").happening).collect()
}

fn signed(engine: &Engine) -> usize {
    happened(engine).iter().filter(|it| matches!(it, Happening::HeadSigned(_))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_are_signed_every_ten_minutes_whatever_is_done_to_the_wall_clock() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut engine, clock, public) = room(home.path());
    engine.beat();
    assert_eq!(signed(&engine), 1, "at once");
    clock.step_wall(DAY);
    engine.beat();
    assert_eq!(signed(&engine), 1, "a day forward is no ten minutes");
    clock.advance(Duration::from_secs(600));
    engine.beat();
    assert_eq!(signed(&engine), 2);
    clock.step_wall(-DAY);
    engine.beat();
    assert_eq!(signed(&engine), 2);
    clock.advance(Duration::from_secs(600));
    engine.beat();
    assert_eq!(signed(&engine), 3, "after a day forward and back");
    let verdict = ledger::verify(&[home.path().join("log")], &Expected { key: Some(public), head: None });
    assert!(verdict.as_ref().is_ok_and(|it| it.ok && it.signed.heads == 3), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_the_wall_clock_is_an_entry_and_its_slewing_is_none() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut engine, clock, _) = room(home.path());
    let steps = |engine: &Engine| -> Vec<i64> {
        let edges = happened(engine).into_iter().filter_map(|it| match it {
            Happening::Transition(edge) if edge.edge.as_str() == "clock.stepped" => Some(edge),
            _ => None,
        });
        edges.filter_map(|edge| edge.figures["step_s"].as_i64()).collect()
    };
    for _ in 0..20 {
        clock.step_wall(TimeDelta::seconds(2));
        clock.advance(Duration::from_millis(100));
        engine.beat();
    }
    assert_eq!(steps(&engine), [0; 0], "40 s in all, never more than two at once");
    for by in [DAY, -DAY, TimeDelta::seconds(5), -TimeDelta::seconds(4)] {
        clock.step_wall(by);
        engine.beat();
        engine.beat();
    }
    assert_eq!(steps(&engine), [86_400, -86_400, 5]);
}
