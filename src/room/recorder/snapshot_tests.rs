//! The room's memory of its log: small, kept over a start, and enough for those who watch and read.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::log_quota::LogSpace as LogRoom;
use crate::client::{ClientEvent, KEPT, Mirror};
use crate::clock::Clock;
use crate::ledger::FoundSnapshot;
use crate::model::entry::{Closed, EntryDraft, Note, Opened};
use crate::model::{Actor, IncidentId, Level, PersonId, SafeText, Severity};
use crate::protocol::{Push, Request};
use crate::room::engine::Engine;
use crate::room::entry_places::PAGE;
use crate::room::plans_tests::{Faulty, opened};
use crate::seal;
use crate::timeline::{Keep, Story};

/// An engine on the log in a folder, as a start makes it; and what it found beside the log.
fn start(home: &Path) -> (Engine, FoundSnapshot) {
    let (shared, opened) = opened(home, Arc::new(Faulty::default()), Clock::real());
    let (commands, _) = mpsc::channel(16);
    let found = opened.snapshot.clone();
    let (mut engine, _news) = Engine::new(&shared, opened.ledger, &commands);
    engine.recorder.kept.found = opened.snapshot;
    engine.recorder.read_log();
    assert_eq!(engine.recorder.unread, None);
    (engine, found)
}

fn note(incident: Option<&IncidentId>, text: &str) -> EntryDraft {
    let by =
        Actor { person: PersonId::from("ana"), uid: Some(1000), level: Level::Account, login: None, simulated: false };
    EntryDraft {
        incident: incident.cloned(),
        by,
        happening: Note { at: None }.into(),
        text: Some(SafeText::long(text)),
    }
}

fn begin(engine: &mut Engine, id: &IncidentId) {
    let opened = Opened { incident: id.clone(), severity: Severity::Sev1, detected_at: None };
    let draft =
        EntryDraft { incident: Some(id.clone()), by: Actor::room(), happening: opened.into(), text: Some("t".into()) };
    engine.recorder.record(vec![draft]).expect("recorded");
}

/// `count` notes of an incident, every fourth one of none.
fn notes(engine: &mut Engine, id: &IncidentId, count: usize, text: &str) {
    for from in (0..count).step_by(200) {
        let drafts = (from..count.min(from + 200)).map(|n| note((n % 4 > 0).then_some(id), &format!("{n} {text}")));
        engine.recorder.record(drafts.collect()).expect("recorded");
    }
}

