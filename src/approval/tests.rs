//! The fold and the verdicts, case by case, and over random logs.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::entry::*;
use crate::model::plan::{HeadRef, Op, PolicyRef, RefusalKind as Kind, StepCheck, Target};
use crate::model::{Action, IncidentId, Login, PersonRole, Policy, Refusal, SourceId, Step, StepRequest, System};
use crate::seal;

pub const POLICY: &str = "sha256:policy";
pub const PEOPLE: &str = "sha256:people";

pub fn at(s: i64) -> Stamp {
    chrono::DateTime::from_timestamp(1_800_000_000 + s, 0).unwrap()
}

pub fn actor(person: &str, uid: u32) -> Actor {
    Actor { person: person.into(), uid: Some(uid), level: Level::Account, login: None, simulated: false }
}

pub fn policy() -> Policy {
    Policy { quorum: 2, level: Level::Account, ttl_s: 1800 }
}

/// A plan of two steps on `target`.
pub fn plan(id: &str, by: &str, target: &str) -> Plan {
    let src = SourceId::new(System::Cloudflare, "edge");
    let step = |n: &str| Step {
        id: n.to_owned(),
        request: StepRequest::from_members(
            "cloudflare.patch_load_balancer".into(),
            json!({"body": {"default_pools": ["b", "a"]}}),
        ),
        target: Target {
            src: src.clone(),
            kind: "load_balancer".into(),
            id: target.into(),
            name: "shop.example".into(),
        },
        pre: vec![],
        effect: "patch".to_owned(),
        limit_s: 30,
        check: vec![StepCheck {
            path: "lb/x/default_pools".into(),
            op: Op::Eq,
            value: json!(["b", "a"]),
            src: src.clone(),
        }],
    };
    Plan {
        v: 1,
        room: "room".into(),
        incident: IncidentId::from("INC-1"),
        plan: id.into(),
        action: Action::Failover,
        service: "shop".into(),
        title: "Fail over".into(),
        confirm: "shop.example".into(),
        shown: vec![],
        warnings: vec![],
        steps: vec![step("1"), step("2")],
        locks: vec![target.to_owned()],
        cred_ids: vec![],
        policy: PolicyRef { quorum: 2, level: Level::Account, digest: POLICY.into() },
        people_digest: PEOPLE.into(),
        by: by.into(),
        ttl_s: 1800,
        supersedes: None,
        head: HeadRef { seq: 1, h: "0".repeat(64) },
    }
}

pub fn entry(seq: u64, by: &Actor, happening: impl Into<Happening>) -> Entry {
    Entry {
        seq,
        batch: seq,
        ts: at(seq as i64),
        boot: "boot".into(),
        mono: seq * 1000,
        room: "room".into(),
        incident: Some(IncidentId::from("INC-1")),
        by: by.clone(),
        src: "host".into(),
        happening: happening.into(),
        text: None,
        prev: Digest([0; 32]),
        hash: Digest([0; 32]),
    }
}

pub fn proposed(plan: &Plan) -> Proposed {
    let (bytes, digest) = seal::plan_bytes(plan).unwrap();
    Proposed { digest, plan: PlanBytes(bytes) }
}

pub fn digest_of(plan: &Plan) -> Digest {
    seal::plan_bytes(plan).unwrap().1
}

/// A log being told: each step asserts whether it fits.
struct Tale {
    plans: Plans,
    seq: u64,
}

impl Tale {
    fn new() -> Self {
        Self { plans: Plans::default(), seq: 0 }
    }

    fn tell(&mut self, by: &Actor, happening: impl Into<Happening>) -> Result<(), Anomaly> {
        self.seq += 1;
        self.plans.apply(&entry(self.seq, by, happening))
    }

    fn fits(&mut self, by: &Actor, happening: impl Into<Happening>) -> &mut Self {
        self.tell(by, happening).unwrap();
        self
    }

