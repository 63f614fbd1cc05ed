//! What the log in a folder tells, without a room: for `export`, `status`, `timeline show` and `plan list` with `--dir`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::board_tables;
use super::command_output::CommandOutput;
use super::entry_files::EntryFiles;
use super::error::CliError;
use super::exit_code::Exit;
use crate::client::{ClientEvent, Mirror};
use crate::clock::{Clock, ClockSync};
use crate::config::{self, LoadOptions};
use crate::model::entry::LogLine;
use crate::model::{Actor, Entry, Happening, Objective, PersonRole, Stamp};
use crate::protocol::{DrillInfo, Push, Welcome};
use crate::seal::{self, ChainLine};
use crate::timeline::{EntrySource as _, Keep, Story};

/// A log that was read from a folder.
pub(super) struct LogFolder {
    /// What a client of its room would know of it; of entries, only what others need to be told with.
    pub mirror: Mirror,
    /// Its entries.
    pub entries: EntryFiles,
    /// When its last entry was recorded: nothing later is known.
    pub as_of: Stamp,
    /// Why it is not whole, if it isn't.
    pub broken: Option<String>,
}

/// Reads the log in a folder. Objectives are not in a log: they are those of `config`, if one is given.
///
/// # Errors
/// If there is no log, or it can't be read.
pub(super) fn read(dir: &Path, config: Option<&Path>) -> Result<LogFolder, CliError> {
    let (clock, mut told, mut last) = (Clock::real(), ToldOfRoom::default(), None);
    let mut mirror = Mirror { story: Story::keeping(Keep::Heads).into(), ..Mirror::default() };
    let (entries, broken) = EntryFiles::folder(dir, &mut |line| {
        told.hear(&line);
        mirror.apply(ClientEvent::Push(Push::Entries(vec![line.clone()])), &clock);
        last = Some(line);
    })?;
    let objectives = match config {
        Some(file) => {
            let loaded = config::load(file, LoadOptions { drill: true, ..LoadOptions::default() });
            loaded.map_err(|errors| CliError::Config(errors.to_string()))?.objectives
        }
        None => Vec::new(),
    };
    let empty = || CliError::Usage(format!("{} holds no entry that can be read", dir.display()));
    let as_of = last.and_then(|line| seal::decode(&line).ok()).ok_or_else(empty)?.ts;
    if let Some(why) = &mirror.broken {
        return Err(CliError::Integrity(why.to_string()));
    }
    mirror.welcome = Some(told.welcome(as_of, objectives)).into();
    // Why a text is to be removed is told with what waits.
    let open = mirror.story.incidents.iter().flat_map(|incident| incident.redactions.open());
    let reasons: BTreeSet<u64> = open.map(|it| it.proposal).collect();
    if !reasons.is_empty() {
        let read = entries.entries(&|seq| reasons.contains(&seq), &mut |entry| {
            mirror.story.put_back(entry);
            Ok(())
        });
        read.map_err(|_| entries.failure())?;
    }
    Ok(LogFolder { mirror, entries, as_of, broken })
}

/// What the entries say of the room itself.
#[derive(Default)]
struct ToldOfRoom {
    room: String,
    log: String,
    drill: Option<DrillInfo>,
}

impl ToldOfRoom {
    fn hear(&mut self, line: &LogLine) {
        let Ok(ChainLine::Entry(found)) = seal::scan_line(line.line.as_bytes()) else { return };
        if !matches!(found.kind, b"genesis" | b"room_started") {
            return;
        }
        match seal::decode(line) {
            Ok(Entry { room, happening: Happening::Genesis(genesis), .. }) => {
                (self.room, self.log) = (room, genesis.log)
            }
            Ok(Entry { happening: Happening::RoomStarted(started), .. }) => {
                self.drill = started.drill.as_deref().map(drill_info).or(self.drill.take());
            }
            _ => {}
        }
    }

    /// What the room of this log would have said to a client.
    fn welcome(self, as_of: Stamp, objectives: Vec<Objective>) -> Welcome {
        Welcome {
            proto: crate::protocol::VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            room: self.room,
            log: self.log,
            you: Actor::room(),
            role: PersonRole::Observer,
            clock: ClockSync { at: as_of, speed: 1.0 },
            drill: self.drill,
            objectives,
            degraded: None,
            log_room: None,
            head: None,
            seen: None,
        }
    }
}

/// `etcd-corruption seed 7`, as a drill's room says it when it starts.
fn drill_info(text: &str) -> DrillInfo {
    let (scenario, seed) = text.rsplit_once(" seed ").unwrap_or((text, "0"));
    DrillInfo { scenario: scenario.to_owned(), seed: seed.parse().unwrap_or(0), speed: 1.0 }
}

/// How the incident stands by the log alone. What the sources say is not in it.
pub(super) fn status(folder: &LogFolder) -> CommandOutput {
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
