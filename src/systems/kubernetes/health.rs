//! The one health probe in front of all watches of a cluster: it says what the control plane is, and it is the
//! circuit breaker. A dead cluster costs three short requests every few seconds and nothing else.

use std::time::Duration;

use serde_json::Value;

use super::ask::{self, Answer};
use super::feed::{EVERY, Feed, NOT_INSTALLED_EVERY, RETRY_CAP};
use super::map;
use super::object::string;
use super::trouble::trouble_of_answer;
use crate::model::facts::{ControlPlane, Endpoint};
use crate::model::{Change, SafeText, Trouble, TroubleKind};
use crate::systems::supervise::Backoff;

/// The part of a source that its probe or pulse is.
pub const PROBE: &str = "probe";
/// The part of a cluster that is one consistent read.
pub const READS: &str = "reads";
/// A bad answer is believed when it comes twice: one API server behind a load balancer may just be restarting.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
const VERSION_EVERY: u32 = 12;

/// What one round found.
enum Look {
    Down(Trouble),
    Up(Box<ControlPlane>, Result<(), Trouble>),
}

/// What is remembered between rounds.
struct Memory {
    cluster: String,
    uid: Option<String>,
    version: SafeText,
    rounds: u32,
    epoch: u64,
    /// Bad rounds in a row.
    bad: u32,
    told_down: bool,
    backoff: Backoff,
}

/// Probes one cluster until the room stops.
pub async fn run(feed: Feed, cluster: String) {
    let mut memory = Memory {
        cluster,
        uid: None,
        version: SafeText::default(),
        rounds: 0,
        epoch: 0,
        bad: 0,
        told_down: false,
        backoff: Backoff::default(),
    };
    loop {
        let began = feed.clock.now();
        let wait = tokio::select! {
            () = feed.stop.cancelled() => return,
            wait = memory.round(&feed) => wait,
        };
        // Counted from the start of the round: the time that a silent server cost is not added to the wait.
        let spent = (feed.clock.now() - began).to_std().unwrap_or_default();
        let wait = feed.pace(wait.saturating_sub(spent).max(AGAIN_AFTER));
        tokio::select! {
            () = feed.stop.cancelled() => return,
            () = feed.clock.sleep(wait) => {}
        }
    }
}

impl Memory {
    async fn round(&mut self, feed: &Feed) -> Duration {
        match self.look(feed).await {
            Look::Down(trouble) => self.down(feed, trouble).await,
            Look::Up(plane, reads) => self.up(feed, *plane, reads).await,
        }
    }

    async fn down(&mut self, feed: &Feed, trouble: Trouble) -> Duration {
        if trouble.kind == TroubleKind::Unauthorized {
            feed.link.forget().await;
        }
        self.bad += 1;
        if self.bad < 2 {
            return AGAIN_AFTER;
        }
        feed.set_gate(false, self.epoch);
        feed.parts.troubled(PROBE, trouble).await;
        if self.told_down {
            feed.parts.beat().await;
        } else {
            // Once only: it is news about the control plane, not proof that it lives.
            self.told_down = true;
            let plane = map::unreachable(&self.cluster, self.uid.clone(), self.version.clone());
            feed.parts.report(Change::Upsert(plane.into())).await;
        }
        self.backoff.failed().min(RETRY_CAP)
    }

    async fn up(&mut self, feed: &Feed, plane: ControlPlane, reads: Result<(), Trouble>) -> Duration {
        let failing = plane.livez == Endpoint::Failing || plane.readyz == Endpoint::Failing || reads.is_err();
        self.bad = if failing { self.bad + 1 } else { 0 };
        feed.set_gate(true, self.epoch);
        if self.bad == 1 {
            return AGAIN_AFTER;
        }
        self.told_down = false;
        self.backoff.reset();
        feed.parts.live(PROBE);
        match reads {
            Ok(()) => feed.parts.live(READS),
            Err(trouble) => feed.parts.troubled(READS, trouble).await,
        }
        feed.parts.report(Change::Upsert(plane.into())).await;
        feed.parts.beat().await;
        EVERY
    }

    async fn look(&mut self, feed: &Feed) -> Look {
        let client = match feed.link.client().await {
            Ok(client) => client,
            Err(trouble) => return Look::Down(trouble),
        };
        let limit = feed.limits().probe;
        let sent = feed.clock.now();
        let (livez, readyz, system) = futures::join!(
            ask::get(&client, "/livez?verbose", limit),
            ask::get(&client, "/readyz?verbose", limit),
            ask::get(&client, "/api/v1/namespaces/kube-system", limit),
        );
        for answer in [&livez, &readyz, &system].into_iter().flatten() {
            if answer.status == 401 {
                return Look::Down(trouble_of_answer(401, &answer.body));
            }
        }
        if let (Err(trouble), Err(_)) = (&livez, &readyz) {
            return Look::Down(trouble.clone());
        }
        let middle = sent + (feed.clock.now() - sent) / 2;
        let date = [&livez, &readyz].into_iter().flatten().find_map(|answer| answer.date);
        let reads = self.reads(system);
        if (self.version.is_empty() || self.rounds.is_multiple_of(VERSION_EVERY))
            && let Ok(version) = ask::get(&client, "/version", limit).await.and_then(|answer| answer.json())
        {
            self.version = SafeText::new(&string(&version, "/gitVersion"));
        }
        self.rounds = self.rounds.wrapping_add(1);
        let (livez, failed_live) = endpoint(livez);
        let (readyz, failed_ready) = endpoint(readyz);
        let plane = ControlPlane {
            cluster: self.cluster.clone(),
            uid: self.uid.clone(),
            version: self.version.clone(),
            livez,
            readyz,
            failed: map::failed_checks(failed_live, failed_ready),
            skew_ms: date.map(|date| map::skew_ms(date, middle)),
        };
        Look::Up(Box::new(plane), reads)
    }

