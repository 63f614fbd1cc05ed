//! The two plans of the incident.

use serde_json::json;

use crate::approval::{Approval, PlanRecord, PlanState, StepState};
use crate::model::plan::{HeadRef, Op, PolicyRef, Pre, ShownChange, StepCheck, Target};
use crate::model::{
    Action, IncidentId, Level, PersonId, Plan, PlanId, SafeText, SourceId, Stamp, Step, StepRequest, System,
};

use super::fixture::{at, person};

fn pre(src: &SourceId, path: &str, says: &str, read_at: Stamp) -> Pre {
    Pre { path: path.into(), op: Op::Eq, value: json!(true), src: src.clone(), read_at, says: says.to_owned() }
}

fn step(id: &str, verb: &str, target: &Target, effect: &str, limit_s: u64, pre: Vec<Pre>) -> Step {
    let check = StepCheck { path: "x".into(), op: Op::Eq, value: json!(true), src: target.src.clone() };
    Step {
        id: id.to_owned(),
        request: StepRequest::from_members(verb.to_owned(), serde_json::Value::Null),
        target: target.clone(),
        pre,
        effect: effect.to_owned(),
        limit_s,
        check: vec![check],
    }
}

fn plan(id: &str, action: Action, title: &str, confirm: &str, by: &str) -> Plan {
    Plan {
        v: 1,
        room: "prod-ca".to_owned(),
        incident: IncidentId::from("INC-2026-11-22-01"),
        plan: PlanId::from(id),
        action,
        service: "shop".to_owned(),
        title: title.to_owned(),
        confirm: confirm.to_owned(),
        shown: Vec::new(),
        warnings: Vec::new(),
        steps: Vec::new(),
        locks: Vec::new(),
        cred_ids: vec!["token cf-edge".to_owned()],
        policy: PolicyRef { quorum: 2, level: Level::Drill, digest: "sha256:00".to_owned() },
        people_digest: "sha256:00".to_owned(),
        by: PersonId::from(by),
        ttl_s: 1800,
        supersedes: None,
        head: HeadRef { seq: 8, h: "00".repeat(32) },
    }
}

fn shown(what: &str, now: &str, after: &str) -> ShownChange {
    ShownChange { what: what.to_owned(), now: now.to_owned(), after: after.to_owned() }
}

/// Move the traffic.
pub fn failover() -> Plan {
    let src = SourceId::new(System::Cloudflare, "edge");
    let argocd = SourceId::new(System::Argocd, "dr");
    let target = Target {
        src: src.clone(),
        kind: "load_balancer".to_owned(),
        id: "lb-1".to_owned(),
        name: "shop.example".to_owned(),
    };
    let read = at("14:49:56");
    let mut plan =
        plan("01KB3Z0FAILOVER", Action::Failover, "Fail over shop.example from primary to dr", "shop.example", "ana");
    plan.shown = vec![
        shown("default pools", "primary → dr", "dr → primary"),
        shown("fallback pool", "primary", "dr"),
        shown("users move", "—", "within about 30 s (DNS TTL), sticky sessions: none"),
        shown("you lose", "—", "8 min of writes since backup 14:29 (RPO 15 min: within)"),
    ];
    plan.warnings = vec!["primary is unreachable: its state is 12 min old".to_owned()];
    plan.steps = vec![
        step(
            "1",
            "cloudflare.patch_load_balancer",
            &target,
            "Patch load balancer shop.example: dr before primary, fallback dr",
            30,
            vec![
                pre(&src, "pool/pool-dr/healthy", "dr is healthy in 3 of 3 regions", read),
                pre(&argocd, "apps/shop-*/lagging", "dr has 12 of 12 apps at parity", at("14:49:54")),
                pre(&src, "lb/lb-1/overrides", "no rule or pool set overrides the order", read),
                pre(&src, "lb/lb-1/default_pools", "the order is still primary → dr", read),
            ],
        ),
        step("2", "wait", &target, "Wait until the outside probes of shop are answered by dr", 180, Vec::new()),
    ];
    plan
}

