//! Who is here: persons, however many consoles each has open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::engine::{Caller, Engine};
use super::peer_credentials;
use super::token_bucket::TokenBucket;
use crate::model::entry::{EntryDraft, Happening, Joined, Left};
use crate::model::{Actor, PersonId, PersonRole, Stamp};
use crate::protocol::Who;

/// Joins and departures of one person that are recorded at once, and how many a second after that: a console that comes and
/// goes for ever must not fill the log.
const RECORDED: f64 = 10.0;
const RECORDED_PER_SECOND: f64 = 0.05;
/// Accounts that are nobody's and whose comings and goings are counted at once.
const REMEMBERED: usize = 256;

/// Persons by name.
#[derive(Default)]
pub struct Presence {
    here: BTreeMap<PersonId, Who>,
    recorded: BTreeMap<PersonId, TokenBucket>,
}

impl Presence {
    /// Counts a console; true if the person was not here before.
    fn join(&mut self, actor: &Actor, role: PersonRole, now: Stamp) -> bool {
        let who = self.here.entry(actor.person.clone()).or_insert_with(|| Who {
            actor: actor.clone(),
            role,
            since: now,
            consoles: 0,
        });
        who.consoles += 1;
        who.consoles == 1
    }

    /// True if that was the person's last console.
    fn leave(&mut self, actor: &Actor) -> bool {
        let Some(who) = self.here.get_mut(&actor.person) else { return false };
        who.consoles = who.consoles.saturating_sub(1);
        let gone = who.consoles == 0;
        if gone {
            self.here.remove(&actor.person);
        }
        gone
    }

    /// Whether a coming or going of this person is recorded. Who is here now is shown in any case. `mapped` = of the people
    /// file; of others a crowd must not fill the log either, so whoever is one too many to count is not recorded.
    fn worth_recording(&mut self, person: &PersonId, mapped: bool, now: Duration) -> bool {
        if !mapped && self.recorded.len() >= REMEMBERED && !self.recorded.contains_key(person) {
            self.recorded.retain(|_, bucket| !bucket.is_full(now));
            if self.recorded.len() >= REMEMBERED {
                return false;
            }
        }
        let full = || TokenBucket::new(RECORDED, RECORDED_PER_SECOND, now);
        self.recorded.entry(person.clone()).or_insert_with(full).take(1.0, now)
    }

    /// Everyone, by name.
    pub fn everyone(&self) -> Vec<Who> {
        self.here.values().cloned().collect()
    }
}

impl Engine {
    pub(super) fn join(&mut self, caller: &Caller) {
        let (role, mapped) = self.role_of(caller);
        let first = self.presence.join(&caller.actor, role, self.shared.clock.now());
        self.present.send_replace(Arc::new(self.presence.everyone()));
        if first
            && self.recorder.incident().is_some()
            && self.presence.worth_recording(&caller.actor.person, mapped, self.shared.clock.boot())
        {
            self.recorder.record(vec![self.presence_draft(&caller.actor, Joined {})]);
        }
    }

    pub(super) fn leave(&mut self, caller: &Caller) {
        let mapped = self.role_of(caller).1;
        let gone = self.presence.leave(&caller.actor);
        self.present.send_replace(Arc::new(self.presence.everyone()));
        if gone
            && self.recorder.incident().is_some()
            && self.presence.worth_recording(&caller.actor.person, mapped, self.shared.clock.boot())
        {
            self.recorder.record(vec![self.presence_draft(&caller.actor, Left {})]);
        }
    }

    /// Those present when an incident opens joined it then.
    pub(super) fn present_drafts(&self) -> Vec<EntryDraft> {
        self.presence.everyone().iter().map(|who| self.presence_draft(&who.actor, Joined {})).collect()
    }

    fn presence_draft(&self, actor: &Actor, happening: impl Into<Happening>) -> EntryDraft {
        EntryDraft { incident: self.recorder.incident(), by: actor.clone(), happening: happening.into(), text: None }
    }

    /// Role and whether the person is in the people file, as they stand now.
    pub(super) fn role_of(&self, caller: &Caller) -> (PersonRole, bool) {
        let identity = if self.shared.drill.is_some() {
            peer_credentials::identify(caller.peer, &caller.hello, &self.shared.config, true).ok()
        } else {
            Some(peer_credentials::judge(caller.peer, &self.shared.config))
        };
        identity.map_or((PersonRole::Observer, false), |identity| (identity.role, identity.mapped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_accounts_that_comes_and_goes_is_recorded_as_few_and_persons_always() {
        let mut presence = Presence::default();
        let now = Duration::from_secs(100);
        let recorded = (0..10 * REMEMBERED)
            .flat_map(|uid| [uid, uid])
            .filter(|uid| presence.worth_recording(&PersonId::from(format!("uid {uid}")), false, now))
            .count();
        assert_eq!(recorded, 2 * REMEMBERED);
        assert!(presence.worth_recording(&"ana".into(), true, now));
        let later = now + Duration::from_secs(600);
        assert!(presence.worth_recording(&"uid 99999".into(), false, later), "the others have rested");
        assert_eq!(presence.recorded.len(), 1);
    }
}
