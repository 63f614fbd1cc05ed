//! What objects mean to their source: the mapping of one kind, and a list while it is being read.

use serde_json::Value;

use crate::model::Stamp;
use crate::model::facts::Fact;

/// The most facts of one kind from one source.
pub const MAX_FACTS: usize = 10_000;

/// What an object means: its key, and the fact if there is one to report.
pub type Mapped = Option<(String, Option<Fact>)>;

/// Turns objects into facts. `None` for an object that can't be told from others: it alone is left out.
pub trait Mapping: Send + 'static {
    /// One object as it is now.
    fn map(&mut self, object: &Value) -> Mapped;
    /// One object is gone.
    fn gone(&mut self, _key: &str) {}
    /// A list begins: everything known is void.
    fn reset(&mut self) {}
    /// A list was read to its end.
    fn complete(&mut self) {}
}

impl<F: FnMut(&Value) -> Mapped + Send + 'static> Mapping for F {
    fn map(&mut self, object: &Value) -> Mapped {
        self(object)
    }
}

/// Objects on their way to becoming a list.
#[derive(Default)]
pub struct GatheredFacts {
    facts: Vec<Fact>,
    /// How many objects could not be read.
    pub odd: usize,
    cut: bool,
}

impl GatheredFacts {
    /// One more object of the list.
    pub fn add(&mut self, mapped: Mapped) {
        match mapped {
            Some((_, Some(fact))) => {
                self.facts.push(fact);
                if self.facts.len() >= 2 * MAX_FACTS {
                    self.cut |= trim(&mut self.facts);
                }
            }
            Some((_, None)) => {}
            None => self.odd += 1,
        }
    }

    /// The list's facts, at most the newest [`MAX_FACTS`], and whether something is missing that need not be old.
    pub fn into_facts(mut self) -> (Vec<Fact>, bool) {
        let cut = trim(&mut self.facts);
        (self.facts, self.cut | cut)
    }
}

/// Cuts a list to its newest [`MAX_FACTS`]; answers whether what went may be as new as what stayed.
fn trim(facts: &mut Vec<Fact>) -> bool {
    if facts.len() <= MAX_FACTS {
        return false;
    }
    facts.sort_by_cached_key(|fact| std::cmp::Reverse(date(fact)));
    let undated = date(&facts[MAX_FACTS - 1]).is_none();
    facts.truncate(MAX_FACTS);
    undated
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
    use crate::model::facts::VolumeBackup;

    fn gathered(started: impl Fn(usize) -> Option<Stamp>) -> (Vec<Fact>, bool) {
        let mut list = GatheredFacts::default();
        for n in 0..MAX_FACTS + 10 {
            let name = format!("v-{n:05}");
            let volume = VolumeBackup {
                cluster: "dr".to_owned(),
                name: name.as_str().into(),
                backup: "b".into(),
                phase: crate::model::facts::Open::new("Completed"),
                started: started(n),
            };
            list.add(Some((name, Some(volume.into()))));
        }
        list.into_facts()
    }

    #[test]
    fn too_long_a_list_keeps_the_newest_and_says_when_that_can_not_be_told() {
        let (kept, cut) = gathered(|n| Stamp::from_timestamp(n as i64, 0));
        assert_eq!((kept.len(), cut), (MAX_FACTS, false));
        assert!(matches!(&kept[0], Fact::VolumeBackup(it) if it.name == "v-10009"), "{:?}", kept[0]);
        let (kept, cut) = gathered(|_| None);
        assert_eq!((kept.len(), cut), (MAX_FACTS, true));
    }
}
