//! The applications of one Argo CD or Flux, each judged by itself.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::board::observation_store::{Provenance, SourceState};
use crate::board::row::{AppRow, Row, Verdict, Windows};
use crate::board::row_builder::Opinion;
use crate::model::facts::{App, Controller, Fact, FactKind, GitSource, ObjectRef, Project};
use crate::model::gitops::destination::Destination;
use crate::model::gitops::{Around, Lag, LagKind, Release, SOURCE_CONTROLLER};
use crate::model::time::clock;
use crate::model::{SourceId, Stamp};

const SOURCES: [FactKind; 5] =
    [FactKind::GitRepository, FactKind::OciRepository, FactKind::HelmRepository, FactKind::HelmChart, FactKind::Bucket];

/// One tool in one cluster.
pub(super) struct Side<'a> {
    id: &'a SourceId,
    state: &'a SourceState,
    sources: BTreeMap<ObjectRef, &'a GitSource>,
    controllers: BTreeMap<&'a str, &'a Controller>,
    /// The cluster's clock minus ours: times in its objects are by its clock.
    skew: TimeDelta,
}

/// One application, judged.
pub(super) struct JudgedApp<'a> {
    pub app: &'a App,
    pub release: Release<'a>,
    pub row: AppRow,
    pub proof: Provenance,
    pub lag: Option<Lag>,
    /// What is said besides, and changes nothing.
    pub notes: Vec<String>,
    /// Nothing but pods that are ready proves that it is fresh.
    by_pods: bool,
    id: String,
}

fn source_of(fact: &Fact) -> Option<&GitSource> {
    match fact {
        Fact::GitRepository(it) => Some(it),
        Fact::OciRepository(it) => Some(it),
        Fact::HelmRepository(it) => Some(it),
        Fact::HelmChart(it) => Some(it),
        Fact::Bucket(it) => Some(it),
        _ => None,
    }
}

pub(super) fn projects(state: &SourceState) -> impl Iterator<Item = &Project> {
    state.of(FactKind::Project).filter_map(|held| match &held.fact {
        Fact::Project(project) => Some(project),
        _ => None,
    })
}

impl<'a> Side<'a> {
    pub(super) fn new(id: &'a SourceId, state: &'a SourceState, skew: TimeDelta) -> Self {
        let sources = SOURCES.iter().flat_map(|kind| state.of(*kind)).filter_map(|held| source_of(&held.fact));
        let controllers = state.of(FactKind::Controller).filter_map(|held| match &held.fact {
            Fact::Controller(it) => Some((it.name.as_str(), it)),
            _ => None,
        });
        let sources = sources.map(|it| (it.object(), it)).collect();
        Self { id, state, sources, controllers: controllers.collect(), skew }
    }

