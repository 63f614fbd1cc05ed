//! GitOps parity: an application of Argo CD or Flux counts only if everything about it is proven good by fresh data.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::model::facts::{App, Controller, Fact, FactKind, GitSource, ObjectRef};
use crate::model::gitops::{Around, Lag, LagKind, SOURCE_CONTROLLER};
use crate::model::time::clock;
use crate::model::{SafeText, SourceId, Stamp, System};

use super::Board;
use super::points::skew_of;
use super::row::{AppRow, Body, Row, Verdict, Windows};
use super::store::{Proof, SourceState};
use super::windows::Judge;
use super::words::{Opinion, count, sort_rows};

/// Reconciliation older than this is no proof: 3 × (120 s + 60 s of jitter), unless configured.
const RECONCILED_FOR_S: u64 = 540;
const MOST_LAGGARDS: usize = 100;
/// Why an application is not counted when its source is not heard: the last word on it was good.
const SILENT: &str = "not heard from: it was deployed and healthy when last seen";
const APPS: [FactKind; 3] = [FactKind::App, FactKind::Kustomization, FactKind::HelmRelease];
const SOURCES: [FactKind; 5] =
    [FactKind::GitRepository, FactKind::OciRepository, FactKind::HelmRepository, FactKind::HelmChart, FactKind::Bucket];

/// One tool in one cluster.
struct Side<'a> {
    id: &'a SourceId,
    state: &'a SourceState,
    sources: BTreeMap<ObjectRef, &'a GitSource>,
    controllers: BTreeMap<&'a str, &'a Controller>,
    /// The cluster's clock minus ours: times in its objects are by its clock.
    skew: TimeDelta,
}

/// One application, judged.
struct Judged {
    row: AppRow,
    why: Option<String>,
    stale: bool,
}

/// What is known of a cluster's applications.
#[derive(Default)]
struct Cluster {
    /// Its tools' sources, each with how far it can be believed.
    proofs: Vec<Proof>,
    apps: Vec<Judged>,
    /// What nothing proves about its controllers.
    doubts: BTreeSet<String>,
}

/// A parity row per cluster first, then every application.
pub(super) fn rows(board: &Board, now: Stamp) -> Vec<Row> {
    let mut clusters: BTreeMap<&str, Cluster> = BTreeMap::new();
    let mut apps = Vec::new();
    for (id, state) in board.store.system(System::Argocd).chain(board.store.system(System::Flux)) {
        let side = Side::new(id, state, skew_of(&board.store, &id.instance));
        let cluster = clusters.entry(&id.instance).or_default();
        cluster.proofs.push(board.store.proof_of_source(id, now));
        let mut windows = Judge::new(projects(state), now);
        for held in APPS.iter().flat_map(|kind| state.of(*kind)) {
            let Some(app) = app_of(&held.fact) else { continue };
            let proof = board.store.proof(id, state, held, now);
            let stale_s = board.setup.app_stale_s(&id.instance);
            let (row, judged) = side.judge(app, proof, stale_s, windows.of(app));
            apps.push(row);
            cluster.doubts.extend(side.doubt(app));
            cluster.apps.push(judged);
        }
    }
    let mut parity: Vec<Row> = clusters.into_iter().filter_map(|(name, cluster)| cluster.row(name)).collect();
    let roles: BTreeMap<&str, usize> =
        board.setup.clusters.iter().enumerate().map(|(i, (name, _))| (name.as_str(), i)).collect();
    sort_rows(&mut parity, |row| roles.get(row.source.instance.as_str()).copied());
    sort_rows(&mut apps, |row| row.id.clone());
    parity.extend(apps);
    parity
}

