//! The fold: one entry at a time, the state of every plan. What does not fit is ignored and named.
//!
//! This is the last line: whatever a faulty engine or a hostile log says, nothing here executes without its persons,
//! changes its digest, shares a target, or opens again after it ended.

use std::collections::BTreeMap;

use crate::model::entry::{
    Approved, Entry, Executing, Happening, Outcome, PlanEnded, Proposed, Reconciled, Reconciliation, StepEnded,
};
use crate::model::{Digest, Level, PlanId, SafeText};
use crate::seal;

use super::{Approval, PlanRecord, PlanState, Plans, StepState, same_human};

/// An entry that did not fit the state of its plan: ignored by the fold, shown to people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {why}")]
pub struct Anomaly {
    /// The entry that was ignored.
    pub seq: u64,
    /// The plan that it names; `None` for a proposal, which has no plan until it fits.
    pub plan: Option<PlanId>,
    /// What does not fit, in words.
    pub why: SafeText,
}

/// What a handler says when an entry does not fit.
type Fit = Result<(), String>;

impl Plans {
    /// Folds one entry. Entries that are not about plans change nothing.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Anomaly> {
        let (plan, fit) = match &entry.happening {
            Happening::Proposed(d) => (None, self.proposed(entry, d)),
            Happening::Approved(d) => (Some(&d.plan), self.with(entry, &d.plan, |r| r.approved(entry, d))),
            Happening::Rejected(d) => (Some(&d.plan), self.with(entry, &d.plan, |r| r.rejected(entry))),
            Happening::Withdrawn(d) => (Some(&d.plan), self.with(entry, &d.plan, |r| r.withdrawn(entry))),
            Happening::Expired(d) => {
                (Some(&d.plan), self.with(entry, &d.plan, |r| r.close(entry, PlanState::Expired, d.why.clone())))
            }
            Happening::Executing(d) => (Some(&d.plan), self.with(entry, &d.plan, |r| r.executing(entry, d))),
            Happening::Held(d) => (Some(&d.plan), self.with(entry, &d.plan, PlanRecord::hold)),
            Happening::StepStarted(d) => (Some(&d.plan), self.with(entry, &d.plan, |r| r.step_started(entry, &d.step))),
            Happening::StepDone(d) => {
                let to = StepState::Done { at: entry.ts, says: d.0.says.clone() };
                (Some(&d.0.plan), self.with(entry, &d.0.plan, |r| r.step_ended(&d.0, to)))
            }
            Happening::StepFailed(d) => {
                let to = StepState::Failed { at: entry.ts, says: d.0.says.clone() };
                (Some(&d.0.plan), self.with(entry, &d.0.plan, |r| r.step_ended(&d.0, to)))
            }
            Happening::StepUnknown(d) => {
                let to = StepState::Unknown { at: entry.ts, says: d.0.says.clone() };
                (Some(&d.0.plan), self.with(entry, &d.0.plan, |r| r.step_ended(&d.0, to)))
            }
            Happening::PlanEnded(d) => (Some(&d.plan), self.with(entry, &d.plan, |r| r.ended(entry, d))),
            Happening::Reconciled(d) => (Some(&d.plan), self.with(entry, &d.plan, |r| r.reconcile(d))),
            _ => (None, Ok(())),
        };
        fit.map_err(|why| Anomaly { seq: entry.seq, plan: plan.cloned(), why: SafeText::new(&why) })
    }

    fn with(&mut self, entry: &Entry, plan: &PlanId, change: impl FnOnce(&mut PlanRecord) -> Fit) -> Fit {
        let record = self.by_id.get_mut(plan).ok_or_else(|| format!("there is no plan {plan}"))?;
        change(record)?;
        record.seqs.push(entry.seq);
        Ok(())
    }

    fn proposed(&mut self, entry: &Entry, d: &Proposed) -> Fit {
        let (plan, digest) = seal::parse_plan(&d.plan.0).map_err(|e| format!("the plan can't be read: {e}"))?;
        if digest != d.digest {
            return Err(format!("the plan's bytes hash to {digest}, the entry says {}", d.digest));
        }
        if self.by_id.contains_key(&plan.plan) {
            return Err(format!("plan {} was proposed before", plan.plan));
        }
        if plan.by != entry.by.person || entry.by.is_room() {
            return Err(format!("the plan is by {}, the entry by {}", plan.by, entry.by.person));
        }
        if plan.room != entry.room || entry.incident.as_ref() != Some(&plan.incident) {
            return Err(format!("plan {} belongs to another room or incident", plan.plan));
        }
        if plan.policy.quorum < 2 {
            return Err(format!("a quorum of {} is less than two persons", plan.policy.quorum));
        }
        well_formed(&plan)?;
        if let Some(holder) = self.holder_of(&plan.locks, plan.supersedes.as_ref()) {
            return Err(format!("plan {} already holds a target of plan {}", holder.plan.plan, plan.plan));
        }
        if let Some(old) = &plan.supersedes {
            let says = SafeText::new(&format!("superseded by plan {}", plan.plan));
            self.with(entry, old, |r| r.close(entry, PlanState::Superseded, says))?;
        }
        let record = PlanRecord {
            bytes: d.plan.0.clone(),
            digest,
            by: entry.by.clone(),
            proposed_at: entry.ts,
            proposed_seq: entry.seq,
            approvals: Vec::new(),
            state: PlanState::Proposed,
            steps: vec![StepState::Waiting; plan.steps.len()],
            held: false,
            refused_by: None,
            says: SafeText::default(),
            changed_at: entry.ts,
            reconciled: None,
            restored: BTreeMap::new(),
            seqs: vec![entry.seq],
            plan,
        };
        self.by_id.insert(record.plan.plan.clone(), record);
        Ok(())
    }
}

