//! A simulated second person for a drill played alone: watches the room like any client, takes as long as a human to read a plan,
//! and approves what others proposed if its preconditions read well. Marked as simulated wherever its name is.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::script_runner::{Asker, Seen, waiting};
use crate::client::Mirror;
use crate::clock::{Clock, Turn};
use crate::model::{PersonId, Plan, PlanId, SafeText, Stamp, Step, StepRequest};
use crate::protocol::{Hello, Request};

/// Facts of a plan older than this are not worth approving on.
const OLD_S: i64 = 300;
/// Looks again so often at a plan that did not read well.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// The only one who is played beside the person at the console.
const ME: Turn = Turn::Person(0);

/// The hello of a simulated person.
pub fn hello(name: &PersonId) -> Hello {
    Hello {
        proto: vec![crate::protocol::VERSION],
        client: format!("warroom-partner/{}", env!("CARGO_PKG_VERSION")),
        entries_from: Some(1),
        log: None,
        seen: None,
        topics: Vec::new(),
        drill_as: Some(name.clone()),
        simulated: true,
        quiet: false,
        readonly: false,
    }
}

/// Reads and approves until the room is gone. `seed` decides how long each reading takes (20 to 30 s on the clock).
pub async fn run(me: PersonId, asker: Arc<dyn Asker>, mut seen: Seen, clock: Clock, seed: u64) {
    let mut reading = fastrand::Rng::with_seed(seed ^ 0x5eed_5eed);
    // Plans this person is done with, so that a refusal is not asked for again and again.
    let mut done: Vec<PlanId> = Vec::new();
    loop {
        let open = |m: &Mirror| waiting(m, &me, None).filter(|(plan, ..)| !done.contains(plan));
        let Ok(mirror) = seen.wait_for(|m| open(m).is_some()).await.map(|m| Arc::clone(&m)) else { return };
        let Some((plan, ..)) = open(&mirror) else { continue };
        clock.sleep_until_turn(clock.now() + Duration::from_secs(reading.u64(20..=30)), ME).await;
        done.push(plan.clone());
        consider(&me, &asker, &mut seen, &clock, &plan).await;
    }
}

/// Approves one plan as soon as it reads well; says once in the timeline why it does not.
async fn consider(me: &PersonId, asker: &Arc<dyn Asker>, seen: &mut Seen, clock: &Clock, id: &PlanId) {
    let mut said = false;
    loop {
        let mirror = Arc::clone(&seen.borrow());
        let Some((plan, digest, confirm)) = waiting(&mirror, me, None).filter(|(plan, ..)| plan == id) else { return };
        let Some(record) = mirror.story.incidents.last().and_then(|i| i.plans.by_id.get(id)) else { return };
        match reads_well(&record.plan, &mirror, clock.now()) {
            Ok(()) => {
                let _ = asker.ask(Request::Approve { plan, digest, confirm }).await;
                return;
            }
            Err(why) if !said => {
                said = true;
                let text = SafeText::new(&format!("not approving {} yet: {why}", record.plan.action.name()));
                let _ = asker.ask(Request::Note { text, at: None, mark: None }).await;
            }
            Err(_) => {}
        }
        clock.sleep_until_turn(clock.now() + LOOK_AGAIN, ME).await;
    }
}

/// Whether a careful reader would confirm this plan; if not, why.
pub fn reads_well(plan: &Plan, mirror: &Mirror, now: Stamp) -> Result<(), String> {
    if plan.steps.is_empty() {
        return Err("it has no steps".to_owned());
    }
    let facts: Vec<_> = plan.steps.iter().flat_map(|s| &s.pre).collect();
    if facts.is_empty() {
        return Err("it relies on no fact that can be checked".to_owned());
    }
    if let Some(old) = facts.iter().find(|p| (now - p.read_at).num_seconds() > OLD_S) {
        return Err(format!("{} was read {} s ago", old.path, (now - old.read_at).num_seconds()));
    }
    // Of several writes of one kind the first is looked at.
    let first = |(i, step): &(usize, &Step)| {
        !plan.steps[..*i].iter().any(|before| before.request.verb() == step.request.verb())
    };
    plan.steps.iter().enumerate().filter(first).try_for_each(|(_, step)| write_reads_well(step, mirror))
}

