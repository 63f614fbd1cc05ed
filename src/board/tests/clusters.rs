//! Clusters: what is empty, not read, not proven two, or has lasted too long is never fine.

use super::*;

const KUBE: &str = "kubernetes/dr";

fn now() -> Stamp {
    at("14:37:00")
}

fn dr(board: &Board) -> (Verdict, String) {
    let judged = board.judge(now());
    let row = row(&judged, Topic::Clusters, "dr");
    (row.verdict, row.why.to_string())
}

fn with_nodes(nodes: Vec<Node>) -> Board {
    let mut board = all_well(now());
    board.list(KUBE, now(), FactKind::Node, nodes.into_iter().map(Fact::from).collect());
    board
}

fn fine(name: &str) -> Node {
    node("dr", name, "True", now())
}

#[test]
fn a_cluster_is_fine_only_with_nodes_that_live_and_take_pods() {
    let cordoned = |name: &str| Node { unschedulable: true, ..fine(name) };
    let control = |name: &str| Node { control_plane_only: true, ..fine(name) };
    let ahead = |name: &str| node("dr", name, "True", at("14:44:00"));
    let table: Vec<(Vec<Node>, Verdict, &str)> = vec![
        (vec![fine("a"), fine("b")], Verdict::Ok, ""),
        (vec![], Verdict::Critical, "it has no nodes: nothing can run there"),
        (vec![control("a"), control("b")], Verdict::Critical, "no ready node takes pods: 2 for the control plane only"),
        (
            vec![cordoned("a"), control("b")],
            Verdict::Critical,
            "no ready node takes pods: 1 cordoned, 1 for the control plane only",
        ),
        (vec![cordoned("a"), fine("b")], Verdict::Ok, "1 node cordoned: a"),
        (vec![control("a"), fine("b")], Verdict::Ok, ""),
        (
            vec![Node { pressures: vec!["DiskPressure".into()], ..fine("a") }, fine("b")],
            Verdict::Warning,
            "short of something: a DiskPressure",
        ),
        (vec![ahead("a"), fine("b")], Verdict::Unknown, "1 of 2 nodes renew their Lease in the future"),
        (
            vec![node("dr", "a", "Unknown", at("14:20:41")), node("dr", "b", "Unknown", at("14:20:41"))],
            Verdict::Critical,
            "2 of 2 nodes silent (their kubelets are not heard from): a, b",
        ),
        (
            vec![node("dr", "a", "False", now()), node("dr", "b", "True", at("14:30:00")), fine("c"), fine("d")],
            Verdict::Critical,
            "1 of 4 nodes report that they are not ready: a; 1 of 4 nodes silent (Lease late): b",
        ),
    ];
    for (nodes, verdict, says) in table {
        let (is, why) = dr(&with_nodes(nodes.clone()));
        assert_eq!(is, verdict, "{why}: {nodes:?}");
        assert!(why.contains(says), "{why}: {says}");
    }
}

#[test]
fn what_was_not_read_is_not_counted() {
    let mut board = board();
    board.fact(KUBE, now(), control_plane("dr", true));
    let (verdict, why) = dr(&board);
    assert_eq!(verdict, Verdict::Unknown);
    assert!(why.contains("its nodes have not been read") && why.contains("its pods have not been read"), "{why}");
    let judged = board.judge(now());
    let RowBody::Cluster(ClusterRow { nodes_read, pods_read, .. }) = &row(&judged, Topic::Clusters, "dr").body else {
        panic!()
    };
    assert!(!nodes_read && !pods_read);
}

fn pod(name: &str, stage: PodStage, trouble: &str, since: Stamp) -> Pod {
    let (cluster, namespace, since) = ("dr".to_owned(), "shop".into(), Some(since));
    Pod { cluster, namespace, name: name.into(), trouble: trouble.into(), stage, restarts: 0, since }
}

fn with_pods(pods: Vec<Pod>) -> Board {
    let mut board = all_well(now());
    board.list(KUBE, now(), FactKind::Pod, pods.into_iter().map(Fact::from).collect());
    board
}

#[test]
fn what_is_ordinary_for_a_minute_has_a_limit() {
    use PodStage as S;
    let table: Vec<(Vec<Pod>, Verdict, &str)> = vec![
        (
            vec![
                pod("db-0", S::Starting, "ContainerCreating", at("13:47:00")),
                pod("web-1", S::Starting, "in init restore-wait", at("13:48:00")),
                pod("fresh-1", S::Starting, "ContainerCreating", at("14:36:55")),
            ],
            Verdict::Warning,
            "2 pods not started for 50 min: shop/db-0 ContainerCreating, shop/web-1 in init restore-wait",
        ),
        (vec![pod("a", S::Starting, "ContainerCreating", at("14:28:00"))], Verdict::Ok, ""),
        (
            vec![pod("a", S::Starting, "Unschedulable", at("14:36:00"))],
            Verdict::Info,
            "1 pod in trouble: shop/a Unschedulable",
        ),
        (
            vec![pod("a", S::Starting, "Unschedulable", at("14:00:00"))],
            Verdict::Warning,
            "1 pod not started for 37 min: shop/a Unschedulable",
        ),
        (vec![pod("a", S::Ending, "Terminating", at("14:37:20"))], Verdict::Ok, ""),
        (
            vec![pod("a", S::Ending, "Terminating", at("14:35:00"))],
            Verdict::Info,
            "1 pod in trouble: shop/a Terminating",
        ),
        (
            vec![pod("a", S::Ending, "Terminating", at("14:00:00"))],
            Verdict::Warning,
            "1 pod still there for 37 min after the end of the grace period: shop/a Terminating",
        ),
        (
            vec![pod("a", S::Started, "CrashLoopBackOff", at("14:36:00"))],
            Verdict::Info,
            "1 pod in trouble: shop/a CrashLoopBackOff",
        ),
        (
            vec![pod("a", S::Started, "CrashLoopBackOff", at("14:00:00"))],
            Verdict::Warning,
            "1 pod in trouble: shop/a CrashLoopBackOff",
        ),
        (
            vec![Pod { namespace: "elsewhere".into(), ..pod("a", S::Started, "CrashLoopBackOff", at("14:00:00")) }],
            Verdict::Info,
            "1 pod in trouble: elsewhere/a CrashLoopBackOff",
        ),
    ];
    for (pods, verdict, says) in table {
        let (is, why) = dr(&with_pods(pods.clone()));
        assert_eq!((is, why.as_str()), (verdict, says), "{pods:?}");
    }
    // Their times are the cluster's: by its clock, 5 min ahead, this pod was made 2 min ago.
    let mut board = with_pods(vec![pod("a", S::Starting, "ContainerCreating", at("14:40:00"))]);
    board.fact(KUBE, now(), ControlPlane { skew_ms: Some(300_000), ..control_plane("dr", true) });
    assert!(!dr(&board).1.contains("not started"), "{}", dr(&board).1);
}