    fn misfits(&mut self, by: &Actor, happening: impl Into<Happening>, why: &str) -> &mut Self {
        let before = self.plans.clone();
        let anomaly = self.tell(by, happening).unwrap_err();
        assert!(anomaly.why.as_str().contains(why), "{anomaly}");
        assert_eq!(anomaly.seq, self.seq);
        assert_eq!(self.plans, before, "an entry that does not fit changes nothing");
        self
    }

    fn state(&self) -> PlanState {
        self.plans.get(&"p1".into()).unwrap().state
    }
}

fn ana() -> Actor {
    actor("ana", 1001)
}

fn sam() -> Actor {
    actor("sam", 1002)
}

fn p1() -> Plan {
    plan("p1", "ana", "lb-1")
}

fn approved(plan: &Plan) -> Approved {
    Approved { plan: plan.plan.clone(), digest: digest_of(plan) }
}

fn executing(plan: &Plan) -> Executing {
    Executing { plan: plan.plan.clone(), digest: digest_of(plan), boot: "boot".into() }
}

fn started(step: &str) -> StepStarted {
    StepStarted { plan: "p1".into(), step: step.into() }
}

fn ended_step(step: &str) -> StepEnded {
    StepEnded { plan: "p1".into(), step: step.into(), says: "seen".into(), restored: None }
}

fn ended(outcome: Outcome, precheck: bool) -> PlanEnded {
    PlanEnded { plan: "p1".into(), outcome, precheck, says: "so".into() }
}

/// A tale up to one of the states.
fn told(state: PlanState) -> Tale {
    let (mut t, room, p) = (Tale::new(), Actor::room(), p1());
    t.fits(&ana(), proposed(&p));
    match state {
        PlanState::Proposed => {}
        PlanState::Rejected => {
            t.fits(&sam(), Rejected { plan: "p1".into() });
        }
        PlanState::Withdrawn => {
            t.fits(&ana(), Withdrawn { plan: "p1".into() });
        }
        PlanState::Expired => {
            t.fits(&room, Expired { plan: "p1".into(), why: "nobody confirmed it".into() });
        }
        PlanState::Superseded => {
            let new = Plan { supersedes: Some("p1".into()), ..plan("p2", "sam", "lb-1") };
            t.fits(&sam(), proposed(&new));
        }
        _ => {
            t.fits(&sam(), approved(&p));
            if state != PlanState::Approved {
                t.fits(&room, executing(&p));
            }
        }
    }
    match state {
        PlanState::Succeeded => {
            for step in ["1", "2"] {
                t.fits(&room, started(step)).fits(&room, StepDone(ended_step(step)));
            }
            t.fits(&room, ended(Outcome::Succeeded, false));
        }
        PlanState::Failed => {
            t.fits(&room, started("1"))
                .fits(&room, StepUnknown(ended_step("1")))
                .fits(&room, ended(Outcome::Failed, false));
        }
        PlanState::Stopped => {
            t.fits(&sam(), Held { plan: "p1".into() }).fits(&room, ended(Outcome::Stopped, false));
        }
        PlanState::Interrupted => {
            t.fits(&room, started("1")).fits(&room, ended(Outcome::Interrupted, false));
        }
        _ => {}
    }
    assert_eq!(t.state(), state);
    t
}

const STATES: [PlanState; 11] = [
    PlanState::Proposed,
    PlanState::Approved,
    PlanState::Executing,
    PlanState::Succeeded,
    PlanState::Failed,
    PlanState::Stopped,
    PlanState::Interrupted,
    PlanState::Rejected,
    PlanState::Withdrawn,
    PlanState::Expired,
    PlanState::Superseded,
];

#[test]
fn a_plan_runs_from_proposal_to_success() {
    let t = told(PlanState::Succeeded);
    let record = t.plans.get(&"p1".into()).unwrap();
    assert_eq!(record.persons().into_iter().map(PersonId::as_str).collect::<Vec<_>>(), ["ana", "sam"]);
    assert_eq!(record.seqs, (1..=8).collect::<Vec<u64>>());
    assert_eq!(record.digest, digest_of(&p1()));
    assert!(t.plans.open().is_empty());
}

