//! `silence list|add|expire`: what is silenced, and changing that after a preview.

use std::time::Duration;

use clap::Args as ClapArgs;
use serde_json::json;

use super::args::value_parsers::duration;
use super::args::{FilterArgs, Output};
use super::command_output::CommandOutput;
use super::connect::RoomLink;
use super::dispatch::{Invocation, RunCommand, show};
use super::error::CliError;
use super::exit_code::Exit;
use super::{board_tables, output};
use crate::board::{Row, SilenceRow, Topic};
use crate::model::silence::{Matcher, SilenceChange, SilenceOutcome, SilencePreview};
use crate::model::{Digest, Refusal, RefusalKind};
use crate::protocol::{Reply, Request};

/// Silences in force, to come, and ended within a day: matchers, whose, until when, how many alerts each hits.
#[derive(Clone, Debug, ClapArgs)]
pub struct ListSilencesArgs {
    #[command(flatten)]
    narrow: FilterArgs,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for ListSilencesArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let mut link = given.link(None, &[]).await?;
        show(board_tables::topic(&mut link, Topic::Silences, self.narrow.filter.as_ref()).await?, self.output)
    }
}

/// Show which alerts a new silence would hit; with --yes, make it. Recorded in the open incident.
#[derive(Clone, Debug, ClapArgs)]
pub struct AddSilenceArgs {
    /// Labels that alerts must have: name=value, name!=value, name=~expression, name!~expression.
    #[arg(value_name = "MATCHER", required = true)]
    matchers: Vec<String>,
    /// How long from now: from 1m to 24h.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    lasts: Duration,
    /// Why nobody needs to hear of it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for AddSilenceArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let mut link = given.link(None, &[]).await?;
        let creation = creation(&self.matchers, self.lasts, &self.reason)?;
        show(change(&mut link, creation, self.consent).await?, self.output)
    }
}

/// Show which alerts start notifying when a silence ends; with --yes, end it.
#[derive(Clone, Debug, ClapArgs)]
pub struct ExpireArgs {
    /// The silence; the beginning of its id is enough.
    id: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for ExpireArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let mut link = given.link(None, &[]).await?;
        let expiry = expiry(&mut link, &self.id).await?;
        show(change(&mut link, expiry, self.consent).await?, self.output)
    }
}

/// What turns a preview into the act.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct Consent {
    /// Do it. Without, only the preview is shown, and the exit code is 6.
    #[arg(long)]
    yes: bool,
    /// The word that the preview asks for, where it hits critical or foreign alerts, or all.
    #[arg(long, value_name = "WORD", requires = "yes")]
    confirm: Option<String>,
    /// Only if the preview is still the one with this digest.
    #[arg(long, value_name = "sha256:HEX", requires = "yes")]
    digest: Option<Digest>,
}

/// The change that a new silence is.
fn creation(matchers: &[String], lasts: Duration, reason: &str) -> Result<SilenceChange, CliError> {
    let parsed: Result<Vec<Matcher>, String> = matchers.iter().map(|text| Matcher::parse(text)).collect();
    let matchers = parsed.map_err(CliError::Usage)?;
    Ok(SilenceChange::Create {
        matchers,
        for_s: lasts.as_secs(),
        reason: super::timeline_write::whole("the reason", reason)?,
    })
}

/// The change that the end of one is; the beginning of its id is enough where only one begins so.
async fn expiry(link: &mut RoomLink, id: &str) -> Result<SilenceChange, CliError> {
    let Reply::Rows { rows, .. } = link.ask(Request::Board { topic: Topic::Silences }).await? else {
        return Err(CliError::Gone("the room answered something else".to_owned()));
    };
    let ids = rows.iter().filter_map(Row::as_kind::<SilenceRow>).map(|it| &it.silence.id);
    match &ids.filter(|it| it.starts_with(id)).collect::<Vec<_>>()[..] {
        [one] => Ok(SilenceChange::Expire { id: (*one).clone() }),
        [] => Ok(SilenceChange::Expire { id: id.to_owned() }),
        more => Err(CliError::Usage(format!("{} silences begin with {id}: give more of the id", more.len()))),
    }
}

/// Shows what a change would hit; with `--yes` does it and says how that ended.
async fn change(link: &mut RoomLink, change: SilenceChange, consent: Consent) -> Result<CommandOutput, CliError> {
    let Reply::Silence(preview) = link.ask(Request::SilencePreview { change }).await? else {
        return Err(CliError::Gone("the room answered something else".to_owned()));
    };
    if !consent.yes {
        let json = json!({"schema": "warroom/silence-preview/v1", "preview": *preview});
        let mut text = lines(&preview);
        let word = if preview.grave { format!(" --confirm '{}'", preview.confirm) } else { String::new() };
        text.push_str(&format!("\nnothing was sent; to do it, say the same again with: --yes{word}\n"));
        return Ok(CommandOutput::ok(json, text).exit(Exit::Refused));
    }
    let digest = preview.digest;
    if consent.digest.is_some_and(|read| read != digest) {
        return Err(CliError::Refused(Refusal::new(
            RefusalKind::Drift,
            "what it would hit is not what the preview with that digest showed",
            "read the preview again, without --yes",
        )));
    }
    let confirm = consent.confirm.unwrap_or_default();
    let Reply::Silenced { seq, outcome, silence, says } = link.ask(Request::Silence { digest, confirm }).await? else {
        return Err(CliError::Gone("the room answered something else".to_owned()));
    };
    let json = json!({
        "schema": "warroom/silenced/v1", "seq": seq, "outcome": outcome, "silence": silence, "says": says,
        "preview": *preview,
    });
    let (word, exit) = match outcome {
        SilenceOutcome::Done => ("done", Exit::Ok),
        SilenceOutcome::Failed => ("not done", Exit::Failure),
        SilenceOutcome::Unknown => ("not known", Exit::Timeout),
    };
    Ok(CommandOutput::ok(json, format!("{}\n{word}: {says} (entry {seq})\n", lines(&preview))).exit(exit))
}

/// A preview as a person reads it.
fn lines(preview: &SilencePreview) -> String {
    let mut text = format!("{}\nasked of {} · {}\n", preview.title, preview.instance, preview.digest);
    for warning in &preview.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push_str(&format!("\n{} alerts now, {} critical\n", preview.total, preview.critical));
    let rows: Vec<Vec<String>> = preview
        .hits
        .iter()
        .map(|hit| {
            let note = match (hit.unsure, hit.quiet) {
                (true, _) => "not sure",
                (_, true) => "quiet already",
                _ => "",
            };
            vec![
                hit.severity.as_str().to_owned(),
                hit.name.to_string(),
                hit.place.to_string(),
                hit.service.clone().unwrap_or_default(),
                note.to_owned(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        text.push_str(&output::table(&["SEVERITY", "ALERT", "PLACE", "SERVICE", ""], &rows));
    }
    text
}
