//! Whole frames, compared with the files under `frames/` and `screenshots/`. `WARROOM_UPDATE=1` writes both.

use std::fs;
use std::path::PathBuf;

use crate::approval::{Approval, PlanState, StepState};
use crate::board::Topic;
use crate::client::{Link, Mirror};
use crate::console::app::App;
use crate::console::shot::{to_svg, to_text};
use crate::console::view;

use crate::model::{PlanId, SafeText};

use super::fixture::{app, at, look, person, press};
use super::panes::calm_day;
use super::plans;

/// The sizes at which every overview is compared.
const SIZES: [(u16, u16); 5] = [(40, 12), (80, 24), (120, 40), (160, 48), (200, 60)];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn compare(path: PathBuf, got: &str) {
    if std::env::var_os("WARROOM_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, got).unwrap();
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == got,
        "{} is not what is drawn now. Look at both; if the new one is right, run the test with WARROOM_UPDATE=1.\n{got}",
        path.display()
    );
}

/// Compares a frame; with a picture, the picture too: both come from the same cells.
fn check(name: &str, app: &App, theme: &str, picture: bool) {
    let frame = view::draw(app, &look(theme));
    compare(root().join(format!("src/console/tests/frames/{name}.txt")), &to_text(&frame));
    if picture {
        compare(root().join(format!("screenshots/{name}.svg")), &to_svg(&frame));
    }
}

#[test]
fn the_overview_at_every_size() {
    for size in SIZES {
        let (w, h) = size;
        check(&format!("overview-{w}x{h}"), &app("sam", size), "dark", matches!(w, 80 | 120 | 160));
    }
}

#[test]
fn the_plan_before_it_is_confirmed() {
    for size in [(80, 24), (120, 40)] {
        let (w, h) = size;
        let mut app = app("sam", size);
        press(&mut app, "Asho");
        check(&format!("restore-{w}x{h}"), &app, "dark", false);
    }
}

#[test]
fn the_failover_as_its_second_person_sees_it() {
    for size in [(80, 24), (120, 40)] {
        let (w, h) = size;
        let mut app = app("sam", size);
        app.now.room = at("14:50:22");
        let plans = &mut app.mirror.story.incidents[0].plans.by_id;
        plans.clear();
        let record = plans::record(plans::failover(), PlanState::Proposed, at("14:50:00"), 10);
        plans.insert(record.plan.plan.clone(), record);
        press(&mut app, "Ashop.exa");
        check(&format!("confirm-{w}x{h}"), &app, "dark", w == 120);
    }
}

#[test]
fn the_views_that_are_read() {
    for (name, keys) in [
        ("help", "?"),
        ("situation", "s"),
        ("detail", "<enter>"),
        ("note", "iroll back the node update"),
        ("people", "7"),
        ("budget", "2G<enter>"),
    ] {
        let mut app = app("ana", (120, 40));
        press(&mut app, keys);
        check(name, &app, "dark", name == "situation");
    }
}

#[test]
fn readiness_before_the_incident() {
    for size in [(80, 24), (120, 40)] {
        let (w, h) = size;
        let mut app = calm_day(size);
        press(&mut app, "r");
        check(if w == 120 { "readiness" } else { "readiness-80x24" }, &app, "dark", w == 120 && h == 40);
    }
}

#[test]
fn each_pane_in_focus_at_the_small_size() {
    for (name, keys) in [("traffic", "2"), ("backups", "3"), ("gitops", "4"), ("events", "5"), ("situation", "s")] {
        let mut app = app("ana", (80, 24));
        press(&mut app, keys);
        check(&format!("{name}-80x24"), &app, "dark", false);
    }
}

#[test]
fn a_plan_that_runs_is_a_checklist() {
    for size in [(80, 24), (120, 40)] {
        let (w, h) = size;
        let app = running(size);
        check(&format!("running-{w}x{h}"), &app, "dark", w == 120);
    }
}

fn running(size: (u16, u16)) -> App {
    let mut app = app("ana", size);
    let plans = &mut app.mirror.story.incidents[0].plans.by_id;
    let record = plans.get_mut(&PlanId::from("01KB3Z1RESTORE")).unwrap();
    record.state = PlanState::Executing;
    record.approvals = vec![Approval { by: person("sam"), at: at("14:55:12"), seq: 21 }];
    record.steps[0] = StepState::Done { at: at("14:55:14"), says: SafeText::from("access mode is ReadOnly") };
    record.steps[1] = StepState::Started { at: at("14:55:15") };
    press(&mut app, "A");
    app
}

#[test]
fn without_an_incident_it_is_calm() {
    let mut app = app("ana", (120, 40));
    app.mirror.story.incidents.clear();
    app.mirror.board.get_mut(&Topic::Alerts).unwrap().rows.retain(|row| row.id == "f-Watchdog");
    press(&mut app, "6");
    check("calm", &app, "dark", false);
}

#[test]
fn before_the_room_is_heard_and_after_it_is_lost_the_screen_says_so() {
    let mut fresh = app("ana", (80, 24));
    fresh.mirror = Mirror::default();
    press(&mut fresh, "6");
    check("waiting", &fresh, "dark", false);
    let mut lost = app("ana", (80, 24));
    let why = SafeText::from("connection reset by peer");
    lost.mirror.link = Link::Lost { since: at("14:55:12"), why };
    press(&mut lost, "4");
    check("lost", &lost, "mono", false);
}

#[test]
fn finding_and_looking_back() {
    for size in [(80, 24), (120, 40)] {
        let (w, h) = size;
        let mut narrowed = app("sam", size);
        press(&mut narrowed, "/severity:<tab>");
        check(&format!("filter-{w}x{h}"), &narrowed, "dark", false);
        let mut split = app("sam", size);
        press(&mut split, "7x1v4");
        check(&format!("split-{w}x{h}"), &split, "dark", false);
        let mut past = app("sam", size);
        press(&mut past, "@T+8<enter>");
        check(&format!("past-{w}x{h}"), &past, "dark", false);
    }
}
