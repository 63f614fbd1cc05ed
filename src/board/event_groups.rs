//! Events folded: one line for what is one thing, with how often, since when, and whether it becomes more. Pure.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::model::Stamp;
use crate::model::facts::KubeEvent;

use super::event_tally::{EventTally, MINUTE_S};
use super::row::{Row, RowBody, Verdict};

/// Whether something becomes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    Rising,
    Steady,
    Falling,
    /// Not seen in the last two minutes.
    Quiet,
}

impl Trend {
    /// The word on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Steady => "steady",
            Self::Falling => "falling",
            Self::Quiet => "quiet",
        }
    }
}

/// Events of one reason, on objects of one kind, in one namespace of one cluster.
#[derive(Clone, Copy, Debug)]
pub struct EventGroup<'a> {
    /// The newest of them: its words stand for all.
    pub newest: &'a Row,
    pub event: &'a KubeEvent,
    /// Distinct objects: one that was made anew under its name, or reset its counter, is one.
    pub objects: u64,
    /// There are more of them.
    pub more_objects: bool,
    /// How often: Kubernetes counts repetitions in the event.
    pub count: u64,
    /// It may have been more often.
    pub at_least: bool,
    pub first: Stamp,
    pub last: Stamp,
    /// About how many in the last minute, and in the one before.
    now: f64,
    before: f64,
    /// The room counted them all; else they are what the rows say.
    counted: bool,
}

impl EventGroup<'_> {
    /// How often, as it is shown.
    pub fn count_words(&self) -> String {
        format!("{}{}", self.count, if self.at_least { "+" } else { "" })
    }

    /// About how many in the last minute.
    pub fn per_minute(&self) -> u64 {
        // Never negative, and far from what does not fit.
        self.now.round() as u64
    }

    /// Whether they become more.
    pub fn trend(&self) -> Trend {
        trend(self.now, self.before)
    }

    #[cfg(test)]
    pub fn counted_by_room(&self) -> bool {
        self.counted
    }

    /// Its identity in the pane.
    pub fn key(&self) -> String {
        let KubeEvent { cluster, namespace, object_kind, reason, kind, .. } = self.event;
        let normal = if kind.is("Warning") { "" } else { "/normal" };
        format!("fold {cluster}/{namespace}/{object_kind}/{reason}{normal}")
    }

    /// Whether an event belongs to it.
    pub fn holds(&self, event: &KubeEvent) -> bool {
        place(self.event) == place(event)
    }
}

/// What is one thing.
type EventPlace<'a> = (&'a str, &'a str, &'a str, &'a str, bool);

fn place(event: &KubeEvent) -> EventPlace<'_> {
    let KubeEvent { cluster, namespace, object_kind, reason, kind, .. } = event;
    (cluster.as_str(), namespace.as_str(), object_kind.as_str(), reason.as_str(), kind.is("Warning"))
}

fn trend(now: f64, before: f64) -> Trend {
    match () {
        () if now < 0.5 && before < 0.5 => Trend::Quiet,
        () if now > before * 1.25 + 1.0 => Trend::Rising,
        () if before > now * 1.25 + 1.0 => Trend::Falling,
        () => Trend::Steady,
    }
}

/// How much of an event falls into the minute that ended `ago` seconds ago. Between its first and its last, an event is taken
/// to have happened evenly, and to go on until it is overdue: only both ends and the number are known.
fn share(event: &KubeEvent, now: Stamp, ago: f64) -> f64 {
    let age = |at: Stamp| (now - at).num_milliseconds() as f64 / 1_000.0;
    let (first, last) = (age(event.first.unwrap_or(event.last)), age(event.last).max(0.0));
    let (from, to) = (ago + MINUTE_S, ago);
    let length = first - last;
    if event.count <= 1 || length < 1.0 {
        return if (to..from).contains(&last) { event.count.max(1) as f64 } else { 0.0 };
    }
    // What comes every five minutes has not stopped because it is silent for one: it goes on until it is overdue.
    let every = length / (event.count - 1) as f64;
    let within = (first.min(from) - (last - every).max(to)).max(0.0);
    within / every
}

/// About how many events there were in the last minute, and whether they become more.
pub fn rate(rows: &[Row], now: Stamp) -> (u64, Trend) {
    let (groups, _) = grouped(rows, now);
    let sum = |of: fn(&EventGroup<'_>) -> f64| groups.iter().map(of).sum::<f64>();
    let (last, before) = (sum(|group| group.now), sum(|group| group.before));
    (last.round() as u64, trend(last, before))
}

/// Folds rows of events: warnings first, what goes on before what is quiet, then what happens most.
pub fn folds(rows: &[Row], now: Stamp) -> Vec<EventGroup<'_>> {
    let (mut folds, some_counted) = grouped(rows, now);
    for fold in folds.iter_mut().filter(|fold| some_counted && !fold.counted) {
        // The room let go of what it knew of this kind: there are at least those that have a row.
        fold.at_least = true;
    }
    folds.sort_by_cached_key(|fold| {
        let quiet = fold.trend() == Trend::Quiet;
        (std::cmp::Reverse(fold.newest.verdict.max(Verdict::Info)), quiet, std::cmp::Reverse(fold.count), fold.key())
    });
    folds
}

