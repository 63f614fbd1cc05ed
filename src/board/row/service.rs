//! A service: what it would lose, and what it promises.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PointSummary;
use crate::board::describe::{Describe, Description};
use crate::model::filter::Field;
use crate::model::time::{short, words};
use crate::model::{Stamp, Strategy};

/// A service against its objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Its name in the configuration, which is also the row's id.
    pub name: String,
    /// As the configuration has it: how it comes back on the DR side.
    pub strategy: Strategy,
    /// Recovery time objective, seconds.
    pub rto_s: u64,
    /// Recovery point objective, seconds: `restore_point` may be that old.
    pub rpo_s: u64,
    /// Start of its newest usable restore point: now minus this is what would be lost. Where several cover the service
    /// together, the oldest of them.
    pub restore_point: Option<PointSummary>,
    /// The others that cover it together with that one.
    #[serde(default)]
    pub with: Vec<PointSummary>,
    /// Percent of recent answers by site.
    pub sites: BTreeMap<String, u32>,
    /// Percent of recent samples that were good.
    pub good_percent: Option<u32>,
    /// Since when users are failing.
    pub failing_since: Option<Stamp>,
}

impl Describe for ServiceRow {
    fn describe(&self, say: &mut Description<'_>) {
        let point = self.restore_point.as_ref();
        say.summary(|now| {
            let point = PointSummary::age_words(point, now);
            format!("{point} · RPO {} · RTO {}", short(self.rpo_s), short(self.rto_s))
        });
        // Without a restore point there is nothing that has an age; `why` says so.
        say.at(point.map(|point| point.started));
        say.field(Field::Name, "", [&self.name]);
        say.field(Field::Service, "service", [&self.name]);
        say.fact("strategy", self.strategy.name());
        say.fact("RTO, RPO", format_args!("{}, {}", words(self.rto_s), words(self.rpo_s)));
        say.known("good answers", self.good_percent.map(|good| format!("{good} %")));
        let sites: Vec<String> = self.sites.iter().map(|(site, share)| format!("{share} % from {site}")).collect();
        say.list("answered by", &sites);
        say.time("failing since", self.failing_since);
        let points: Vec<_> = point.into_iter().chain(&self.with).map(|it| it.name.as_str()).collect();
        match point {
            Some(_) => say.list("restore point", &points),
            None => say.fact("restore point", "none that is usable"),
        }
    }
}
