//! Requests: judged by the role the caller has *now*, answered with the entry they became or a refusal.

use tokio::sync::oneshot;

use super::engine::Engine;
use super::engine_message::{Answer, Caller};
use super::plans::PlanRequest;
use super::request_kinds::verb;
use super::request_limits::plausible;
use crate::board::FiringCounts;
use crate::model::entry::{Closed, Decision, Entry, EntryDraft, FollowUp, Happening, Marked, Note, Pin, Set};
use crate::model::{IncidentId, IncidentStatus, Milestone, PersonRole, Refusal, RefusalKind, SafeText};
use crate::protocol::message::RoomStatus;
use crate::protocol::request::SetIncident;
use crate::protocol::{Reply, Request};
use crate::timeline::{Statement, possible};

impl Engine {
    pub(super) fn ask(&mut self, caller: Caller, request: Request, reply: oneshot::Sender<Answer>) {
        let verb = verb(&request);
        if let Err(refusal) = plausible(&request, self.shared.clock.now()) {
            let now = self.shared.clock.boot();
            self.shared.refusals().count(&caller.actor, refusal.kind, verb, None, now);
            let _ = reply.send(Err(refusal));
            return;
        }
        match request {
            Request::Status => {
                let _ = reply.send(Ok(Reply::Status(self.status())));
            }
            Request::Preview { action, service, to } => {
                let answer = self.preview(&caller, PlanRequest { action, service: &service, to: to.as_deref() });
                let _ = reply.send(answer);
            }
            Request::SilencePreview { change } => {
                let answer = self.silence_preview(&caller, &change);
                let _ = reply.send(answer);
            }
            // Answers itself, when Alertmanager has.
            Request::Silence { digest, confirm } => self.silence(caller, digest, &confirm, reply),
            // Answers itself: the preconditions are read outside before the approval counts.
            Request::Approve { plan, digest, confirm } => self.approve(caller, plan, digest, confirm, reply),
            other => {
                let plan = plan_of(&other);
                let answer = self.change(&caller, other);
                self.answer(&caller, verb, plan.as_ref(), reply, answer);
            }
        }
    }

    /// Everything that becomes an entry at once.
    fn change(&mut self, caller: &Caller, request: Request) -> Answer {
        self.operator(caller)?;
        self.recorder.room_for(&request)?;
        match request {
            Request::Note { text, at, mark } => self.write_marked(caller, Note { at }, text, mark),
            Request::Decision { text, at, mark } => {
                let decision = Decision { at };
                self.possible(caller, Statement::Decision(&decision))?;
                self.write_marked(caller, decision, text, mark)
            }
            Request::FollowUp { text, owner } => self.write(caller, FollowUp { owner }, Some(text)),
            Request::Pin { seq, pinned } => {
                self.known_entry(seq)?;
                self.write(caller, Pin { seq, pinned }, None)
            }
            Request::Mark { seq, milestone, marked } => self.mark(caller, seq, milestone, marked),
            Request::Amend { seq, text, at } => self.amend(caller, seq, text, at),
            Request::Lines { kind, lines, at, owner } => self.write_lines(caller, kind, lines, at, owner),
            Request::Redact { seq, reason } => self.propose_redaction(caller, seq, reason),
            Request::ConfirmRedact { seq, hash } => self.confirm_redaction(caller, seq, hash),
            Request::RefuseRedact { seq } => self.refuse_redaction(caller, seq),
            Request::Open { title, severity } => self.open_by_hand(caller, title, severity),
            Request::Set(set) => self.set(caller, set),
            Request::Close => self.close(caller, false, None),
            Request::Propose { action, service, to, confirm, supersedes } => {
                let act = PlanRequest { action, service: &service, to: to.as_deref() };
                self.propose(caller, act, &confirm, supersedes)
            }
            Request::Reject { plan, reason } => self.reject(caller, plan, reason),
            Request::Withdraw { plan } => self.withdraw(caller, plan),
            Request::Hold { plan } => self.hold(caller, plan),
            Request::Approve { .. }
            | Request::Preview { .. }
            | Request::SilencePreview { .. }
            | Request::Silence { .. }
            | Request::Board { .. }
            | Request::Past { .. }
            | Request::History { .. }
            | Request::Status => {
                Err(Refusal::new(RefusalKind::BadRequest, "this request changes nothing", "ask for it as a question"))
            }
        }
    }

