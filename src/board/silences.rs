//! Silences, merged over the instances by id, and whom they keep quiet. Gossip copies them, so a member that lacks one that
//! another has is worth a word.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::model::facts::{Alert, Fact, FactKind, MUTE, Open, Silence};
use crate::model::silence::{Compiled, Match};
use crate::model::{AlertGrade, SafeText, SourceId, Stamp, System};

use super::Board;
use super::judged_at::JudgedAt;
use super::observation_store::{Provenance, Store};
use super::row::{Row, SilenceRow, Verdict};
use super::row_builder::{Opinion, count, names};

/// How long an ended silence stays visible.
const SHOWN_FOR_H: i64 = 24;
/// A silence that ends later than this from now has been forgotten by the time it does.
const LONG_S: i64 = 30 * 86_400;
/// A comment inside another row's reason is cut here.
const COMMENT: usize = 80;

/// An Alertmanager, as someone who wants to write to one must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name in the configuration, by which a write is sent to it.
    pub source: SourceId,
    /// It answers, and nothing is wrong with its answers.
    pub reachable: bool,
    /// `ready`, `settling`, `disabled` (alone), `unknown`.
    pub status: String,
    /// Its silences can be read: what is posted can be read back.
    pub silences_read: bool,
}

/// Every configured Alertmanager.
pub(super) fn members(store: &Store) -> Vec<Member> {
    let sources = store.system(System::Alertmanager);
    let member = |(id, state): (&SourceId, &super::observation_store::SourceState)| {
        let peer = state.of(FactKind::AlertPeer).find_map(|held| match &held.fact {
            Fact::AlertPeer(peer) => Some(peer),
            _ => None,
        });
        Member {
            source: id.clone(),
            reachable: state.trouble.is_none() && state.alive_at.is_some(),
            status: peer.map_or("unknown", |peer| peer.cluster_status.as_str()).to_owned(),
            silences_read: peer.is_some_and(|peer| peer.silences_read),
        }
    };
    sources.map(member).collect()
}

/// One silence over its instances.
struct MergedSilence<'a> {
    silence: &'a Silence,
    /// Instance and the state it says.
    held_by: BTreeMap<&'a str, &'a str>,
    proof: Provenance,
    stale: bool,
}

/// Every silence that some instance holds.
pub(super) struct Silences<'a> {
    now: JudgedAt<'a>,
    by_id: BTreeMap<&'a str, MergedSilence<'a>>,
}

impl<'a> Silences<'a> {
    pub(super) fn of(store: &'a Store, now: JudgedAt<'a>) -> Self {
        let mut by_id: BTreeMap<&str, MergedSilence<'_>> = BTreeMap::new();
        for (id, state, held) in store.facts(FactKind::Silence) {
            let Fact::Silence(silence) = &held.fact else { continue };
            let proof = store.proof(id, state, held, now);
            let stale = proof.stale;
            let merged = by_id.entry(&silence.id).or_insert_with(|| MergedSilence {
                silence,
                held_by: BTreeMap::new(),
                proof: proof.clone(),
                stale,
            });
            merged.held_by.insert(&id.instance, silence.state.as_str());
            merged.stale &= stale;
            if rank(&silence.state) < rank(&merged.silence.state) {
                merged.silence = silence;
            }
            if (merged.proof.seen_at, &merged.proof.source) < (proof.seen_at, &proof.source) {
                merged.proof = proof;
            }
        }
        Self { now, by_id }
    }

    /// What one of the references in `silenced_by` means, in words.
    pub(super) fn words(&self, reference: &str) -> String {
        if let Some(interval) = reference.strip_prefix(MUTE) {
            return format!("muted by the time interval {interval}");
        }
        let Some(MergedSilence { silence, .. }) = self.by_id.get(reference) else {
            return format!("silenced by {}, of which nothing is known", short(reference));
        };
        let until = silence.ends_at.map(|at| format!(" until {}", self.now.moment(at))).unwrap_or_default();
        let comment: String = silence.comment.as_str().chars().take(COMMENT).collect();
        let comment = if comment.is_empty() { comment } else { format!(": {comment}") };
        format!("silenced by {}{until}{comment}", who(&silence.created_by))
    }
}

/// The beginning of an id, as people say it.
fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

fn who(name: &SafeText) -> &str {
    if name.is_empty() { "nobody named" } else { name.as_str() }
}

/// Those in force first.
fn rank(state: &Open) -> u8 {
    match state.as_str() {
        "active" => 0,
        "pending" => 1,
        "expired" => 3,
        _ => 2,
    }
}

