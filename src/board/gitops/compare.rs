//! DR beside its primary: which applications are the same one, which of them is at another release, and which are missing.
//!
//! Two applications are the same one if kind, namespace and name are equal; else if kind and name are, and no other has
//! them; else, in the same two steps, by their names without the cluster's own name before or after it (`shop-web-dr` and
//! `shop-web-primary`). A primary that is not heard is compared as it was last read: in its outage that is all there is.

use std::collections::{BTreeMap, BTreeSet};

use crate::board::Board;
use crate::board::row::{Against, AppsKnown, Counterpart};
use crate::model::facts::{App, FactKind};
use crate::model::gitops::destination::Destination;
use crate::model::gitops::{Lag, LagKind, PASSES_IN_S};
use crate::model::objective::app_fits;
use crate::model::{ClusterRole, Objective, SafeText, SourceId, System};

use super::applications::JudgedApp;
use super::parity::Group;
use super::{APPS, tools};
use crate::board::judged_at::JudgedAt;

type Groups<'a> = BTreeMap<Destination, Group<'a>>;

/// Compares every DR cluster with each of its primaries.
pub(super) fn compare(board: &Board, groups: &mut Groups<'_>, now: JudgedAt<'_>) {
    let pairs = pairs(board);
    for (primary, dr) in pairs.iter().copied() {
        let (from, to) = (Destination::Cluster(primary.to_owned()), Destination::Cluster(dr.to_owned()));
        let Some(mut of_dr) = groups.remove(&to) else { continue };
        let known = known(board, groups.get(&from), now);
        of_dr.against.push(Against { cluster: primary.to_owned(), known });
        if let (AppsKnown::Now | AppsKnown::LastRead(_), Some(of_primary)) = (known, groups.get_mut(&from)) {
            let only_choice = pairs.iter().filter(|(one, other)| *one == primary || *other == dr).count() == 1;
            Beside { board, primary, dr, only_choice }.compare(&mut of_dr, of_primary, now);
        }
        groups.insert(to, of_dr);
    }
}

/// The DR clusters of services that name applications.
pub(super) fn dr_of_named_apps(board: &Board) -> impl Iterator<Item = &str> {
    board.setup.objectives.iter().filter(|it| !it.apps.is_empty()).flat_map(dr_clusters)
}

fn dr_clusters(objective: &Objective) -> impl Iterator<Item = &str> {
    objective.dr.iter().map(String::as_str)
}

/// Which DR cluster stands in for which primary: as the services say. Of a DR cluster that no service names, the one
/// cluster of that role is the primary.
fn pairs(board: &Board) -> BTreeSet<(&str, &str)> {
    let setup = &board.setup;
    let of = |it| dr_clusters(it).map(move |dr| (it.primary.as_str(), dr));
    let mut pairs: BTreeSet<(&str, &str)> = setup.objectives.iter().flat_map(of).collect();
    let with_role = |role| setup.clusters.iter().filter(move |(_, it)| *it == role).map(|(name, _)| name.as_str());
    let mut primaries = with_role(ClusterRole::Primary);
    if let (Some(primary), None) = (primaries.next(), primaries.next()) {
        let named: BTreeSet<&str> = pairs.iter().map(|(_, dr)| *dr).collect();
        pairs.extend(with_role(ClusterRole::Dr).filter(|dr| !named.contains(dr)).map(|dr| (primary, dr)));
    }
    pairs.retain(|(primary, dr)| primary != dr);
    pairs
}

/// How far the applications of a primary are known.
fn known(board: &Board, group: Option<&Group<'_>>, now: JudgedAt<'_>) -> AppsKnown {
    let Some(group) = group.filter(|it| !it.sources.is_empty()) else { return AppsKnown::Unwatched };
    if !group.sources.iter().all(|id| is_listed(board, id)) {
        return AppsKnown::Unread;
    }
    let stale = group.sources.iter().map(|id| board.store.proof_of_source(id, now)).filter(|proof| proof.stale);
    stale.map(|proof| proof.seen_at).min().map_or(AppsKnown::Now, AppsKnown::LastRead)
}

/// Whether every list was read in which a tool's applications are.
fn is_listed(board: &Board, id: &SourceId) -> bool {
    let argo = id.system == System::Argocd;
    let mut kinds = APPS.iter().filter(|kind| (**kind == FactKind::App) == argo);
    board.store.source(id).is_some_and(|state| kinds.all(|kind| state.listed(*kind)))
}

/// One DR cluster beside one primary.
struct Beside<'a> {
    board: &'a Board,
    primary: &'a str,
    dr: &'a str,
    /// That primary has no other DR cluster, and that DR cluster no other primary.
    only_choice: bool,
}

