//! Where traffic goes by each way of steering, and how a pool stands by what users would feel.

use super::*;
use crate::board::row::Route;
use crate::model::facts::{ActingRule, PlaceRole, PoolPlace, PoolWeights};

type BalancerChange = fn(&mut LoadBalancer, &mut Pool, &mut Pool);

/// The rows of the load balancer and of the pools `primary` and `dr` of it, after a change.
fn judged(change: BalancerChange) -> JudgedBoard {
    let now = at("14:37:00");
    let (mut primary, mut dr) = (pool("primary", Some(true)), pool("dr", Some(true)));
    let mut lb = load_balancer(&["primary", "dr"], "dr");
    change(&mut lb, &mut primary, &mut dr);
    let mut board = board();
    board.list("cloudflare/edge", now, FactKind::Pool, vec![primary.into(), dr.into()]);
    board.list("cloudflare/edge", now, FactKind::LoadBalancer, vec![lb.into()]);
    board.judge(now)
}

fn region(lb: &mut LoadBalancer, key: &str, pools: &[&str]) {
    lb.policy = Open::new("geo");
    lb.overrides = vec!["region_pools".into()];
    lb.places.push(PoolPlace {
        what: format!("region_pools {key}").as_str().into(),
        path: format!("region_pools/{key}"),
        role: PlaceRole::Order,
        pools: pools.iter().map(|name| format!("p-{name}")).collect(),
        policy: Open::default(),
        in_set: false,
    });
}

fn weigh(lb: &mut LoadBalancer, primary: u32, dr: u32) {
    lb.policy = Open::new("random");
    lb.weights = Some(PoolWeights { default: 1_000, of: [("p-primary".into(), primary), ("p-dr".into(), dr)].into() });
}

fn rule(name: &str, always: bool, answers: Option<u32>) -> ActingRule {
    ActingRule { name: name.into(), in_set: false, always, answers, steers: answers.is_none() }
}

#[test]
fn each_way_of_steering_says_where_traffic_goes() {
    use Verdict::{Critical, Info, Ok, Unknown, Warning};
    let table: [(&str, BalancerChange, &str, Verdict, &str); 19] = [
        (
            "two regions",
            |lb, _, _| {
                region(lb, "WEU", &["primary", "dr"]);
                region(lb, "ENAM", &["dr", "primary"]);
            },
            "primary (WEU, elsewhere), dr (ENAM)",
            Info,
            "users go to primary (WEU, elsewhere), dr (ENAM)",
        ),
        (
            "a region whose first pool is down",
            |lb, _, dr| {
                region(lb, "ENAM", &["dr", "primary"]);
                dr.healthy = Some(false);
            },
            "primary",
            Warning,
            "ENAM: dr takes no traffic: it goes to primary",
        ),
        (
            "a region without a healthy pool",
            |lb, primary, _| {
                region(lb, "WEU", &["primary"]);
                lb.default_pools = vec!["p-dr".into()];
                primary.healthy = Some(false);
            },
            "dr",
            Critical,
            "WEU: no pool of the order is healthy: traffic falls back to dr",
        ),
        ("geo without places", |lb, _, _| lb.policy = Open::new("geo"), "primary", Ok, ""),
        (
            "places without geo",
            |lb, _, _| {
                region(lb, "ENAM", &["dr"]);
                lb.policy = Open::new("off");
            },
            "primary",
            Ok,
            "",
        ),
        ("random", |lb, _, _| lb.policy = Open::new("random"), "primary (50 %), dr (50 %)", Info, ""),
        ("weights", |lb, _, _| weigh(lb, 900, 300), "primary (75 %), dr (25 %)", Info, "users go to"),
        ("a weight of nothing", |lb, _, _| weigh(lb, 1_000, 0), "primary", Ok, ""),
        (
            "the one with a weight is down",
            |lb, primary, _| {
                weigh(lb, 1_000, 0);
                primary.healthy = Some(false);
            },
            "",
            Warning,
            "no pool with a weight is healthy",
        ),
        (
            "one of the weighted is down",
            |lb, primary, _| {
                weigh(lb, 500, 500);
                primary.healthy = Some(false);
            },
            "dr",
            Warning,
            "primary takes no traffic: it goes to dr",
        ),
        (
            "all of the weighted are down",
            |lb, primary, dr| {
                weigh(lb, 500, 500);
                (primary.healthy, dr.healthy) = (Some(false), Some(false));
            },
            "dr",
            Critical,
            "traffic falls back to dr",
        ),
        (
            "not known",
            |lb, primary, _| {
                weigh(lb, 500, 500);
                primary.healthy = None;
            },
            "",
            Unknown,
            "the health of a pool is not known",
        ),
        (
            "the fastest",
            |lb, _, _| lb.policy = Open::new("dynamic_latency"),
            "primary (if fastest), dr (if fastest)",
            Info,
            "users go to",
        ),
        (
            "the fastest of one",
            |lb, _, dr| {
                lb.policy = Open::new("least_connections");
                dr.healthy = Some(false);
            },
            "primary",
            Warning,
            "dr takes no traffic",
        ),
        (
            "a rule that answers some",
            |lb, _, _| lb.rules = vec![rule("maintenance", false, Some(503))],
            "primary",
            Info,
            "rule maintenance answers what it matches itself with 503",
        ),
        (
            "a rule that answers all",
            |lb, _, _| lb.rules = vec![rule("maintenance", true, Some(503))],
            "",
            Warning,
            "rule maintenance answers every request itself with 503",
        ),
        (
            "a rule that steers some",
            |lb, _, _| lb.rules = vec![rule("night", false, None)],
            "primary (what no rule takes)",
            Info,
            "rule night steers what it matches by itself",
        ),
        (
            "a rule that steers all",
            |lb, _, _| lb.rules = vec![rule("night", true, None)],
            "",
            Info,
            "rule night steers every request by itself",
        ),
        (
            "a pool set",
            |lb, _, _| lb.rules = vec![ActingRule { in_set: true, ..rule("eu", false, None) }],
            "primary (what no rule takes)",
            Info,
            "pool set eu steers",
        ),
    ];
    for (what, change, to, verdict, says) in table {
        let judged = judged(change);
        let it = row(&judged, Topic::Traffic, "lb/edge/lb-1");
        let RowBody::LoadBalancer(LoadBalancerRow { goes_to, routes, .. }) = &it.body else { panic!() };
        let told = goes_to.as_ref().map_or_else(|| Route::words(routes), ToString::to_string);
        assert_eq!((told.as_str(), it.verdict), (to, verdict), "{what}: {}", it.why);
        assert!(it.why.as_str().contains(says), "{what}: {}", it.why);
    }
}

