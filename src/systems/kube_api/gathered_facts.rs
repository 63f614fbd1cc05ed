//! A list while it is being read: its objects are mapped and let go as they come, and of what they mean the least needed is
//! let go too once it is more than is kept.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::list_mapping::Mapped;
use crate::model::Stamp;
use crate::model::facts::{Fact, KubeEvent};

/// The most facts of one kind from one source.
pub(crate) const MAX_FACTS: usize = 10_000;

/// Objects on their way to becoming a list.
#[derive(Default)]
pub(super) struct GatheredFacts {
    facts: Vec<ListedFact>,
    /// How many objects could not be read.
    pub odd: usize,
    unkept: u64,
    undated: bool,
}

/// The fact that an object of a list is, and the version of that object, where versions can be compared.
struct ListedFact {
    fact: Fact,
    version: Option<u64>,
}

/// What was kept of a list.
#[derive(Debug, PartialEq)]
pub(super) struct KeptFacts {
    pub facts: Vec<Fact>,
    /// How many were let go, as the least needed.
    pub unkept: u64,
    /// They carry no date, so some of them may be as new as what stayed.
    pub undated: bool,
}

impl GatheredFacts {
    /// One more object of the list.
    pub(super) fn add(&mut self, mapped: Mapped, version: &str) {
        match mapped {
            Some((_, Some(fact))) => {
                self.facts.push(ListedFact { fact, version: comparable(version) });
                if self.facts.len() >= 2 * MAX_FACTS {
                    self.trim();
                }
            }
            Some((_, None)) => {}
            None => self.odd += 1,
        }
    }

    /// An object changed, or is gone, before the list was read to its end.
    pub(super) fn change(&mut self, mapped: Mapped, version: &str, gone: bool) {
        if let Some((key, _)) = &mapped {
            self.facts.retain(|listed| listed.fact.key() != *key);
        }
        if !gone {
            self.add(mapped, version);
        }
    }

    fn trim(&mut self) {
        let (unkept, undated) = trim(&mut self.facts, |listed| (&listed.fact, listed.version));
        self.unkept += unkept;
        self.undated |= undated;
    }

    /// At most [`MAX_FACTS`]; events in the order in which they happened, and within a second as the server wrote them.
    pub(super) fn finish(mut self) -> KeptFacts {
        self.trim();
        let compared = self.facts.iter().all(|listed| listed.version.is_some());
        // Stable: what is not dated stays as the server lists it.
        self.facts.sort_by_key(|listed| match &listed.fact {
            Fact::KubeEvent(event) => Some((event.last, listed.version.filter(|_| compared))),
            _ => None,
        });
        let facts = self.facts.into_iter().map(|listed| listed.fact).collect();
        KeptFacts { facts, unkept: self.unkept, undated: self.undated }
    }
}

/// A version as a number. Those of one resource of an API server are ordered if they are written so, and opaque otherwise.
fn comparable(version: &str) -> Option<u64> {
    let written_so = version.bytes().all(|byte| byte.is_ascii_digit()) && !version.starts_with('0');
    version.parse().ok().filter(|_| written_so)
}

/// Cuts facts to the most needed [`MAX_FACTS`]: of a kind with dates the newest. Answers how many went, and whether they may
/// be as new as what stayed.
pub(super) fn trim<T>(facts: &mut Vec<T>, of: impl Fn(&T) -> (&Fact, Option<u64>)) -> (u64, bool) {
    let Some(unkept) = facts.len().checked_sub(MAX_FACTS).filter(|unkept| *unkept > 0) else { return (0, false) };
    facts.sort_by_cached_key(|it| {
        let (fact, version) = of(it);
        Reverse((date(fact), version))
    });
    let mut seen = HashSet::new();
    let need: Vec<u8> = facts.iter().map(|it| need(of(it).0, &mut seen)).collect();
    drop(seen);
    let undated = facts.iter().any(|it| date(of(it).0).is_none());
    let mut ranked: Vec<(u8, T)> = need.into_iter().zip(facts.drain(..)).collect();
    ranked.sort_by_key(|(need, _)| *need);
    facts.extend(ranked.into_iter().take(MAX_FACTS).map(|(_, it)| it));
    (unkept as u64, undated)
}