    /// The caller's role now, or why they may only watch.
    pub(super) fn operator(&self, caller: &Caller) -> Result<PersonRole, Refusal> {
        let (role, mapped) = self.role_of(caller);
        if role >= PersonRole::Operator {
            return Ok(role);
        }
        let who = &caller.actor.person;
        if self.shared.drill.is_some() && caller.hello.drill_as.is_none() {
            let names = self.shared.config.people.iter().map(|person| person.id.as_str()).collect::<Vec<_>>();
            return Err(Refusal::new(
                RefusalKind::Unmapped,
                "in a drill nobody knows who you are until you say so",
                format!("add --as NAME; the drill's people are: {}", names.join(", ")),
            ));
        }
        Err(if mapped {
            Refusal::new(
                RefusalKind::NotOperator,
                format!("{who} is an observer and may only watch"),
                "ask whoever keeps people.toml for the operator role",
            )
        } else {
            Refusal::new(
                RefusalKind::Unmapped,
                format!("{who} is not in people.toml, so they may only watch"),
                format!("add a [[person]] whose accounts hold uid {}", caller.peer.uid),
            )
        })
    }

    /// Records one entry of a person in the open incident.
    pub(super) fn write(&mut self, caller: &Caller, happening: impl Into<Happening>, text: Option<SafeText>) -> Answer {
        self.write_in(self.writable()?, caller, happening, text)
    }

    /// The open incident, or why nothing can be written to one.
    fn writable(&self) -> Result<IncidentId, Refusal> {
        if self.recorder.is_degraded() {
            return Err(self.recorder.degraded_refusal());
        }
        self.recorder.incident().ok_or_else(|| {
            Refusal::new(
                RefusalKind::NoIncident,
                "no incident is open, so there is nothing to write to",
                "open one: `warroom incident open TITLE`",
            )
        })
    }

    /// Records one entry of a person in an incident.
    pub(super) fn write_in(
        &mut self,
        incident: IncidentId,
        caller: &Caller,
        happening: impl Into<Happening>,
        text: Option<SafeText>,
    ) -> Answer {
        let entries = self.recorder.record(vec![draft(incident, caller, happening, text)?]);
        self.recorded(entries.as_deref().and_then(<[Entry]>::last))
    }

    /// Records what a person writes, and with it that it is a milestone.
    fn write_marked(
        &mut self,
        caller: &Caller,
        happening: impl Into<Happening>,
        text: SafeText,
        mark: Option<Milestone>,
    ) -> Answer {
        let draft = draft(self.writable()?, caller, happening, Some(text))?;
        let entries = match mark {
            Some(milestone) => self.recorder.record_marked(draft, milestone),
            None => self.recorder.record(vec![draft]),
        };
        self.recorded(entries.as_deref().and_then(<[Entry]>::first))
    }

    /// The answer that names an entry, or why there is none.
    fn recorded(&self, entry: Option<&Entry>) -> Answer {
        entry.map(|entry| Reply::Recorded { seq: entry.seq }).ok_or_else(|| self.recorder.degraded_refusal())
    }

    /// Marks an entry as a milestone, or takes that back. What it says already is not said twice.
    fn mark(&mut self, caller: &Caller, seq: u64, milestone: Milestone, marked: bool) -> Answer {
        self.known_entry(seq)?;
        let changed = self.recorder.story().current().and_then(|incident| incident.index.changed(seq));
        let mark = changed.and_then(|changed| changed.marking(&milestone));
        let no = |why: String, remedy: &str| Err(Refusal::new(RefusalKind::BadRequest, why, remedy));
        match (marked, mark) {
            (true, Some(mark)) => no(
                format!("{} marked entry {seq} as {milestone} already (entry {})", mark.by, mark.seq),
                "nothing is left to do",
            ),
            (false, None) => no(
                format!("entry {seq} is not marked as {milestone}"),
                "take number and milestone from `warroom timeline show`",
            ),
            _ => self.write(caller, Marked { seq, milestone, marked }, None),
        }
    }

