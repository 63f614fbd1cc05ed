//! A backup schedule: its newest usable restore point, what it missed, and a newer backup that is not usable.

use serde::{Deserialize, Serialize};

use crate::board::describe::{Describe, Description};
use crate::model::facts::OffSite;
use crate::model::filter::Field;
use crate::model::time::{short, since};
use crate::model::{SafeText, Stamp};

/// A backup schedule and its newest usable restore point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupRow {
    /// The cluster whose Velero showed `point`; else the one with the schedule, or where services are restored.
    pub cluster: String,
    /// Its name; `on demand` for backups that no schedule made.
    pub schedule: SafeText,
    /// Services of the configuration that rely on it; for backups on demand, the one that they hold some of.
    pub services: Vec<String>,
    /// Its cron expression as Velero has it; empty where no cluster shows the schedule.
    pub cron: SafeText,
    /// `spec.paused` is set; `false` also where the schedule is not seen.
    pub paused: bool,
    /// Newest usable, if any.
    pub point: Option<PointSummary>,
    /// The tightest RPO of the services that rely on it.
    pub rpo_s: Option<u64>,
    /// What a service relies on is not there: its newest usable point is older than the RPO, or there is none.
    #[serde(default)]
    pub overdue: bool,
    /// Runs that should have happened since the newest restore point and did not.
    pub missed_runs: u32,
    /// There are more: counting stopped there.
    #[serde(default)]
    pub missed_more: bool,
    /// Restore points that vanished at once although they had not expired.
    #[serde(default)]
    pub vanished: u32,
    /// When the schedule is due next; `None` if it does not run or its times can't be read.
    pub next_run: Option<Stamp>,
    /// A newer backup that is not usable (yet): its name and phase. The one that blocks the others, if one does.
    pub newer: Option<(SafeText, SafeText)>,
}

/// A restore point as a schedule's row names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSummary {
    /// The name of Velero's Backup, the same on every cluster that syncs its bucket.
    pub name: SafeText,
    /// `metadata.uid` of the Backup on `cluster`: a synced copy has another than the original.
    pub uid: String,
    /// When it began, by our clock: its data is at least that old.
    pub started: Stamp,
    /// When Velero deletes it and its data; `None` = that was never said.
    pub expires: Option<Stamp>,
    /// The backup storage location that holds it, by name; empty if the Backup names none.
    pub location: SafeText,
    /// Where its volume data is, by the Backup and by its volume backups together.
    pub off_site: OffSite,
    /// Patterns; empty, or `*`, = all namespaces.
    pub included_namespaces: Vec<SafeText>,
    /// Patterns of what is left out of those; mostly empty.
    pub excluded_namespaces: Vec<SafeText>,
    /// Why it may hold less than its namespaces, in words.
    pub limits: Vec<SafeText>,
    /// What it leaves out on purpose, in words.
    pub left_out: Vec<SafeText>,
    /// The cluster whose Velero was asked.
    #[serde(default)]
    pub cluster: String,
    /// How many items it holds; `None` = that was not recorded.
    #[serde(default)]
    pub items: Option<u64>,
}

impl PointSummary {
    /// Its name and age, or that there is none.
    pub fn age_words(point: Option<&Self>, now: Stamp) -> String {
        let words = |it: &Self| format!("{} {} old", it.name, short(since(it.started, now)));
        point.map_or("no usable restore point".to_owned(), words)
    }

    /// Everything about it, below a heading of its own.
    pub fn describe(&self, say: &mut Description<'_>) {
        say.heading("Newest usable restore point");
        say.object(&self.name);
        say.text("backup", [&self.name]);
        say.time("started", self.started);
        say.time("expires", self.expires.filter(|at| say.page.is_some_and(|page| *at < page.now)));
        say.text("location", [&self.location]);
        say.fact("volumes", self.off_site.words());
        say.field(Field::Ns, "namespaces", &self.included_namespaces);
        say.list("without", &self.excluded_namespaces);
        say.text("limits", &self.limits);
        say.text("leaves out", &self.left_out);
        say.fact("items", self.items.map_or_else(|| "not recorded".to_owned(), |n| n.to_string()));
        say.fact("uid", &self.uid);
    }
}

/// How many runs of a schedule, in words: where counting stopped, that there are more.
pub fn runs_words(count: u32, more: bool) -> String {
    let runs = if count == 1 { "run" } else { "runs" };
    if more { format!("more than {count} {runs}") } else { format!("{count} {runs}") }
}

impl Describe for BackupRow {
    fn describe(&self, say: &mut Description<'_>) {
        say.title(format_args!("{} ({})", self.schedule, self.cluster));
        say.summary(|now| {
            let point = PointSummary::age_words(self.point.as_ref(), now);
            let rpo = self.rpo_s.map_or(String::new(), |rpo| format!(" of RPO {}", short(rpo)));
            let missed = runs_words(self.missed_runs, self.missed_more);
            let missed = if self.missed_runs > 0 { format!(" · {missed} missed") } else { String::new() };
            let newer = self.newer.as_ref().map_or(String::new(), |(name, state)| format!(" · {name} {state}"));
            format!("{point}{rpo}{missed}{newer}")
        });
        // Without a restore point there is nothing that has an age; `why` says so.
        say.at(self.point.as_ref().map(|point| point.started));
        let missed = self.missed_runs > 0;
        say.state(&[(self.paused, "paused"), (missed, "missed"), (self.point.is_none(), "missing")]);
        say.named("schedule", &self.schedule);
        say.cluster("cluster", &self.cluster);
        say.text("", [&self.cron]);
        say.fact("runs", format_args!("{}{}", self.cron, if self.paused { ", paused" } else { "" }));
        say.field(Field::Service, "for", &self.services);
        say.known("RPO", self.rpo_s.map(short));
        let more = if self.missed_more { "more than " } else { "" };
        say.fact("missed runs", format_args!("{more}{}", self.missed_runs));
        say.known("vanished", (self.vanished > 0).then(|| format!("{} at once", self.vanished)));
        say.known("next run", self.next_run.map(|at| say.written(at)));
        if let Some((name, phase)) = &self.newer {
            say.texts([name, phase]);
            say.fact("newer", format_args!("{name}, {phase}: not usable"));
        }
        self.point.iter().for_each(|point| point.describe(say));
    }
}
