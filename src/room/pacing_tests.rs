//! When what was heard is judged and told: at once in a quiet room, and then no oftener than a room that is not can afford.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::engine::Engine;
use super::plans_tests::{Faulty, shared};
use crate::board::{RowBody, Topic};
use crate::clock::Clock;
use crate::model::{Observation, SourceChange, SourceId, Stamp, System};

fn alive(name: &str, seen_at: Stamp) -> Observation {
    let source = SourceId::new(System::Probe, name);
    Observation { source, seen_at, part: false, change: SourceChange::Alive }
}

/// The clock stands; the wait between beats goes by in no time, and how long it was can be read.
#[tokio::test(start_paused = true)]
async fn the_first_change_after_a_while_is_told_at_once_and_those_after_it_together_at_the_next_beat() {
    let home = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual("2026-03-02T14:37:00Z".parse().expect("a time"));
    let (shared, ledger) = shared(home.path(), Arc::new(Faulty::default()), clock.clone());
    let (commands_tx, commands) = mpsc::channel(1);
    let (engine, news) = Engine::new(&shared, ledger, &commands_tx);
    let (seen, sees) = mpsc::channel(16);
    tokio::spawn(engine.run(commands, sees));
    let mut board = news.board;
    for round in 0..3 {
        // Nothing is heard for a while, at another moment between two beats each time.
        tokio::time::sleep(Duration::from_millis(1_007 + 31 * round)).await;
        board.borrow_and_update();
        let begun = Instant::now();
        let mut told = async |expected: &[String], after_ms: u128| {
            board.changed().await.expect("the room lives");
            let view = board.borrow_and_update()[&Topic::Sources].clone();
            let rows = view.rows.iter().filter(|row| matches!(row.body, RowBody::Source(_)));
            let names: Vec<String> = rows.map(|row| row.source.instance.clone()).collect();
            assert!(expected.iter().all(|name| names.contains(name)), "{names:?} {expected:?}");
            assert_eq!(begun.elapsed().as_millis(), after_ms, "{expected:?}");
        };
        let name = |n: u32| format!("{round}-{n}");
        seen.send(alive(&name(1), clock.now())).await.expect("heard");
        told(&[name(1)], 0).await;
        seen.send(alive(&name(2), clock.now())).await.expect("heard");
        tokio::task::yield_now().await;
        seen.send(alive(&name(3), clock.now())).await.expect("heard");
        told(&[name(2), name(3)], 100).await;
        seen.send(alive(&name(4), clock.now())).await.expect("heard");
        told(&[name(4)], 200).await;
    }
}
