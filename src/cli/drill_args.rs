//! `drill`: its arguments, and which of its ways it is played: with a console, without anybody, or the services alone.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};

use super::args::value_parsers::{duration, speed};
use super::dispatch::{Invocation, RunCommand};
use super::drill::{self, DrillOptions, USUAL};
use super::error::CliError;
use super::exit_code::Exit;
use super::{console, headless};

/// Rehearse: simulated services, a room and a console, offline, with the same keys as in an incident.
#[derive(Clone, Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DrillArgs {
    #[command(subcommand)]
    pub(super) world: Option<DrillWorld>,
    #[command(flatten)]
    pub(super) play: DrillPlay,
}

/// A drill that is played.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct DrillPlay {
    /// The scenario: a name, or a TOML file.
    #[arg(value_name = "SCENARIO", default_value = USUAL)]
    pub(super) scenario: String,
    #[command(flatten)]
    pub(super) pace: DrillPace,
    /// A simulated second person takes part, and is marked so everywhere.
    #[arg(long)]
    partner: bool,
    /// Play every person by itself, through the real protocol.
    #[arg(long)]
    auto: bool,
    /// No console: leave timeline, exports and score in --out, then end.
    #[arg(long, requires = "auto", requires = "out")]
    headless: bool,
    /// Where the drill leaves its files.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// How a drill runs.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(super) struct DrillPace {
    /// Drill seconds per second, 0.1 to 600; with --headless also max, as fast as the machine allows.
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    pub(super) speed: f64,
    /// Same seed, same world.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
}

/// `drill world …`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum DrillWorld {
    /// Serve the simulated services alone, for kubectl, amtool and curl.
    World {
        /// The scenario: a name, or a TOML file.
        #[arg(value_name = "SCENARIO", default_value = USUAL)]
        scenario: String,
        #[command(flatten)]
        pace: DrillPace,
        /// Move the story to the present: its first alert fires after this time, and the world runs at the real pace, for a
        /// room that is not a drill's.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        detection_in: Option<Duration>,
        /// Where kubeconfig, warroom.toml and endpoints.json are written.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

impl RunCommand for DrillArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let Self { world, play } = self;
        let pace = world.as_ref().map_or(play.pace, |DrillWorld::World { pace, .. }| *pace);
        if pace.speed <= 0.0 && (world.is_some() || !play.headless) {
            return Err(CliError::Usage("--speed max is for --headless: nobody could follow it".to_owned()));
        }
        let options = |scenario| DrillOptions {
            scenario,
            speed: pace.speed,
            seed: pace.seed,
            out: None,
            socket: None,
            state_dir: None,
        };
        if let Some(DrillWorld::World { scenario, detection_in, out, .. }) = world {
            return drill::world_alone(&options(scenario), &out, detection_in).await.map(|()| Exit::Ok);
        }
        let (socket, state_dir) = (given.global.socket.clone(), given.global.state_dir.clone());
        let options = DrillOptions { out: play.out, socket, state_dir, ..options(play.scenario) };
        if play.headless {
            return headless::run(&options, &given.env).await;
        }
        console::drill(&options, &given.global, play.partner, play.auto, &given.env).await
    }
}
