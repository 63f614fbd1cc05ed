//! The one health probe in front of all watches of a cluster: it says what the control plane is, and it is the
//! circuit breaker. A dead cluster costs three short requests every few seconds and nothing else.

use std::time::Duration;

use futures::future::Either;
use kube::Client;

use super::debounce::Debounce;
use super::map;
use crate::model::facts::{ControlPlane, Endpoint};
use crate::model::{SafeText, SourceChange, Trouble, TroubleKind};
use crate::systems::kube_api::error_text::{plain, trouble_of_answer};
use crate::systems::kube_api::json_access::string;
use crate::systems::kube_api::requests::{self, KubeResponse};
use crate::systems::kube_api::source_context::{AGAIN_AFTER, EVERY, PROBE, RETRY_CAP, SourceContext};
use crate::systems::supervise::Backoff;

/// The part of a cluster that is one consistent read.
pub(super) const READS: &str = "reads";
/// However long a busy server wants to be left alone, its health is asked for in time to be fresh.
const LONGEST_BUSY: Duration = Duration::from_secs(15);
const VERSION_EVERY: u32 = 12;

/// What one look found.
enum HealthLook {
    Down(Trouble),
    Up(Box<ControlPlane>, Result<(), Trouble>),
    /// Asked to be left alone for a while: neither good nor bad.
    Busy(Trouble, Option<Duration>),
}

impl HealthLook {
    fn is_bad(&self) -> bool {
        match self {
            Self::Down(_) => true,
            Self::Up(plane, reads) => {
                let failing = plane.livez == Endpoint::Failing || plane.readyz == Endpoint::Failing;
                // A busy server still reads.
                failing || reads.as_ref().is_err_and(|trouble| trouble.kind != TroubleKind::Throttled)
            }
            Self::Busy(..) => false,
        }
    }
}

/// What is remembered between rounds.
struct HealthMemory {
    cluster: String,
    uid: Option<String>,
    version: SafeText,
    rounds: u32,
    epoch: u64,
    /// The newest state of the store that a read showed.
    newest: Option<u64>,
    vote: Debounce,
    told_down: bool,
    backoff: Backoff,
}

