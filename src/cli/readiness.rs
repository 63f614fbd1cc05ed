//! `readiness`: would RTO and RPO be met if the primary side died now? 0 proven, 4 provably not, 3 where it is not known.

use clap::Args as ClapArgs;
use serde_json::json;

use super::args::{FilterArgs, Output};
use super::command_output::CommandOutput;
use super::connect::RoomLink;
use super::dispatch::{self, Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use super::output;
use crate::board::readiness::{Attainment, Promise, Ready, Topics, readiness};
use crate::board::{Topic, TopicView};
use crate::model::time::words;
use crate::protocol::{Reply, Request};

/// Would RTO and RPO be met if the primary died now? 0 proven, 3 not known, 4 provably not.
#[derive(Clone, Debug, ClapArgs)]
pub struct ReadinessArgs {
    #[command(flatten)]
    narrow: FilterArgs,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for ReadinessArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        dispatch::show(show(&mut given.link(Some(0), &[]).await?).await?, self.output)
    }
}

/// The topics that the judgement reads.
const READS: [Topic; 6] =
    [Topic::Services, Topic::Backups, Topic::Clusters, Topic::Gitops, Topic::Traffic, Topic::Sources];

/// Asks the room for its rows and its log, and judges as the console does.
async fn show(link: &mut RoomLink) -> Result<CommandOutput, CliError> {
    link.caught_up().await?;
    let mut topics = Topics::new();
    for topic in READS {
        let Reply::Rows { rows, total, dropped } = link.ask(Request::Board { topic }).await? else {
            return Err(CliError::Gone("the room answered something else".to_owned()));
        };
        topics.insert(topic, TopicView { rows, total, dropped });
    }
    let welcome = link.mirror.welcome.as_ref();
    let objectives = welcome.map(|it| it.objectives.as_slice()).unwrap_or_default();
    let drill = welcome.and_then(|it| it.drill.clone());
    let ready = readiness(objectives, &topics, &link.mirror.story, link.clock.now());
    let exit = match ready.standing {
        Attainment::Met => Exit::Ok,
        Attainment::Unknown => Exit::Degraded,
        Attainment::Missed => Exit::Breached,
    };
    let mut text = drill.as_ref().map(|it| format!("DRILL {} · seed {}\n", it.scenario, it.seed)).unwrap_or_default();
    text.push_str(&table(&ready.services));
    let json = json!({
        "schema": "warroom/readiness/v1", "at": ready.at, "drill": drill, "standing": ready.standing,
        "services": ready.services,
    });
    Ok(CommandOutput::ok(json, text).exit(exit))
}

fn table(services: &[Ready]) -> String {
    if services.is_empty() {
        return "nothing is promised: name services with RTO and RPO in a [[service]] of warroom.toml\n".to_owned();
    }
    let head = ["SERVICE", "READY", "RTO", "RPO", "LAST PROOF"];
    let lines = services
        .iter()
        .map(|it| {
            let proof = it.proofs.first().map(|proof| format!("{} {}", proof.what, proof.at.format("%-d %b %Y")));
            let never = || "never".to_owned();
            vec![
                it.service.clone(),
                it.standing.name().to_owned(),
                promise(&it.rto),
                promise(&it.rpo),
                proof.unwrap_or_else(never),
            ]
        })
        .collect::<Vec<_>>();
    let mut text = output::table(&head, &lines);
    for it in services {
        text.push_str(&format!("\n{}\n", it.service));
        for check in &it.checks {
            text.push_str(&format!("  {:<8} {:<14} {}\n", check.standing.name(), check.what, check.says));
            if !check.remedy.is_empty() {
                text.push_str(&format!("  {:<8} {:<14} {}\n", "", "", check.remedy));
            }
        }
    }
    text
}

fn promise(it: &Promise) -> String {
    let limit = words(it.limit_s);
    match it.measured_s {
        Some(measured) => format!("{}: {} of {limit}", it.standing.name(), words(measured)),
        None => format!("{}: {limit}", it.standing.name()),
    }
}