/// Whether a careful reader would send what a step sends; if not, why.
fn write_reads_well(step: &Step, mirror: &Mirror) -> Result<(), String> {
    let body = |key: &str| -> Vec<Value> {
        let rows = mirror.board.values().flat_map(|view| &view.rows).filter(|row| !row.stale);
        rows.filter_map(|row| serde_json::to_value(&row.body).ok()).filter_map(|b| b.get(key).cloned()).collect()
    };
    match &step.request {
        StepRequest::PatchLoadBalancer(patch) => {
            let to = patch.body.default_pools.first().map_or("", String::as_str);
            let bad = |pool: &Value| {
                pool["id"] == to && (pool["enabled"] == Value::Bool(false) || pool["healthy"] == Value::Bool(false))
            };
            if body("pool").iter().any(bad) {
                return Err("the pool it moves traffic to is off or unhealthy".to_owned());
            }
        }
        StepRequest::CreateRestore(restore) => {
            let backup = &restore.spec.backup_name;
            if backup.is_empty() {
                return Err("it names no backup".to_owned());
            }
            let points = body("backup");
            let known = points.iter().any(|b| b["point"]["name"] == *backup);
            if !points.is_empty() && !known {
                return Err(format!("{backup} is not the newest usable restore point of any schedule"));
            }
        }
        StepRequest::PatchLocation(_)
        | StepRequest::CreateSilence(_)
        | StepRequest::ExpireSilence(_)
        | StepRequest::Wait => {}
        StepRequest::Unknown { verb, .. } => return Err(format!("nobody here knows what `{verb}` does")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(read_at: &str, pre: bool, params: &Value) -> Plan {
        let fact = json!({"path": "backup/b-1/phase", "op": "eq", "value": "Completed", "src": "velero/dr", "read_at": read_at, "says": "b-1 is complete"});
        let step = json!({"id": "1", "adapter": "velero.create_restore", "params": params, "effect": "restores", "limit_s": 60, "check": [],
            "target": {"src": "velero/dr", "kind": "restore", "id": "x", "name": "shop"}, "pre": if pre { json!([fact]) } else { json!([]) }});
        serde_json::from_value(
            json!({"v": 1, "room": "drill", "incident": "INC-1", "plan": "01", "action": "restore", "service": "shop",
            "title": "t", "confirm": "shop", "shown": [], "warnings": [], "steps": [step], "locks": [], "cred_ids": [],
            "policy": {"quorum": 2, "level": "drill", "digest": "d"}, "people_digest": "d", "by": "ana", "ttl_s": 1800,
            "supersedes": null, "head": {"seq": 1, "h": "h"}}),
        )
        .expect("a plan")
    }

    #[test]
    fn a_plan_is_approved_only_on_fresh_facts_that_name_what_it_does() {
        let now: Stamp = "2026-03-10T14:55:00Z".parse().expect("a time");
        let mirror = Mirror::default();
        let restore =
            |backup: &str| json!({"namespace": "velero", "spec": {"backupName": backup, "includedNamespaces": []}});
        let good = restore("b-1");
        let reads = |p: &Plan| reads_well(p, &mirror, now);
        assert_eq!(reads(&plan("2026-03-10T14:54:30Z", true, &good)), Ok(()));
        assert!(reads(&plan("2026-03-10T14:40:00Z", true, &good)).expect_err("old").contains("900 s ago"));
        assert!(reads(&plan("2026-03-10T14:54:30Z", false, &good)).expect_err("bare").contains("no fact"));
        assert!(
            reads(&plan("2026-03-10T14:54:30Z", true, &restore(""))).expect_err("blind").contains("names no backup")
        );
        let mut strange = plan("2026-03-10T14:54:30Z", true, &good);
        strange.steps[0].request = StepRequest::from_members("velero.delete_backup".to_owned(), json!({}));
        assert!(reads(&strange).expect_err("strange").contains("`velero.delete_backup`"));
    }

    #[test]
    fn a_partner_says_that_it_is_simulated() {
        let hello = hello(&PersonId::from("sam"));
        assert!(hello.simulated && hello.drill_as == Some(PersonId::from("sam")));
    }
}
