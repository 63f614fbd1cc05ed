//! The filter language: the same words in every pane, on the command line and in exports.
//!
//! ```text
//! etcd                   every word must occur somewhere in the row's text; case does not matter
//! "not ready"            a phrase
//! !normal                what must not occur; `!` goes before anything
//! cluster:dr             a field that is exactly this; `*` stands for anything: name:check*
//! ns:shop,cart           any of these
//! severity:critical      ok, info, unknown, warning, critical
//! severity:>=warning     and worse; <=, > and < likewise
//! >5m  <1h               older and younger than; age: of the thing itself, seen: of its proof (seen:>2m)
//! ```
//!
//! Terms are separated by spaces and all must hold. What can't be understood is an error with its place and a remedy, never
//! a filter that quietly means something else. Pure: ages are counted to the `now` that is given.

mod complete;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use super::Stamp;

pub use complete::{Completion, complete};

/// The most characters of a filter.
pub const MOST_CHARS: usize = 500;
/// The most terms of a filter.
pub const MOST_TERMS: usize = 32;

macro_rules! fields {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// What a term can ask for by name. Which of them a row has depends on what it is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $(#[doc = $doc] $variant,)* }

        impl Field {
            /// Every field, in the order of help.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name before the colon.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// For help.
            pub fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

fields! {
    Severity = "severity", "how it stands: ok, info, unknown, warning, critical";
    State = "state", "its own word: firing, silenced, Synced, proposed, stale, pinned, …";
    Kind = "kind", "what it is: alert, event, pool, note, decision, alert.firing, Pod, …";
    Name = "name", "its name";
    Cluster = "cluster", "the cluster it is in";
    Ns = "ns", "the namespace it is in";
    Service = "service", "the service it belongs to";
    Reason = "reason", "an event's reason";
    Source = "source", "who said so: kubernetes/primary, room, …";
    Person = "person", "who wrote, proposed or confirmed it";
    Receiver = "receiver", "whom an alert told";
    Label = "label", "an alert's label: label:team=shop";
    Site = "site", "who serves: primary, dr";
    Age = "age", "how long ago: age:>5m, the same as >5m";
    Seen = "seen", "how long ago it was proven: seen:>2m";
}

impl Field {
    /// The field of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name().eq_ignore_ascii_case(name))
    }

    /// Whether it is a length of time and not words.
    pub fn is_age(self) -> bool {
        matches!(self, Self::Age | Self::Seen)
    }
}

/// The words of `severity:`, the least first.
pub const SEVERITIES: [&str; 5] = ["ok", "info", "unknown", "warning", "critical"];

/// What a filter can ask of a row or an entry.
pub trait Fields {
    /// Every piece of its text, for words: whatever a pane or a table might show of it.
    fn texts(&self, each: &mut dyn FnMut(&str));

    /// Every value of a field; none where it has no such field. Not asked for severity and ages.
    fn values(&self, field: Field, each: &mut dyn FnMut(&str));

    /// How it stands, as one of [`SEVERITIES`].
    fn severity(&self) -> &'static str;

    /// When it happened or began.
    fn at(&self) -> Option<Stamp>;

    /// When it was last proven.
    fn seen(&self) -> Option<Stamp> {
        self.at()
    }
}

/// A filter that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    text: String,
    terms: Vec<FilterTerm>,
}

/// Why a filter was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where, in characters from the beginning.
    pub at: usize,
    /// What can't be understood, in a few words; shown before the hint.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

impl std::error::Error for FilterError {}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FilterTerm {
    /// `!`: what must not be so.
    not: bool,
    test: TermTest,
}

/// What a term asks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TermTest {
    /// Lower case.
    Words(String),
    /// Any of these, lower case, `*` for anything.
    Value(Field, Vec<String>),
    /// Places in [`SEVERITIES`], each allowed or not.
    Severity([bool; SEVERITIES.len()]),
    Older(Field, i64),
    Younger(Field, i64),
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// Where it can't be understood, why, and what was probably meant.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text).map(|terms| Self { text: text.trim().to_owned(), terms })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether every term holds of it.
    pub fn matches(&self, it: &dyn Fields, now: Stamp) -> bool {
        self.terms.iter().all(|term| term.test.holds(it, now) != term.not)
    }
}

impl TermTest {
    fn holds(&self, it: &dyn Fields, now: Stamp) -> bool {
        match self {
            Self::Words(words) => {
                let mut found = false;
                it.texts(&mut |text| found = found || contains(text, words));
                found
            }
            Self::Value(field, wanted) => {
                let mut found = false;
                it.values(*field, &mut |value| found = found || wanted.iter().any(|pattern| is_like(value, pattern)));
                found
            }
            Self::Severity(allowed) => rank(it.severity()).is_some_and(|at| allowed[at]),
            // What has no time is neither old nor young.
            Self::Older(field, seconds) => age(it, *field, now).is_some_and(|age| age > *seconds),
            Self::Younger(field, seconds) => age(it, *field, now).is_some_and(|age| age < *seconds),
        }
    }
}

fn rank(word: &str) -> Option<usize> {
    SEVERITIES.iter().position(|known| *known == word)
}

fn age(it: &dyn Fields, field: Field, now: Stamp) -> Option<i64> {
    let from = if field == Field::Seen { it.seen() } else { it.at() };
    // An epoch is how sources say that they never did.
    from.filter(|from| *from != Stamp::UNIX_EPOCH).map(|from| (now - from).num_seconds())
}

/// Whether `words` (lower case) occur in a text of any case.
fn contains(text: &str, words: &str) -> bool {
    let (hay, needle) = (text.as_bytes(), words.as_bytes());
    if text.is_ascii() {
        // The usual case, for thousands of rows a frame: nothing is copied.
        return needle.len() <= hay.len() && hay.windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle));
    }
    text.to_lowercase().contains(words)
}

/// Whether a value is like a pattern (lower case) with `*` for anything.
fn is_like(value: &str, pattern: &str) -> bool {
    if !pattern.contains('*') {
        return value.eq_ignore_ascii_case(pattern) || (!value.is_ascii() && value.to_lowercase() == pattern);
    }
    let value = value.to_lowercase();
    let mut parts = pattern.split('*');
    let (first, last) = (parts.next().unwrap_or_default(), parts.next_back().unwrap_or_default());
    let Some(rest) = value.strip_prefix(first) else { return false };
    let Some(mut rest) = rest.strip_suffix(last) else { return false };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}