impl Beside<'_> {
    fn compare(&self, of_dr: &mut Group<'_>, of_primary: &mut Group<'_>, now: JudgedAt<'_>) {
        let pairs = self.pairs(&of_dr.apps, &of_primary.apps);
        for (ours, theirs) in &pairs {
            let theirs = &of_primary.apps[*theirs];
            let found = of_dr.apps[*ours].release.differs_from(&theirs.release);
            let unproven = theirs.lag.as_ref().filter(|lag| lag.kind == LagKind::Unproven);
            of_dr.doubtful += u32::from(unproven.is_some());
            let ours = &mut of_dr.apps[*ours];
            ours.row.counterpart = Some(Counterpart {
                cluster: self.primary.to_owned(),
                name: theirs.app.name.clone(),
                release: SafeText::from(theirs.release.words()),
                same: found.is_none(),
            });
            if let Some((is, other)) = found {
                let lag = behind(ours, theirs, &format!("is at {is}, {} at {other}", self.primary), now);
                ours.lags(lag);
            }
        }
        of_dr.compared += pairs.len() as u32;
        let paired: BTreeSet<usize> = pairs.iter().map(|(_, theirs)| *theirs).collect();
        self.missing(of_dr, of_primary, &paired);
        let ours: BTreeSet<usize> = pairs.iter().map(|(ours, _)| *ours).collect();
        let only = of_dr.apps.iter().enumerate().filter(|(i, it)| !ours.contains(i) && self.belongs(it.app));
        let only: Vec<SafeText> = only.map(|(_, it)| it.row.label()).collect();
        of_dr.extra.extend(only);
    }

    /// What only the primary has. By a name of its own that is a fact; by a name that was derived it is a guess.
    fn missing(&self, of_dr: &mut Group<'_>, of_primary: &mut Group<'_>, paired: &BTreeSet<usize>) {
        if !self.is_read(of_dr) {
            return;
        }
        let setup = &self.board.setup;
        let on_purpose = setup.only_here.get(self.primary);
        for (i, theirs) in of_primary.apps.iter_mut().enumerate() {
            let (kind, name) = (theirs.app.kind.as_str(), theirs.app.name.as_str());
            let exempt = on_purpose.is_some_and(|all| all.iter().any(|pattern| app_fits(pattern, kind, name)));
            if paired.contains(&i) || exempt || !self.belongs(theirs.app) {
                continue;
            }
            if self.stem(self.primary, name) == name {
                theirs.row.missing_on.push(self.dr.to_owned());
                theirs.notes.push(format!("{} does not have it", self.dr));
                of_dr.missing.push((theirs.row.label(), SafeText::from(format!("on {} only", self.primary))));
            } else {
                of_dr.unmatched.push(theirs.row.label());
            }
        }
    }

    /// Whether all was read that could hold an application of DR: until then nothing is missing.
    fn is_read(&self, of_dr: &Group<'_>) -> bool {
        let mut sources: BTreeSet<&SourceId> = of_dr.sources.clone();
        if sources.is_empty() {
            sources.extend(tools(self.board).map(|(id, _)| id));
        }
        sources.into_iter().all(|id| is_listed(self.board, id))
    }

    /// Whether an application has to do with this DR cluster: a service that owns it says where it fails over to; what no
    /// service owns belongs wherever there is no choice.
    fn belongs(&self, app: &App) -> bool {
        let objectives = &self.board.setup.objectives;
        let owners: Vec<&Objective> =
            objectives.iter().filter(|it| it.owns_app(app.kind.as_str(), app.name.as_str())).collect();
        if owners.is_empty() {
            return self.only_choice;
        }
        owners.iter().any(|it| it.primary == self.primary && dr_clusters(it).any(|dr| dr == self.dr))
    }

    fn stem<'n>(&self, cluster: &str, name: &'n str) -> &'n str {
        let called = self.board.setup.called.iter().find(|it| it.cluster == cluster);
        called.map_or(name, |it| it.stem(name))
    }

    /// Which of DR's applications is which of the primary's, by their places in both lists.
    fn pairs(&self, of_dr: &[JudgedApp<'_>], of_primary: &[JudgedApp<'_>]) -> Vec<(usize, usize)> {
        let mut open: (BTreeSet<usize>, BTreeSet<usize>) =
            ((0..of_dr.len()).collect(), (0..of_primary.len()).collect());
        let mut pairs = Vec::new();
        for (derived, anywhere) in [(false, false), (false, true), (true, false), (true, true)] {
            let key = |cluster: &str, app: &App| {
                let name = app.name.as_str();
                let name = if derived { self.stem(cluster, name) } else { name };
                let namespace = if anywhere { "" } else { app.namespace.as_str() };
                (app.kind.as_str().to_owned(), namespace.to_owned(), name.to_owned())
            };
            let ours = alone(&open.0, |i| key(self.dr, of_dr[i].app));
            let theirs = alone(&open.1, |i| key(self.primary, of_primary[i].app));
            for (key, ours) in ours {
                if let Some(theirs) = theirs.get(&key) {
                    pairs.push((ours, *theirs));
                    open.0.remove(&ours);
                    open.1.remove(theirs);
                }
            }
        }
        pairs
    }
}

/// The places by key, of keys that only one has.
fn alone<K: Ord>(open: &BTreeSet<usize>, key: impl Fn(usize) -> K) -> BTreeMap<K, usize> {
    let mut all: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for i in open {
        all.entry(key(*i)).or_default().push(*i);
    }
    all.into_iter().filter_map(|(key, places)| (places.len() == 1).then(|| (key, places[0]))).collect()
}

/// Another release is in passing while one side was deployed a moment ago: the other may be about to follow.
fn behind(ours: &JudgedApp<'_>, theirs: &JudgedApp<'_>, why: &str, now: JudgedAt<'_>) -> Lag {
    let newest = [ours.release.deployed_at, theirs.release.deployed_at].into_iter().flatten().max();
    match newest.filter(|at| now.is_past(*at)) {
        Some(at) if !now.is_older_s(at, PASSES_IN_S) => {
            Lag { kind: LagKind::Passing, why: why.to_owned(), since: newest }
        }
        Some(at) => {
            let why = format!("{why} for {}", now.words_since(at));
            Lag { kind: LagKind::Wrong, why, since: newest }
        }
        None => Lag { kind: LagKind::Wrong, why: why.to_owned(), since: None },
    }
}
