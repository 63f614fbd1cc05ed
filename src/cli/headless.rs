//! `drill --auto --headless`: both people played through the real protocol, no terminal, and files for machines at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::ExportFormat;
use super::drill::{self, Drill, Kind};
use super::exit::Exit;
use super::fail::Fail;
use super::link::{Intent, Link};
use super::{export, output, player};
use crate::clock::Hold;
use crate::config::paths::Env;
use crate::drill::director::{Ended, Run};
use crate::drill::score::{Score, score};
use crate::model::time::from_detection;
use crate::postmortem::{self, Outline};

/// Plays a scenario to its end and leaves timeline, exports and score.
pub async fn run(options: &Drill, env: &Env) -> Result<Exit, Fail> {
    let out = options.out.clone().ok_or_else(|| Fail::Usage("--headless needs --out DIR".to_owned()))?;
    if out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Fail::Usage(format!("{} is not empty; choose a new folder for this run", out.display())));
    }
    let socket = options.socket.clone().unwrap_or_else(|| private_socket(env));
    let options = Drill { socket: Some(socket), ..options.clone() };
    let mut drill = drill::start(&options, env, Kind::Headless).await?;
    let played = play(&mut drill).await;
    let told = match &played {
        Ok(_) => tell(drill.room.socket()).await,
        Err(_) => Err(Fail::Other(String::new())),
    };
    drill.stop().await;
    // Files of a log that is written to; this one never is again.
    for name in ["LOCK", "RESERVE"] {
        let _ = std::fs::remove_file(out.join(name));
    }
    let ((run, _), outline) = (played?, told?);
    leave(&out, &options, &run, &outline)
}

/// Headless drills may run side by side, so each has its own socket.
fn private_socket(env: &Env) -> PathBuf {
    env.runtime_dir().join(format!("drill-{}.sock", std::process::id()))
}

/// Plays to the end. The drill's time stands still from then on, so that nothing more happens while its story is told.
async fn play(drill: &mut drill::Running) -> Result<(Run, Hold), Fail> {
    let (socket, scenario, clock) = (drill.room.socket().to_owned(), drill.scenario.clone(), drill.clock.clone());
    let ended = |error: tokio::task::JoinError| Fail::Other(format!("the drill's people failed: {error}"));
    let director = drill.spawn(player::everyone(socket, scenario, clock.clone())).await.map_err(ended)??;
    let playing = drill.spawn(async move {
        let run = director.run().await;
        (run, clock.hold())
    });
    drill.begin();
    tokio::select! {
        played = playing => played.map_err(ended),
        stopped = super::serve::until_told_to_stop() => {
            stopped?;
            Err(Fail::Other("stopped by a signal before the drill ended".to_owned()))
        }
    }
}

async fn tell(socket: &Path) -> Result<Outline, Fail> {
    let intent = Intent { entries_from: Some(1), ..Intent::default() };
    let mut link = Link::open(socket, &intent).await?;
    export::outline(&mut link, None).await
}

fn leave(out: &Path, options: &Drill, run: &Run, outline: &Outline) -> Result<Exit, Fail> {
    super::run::write_file(&out.join("export.json"), &export::render(outline, ExportFormat::Json)?)?;
    super::run::write_file(&out.join("export.md"), &export::render(outline, ExportFormat::Markdown)?)?;
    super::run::write_file(&out.join("export.html"), &export::render(outline, ExportFormat::Html)?)?;
    super::run::write_file(&out.join("export.csv"), &export::render(outline, ExportFormat::Csv)?)?;
    let scenario = drill::load_scenario(&options.scenario)?;
    let reached = reached(outline);
    let score = score(&scenario, options.seed, &reached);
    let text = serde_json::to_string_pretty(&json!({
        "schema": score.schema, "score": score, "ended": run.ended, "acts": run.acts,
    }))
    .map_err(|error| Fail::Other(error.to_string()))?;
    super::run::write_file(&out.join("score.json"), &format!("{text}\n"))?;
    output::print(&summary(&score, run, out))?;
    Ok(if score.ok && run.ended == Ended::Recovered { Exit::Ok } else { Exit::Breached })
}

/// When each milestone was reached, as the export tells it.
fn reached(outline: &Outline) -> BTreeMap<String, i64> {
    let json = postmortem::to_json(outline);
    let rows = json["rows"].as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| Some((row["event"].as_str()?.to_owned(), row["t_s"].as_i64()?))).collect()
}

fn summary(score: &Score, run: &Run, out: &Path) -> String {
    let mut text =
        format!("DRILL {} · seed {} · {} of {} milestones\n", score.scenario, score.seed, score.reached, score.of);
    let rows = score
        .milestones
        .iter()
        .map(|row| {
            let reached = row.t_s.map_or("never".to_owned(), from_detection);
            vec![
                row.event.clone(),
                from_detection(row.expected_s),
                reached,
                if row.ok { "ok" } else { "LATE" }.to_owned(),
            ]
        })
        .collect::<Vec<_>>();
    text.push_str(&output::table(&["MILESTONE", "EXPECTED", "REACHED", ""], &rows));
    for act in run.acts.iter().filter(|act| act.error.is_some()) {
        text.push_str(&format!(
            "not done: {} by {}: {}\n",
            from_detection(act.planned_s),
            act.who,
            act.error.as_deref().unwrap_or("")
        ));
    }
    text.push_str(&format!("files in {}\n", out.display()));
    text
}
