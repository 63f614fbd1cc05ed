//! Text → raw tables, collecting instead of stopping: all syntax errors, then all unknown keys and wrong types of every
//! table. The list of valid keys is asked of the struct itself, so it can't drift from it.

use std::ops::Range;

use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::error::Report;
use super::raw::{
    RawAlertmanager, RawBasicAuth, RawCloudflare, RawCluster, RawConsole, RawFile, RawHeaderFile, RawHostTable, RawLog,
    RawNetwork, RawPeople, RawPerson, RawPolicy, RawProbe, RawPrometheus, RawRoom, RawRules, RawService, RawSlo,
    Section,
};
use crate::model::suggest::nearest;

/// The most syntax errors shown: after a few, each is only an echo of the one before.
const MAX_SYNTAX: usize = 5;
/// Keys whose values carry a unit: a bare number gets told so.
const WITH_UNIT: &[&str] = &["every", "every_long", "timeout", "rto", "rpo", "ttl", "argocd_stale", "period"];

/// Reads `warroom.toml`. `None` if it isn't TOML at all.
pub(super) fn file(report: &mut Report<'_>) -> Option<RawFile> {
    let mut top = Top::parse(report)?;
    let raw = RawFile {
        room: top.one::<RawRoom>("room", report),
        clusters: top.many::<RawCluster>("cluster", report),
        alertmanagers: top.many::<RawAlertmanager>("alertmanager", report),
        prometheus: top.many::<RawPrometheus>("prometheus", report),
        cloudflare: top.many::<RawCloudflare>("cloudflare", report),
        probes: top.many::<RawProbe>("probe", report),
        services: top.many::<RawService>("service", report),
        slos: top.many::<RawSlo>("slo", report),
        rules: top.one::<RawRules>("rules", report),
        policy: top.one::<RawPolicy>("policy", report),
        network: top.one::<RawNetwork>("network", report),
        log: top.one::<RawLog>("log", report),
        console: top.one::<RawConsole>("console", report),
    };
    top.finish(report);
    Some(raw)
}

/// Reads only `[console]` of `warroom.toml`. The outer `None`: it isn't TOML at all.
pub(super) fn console(report: &mut Report<'_>) -> Option<Option<Section<RawConsole>>> {
    Some(Top::parse(report)?.one::<RawConsole>("console", report))
}

/// Reads `people.toml`. `None` if it isn't TOML at all.
pub(super) fn people(report: &mut Report<'_>) -> Option<RawPeople> {
    let mut top = Top::parse(report)?;
    let raw = RawPeople { people: top.many::<RawPerson>("person", report) };
    top.finish(report);
    Some(raw)
}

/// The top level of a file: sections are taken out by name; what is left is unknown.
struct Top<'i> {
    table: DeTable<'i>,
    known: Vec<&'static str>,
}

impl<'i> Top<'i> {
    fn parse(report: &mut Report<'i>) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(report.text());
        if errors.is_empty() {
            return Some(Self { table: table.into_inner(), known: Vec::new() });
        }
        for error in errors.iter().take(MAX_SYNTAX) {
            report.at(error.span().unwrap_or(0..0), format!("this is not TOML: {}", error.message()));
        }
        None
    }

    fn take(&mut self, name: &'static str) -> Option<(Range<usize>, Spanned<DeValue<'i>>)> {
        self.known.push(name);
        let (key, value) = self.table.remove_entry(name)?;
        Some((key.span(), value))
    }

    /// A `[name]` table.
    fn one<T: DeserializeOwned + Default>(
        &mut self,
        name: &'static str,
        report: &mut Report<'_>,
    ) -> Option<Section<T>> {
        let (key, value) = self.take(name)?;
        let title = format!("[{name}]");
        if value.get_ref().is_table() {
            return Some(table(value, &title, report));
        }
        report.at(key, format!("`{name}` is one table: write `{title}` above its keys"));
        // What was probably meant is read on, so that one slip isn't followed by errors about what is "missing".
        match value.into_inner() {
            DeValue::Array(items) => items
                .into_iter()
                .next()
                .filter(|item| item.get_ref().is_table())
                .map(|item| table(item, &title, report)),
            _ => None,
        }
    }

