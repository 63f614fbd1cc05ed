//! Runs a parsed command line: finds the room, does the command, prints the result, gives the exit code.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{self, Args, CliCommand, Global};
use super::command_output::CommandOutput;
use super::connect::{Intent, RoomLink};
use super::drill::{self, DrillOptions};
use super::error::CliError;
use super::exit_code::Exit;
use super::{
    board_tables, console, export, headless, log_folder, output, plan, screenshot, serve, silence, timeline,
    timeline_write, verify,
};
use crate::board::Topic;
use crate::client::{KnownLogs, Trust, known_file};
use crate::config::paths::Env;
use crate::model::{PersonId, PlanId};
use crate::protocol::Request;
use crate::protocol::request::SetIncident;

/// A plan may take this long beyond its own time to live before `plan wait` gives up.
const WAIT_DEFAULT: Duration = Duration::from_secs(2 * 3600);

/// Does what the command line says.
pub async fn run(args: Args) -> Exit {
    let env = Env::read();
    let json = output::wants_json(&args.command);
    match dispatch(args, &env).await {
        Ok(exit) => exit,
        Err(fail) => {
            if json {
                let _ = output::print(&format!("{}\n", fail.json()));
            }
            output::say(&fail.message());
            fail.exit()
        }
    }
}

async fn dispatch(args: Args, env: &Env) -> Result<Exit, CliError> {
    let Args { global, join, command } = args;
    let Some(command) = command else { return console::open(&global, join, env).await };
    match command {
        CliCommand::Serve => {
            let options = serve::Serve { config: global.config, socket: global.socket, state_dir: global.state_dir };
            serve::serve(options, env).await.map(|()| Exit::Ok)
        }
        CliCommand::Drill(drill) => play(*drill, global, env).await,
        CliCommand::Init(init) => super::init::init(&init, env),
        CliCommand::Rbac(rbac) => Ok(output::print(&super::rbac::manifest(&rbac)).map(|_| Exit::Ok)?),
        CliCommand::Config(command) => super::config::config(&command, &global, env),
        CliCommand::Verify { paths, key, expect_head, output } => {
            show(verify::verify(&paths, key.as_deref(), expect_head)?, output)
        }
        CliCommand::Ledger(args::LedgerCommand::New { output, .. }) => {
            show(verify::new_after_damage(&global, env)?, output)
        }
        CliCommand::Shot(shot) => screenshot::shot(&shot, &global, env).await,
        CliCommand::Export(export) => write_export(export, &global, env).await,
        other => with_room(other, &global, env).await,
    }
}

/// The socket that a command talks to: the one named, else the first where somebody listens, else this user's own.
pub fn socket(global: &Global, env: &Env) -> PathBuf {
    if let Some(socket) = &global.socket {
        return socket.clone();
    }
    let mut places = env.sockets();
    // In a drill the name says that the drill is meant; otherwise a real room goes before a drill.
    if global.as_name.is_some() {
        places.insert(0, drill::drill_socket(env));
    } else {
        places.push(drill::drill_socket(env));
    }
    let live = places.iter().find(|path| std::os::unix::net::UnixStream::connect(path).is_ok()).cloned();
    live.unwrap_or_else(|| env.runtime_dir().join("warroom.sock"))
}

/// Whom the commands and the console of this account take for a room.
pub fn trust(global: &Global, env: &Env) -> Trust {
    let known = KnownLogs { file: known_file(&env.state_dir(false)), accept: global.accept_log.clone() };
    Trust { account: global.room_account.clone().unwrap_or(Trust::default().account), known: Some(known) }
}

/// A link for a command.
pub async fn link(
    global: &Global,
    env: &Env,
    entries_from: Option<u64>,
    topics: &[Topic],
) -> Result<RoomLink, CliError> {
    let intent = Intent {
        entries_from,
        topics: topics.to_vec(),
        drill_as: global.as_name.as_deref().map(PersonId::from),
        readonly: global.readonly,
        trust: trust(global, env),
        ..Intent::default()
    };
    RoomLink::open(&socket(global, env), &intent).await
}

fn show(shown: CommandOutput, output: args::Output) -> Result<Exit, CliError> {
    if output.json() {
        let text = serde_json::to_string_pretty(&shown.json).map_err(|error| CliError::Other(error.to_string()))?;
        output::print(&format!("{text}\n"))?;
    } else {
        output::print(&shown.text)?;
    }
    Ok(shown.exit)
}