#[test]
fn nobody_approves_alone() {
    let mut t = told(PlanState::Proposed);
    t.misfits(&ana(), approved(&p1()), "proposed the plan")
        .misfits(&actor("ana", 1009), approved(&p1()), "proposed the plan")
        .misfits(&actor("someone", 1001), approved(&p1()), "proposed the plan")
        .misfits(&Actor::room(), approved(&p1()), "room itself")
        .misfits(&Actor::room(), executing(&p1()), "proposed can't be claimed");
    let mut three = p1();
    three.policy.quorum = 3;
    let mut t = Tale::new();
    t.fits(&ana(), proposed(&three)).fits(&sam(), approved(&three));
    assert_eq!(t.state(), PlanState::Proposed);
    assert_eq!(t.plans.get(&"p1".into()).unwrap().missing_persons(), 1);
    t.misfits(&actor("sam", 1012), approved(&three), "approved before");
    t.fits(&actor("lee", 1003), approved(&three));
    assert_eq!(t.state(), PlanState::Approved);
}

#[test]
fn drill_names_are_people_though_they_share_an_account() {
    let (mut ana, mut sam) = (actor("ana", 0), actor("sam", 0));
    ana.level = Level::Drill;
    sam.level = Level::Drill;
    let mut t = Tale::new();
    t.fits(&ana, proposed(&p1())).misfits(&ana, approved(&p1()), "proposed the plan").fits(&sam, approved(&p1()));
    assert_eq!(t.state(), PlanState::Approved);
}

#[test]
fn a_proposal_that_is_not_what_it_says_is_ignored() {
    let mut t = Tale::new();
    let good = proposed(&p1());
    t.misfits(&ana(), Proposed { digest: Digest([7; 32]), ..good.clone() }, "hash to")
        .misfits(&ana(), Proposed { plan: PlanBytes(good.plan.0.replacen(',', ", ", 1)), ..good.clone() }, "")
        .misfits(&sam(), good.clone(), "is by ana")
        .misfits(&ana(), proposed(&Plan { room: "other".into(), ..p1() }), "another room")
        .misfits(&ana(), proposed(&Plan { steps: vec![], ..p1() }), "no step")
        .misfits(&ana(), proposed(&Plan { locks: vec![], ..p1() }), "no target")
        .misfits(&ana(), proposed(&Plan { supersedes: Some("p0".into()), ..p1() }), "no plan p0");
    let mut alone = p1();
    alone.policy.quorum = 1;
    let mut twins = p1();
    twins.steps[1].id = "1".into();
    t.misfits(&ana(), proposed(&alone), "less than two").misfits(&ana(), proposed(&twins), "one id");
    t.fits(&ana(), good.clone()).misfits(&ana(), good, "before");
    t.misfits(&sam(), proposed(&plan("p2", "sam", "lb-1")), "already holds");
    t.fits(&sam(), proposed(&plan("p3", "sam", "lb-2")));
}

#[test]
fn one_entry_supersedes_and_proposes() {
    let t = told(PlanState::Superseded);
    let old = t.plans.get(&"p1".into()).unwrap();
    assert_eq!((old.says.as_str(), old.seqs.as_slice()), ("superseded by plan p2", [1, 2].as_slice()));
    assert_eq!(t.plans.open().len(), 1);
    let mut t = told(PlanState::Executing);
    t.misfits(&sam(), proposed(&Plan { supersedes: Some("p1".into()), ..plan("p2", "sam", "lb-1") }), "can't become");
}

#[test]
fn another_digest_counts_for_nothing() {
    let wrong = Digest([9; 32]);
    told(PlanState::Proposed).misfits(&sam(), Approved { plan: "p1".into(), digest: wrong }, "not the plan's digest");
    told(PlanState::Approved).misfits(
        &Actor::room(),
        Executing { plan: "p1".into(), digest: wrong, boot: "b".into() },
        "not the plan's digest",
    );
}

