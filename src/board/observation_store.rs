//! What each source said last, and how far it can be believed.
//!
//! Facts are kept by (source, kind, key). A source in trouble keeps its facts; they age from its last proof of life.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::judged_at::JudgedAt;
use crate::model::facts::{ControlPlane, Endpoint, Fact, FactKind};
use crate::model::{SafeText, SourceId, Stamp, System, Trouble, TroubleKind};

/// The most facts of one kind kept for one source. Further ones are counted, not kept.
pub(super) const MOST_FACTS: usize = 20_000;
/// How long a partial trouble (forbidden, not installed, …) is believed without being repeated, at least.
const PARTIAL_FOR_S: i64 = 120;
/// A trouble that comes back this soon never ended: one answer between two failures is no health.
const FLAP_S: i64 = 120;
/// A trouble that came back that soon is over only when it has not been repeated for so long.
const SETTLES_S: i64 = 20;
/// How far ahead of now something may have been seen: tasks read the clock at slightly different instants.
const AHEAD: TimeDelta = TimeDelta::seconds(5);
/// Proofs of life that are closer to each other are one.
const LIFE_STEP: TimeDelta = TimeDelta::seconds(1);
/// Freshness of a source that was not announced.
const DEFAULT_FRESH_S: u64 = 60;

/// A fact and when it was last seen.
#[derive(Clone, Debug)]
pub(super) struct StoredFact {
    pub fact: Fact,
    pub seen_at: Stamp,
    /// Complete answers in a row that did not have it any more; only alerts linger so.
    pub missed: u32,
}

/// A trouble that has not been disproved.
#[derive(Clone, Debug)]
pub(super) struct OpenTrouble {
    pub trouble: Trouble,
    pub since: Stamp,
    last: Stamp,
    /// It had just ended when it began again.
    again: bool,
    /// The source's last proof of life before it: what its facts age from.
    proven: Option<Stamp>,
}

/// One source.
#[derive(Clone, Debug)]
pub(super) struct SourceState {
    pub fresh_for_s: u64,
    /// The way there in words.
    pub notes: Vec<SafeText>,
    pub alive_at: Option<Stamp>,
    pub trouble: Option<OpenTrouble>,
    /// Every list was told since the source was last away.
    complete: bool,
    /// The last trouble that ended: since when it was, and until when.
    over: Option<(Stamp, Stamp)>,
    facts: BTreeMap<FactKind, BTreeMap<String, StoredFact>>,
    dropped: u64,
    /// What the last list of a kind held beyond what was told of it.
    unkept: BTreeMap<FactKind, u64>,
}

/// How far something can be believed at an instant.
#[derive(Clone, Debug)]
pub(super) struct Provenance {
    pub source: SourceId,
    pub seen_at: Stamp,
    pub stale: bool,
    /// The source answers, but not wholly.
    pub doubt: Option<SafeText>,
}

/// Trouble that says something about a part of the source and nothing about the rest.
pub(super) fn is_partial(kind: TroubleKind) -> bool {
    use TroubleKind as K;
    matches!(kind, K::Forbidden | K::NotInstalled | K::Throttled | K::Partial)
}

/// Trouble that any answer disproves.
fn is_silence(kind: TroubleKind) -> bool {
    matches!(kind, TroubleKind::Unreachable | TroubleKind::Silent | TroubleKind::Local)
}

/// Whether an upsert proves that its source lives: "not reached" is news about a source, not from it.
fn proves_life(fact: &Fact) -> bool {
    !matches!(
        fact,
        Fact::ControlPlane(ControlPlane { livez: Endpoint::Unreachable, readyz: Endpoint::Unreachable, .. })
    )
}

impl SourceState {
    pub(super) fn new(fresh_for_s: u64) -> Self {
        Self {
            fresh_for_s,
            notes: Vec::new(),
            alive_at: None,
            trouble: None,
            complete: false,
            over: None,
            facts: BTreeMap::new(),
            dropped: 0,
            unkept: BTreeMap::new(),
        }
    }

