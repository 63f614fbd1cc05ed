//! An application of Argo CD or Flux: what its tool says, and what the board knows besides.

use serde::{Deserialize, Serialize};

use crate::board::describe::{Describe, Description};
use crate::model::facts::App;
use crate::model::filter::Field;
use crate::model::{SafeText, Stamp};

/// Whether sync windows let an application be synced now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Windows {
    /// Its project could not be read.
    #[default]
    Unknown,
    /// No window is about it.
    None,
    /// Automatic syncs may run; `until` a window ends that, if one does in the time that was looked at.
    Open {
        /// `None` = none does, as far as was looked.
        until: Option<Stamp>,
    },
    /// Automatic syncs may not run now.
    Blocked {
        /// A person may sync all the same.
        manual: bool,
        /// When a window lets automatic syncs run again; `None` = no end was found in the time that was looked at.
        until: Option<Stamp>,
    },
    /// A window can't be read as Argo CD would: nothing is known of all of them.
    Unreadable {
        /// What can't be read of the first such window.
        why: SafeText,
    },
}

/// An application with what the board knows besides it. Its `cluster` is the one that it is deployed to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AppRow {
    /// As its tool says it, but with the cluster that it is deployed to, and `reconciled_at` by our clock.
    #[serde(flatten)]
    pub app: App,
    /// Since when it stands as the row says, if its tool writes that down.
    #[serde(default)]
    pub since: Option<Stamp>,
    /// The revision that its source has, where that is read; else what it asks for.
    #[serde(default)]
    pub expected: SafeText,
    /// Whether Argo CD's sync windows let it be synced; `None` for Flux, which has no such windows.
    #[serde(default)]
    pub windows: Windows,
    /// Pods of its controller: ready, of how many. `None` = they could not be read.
    #[serde(default)]
    pub controller: Option<(u32, u32)>,
    /// The cluster whose Argo CD or Flux deploys it; empty if that is its own.
    #[serde(default)]
    pub deployed_from: String,
    /// On a DR cluster: the same application of the primary.
    #[serde(default)]
    pub counterpart: Option<Counterpart>,
    /// On a primary cluster: DR clusters that should have it and do not.
    #[serde(default)]
    pub missing_on: Vec<String>,
}

/// An application of the primary, beside that of a DR cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counterpart {
    /// The primary cluster, by its name in the configuration.
    pub cluster: String,
    /// Its name there, which may differ from the name on the DR cluster.
    pub name: SafeText,
    /// Its release, as people say it.
    pub release: SafeText,
    /// Both sides run and ask for the same.
    pub same: bool,
}

impl From<App> for AppRow {
    fn from(app: App) -> Self {
        Self { app, ..Self::default() }
    }
}

impl std::ops::Deref for AppRow {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

impl Windows {
    /// What sync windows say.
    pub fn words(&self, when: impl Fn(Stamp) -> String) -> String {
        let until = |at: &Option<Stamp>| at.map(|at| format!(" until {}", when(at))).unwrap_or_default();
        match self {
            Self::Unknown => "not known: its project could not be read".to_owned(),
            Self::None => "none".to_owned(),
            Self::Open { until: at } => format!("open{}", until(at)),
            Self::Blocked { manual: true, until: at } => format!("blocked{}, people may sync", until(at)),
            Self::Blocked { manual: false, until: at } => format!("blocked{}, for people too", until(at)),
            Self::Unreadable { why } => format!("not known: {why}"),
        }
    }
}

impl Describe for AppRow {
    fn describe(&self, say: &mut Description<'_>) {
        let label = self.label();
        say.title(&label);
        say.summary(|_| self.summary());
        say.at(self.since.or(self.reconciled_at));
        say.named("", &self.name);
        say.fact("application", &label);
        say.field(Field::Ns, "namespace", [&self.namespace]);
        say.field(Field::Kind, "", [self.kind.as_str()]);
        say.field(Field::Kind, "tool", [self.tool().name()]);
        self.describe_tool(say);
        say.state(&[(self.suspended, "suspended")]);
        say.known("suspended", self.suspended.then_some("yes"));
        say.fact("acts alone", self.acts_alone());
        say.text("revision", [&self.revision]);
        if let Some(deployed) = &self.deployed {
            say.fact("deployed", &deployed.revision);
            say.time("deployed at", deployed.at);
        }
        say.list("images", &self.images);
        say.text("wants", [&self.target_revision]);
        say.text(if self.expected == self.target_revision { "" } else { "expected" }, [&self.expected]);
        say.text("destination", [&self.destination]);
        say.cluster("runs on", &self.cluster);
        // What a hub deploys is found under its name as well.
        say.field(Field::Cluster, "deployed from", [&self.deployed_from]);
        if let Some(Counterpart { cluster, name, release, same }) = &self.counterpart {
            let word = if *same { "the same" } else { "ANOTHER RELEASE" };
            say.texts([name, release]);
            say.fact("primary", format_args!("{name} on {cluster} is at {release}: {word}"));
        }
        say.list("missing on", &self.missing_on);
        say.time("so since", self.since);
        say.time("compared", self.reconciled_at);
        let pods = self.controller.map(|(ready, of)| format!("{ready} of {of} pods ready"));
        say.fact(self.app.controller(), pods.as_deref().unwrap_or("not known"));
        say.text("errors", &self.errors);
        say.owner(|it| it.owns_app(self.kind.as_str(), self.name.as_str()));
    }
}

impl AppRow {
    /// How it stands by its tool's own words, and what it runs of what it should.
    fn summary(&self) -> String {
        let state = match &self.flux {
            Some(_) if self.suspended => "Suspended".to_owned(),
            Some(flux) if flux.ready.as_str().is_empty() => "not reconciled".to_owned(),
            Some(flux) => format!("Ready {} {}", flux.ready.as_str(), flux.reason.as_str()),
            None => format!("{} {}", self.sync.as_str(), self.health.as_str()),
        };
        let of = if self.expected.is_empty() { String::new() } else { format!(" of {}", self.expected) };
        let runs = if self.revision.is_empty() { String::new() } else { format!(" · {}{of}", self.revision) };
        let from = if self.deployed_from.is_empty() { String::new() } else { format!(" from {}", self.deployed_from) };
        format!("{}{from} to {} · {}{runs}", self.tool().name(), self.cluster, state.trim())
    }

    /// What only Argo CD or only Flux says on its page.
    fn describe_tool(&self, say: &mut Description<'_>) {
        let (sync, health, operation) = (self.sync.as_str(), self.health.as_str(), self.operation_phase.as_str());
        say.field(Field::State, "", [sync, health, operation]);
        say.text("", [&self.project, &self.operation_message]);
        if let Some(flux) = &self.flux {
            say.list("conditions", &flux.conditions);
            say.fact("says", &flux.message);
            say.fact("attempted", &flux.attempted);
            return;
        }
        say.fact("sync", sync);
        say.fact("health", if health.is_empty() { "not known" } else { health });
        say.fact("operation", format_args!("{operation} {}", self.operation_message));
        say.fact("project", &self.project);
        say.known("sync windows", say.page.map(|page| self.windows.words(page.time)));
    }

    /// Whether its tool changes the cluster by itself: what a restore has to reckon with.
    fn acts_alone(&self) -> &'static str {
        match (self.automated, self.prunes) {
            (None, _) => "not known",
            (Some(false), _) => "no",
            (Some(true), Some(true)) => "yes, and deletes what is not in git",
            (Some(true), Some(false)) => "yes, and deletes nothing",
            (Some(true), None) => "yes",
        }
    }
}
