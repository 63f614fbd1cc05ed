//! Colours on a real terminal: none at all where none are wanted, those of its background where it says which that is, and
//! whatever is typed, the terminal comes back as it was.

use std::path::Path;
use std::time::Duration;

use crate::pty::{Pty, Start};
use crate::support::{scratch, wait_for};

fn drill(home: &Path, theme: &str) -> Start {
    crate::terminal::drill(home).args(["--theme", theme])
}

fn cells(screen: &vt100::Screen) -> Vec<(u16, &vt100::Cell)> {
    let (rows, columns) = screen.size();
    let places = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
    places.filter_map(|(row, column)| screen.cell(row, column).map(|cell| (row, cell))).collect()
}

/// The row of the timeline that is reversed from end to end: what is chosen. Badges and banners above it are reversed too.
fn chosen(screen: &vt100::Screen) -> Option<u16> {
    let (rows, columns) = screen.size();
    let title = screen.rows(0, columns.get()).position(|row| row.contains("6 Timeline"))?;
    let all = cells(screen);
    let reversed = |row: u16| all.iter().filter(|(at, cell)| *at == row && cell.inverse()).count();
    (u16::try_from(title).ok()?..rows.get()).find(|row| reversed(*row) >= 100)
}

fn has_color(screen: &vt100::Screen, index: u8) -> bool {
    let wanted = vt100::Color::Idx(index);
    cells(screen).iter().any(|(_, cell)| cell.fgcolor() == wanted || cell.bgcolor() == wanted)
}

fn leave(mut pty: Pty) {
    pty.keys("<c-c><c-c>");
    assert_eq!(pty.exit_code(), 130, "{}", pty.picture());
    pty.assert_restored();
    pty.assert_clean();
}

#[test]
fn without_colour_the_chosen_row_is_still_to_be_seen() {
    for theme in ["auto", "dark", "high-contrast"] {
        let home = scratch();
        let mut pty = Pty::start(drill(home.path(), theme).size(120, 40).env("NO_COLOR", "1"));
        pty.wait_text("SEV1");
        // Held still: a row that comes while one is counted is no fault.
        pty.keys("p");
        pty.wait_text("FROZEN");
        pty.keys("6g");
        let first = pty.wait("a chosen row", chosen);
        pty.keys("j");
        pty.wait("the next row to be chosen", |screen| (chosen(screen) == Some(first + 1)).then_some(()));
        let colours = pty.look(|screen| {
            let none = vt100::Color::Default;
            cells(screen).iter().filter(|(_, cell)| cell.fgcolor() != none || cell.bgcolor() != none).count()
        });
        assert_eq!(colours, 0, "{theme}: {}", pty.picture());
        leave(pty);
    }
}

#[test]
fn a_light_terminal_that_says_so_gets_the_light_theme() {
    // The light theme's critical ink and the dark one's.
    let (light, dark) = (124, 203);
    let home = scratch();
    // An answer counts if it comes in a fifth of a second. A busy machine may be later than that, but not every time.
    let taken = (0..20).any(|_| {
        let mut pty = Pty::start(drill(home.path(), "auto"));
        wait_for("the question for the background", || (pty.questions() > 0).then_some(()));
        pty.send(b"\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\\x1b[?62;22c");
        pty.wait_text("SEV1");
        let found = pty.wait("red in one of two ways", |screen| {
            (has_color(screen, light) || has_color(screen, dark)).then(|| has_color(screen, light))
        });
        assert!(!pty.evidence().contains("means nothing"), "{}", pty.picture());
        leave(pty);
        found
    });
    assert!(taken, "it was never heard in time");
    let mut pty = Pty::start(drill(home.path(), "auto"));
    wait_for("the question for the background", || (pty.questions() > 0).then_some(()));
    pty.send(b"\x1b]11;rgb:1414/1616/1a1a\x07\x1b[?62;22c");
    pty.wait_text("SEV1");
    pty.wait("the dark theme", |screen| has_color(screen, dark).then_some(()));
    leave(pty);
}

