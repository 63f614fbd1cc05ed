//! The console on a real terminal, end to end: it takes it, draws on it, survives what terminals do, and gives it back.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use warroom::clock::Clock;

use crate::peers::need;
use crate::pty::{Pty, Start, shell, still};
use crate::stage::{ANA, SAM, Stage, accounts};
use crate::support::{scratch, wait_for};

/// A drill with its own room and files under `home`.
pub fn drill(home: &Path) -> Start {
    let place = |name: &str| home.join(name);
    Start::warroom(home)
        .args(["drill", "--seed", "7"])
        .arg("--socket")
        .arg(place("s"))
        .arg("--state-dir")
        .arg(place("log"))
}

/// A console on the room of a stage, as one of its people.
fn console(stage: &Stage, uid: u32) -> Start {
    let start = Start::program(stage.home().join("warroom"), stage.home()).room_in(stage.home());
    start.arg("--socket").arg(stage.socket()).account(uid, 0)
}

#[test]
fn a_console_leaves_the_terminal_as_it_was() {
    let home = scratch();
    for (leave, code) in [("qy", 0), ("<c-c><c-c>", 130)] {
        let mut pty = Pty::start(drill(home.path()).size(120, 40));
        pty.wait_text("SEV1");
        let taken = ["bracketed paste on", "line wrapping off", "the alternate screen on", "the cursor off"];
        let left = pty.modes_left();
        assert!(taken.iter().all(|mode| left.iter().any(|it| it == mode)), "{left:?}");
        assert_ne!(pty.termios().0, pty.termios().1, "keys come one by one");
        pty.keys("?");
        pty.wait_text("Keys   default key map");
        pty.keys("<esc>");
        pty.wait_gone("Keys   default key map");
        pty.keys(leave);
        assert_eq!(pty.exit_code(), code, "{}", pty.picture());
        pty.assert_restored();
        pty.assert_clean();
        assert!(!pty.look(vt100::Screen::alternate_screen));
        assert!(pty.evidence().starts_with("DRILL etcd-corruption · seed "), "{}", pty.picture());
    }
}

#[test]
fn every_signal_that_ends_it_gives_the_terminal_back() {
    let home = scratch();
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 143), (Signal::SIGQUIT, 143), (Signal::SIGINT, 130)]
    {
        let mut pty = Pty::start(drill(home.path()));
        pty.wait_console();
        pty.signal(signal);
        assert_eq!(pty.exit_code(), code, "{signal}: {}", pty.picture());
        pty.assert_restored();
        pty.assert_clean();
        assert!(!home.path().join("s").exists(), "{signal}: the drill's socket is gone");
    }
}

#[test]
fn it_draws_right_after_any_storm_of_sizes() {
    let home = scratch();
    let mut pty = Pty::start(drill(home.path()).size(0, 0));
    // From a window of no size at all, as `ssh -tt` in a script gives.
    pty.wait("the terminal to be taken", |screen| screen.alternate_screen().then_some(()));
    let edges =
        [(1, 1), (0, 0), (400, 120), (1, 200), (400, 1), (40, 12), (65_535, 65_535), (0, 24), (80, 0), (80, 24)];
    let mut lot = fastrand::Rng::with_seed(7);
    for round in 0..400 {
        let (columns, rows) = match edges.get(round % 40) {
            Some(edge) => *edge,
            None => (lot.u16(..=400), lot.u16(..=120)),
        };
        pty.resize(columns, rows);
        if round % 40 == 0 {
            pty.keys("?<esc>");
        }
        if round % 10 == 0 {
            // Some are drawn, most are overtaken.
            let painted = pty.whole_frames();
            pty.keys("<c-l>");
            wait_for("a whole frame", || (pty.whole_frames() > painted).then_some(()));
        }
    }
    for (columns, rows) in [(160, 48), (80, 24), (120, 40)] {
        pty.resize(columns, rows);
        pty.wait_text("SEV1");
        whole(&mut pty);
    }
    pty.assert_clean();
    pty.keys("<c-c><c-c>");
    assert_eq!(pty.exit_code(), 130);
    pty.assert_restored();
}

/// What is on the screen is what a screen painted from nothing shows: nothing is left over, nothing is missing.
fn whole(pty: &mut Pty) {
    // Held still: news would be a difference too.
    pty.keys("p");
    pty.wait_text("FROZEN");
    wait_for("the same picture before and after painting everything", || {
        let before = still(&pty.evidence());
        let painted = pty.whole_frames();
        pty.keys("<c-l>");
        wait_for("a whole frame", || (pty.whole_frames() > painted).then_some(()));
        let after = pty.wait("a screen", |screen| Some(still(&screen.contents())));
        (before == after && before.contains("SEV0")).then_some(())
    });
    pty.keys("p");
    pty.wait_gone("FROZEN");
}

