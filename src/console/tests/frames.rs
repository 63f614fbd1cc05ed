//! Whole frames, compared with the files under `frames/` and `screenshots/`. `WARROOM_UPDATE=1` writes both; the pictures
//! then need rsvg-convert and DejaVu Sans Mono.
//!
//! A file of `frames/` is one screen at one size: its text; the look of every cell in colour and in mono, as letters with a
//! legend; its text in ASCII.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use sha2::{Digest, Sha256};

use crate::approval::{Approval, PlanState, StepState};
use crate::board::Topic;
use crate::client::{LinkState, Mirror};
use crate::console::app::Console;
use crate::console::overlay::Overlay;
use crate::console::screenshot::{to_svg, to_text};
use crate::console::theme::{ColorDepth, Look, Role, Theme};
use crate::console::view;
use crate::model::{PlanId, SafeText};
use crate::postmortem::{ExportMeta, outline, to_markdown};
use crate::protocol::LogRoom;

use super::fixture::{app, at, look, person, press};
use super::panes::calm_day;
use super::{plans, story};

/// The sizes at which every screen is compared.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn updates() -> bool {
    std::env::var_os("WARROOM_UPDATE").is_some()
}

fn compare(path: PathBuf, got: &str) {
    if updates() {
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

/// A screen in a file, and what it says in every way of drawing.
pub fn frame(name: &str, app: &Console) {
    let colour = view::draw(app, &look("dark"));
    let mono = view::draw(app, &look("mono"));
    let ascii = view::draw(app, &Look::new(Theme::shipped("mono").unwrap(), ColorDepth::Mono, true));
    assert_eq!(to_text(&mono), to_text(&colour), "{name}: colour changes no text");
    assert!(to_text(&ascii).is_ascii(), "{name}");
    let text = format!(
        "{}--- dark\n{}--- mono\n{}--- ascii\n{}",
        to_text(&colour),
        to_looks(&colour),
        to_looks(&mono),
        to_text(&ascii)
    );
    compare(root().join(format!("src/console/tests/frames/{name}.txt")), &text);
}

/// A screen at every size.
fn screen(name: &str, build: impl Fn((u16, u16)) -> Console) {
    for size in SIZES {
        frame(&format!("{name}-{}x{}", size.0, size.1), &build(size));
    }
}

/// A screen reached by keys.
fn keyed(name: &str, who: &str, keys: &str) {
    screen(name, |size| {
        let mut app = app(who, size);
        press(&mut app, keys);
        app
    });
}

/// A picture for the README. Its PNG is made of the SVG and kept with the digest of what it was made of.
fn picture(name: &str, drawn: &Buffer, theme: &str) {
    let svg = to_svg(drawn, &look(theme));
    let path = |kind: &str| root().join(format!("screenshots/{name}.{kind}"));
    compare(path("svg"), &svg);
    if updates() {
        let png = path("png");
        let mut convert = Command::new("rsvg-convert");
        let made = convert.args(["-o"]).arg(&png).arg(path("svg")).status();
        assert!(
            made.is_ok_and(|status| status.success()),
            "rsvg-convert (install: librsvg2-bin) makes {}",
            png.display()
        );
    }
    let of = format!("{:x}\n", Sha256::digest(svg.as_bytes()));
    compare(path("png.made-of"), &of);
    assert!(fs::metadata(path("png")).is_ok_and(|file| file.len() > 1000), "screenshots/{name}.png");
}

/// The look of every cell: a grid of letters, spaces where nothing is set, and their legend.
fn to_looks(buffer: &Buffer) -> String {
    let mut legend: Vec<String> = Vec::new();
    let mut out = String::new();
    for row in buffer.content.chunks(usize::from(buffer.area.width).max(1)) {
        let mut line = String::new();
        for cell in row {
            let look = words_of(cell);
            if look.is_empty() {
                line.push(' ');
                continue;
            }
            let at = legend.iter().position(|known| *known == look).unwrap_or_else(|| {
                legend.push(look);
                legend.len() - 1
            });
            line.push(char::from(b'a' + u8::try_from(at).unwrap().min(25)));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    assert!(legend.len() <= 26, "more looks than letters");
    for (letter, look) in ('a'..).zip(legend) {
        out.push_str(&format!("{letter} = {look}\n"));
    }
    out
}

fn words_of(cell: &Cell) -> String {
    let mut words = Vec::new();
    for (what, color) in [("on", cell.bg), ("", cell.fg)] {
        if color != Color::Reset {
            words.push(format!("{what} {color}").trim().to_owned());
        }
    }
    if !cell.modifier.is_empty() {
        words.push(format!("{:?}", cell.modifier).to_lowercase());
    }
    words.join(" ")
}

#[test]
fn the_overview() {
    screen("overview", |size| app("sam", size));
    for size in [(40, 12), (160, 48), (400, 120)] {
        frame(&format!("overview-{}x{}", size.0, size.1), &app("sam", size));
    }
    for size in [(80, 24), (120, 40), (160, 48)] {
        picture(&format!("overview-{}x{}", size.0, size.1), &view::draw(&app("sam", size), &look("dark")), "dark");
    }
}

#[test]
fn every_pane() {
    let panes = [
        ("alerts", "1"),
        ("traffic", "2"),
        ("backups", "3"),
        ("gitops", "4"),
        ("events", "5"),
        ("timeline", "6"),
        ("people", "7"),
    ];
    for (name, key) in panes {
        keyed(name, "ana", key);
        keyed(&format!("{name}-zoomed"), "ana", &format!("{key}f"));
        keyed(&format!("{name}-detail"), "ana", &format!("{key}g<enter>"));
    }
}

#[test]
fn the_views_that_are_read() {
    keyed("help", "ana", "?");
    keyed("situation", "ana", "s");
    keyed("budget", "ana", "2G<enter>");
    screen("readiness", |size| {
        let mut app = calm_day(size);
        press(&mut app, "r");
        app
    });
    let mut ready = calm_day((120, 40));
    press(&mut ready, "r");
    picture("readiness", &view::draw(&ready, &look("dark")), "dark");
    let mut late = app("ana", (120, 40));
    press(&mut late, "s");
    picture("situation", &view::draw(&late, &look("dark")), "dark");
}

#[test]
fn what_is_typed() {
    keyed("note", "ana", "iroll back the node update");
    keyed("filter", "sam", "/severity:<tab>");
    keyed("jump", "sam", "@T+");
    keyed("silence", "ana", "1m");
    keyed("status", "ana", "=");
    keyed("leave", "ana", "q");
}

#[test]
fn what_is_asked_of_the_keys() {
    keyed("palette", "sam", ":");
    keyed("palette-fail", "sam", ":fail");
    keyed("chord", "sam", "!");
    keyed("help-plan", "sam", "A?");
}

#[test]
fn how_the_screen_is_arranged() {
    keyed("split", "sam", "7x1v4");
    keyed("past", "sam", "@T+8<enter>");
    keyed("frozen", "sam", "p");
    keyed("warnings", "sam", "z");
}

#[test]
fn the_plan_before_it_is_confirmed() {
    keyed("restore", "sam", "Asho");
    screen("confirm", confirm);
    picture("confirm-120x40", &view::draw(&confirm((120, 40)), &look("dark")), "dark");
}

fn confirm(size: (u16, u16)) -> Console {
    let mut app = app("sam", size);
    app.now.room = at("14:50:22");
    let plans = &mut app.mirror.story.incidents[0].plans.by_id;
    plans.clear();
    let record = plans::record(plans::failover(), PlanState::Proposed, at("14:50:00"), 10);
    plans.insert(record.plan.plan.clone(), record);
    press(&mut app, "Ashop.exa");
    app
}

#[test]
fn a_plan_that_runs_is_a_checklist() {
    screen("running", running);
    picture("running-120x40", &view::draw(&running((120, 40)), &look("dark")), "dark");
}

fn running(size: (u16, u16)) -> Console {
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
    screen("calm", |size| {
        let mut app = app("ana", size);
        app.mirror.story.incidents.clear();
        app.mirror.board.get_mut(&Topic::Alerts).unwrap().rows.retain(|row| row.id == "f-Watchdog");
        press(&mut app, "6");
        app
    });
}

#[test]
fn a_log_that_runs_short_of_room_is_said_to_everyone_and_calmer_than_an_alarm() {
    let says = |full: bool, size| {
        let mut app = app("sam", size);
        let words = match full {
            true => "the log takes 4096 of 4096 MiB: notes are refused until its quota is raised or a new log begun",
            false => "the log takes 3300 of 4096 MiB: from 4096 MiB on notes are refused",
        };
        app.mirror.log_room = Some(LogRoom { full, says: SafeText::from(words) });
        app
    };
    screen("log-fills", |size| says(false, size));
    let (fills, full) = (says(false, (80, 24)), says(true, (80, 24)));
    let (fills_role, words) = view::header::banner(&fills).unwrap();
    let (full_role, _) = view::header::banner(&full).unwrap();
    assert_eq!((fills_role, full_role), (Role::BadgeWarning, Role::Banner));
    assert!(to_text(&view::draw(&fills, &look("dark"))).contains(&words), "all of it is read at 80 columns");
    let mut off = full;
    off.mirror.degraded = Some("no space left on device".into());
    assert!(view::header::banner(&off).unwrap().1.contains("NOTHING IS RECORDED"), "what is worse comes first");
}

#[test]
fn no_page_hides_that_nothing_is_recorded() {
    for keys in ["s", "r", "?", "<enter>"] {
        for size in [(80, 24), (120, 40)] {
            let mut app = app("sam", size);
            app.mirror.degraded = Some("no space left on device".into());
            press(&mut app, keys);
            assert!(app.overlays.last().is_some_and(Overlay::covers), "{keys} opens a page");
            let drawn = to_text(&view::draw(&app, &look("dark")));
            assert!(drawn.contains("NOTHING IS RECORDED AND NOTHING CAN BE DONE"), "{keys}:\n{drawn}");
        }
    }
}

#[test]
fn before_the_room_is_heard_and_after_it_is_lost_the_screen_says_so() {
    screen("waiting", |size| {
        let mut fresh = app("ana", size);
        fresh.mirror = Mirror::default();
        press(&mut fresh, "6");
        fresh
    });
    screen("lost", |size| {
        let mut lost = app("ana", size);
        let why = SafeText::from("connection reset by peer");
        lost.mirror.link = LinkState::Lost { since: at("14:55:12"), why };
        press(&mut lost, "4");
        lost
    });
}

/// What `warroom export` leaves behind, as far as it fits a screen.
#[test]
fn the_postmortem() {
    let app = app("ana", (132, 46));
    let meta = ExportMeta {
        room: "bastion".to_owned(),
        log: "01KB3Z0LOG".to_owned(),
        drill: Some("etcd-corruption · seed 7".to_owned()),
        seq: 32,
        head: "a".repeat(64),
    };
    let objectives = app.mirror.welcome.as_ref().map(|welcome| welcome.objectives.clone()).unwrap_or_default();
    let text = to_markdown(&outline(&story::whole(), &objectives, &meta));
    let mut drawn = Buffer::empty(Rect::new(0, 0, 132, 46));
    for (y, line) in (0..46).zip(text.lines()) {
        let heading = if line.starts_with('#') { Modifier::BOLD } else { Modifier::empty() };
        drawn.set_stringn(1, y, line, 130, Style::default().add_modifier(heading));
    }
    picture("postmortem", &drawn, "dark");
}

#[test]
fn every_theme_draws_the_same_words() {
    for (name, _) in crate::console::theme::SHIPPED {
        let app = app("sam", (120, 40));
        let drawn = view::draw(&app, &look(name));
        assert_eq!(to_text(&drawn), to_text(&view::draw(&app, &look("dark"))), "{name}");
        compare(root().join(format!("screenshots/theme-{name}.svg")), &to_svg(&drawn, &look(name)));
    }
}
