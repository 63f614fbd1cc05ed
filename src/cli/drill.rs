//! `drill`: simulated services, a room and a console in one process; the same program as in an incident.
//!
//! The world begins some minutes before the alert, so that the impact is seen and not asserted. That prologue runs fast;
//! from the moment the incident is open the drill runs at the speed that was asked for.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::connect::{Intent, RoomLink, drill_socket};
use super::error::CliError;
use super::serve::{RoomOptions, bind, load, room};
use crate::clock::{Clock, Hold, Random};
use crate::config::LoadOptions;
use crate::config::paths::{Env, make_private};
use crate::drill::DrillThread;
use crate::drill::scenario::{self, Scenario};
use crate::drill::simulator::{self, Simulator};
use crate::model::PersonId;
use crate::protocol::DrillInfo;
use crate::room::Room;

/// The scenario that is played if none is named.
pub const USUAL: &str = "etcd-corruption";
/// How fast the prologue runs, room seconds per second.
const PROLOGUE: f64 = 250.0;
/// The prologue ends at the latest so long after the alert should have fired.
const PROLOGUE_GRACE_S: i64 = 60;

/// Options of `drill`.
#[derive(Clone, Debug)]
pub struct DrillOptions {
    /// A name of a built-in scenario, or the path of a file: what [`load_scenario`] takes.
    pub scenario: String,
    /// Drill seconds per second; 0 = as fast as the machine allows.
    pub speed: f64,
    /// What ids, tokens and draws of the world are made from; without a person at it, the room's too.
    pub seed: u64,
    /// Where the timeline is written (`--out`); `None` = below `drills` in the state directory, in a folder of its own.
    pub out: Option<PathBuf>,
    /// The room's socket; `None` = [`drill_socket`].
    pub socket: Option<PathBuf>,
    /// The state directory whose `drills` folder takes the timeline; `None` = the user's own. Unused if `out` is set.
    pub state_dir: Option<PathBuf>,
}

/// A drill that runs.
pub struct RunningDrill {
    /// The simulated services that the room watches and acts on.
    pub world: Simulator,
    /// The room of this process: it listens on its own socket, as any other does.
    pub room: Room,
    /// Drill time, which world and room share; it stands still until [`RunningDrill::begin`].
    pub clock: Clock,
    /// The world plays its events, and the people who are played follow its script.
    pub scenario: Arc<Scenario>,
    /// Where the timeline is.
    pub timeline: PathBuf,
    /// Private files of the world: kubeconfig, tokens. Removed at the end.
    scratch: PathBuf,
    /// Where all of it lives.
    lane: DrillThread,
    /// Time has not begun.
    hold: Option<Hold>,
}

/// Loads a scenario.
pub fn load_scenario(name: &str) -> Result<Arc<Scenario>, CliError> {
    scenario::load(name).map(Arc::new).map_err(CliError::Usage)
}

/// Starts world and room; their time begins with [`RunningDrill::begin`].
pub async fn start(options: &DrillOptions, env: &Env, kind: DrillMode) -> Result<RunningDrill, CliError> {
    let scenario = load_scenario(&options.scenario)?;
    let clock = Clock::stepped(scenario.start, if kind == DrillMode::ByHand { PROLOGUE } else { options.speed });
    let hold = clock.hold();
    let lane =
        DrillThread::start(&clock).map_err(|error| CliError::Other(format!("no thread for the drill: {error}")))?;
    let (options, env) = (options.clone(), env.clone());
    let started = lane.spawn(async move { put_up(&options, &env, kind, scenario, clock).await });
    let DrillParts { world, room, clock, scenario, timeline, scratch } =
        started.await.map_err(|error| CliError::Other(format!("the drill can't start: {error}")))??;
    Ok(RunningDrill { world, room, clock, scenario, timeline, scratch, lane, hold: Some(hold) })
}

/// Who plays a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrillMode {
    /// People at consoles, or at least watching: the time before the alert runs fast.
    ByHand,
    /// Nobody but the director: the same seed leaves the same log, byte for byte. What nobody typed needs no secret salt.
    Headless,
}

/// What lives on the drill's thread.
struct DrillParts {
    world: Simulator,
    room: Room,
    clock: Clock,
    scenario: Arc<Scenario>,
    timeline: PathBuf,
    scratch: PathBuf,
}

