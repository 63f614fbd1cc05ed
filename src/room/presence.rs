//! Who is here: persons, however many consoles each has open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::engine::{Caller, Engine};
use super::peer;
use super::rate::Bucket;
use crate::model::entry::{Draft, Happening, Joined, Left};
use crate::model::{Actor, PersonId, Role, Stamp};
use crate::protocol::Who;

/// Joins and departures of one person that are recorded at once, and how many a second after that: a console that comes and
/// goes for ever must not fill the log.
const RECORDED: f64 = 10.0;
const RECORDED_PER_SECOND: f64 = 0.05;
/// Persons whose comings and goings are remembered.
const REMEMBERED: usize = 256;

/// Persons by name.
#[derive(Default)]
pub struct Presence {
    here: BTreeMap<PersonId, Who>,
    recorded: BTreeMap<PersonId, Bucket>,
}

impl Presence {
    /// Counts a console; true if the person was not here before.
    fn join(&mut self, actor: &Actor, role: Role, now: Stamp) -> bool {
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

    /// Whether a coming or going of this person is recorded. Who is here now is shown in any case.
    fn worth_recording(&mut self, person: &PersonId, now: Duration) -> bool {
        if self.recorded.len() > REMEMBERED {
            self.recorded.retain(|known, _| self.here.contains_key(known));
        }
        let full = || Bucket::new(RECORDED, RECORDED_PER_SECOND, now);
        self.recorded.entry(person.clone()).or_insert_with(full).take(1.0, now)
    }

    /// Everyone, by name.
    pub fn everyone(&self) -> Vec<Who> {
        self.here.values().cloned().collect()
    }
}

impl Engine {
    pub(super) fn join(&mut self, caller: &Caller) {
        let role = self.role_of(caller).0;
        let first = self.presence.join(&caller.actor, role, self.shared.clock.now());
        self.newsroom.present.send_replace(Arc::new(self.presence.everyone()));
        if first
            && self.incident().is_some()
            && self.presence.worth_recording(&caller.actor.person, self.shared.clock.boot())
        {
            self.record(vec![self.presence_draft(&caller.actor, Joined {})]);
        }
    }

    pub(super) fn leave(&mut self, caller: &Caller) {
        let gone = self.presence.leave(&caller.actor);
        self.newsroom.present.send_replace(Arc::new(self.presence.everyone()));
        if gone
            && self.incident().is_some()
            && self.presence.worth_recording(&caller.actor.person, self.shared.clock.boot())
        {
            self.record(vec![self.presence_draft(&caller.actor, Left {})]);
        }
    }

    /// Those present when an incident opens joined it then.
    pub(super) fn present_drafts(&self) -> Vec<Draft> {
        self.presence.everyone().iter().map(|who| self.presence_draft(&who.actor, Joined {})).collect()
    }

    fn presence_draft(&self, actor: &Actor, happening: impl Into<Happening>) -> Draft {
        Draft { incident: self.incident(), by: actor.clone(), happening: happening.into(), text: None }
    }

    /// Role and whether the person is in the people file, as they stand now.
    pub(super) fn role_of(&self, caller: &Caller) -> (Role, bool) {
        let identity = if self.shared.drill.is_some() {
            peer::identify(caller.peer, &caller.hello, &self.shared.config, true).ok()
        } else {
            Some(peer::judge(caller.peer, &self.shared.config))
        };
        identity.map_or((Role::Observer, false), |identity| (identity.role, identity.mapped))
    }
}