impl PlanRecord {
    fn approved(&mut self, entry: &Entry, d: &Approved) -> Fit {
        self.must_be(PlanState::Proposed, "approved")?;
        self.same_digest(&d.digest)?;
        if entry.by.is_room() {
            return Err("the room itself approves nothing".to_owned());
        }
        if same_human(&self.by, &entry.by) {
            return Err(format!("{} proposed the plan and can't approve it", entry.by.person));
        }
        if self.approvals.iter().any(|a| same_human(&a.by, &entry.by)) {
            return Err(format!("{} approved before", entry.by.person));
        }
        // Only a drill room lets anyone in at level `drill`; the claim checks that again.
        if entry.by.level != Level::Drill && entry.by.level < self.plan.policy.level {
            return Err(format!("{} is not known well enough for this plan", entry.by.person));
        }
        self.approvals.push(Approval { by: entry.by.clone(), at: entry.ts, seq: entry.seq });
        if self.has_quorum() {
            self.to(entry, PlanState::Approved);
        }
        Ok(())
    }

    fn withdrawn(&mut self, entry: &Entry) -> Fit {
        if entry.by.person != self.by.person {
            return Err(format!("{} did not propose the plan and can't withdraw it", entry.by.person));
        }
        self.close(entry, PlanState::Withdrawn, text(entry))
    }

    fn rejected(&mut self, entry: &Entry) -> Fit {
        self.close(entry, PlanState::Rejected, text(entry))?;
        self.refused_by = Some(entry.by.person.clone());
        Ok(())
    }

    /// Rejected, withdrawn, expired, superseded: from open only, for ever.
    fn close(&mut self, entry: &Entry, to: PlanState, says: SafeText) -> Fit {
        if !self.state.is_open() {
            return Err(format!("a plan that is {} can't become {}", self.state.name(), to.name()));
        }
        self.says = says;
        self.to(entry, to);
        Ok(())
    }

    fn executing(&mut self, entry: &Entry, d: &Executing) -> Fit {
        self.must_be(PlanState::Approved, "claimed")?;
        self.same_digest(&d.digest)?;
        if !self.has_quorum() {
            return Err("too few persons stand behind the plan".to_owned());
        }
        self.to(entry, PlanState::Executing);
        Ok(())
    }

    /// A second person may ask to hold too: recorded, and nothing changes.
    fn hold(&mut self) -> Fit {
        self.must_be(PlanState::Executing, "held")?;
        self.held = true;
        Ok(())
    }

