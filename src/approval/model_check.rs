//! Bounded exhaustive exploration: every order of what two persons with three accounts, two plans for one target, the
//! clock, a reload, and crashes can do, through the production fold and verdicts. An independent record of what really
//! happened is compared after every move. Each mutant breaks one rule in the room around the fold; the search must find
//! a violation for each, or it would find none in the real thing either.

use std::collections::{HashSet, VecDeque};

use super::tests::{PEOPLE, POLICY, actor, digest_of, entry, plan, policy, proposed};
use super::*;
use crate::model::entry::*;
use crate::model::{PersonRole, SafeText};

/// (person, uid). The first two are one human.
const ACCOUNTS: [(&str, u32); 3] = [("ana", 1001), ("ana", 1009), ("sam", 1002)];
const IDS: [&str; 2] = ["p0", "p1"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// The room as it is.
    Whole,
    /// The engine forgets every verdict: the fold alone stands between a hostile log and a write.
    NoVerdicts,
    PersonIsAccount,
    DigestNotBound,
    DeadlineUnchecked,
    ConfigUnchecked,
    RejectLost,
    NoTargetLock,
    RetryAfterRestart,
    ForgetsTheEnd,
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Propose {
        plan: usize,
        by: usize,
        instead: bool,
    },
    Approve {
        plan: usize,
        by: usize,
        shown: usize,
    },
    Reject {
        plan: usize,
        by: usize,
    },
    Withdraw {
        plan: usize,
        by: usize,
    },
    /// The plan's time to live passes.
    Late {
        plan: usize,
    },
    /// The people file changes.
    Reload,
    Expire {
        plan: usize,
    },
    Claim {
        plan: usize,
    },
    Start {
        plan: usize,
    },
    /// The step's write reaches the provider.
    Effect {
        plan: usize,
    },
    Finish {
        plan: usize,
    },
    Crash,
}

/// What really happened to a plan, kept without the fold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Truth {
    proposer: Option<usize>,
    approvals: Vec<(usize, usize)>,
    closed: bool,
    late: bool,
    config: bool,
    /// Sent by this process.
    sent: bool,
    effects: u8,
}

#[derive(Clone)]
struct ModelWorld {
    plans: Plans,
    truth: [Truth; 2],
    reloaded: bool,
    crashes: u8,
}

type StateKey = (Vec<(Option<PlanState>, Vec<u32>, bool)>, [Truth; 2], bool, u8);

impl std::hash::Hash for PlanState {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (*self as u8).hash(state);
    }
}

struct ModelRoom {
    rule: Rule,
    /// Plans by index, proposer's account, and whether it supersedes the other.
    built: Vec<[[Plan; 2]; 3]>,
    entries: Vec<[[Proposed; 2]; 3]>,
}

impl ModelRoom {
    fn new(rule: Rule) -> Self {
        let build = |i: usize, by: usize, instead: bool| {
            let mut p = plan(IDS[i], &person(rule, by), "lb-1");
            if rule == Rule::NoTargetLock {
                p.locks = vec![IDS[i].to_owned()];
            }
            p.steps.truncate(1);
            p.supersedes = instead.then(|| IDS[1 - i].into());
            p
        };
        let built: Vec<[[Plan; 2]; 3]> =
            (0..2).map(|i| [0, 1, 2].map(|by| [build(i, by, false), build(i, by, true)])).collect();
        let entries = built.iter().map(|p| p.each_ref().map(|by| by.each_ref().map(proposed))).collect();
        Self { rule, built, entries }
    }

    fn actor(&self, account: usize) -> Actor {
        actor(&person(self.rule, account), ACCOUNTS[account].1)
    }

