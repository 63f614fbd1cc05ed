//! What the built binary sends to a real terminal, counted: idle, one row, a whole picture.

use std::time::Duration;

use warroom::clock::Clock;
use warroom::drill::scenario;

use crate::pty::{Pty, Start};
use crate::stage::{ANA, Stage, accounts};
use crate::support::{scratch, wait_for};

/// Columns and rows of the budget.
const SIZE: (u16, u16) = (200, 50);

/// The running clock of the header, in seconds of its day.
fn clock(screen: &vt100::Screen) -> Option<u32> {
    let text = screen.contents();
    let line = text.lines().next()?.to_owned();
    line.split_whitespace().find_map(|word| {
        let parts: Vec<u32> = word.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
        match parts.as_slice() {
            [hours, minutes, seconds] => Some(hours * 3_600 + minutes * 60 + seconds),
            _ => None,
        }
    })
}

/// The row of the screen that is chosen: the first with a background, below the header.
fn chosen(screen: &vt100::Screen) -> Option<u16> {
    (3..SIZE.1).find(|row| screen.cell(*row, 2).is_some_and(|cell| cell.bgcolor() != vt100::Color::Default))
}

/// Waits for a clock that has gone on by so much; the clock and the bytes then.
fn at(pty: &mut Pty, from: Option<u32>, by: u32) -> (u32, u64) {
    let now = pty.wait("the clock", |screen| {
        let now = clock(screen)?;
        from.is_none_or(|from| (now + 86_400 - from) % 86_400 >= by).then_some(now)
    });
    (now, pty.bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_room_costs_next_to_nothing() {
    if !accounts() {
        return;
    }
    // Everything is configured, answers and is well; the story's trouble is an hour away.
    let mut story = scenario::load("etcd-corruption").expect("the scenario");
    story.service.probe_every = "1s".to_owned();
    let story = story.detected_at(Clock::real().now() + Duration::from_secs(3_600));
    let mut stage = Stage::set(story, Clock::real(), async |_| None).await;
    tokio::task::block_in_place(|| {
        stage.open();
        let start = Start::program(stage.home().join("warroom"), stage.home()).room_in(stage.home());
        let mut pty = Pty::start(start.arg("--socket").arg(stage.socket()).account(ANA, 0).size(SIZE.0, SIZE.1));
        pty.wait_text("no incident is open");
        pty.wait_text("100 % good");
        // What is there at the start has come; from here on only time goes on.
        let (settled, _) = at(&mut pty, None, 0);
        let (first, before) = at(&mut pty, Some(settled), 5);
        let (last, after) = at(&mut pty, Some(first), 30);
        let seconds = u64::from((last + 86_400 - first) % 86_400);
        let rate = (after - before) / seconds;
        println!("idle: {rate} B/s over {seconds} s of the clock");
        assert!((1..=200).contains(&rate), "{rate} B/s\n{}", pty.picture());
        pty.keys("q");
        assert_eq!(pty.exit_code(), 0, "{}", pty.picture());
        pty.assert_clean();
        pty.assert_restored();
    });
}

#[test]
fn a_row_costs_a_row_and_a_picture_a_moment() {
    let home = scratch();
    let start = Start::warroom(home.path()).args(["drill", "--seed", "7"]).size(SIZE.0, SIZE.1);
    let start = start.arg("--socket").arg(home.path().join("s")).arg("--state-dir").arg(home.path().join("log"));
    let mut pty = Pty::start(start);
    pty.wait_text("SEV1");
    pty.wait_text("etcdMembersDown");
    // The timeline tells of an alert before the pane has it, and the cursor needs two rows to move between.
    pty.keys("1");
    pty.wait("two alerts below a chosen one", |screen| {
        let row = chosen(screen)?;
        let alert = |row| screen.contents_between(row, 0, row, SIZE.0 / 3).contains("→ pager");
        (alert(row) && alert(row + 1)).then_some(())
    });
    // News would be counted too: the screen is held still, but for its clock.
    pty.keys("p");
    pty.wait_text("FROZEN");
    let mut rows = Vec::new();
    let first = pty.wait("a chosen row", chosen);
    for (key, row) in [("j", first + 1), ("k", first), ("j", first + 1), ("k", first), ("j", first + 1), ("k", first)] {
        let bytes = pty.bytes();
        pty.keys(key);
        // The clock draws frames too: it is the row that is waited for.
        pty.wait("the other row", |screen| (chosen(screen) == Some(row)).then_some(()));
        rows.push(pty.bytes() - bytes);
    }
    // With the first two the rest of the frame that says FROZEN may have come.
    let rows = &rows[2..];
    println!("the cursor on another row: {rows:?}");
    assert!(rows.iter().all(|bytes| *bytes <= 600), "{rows:?}");
    let (bytes, whole) = (pty.bytes(), pty.whole_frames());
    pty.keys("<c-l>");
    wait_for("a whole picture", || (pty.whole_frames() > whole).then_some(()));
    let bytes = pty.bytes() - bytes;
    println!("a whole picture: {bytes}");
    assert!((2_000..=20_000).contains(&bytes), "{bytes}");
    pty.keys("<c-c><c-c>");
    assert_eq!(pty.exit_code(), 130);
    pty.assert_restored();
    pty.assert_clean();
}
