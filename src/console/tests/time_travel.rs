//! Looking back: what an earlier instant shows, what it never shows, and the way back.

use std::time::Duration;

use crate::board::Topic;
use crate::console::app::{Console, Pending};
use crate::console::input::{AskFailure, Input};
use crate::console::overlay::Overlay;
use crate::console::pane::Pane;
use crate::console::screenshot::to_text;
use crate::console::theme::Role;
use crate::console::time_travel::PastTopic;
use crate::console::{Effect, update};
use crate::console::{rows, view};
use crate::model::{Refusal, RefusalKind, SafeText, Stamp};
use crate::protocol::{Reply, Request, Short};

use super::fixture::{app, later, look, press, tick};

fn text(app: &Console) -> String {
    to_text(&view::draw(app, &look("dark")))
}

fn asked(effects: &[Effect]) -> Vec<(u64, Topic, Stamp, u32)> {
    let past = effects.iter().map(|effect| match effect {
        Effect::Ask { tag, request: Request::Past { topic, at, page } } => (*tag, *topic, *at, *page),
        other => panic!("{other:?}"),
    });
    past.collect()
}

fn reply(app: &mut Console, tag: u64, result: Result<Reply, AskFailure>) -> Vec<Effect> {
    let now = later(app, Duration::from_millis(20));
    update(app, Input::Reply { tag, result }, now)
}

/// At 14:49, with the first two alerts kept, and the room asked for nothing more.
fn at_1449(size: (u16, u16)) -> Console {
    let mut app = app("ana", size);
    let asked = asked(&press(&mut app, "@14:49<enter>"));
    let at: Stamp = "2026-11-22T14:49:00Z".parse().unwrap();
    assert_eq!(
        asked.iter().map(|it| (it.1, it.2, it.3)).collect::<Vec<_>>(),
        [(Topic::Alerts, at, 0), (Topic::Events, at, 0)]
    );
    assert!(size.0 < 120 || text(&app).contains("Asking the room what it kept"), "{}", text(&app));
    let rows = app.mirror.rows(Topic::Alerts);
    let (one, two) = (vec![rows[0].clone()], vec![rows[1].clone()]);
    let page = |rows, more| Ok(Reply::Past { known: true, since: None, rows, more, short: None });
    let more = reply(&mut app, asked[0].0, page(one, true));
    let [Effect::Ask { tag, request: Request::Past { topic: Topic::Alerts, page: 1, .. } }] = more.as_slice() else {
        panic!("the next page: {more:?}")
    };
    assert!(reply(&mut app, *tag, page(two, false)).is_empty());
    let since = Some(at + chrono::TimeDelta::seconds(90));
    reply(&mut app, asked[1].0, Ok(Reply::Past { known: false, since, rows: Vec::new(), more: false, short: None }));
    app
}

#[test]
fn an_instant_shows_what_was_recorded_and_kept_by_then() {
    let mut app = at_1449((160, 48));
    let screen = text(&app);
    let header = screen.lines().next().unwrap();
    assert!(header.contains(" PAST 14:49 "), "{header}");
    for pane in Pane::ALL.iter().copied() {
        let title = format!("{} {}   PAST 14:49", pane.number(), pane.title());
        assert!(screen.contains(&title), "{title}\n{screen}");
    }
    assert_eq!(rows::all(&app, Pane::Alerts).len(), 2);
    assert!(screen.contains("Not kept at 14:49: the room keeps this from 14:50:30 on."), "{screen}");
    let entries = rows::all(&app, Pane::Timeline);
    let late = entries.iter().filter_map(|entry| entry.item()).filter(|item| item.entry.ts > app.at()).count();
    assert!(late == 0 && !entries.is_empty());
    let now = app.mirror.story.latest().unwrap().items.len();
    assert!(app.past.as_ref().unwrap().mirror.story.latest().unwrap().items.len() < now);
    // Panes without history show changes, and only those of then.
    let changes = [Pane::Traffic, Pane::Backups, Pane::Gitops].map(|pane| rows::all(&app, pane));
    assert!(
        changes.iter().flat_map(|list| list.iter()).all(|entry| entry.item().is_some_and(|item| item.at <= app.at()))
    );
    assert!(!changes[0].is_empty(), "a probe failed before");
    press(&mut app, "<esc>");
    assert!(app.past.is_none() && !text(&app).contains("PAST"));
}

#[test]
fn an_answer_that_is_not_whole_says_so_and_a_refused_one_says_why() {
    let mut app = app("ana", (200, 60));
    let asked = asked(&press(&mut app, "@14:49<enter>"));
    let page = |app: &Console, topic, left_out, let_go| {
        let rows = app.mirror.rows(topic)[..2].to_vec();
        let short = Some(Short { left_out, let_go });
        Ok(Reply::Past { known: true, since: None, rows, more: false, short })
    };
    let (alerts, events) = (page(&app, Topic::Alerts, 240, false), page(&app, Topic::Events, 0, true));
    reply(&mut app, asked[0].0, alerts);
    reply(&mut app, asked[1].0, events);
    let screen = text(&app);
    assert!(screen.contains("PAST 14:49  the worst 2 of 242 kept"), "{screen}");
    assert!(screen.contains("PAST 14:49  as kept, more were let go"), "{screen}");
    press(&mut app, "<esc>");
    let asked = self::asked(&press(&mut app, "@14:49<enter>"));
    let why = Refusal::new(RefusalKind::Rate, "your account looked back too often", "ask again in 2 s");
    let rows = app.mirror.rows(Topic::Events)[..2].to_vec();
    let first = Ok(Reply::Past { known: true, since: None, rows, more: true, short: None });
    let next = reply(&mut app, asked[1].0, first);
    let [Effect::Ask { tag, .. }] = next.as_slice() else { panic!("{next:?}") };
    reply(&mut app, *tag, Err(AskFailure::Refused(why.clone())));
    assert!(app.rows(Topic::Events).is_empty(), "a first page alone would look like all there was");
    reply(&mut app, asked[0].0, Err(AskFailure::Refused(why)));
    assert!(text(&app).contains("ask again in 2 s"), "{}", text(&app));
}

