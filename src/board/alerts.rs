//! Alerts: instances merged by fingerprint, and what became of those that are gone.
//!
//! Alertmanager never returns resolved alerts, so absence is all there is. An alert has ended when no instance holds it any
//! more; it counts as `resolved` only if every reachable instance answered at least twice without it and none of them was
//! started so recently that it may merely have forgotten. Otherwise it is `gone`, unconfirmed. Both words stand in
//! `alert.state` of the row, which stays for a while with `seen_at` = when it ended.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::model::facts::{Alert, AlertPeer, Fact, FactKind, Open};
use crate::model::{AlertGrade, Objective, SafeText, SourceId, Stamp, System, TroubleKind};

use super::Board;
use super::judged_at::JudgedAt;
use super::observation_store::{Provenance, SourceState, Store, StoredFact};
use super::row::{AlertRow, Row, Verdict};
use super::row_builder::{Opinion, count, names, sort_rows};
use super::silences::Silences;

/// Complete answers without an alert before it counts as absent.
const POLLS: u32 = 2;
/// Two resend intervals of Prometheus: an instance younger than this may not have been told yet.
pub(super) const YOUNG_S: i64 = 120;
/// How long an ended alert stays visible.
const SHOWN_FOR_S: i64 = 900;
const MOST_ENDED: usize = 500;
/// Labels by which Prometheus servers of a pair differ: left on, each alert is there twice.
const REPLICA: [&str; 3] = ["prometheus_replica", "replica", "__replica__"];
/// `alert.state` of an alert that certainly ended, and of one that merely can't be seen any more.
pub(super) const RESOLVED: &str = "resolved";
pub(super) const GONE: &str = "gone";

/// Alerts that no instance holds any more.
#[derive(Clone, Debug, Default)]
pub(super) struct EndedAlerts {
    by_fingerprint: BTreeMap<String, AlertEnd>,
}

#[derive(Clone, Debug)]
struct AlertEnd {
    alert: Alert,
    at: Stamp,
    source: SourceId,
    confirmed: bool,
}

/// Takes in the whole list of one instance. What is missing lingers until it has been missing twice.
pub(super) fn replace(store: &mut Store, ended: &mut EndedAlerts, source: &SourceId, facts: Vec<Fact>, seen_at: Stamp) {
    let state = store.source_mut(source);
    let before = std::mem::take(state.facts_mut(FactKind::Alert));
    state.replace(FactKind::Alert, facts, seen_at);
    let now = state.facts_mut(FactKind::Alert);
    for (fingerprint, held) in before {
        if !now.contains_key(&fingerprint) && now.len() < super::observation_store::MOST_FACTS {
            now.insert(fingerprint, StoredFact { missed: held.missed + 1, ..held });
        }
    }
    settle(store, ended, source, seen_at);
}

/// The instance itself said that it is gone.
pub(super) fn remove(store: &mut Store, ended: &mut EndedAlerts, source: &SourceId, fingerprint: &str, seen_at: Stamp) {
    let state = store.source_mut(source);
    state.alive(seen_at, false);
    if let Some(held) = state.facts_mut(FactKind::Alert).get_mut(fingerprint) {
        held.missed = POLLS;
    }
    settle(store, ended, source, seen_at);
}

/// Moves alerts that nobody holds any more to the ended ones, and brings returned ones back.
pub(super) fn settle(store: &mut Store, ended: &mut EndedAlerts, source: &SourceId, seen_at: Stamp) {
    let held: BTreeSet<String> = live(store).map(|(_, alert)| alert.fingerprint.clone()).collect();
    ended.by_fingerprint.retain(|fingerprint, end| {
        let shown = (seen_at - end.at).num_seconds() <= SHOWN_FOR_S || end.alert.grade == AlertGrade::Heartbeat;
        shown && !held.contains(fingerprint)
    });
    let over: BTreeMap<String, Alert> = store
        .facts(FactKind::Alert)
        .filter_map(|(_, _, it)| match &it.fact {
            Fact::Alert(alert) if it.missed >= POLLS && !held.contains(&alert.fingerprint) => {
                Some((alert.fingerprint.clone(), alert.clone()))
            }
            _ => None,
        })
        .collect();
    let confirmed = absence_is_proof(store, seen_at);
    let instances: Vec<SourceId> = store.system(System::Alertmanager).map(|(id, _)| id.clone()).collect();
    for (fingerprint, alert) in over {
        for instance in &instances {
            store.source_mut(instance).facts_mut(FactKind::Alert).remove(&fingerprint);
        }
        if ended.by_fingerprint.len() >= MOST_ENDED {
            let oldest = ended.by_fingerprint.iter().min_by_key(|(_, end)| end.at).map(|(key, _)| key.clone());
            oldest.and_then(|key| ended.by_fingerprint.remove(&key));
        }
        ended.by_fingerprint.insert(fingerprint, AlertEnd { alert, at: seen_at, source: source.clone(), confirmed });
    }
}