/// Each kind of event as the room counted it, and as far as it did not, as the rows have it; and whether it counted any.
fn grouped(rows: &[Row], now: Stamp) -> (Vec<EventGroup<'_>>, bool) {
    let mut places: HashMap<EventPlace<'_>, usize> = HashMap::new();
    let mut groups: Vec<EventGroup<'_>> = Vec::new();
    let mut objects: HashSet<(usize, &str)> = HashSet::new();
    let mut some_counted = false;
    for row in rows {
        let RowBody::Event(event) = &row.body else { continue };
        some_counted |= event.group.is_some();
        let one = match &event.group {
            Some(tally) => counted(row, event, tally, now),
            None => alone(row, event, now),
        };
        match places.entry(place(event)) {
            Entry::Vacant(vacant) => {
                objects.insert((groups.len(), event.object_name.as_str()));
                vacant.insert(groups.len());
                groups.push(one);
            }
            Entry::Occupied(known) if one.counted => groups[*known.get()] = one,
            Entry::Occupied(known) => {
                let at = *known.get();
                if !groups[at].counted {
                    let fresh = objects.insert((at, event.object_name.as_str()));
                    add(&mut groups[at], one, fresh);
                }
            }
        }
    }
    (groups, some_counted)
}

/// A kind of event of which the room counted everything that it heard.
fn counted<'a>(row: &'a Row, event: &'a KubeEvent, tally: &EventTally, now: Stamp) -> EventGroup<'a> {
    EventGroup {
        newest: row,
        event,
        objects: tally.objects,
        more_objects: tally.more_objects,
        count: tally.count,
        at_least: tally.at_least,
        first: tally.first,
        last: event.last,
        now: tally.recent.in_minute(now, 0.0),
        before: tally.recent.in_minute(now, MINUTE_S),
        counted: true,
    }
}

fn alone<'a>(row: &'a Row, event: &'a KubeEvent, now: Stamp) -> EventGroup<'a> {
    EventGroup {
        newest: row,
        event,
        objects: 1,
        more_objects: false,
        count: event.count.max(1),
        at_least: false,
        first: event.first.unwrap_or(event.last),
        last: event.last,
        now: share(event, now, 0.0),
        before: share(event, now, MINUTE_S),
        counted: false,
    }
}

fn add<'a>(fold: &mut EventGroup<'a>, one: EventGroup<'a>, fresh: bool) {
    fold.objects += u64::from(fresh);
    fold.count = fold.count.saturating_add(one.count);
    fold.first = fold.first.min(one.first);
    fold.now += one.now;
    fold.before += one.before;
    if one.last > fold.last {
        (fold.newest, fold.event, fold.last) = (one.newest, one.event, one.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SourceId;
    use crate::model::facts::Open;

    fn now() -> Stamp {
        "2026-03-02T14:55:00Z".parse().expect("a time")
    }

    fn event(name: &str, reason: &str, count: u64, first_ago: i64, last_ago: i64) -> Row {
        let ago = |seconds| now() - chrono::TimeDelta::seconds(seconds);
        let event = KubeEvent {
            uid: format!("{name}-{reason}"),
            cluster: "primary".to_owned(),
            namespace: "shop".into(),
            object_kind: "Pod".into(),
            object_name: name.into(),
            reason: reason.into(),
            message: name.into(),
            kind: Open::new("Warning"),
            count,
            first: Some(ago(first_ago)),
            last: ago(last_ago),
            component: "kubelet".into(),
        };
        let source: SourceId = "kubernetes/primary".parse().expect("a source");
        let seen_at = ago(last_ago);
        let (id, why) = (event.uid.clone(), "".into());
        Row { id, source, verdict: Verdict::Warning, seen_at, stale: false, why, body: RowBody::Event(event.into()) }
    }

    #[test]
    fn what_is_one_thing_is_one_line_with_exact_counts_and_both_ends() {
        let rows = [
            event("a", "BackOff", 30, 600, 5),
            event("b", "BackOff", 3, 700, 90),
            event("a", "Unhealthy", 2, 60, 30),
            event("a", "BackOff", 7, 660, 620),
        ];
        let folds = folds(&rows, now());
        let told: Vec<_> = folds.iter().map(|it| (it.event.reason.as_str(), it.objects, it.count)).collect();
        assert_eq!(told, [("BackOff", 2, 40), ("Unhealthy", 1, 2)]);
        assert_eq!(folds[0].event.object_name.as_str(), "a", "the newest speaks");
        assert_eq!((now() - folds[0].first).num_seconds(), 700);
        assert!(folds[0].holds(match &rows[1].body {
            RowBody::Event(event) => event,
            _ => unreachable!(),
        }));
    }

    #[test]
    fn a_thing_that_repeats_evenly_is_steady_and_one_that_stopped_falls() {
        for (count, first, last, per_minute, trend) in [
            (60, 600, 1, 6, Trend::Steady),
            (61, 670, 70, 0, Trend::Falling),
            (3, 601, 90, 0, Trend::Quiet),
            (30, 50, 1, 30, Trend::Rising),
            (1, 10, 10, 1, Trend::Steady),
            (9, 10, 10, 9, Trend::Rising),
            (60, 4_000, 300, 0, Trend::Quiet),
        ] {
            let rows = [event("a", "BackOff", count, first, last)];
            let fold = folds(&rows, now())[0];
            assert_eq!((fold.per_minute(), fold.trend()), (per_minute, trend), "{count} in {first}..{last}");
            assert_eq!(rate(&rows, now()), (per_minute, trend));
        }
    }

    #[test]
    fn what_goes_on_comes_before_what_is_quiet() {
        let rows = [event("a", "Old", 900, 4_000, 400), event("b", "New", 2, 20, 2)];
        let order: Vec<_> = folds(&rows, now()).iter().map(|it| it.event.reason.to_string()).collect();
        assert_eq!(order, ["New", "Old"]);
    }
}
