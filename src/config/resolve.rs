//! What the kinds and rules of settings share while tables become values: the report, and where the file is and for whom.
//! After an error a stand-in is used, so that the errors behind it are found in the same look.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::ValueDeserializer;

use super::error::Report;
use super::kinds::{Kind, RawValue};
use super::section::{Requirement, Section};
use super::units::{duration, duration_text};
use super::url::Strict;
use super::{Env, LoadOptions};

/// What is said of a text that is empty, where it may be left out.
pub(super) const LEAVE_OUT: &str = ": leave the line out instead";

/// What the makers of values share.
pub(super) struct ResolveContext<'a, 'r> {
    pub report: &'a mut Report<'r>,
    pub options: LoadOptions,
    /// The line of each name, by the kind of what has it.
    pub names: BTreeMap<(&'static str, String), usize>,
    /// Hosts that `[network] allow` lists.
    pub allow: Vec<String>,
    base: &'a Path,
    env: &'a Env,
}

impl<'a, 'r> ResolveContext<'a, 'r> {
    pub(super) fn new(report: &'a mut Report<'r>, file: &'a Path, options: LoadOptions, env: &'a Env) -> Self {
        let base = file.parent().unwrap_or(Path::new(""));
        Self { report, options, names: BTreeMap::new(), allow: Vec::new(), base, env }
    }
}

impl ResolveContext<'_, '_> {
    /// The value of a setting: what is written, else what counts without it.
    pub(super) fn value<S: Section, K: Kind>(
        &mut self,
        key: &str,
        raw: &RawValue<K>,
        table: &Range<usize>,
    ) -> K::Value {
        let Some(setting) = S::SETTINGS.iter().find(|setting| setting.key == key) else { return K::Value::default() };
        let missing = raw.as_ref().is_none_or(|raw| K::is_missing(raw.get_ref()));
        if setting.requirement == Requirement::Required && missing && !self.report.is_unread(table, key) {
            self.report.at(table.clone(), format!("{} has no `{key}`{}", S::TITLE, K::MISSING));
        }
        let written = raw.as_ref().and_then(|raw| K::check(raw, setting, self));
        written
            .or_else(|| match setting.requirement {
                Requirement::Default => {
                    let sample = (setting.sample)();
                    let default = ValueDeserializer::parse(&sample).and_then(serde::Deserialize::deserialize).ok()?;
                    K::check(&Spanned::new(0..0, default), setting, self)
                }
                _ => None,
            })
            .unwrap_or_default()
    }

    /// A text inside a setting, that must be there.
    pub(super) fn need(&mut self, text: &Option<Spanned<String>>, key: &str, title: &str, at: &Range<usize>) -> String {
        let Some(text) = text else {
            if !self.report.is_unread(at, key) {
                self.report.at(at.clone(), format!("{title} has no `{key}`"));
            }
            return String::new();
        };
        self.refuse_empty(text, key, "");
        text.get_ref().clone()
    }

    /// A text that says nothing.
    pub(super) fn refuse_empty(&mut self, text: &Spanned<String>, key: &str, hint: &str) {
        if text.get_ref().trim().is_empty() {
            self.report.at(text.span(), format!("`{key}` is empty{hint}"));
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        text: &Spanned<String>,
        key: &str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let written = text.get_ref().as_str();
        let found = words.iter().find(|(word, _)| *word == written).map(|(_, value)| *value);
        if found.is_none() {
            let valid: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.report.word(text.span(), &format!("`{key}` can't be `{written}`"), written, &valid);
        }
        found
    }

    /// Whether a setting names something that is there.
    pub(super) fn refers(&mut self, at: Range<usize>, key: &str, name: &str, title: &str, known: &[&str]) -> bool {
        let found = known.contains(&name);
        if !found {
            self.report.word(at, &format!("`{key}` names `{name}`, which is not a {title}"), name, known);
        }
        found
    }

    /// A duration within bounds.
    pub(super) fn seconds(&mut self, text: &Spanned<String>, key: &str, within: RangeInclusive<u64>) -> Option<u64> {
        let what = match duration(text.get_ref()) {
            Ok(seconds) if within.contains(&seconds) => return Some(seconds),
            Ok(_) => {
                let (low, high) = (duration_text(*within.start()), duration_text(*within.end()));
                format!("`{key}` is {}; it must be between {low} and {high}", text.get_ref())
            }
            Err(why) => format!("`{key}`: {why}"),
        };
        self.report.at(text.span(), what);
        None
    }

    /// Names that stand alone or in a list: none empty, none twice.
    pub(super) fn words(&mut self, names: &[(Range<usize>, &String)], key: &str) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for (at, name) in names {
            if name.trim().is_empty() {
                let alone = names.len() == 1;
                let what = if alone { format!("is empty{LEAVE_OUT}") } else { "holds an empty name".to_owned() };
                self.report.at(at.clone(), format!("`{key}` {what}"));
            } else if out.contains(name) {
                self.report.at(at.clone(), format!("`{name}` is in `{key}` twice"));
            } else {
                out.push((*name).clone());
            }
        }
        out
    }

    /// A path as the file means it: relative to the file, `~/` is home.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), &self.env.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.base.join(text),
        }
    }

    /// A path to a secret: a bare file name is looked for among systemd's credentials first.
    pub(super) fn secret(&self, name: &str) -> PathBuf {
        let credential = self.env.credentials.as_ref().filter(|_| !name.contains('/')).map(|dir| dir.join(name));
        credential.filter(|path| path.exists()).unwrap_or_else(|| self.path(name))
    }

    /// How strictly addresses are judged. A drill's world is on this host; whether or not its room is served, nothing
    /// else is asked.
    pub(super) fn strict(&self) -> Strict<'_> {
        Strict { serve: self.options.serve, allow: &self.allow }
    }
}
