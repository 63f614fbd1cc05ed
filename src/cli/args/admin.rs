//! Verbs about the house itself: configuration, drills, pictures, the log on disk.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::Output;
use super::value_parsers::{duration, namespace, size, speed};

/// `config …`.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration; every error names its line. 0 good, 2 not.
    Check {
        /// Judge it as `warroom serve` does: https only, closed files, enough people.
        #[arg(long)]
        serve: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Show a configuration with its defaults filled in. Secrets are not part of it.
    Show {
        /// How to print.
        #[arg(short = 'o', long = "output", value_enum, default_value_t)]
        output: ShowFormat,
    },
}

/// What `config show` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// In the shape of the file itself.
    #[default]
    #[value(alias = "table")]
    Toml,
    Json,
}

/// `init …`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Init {
    /// Where to write. Default: your configuration directory; /etc/warroom for root.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Also write warroom.service and warroom.socket for systemd here, e.g. /etc/systemd/system.
    #[arg(long, value_name = "DIR")]
    pub systemd: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
}

/// `rbac …`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Rbac {
    /// Also what a restore needs: for the DR cluster only.
    #[arg(long)]
    pub restore: bool,
    /// Velero's namespace there.
    #[arg(long, value_name = "NAMESPACE", default_value = "velero", value_parser = namespace)]
    pub velero: String,
}

/// `drill …`.
#[derive(Clone, Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DrillCommand {
    #[command(subcommand)]
    pub world: Option<DrillWorld>,
    #[command(flatten)]
    pub play: DrillPlay,
}

/// A drill that is played.
#[derive(Clone, Debug, ClapArgs)]
pub struct DrillPlay {
    /// The scenario: a name, or a TOML file.
    #[arg(value_name = "SCENARIO", default_value = crate::cli::drill::USUAL)]
    pub scenario: String,
    #[command(flatten)]
    pub pace: DrillPace,
    /// A simulated second person takes part, and is marked so everywhere.
    #[arg(long)]
    pub partner: bool,
    /// Play every person by itself, through the real protocol.
    #[arg(long)]
    pub auto: bool,
    /// No console: leave timeline, exports and score in --out, then end.
    #[arg(long, requires = "auto", requires = "out")]
    pub headless: bool,
    /// Where the drill leaves its files.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// How a drill runs.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct DrillPace {
    /// Drill seconds per second, 0.1 to 600; with --headless also max, as fast as the machine allows.
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    pub speed: f64,
    /// Same seed, same world.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// `drill world …`.
#[derive(Clone, Debug, Subcommand)]
pub enum DrillWorld {
    /// Serve the simulated services alone, for kubectl, amtool and curl.
    World {
        /// The scenario: a name, or a TOML file.
        #[arg(value_name = "SCENARIO", default_value = crate::cli::drill::USUAL)]
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

/// `shot …`. Colours and keys as in the console: `--theme`, `--keymap`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Shot {
    /// Columns and rows, 20x5 to 500x200.
    #[arg(long, value_name = "COLSxROWS", default_value = "120x40", value_parser = size)]
    pub size: (u16, u16),
    /// Keys typed before the picture is taken, as the help writes them: "Tab Tab Enter".
    #[arg(long, value_name = "KEYS", default_value = "")]
    pub keys: String,
    /// What to write.
    #[arg(long, value_enum, default_value_t)]
    pub format: ShotFormat,
    /// Write to this file instead of stdout.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What `shot` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ShotFormat {
    #[default]
    Txt,
    Svg,
}

/// `ledger …`.
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerCommand {
    /// Start a new log. The old one stays, and the new one names its last good head.
    New {
        /// The old log is damaged, and you have kept a copy for whoever asks.
        #[arg(long, required = true)]
        after_damage: bool,
        #[command(flatten)]
        output: Output,
    },
}
