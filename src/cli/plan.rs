//! `plan list|show|wait`, and a plan as a person reads it before saying something to it.

use std::time::Duration;

use clap::Args as ClapArgs;
use serde_json::json;

use super::args::value_parsers::duration;
use super::args::{FolderArgs, Output};
use super::command_output::CommandOutput;
use super::connect::RoomLink;
use super::dispatch::{self, Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use super::log_folder;
use crate::actions;
use crate::approval::{PlanRecord, PlanState, StepState};
use crate::client::Mirror;
use crate::model::plan::Recheck;
use crate::model::{Digest, Plan, PlanId, Refusal, RefusalKind};
use crate::protocol::{Reply, Request};
use crate::seal;

/// A plan may take this long beyond its own time to live before `plan wait` gives up.
const WAIT_DEFAULT: Duration = Duration::from_secs(2 * 3600);

/// List an incident's plans: the current one's, or the one named.
#[derive(Clone, Debug, ClapArgs)]
pub struct ListPlansArgs {
    /// The incident.
    incident: Option<String>,
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for ListPlansArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let shown = match &self.folder.dir {
            Some(dir) => list(&log_folder::read(dir, given.global.config.as_deref())?.mirror, self.incident.as_deref()),
            None => {
                let mut link = given.link(Some(0), &[]).await?;
                link.caught_up().await?;
                list(&link.mirror, self.incident.as_deref())
            }
        };
        dispatch::show(shown?, self.output)
    }
}

/// Show a plan, its digest and where it stands.
#[derive(Clone, Debug, ClapArgs)]
pub struct ShowPlanArgs {
    /// The plan.
    plan: String,
    /// As kubectl and curl commands, for use when only one person can be reached.
    #[arg(long)]
    manual: bool,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for ShowPlanArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let mut link = given.link(Some(0), &[]).await?;
        dispatch::show(show(&mut link, &PlanId(self.plan), self.manual).await?, self.output)
    }
}

/// Wait until a plan has ended: 0 succeeded, 1 failed, 6 rejected or expired, 7 timeout.
#[derive(Clone, Debug, ClapArgs)]
pub struct WaitArgs {
    /// The plan.
    plan: String,
    /// Give up after this time. Default: when the plan itself has.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) timeout: Option<Duration>,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for WaitArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let mut link = given.link(Some(0), &[]).await?;
        let within = self.timeout.unwrap_or(WAIT_DEFAULT);
        dispatch::show(wait(&mut link, &PlanId(self.plan), within).await?, self.output)
    }
}

/// Proposes, and shows what was proposed.
pub async fn propose(link: &mut RoomLink, request: Request) -> Result<CommandOutput, CliError> {
    let Reply::Plan { plan: bytes, digest, seq } = link.ask(request).await? else {
        return Err(CliError::Gone("the room answered something else".to_owned()));
    };
    let plan = checked(&bytes, digest)?;
    let mut text = lines(&plan, digest);
    text.push_str(&format!(
        "\nanother person confirms it with:\n  warroom approve {} --digest {digest} --confirm {}\n",
        plan.plan, plan.confirm
    ));
    Ok(CommandOutput::ok(
        json!({"schema": "warroom/plan/v1", "plan": plan.plan, "digest": digest, "seq": seq, "body": plan}),
        text,
    ))
}

/// Trusts nothing but the bytes: the digest is computed again from what was received.
fn checked(bytes: &str, digest: Digest) -> Result<Plan, CliError> {
    match seal::parse_plan(bytes) {
        Ok((plan, own)) if own == digest => Ok(plan),
        Ok((_, own)) => Err(CliError::Integrity(format!("the room says {digest}, its bytes hash to {own}"))),
        Err(error) => Err(CliError::Integrity(format!("the room's plan does not parse: {error}"))),
    }
}

fn find<'a>(mirror: &'a Mirror, id: &PlanId) -> Option<&'a PlanRecord> {
    mirror.story.incidents.iter().rev().find_map(|incident| incident.plans.get(id))
}

