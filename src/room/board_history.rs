//! Events and alerts as they were: kept beside the timeline in memory, for consoles that look back.
//!
//! Whole for as long as an incident is open and the bounds allow, else for two hours; a room that was started again knows
//! nothing older than its start, and says from when on it knows. Bounded by count and by bytes; an answer that is not
//! whole says so.
//!
//! The writer and those who look share a lock. Who looks takes pointers under it ([`BoardHistory::then`]) and nothing else: what
//! they are put together to is reckoned without it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::board::{Row, RowBody, Topic, TopicView, Verdict};
use crate::model::Stamp;
use crate::model::filter::Fields;
use crate::protocol::Short;

/// The topics that are kept. Of the others the timeline has the transitions.
pub const KEPT: [Topic; 2] = [Topic::Alerts, Topic::Events];
/// The most changes kept of a topic; the oldest go first.
const MOST_CHANGES: usize = 12_000;
/// The most bytes kept of a topic beside what stands on the board now, whatever the rows carry; the oldest go first.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// What a change weighs beside its row's text: what is known without reading it, its places in the lists.
const FIXED_BYTES: usize = size_of::<PastRow>() + size_of::<RowChange>() + 160;
/// The most rows of an answer; of events those that were the newest at an instant.
const MOST_ROWS: usize = 1_000;
const CALM_FOR: Duration = Duration::from_secs(2 * 60 * 60);

/// A row as it was: as text, a quarter of what it is otherwise, and what orders it.
#[derive(Debug)]
pub struct PastRow {
    id: Arc<str>,
    verdict: Verdict,
    at: Option<Stamp>,
    seen_at: Stamp,
    json: Box<[u8]>,
}

impl PastRow {
    fn new(id: Arc<str>, row: &Row) -> Self {
        let mut alone = row.clone();
        if let RowBody::Event(event) = &mut alone.body {
            event.group = None;
        }
        let json = serde_json::to_vec(&alone).unwrap_or_default().into();
        Self { id, verdict: row.verdict, at: row.at(), seen_at: row.seen_at, json }
    }

    /// The row itself.
    pub fn row(&self) -> Option<Row> {
        serde_json::from_slice(&self.json).ok()
    }

    /// Its bytes on the wire, with the comma.
    pub fn bytes(&self) -> usize {
        self.json.len() + 1
    }

    fn weight(&self) -> usize {
        FIXED_BYTES + self.json.len()
    }
}

/// A row came or changed (`Some`), or went.
#[derive(Debug)]
struct RowChange {
    at: Stamp,
    /// The same on the boot clock.
    boot: Duration,
    id: Arc<str>,
    row: Option<Arc<PastRow>>,
}

impl RowChange {
    fn weight(&self) -> usize {
        self.row.as_ref().map_or(FIXED_BYTES, |kept| kept.weight())
    }
}

type RowsById = HashMap<Arc<str>, Arc<PastRow>>;

/// One topic's history: how it stood at `since`, and every change after that.
struct Track {
    topic: Topic,
    since: Stamp,
    base: Arc<RowsById>,
    changes: VecDeque<Arc<RowChange>>,
    /// How it stands now.
    now: HashMap<Arc<str>, Row>,
    /// What `base` and `changes` weigh.
    bytes: usize,
    most_bytes: usize,
    /// From this instant on, rows may be missing: they were let go here, or the board never had them.
    short_from: Option<Stamp>,
}

/// The histories.
pub struct BoardHistory {
    tracks: BTreeMap<Topic, Track>,
    most_bytes: usize,
}

impl Default for BoardHistory {
    fn default() -> Self {
        Self { tracks: BTreeMap::new(), most_bytes: MOST_BYTES }
    }
}

/// A topic at an instant, by its pointers: taken under the lock, put together without it.
#[derive(Debug)]
pub struct Then {
    topic: Topic,
    base: Arc<RowsById>,
    changes: Vec<Arc<RowChange>>,
    let_go: bool,
}

