//! Removing the text of an entry for good takes two persons: one asks and says why, another confirms that very request.
//!
//! As with plans: persons and not accounts, a quorum of two at least, and a fold that believes no entry which says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::entry::{Entry, Happening, Redact, RedactApproved, RedactProposed, RedactRefused};
use crate::model::plan::RefusalKind as Kind;
use crate::model::{Actor, Digest, Level, PersonId, Refusal};

use super::authorize::{Authorization, Requester, RoomNow};
use super::checks::{level, no, operator, recording};
use super::{Approval, same_human};

/// Where a request to remove a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedactionState {
    /// Waits for another person.
    Proposed,
    /// An operator said no, or who asked took it back.
    Refused,
    /// The text is removed.
    Done,
}

/// The last request to remove the text of an entry.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Redaction {
    /// Whose text.
    pub seq: u64,
    /// The entry that asks; its body is why.
    pub proposal: u64,
    /// That entry's hash: what is confirmed.
    pub hash: Digest,
    /// Who asks: the first of the persons who stand behind it.
    pub by: Actor,
    /// In the order they were recorded, each of another person; who asks is not among them.
    pub approvals: Vec<Approval>,
    /// A later request for the same text takes the place of one that is refused or was left to wait.
    pub state: RedactionState,
    quorum: u32,
    level: Level,
}

/// Requests to remove texts, by the entry whose text it is.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Redactions {
    by_entry: BTreeMap<u64, Redaction>,
}

impl Redactions {
    /// The last request about an entry.
    pub fn of(&self, seq: u64) -> Option<&Redaction> {
        self.by_entry.get(&seq)
    }

    /// Every one that waits for a person.
    pub fn open(&self) -> impl Iterator<Item = &Redaction> {
        self.by_entry.values().filter(|it| it.state == RedactionState::Proposed)
    }

    /// Every text that was removed.
    pub fn done(&self) -> impl Iterator<Item = &Redaction> {
        self.by_entry.values().filter(|it| it.state == RedactionState::Done)
    }

    /// Folds one entry; those about other things change nothing.
    ///
    /// # Errors
    /// Why the entry does not fit: it is to be ignored.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.happening {
            Happening::RedactProposed(it) => self.proposed(entry, it),
            Happening::RedactApproved(it) => self.approved(entry, it),
            Happening::RedactRefused(it) => self.refused(it),
            Happening::Redact(it) => self.removed(it),
            _ => Ok(()),
        }
    }

    fn proposed(&mut self, entry: &Entry, it: &RedactProposed) -> Result<(), String> {
        if entry.by.is_room() {
            return Err("the room itself asks for no removal".to_owned());
        }
        if it.quorum < 2 {
            return Err(format!("a quorum of {} is less than two persons", it.quorum));
        }
        if self.by_entry.get(&it.seq).is_some_and(|before| before.state == RedactionState::Done) {
            return Err(format!("the text of entry {} was removed before", it.seq));
        }
        let (proposal, hash, by) = (entry.seq, entry.hash, entry.by.clone());
        let state = RedactionState::Proposed;
        let (quorum, level) = (it.quorum, it.level);
        let request = Redaction { seq: it.seq, proposal, hash, by, approvals: Vec::new(), state, quorum, level };
        self.by_entry.insert(it.seq, request);
        Ok(())
    }

    /// The request that waits, if it is this one.
    fn waiting(&mut self, seq: u64, proposal: Option<u64>) -> Result<&mut Redaction, String> {
        let request = self.by_entry.get_mut(&seq).filter(|it| Some(it.proposal) == proposal);
        let request = request.ok_or_else(|| format!("nobody asked there to remove the text of entry {seq}"))?;
        if request.state == RedactionState::Proposed {
            Ok(request)
        } else {
            Err(format!("the request to remove the text of entry {seq} is over"))
        }
    }

    fn approved(&mut self, entry: &Entry, it: &RedactApproved) -> Result<(), String> {
        let request = self.waiting(it.seq, Some(it.proposal))?;
        if it.hash != request.hash {
            return Err(format!("{} is not the hash of what was asked", it.hash));
        }
        if entry.by.is_room() || request.stands_behind(&entry.by) {
            return Err(format!("{} asked or confirmed already and is no other person", entry.by.person));
        }
        if entry.by.level != Level::Drill && entry.by.level < request.level {
            return Err(format!("{} is not known well enough for this", entry.by.person));
        }
        request.approvals.push(Approval { by: entry.by.clone(), at: entry.ts, seq: entry.seq });
        Ok(())
    }

    fn refused(&mut self, it: &RedactRefused) -> Result<(), String> {
        self.waiting(it.seq, Some(it.proposal))?.state = RedactionState::Refused;
        Ok(())
    }

    fn removed(&mut self, it: &Redact) -> Result<(), String> {
        let request = self.waiting(it.seq, it.proposal)?;
        if request.missing() > 0 {
            return Err(format!("too few persons confirmed that the text of entry {} is removed", it.seq));
        }
        request.state = RedactionState::Done;
        Ok(())
    }
}