#[test]
fn it_stops_and_goes_on_as_a_shells_job() {
    let Some(bash) = need("bash") else { return };
    let home = scratch();
    let mut pty = Pty::start(shell(&bash, home.path()).size(100, 30));
    pty.wait_text("$ ");
    pty.send(b"stty -a > before; \"$WARROOM\" drill --seed 7 --socket s --state-dir log\n");
    for _ in 0..3 {
        pty.wait_text("SEV1");
        pty.keys("<c-z>");
        pty.wait("the shell's words", |screen| {
            (!screen.alternate_screen() && screen.contents().contains("Stopped")).then_some(())
        });
        assert!(!pty.look(vt100::Screen::hide_cursor), "{}", pty.picture());
        assert_eq!(pty.modes_left(), Vec::<String>::new());
        pty.send(b"clear; stty -a > stopped; cmp before stopped && echo the same $((40 + 2))\n");
        pty.wait_text("the same 42");
        pty.send(b"clear; fg\n");
    }
    pty.wait_text("SEV1");
    whole(&mut pty);
    // In the background it takes nothing: it stops again by itself, and can be ended from there.
    pty.keys("<c-z>");
    pty.wait("the shell", |screen| (!screen.alternate_screen()).then_some(()));
    pty.send(b"clear; bg; until jobs | grep -q Stopped; do sleep 0.1; done; echo stopped $((40 + 3))\n");
    pty.wait_text("stopped 43");
    assert!(!pty.look(vt100::Screen::alternate_screen) && pty.modes_left().is_empty(), "{}", pty.picture());
    pty.send(b"clear; fg\n");
    pty.wait_text("SEV1");
    pty.keys("<c-z>");
    pty.wait("the shell", |screen| (!screen.alternate_screen()).then_some(()));
    pty.send(b"clear; kill %1; while jobs | grep -qv Exit; do sleep 0.1; done; echo ended $((40 + 5))\n");
    pty.wait_text("ended 45");
    pty.wait_text("Exit 143");
    pty.send(b"stty -a > after; cmp before after && echo the same $((40 + 4))\n");
    pty.wait_text("the same 44");
    pty.send(b"exit\n");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn it_paints_again_after_a_stop_that_nobody_announced() {
    let Some(bash) = need("bash") else { return };
    let home = scratch();
    let mut pty = Pty::start(shell(&bash, home.path()).size(100, 30));
    pty.wait_text("$ ");
    pty.send(b"\"$WARROOM\" drill --seed 7 --socket s --state-dir log & echo $! > pid; fg\n");
    pty.wait_text("SEV1");
    let pid = std::fs::read_to_string(home.path().join("pid")).expect("the shell wrote it");
    let pid = Pid::from_raw(pid.trim().parse().expect("a number"));
    kill(pid, Signal::SIGSTOP).expect("stopped");
    pty.wait_text("Stopped");
    pty.send(b"fg\n");
    pty.wait("the console without the shell's words", |screen| {
        let text = screen.contents();
        (text.contains("SEV1") && !text.contains("Stopped")).then_some(())
    });
    whole(&mut pty);
    // Keys come one by one again, without an echo.
    pty.keys("?");
    pty.wait_text("Keys   default key map");
    pty.keys("<c-c><c-c>");
    // Typed while the drill still ends: for the shell.
    pty.wait("the shell's screen", |screen| (!screen.alternate_screen()).then_some(()));
    pty.send(b"echo code $?\n");
    pty.wait_text("code 130");
    pty.send(b"exit\n");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn a_terminal_that_is_gone_ends_it() {
    let home = scratch();
    let mut pty = Pty::start(drill(home.path()));
    pty.wait_console();
    pty.hang_up();
    assert_eq!(pty.exit_code(), 143, "by the signal of the hang-up");
    assert!(!home.path().join("s").exists(), "nothing of the drill is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn consoles_that_lose_their_terminal_leave_nothing_behind() {
    if !accounts() {
        return;
    }
    let stage = stage().await;
    tokio::task::block_in_place(|| {
        for round in 0..12 {
            let mut pty = Pty::start(console(&stage, ANA));
            pty.wait_text("ana");
            assert_eq!(people(&stage), 1, "round {round}");
            // In the middle of work, now and then.
            match round % 3 {
                0 => pty.keys("i"),
                1 => pty.keys("?<c-l>"),
                _ => {}
            }
            pty.hang_up();
            let code = pty.exit_code();
            assert!([143, 0, 1].contains(&code), "round {round}: {code}");
            wait_for("the room to see it go", || (people(&stage) == 0).then_some(()));
        }
    });
}

/// A world and a real room that answers.
async fn stage() -> Stage {
    let mut stage = Stage::set(Stage::story(), Clock::real(), async |_| None).await;
    tokio::task::block_in_place(|| stage.open());
    stage
}

/// Consoles that the room counts as present.
fn people(stage: &Stage) -> usize {
    let (_, status) = stage.ask(SAM, &["status"]);
    status["room"]["present"].as_array().map_or_else(|| panic!("{status:#}"), Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_killed_is_said_and_comes_back() {
    if !accounts() {
        return;
    }
    let mut stage = stage().await;
    tokio::task::block_in_place(|| {
        stage.incident();
        let mut pty = Pty::start(console(&stage, ANA).size(140, 45));
        pty.wait_text("etcdMembersDown");
        let green = |screen: &vt100::Screen| {
            let (rows, columns) = screen.size();
            let cells = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
            let cells: Vec<&vt100::Cell> = cells.filter_map(|(row, column)| screen.cell(row, column)).collect();
            let proven = [vt100::Color::Idx(114)];
            cells.iter().filter(|cell| proven.contains(&cell.fgcolor()) || proven.contains(&cell.bgcolor())).count()
        };
        pty.wait("something proven good", |screen| (green(screen) > 0).then_some(()));
        stage.kill();
        pty.wait_text("THE ROOM IS NOT REACHED");
        pty.wait("what was known last, and nothing of it green", |screen| {
            (screen.contents().contains("etcdMembersDown") && green(screen) == 0).then_some(())
        });
        // Nobody is there to record it, and the console says so instead of losing it silently.
        pty.keys("?");
        pty.wait_text("Keys   default key map");
        pty.keys("<esc>");
        stage.open();
        pty.wait_gone("THE ROOM IS NOT REACHED");
        pty.wait("something proven good again", |screen| (green(screen) > 0).then_some(()));
        pty.keys("iback again<enter>");
        pty.wait_text("back again");
        pty.assert_clean();
        pty.signal(Signal::SIGTERM);
        assert_eq!(pty.exit_code(), 143);
        pty.assert_restored();
    });
}

#[test]
fn a_paste_of_any_length_is_text() {
    let home = scratch();
    let mut pty = Pty::start(drill(home.path()));
    pty.wait_text("SEV1");
    // A megabyte of what would be keys: propose, confirm, leave.
    let paste = [b"\x1b[200~", b"!f\rq\r\x03".repeat(180_000).as_slice(), b"\x1b[201~"].concat();
    pty.send(&paste);
    pty.wait_text("Pasted text was ignored");
    assert!(pty.evidence().contains("SEV1"), "{}", pty.picture());
    pty.keys("i");
    pty.send(&paste);
    pty.keys("<bs><bs><bs><bs><bs>END");
    pty.wait_text("END");
    let (memory, _) = pty.usage();
    assert!(memory < 400 << 20, "{memory} bytes");
    pty.keys("<esc><c-c><c-c>");
    assert_eq!(pty.exit_code(), 130, "{}", pty.picture());
    pty.assert_restored();
    pty.assert_clean();
    crate::support::assert_intact(&drill_log(home.path()));
    let log = crate::stage::entries(&drill_log(home.path()));
    assert!(crate::stage::of_kind(&log, "proposed").is_empty(), "a paste proposed something");
}

/// Where a drill keeps its timeline.
pub fn drill_log(home: &Path) -> std::path::PathBuf {
    let drills = std::fs::read_dir(home.join("log/drills")).expect("drills");
    drills.map(|entry| entry.expect("an entry").path()).max().expect("a drill")
}

#[test]
fn a_terminal_that_takes_nothing_holds_up_nothing() {
    let home = scratch();
    let mut pty = Pty::start(drill(home.path()).size(160, 48));
    pty.wait_text("SEV1");
    let (memory, _) = pty.usage();
    pty.stop_reading();
    // Far more than a terminal's buffer holds, in whole pictures.
    let seen = pty.bytes();
    for _ in 0..200 {
        pty.resize(150, 48);
        pty.resize(160, 48);
        pty.keys("<c-l>");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(pty.bytes() < seen + 64 * 1024, "nobody reads");
    // The room lives in the same process; it works on as if nothing was.
    let (code, status) = crate::support::run_json(
        crate::support::warroom(home.path()).arg("--socket").arg(home.path().join("s")).args(["status", "-o", "json"]),
    );
    assert!([0, 3, 4].contains(&code), "{code}: {status}");
    let (memory_now, _) = pty.usage();
    assert!(memory_now < memory + (64 << 20), "{memory} → {memory_now}");
    // The link is back: the newest picture, not every one since.
    let painted = pty.whole_frames();
    pty.read_on();
    pty.keys("?");
    pty.wait_text("Keys   default key map");
    let drawn = pty.whole_frames() - painted;
    assert!(drawn < 100, "{drawn} of the 600 pictures that were asked for meanwhile");
    pty.keys("<esc>");
    pty.wait_gone("Keys   default key map");
    whole(&mut pty);
    pty.assert_clean();
    // And once more, for good.
    pty.stop_reading();
    for _ in 0..100 {
        pty.keys("<c-l>");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    pty.signal(Signal::SIGTERM);
    assert_eq!(pty.exit_code(), 143, "although nobody reads");
    pty.read_on();
    wait_for("the end of what was written", || pty.modes_left().is_empty().then_some(()));
    let (now, before) = pty.termios();
    assert_eq!(now, before);
}

#[test]
fn without_a_terminal_to_draw_on_it_says_what_to_do() {
    let home = scratch();
    let sh = "/bin/sh";
    for (what, script) in [
        ("nothing to type on", "exec \"$WARROOM\" drill < /dev/null"),
        ("no input at all", "exec \"$WARROOM\" drill <&-"),
        ("output to a file", "\"$WARROOM\" drill > out; code=$?; cat out; exit $code"),
        ("a dumb terminal", "TERM=dumb exec \"$WARROOM\" drill"),
    ] {
        let start = Start::program(sh, home.path()).room_in(home.path()).args(["-c", script]);
        let mut pty = Pty::start(start.env("WARROOM", env!("CARGO_BIN_EXE_warroom")));
        assert_eq!(pty.exit_code(), 2, "{what}: {}", pty.picture());
        let said = pty.evidence();
        assert!(said.contains("ssh -t HOST warroom drill") && said.contains("--headless"), "{what}: {said}");
        pty.assert_restored();
        pty.assert_clean();
    }
}

/// This test program again, with one of the children below, on a terminal.
fn child(name: &str) -> Pty {
    let home = scratch();
    let start = Start::program(std::env::current_exe().expect("this program"), home.path());
    let start = start.args(["--ignored", "--exact", "--nocapture", "--test-threads=1", name]);
    Pty::start(start.env("WARROOM_TEST_CHILD", "1"))
}

/// A console as the program makes it: hooks, terminal, a picture.
fn drawn() -> Option<warroom::console::terminal::Terminal> {
    use warroom::console::terminal::{Surface, Terminal, restore};
    std::env::var_os("WARROOM_TEST_CHILD")?;
    warroom::logging::hooks(restore);
    let mut terminal = Terminal::open().expect("a terminal");
    let mut frame = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 120, 40));
    frame.set_string(3, 3, "the picture", ratatui::style::Style::default());
    terminal.show(&frame, true).expect("shown");
    // A thread of its own writes: what a child prints next must not come before the picture.
    wait_for("the picture to leave", || (!terminal.busy()).then_some(()));
    Some(terminal)
}

#[test]
#[ignore = "started by `a_panic_of_the_thread_that_draws_is_told_on_a_restored_terminal`"]
fn child_that_panics() {
    let Some(_terminal) = drawn() else { return };
    std::io::stdin().read_line(&mut String::new()).expect("a line");
    panic!("the \u{1b}[31mcause");
}

#[test]
#[ignore = "started by `a_panic_of_another_thread_leaves_the_screen_alone`"]
fn child_whose_task_panics() {
    let Some(terminal) = drawn() else { return };
    let _ = std::thread::spawn(|| panic!("a task's")).join();
    std::io::stdout().write_all(b"\x1b[5;4Hstill here").and_then(|()| std::io::stdout().flush()).expect("written");
    std::io::stdin().read_line(&mut String::new()).expect("a line");
    drop(terminal);
}

#[test]
fn a_panic_of_the_thread_that_draws_is_told_on_a_restored_terminal() {
    let mut pty = child("terminal::child_that_panics");
    pty.wait("the picture", |screen| {
        (screen.alternate_screen() && screen.contents().contains("the picture")).then_some(())
    });
    // In raw mode a line does not end with Enter, but with what ends it.
    pty.send(b"\n");
    assert_eq!(pty.exit_code(), 101);
    pty.assert_restored();
    let said = pty.evidence();
    assert!(said.contains("This is a fault of warroom") && said.contains("cause"), "{}", pty.picture());
    assert!(!said.contains("the picture"), "{}", pty.picture());
    assert_eq!(pty.raw_control_bytes(), 0, "{:?}", pty.oddities());
}

#[test]
fn a_panic_of_another_thread_leaves_the_screen_alone() {
    let mut pty = child("terminal::child_whose_task_panics");
    pty.wait_text("still here");
    assert!(pty.look(vt100::Screen::alternate_screen), "{}", pty.picture());
    assert!(pty.evidence().contains("the picture") && !pty.evidence().contains("a task's"), "{}", pty.picture());
    pty.send(b"\n");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}
