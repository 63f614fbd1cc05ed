//! Completing a filter: names of fields that rows have, then values that exist now.

use super::parse::{named, string, tokens};
use super::{Field, Fields, SEVERITIES};

/// The most candidates offered.
const MOST: usize = 100;
/// The most rows that are looked at.
const MOST_ROWS: usize = 5_000;
/// The longest value that is offered: nobody chooses a sentence.
const LONGEST: usize = 60;

/// What could stand where the cursor is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Where what they replace begins, in characters; it ends at the cursor.
    pub from: usize,
    /// Best first.
    pub candidates: Vec<String>,
}

/// Completes what stands before the cursor (in characters) with what the rows have.
pub fn complete<'a>(text: &str, cursor: usize, rows: impl Iterator<Item = &'a dyn Fields>) -> Completion {
    let before: String = text.chars().take(cursor).collect();
    let ends_open = tokens(&before).last().is_some_and(|token| token.open.is_some());
    let fresh = before.is_empty() || (before.ends_with(char::is_whitespace) && !ends_open);
    let token = if fresh { None } else { tokens(&before).pop() };
    let (start, letters) = match &token {
        None => (cursor.min(before.chars().count()), [].as_slice()),
        Some(token) => match token.letters.split_first() {
            Some((first, rest)) if first.c == '!' && !first.quoted => (token.at + 1, rest),
            _ => (token.at, token.letters.as_slice()),
        },
    };
    match named(letters) {
        Some(at) => {
            let Some(field) = Field::by_name(&string(&letters[..at])) else { return Completion::default() };
            values(field, letters[at].at + 1, &before, rows)
        }
        None => {
            // A quoted beginning is a phrase, and no field's name.
            let typed = string(letters).to_lowercase();
            let phrase = token.is_some_and(|token| token.open.is_some());
            let candidates = if phrase { Vec::new() } else { names(&typed, rows) };
            Completion { from: start, candidates }
        }
    }
}

/// Fields that begin so, those that a row here has.
fn names<'a>(typed: &str, rows: impl Iterator<Item = &'a dyn Fields>) -> Vec<String> {
    let mut wanted: Vec<Field> = Field::ALL.iter().copied().filter(|field| field.name().starts_with(typed)).collect();
    let mut found = Vec::new();
    for row in rows.take(MOST_ROWS) {
        wanted.retain(|field| {
            let mut has = *field == Field::Severity || (field.is_age() && row.at().is_some());
            if !has {
                row.values(*field, &mut |value| has = has || !value.is_empty());
            }
            if has {
                found.push(*field);
            }
            !has
        });
        if wanted.is_empty() {
            break;
        }
    }
    found.sort_unstable();
    found.into_iter().map(|field| format!("{}:", field.name())).collect()
}

/// Values of a field that begin so, the most frequent first; in quotes where they hold a space.
fn values<'a>(field: Field, after: usize, before: &str, rows: impl Iterator<Item = &'a dyn Fields>) -> Completion {
    let typed: String = before.chars().skip(after).collect();
    if field.is_age() {
        let fitting = [">1m", ">5m", ">15m", ">1h", ">1d", "<1m", "<5m", "<15m", "<1h", "<1d"].into_iter();
        let candidates = fitting.filter(|it| it.starts_with(&typed)).map(str::to_owned).collect();
        return Completion { from: after, candidates };
    }
    if field == Field::Severity {
        let op: String = typed.chars().take_while(|c| matches!(c, '<' | '>' | '=')).collect();
        let word = typed[op.len()..].rsplit(',').next().unwrap_or_default().to_lowercase();
        let from = after + typed.chars().count() - word.chars().count();
        let fitting = SEVERITIES.into_iter().rev().filter(|it| it.starts_with(&word));
        return Completion { from, candidates: fitting.map(str::to_owned).collect() };
    }
    let comma =
        typed.rfind(',').filter(|at| typed[*at..].matches('"').count().is_multiple_of(2)).map_or(0, |at| at + 1);
    let from = after + typed[..comma].chars().count();
    let begun = typed[comma..].trim_start_matches('"').to_lowercase();
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for row in rows.take(MOST_ROWS) {
        row.values(field, &mut |value| {
            let fits = !value.is_empty()
                && !value.contains('"')
                && value.len() <= LONGEST
                && value.to_lowercase().starts_with(&begun);
            if fits && (counts.contains_key(value) || counts.len() < 10 * MOST) {
                *counts.entry(value.to_owned()).or_default() += 1;
            }
        });
    }
    let mut found: Vec<(String, usize)> = counts.into_iter().collect();
    found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let quote = |value: String| match value.contains(|c: char| c.is_whitespace() || c == ',') {
        true => format!("\"{value}\""),
        false => value,
    };
    Completion { from, candidates: found.into_iter().take(MOST).map(|(value, _)| quote(value)).collect() }
}