async fn with_room(command: CliCommand, global: &Global, env: &Env) -> Result<Exit, CliError> {
    match command {
        CliCommand::Status { folder: args::FolderArgs { dir: Some(dir) }, output, .. } => {
            show(log_folder::status(&log_folder::read(&dir, global.config.as_deref())?), output)
        }
        CliCommand::Status { watch, narrow, output, .. } => status(global, env, watch, &narrow, output).await,
        CliCommand::Readiness(view) => readiness(view, global, env).await,
        CliCommand::Events(view) => rows(Topic::Events, view, global, env).await,
        CliCommand::Alerts(view) => rows(Topic::Alerts, view, global, env).await,
        CliCommand::Backups(view) => rows(Topic::Backups, view, global, env).await,
        CliCommand::Gitops(view) => rows(Topic::Gitops, view, global, env).await,
        CliCommand::Traffic(view) => rows(Topic::Traffic, view, global, env).await,
        CliCommand::Slo(view) => rows(Topic::Slo, view, global, env).await,
        CliCommand::Timeline(command) => on_timeline(command, global, env).await,
        CliCommand::Incident(command) => on_incident(command, global, env).await,
        CliCommand::Silence(command) => on_silence(command, global, env).await,
        other => on_plan(other, global, env).await,
    }
}

async fn rows(topic: Topic, view: args::ViewArgs, global: &Global, env: &Env) -> Result<Exit, CliError> {
    let mut link = link(global, env, None, &[]).await?;
    show(board_tables::topic(&mut link, topic, view.narrow.filter.as_ref()).await?, view.output)
}

async fn readiness(view: args::ViewArgs, global: &Global, env: &Env) -> Result<Exit, CliError> {
    let mut link = link(global, env, Some(0), &[]).await?;
    show(super::readiness::show(&mut link).await?, view.output)
}

async fn status(
    global: &Global,
    env: &Env,
    watch: bool,
    narrow: &args::FilterArgs,
    output: args::Output,
) -> Result<Exit, CliError> {
    let topics: Vec<Topic> = Topic::ALL.iter().copied().filter(|topic| *topic != Topic::Events).collect();
    let mut link = link(global, env, Some(0), if watch { &topics } else { &[] }).await?;
    let mut last = String::new();
    loop {
        let shown = board_tables::status(&mut link, narrow.filter.as_ref()).await?;
        if !watch {
            return show(shown, output);
        }
        let facts = shown.json["trouble"].to_string() + &shown.json["incident"].to_string();
        if facts != last {
            last = facts;
            show(shown, output)?;
        }
        // At most once a second, and only when the room says that something changed.
        link.next().await?;
        let _ = tokio::time::timeout(Duration::from_secs(1), async { while link.next().await.is_ok() {} }).await;
    }
}

async fn on_timeline(command: args::Timeline, global: &Global, env: &Env) -> Result<Exit, CliError> {
    match command {
        args::Timeline::Mark(of) => {
            change(Request::Mark { seq: of.seq, milestone: of.milestone, marked: true }, of.output, global, env).await
        }
        args::Timeline::Unmark(of) => {
            change(Request::Mark { seq: of.seq, milestone: of.milestone, marked: false }, of.output, global, env).await
        }
        args::Timeline::Add { text, kind, at, owner, mark, output } => {
            let mut link = link(global, env, at.as_ref().map(|_| 0), &[]).await?;
            show(
                timeline_write::add(&mut link, timeline_write::Addition { text, kind, at, owner, mark }).await?,
                output,
            )
        }
        args::Timeline::Amend { seq, text, at, output } => {
            let mut link = link(global, env, at.as_ref().map(|_| 0), &[]).await?;
            show(timeline_write::amend(&mut link, seq, text, at).await?, output)
        }
        args::Timeline::Redact { seq, reason, confirm, output, .. } => {
            let mut link = link(global, env, Some(0), &[]).await?;
            show(timeline_write::redact(&mut link, seq, reason, confirm).await?, output)
        }
        args::Timeline::Show { incident, folder: args::FolderArgs { dir: Some(dir) }, narrow, output } => {
            let read = log_folder::read(&dir, global.config.as_deref())?;
            let incident = timeline::incident(&read.mirror, incident.as_deref())?;
            show(timeline::show(incident, read.as_of, narrow.filter.as_ref())?, output)
        }
        args::Timeline::Show { incident, narrow, output, .. } => {
            let mut link = link(global, env, Some(0), &[]).await?;
            link.caught_up().await?;
            let (incident, _) = link.whole(incident.as_deref()).await?;
            show(timeline::show(&incident, link.clock.now(), narrow.filter.as_ref())?, output)
        }
        args::Timeline::Tail { from, narrow, output } => {
            // What is older than the newest can only be told by whoever hears it all; it is let go once it is printed.
            let mut link = link(global, env, Some(from.map_or(0, |_| 1)), &[]).await?;
            if from.is_none() {
                link.caught_up().await?;
            }
            let from = from.unwrap_or_else(|| link.mirror.head.map_or(1, |(seq, _)| seq + 1));
            let print = |line: &str| output::print(line).map(|_| ());
            timeline::tail(&mut link, from, narrow.filter.as_ref(), output.json(), print).await?;
            Ok(Exit::Ok)
        }
    }
}

