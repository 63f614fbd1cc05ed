//! `shot`: a console of a running room as a picture, for runbooks, reviews and tests. It watches and changes nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use tokio::sync::mpsc;

use super::appearance::Appearance;
use super::args::value_parsers::size;
use super::connect::{socket, trust};
use super::console::{ConsolePort, intent};
use super::dispatch::{Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use super::output;
use crate::client::{ClientEvent, ConnectOptions, connect};
use crate::clock::{Clock, ClockSync};
use crate::console::screenshot::{ShotOptions, keys_of_argument, take, to_svg, to_text};
use crate::model::PersonId;

/// The longest wait for the room, and for each answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Draw one console of a running room as text or SVG.
// Colours and keys as in the console: `--theme`, `--keymap`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ShotArgs {
    /// Columns and rows, 20x5 to 500x200.
    #[arg(long, value_name = "COLSxROWS", default_value = "120x40", value_parser = size)]
    size: (u16, u16),
    /// Keys typed before the picture is taken, as the help writes them: "Tab Tab Enter".
    #[arg(long, value_name = "KEYS", default_value = "")]
    keys: String,
    /// What to write.
    #[arg(long, value_enum, default_value_t)]
    format: ShotFormat,
    /// Write to this file instead of stdout.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What `shot` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "a comment here would be shown as help")]
pub enum ShotFormat {
    #[default]
    Txt,
    Svg,
}

impl RunCommand for ShotArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        shot(&self, given).await
    }
}

/// Takes one picture.
async fn shot(shot: &ShotArgs, given: &Invocation) -> Result<Exit, CliError> {
    let Invocation { global, env } = given;
    let keys = keys_of_argument(&shot.keys).map_err(|why| CliError::Usage(format!("--keys: {why}")))?;
    let Appearance { look, keymap, zone, .. } = Appearance::of(global)?;
    let drawn_with = look.clone();
    let socket = socket(global, env);
    let who = global.as_name.as_deref().map(PersonId::from);
    let (handle, mut heard) = connect(ConnectOptions {
        socket: socket.clone(),
        hello: intent(who, true, false).hello(),
        trust: trust(global, env),
    });
    let first = super::connect::heard(&mut heard).await;
    let events = match first {
        Some(ClientEvent::Lost { why }) => return Err(CliError::NoRoom { socket, why: why.to_string() }),
        Some(ClientEvent::Refused(refusal)) => return Err(CliError::Refused(refusal)),
        None => return Err(CliError::NoRoom { socket, why: "the connection closed".to_owned() }),
        Some(first) => again(first, heard),
    };
    let clock = Clock::follow(ClockSync { at: Clock::real().now(), speed: 1.0 });
    let options = ShotOptions {
        asker: Arc::new(ConsolePort(handle)),
        events,
        clock,
        look,
        keymap,
        zone,
        size: shot.size,
        keys,
        patience: PATIENCE,
    };
    let frame = take(options).await;
    let text = match shot.format {
        ShotFormat::Txt => to_text(&frame),
        ShotFormat::Svg => to_svg(&frame, &drawn_with),
    };
    match &shot.out {
        Some(file) => output::write_file(file, &text)?,
        None => {
            output::print(&text)?;
        }
    }
    Ok(Exit::Ok)
}

/// The same stream with its first event put back.
fn again(first: ClientEvent, mut rest: mpsc::Receiver<ClientEvent>) -> mpsc::Receiver<ClientEvent> {
    let (out, events) = mpsc::channel(64);
    tokio::spawn(async move {
        let mut next = Some(first);
        while let Some(event) = next {
            if out.send(event).await.is_err() {
                return;
            }
            next = rest.recv().await;
        }
    });
    events
}
