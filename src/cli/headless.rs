//! `drill --auto --headless`: both people played through the real protocol, no terminal, and files for machines at the end.

use std::path::PathBuf;

use super::drill::{self, DrillMode, DrillOptions};
use super::error::CliError;
use super::exit_code::Exit;
use super::{drill_participant, drill_report, output};
use crate::clock::Hold;
use crate::config::paths::Env;
use crate::drill::script_runner::{DrillEnd, DrillRun};
use crate::model::time::from_detection;

/// Plays a scenario to its end and leaves timeline, exports and score.
pub async fn run(options: &DrillOptions, env: &Env) -> Result<Exit, CliError> {
    let out = options.out.clone().ok_or_else(|| CliError::Usage("--headless needs --out DIR".to_owned()))?;
    if out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(CliError::Usage(format!("{} is not empty; choose a new folder for this run", out.display())));
    }
    let socket = options.socket.clone().unwrap_or_else(|| private_socket(env));
    let options = DrillOptions { socket: Some(socket), ..options.clone() };
    let mut drill = drill::start(&options, env, DrillMode::Headless).await?;
    let played = play(&mut drill).await;
    let told = match &played {
        Ok(_) => drill_report::story(drill.room.socket()).await,
        Err(_) => Err(CliError::Other(String::new())),
    };
    drill.stop().await;
    drill_report::tidy(&out);
    let ((run, _), outline) = (played?, told?);
    let outline = outline.ok_or_else(|| CliError::Other("no alert opened an incident in this scenario".to_owned()))?;
    let score = drill_report::leave(&out, &options, Some(&run), &outline)?;
    let again = drill_report::again(&options, &["--auto", "--headless", "--out DIR"]);
    let mut text = drill_report::words(&score, &outline, &out, &again);
    for act in run.acts.iter().filter(|act| act.error.is_some()) {
        let why = act.error.as_deref().unwrap_or_default();
        text.push_str(&format!("not done: {} by {}: {why}\n", from_detection(act.planned_s), act.who));
    }
    output::print(&text)?;
    Ok(if score.ok && run.ended == DrillEnd::Recovered { Exit::Ok } else { Exit::Breached })
}

/// Headless drills may run side by side, so each has its own socket.
fn private_socket(env: &Env) -> PathBuf {
    env.runtime_dir().join(format!("drill-{}.sock", std::process::id()))
}

/// Plays to the end. The drill's time stands still from then on, so that nothing more happens while its story is told.
async fn play(drill: &mut drill::RunningDrill) -> Result<(DrillRun, Hold), CliError> {
    let (socket, scenario, clock) = (drill.room.socket().to_owned(), drill.scenario.clone(), drill.clock.clone());
    let ended = |error: tokio::task::JoinError| CliError::Other(format!("the drill's people failed: {error}"));
    let director = drill.spawn(drill_participant::everyone(socket, scenario, clock.clone())).await.map_err(ended)??;
    let playing = drill.spawn(async move {
        let run = director.run().await;
        (run, clock.hold())
    });
    drill.begin();
    tokio::select! {
        played = playing => played.map_err(ended),
        stopped = super::serve::until_told_to_stop() => {
            stopped?;
            Err(CliError::Other("stopped by a signal before the drill ended".to_owned()))
        }
    }
}
