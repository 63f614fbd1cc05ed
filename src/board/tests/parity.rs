//! DR beside its primary: releases, what is missing, what is not known, and applications that a hub deploys.

use proptest::prelude::*;

use super::*;
use crate::board::row::AppsKnown as Of;

const NOW: &str = "14:53:00";

fn now() -> Stamp {
    at(NOW)
}

/// An application at a release: a tag, and the commit that it is.
fn release(cluster: &str, name: &str, tag: &str) -> App {
    App {
        cluster: cluster.into(),
        target_revision: tag.into(),
        revision: format!("commit-of-{tag}").as_str().into(),
        ..app(name, "Healthy", now())
    }
}

fn facts(apps: Vec<App>) -> Vec<Fact> {
    apps.into_iter().map(Fact::from).collect()
}

fn sides(primary: Vec<App>, dr: Vec<App>) -> Board {
    let mut board = board();
    board.list("argocd/primary", now(), FactKind::App, facts(primary));
    board.list("argocd/dr", now(), FactKind::App, facts(dr));
    for cluster in ["primary", "dr"] {
        let name = "application-controller".into();
        let pods = Controller { cluster: cluster.into(), name, ready: 1, total: 1 };
        board.list(&format!("argocd/{cluster}"), now(), FactKind::Controller, vec![pods.into()]);
    }
    board
}

struct Parity {
    row: Row,
    ok: u32,
    total: u32,
    laggards: Vec<String>,
    passing: u32,
    known: Option<Of>,
}

fn parity_of(board: &Board, cluster: &str, now: Stamp) -> Parity {
    let judged = board.judge(now);
    let row = row(&judged, Topic::Gitops, &format!("parity/{cluster}")).clone();
    let RowBody::Parity(ParityRow { ok, total, laggards, passing, against, .. }) = &row.body else { panic!("{row:?}") };
    let laggards = laggards.iter().map(|(name, why)| format!("{name} {why}")).collect();
    let known = against.first().map(|it| it.known);
    Parity { ok: *ok, total: *total, laggards, passing: *passing, known, row: row.clone() }
}

fn parity(board: &Board) -> Parity {
    parity_of(board, "dr", now())
}

#[test]
fn dr_at_an_older_release_and_short_of_one_is_told_by_name_and_by_what() {
    let primary = vec![release("primary", "shop-web", "v1.9.0"), release("primary", "shop-payments", "v1.9.0")];
    let board = sides(primary.clone(), vec![release("dr", "shop-web", "v1.4.0")]);
    let found = parity(&board);
    assert_eq!((found.ok, found.total, found.row.verdict), (0, 2, Verdict::Warning), "{:?}", found.row);
    assert_eq!(found.laggards, ["shop-payments on primary only", "shop-web is at v1.4.0, primary at v1.9.0"]);
    let judged = board.judge(now());
    let web = row(&judged, Topic::Gitops, "app/dr/argocd/shop-web");
    assert_eq!((web.verdict, web.why.as_str()), (Verdict::Warning, "is at v1.4.0, primary at v1.9.0"));
    let RowBody::App(app) = &web.body else { panic!() };
    let theirs = app.counterpart.as_ref().expect("its counterpart");
    assert_eq!((theirs.cluster.as_str(), theirs.release.as_str(), theirs.same), ("primary", "v1.9.0", false));
    let payments = row(&judged, Topic::Gitops, "app/primary/argocd/shop-payments");
    assert_eq!((payments.verdict, payments.why.as_str()), (Verdict::Ok, "dr does not have it"));
    // The primary itself is as git has it, and is compared with nothing.
    let own = parity_of(&board, "primary", now());
    assert_eq!((own.ok, own.total, own.row.verdict, own.known), (2, 2, Verdict::Ok, None));

    let dr = vec![
        release("dr", "shop-web", "v1.9.0"),
        release("dr", "shop-payments", "v1.9.0"),
        release("dr", "standby", "v1"),
    ];
    let found = parity(&sides(primary, dr));
    assert_eq!((found.ok, found.total, found.row.verdict), (3, 3, Verdict::Ok));
    assert_eq!(found.row.why.as_str(), "on dr only: standby");
}

