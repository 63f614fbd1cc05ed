//! When a binding applies: `when = "incident && !drill"`. A closed set of plain facts, joined by `&&`, each may be negated.

use crate::console::toml_source::{DataError, TomlSource};

macro_rules! facts {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// Something that is so or not, when a key is pressed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum KeyFact { $(#[doc = concat!("`", $name, "`: ", $doc, ".")] $variant,)* }

        impl KeyFact {
            /// Every fact.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word in key map files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Continues "it works only while …".
            pub fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

facts! {
    Incident = "incident", "an incident is open";
    Plan = "plan", "a plan waits for a person, or runs";
    Drill = "drill", "this is a drill";
    Readonly = "readonly", "this console only watches";
    Acting = "acting", "you may act: connected, an operator, and the room records";
    Zoomed = "zoomed", "one pane has the whole screen";
    Frozen = "frozen", "the screen is held still";
    Filtered = "filtered", "the pane has a filter";
}

/// The facts that are so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFacts(u16);

impl KeyFacts {
    /// Says that a fact is so, or not.
    #[must_use]
    pub fn with(self, fact: KeyFact, so: bool) -> Self {
        if so { Self(self.0 | bit(fact)) } else { Self(self.0 & !bit(fact)) }
    }
}

fn bit(fact: KeyFact) -> u16 {
    1 << fact as u16
}

/// What must be so, and what must not. The empty one always holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BindingCondition {
    yes: u16,
    no: u16,
}

impl BindingCondition {
    /// Reads the words of `when`.
    pub fn parse(source: TomlSource<'_>, at: std::ops::Range<usize>, text: &str) -> Result<Self, DataError> {
        let mut condition = Self::default();
        for part in text.split("&&").map(str::trim) {
            let (word, wanted) = part.strip_prefix('!').map_or((part, true), |rest| (rest.trim(), false));
            let Some(fact) = KeyFact::ALL.iter().find(|fact| fact.name() == word) else {
                let names = KeyFact::ALL.iter().map(|fact| fact.name());
                return Err(source.unknown(at, format!("`{word}` is not a condition"), word, names));
            };
            let side = if wanted { &mut condition.yes } else { &mut condition.no };
            *side |= bit(*fact);
        }
        if condition.yes & condition.no != 0 {
            return Err(source.error(at, format!("`{text}` can never be so")));
        }
        Ok(condition)
    }

    /// Whether it holds.
    pub fn holds(self, facts: KeyFacts) -> bool {
        facts.0 & self.yes == self.yes && facts.0 & self.no == 0
    }

    /// Whether this one holds whenever the other does.
    pub fn covers(self, other: Self) -> bool {
        self.yes & other.yes == self.yes && self.no & other.no == self.no
    }

    /// Whether it asks for anything.
    pub fn is_always(self) -> bool {
        self == Self::default()
    }

    /// What it asks for, to continue "only while …".
    pub fn words(self) -> String {
        let part = |fact: &KeyFact| {
            if self.yes & bit(*fact) != 0 {
                Some(fact.doc().to_owned())
            } else if self.no & bit(*fact) != 0 {
                Some(format!("it is not so that {}", fact.doc()))
            } else {
                None
            }
        };
        KeyFact::ALL.iter().filter_map(part).collect::<Vec<_>>().join(", and ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BindingCondition, String> {
        let source = TomlSource { file: "k", text };
        BindingCondition::parse(source, 0..0, text).map_err(|error| error.to_string())
    }

    #[test]
    fn words_are_joined_and_negated() {
        let facts =
            KeyFacts::default().with(KeyFact::Incident, true).with(KeyFact::Frozen, true).with(KeyFact::Frozen, false);
        assert!(read("incident").unwrap().holds(facts));
        assert!(read(" incident && ! drill ").unwrap().holds(facts));
        assert!(!read("incident && frozen").unwrap().holds(facts) && !read("!incident").unwrap().holds(facts));
        assert!(BindingCondition::default().holds(facts));
        assert_eq!(read("!drill").unwrap().words(), "it is not so that this is a drill");
        assert_eq!(read("incidnt").unwrap_err(), "k:1:1: `incidnt` is not a condition; did you mean `incident`?");
        assert_eq!(read("drill && !drill").unwrap_err(), "k:1:1: `drill && !drill` can never be so");
        assert!(read("").is_err());
    }

    #[test]
    fn one_covers_another_that_asks_for_more() {
        let (one, both) = (read("incident").unwrap(), read("incident && !drill").unwrap());
        assert!(one.covers(both) && !both.covers(one) && BindingCondition::default().covers(one) && one.covers(one));
    }
}
