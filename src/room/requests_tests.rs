//! What requests leave in the log, and what they are answered.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::engine::Engine;
use super::engine_message::{Answer, Caller};
use super::peer_credentials::Peer;
use super::plans_tests::{Faulty, shared};
use crate::approval::tests::actor;
use crate::clock::Clock;
use crate::model::entry::{EntryDraft, Marked, Opened};
use crate::model::{Actor, Entry, Happening, IncidentId, Login, Milestone, Person, PersonRole, SafeText, Severity};
use crate::protocol::request::SetIncident;
use crate::protocol::{DrillInfo, Reply, Request};
use crate::seal;

/// A room in which ana is an operator and an incident is open.
fn room(home: &Path, clock: Clock, drill: Option<DrillInfo>) -> Engine {
    let (mut shared, ledger) = shared(home, Arc::new(Faulty::default()), clock);
    let kept = Arc::get_mut(&mut shared).expect("nobody else has it yet");
    kept.drill = drill;
    kept.config.people =
        vec![Person { id: "ana".into(), accounts: Vec::new(), uids: vec![1], roles: vec![PersonRole::Operator] }];
    let (commands, _) = mpsc::channel(16);
    let (mut engine, _news) = Engine::new(&shared, ledger, &commands);
    let incident = IncidentId::from("INC-1");
    let opened = Opened { incident: incident.clone(), severity: Severity::Sev1, detected_at: None };
    let draft = EntryDraft { incident: Some(incident), by: Actor::room(), happening: opened.into(), text: None };
    assert!(engine.recorder.record(vec![draft]).is_some());
    engine
}

/// What ana is answered.
fn ask(engine: &mut Engine, request: Request) -> Answer {
    let hello = serde_json::from_value(json!({"proto": [1], "client": "test"})).expect("a hello");
    let caller = Caller { peer: Peer { uid: 1, login: Login::Unset }, hello, actor: actor("ana", 1) };
    let (reply, mut answer) = oneshot::channel();
    engine.ask(caller, request, reply);
    answer.try_recv().expect("it is answered at once")
}

/// An entry, and the one next to it.
fn pair(engine: &Engine, first: u64) -> (Entry, Entry) {
    let lines = engine.shared.reader.read_from(first, usize::MAX).expect("readable");
    let mut entries = lines.iter().map(|line| seal::decode(line).expect("an entry"));
    (entries.next().expect("one"), entries.next().expect("and another"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_request_records_is_durable_as_a_whole_or_not_at_all() {
    let home = tempfile::tempdir().expect("a folder");
    let mut engine = room(home.path(), Clock::real(), None);
    let note = Request::Note { text: "it is etcd".into(), at: None, mark: Some(Milestone::Confirmed) };
    let Ok(Reply::Recorded { seq }) = ask(&mut engine, note) else { panic!("a note is recorded") };
    let (note, mark) = pair(&engine, seq);
    assert_eq!(note.text, Some(SafeText::from("it is etcd")));
    assert_eq!(mark.happening, Happening::from(Marked { seq, milestone: Milestone::Confirmed, marked: true }));
    assert_eq!(note.batch, mark.batch);

    let set = SetIncident { severity: Some(Severity::Sev2), ..SetIncident::closed_although_firing() };
    let Ok(Reply::Recorded { seq }) = ask(&mut engine, Request::Set(set)) else { panic!("it is closed") };
    let (set, closed) = pair(&engine, seq - 1);
    assert!(matches!((&set.happening, &closed.happening), (Happening::Set(_), Happening::Closed(_))), "{closed:?}");
    assert_eq!(set.batch, closed.batch);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_speed_of_a_drill_is_told_as_it_is_now() {
    let home = tempfile::tempdir().expect("a folder");
    let clock = Clock::scaled("2026-03-10T14:37:00Z".parse().expect("a time"), 0.0);
    let drill = DrillInfo { scenario: "etcd-corruption".to_owned(), seed: 1, speed: 0.0 };
    let mut engine = room(home.path(), clock.clone(), Some(drill));
    clock.set_speed(60.0);
    let Ok(Reply::Status(status)) = ask(&mut engine, Request::Status) else { panic!("a status") };
    assert_eq!(status.drill.map(|it| it.pace()), Some("×60".to_owned()));
}
