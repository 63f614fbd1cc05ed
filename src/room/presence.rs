//! Who is here: persons, however many consoles each has open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::token_bucket::TokenBucket;
use crate::model::{Actor, PersonId, PersonRole, Stamp};
use crate::protocol::Who;

/// Joins and departures of one person that are recorded at once, and how many a second after that: a console that comes and
/// goes for ever must not fill the log.
const RECORDED: f64 = 10.0;
const RECORDED_PER_SECOND: f64 = 0.05;
/// Accounts that are nobody's and whose comings and goings are counted at once.
const REMEMBERED: usize = 256;

/// Persons by name.
pub(super) struct Presence {
    here: BTreeMap<PersonId, Who>,
    recorded: BTreeMap<PersonId, TokenBucket>,
    tell: watch::Sender<Arc<Vec<Who>>>,
}

impl Presence {
    /// Nobody is here yet.
    pub(super) fn new(tell: watch::Sender<Arc<Vec<Who>>>) -> Self {
        Self { here: BTreeMap::new(), recorded: BTreeMap::new(), tell }
    }

    /// Counts a console and tells everyone; true if the person was not here before.
    pub(super) fn join(&mut self, actor: &Actor, role: PersonRole, now: Stamp) -> bool {
        let who = self.here.entry(actor.person.clone()).or_insert_with(|| Who {
            actor: actor.clone(),
            role,
            since: now,
            consoles: 0,
        });
        who.consoles += 1;
        let first = who.consoles == 1;
        self.tell.send_replace(Arc::new(self.everyone()));
        first
    }

    /// Takes a console away and tells everyone; true if that was the person's last one.
    pub(super) fn leave(&mut self, actor: &Actor) -> bool {
        let gone = self.here.get_mut(&actor.person).is_some_and(|who| {
            who.consoles = who.consoles.saturating_sub(1);
            who.consoles == 0
        });
        if gone {
            self.here.remove(&actor.person);
        }
        self.tell.send_replace(Arc::new(self.everyone()));
        gone
    }

    /// Whether a coming or going of this person is recorded. Who is here now is shown in any case. `mapped` = of the people
    /// file; of others a crowd must not fill the log either, so whoever is one too many to count is not recorded.
    pub(super) fn worth_recording(&mut self, person: &PersonId, mapped: bool, now: Duration) -> bool {
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
    pub(super) fn everyone(&self) -> Vec<Who> {
        self.here.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_accounts_that_comes_and_goes_is_recorded_as_few_and_persons_always() {
        let mut presence = Presence::new(watch::channel(Arc::default()).0);
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
