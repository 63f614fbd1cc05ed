//! Text → tables, collecting instead of stopping: all syntax errors, then all unknown keys and wrong types of every table.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Report;
use crate::model::suggest::nearest;

/// The most syntax errors shown: after a few, each is only an echo of the one before.
const MAX_SYNTAX: usize = 5;

/// The top level of a file: sections are taken out by name; what is left is unknown.
pub(super) struct TopLevel<'i> {
    table: DeTable<'i>,
    known: Vec<&'static str>,
}

impl<'i> TopLevel<'i> {
    /// `None` if it isn't TOML at all.
    pub(super) fn parse(report: &mut Report<'i>) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(report.text());
        if errors.is_empty() {
            return Some(Self { table: table.into_inner(), known: Vec::new() });
        }
        for error in errors.iter().take(MAX_SYNTAX) {
            report.at(error.span().unwrap_or(0..0), format!("this is not TOML: {}", error.message()));
        }
        None
    }

    /// The tables of a section, each with its place: any number of `[[name]]`, or at most one `[name]`.
    pub(super) fn take(&mut self, title: &'static str, report: &mut Report<'_>) -> Vec<(Range<usize>, DeTable<'i>)> {
        let (name, single) = (title.trim_matches(['[', ']']), !title.starts_with("[["));
        self.known.push(name);
        let Some((key, value)) = self.table.remove_entry(name) else { return Vec::new() };
        let wrong = if single {
            format!("`{name}` is one table: write `{title}` above its keys")
        } else {
            format!("`{name}` is a list of tables: write `{title}` above the keys of each")
        };
        let mut tables = Vec::new();
        let mut is_wrong = |at: Range<usize>| report.at(at, &wrong);
        let at = value.span();
        match value.into_inner() {
            DeValue::Table(table) if single => tables.push((at, table)),
            DeValue::Array(items) if single => {
                is_wrong(key.span());
                // What was probably meant is read on, so that one slip isn't followed by errors about what is "missing".
                let first = items.into_iter().next().map(|item| (item.span(), item.into_inner()));
                tables.extend(first.and_then(|(at, item)| Some((at, into_table(item)?))));
            }
            DeValue::Array(items) => {
                for item in items {
                    let at = item.span();
                    match into_table(item.into_inner()) {
                        Some(table) => tables.push((at, table)),
                        None => is_wrong(at),
                    }
                }
            }
            _ => is_wrong(key.span()),
        }
        tables
    }

    /// Reports the sections that nobody took.
    pub(super) fn finish(self, report: &mut Report<'_>) {
        for (key, value) in &self.table {
            let name: &str = key.get_ref();
            let what = match value.get_ref() {
                DeValue::Table(_) | DeValue::Array(_) => format!("unknown section `{name}`"),
                _ => format!("unknown key `{name}` outside any section"),
            };
            report.word(key.span(), &what, name, &self.known);
        }
    }
}

fn into_table(value: DeValue<'_>) -> Option<DeTable<'_>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// Reports and removes the keys that the tables within a value don't know, if it is a table or lists some.
pub(super) fn refuse_unknown_within(
    value: &mut Spanned<DeValue<'_>>,
    known: &[&str],
    title: &str,
    report: &mut Report<'_>,
) {
    let at = value.span();
    match value.get_mut() {
        DeValue::Table(nested) => refuse_unknown(nested, known, title, &at, report),
        DeValue::Array(items) => {
            items.iter_mut().for_each(|item| refuse_unknown_within(item, known, title, report));
        }
        _ => {}
    }
}

/// Reports and removes the keys that a table doesn't know.
pub(super) fn refuse_unknown(
    table: &mut DeTable<'_>,
    known: &[&str],
    title: &str,
    at: &Range<usize>,
    report: &mut Report<'_>,
) {
    let unknown: Vec<String> =
        table.keys().map(|key| key.get_ref().to_string()).filter(|name| !known.contains(&name.as_str())).collect();
    for name in &unknown {
        let Some((key, _)) = table.get_key_value(name.as_str()) else { continue };
        report.word(key.span(), &format!("unknown key `{name}` in {title}"), name, known);
        let meant = nearest(name, known.iter().copied());
        if let Some(meant) = meant.filter(|meant| !table.contains_key(*meant)) {
            report.unread(at, meant);
        }
    }
    for name in &unknown {
        table.remove(name.as_str());
    }
}