    /// Does a move as the room would, or `None` if it can't happen or is refused.
    fn play(&self, world: &ModelWorld, chosen: Move) -> Option<ModelWorld> {
        let policy = policy();
        let people = if world.reloaded { "sha256:other" } else { PEOPLE };
        let now =
            RoomNow { policy: &policy, policy_digest: POLICY, people_digest: people, drill: false, degraded: None };
        let asks = self.rule != Rule::NoVerdicts;
        let room = Actor::room();
        let mut next = world.clone();
        match chosen {
            Move::Propose { plan, by, instead } => {
                let who = self.actor(by);
                let asker =
                    Requester { actor: &who, role: Some(PersonRole::Operator), login: crate::model::Login::Unset };
                let built = &self.built[plan][by][usize::from(instead)];
                // A reload changes what a new plan is built on; here plans are proposed before it only.
                let refused = || may_propose(&world.plans, built, asker, now, 0, &built.confirm).is_err();
                if world.reloaded || world.record(plan).is_some() || (asks && refused()) {
                    return None;
                }
                next.tell(&who, self.entries[plan][by][usize::from(instead)].clone())?;
                next.truth[plan].proposer = Some(by);
                if instead {
                    next.truth[1 - plan].closed = true;
                }
            }
            Move::Approve { plan, by, shown } => {
                let record = world.record(plan)?;
                let who = self.actor(by);
                let asker =
                    Requester { actor: &who, role: Some(PersonRole::Operator), login: crate::model::Login::Unset };
                let saw = self.shown(world, shown)?;
                let sent = if self.rule == Rule::DigestNotBound { record.digest } else { saw };
                if asks && may_approve(record, asker, now, &sent, &record.plan.confirm).is_err() {
                    return None;
                }
                next.tell(&who, Approved { plan: IDS[plan].into(), digest: sent })?;
                next.truth[plan].approvals.push((by, shown));
            }
            Move::Reject { plan, by } => {
                let who = self.actor(by);
                let asker =
                    Requester { actor: &who, role: Some(PersonRole::Operator), login: crate::model::Login::Unset };
                if asks && may_reject(world.record(plan)?, asker, now).is_err() {
                    return None;
                }
                if self.rule != Rule::RejectLost {
                    next.tell(&who, Rejected { plan: IDS[plan].into() })?;
                }
                next.truth[plan].closed = true;
            }
            Move::Withdraw { plan, by } => {
                let who = self.actor(by);
                let asker =
                    Requester { actor: &who, role: Some(PersonRole::Operator), login: crate::model::Login::Unset };
                if asks && may_withdraw(world.record(plan)?, asker, now).is_err() {
                    return None;
                }
                next.tell(&who, Withdrawn { plan: IDS[plan].into() })?;
                next.truth[plan].closed = true;
            }
            Move::Late { plan } => {
                world.record(plan).filter(|r| r.state.is_open() && !world.truth[plan].late)?;
                next.truth[plan].late = true;
            }
            Move::Reload => {
                if world.reloaded {
                    return None;
                }
                next.reloaded = true;
                next.truth.iter_mut().filter(|t| t.proposer.is_some()).for_each(|t| t.config = true);
            }
            Move::Expire { plan } => {
                let truth = &world.truth[plan];
                if asks && !truth.late && !truth.config {
                    return None;
                }
                next.tell(&room, Expired { plan: IDS[plan].into(), why: SafeText::new("late") })?;
                next.truth[plan].closed = true;
            }
            Move::Claim { plan } => {
                let record = world.record(plan)?;
                let late = world.truth[plan].late && self.rule != Rule::DeadlineUnchecked;
                let now = match self.rule {
                    Rule::ConfigUnchecked => RoomNow { people_digest: PEOPLE, ..now },
                    _ => now,
                };
                if asks && may_claim(record, &|_| Some(PersonRole::Operator), now, late, 0).is_err() {
                    return None;
                }
                let digest = record.digest;
                next.tell(&room, Executing { plan: IDS[plan].into(), digest, boot: "b".into() })?;
            }
            Move::Start { plan } => {
                if asks && may_start(world.record(plan)?, "1").is_err() {
                    return None;
                }
                next.tell(&room, StepStarted { plan: IDS[plan].into(), step: "1".into() })?;
            }
            Move::Effect { plan } => {
                let record = world.record(plan)?;
                let running =
                    record.state == PlanState::Executing && matches!(record.steps[0], StepState::Started { .. });
                if !running || world.truth[plan].sent {
                    return None;
                }
                next.truth[plan].sent = true;
                next.truth[plan].effects += 1;
            }
            Move::Finish { plan } => {
                let id = PlanId::from(IDS[plan]);
                let sent = world.truth[plan].sent;
                let step = StepEnded { plan: id.clone(), step: "1".into(), says: "".into(), restored: None };
                let outcome = if sent { Outcome::Succeeded } else { Outcome::Failed };
                next.tell(&room, if sent { Happening::from(StepDone(step)) } else { StepFailed(step).into() })?;
                next.tell(&room, PlanEnded { plan: id, outcome, precheck: false, says: "".into() })?;
            }
            Move::Crash => {
                if world.crashes == 2 {
                    return None;
                }
                next.crash(self.rule);
            }
        }
        Some(next)
    }