#[test]
fn an_answer_to_an_earlier_look_at_the_same_instant_adds_nothing() {
    let mut app = app("ana", (120, 40));
    let before = asked(&press(&mut app, "@14:49<enter>"));
    let now = asked(&press(&mut app, "@14:49<enter>"));
    let rows = app.mirror.rows(Topic::Alerts)[..2].to_vec();
    for tag in [before[0].0, now[0].0] {
        let page = Reply::Past { known: true, since: None, rows: rows.clone(), more: false, short: None };
        assert!(reply(&mut app, tag, Ok(page)).is_empty());
    }
    assert_eq!(app.rows(Topic::Alerts).len(), 2, "each once");
}

#[test]
fn pages_that_have_no_end_or_are_not_asked_for_are_not_taken_for_the_whole() {
    let page = |app: &Console| {
        let rows = app.mirror.rows(Topic::Alerts)[..1].to_vec();
        Ok(Reply::Past { known: true, since: None, rows, more: true, short: None })
    };
    let is_unknown = |app: &Console| {
        let alerts = app.past.as_ref().map(|past| past.alerts.clone());
        app.rows(Topic::Alerts).is_empty() && alerts == Some(PastTopic::Unknown(None))
    };
    let mut endless = app("ana", (120, 40));
    let mut next = Some(asked(&press(&mut endless, "@14:49<enter>"))[0].0);
    while let Some(tag) = next {
        let answer = page(&endless);
        next = asked(&reply(&mut endless, tag, answer)).first().map(|it| it.0);
    }
    assert!(is_unknown(&endless), "{}", text(&endless));

    let mut busy = app("ana", (120, 40));
    let tag = asked(&press(&mut busy, "@14:49<enter>"))[0].0;
    busy.waiting.extend((1_000..2_000).map(|tag| (tag, Pending::Pin)));
    let answer = page(&busy);
    assert!(reply(&mut busy, tag, answer).is_empty());
    assert!(is_unknown(&busy), "{}", text(&busy));
}

#[test]
fn nothing_is_green_and_nothing_is_proposed_in_the_past() {
    let green = look("dark").style(Role::Good).fg;
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut app = at_1449(size);
        for key in ["1", "2", "3", "4", "5", "6", "7", "f", "f", "s"] {
            press(&mut app, key);
            let frame = view::draw(&app, &look("dark"));
            assert!(frame.content.iter().all(|cell| Some(cell.fg) != green), "{size:?} {key}\n{}", to_text(&frame));
        }
        press(&mut app, "<esc>");
        for keys in ["!f", "!r", "c", "m"] {
            assert!(press(&mut app, keys).is_empty() && app.overlays.is_empty(), "{keys}");
            assert!(text(&app).contains("Esc returns to now"), "{keys}");
        }
        for keys in ["i", "d", "t"] {
            // The sentence that is on its way has a line to go to, and goes nowhere from there.
            assert!(press(&mut app, &format!("{keys}zpx<enter>")).is_empty(), "{keys}");
            assert!(text(&app).contains("zpx") && text(&app).contains("returns to now"), "{}", text(&app));
            press(&mut app, "<esc>");
            assert!(app.overlays.is_empty() && app.frozen.is_none() && app.hidden.is_empty(), "{keys}");
        }
    }
}

#[test]
fn an_empty_line_returns_to_now_and_a_bad_one_says_how() {
    let mut app = at_1449((120, 40));
    press(&mut app, "@noon<enter>");
    assert!(matches!(app.overlays.last(), Some(Overlay::Jump { .. })));
    assert!(text(&app).contains("noon is no instant; write 14:41"), "{}", text(&app));
    press(&mut app, "<esc>");
    assert!(app.past.is_some(), "Esc in the line stays");
    press(&mut app, "@<enter>");
    assert!(app.past.is_none());
    // An answer that comes after that is nobody's any more.
    let asked = asked(&press(&mut app, "@T+8<enter>"));
    press(&mut app, "<esc>");
    let rows = app.mirror.rows(Topic::Alerts).to_vec();
    reply(&mut app, asked[0].0, Ok(Reply::Past { known: true, since: None, rows, more: true, short: None }));
    assert!(app.past.is_none());
}

#[test]
fn without_the_room_the_timeline_still_looks_back() {
    let mut app = app("ana", (120, 40));
    let asked = asked(&press(&mut app, "@-1m<enter>"));
    for (tag, ..) in asked {
        reply(&mut app, tag, Err(AskFailure::Gone(SafeText::from("there is no connection"))));
    }
    tick(&mut app, 1);
    assert!(text(&app).contains("PAST") && !rows::all(&app, Pane::Timeline).is_empty(), "{}", text(&app));
    press(&mut app, "<esc>@2026-11-01 10:00<enter>");
    assert!(text(&app).contains("No incident was open at 1 Nov 10:00."), "{}", text(&app));
}