impl Redaction {
    /// Everyone who stands behind it, who asked first.
    pub fn persons(&self) -> Vec<&PersonId> {
        std::iter::once(&self.by).chain(self.approvals.iter().map(|it| &it.by)).map(|by| &by.person).collect()
    }

    /// How many more persons have to confirm it.
    pub fn missing(&self) -> usize {
        let persons: BTreeSet<&PersonId> = self.persons().into_iter().collect();
        (self.quorum as usize).max(2).saturating_sub(persons.len())
    }

    /// Whether this human asked for it, or confirmed it already.
    fn stands_behind(&self, who: &Actor) -> bool {
        std::iter::once(&self.by).chain(self.approvals.iter().map(|it| &it.by)).any(|by| same_human(by, who))
    }
}

/// May this person ask that the text of an entry is removed? `live` = an earlier request for it still counts.
///
/// # Errors
/// The refusal.
pub fn may_propose_redaction(before: Option<&Redaction>, live: bool, asker: Requester, room: RoomNow) -> Authorization {
    operator(asker)?;
    recording(room)?;
    level(asker, room.policy.level, room)?;
    match before {
        Some(it) if it.state == RedactionState::Done => {
            no(Kind::BadRequest, format!("The text of entry {} was removed before.", it.seq), "Nothing is left to do.")
        }
        Some(it) if it.state == RedactionState::Proposed && live => no(
            Kind::TargetLocked,
            format!(
                "{} asked already that the text of entry {} is removed (entry {}).",
                it.by.person, it.seq, it.proposal
            ),
            format!(
                "Confirm it: warroom timeline redact {} --confirm {}; or refuse it: --refuse.",
                it.seq,
                it.hash.spoken()
            ),
        ),
        _ => Ok(()),
    }
}

/// May this person confirm it? `shown` = the hash of the request that they read; `late` = its time has passed.
///
/// # Errors
/// The refusal.
pub fn may_approve_redaction(
    it: &Redaction,
    asker: Requester,
    room: RoomNow,
    shown: &Digest,
    late: bool,
) -> Authorization {
    operator(asker)?;
    recording(room)?;
    let who = asker.actor;
    if it.stands_behind(who) {
        let own = |by: &Actor| by.person == who.person && (by.uid == who.uid || who.level == Level::Drill);
        let (kind, why) = match own(&it.by) || it.approvals.iter().any(|approval| own(&approval.by)) {
            true => (Kind::SelfApproval, "You stand behind it already; another person has to confirm it.".to_owned()),
            false => {
                (Kind::SamePerson, format!("{} stands behind it already; two accounts are one person.", who.person))
            }
        };
        return no(kind, why, format!("Ask another operator to read entry {} and confirm it.", it.proposal));
    }
    may_refuse_redaction(it, asker, room)?;
    if late {
        return no(Kind::Expired, "Nobody confirmed it in time.", "Ask for it again, with the reason.");
    }
    level(asker, room.policy.level.max(it.level), room)?;
    if *shown != it.hash {
        return no(
            Kind::DigestMismatch,
            format!("You were shown another request than the one that waits, whose code is {}.", it.hash.spoken()),
            "Read it again: warroom status.",
        );
    }
    Ok(())
}

/// May this person refuse it, or take it back? Any operator, alone, while it waits.
///
/// # Errors
/// The refusal.
pub fn may_refuse_redaction(it: &Redaction, asker: Requester, room: RoomNow) -> Authorization {
    operator(asker)?;
    recording(room)?;
    match it.state {
        RedactionState::Proposed => Ok(()),
        RedactionState::Refused => no(Kind::PlanClosed, "It was refused.", "Ask for it again, if it is needed."),
        RedactionState::Done => no(Kind::PlanClosed, "The text was removed already.", "Nothing is left to do."),
    }
}

