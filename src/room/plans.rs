//! Plans at the writer: proposal, approval, claim, steps. The verdicts are `approval`'s; what they need to know is gathered here.
//!
//! A claim and the approval that completes the quorum are one batch of the log, appended only after the first step's
//! preconditions were read and held. Nothing leaves the host before that batch is durable.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;

use super::engine::Engine;
use super::engine_message::{Answer, Caller};
use super::executor::{self, PlanRun};
use super::reconcile;
use crate::actions::{self, PlanContext};
use crate::approval::{self, PlanRecord, PlanState, Plans, Requester, RoomNow};
use crate::model::entry::{
    EntryDraft, Expired, Happening, Held, Outcome, PlanBytes, PlanEnded, Proposed, Rejected, StepStarted, Withdrawn,
};
use crate::model::plan::HeadRef;
use crate::model::{Action, Digest, IncidentId, PersonId, Plan, PlanId, Policy, Refusal, RefusalKind, SafeText};
use crate::protocol::Reply;
use crate::seal;
use crate::systems::request_meter::{RequestUse, used_for};

/// `sha256:…` of the policy's canonical form.
pub(super) fn policy_digest(policy: &Policy) -> String {
    let value = serde_json::json!({"quorum": policy.quorum, "level": policy.level, "ttl_s": policy.ttl_s});
    seal::canonical(&value).map(|text| seal::sha256(text.as_bytes()).to_string()).unwrap_or_default()
}

/// What somebody asks a plan for.
pub(super) struct PlanRequest<'a> {
    pub action: Action,
    pub service: &'a str,
    /// The cluster it shall come back on; `None` = the first that can take it.
    pub to: Option<&'a str>,
}

/// What tells a plan from every other one of the same service.
pub(super) struct PlanIdentity {
    pub incident: IncidentId,
    pub plan: PlanId,
    pub by: PersonId,
    pub supersedes: Option<PlanId>,
    pub head: HeadRef,
}

