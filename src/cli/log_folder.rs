//! What the log in a folder tells, without a room: for `export`, `status`, `timeline show` and `plan list` with `--dir`.

use std::path::Path;

use serde_json::json;

use super::board_tables;
use super::command_output::CommandOutput;
use super::error::CliError;
use super::exit_code::Exit;
use crate::client::{ClientEvent, Mirror};
use crate::clock::{Clock, ClockSync};
use crate::config::{self, LoadOptions};
use crate::ledger;
use crate::model::entry::LogLine;
use crate::model::{Actor, Entry, Happening, Objective, PersonRole, Stamp};
use crate::protocol::{DrillInfo, Push, Welcome};
use crate::seal;

/// A log that was read from a folder.
pub struct LogFolder {
    /// What a client of its room would know of it.
    pub mirror: Mirror,
    /// When its last entry was recorded: nothing later is known.
    pub as_of: Stamp,
    /// Why it is not whole, if it isn't.
    pub broken: Option<String>,
}

/// Reads the log in a folder. Objectives are not in a log: they are those of `config`, if one is given.
///
/// # Errors
/// If there is no log, or it can't be read.
pub fn read(dir: &Path, config: Option<&Path>) -> Result<LogFolder, CliError> {
    let told = ledger::read_folder(dir).map_err(|error| CliError::Usage(error.to_string()))?;
    let objectives = match config {
        Some(file) => {
            let loaded = config::load(file, LoadOptions { drill: true, ..LoadOptions::default() });
            loaded.map_err(|errors| CliError::Config(errors.to_string()))?.objectives
        }
        None => Vec::new(),
    };
    let empty = || CliError::Usage(format!("{} holds no entry that can be read", dir.display()));
    let last = told.lines.last().and_then(|line| seal::decode(line).ok()).ok_or_else(empty)?;
    let (as_of, clock) = (last.ts, Clock::real());
    let mut mirror = Mirror::default();
    mirror.apply(ClientEvent::Linked(Box::new(welcome(&told.lines, as_of, objectives))), &clock);
    mirror.apply(ClientEvent::Push(Push::Entries(told.lines)), &clock);
    if let Some(why) = &mirror.broken {
        return Err(CliError::Integrity(why.to_string()));
    }
    Ok(LogFolder { mirror, as_of, broken: told.broken })
}

/// What the room of this log would have said to a client.
fn welcome(lines: &[LogLine], as_of: Stamp, objectives: Vec<Objective>) -> Welcome {
    let entries = lines.iter().filter_map(|line| seal::decode(line).ok());
    let (mut room, mut log, mut drill) = (String::new(), String::new(), None);
    for Entry { room: name, happening, .. } in entries {
        match happening {
            Happening::Genesis(genesis) => (room, log) = (name, genesis.log),
            Happening::RoomStarted(started) => drill = started.drill.as_deref().map(drill_info).or(drill),
            _ => {}
        }
    }
    Welcome {
        proto: crate::protocol::VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        room,
        log,
        you: Actor::room(),
        role: PersonRole::Observer,
        clock: ClockSync { at: as_of, speed: 1.0 },
        drill,
        objectives,
        degraded: None,
        log_room: None,
        head: None,
        seen: None,
    }
}

/// `etcd-corruption seed 7`, as a drill's room says it when it starts.
fn drill_info(text: &str) -> DrillInfo {
    let (scenario, seed) = text.rsplit_once(" seed ").unwrap_or((text, "0"));
    DrillInfo { scenario: scenario.to_owned(), seed: seed.parse().unwrap_or(0), speed: 1.0 }
}

/// How the incident stands by the log alone. What the sources say is not in it.
pub fn status(folder: &LogFolder) -> CommandOutput {
    let mirror = &folder.mirror;
    let incident = mirror.story.current().or(mirror.story.latest());
    let (seq, head) = mirror.head.map_or((0, String::new()), |(seq, head)| (seq, head.hex()));
    let room = mirror.welcome.as_ref().map(|welcome| welcome.room.clone()).unwrap_or_default();
    let json = json!({
        "schema": "warroom/log-status/v1", "room": room, "as_of": folder.as_of, "seq": seq, "head": head,
        "incident": incident.map(board_tables::incident_json), "waiting": board_tables::waiting_json(mirror),
        "broken": folder.broken,
    });
    let mut text = match mirror.welcome.as_ref().and_then(|welcome| welcome.drill.as_ref()) {
        Some(drill) => format!("DRILL {} · seed {}\n", drill.scenario, drill.seed),
        None => String::new(),
    };
    match incident {
        Some(incident) => text.push_str(&board_tables::incident_line(incident, folder.as_of)),
        None => text.push_str(&format!("room {room} · this log holds no incident\n")),
    }
    text.push_str(&board_tables::waiting_lines(mirror));
    let as_of = folder.as_of.format("%Y-%m-%d %H:%M:%S UTC");
    text.push_str(&format!("no room is asked: this is the log alone, as of {as_of}\n"));
    text.push_str(&format!("log at entry {seq} head {head}\n"));
    match &folder.broken {
        None => CommandOutput::ok(json, text),
        Some(why) => CommandOutput::ok(json, format!("{text}NOT INTACT: {why}\n")).exit(Exit::Integrity),
    }
}
