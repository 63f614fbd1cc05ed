//! The console on a terminal: of the host's room, of one's own (`--config`), of a drill, or joining one.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use super::appearance::Appearance;
use super::args::Global;
use super::connect::{Intent, drill_socket, socket, trust};
use super::drill::{self, DrillMode, DrillOptions};
use super::error::CliError;
use super::exit_code::Exit;
use super::serve::{RoomOptions, bind, load, room};
use super::{drill_participant, drill_report, output};
use crate::board::Topic;
use crate::client::{AskError, ClientHandle, ConnectOptions, connect};
use crate::clock::{Clock, ClockSync, Random};
use crate::config::LoadOptions;
use crate::config::paths::Env;
use crate::console::{
    AskFailure, ExitReason, GaveUp, LayoutStore, PlainOptions, RequestPort, RunOptions, plain, run, terminal,
};
use crate::drill::simulated_approver;
use crate::logging;
use crate::model::PersonId;
use crate::protocol::{Reply, Request};

/// The person at the first console of a drill, unless `--as` says otherwise.
const FIRST: &str = "ana";

/// The client's handle, as the console wants it.
pub struct ConsolePort(pub ClientHandle);

#[async_trait]
impl RequestPort for ConsolePort {
    async fn ask(&self, request: Request) -> Result<Reply, AskFailure> {
        self.0.request(request).await.map_err(|error| match error {
            AskError::Refused(refusal) => AskFailure::Refused(refusal),
            AskError::Gone(why) => AskFailure::Gone(why),
        })
    }
}

/// `warroom` without a command.
pub async fn open(global: &Global, join: Option<String>, env: &Env) -> Result<Exit, CliError> {
    if join.is_none() && global.config.is_none() && global.socket.is_none() && !anyone_there(env) {
        return Err(CliError::Usage(
            "no room is running here and no configuration was named\n\
             \x20 warroom drill           try it: a simulated incident, offline\n\
             \x20 warroom init            set it up: a starter configuration from your kubeconfig\n\
             \x20 warroom --config FILE   a room of your own on this machine"
                .to_owned(),
        ));
    }
    let dress = Appearance::of(global)?;
    if !global.plain {
        needs_terminal("warroom", "warroom --plain, or warroom status --watch")?;
    }
    match (&global.config, join) {
        (_, Some(name)) => {
            let socket = global.socket.clone().unwrap_or_else(|| drill_socket(env));
            at(&socket, Some(PersonId(name)), global, dress, false, env).await
        }
        (Some(config), None) => solo(config, global, dress, env).await,
        (None, None) => {
            let socket = socket(global, env);
            let who = global.as_name.as_deref().map(PersonId::from);
            at(&socket, who, global, dress, false, env).await
        }
    }
}

fn anyone_there(env: &Env) -> bool {
    env.sockets().iter().chain([&drill_socket(env)]).any(|path| path.exists())
}

/// A console needs a terminal that can be drawn on.
fn needs_terminal(this: &str, instead: &str) -> Result<(), CliError> {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb" || term.is_empty());
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !dumb {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "this is not a terminal that a console can be drawn on\n\
         over ssh ask for one: ssh -t HOST {this}\n\
         without one: {instead}"
    )))
}

/// What a console says when it connects.
pub fn intent(who: Option<PersonId>, readonly: bool, present: bool) -> Intent {
    Intent { entries_from: Some(0), topics: Topic::ALL.to_vec(), drill_as: who, readonly, present, ..Intent::default() }
}

/// Runs a console on a room's socket. `hosts` = that room lives in this process and ends with this console.
async fn at(
    socket: &Path,
    who: Option<PersonId>,
    global: &Global,
    dress: Appearance,
    hosts: bool,
    env: &Env,
) -> Result<Exit, CliError> {
    let readonly = global.readonly;
    let _log = logging::log_to(&env.state_dir(false).join("console.log"));
    logging::hooks(terminal::restore);
    let named = who.is_some();
    let hello = intent(who, readonly, true).hello();
    let (handle, events) = connect(ConnectOptions { socket: socket.to_owned(), hello, trust: trust(global, env) });
    let clock = Clock::follow(ClockSync { at: Clock::real().now(), speed: 1.0 });
    // A drill is another person's morning: it neither shows nor changes how this account left its console.
    let memory = (dress.remembers && !named).then(|| LayoutStore::new(env.console_file()));
    let Appearance { look, keymap, zone, bell, mouse, .. } = dress;
    let (asker, stop) = (Arc::new(ConsolePort(handle)), CancellationToken::new());
    let options = RunOptions { asker, events, clock, look, keymap, zone, readonly, hosts, bell, mouse, memory, stop };
    let reason = match global.plain {
        true => plain::run(PlainOptions { console: options, no_input: global.no_input })
            .await
            .map_err(|error| CliError::Other(format!("stdout can't be written: {error}")))?,
        false => run(options).await.map_err(|error| CliError::Other(format!("the terminal can't be used: {error}")))?,
    };
    match reason {
        ExitReason::Left | ExitReason::Stopped => Ok(Exit::Ok),
        ExitReason::Signal(2) => Ok(Exit::Interrupted),
        ExitReason::Signal(_) => Ok(Exit::Terminated),
        ExitReason::Refused(refusal) => Err(CliError::Refused(refusal)),
        // The lines have said why.
        ExitReason::GaveUp(GaveUp::Late) => Ok(Exit::Timeout),
        ExitReason::GaveUp(GaveUp::Refused) => Ok(Exit::Refused),
        ExitReason::GaveUp(GaveUp::Lost) => Ok(Exit::Failure),
    }
}