impl BoardHistory {
    /// A topic stands like this from `now` on. How long it is kept, the boot clock says.
    pub fn note(&mut self, topic: Topic, (now, boot): (Stamp, Duration), view: &TopicView, incident_open: bool) {
        if !KEPT.contains(&topic) {
            return;
        }
        let most_bytes = self.most_bytes;
        let track = self.tracks.entry(topic).or_insert_with(|| Track {
            topic,
            since: now,
            base: Arc::default(),
            changes: VecDeque::new(),
            now: HashMap::new(),
            bytes: 0,
            most_bytes,
            short_from: None,
        });
        track.note((now, boot), view);
        track.forget((!incident_open).then(|| boot.saturating_sub(CALM_FOR)));
    }

    /// A topic at an instant, and since when it is known; `None` = not at that instant.
    pub fn then(&self, topic: Topic, at: Stamp) -> (Option<Then>, Option<Stamp>) {
        match self.tracks.get(&topic) {
            None => (None, None),
            Some(track) if at < track.since => (None, Some(track.since)),
            Some(track) => (Some(track.then(at)), Some(track.since)),
        }
    }
}

impl Track {
    fn note(&mut self, (at, boot): (Stamp, Duration), view: &TopicView) {
        // The clock of a drill can be set; the order of what was seen can't.
        let at = self.changes.back().map_or(at, |last| last.at.max(at));
        if view.total > view.rows.len() as u64 || view.dropped > 0 {
            self.short_from.get_or_insert(at);
        }
        for row in &view.rows {
            if self.now.get(row.id.as_str()).is_some_and(|known| is_same(known, row)) {
                continue;
            }
            let id: Arc<str> = row.id.as_str().into();
            self.now.insert(id.clone(), row.clone());
            let kept = PastRow::new(id.clone(), row);
            self.push(RowChange { at, boot, id, row: Some(Arc::new(kept)) });
        }
        if self.now.len() > view.rows.len() {
            let here: HashSet<&str> = view.rows.iter().map(|row| row.id.as_str()).collect();
            let gone: Vec<Arc<str>> = self.now.keys().filter(|id| !here.contains(&***id)).cloned().collect();
            for id in gone {
                self.now.remove(&id);
                // An event does not become undone when newer ones push it out of the list.
                if self.topic != Topic::Events {
                    self.push(RowChange { at, boot, id, row: None });
                }
            }
        }
    }

    fn push(&mut self, change: RowChange) {
        self.bytes += change.weight();
        self.changes.push_back(Arc::new(change));
    }

    /// Forgets what is beyond the bounds, and what is older than `before`.
    fn forget(&mut self, before: Option<Duration>) {
        let old = |change: &Arc<RowChange>| before.is_some_and(|before| change.boot < before);
        while self.changes.len() > MOST_CHANGES || self.bytes > self.most_bytes || self.changes.front().is_some_and(old)
        {
            let Some(change) = self.changes.pop_front() else { break };
            self.since = self.since.max(change.at);
            // Who looks at it just then keeps the old one: it is copied, pointer by pointer, and nobody waits.
            let base = Arc::make_mut(&mut self.base);
            let replaced = match &change.row {
                Some(row) => base.insert(change.id.clone(), row.clone()),
                None => {
                    self.bytes -= change.weight();
                    base.remove(&change.id)
                }
            };
            self.bytes -= replaced.map_or(0, |kept| kept.weight());
        }
        if self.bytes > self.most_bytes || (self.topic == Topic::Events && self.base.len() > 2 * MOST_ROWS) {
            self.thin();
        }
    }

    /// Lets the oldest rows of the base go. To half of the bound, so that it is not done again at once.
    fn thin(&mut self) {
        let mut newest: Vec<(Arc<str>, Arc<PastRow>)> = Arc::make_mut(&mut self.base).drain().collect();
        newest.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.seen_at));
        let before = newest.len();
        let weight = |it: &[(Arc<str>, Arc<PastRow>)]| it.iter().map(|it| it.1.weight()).sum::<usize>();
        self.bytes -= weight(&newest);
        if self.topic == Topic::Events {
            newest.truncate(MOST_ROWS);
        }
        let mut left = self.most_bytes / 2;
        let fits = newest.iter().take_while(|(_, kept)| {
            let rest = left.checked_sub(kept.weight());
            left = rest.unwrap_or(0);
            rest.is_some()
        });
        newest.truncate(fits.count());
        self.bytes += weight(&newest);
        if newest.len() < before {
            self.short_from = Some(Stamp::MIN_UTC);
        }
        self.base = Arc::new(newest.into_iter().collect());
    }

    fn then(&self, at: Stamp) -> Then {
        let until = self.changes.partition_point(|change| change.at <= at);
        Then {
            topic: self.topic,
            base: self.base.clone(),
            changes: self.changes.range(..until).cloned().collect(),
            let_go: self.short_from.is_some_and(|from| from <= at),
        }
    }
}