fn app_of(fact: &Fact) -> Option<&App> {
    match fact {
        Fact::App(app) => Some(app),
        Fact::Kustomization(it) => Some(it),
        Fact::HelmRelease(it) => Some(it),
        _ => None,
    }
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

fn projects(state: &SourceState) -> impl Iterator<Item = &crate::model::facts::Project> {
    state.of(FactKind::Project).filter_map(|held| match &held.fact {
        Fact::Project(project) => Some(project),
        _ => None,
    })
}

impl<'a> Side<'a> {
    fn new(id: &'a SourceId, state: &'a SourceState, skew: TimeDelta) -> Self {
        let sources = SOURCES.iter().flat_map(|kind| state.of(*kind)).filter_map(|held| source_of(&held.fact));
        let controllers = state.of(FactKind::Controller).filter_map(|held| match &held.fact {
            Fact::Controller(it) => Some((it.name.as_str(), it)),
            _ => None,
        });
        let sources = sources.map(|it| (it.object(), it)).collect();
        Self { id, state, sources, controllers: controllers.collect(), skew }
    }

    fn source(&self, app: &App) -> Option<&'a GitSource> {
        self.sources.get(app.flux.as_ref()?.source.as_ref()?).copied()
    }

    fn judge(&self, app: &App, proof: Proof, stale_s: u64, windows: Windows) -> (Row, Judged) {
        let source = self.source(app);
        let controller = self.controllers.get(app.controller()).copied();
        let around = Around {
            seen_at: proof.seen_at + self.skew,
            reconciled_for_s: stale_s,
            source,
            repository: source.and_then(|it| self.sources.get(it.from.as_ref()?).copied()),
            controller,
            source_controller: self.controllers.get(SOURCE_CONTROLLER).copied(),
        };
        let lag = app.lag(around);
        let opinion = opinion(app, lag.as_ref(), around, &windows);
        let mut shown = app.clone();
        // Shown beside our own times, so by our clock.
        shown.reconciled_at = app.reconciled_at.map(|at| at - self.skew);
        if !matches!(app.sync.as_str(), "Synced" | "OutOfSync") {
            // The last word on the health of something that can't be seen is not shown by anybody.
            shown.health = Default::default();
        }
        let row = AppRow {
            since: lag.as_ref().and_then(|lag| lag.since).map(|at| at - self.skew),
            expected: source.map_or_else(|| app.target_revision.clone(), |it| it.revision.clone()),
            windows,
            controller: controller.map(|it| (it.ready, it.total)),
            app: shown,
        };
        let stale = proof.stale;
        let id = match app.flux {
            None => format!("app/{}/{}/{}", app.cluster, app.namespace, app.name),
            Some(_) => format!("app/{}/{}/{}", app.cluster, app.namespace, app.label()),
        };
        let judged = Judged { row: row.clone(), why: lag.map(|lag| lag.why), stale };
        (opinion.row(id, proof, Body::App(row)), judged)
    }

    /// What nothing proves about the controller of an application.
    fn doubt(&self, app: &App) -> Option<String> {
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

fn opinion(app: &App, lag: Option<&Lag>, around: Around<'_>, windows: &Windows) -> Opinion {
    let mut opinion = Opinion::new(Verdict::Ok);
    if let Some(lag) = lag {
        let verdict = match lag.kind {
            LagKind::Paused | LagKind::Passing => Verdict::Info,
            LagKind::Unproven => Verdict::Unknown,
            LagKind::Wrong => Verdict::Warning,
        };
        opinion.because(verdict, lag.why.as_str());
    } else if app.reconciled_at.is_none() || (app.flux.is_none() && around.reconciled_for_s == 0) {
        opinion.mention(format!("only its ready {} proves that this is fresh", app.controller()));
    }
    if app.suspended && app.flux.is_none() && !app.skipped {
        opinion.mention("sync is suspended: automated sync is switched off");
    }
    if app.refresh_pending {
        opinion.mention("a refresh is pending");
    }
    match windows {
        Windows::Blocked { manual, until } => {
            let until = until.map_or("with no end in sight".to_owned(), |at| format!("until {}", day_and_clock(at)));
            let people = if *manual { "; people may sync" } else { "" };
            opinion.mention(format!("a sync window blocks syncs {until}{people}"));
        }
        Windows::Unreadable { why } => opinion.mention(format!("whether a sync window blocks it is not known: {why}")),
        Windows::Unknown | Windows::None | Windows::Open { .. } => {}
    }
    opinion
}

fn day_and_clock(at: Stamp) -> String {
    format!("{} {}", at.format("%Y-%m-%d"), clock(at))
}

impl Cluster {
    fn row(self, name: &str) -> Option<Row> {
        let proof = together(self.proofs)?;
        let total = self.apps.len() as u32;
        let laggard = |it: &Judged, why: &str| (it.row.label(), SafeText::new(why));
        let behind = self.apps.iter().filter_map(|it| it.why.as_deref().map(|why| laggard(it, why)));
        let silent = self.apps.iter().filter(|it| it.why.is_none() && it.stale);
        let mut laggards: Vec<(SafeText, SafeText)> = behind.collect();
        let mut unheard: Vec<(SafeText, SafeText)> = silent.map(|it| laggard(it, SILENT)).collect();
        laggards.sort();
        unheard.sort();
        let silent = unheard.len() as u32;
        // Real reasons first: who merely is not heard comes last and is the first to be cut.
        laggards.append(&mut unheard);
        let ok = total - laggards.len() as u32;
        laggards.truncate(MOST_LAGGARDS);
        let mut opinion = Opinion::new(Verdict::Ok);
        if total == 0 {
            opinion.because(Verdict::Unknown, "no application is known");
        } else if ok < total && !proof.stale {
            opinion.because(Verdict::Warning, format!("{} of {total} not at parity", total - ok));
        }
        self.doubts.iter().for_each(|doubt| opinion.mention(doubt.as_str()));
        let blocked = self.apps.iter().filter(|it| matches!(it.row.windows, Windows::Blocked { .. })).count();
        if blocked > 0 {
            opinion.mention(format!("a sync window blocks syncs of {}", count(blocked, "application")));
        }
        let oldest_reconciled = self.apps.iter().filter_map(|it| it.row.reconciled_at).min();
        let body = Body::Parity { cluster: name.to_owned(), ok, total, laggards, silent, oldest_reconciled };
        Some(opinion.row(format!("parity/{name}"), proof, body))
    }
}

/// How far several sources together can be believed: no further than the worst of them.
fn together(proofs: Vec<Proof>) -> Option<Proof> {
    proofs.into_iter().reduce(|one, other| {
        let doubt = one.doubt.clone().or_else(|| other.doubt.clone());
        let worse = if (other.stale, one.seen_at) > (one.stale, other.seen_at) { other } else { one };
        Proof { doubt, ..worse }
    })
}

/// The default age at which a reconciliation proves nothing any more.
pub(super) const fn default_stale_s() -> u64 {
    RECONCILED_FOR_S
}
