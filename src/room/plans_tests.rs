//! A run that fails by a fault of the program: the plan does not stay `executing`, and what it did is found out by reading.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::context::RoomContext;
use super::engine::Engine;
use super::{executor, peer_credentials, plans};
use crate::approval::PlanState;
use crate::approval::tests::{actor, digest_of, plan, proposed};
use crate::clock::{Clock, Random};
use crate::config::{self, LoadOptions};
use crate::ledger::{self, FileStorage, Ledger, OpenOptions};
use crate::model::entry::{Approved, EntryDraft, Executing, Opened, Outcome, Reconciliation};
use crate::model::{Actor, Happening, IncidentId, Severity, Step, Trouble};
use crate::systems::{ActError, Adapter, Permit};

/// Writes, and fails before it can say so.
#[derive(Default)]
pub(super) struct Faulty(AtomicU32);

#[async_trait]
impl Adapter for Faulty {
    async fn read(&self, _path: &str) -> Result<Value, Trouble> {
        Ok(if self.0.load(Ordering::SeqCst) > 0 { json!(["b", "a"]) } else { Value::Null })
    }

    async fn apply(&self, _step: &Step, _permit: &Permit) -> Result<String, ActError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a fault of the program");
    }
}

/// A room's shared parts, with this adapter for everything that a plan of the tests touches.
pub(super) fn shared(home: &std::path::Path, adapter: Arc<dyn Adapter>, clock: Clock) -> (Arc<RoomContext>, Ledger) {
    let (shared, opened) = opened(home, adapter, clock);
    (shared, opened.ledger)
}

/// The same, with what was found when the log was opened.
pub(super) fn opened(
    home: &std::path::Path,
    adapter: Arc<dyn Adapter>,
    clock: Clock,
) -> (Arc<RoomContext>, ledger::OpenedLog) {
    let file = home.join("warroom.toml");
    std::fs::write(&file, "[room]\nname = \"room\"\n").expect("written");
    let options = LoadOptions { drill: true, ..LoadOptions::default() };
    let config = config::load(&file, options).unwrap_or_else(|errors| panic!("{errors}"));
    let options = OpenOptions {
        dir: home.join("log"),
        room: "room".to_owned(),
        src: "host".to_owned(),
        boot: "boot".to_owned(),
        drill: false,
        key: String::new(),
        allow_fs: Vec::new(),
        check_fs: false,
        snapshot: Some(super::recorder::FORM.to_owned()),
    };
    let random = Random::seeded(7);
    let opened = Ledger::open(options, Arc::new(FileStorage), clock.clone(), random.clone()).expect("a log");
    let source = plan("p", "ana", "lb").steps[0].target.src.clone();
    let shared = RoomContext {
        policy_digest: plans::policy_digest(&config.policy),
        boot: "boot".to_owned(),
        config,
        clock,
        random,
        reader: opened.ledger.reader(),
        drill: None,
        looks: Arc::default(),
        budgets: Default::default(),
        deltas: Default::default(),
        refusals: Default::default(),
        sources: Vec::new(),
        adapters: BTreeMap::from([(source, adapter)]),
        accounts: peer_credentials::Accounts::default(),
    };
    (Arc::new(shared), opened)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_fails_is_interrupted_and_read_back_and_not_run_again() {
    let home = tempfile::tempdir().expect("a folder");
    let adapter = Arc::new(Faulty::default());
    let (shared, ledger) = shared(home.path(), adapter.clone(), Clock::real());
    let (commands_tx, commands) = mpsc::channel(16);
    let (mut engine, _news) = Engine::new(&shared, ledger, &commands_tx);
    let mut plan = plan("p", "ana", "lb");
    plan.steps.truncate(1);
    let (id, digest, incident) = (plan.plan.clone(), digest_of(&plan), IncidentId::from("INC-1"));
    let by = |who: Actor, happening: Happening| EntryDraft {
        incident: Some(incident.clone()),
        by: who,
        happening,
        text: None,
    };
    let opened = Opened { incident: incident.clone(), severity: Severity::Sev1, detected_at: None };
    let told = vec![
        by(Actor::room(), opened.into()),
        by(actor("ana", 1), proposed(&plan).into()),
        by(actor("sam", 2), Approved { plan: id.clone(), digest }.into()),
        by(actor("lee", 3), Approved { plan: id.clone(), digest }.into()),
        by(Actor::room(), Executing { plan: id.clone(), digest, boot: "boot".to_owned() }.into()),
    ];
    assert!(engine.recorder.record(told).is_some());
    let state = |engine: &Engine| engine.recorder.story().current().and_then(|it| it.plans.get(&id)).map(|it| it.state);
    assert_eq!(state(&engine), Some(PlanState::Executing), "{:?}", engine.recorder.story().anomalies);

    engine.start(plan, digest, vec!["sam".into(), "lee".into()], executor::boottime());
    let (reader, stop, acts) = (shared.reader.clone(), engine.tasks.stop().clone(), engine.tasks.tracker().clone());
    // No source ever reports.
    let (_seen, seen) = mpsc::channel(1);
    let running = tokio::spawn(engine.run(commands, seen));
    let happened = async || {
        let lines = reader.read_from(1, 1 << 20).expect("the log");
        let entries = lines.iter().map(|line| crate::seal::decode(line).expect("an entry").happening);
        entries.collect::<Vec<Happening>>()
    };
    let found = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let all = happened().await;
            if all.iter().any(|it| matches!(it, Happening::Reconciled(_))) {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let found = found.await.expect("the plan is interrupted and read back");
    let ended: Vec<Outcome> =
        found.iter().filter_map(|it| if let Happening::PlanEnded(it) = it { Some(it.outcome) } else { None }).collect();
    assert_eq!(ended, [Outcome::Interrupted]);
    assert!(found.iter().any(|it| matches!(it, Happening::Reconciled(it) if it.result == Reconciliation::Applied)));
    assert_eq!(adapter.0.load(Ordering::SeqCst), 1, "nothing is written twice");
    stop.cancel();
    acts.close();
    acts.wait().await;
    running.await.expect("the writer ends in order");
    assert!(ledger::verify(&[home.path().join("log")], &ledger::Expected::default()).expect("a verdict").ok);
}
