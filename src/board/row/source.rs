//! A source: whether it answers, and what to do if not.

use serde::{Deserialize, Serialize};

use crate::board::describe::{Describe, Description, joined};
use crate::model::filter::Field;
use crate::model::time::{short, since};
use crate::model::{SafeText, Stamp, Trouble};

/// A source: is it alive, and if not, why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRow {
    /// When it last proved to be alive; `None` = never.
    pub alive_at: Option<Stamp>,
    /// Since when it is in trouble.
    pub troubled_since: Option<Stamp>,
    /// What is wrong, and the remedy, until an answer disproves it; `None` = nothing is.
    pub trouble: Option<Trouble>,
    /// Its data is stale after so many seconds.
    pub fresh_for_s: u64,
    /// Some of its lists are still being read, for the first time or again after it was away.
    #[serde(default)]
    pub reading: bool,
    /// The way there in words: proxy, client certificate, headers. Empty where there is nothing to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<SafeText>,
}

impl Describe for SourceRow {
    fn describe(&self, say: &mut Description<'_>) {
        let source = say.source;
        say.title("source");
        say.summary(|now| self.summary(now));
        say.at(self.troubled_since.or(self.alive_at));
        say.field(Field::Name, "", [&source.instance]);
        say.place(&source.instance);
        say.state(&[(true, if self.trouble.is_some() { "troubled" } else { "read" })]);
        say.texts(self.trouble.iter().flat_map(|it| [&it.what, &it.remedy]));
    }
}

impl SourceRow {
    /// When it was last heard, and what to do about it; what failed is in the row's own reason.
    fn summary(&self, now: Stamp) -> String {
        let alive = self.alive_at.map_or("never heard".to_owned(), |at| format!("alive {} ago", short(since(at, now))));
        match &self.trouble {
            Some(trouble) if !trouble.remedy.is_empty() => format!("{alive} · {}", trouble.remedy),
            // A trouble names the proxy itself.
            None if !self.notes.is_empty() => format!("{alive} · {}", joined(&self.notes, ", ")),
            _ => alive,
        }
    }
}