    /// A consistent read of one small object: it proves what no health endpoint does on every distribution, that reads
    /// reach etcd. It also tells which cluster this is; another uid behind the same address voids what was read.
    fn reads(&mut self, system: Result<Answer, Trouble>) -> Result<(), Trouble> {
        let answer = system?;
        if matches!(answer.status, 403 | 404) {
            return Ok(());
        }
        let uid = string(&answer.json()?, "/metadata/uid");
        if !uid.is_empty() {
            let uid = SafeText::new(&uid).to_string();
            if self.uid.as_ref().is_some_and(|known| *known != uid) {
                self.epoch += 1;
            }
            self.uid = Some(uid);
        }
        Ok(())
    }
}

fn endpoint(answer: Result<Answer, Trouble>) -> (Endpoint, Vec<SafeText>) {
    match answer {
        Ok(answer) => map::health(answer.status, &String::from_utf8_lossy(&answer.body)),
        Err(_) => (Endpoint::Unreachable, Vec::new()),
    }
}

/// The pulse of a source that lives on custom resources: one object of one list, which reaches etcd as the health
/// endpoints of some servers do not. It opens the gate for the source's watches as [`run`] does for a cluster's.
pub async fn pulse(feed: Feed, collection: ask::Collection) {
    pulse_of_any(feed, vec![collection]).await;
}

/// [`pulse`] on the first of some collections that is installed.
pub async fn pulse_of_any(feed: Feed, collections: Vec<ask::Collection>) {
    let mut backoff = Backoff::default();
    let mut bad = 0_u32;
    loop {
        let began = feed.clock.now();
        let looked = tokio::select! {
            () = feed.stop.cancelled() => return,
            looked = one_of(&feed, &collections) => looked,
        };
        let wait = match looked {
            Ok(()) => {
                bad = 0;
                backoff.reset();
                feed.set_gate(true, 0);
                feed.parts.live(PROBE);
                feed.parts.beat().await;
                EVERY
            }
            Err(trouble) => {
                bad += 1;
                let wait = if bad < 2 { AGAIN_AFTER } else { backoff.failed().min(RETRY_CAP) };
                if bad >= 2 || trouble.kind == TroubleKind::NotInstalled {
                    failed(&feed, trouble, wait).await
                } else {
                    wait
                }
            }
        };
        let spent = (feed.clock.now() - began).to_std().unwrap_or_default();
        tokio::select! {
            () = feed.stop.cancelled() => return,
            () = feed.clock.sleep(feed.pace(wait.saturating_sub(spent).max(AGAIN_AFTER))) => {}
        }
    }
}

/// Reads one object of the first collection that is installed; if none is, the first one's trouble.
async fn one_of(feed: &Feed, collections: &[ask::Collection]) -> Result<(), Trouble> {
    let mut first = None;
    for collection in collections {
        match one(feed, &format!("{}?limit=1", collection.path())).await {
            Ok(()) => return Ok(()),
            Err(trouble) => {
                let absent = trouble.kind == TroubleKind::NotInstalled;
                let trouble = ask::about(trouble, collection);
                if !absent {
                    return Err(trouble);
                }
                first.get_or_insert(trouble);
            }
        }
    }
    first.map_or(Ok(()), Err)
}

async fn one(feed: &Feed, path: &str) -> Result<(), Trouble> {
    let client = feed.link.client().await?;
    let answer: Value = ask::get(&client, path, feed.limits().probe).await?.json()?;
    drop(answer);
    Ok(())
}

async fn failed(feed: &Feed, trouble: Trouble, wait: Duration) -> Duration {
    let kind = trouble.kind;
    match kind {
        TroubleKind::Unauthorized => {
            feed.link.forget().await;
            feed.set_gate(false, 0);
        }
        TroubleKind::Forbidden => feed.set_gate(true, 0),
        // A failing server keeps its watches: they were open before, and a new list would only add to its load.
        TroubleKind::ServerError | TroubleKind::Throttled => {}
        _ => feed.set_gate(false, 0),
    }
    feed.parts.troubled(PROBE, trouble).await;
    feed.parts.beat().await;
    if kind == TroubleKind::NotInstalled { NOT_INSTALLED_EVERY } else { wait }
}