#[test]
fn a_pool_stands_as_users_would_feel_it() {
    use Verdict::{Critical, Info, Ok, Warning};
    let origin = |name: &str, enabled, healthy| Origin { name: name.into(), address: name.into(), enabled, healthy };
    let table = [
        (vec![Some(true)], 1, Ok, ""),
        (vec![Some(true), Some(false), Some(false)], 1, Warning, "1 of 3 origins healthy, one from falling over"),
        (vec![Some(true), Some(true), Some(false)], 1, Info, "2 of 3 origins healthy, at least 1 needed"),
        (vec![Some(true), Some(true), Some(false)], 2, Warning, "2 of 3 origins healthy, one from falling over"),
        (vec![Some(true), None, Some(false)], 2, Warning, "1 of 3 origins healthy, 1 not known, one from"),
        (vec![Some(false)], 1, Critical, "0 of at least 1 origins can serve"),
        (vec![], 0, Critical, "0 of at least 1 origins can serve"),
    ];
    for (health, least, verdict, says) in table {
        let now = at("14:37:00");
        let mut it = pool("primary", Some(true));
        it.minimum_origins = least;
        it.origins = health.iter().map(|healthy| origin("o", true, *healthy)).collect();
        it.origins.push(origin("off", false, None));
        let mut board = board();
        board.list("cloudflare/edge", now, FactKind::Pool, vec![it.into()]);
        let judged = board.judge(now);
        let it = row(&judged, Topic::Traffic, "pool/edge/p-primary");
        assert_eq!(it.verdict, verdict, "{health:?} {least}: {}", it.why);
        assert!(it.why.as_str().contains(says), "{health:?} {least}: {}", it.why);
    }
}

#[test]
fn a_pool_that_nobody_uses_hurts_nobody_if_that_is_known() {
    let now = at("14:37:00");
    let of = |name: &str, doubt: bool, listed: bool| {
        let mut board = board();
        board.list("cloudflare/edge", now, FactKind::Pool, vec![pool(name, Some(false)).into()]);
        if listed {
            let lb = load_balancer(&["one"], "two");
            board.list("cloudflare/edge", now, FactKind::LoadBalancer, vec![lb.into()]);
        }
        if doubt {
            board.see("cloudflare/edge", now, trouble(TroubleKind::Forbidden));
        }
        let judged = board.judge(now);
        let it = row(&judged, Topic::Traffic, &format!("pool/edge/p-{name}"));
        (it.verdict, it.why.as_str().contains("no load balancer uses it"))
    };
    assert_eq!(of("left-over", false, true), (Verdict::Info, true));
    assert_eq!(of("one", false, true), (Verdict::Critical, false));
    assert_eq!(of("two", false, true), (Verdict::Critical, false), "a fallback is used");
    assert_eq!(of("dr", false, true), (Verdict::Critical, false), "a service names it");
    assert_eq!(of("left-over", false, false), (Verdict::Critical, false), "no load balancers were read");
    assert_eq!(of("left-over", true, true), (Verdict::Critical, false), "not all of them could be read");
}
