//! Values on the command line: words from closed lists, durations, names.

use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::config::units;
use crate::model::filter::Filter;
use crate::model::{Action, Digest, IncidentStatus, Milestone, Severity};

pub(crate) fn severities() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::name))
        .try_map(|word| Severity::ALL.into_iter().find(|severity| severity.name() == word).ok_or("not a severity"))
}

/// Every status but the last: an incident is closed by `incident close`.
pub(crate) fn statuses() -> impl TypedValueParser<Value = IncidentStatus> {
    let words = IncidentStatus::ALL.into_iter().filter(|status| *status != IncidentStatus::Closed);
    PossibleValuesParser::new(words.map(IncidentStatus::name))
        .try_map(|word| IncidentStatus::ALL.into_iter().find(|status| status.name() == word).ok_or("not a status"))
}

/// A milestone by its word, with `-` or `_`.
pub(crate) fn milestone(text: &str) -> Result<Milestone, String> {
    Milestone::by_name(text).ok_or_else(|| {
        let known = Milestone::ALL.map(|milestone| milestone.name().to_owned()).join(", ");
        format!("milestones are {known}")
    })
}

pub(crate) fn actions() -> impl TypedValueParser<Value = Action> {
    PossibleValuesParser::new(Action::ALL.map(Action::name))
        .try_map(|word| Action::by_name(&word).ok_or("not an action"))
}

/// The words of all actions, as the help has them.
pub(crate) fn action_words() -> &'static str {
    static WORDS: LazyLock<String> = LazyLock::new(|| Action::ALL.map(Action::name).join("|"));
    &WORDS
}

pub(crate) fn person(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if text.is_empty() || text.len() > 63 || !text.bytes().all(plain) || text == "room" {
        return Err("a name has up to 63 ASCII letters, digits, `.`, `_` and `-`, and is not `room`".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text).map(Duration::from_secs)
}

/// A filter; what can't be read is named with its place.
pub(crate) fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| format!("at character {}: {error}", error.at + 1))
}

/// 0 for as fast as the machine allows.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=600.0).contains(&speed) => Ok(speed),
        _ if text == "max" => Ok(0.0),
        _ => Err("drill seconds per second: a number from 0.1 to 600, or max with --headless".to_owned()),
    }
}

pub(crate) fn size(text: &str) -> Result<(u16, u16), String> {
    let wrong = || "columns x rows, like 120x40, from 20x5 to 500x200".to_owned();
    let (columns, rows) = text.split_once('x').ok_or_else(wrong)?;
    match (columns.parse(), rows.parse()) {
        (Ok(columns @ 20..=500), Ok(rows @ 5..=200)) => Ok((columns, rows)),
        _ => Err(wrong()),
    }
}

/// A head: an entry's number and hash, `812:` and 64 hex digits.
pub(crate) fn head(text: &str) -> Result<(u64, Digest), String> {
    let (seq, hash) = text.split_once(':').unwrap_or_default();
    let hash = Digest::from_hex(hash.strip_prefix("sha256:").unwrap_or(hash));
    match (seq.parse(), hash) {
        (Ok(seq @ 1..), Some(hash)) => Ok((seq, hash)),
        _ => Err("an entry's number, a colon and its hash of 64 lower-case hex digits, like 812:9f3c…".to_owned()),
    }
}

/// The name of a namespace.
pub(crate) fn namespace(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !text.is_empty() && text.len() <= 63 && text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-')
    {
        return Ok(text.to_owned());
    }
    Err("a namespace has lower-case letters, digits and dashes".to_owned())
}