/// One row per silence: those in force first, the one that ends first on top.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> Vec<Row> {
    let all = Silences::of(&board.store, now);
    let alerts = current(&board.store);
    let members = members(&board.store);
    let readable: Vec<&str> =
        members.iter().filter(|it| it.reachable && it.silences_read).map(|it| it.source.instance.as_str()).collect();
    let recent = |it: &MergedSilence<'_>| {
        let ended = it.silence.ends_at.filter(|_| it.silence.state.is("expired"));
        ended.is_none_or(|at| !now.is_older(at, TimeDelta::hours(SHOWN_FOR_H)))
    };
    let mut rows: Vec<(u8, Option<Stamp>, Row)> = all
        .by_id
        .into_values()
        .filter(recent)
        .map(|it| (rank(&it.silence.state), it.silence.ends_at, it.row(&alerts, &readable, now)))
        .collect();
    rows.sort_by(|(a, ends_a, row_a), (b, ends_b, row_b)| {
        let ends = if *a == 3 { ends_b.cmp(ends_a) } else { ends_a.cmp(ends_b) };
        a.cmp(b).then(ends).then_with(|| row_a.id.cmp(&row_b.id))
    });
    rows.into_iter().map(|(_, _, row)| row).collect()
}

impl MergedSilence<'_> {
    fn row(self, alerts: &BTreeMap<&str, (&Alert, BTreeSet<&str>)>, readable: &[&str], now: JudgedAt<'_>) -> Row {
        let silence = self.silence;
        let hit: Vec<&Alert> = match silence.state.as_str() {
            "expired" => Vec::new(),
            // In force: Alertmanager itself says which. To come: by its matchers.
            "active" => {
                let by_it = alerts.values().filter(|(_, by)| by.contains(silence.id.as_str()));
                by_it.map(|(alert, _)| *alert).collect()
            }
            _ => matching(silence, alerts),
        };
        let critical = hit.iter().filter(|alert| alert.grade == AlertGrade::Critical).count();
        let mut opinion = Opinion::new(Verdict::Info);
        match (critical, silence.state.is("active")) {
            (0, _) => {}
            // Nobody is called for what burns: somebody has to know that.
            (n, true) => opinion.because(Verdict::Warning, format!("keeps {} quiet", count(n, "critical alert"))),
            (n, false) => opinion.mention(format!("will keep {} quiet", count(n, "critical alert"))),
        }
        if let Some(ends) = silence.ends_at.filter(|ends| !silence.state.is("expired") && now.is_ahead_s(*ends, LONG_S))
        {
            opinion.mention(match now.moment(ends).as_str() {
                "no end" => "has no end".to_owned(),
                until => format!("ends only on {until}"),
            });
        }
        if silence.more_sets {
            opinion.mention("has more matchers than are shown");
        }
        let held_by: Vec<String> = self.held_by.keys().map(|name| (*name).to_owned()).collect();
        let over = silence.state.is("expired");
        let lacks = |name: &&&str| !over && !self.held_by.contains_key(**name);
        let missing_from: Vec<String> = readable.iter().filter(lacks).map(|name| (*name).to_owned()).collect();
        if !missing_from.is_empty() {
            opinion.mention(format!("{} has it, {} does not", names(&held_by), names(&missing_from)));
        }
        for (name, state) in self.held_by.iter().filter(|(_, state)| **state != silence.state.as_str()) {
            opinion.mention(format!("{name} says it is {state}"));
        }
        let figure = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (hits, critical) = (figure(hit.len()), figure(critical));
        let mut proof = self.proof;
        proof.stale = self.stale;
        let body = SilenceRow { silence: silence.clone(), held_by, missing_from, hits, critical };
        opinion.row(silence.id.clone(), proof, body)
    }
}

/// Alerts that someone holds now, each once, with everything that any instance says silences it.
fn current(store: &Store) -> BTreeMap<&str, (&Alert, BTreeSet<&str>)> {
    let mut out: BTreeMap<&str, (&Alert, BTreeSet<&str>)> = BTreeMap::new();
    for (_, _, held) in store.facts(FactKind::Alert).filter(|(_, _, held)| held.missed == 0) {
        if let Fact::Alert(alert) = &held.fact {
            let (_, by) = out.entry(&alert.fingerprint).or_insert_with(|| (alert, BTreeSet::new()));
            by.extend(alert.silenced_by.iter().map(String::as_str));
        }
    }
    out
}

fn matching<'a>(silence: &Silence, alerts: &BTreeMap<&str, (&'a Alert, BTreeSet<&str>)>) -> Vec<&'a Alert> {
    let Ok(compiled) = silence.matchers.iter().map(|it| it.compile()).collect::<Result<Vec<_>, _>>() else {
        return Vec::new();
    };
    let all = alerts.values().map(|(alert, _)| *alert);
    all.filter(|alert| matched(&compiled, &silence.matchers, alert) == Match::Yes).collect()
}

/// Whether an alert has every label as the matchers want it. No matcher matches nothing.
pub fn matched(compiled: &[Compiled], matchers: &[crate::model::facts::Matcher], alert: &Alert) -> Match {
    let each = compiled.iter().zip(matchers).map(|(it, matcher)| it.judge(alert.labels.get(matcher.name.as_str())));
    each.min().unwrap_or(Match::No)
}