    /// The digest on the screen of someone who looks at plan `shown`.
    fn shown(&self, world: &ModelWorld, shown: usize) -> Option<Digest> {
        Some(match world.record(shown) {
            Some(record) => record.digest,
            None => digest_of(&self.built[shown][0][0]),
        })
    }

    /// Compares what the fold let happen with what really happened.
    fn violation(&self, before: &ModelWorld, after: &ModelWorld) -> Option<&'static str> {
        // By what the steps write to, not by the locks that plans claim.
        let live = after.plans.open().iter().filter(|r| r.plan.steps[0].target.id == "lb-1").count();
        if live > 1 {
            return Some("I7: two open plans for one target");
        }
        for i in 0..2 {
            let Some(new) = after.record(i) else { continue };
            let truth = &after.truth[i];
            let was = before.record(i).map(|r| r.state);
            if was.is_some_and(|was| was.is_over() && was != new.state) {
                return Some("I10: an ended plan changed");
            }
            if truth.effects > 1 {
                return Some("I3: an effect twice");
            }
            if new.state == PlanState::Succeeded && truth.effects != 1 {
                return Some("I9: succeeded without its effect");
            }
            if new.state != PlanState::Executing || was == Some(PlanState::Executing) {
                continue;
            }
            let mut persons: Vec<&str> = truth.approvals.iter().map(|(by, _)| ACCOUNTS[*by].0).collect();
            let proposer = ACCOUNTS[truth.proposer?].0;
            if persons.iter().all(|p| *p == proposer) {
                return Some("I1: nobody but the proposer");
            }
            persons.push(proposer);
            persons.sort_unstable();
            persons.dedup();
            if persons.len() < 2 {
                return Some("I1: too few persons");
            }
            if truth.approvals.iter().any(|(_, shown)| *shown != i) || digest_of(&new.plan) != new.digest {
                return Some("I2: another plan than the one shown");
            }
            if truth.closed {
                return Some("I4: executing after it was closed");
            }
            if truth.late && self.rule != Rule::NoVerdicts {
                return Some("I5: claimed too late");
            }
            if truth.config && self.rule != Rule::NoVerdicts {
                return Some("I11: claimed under other people");
            }
        }
        None
    }
}

fn person(rule: Rule, account: usize) -> String {
    let (name, uid) = ACCOUNTS[account];
    if rule == Rule::PersonIsAccount { format!("{name}-{uid}") } else { name.to_owned() }
}

impl ModelWorld {
    fn record(&self, plan: usize) -> Option<&PlanRecord> {
        self.plans.get(&IDS[plan].into())
    }

    /// Appends; `None` if the fold would not take it, which the engine treats as a refusal.
    fn tell(&mut self, by: &Actor, happening: impl Into<Happening>) -> Option<()> {
        self.plans.apply(&entry(1, by, happening)).ok()
    }

