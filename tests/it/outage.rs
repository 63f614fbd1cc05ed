//! Every upstream dies for five minutes of drill time and comes back: the room lives, says how old its data is, shows
//! nothing green, catches up within five seconds, and the gap is in the timeline.

use std::time::Duration;

use warroom::board::{Topic, Verdict};
use warroom::cli::connect::{Intent, RoomLink};
use warroom::cli::drill::{DrillMode, DrillOptions, RunningDrill, start};
use warroom::client::Mirror;
use warroom::config::paths::Env;
use warroom::model::{Happening, System};

use crate::support::{PATIENCE, scratch};

const SPEED: f64 = 20.0;
/// What a person watches; `Services` and `Clusters` are made of the same data.
const PANES: [Topic; 5] = [Topic::Alerts, Topic::Traffic, Topic::Backups, Topic::Gitops, Topic::Clusters];

async fn drill(home: &std::path::Path) -> (RunningDrill, RoomLink) {
    warroom::systems::http::install_crypto();
    let env =
        Env { home: Some(home.to_owned()), runtime_dir: Some(home.to_owned()), temp: home.to_owned(), ..Env::read() };
    let options = DrillOptions {
        scenario: "etcd-corruption".to_owned(),
        speed: SPEED,
        seed: 7,
        out: Some(home.join("out")),
        socket: Some(home.join("s")),
        state_dir: None,
    };
    let mut running = start(&options, &env, DrillMode::ByHand).await.expect("the drill starts");
    running.begin();
    let intent = Intent { entries_from: Some(1), topics: Topic::ALL.to_vec(), ..Intent::default() };
    let link = RoomLink::open(running.room.socket(), &intent).await.expect("a link");
    (running, link)
}

/// All are heard and well; of the cluster whose etcd fails reads fail now and then all along, so it is heard only.
fn all_heard(mirror: &Mirror) -> bool {
    let sources = mirror.rows(Topic::Sources);
    let well = |row: &warroom::board::Row| row.verdict < Verdict::Unknown || row.source.instance == "primary";
    !sources.is_empty() && sources.iter().all(|row| !row.stale && well(row))
}

fn edges(mirror: &Mirror, name: &str) -> usize {
    let items = mirror.story.incidents.iter().flat_map(|incident| &incident.items);
    items
        .filter(|item| matches!(&item.entry.happening, Happening::Transition(edge) if edge.edge.as_str() == name))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_upstream_may_die_and_the_room_says_so_and_catches_up() {
    let home = scratch();
    let (running, mut link) = drill(home.path()).await;
    link.until(PATIENCE, "the incident", |mirror| mirror.story.current().is_some()).await.expect("opened");
    let heard = link.until(PATIENCE, "every source heard", all_heard).await;
    assert!(heard.is_ok(), "{heard:?}: {:#?}", link.mirror.rows(Topic::Sources));

    running.world.set_down(true).await;
    let down = running.clock.now();
    // Five minutes as fast as the machine allows; they end at once, and nobody is late for what comes then.
    let clock = running.clock.clone();
    clock.set_speed(0.0);
    let dark = running.spawn(async move {
        clock.sleep(Duration::from_secs(300)).await;
        clock.set_speed(SPEED);
    });
    dark.await.expect("five minutes");
    let all_dark =
        |mirror: &Mirror| PANES.iter().flat_map(|topic| mirror.rows(*topic)).all(|row| row.verdict != Verdict::Ok);
    link.until(PATIENCE, "nothing green", all_dark).await.expect("nothing green");
    let rows: usize = PANES.iter().map(|topic| link.mirror.rows(*topic).len()).sum();
    assert!(rows > 20, "the panes still show what was known: {rows} rows");
    // A probe or an API server that does not answer is something seen: bad news. Everything else has seen nothing.
    let blind = |row: &&warroom::board::Row| row.source.system != System::Probe;
    for row in PANES.iter().flat_map(|topic| link.mirror.rows(*topic)).filter(blind) {
        let old = row.seen_at < down + chrono::TimeDelta::seconds(5);
        assert!(old || row.verdict == Verdict::Critical, "{row:#?} claims to be seen while all was down");
    }
    let green = link.mirror.rows(Topic::Sources).iter().filter(blind).filter(|row| row.verdict == Verdict::Ok).count();
    assert_eq!(green, 0, "no source is green: {:#?}", link.mirror.rows(Topic::Sources));

    running.world.set_down(false).await;
    let back = running.clock.now();
    let caught_up = link.until(PATIENCE, "every source back", all_heard).await;
    assert!(caught_up.is_ok(), "{caught_up:?}: {:#?}", link.mirror.rows(Topic::Sources));
    let took = (running.clock.now() - back).num_milliseconds();
    println!("caught up after {took} ms of drill time, {} ms real", took / SPEED as i64);

    let lost = edges(&link.mirror, "source.lost");
    link.until(PATIENCE, "the gap in the timeline", |mirror| edges(mirror, "source.back") > 0).await.expect("gap");
    assert!(lost > 0, "the loss is in the timeline");
    running.stop().await;
    crate::support::assert_intact(&home.path().join("out"));
}