    fn step_started(&mut self, entry: &Entry, step: &str) -> Fit {
        self.must_be(PlanState::Executing, "working")?;
        if self.held {
            return Err(format!("step {step} started after the plan was held"));
        }
        let at = self.step(step)?;
        if self.next_step() != Some(at) {
            return Err(format!("step {step} is not the next one"));
        }
        self.steps[at] = StepState::Started { at: entry.ts };
        Ok(())
    }

    fn step_ended(&mut self, ended: &StepEnded, to: StepState) -> Fit {
        self.must_be(PlanState::Executing, "working")?;
        let at = self.step(&ended.step)?;
        if !matches!(self.steps[at], StepState::Started { .. }) {
            return Err(format!("step {} ended without running", ended.step));
        }
        self.steps[at] = to;
        if let Some(restored) = &ended.restored {
            self.restored.insert(ended.step.clone(), restored.clone());
        }
        Ok(())
    }

    fn ended(&mut self, entry: &Entry, d: &PlanEnded) -> Fit {
        let untouched = self.steps.iter().all(|s| *s == StepState::Waiting);
        let never_claimed = self.state == PlanState::Approved && d.outcome == Outcome::Failed && d.precheck;
        if !never_claimed {
            self.must_be(PlanState::Executing, "ended")?;
        }
        if d.precheck && !(untouched && d.outcome == Outcome::Failed) {
            return Err("a step started, so it can't be said that nothing was sent".to_owned());
        }
        let done = self.steps.iter().all(|s| matches!(s, StepState::Done { .. }));
        if d.outcome == Outcome::Succeeded && !done {
            return Err("not every step is done, so the plan did not succeed".to_owned());
        }
        self.says = d.says.clone();
        self.to(
            entry,
            match d.outcome {
                Outcome::Succeeded => PlanState::Succeeded,
                Outcome::Failed => PlanState::Failed,
                Outcome::Stopped => PlanState::Stopped,
                Outcome::Interrupted => PlanState::Interrupted,
            },
        );
        Ok(())
    }

    /// Reading after the end. A clear finding stands; "unknown" may be followed by a better one, and "partial" by what
    /// became of the part that was still under way.
    fn reconcile(&mut self, d: &Reconciled) -> Fit {
        if !matches!(self.state, PlanState::Interrupted | PlanState::Failed | PlanState::Stopped) {
            return Err(format!("a plan that is {} is not reconciled", self.state.name()));
        }
        let open = |r| matches!(r, Reconciliation::Unknown | Reconciliation::Partial);
        if self.reconciled.is_some_and(|r| !open(r)) {
            return Err("the plan was reconciled before".to_owned());
        }
        self.reconciled = Some(d.result);
        self.restored.extend(d.restored.clone());
        Ok(())
    }

    fn must_be(&self, state: PlanState, what: &str) -> Fit {
        if self.state == state { Ok(()) } else { Err(format!("a plan that is {} can't be {what}", self.state.name())) }
    }

    fn same_digest(&self, digest: &Digest) -> Fit {
        if *digest == self.digest { Ok(()) } else { Err(format!("{digest} is not the plan's digest")) }
    }

    fn step(&self, id: &str) -> Result<usize, String> {
        self.plan.steps.iter().position(|s| s.id == id).ok_or_else(|| format!("the plan has no step {id}"))
    }

    fn to(&mut self, entry: &Entry, state: PlanState) {
        self.state = state;
        self.changed_at = entry.ts;
    }
}

/// A plan that nobody could run to its end, or whose steps can't be told apart, is no plan.
fn well_formed(plan: &crate::model::Plan) -> Fit {
    if plan.v != 1 {
        return Err(format!("plan format {} is not known", plan.v));
    }
    if plan.steps.is_empty() || plan.locks.is_empty() {
        return Err("the plan has no step or no target".to_owned());
    }
    let mut ids: Vec<&str> = plan.steps.iter().map(|s| s.id.as_str()).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|w| w[0] == w[1]) {
        return Err("two steps of the plan have one id".to_owned());
    }
    Ok(())
}

fn text(entry: &Entry) -> SafeText {
    entry.text.clone().unwrap_or_default()
}