impl EndedAlerts {
    /// Whether an alert that always fires was seen to end.
    pub(super) fn has_heartbeat(&self) -> bool {
        self.by_fingerprint.values().any(|end| end.alert.grade == AlertGrade::Heartbeat)
    }

    /// Someone holds it again.
    pub(super) fn held_again(&mut self, fingerprint: &str) {
        self.by_fingerprint.remove(fingerprint);
    }
}

/// Alerts that are still held by someone who can be asked, missed at most once: what one that does not answer held last
/// keeps nothing alive that the others have seen end.
fn live(store: &Store) -> impl Iterator<Item = (&SourceId, &Alert)> {
    store.facts(FactKind::Alert).filter_map(|(id, state, held)| match &held.fact {
        Fact::Alert(alert) if held.missed < POLLS && state.whole_trouble().is_none() => Some((id, alert)),
        _ => None,
    })
}

/// Whether every reachable instance is whole and old enough that not holding an alert means it ended.
fn absence_is_proof(store: &Store, now: Stamp) -> bool {
    // One that answers in part is asked like the others, and can't vouch for what is missing.
    let partly = |state: &SourceState| state.trouble.as_ref().is_some_and(|it| it.trouble.kind == TroubleKind::Partial);
    let answers = |state: &SourceState| state.trouble.is_none() || partly(state);
    let mut reachable = store.system(System::Alertmanager).filter(|(_, state)| answers(state)).peekable();
    reachable.peek().is_some()
        && reachable.all(|(_, state)| {
            !partly(state)
                && state.of(FactKind::AlertPeer).next().is_some_and(|held| match &held.fact {
                    Fact::AlertPeer(peer) => is_settled(peer, now),
                    _ => false,
                })
        })
}

fn is_settled(peer: &AlertPeer, now: Stamp) -> bool {
    let old = peer.started.is_some_and(|started| now - started >= TimeDelta::seconds(YOUNG_S));
    old && !peer.cluster_status.is("settling")
}

/// Who needs you first: by verdict, then the newest.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> Vec<Row> {
    let mut merged: BTreeMap<&str, MergedAlert> = BTreeMap::new();
    for (id, state, held) in board.store.facts(FactKind::Alert) {
        let Fact::Alert(alert) = &held.fact else { continue };
        let proof = board.store.proof(id, state, held, now);
        let one = merged.entry(&alert.fingerprint).or_insert_with(|| MergedAlert::new(alert));
        one.began(alert.starts_at, started(state), now);
        one.add(id, alert, held.missed, proof);
    }
    // One that is held again has one row, though who holds it may not be trusted yet.
    let ended: Vec<&AlertEnd> =
        board.ended.by_fingerprint.values().filter(|end| !merged.contains_key(&*end.alert.fingerprint)).collect();
    let instances: Vec<(String, bool)> = board
        .store
        .system(System::Alertmanager)
        .map(|(id, state)| (id.instance.clone(), state.trouble.is_none() && state.alive_at.is_some()))
        .collect();
    let known = AlertContext {
        silences: Silences::of(&board.store, now),
        names: merged.iter().map(|(key, it)| ((*key).to_owned(), name_of(&it.alert))).collect(),
        twins: twins(merged.values().map(|it| &it.alert)),
    };
    let rows = merged.into_values().filter_map(|it| it.row(&instances, &board.setup.objectives, &known));
    let mut rows: Vec<Row> = rows.collect();
    rows.extend(ended.into_iter().map(|end| ended_row(board, end, now)));
    sort_rows(&mut rows, |row| {
        row.as_kind::<AlertRow>().map(|it| (std::cmp::Reverse(it.alert.starts_at), it.alert.name.clone()))
    });
    rows
}

/// When an Alertmanager says that it was started.
fn started(state: &SourceState) -> Option<Stamp> {
    state.of(FactKind::AlertPeer).find_map(|held| match &held.fact {
        Fact::AlertPeer(peer) => peer.started,
        _ => None,
    })
}

/// What rows say about others.
struct AlertContext<'a> {
    silences: Silences<'a>,
    /// Alerts by fingerprint, for those that inhibit.
    names: BTreeMap<String, String>,
    /// Label sets that differ in nothing but the replica that sent them.
    twins: BTreeSet<Labels>,
}

type Labels = BTreeMap<String, SafeText>;

