//! Several host names, several DR clusters, and none.

use super::*;

const HOSTS: [(&str, &str); 3] = [("lb-1", "shop.example"), ("lb-2", "www.shop.example"), ("lb-3", "api.shop.example")];

/// The service with three host names over the same pools.
fn three_hosts() -> PlanBench {
    let mut bench = PlanBench::new();
    bench.objective.hosts = HOSTS.map(|(_, host)| Host::new(host, Some("primary"), [("dr", "dr")])).to_vec();
    for (id, host) in &HOSTS[1..] {
        let lb = LoadBalancer { id: (*id).into(), name: (*host).into(), ..balancer() };
        bench.rows.push(row(edge(), lb_row(lb)));
    }
    let users = HOSTS.map(|(id, host)| PoolUser { kind: Open::new("load_balancer"), id: id.into(), name: host.into() });
    bench.pool("primary", |it| it.used_by = Some(users.to_vec()));
    bench
}

/// A second DR cluster, as good as the first.
fn two_sites() -> PlanBench {
    let mut bench = PlanBench::new();
    bench.objective.dr = vec!["dr".into(), "far".into()];
    bench.objective.hosts = vec![Host::new("shop.example", Some("primary"), [("dr", "dr"), ("far", "far")])];
    bench.roles.insert("far".into(), ClusterRole::Dr);
    bench.rows.push(row(edge(), RowBody::Pool(Pool { healthy: Some(true), ..pool("p-far", "far") })));
    bench.rows.push(row(SourceId::new(System::Kubernetes, "far"), cluster("far", ClusterRole::Dr, Endpoint::Ok)));
    let velero = SourceId::new(System::Velero, "far");
    let mut backup = backup(point());
    if let RowBody::Backup(BackupRow { cluster, .. }) = &mut backup {
        *cluster = "far".into();
    }
    bench.rows.push(row(velero.clone(), backup));
    bench.rows.push(row(velero, RowBody::Location(Location { cluster: "far".into(), ..location() })));
    bench
}

fn shown(plan: &Plan) -> Vec<String> {
    plan.shown.iter().map(|it| format!("{}: {} => {}", it.what, it.now, it.after)).collect()
}

#[test]
fn all_host_names_of_a_service_move_in_one_plan_that_asks_everything_before_it_writes() {
    let plan = three_hosts().build(Action::Failover).unwrap();
    assert_eq!((plan.title.as_str(), plan.confirm.as_str()), ("Fail over 3 host names of shop to dr", "shop"));
    let steps: Vec<_> = plan.steps.iter().map(|it| (it.id.as_str(), it.target.name.as_str())).collect();
    assert_eq!(steps, [("1", HOSTS[0].1), ("2", HOSTS[1].1), ("3", HOSTS[2].1), ("4", "shop")]);
    assert_eq!(plan.locks.len(), 3);
    for (id, host) in HOSTS {
        assert!(plan.locks.contains(&format!("cloudflare/edge/load_balancer/{id}")), "{:?}", plan.locks);
        for path in ["default_pools", "fallback_pool", "enabled", "modified_on"].map(|part| format!("lb/{id}/{part}")) {
            let own = plan.steps.iter().find(|it| it.target.name == host).expect("its step");
            for step in [&plan.steps[0], own] {
                let pre = step.pre.iter().find(|it| it.path == path.as_str()).expect(&path);
                assert!(pre.says.contains(host), "which of them: {}", pre.says);
            }
        }
        assert!(shown(&plan).contains(&format!("{host}: default pools: primary → dr => dr → primary")), "{plan:#?}");
    }
    let health = |step: &Step| step.pre.iter().filter(|it| it.path == "pool/p-dr/healthy").count();
    assert_eq!(plan.steps[..3].iter().map(health).collect::<Vec<_>>(), [1, 1, 1], "once each");
    assert!(!shown(&plan).iter().any(|it| it.starts_with("also use")), "they are all the service's own: {plan:#?}");
}

