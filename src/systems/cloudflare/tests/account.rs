//! The token, the users of pools, and the count of requests.

use super::*;
use crate::model::facts::EdgeAccount;

const USER: &str = "/user/tokens/verify";
const ACCOUNT: &str = "/accounts/acc/tokens/verify";

fn account(changes: &[SourceChange]) -> EdgeAccount {
    let found = changes.iter().rev().find_map(|change| match change {
        SourceChange::Replace { facts, .. } => facts.iter().find_map(|fact| match fact {
            Fact::EdgeAccount(it) => Some(it.clone()),
            _ => None,
        }),
        SourceChange::Upsert(Fact::EdgeAccount(it)) => Some(it.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no account in {changes:?}"))
}

#[tokio::test]
async fn a_token_of_either_kind_is_checked_where_it_belongs() {
    let good = json!({"id": "t", "status": "active", "expires_on": "2026-03-05T12:00:00Z"});
    for (user, acc, owner, status, problem) in [
        (ok(&good), no(401, 1000, "Invalid API Token"), "user", "active", ""),
        (no(401, 1000, "Invalid API Token"), ok(&good), "account", "active", ""),
        (ok(&json!({"id": "t", "status": "disabled"})), ok(&good), "user", "disabled", ""),
        (ok(&json!({"id": "t", "status": "a_new_word"})), ok(&good), "user", "a_new_word", ""),
        (ok(&json!({"id": "t"})), ok(&good), "user", "", "says no status"),
        (no(401, 1000, "Invalid API Token"), no(401, 1000, "Invalid API Token"), "", "", "Invalid API Token"),
        (no(401, 1000, "Invalid API Token"), no(500, 0, "internal"), "", "", "internal"),
        (no(404, 7003, "No route"), ok(&good), "", "", "No route"),
    ] {
        let words = format!("{user:?} {acc:?}");
        let server = world(move |seen, _| match seen.path.as_str() {
            USER => Some(user.clone()),
            ACCOUNT => Some(acc.clone()),
            _ => None,
        })
        .await;
        let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
        assert!(setup.watch(&room).round().await, "a check that fails costs nothing else: {words}");
        let token = account(&room.drain()).token;
        assert_eq!((token.owner.as_str(), token.status.as_str()), (owner, status), "{words}");
        assert!(
            token.problem.as_str().contains(problem) && token.problem.is_empty() == problem.is_empty(),
            "{token:?}"
        );
        assert_eq!((token.reads_pools, token.reads_balancers), (Some(true), Some(true)), "proven by reading");
        assert_eq!(token.expires.is_some(), status == "active", "{words}");
    }
}

#[tokio::test]
async fn the_token_is_checked_seldom_and_sooner_again_after_a_failure() {
    let server = world(|seen, _| (seen.path == USER).then(|| no(401, 1000, "Invalid API Token"))).await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let watch = setup.watch(&room);
    let checks = |path: &str| server.seen().iter().filter(|seen| seen.path == path).count();
    for (seconds, asked) in [(0, 1), (59, 1), (1, 2), (60, 3)] {
        room.ctx.clock.advance(Duration::from_secs(seconds));
        watch.round().await;
        assert_eq!((checks(USER), checks(ACCOUNT)), (asked, asked), "the scripted account has no such address");
    }
    room.drain();
}

#[tokio::test]
async fn the_users_of_pools_are_read_once_in_five_minutes() {
    let server = world(|seen, _| {
        seen.path.ends_with("/references").then(|| {
            ok(&json!([
                {"reference_type": "referrer", "resource_type": "load_balancer", "resource_id": "lb-9", "resource_name": "pay.example"},
                {"reference_type": "referral", "resource_type": "monitor", "resource_id": "m", "resource_name": "login"},
                {"reference_type": "*", "resource_type": "something_new"},
            ]))
        })
    })
    .await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let watch = setup.watch(&room);
    let asked = || server.seen().iter().filter(|seen| seen.path.ends_with("/references")).count();
    for (seconds, count) in [(0, 2), (30, 2), (269, 2), (1, 4)] {
        room.ctx.clock.advance(Duration::from_secs(seconds));
        watch.round().await;
        assert_eq!(asked(), count, "two pools are in use");
    }
    let (pools, _) = replaced(&room.drain());
    let used = pools.iter().rev().find(|it| it.id == "p-primary").and_then(|it| it.used_by.clone()).expect("read");
    let words: Vec<_> = used.iter().map(|it| (it.kind.as_str(), it.name.as_str())).collect();
    assert_eq!(words, [("load_balancer", "pay.example"), ("monitor", "login"), ("something_new", "")]);
    assert!(pools.iter().all(|it| it.id != "p-unused" || it.used_by.is_none()), "unused pools are not asked about");
}

#[tokio::test]
async fn with_more_pools_than_fit_into_a_round_their_users_are_read_too() {
    let server = world(|seen, _| match seen.path.as_str() {
        LBS => {
            let mut wide = lb();
            wide["default_pools"] = (0..12).map(|n| format!("p-{n:02}")).collect();
            Some(ok(&json!([wide])))
        }
        path => path.ends_with("/references").then(|| ok(&json!([]))),
    })
    .await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let watch = setup.watch(&room);
    let asked = |what: &str| {
        let mut paths: Vec<_> = server.seen().into_iter().map(|it| it.path).filter(|it| it.ends_with(what)).collect();
        paths.sort();
        paths.dedup();
        paths.len()
    };
    // Twelve and the fallback, each with two questions, four in a round.
    for _ in 0..7 {
        room.ctx.clock.advance(Duration::from_secs(10));
        assert!(watch.round().await);
        room.drain();
    }
    assert_eq!((asked("/health"), asked("/references")), (13, 13));
}

#[tokio::test]
async fn polling_keeps_to_its_share_and_acting_does_not_wait_for_it() {
    let server = world(|_, _| None).await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let client = setup.client_on(room.ctx.clock.clone());
    let reporter = room.ctx.reporter(SourceId::new(System::Cloudflare, "edge"));
    let watch = CloudflareWatch::new(client.clone(), reporter, Duration::from_secs(1));
    // Far too often, as after a wrong setting: every half second of the clock, for two and a half minutes.
    let mut said = Vec::new();
    for _ in 0..320 {
        watch.round().await;
        room.ctx.clock.advance(Duration::from_millis(450));
        said.extend(room.drain().into_iter().filter(|it| matches!(it, SourceChange::Trouble(_))));
    }
    let asked = server.seen().len();
    assert!((590..=super::super::rate_limit::SHARE).contains(&asked), "{asked} requests within five minutes");
    let Some(SourceChange::Trouble(trouble)) = said.first() else { panic!("polling was not held back") };
    assert_eq!(trouble.kind, TroubleKind::Throttled);
    assert!(trouble.what.as_str().contains("600 requests of ours"), "{trouble:?}");
    CloudflareAdapter::new(client).apply(&to_dr(), &permit()).await.expect("a write is never held back");
}

#[tokio::test]
async fn a_write_is_sent_while_polling_keeps_away_and_says_until_when_it_is_locked_out() {
    let server = world(|seen, _| {
        let body = json!({"success": false, "errors": [{"code": 971, "message": "Please wait"}], "result": null});
        let wait = vec![("retry-after", "300".to_owned())];
        (seen.method == Method::PATCH || seen.path == POOLS).then(|| ScriptedReply::With(429, wait, body.to_string()))
    })
    .await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let client = setup.client_on(room.ctx.clock.clone());
    let reporter = room.ctx.reporter(SourceId::new(System::Cloudflare, "edge"));
    let watch = CloudflareWatch::new(client.clone(), reporter, Duration::from_secs(10));
    assert!(!watch.round().await);
    let before = server.seen().len();
    assert!(!watch.round().await);
    assert_eq!(server.seen().len(), before, "polling stays away");
    let result = CloudflareAdapter::new(client).apply(&to_dr(), &permit()).await;
    let Err(ActError::NotApplied(trouble)) = result else { panic!("{result:?}") };
    assert_eq!(trouble.kind, TroubleKind::Throttled);
    assert!(trouble.what.as_str().contains("locked out until 14:42:00 UTC (300 s)"), "{trouble:?}");
    assert_eq!(server.count(&Method::PATCH), 1);
    room.drain();
}

#[tokio::test]
async fn the_headers_are_shown_and_the_reserve_waits_for_the_reset() {
    let server = world(|seen, _| {
        let headers = vec![
            ("x-ratelimit-limit", "1200".to_owned()),
            ("x-ratelimit-remaining", "100".to_owned()),
            ("x-ratelimit-reset", "Mon, 02 Mar 2026 09:04:00 GMT".to_owned()),
            // The server's clock is five hours behind ours: only the difference counts.
            ("date", "Mon, 02 Mar 2026 09:00:00 GMT".to_owned()),
        ];
        let list = if seen.path == POOLS { pools() } else { json!([lb()]) };
        Some(ScriptedReply::With(200, headers, json!({"success": true, "result": list}).to_string()))
    })
    .await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let watch = setup.watch(&room);
    assert!(watch.round().await);
    let it = account(&room.drain());
    assert_eq!((it.limit, it.remaining, it.asked, it.share, it.reserve), (Some(1200), Some(100), 2, 600, 120));
    assert_eq!(it.resets, Some("2026-03-02T14:41:00Z".parse().expect("a time")));
    room.ctx.clock.advance(Duration::from_secs(239));
    assert!(!watch.round().await, "what is left is kept until it is full again");
    assert_eq!(server.seen().len(), 2);
    room.ctx.clock.advance(Duration::from_secs(1));
    assert!(watch.round().await);
}

#[tokio::test]
async fn many_zones_are_asked_less_often() {
    let server = world(|_, _| None).await;
    let mut setup = setup(&server, &["z1"]);
    setup.config.every_s = 1;
    assert_eq!(super::super::pace(&setup.config), Duration::from_millis(1_500));
    setup.config.zones = (0..19).map(|n| format!("z{n}")).collect();
    assert_eq!(super::super::pace(&setup.config), Duration::from_secs(15));
    setup.config.every_s = 60;
    assert_eq!(super::super::pace(&setup.config), Duration::from_secs(60));
}

#[tokio::test]
async fn codes_that_nobody_knows_survive_and_texts_decide_in_a_family() {
    for (errors, says, remedy) in [
        (json!([{"code": "E-77", "message": "strange"}]), "(code E-77): strange", "as it was sent"),
        (json!([{"code": 4_294_967_296_i64, "message": "large"}]), "(code 4294967296): large", "as it was sent"),
        (json!([{"message": "none"}, {"code": 1}]), "(no code): none (and 1 more)", "as it was sent"),
        (json!([{"code": 1002, "message": {"odd": 1}}]), "(code 1002): no reason given", "as it was sent"),
        (json!([{"code": 1002, "message": "still referenced"}]), "still referenced", "Something still uses it"),
        (json!([{"code": 1003, "message": "value not unique"}]), "value not unique", "may clash"),
        (json!([{"code": 1005, "message": "referenced by other objects"}]), "other objects", "Something still uses it"),
        (
            json!([{"code": 1002, "message": "Probing from every data centre is not allowed with this subscription"}]),
            "Probing",
            "subscription",
        ),
        (json!([]), "(no code): no reason given", "as it was sent"),
        (Value::Null, "(no code): no reason given", "as it was sent"),
    ] {
        let body = json!({"success": false, "errors": errors, "result": null});
        let server = TestServer::start(move |_| ScriptedReply::Json(400, body.clone())).await;
        let setup = setup(&server, &["z1"]);
        let err = setup.client().pools().await.expect_err(says);
        assert!(err.trouble.what.as_str().contains(says), "{:?}", err.trouble);
        assert!(err.trouble.remedy.as_str().contains(remedy), "{:?}", err.trouble);
    }
    let server = TestServer::start(|_| ok(&Value::Null)).await;
    let setup = setup(&server, &["z1"]);
    assert_eq!(setup.client().pools().await, Ok(Vec::new()), "a list may be null");
}

#[tokio::test]
async fn readings_for_people_leave_what_acting_needs_by_our_count_by_the_providers_and_in_a_lockout() {
    use crate::systems::request_meter::{Metered, RequestUse, used_for};
    let answer = Arc::new(std::sync::Mutex::new((200, 900)));
    let told = answer.clone();
    let server = world(move |seen, _| {
        let (status, left) = *told.lock().expect("the wish");
        let headers = vec![
            ("ratelimit", format!("\"default\";r={left};t=100")),
            ("ratelimit-policy", "\"default\";q=1200;w=300".to_owned()),
            ("retry-after", "200".to_owned()),
        ];
        let body = json!({"success": status == 200, "errors": [], "result": {"id": "p", "name": "p", "enabled": true}});
        (seen.method == Method::GET).then(|| ScriptedReply::With(status, headers, body.to_string()))
    })
    .await;
    let (setup, clock) = (setup(&server, &["z1"]), Clock::manual("2026-03-02T14:37:00Z".parse().expect("a time")));
    let client = setup.client_on(clock.clone());
    let adapter = Metered::new(Arc::new(CloudflareAdapter::new(client.clone())), None);
    let mut read = 0;
    while adapter.read("pool/p/enabled").await.is_ok() {
        read += 1;
    }
    assert_eq!((read, server.seen().len()), (480, 480), "what was held back is not sent");
    assert_eq!((client.asked().read, client.fits_in(600)), (480, None), "watching goes on");
    assert_eq!(adapter.reads_wait(), Some(Duration::from_secs(300)));
    let acting = used_for(RequestUse::Act, adapter.read("pool/p/enabled")).await;
    assert_eq!(acting, Ok(json!(true)), "a plan that runs reads on");
    // By the provider's word, whoever else uses this user up.
    clock.advance(Duration::from_secs(300));
    *answer.lock().expect("the wish") = (200, 60);
    assert!(adapter.read("pool/p/enabled").await.is_ok());
    let held = adapter.read("pool/p/enabled").await.expect_err("the rest is for acting");
    assert_eq!((held.kind, adapter.reads_wait()), (TroubleKind::Throttled, Some(Duration::from_secs(100))));
    clock.advance(Duration::from_secs(100));
    // And while it answers nobody.
    *answer.lock().expect("the wish") = (429, 900);
    assert!(adapter.read("pool/p/enabled").await.is_err());
    let sent = server.seen().len();
    assert!(adapter.read("pool/p/enabled").await.is_err());
    assert_eq!((server.seen().len(), adapter.reads_wait()), (sent, Some(Duration::from_secs(200))));
}
