//! How the console treats a terminal that is not only its own: title, bell, mouse, focus, and stops from outside.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::peers::need;
use crate::pty::{Pty, shell};
use crate::support::{scratch, wait_for};
use crate::terminal::drill;

#[test]
fn a_stop_from_outside_gives_the_terminal_back_and_takes_it_again() {
    let Some(bash) = need("bash") else { return };
    let home = scratch();
    let mut pty = Pty::start(shell(&bash, home.path()).size(100, 30));
    pty.wait_text("$ ");
    pty.send(b"stty -a > before; \"$WARROOM\" drill --seed 7 --socket s --state-dir log & echo $! > pid; fg\n");
    pty.wait_text("SEV1");
    let pid = std::fs::read_to_string(home.path().join("pid")).expect("the shell wrote it");
    let pid = Pid::from_raw(pid.trim().parse().expect("a number"));
    for _ in 0..2 {
        kill(pid, Signal::SIGTSTP).expect("sent");
        pty.wait("the shell's words on its own screen", |screen| {
            (!screen.alternate_screen() && screen.contents().contains("Stopped")).then_some(())
        });
        assert_eq!(pty.modes_left(), Vec::<String>::new(), "{}", pty.picture());
        pty.send(b"clear; stty -a > stopped; cmp before stopped && echo the same $((40 + 2))\n");
        pty.wait_text("the same 42");
        pty.send(b"clear; fg\n");
        pty.wait("the console", |screen| {
            (screen.alternate_screen() && screen.contents().contains("SEV1")).then_some(())
        });
    }
    pty.keys("?");
    pty.wait_text("Keys   default key map");
    pty.keys("<c-c><c-c>");
    pty.wait("the shell's screen", |screen| (!screen.alternate_screen()).then_some(()));
    pty.send(b"exit\n");
    assert_eq!(pty.exit_code(), 130);
    pty.assert_restored();
    pty.assert_clean();
}

#[test]
fn title_bell_mouse_and_focus_come_and_go() {
    let home = scratch();
    let mut pty = Pty::start(drill(home.path()).size(120, 40));
    pty.wait_text("SEV1");
    wait_for("a title with severity and clock", || {
        pty.titles().last().is_some_and(|title| title.starts_with("DRILL SEV1 T+")).then_some(())
    });
    let left = pty.modes_left();
    assert!(left.iter().any(|mode| mode == "focus events on"), "{left:?}");
    assert!(!left.iter().any(|mode| mode.contains("mouse")), "off until it is asked for: {left:?}");
    // The window is looked at, and is not: neither is a key.
    pty.send(b"\x1b[I\x1b[O");
    pty.keys(",m");
    pty.wait_text("The mouse is taken");
    assert!(pty.modes_left().iter().any(|mode| mode == "the mouse on"));
    // A click goes to a pane and chooses a row; it opens nothing.
    let at = pty.wait("the title of GitOps", |screen| {
        let lines: Vec<String> = screen.rows(0, 120).collect();
        lines.iter().position(|line| line.contains("4 GitOps"))
    });
    pty.send(format!("\x1b[<0;10;{}M\x1b[<0;10;{}m", at + 2, at + 2).as_bytes());
    pty.keys("<enter>");
    pty.wait_text("parity");
    pty.keys("<esc>,m");
    pty.wait_text("The mouse is your terminal's again");
    assert!(!pty.modes_left().iter().any(|mode| mode.contains("mouse")));
    let bells = pty.bells();
    assert!(bells <= 1, "{bells} bells for one incident");
    // Taken again, so that leaving has something to give back.
    pty.keys(",m");
    pty.wait_text("The mouse is taken");
    pty.keys("<c-c><c-c>");
    assert_eq!(pty.exit_code(), 130);
    pty.assert_restored();
    pty.assert_clean();
    assert!(pty.titles().len() <= 6, "once a minute: {:?}", pty.titles());
}

#[test]
fn a_small_screen_is_useful_and_the_linux_console_gets_only_what_it_takes() {
    let home = scratch();
    let start = drill(home.path()).size(40, 12).env("TERM", "linux").env("LANG", "C.UTF-8");
    let mut pty = Pty::start(start);
    pty.wait_text("SEV1");
    let screen = pty.evidence();
    assert!(screen.is_ascii(), "{screen}");
    assert_eq!(pty.titles(), Vec::<String>::new());
    // What is wrong, and the way to act and to find out more, have a place at 40×12.
    pty.keys("s");
    pty.wait_text("worse?");
    pty.keys("<esc>!");
    pty.wait_text("act");
    pty.keys("f");
    pty.wait_text("TO PROPOSE");
    pty.keys("<esc><c-c><c-c>");
    assert_eq!(pty.exit_code(), 130);
    pty.assert_restored();
    pty.assert_clean();
}

/// What a person wants of every console stands in their own file.
#[test]
fn the_persons_own_file_takes_the_mouse_and_silences_the_bell() {
    let home = scratch();
    let own = home.path().join("config/warroom");
    std::fs::create_dir_all(&own).expect("made");
    std::fs::write(own.join("warroom.toml"), "[console]\nmouse = true\nbell = false\n").expect("written");
    let mut pty = Pty::start(drill(home.path()).size(120, 40));
    // Opened while this console looks on: else it rings once.
    pty.wait_text("SEV1");
    wait_for("a title with severity and clock", || {
        pty.titles().last().is_some_and(|title| title.starts_with("DRILL SEV1 T+")).then_some(())
    });
    assert!(pty.modes_left().iter().any(|mode| mode == "the mouse on"), "{:?}", pty.modes_left());
    pty.keys(",m");
    pty.wait_text("The mouse is your terminal's again");
    assert_eq!(pty.bells(), 0);
    pty.keys("<c-c><c-c>");
    assert_eq!(pty.exit_code(), 130);
    pty.assert_restored();
    pty.assert_clean();
}
