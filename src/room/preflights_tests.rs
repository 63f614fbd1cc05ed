//! Approvals as fast as one can against a provider that has drifted: it is read once for each plan at a time, seldom after
//! drift, within a person's budget and within the meter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::context::RoomContext;
use super::engine::Engine;
use super::engine_message::{Answer, Caller, EngineMessage};
use super::peer_credentials::Peer;
use super::person_budget::Whose;
use super::plans_tests::shared;
use crate::approval::tests::{actor, digest_of, plan, proposed};
use crate::clock::Clock;
use crate::model::entry::{EntryDraft, Opened};
use crate::model::plan::{Op, Pre};
use crate::model::{
    Actor, Digest, Happening, Level, Person, PersonRole, PlanId, Refusal, RefusalKind, Severity, Step, Trouble,
};
use crate::protocol::Request;
use crate::systems::request_meter::{Meter, Metered, RequestLimit, RequestUse, UNSTATED};
use crate::systems::{ActError, Adapter, Permit};

/// Never is as a plan wants it. A reading waits until it may end.
struct Drifted {
    reads: AtomicUsize,
    may_end: Semaphore,
}

impl Drifted {
    fn new(may_end: usize) -> Arc<Self> {
        Arc::new(Self { reads: AtomicUsize::new(0), may_end: Semaphore::new(may_end) })
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Adapter for Drifted {
    async fn read(&self, _path: &str) -> Result<Value, Trouble> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let _ = self.may_end.acquire().await;
        Ok(json!("touched"))
    }

    async fn apply(&self, _step: &Step, _permit: &Permit) -> Result<String, ActError> {
        panic!("nothing that has drifted is written")
    }
}

/// A room in which ana has proposed plans, and the way to its writer.
struct PreflightBench {
    shared: Arc<RoomContext>,
    clock: Clock,
    to_writer: mpsc::Sender<EngineMessage>,
    plans: Vec<(PlanId, Digest)>,
    _home: tempfile::TempDir,
    _seen: mpsc::Sender<crate::model::Observation>,
}

impl PreflightBench {
    fn open(adapter: Arc<dyn Adapter>, clock: Clock, plans: usize) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let (mut shared, ledger) = shared(home.path(), adapter, clock.clone());
        let first = plan("p", "ana", "lb");
        let kept = Arc::get_mut(&mut shared).expect("nobody else has it yet");
        let person = |(id, uid): (&str, u32)| Person {
            id: id.into(),
            accounts: Vec::new(),
            uids: vec![uid],
            roles: vec![PersonRole::Operator],
        };
        kept.config.people = [("ana", 1), ("sam", 2), ("kim", 3), ("lee", 4), ("ben", 5)].map(person).to_vec();
        kept.config.policy.level = Level::Account;
        kept.policy_digest = first.policy.digest.clone();
        kept.config.people_digest = first.people_digest.clone();
        let (to_writer, commands) = mpsc::channel(256);
        let (mut engine, _news) = Engine::new(&shared, ledger, &to_writer);
        let opened = Opened { incident: first.incident.clone(), severity: Severity::Sev1, detected_at: None };
        let by = |who: Actor, happening: Happening| {
            let incident = Some(first.incident.clone());
            EntryDraft { incident, by: who, happening, text: None }
        };
        let mut drafts = vec![by(Actor::room(), opened.into())];
        let mut made = Vec::new();
        for n in 0..plans {
            let mut it = plan(&format!("p{n}"), "ana", &format!("lb{n}"));
            it.steps.truncate(1);
            let src = it.steps[0].target.src.clone();
            let path = format!("lb/lb{n}/modified_on").as_str().into();
            let (value, says) = (json!("as it was"), "nobody touched it".to_owned());
            it.steps[0].pre = vec![Pre { path, op: Op::Eq, value, src, read_at: clock.now(), says }];
            drafts.push(by(actor("ana", 1), proposed(&it).into()));
            made.push((it.plan.clone(), digest_of(&it)));
        }
        assert!(engine.recorder.record(drafts).is_some());
        assert!(engine.recorder.story().anomalies.is_empty(), "{:?}", engine.recorder.story().anomalies);
        let (seen_tx, seen) = mpsc::channel(1);
        tokio::spawn(engine.run(commands, seen));
        Self { shared, clock, to_writer, plans: made, _home: home, _seen: seen_tx }
    }

