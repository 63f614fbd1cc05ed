//! Approvals at the writer: what completes a quorum counts only after the first step's preconditions were read, and held.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio::sync::oneshot;

use super::engine::Engine;
use super::engine_message::{Answer, Caller, EngineMessage, FirstRead};
use super::executor;
use super::person_budget::{Whose, rate};
use super::preflights::{Begin, WaitingApproval, drift};
use crate::approval::{self, PlanState};
use crate::model::entry::{Approved, EntryDraft, Executing};
use crate::model::{Digest, PersonRole, PlanId, Refusal, Step};
use crate::protocol::Reply;
use crate::systems::request_meter::{RequestUse, used_for};

impl Engine {
    /// An approval. When it completes the quorum, the preconditions are read first, outside the writer.
    pub(super) fn approve(
        &mut self,
        caller: Caller,
        plan: PlanId,
        digest: Digest,
        confirm: String,
        reply: oneshot::Sender<Answer>,
    ) {
        let judged = self.plan_record(&plan).and_then(|record| {
            approval::may_approve(record, self.asker(&caller), self.now_rules(), &digest, &confirm)?;
            Ok(record.missing_persons() <= 1)
        });
        match judged {
            Err(refusal) => self.answer(&caller, "approve", Some(&plan), reply, Err(refusal)),
            Ok(false) => {
                let answer = self.write_about(&caller, &plan, Approved { plan: plan.clone(), digest }, None);
                self.answer(&caller, "approve", Some(&plan), reply, answer);
            }
            Ok(true) => self.read_then_confirm(caller, plan, digest, confirm, reply),
        }
    }

    fn read_then_confirm(
        &mut self,
        caller: Caller,
        plan: PlanId,
        digest: Digest,
        confirm: String,
        reply: oneshot::Sender<Answer>,
    ) {
        let first = self.plan_record(&plan).ok().and_then(|record| record.plan.steps.first().cloned());
        let (Some(me), Some(first)) = (self.tasks.engine(), first) else { return };
        let waiting = WaitingApproval { caller, confirm, reply };
        let waiting = match self.preflights.ask(&plan, waiting, self.shared.clock.boot()) {
            Begin::Joined => return,
            Begin::Refused(it, refusal) => return self.refuse_approval(it, &plan, refusal),
            Begin::Read(it) => it,
        };
        if let Err(refusal) = self.may_read(&waiting.caller, &first) {
            return self.refuse_approval(waiting, &plan, refusal);
        }
        self.preflights.begin(plan.clone(), waiting);
        let shared = self.shared.clone();
        self.tasks.spawn(async move {
            let reading = used_for(RequestUse::Read, executor::broken(&shared, digest, &first));
            let failed = || vec!["they could not be read, by a fault of the program".to_owned()];
            let broken = AssertUnwindSafe(reading).catch_unwind().await.unwrap_or_else(|_| failed());
            let read = FirstRead { at: executor::boottime(), broken };
            let _ = me.send(EngineMessage::Confirm { plan, digest, read }).await;
        });
    }

    fn refuse_approval(&mut self, it: WaitingApproval, plan: &PlanId, refusal: Refusal) {
        self.answer(&it.caller, "approve", Some(plan), it.reply, Err(refusal));
    }

    /// Whether this person may have a step's preconditions read now: by what they had read lately, and by what the providers
    /// have left for reading.
    fn may_read(&self, caller: &Caller, step: &Step) -> Result<(), Refusal> {
        let adapters = step.pre.iter().filter_map(|pre| Some((&pre.src, self.shared.adapters.get(&pre.src)?)));
        let longest = adapters.filter_map(|(src, it)| Some((it.reads_wait()?, src))).max();
        if let Some((wait, src)) = longest {
            let why =
                format!("the requests to {src} that are meant for reading are used up; the rest is for plans that run");
            return Err(rate(&why, wait));
        }
        let now = self.shared.clock.boot();
        let person = Whose::Person(caller.actor.person.clone());
        self.shared.budgets.share(person, now)?.reading(now)
    }

    /// The preconditions were read: everyone who waited for that gets an answer.
    pub(super) fn preflight_over(&mut self, plan: &PlanId, digest: Digest, read: &FirstRead) {
        for it in self.preflights.over(plan, read, self.shared.clock.boot()) {
            let answer = self.confirm(&it.caller, plan, digest, &it.confirm, read);
            self.answer(&it.caller, "approve", Some(plan), it.reply, answer);
        }
    }

    /// The preconditions were read: approve and claim in one batch, or say what has drifted.
    fn confirm(&mut self, caller: &Caller, plan: &PlanId, digest: Digest, confirm: &str, read: &FirstRead) -> Answer {
        let record = self.plan_record(plan)?;
        approval::may_approve(record, self.asker(caller), self.now_rules(), &digest, confirm)?;
        if !read.broken.is_empty() {
            return Err(drift(&read.broken, None));
        }
        let late = self.plans.is_late(plan, self.shared.clock.boot());
        // The claim is judged on the record as it will be once this approval is in.
        let mut approved = record.clone();
        approved.approvals.push(approval::Approval { by: caller.actor.clone(), at: self.shared.clock.now(), seq: 0 });
        approved.state = PlanState::Approved;
        let role_of = |person: &crate::model::PersonId| -> Option<PersonRole> {
            self.shared.config.people.iter().find(|known| known.id == *person).map(crate::model::Person::role)
        };
        approval::may_claim(&approved, &role_of, self.now_rules(), late, 0)?;
        let persons: Vec<_> = approved.persons().into_iter().cloned().collect();
        let (body, action) = (record.plan.clone(), record.plan.action);

        let incident = Some(body.incident.clone());
        let yes = Approved { plan: plan.clone(), digest };
        let claim = Executing { plan: plan.clone(), digest, boot: self.shared.boot.clone() };
        let mut drafts = vec![
            EntryDraft { incident: incident.clone(), by: caller.actor.clone(), happening: yes.into(), text: None },
            EntryDraft { incident, ..self.recorder.by_room(claim) },
        ];
        drafts.extend(self.advance_status(action.status_once_confirmed()));
        let Some(entries) = self.recorder.record(drafts) else { return Err(self.recorder.degraded_refusal()) };
        self.plans.forget(plan);
        self.start(body, digest, persons, read.at);
        Ok(Reply::Recorded { seq: entries.first().map_or(0, |entry| entry.seq) })
    }
}