fn unknown(mirror: &Mirror, id: &PlanId) -> CliError {
    let known = mirror
        .story
        .incidents
        .iter()
        .flat_map(|incident| incident.plans.by_id.values())
        .map(|record| {
            format!(
                "{} ({} {}, {})",
                record.plan.plan,
                record.plan.action.name(),
                record.plan.service,
                record.state.name()
            )
        })
        .collect::<Vec<_>>();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    CliError::Refused(Refusal::new(
        RefusalKind::UnknownPlan,
        format!("there is no plan {id} in this room"),
        format!("plans here: {known}"),
    ))
}

/// Shows a plan and everything the log says about it.
async fn show(link: &mut RoomLink, id: &PlanId, manual: bool) -> Result<CommandOutput, CliError> {
    link.caught_up().await?;
    let record = find(&link.mirror, id).ok_or_else(|| unknown(&link.mirror, id))?;
    checked(&record.bytes, record.digest)?;
    if manual {
        let commands = actions::manual(&record.plan);
        let text = format!("{}\n", commands.join("\n"));
        return Ok(CommandOutput::ok(json!({"schema": "warroom/manual/v1", "plan": id, "commands": commands}), text));
    }
    let mut text = lines(&record.plan, record.digest);
    text.push_str(&progress(record));
    let mut json = record_json(record);
    if let Some(recheck) = link.mirror.recheck(id) {
        text.push_str(&since_proposed(recheck));
        json["now"] = json!({"refused": recheck.refused, "premises": recheck.premises});
    }
    Ok(CommandOutput::ok(json, text))
}

/// What the room reads now of what a waiting plan relies on: the oldest reading, and what is otherwise.
fn since_proposed(recheck: &Recheck) -> String {
    let oldest = recheck.premises.iter().map(|it| it.read_at).min();
    let read = oldest.map(|at| format!("\nwhat it relies on was read at {} (UTC)\n", at.format("%Y-%m-%d %H:%M:%S")));
    let refused = recheck.refused.iter().map(|it| format!("  since it was proposed: {} {}\n", it.why, it.remedy));
    let changed = recheck.premises.iter().filter_map(|it| it.changed.as_ref()).map(|it| format!("  {it}\n"));
    read.into_iter().chain(refused).chain(changed).collect()
}

