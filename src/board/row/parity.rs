//! Whether a cluster runs what it should: on a DR cluster, what the primary runs.

use serde::{Deserialize, Serialize};

use crate::board::describe::{Describe, Description};
use crate::model::filter::Field;
use crate::model::{SafeText, Stamp};

/// GitOps parity of one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParityRow {
    /// Where the applications are deployed to; of a place outside the configuration, what its tool calls it.
    pub cluster: String,
    /// Applications deployed and healthy by fresh data and, on a DR cluster, at the release of the primary.
    pub ok: u32,
    /// Its applications, and those that by their name it should have and only the primary has.
    pub total: u32,
    /// Who is not, and why.
    pub laggards: Vec<(SafeText, SafeText)>,
    /// Of those that are not counted: how many were deployed and healthy when their source was last heard.
    #[serde(default)]
    pub silent: u32,
    /// Of those that are not counted: how many are being worked on, for no longer than is usual.
    #[serde(default)]
    pub passing: u32,
    /// The primaries that a DR cluster is compared with; empty for any other.
    #[serde(default)]
    pub against: Vec<Against>,
    /// The oldest reconciliation among them.
    pub oldest_reconciled: Option<Stamp>,
}

/// A primary cluster whose applications those of a DR cluster are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Against {
    /// Its name in the configuration.
    pub cluster: String,
    /// Something was compared only where it is `Now` or `LastRead`.
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

impl Against {
    /// With what a DR cluster's applications were compared.
    pub fn words(&self, when: impl Fn(Stamp) -> String) -> String {
        let primary = &self.cluster;
        match self.known {
            AppsKnown::Now => primary.clone(),
            AppsKnown::LastRead(at) => format!("{primary} as it was last read, {}", when(at)),
            AppsKnown::Unread => format!("nothing: the applications of {primary} have not been read yet"),
            AppsKnown::Unwatched => format!("nothing: no Argo CD or Flux that deploys to {primary} is watched"),
        }
    }
}

impl Describe for ParityRow {
    fn describe(&self, say: &mut Description<'_>) {
        let Self { cluster, ok, total, laggards, .. } = self;
        say.title(format_args!("parity of {cluster}"));
        say.summary(|_| {
            let late: Vec<_> = laggards.iter().take(3).map(|(name, why)| format!("{name} {why}")).collect();
            let more = laggards.len().saturating_sub(late.len());
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            format!("{ok} of {total} {}{more}", late.join("; "))
        });
        if let Some(oldest) = self.oldest_reconciled {
            say.at(Some(oldest));
        }
        let known = |it: &Against| matches!(it.known, AppsKnown::Now | AppsKnown::LastRead(_));
        let compared = self.against.iter().any(known) && *total > 0;
        let state = if compared { "at parity" } else { "not compared" };
        say.state(&[(true, if ok < total { "behind" } else { state })]);
        say.field(Field::Name, "", [cluster]);
        say.cluster("cluster", cluster);
        say.fact("at parity", format_args!("{ok} of {total} applications"));
        for it in &self.against {
            say.fact("compared with", it.words(|at| say.written(at)));
        }
        say.time("oldest compare", self.oldest_reconciled);
        for (name, why) in laggards {
            say.texts([name, why]);
            say.fact(name.as_str(), why);
        }
    }
}
