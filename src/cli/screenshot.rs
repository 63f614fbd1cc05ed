//! `shot`: a console of a running room as a picture, for runbooks, reviews and tests. It watches and changes nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::appearance::Appearance;
use super::args::{self, Global, ShotFormat};
use super::console::{ConsolePort, intent};
use super::error::CliError;
use super::exit_code::Exit;
use super::output;
use crate::client::{ClientEvent, ConnectOptions, connect};
use crate::clock::{Clock, ClockSync};
use crate::config::paths::Env;
use crate::console::screenshot::{ShotOptions, keys_of_argument, take, to_svg, to_text};
use crate::model::PersonId;

/// The longest wait for the room, and for each answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes one picture.
pub async fn shot(shot: &args::Shot, global: &Global, env: &Env) -> Result<Exit, CliError> {
    let keys = keys_of_argument(&shot.keys).map_err(|why| CliError::Usage(format!("--keys: {why}")))?;
    let Appearance { look, keymap, zone, .. } = Appearance::of(global)?;
    let drawn_with = look.clone();
    let socket = super::dispatch::socket(global, env);
    let who = global.as_name.as_deref().map(PersonId::from);
    let (handle, mut heard) = connect(ConnectOptions {
        socket: socket.clone(),
        hello: intent(who, true, false).hello(),
        trust: super::dispatch::trust(global, env),
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
        Some(file) => super::dispatch::write_file(file, &text)?,
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