/// Every plan of an incident, oldest first.
fn list(mirror: &Mirror, incident: Option<&str>) -> Result<CommandOutput, CliError> {
    let incident = super::whole_incident::incident(mirror, incident)?;
    let mut plans: Vec<&PlanRecord> = incident.plans.by_id.values().collect();
    plans.sort_by_key(|record| record.proposed_seq);
    let rows = plans.iter().map(|record| {
        let persons = record.persons().into_iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
        vec![
            record.plan.plan.to_string(),
            record.state.name().to_owned(),
            record.digest.spoken(),
            record.plan.title.clone(),
            persons,
            record.proposed_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            record.says.to_string(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let text = match rows.is_empty() {
        true => format!("{} has no plan\n", incident.id),
        false => super::output::table(&["PLAN", "STATE", "CODE", "WHAT", "WHO", "PROPOSED (UTC)", "SAYS"], &rows),
    };
    let json = plans.iter().map(|record| {
        json!({
            "plan": record.plan.plan, "state": record.state, "code": record.digest.spoken(),
            "digest": record.digest, "action": record.plan.action, "service": record.plan.service,
            "title": record.plan.title, "by": record.by, "persons": record.persons(),
            "approved_by": record.approvals.iter().map(|approval| &approval.by).collect::<Vec<_>>(),
            "proposed_at": record.proposed_at, "changed_at": record.changed_at, "says": record.says,
        })
    });
    let json: Vec<_> = json.collect();
    Ok(CommandOutput::ok(json!({"schema": "warroom/plans/v1", "incident": incident.id, "plans": json}), text))
}

/// Waits until a plan has ended. The exit code says how.
async fn wait(link: &mut RoomLink, id: &PlanId, within: Duration) -> Result<CommandOutput, CliError> {
    link.caught_up().await?;
    if find(&link.mirror, id).is_none() {
        return Err(unknown(&link.mirror, id));
    }
    let over = |mirror: &Mirror| find(mirror, id).is_some_and(|record| record.state.is_over());
    link.until(within, "the plan's end", over).await?;
    let Some(record) = find(&link.mirror, id) else { return Err(unknown(&link.mirror, id)) };
    let exit = match record.state {
        PlanState::Succeeded => Exit::Ok,
        PlanState::Rejected | PlanState::Withdrawn | PlanState::Expired | PlanState::Superseded => Exit::Refused,
        _ => Exit::Failure,
    };
    let text = format!("{} {}{}", record.plan.plan, record.state.name(), progress(record));
    Ok(CommandOutput::ok(record_json(record), text).exit(exit))
}

fn record_json(record: &PlanRecord) -> serde_json::Value {
    let steps = record
        .plan
        .steps
        .iter()
        .zip(&record.steps)
        .map(|(step, state)| {
            let (state, says) = step_words(state);
            json!({"id": step.id, "effect": step.effect, "state": state, "says": says})
        })
        .collect::<Vec<_>>();
    json!({
        "schema": "warroom/plan/v1", "plan": record.plan.plan, "digest": record.digest, "state": record.state,
        "by": record.by, "approved_by": record.approvals.iter().map(|approval| &approval.by).collect::<Vec<_>>(),
        "proposed_at": record.proposed_at, "steps": steps, "says": record.says, "held": record.held,
        "reconciled": record.reconciled, "seqs": record.seqs, "body": record.plan,
    })
}

fn step_words(state: &StepState) -> (&'static str, String) {
    match state {
        StepState::Waiting => ("waiting", String::new()),
        StepState::Started { .. } => ("started", String::new()),
        StepState::Done { says, .. } => ("done", says.to_string()),
        StepState::Failed { says, .. } => ("failed", says.to_string()),
        StepState::Unknown { says, .. } => ("unknown", says.to_string()),
    }
}

/// The plan as a person reads it before confirming: nothing that is not in its hashed bytes.
fn lines(plan: &Plan, digest: Digest) -> String {
    let mut text = format!(
        "{}\nplan {} · code {} · {digest}\nproposed by {}\n\n",
        plan.title,
        plan.plan,
        digest.spoken(),
        plan.by
    );
    let rows =
        plan.shown.iter().map(|row| vec![row.what.clone(), row.now.clone(), row.after.clone()]).collect::<Vec<_>>();
    text.push_str(&super::output::table(&["", "NOW", "AFTER"], &rows));
    for step in &plan.steps {
        text.push_str(&format!("\nstep {}  {} (limit {} s)\n", step.id, step.effect, step.limit_s));
        for pre in &step.pre {
            text.push_str(&format!("  relies on: {} ({})\n", pre.says, pre.src));
        }
    }
    for warning in &plan.warnings {
        text.push_str(&format!("\nwarning: {warning}"));
    }
    if !plan.warnings.is_empty() {
        text.push('\n');
    }
    text
}

fn progress(record: &PlanRecord) -> String {
    let persons = record.persons().into_iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ");
    let at = record.proposed_at.format("%Y-%m-%d %H:%M:%S");
    let mut text = format!("\nstate {} · {persons} · proposed {at} (UTC)", record.state.name());
    if !record.says.is_empty() {
        text.push_str(&format!(" · {}", record.says));
    }
    text.push('\n');
    for (step, state) in record.plan.steps.iter().zip(&record.steps) {
        let (state, says) = step_words(state);
        text.push_str(&format!("  {} {state:8} {} {says}\n", step.id, step.effect));
    }
    if let Some(result) = record.reconciled {
        text.push_str(&format!("reconciled: {result:?}\n").to_lowercase());
    }
    text
}