#[test]
fn a_primary_that_is_gone_is_compared_as_it_was_last_read_and_failover_stays_possible() {
    let primary = vec![release("primary", "shop-web", "v1.9.0")];
    let mut board = sides(primary, vec![release("dr", "shop-web", "v1.9.0")]);
    let later = at("15:20:00");
    let fresh = App { reconciled_at: Some(later), ..release("dr", "shop-web", "v1.9.0") };
    board.list("argocd/dr", later, FactKind::App, facts(vec![fresh]));
    let found = parity_of(&board, "dr", later);
    assert_eq!((found.ok, found.total, found.known), (1, 1, Some(Of::LastRead(now()))));
    assert_eq!(found.row.verdict, Verdict::Info, "never green by itself, and nothing that needs somebody");
    assert_eq!(found.row.why.as_str(), "compared with primary as it was last read, at 14:53:00 UTC");
    let old = App { reconciled_at: Some(later), ..release("dr", "shop-web", "v1.4.0") };
    board.list("argocd/dr", later, FactKind::App, facts(vec![old]));
    let found = parity_of(&board, "dr", later);
    assert_eq!((found.ok, found.row.verdict), (0, Verdict::Warning));
    assert_eq!(found.laggards, ["shop-web is at v1.4.0, primary at v1.9.0"]);
}

#[test]
fn compared_with_nothing_is_never_at_parity() {
    let dr = || facts(vec![release("dr", "shop-web", "v1.9.0")]);
    let mut unread = board();
    unread.list("argocd/dr", now(), FactKind::App, dr());
    let found = parity(&unread);
    assert_eq!((found.ok, found.row.verdict, found.known), (1, Verdict::Unknown, Some(Of::Unread)));
    assert!(found.row.why.as_str().contains("compared with nothing: the applications of primary have not been read"));

    let with = |clusters: &[(&str, ClusterRole)]| {
        let mut board = Board::new(BoardSetup {
            clusters: clusters.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect(),
            sources: vec![(source("argocd/dr"), 30)],
            ..BoardSetup::default()
        });
        board.list("argocd/dr", now(), FactKind::App, dr());
        parity(&board)
    };
    let found = with(&[("primary", ClusterRole::Primary), ("dr", ClusterRole::Dr)]);
    assert_eq!((found.row.verdict, found.known), (Verdict::Info, Some(Of::Unwatched)));
    assert!(found.row.why.as_str().contains("no Argo CD or Flux that deploys to primary is watched"));
    let found = with(&[("dr", ClusterRole::Dr)]);
    assert_eq!((found.row.verdict, found.known), (Verdict::Info, None));

    let found = parity(&sides(vec![], vec![release("dr", "shop-web", "v1.9.0")]));
    assert_eq!((found.ok, found.row.verdict), (1, Verdict::Unknown));
    assert!(found.row.why.as_str().contains("no application is on both sides"), "{}", found.row.why);
    let found = parity(&sides(vec![], vec![]));
    assert_eq!((found.ok, found.total, found.row.verdict), (0, 0, Verdict::Unknown));
}

#[test]
fn nothing_is_missing_before_all_of_dr_was_read() {
    let mut board = sides(vec![], vec![]);
    let object = |cluster: &str| {
        let state =
            FluxState { generation: 1, observed_generation: Some(1), ready: Open::new("True"), ..FluxState::default() };
        let kind = Open::new("HelmRelease");
        HelmRelease(App { kind, cluster: cluster.into(), name: "shop".into(), flux: Some(state), ..App::default() })
    };
    board.list("flux/primary", now(), FactKind::Kustomization, vec![]);
    board.list("flux/primary", now(), FactKind::HelmRelease, vec![object("primary").into()]);
    board.list("flux/dr", now(), FactKind::Kustomization, vec![]);
    assert_eq!(parity(&board).total, 0, "its HelmReleases are still on their way");
    board.list("flux/dr", now(), FactKind::HelmRelease, vec![]);
    let found = parity(&board);
    assert_eq!((found.total, found.laggards), (1, vec!["helmrelease/shop on primary only".to_owned()]));
}