async fn put_up(
    options: &DrillOptions,
    env: &Env,
    kind: DrillMode,
    scenario: Arc<Scenario>,
    clock: Clock,
) -> Result<DrillParts, CliError> {
    let (random, first_port) = match kind {
        DrillMode::ByHand => (Random::system(), None),
        DrillMode::Headless => (Random::seeded(options.seed), Some(simulator::first_port(options.seed))),
    };
    let tag = Random::system().ulid(&Clock::real()).to_lowercase();
    let runtime = env.runtime_dir();
    make_private(&runtime).map_err(|error| CliError::Other(format!("no private directory to work in: {error}")))?;
    let scratch = runtime.join(format!("world-{}", &tag[tag.len() - 8..]));
    make_private(&scratch)?;
    let timeline = timeline_dir(options, env, &tag)?;

    let socket = options.socket.clone().unwrap_or_else(|| drill_socket(env));
    let socket = bind(&socket, 0o600).await?;
    let world = Simulator::start_at(Scenario::clone(&scenario), options.seed, clock.clone(), first_port)
        .await
        .map_err(|error| CliError::Other(format!("the simulated services can't start: {error}")))?;
    world.write_config(&scratch).map_err(CliError::Other)?;
    let config = load(&scratch.join("warroom.toml"), LoadOptions { drill: true, ..LoadOptions::default() })?;
    let info = DrillInfo { scenario: scenario.name.clone(), seed: options.seed, speed: options.speed };
    let make = RoomOptions {
        config,
        clock: clock.clone(),
        random,
        state_dir: timeline.clone(),
        socket,
        drill: Some(info),
        serve: false,
    };
    let room = room(make).await?;
    if kind == DrillMode::ByHand {
        tokio::spawn(end_prologue(room.socket().to_owned(), clock.clone(), scenario.clone(), options.speed));
    }
    Ok(DrillParts { world, room, clock, scenario, timeline, scratch })
}

/// Slows down to the asked speed when the incident is open.
async fn end_prologue(socket: PathBuf, clock: Clock, scenario: Arc<Scenario>, speed: f64) {
    let opened = async {
        let mut link = RoomLink::open(&socket, &Intent { entries_from: Some(1), ..Intent::default() }).await?;
        while link.mirror.story.current().is_none() {
            link.next().await?;
        }
        Ok::<(), CliError>(())
    };
    let too_late = clock.sleep_until(scenario.at(PROLOGUE_GRACE_S));
    tokio::select! {
        _ = opened => {}
        () = too_late => {}
    }
    clock.set_speed(speed);
}

fn timeline_dir(options: &DrillOptions, env: &Env, tag: &str) -> Result<PathBuf, CliError> {
    if let Some(out) = &options.out {
        make_out(out)?;
        return Ok(out.clone());
    }
    let base = options.state_dir.clone().unwrap_or_else(|| env.state_dir(false));
    Ok(base.join("drills").join(tag))
}

fn make_out(out: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(out)
        .map_err(|error| CliError::Usage(format!("can't write to {}: {error}; choose another --out", out.display())))
}

impl RunningDrill {
    /// Lets the drill's time run, once all who are to see its beginning are there.
    pub fn begin(&mut self) {
        self.hold = None;
    }

    /// Runs something on the drill's thread, where its clock waits for it: the people who are played.
    pub fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.lane.spawn(work)
    }

    /// A link of one of the drill's people.
    pub async fn link(&self, who: &str, simulated: bool) -> Result<RoomLink, CliError> {
        let intent = Intent {
            entries_from: Some(1),
            drill_as: Some(PersonId::from(who)),
            present: true,
            simulated,
            ..Intent::default()
        };
        RoomLink::open(self.room.socket(), &intent).await
    }

    /// Ends everything, room first, and tidies up. The timeline stays.
    pub async fn stop(self) {
        self.room.stop().await;
        drop(self.world);
        drop(self.lane);
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

/// Serves the world alone until told to stop, so that kubectl, amtool and curl can look at it. With `detection_in` its
/// story is moved to the real present, so that a room on the real clock (`warroom serve`) can be pointed at it.
pub async fn world_alone(options: &DrillOptions, out: &Path, detection_in: Option<Duration>) -> Result<(), CliError> {
    let loaded = load_scenario(&options.scenario)?;
    let mut scenario = Scenario::clone(&loaded);
    make_out(out)?;
    let clock = match detection_in {
        None => Clock::scaled(scenario.start, options.speed),
        Some(wait) => {
            let clock = Clock::real();
            scenario = scenario.detected_at(clock.now() + wait);
            clock
        }
    };
    let world = Simulator::start(scenario, options.seed, clock)
        .await
        .map_err(|error| CliError::Other(format!("the simulated services can't start: {error}")))?;
    world.write_config(out).map_err(CliError::Other)?;
    super::output::print(&format!("the world runs; its files are in {}\n", out.display()))?;
    super::serve::until_told_to_stop().await?;
    drop(world);
    Ok(())
}
