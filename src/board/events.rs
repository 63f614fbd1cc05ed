//! Kubernetes events: the newest over all clusters, and what was heard of each kind of event, however many others there were.
//!
//! An event is updated in place as its count rises. A kind of event outlives the events themselves: a storm of others pushes
//! them out of the list, and servers forget them after an hour.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::model::facts::{KubeEvent, Open};
use crate::model::time::clock;
use crate::model::{SafeText, SourceId, Stamp};

use super::Board;
use super::event_tally::{EventRow, EventTally, RecentCounts};
use super::row::{Row, RowBody, TopicView, Verdict};
use super::row_builder::Opinion;

/// The most events kept.
pub const MOST_EVENTS: usize = 5_000;
/// The most events that have a row: the newest of each kind, and the newest of all.
pub const MOST_SHOWN: usize = 1_000;
/// The most kinds of events kept.
pub const MOST_GROUPS: usize = 800;
/// The most objects of a kind of event that are told apart.
const MOST_OBJECTS: usize = 256;
/// A kind of event of which the server has none any more is shown for so long after the last.
const REMEMBERED: TimeDelta = TimeDelta::hours(6);
/// An event dated so far ahead of when we saw it has a clock that says nothing.
const AHEAD: TimeDelta = TimeDelta::seconds(60);

type EventKey = Arc<(SourceId, String)>;

/// What makes two events one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct GroupKey {
    cluster: String,
    namespace: SafeText,
    object_kind: SafeText,
    reason: SafeText,
    warning: bool,
}

impl GroupKey {
    fn of(event: &KubeEvent) -> Self {
        let KubeEvent { cluster, namespace, object_kind, reason, kind, .. } = event;
        Self {
            cluster: cluster.clone(),
            namespace: namespace.clone(),
            object_kind: object_kind.clone(),
            reason: reason.clone(),
            warning: is_warning(kind),
        }
    }
}

fn is_warning(kind: &Open) -> bool {
    kind.is("Warning")
}

/// An event as it is shown.
#[derive(Clone, Debug)]
struct HeardEvent {
    event: Arc<KubeEvent>,
    group: Arc<GroupKey>,
    /// The date it bears, where that can't be believed.
    dated: Option<Stamp>,
    /// Counts what is heard.
    number: u64,
}

impl HeardEvent {
    /// Nothing happens after it was seen.
    fn new(mut event: KubeEvent, group: Arc<GroupKey>, seen_at: Stamp, number: u64) -> Self {
        let dated = (event.last - seen_at > AHEAD).then_some(event.last);
        if dated.is_some() {
            event.last = seen_at;
        }
        event.first = event.first.map(|at| at.min(event.last));
        Self { event: Arc::new(event), group, dated, number }
    }
}

/// One kind of event.
#[derive(Clone, Debug)]
struct EventKind {
    key: EventKey,
    newest: HeardEvent,
    tally: Arc<EventTally>,
    /// Hashes of the names of its objects.
    objects: HashSet<u64>,
    /// How many of its events are in the list.
    listed: usize,
    /// The last of those that left the list because it is full: an event that began before may be one of them.
    forgot_until: Option<Stamp>,
}

/// The bounded lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    by_key: HashMap<EventKey, HeardEvent>,
    by_time: BTreeMap<(Stamp, u64), EventKey>,
    heard: u64,
    kinds: HashMap<Arc<GroupKey>, EventKind>,
    /// Pushed out because the list is full.
    pub dropped: u64,
    /// Kinds that were pushed out.
    pub dropped_kinds: u64,
}

impl Events {
    /// An event came or changed.
    pub fn upsert(&mut self, source: &SourceId, event: KubeEvent, seen_at: Stamp) {
        self.hear(source, event, seen_at, false);
    }

    fn hear(&mut self, source: &SourceId, event: KubeEvent, seen_at: Stamp, in_list: bool) {
        let key: EventKey = Arc::new((source.clone(), event.uid.clone()));
        let group = GroupKey::of(&event);
        let group = self.kinds.get_key_value(&group).map_or_else(|| Arc::new(group), |(known, _)| known.clone());
        self.heard += 1;
        let heard = HeardEvent::new(event, group, seen_at, self.heard);
        let known = self.take(&key);
        self.tally(&key, &heard, known.as_ref(), in_list);
        self.by_time.insert((heard.event.last, heard.number), key.clone());
        self.by_key.insert(key, heard);
        while self.by_key.len() > MOST_EVENTS {
            let Some(oldest) = self.by_time.values().next().cloned() else { break };
            let Some(gone) = self.take(&oldest) else { break };
            self.dropped += 1;
            // The newest of a kind is known by its kind as well.
            if let Some(kind) = self.kinds.get_mut(&gone.group).filter(|kind| kind.key != oldest) {
                kind.forgot_until = kind.forgot_until.max(Some(gone.event.last));
            }
        }
    }

