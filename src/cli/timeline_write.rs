//! `timeline add|mark|unmark|amend|redact`: what a person writes, when it happened in the words that people use, and what is removed.

use std::io::Read as _;

use clap::{Args as ClapArgs, ValueEnum};

use super::args::Output;
use super::args::value_parsers::milestone;
use super::command_output::CommandOutput;
use super::connect::RoomLink;
use super::dispatch::{Invocation, RunCommand, record, show};
use super::error::CliError;
use super::exit_code::Exit;
use crate::console::{Zone, time_input};
use crate::model::{Milestone, PersonId, Refusal, RefusalKind, SafeText, Stamp};
use crate::protocol::Request;
use crate::protocol::request::LineKind;

/// The most bytes that stdin may give: what one message holds, with room for its escapes.
const MOST_STDIN: u64 = 24 * 1024;

/// Record a note (or a decision, or work for afterwards).
#[derive(Clone, Debug, ClapArgs)]
pub struct AddArgs {
    /// What happened, in your words; up to 8 KiB. `-` reads lines from stdin: each becomes an entry, all of them or none.
    text: String,
    /// What it is.
    #[arg(long, value_enum, default_value_t)]
    kind: NoteKind,
    /// When it happened, if not now: 14:39, T+8, -5m, "yesterday 14:39", or RFC 3339.
    #[arg(long, value_name = "TIME", conflicts_with = "owner", allow_hyphen_values = true)]
    at: Option<String>,
    /// Mark it as a milestone of the incident (notes and decisions); `--as MILESTONE` after the text says the same.
    #[arg(long, value_name = "MILESTONE", value_parser = milestone, conflicts_with = "owner")]
    pub(super) mark: Option<Milestone>,
    /// Who shall do it (follow-ups only).
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// What `timeline add` adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum NoteKind {
    #[default]
    Note,
    Decision,
    FollowUp,
}

impl RunCommand for AddArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let mut link = given.link(self.at.as_ref().map(|_| 0), &[]).await?;
        let output = self.output;
        show(add(&mut link, self).await?, output)
    }
}

/// Mark an entry as a milestone: the export tells the incident by what was observed and by what people marked.
#[derive(Clone, Debug, ClapArgs)]
pub struct MarkArgs {
    #[command(flatten)]
    of: MarkEntry,
}

/// Take back that an entry is a milestone.
#[derive(Clone, Debug, ClapArgs)]
pub struct UnmarkArgs {
    #[command(flatten)]
    of: MarkEntry,
}

/// An entry and a milestone.
#[derive(Clone, Debug, ClapArgs)]
struct MarkEntry {
    /// The entry's number, from `timeline show`.
    #[arg(value_name = "N")]
    seq: u64,
    /// detected, confirmed, decided, traffic_switched, gitops_confirmed, restored or recovered.
    #[arg(value_name = "MILESTONE", value_parser = milestone)]
    milestone: Milestone,
    #[command(flatten)]
    output: Output,
}

impl MarkEntry {
    async fn record(self, marked: bool, given: &Invocation) -> Result<Exit, CliError> {
        let Self { seq, milestone, output } = self;
        given.change(Request::Mark { seq, milestone, marked }, output).await
    }
}

impl RunCommand for MarkArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        self.of.record(true, given).await
    }
}

impl RunCommand for UnmarkArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        self.of.record(false, given).await
    }
}

/// Put an earlier entry right by a new one. What it said before stays in the log and in exports.
#[derive(Clone, Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub struct AmendArgs {
    /// The entry's number.
    #[arg(value_name = "N")]
    seq: u64,
    /// What it should say.
    #[arg(value_name = "TEXT", group = "change")]
    text: Option<String>,
    /// When it happened (notes, decisions and follow-ups): 14:39, T+8, -5m, "yesterday 14:39", or RFC 3339.
    #[arg(long, value_name = "TIME", group = "change", allow_hyphen_values = true)]
    at: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for AmendArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let mut link = given.link(self.at.as_ref().map(|_| 0), &[]).await?;
        let at = moment_if(&mut link, "--at", self.at.as_deref()).await?;
        let text = self.text.map(|text| whole("the text", &text)).transpose()?;
        show(record(&mut link, Request::Amend { seq: self.seq, text, at }).await?, self.output)
    }
}

/// Remove the text of an entry from the log for good. One person asks, another confirms; the chain stays whole.
#[derive(Clone, Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct RedactArgs {
    /// The entry's number.
    #[arg(value_name = "N")]
    seq: u64,
    /// Ask for it, and say why. Exports show the reason: it must not repeat what is removed.
    #[arg(long, value_name = "TEXT", group = "what")]
    reason: Option<String>,
    /// Be the second person: the code of the request, as `warroom status` shows it.
    #[arg(long, value_name = "CODE", group = "what")]
    confirm: Option<String>,
    /// Refuse the request, or take it back.
    #[arg(long, group = "what")]
    refuse: bool,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for RedactArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let mut link = given.link(Some(0), &[]).await?;
        show(redact(&mut link, self.seq, self.reason, self.confirm).await?, self.output)
    }
}

/// An instant as people write it. `T+8` counts from the first alert of the current incident.
///
/// # Errors
/// Names the forms.
async fn moment(link: &mut RoomLink, flag: &str, text: &str) -> Result<Stamp, CliError> {
    link.caught_up().await?;
    let story = &link.mirror.story;
    let zero = story.current().or(story.latest()).map(crate::timeline::Incident::zero);
    let now = link.clock.now();
    time_input::parse(text, now, zero, &Zone::local(now)).map_err(|why| CliError::Usage(format!("{flag}: {why}")))
}