#[test]
fn an_answer_that_comes_late_is_neither_obeyed_nor_typed() {
    let home = scratch();
    let mut pty = Pty::start(drill(home.path(), "auto").size(120, 40));
    pty.wait("the dark theme, without an answer", |screen| has_color(screen, 203).then_some(()));
    // In pieces, as a bad link brings it. As keys it would zoom, note, filter, and answer a question.
    for piece in [&b"\x1b]11;rgb:ff"[..], b"ff/f6f6/", b"e3e3", b"\x1b\\"] {
        pty.send(piece);
        std::thread::park_timeout(Duration::from_millis(250));
    }
    pty.send(b"\x1b[?62;22c");
    pty.keys("?");
    pty.wait_text("Keys   default key map");
    pty.keys("<esc>");
    pty.wait_text("2 Traffic");
    let screen = pty.evidence();
    for pane in ["1 Alerts", "3 Backups", "4 GitOps", "5 Events", "6 Timeline"] {
        assert!(screen.contains(pane), "{}", pty.picture());
    }
    assert!(!screen.contains("means nothing") && pty.look(|screen| !has_color(screen, 124)), "{}", pty.picture());
    // Before the incident there is nothing to ask about: one press leaves.
    pty.wait_text("SEV1");
    leave(pty);
}

#[test]
fn a_theme_that_is_named_is_not_asked_for() {
    let home = scratch();
    let mut pty = Pty::start(drill(home.path(), "high-contrast"));
    pty.wait_text("SEV1");
    assert_eq!(pty.questions(), 0);
    let own = pty.look(|screen| cells(screen).iter().filter(|(_, it)| it.bgcolor() == vt100::Color::Default).count());
    assert_eq!(own, 0, "it paints every cell: {}", pty.picture());
    leave(pty);
    let start = drill(home.path(), "auto").env("WARROOM_KEYMAP", "emacs").env("TERM", "linux");
    let mut pty = Pty::start(start);
    pty.wait_text("SEV1");
    assert_eq!(pty.questions(), 0, "an old Linux console would print the question");
    pty.keys("<a-x>zoom");
    pty.wait_text("give the pane the whole screen");
    pty.keys("<c-g>?");
    pty.wait_text("Keys   emacs key map");
    pty.keys("<c-g>");
    leave(pty);
}

#[test]
fn whatever_is_typed_the_terminal_comes_back_as_it_was() {
    let home = scratch();
    for (theme, seed) in [("dark", 1), ("light", 2), ("mono", 3)] {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut pty = Pty::start(drill(home.path(), theme));
        pty.wait_text("SEV1");
        // All but the answer to "leave?".
        let typed: Vec<char> = ('!'..='~').filter(|c| *c != 'y').collect();
        let named = [
            "<enter>", "<esc>", "<tab>", "<s-tab>", "<up>", "<down>", "<pgup>", "<pgdn>", "<home>", "<end>", "<bs>",
            "<c-l>", "<a-x>", "<c-x>", "<c-u>",
        ];
        for step in 0..400 {
            match random.u8(..30) {
                0 => pty.resize(random.u16(..200), random.u16(..60)),
                1 => pty.send(b"\x1b[200~!f\rq\r\x03\x1b[31m\x1b[201~"),
                2..=10 => pty.keys(named[random.usize(..named.len())]),
                _ => pty.send(typed[random.usize(..typed.len())].to_string().as_bytes()),
            }
            if step % 50 == 49 {
                // It is still there, and draws.
                let painted = pty.whole_frames();
                pty.keys("<esc><c-l>");
                wait_for("a whole frame", || (pty.whole_frames() > painted).then_some(()));
                assert!(!pty.ended(), "{theme}: {}", pty.picture());
            }
        }
        pty.resize(80, 24);
        leave(pty);
    }
}
