//! Who may do what to a plan, and the exact refusal if not: pure functions over the fold.
//!
//! Each refusal names its kind for machines, says why in a sentence that can be read aloud, and what would allow it. A
//! verdict changes nothing: only the entry that the engine appends after an "ok" does.

use crate::model::plan::RefusalKind as Kind;
use crate::model::{Actor, Digest, Login, PersonId, PersonRole, Plan, Policy, Refusal, SafeText};
use crate::seal;

use super::checks::{
    config_changed, expired, known_well_enough, level, name, no, no_quorum, operator, recording, refuse_again,
    refuse_proposer, still_open, too_many, unchanged, unknown_plan,
};
use super::{PlanRecord, PlanState, Plans, StepState, same_human};

/// Plans that may be open or running at once in a room.
pub const MAX_OPEN: usize = 4;
/// Proposals that one person may make in a minute.
pub const MAX_PER_MINUTE: usize = 6;
/// A plan is claimed at most so many seconds after the last approval, or its facts are too old.
pub const CLAIM_WITHIN_S: u64 = 60;

pub(super) type Authorization = Result<(), Refusal>;

/// Who asks. `role` is what `people.toml` says now; `None` = it does not know this account.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// As the room established it from the connection.
    pub actor: &'a Actor,
    /// Looked up at this request: an entry or a plan of before does not count for it.
    pub role: Option<PersonRole>,
    /// The login they came by, as the kernel says.
    pub login: Login,
}

/// The room as it is at this request, not as it was at the proposal.
#[derive(Clone, Copy, Debug)]
pub struct RoomNow<'a> {
    /// The policy as the configuration has it now.
    pub policy: &'a Policy,
    /// `sha256:…` of that policy; compared with what the plan was built under.
    pub policy_digest: &'a str,
    /// `sha256:…` of `people.toml` as it was loaded; compared with what the plan was built under.
    pub people_digest: &'a str,
    /// A drill room knows people by the names they gave.
    pub drill: bool,
    /// Why recording and acting are off, if they are.
    pub degraded: Option<&'a SafeText>,
}

/// Before a plan is even built: may this person propose anything now? `recent` = their proposals in the last minute.
pub fn may_begin(plans: &Plans, asker: Requester, room: RoomNow, recent: usize) -> Authorization {
    operator(asker)?;
    recording(room)?;
    level(asker, room.policy.level, room)?;
    if recent >= MAX_PER_MINUTE {
        return no(
            Kind::Rate,
            format!("You proposed {recent} plans in the last minute; {MAX_PER_MINUTE} are allowed."),
            "Wait a minute.",
        );
    }
    // At the limit a plan may still replace another: that is judged when it is known what it replaces.
    let open = plans.open().len();
    if open > MAX_OPEN { too_many(open) } else { Ok(()) }
}

/// May this plan be put before the room? `typed` is the name that the proposer typed.
pub fn may_propose(
    plans: &Plans,
    plan: &Plan,
    asker: Requester,
    room: RoomNow,
    recent: usize,
    typed: &str,
) -> Authorization {
    may_begin(plans, asker, room, recent)?;
    if plan.by != asker.actor.person {
        return no(
            Kind::BadRequest,
            "The plan names another person as its proposer.",
            "Build it again in your own name.",
        );
    }
    if plan.policy.quorum < 2 {
        return no(
            Kind::NoQuorum,
            "The policy asks for fewer than two persons.",
            "Set the quorum to 2 or more and reload.",
        );
    }
    if plan.policy.digest != room.policy_digest || plan.people_digest != room.people_digest {
        return config_changed("the plan was built", "Propose it again.");
    }
    name(plan, typed)?;
    let replaced = match &plan.supersedes {
        None => 0,
        Some(old) => {
            let record = plans.get(old).ok_or_else(|| unknown_plan(old.as_str()))?;
            still_open(record)?;
            1
        }
    };
    if let Some(holder) = plans.holder_of(&plan.locks, plan.supersedes.as_ref()) {
        return no(
            Kind::TargetLocked,
            format!(
                "{} is already the target of plan {}, proposed by {} and {}.",
                plan.confirm,
                holder.plan.plan,
                holder.by.person,
                holder.state.name()
            ),
            "Approve, reject or wait for that plan, or propose yours in its place.",
        );
    }
    let open = plans.open().len() - replaced;
    if open >= MAX_OPEN { too_many(open) } else { Ok(()) }
}

