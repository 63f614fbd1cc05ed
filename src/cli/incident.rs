//! `incident open|set|close`.

use clap::Args as ClapArgs;

use super::args::Output;
use super::args::value_parsers::{person, severities, statuses};
use super::dispatch::{Invocation, RunCommand, record, show};
use super::error::CliError;
use super::exit_code::Exit;
use super::timeline_write::{stated, whole};
use crate::model::{IncidentStatus, PersonId, Severity};
use crate::protocol::Request;
use crate::protocol::request::SetIncident;

/// Open an incident.
#[derive(Clone, Debug, ClapArgs)]
pub struct OpenArgs {
    /// Its title.
    title: String,
    /// How bad it is.
    #[arg(long, default_value = "sev1", value_parser = severities())]
    severity: Severity,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for OpenArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let title = whole("the title", &self.title)?;
        given.change(Request::Open { title, severity: self.severity }, self.output).await
    }
}

/// Change something of the open incident.
#[derive(Clone, Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct SetArgs {
    /// Its new title.
    #[arg(long, value_name = "TEXT", group = "what")]
    title: Option<String>,
    /// How bad it is.
    #[arg(long, group = "what", value_parser = severities())]
    pub(super) severity: Option<Severity>,
    /// How far it is; it is closed with `incident close`.
    #[arg(long, group = "what", value_parser = statuses())]
    pub(super) status: Option<IncidentStatus>,
    /// Who commands.
    #[arg(long, value_name = "NAME", group = "what", value_parser = person)]
    commander: Option<String>,
    /// When users were first hurt, by your word (14:39, T-4, -5m, "yesterday 14:39", or RFC 3339): it stands beside what
    /// was measured.
    #[arg(long, value_name = "TIME", group = "what", allow_hyphen_values = true)]
    impact_at: Option<String>,
    /// When service was back, by your word, written likewise: it stops no clock and meets no objective.
    #[arg(long, value_name = "TIME", group = "what", allow_hyphen_values = true)]
    recovered_at: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for SetArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        // A time may be counted from the incident's first alert, which the entries tell.
        let times = self.impact_at.is_some() || self.recovered_at.is_some();
        let mut link = given.link(times.then_some(0), &[]).await?;
        let set = SetIncident {
            title: self.title.map(|title| whole("the title", &title)).transpose()?,
            severity: self.severity,
            status: self.status,
            commander: self.commander.map(PersonId),
            impact_at: stated(&mut link, "--impact-at", self.impact_at.as_deref()).await?,
            recovered_at: stated(&mut link, "--recovered-at", self.recovered_at.as_deref()).await?,
            although_firing: false,
        };
        show(record(&mut link, Request::Set(set)).await?, self.output)
    }
}

/// Close the open incident. Refused while alerts fire or can't be read, unless you say that you know.
#[derive(Clone, Debug, ClapArgs)]
pub struct CloseArgs {
    /// Close it though alerts still fire: those open no other incident, unless they end and begin again.
    #[arg(long)]
    although_firing: bool,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for CloseArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let request = match self.although_firing {
            false => Request::Close,
            true => Request::Set(SetIncident::closed_although_firing()),
        };
        given.change(request, self.output).await
    }
}
