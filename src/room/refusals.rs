//! Refusals are part of the record, and cost little of it: the first of its kind is written at once, the others are counted
//! and written together within a minute, at the room's stop too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::entry::{EntryDraft, Refused, RefusedToo};
use crate::model::{Actor, Level, Person as Known, PersonId, PlanId, RefusalKind};

/// Entries about one person that are written at once in [`MEMORY`].
const AT_ONCE: usize = 4;
/// For so long a refusal that was written makes the next of its kind wait to be counted.
const MEMORY: Duration = Duration::from_secs(60);
/// What is counted is written after this time: within a minute, with a beat to spare.
const HELD_FOR: Duration = Duration::from_secs(55);

/// Accounts that are nobody's and are told apart; one user namespace has 65,536 of them.
const ACCOUNTS: usize = 32;
/// All accounts beyond that. No person is called so: their names have no space.
const OTHERS: &str = "other accounts";

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
struct PersonRefusals {
    actor: Option<Actor>,
    written: Vec<(Duration, What, Option<PlanId>)>,
    held: Vec<Count>,
    /// When the first of those that are held was refused.
    since: Duration,
}

/// What was refused lately and not written yet.
#[derive(Default)]
pub(super) struct RefusalLog {
    /// Those of the people file, whose refusals are always their own.
    people: BTreeSet<PersonId>,
    refused: BTreeMap<PersonId, PersonRefusals>,
}

impl RefusalLog {
    /// Nothing was refused yet.
    pub(super) fn new(people: &[Known]) -> Self {
        Self { people: people.iter().map(|person| person.id.clone()).collect(), refused: BTreeMap::new() }
    }

    /// In whose name a refusal is written: beyond so many accounts that are nobody's, in that of all the others.
    fn name(&self, actor: &Actor) -> Actor {
        let person = &actor.person;
        if self.people.contains(person) || self.refused.contains_key(person) {
            return actor.clone();
        }
        let accounts = self.refused.keys().filter(|known| !self.people.contains(*known)).count();
        if accounts < ACCOUNTS {
            return actor.clone();
        }
        Actor { person: OTHERS.into(), uid: None, level: Level::Account, login: None, simulated: false }
    }

    /// Notes one; gives the draft to record at once if it is the first of its kind in a minute.
    pub(super) fn note(
        &mut self,
        actor: &Actor,
        kind: RefusalKind,
        verb: &'static str,
        plan: Option<&PlanId>,
        now: Duration,
    ) -> Option<EntryDraft> {
        let what = What { kind, verb };
        let actor = &self.name(actor);
        let person = self.refused.entry(actor.person.clone()).or_default();
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
        Some(EntryDraft { incident: None, by: actor.clone(), happening: refused.into(), text: None })
    }

    /// Counts one, to be written with others.
    pub(super) fn count(
        &mut self,
        actor: &Actor,
        kind: RefusalKind,
        verb: &'static str,
        plan: Option<&PlanId>,
        now: Duration,
    ) {
        let actor = &self.name(actor);
        let person = self.refused.entry(actor.person.clone()).or_default();
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
    pub(super) fn due(&mut self, now: Duration, stopping: bool) -> Vec<EntryDraft> {
        self.refused.retain(|_, person| {
            !person.held.is_empty() || person.written.iter().any(|(at, ..)| now.saturating_sub(*at) < MEMORY)
        });
        let due = self.refused.values().filter(|it| stopping || now.saturating_sub(it.since) >= HELD_FOR);
        due.filter_map(PersonRefusals::draft).collect()
    }

    /// What [`RefusalLog::due`] gave of this person at an instant is in the log. What was refused since is still to be written.
    pub(super) fn written(&mut self, person: &PersonId, refused: &Refused, at: Duration) {
        let Some(person) = self.refused.get_mut(person) else { return };
        let first = (refused.kind, refused.verb.as_str(), refused.count);
        let also = refused.also.iter().map(|it| (it.kind, it.verb.as_str(), it.count));
        for (kind, verb, count) in also.chain([first]) {
            let held = person.held.iter_mut().filter(|it| it.what.kind == kind && it.what.verb == verb);
            held.for_each(|it| it.count = it.count.saturating_sub(count));
        }
        person.held.retain(|it| it.count > 0);
        person.since = at;
    }
}

impl PersonRefusals {
    fn draft(&self) -> Option<EntryDraft> {
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
        Some(EntryDraft { incident: None, by: self.actor.clone()?, happening: refused.into(), text: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::tests::actor;
    use crate::model::Happening;

    /// What is due, written.
    fn write(log: &mut RefusalLog, now: Duration, stopping: bool) -> Vec<EntryDraft> {
        let drafts = log.due(now, stopping);
        drafts.iter().for_each(|draft| log.written(&draft.by.person, refused(draft), now));
        drafts
    }

    fn refused(draft: &EntryDraft) -> &Refused {
        let Happening::Refused(it) = &draft.happening else { panic!("{draft:?}") };
        it
    }

    fn told(draft: &EntryDraft) -> Vec<(RefusalKind, String, u64)> {
        let it = refused(draft);
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
        assert!(
            log.due(Duration::from_secs(999), true).is_empty() && log.refused.is_empty(),
            "and nobody is kept for ever"
        );
    }

    #[test]
    fn what_is_refused_while_others_are_being_written_is_written_after_them() {
        let (mut log, ana) = (RefusalLog::default(), actor("ana", 1));
        let s = Duration::from_secs;
        (0..3).for_each(|_| log.count(&ana, RefusalKind::Rate, "note", None, s(100)));
        let due = log.due(s(155), false);
        log.count(&ana, RefusalKind::Rate, "note", None, s(155));
        log.count(&ana, RefusalKind::Rate, "set", None, s(155));
        log.written(&due[0].by.person, refused(&due[0]), s(155));
        assert_eq!(told(&due[0]), [(RefusalKind::Rate, "note".to_owned(), 3)]);
        assert!(log.due(s(156), false).is_empty(), "not at once again");
        let rest = [(RefusalKind::Rate, "note".to_owned(), 1), (RefusalKind::Rate, "set".to_owned(), 1)];
        assert_eq!(told(&write(&mut log, s(210), false)[0]), rest);
    }

    #[test]
    fn a_crowd_of_accounts_writes_as_much_as_a_few_and_hides_nobody_of_the_people_file() {
        let ana = Known { id: "ana".into(), accounts: Vec::new(), uids: vec![1], roles: Vec::new() };
        let mut log = RefusalLog::new(&[ana]);
        let now = Duration::from_secs(100);
        for uid in 0..10_000 {
            let stranger = actor(&format!("uid {uid}"), uid);
            log.count(&stranger, RefusalKind::Rate, "connect", None, now);
        }
        log.count(&actor("ana", 1), RefusalKind::Rate, "connect", None, now);
        let drafts = write(&mut log, now, true);
        assert_eq!(drafts.len(), ACCOUNTS + 2);
        assert_eq!(drafts.iter().flat_map(told).map(|(.., count)| count).sum::<u64>(), 10_001);
        let of = |name: &str| drafts.iter().find(|it| it.by.person.as_str() == name).map(told);
        assert_eq!(of("ana"), Some(vec![(RefusalKind::Rate, "connect".to_owned(), 1)]));
        assert_eq!(of(OTHERS).map(|it| it[0].2), Some(10_000 - ACCOUNTS as u64));
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
