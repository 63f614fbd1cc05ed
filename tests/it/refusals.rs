//! Everything that must not move traffic, tried on a real room by real accounts: each gets its exact refusal and exit code
//! 6, the plan stays as it was, and the world counts no write. Then two persons agree, and it counts one.

use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use warroom::clock::{Clock, Random};
use warroom::config::{self, LoadOptions};
use warroom::drill::simulator::WriteRequest;
use warroom::ledger::FileStorage;
use warroom::room::{Room, RoomSetup, Socket};

use crate::stage::{ANA, ANA_TOO, HOST, KIM, LEE, Proposal, SAM, STRANGER, Stage, accounts, entries, of_kind};
use crate::support::{run, wait_for};

/// Refused with this word and exit code 6, nothing written anywhere, and the plan is where it was.
#[track_caller]
fn refused(stage: &Stage, plan: &Proposal, (code, said): (i32, Value), word: &str) {
    let before = stage.plan(plan)["state"].clone();
    refused_unwritten(stage, (code, said), word);
    let after = stage.plan(plan);
    assert_eq!((&after["state"], after["approved_by"].as_array().map(Vec::len)), (&before, Some(0)), "{after:#}");
}

#[track_caller]
fn refused_unwritten(stage: &Stage, (code, said): (i32, Value), word: &str) {
    assert_eq!((said["refused"].as_str(), code), (Some(word), 6), "{said:#}");
    for part in ["why", "remedy"] {
        assert!(said[part].as_str().is_some_and(|text| !text.is_empty()), "no {part}: {said:#}");
    }
    assert!(stage.writes().is_empty(), "after {word}: {:#?}", stage.writes());
}

/// The provider's side of the DR pool, changed by somebody outside.
fn switch_pool(stage: &Stage, on: bool) {
    let ask = WriteRequest::PatchPool {
        account: stage.at.account.clone(),
        id: stage.at.pools[1].clone(),
        body: json!({"enabled": on}),
    };
    assert_eq!(stage.world.apply(ask).0, 200);
}

/// Everyone who is not a second operator.
fn wrong_persons(stage: &Stage, plan: &Proposal) {
    refused(stage, plan, stage.approve(ANA, plan), "self_approval");
    refused(stage, plan, stage.approve(ANA_TOO, plan), "same_person");
    refused(stage, plan, stage.approve(LEE, plan), "not_operator");
    refused(stage, plan, stage.approve(STRANGER, plan), "unmapped");
    refused(stage, plan, stage.approve(0, plan), "unmapped");
    // A real room takes no name, true or not, and leaves no other way in.
    for uid in [ANA, SAM, STRANGER] {
        let words = ["--as", "sam", "approve", &plan.id, "--digest", &plan.digest, "--confirm", HOST];
        refused(stage, plan, stage.ask(uid, &words), "bad_request");
    }
    // Whoever is not in the socket's group does not even get to ask.
    let (code, out, err) =
        run(stage.client_of_group(SAM, SAM).args(["approve", &plan.id, "--digest", &plan.digest, "--confirm", HOST]));
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("must be in the socket's group"), "{err}");
}

/// The right person, with something else than what was proposed.
fn wrong_words(stage: &Stage, plan: &Proposal) {
    let other = format!("sha256:{}", "0".repeat(64));
    let approve =
        |digest: &str, name: &str| stage.ask(SAM, &["approve", &plan.id, "--digest", digest, "--confirm", name]);
    refused(stage, plan, approve(&other, HOST), "digest_mismatch");
    refused(stage, plan, approve(&plan.digest, "shop"), "name_mismatch");
    refused(
        stage,
        plan,
        stage.ask(SAM, &["approve", "01KB3ZZZZZZZZZZZZZZZZZZZZZ", "--digest", &plan.digest, "--confirm", HOST]),
        "unknown_plan",
    );
    let readonly = ["--readonly", "approve", &plan.id, "--digest", &plan.digest, "--confirm", HOST];
    refused(stage, plan, stage.ask(SAM, &readonly), "read_only");
    refused(stage, plan, stage.ask(SAM, &["withdraw", &plan.id]), "not_proposer");
    refused(stage, plan, stage.ask(SAM, &["hold", &plan.id]), "not_ready");
    let again = ["propose", "failover", "--service", "shop", "--confirm", HOST];
    refused(stage, plan, stage.ask(SAM, &again), "target_locked");
    refused(stage, plan, stage.ask(LEE, &again), "not_operator");
    refused(stage, plan, stage.ask(LEE, &["reject", &plan.id, "--reason", "no"]), "not_operator");
    refused(stage, plan, stage.ask(STRANGER, &["reject", &plan.id, "--reason", "no"]), "unmapped");
}

