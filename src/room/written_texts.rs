//! What persons wrote: several lines at once, amendments, and the removal of a text, which two persons must want.
//!
//! An entry is amended and its text removed in its own incident, open or closed: that is often found out afterwards.

use super::engine::Engine;
use super::engine_message::{Answer, Caller};
use crate::approval::{self, Redaction};
use crate::model::entry::{
    Amend, Decision, EntryDraft, FollowUp, Happening, Note, Redact, RedactApproved, RedactProposed, RedactRefused,
};
use crate::model::time::clock;
use crate::model::{Digest, IncidentId, PersonId, Refusal, RefusalKind, SafeText, Stamp};
use crate::protocol::Reply;
use crate::protocol::request::LineKind;
use crate::timeline::Item;
use crate::timeline::Statement;

impl Engine {
    /// Every line as an entry of its own, in one batch: all of them are durable, or none is recorded.
    pub(super) fn write_lines(
        &mut self,
        caller: &Caller,
        kind: LineKind,
        lines: Vec<SafeText>,
        at: Option<Stamp>,
        owner: Option<PersonId>,
    ) -> Answer {
        let Some(incident) = self.recorder.incident() else { return Err(no_incident()) };
        if let Some(empty) = lines.iter().position(|line| line.as_str().trim().is_empty()) {
            let why = format!("line {} is empty; nothing was recorded", empty + 1);
            return Err(Refusal::new(RefusalKind::BadRequest, why, "say what happened"));
        }
        if matches!(kind, LineKind::Decision) {
            self.possible(caller, Statement::Decision(&Decision { at }))?;
        }
        let happening = || -> Happening {
            match kind {
                LineKind::Note => Note { at }.into(),
                LineKind::Decision => Decision { at }.into(),
                LineKind::FollowUp => FollowUp { owner: owner.clone() }.into(),
            }
        };
        let draft = |text| {
            let (incident, by) = (Some(incident.clone()), caller.actor.clone());
            EntryDraft { incident, by, happening: happening(), text: Some(text) }
        };
        match self.recorder.record(lines.into_iter().map(draft).collect()) {
            Some(entries) => Ok(Reply::Lines { seqs: entries.iter().map(|entry| entry.seq).collect() }),
            None => Err(self.recorder.degraded_refusal()),
        }
    }

    /// The incident that has an entry, and the entry as it stands in the log.
    fn entry_of(&self, seq: u64) -> Result<(IncidentId, Item), Refusal> {
        let incident = self.recorder.story().incident_of(seq).ok_or_else(|| {
            Refusal::new(
                RefusalKind::BadRequest,
                format!("entry {seq} is in no incident of this log"),
                "take the number from `warroom timeline show INCIDENT`",
            )
        })?;
        Ok((incident.id.clone(), incident.read_item(self.recorder.entry(seq)?, None)))
    }

    pub(super) fn amend(&mut self, caller: &Caller, seq: u64, text: Option<SafeText>, at: Option<Stamp>) -> Answer {
        let (incident, item) = self.entry_of(seq)?;
        let written =
            matches!(item.entry.happening, Happening::Note(_) | Happening::Decision(_) | Happening::FollowUp(_));
        let no = |why: String, remedy: &str| Err(Refusal::new(RefusalKind::BadRequest, why, remedy));
        match (&text, at) {
            (None, None) => return no("an amendment needs a text or a time".to_owned(), "say what is to be put right"),
            (Some(_), _) if item.redacted_by.is_some() => {
                return no(format!("the text of entry {seq} was removed"), "write a new note");
            }
            (_, Some(_)) if !written => {
                return no(
                    format!("the room recorded when entry {seq} happened, and nobody changes that"),
                    "of notes, decisions and follow-ups the time can be amended",
                );
            }
            (_, Some(at)) if at > item.entry.ts => {
                let ts = clock(item.entry.ts);
                return no(
                    format!("entry {seq} was recorded at {ts}, so what it tells of happened by then"),
                    "give an earlier time",
                );
            }
            _ => {}
        }
        let amend = Amend { seq, at };
        self.possible(caller, Statement::Amend(&amend))?;
        self.write_in(incident, caller, amend, text)
    }