#[test]
fn steps_run_once_in_order_and_not_after_a_hold() {
    let room = Actor::room();
    let mut t = told(PlanState::Executing);
    t.misfits(&room, started("2"), "not the next")
        .misfits(&room, started("9"), "no step 9")
        .misfits(&room, StepDone(ended_step("1")), "without running")
        .fits(&room, started("1"))
        .misfits(&room, started("1"), "not the next")
        .misfits(&room, ended(Outcome::Failed, true), "can't be said")
        .misfits(&room, ended(Outcome::Succeeded, false), "not every step")
        .fits(&room, StepDone(ended_step("1")))
        .misfits(&room, StepFailed(ended_step("1")), "without running")
        .fits(&sam(), Held { plan: "p1".into() })
        .misfits(&room, started("2"), "held")
        .fits(&room, ended(Outcome::Stopped, false));
}

#[test]
fn a_plan_that_failed_before_anything_was_sent_says_so() {
    let room = Actor::room();
    told(PlanState::Executing).fits(&room, ended(Outcome::Failed, true));
    told(PlanState::Approved)
        .misfits(&room, ended(Outcome::Failed, false), "can't be ended")
        .misfits(&room, ended(Outcome::Succeeded, true), "can't be ended")
        .fits(&room, ended(Outcome::Failed, true));
    told(PlanState::Proposed).misfits(&room, ended(Outcome::Failed, true), "can't be ended");
}

#[test]
fn reading_settles_an_interrupted_plan_once() {
    let room = Actor::room();
    let found = |result| Reconciled { plan: "p1".into(), result, says: "read".into(), restored: BTreeMap::new() };
    let mut t = told(PlanState::Interrupted);
    t.fits(&room, found(Reconciliation::Unknown)).fits(&room, found(Reconciliation::Applied)).misfits(
        &room,
        found(Reconciliation::NotApplied),
        "before",
    );
    assert_eq!(t.state(), PlanState::Interrupted);
    told(PlanState::Succeeded).misfits(&room, found(Reconciliation::Applied), "not reconciled");
}

// --- verdicts ---

fn room_now(policy: &Policy) -> RoomNow<'_> {
    RoomNow { policy, policy_digest: POLICY, people_digest: PEOPLE, drill: false, degraded: None }
}

fn kind(verdict: Result<(), Refusal>) -> Option<Kind> {
    verdict.err().map(|refusal| {
        assert!(refusal.why.as_str().ends_with('.'), "a sentence: {}", refusal.why);
        assert!(!refusal.remedy.is_empty(), "says what would allow it: {}", refusal.why);
        refusal.kind
    })
}

fn record(state: PlanState) -> PlanRecord {
    told(state).plans.get(&"p1".into()).unwrap().clone()
}