#[test]
fn the_worst_pods_are_named_and_all_are_counted() {
    let mut pods: Vec<Pod> = (0..300)
        .map(|n| Pod {
            namespace: "a".into(),
            ..pod(&format!("p-{n:03}"), PodStage::Started, "NotReady", at("14:36:00"))
        })
        .collect();
    pods.push(pod("z", PodStage::Starting, "ContainerCreating", at("13:00:00")));
    let judged = with_pods(pods).judge(now());
    let RowBody::Cluster(ClusterRow { pods, pods_troubled, .. }) = &row(&judged, Topic::Clusters, "dr").body else {
        panic!()
    };
    assert_eq!((*pods_troubled, pods.len(), pods[0].name.as_str()), (301, 200, "z"));
}

#[test]
fn two_names_of_one_cluster_are_not_two_sites() {
    let mut board = all_well(now());
    board.fact(KUBE, now(), ControlPlane { uid: Some("uid-primary".into()), ..control_plane("dr", true) });
    let shared = |cluster: &str| Location { store: "aws:shop".into(), ..location(cluster, now()) };
    for cluster in ["primary", "dr"] {
        board.list(&format!("velero/{cluster}"), now(), FactKind::Location, vec![shared(cluster).into()]);
    }
    let judged = board.judge(now());
    for cluster in ["primary", "dr"] {
        let row = row(&judged, Topic::Clusters, cluster);
        assert_eq!(
            (row.verdict, row.why.as_str()),
            (Verdict::Critical, "primary and dr are one cluster (uid uid-primary)")
        );
        let row = super::row(&judged, Topic::Backups, &format!("location/{cluster}/default"));
        assert!(!row.why.as_str().contains("too: each collects"), "{}", row.why);
    }
    // With two clusters behind the names it is the danger that it was.
    board.fact(KUBE, now(), control_plane("dr", true));
    let judged = board.judge(now());
    assert_eq!(row(&judged, Topic::Clusters, "dr").verdict, Verdict::Ok);
    let location = row(&judged, Topic::Backups, "location/dr/default");
    assert!(location.why.as_str().contains("read-write on primary/default too"), "{}", location.why);
}

#[test]
fn two_names_of_a_cluster_that_is_no_site_of_anything_are_only_mentioned() {
    let clusters = ["a", "b"].map(|name| (name.to_owned(), ClusterRole::Other)).to_vec();
    let sources = ["kubernetes/a", "kubernetes/b"].map(|name| (source(name), 30)).to_vec();
    let mut board = Board::new(BoardSetup { objectives: vec![], clusters, sources, ..BoardSetup::default() });
    for name in ["a", "b"] {
        let kube = format!("kubernetes/{name}");
        board.fact(&kube, now(), ControlPlane { uid: Some("one".into()), ..control_plane(name, true) });
        board.list(&kube, now(), FactKind::Node, vec![node(name, "n", "True", now()).into()]);
        board.list(&kube, now(), FactKind::Pod, vec![]);
    }
    let judged = board.judge(now());
    let it = row(&judged, Topic::Clusters, "a");
    assert_eq!((it.verdict, it.why.as_str()), (Verdict::Info, "a and b are one cluster (uid one)"));
}

#[test]
fn an_event_from_the_future_is_not_the_newest_for_ever() {
    let event = |uid: &str, last: Stamp| KubeEvent {
        uid: uid.into(),
        cluster: "dr".into(),
        namespace: "shop".into(),
        object_kind: "Pod".into(),
        object_name: uid.into(),
        reason: "BackOff".into(),
        message: "".into(),
        kind: Open::new("Warning"),
        count: 1,
        first: None,
        last,
        component: "".into(),
    };
    let mut board = board();
    board.fact(KUBE, at("14:00:00"), event("ahead", at("19:00:00")));
    board.fact(KUBE, at("14:10:00"), event("later", at("14:10:00")));
    let view = board.judge_topic(Topic::Events, now());
    assert_eq!(view.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["dr/later", "dr/ahead"]);
    let ahead = &view.rows[1];
    assert_eq!(ahead.seen_at, at("14:00:00"));
    assert!(ahead.why.as_str().contains("dated in the future (19:00:00 UTC)"), "{}", ahead.why);
    board.see(KUBE, now(), SourceChange::Remove { kind: FactKind::KubeEvent, key: "ahead".into() });
    assert_eq!(board.judge_topic(Topic::Events, now()).rows.len(), 1);
}