impl Engine {
    /// The room as verdicts want it.
    pub(super) fn now_rules(&self) -> RoomNow<'_> {
        RoomNow {
            policy: &self.shared.config.policy,
            policy_digest: &self.shared.policy_digest,
            people_digest: &self.shared.config.people_digest,
            drill: self.shared.drill.is_some(),
            degraded: self.recorder.degraded(),
        }
    }

    pub(super) fn asker<'a>(&self, caller: &'a Caller) -> Requester<'a> {
        let (role, mapped) = self.role_of(caller);
        Requester { actor: &caller.actor, role: mapped.then_some(role), login: caller.peer.login }
    }

    /// A plan of any incident of this log.
    pub(super) fn plan_record(&self, plan: &PlanId) -> Result<&PlanRecord, Refusal> {
        self.recorder.story().incidents.iter().rev().find_map(|incident| incident.plans.get(plan)).ok_or_else(|| {
            Refusal::new(
                RefusalKind::UnknownPlan,
                format!("there is no plan {plan} in this room"),
                "list the plans with `warroom timeline show` and name one of them",
            )
        })
    }

    /// Whether a plan waits for persons or for its claim.
    pub(super) fn is_open(&self, plan: &PlanId) -> bool {
        self.plan_record(plan).is_ok_and(|record| record.state.is_open())
    }

    /// Builds a plan and shows it; nothing is recorded.
    pub(super) fn preview(&mut self, caller: &Caller, act: PlanRequest<'_>) -> Answer {
        self.operator(caller)?;
        let plan = self.build(caller, act, None)?;
        let (bytes, digest) = seal::plan_bytes(&plan).map_err(unprintable)?;
        Ok(Reply::Plan { plan: bytes, digest, seq: None })
    }

    pub(super) fn propose(
        &mut self,
        caller: &Caller,
        act: PlanRequest<'_>,
        confirm: &str,
        supersedes: Option<PlanId>,
    ) -> Answer {
        let boot = self.shared.clock.boot();
        let recent = self.plans.recent_proposals(&caller.actor.person, boot);
        let none = Plans::default();
        let plans = self.recorder.story().current().map_or(&none, |incident| &incident.plans);
        approval::may_begin(plans, self.asker(caller), self.now_rules(), recent)?;
        let plan = self.build(caller, act, supersedes)?;
        let plans = self.recorder.story().current().map_or(&none, |incident| &incident.plans);
        approval::may_propose(plans, &plan, self.asker(caller), self.now_rules(), recent, confirm)?;
        let (bytes, digest) = seal::plan_bytes(&plan).map_err(unprintable)?;
        let proposed = Proposed { digest, plan: PlanBytes(bytes.clone()) };
        let Reply::Recorded { seq } = self.write(caller, proposed, None)? else {
            return Err(self.recorder.degraded_refusal());
        };
        self.plans.proposed(&plan, &caller.actor.person, boot);
        Ok(Reply::Plan { plan: bytes, digest, seq: Some(seq) })
    }

    fn build(&mut self, caller: &Caller, act: PlanRequest<'_>, supersedes: Option<PlanId>) -> Result<Plan, Refusal> {
        let PlanRequest { action, service, to } = act;
        let Some(incident) = self.recorder.incident() else {
            return Err(Refusal::new(
                RefusalKind::NoIncident,
                "no incident is open, and a plan belongs to one",
                "open an incident first: `warroom incident open TITLE`",
            ));
        };
        let plan = PlanId::from(self.shared.random.ulid(&self.shared.clock));
        let made = PlanIdentity { incident, plan, by: caller.actor.person.clone(), supersedes, head: self.head_now() };
        self.with_context(service, made, to, |context| actions::build(action, context))?
    }

    fn head_now(&self) -> HeadRef {
        let (seq, head) = self.shared.reader.head();
        HeadRef { seq, h: head.hex() }
    }

    /// Gathers everything a plan of this service is built from.
    ///
    /// # Errors
    /// There is no such service.
    pub(super) fn with_context<T>(
        &self,
        service: &str,
        made: PlanIdentity,
        to: Option<&str>,
        then: impl FnOnce(&PlanContext) -> T,
    ) -> Result<T, Refusal> {
        let config = &self.shared.config;
        let Some(objective) = config.objectives.iter().find(|objective| objective.service == service) else {
            let known: Vec<&str> = config.objectives.iter().map(|objective| objective.service.as_str()).collect();
            return Err(Refusal::new(
                RefusalKind::BadRequest,
                format!("there is no service called {service}"),
                format!("the services are: {}", known.join(", ")),
            ));
        };
        let credentials =
            self.shared.sources.iter().map(|source| (source.id.clone(), source.credential.clone())).collect();
        let roles = config.clusters.iter().map(|cluster| (cluster.name.clone(), cluster.role)).collect();
        Ok(then(&PlanContext {
            now: self.shared.clock.now(),
            room: &config.room.name,
            incident: made.incident,
            plan: made.plan,
            by: made.by,
            policy: &config.policy,
            policy_digest: &self.shared.policy_digest,
            people_digest: &config.people_digest,
            supersedes: made.supersedes,
            head: made.head,
            objective,
            to,
            board: self.evaluator.judged(),
            credentials: &credentials,
            cluster_roles: &roles,
        }))
    }

    pub(super) fn start(&self, plan: Plan, digest: Digest, persons: Vec<crate::model::PersonId>, read_at: Duration) {
        let Some(engine) = self.tasks.engine() else { return };
        let (id, to) = (plan.plan.clone(), engine.clone());
        let run = PlanRun { shared: self.shared.clone(), engine, plan, digest, persons, read_at };
        // When the room stops, the plan is found `executing` at the next start, and becomes `interrupted` there.
        self.tasks.spawn_until_stop(async move {
            // Nothing of the run is looked at after it failed.
            let run = used_for(RequestUse::Act, run.go());
            if AssertUnwindSafe(run).catch_unwind().await.is_err() {
                executor::broke_off(&to, &id).await;
            }
        });
    }

    /// A plan's run failed in this room by a fault of the program: the plan is interrupted, as at a start. False if that
    /// can't be recorded now.
    pub(super) fn broke_off(&mut self, plan: &PlanId) -> bool {
        let running = |engine: &Self| {
            let record = engine.plan_record(plan).ok().filter(|record| record.state == PlanState::Executing);
            record.cloned()
        };
        let Some(record) = running(self) else { return true };
        let says = SafeText::new(
            "its run failed by a fault of the program (the room's own log names the place); nothing of it is run again",
        );
        let ended = PlanEnded { plan: plan.clone(), outcome: Outcome::Interrupted, precheck: false, says };
        let recorded = self.plan_happened(plan, ended.into());
        if recorded {
            self.find_out(record);
        }
        recorded
    }

    /// Has it read what an interrupted plan did.
    fn find_out(&self, record: PlanRecord) {
        let Some(engine) = self.tasks.engine() else { return };
        self.tasks.spawn_until_stop(reconcile::reconcile(self.shared.clone(), engine, record));
    }

    pub(super) fn reject(&mut self, caller: &Caller, plan: PlanId, reason: SafeText) -> Answer {
        approval::may_reject(self.plan_record(&plan)?, self.asker(caller), self.now_rules())?;
        if reason.as_str().trim().is_empty() {
            return Err(Refusal::new(RefusalKind::BadRequest, "a rejection needs a reason", "say why in a sentence"));
        }
        self.write_about(caller, &plan, Rejected { plan: plan.clone() }, Some(reason))
    }

    pub(super) fn withdraw(&mut self, caller: &Caller, plan: PlanId) -> Answer {
        approval::may_withdraw(self.plan_record(&plan)?, self.asker(caller), self.now_rules())?;
        self.write_about(caller, &plan, Withdrawn { plan: plan.clone() }, None)
    }

    pub(super) fn hold(&mut self, caller: &Caller, plan: PlanId) -> Answer {
        approval::may_hold(self.plan_record(&plan)?, self.asker(caller), self.now_rules())?;
        self.write_about(caller, &plan, Held { plan: plan.clone() }, None)
    }

    /// The last gate before a write: the invariants are checked on the fold, in release builds too.
    pub(super) fn may_step(&mut self, plan: &PlanId, step: &str) -> Result<(), String> {
        let record = self.plan_record(plan).map_err(|refusal| refusal.why.to_string())?;
        approval::may_start(record, step).map_err(|refusal| refusal.why.to_string())?;
        if !record.has_quorum() {
            return Err("the plan no longer has its persons".to_owned());
        }
        let started = StepStarted { plan: plan.clone(), step: step.to_owned() };
        let incident = Some(record.plan.incident.clone());
        let draft = EntryDraft { incident, ..self.recorder.by_room(started) };
        self.recorder.record(vec![draft]).map(|_| ()).ok_or_else(|| "the timeline can't be written".to_owned())
    }

    /// The executor's report, recorded in the plan's own incident.
    pub(super) fn plan_happened(&mut self, plan: &PlanId, happening: Happening) -> bool {
        let ended = matches!(happening, Happening::PlanEnded(_));
        let draft = self.about(plan, happening);
        let recorded = self.recorder.record_outcome(draft);
        if ended {
            self.recorder.sign_head();
        }
        recorded
    }

    /// Something the room says about a plan, in the plan's own incident.
    pub(super) fn record_about(&mut self, plan: &PlanId, happening: impl Into<Happening>) -> bool {
        let draft = self.about(plan, happening);
        self.recorder.record(vec![draft]).is_some()
    }

    fn about(&self, plan: &PlanId, happening: impl Into<Happening>) -> EntryDraft {
        let incident = self.plan_record(plan).ok().map(|record| record.plan.incident.clone());
        EntryDraft { incident, ..self.recorder.by_room(happening) }
    }

    /// Something a person says about a plan, in the plan's own incident.
    pub(super) fn write_about(
        &mut self,
        caller: &Caller,
        plan: &PlanId,
        happening: impl Into<Happening>,
        text: Option<SafeText>,
    ) -> Answer {
        let incident = self.plan_record(plan)?.plan.incident.clone();
        self.write_in(incident, caller, happening, text)
    }

    pub(super) fn expire_plans(&mut self) {
        for plan in self.plans.late(self.shared.clock.boot()) {
            let why = SafeText::new("nobody confirmed it in time");
            // One that can't be recorded now is tried again at the next beat: until then the plan is late, and no claim passes.
            if !self.is_open(&plan) || self.record_about(&plan, Expired { plan: plan.clone(), why }) {
                self.plans.forget(&plan);
            }
        }
    }

    /// After a start: what was open expires, what was running is interrupted and found out about by reading.
    pub(super) fn settle_old_plans(&mut self) {
        let now = self.shared.clock.now();
        let mut drafts = Vec::new();
        let mut interrupted = Vec::new();
        for record in self.recorder.story().incidents.iter().flat_map(|incident| incident.plans.by_id.values()) {
            let plan = record.plan.plan.clone();
            let happening: Happening = match record.state {
                state if state.is_open() => {
                    Expired { plan, why: SafeText::new("the room was restarted: propose it again on fresh facts") }
                        .into()
                }
                PlanState::Executing => {
                    interrupted.push(record.clone());
                    let says = SafeText::new("the room ended while it ran; nothing of it is run again");
                    PlanEnded { plan, outcome: Outcome::Interrupted, precheck: false, says }.into()
                }
                PlanState::Interrupted if record.reconciled.is_none() => {
                    interrupted.push(record.clone());
                    continue;
                }
                PlanState::Interrupted | PlanState::Failed if reconcile::is_open(record, now) => {
                    interrupted.push(record.clone());
                    continue;
                }
                _ => continue,
            };
            drafts
                .push(EntryDraft { incident: Some(record.plan.incident.clone()), ..self.recorder.by_room(happening) });
        }
        self.recorder.record(drafts);
        interrupted.into_iter().for_each(|record| self.find_out(record));
    }
}

fn unprintable(error: seal::SealError) -> Refusal {
    Refusal::new(
        RefusalKind::BadRequest,
        format!("the plan can't be put in canonical form: {error}"),
        "a name at the provider holds characters that no plan may carry; rename it there",
    )
}
