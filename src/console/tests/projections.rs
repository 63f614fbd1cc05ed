//! What a change costs, counted: the rows of a pane are made once for what changed, and not at all for what did not.

use std::time::Duration;

use chrono::TimeDelta;

use crate::board::{Row, Topic};
use crate::client::ClientEvent;
use crate::console::app::Console;
use crate::console::input::{Input, Now};
use crate::console::pane::Pane;
use crate::console::{absorb, rows, settle, view};
use crate::protocol::{BoardDelta, Push};

use super::fixture::{app, look, press};

/// A console that has been drawn.
fn drawn(size: (u16, u16)) -> Console {
    let app = app("ana", size);
    view::draw(&app, &look("dark"));
    app
}

/// How often the rows of each pane are made while something is done and drawn, twice.
fn made(app: &mut Console, act: impl FnOnce(&mut Console)) -> Vec<(Pane, u64)> {
    let count = |app: &Console| Pane::ALL.iter().map(|pane| app.projections.computed(*pane)).collect::<Vec<_>>();
    let before = count(app);
    act(app);
    for _ in 0..2 {
        view::draw(app, &look("dark"));
    }
    let made = Pane::ALL.iter().copied().zip(count(app).into_iter().zip(before).map(|(now, before)| now - before));
    made.filter(|(_, times)| *times > 0).collect()
}

/// The room tells a row of a topic again, so often.
fn told_again(app: &mut Console, topic: Topic, times: u64) {
    for _ in 0..times {
        let row = app.mirror.rows(topic)[0].clone();
        let (removes, order, total) = (Vec::new(), Vec::new(), app.mirror.rows(topic).len() as u64);
        let upserts = vec![row];
        let delta = BoardDelta { topic, rev: 2, snapshot: false, upserts, removes, order, total, dropped: 0 };
        let input = Input::Room(Box::new(ClientEvent::Push(Push::Board(delta))));
        let now = app.now;
        absorb(app, input, now);
    }
    settle(app);
}

#[test]
fn keys_make_no_rows_and_a_topic_that_changed_makes_those_of_its_pane_once() {
    for size in [(200, 60), (100, 30), (80, 24)] {
        let mut app = drawn(size);
        assert_eq!(made(&mut app, |app| drop(press(app, "jjk"))), [], "{size:?}");
        assert_eq!(made(&mut app, |app| told_again(app, Topic::Alerts, 1)), [(Pane::Alerts, 1)], "{size:?}");
        // However often it changed before somebody looked.
        assert_eq!(made(&mut app, |app| told_again(app, Topic::Traffic, 100)), [(Pane::Traffic, 1)], "{size:?}");
        assert_eq!(made(&mut app, |app| app.mirror.link = app.mirror.link.clone()), []);
    }
}

#[test]
fn an_entry_makes_the_timeline_and_the_people_and_nothing_else() {
    let mut app = drawn((200, 60));
    let made = made(&mut app, |app| app.mirror.story.entries += 1);
    assert_eq!(made, [(Pane::Timeline, 1), (Pane::People, 1)]);
}

#[test]
fn a_second_makes_only_rows_that_grow_old() {
    let mut app = drawn((200, 60));
    let made = made(&mut app, |app| {
        let now = Now { room: app.now.room + TimeDelta::seconds(1), real: app.now.real + Duration::from_secs(1) };
        absorb(app, Input::Tick, now);
        settle(app);
    });
    let panes: Vec<Pane> = made.iter().map(|(pane, _)| *pane).collect();
    assert_eq!(panes, [Pane::Backups, Pane::Events]);
}

#[test]
fn a_filter_is_asked_once_about_rows_that_stay_as_they_are() {
    let mut app = drawn((200, 60));
    press(&mut app, "/critical<enter>");
    assert!(app.pane(Pane::Alerts).filter.is_some());
    view::draw(&app, &look("dark"));
    let shown = rows::visible(&app, Pane::Alerts).len();
    assert!(shown > 0 && shown < rows::all(&app, Pane::Alerts).len(), "{shown}");
    assert_eq!(made(&mut app, |app| drop(press(app, "jk"))), []);
    assert_eq!(made(&mut app, |app| told_again(app, Topic::Events, 3)).len(), 1);
    let again = made(&mut app, |app| told_again(app, Topic::Alerts, 3));
    assert_eq!(again, [(Pane::Alerts, 2)], "all of them, and those that pass");
}

#[test]
fn what_is_kept_is_what_would_be_made_now() {
    let mut app = drawn((200, 60));
    let fresh = |app: &Console| {
        let mut other = super::fixture::app("ana", app.size);
        other.mirror = app.mirror.clone();
        other.now = app.now;
        view::draw(&other, &look("dark"))
    };
    for (topic, n) in [(Topic::Alerts, 0), (Topic::Events, 1), (Topic::Services, 0), (Topic::Sources, 2)] {
        let row = &mut app.mirror.board.topic_mut(topic).rows[n];
        (row.stale, row.verdict) = (true, crate::board::Verdict::Critical);
        assert_eq!(view::draw(&app, &look("dark")), fresh(&app), "{topic:?}");
        app.mirror.board.topic_mut(topic).rows.remove(n);
        assert_eq!(view::draw(&app, &look("dark")), fresh(&app), "{topic:?}");
    }
}

/// A console with so many alerts and events.
fn with_rows(count: usize) -> Console {
    let mut app = app("ana", (200, 60));
    for topic in [Topic::Alerts, Topic::Events] {
        let rows = &mut app.mirror.board.topic_mut(topic).rows;
        let first = rows[0].clone();
        *rows = (0..count).map(|n| Row { id: format!("row {n}"), ..first.clone() }).collect();
    }
    app
}

#[test]
fn a_frame_and_a_key_look_up_as_many_rows_of_ten_thousand_as_of_a_thousand() {
    let looked_up = |count: usize| {
        let mut app = with_rows(count);
        settle(&mut app);
        view::draw(&app, &look("dark"));
        let mut steps = Vec::new();
        let of = |app: &Console| app.projections.looked_up.replace(0);
        of(&app);
        view::draw(&app, &look("dark"));
        steps.push(of(&app));
        for keys in ["j", "<pgdn>", "k"] {
            press(&mut app, keys);
            steps.push(of(&app));
            view::draw(&app, &look("dark"));
            steps.push(of(&app));
        }
        steps
    };
    let (few, many) = (looked_up(1_000), looked_up(10_000));
    assert_eq!(few, many);
    assert!(few.iter().all(|looked_up| *looked_up < 200), "{few:?}");
}