async fn change(request: Request, output: args::Output, global: &Global, env: &Env) -> Result<Exit, CliError> {
    let mut link = link(global, env, None, &[]).await?;
    show(timeline::record(&mut link, request).await?, output)
}

async fn on_incident(command: args::IncidentCommand, global: &Global, env: &Env) -> Result<Exit, CliError> {
    // A time may be counted from the incident's first alert, which the entries tell.
    let times = matches!(&command, args::IncidentCommand::Set { impact_at, recovered_at, .. }
        if impact_at.is_some() || recovered_at.is_some());
    let mut link = link(global, env, times.then_some(0), &[]).await?;
    let (request, output) = match command {
        args::IncidentCommand::Open { title, severity, output } => {
            (Request::Open { title: timeline_write::whole("the title", &title)?, severity }, output)
        }
        args::IncidentCommand::Set { title, severity, status, commander, impact_at, recovered_at, output } => {
            let set = SetIncident {
                title: title.map(|title| timeline_write::whole("the title", &title)).transpose()?,
                severity,
                status,
                commander: commander.map(PersonId),
                impact_at: timeline_write::stated(&mut link, "--impact-at", impact_at.as_deref()).await?,
                recovered_at: timeline_write::stated(&mut link, "--recovered-at", recovered_at.as_deref()).await?,
                although_firing: false,
            };
            (Request::Set(set), output)
        }
        args::IncidentCommand::Close { although_firing: false, output } => (Request::Close, output),
        args::IncidentCommand::Close { although_firing: true, output } => {
            (Request::Set(SetIncident::closed_although_firing()), output)
        }
    };
    show(timeline::record(&mut link, request).await?, output)
}

async fn on_silence(command: args::SilenceCommand, global: &Global, env: &Env) -> Result<Exit, CliError> {
    let mut link = link(global, env, None, &[]).await?;
    match command {
        args::SilenceCommand::List { narrow, output } => {
            show(silence::list(&mut link, narrow.filter.as_ref()).await?, output)
        }
        args::SilenceCommand::Add { matchers, lasts, reason, consent, output } => {
            let change = silence::creation(&matchers, lasts, &reason)?;
            show(silence::change(&mut link, change, consent).await?, output)
        }
        args::SilenceCommand::Expire { id, consent, output } => {
            let change = silence::expiry(&mut link, &id).await?;
            show(silence::change(&mut link, change, consent).await?, output)
        }
    }
}