fn name_of(alert: &Alert) -> String {
    let place = alert.labels.get("cluster").or_else(|| alert.labels.get("namespace"));
    place.map_or_else(|| alert.name.to_string(), |place| format!("{} on {place}", alert.name))
}

/// The labels without the one that says which of two Prometheus servers sent it; `None` if there is no such label.
fn without_replica(alert: &Alert) -> Option<Labels> {
    let mut labels = alert.labels.clone();
    let before = labels.len();
    labels.retain(|name, _| !REPLICA.contains(&name.as_str()));
    (labels.len() < before).then_some(labels)
}

fn twins<'a>(alerts: impl Iterator<Item = &'a Alert>) -> BTreeSet<Labels> {
    let mut seen: BTreeMap<Labels, u32> = BTreeMap::new();
    alerts.filter_map(without_replica).for_each(|labels| *seen.entry(labels).or_default() += 1);
    seen.into_iter().filter(|(_, n)| *n > 1).map(|(labels, _)| labels).collect()
}

/// One alert over its instances. The result does not depend on the order in which they are added.
struct MergedAlert {
    alert: Alert,
    by: SourceId,
    held_by: BTreeSet<String>,
    missed_by: BTreeSet<String>,
    proof: Option<Provenance>,
    stale: bool,
    /// No instance that holds it is whole.
    doubtful: bool,
    /// Its beginning may be that of the instance.
    since_restart: bool,
}

impl MergedAlert {
    fn new(alert: &Alert) -> Self {
        let empty = Alert { starts_at: None, silenced_by: Vec::new(), inhibited_by: Vec::new(), ..alert.clone() };
        Self {
            alert: Alert { receivers: Vec::new(), state: Open::default(), ..empty },
            by: SourceId::new(System::Alertmanager, "\u{10ffff}"),
            held_by: BTreeSet::new(),
            missed_by: BTreeSet::new(),
            proof: None,
            stale: true,
            doubtful: true,
            since_restart: false,
        }
    }

    /// The earliest beginning counts, and whether it is believed: not if all who say it had just been started, nor if it is
    /// still to come, as that of an alert that was sent with nothing but its end.
    fn began(&mut self, at: Option<Stamp>, started: Option<Stamp>, now: JudgedAt<'_>) {
        let Some(at) = at else { return };
        // Not in whole seconds, which are cut towards zero: what began a moment before the start has a beginning of its own.
        let after = |started: Stamp| (TimeDelta::zero()..TimeDelta::seconds(YOUNG_S)).contains(&(at - started));
        let young = !now.is_past(at) || started.is_some_and(after);
        match self.alert.starts_at {
            Some(known) if known < at => {}
            Some(known) if known == at => self.since_restart &= young,
            _ => (self.alert.starts_at, self.since_restart) = (Some(at), young),
        }
    }

    fn add(&mut self, id: &SourceId, alert: &Alert, missed: u32, proof: Provenance) {
        // Words come from the instance that sorts first; labels are equal by definition of the fingerprint.
        if *id < self.by {
            self.by = id.clone();
            self.alert.name = alert.name.clone();
            self.alert.severity = alert.severity.clone();
            self.alert.grade = alert.grade;
            self.alert.summary = alert.summary.clone();
            self.alert.description = alert.description.clone();
            self.alert.runbook_url = alert.runbook_url.clone();
            self.alert.generator_url = alert.generator_url.clone();
            self.alert.labels = alert.labels.clone();
        }
        if state_rank(&alert.state) > state_rank(&self.alert.state) {
            self.alert.state = alert.state.clone();
        }
        union(&mut self.alert.receivers, &alert.receivers);
        union(&mut self.alert.silenced_by, &alert.silenced_by);
        union(&mut self.alert.inhibited_by, &alert.inhibited_by);
        let instances = if missed == 0 { &mut self.held_by } else { &mut self.missed_by };
        let first_held = missed == 0 && instances.is_empty();
        instances.insert(id.instance.clone());
        if first_held {
            (self.stale, self.doubtful, self.proof) = (true, true, None);
        } else if missed > 0 && !self.held_by.is_empty() {
            // An instance that has lost it can't vouch for what the others hold.
            return;
        }
        self.stale &= proof.stale;
        self.doubtful &= proof.doubt.is_some();
        let newer = self
            .proof
            .as_ref()
            .is_none_or(|old| (!old.stale, old.seen_at, &old.source) < (!proof.stale, proof.seen_at, &proof.source));
        if newer {
            self.proof = Some(proof);
        }
    }