#[test]
fn a_host_name_that_is_there_already_stays_and_one_that_can_not_move_stops_the_plan() {
    let mut bench = three_hosts();
    bench.lb(|lb| {
        if lb.id == "lb-2" {
            lb.default_pools.reverse();
            lb.fallback_pool = "p-dr".into();
        }
    });
    let plan = bench.build(Action::Failover).unwrap();
    assert_eq!(plan.title, "Fail over 2 host names of shop to dr");
    assert!(
        shown(&plan).contains(&"www.shop.example: already sends its traffic to dr first => stays as it is".to_owned())
    );
    assert_eq!(plan.steps.len(), 3, "two writes and the wait");
    bench.lb(|lb| {
        if lb.id == "lb-3" {
            lb.enabled = false;
        }
    });
    let refusal = bench.build(Action::Failover).expect_err("one can't be moved");
    assert!(refusal.why.as_str().contains("api.shop.example is disabled"), "{}", refusal.why);
}

#[test]
fn of_several_dr_clusters_the_first_that_can_is_taken_unless_one_is_asked_for() {
    let mut bench = two_sites();
    for action in Action::ALL {
        let plan = bench.build(action).unwrap();
        assert_eq!(shown(&plan)[0], "goes to: - => dr, the first that can take it", "{plan:#?}");
        let other = "far could take it too: `--to far` chooses it.";
        assert!(plan.warnings.iter().any(|it| it == other), "{:?}", plan.warnings);
    }
    bench.to = Some("far".into());
    let plan = bench.build(Action::Failover).unwrap();
    assert_eq!(plan.title, "Fail over shop.example from primary to far");
    assert_eq!(shown(&plan)[0], "goes to: - => far, as asked for");
    assert_eq!(plan.steps[1].check[0].path, "share/far");
    bench.to = Some("fat".into());
    let refusal = bench.build(Action::Failover).expect_err("no such cluster");
    assert!(refusal.why.as_str().contains("Did you mean far?"), "{}", refusal.why);
}

#[test]
fn a_dr_cluster_that_can_not_take_it_is_passed_over_with_its_reason() {
    let mut bench = two_sites();
    bench.pool("dr", |it| it.healthy = Some(false));
    let plan = bench.build(Action::Failover).unwrap();
    assert_eq!(plan.title, "Fail over shop.example from primary to far");
    assert!(plan.warnings.iter().any(|it| it.starts_with("dr: Pool dr is unhealthy")), "{:?}", plan.warnings);
    bench.pool("far", |it| it.enabled = false);
    let refusal = bench.build(Action::Failover).expect_err("none can");
    for words in ["dr: Pool dr is unhealthy", "far: Pool far is disabled"] {
        assert!(refusal.why.as_str().contains(words), "{}", refusal.why);
    }
}

#[test]
fn a_restore_goes_first_to_where_the_users_are() {
    let mut bench = two_sites();
    bench.each(|row| {
        if let RowBody::LoadBalancer(LoadBalancerRow { goes_to, .. }) = &mut row.body {
            *goes_to = Some("far".into());
        }
    });
    let plan = bench.build(Action::Restore).unwrap();
    assert!(plan.title.starts_with("Restore shop on far from backup"), "{}", plan.title);
}

#[test]
fn a_service_without_dr_is_restored_in_place_and_its_location_is_put_back() {
    let mut bench = PlanBench::new();
    bench.objective.dr.clear();
    bench.objective.primary = "dr".into();
    bench.roles.insert("dr".into(), ClusterRole::Primary);
    let plan = bench.build(Action::Restore).unwrap();
    assert!(plan.title.starts_with("Restore shop on dr from backup"), "{}", plan.title);
    let modes: Vec<_> = plan.steps.iter().filter_map(|it| sent(it).pointer("/body/spec/accessMode").cloned()).collect();
    assert_eq!(modes, ["ReadOnly", "ReadWrite"], "the cluster's next backup has to reach it");
    assert_eq!(plan.steps.last().map(|it| it.id.as_str()), Some("5"));
    let said = shown(&plan).join("\n");
    assert!(said.contains("data in place: ") && !said.contains("on DR"), "{said}");
    let warnings = plan.warnings.join("\n");
    assert!(!warnings.contains("both Veleros") && warnings.contains("put it back by hand"), "{warnings}");
    let refusal = bench.build(Action::Failover).expect_err("nowhere to go");
    assert!(refusal.why.as_str().contains("has no DR cluster"), "{}", refusal.why);
}
