//! Whole frames, compared with the files under `frames/` and `screenshots/`. `WARROOM_UPDATE=1` writes both.

use std::fs;
use std::path::PathBuf;

use crate::console::app::App;
use crate::console::shot::{to_svg, to_text};
use crate::console::view;

use super::fixture::{app, look, press};

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
    ] {
        let mut app = app("ana", (120, 40));
        press(&mut app, keys);
        check(name, &app, "dark", name == "situation");
    }
}