/// Role × state × verb × who: every cell, its exact refusal (`None` = allowed).
#[test]
fn the_matrix_of_verdicts() {
    use PlanState::*;
    let policy = policy();
    let room = room_now(&policy);
    let good = digest_of(&p1());
    let closed = |state| match state {
        Proposed | Approved => None,
        Executing => Some(Kind::Claimed),
        Expired => Some(Kind::Expired),
        _ => Some(Kind::PlanClosed),
    };
    let second = actor("ana", 1009);
    let sams_second = actor("sam", 1012);
    let lee = actor("lee", 1003);
    for state in STATES {
        let r = record(state);
        let sam_counts = !r.approvals.is_empty();
        for who in [ana(), second.clone(), sam(), sams_second.clone(), lee.clone()] {
            for role in [None, Some(PersonRole::Observer), Some(PersonRole::Operator), Some(PersonRole::Commander)] {
                let asker = Requester { actor: &who, role, login: Login::Unset };
                let barred = match role {
                    None => Some(Kind::Unmapped),
                    Some(PersonRole::Observer) => Some(Kind::NotOperator),
                    _ => None,
                };
                let by_person = match (who.person.as_str(), who.uid) {
                    ("ana", Some(1001)) => Some(Kind::SelfApproval),
                    ("ana", _) => Some(Kind::SamePerson),
                    ("sam", Some(1002)) if sam_counts => Some(Kind::AlreadyApproved),
                    ("sam", _) if sam_counts => Some(Kind::SamePerson),
                    _ if state == Approved => Some(Kind::AlreadyApproved),
                    _ => closed(state),
                };
                let cell = format!("{state:?} {} {:?} {role:?}", who.person, who.uid);
                let approve = may_approve(&r, asker, room, &good, "shop.example");
                assert_eq!(kind(approve), barred.or(by_person), "approve {cell}");
                assert_eq!(kind(may_reject(&r, asker, room)), barred.or(closed(state)), "reject {cell}");
                let mine = (who.person.as_str() != "ana").then_some(Kind::NotProposer);
                assert_eq!(kind(may_withdraw(&r, asker, room)), barred.or(mine).or(closed(state)), "withdraw {cell}");
                let hold = match state {
                    Executing => None,
                    Proposed | Approved => Some(Kind::NotReady),
                    _ => closed(state),
                };
                assert_eq!(kind(may_hold(&r, asker, room)), barred.or(hold), "hold {cell}");
                // A degraded room says so to whoever may ask at all.
                let why = SafeText::new("disk full");
                let degraded = RoomNow { degraded: Some(&why), ..room };
                let expected = barred.or(Some(Kind::Degraded));
                assert_eq!(kind(may_approve(&r, asker, degraded, &good, "shop.example")), expected, "degraded {cell}");
                assert_eq!(kind(may_reject(&r, asker, degraded)), expected, "degraded {cell}");
                assert_eq!(kind(may_withdraw(&r, asker, degraded)), expected, "degraded {cell}");
                assert_eq!(kind(may_hold(&r, asker, degraded)), expected, "degraded {cell}");
            }
        }
    }
}

#[test]
fn an_approval_is_bound_to_what_was_shown_and_typed() {
    let policy = policy();
    let room = room_now(&policy);
    let (r, good, sam) = (record(PlanState::Proposed), digest_of(&p1()), sam());
    let asker = Requester { actor: &sam, role: Some(PersonRole::Operator), login: Login::Unset };
    let approve = |room, shown: &Digest, typed| kind(may_approve(&r, asker, room, shown, typed));
    assert_eq!(approve(room, &good, "shop.example"), None);
    assert_eq!(approve(room, &Digest([1; 32]), "shop.example"), Some(Kind::DigestMismatch));
    for typed in ["", "shop", "shop.example ", "SHOP.EXAMPLE", "shop.examp1e"] {
        assert_eq!(approve(room, &good, typed), Some(Kind::NameMismatch), "{typed}");
    }
    let moved = [RoomNow { policy_digest: "other", ..room }, RoomNow { people_digest: "other", ..room }];
    for room in moved {
        assert_eq!(approve(room, &good, "shop.example"), Some(Kind::ConfigChanged));
    }
}

#[test]
fn the_level_is_the_plans_and_drill_names_stay_in_drills() {
    let policy = Policy { level: Level::Session, ..policy() };
    let room = room_now(&policy);
    let mut p = p1();
    p.policy.level = Level::Session;
    let mut by = ana();
    by.level = Level::Session;
    let mut t = Tale::new();
    t.fits(&by, proposed(&p));
    let r = t.plans.get(&"p1".into()).unwrap().clone();
    let approve = |level, drill| {
        let who = Actor { level, ..sam() };
        let asker = Requester { actor: &who, role: Some(PersonRole::Operator), login: Login::Unset };
        kind(may_approve(&r, asker, RoomNow { drill, ..room }, &r.digest, "shop.example"))
    };
    assert_eq!(approve(Level::Account, false), Some(Kind::LevelTooLow));
    assert_eq!(approve(Level::Session, false), None);
    assert_eq!(approve(Level::Touch, false), None);
    assert_eq!(approve(Level::Drill, false), Some(Kind::LevelTooLow));
    assert_eq!(approve(Level::Drill, true), None);
    t.misfits(&sam(), approved(&p), "not known well enough");
}