/// Probes one cluster until the room stops.
pub(super) async fn run(feed: SourceContext, cluster: String) {
    let mut memory = HealthMemory {
        cluster,
        uid: None,
        version: SafeText::default(),
        rounds: 0,
        epoch: 0,
        newest: None,
        vote: Debounce::default(),
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

impl HealthMemory {
    async fn round(&mut self, feed: &SourceContext) -> Duration {
        let voting = self.vote.is_open();
        let client = if voting { feed.link.another().await } else { feed.link.client().await };
        let client = match client {
            Ok(client) => client,
            // Nobody else's opinion changes a kubeconfig that can't be used.
            Err(trouble) => {
                self.vote = Debounce::decided(true);
                return self.down(feed, trouble).await;
            }
        };
        let mut look = self.look(feed, &client).await;
        if let HealthLook::Down(refusal) = &look
            && refusal.kind == TroubleKind::Unauthorized
        {
            look = HealthLook::Down(feed.link.refused(refusal.clone()).await);
        }
        if let HealthLook::Busy(trouble, asked) = look {
            return busy(feed, trouble, asked).await;
        }
        if !self.vote.cast(look.is_bad()) {
            return AGAIN_AFTER;
        }
        if voting && !look.is_bad() {
            // The connection in use may lead to the one API server that is ill.
            feed.link.adopt(client).await;
        }
        match look {
            HealthLook::Down(trouble) => self.down(feed, trouble).await,
            HealthLook::Up(plane, reads) => self.up(feed, *plane, reads).await,
            HealthLook::Busy(trouble, asked) => busy(feed, trouble, asked).await,
        }
    }

    async fn down(&mut self, feed: &SourceContext, trouble: Trouble) -> Duration {
        feed.set_gate(false, self.epoch);
        let ours = trouble.kind.own_failure().is_some();
        feed.parts.troubled(PROBE, trouble).await;
        // Where our own login or host fails nothing was asked: what was known of the control plane stays, and ages.
        if self.told_down || ours {
            feed.parts.beat().await;
        } else {
            // Once only: it is news about the control plane, not proof that it lives.
            self.told_down = true;
            let plane = map::unreachable(&self.cluster, self.uid.clone(), self.version.clone());
            let plane = ControlPlane { notes: feed.link.notes(), ..plane };
            feed.parts.report(SourceChange::Upsert(plane.into())).await;
        }
        self.backoff.failed().min(RETRY_CAP)
    }

    async fn up(&mut self, feed: &SourceContext, plane: ControlPlane, reads: Result<(), Trouble>) -> Duration {
        feed.set_gate(true, self.epoch);
        self.told_down = false;
        self.backoff.reset();
        feed.parts.live(PROBE);
        match reads {
            Ok(()) => feed.parts.live(READS),
            Err(trouble) => feed.parts.troubled(READS, trouble).await,
        }
        feed.parts.report(SourceChange::Upsert(plane.into())).await;
        feed.parts.beat().await;
        // An end of the failure is to be seen soon.
        if self.vote.is_bad() { RETRY_CAP } else { feed.parts.next_look() }
    }

    async fn look(&mut self, feed: &SourceContext, client: &Client) -> HealthLook {
        let (limit, health) = (feed.limits().probe, feed.limits().health);
        let sent = feed.clock.now();
        let ends = ends(client, health, self.vote.cannot_decide_on_bad());
        let reads = futures::future::join(
            requests::get(client, "/api/v1/namespaces/kube-system", limit),
            requests::get(client, "/api/v1/namespaces?limit=1", limit),
        );
        tokio::pin!(ends, reads);
        let ((livez, readyz), (system, store)) = match futures::future::select(ends, reads).await {
            Either::Right((reads, ends)) => (ends.await, reads),
            // What an endpoint names needs no read that hangs to prove it.
            Either::Left(((livez, readyz), _)) if names_a_failure(&livez) || names_a_failure(&readyz) => {
                let why = || plain(TroubleKind::ServerError, "reads do not answer while a health check fails");
                ((livez, readyz), (Err(why()), Err(why())))
            }
            Either::Left((ends, reads)) => (ends, reads.await),
        };
        for answer in [&livez, &readyz, &system].into_iter().flatten() {
            if answer.status == 401 {
                return HealthLook::Down(trouble_of_answer(401, &answer.body));
            }
        }
        if let Some(answer) = [&livez, &readyz].into_iter().flatten().find(|answer| answer.status == 429) {
            return HealthLook::Busy(trouble_of_answer(429, &answer.body), answer.retry_after);
        }
        if let (Err(trouble), Err(_)) = (&livez, &readyz) {
            return HealthLook::Down(trouble.clone());
        }
        let middle = sent + (feed.clock.now() - sent) / 2;
        let date = [&livez, &readyz].into_iter().flatten().find_map(|answer| answer.date);
        let reads = self.reads(system);
        if let Ok(answer) = store {
            self.not_older(&answer);
        }
        if (self.version.is_empty() || self.rounds.is_multiple_of(VERSION_EVERY))
            && let Ok(version) = requests::get(client, "/version", limit).await.and_then(|answer| answer.json())
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
            notes: feed.link.notes(),
        };
        HealthLook::Up(Box::new(plane), reads)
    }

    /// A consistent read of one small object: it proves what no health endpoint does on every distribution, that reads
    /// reach etcd. It also tells which cluster this is; another uid behind the same address voids what was read.
    fn reads(&mut self, system: Result<KubeResponse, Trouble>) -> Result<(), Trouble> {
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

impl HealthMemory {
    /// A store that goes back in time was restored from a backup: every version that we watch from is then void, and a
    /// watch from a future one would stay silent for ever.
    fn not_older(&mut self, answer: &KubeResponse) {
        if requests::went_back(&mut self.newest, answer) {
            tracing::warn!(cluster = %self.cluster, "the API server's store went back in time: everything is read anew");
            self.epoch += 1;
        }
    }
}

/// Both health endpoints; `hasty`, as soon as one of them names a failure: without etcd the other takes seconds more.
async fn ends(
    client: &Client,
    limit: Duration,
    hasty: bool,
) -> (Result<KubeResponse, Trouble>, Result<KubeResponse, Trouble>) {
    let (livez, readyz) =
        (requests::get(client, "/livez?verbose", limit), requests::get(client, "/readyz?verbose", limit));
    tokio::pin!(livez, readyz);
    let unasked = || Err(requests::silent(limit));
    match futures::future::select(livez, readyz).await {
        Either::Left((livez, _)) if hasty && names_a_failure(&livez) => (livez, unasked()),
        Either::Left((livez, readyz)) => (livez, readyz.await),
        Either::Right((readyz, _)) if hasty && names_a_failure(&readyz) => (unasked(), readyz),
        Either::Right((readyz, livez)) => (livez.await, readyz),
    }
}

fn names_a_failure(answer: &Result<KubeResponse, Trouble>) -> bool {
    answer.as_ref().is_ok_and(|answer| answer.status == 500 && answer.body.windows(3).any(|it| it == b"[-]"))
}

/// The server asks for fewer requests: what is known stays, and it is left alone for as long as it says.
async fn busy(feed: &SourceContext, trouble: Trouble, asked: Option<Duration>) -> Duration {
    feed.parts.troubled(PROBE, trouble).await;
    feed.parts.beat().await;
    asked.unwrap_or_default().clamp(EVERY, LONGEST_BUSY)
}

fn endpoint(answer: Result<KubeResponse, Trouble>) -> (Endpoint, Vec<SafeText>) {
    match answer {
        Ok(answer) => map::health(answer.status, &String::from_utf8_lossy(&answer.body)),
        Err(_) => (Endpoint::Unreachable, Vec::new()),
    }
}
