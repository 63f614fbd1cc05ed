//! A silence: what it keeps quiet, until when and why.

use serde::{Deserialize, Serialize};

use crate::board::Row;
use crate::board::describe::{Describe, Description};
use crate::model::filter::Field;
use crate::model::silence::{Silence, line_of};
use crate::model::time::moment;
use crate::model::{SafeText, Stamp};

use super::AlertRow;

/// A silence, merged over the instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SilenceRow {
    /// As one instance has it: where instances differ in its state, one that says it is in force.
    pub silence: Silence,
    /// Instances that hold it.
    pub held_by: Vec<String>,
    /// Instances whose silences can be read and that don't.
    pub missing_from: Vec<String>,
    /// Current alerts that it keeps quiet, or will.
    pub hits: u32,
    /// Critical ones among them.
    pub critical: u32,
}

impl Describe for SilenceRow {
    fn describe(&self, say: &mut Description<'_>) {
        let Self { silence, hits, critical, .. } = self;
        let id: String = silence.id.chars().take(8).collect();
        let line = line_of(&silence.matchers);
        say.title(format_args!("{id} {line}"));
        say.summary(|now| {
            let until = silence.ends_at.map_or(String::new(), |at| format!(" until {}", moment(at, now)));
            let by = format!("by {} · {}", silence.created_by, silence.comment);
            format!("{}{until} · {hits} alerts, {critical} critical · {by}", silence.state.as_str())
        });
        say.at(silence.starts_at);
        say.field(Field::Name, "", [&silence.id]);
        say.field(Field::State, "", [silence.state.as_str()]);
        say.field(Field::Person, "", [&silence.created_by]);
        say.text("", [silence.comment.as_str(), &line]);
    }
}

/// What a reference among an alert's silences means: who, until when, why, and which.
pub fn silence_words(silences: &[Row], reference: &str, when: impl Fn(Stamp) -> String) -> SafeText {
    let found = silences.iter().find(|row| row.id == reference);
    let text = match found.and_then(Row::as_kind) {
        Some(SilenceRow { silence, .. }) => {
            let until = silence.ends_at.map(|at| format!(" until {}", when(at))).unwrap_or_default();
            let line = line_of(&silence.matchers);
            format!("{}{until}: {} · {line} · {}", silence.created_by, silence.comment, silence.id)
        }
        _ => match reference.strip_prefix("mute:") {
            Some(interval) => format!("time interval {interval}"),
            None => format!("{reference}, of which nothing is known"),
        },
    };
    SafeText::from(text)
}

/// The name of the alert with this fingerprint, where it is known.
pub fn inhibitor_words(alerts: &[Row], fingerprint: &str) -> SafeText {
    let found = alerts.iter().find(|row| row.id == fingerprint).and_then(Row::as_kind);
    let Some(AlertRow { alert, .. }) = found else {
        return SafeText::from(format!("{fingerprint}, which is in no list"));
    };
    let place = alert.labels.get("cluster").map(|it| format!(" on {it}")).unwrap_or_default();
    SafeText::from(format!("{}{place} ({fingerprint})", alert.name))
}