/// Which of two facts of one kind is needed more, dates aside. Of events the newest of each thing that happens is needed
/// most, so that what is rare is not lost to what is many, and warnings before others.
fn need<'a>(fact: &'a Fact, seen: &mut HashSet<(&'a str, &'a str, &'a str)>) -> u8 {
    let Fact::KubeEvent(KubeEvent { namespace, object_kind, reason, kind, .. }) = fact else { return 0 };
    let first = seen.insert((namespace.as_str(), object_kind.as_str(), reason.as_str()));
    match (first, kind.is("Warning")) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

fn date(fact: &Fact) -> Option<Stamp> {
    match fact {
        Fact::KubeEvent(event) => Some(event.last),
        Fact::RestorePoint(point) => point.started,
        Fact::Restore(restore) => restore.started,
        Fact::VolumeBackup(volume) => volume.started,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::{Open, VolumeBackup};

    fn gathered(started: impl Fn(usize) -> Option<Stamp>) -> KeptFacts {
        let mut list = GatheredFacts::default();
        for n in 0..MAX_FACTS + 10 {
            let name = format!("v-{n:05}");
            let volume = VolumeBackup {
                cluster: "dr".to_owned(),
                name: name.as_str().into(),
                backup: "b".into(),
                phase: Open::new("Completed"),
                started: started(n),
            };
            list.add(Some((name, Some(volume.into()))), "7");
        }
        list.finish()
    }

    fn event(uid: &str, reason: &str, kind: &str, at: i64) -> (Mapped, String) {
        let event = KubeEvent {
            uid: uid.to_owned(),
            cluster: "dr".to_owned(),
            namespace: "shop".into(),
            object_kind: "Pod".into(),
            object_name: "web".into(),
            reason: reason.into(),
            message: "".into(),
            kind: Open::new(kind),
            count: 1,
            first: None,
            last: Stamp::from_timestamp(at, 0).expect("a time"),
            component: "".into(),
        };
        (Some((uid.to_owned(), Some(event.into()))), uid.rsplit('-').next().unwrap_or("").to_owned())
    }

    fn uids(kept: &KeptFacts) -> Vec<String> {
        kept.facts.iter().map(Fact::key).collect()
    }

    #[test]
    fn too_long_a_list_keeps_the_newest_and_says_when_that_can_not_be_told() {
        let kept = gathered(|n| Stamp::from_timestamp(n as i64, 0));
        assert_eq!((kept.facts.len(), kept.unkept, kept.undated), (MAX_FACTS, 10, false));
        let oldest = |fact: &Fact| matches!(fact, Fact::VolumeBackup(it) if it.name == "v-00009");
        assert!(!kept.facts.iter().any(oldest), "the oldest went");
        let kept = gathered(|_| None);
        assert_eq!((kept.facts.len(), kept.unkept, kept.undated), (MAX_FACTS, 10, true));
    }

    #[test]
    fn a_rare_warning_is_not_lost_to_what_is_newer_and_many() {
        let mut list = GatheredFacts::default();
        let rare = [event("rare-1", "EtcdCorrupt", "Warning", 1), event("odd-2", "Pulled", "Normal", 2)];
        let many = (3..30_000).map(|n| {
            let kind = if n % 2 == 0 { "Normal" } else { "Warning" };
            event(&format!("e-{n}"), if n % 2 == 0 { "Scheduled" } else { "BackOff" }, kind, n)
        });
        for (mapped, version) in rare.into_iter().chain(many) {
            list.add(mapped, &version);
        }
        let kept = list.finish();
        assert_eq!((kept.facts.len(), kept.unkept, kept.undated), (MAX_FACTS, 19_999, false));
        let uids = uids(&kept);
        assert_eq!(uids[..2], ["rare-1", "odd-2"], "in the order of their dates");
        assert!(uids.contains(&"e-29999".to_owned()) && uids.contains(&"e-29998".to_owned()));
        assert!(!uids.contains(&"e-29996".to_owned()), "many and no warning: least needed");
    }

    #[test]
    fn events_of_one_second_stand_as_the_server_wrote_them_if_its_versions_tell() {
        let listed = |events: [(&str, i64); 4]| {
            let mut list = GatheredFacts::default();
            for (uid, at) in events {
                let (mapped, version) = event(uid, "BackOff", "Warning", at);
                list.add(mapped, &version);
            }
            uids(&list.finish())
        };
        assert_eq!(listed([("a-12", 5), ("b-9", 5), ("c-100", 4), ("d-11", 5)]), ["c-100", "b-9", "d-11", "a-12"]);
        assert_eq!(listed([("a-12", 5), ("b-9", 5), ("c-x", 4), ("d-11", 5)]), ["c-x", "a-12", "b-9", "d-11"]);
        for opaque in ["", "0", "07", "1e3", "-4", "99999999999999999999999", "v1"] {
            assert_eq!(comparable(opaque), None, "{opaque}");
        }
    }

    #[test]
    fn what_changed_while_the_list_was_read_is_in_it_once_and_what_went_is_not() {
        let mut list = GatheredFacts::default();
        for uid in ["a-1", "b-2", "c-3"] {
            let (mapped, version) = event(uid, "BackOff", "Warning", 1);
            list.add(mapped, &version);
        }
        let (changed, version) = event("a-1", "BackOff", "Warning", 9);
        list.change(changed, &version, false);
        let (gone, version) = event("b-2", "BackOff", "Warning", 1);
        list.change(gone, &version, true);
        assert_eq!(uids(&list.finish()), ["c-3", "a-1"]);
    }
}