    fn source(&self, object: Option<&ObjectRef>) -> Option<&'a GitSource> {
        self.sources.get(object?).copied()
    }

    pub(super) fn judge(
        &self,
        app: &'a App,
        to: &Destination,
        proof: Provenance,
        stale_s: u64,
        windows: Windows,
    ) -> JudgedApp<'a> {
        let source = self.source(app.flux.as_ref().and_then(|flux| flux.source.as_ref()));
        let controller = self.controllers.get(app.controller()).copied();
        let around = Around {
            seen_at: proof.seen_at + self.skew,
            reconciled_for_s: stale_s,
            source,
            repository: source.and_then(|it| self.source(it.from.as_ref())),
            controller,
            source_controller: self.controllers.get(SOURCE_CONTROLLER).copied(),
        };
        let lag = app.lag(around).map(|lag| Lag { since: lag.since.map(|at| at - self.skew), ..lag });
        let release = Release::of(app, source);
        JudgedApp {
            release: Release { deployed_at: release.deployed_at.map(|at| at - self.skew), ..release },
            notes: notes(app, &windows),
            by_pods: app.reconciled_at.is_none() || (app.flux.is_none() && stale_s == 0),
            id: format!("app/{}/{}/{}", app.cluster, app.namespace, app.label()),
            row: AppRow {
                app: self.shown(app, to),
                since: lag.as_ref().and_then(|lag| lag.since),
                expected: source.map_or_else(|| app.target_revision.clone(), |it| it.revision.clone()),
                windows,
                controller: controller.map(|it| (it.ready, it.total)),
                deployed_from: match to {
                    Destination::Cluster(to) if *to == app.cluster => String::new(),
                    _ => app.cluster.clone(),
                },
                ..AppRow::default()
            },
            app,
            proof,
            lag,
        }
    }

    fn shown(&self, app: &App, to: &Destination) -> App {
        let mut shown = app.clone();
        let (Destination::Cluster(to) | Destination::Unknown(to)) = to;
        shown.cluster.clone_from(to);
        // Shown beside our own times, so by our clock.
        shown.reconciled_at = app.reconciled_at.map(|at| at - self.skew);
        if !matches!(app.sync.as_str(), "Synced" | "OutOfSync") {
            // The last word on the health of something that can't be seen is not shown by anybody.
            shown.health = Default::default();
        }
        shown
    }

    /// What nothing proves about the controller of an application.
    pub(super) fn doubt(&self, app: &App) -> Option<String> {
        // Of what is not heard at all, that is said already.
        self.state.alive_at?;
        let name = app.controller();
        match self.controllers.get(name) {
            None => Some(format!("whether the {name} of {} runs is not known: its pods can't be read", self.id)),
            Some(it) if it.total == 0 => {
                Some(format!("whether the {name} of {} runs is not known: no pod of it was found", self.id))
            }
            Some(it) if it.ready < it.total => Some(format!("{} of {} pods of {name} are ready", it.ready, it.total)),
            Some(_) => None,
        }
    }
}

fn notes(app: &App, windows: &Windows) -> Vec<String> {
    let mut notes = Vec::new();
    if app.suspended && app.flux.is_none() && !app.skipped {
        notes.push("sync is suspended: automated sync is switched off".to_owned());
    }
    if app.refresh_pending {
        notes.push("a refresh is pending".to_owned());
    }
    match windows {
        Windows::Blocked { manual, until } => {
            let until = until.map_or("with no end in sight".to_owned(), |at| format!("until {}", day_and_clock(at)));
            let people = if *manual { "; people may sync" } else { "" };
            notes.push(format!("a sync window blocks syncs {until}{people}"));
        }
        Windows::Unreadable { why } => notes.push(format!("whether a sync window blocks it is not known: {why}")),
        Windows::Unknown | Windows::None | Windows::Open { .. } => {}
    }
    notes
}

/// An instant that may be on another day.
pub(super) fn day_and_clock(at: Stamp) -> String {
    format!("{} {}", at.format("%Y-%m-%d"), clock(at))
}

impl JudgedApp<'_> {
    /// One more reason why it is not as it should be.
    pub(super) fn lags(&mut self, more: Lag) {
        let lag = match self.lag.take() {
            Some(lag) => lag.and(more),
            None => more,
        };
        self.row.since = lag.since;
        self.lag = Some(lag);
    }

    pub(super) fn into_row(self) -> Row {
        let mut opinion = Opinion::new(Verdict::Ok);
        match &self.lag {
            Some(lag) => opinion.because(verdict(lag.kind), lag.why.as_str()),
            None if self.by_pods => {
                opinion.mention(format!("only its ready {} proves that this is fresh", self.app.controller()));
            }
            None => {}
        }
        self.notes.into_iter().for_each(|note| opinion.mention(note));
        opinion.row(self.id, self.proof, self.row)
    }
}

fn verdict(kind: LagKind) -> Verdict {
    match kind {
        LagKind::Paused | LagKind::Passing => Verdict::Info,
        LagKind::Unproven => Verdict::Unknown,
        LagKind::Wrong => Verdict::Warning,
    }
}
