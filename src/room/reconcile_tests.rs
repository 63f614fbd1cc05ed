//! A Restore that outlives the room or the patience of its step: what became of it is read and recorded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::engine_message::EngineMessage;
use super::plans_tests::shared;
use super::reconcile;
use crate::approval::tests::{actor, digest_of, plan};
use crate::approval::{PlanRecord, PlanState, StepState};
use crate::clock::Clock;
use crate::model::entry::{Reconciled, Reconciliation, Restored};
use crate::model::plan::{Op, StepCheck};
use crate::model::step_request::{CreateRestore, RestoreSpec};
use crate::model::{Digest, Happening, Step, Trouble};
use crate::systems::{ActError, Adapter, Permit};

/// A Restore that runs for so many looks, and then ends.
struct Restoring {
    looks: AtomicU32,
    ends: Restored,
}

impl Restoring {
    fn new(phase: &str, items: u64, warnings: u64) -> Self {
        let ends = Restored { phase: phase.into(), items, of: 20, warnings, ..Restored::default() };
        Self { looks: AtomicU32::new(0), ends }
    }

    fn now(&self) -> Restored {
        match self.looks.load(Ordering::SeqCst) {
            0..=2 => Restored { phase: "InProgress".into(), items: 7, of: 20, ..Restored::default() },
            _ => self.ends.clone(),
        }
    }
}

#[async_trait]
impl Adapter for Restoring {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        let it = self.now();
        Ok(match path.rsplit('/').next() {
            Some("phase") => json!(it.phase.as_str()),
            _ if it.is_over() => json!(it.brought()),
            _ => Value::Null,
        })
    }

    async fn restored(&self, _step: &Step, _plan: Digest) -> Result<Option<Restored>, Trouble> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        Ok(Some(self.now()))
    }

    async fn apply(&self, _step: &Step, _permit: &Permit) -> Result<String, ActError> {
        panic!("reading back writes nothing")
    }
}

fn record(clock: &Clock) -> PlanRecord {
    let mut plan = plan("p", "ana", "lb");
    plan.steps.truncate(1);
    let src = plan.steps[0].target.src.clone();
    let check = |field: &str, op, value| StepCheck {
        path: format!("restore/@plan/{field}").as_str().into(),
        op,
        value,
        src: src.clone(),
    };
    let spec = RestoreSpec { backup_name: "b".into(), included_namespaces: vec!["shop".into()] };
    plan.steps[0].request = CreateRestore { namespace: "velero".into(), spec }.into();
    plan.steps[0].pre.clear();
    plan.steps[0].check = vec![check("phase", Op::In, json!(["Completed"])), check("restored", Op::Ge, json!(1))];
    let now = clock.now();
    PlanRecord {
        bytes: String::new(),
        digest: digest_of(&plan),
        by: actor("ana", 1),
        proposed_at: now,
        proposed_seq: 1,
        approvals: Vec::new(),
        state: PlanState::Interrupted,
        steps: vec![StepState::Started { at: now - chrono::TimeDelta::minutes(1) }],
        held: false,
        refused_by: None,
        says: "".into(),
        changed_at: now,
        reconciled: None,
        restored: BTreeMap::new(),
        seqs: Vec::new(),
        plan,
    }
}

/// Everything that is recorded until reading is over.
async fn recorded(ends: Restoring, change: impl FnOnce(&mut PlanRecord)) -> Vec<Reconciled> {
    let home = tempfile::tempdir().expect("a folder");
    let clock = Clock::scaled(Clock::real().now(), 1_000.0);
    let (shared, _ledger) = shared(home.path(), Arc::new(ends), clock.clone());
    let mut record = record(&clock);
    change(&mut record);
    let (engine, mut commands) = mpsc::channel(4);
    let reading = tokio::spawn(reconcile::reconcile(shared, engine, record));
    let mut out = Vec::new();
    let all = tokio::time::timeout(Duration::from_secs(60), async {
        while let Some(command) = commands.recv().await {
            if let EngineMessage::Record { happening: Happening::Reconciled(it), done, .. } = command {
                out.push(it);
                done.send(true).expect("somebody waits for it");
            }
        }
    });
    all.await.expect("reading ends");
    reading.await.expect("in order");
    out
}

#[tokio::test]
async fn a_restore_that_goes_on_is_read_again_until_it_ends() {
    let found = recorded(Restoring::new("Completed", 20, 0), |_| {}).await;
    let results: Vec<Reconciliation> = found.iter().map(|it| it.result).collect();
    assert_eq!(results, [Reconciliation::Partial, Reconciliation::Applied]);
    assert!(found[0].says.as_str().contains("the restore is InProgress: 7 of 20 items"), "{}", found[0].says);
    assert_eq!(found[1].restored["1"].brought(), 20);
}

#[tokio::test]
async fn one_that_brought_nothing_back_is_never_applied() {
    let found = recorded(Restoring::new("Completed", 20, 20), |_| {}).await;
    assert_eq!(found.last().map(|it| it.result), Some(Reconciliation::Partial));
    assert!(found.last().expect("an end").says.as_str().contains("nothing was restored"), "{found:?}");
}

#[tokio::test]
async fn what_was_said_before_a_restart_is_not_said_again() {
    let found = recorded(Restoring::new("Failed", 7, 0), |record| {
        record.reconciled = Some(Reconciliation::Partial);
        let before = Restored { phase: "InProgress".into(), items: 7, of: 20, ..Restored::default() };
        record.restored.insert("1".to_owned(), before);
    })
    .await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].says.as_str().contains("the restore is Failed"), "{}", found[0].says);
}

#[test]
fn only_a_restore_without_an_end_is_followed_after_a_start() {
    let clock = Clock::real();
    let open = |change: fn(&mut PlanRecord)| {
        let mut record = record(&clock);
        change(&mut record);
        reconcile::is_open(&record, clock.now())
    };
    assert!(open(|_| {}));
    assert!(open(|it| it.reconciled = Some(Reconciliation::Partial)));
    assert!(!open(|it| it.reconciled = Some(Reconciliation::Applied)));
    assert!(!open(|it| {
        it.restored.insert("1".to_owned(), Restored { phase: "PartiallyFailed".into(), ..Restored::default() });
    }));
    assert!(!open(|it| it.steps[0] = StepState::Waiting));
    assert!(!open(|it| it.changed_at -= chrono::TimeDelta::hours(25)));
}