    /// Any number of `[[name]]` tables.
    fn many<T: DeserializeOwned + Default>(&mut self, name: &'static str, report: &mut Report<'_>) -> Vec<Section<T>> {
        let Some((key, value)) = self.take(name) else { return Vec::new() };
        let wrong = format!("`{name}` is a list of tables: write `[[{name}]]` above the keys of each");
        let DeValue::Array(items) = value.into_inner() else {
            report.at(key, wrong);
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items {
            if item.get_ref().is_table() {
                out.push(table(item, &format!("[[{name}]]"), report));
            } else {
                report.at(item.span(), &wrong);
            }
        }
        out
    }

    fn finish(self, report: &mut Report<'_>) {
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

/// One table: unknown keys and wrong types are reported and left out, the rest is kept.
fn table<T: DeserializeOwned + Default>(
    value: Spanned<DeValue<'_>>,
    title: &str,
    report: &mut Report<'_>,
) -> Section<T> {
    let at = value.span();
    let DeValue::Table(mut table) = value.into_inner() else { return Section { at, it: T::default() } };
    refuse_unknown(&mut table, fields_of::<T>(), title, &at, report);
    for (key, nested) in table.iter_mut() {
        let fields = match key.get_ref().as_ref() {
            "basic_auth" => fields_of::<RawBasicAuth>(),
            "load_balancer" => fields_of::<RawHostTable>(),
            "headers" => {
                // Its keys are the names of headers; each may be a table.
                let DeValue::Table(headers) = nested.get_mut() else { continue };
                for (name, header) in headers.iter_mut() {
                    refuse_unknown_within(header, fields_of::<RawHeaderFile>(), name.get_ref(), report);
                }
                continue;
            }
            _ => continue,
        };
        refuse_unknown_within(nested, fields, key.get_ref(), report);
    }
    loop {
        let whole = Spanned::new(at.clone(), DeValue::Table(table.clone()));
        let error = match T::deserialize(ValueDeserializer::from(whole)) {
            Ok(it) => return Section { at, it },
            Err(error) => error,
        };
        let span = error.span().unwrap_or(at.clone());
        let culprit = table
            .iter()
            .find(|(_, value)| value.span().start <= span.start && span.end <= value.span().end)
            .map(|(key, _)| key.get_ref().to_string());
        let Some(key) = culprit else {
            report.at(span, format!("{title}: {}", error.message()));
            return Section { at, it: T::default() };
        };
        let unit = if WITH_UNIT.contains(&key.as_str()) { "; write it with its unit, like \"15m\"" } else { "" };
        report.at(span, format!("`{key}` in {title}: {}{unit}", error.message()));
        report.unread(&at, &key);
        table.remove(key.as_str());
    }
}

/// The same for the tables within a value, if it is one or lists some.
fn refuse_unknown_within(value: &mut Spanned<DeValue<'_>>, known: &[&str], title: &str, report: &mut Report<'_>) {
    let at = value.span();
    match value.get_mut() {
        DeValue::Table(nested) => refuse_unknown(nested, known, title, &at, report),
        DeValue::Array(items) => {
            items.iter_mut().for_each(|item| refuse_unknown_within(item, known, title, report));
        }
        _ => {}
    }
}

fn refuse_unknown(table: &mut DeTable<'_>, known: &[&str], title: &str, at: &Range<usize>, report: &mut Report<'_>) {
    let mut unknown: Vec<String> = Vec::new();
    for (key, _) in table.iter() {
        let name: &str = key.get_ref();
        if !known.contains(&name) {
            report.word(key.span(), &format!("unknown key `{name}` in {title}"), name, known);
            let meant = nearest(name, known.iter().copied());
            if let Some(meant) = meant.filter(|meant| !table.contains_key(*meant)) {
                report.unread(at, meant);
            }
            unknown.push(name.to_owned());
        }
    }
    for name in unknown {
        table.remove(name.as_str());
    }
}

/// The field names of a plain struct, as its `Deserialize` states them.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(FieldProbe(&mut fields));
    fields
}

/// A deserializer that only listens to which fields are asked for.
struct FieldProbe<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldProbe<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("only structs are asked"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(Self::Error::custom("asked"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