#[test]
fn a_release_that_was_deployed_a_moment_ago_is_in_passing() {
    let deployed = |app: App, ago: i64| {
        let at = Some(now() - TimeDelta::minutes(ago));
        App { deployed: Some(Deployed { revision: app.revision.clone(), at }), ..app }
    };
    let board = |ago| {
        sides(
            vec![deployed(release("primary", "shop-web", "v1.9.0"), ago)],
            vec![deployed(release("dr", "shop-web", "v1.4.0"), 3000)],
        )
    };
    let found = parity(&board(5));
    assert_eq!((found.ok, found.passing, found.row.verdict), (0, 1, Verdict::Info));
    assert_eq!(found.row.why.as_str(), "1 of 1 not at parity, for no longer than is usual");
    let found = parity(&board(16));
    assert_eq!((found.passing, found.row.verdict), (0, Verdict::Warning));
    assert_eq!(found.laggards, ["shop-web is at v1.4.0, primary at v1.9.0 for 16 min"]);
}

#[test]
fn what_need_not_be_on_dr_does_not_count() {
    let primary = || vec![release("primary", "shop-web", "v1"), release("primary", "ci-runner", "v1")];
    let dr = || vec![release("dr", "shop-web", "v1")];
    assert_eq!(parity(&sides(primary(), dr())).laggards, ["ci-runner on primary only"]);
    let board = sides(primary(), dr()).with_only_here("primary", vec!["application/ci-*".to_owned()]);
    let found = parity(&board);
    assert_eq!((found.ok, found.total, found.row.verdict), (1, 1, Verdict::Ok));
}

/// One Argo CD that deploys to both clusters: its applications carry the cluster's name.
fn hub(apps: Vec<App>) -> Board {
    let clusters = [("primary", ClusterRole::Primary), ("dr", ClusterRole::Dr), ("mgmt", ClusterRole::Other)];
    let mut board = Board::new(BoardSetup {
        heartbeats: Vec::new(),
        objectives: vec![objective()],
        clusters: clusters.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect(),
        sources: vec![(source("argocd/mgmt"), 30)],
    })
    .with_destinations("dr", ["https://10.0.0.2:6443".to_owned()]);
    board.list("argocd/mgmt", now(), FactKind::App, facts(apps));
    board
}

fn to(name: &str, place: &str) -> App {
    let server = place.contains("://");
    let place = match server {
        true => DeployTarget { server: place.into(), ..DeployTarget::default() },
        false => DeployTarget { name: place.into(), ..DeployTarget::default() },
    };
    App { place, ..release("mgmt", name, "main") }
}