    fn row(self, instances: &[(String, bool)], objectives: &[Objective], known: &AlertContext<'_>) -> Option<Row> {
        let mut proof = self.proof?;
        proof.stale = self.stale;
        proof.doubt = proof.doubt.filter(|_| self.doubtful);
        let missing_from: Vec<String> = instances
            .iter()
            .filter(|(name, reachable)| *reachable && !self.held_by.contains(name))
            .map(|(name, _)| name.clone())
            .collect();
        let held_by: Vec<String> = self.held_by.into_iter().collect();
        let mut opinion = judge(&self.alert, known);
        if without_replica(&self.alert).is_some_and(|labels| known.twins.contains(&labels)) {
            opinion.mention("here once per Prometheus: drop the replica label before alerts are sent");
        }
        if held_by.is_empty() {
            opinion.mention("missing from the last answer, not confirmed yet");
        } else if !missing_from.is_empty() {
            opinion.mention(format!("{} holds it, {} does not", names(&held_by), names(&missing_from)));
        }
        let service = service_of(&self.alert, objectives);
        let id = self.alert.fingerprint.clone();
        let (alert, since_restart) = (self.alert, self.since_restart);
        Some(opinion.row(id, proof, AlertRow { alert, held_by, missing_from, service, since_restart }))
    }
}

/// active > suppressed > unprocessed > anything else.
fn state_rank(state: &Open) -> u8 {
    match state.as_str() {
        "active" => 4,
        "suppressed" => 3,
        "unprocessed" => 2,
        "" => 0,
        _ => 1,
    }
}

fn union<T: Ord + Clone>(into: &mut Vec<T>, from: &[T]) {
    into.extend_from_slice(from);
    into.sort();
    into.dedup();
}

fn judge(alert: &Alert, known: &AlertContext<'_>) -> Opinion {
    let suppressed = alert.state.is("suppressed");
    let mut opinion = Opinion::new(match alert.grade {
        // Kept quiet it proves nothing to whoever waits for it at the far end, yet here it is seen.
        AlertGrade::Heartbeat => Verdict::Ok,
        _ if suppressed => Verdict::Info,
        AlertGrade::Critical => Verdict::Critical,
        AlertGrade::Warning => Verdict::Warning,
        AlertGrade::Info => Verdict::Info,
    });
    if alert.grade == AlertGrade::Heartbeat {
        opinion.mention("always fires: alerts arrive");
    }
    if suppressed && alert.silenced_by.is_empty() && alert.inhibited_by.is_empty() {
        opinion.mention("suppressed; by what is not said");
    }
    let silenced: Vec<String> = alert.silenced_by.iter().map(|by| known.silences.words(by)).collect();
    if !silenced.is_empty() {
        opinion.mention(names(&silenced));
    }
    let by: Vec<&str> = alert.inhibited_by.iter().filter_map(|key| known.names.get(key).map(String::as_str)).collect();
    match (alert.inhibited_by.len(), by.len()) {
        (0, _) => {}
        (n, 0) => opinion.mention(format!("inhibited by {} not in any list", count(n, "other alert"))),
        _ => opinion.mention(format!("inhibited by {}", names(&by))),
    }
    opinion
}

/// The service an alert belongs to, by its `service` or `app` label, else by its namespace.
fn service_of(alert: &Alert, objectives: &[Objective]) -> Option<String> {
    let label = |name: &str| alert.labels.get(name).map(|value| value.as_str());
    let named = ["service", "app"]
        .into_iter()
        .filter_map(label)
        .find_map(|value| objectives.iter().find(|objective| objective.service == value));
    let by_namespace =
        || label("namespace").and_then(|ns| objectives.iter().find(|it| it.namespaces.iter().any(|own| own == ns)));
    named.or_else(by_namespace).map(|objective| objective.service.clone())
}

fn ended_row(board: &Board, end: &AlertEnd, now: JudgedAt<'_>) -> Row {
    let mut alert = end.alert.clone();
    alert.state = Open::new(if end.confirmed { RESOLVED } else { GONE });
    let mut opinion = Opinion::new(Verdict::Info);
    if alert.grade == AlertGrade::Heartbeat {
        let why = format!("the heartbeat {} is missing: nothing proves that alerts still arrive", alert.name);
        opinion.because(Verdict::Critical, why);
    } else if !end.confirmed {
        opinion.because(Verdict::Unknown, "gone, unconfirmed: an instance is missing, settling or just started");
    }
    let mut proof = board.store.proof_of_source(&end.source, now);
    proof.seen_at = end.at;
    proof.stale = false;
    proof.doubt = None;
    let service = service_of(&alert, &board.setup.objectives);
    let missing_from = board.store.system(System::Alertmanager).map(|(id, _)| id.instance.clone()).collect();
    let id = alert.fingerprint.clone();
    opinion.row(id, proof, AlertRow { alert, held_by: Vec::new(), missing_from, service, since_restart: false })
}