#[test]
fn a_session_that_is_none_is_refused_with_what_would_make_it_one() {
    let policy = Policy { level: Level::Session, ..policy() };
    let room = room_now(&policy);
    let who = sam();
    let ask = |login| {
        let asker = Requester { actor: &who, role: Some(PersonRole::Operator), login };
        let refusal = may_begin(&Plans::default(), asker, room, 0).expect_err("known by the account alone");
        (refusal.kind, format!("{} {}", refusal.why, refusal.remedy))
    };
    let lowers = "`level = \"account\"` under [policy]";
    let sets = ["`UsePAM yes`", "pam_loginuid.so", lowers];
    for (login, kind, words) in [
        (
            Login::Uid(1001),
            Kind::LoginuidMismatch,
            &["uid 1001 logged in", "without sudo", sets[0], sets[1], lowers][..],
        ),
        (Login::Unset, Kind::LevelTooLow, &["no login uid is set", sets[0], sets[1], lowers]),
        (Login::Gone, Kind::LevelTooLow, &["ended before it was looked at"]),
        (Login::Hidden, Kind::LevelTooLow, &["hidepid", "ProtectProc=default", lowers]),
    ] {
        let (refused, said) = ask(login);
        assert_eq!(refused, kind, "{login:?}");
        assert!(words.iter().all(|word| said.contains(word)), "{login:?}: {said}");
    }
    let known = Actor { level: Level::Session, login: Some(1002), ..sam() };
    let asker = Requester { actor: &known, role: Some(PersonRole::Operator), login: Login::Uid(1002) };
    assert!(may_begin(&Plans::default(), asker, room, 0).is_ok());
}

#[test]
fn a_claim_needs_everything_to_stand_still() {
    let policy = policy();
    let room = room_now(&policy);
    let all = |_: &PersonId| Some(PersonRole::Operator);
    let claim = |r: &PlanRecord, room, late, ago| kind(may_claim(r, &all, room, late, ago));
    for state in STATES {
        let expected = match state {
            PlanState::Approved => None,
            PlanState::Proposed => Some(Kind::NoQuorum),
            PlanState::Executing => Some(Kind::Claimed),
            PlanState::Expired => Some(Kind::Expired),
            _ => Some(Kind::PlanClosed),
        };
        assert_eq!(claim(&record(state), room, false, 0), expected, "{state:?}");
    }
    let r = record(PlanState::Approved);
    assert_eq!(claim(&r, room, true, 0), Some(Kind::Expired));
    assert_eq!(claim(&r, room, false, 60), None);
    assert_eq!(claim(&r, room, false, 61), Some(Kind::Expired));
    assert_eq!(claim(&r, RoomNow { people_digest: "x", ..room }, false, 0), Some(Kind::ConfigChanged));
    assert_eq!(claim(&r, RoomNow { policy_digest: "x", ..room }, false, 0), Some(Kind::ConfigChanged));
    let why = SafeText::new("disk full");
    assert_eq!(claim(&r, RoomNow { degraded: Some(&why), ..room }, false, 0), Some(Kind::Degraded));
    for lost in ["ana", "sam"] {
        for now in [None, Some(PersonRole::Observer)] {
            let role = |p: &PersonId| if p.as_str() == lost { now } else { Some(PersonRole::Operator) };
            assert_eq!(kind(may_claim(&r, &role, room, false, 0)), Some(Kind::NotOperator), "{lost} {now:?}");
        }
    }
    // What a faulty program could do to a record in memory is caught as well.
    let mut forged = r.clone();
    forged.plan.title = "Something else".into();
    assert_eq!(claim(&forged, room, false, 0), Some(Kind::DigestMismatch));
    let mut forged = r.clone();
    forged.bytes = forged.bytes.replace("lb-1", "lb-2");
    assert_eq!(claim(&forged, room, false, 0), Some(Kind::DigestMismatch));
    let mut alone = r.clone();
    alone.approvals.clear();
    assert_eq!(claim(&alone, room, false, 0), Some(Kind::NoQuorum));
    let mut drill = r;
    drill.approvals[0].by.level = Level::Drill;
    assert_eq!(claim(&drill, room, false, 0), Some(Kind::LevelTooLow));
}

