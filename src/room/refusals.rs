//! Refusals are part of the record, folded: at most one entry a second and person, with a count.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::model::entry::{Draft, Refused};
use crate::model::{Actor, PersonId, PlanId, RefusalKind, Stamp};

/// What was refused lately and not written yet.
#[derive(Default)]
pub struct RefusalLog {
    last: BTreeMap<PersonId, (Stamp, u64)>,
}

impl RefusalLog {
    /// Notes one; gives the draft to record, unless this person had one within the second.
    pub fn note(
        &mut self,
        actor: &Actor,
        kind: RefusalKind,
        verb: &str,
        plan: Option<&PlanId>,
        now: Stamp,
    ) -> Option<Draft> {
        if self.last.len() > 256 {
            self.last.retain(|_, (at, _)| now - *at < TimeDelta::minutes(1));
        }
        let held = match self.last.get_mut(&actor.person) {
            Some((at, held)) if now - *at < TimeDelta::seconds(1) && now >= *at => {
                *held += 1;
                return None;
            }
            Some((_, held)) => *held,
            None => 0,
        };
        self.last.insert(actor.person.clone(), (now, 0));
        let refused = Refused { kind, verb: verb.to_owned(), plan: plan.cloned(), count: held + 1 };
        Some(Draft { incident: None, by: actor.clone(), happening: refused.into(), text: None })
    }
}
