//! `propose`, `approve`, `reject`, `withdraw`, `hold`: what a person says to a plan.

use clap::Args as ClapArgs;

use super::args::Output;
use super::args::value_parsers::{action_words, actions};
use super::dispatch::{Invocation, RunCommand, show};
use super::error::CliError;
use super::exit_code::Exit;
use super::{plan, timeline_write};
use crate::model::{Action, Digest, PlanId};
use crate::protocol::Request;

/// Put a dangerous act before the room. Nothing happens until a second person approves.
#[derive(Clone, Debug, ClapArgs)]
pub struct ProposeArgs {
    /// What to do: failover moves all host names of a service at the edge; restore brings its data back on DR, or in place
    /// where the service has no DR cluster.
    #[arg(value_name = action_words(), value_parser = actions())]
    action: Action,
    /// For which service.
    #[arg(long, value_name = "NAME")]
    service: String,
    /// Where to, of a service with several DR clusters. Left out, the first of them that can take it; the plan says which.
    #[arg(long, value_name = "CLUSTER")]
    to: Option<String>,
    /// The name of what will be moved or restored, as the plan shows it: proof that it was read.
    #[arg(long, value_name = "NAME")]
    confirm: String,
    /// Replace this open plan of yours by the new one.
    #[arg(long, value_name = "PLAN")]
    supersedes: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for ProposeArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let Self { action, service, to, confirm, supersedes, output } = self;
        let request = Request::Propose { action, service, to, confirm, supersedes: supersedes.map(PlanId) };
        show(plan::propose(&mut given.link(None, &[]).await?, request).await?, output)
    }
}

/// Approve the plan you have read.
#[derive(Clone, Debug, ClapArgs)]
pub struct ApproveArgs {
    /// The plan.
    plan: String,
    /// The digest of the plan you read: sha256:<64 hex digits>.
    #[arg(long, value_name = "sha256:HEX")]
    digest: Digest,
    /// The name of what will be moved or restored, as the plan shows it.
    #[arg(long, value_name = "NAME")]
    confirm: String,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for ApproveArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let Self { plan, digest, confirm, output } = self;
        given.change(Request::Approve { plan: PlanId(plan), digest, confirm }, output).await
    }
}

/// Reject a plan. One person is enough, and it is final.
#[derive(Clone, Debug, ClapArgs)]
pub struct RejectArgs {
    /// The plan.
    plan: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for RejectArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let reason = timeline_write::whole("the reason", &self.reason)?;
        given.change(Request::Reject { plan: PlanId(self.plan), reason }, self.output).await
    }
}

/// Take back a plan of your own that has not begun.
#[derive(Clone, Debug, ClapArgs)]
pub struct WithdrawArgs {
    /// The plan.
    plan: String,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for WithdrawArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        given.change(Request::Withdraw { plan: PlanId(self.plan) }, self.output).await
    }
}

/// Stop a running plan before its next step.
#[derive(Clone, Debug, ClapArgs)]
pub struct HoldArgs {
    /// The plan.
    plan: String,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for HoldArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        given.change(Request::Hold { plan: PlanId(self.plan) }, self.output).await
    }
}