    /// Takes an event out of the list.
    fn take(&mut self, key: &EventKey) -> Option<HeardEvent> {
        let known = self.by_key.remove(key)?;
        self.by_time.remove(&(known.event.last, known.number));
        if let Some(kind) = self.kinds.get_mut(&known.group) {
            kind.listed = kind.listed.saturating_sub(1);
        }
        Some(known)
    }

    /// Counts what is new about an event.
    fn tally(&mut self, key: &EventKey, heard: &HeardEvent, known: Option<&HeardEvent>, in_list: bool) {
        let event = &heard.event;
        let Some(kind) = self.kinds.get_mut(&heard.group) else {
            self.add_kind(key, heard);
            return;
        };
        let before = known.filter(|it| it.group == heard.group);
        let before = before.or((kind.key == *key).then_some(&kind.newest));
        let (count, from, exact) = match before {
            // A counter that fell was begun anew.
            Some(it) if event.count < it.event.count => (event.count.max(1), event.last, true),
            Some(it) => (event.count.max(1) - it.event.count.max(1), it.event.last, true),
            None => new_of(event, kind.forgot_until, in_list),
        };
        kind.listed += 1;
        let tally = Arc::make_mut(&mut kind.tally);
        tally.count = tally.count.saturating_add(count);
        tally.at_least |= !exact;
        tally.first = tally.first.min(event.first.unwrap_or(event.last));
        if count > 0 {
            tally.recent.add(from, event.last, count);
        }
        count_object(&mut kind.objects, tally, event);
        if event.last >= kind.newest.event.last || kind.key == *key {
            (kind.key, kind.newest) = (key.clone(), heard.clone());
        }
    }

    fn add_kind(&mut self, key: &EventKey, heard: &HeardEvent) {
        let event = &heard.event;
        let first = event.first.unwrap_or(event.last);
        let count = event.count.max(1);
        let mut tally = EventTally {
            count,
            // It may be one that was pushed out.
            at_least: self.dropped_kinds > 0,
            objects: 0,
            more_objects: false,
            first,
            recent: RecentCounts::of(first, event.last, count),
        };
        let mut objects = HashSet::new();
        count_object(&mut objects, &mut tally, event);
        self.make_room(event.last);
        let kind = EventKind {
            key: key.clone(),
            newest: heard.clone(),
            tally: Arc::new(tally),
            objects,
            listed: 1,
            forgot_until: None,
        };
        self.kinds.insert(heard.group.clone(), kind);
    }

    /// Lets go of the kind that is needed least: one that is long over, else an ordinary one before a warning, one of the
    /// place that fills the list before others, one that happens often, and so will be told again, before a rare one.
    fn make_room(&mut self, now: Stamp) {
        if self.kinds.len() < MOST_GROUPS {
            return;
        }
        let before = self.kinds.len();
        self.kinds.retain(|_, kind| !kind.is_over(now));
        if self.kinds.len() < before {
            return;
        }
        let mut places: HashMap<(&str, &SafeText), usize> = HashMap::new();
        for key in self.kinds.keys() {
            *places.entry((&key.cluster, &key.namespace)).or_default() += 1;
        }
        let need = |key: &GroupKey, kind: &EventKind| {
            let fills = places.get(&(key.cluster.as_str(), &key.namespace)).copied();
            let recent = std::cmp::Reverse(kind.newest.event.last);
            (!key.warning, fills, kind.tally.count, recent)
        };
        let least = self.kinds.iter().max_by_key(|(key, kind)| need(key, kind)).map(|(key, _)| key.clone());
        if let Some(least) = least {
            self.kinds.remove(&least);
            self.dropped_kinds += 1;
        }
    }

    /// Expired at the server: gone here too, and not "resolved". That there was such a kind of event stays known.
    pub fn remove(&mut self, source: &SourceId, uid: &str) {
        if let Some(gone) = self.take(&Arc::new((source.clone(), uid.to_owned())))
            && self.kinds.get(&gone.group).is_some_and(|kind| kind.key.1 == uid)
        {
            self.name_newest();
        }
    }