    fn known_entry(&self, seq: u64) -> Result<(), Refusal> {
        if self.recorder.story().current().is_some_and(|incident| incident.index.has(seq)) {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalKind::BadRequest,
            format!("entry {seq} is not in the open incident"),
            "take the number from `warroom timeline show`",
        ))
    }

    fn open_by_hand(&mut self, caller: &Caller, title: SafeText, severity: crate::model::Severity) -> Answer {
        if let Some(open) = self.recorder.incident() {
            return Err(Refusal::new(
                RefusalKind::BadRequest,
                format!("{open} is open; a room runs one incident at a time"),
                "close it first, or set its title: `warroom incident set --title …`",
            ));
        }
        if self.recorder.is_degraded() {
            return Err(self.recorder.degraded_refusal());
        }
        let now = self.shared.clock.now();
        match self.open(caller.actor.clone(), title, severity, None, now) {
            Some((incident, seq)) => Ok(Reply::Opened { incident, seq }),
            None => Err(self.recorder.degraded_refusal()),
        }
    }

    fn set(&mut self, caller: &Caller, set: SetIncident) -> Answer {
        if let Some(commander) = &set.commander
            && !self
                .shared
                .config
                .people
                .iter()
                .any(|person| person.id == *commander && person.role() >= PersonRole::Operator)
        {
            return Err(Refusal::new(
                RefusalKind::BadRequest,
                format!("{commander} is not an operator of this room"),
                "name a person of people.toml who is an operator or commander",
            ));
        }
        let SetIncident { title, severity, status, commander, impact_at, recovered_at, although_firing } = set;
        let closes = status == Some(IncidentStatus::Closed);
        let rest = Set { severity, status: status.filter(|_| !closes), commander, impact_at, recovered_at };
        self.possible(caller, Statement::Set(&rest))?;
        if !closes {
            return self.write(caller, rest, title);
        }
        self.may_close(although_firing)?;
        let changes = rest != Set::default() || title.is_some();
        let before = changes.then(|| draft(self.writable()?, caller, rest, title)).transpose()?;
        self.close(caller, although_firing, before)
    }

    /// Whether what a person states of an instant can be so.
    pub(super) fn possible(&self, caller: &Caller, statement: Statement<'_>) -> Result<(), Refusal> {
        let now = self.shared.clock.now();
        possible(self.recorder.story(), statement, &caller.actor.person, now)
            .map_err(|it| Refusal::new(RefusalKind::BadRequest, it.why, it.remedy))
    }

    /// Whether the open incident may be closed: no plan is under way, and nobody closes unasked while alerts fire.
    fn may_close(&self, although_firing: bool) -> Result<(), Refusal> {
        if let Some(plan) = self
            .recorder
            .story()
            .current()
            .and_then(|incident| incident.plans.open().first().map(|record| record.plan.plan.clone()))
        {
            return Err(Refusal::new(
                RefusalKind::BadRequest,
                format!("plan {plan} is still open"),
                "reject, withdraw or finish it first",
            ));
        }
        let firing = FiringCounts::of(self.evaluator.judged());
        if self.recorder.incident().is_none() || although_firing || firing.is_calm() {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalKind::StillFiring,
            firing.words(),
            "if it is to be closed all the same: `warroom incident close --although-firing`",
        ))
    }

    /// Closes the open incident, together with what is recorded before that.
    fn close(&mut self, caller: &Caller, although_firing: bool, before: Option<EntryDraft>) -> Answer {
        self.may_close(although_firing)?;
        let firing = FiringCounts::of(self.evaluator.judged()).critical;
        let closed = Closed { although_firing: Some(firing).filter(|firing| *firing > 0) };
        let closed = draft(self.writable()?, caller, closed, None)?;
        let entries = self.recorder.record(before.into_iter().chain([closed]).collect());
        let answer = self.recorded(entries.as_deref().and_then(<[Entry]>::last))?;
        self.recorder.sign_head();
        self.recorder.begin_segment();
        Ok(answer)
    }

    fn status(&self) -> RoomStatus {
        let (seq, head) = self.shared.reader.head();
        RoomStatus {
            room: self.shared.config.room.name.clone(),
            log: self.shared.reader.log_id().to_owned(),
            seq,
            head: head.hex(),
            incident: self.recorder.incident(),
            degraded: self.recorder.degraded().cloned(),
            present: self.presence.everyone(),
            drill: self.shared.drill_now(),
            log_room: self.recorder.room_words(),
            level: Some(self.shared.config.policy.level),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        }
    }
}

/// One entry of a person.
fn draft(
    incident: IncidentId,
    caller: &Caller,
    happening: impl Into<Happening>,
    text: Option<SafeText>,
) -> Result<EntryDraft, Refusal> {
    if text.as_ref().is_some_and(|text| text.as_str().trim().is_empty()) {
        return Err(Refusal::new(RefusalKind::BadRequest, "the text is empty", "say what happened"));
    }
    Ok(EntryDraft { incident: Some(incident), by: caller.actor.clone(), happening: happening.into(), text })
}

fn plan_of(request: &Request) -> Option<crate::model::PlanId> {
    match request {
        Request::Reject { plan, .. } | Request::Withdraw { plan } | Request::Hold { plan } => Some(plan.clone()),
        _ => None,
    }
}
