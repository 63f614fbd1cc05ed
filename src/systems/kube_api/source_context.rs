//! What the tasks of one source share: the link, the gate in front of its watches, and the state of its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{ClusterLink, Limits};
use super::error_text::trouble;
use crate::clock::Clock;
use crate::model::{SourceChange, Trouble, TroubleKind};
use crate::systems::{Ctx, Reporter, supervise};

/// The part of a source that its probe or pulse is.
pub(crate) const PROBE: &str = "probe";
/// How often a source proves that it is alive, on the clock.
pub(crate) const EVERY: Duration = Duration::from_secs(5);
/// The same while the first lists are on their way.
const SOON: Duration = Duration::from_secs(1);
/// The longest wait between two tries of a server that is away, so that with the list that follows it is back in 5 s.
pub(crate) const RETRY_CAP: Duration = Duration::from_millis(2500);
/// A bad answer is believed when it comes twice: one API server behind a load balancer may just be restarting.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// However fast a drill's clock runs, real requests are not sent more often than this.
const LEAST_REAL: Duration = Duration::from_millis(50);
/// How often we look whether something that was not installed is there now.
pub(crate) const NOT_INSTALLED_EVERY: Duration = Duration::from_secs(60);

/// The circuit breaker: one probe opens and closes it, all watches of the source wait behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchGate {
    pub open: bool,
    /// Another number means another cluster behind the same address: what was read before is void.
    pub epoch: u64,
}

/// Shared by the tasks of one source.
#[derive(Clone)]
pub struct SourceContext {
    pub link: ClusterLink,
    pub parts: SourceParts,
    pub clock: Clock,
    pub stop: CancellationToken,
    gate: Arc<watch::Sender<WatchGate>>,
}

impl SourceContext {
    /// The feed of one source and the parts that must all be read before it counts as alive; its gate is closed until
    /// a probe opens it.
    pub fn new(link: ClusterLink, reporter: Reporter, ctx: &Ctx, parts: &[&str]) -> Self {
        Self {
            parts: SourceParts::new(link.clone(), reporter, parts),
            link,
            clock: ctx.clock.clone(),
            stop: ctx.stop.clone(),
            gate: Arc::new(watch::channel(WatchGate::default()).0),
        }
    }

    /// Says what some parts may lack without the source being in trouble.
    #[must_use]
    pub fn sparing(mut self, parts: &[&str], spare: Spare) -> Self {
        self.parts.spares.extend(parts.iter().map(|part| ((*part).to_owned(), spare)));
        self
    }

    /// [`supervise::keep`] for what reads one part: from when it fails until the part is read again, the source is not alive.
    pub fn keep<F, Fut>(&self, tasks: &TaskTracker, ctx: &Ctx, part: &str, run: F)
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (parts, part) = (self.parts.clone(), part.to_owned());
        supervise::keep(tasks, ctx, parts.reporter.source().clone(), move |_| {
            let (reading, run) = (PartReadGuard { parts: parts.clone(), part: part.clone() }, run());
            async move {
                let _reading = reading;
                run.await;
            }
        });
    }

    /// The network's time limits.
    pub fn limits(&self) -> Limits {
        self.link.limits()
    }

    /// A wait on the clock that is never shorter than [`LEAST_REAL`] in real time.
    pub fn pace(&self, wait: Duration) -> Duration {
        wait.max(Duration::try_from_secs_f64(LEAST_REAL.as_secs_f64() * self.clock.speed()).unwrap_or_default())
    }

    /// The gate, to wait at.
    pub fn gate(&self) -> watch::Receiver<WatchGate> {
        self.gate.subscribe()
    }

    /// Opens or closes the gate; those who wait are woken only by a change.
    pub fn set_gate(&self, open: bool, epoch: u64) {
        let next = WatchGate { open, epoch };
        self.gate.send_if_modified(|gate| {
            let changed = std::mem::replace(gate, next) != next;
            if changed {
                // Before anyone is woken: what was read through the gate before is no proof of life now.
                self.parts.void();
            }
            changed
        });
    }
}

/// Held while a part's reader runs. However it ends, what it read last proves nothing any more.
struct PartReadGuard {
    parts: SourceParts,
    part: String,
}

impl Drop for PartReadGuard {
    fn drop(&mut self) {
        let part = std::mem::take(&mut self.part);
        self.parts.states().insert(part, PartState::Troubled(supervise::failed()));
    }
}

/// What a part may lack without its source being in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spare {
    /// It may not be installed. That something of the source is, its pulse sees to.
    Optional,
    /// It may not be installed, and we may not be allowed to read it: what it would tell is then unknown.
    Extra,
    /// We may not be allowed to read it, and never were: then nothing is told of it, not even that there is none.
    Unread,
}

impl Spare {
    fn spares(self, kind: TroubleKind, was_read: bool) -> bool {
        match self {
            Self::Optional => kind == TroubleKind::NotInstalled,
            Self::Extra => matches!(kind, TroubleKind::NotInstalled | TroubleKind::Forbidden),
            Self::Unread => kind == TroubleKind::Forbidden && !was_read,
        }
    }
}

/// Where a part of a source stands.
#[derive(Clone, Debug, PartialEq)]
enum PartState {
    /// Not read yet since the gate opened.
    Pending,
    Live,
    Troubled(Trouble),
    /// Not there, and need not be.
    Absent(Trouble),
}