/// May this person approve? `shown` is the digest that they were shown, `typed` the name that they typed.
pub fn may_approve(record: &PlanRecord, asker: Requester, room: RoomNow, shown: &Digest, typed: &str) -> Authorization {
    operator(asker)?;
    recording(room)?;
    let who = asker.actor;
    // The person comes before the state: the proposer hears why it can't be them whatever became of the plan.
    if same_human(&record.by, who) {
        return refuse_proposer(record, who);
    }
    let ended_unrun =
        matches!(record.state, PlanState::Rejected | PlanState::Withdrawn | PlanState::Expired | PlanState::Superseded);
    // Twice is "twice" however far the claim got in between.
    if let (false, Some(mine)) = (ended_unrun, record.approvals.iter().find(|a| same_human(&a.by, who))) {
        return refuse_again(record, &mine.by, who);
    }
    if record.state == PlanState::Approved {
        return no(
            Kind::AlreadyApproved,
            format!("Plan {} already has the persons it needs.", record.plan.plan),
            "Nothing more is needed; it is about to run. Reject it now if it must not.",
        );
    }
    still_open(record)?;
    level(asker, record.plan.policy.level, room)?;
    unchanged(record, room)?;
    if *shown != record.digest {
        return no(
            Kind::DigestMismatch,
            format!("You were shown another plan than the one waiting, whose code is {}.", record.digest.spoken()),
            "Open the plan again, read it, and approve what you see.",
        );
    }
    name(&record.plan, typed)
}

/// May this person reject? Any operator, alone, until the claim.
pub fn may_reject(record: &PlanRecord, asker: Requester, room: RoomNow) -> Authorization {
    operator(asker)?;
    recording(room)?;
    still_open(record)
}

/// May this person take the plan back? Only who proposed it.
pub fn may_withdraw(record: &PlanRecord, asker: Requester, room: RoomNow) -> Authorization {
    operator(asker)?;
    recording(room)?;
    if record.by.person != asker.actor.person {
        return no(
            Kind::NotProposer,
            format!("{} proposed this plan; nobody else can withdraw it.", record.by.person),
            "Reject it instead: any operator may.",
        );
    }
    still_open(record)
}

/// May this person stop the plan before its next step? Any operator, while it runs.
pub fn may_hold(record: &PlanRecord, asker: Requester, room: RoomNow) -> Authorization {
    operator(asker)?;
    recording(room)?;
    match record.state {
        PlanState::Executing => Ok(()),
        state if state.is_open() => {
            no(Kind::NotReady, "The plan is not running yet, so there is no step to hold.", "Reject it instead.")
        }
        _ => still_open(record),
    }
}

/// May the executor claim the plan now? `role_of` answers from `people.toml` as it is now; `deadline_passed` is the boot
/// clock's word on the plan's time to live; `approved_s` = seconds on the boot clock since the last approval.
pub fn may_claim(
    record: &PlanRecord,
    role_of: &dyn Fn(&PersonId) -> Option<PersonRole>,
    room: RoomNow,
    deadline_passed: bool,
    approved_s: u64,
) -> Authorization {
    recording(room)?;
    if record.state == PlanState::Proposed {
        return no_quorum(record);
    }
    still_open(record)?;
    if deadline_passed {
        return expired("its time to live passed before it was claimed");
    }
    if approved_s > CLAIM_WITHIN_S {
        return expired(&format!("it was approved {approved_s} s ago and what it relied on may have changed"));
    }
    unchanged(record, room)?;
    for person in record.persons() {
        if role_of(person).is_none_or(|role| role < PersonRole::Operator) {
            return no(
                Kind::NotOperator,
                format!("{person} stands behind this plan but is not an operator any more."),
                "Propose it again and let two present operators confirm it.",
            );
        }
    }
    for actor in std::iter::once(&record.by).chain(record.approvals.iter().map(|a| &a.by)) {
        known_well_enough(actor, record.plan.policy.level, room)?;
    }
    if !record.has_quorum() {
        return no_quorum(record);
    }
    // What runs is what was hashed: computed again from the logged bytes, in release builds too.
    match seal::parse_plan(&record.bytes) {
        Ok((plan, digest)) if digest == record.digest && plan == record.plan => Ok(()),
        _ => no(Kind::DigestMismatch, "The plan's bytes no longer match what was approved.", "Propose it again."),
    }
}

/// May the executor start this step now? Once, in order, and not after a hold.
pub fn may_start(record: &PlanRecord, step: &str) -> Authorization {
    if record.state != PlanState::Executing {
        return no(
            Kind::PlanClosed,
            format!("Plan {} is {}, not executing.", record.plan.plan, record.state.name()),
            "",
        );
    }
    if record.held {
        return no(Kind::NotReady, "The plan was held before this step.", "Propose what is left as a new plan.");
    }
    let at = record.plan.steps.iter().position(|s| s.id == step);
    match at {
        Some(at) if record.next_step() == Some(at) => Ok(()),
        Some(at) if record.steps[at] != StepState::Waiting => no(
            Kind::Claimed,
            format!("Step {step} was started before; no step runs twice."),
            "Propose what is left as a new plan.",
        ),
        _ => no(
            Kind::NotReady,
            format!("Step {step} is not the next one."),
            "Steps run in order, each after the one before is done.",
        ),
    }
}