/// Nobody asked to remove the text of this entry.
pub fn no_redaction(seq: u64) -> Refusal {
    Refusal::new(
        Kind::BadRequest,
        format!("Nobody asked that the text of entry {seq} is removed."),
        format!("Ask for it: warroom timeline redact {seq} --reason TEXT"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Login, PersonRole, Policy};

    fn actor(person: &str, uid: u32) -> Actor {
        Actor { person: person.into(), uid: Some(uid), level: Level::Account, login: None, simulated: false }
    }

    fn policy(quorum: u32) -> Policy {
        Policy { quorum, level: Level::Account, ttl_s: 1_800 }
    }

    fn request(quorum: u32) -> Redaction {
        Redaction {
            seq: 12,
            proposal: 40,
            hash: Digest([7; 32]),
            by: actor("ana", 1001),
            approvals: Vec::new(),
            state: RedactionState::Proposed,
            quorum,
            level: Level::Account,
        }
    }

    fn room(policy: &Policy, drill: bool) -> RoomNow<'_> {
        RoomNow { policy, policy_digest: "p", people_digest: "q", drill, degraded: None }
    }

    fn verdict(it: &Redaction, who: &Actor, role: Option<PersonRole>, hash: Digest, late: bool) -> Option<Kind> {
        let policy = policy(2);
        let asker = Requester { actor: who, role, login: Login::Unset };
        may_approve_redaction(it, asker, room(&policy, false), &hash, late).err().map(|refusal| refusal.kind)
    }

    #[test]
    fn only_another_person_who_may_act_confirms_the_very_request_in_time() {
        let (it, hash, operator) = (request(2), Digest([7; 32]), Some(PersonRole::Operator));
        let sam = actor("sam", 1002);
        assert_eq!(verdict(&it, &sam, operator, hash, false), None);
        let refused = [
            (actor("ana", 1001), operator, hash, false, Kind::SelfApproval),
            (actor("ana", 1003), operator, hash, false, Kind::SamePerson),
            (actor("sam", 1001), operator, hash, false, Kind::SamePerson),
            (sam.clone(), Some(PersonRole::Observer), hash, false, Kind::NotOperator),
            (sam.clone(), None, hash, false, Kind::Unmapped),
            (sam.clone(), operator, Digest([8; 32]), false, Kind::DigestMismatch),
            (sam.clone(), operator, hash, true, Kind::Expired),
            (Actor { level: Level::Drill, ..sam.clone() }, operator, hash, false, Kind::LevelTooLow),
        ];
        for (who, role, hash, late, kind) in refused {
            assert_eq!(verdict(&it, &who, role, hash, late), Some(kind), "{who:?} {role:?}");
        }
        for state in [RedactionState::Refused, RedactionState::Done] {
            let over = Redaction { state, ..request(2) };
            assert_eq!(verdict(&over, &sam, operator, hash, false), Some(Kind::PlanClosed));
        }
    }

    #[test]
    fn in_a_drill_the_names_tell_people_apart() {
        let named = |name: &str| Actor { level: Level::Drill, ..actor(name, 1001) };
        let it = Redaction { by: named("ana"), ..request(2) };
        let policy = policy(2);
        let ask = |who: &Actor| {
            let asker = Requester { actor: who, role: Some(PersonRole::Operator), login: Login::Unset };
            may_approve_redaction(&it, asker, room(&policy, true), &it.hash, false).err().map(|refusal| refusal.kind)
        };
        assert_eq!((ask(&named("ana")), ask(&named("sam"))), (Some(Kind::SelfApproval), None));
    }

    #[test]
    fn one_request_waits_at_a_time_and_a_larger_quorum_counts_persons() {
        let policy = policy(3);
        let sam = actor("sam", 1002);
        let asker = Requester { actor: &sam, role: Some(PersonRole::Operator), login: Login::Unset };
        let propose = |before: Option<&Redaction>, live| {
            may_propose_redaction(before, live, asker, room(&policy, false)).err().map(|refusal| refusal.kind)
        };
        assert_eq!((propose(None, false), propose(Some(&request(3)), false)), (None, None));
        assert_eq!(propose(Some(&request(3)), true), Some(Kind::TargetLocked));
        let done = Redaction { state: RedactionState::Done, ..request(3) };
        assert_eq!(propose(Some(&done), false), Some(Kind::BadRequest));
        let mut it = request(3);
        assert_eq!(it.missing(), 2);
        it.approvals.push(Approval { by: sam.clone(), at: crate::model::Stamp::UNIX_EPOCH, seq: 41 });
        assert_eq!(
            (it.missing(), verdict(&it, &sam, Some(PersonRole::Operator), it.hash, false)),
            (1, Some(Kind::SelfApproval))
        );
    }
}
