//! What objects mean to their source: the mapping of one kind, and a list while it is being read.

use serde_json::Value;

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
pub struct Gathered {
    facts: Vec<Fact>,
    /// How many objects could not be read.
    pub odd: usize,
}

impl Gathered {
    /// One more object of the list.
    pub fn add(&mut self, mapped: Mapped) {
        match mapped {
            Some((_, Some(fact))) => {
                self.facts.push(fact);
                if self.facts.len() >= 2 * MAX_FACTS {
                    trim(&mut self.facts);
                }
            }
            Some((_, None)) => {}
            None => self.odd += 1,
        }
    }

    /// The list's facts, at most the newest [`MAX_FACTS`].
    pub fn into_facts(mut self) -> Vec<Fact> {
        trim(&mut self.facts);
        self.facts
    }
}

/// Cuts a list to its newest [`MAX_FACTS`].
fn trim(facts: &mut Vec<Fact>) {
    if facts.len() > MAX_FACTS {
        facts.sort_by_key(|fact| {
            std::cmp::Reverse(match fact {
                Fact::KubeEvent(event) => Some(event.last),
                Fact::RestorePoint(point) => point.started,
                Fact::Restore(restore) => restore.started,
                _ => None,
            })
        });
        facts.truncate(MAX_FACTS);
    }
}