#[test]
fn proposals_are_bounded_locked_and_named() {
    let policy = policy();
    let room = room_now(&policy);
    let lee = actor("lee", 1003);
    let asker = Requester { actor: &lee, role: Some(PersonRole::Operator), login: Login::Unset };
    let ask = |plans: &Plans, plan: &Plan, recent, typed| kind(may_propose(plans, plan, asker, room, recent, typed));
    let t = told(PlanState::Proposed);
    let mine = plan("q1", "lee", "lb-2");
    assert_eq!(ask(&t.plans, &mine, 0, "shop.example"), None);
    assert_eq!(ask(&t.plans, &mine, 5, "shop.example"), None);
    assert_eq!(ask(&t.plans, &mine, 6, "shop.example"), Some(Kind::Rate));
    assert_eq!(ask(&t.plans, &mine, 0, "shop"), Some(Kind::NameMismatch));
    assert_eq!(ask(&t.plans, &plan("q1", "ana", "lb-2"), 0, "shop.example"), Some(Kind::BadRequest));
    let same = plan("q1", "lee", "lb-1");
    assert_eq!(ask(&t.plans, &same, 0, "shop.example"), Some(Kind::TargetLocked));
    let instead = Plan { supersedes: Some("p1".into()), ..same.clone() };
    assert_eq!(ask(&t.plans, &instead, 0, "shop.example"), None);
    assert_eq!(ask(&told(PlanState::Executing).plans, &same, 0, "shop.example"), Some(Kind::TargetLocked));
    assert_eq!(ask(&told(PlanState::Executing).plans, &instead, 0, "shop.example"), Some(Kind::Claimed));
    assert_eq!(ask(&told(PlanState::Rejected).plans, &instead, 0, "shop.example"), Some(Kind::PlanClosed));
    assert_eq!(ask(&told(PlanState::Rejected).plans, &same, 0, "shop.example"), None);
    assert_eq!(ask(&Plans::default(), &instead, 0, "shop.example"), Some(Kind::UnknownPlan));
    let mut old = mine.clone();
    old.policy.digest = "before".into();
    assert_eq!(ask(&t.plans, &old, 0, "shop.example"), Some(Kind::ConfigChanged));
    let mut t = told(PlanState::Proposed);
    for n in 2..=4 {
        t.fits(&ana(), proposed(&plan(&format!("p{n}"), "ana", &format!("other-{n}"))));
    }
    assert_eq!(ask(&t.plans, &mine, 0, "shop.example"), Some(Kind::Rate));
    assert_eq!(ask(&t.plans, &instead, 0, "shop.example"), None, "one in place of another is no more");
    let watcher = Requester { actor: &lee, role: Some(PersonRole::Observer), login: Login::Unset };
    assert_eq!(kind(may_begin(&Plans::default(), watcher, room, 0)), Some(Kind::NotOperator));
    let named = Actor { level: Level::Drill, ..lee.clone() };
    let named = Requester { actor: &named, role: Some(PersonRole::Operator), login: Login::Unset };
    assert_eq!(kind(may_begin(&Plans::default(), named, room, 0)), Some(Kind::LevelTooLow));
    assert_eq!(kind(may_begin(&Plans::default(), named, RoomNow { drill: true, ..room }, 0)), None);
}

#[test]
fn a_step_starts_once() {
    let mut t = told(PlanState::Executing);
    let start = |t: &Tale, step: &str| may_start(t.plans.get(&"p1".into()).unwrap(), step).err().map(|r| r.kind);
    assert_eq!((start(&t, "1"), start(&t, "2")), (None, Some(Kind::NotReady)));
    t.fits(&Actor::room(), started("1"));
    assert_eq!((start(&t, "1"), start(&t, "2")), (Some(Kind::Claimed), Some(Kind::NotReady)));
    t.fits(&Actor::room(), StepDone(ended_step("1")));
    assert_eq!(start(&t, "2"), None);
    t.fits(&sam(), Held { plan: "p1".into() });
    assert_eq!(start(&t, "2"), Some(Kind::NotReady));
    assert_eq!(start(&told(PlanState::Approved), "1"), Some(Kind::PlanClosed));
}