    /// Facts of a kind, by key.
    pub(super) fn of(&self, kind: FactKind) -> impl Iterator<Item = &StoredFact> {
        self.facts.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    pub(super) fn get(&self, kind: FactKind, key: &str) -> Option<&StoredFact> {
        self.facts.get(&kind)?.get(key)
    }

    /// Every list was told.
    pub(super) fn completed(&mut self) {
        self.complete = true;
    }

    /// Whether some list is still being read, for the first time or again after the source was away. What depends on
    /// several lists is not judged before all of them are there.
    pub(super) fn is_reading(&self) -> bool {
        !self.complete && self.trouble.is_none()
    }

    /// Whether facts of a kind were ever told, if only that there are none.
    pub(super) fn listed(&self, kind: FactKind) -> bool {
        self.facts.contains_key(&kind)
    }

    pub(super) fn facts_mut(&mut self, kind: FactKind) -> &mut BTreeMap<String, StoredFact> {
        self.facts.entry(kind).or_default()
    }

    /// The instant up to which everything from this source is proven, unless a fact itself is newer.
    pub(super) fn proven_at(&self) -> Option<Stamp> {
        match &self.trouble {
            Some(troubled) if !is_partial(troubled.trouble.kind) => troubled.proven,
            _ => self.alive_at,
        }
    }

    /// The newest proof of life, unless that lies so far ahead that the wall clock was set back since.
    fn seen(&mut self, at: Stamp) {
        self.alive_at = Some(match self.alive_at {
            Some(before) if before >= at && before - at <= AHEAD => before,
            // One that talks all the time lives no more for it, and what rests on it need not be judged again for that.
            Some(before) if before < at && at - before < LIFE_STEP => before,
            _ => at,
        });
    }

    /// What proofs of life alone may have changed.
    pub(super) fn life(&self) -> (Option<Stamp>, bool) {
        (self.alive_at, self.trouble.is_some())
    }

    pub(super) fn is_stale_at(&self, seen_at: Stamp, now: JudgedAt<'_>) -> bool {
        let fresh =
            TimeDelta::try_seconds(i64::try_from(self.fresh_for_s).unwrap_or(i64::MAX)).unwrap_or(TimeDelta::MAX);
        // Seen in the future: the wall clock was set back, and nothing says how long ago it really was.
        now.is_older(seen_at, fresh) || now.is_ahead(seen_at, AHEAD)
    }

    /// A fact is new or newer.
    pub(super) fn upsert(&mut self, fact: Fact, seen_at: Stamp) {
        if proves_life(&fact) {
            self.alive(seen_at, false);
        }
        let facts = self.facts.entry(fact.kind()).or_default();
        let key = fact.key();
        if facts.len() >= MOST_FACTS && !facts.contains_key(&key) {
            self.dropped += 1;
            return;
        }
        facts.insert(key, StoredFact { fact, seen_at, missed: 0 });
    }

    pub(super) fn remove(&mut self, kind: FactKind, key: &str, seen_at: Stamp) {
        self.alive(seen_at, false);
        if let Some(facts) = self.facts.get_mut(&kind) {
            facts.remove(key);
        }
    }

    pub(super) fn replace(&mut self, kind: FactKind, facts: Vec<Fact>, seen_at: Stamp) {
        self.alive(seen_at, true);
        self.unkept.remove(&kind);
        let kept = self.facts.entry(kind).or_default();
        kept.clear();
        for fact in facts.into_iter().filter(|fact| fact.kind() == kind) {
            if kept.len() >= MOST_FACTS {
                self.dropped += 1;
                continue;
            }
            kept.insert(fact.key(), StoredFact { fact, seen_at, missed: 0 });
        }
    }

    /// The list that was told last held so many more.
    pub(super) fn unkept(&mut self, kind: FactKind, count: u64) {
        self.unkept.insert(kind, count);
    }

    /// How many facts it has that are not kept.
    pub(super) fn unkept_facts(&self) -> u64 {
        self.dropped + self.unkept.values().sum::<u64>()
    }

    /// Proof of life. `whole`: a complete answer, which disproves any trouble; otherwise only "nothing comes" is disproved
    /// at once, and a partial trouble is forgotten when it has not been repeated for a while.
    pub(super) fn alive(&mut self, seen_at: Stamp, whole: bool) {
        self.seen(seen_at);
        let Some(troubled) = &mut self.trouble else { return };
        let settles = !is_partial(troubled.trouble.kind)
            && troubled.again
            && (0..=SETTLES_S).contains(&(seen_at - troubled.last).num_seconds());
        if settles {
            // What it told is as fresh as the answer; that it answers for good is not proven by it.
            if whole || is_silence(troubled.trouble.kind) {
                troubled.proven = self.alive_at;
            }
            return;
        }
        let over = match troubled.trouble.kind {
            kind if is_silence(kind) => true,
            kind if is_partial(kind) => {
                let patience = PARTIAL_FOR_S.max(i64::try_from(self.fresh_for_s).unwrap_or(PARTIAL_FOR_S));
                whole || (seen_at - troubled.last).num_seconds() > patience
            }
            _ => whole,
        };
        if over {
            self.over = self.trouble.take().map(|troubled| (troubled.since, seen_at));
        }
    }

    pub(super) fn troubled(&mut self, trouble: Trouble, seen_at: Stamp) {
        if trouble.kind == TroubleKind::Partial {
            // An answer with gaps is an answer: what it holds is as fresh as any.
            self.seen(seen_at);
        }
        self.complete &= is_partial(trouble.kind);
        let alive_at = self.alive_at;
        match &mut self.trouble {
            Some(troubled) => {
                if is_partial(troubled.trouble.kind) && !is_partial(trouble.kind) {
                    troubled.proven = alive_at;
                }
                troubled.trouble = trouble;
                troubled.last = seen_at;
            }
            None => {
                let goes_on = |(_, until): &(Stamp, Stamp)| (0..=FLAP_S).contains(&(seen_at - *until).num_seconds());
                let before = self.over.filter(goes_on);
                let since = before.map_or(seen_at, |(since, _)| since);
                self.trouble =
                    Some(OpenTrouble { trouble, since, last: seen_at, again: before.is_some(), proven: alive_at });
            }
        }
    }

    /// What is wrong with all of it, if something is.
    pub(super) fn whole_trouble(&self) -> Option<&OpenTrouble> {
        self.trouble.as_ref().filter(|troubled| !is_partial(troubled.trouble.kind))
    }

    fn doubt(&self) -> Option<SafeText> {
        let troubled = self.trouble.as_ref().filter(|troubled| is_partial(troubled.trouble.kind))?;
        Some(troubled.trouble.what.clone())
    }
}

/// Every source, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    sources: BTreeMap<SourceId, SourceState>,
}