    /// The last request to remove the text of an entry.
    fn redaction_of(&self, seq: u64) -> Result<(IncidentId, &Redaction), Refusal> {
        let found =
            self.recorder.story().incidents.iter().rev().find_map(|it| Some((it.id.clone(), it.redactions.of(seq)?)));
        found.ok_or_else(|| approval::no_redaction(seq))
    }

    /// Whether the time of a request has passed. A restart ends it, as it ends plans.
    fn is_late(&self, request: &Redaction) -> bool {
        self.redactions.is_late(&request.proposal, self.shared.clock.boot())
    }

    pub(super) fn propose_redaction(&mut self, caller: &Caller, seq: u64, reason: SafeText) -> Answer {
        let before = self.redaction_of(seq).ok().map(|(_, request)| request);
        let live = before.is_some_and(|request| !self.is_late(request));
        approval::may_propose_redaction(before, live, self.asker(caller), self.now_rules())?;
        let (incident, item) = self.entry_of(seq)?;
        if item.entry.text.is_none() {
            return Err(Refusal::new(
                RefusalKind::BadRequest,
                format!("entry {seq} has no text that a person wrote"),
                "only such texts can be removed: what the room recorded proves what happened",
            ));
        }
        let policy = &self.shared.config.policy;
        let (quorum, level, ttl_s) = (policy.quorum, policy.level, policy.ttl_s);
        let answer = self.write_in(incident, caller, RedactProposed { seq, quorum, level }, Some(reason))?;
        if let Reply::Recorded { seq: proposal } = &answer {
            let deadline = self.shared.clock.boot() + std::time::Duration::from_secs(ttl_s);
            self.redactions.set(*proposal, deadline);
        }
        Ok(answer)
    }

    /// The confirmation that completes the quorum, and the removal, are one batch; only when that is durable is the text
    /// overwritten.
    pub(super) fn confirm_redaction(&mut self, caller: &Caller, seq: u64, hash: Digest) -> Answer {
        let (incident, request) = self.redaction_of(seq)?;
        let late = self.is_late(request);
        approval::may_approve_redaction(request, self.asker(caller), self.now_rules(), &hash, late)?;
        let (proposal, completes) = (request.proposal, request.missing() <= 1);
        let roles = &self.shared.config.people;
        let able = |person: &&PersonId| {
            roles.iter().any(|it| it.id == **person && it.role() >= crate::model::PersonRole::Operator)
        };
        if let Some(gone) = request.persons().into_iter().find(|person| !able(person)) {
            return Err(Refusal::new(
                RefusalKind::NotOperator,
                format!("{gone} stands behind it but is not an operator any more"),
                "ask for it again, and let two present operators confirm it",
            ));
        }
        let approved = RedactApproved { seq, proposal, hash };
        let (by, on) = (caller.actor.clone(), Some(incident));
        let mut drafts = vec![EntryDraft { incident: on.clone(), by, happening: approved.into(), text: None }];
        if completes {
            let removed = Redact { seq, proposal: Some(proposal) };
            drafts.push(EntryDraft { incident: on, ..self.recorder.by_room(removed) });
        }
        let Some(entries) = self.recorder.record(drafts) else { return Err(self.recorder.degraded_refusal()) };
        let last = entries.last().map_or(0, |entry| entry.seq);
        if completes {
            self.redactions.forget(&proposal);
            self.recorder.overwrite(seq, last).map_err(|why| {
                Refusal::new(
                    RefusalKind::Degraded,
                    format!("entry {last} says that the text is removed, but the disk still has it: {why}"),
                    "make room on the disk or repair it, then restart the room: it removes the text at its start",
                )
            })?;
        }
        Ok(Reply::Recorded { seq: last })
    }

    pub(super) fn refuse_redaction(&mut self, caller: &Caller, seq: u64) -> Answer {
        let (incident, request) = self.redaction_of(seq)?;
        approval::may_refuse_redaction(request, self.asker(caller), self.now_rules())?;
        let proposal = request.proposal;
        self.redactions.forget(&proposal);
        self.write_in(incident, caller, RedactRefused { seq, proposal }, None)
    }
}

fn no_incident() -> Refusal {
    Refusal::new(
        RefusalKind::NoIncident,
        "no incident is open, so there is nothing to write to",
        "open one: `warroom incident open TITLE`",
    )
}