    async fn approve(&self, who: (&str, u32), n: usize) -> oneshot::Receiver<Answer> {
        let hello = serde_json::from_value(json!({"proto": [1], "client": "test"})).expect("a hello");
        let caller =
            Caller { peer: Peer { uid: who.1, login: crate::model::Login::Unset }, hello, actor: actor(who.0, who.1) };
        let share = self.shared.budgets.share(Whose::Person(who.0.into()), self.clock.boot()).expect("a share");
        let (plan, digest) = self.plans[n].clone();
        let request = Request::Approve { plan, digest, confirm: "shop.example".to_owned() };
        let (reply, answer) = oneshot::channel();
        let place = share.place().await;
        self.to_writer.send(EngineMessage::Ask { caller, request, reply, place }).await.expect("the writer lives");
        answer
    }

    async fn refused(&self, who: (&str, u32), n: usize) -> Refusal {
        refusal(self.approve(who, n).await).await
    }
}

async fn refusal(answer: oneshot::Receiver<Answer>) -> Refusal {
    let answer = tokio::time::timeout(Duration::from_secs(30), answer).await.expect("an answer in time");
    answer.expect("an answer").expect_err("it has drifted")
}

fn manual() -> Clock {
    Clock::manual("2026-03-02T14:37:00Z".parse().expect("a time"))
}

const SAM: (&str, u32) = ("sam", 2);
const KIM: (&str, u32) = ("kim", 3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_read_once_at_a_time_and_after_drift_only_when_a_pause_is_over() {
    let adapter = Drifted::new(0);
    let stage = PreflightBench::open(adapter.clone(), manual(), 1);
    let mut answers = Vec::new();
    for n in 0..40 {
        answers.push(stage.approve(if n % 2 == 0 { SAM } else { KIM }, 0).await);
    }
    // The writer takes requests in order: one more that is answered at once comes after all of those.
    let early = stage.refused(("ana", 1), 0).await;
    assert_eq!((early.kind, adapter.reads()), (RefusalKind::SelfApproval, 1), "one reading for all of them");
    adapter.may_end.add_permits(1_000);
    for answer in answers {
        assert_eq!(refusal(answer).await.kind, RefusalKind::Drift);
    }
    assert_eq!(adapter.reads(), 1);

    stage.clock.advance(Duration::from_secs(2));
    for _ in 0..100 {
        let again = stage.refused(KIM, 0).await;
        assert_eq!(again.kind, RefusalKind::Drift);
        assert!(again.why.as_str().contains("(read 2 s ago)"), "{again}");
        assert!(again.remedy.as_str().ends_with("checked again in 3 s"), "{again:?}");
    }
    assert_eq!(adapter.reads(), 1, "the answer there was is given again");
    stage.clock.advance(Duration::from_secs(3));
    assert!(!stage.refused(KIM, 0).await.why.as_str().contains(" ago"));
    assert_eq!(adapter.reads(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_has_plans_read_only_so_often_and_another_still_has_them_read() {
    let adapter = Drifted::new(100_000);
    let stage = PreflightBench::open(adapter.clone(), manual(), 4);
    let mut said = None;
    // Ten minutes, as fast as the pause after drift lets them.
    for _ in 0..120 {
        for n in 0..4 {
            let refusal = stage.refused(SAM, n).await;
            said = said.or((refusal.kind == RefusalKind::Rate).then_some(refusal));
        }
        stage.clock.advance(Duration::from_secs(5));
    }
    assert!((100..=8 + 100).contains(&adapter.reads()), "{} readings in ten minutes", adapter.reads());
    assert!(said.is_some_and(|it| it.remedy.as_str().starts_with("ask again in ")), "they were told");
    let before = adapter.reads();
    assert_eq!(stage.refused(KIM, 0).await.kind, RefusalKind::Drift);
    assert_eq!(adapter.reads(), before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_everyone_has_read_stays_within_the_meter_and_acting_is_not_held_back() {
    let (adapter, clock) = (Drifted::new(100_000), manual());
    let limit = RequestLimit { read: 60, ..UNSTATED };
    let meter = Arc::new(Meter::new(limit, clock.clone()));
    let stage = PreflightBench::open(Arc::new(Metered::new(adapter.clone(), Some(meter.clone()))), clock, 4);
    let mut last = None;
    for _ in 0..50 {
        for (n, who) in [SAM, KIM, ("lee", 4), ("ben", 5)].into_iter().enumerate() {
            last = Some(stage.refused(who, n).await);
        }
        stage.clock.advance(Duration::from_secs(5));
    }
    assert!((40..=60).contains(&adapter.reads()), "{} readings in five minutes", adapter.reads());
    let last = last.expect("an answer");
    assert_eq!(last.kind, RefusalKind::Rate);
    assert!(last.why.as_str().contains("cloudflare/edge") && last.why.as_str().contains("plans that run"), "{last}");
    assert_eq!((meter.take(RequestUse::Act), meter.counts().act), (Ok(()), 1));
}
