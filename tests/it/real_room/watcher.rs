//! Somebody who looks at the whole board again and again, with the program's own client, and counts what must never be
//! there: a green row of a source that has been silent for longer than its data counts as fresh.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::TimeDelta;
use warroom::board::{ClusterRow, Row, RowBody, SourceRow, Topic, Verdict};
use warroom::cli::connect::{Intent, RoomLink};
use warroom::clock::Clock;
use warroom::model::{SourceId, Stamp};

use crate::support::wait_within;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// The room judges every second, and the news has to come: so much later than the limit a row may turn.
const GRACE: i64 = 3;

/// The board at one look.
#[derive(Clone, Default)]
pub struct Seen {
    pub topics: BTreeMap<Topic, Vec<Row>>,
}

impl Seen {
    pub fn rows(&self, topic: Topic) -> &[Row] {
        self.topics.get(&topic).map_or(&[], Vec::as_slice)
    }

    pub fn row(&self, topic: Topic, id: &str) -> Option<&Row> {
        self.rows(topic).iter().find(|row| row.id == id)
    }

    /// How long data of a source counts as fresh.
    pub fn fresh_for(&self, source: &SourceId) -> Option<i64> {
        self.rows(Topic::Sources).iter().find(|row| row.source == *source).and_then(|row| match row.body {
            RowBody::Source(SourceRow { fresh_for_s, .. }) => i64::try_from(fresh_for_s).ok(),
            _ => None,
        })
    }

    /// What is wrong with a source, in its own words.
    pub fn trouble(&self, source: &str) -> Option<String> {
        match &self.row(Topic::Sources, source)?.body {
            RowBody::Source(SourceRow { trouble: Some(trouble), .. }) => Some(trouble.what.to_string()),
            _ => None,
        }
    }

    /// Whether a source is heard and nothing is wrong with it.
    pub fn is_well(&self, source: &str) -> bool {
        self.row(Topic::Sources, source).is_some_and(|row| !row.stale && row.verdict <= Verdict::Info)
            && self.trouble(source).is_none()
    }
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    /// Sources that can't be read, since when.
    dark: Mutex<BTreeMap<String, Stamp>>,
    violations: Mutex<BTreeMap<String, Vec<String>>>,
    looks: AtomicU64,
    ended: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that looks. Ended on drop.
pub struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub fn start(socket: &Path) -> Self {
        let shared = Arc::new(Shared::default());
        let (theirs, socket) = (Arc::clone(&shared), socket.to_owned());
        let thread = Some(std::thread::spawn(move || look(&theirs, &socket)));
        Self { shared, thread }
    }

    /// The board as it was seen last.
    pub fn seen(&self) -> Seen {
        lock(&self.shared.seen).clone()
    }

    /// Whole boards seen so far.
    pub fn looks(&self) -> u64 {
        self.shared.looks.load(Ordering::SeqCst)
    }

    /// From now on nothing true can be known of this source.
    pub fn goes_dark(&self, source: &str) {
        lock(&self.shared.dark).insert(source.to_owned(), Clock::real().now());
    }

    /// It can be read again.
    pub fn is_back(&self, source: &str) {
        lock(&self.shared.dark).remove(source);
    }

    /// Green rows of a source that were older than they may be.
    pub fn violations(&self, source: &str) -> Vec<String> {
        lock(&self.shared.violations).get(source).cloned().unwrap_or_default()
    }

    /// Waits until the board is as wanted.
    pub fn until<T>(&self, what: &str, mut wanted: impl FnMut(&Seen) -> Option<T>) -> T {
        let found = wait_within(super::LONG, || wanted(&self.seen()));
        found.unwrap_or_else(|| panic!("{what} was never seen; the sources: {:#?}", self.seen().rows(Topic::Sources)))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look(shared: &Shared, socket: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let intent = Intent { topics: Topic::ALL.to_vec(), ..Intent::default() };
        let mut link = RoomLink::open(socket, &intent).await.expect("a link");
        while !shared.ended.load(Ordering::SeqCst) {
            // A room that ends takes its board with it.
            let until = tokio::time::Instant::now() + LOOK;
            while let Ok(stepped) = tokio::time::timeout_at(until, link.next()).await {
                if stepped.is_err() {
                    return;
                }
            }
            let topics = Topic::ALL.iter().copied().map(|topic| (topic, link.mirror.rows(topic).to_vec())).collect();
            let seen = Seen { topics };
            check(shared, &seen, link.clock.now());
            *lock(&shared.seen) = seen;
            shared.looks.fetch_add(1, Ordering::SeqCst);
        }
    });
}

fn check(shared: &Shared, seen: &Seen, now: Stamp) {
    let dark = lock(&shared.dark).clone();
    for (topic, row) in seen.topics.iter().flat_map(|(topic, rows)| rows.iter().map(move |row| (topic, row))) {
        if row.verdict != Verdict::Ok || row.stale {
            continue;
        }
        let Some(fresh) = seen.fresh_for(&row.source) else { continue };
        let limit = TimeDelta::seconds(fresh + GRACE);
        let source = row.source.to_string();
        let silent = dark.get(&source).is_some_and(|since| now - *since > limit);
        if silent || now - row.seen_at > limit {
            let line = format!("{topic:?} {} is green at {now}, seen at {}", row.id, row.seen_at);
            let mut all = lock(&shared.violations);
            let lines = all.entry(source).or_default();
            if lines.len() < 100 {
                lines.push(line);
            }
        }
    }
}

/// The check itself: a green row of a source that is silent for too long is found, in either way.
#[test]
fn a_green_row_of_a_silent_source_is_found() {
    use warroom::model::{ClusterRole, System};
    let now = Clock::real().now();
    let source = SourceId::new(System::Kubernetes, "primary");
    let row = |body: RowBody, age_s: i64| Row {
        id: "primary".to_owned(),
        source: source.clone(),
        verdict: Verdict::Ok,
        seen_at: now - TimeDelta::seconds(age_s),
        stale: false,
        why: "".into(),
        body,
    };
    let alive = RowBody::Source(SourceRow {
        alive_at: Some(now),
        troubled_since: None,
        trouble: None,
        fresh_for_s: 30,
        reading: false,
        notes: Vec::new(),
    });
    let cluster = || {
        RowBody::Cluster(ClusterRow {
            name: "primary".to_owned(),
            role: ClusterRole::Primary,
            control_plane: None,
            nodes_read: true,
            nodes: 0,
            nodes_ready: 0,
            nodes_closed: 0,
            nodes_silent: 0,
            silent: Vec::new(),
            nodes_not_ready: Vec::new(),
            pods_read: true,
            pods_troubled: 0,
            pods: Vec::new(),
            namespaces: Vec::new(),
            same_as: Vec::new(),
        })
    };
    let found = |dark_for_s: i64, age_s: i64| {
        let shared = Shared::default();
        lock(&shared.dark).insert(source.to_string(), now - TimeDelta::seconds(dark_for_s));
        let rows = [(Topic::Sources, vec![row(alive.clone(), 0)]), (Topic::Clusters, vec![row(cluster(), age_s)])];
        check(&shared, &Seen { topics: rows.into_iter().collect() }, now);
        lock(&shared.violations).values().map(Vec::len).sum::<usize>()
    };
    assert_eq!(found(10, 5), 0, "fresh, and dark for less than the limit");
    assert_eq!(found(10, 40), 1, "older than it may be");
    assert_eq!(found(40, 1), 2, "claims to be seen while nothing could be");
}