async fn on_plan(command: CliCommand, global: &Global, env: &Env) -> Result<Exit, CliError> {
    match command {
        CliCommand::Propose(propose) => {
            let request = Request::Propose {
                action: propose.action,
                service: propose.service,
                to: propose.to,
                confirm: propose.confirm,
                supersedes: propose.supersedes.map(PlanId),
            };
            let mut link = link(global, env, None, &[]).await?;
            show(plan::propose(&mut link, request).await?, propose.output)
        }
        CliCommand::Plan(args::PlanCommand::List { incident, folder: args::FolderArgs { dir: Some(dir) }, output }) => {
            let read = log_folder::read(&dir, global.config.as_deref())?;
            show(plan::list(&read.mirror, incident.as_deref())?, output)
        }
        CliCommand::Plan(args::PlanCommand::List { incident, output, .. }) => {
            let mut link = link(global, env, Some(0), &[]).await?;
            link.caught_up().await?;
            show(plan::list(&link.mirror, incident.as_deref())?, output)
        }
        CliCommand::Plan(args::PlanCommand::Show { plan: id, manual, output }) => {
            let mut link = link(global, env, Some(0), &[]).await?;
            show(plan::show(&mut link, &PlanId(id), manual).await?, output)
        }
        CliCommand::Plan(args::PlanCommand::Wait { plan: id, timeout, output }) => {
            let mut link = link(global, env, Some(0), &[]).await?;
            show(plan::wait(&mut link, &PlanId(id), timeout.unwrap_or(WAIT_DEFAULT)).await?, output)
        }
        CliCommand::Approve(approve) => {
            let request =
                Request::Approve { plan: PlanId(approve.plan), digest: approve.digest, confirm: approve.confirm };
            change(request, approve.output, global, env).await
        }
        CliCommand::Reject { plan, reason, output } => {
            let reason = timeline_write::whole("the reason", &reason)?;
            change(Request::Reject { plan: PlanId(plan), reason }, output, global, env).await
        }
        CliCommand::Withdraw(of) => change(Request::Withdraw { plan: PlanId(of.plan) }, of.output, global, env).await,
        CliCommand::Hold(of) => change(Request::Hold { plan: PlanId(of.plan) }, of.output, global, env).await,
        _ => Err(CliError::Usage("this command is not about a room".to_owned())),
    }
}

async fn write_export(export: args::Export, global: &Global, env: &Env) -> Result<Exit, CliError> {
    let (id, filter) = (export.incident.as_deref(), export.narrow.filter.as_ref());
    // Incidents have ids that no folder is called by.
    let named = id.map(Path::new).filter(|path| export.folder.dir.is_none() && path.is_dir());
    let outline = match (export.folder.dir.as_deref().or(named), named) {
        (Some(dir), named) => {
            let id = id.filter(|_| named.is_none());
            let read = log_folder::read(dir, global.config.as_deref())?;
            if let Some(why) = &read.broken {
                output::say(&format!("NOT INTACT: {why}: this is of the entries before"));
            }
            export::of(&read.mirror, id, filter)?
        }
        (None, _) => export::narrowed(&mut link(global, env, Some(0), &[]).await?, id, filter).await?,
    };
    let text = export::render(&outline, export.format)?;
    match export.out {
        Some(file) => write_file(&file, &text)?,
        None => {
            output::print(&text)?;
        }
    }
    Ok(Exit::Ok)
}

/// Writes a file whole or not at all.
pub fn write_file(file: &Path, text: &str) -> Result<(), CliError> {
    let wrong = |error: std::io::Error| CliError::Other(format!("can't write {}: {error}", file.display()));
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = file.with_file_name(format!(".{name}.{}", std::process::id()));
    std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, file)).map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        wrong(error)
    })
}

async fn play(drill: args::DrillCommand, global: Global, env: &Env) -> Result<Exit, CliError> {
    let pace = drill.world.as_ref().map_or(drill.play.pace, |args::DrillWorld::World { pace, .. }| *pace);
    if pace.speed <= 0.0 && (drill.world.is_some() || !drill.play.headless) {
        return Err(CliError::Usage("--speed max is for --headless: nobody could follow it".to_owned()));
    }
    if let Some(args::DrillWorld::World { scenario, pace, detection_in, out }) = drill.world {
        let options =
            DrillOptions { scenario, speed: pace.speed, seed: pace.seed, out: None, socket: None, state_dir: None };
        return drill::world_alone(&options, &out, detection_in).await.map(|()| Exit::Ok);
    }
    let play = drill.play;
    let options = DrillOptions {
        scenario: play.scenario,
        speed: play.pace.speed,
        seed: play.pace.seed,
        out: play.out,
        socket: global.socket.clone(),
        state_dir: global.state_dir.clone(),
    };
    if play.headless {
        return headless::run(&options, env).await;
    }
    console::drill(&options, &global, play.partner, play.auto, env).await
}