    /// Where the newest event of a kind is gone and others of it are left, the newest of those speaks for it.
    fn name_newest(&mut self) {
        let gone = |kind: &EventKind| kind.listed > 0 && !self.by_key.contains_key(&kind.key);
        let mut open: HashSet<Arc<GroupKey>> =
            self.kinds.iter().filter(|(_, kind)| gone(kind)).map(|(key, _)| key.clone()).collect();
        for key in self.by_time.values().rev() {
            if open.is_empty() {
                break;
            }
            let Some(heard) = self.by_key.get(key).filter(|it| open.remove(&it.group)) else { continue };
            if let Some(kind) = self.kinds.get_mut(&heard.group) {
                (kind.key, kind.newest) = (key.clone(), heard.clone());
            }
        }
    }

    pub fn replace(&mut self, source: &SourceId, events: Vec<KubeEvent>, seen_at: Stamp) {
        let here: HashSet<&str> = events.iter().map(|event| event.uid.as_str()).collect();
        let own = self.by_key.keys().filter(|key| key.0 == *source && !here.contains(key.1.as_str()));
        for key in own.cloned().collect::<Vec<_>>() {
            self.take(&key);
        }
        for event in events {
            self.hear(source, event, seen_at, true);
        }
        self.name_newest();
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }
}

impl EventKind {
    fn is_over(&self, now: Stamp) -> bool {
        self.listed == 0 && now - self.newest.event.last > REMEMBERED
    }
}

/// What an event adds that is not known: how often, since when, and whether that is exact. Where some were forgotten, it may
/// be one of those.
fn new_of(event: &KubeEvent, forgot_until: Option<Stamp>, in_list: bool) -> (u64, Stamp, bool) {
    let (first, count) = (event.first.unwrap_or(event.last), event.count.max(1));
    match forgot_until {
        Some(until) if first <= until && in_list && event.last <= until => (0, first, false),
        Some(until) if first <= until && count > 1 => (1, event.last, false),
        _ => (count, first, true),
    }
}

fn count_object(objects: &mut HashSet<u64>, tally: &mut EventTally, event: &KubeEvent) {
    let mut hasher = DefaultHasher::new();
    event.object_name.hash(&mut hasher);
    let name = hasher.finish();
    if objects.len() < MOST_OBJECTS {
        objects.insert(name);
    } else {
        tally.more_objects |= !objects.contains(&name);
    }
    tally.objects = objects.len() as u64;
}

/// Newest first: the newest event of each kind, which tells of all of them, and as many others as there is room for.
pub(super) fn view(board: &Board, now: Stamp) -> TopicView {
    let events = &board.events;
    let kinds = events.kinds.values().filter(|kind| !kind.is_over(now));
    let mut shown: Vec<_> = kinds.map(|kind| (&kind.key, &kind.newest, Some(&kind.tally))).collect();
    let kinds_shown = shown.len();
    let newest: HashSet<&EventKey> = shown.iter().map(|(key, ..)| *key).collect();
    let others = events.by_time.values().rev().filter(|key| !newest.contains(key));
    let others = others.filter_map(|key| Some((key, events.by_key.get(key)?, None)));
    shown.extend(others.take(MOST_SHOWN.saturating_sub(kinds_shown)));
    shown.sort_by(|(key, one, _), (other, two, _)| (two.event.last, other).cmp(&(one.event.last, key)));
    let rows: Vec<Row> = shown.into_iter().map(|(key, heard, tally)| row(board, key, heard, tally, now)).collect();
    // A kind of event may outlive its events.
    let total = (events.by_key.len() as u64 + events.dropped).max(rows.len() as u64);
    TopicView { total, dropped: events.dropped, rows }
}

fn row(board: &Board, key: &EventKey, heard: &HeardEvent, tally: Option<&Arc<EventTally>>, now: Stamp) -> Row {
    let event = &heard.event;
    let verdict = if is_warning(&event.kind) { Verdict::Warning } else { Verdict::Info };
    let mut proof = board.store.proof_of_source(&key.0, now);
    // An event is history: it does not become less true when its cluster falls silent.
    proof.doubt = None;
    let stale = std::mem::replace(&mut proof.stale, false);
    let mut opinion = Opinion::new(verdict);
    if let Some(dated) = heard.dated {
        opinion.mention(format!("dated in the future ({}): the clock that wrote it is off", clock(dated)));
    }
    let id = format!("{}/{}", key.0.instance, key.1);
    let body = RowBody::Event(EventRow::new(event.clone(), tally.cloned()));
    Row { stale, seen_at: event.last, ..opinion.row(id, proof, body) }
}