/// The same where the flag may be missing.
///
/// # Errors
/// As [`moment`].
async fn moment_if(link: &mut RoomLink, flag: &str, text: Option<&str>) -> Result<Option<Stamp>, CliError> {
    match text {
        Some(text) => moment(link, flag, text).await.map(Some),
        None => Ok(None),
    }
}

/// What a person states of the incident's clocks. An exact instant goes to the room as it is, which refuses one to come.
///
/// # Errors
/// As [`moment`].
pub(super) async fn stated(link: &mut RoomLink, flag: &str, text: Option<&str>) -> Result<Option<Stamp>, CliError> {
    match text.and_then(|text| text.parse().ok()) {
        Some(exact) => Ok(Some(exact)),
        None => moment_if(link, flag, text).await,
    }
}

/// Records one text, or every line of stdin.
///
/// # Errors
/// The room's refusal; a text that is too long.
async fn add(link: &mut RoomLink, it: AddArgs) -> Result<CommandOutput, CliError> {
    let at = moment_if(link, "--at", it.at.as_deref()).await?;
    let owner = it.owner.map(PersonId);
    if it.mark.is_some() && (it.text == "-" || it.kind == NoteKind::FollowUp) {
        return Err(CliError::Usage("one note or one decision is marked as a milestone at a time".to_owned()));
    }
    if it.text == "-" {
        let kind = match it.kind {
            NoteKind::Note => LineKind::Note,
            NoteKind::Decision => LineKind::Decision,
            NoteKind::FollowUp => LineKind::FollowUp,
        };
        return record(link, Request::Lines { kind, lines: lines(&stdin()?)?, at, owner }).await;
    }
    let text = whole("the text", &it.text)?;
    let request = match it.kind {
        NoteKind::Note => Request::Note { text, at, mark: it.mark },
        NoteKind::Decision => Request::Decision { text, at, mark: it.mark },
        NoteKind::FollowUp => Request::FollowUp { text, owner },
    };
    record(link, request).await
}

/// Text that is recorded as it is given, or not at all.
///
/// # Errors
/// If an entry can't keep all of it.
pub(super) fn whole(what: &str, raw: &str) -> Result<SafeText, CliError> {
    SafeText::whole(raw).ok_or_else(|| {
        CliError::Usage(format!(
            "{what} is longer than the 8 KiB that an entry keeps; nothing was recorded: shorten it"
        ))
    })
}

fn stdin() -> Result<String, CliError> {
    let mut text = String::new();
    let taken = std::io::stdin().take(MOST_STDIN + 1).read_to_string(&mut text);
    taken.map_err(|error| CliError::Usage(format!("stdin can't be read: {error}; nothing was recorded")))?;
    if text.len() as u64 > MOST_STDIN {
        let most = MOST_STDIN / 1024;
        return Err(CliError::Usage(format!(
            "stdin has more than {most} KiB; nothing was recorded: give it in several pieces"
        )));
    }
    Ok(text)
}

/// Every line that says something.
fn lines(text: &str) -> Result<Vec<SafeText>, CliError> {
    let told: Vec<(usize, &str)> = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
    if told.is_empty() {
        return Err(CliError::Usage("stdin has no line that says something; nothing was recorded".to_owned()));
    }
    told.into_iter().map(|(n, line)| whole(&format!("line {}", n + 1), line.trim())).collect()
}

/// Asks for the removal of a text, confirms it by its code, or refuses it.
///
/// # Errors
/// The room's refusal; a code that is not the request's.
async fn redact(
    link: &mut RoomLink,
    seq: u64,
    reason: Option<String>,
    confirm: Option<String>,
) -> Result<CommandOutput, CliError> {
    link.caught_up().await?;
    if let Some(reason) = reason {
        let reason = whole("the reason", &reason)?;
        let mut shown = record(link, Request::Redact { seq, reason }).await?;
        shown.text.push_str("another person finds its code in `warroom status`, and confirms it there\n");
        return Ok(shown);
    }
    let Some(code) = confirm else { return record(link, Request::RefuseRedact { seq }).await };
    let hash = asked_hash(link, seq, &code)?;
    record(link, Request::ConfirmRedact { seq, hash }).await
}

/// The hash of the request about an entry, if the code is its.
fn asked_hash(link: &RoomLink, seq: u64, code: &str) -> Result<crate::model::Digest, CliError> {
    let request = link.mirror.story.incidents.iter().rev().find_map(|incident| incident.redactions.of(seq));
    let request = request.ok_or_else(|| CliError::Refused(crate::approval::no_redaction(seq)))?;
    let letters =
        |code: &str| code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    if letters(code) == letters(&request.hash.spoken()) {
        return Ok(request.hash);
    }
    Err(CliError::Refused(Refusal::new(
        RefusalKind::DigestMismatch,
        format!("{code} is not the code of the request about entry {seq}"),
        "read the request again, with its reason: warroom status",
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_says_something_is_taken_and_too_much_is_refused_whole() {
        let taken = lines("first\n\n  second \n").expect("lines");
        assert_eq!(taken, [SafeText::new("first"), SafeText::new("second")]);
        let long = format!("first\n{}\n", "x".repeat(crate::seal::MAX_TEXT + 1));
        let Err(CliError::Usage(why)) = lines(&long) else { panic!("taken") };
        assert!(why.starts_with("line 2 is longer than the 8 KiB that an entry keeps; nothing was recorded"), "{why}");
        assert!(matches!(lines(" \n\n"), Err(CliError::Usage(_))));
    }
}