    /// A restart: open plans expire, running ones are interrupted, nothing runs again by itself.
    fn crash(&mut self, rule: Rule) {
        self.crashes += 1;
        let room = Actor::room();
        for (i, id) in IDS.into_iter().enumerate() {
            self.truth[i].sent = false;
            let Some(state) = self.record(i).map(|r| r.state) else { continue };
            let plan = PlanId::from(id);
            if state.is_open() && self.tell(&room, Expired { plan: plan.clone(), why: "restart".into() }).is_some() {
                self.truth[i].closed = true;
            }
            if state == PlanState::Executing && rule != Rule::RetryAfterRestart {
                self.tell(
                    &room,
                    PlanEnded { plan: plan.clone(), outcome: Outcome::Interrupted, precheck: false, says: "".into() },
                );
            }
            if rule == Rule::ForgetsTheEnd && state == PlanState::Rejected {
                self.plans.by_id.get_mut(&plan).unwrap().state = PlanState::Proposed;
            }
        }
    }

    fn key(&self) -> StateKey {
        let brief = |r: &PlanRecord| {
            let uids = r.approvals.iter().filter_map(|a| a.by.uid).collect();
            (Some(r.state), uids, r.steps[0] != StepState::Waiting)
        };
        let plans = (0..2).map(|i| self.record(i).map_or((None, Vec::new(), false), brief)).collect();
        (plans, self.truth.clone(), self.reloaded, self.crashes)
    }
}

fn moves() -> Vec<Move> {
    let mut all = vec![Move::Reload, Move::Crash];
    for plan in 0..2 {
        for by in 0..3 {
            all.extend([false, true].map(|instead| Move::Propose { plan, by, instead }));
            all.extend([0, 1].map(|shown| Move::Approve { plan, by, shown }));
            all.extend([Move::Reject { plan, by }, Move::Withdraw { plan, by }]);
        }
        all.extend([Move::Late { plan }, Move::Expire { plan }, Move::Claim { plan }]);
        all.extend([Move::Start { plan }, Move::Effect { plan }, Move::Finish { plan }]);
    }
    all
}

/// Breadth first, at most `limit` states: the first violation with the moves that led to it, or how many states held.
fn explore(rule: Rule, limit: usize) -> Result<usize, (&'static str, Vec<Move>)> {
    let room = ModelRoom::new(rule);
    let start = ModelWorld { plans: Plans::default(), truth: Default::default(), reloaded: false, crashes: 0 };
    let mut seen: HashSet<StateKey> = HashSet::from([start.key()]);
    let mut queue = VecDeque::from([(start, Vec::new())]);
    let moves = moves();
    while let Some((world, path)) = queue.pop_front() {
        for &chosen in &moves {
            let Some(next) = room.play(&world, chosen) else { continue };
            let mut path: Vec<Move> = path.clone();
            path.push(chosen);
            if let Some(what) = room.violation(&world, &next) {
                return Err((what, path));
            }
            if seen.len() < limit && seen.insert(next.key()) {
                queue.push_back((next, path));
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn no_order_of_events_breaks_the_rules() {
    let states = explore(Rule::Whole, 20_000).unwrap_or_else(|(what, path)| panic!("{what}: {path:?}"));
    println!("{states} states, no violation");
    assert!(states >= 1_000, "the search went nowhere: {states} states");
}

#[test]
fn the_fold_alone_holds_against_an_engine_without_verdicts() {
    let states = explore(Rule::NoVerdicts, 10_000).unwrap_or_else(|(what, path)| panic!("{what}: {path:?}"));
    println!("{states} states, no violation");
    assert!(states >= 1_000, "the search went nowhere: {states} states");
}

#[test]
fn every_mutant_is_caught() {
    let mutants = [
        (Rule::PersonIsAccount, "I1"),
        (Rule::DigestNotBound, "I2"),
        (Rule::DeadlineUnchecked, "I5"),
        (Rule::ConfigUnchecked, "I11"),
        (Rule::RejectLost, "I4"),
        (Rule::NoTargetLock, "I7"),
        (Rule::RetryAfterRestart, "I3"),
        (Rule::ForgetsTheEnd, "I10"),
    ];
    for (rule, expected) in mutants {
        match explore(rule, 40_000) {
            Ok(states) => panic!("{rule:?} lived through {states} states"),
            Err((what, path)) => {
                assert!(what.starts_with(&format!("{expected}:")), "{rule:?}: {what} by {path:?}");
            }
        }
    }
}