impl Then {
    /// The rows, in the order of their pane; and what is missing of them, if anything is.
    pub fn rows(&self) -> (Vec<Arc<PastRow>>, Option<Short>) {
        let mut rows: HashMap<&str, &Arc<PastRow>> = self.base.iter().map(|(id, row)| (&**id, row)).collect();
        for change in &self.changes {
            match &change.row {
                Some(row) => rows.insert(&change.id, row),
                None => rows.remove(&*change.id),
            };
        }
        let mut rows: Vec<&Arc<PastRow>> = rows.into_values().collect();
        match self.topic.tells_events() {
            true => rows.sort_unstable_by(|a, b| b.seen_at.cmp(&a.seen_at).then_with(|| a.id.cmp(&b.id))),
            false => rows.sort_unstable_by(|a, b| {
                b.verdict.cmp(&a.verdict).then_with(|| b.at.cmp(&a.at)).then_with(|| a.id.cmp(&b.id))
            }),
        }
        let left_out = rows.len().saturating_sub(MOST_ROWS) as u64;
        let short = (left_out > 0 || self.let_go).then_some(Short { left_out, let_go: self.let_go });
        (rows.into_iter().take(MOST_ROWS).cloned().collect(), short)
    }
}

/// That it was proven again is no change.
fn is_same(a: &Row, b: &Row) -> bool {
    let same_body = match (&a.body, &b.body) {
        // What was heard of others like it is no news about an event.
        (RowBody::Event(one), RowBody::Event(other)) => **one == **other,
        (one, other) => one == other,
    };
    a.verdict == b.verdict && a.stale == b.stale && a.why == b.why && same_body
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{SafeText, SourceId, System};

    fn at(second: i64) -> Stamp {
        Stamp::from_timestamp(1_800_000_000 + second, 0).expect("an instant")
    }

    fn row(id: &str, verdict: Verdict, seen: i64) -> Row {
        Row {
            id: id.to_owned(),
            source: SourceId::new(System::Alertmanager, "am"),
            verdict,
            seen_at: at(seen),
            stale: false,
            why: SafeText::default(),
            body: RowBody::Source {
                alive_at: None,
                troubled_since: None,
                trouble: None,
                fresh_for_s: 1,
                reading: false,
                notes: Vec::new(),
            },
        }
    }

    /// The same instant on both clocks.
    fn both(second: i64) -> (Stamp, Duration) {
        (at(second), Duration::from_secs(second.unsigned_abs()))
    }

    fn view(rows: Vec<Row>) -> TopicView {
        TopicView { total: rows.len() as u64, dropped: 0, rows }
    }

    fn ids(past: &BoardHistory, topic: Topic, second: i64) -> Option<String> {
        let (rows, _) = past.then(topic, at(second)).0?.rows();
        Some(rows.iter().map(|it| format!("{}={}", it.id, it.verdict.name())).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn rows_stand_as_they_stood_at_every_instant() {
        let mut past = BoardHistory::default();
        past.note(Topic::Alerts, both(10), &view(vec![row("a", Verdict::Critical, 10)]), true);
        past.note(Topic::Alerts, both(12), &view(vec![row("a", Verdict::Critical, 12)]), true);
        let two = vec![row("a", Verdict::Warning, 20), row("b", Verdict::Critical, 20)];
        past.note(Topic::Alerts, both(20), &view(two), true);
        past.note(Topic::Alerts, both(30), &view(vec![row("b", Verdict::Critical, 30)]), true);
        let wanted =
            [(9, None), (10, Some("a=critical")), (19, Some("a=critical")), (20, Some("b=critical a=warning"))];
        for (second, rows) in wanted {
            assert_eq!(ids(&past, Topic::Alerts, second).as_deref(), rows, "{second}");
        }
        assert_eq!(ids(&past, Topic::Alerts, 30).as_deref(), Some("b=critical"));
        assert_eq!(past.then(Topic::Alerts, at(9)).1, Some(at(10)), "it says since when it knows");
        assert_eq!(past.tracks[&Topic::Alerts].changes.len(), 4, "proven again is no change");
        past.note(Topic::Backups, both(10), &view(vec![row("s", Verdict::Ok, 10)]), true);
        assert_eq!(ids(&past, Topic::Backups, 30), None, "of this the timeline has the edges");
    }

    #[test]
    fn it_is_bounded_and_says_from_when_on_it_knows() {
        let mut past = BoardHistory::default();
        for n in 0..4_000 {
            let newest = (0..4).map(|k| row(&format!("e{}", n * 4 + k), Verdict::Warning, n)).collect();
            past.note(Topic::Events, both(n), &view(newest), true);
        }
        let track = &past.tracks[&Topic::Events];
        assert!(track.changes.len() <= MOST_CHANGES && track.base.len() <= 2 * MOST_ROWS + 1);
        assert_eq!(ids(&past, Topic::Events, 100), None);
        let since = past.then(Topic::Events, at(100)).1.expect("since when");
        assert_eq!(since, at(999), "the newest 12,000 of 16,000 changes");
        let (rows, short) = past.then(Topic::Events, at(3_000)).0.expect("known").rows();
        assert_eq!((rows.len(), rows[0].seen_at, rows[999].seen_at), (1_000, at(3_000), at(2_751)));
        let short = short.expect("the answer says that it is not whole");
        assert!(short.let_go && short.left_out >= 8_000, "{short:?}");
    }

    #[test]
    fn a_whole_answer_says_nothing_and_one_cut_or_short_of_rows_says_so() {
        let mut past = BoardHistory::default();
        let many: Vec<Row> = (0..1_001).map(|n| row(&format!("e{n}"), Verdict::Warning, n)).collect();
        past.note(Topic::Events, both(1), &view(many[1..].to_vec()), true);
        past.note(Topic::Events, both(2), &view(many[..1].to_vec()), true);
        let beyond = TopicView { total: 1_500, ..view(many[..1].to_vec()) };
        past.note(Topic::Events, both(3), &beyond, true);
        let short = |second| past.then(Topic::Events, at(second)).0.expect("known").rows().1;
        assert_eq!(short(1), None, "a thousand are all there were");
        assert_eq!(short(2), Some(Short { left_out: 1, let_go: false }));
        assert_eq!(short(3), Some(Short { left_out: 1, let_go: true }), "the board itself had not all");
    }

    proptest! {
        /// Whatever came and went: every instant shows what the board showed then, and nothing else.
        #[test]
        fn an_instant_shows_the_board_of_then(boards in prop::collection::vec(prop::collection::btree_map(0u8..6, 0usize..3, 0..6), 1..40)) {
            const VERDICTS: [Verdict; 3] = [Verdict::Ok, Verdict::Warning, Verdict::Critical];
            let mut past = BoardHistory::default();
            let mut wanted = Vec::new();
            for (second, board) in (1i64..).zip(&boards) {
                let rows: Vec<Row> = board.iter().map(|(id, n)| row(&id.to_string(), VERDICTS[*n], second)).collect();
                wanted.push(rows.iter().map(|it| (it.id.clone(), it.verdict)).collect::<BTreeMap<_, _>>());
                past.note(Topic::Alerts, both(second), &view(rows), true);
            }
            for (second, wanted) in (1i64..).zip(wanted) {
                let (rows, short) = past.then(Topic::Alerts, at(second)).0.expect("known").rows();
                let rows: BTreeMap<_, _> = rows.iter().filter_map(|it| it.row()).map(|it| (it.id, it.verdict)).collect();
                prop_assert_eq!((rows, short), (wanted, None), "{}", second);
            }
        }
    }

    #[test]
    fn bytes_are_bounded_whatever_the_rows_carry() {
        let most_bytes = 200 * FIXED_BYTES;
        for topic in KEPT {
            let mut past = BoardHistory { most_bytes, ..BoardHistory::default() };
            for n in 0..2_000 {
                // Some are as large as the bound allows only a few of.
                let long = "x".repeat(if n % 7 == 0 { 2_000 } else { 10 });
                let rows = (0..3)
                    .map(|k| Row { why: SafeText::new(&long), ..row(&format!("r{}", n + k), Verdict::Warning, n) });
                past.note(topic, both(n), &view(rows.collect()), true);
                let track = &past.tracks[&topic];
                let base: usize = track.base.values().map(|kept| kept.weight()).sum();
                let held = base + track.changes.iter().map(|change| change.weight()).sum::<usize>();
                assert_eq!(track.bytes, held, "{topic:?} {n}: the count is what is held");
                assert!(held <= most_bytes, "{topic:?} {n}: {held}");
            }
            assert!(past.then(topic, at(10)).1.is_some_and(|since| since > at(1_900)), "the oldest went");
            let (rows, short) = past.then(topic, at(2_000)).0.expect("known").rows();
            assert!(!rows.is_empty() && (topic == Topic::Alerts || short.is_some_and(|it| it.let_go)), "{topic:?}");
        }
        let mut past = BoardHistory { most_bytes, ..BoardHistory::default() };
        let standing = (0..500).map(|n| row(&format!("a{n}"), Verdict::Critical, n)).collect();
        past.note(Topic::Alerts, both(600), &view(standing), true);
        let (rows, short) = past.then(Topic::Alerts, at(600)).0.expect("known").rows();
        assert!(rows.len() < 200 && short.is_some_and(|it| it.let_go), "{} {short:?}", rows.len());
    }

    #[test]
    fn who_looks_shares_the_rows_and_sees_them_as_they_were_whatever_is_written_since() {
        let mut past = BoardHistory::default();
        past.note(Topic::Alerts, both(1), &view(vec![row("a", Verdict::Critical, 1)]), true);
        let then = past.then(Topic::Alerts, at(1)).0.expect("known");
        let kept = past.tracks[&Topic::Alerts].changes[0].row.as_ref().expect("the row");
        assert!(Arc::ptr_eq(&then.rows().0[0], kept), "no row is copied");
        let seen = then.rows().0[0].row().expect("it reads back");
        assert!(is_same(&seen, &row("a", Verdict::Critical, 1)) && seen.seen_at == at(1));
        past.note(Topic::Alerts, both(9_000), &view(vec![row("a", Verdict::Ok, 2)]), true);
        past.note(Topic::Alerts, both(20_000), &view(Vec::new()), false);
        assert_eq!(past.then(Topic::Alerts, at(1)).0.map(|_| ()), None, "forgotten");
        assert_eq!(then.rows().0[0].verdict, Verdict::Critical);
    }

    #[test]
    fn without_an_incident_it_is_forgotten_after_a_while() {
        let mut past = BoardHistory::default();
        past.note(Topic::Alerts, both(0), &view(vec![row("a", Verdict::Warning, 0)]), true);
        past.note(Topic::Alerts, both(9_000), &view(vec![row("a", Verdict::Critical, 0)]), true);
        assert_eq!(ids(&past, Topic::Alerts, 10).as_deref(), Some("a=warning"), "an open incident keeps all");
        past.note(Topic::Alerts, both(9_001), &view(Vec::new()), false);
        assert_eq!(past.tracks[&Topic::Alerts].changes.len(), 2);
        assert_eq!(ids(&past, Topic::Alerts, 8_999).as_deref(), Some("a=warning"));
    }

    #[test]
    fn how_long_it_is_kept_the_boot_clock_says_and_not_the_wall_clock() {
        let mut past = BoardHistory::default();
        let day = 86_400;
        past.note(Topic::Alerts, both(0), &view(vec![row("a", Verdict::Warning, 0)]), false);
        past.note(Topic::Alerts, (at(day), Duration::from_secs(60)), &view(Vec::new()), false);
        assert_eq!(ids(&past, Topic::Alerts, 10).as_deref(), Some("a=warning"), "a day forward, a minute later");
        past.note(Topic::Alerts, (at(200), Duration::from_secs(9_000)), &view(Vec::new()), false);
        assert_eq!(past.tracks[&Topic::Alerts].changes.len(), 0, "back again, and two hours later");
    }
}