/// A room of one's own and a console on it.
async fn solo(config: &Path, global: &Global, dress: Appearance, env: &Env) -> Result<Exit, CliError> {
    let config = load(config, LoadOptions::default())?;
    let _log = logging::log_to(&env.state_dir(false).join("room.log"));
    let path = global.socket.clone().unwrap_or_else(|| env.runtime_dir().join("warroom.sock"));
    let socket = bind(&path, 0o600).await?;
    let state_dir = global.state_dir.clone().unwrap_or_else(|| env.state_dir(false));
    let make = RoomOptions {
        config,
        clock: Clock::real(),
        random: Random::system(),
        state_dir,
        socket,
        drill: None,
        serve: false,
    };
    let room = room(make).await?;
    let exit = at(&path, None, global, dress, true, env).await;
    room.stop().await;
    exit
}

/// A drill with a console.
pub async fn drill(
    options: &DrillOptions,
    global: &Global,
    with_partner: bool,
    auto: bool,
    env: &Env,
) -> Result<Exit, CliError> {
    let dress = Appearance { remembers: false, ..Appearance::of(global)? };
    drill::load_scenario(&options.scenario)?;
    if !global.plain {
        needs_terminal("warroom drill", "warroom drill --plain, or warroom drill --auto --headless --out DIR")?;
    }
    let _log = logging::log_to(&env.state_dir(false).join("drill.log"));
    let me = PersonId::from(global.as_name.as_deref().unwrap_or(FIRST));
    let mut running = drill::start(options, env, DrillMode::ByHand).await?;
    let known = running.scenario.people.iter().any(|person| person.id == me.as_str());
    if !known {
        let names = running.scenario.people.iter().map(|person| person.id.clone()).collect::<Vec<_>>().join(", ");
        running.stop().await;
        return Err(CliError::Usage(format!("this drill knows nobody called {me}\njoin as one of: {names}")));
    }
    let socket = running.room.socket().to_owned();
    if with_partner {
        play_partner(&running, &me, options.seed).await?;
    }
    if auto {
        play_all(&running).await?;
    }
    running.begin();
    let exit = at(&socket, (!auto).then_some(me), global, dress, true, env).await;
    let flags: Vec<&str> =
        [("--partner", with_partner), ("--auto", auto)].into_iter().filter(|it| it.1).map(|it| it.0).collect();
    end(running, options, &drill_report::again(options, &flags)).await;
    exit
}

/// Ends a drill: leaves what it has to tell in its folder, and says how it went. What can't be left is said and no reason to
/// fail: the log is there.
async fn end(running: drill::RunningDrill, options: &DrillOptions, again: &str) {
    // Nothing more happens while the story is told.
    let hold = running.clock.hold();
    let told = drill_report::story(running.room.socket()).await;
    let dir = running.timeline.clone();
    running.stop().await;
    drop(hold);
    drill_report::tidy(&dir);
    let told = told.and_then(|outline| {
        let Some(outline) = outline else { return Err(CliError::Other("it ended before its first alert".to_owned())) };
        Ok(drill_report::words(&drill_report::leave(&dir, options, None, &outline)?, &outline, &dir, again))
    });
    let text = told.unwrap_or_else(|why| {
        let (why, dir) = (why.message(), dir.display());
        format!("this drill has no score: {why}\nits log is kept in {dir}\nagain:    {again}")
    });
    output::say(text.trim_end());
}

/// A simulated second person: the first of the scenario's people who is not at this console.
async fn play_partner(running: &drill::RunningDrill, me: &PersonId, seed: u64) -> Result<(), CliError> {
    let other = running.scenario.people.iter().map(|person| PersonId::from(person.id.as_str())).find(|id| id != me);
    let Some(other) = other else { return Ok(()) };
    let (socket, clock) = (running.room.socket().to_owned(), running.clock.clone());
    let joining = running.spawn(async move {
        let (asker, seen) = drill_participant::join(&socket, &other, true).await?;
        tokio::spawn(simulated_approver::run(other, asker, seen, clock, seed));
        Ok(())
    });
    joining.await.unwrap_or_else(|error| Err(CliError::Other(error.to_string())))
}

/// Plays every person, for someone who wants to watch.
async fn play_all(running: &drill::RunningDrill) -> Result<(), CliError> {
    let socket = running.room.socket().to_owned();
    let joining = drill_participant::everyone(socket, running.scenario.clone(), running.clock.clone());
    let director = running.spawn(joining).await.unwrap_or_else(|error| Err(CliError::Other(error.to_string())))?;
    running.spawn(director.run());
    Ok(())
}
