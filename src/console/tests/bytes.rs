//! What the screens cost on a slow link, counted in bytes: a quiet minute, a row that changes, a whole picture.

use std::time::Duration;

use crate::board::{AlertRow, RowBody, Topic};
use crate::console::app::Console;
use crate::console::input::{Input, Now};
use crate::console::terminal::DiffEncoder;
use crate::console::{update, view};
use crate::model::SafeText;

use super::fixture::{app, look, press};

const SIZE: (u16, u16) = (200, 50);
/// A second of nothing, a row that changed, a whole picture.
const IDLE: usize = 200;
const ROW: usize = 600;
const WHOLE: usize = 20_000;

fn drawn(pen: &mut DiffEncoder, app: &Console, theme: &str, whole: bool) -> usize {
    pen.bytes(&view::draw(app, &look(theme)), whole).len()
}

fn second(app: &mut Console) {
    let now = Now { room: app.now.room + chrono::TimeDelta::seconds(1), real: app.now.real + Duration::from_secs(1) };
    update(app, Input::Tick, now);
}

#[test]
fn a_quiet_console_sends_next_to_nothing() {
    let mut app = app("sam", SIZE);
    let mut pen = DiffEncoder::default();
    drawn(&mut pen, &app, "dark", true);
    let mut sent = Vec::new();
    for _ in 0..60 {
        second(&mut app);
        sent.push(drawn(&mut pen, &app, "dark", false));
    }
    // Rows grow old in this minute: the fixture's sources say nothing more. That is drawn once and is no part of idling.
    sent.sort_unstable();
    let quiet: usize = sent[..55].iter().sum();
    assert!(quiet <= 55 * IDLE, "{} B/s: {sent:?}", quiet / 55);
    let now = app.now;
    update(&mut app, Input::Tick, now);
    assert_eq!(drawn(&mut pen, &app, "dark", false), 0, "nothing changed, nothing is sent");
}

#[test]
fn a_row_that_changes_costs_a_row() {
    let mut app = app("sam", SIZE);
    let mut pen = DiffEncoder::default();
    drawn(&mut pen, &app, "dark", true);
    for (topic, i) in
        [(Topic::Alerts, 0), (Topic::Traffic, 0), (Topic::Backups, 0), (Topic::Gitops, 0), (Topic::Events, 2)]
    {
        let row = &mut app.mirror.board.get_mut(&topic).unwrap().rows[i];
        row.why = SafeText::from("it changed: this is what stands there now, and it is a whole sentence");
        match &mut row.body {
            // As long as it was: a longer name moves the columns of all rows.
            RowBody::Alert(AlertRow { alert, .. }) => {
                alert.name = SafeText::from(alert.name.as_str().chars().rev().collect::<String>());
            }
            RowBody::Event(event) => event.message = "Back-off restarting failed container checkout in pod".into(),
            // Parity is told in the pane's title and twice more: its row is not one line of the screen.
            RowBody::Parity(_) => {}
            _ => row.stale = !row.stale,
        }
        second(&mut app);
        let bytes = drawn(&mut pen, &app, "dark", false);
        assert!((1..=ROW).contains(&bytes), "{topic:?}: {bytes}");
    }
    press(&mut app, "1");
    drawn(&mut pen, &app, "dark", false);
    press(&mut app, "j");
    let bytes = drawn(&mut pen, &app, "dark", false);
    assert!((1..=ROW).contains(&bytes), "the cursor: {bytes}");
}

#[test]
fn a_whole_picture_is_a_moment_on_a_bad_link() {
    for theme in ["dark", "mono"] {
        for keys in ["", "s", "?", "A", "<esc>"] {
            let mut app = app("sam", SIZE);
            press(&mut app, keys);
            let bytes = drawn(&mut DiffEncoder::default(), &app, theme, true);
            assert!((1_000..=WHOLE).contains(&bytes), "{theme} {keys}: {bytes}");
        }
    }
}
