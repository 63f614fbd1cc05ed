//! Refusals are part of the record, and cost little of it: the first of its kind is written at once, the others are counted
//! and written together within a minute, at the room's stop too.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::entry::{Draft, Refused, RefusedToo};
use crate::model::{Actor, PersonId, PlanId, RefusalKind};

/// Entries about one person that are written at once in [`MEMORY`].
const AT_ONCE: usize = 4;
/// For so long a refusal that was written makes the next of its kind wait to be counted.
const MEMORY: Duration = Duration::from_secs(60);
/// What is counted is written after this time: within a minute, with a beat to spare.
const HELD_FOR: Duration = Duration::from_secs(55);

/// One kind of refusal.
#[derive(Clone, PartialEq, Eq)]
struct What {
    kind: RefusalKind,
    verb: &'static str,
}

/// Refusals of one kind that are not written yet.
struct Count {
    what: What,
    /// The plan that they all are about.
    plan: Option<PlanId>,
    count: u64,
}

/// One person's refusals.
#[derive(Default)]
struct Person {
    actor: Option<Actor>,
    written: Vec<(Duration, What, Option<PlanId>)>,
    held: Vec<Count>,
    /// When the first of those that are held was refused.
    since: Duration,
}

/// What was refused lately and not written yet.
#[derive(Default)]
pub struct RefusalLog(BTreeMap<PersonId, Person>);

impl RefusalLog {
    /// Notes one; gives the draft to record at once if it is the first of its kind in a minute.
    pub fn note(
        &mut self,
        actor: &Actor,
        kind: RefusalKind,
        verb: &'static str,
        plan: Option<&PlanId>,
        now: Duration,
    ) -> Option<Draft> {
        let what = What { kind, verb };
        let person = self.0.entry(actor.person.clone()).or_default();
        person.written.retain(|(at, ..)| now.saturating_sub(*at) < MEMORY);
        let known = person.written.iter().any(|(_, it, about)| *it == what && about.as_ref() == plan);
        let held = person.held.iter().any(|it| it.what == what);
        // Who asks too often would get an entry for it: that is what must not be.
        if known || held || kind == RefusalKind::Rate || person.written.len() >= AT_ONCE {
            self.count(actor, kind, verb, plan, now);
            return None;
        }
        person.written.push((now, what, plan.cloned()));
        let refused = Refused { kind, verb: verb.to_owned(), plan: plan.cloned(), count: 1, also: Vec::new() };
        Some(Draft { incident: None, by: actor.clone(), happening: refused.into(), text: None })
    }

    /// Counts one, to be written with others.
    pub fn count(
        &mut self,
        actor: &Actor,
        kind: RefusalKind,
        verb: &'static str,
        plan: Option<&PlanId>,
        now: Duration,
    ) {
        let person = self.0.entry(actor.person.clone()).or_default();
        if person.held.is_empty() {
            person.since = now;
        }
        person.actor = Some(actor.clone());
        let what = What { kind, verb };
        match person.held.iter_mut().find(|it| it.what == what) {
            Some(it) => {
                it.count += 1;
                it.plan = it.plan.take().filter(|known| plan == Some(known));
            }
            None => person.held.push(Count { what, plan: plan.cloned(), count: 1 }),
        }
    }

    /// One draft for each person whose refusals were held long enough; or for everyone, when the room stops. They are held
    /// until [`RefusalLog::written`].
    pub fn due(&mut self, now: Duration, stopping: bool) -> Vec<Draft> {
        self.0.retain(|_, person| {
            !person.held.is_empty() || person.written.iter().any(|(at, ..)| now.saturating_sub(*at) < MEMORY)
        });
        let due = self.0.values().filter(|it| stopping || now.saturating_sub(it.since) >= HELD_FOR);
        due.filter_map(Person::draft).collect()
    }

    /// What [`RefusalLog::due`] gave of this person is in the log.
    pub fn written(&mut self, person: &PersonId) {
        if let Some(person) = self.0.get_mut(person) {
            person.held.clear();
        }
    }
}