/// The world moves between proposal and approval.
fn wrong_world(stage: &Stage, plan: &Proposal) {
    switch_pool(stage, false);
    let answer = stage.approve(SAM, plan);
    assert!(answer.1["why"].as_str().is_some_and(|why| why.contains("enabled")), "{answer:?}");
    refused(stage, plan, answer, "drift");
    switch_pool(stage, true);
    stage.change_balancer(json!({"description": "touched by somebody else"}));
    refused(stage, plan, stage.approve(SAM, plan), "drift");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_sends_nothing_and_two_persons_send_one_write() {
    if !accounts() {
        return;
    }
    let mut story = Stage::story();
    story.edge.ttl_s = 2;
    let mut stage = Stage::set(story, Clock::real(), async |_| None).await;
    stage.open();
    let unopened = ["propose", "failover", "--service", "shop", "--confirm", HOST];
    let early = stage.ask(LEE, &unopened);
    refused_unwritten(&stage, early, "not_operator");
    stage.incident();

    let first = stage.propose(ANA);
    wrong_persons(&stage, &first);
    wrong_words(&stage, &first);
    wrong_world(&stage, &first);
    let (code, said) = stage.ask(SAM, &["reject", &first.id, "--reason", "the load balancer was touched"]);
    assert_eq!(code, 0, "{said}");
    for uid in [SAM, KIM] {
        refused(&stage, &first, stage.approve(uid, &first), "plan_closed");
    }
    refused(&stage, &first, stage.approve(ANA, &first), "self_approval");
    refused(&stage, &first, stage.ask(KIM, &["reject", &first.id, "--reason", "no"]), "plan_closed");

    let second = stage.propose(ANA);
    // The digest of another plan of the same act, by the same person, is another digest.
    assert_ne!(first.digest, second.digest);
    let crossed = Proposal { digest: first.digest.clone(), ..second.clone() };
    refused(&stage, &second, stage.approve(SAM, &crossed), "digest_mismatch");

    let (code, said) = stage.approve(SAM, &second);
    assert_eq!(code, 0, "{said}");
    too_late(&stage, &second);
    let (code, ended) = stage.ask(LEE, &["plan", "wait", &second.id, "--timeout", "60s"]);
    assert_eq!((code, ended["state"].as_str()), (0, Some("succeeded")), "{ended:#}");
    let (_, again) = stage.approve(SAM, &second);
    assert_eq!(again["refused"], "already_approved");
    let (_, other) = stage.approve(KIM, &second);
    assert_eq!(other["refused"], "plan_closed");
    assert_eq!(stage.patches(), 1);
    let [dr, primary] = [&stage.at.pools[1], &stage.at.pools[0]];
    assert_eq!(stage.balancer()["default_pools"], json!([dr, primary]));

    let log = entries(&stage.state());
    assert_eq!([of_kind(&log, "executing").len(), of_kind(&log, "approved").len()], [1, 1]);
    let who = |entry: &&Value| entry["by"]["p"].as_str().expect("a person").to_owned();
    let noted: std::collections::BTreeSet<String> = of_kind(&log, "refused").iter().map(who).collect();
    assert!(["ana", "sam", "lee", "kim"].iter().all(|name| noted.contains(*name)), "refusals of {noted:?}");
    stage.kill();
    stage.intact(&stage.state());
}

/// What is said to those who come after the claim.
fn too_late(stage: &Stage, plan: &Proposal) {
    let words = |uid: u32| {
        let (code, said) = stage.approve(uid, plan);
        assert_eq!(code, 6, "{said}");
        said["refused"].as_str().expect("a word").to_owned()
    };
    assert_eq!(words(SAM), "already_approved");
    assert_eq!(words(ANA), "self_approval");
    assert_eq!(words(ANA_TOO), "same_person");
    let kim = words(KIM);
    assert!(kim == "claimed" || kim == "plan_closed", "{kim}");
    wait_for("the first step", || (stage.plan(plan)["steps"][0]["state"] == "done").then_some(()));
    assert_eq!(stage.patches(), 1);
}

/// A real room in this process, because only so its boot clock can be hurried: a plan lives a minute at least.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_waited_too_long_is_expired_for_everyone() {
    if !accounts() {
        return;
    }
    let story = warroom::drill::scenario::load("etcd-corruption").expect("the scenario");
    let clock = Clock::scaled(story.start, 100.0);
    let stage = Stage::set(story, clock.clone(), async |_| None).await;
    let text = std::fs::read_to_string(&stage.at.config).expect("the configuration");
    crate::stage::put(&stage.at.config, &text.replace("ttl = \"30m\"", "ttl = \"60s\""), 0o644);
    let config = config::load(&stage.at.config, LoadOptions { serve: true, drill: false }).expect("a configuration");
    assert_eq!(config.policy.ttl_s, 60);
    let setup = RoomSetup {
        config,
        clock: clock.clone(),
        random: Random::system(),
        state_dir: stage.state(),
        socket: Socket::bind(&stage.socket(), 0o660).await.expect("a socket"),
        drill: None,
        serve: true,
        key: String::new(),
        signer: None,
        storage: Arc::new(FileStorage),
    };
    let room = Room::start(setup).await.expect("the room starts");
    stage.incident();
    clock.set_speed(1.0);
    let plan = stage.propose(ANA);
    assert_eq!(stage.plan(&plan)["state"], "proposed");
    clock.set_speed(60.0);
    let (code, ended) = stage.ask(LEE, &["plan", "wait", &plan.id, "--timeout", "60s"]);
    assert_eq!((code, ended["state"].as_str()), (6, Some("expired")), "{ended:#}");
    clock.set_speed(1.0);
    for uid in [SAM, KIM] {
        refused(&stage, &plan, stage.approve(uid, &plan), "expired");
    }
    refused(&stage, &plan, stage.approve(ANA, &plan), "self_approval");
    refused(&stage, &plan, stage.ask(SAM, &["reject", &plan.id, "--reason", "late"]), "expired");
    refused(&stage, &plan, stage.ask(ANA, &["withdraw", &plan.id]), "expired");
    let lived = lived_for(&entries(&stage.state()));
    assert!(lived >= Duration::from_secs(59), "it expired after {lived:?} of the room's clock");
    room.stop().await;
    stage.intact(&stage.state());
}

/// From the proposal to its expiry, on the boot clock in the log.
fn lived_for(log: &[Value]) -> Duration {
    let mono = |kind: &str| of_kind(log, kind)[0]["mono"].as_u64().expect("a boot clock");
    Duration::from_millis(mono("expired") - mono("proposed"))
}