#[test]
fn applications_belong_to_the_cluster_that_they_are_deployed_to() {
    let mut apps: Vec<App> =
        ["web", "api", "db", "cache"].iter().map(|it| to(&format!("shop-{it}-primary"), "primary")).collect();
    let of_dr = ["web", "api", "db"].iter().map(|it| to(&format!("shop-{it}-dr"), "https://10.0.0.2:6443/"));
    apps.extend(of_dr);
    apps[6].health = Open::new("Degraded");
    let board = hub(apps.clone());
    let judged = board.judge(now());
    let parity_rows = judged.rows(Topic::Gitops).iter().filter(|row| row.id.starts_with("parity/"));
    let ids: Vec<&str> = parity_rows.map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["parity/dr", "parity/primary"], "the hub deploys nothing to itself");
    let found = parity(&board);
    assert_eq!((found.ok, found.total, found.known), (2, 3, Some(Of::Now)));
    assert!(
        found.row.why.as_str().contains("not found on dr by any name that fits: shop-cache-primary"),
        "{}",
        found.row.why
    );
    let own = parity_of(&board, "primary", now());
    assert_eq!((own.ok, own.total, own.row.verdict), (4, 4, Verdict::Ok));
    let RowBody::App(web) = &row(&judged, Topic::Gitops, "app/mgmt/argocd/shop-web-dr").body else { panic!() };
    assert_eq!((web.cluster.as_str(), web.deployed_from.as_str()), ("dr", "mgmt"));
    assert_eq!(web.counterpart.as_ref().map(|it| it.name.as_str()), Some("shop-web-primary"));

    apps[4].target_revision = "v1.4.0".into();
    apps[0].target_revision = "v1.9.0".into();
    let found = parity(&hub(apps));
    assert!(found.laggards.contains(&"shop-web-dr is at v1.4.0, primary at v1.9.0".to_owned()), "{:?}", found.laggards);
}

#[test]
fn a_destination_that_is_no_cluster_is_said() {
    let board = hub(vec![to("shop-web", "primary"), to("shop-web-eu", "prod-eu"), to("tools", "https://192.0.2.9")]);
    let eu = parity_of(&board, "prod-eu", now());
    assert_eq!((eu.total, eu.row.verdict), (1, Verdict::Unknown), "it is named by a service");
    let says = "1 application of argocd/mgmt goes to prod-eu, which is no [[cluster]]: if it is one, put that into its `destinations`";
    assert!(eu.row.why.as_str().contains(says), "{}", eu.row.why);
    assert_eq!(parity_of(&board, "https://192.0.2.9", now()).row.verdict, Verdict::Info, "nobody's service");
    let dr = parity(&board);
    assert_eq!((dr.ok, dr.total, dr.laggards), (0, 1, vec!["shop-web on primary only".to_owned()]), "{:?}", dr.row);
}

proptest! {
    /// Whatever both sides have: DR is at parity only if everything is compared, the same, there, and read just now.
    #[test]
    fn at_parity_is_nothing_less(
        primary in prop::collection::btree_map(0_u8..5, (0_u8..3, any::<bool>()), 0..5),
        dr in prop::collection::btree_map(0_u8..5, (0_u8..3, any::<bool>()), 0..5),
        silent in any::<bool>(),
        objects in prop::option::of(0_u64..2),
    ) {
        let app = |cluster: &str, n: &u8, (tag, well): &(u8, bool)| App {
            health: Open::new(if *well { "Healthy" } else { "Degraded" }),
            objects,
            ..release(cluster, &format!("shop-{n}"), &format!("v1.{tag}.0"))
        };
        let mut board = board();
        let side = |cluster: &str, of: &BTreeMap<u8, (u8, bool)>| facts(of.iter().map(|(n, it)| app(cluster, n, it)).collect());
        let seen = if silent { now() - TimeDelta::minutes(5) } else { now() };
        board.list("argocd/primary", seen, FactKind::App, side("primary", &primary));
        board.list("argocd/dr", now(), FactKind::App, side("dr", &dr));
        let found = parity(&board);
        let same = primary.iter().all(|(n, (tag, _))| dr.get(n).is_some_and(|(ours, _)| ours == tag));
        let well = dr.values().all(|(_, well)| *well) && objects != Some(0);
        let both = primary.keys().any(|n| dr.contains_key(n));
        let good = same && well && both && !silent;
        // A primary that proves nothing of itself is compared as it was, which is no more than information.
        prop_assert_eq!(found.row.verdict == Verdict::Ok, good, "{:?}", found.row);
        prop_assert!(found.ok <= found.total && (found.row.verdict != Verdict::Ok || found.ok == found.total));
        let missing = primary.keys().filter(|n| !dr.contains_key(n)).count();
        prop_assert_eq!(found.total as usize, dr.len() + missing);
    }
}