impl Person {
    fn draft(&self) -> Option<Draft> {
        let mut held: Vec<&Count> = self.held.iter().collect();
        held.sort_by_key(|it| std::cmp::Reverse(it.count));
        let (most, others) = held.split_first()?;
        let also =
            others.iter().map(|it| RefusedToo { kind: it.what.kind, verb: it.what.verb.to_owned(), count: it.count });
        let refused = Refused {
            kind: most.what.kind,
            verb: most.what.verb.to_owned(),
            plan: most.plan.clone(),
            count: most.count,
            also: also.collect(),
        };
        Some(Draft { incident: None, by: self.actor.clone()?, happening: refused.into(), text: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::tests::actor;
    use crate::model::Happening;

    /// What is due, written.
    fn write(log: &mut RefusalLog, now: Duration, stopping: bool) -> Vec<Draft> {
        let drafts = log.due(now, stopping);
        drafts.iter().for_each(|draft| log.written(&draft.by.person));
        drafts
    }

    fn told(draft: &Draft) -> Vec<(RefusalKind, String, u64)> {
        let Happening::Refused(it) = &draft.happening else { panic!("{draft:?}") };
        let first = (it.kind, it.verb.clone(), it.count);
        [first].into_iter().chain(it.also.iter().map(|it| (it.kind, it.verb.clone(), it.count))).collect()
    }

    #[test]
    fn every_refusal_is_in_an_entry_within_a_minute_and_a_flood_makes_a_few() {
        let mut log = RefusalLog::default();
        let (ana, sam) = (actor("ana", 1), actor("sam", 2));
        let kinds = [RefusalKind::Drift, RefusalKind::Rate, RefusalKind::NoIncident, RefusalKind::BadRequest];
        let verbs = ["approve", "note", "set", "pin", "mark"];
        let (mut entries, mut asked) = (Vec::new(), 0);
        // Ten minutes, a hundred a second.
        for n in 0..60_000_u64 {
            let now = Duration::from_millis(10 * n);
            let pick = n as usize;
            asked += 1;
            entries.extend(log.note(&ana, kinds[pick % 4], verbs[pick % 5], None, now));
            entries.extend(write(&mut log, now, false));
        }
        entries.extend(log.note(&sam, RefusalKind::Drift, "approve", None, Duration::from_secs(600)));
        let of_sam = entries.pop().expect("the first of another person is written at once");
        assert_eq!(told(&of_sam), [(RefusalKind::Drift, "approve".to_owned(), 1)]);
        assert!((10..=60).contains(&entries.len()), "{} entries in ten minutes", entries.len());
        entries.extend(write(&mut log, Duration::from_secs(600), true));
        let counted: u64 = entries.iter().flat_map(told).map(|(.., count)| count).sum();
        assert_eq!(counted, asked, "at the stop too");
        assert!(log.due(Duration::from_secs(999), true).is_empty() && log.0.is_empty(), "and nobody is kept for ever");
    }

    #[test]
    fn what_is_counted_is_written_within_a_minute_though_nothing_more_is_refused() {
        let (mut log, ana) = (RefusalLog::default(), actor("ana", 1));
        let plan = PlanId::from("p");
        let s = Duration::from_secs;
        assert!(log.note(&ana, RefusalKind::Drift, "approve", Some(&plan), s(100)).is_some());
        for _ in 0..44 {
            assert!(log.note(&ana, RefusalKind::Drift, "approve", Some(&plan), s(101)).is_none());
        }
        assert!(log.due(s(130), false).is_empty());
        assert_eq!(log.due(s(160), false).len(), 1);
        let late = write(&mut log, s(160), false);
        let [draft] = &late[..] else { panic!("{late:?}") };
        let Happening::Refused(it) = &draft.happening else { panic!("{draft:?}") };
        assert_eq!((it.count, it.plan.as_ref(), it.also.len()), (44, Some(&plan), 0));
        assert!(log.note(&ana, RefusalKind::Rate, "note", None, s(161)).is_none(), "too often is only counted");
        assert_eq!(told(&log.due(s(161), true)[0]), [(RefusalKind::Rate, "note".to_owned(), 1)]);
    }
}