/// Bring the data back.
pub fn restore() -> Plan {
    let src = SourceId::new(System::Velero, "dr");
    let target = Target {
        src: src.clone(),
        kind: "restore".to_owned(),
        id: "uid-dr/velero/shop-hourly-1429".to_owned(),
        name: "shop".to_owned(),
    };
    let read = at("14:54:58");
    let mut plan =
        plan("01KB3Z1RESTORE", Action::Restore, "Restore shop on dr from backup shop-hourly-1429", "shop", "ana");
    plan.shown = vec![
        shown("namespace shop", "12 workloads, no data", "12 workloads with the data of 14:29"),
        shown("location off-site", "read and write", "read only while it restores"),
        shown("takes", "—", "about 4 min, by the last restore test"),
        shown("you lose", "—", "8 min of writes since backup 14:29 (RPO 15 min: within)"),
    ];
    plan.warnings = vec!["primary is unreachable: nothing proves that no write reached it after 14:37".to_owned()];
    plan.steps = vec![
        step(
            "1",
            "velero.patch_location",
            &target,
            "Set location off-site to read only, so that nothing expires meanwhile",
            60,
            vec![
                pre(&src, "location/off-site/phase", "location off-site is available", read),
                pre(&src, "backup/shop-hourly-1429/phase", "backup shop-hourly-1429 is completed", read),
                pre(&src, "restores/open", "no other restore runs on dr", read),
            ],
        ),
        step(
            "2",
            "velero.create_restore",
            &target,
            "Create the restore of namespace shop",
            900,
            vec![pre(&src, "backup/shop-hourly-1429/uid", "the backup is the one that was read: uid 5be3", read)],
        ),
        step("3", "wait", &target, "Wait until the probes of shop are answered with 200", 600, Vec::new()),
    ];
    plan
}

/// A plan in the log.
pub fn record(plan: Plan, state: PlanState, proposed_at: Stamp, seq: u64) -> PlanRecord {
    let (bytes, digest) = crate::seal::plan_bytes(&plan).unwrap();
    PlanRecord {
        bytes,
        digest,
        by: person(plan.by.as_str()),
        proposed_at,
        proposed_seq: seq,
        approvals: Vec::new(),
        state,
        steps: vec![StepState::Waiting; plan.steps.len()],
        held: false,
        says: SafeText::default(),
        changed_at: proposed_at,
        reconciled: None,
        restored: std::collections::BTreeMap::new(),
        refused_by: None,
        seqs: vec![seq],
        plan,
    }
}

/// The failover as it ended.
pub fn failover_done() -> PlanRecord {
    let mut record = record(failover(), PlanState::Succeeded, at("14:50:00"), 10);
    record.approvals = vec![Approval { by: person("sam"), at: at("14:50:25"), seq: 11 }];
    record.steps = vec![
        StepState::Done { at: at("14:50:33"), says: SafeText::from("default_pools is dr, primary; modified 14:50:33") },
        StepState::Done { at: at("14:50:58"), says: SafeText::from("6 of 6 answers came from dr") },
    ];
    record.says = SafeText::from("traffic 100 % on dr after 31 s");
    record.changed_at = at("14:50:58");
    record
}

/// The restore as it ended.
pub fn restore_done() -> PlanRecord {
    let mut record = record(restore(), PlanState::Succeeded, at("14:55:02"), 20);
    record.approvals = vec![Approval { by: person("sam"), at: at("14:55:50"), seq: 21 }];
    record.steps = vec![
        StepState::Done { at: at("14:55:54"), says: SafeText::from("off-site is ReadOnly") },
        StepState::Done { at: at("14:59:00"), says: SafeText::from("412 of 412 items restored, 0 warnings") },
        StepState::Done { at: at("15:04:00"), says: SafeText::from("shop answers 200 from dr") },
    ];
    record.says = SafeText::from("every effect was seen");
    record.changed_at = at("15:04:00");
    record
}