/// Everything, folded with its items from the first entry on.
fn whole(engine: &Engine) -> Story {
    let (mut story, mut next) = (Story::keeping(Keep::All), 1);
    loop {
        let page = engine.shared.reader.read_from(next, 1 << 20).expect("the log");
        if page.is_empty() {
            return story;
        }
        for line in &page {
            let entry = seal::decode(line).expect("an entry");
            next = entry.seq + 1;
            story.apply(&entry);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_reads_what_came_after_the_snapshot_and_no_more() {
    let home = tempfile::tempdir().expect("a folder");
    let id = IncidentId::from("INC-1");
    let (mut engine, found) = start(home.path());
    assert_eq!((found, engine.recorder.kept.folded), (FoundSnapshot::Nothing, 1));
    begin(&mut engine, &id);
    notes(&mut engine, &id, 400, "before");
    engine.recorder.keep();
    notes(&mut engine, &id, 7, "behind");
    let (story, head) = (engine.recorder.story.clone(), engine.recorder.kept.folded_to);
    assert!(engine.recorder.story.incidents.iter().all(|it| it.items.is_empty()), "no entry stays in memory");
    drop(engine);
    let (engine, found) = start(home.path());
    assert!(matches!(found, FoundSnapshot::Fits(_)), "{found:?}");
    assert_eq!((engine.recorder.kept.folded, engine.recorder.kept.folded_to), (7, head));
    assert_eq!(engine.recorder.story, story);
    assert_eq!(engine.recorder.story, whole(&engine).keep(Keep::Heads));
    drop(engine);
    std::fs::remove_file(home.path().join("log/SNAPSHOT")).expect("there was one");
    let (engine, _) = start(home.path());
    assert_eq!((engine.recorder.kept.folded, &engine.recorder.story), (head.0, &story));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_begins_with_what_was_made_of_the_log_and_reads_the_rest_in_pages() {
    let home = tempfile::tempdir().expect("a folder");
    let (first, second) = (IncidentId::from("INC-1"), IncidentId::from("INC-2"));
    let (mut engine, _) = start(home.path());
    begin(&mut engine, &first);
    notes(&mut engine, &first, 300, "of the first");
    let closed = Closed::default().into();
    let draft = EntryDraft { incident: Some(first.clone()), by: Actor::room(), happening: closed, text: None };
    engine.recorder.record(vec![draft]).expect("recorded");
    begin(&mut engine, &second);
    notes(&mut engine, &second, 4_000, &"x".repeat(300));
    let all = whole(&engine);

    // As a client takes it in.
    let heads = engine.recorder.heads().expect("heads");
    let (clock, mut mirror) = (Clock::real(), Mirror::default());
    let mut hear = |push| mirror.apply(ClientEvent::Push(push), &clock);
    hear(Push::Heads { seq: heads.seq, head: heads.head, part: heads.json.clone(), more: false });
    let (mut next, mut sent) = (Some(0), 0);
    while let Some(from) = next {
        let (page, more) = heads.newest.page(&engine.shared.reader, from).expect("a page");
        let bytes: usize = page.iter().map(|line| line.line.len() + line.body.as_ref().map_or(0, String::len)).sum();
        assert!(bytes < 2 * PAGE, "{bytes}");
        sent += page.len();
        hear(Push::Earlier(page));
        next = more;
    }
    assert_eq!((sent, &mirror.broken), (1_000, &None));
    assert_eq!(mirror.story.incidents[0].items, [], "of a closed one its head");
    let (held, told) = (&mirror.story.incidents[1].items, &all.incidents[1].items);
    assert_eq!(held.as_slice(), &told[told.len() - held.len()..], "the newest are as they are in the whole");
    assert_eq!(mirror.story.incidents[1].missing() as usize, told.len() - 1_000);

    // What comes goes on from there, and what is kept of it is bounded.
    let seq = heads.seq;
    notes(&mut engine, &second, 8_000, "more");
    let rest = engine.shared.reader.read_from(seq + 1, usize::MAX).expect("the rest");
    mirror.apply(ClientEvent::Push(Push::Entries(rest)), &clock);
    assert_eq!((mirror.broken.clone(), mirror.head), (None, Some(engine.recorder.kept.folded_to)));
    assert!(mirror.story.incidents[1].items.len() <= KEPT + KEPT / 4);
    let all = whole(&engine);
    let (heads_of, clocks) = (Story::clone(&mirror.story).keep(Keep::Heads), all.incidents[1].clocks.clone());
    assert_eq!((heads_of.incidents[1].clocks.clone(), heads_of.entries), (clocks, all.entries));

    // Either incident by its pages is the incident of the whole fold.
    for (id, whole) in [&first, &second].into_iter().zip(&all.incidents) {
        let place = engine.recorder.place(id, 0).expect("an incident");
        let (mut story, mut next, mut pages) = (Story::of_one(whole.after, Keep::All), Some(0), 0);
        while let Some(from) = next {
            let (page, more) = place.page(&engine.shared.reader, from).expect("a page");
            page.iter().for_each(|line| story.apply(&seal::decode(line).expect("an entry")));
            (next, pages) = (more, pages + 1);
        }
        assert_eq!(story.get(id), Some(whole), "in {pages} pages");
    }
    assert!(engine.recorder.place(&IncidentId::from("INC-3"), 0).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_quota_notes_are_refused_and_it_was_said_before() {
    let home = tempfile::tempdir().expect("a folder");
    let id = IncidentId::from("INC-1");
    let (mut engine, _) = start(home.path());
    begin(&mut engine, &id);
    notes(&mut engine, &id, 100, "x");
    let used = engine.recorder.ledger.bytes();
    engine.recorder.quota.bytes = used + 4_000;
    let request = || Request::Note { text: "one more".into(), at: None, mark: None };
    assert!(engine.recorder.room_for(&request()).is_ok());
    engine.recorder.watch_room();
    assert_eq!(engine.recorder.quota.said, LogRoom::Fills);
    assert!(engine.recorder.room_words().is_some_and(|says| says.as_str().contains("MiB")));
    let told = engine.recorder.tell.log_room.borrow().clone().expect("consoles are told");
    assert!(!told.full && told.says.as_str().contains("notes are refused"), "{told:?}");
    let (seq, _) = engine.recorder.kept.folded_to;
    let said = engine.recorder.entry(seq).expect("the entry that says so");
    assert_eq!(said.happening.kind(), "edge");
    engine.recorder.watch_room();
    assert_eq!(engine.recorder.kept.folded_to.0, seq, "it is said once");
    notes(&mut engine, &id, 20, "x");
    let refusal = engine.recorder.room_for(&request()).expect_err("the quota is used up");
    assert!(refusal.remedy.as_str().contains("quota"), "{refusal}");
    engine.recorder.quota.looked = None;
    engine.recorder.watch_room();
    assert!(engine.recorder.tell.log_room.borrow().as_ref().is_some_and(|told| told.full), "and that it is full");
    let reject = Request::Reject { plan: "p".into(), reason: "no".into() };
    for other in [Request::Close, reject, Request::Open { title: "t".into(), severity: Severity::Sev1 }] {
        assert!(engine.recorder.room_for(&other).is_ok(), "{other:?}");
    }
    assert!(engine.recorder.record(vec![engine.recorder.by_room(Closed::default())]).is_some(), "the room's own go in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_found_while_nothing_can_be_recorded_is_told_once_it_can() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut engine, _) = start(home.path());
    engine.recorder.announced = true;
    engine.recorder.disk_is_full();
    engine.recorder.degrade("the disk is full");
    let (seq, _) = engine.recorder.kept.folded_to;
    engine.recorder.found_damaged("a closed segment is not whole".into());
    assert_eq!(engine.recorder.kept.folded_to.0, seq);
    engine.recorder.outage.look_now();
    engine.heal();
    let texts: Vec<_> = (seq + 1..=engine.recorder.kept.folded_to.0)
        .map(|seq| format!("{:?}", engine.recorder.entry(seq).expect("an entry").happening))
        .collect();
    assert!(texts.iter().any(|it| it.contains("a closed segment is not whole")), "{texts:?}");
    assert_eq!(engine.recorder.lost, None, "told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_on_the_disk_does_not_make_a_log_readable_and_half_of_one_is_not_kept() {
    let home = tempfile::tempdir().expect("a folder");
    let id = IncidentId::from("INC-1");
    let (mut engine, _) = start(home.path());
    begin(&mut engine, &id);
    notes(&mut engine, &id, 40, "x");
    engine.recorder.announced = true;
    engine.recorder.disk_is_full();
    // What can't be read is not there under its name for a while.
    let (segment, away) = (home.path().join("log/timeline.000001.jsonl"), home.path().join("away"));
    std::fs::rename(&segment, &away).expect("moved");
    engine.recorder.read_log();
    assert!(engine.recorder.unread.is_some());
    engine.recorder.outage.look_now();
    engine.heal();
    assert!(
        engine.recorder.degraded.clone().is_some_and(|why| why.as_str().contains("can't be read")),
        "{:?}",
        engine.recorder.degraded
    );
    engine.recorder.keep();
    assert!(!home.path().join("log/SNAPSHOT").exists());
    std::fs::rename(&away, &segment).expect("moved back");
    engine.recorder.outage.look_now();
    engine.heal();
    assert_eq!((engine.recorder.degraded.clone(), &engine.recorder.unread), (None, &None));
    assert_eq!(engine.recorder.story, whole(&engine).keep(Keep::Heads));
}