/// The parts of a source (its probe and each watched resource). The source is alive when all of them are, and its
/// trouble is that of its worst part: a forbidden list is not hidden by a busy one beside it.
#[derive(Clone)]
pub struct SourceParts {
    link: ClusterLink,
    reporter: Reporter,
    spares: BTreeMap<String, Spare>,
    states: Arc<Mutex<BTreeMap<String, PartState>>>,
    /// Parts that were read at some time.
    read: Arc<Mutex<BTreeSet<String>>>,
}

impl SourceParts {
    fn new(link: ClusterLink, reporter: Reporter, parts: &[&str]) -> Self {
        let states = parts.iter().map(|part| ((*part).to_owned(), PartState::Pending)).collect();
        Self { link, reporter, spares: BTreeMap::new(), states: Arc::new(Mutex::new(states)), read: Arc::default() }
    }

    fn states(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, PartState>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every part has to be read again; a trouble that one has stays until then.
    fn void(&self) {
        for state in self.states().values_mut().filter(|state| **state == PartState::Live) {
            *state = PartState::Pending;
        }
    }

    /// The part was read.
    pub fn live(&self, part: &str) {
        if self.states().insert(part.to_owned(), PartState::Live) != Some(PartState::Live) {
            self.read().insert(part.to_owned());
        }
    }

    fn read(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part could not be read: told at once if it is news.
    pub async fn troubled(&self, part: &str, trouble: Trouble) {
        self.absent(part, trouble).await;
    }

    /// [`SourceParts::troubled`]; answers whether it is news that the part is absent and may be: what it said before is void.
    pub async fn absent(&self, part: &str, trouble: Trouble) -> bool {
        let trouble = self.link.on_the_way(trouble);
        let (spare, was_read) = (self.spares.get(part).copied(), self.read().contains(part));
        let spared = spare.is_some_and(|spare| spare.spares(trouble.kind, was_read));
        let news = if spared { PartState::Absent(trouble) } else { PartState::Troubled(trouble) };
        let before = self.states().insert(part.to_owned(), news.clone());
        let is_news = before.as_ref() != Some(&news);
        if is_news && let Some(worst) = self.worst() {
            self.reporter.trouble(worst).await;
        }
        spared && is_news && spare != Some(Spare::Unread)
    }

    /// Reports a change. While some part is in trouble it says so, and the trouble is told again after it: data from one
    /// part never makes the whole source look well, nor the rest of it look newly read.
    pub async fn report(&self, change: SourceChange) {
        let Some(worst) = self.worst() else { return self.reporter.report(change).await };
        self.reporter.report_part(change).await;
        self.reporter.trouble(worst).await;
    }

    /// The pulse of the source: its worst trouble, or proof of life if every part has been read. Gaps in one part are not
    /// told while another was not read at all: they count as an answer.
    pub async fn beat(&self) {
        if let Some(worst) = self.worst() {
            let unread = self.states().values().any(|state| *state == PartState::Pending);
            if worst.kind != TroubleKind::Partial || !unread {
                self.reporter.trouble(worst).await;
            }
        } else if self.states().values().all(|state| matches!(state, PartState::Live | PartState::Absent(_))) {
            self.reporter.alive().await;
        }
    }

    /// When to look again after a good look: soon while something is still being read, so that the source counts as alive
    /// as soon as it is.
    pub fn next_look(&self) -> Duration {
        if self.states().values().any(|state| *state == PartState::Pending) { SOON } else { EVERY }
    }

    fn worst(&self) -> Option<Trouble> {
        let states = self.states();
        // Behind a server that is not reached nothing else is read: what the other parts lack was true before that.
        if let Some(PartState::Troubled(trouble)) = states.get(PROBE)
            && matches!(trouble.kind, TroubleKind::Unreachable | TroubleKind::Silent | TroubleKind::Local)
        {
            return Some(trouble.clone());
        }
        let troubles = states.values().filter_map(|state| match state {
            PartState::Troubled(trouble) => Some(trouble),
            _ => None,
        });
        let worst = troubles.min_by_key(|trouble| rank(trouble.kind))?;
        let all = if worst.kind == TroubleKind::Forbidden { refused(&states) } else { None };
        Some(all.unwrap_or_else(|| worst.clone()))
    }
}

/// Several refusals as one: who grants the first only would meet the next one after it.
fn refused(states: &BTreeMap<String, PartState>) -> Option<Trouble> {
    let refused = states.iter().filter(|(part, state)| {
        let forbidden = matches!(state, PartState::Troubled(trouble) if trouble.kind == TroubleKind::Forbidden);
        forbidden && part.as_str() != PROBE
    });
    let parts: Vec<&str> = refused.map(|(part, _)| part.as_str()).collect();
    if parts.len() < 2 {
        return None;
    }
    let parts = parts.join(", ");
    let what = format!("this credential may not read {parts} (HTTP 403)");
    let remedy = format!(
        "grant it get, list and watch on {parts} (`warroom rbac` prints the roles), or name the namespaces that it may read: \
         namespaces = [\"…\"] in its [[cluster]]"
    );
    Some(trouble(TroubleKind::Forbidden, what, remedy))
}

fn rank(kind: TroubleKind) -> u8 {
    match kind {
        TroubleKind::Credential => 0,
        TroubleKind::Unauthorized => 1,
        TroubleKind::Local => 2,
        TroubleKind::Unreachable => 2,
        TroubleKind::Silent => 3,
        TroubleKind::ServerError => 4,
        TroubleKind::Garbage => 5,
        TroubleKind::Throttled => 6,
        TroubleKind::NotInstalled => 7,
        TroubleKind::Forbidden => 8,
        TroubleKind::Partial => 9,
    }
}
