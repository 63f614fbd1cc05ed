//! What people state and mark, as the console shows it: beside what was measured, and by one key.

use super::fixture::{app, at, look, press};
use crate::console::Effect;
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::screenshot::to_text;
use crate::console::{rows, view};
use crate::model::Milestone;
use crate::protocol::Request;
use crate::timeline::{Marking, Stated};

fn screen(app: &Console) -> String {
    to_text(&view::draw(app, &look("dark")))
}

fn stated(app: &mut Console) {
    let clocks = &mut app.mirror.story.incidents[0].clocks;
    let word = |clock: &str| Some(Stated { at: at(clock), seq: 40, by: "ana".into() });
    (clocks.stated.impact, clocks.stated.recovery) = (word("14:36:00"), word("14:54:00"));
}

#[test]
fn a_stated_recovery_stops_no_clock_and_is_shown_as_what_it_is() {
    let (mut plain, mut told) = (app("ana", (200, 60)), app("ana", (200, 60)));
    stated(&mut told);
    let (before, after) = (screen(&plain), screen(&told));
    assert!(after.contains("measured: not recovered · stated by ana: 14:54"), "{after}");
    assert!(after.contains("(stated by ana: 14:36)"), "{after}");
    assert!(before.contains(" left") && after.contains(" left"), "the objective runs on: {after}");
    assert!(!after.contains("to spare"), "{after}");
    press(&mut plain, "s");
    press(&mut told, "s");
    let page = view::open_page::plain(&told);
    assert!(page.contains("measured: not recovered · stated by ana: 14:54"), "{page}");
    assert!(page.contains("worse?"), "it goes on: {page}");
    assert!(!view::open_page::plain(&plain).contains("stated by"));
}

#[test]
fn one_key_marks_an_entry_and_the_same_takes_it_back() {
    let mut console = app("ana", (120, 40));
    press(&mut console, "6k");
    let seq = rows::selected(&console, Pane::Timeline).and_then(|it| it.item().map(|it| it.entry.seq)).unwrap();
    press(&mut console, "o");
    let effects = press(&mut console, "<enter>");
    let mark = |marked| Request::Mark { seq, milestone: Milestone::Confirmed, marked };
    assert!(matches!(&effects[..], [Effect::Ask { request, .. }] if *request == mark(true)), "{effects:?}");

    let items = &mut console.mirror.story.incidents[0].items;
    let item = items.iter_mut().find(|item| item.entry.seq == seq).unwrap();
    item.marks.push(Marking { milestone: Milestone::Confirmed, by: "sam".into(), seq: 40 });
    assert!(screen(&console).contains("confirmed: "), "{}", screen(&console));
    press(&mut console, "o");
    assert!(screen(&console).contains("marked by sam"), "{}", screen(&console));
    let effects = press(&mut console, "<enter>");
    assert!(matches!(&effects[..], [Effect::Ask { request, .. }] if *request == mark(false)), "{effects:?}");
}

#[test]
fn what_is_no_entry_can_not_be_marked_and_says_where_to_go() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "1");
    assert_eq!(press(&mut app, "o"), []);
    assert!(
        app.notice.as_ref().is_some_and(|it| it.text.as_str().contains("Mark an entry of the timeline")),
        "{:?}",
        app.notice
    );
}