#[test]
fn waiting_for_names_who_could_help() {
    let t = told(PlanState::Proposed);
    let waits = |who: &str| t.plans.waiting_for(&who.into()).len();
    assert_eq!((waits("ana"), waits("sam"), waits("lee")), (0, 1, 1));
    assert!(told(PlanState::Approved).plans.waiting_for(&"lee".into()).is_empty());
}

// --- random logs ---

/// Any entry about one of two plans by anyone, fitting or not.
fn any_entry() -> impl Strategy<Value = (Actor, Happening)> {
    let who = prop_oneof![Just(ana()), Just(actor("ana", 1009)), Just(sam()), Just(Actor::room())];
    (who, 0..2usize, 0..2usize, 0..14u8).prop_map(|(by, which, digest, what)| {
        let pair = [p1(), plan("p2", "sam", "lb-2")];
        let id = pair[which].plan.clone();
        let digest = digest_of(&pair[digest]);
        let step = |n: &str| StepEnded { plan: id.clone(), step: n.into(), says: "".into(), restored: None };
        let end = |outcome, precheck| PlanEnded { plan: id.clone(), outcome, precheck, says: "".into() };
        let happening: Happening = match what {
            0 => proposed(&pair[which]).into(),
            1 => Approved { plan: id, digest }.into(),
            2 => Rejected { plan: id }.into(),
            3 => Withdrawn { plan: id }.into(),
            4 => Expired { plan: id, why: "".into() }.into(),
            5 => Executing { plan: id, digest, boot: "b".into() }.into(),
            6 => Held { plan: id }.into(),
            7 => StepStarted { plan: id, step: "1".into() }.into(),
            8 => StepStarted { plan: id, step: "2".into() }.into(),
            9 => StepDone(step("1")).into(),
            10 => StepDone(step("2")).into(),
            11 => end(Outcome::Succeeded, false).into(),
            12 => end(Outcome::Failed, true).into(),
            _ => end(Outcome::Interrupted, false).into(),
        };
        (by, happening)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// I1, I2, I4, I9, I10: whatever stands in a log, ended plans stay ended, what runs was approved by two persons for
    /// exactly its bytes, and a second reading of the log says the same.
    #[test]
    fn no_log_opens_an_ended_plan_or_runs_an_unapproved_one(log in prop::collection::vec(any_entry(), 1..60)) {
        let mut plans = Plans::default();
        let mut again = Plans::default();
        for (i, (by, happening)) in log.iter().enumerate() {
            let before = plans.clone();
            let entry = entry(i as u64 + 1, by, happening.clone());
            let fit = plans.apply(&entry);
            if fit.is_err() {
                prop_assert_eq!(&plans, &before);
            }
            for (id, old) in &before.by_id {
                let new = &plans.by_id[id];
                prop_assert_eq!(&old.bytes, &new.bytes);
                if old.state.is_over() {
                    prop_assert_eq!(old.state, new.state);
                    prop_assert_eq!(&old.steps, &new.steps);
                }
            }
            for r in plans.by_id.values() {
                let ran = !matches!(r.state, PlanState::Proposed | PlanState::Approved | PlanState::Rejected
                    | PlanState::Withdrawn | PlanState::Expired | PlanState::Superseded);
                if ran {
                    prop_assert!(r.persons().len() >= 2);
                    prop_assert!(r.approvals.iter().any(|a| a.by.person != r.by.person));
                }
                if r.state == PlanState::Succeeded {
                    let done = r.steps.iter().all(|s| matches!(s, StepState::Done { .. }));
                    prop_assert!(done);
                }
            }
            prop_assert_eq!(again.apply(&entry), fit);
        }
        prop_assert_eq!(plans, again);
    }
}