impl Store {
    pub(super) fn announce(&mut self, id: SourceId, fresh_for_s: u64) {
        self.sources.insert(id, SourceState::new(fresh_for_s));
    }

    pub(super) fn source_mut(&mut self, id: &SourceId) -> &mut SourceState {
        self.sources.entry(id.clone()).or_insert_with(|| SourceState::new(DEFAULT_FRESH_S))
    }

    pub(super) fn source(&self, id: &SourceId) -> Option<&SourceState> {
        self.sources.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&SourceId, &SourceState)> {
        self.sources.iter()
    }

    /// Sources of one system.
    pub(super) fn system(&self, system: System) -> impl Iterator<Item = (&SourceId, &SourceState)> {
        self.sources.iter().filter(move |(id, _)| id.system == system)
    }

    /// Every fact of a kind, with its source.
    pub(super) fn facts(&self, kind: FactKind) -> impl Iterator<Item = (&SourceId, &SourceState, &StoredFact)> {
        self.sources.iter().flat_map(move |(id, state)| state.of(kind).map(move |held| (id, state, held)))
    }

    /// How far a fact can be believed.
    pub(super) fn proof(&self, id: &SourceId, state: &SourceState, held: &StoredFact, now: JudgedAt<'_>) -> Provenance {
        let ahead = |at: &Stamp| now.is_ahead(*at, AHEAD);
        let seen_at = match state.proven_at() {
            Some(at) if at >= held.seen_at || ahead(&held.seen_at) => at,
            _ => held.seen_at,
        };
        Provenance { source: id.clone(), seen_at, stale: state.is_stale_at(seen_at, now), doubt: state.doubt() }
    }

    /// How far a source's silence about something can be believed.
    pub(super) fn proof_of_source(&self, id: &SourceId, now: JudgedAt<'_>) -> Provenance {
        let state = self.sources.get(id);
        let seen_at = state.and_then(SourceState::proven_at);
        Provenance {
            source: id.clone(),
            seen_at: seen_at.unwrap_or(Stamp::UNIX_EPOCH),
            stale: seen_at.is_none_or(|at| state.is_none_or(|state| state.is_stale_at(at, now))),
            doubt: state.and_then(SourceState::doubt),
        }
    }
}
