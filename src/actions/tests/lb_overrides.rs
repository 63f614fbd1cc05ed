//! The other places that name the primary pool: brought along, or said.

use super::*;

fn everywhere(lb: &mut LoadBalancer) {
    lb.overrides = ["pool set eu", "rule blue", "rule down", "region_pools"].map(SafeText::from).to_vec();
    place(lb, "region_pools WEU", "region_pools/WEU", "", &["p-third", "p-primary", "p-other", "p-dr"]);
    place(lb, "region_pools OC", "region_pools/OC", "", &["p-third"]);
    place(lb, "rule blue: order", "rules/0/overrides/default_pools", "off", &["p-primary"]);
    place(lb, "rule blue: fallback", "rules/0/overrides/fallback_pool", "off", &["p-primary"]);
    place(lb, "rule red: order", "rules/1/overrides/default_pools", "", &["p-dr", "p-primary"]);
    place(lb, "pool set eu: order", "pool_sets/0/overrides/pools", "", &["p-primary", "p-dr"]);
    place(lb, "the field new_pools", "new_pools/0", "", &["p-primary"]);
    if let Some(last) = lb.places.last_mut() {
        last.role = PlaceRole::Other;
    }
}

#[test]
fn every_place_that_names_the_primary_comes_along_in_one_write() {
    let mut bench = PlanBench::new();
    bench.lb(everywhere);
    let plan = bench.build(Action::Failover).unwrap();
    let step = &plan.steps[0];
    assert_eq!(
        sent(step)["edits"],
        json!([
            {"at": "region_pools/WEU", "to": ["p-third", "p-dr", "p-primary", "p-other"]},
            {"at": "rules/0/overrides/default_pools", "to": ["p-dr", "p-primary"]},
            {"at": "rules/0/overrides/fallback_pool", "to": "p-dr"},
            {"at": "pool_sets/0/overrides/pools", "to": ["p-dr", "p-primary"]},
        ])
    );
    let was = json!({"pool_sets": "sha256:pool_sets", "region_pools": "sha256:region_pools", "rules": "sha256:rules"});
    assert_eq!(sent(step)["was"], was);
    let shown: Vec<_> = plan.shown.iter().map(|it| format!("{}: {} => {}", it.what, it.now, it.after)).collect();
    assert!(shown.contains(&"rule blue: order: primary => dr → primary".to_owned()), "{shown:?}");
    let place = |what: &str| shown.iter().any(|line| line.starts_with(what));
    assert!(place("region_pools WEU") && !place("rule red") && !place("region_pools OC"), "{shown:?}");
    let warnings = plan.warnings.join("\n");
    for says in [
        "Users under rule down go where that says",
        "pool set eu: order states no steering policy",
        "the field new_pools names primary too; what it does is not known",
    ] {
        assert!(warnings.contains(says), "{says}: {warnings}");
    }
    // The order, its fallback, WEU, the two of blue and the set: six places to bring to none.
    let ahead = "lb/lb-1/ahead/p-primary/p-dr";
    assert!(step.pre.iter().any(|pre| pre.path == ahead && pre.value == json!(6)), "{:?}", step.pre);
    assert!(step.check.iter().any(|check| check.path == ahead && check.value == json!(0)));
    assert!(step.pre.iter().any(|pre| pre.path == "lb/lb-1/digest/rules" && pre.value == json!("sha256:rules")));
    assert!(step.pre.iter().any(|pre| pre.path == "lb/lb-1/overrides" && pre.value == json!(4)));
}

#[test]
fn a_write_is_proven_only_by_what_it_changes() {
    let mut bench = PlanBench::new();
    bench.lb(|lb| lb.fallback_pool = "p-dr".into());
    let plan = bench.build(Action::Failover).unwrap();
    let paths: Vec<_> = plan.steps[0].check.iter().map(|check| check.path.as_str()).collect();
    assert_eq!(paths, ["lb/lb-1/default_pools", "lb/lb-1/ahead/p-primary/p-dr"]);
    // Moved at the top already, but a rule still names the primary first: there is something to move.
    bench.lb(|lb| {
        lb.default_pools.reverse();
        place(lb, "rule blue: order", "rules/0/overrides/default_pools", "", &["p-primary"]);
    });
    let plan = bench.build(Action::Failover).unwrap();
    let paths: Vec<_> = plan.steps[0].check.iter().map(|check| check.path.as_str()).collect();
    assert_eq!(paths, ["lb/lb-1/ahead/p-primary/p-dr"]);
    assert!(plan.steps[0].effect.contains("in 1 more place"), "{}", plan.steps[0].effect);
}

#[test]
fn who_else_uses_the_primary_is_shown() {
    let mut bench = PlanBench::new();
    let other = LoadBalancer { id: "lb-2".into(), name: "api.example".into(), ..balancer() };
    bench.rows.push(row(edge(), lb_row(other)));
    bench.pool("primary", |pool| {
        let user =
            |kind: &str, id: &str, name: &str| PoolUser { kind: Open::new(kind), id: id.into(), name: name.into() };
        pool.used_by = Some(vec![
            user("load_balancer", "lb-1", "shop.example"),
            user("load_balancer", "lb-3", "pay.example"),
            user("monitor", "m-1", "login page"),
        ]);
    });
    let plan = bench.build(Action::Failover).unwrap();
    let line = plan.shown.iter().find(|it| it.what == "also use primary").unwrap();
    assert_eq!((line.now.as_str(), line.after.as_str()), ("api.example, pay.example", "stay as they are"));
}

#[test]
fn the_manual_way_edits_the_same_places() {
    let mut bench = PlanBench::new();
    bench.lb(everywhere);
    let script = manual(&bench.build(Action::Failover).unwrap()).join("\n");
    let at = script.find("jq -e -c '").unwrap() + "jq -e -c '".len();
    let program = &script[at..at + script[at..].find('\'').unwrap()];
    let answer = json!({"result": {
        "name": "shop.example", "region_pools": {"WEU": ["p-third", "p-primary"], "OC": ["p-third"]},
        "rules": [{"name": "blue", "condition": "x", "overrides": {"default_pools": ["p-primary"], "fallback_pool": "p-primary"}}],
        "pool_sets": [{"name": "eu", "new": 1, "overrides": {"pools": ["p-primary", "p-dr"]}}],
    }});
    let mut jq = match std::process::Command::new("jq")
        .args(["-e", "-c", program])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
    {
        Ok(jq) => jq,
        Err(_) => return assert!(program.contains("setpath"), "no jq here; the words alone: {program}"),
    };
    std::io::Write::write_all(&mut jq.stdin.take().unwrap(), answer.to_string().as_bytes()).unwrap();
    let out = jq.wait_with_output().unwrap();
    let sent: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        sent,
        json!({
            "default_pools": ["p-dr", "p-primary"], "fallback_pool": "p-dr",
            "region_pools": {"WEU": ["p-third", "p-dr", "p-primary", "p-other"], "OC": ["p-third"]},
            "rules": [{"name": "blue", "condition": "x", "overrides": {"default_pools": ["p-dr", "p-primary"], "fallback_pool": "p-dr"}}],
            "pool_sets": [{"name": "eu", "new": 1, "overrides": {"pools": ["p-dr", "p-primary"]}}],
        })
    );
}
