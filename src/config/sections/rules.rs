//! `[rules]`: what is recorded, and what opens an incident.

use super::RawFile;
use crate::config::kinds::*;
use crate::config::section::*;
use crate::model::alert_words::holds;
use crate::model::{AlertWords, EntryRules, Severity, TransitionKind};

section! {
    [rules] RawRules => EntryRules {
        /// A firing alert whose severity is one of these opens an incident. Words are compared without case.
        open_on: ListOf = Default(["critical"]);
        /// Changes that are never recorded, like "node.ready" or "node.*".
        ignore: ListOf<RecordedChange> = Default(NONE);
        /// The most changes of one kind recorded a minute; the rest are counted.
        per_minute: Number<u32, 1, 600> = Default(30);
        /// The severity of an incident that opened itself.
        opens_as: OneOf<Severity> = Default("sev1");
        /// Labels that say how grave an alert is; the first that an alert has counts.
        severity_labels as alerts.severity_labels: ListOf = Default(AlertWords::default().severity_labels);
        /// What calls a person (and all of `open_on`), and what is only for the record. Whatever is in neither is a warning.
        critical as alerts.critical: ListOf = Default(AlertWords::default().critical);
        info as alerts.info: ListOf = Default(AlertWords::default().info);
        /// Alerts that always fire and so prove that alerts arrive. That none is seen is critical; [] expects none.
        heartbeats as alerts.heartbeats: ListOf = Default(AlertWords::default().heartbeats);
    }
}

impl SectionRules for RawRules {
    fn resolve(_: &RawTable<Self>, it: &mut EntryRules, _: &RawFile, _: &mut ResolveContext<'_, '_>) {
        // Whatever opens an incident calls a person.
        let critical = &mut it.alerts.critical;
        let more: Vec<String> = it.open_on.iter().filter(|word| !holds(critical, word)).cloned().collect();
        critical.extend(more);
    }
}

impl Worded for Severity {
    const WORDS: &'static [(&'static str, Self)] =
        &[("sev1", Self::Sev1), ("sev2", Self::Sev2), ("sev3", Self::Sev3), ("sev4", Self::Sev4)];
}

/// The name or the family of a change that may be left out.
pub(crate) enum RecordedChange {}

impl Entries for RecordedChange {
    fn judge(entry: &Spanned<String>, make: &mut ResolveContext<'_, '_>) {
        let text = entry.get_ref().as_str();
        let whole_names = text.split_once('*').is_none_or(|(family, rest)| rest.is_empty() && family.ends_with('.'));
        if !whole_names || !TransitionKind::ALL.iter().any(|kind| kind.is_ignored_by(text)) {
            let what = format!("`{text}` is not a change that is recorded");
            make.report.word(entry.span(), &what, text, &TransitionKind::ignorable());
        }
    }
}
