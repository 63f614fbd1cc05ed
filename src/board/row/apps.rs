//! What rows say about applications besides what their tool says.

use serde::{Deserialize, Serialize};

use crate::model::facts::App;
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
    Open { until: Option<Stamp> },
    /// Automatic syncs may not run now.
    Blocked {
        /// A person may sync all the same.
        manual: bool,
        until: Option<Stamp>,
    },
    /// A window can't be read as Argo CD would: nothing is known of all of them.
    Unreadable { why: SafeText },
}

/// An application with what the board knows besides it. Its `cluster` is the one that it is deployed to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AppRow {
    #[serde(flatten)]
    pub app: App,
    /// Since when it stands as the row says, if its tool writes that down.
    #[serde(default)]
    pub since: Option<Stamp>,
    /// The revision that its source has, where that is read; else what it asks for.
    #[serde(default)]
    pub expected: SafeText,
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
    pub cluster: String,
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

/// A primary cluster whose applications those of a DR cluster are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Against {
    pub cluster: String,
    pub known: AppsKnown,
}

/// How far the applications of a primary cluster are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppsKnown {
    /// As they are.
    Now,
    /// It is not heard: as they were last read.
    LastRead(Stamp),
    /// They were not read, at least not all, since this room started.
    Unread,
    /// No Argo CD or Flux that deploys there is watched.
    Unwatched,
}
