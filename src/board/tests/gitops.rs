//! The GitOps table: both tools in one parity, what proves that controllers live, windows, and what is never shown.

use crate::model::gitops::Tool;

use super::*;

fn git(revision: &str) -> Fact {
    GitRepository(GitSource {
        cluster: "dr".into(),
        kind: "GitRepository".into(),
        namespace: "flux-system".into(),
        name: "fleet".into(),
        revision: revision.into(),
        ready: Open::new("True"),
        ..GitSource::default()
    })
    .into()
}

fn flux(kind: &str, name: &str) -> App {
    App {
        cluster: "dr".into(),
        namespace: "flux-system".into(),
        name: name.into(),
        kind: Open::new(kind),
        revision: "main@sha1:abc".into(),
        reconciled_at: (kind == "Kustomization").then(|| at("14:52:00")),
        automated: Some(true),
        flux: Some(FluxState {
            generation: 1,
            observed_generation: Some(1),
            ready: Open::new("True"),
            attempted: "main@sha1:abc".into(),
            source: Some(ObjectRef {
                kind: "GitRepository".into(),
                namespace: "flux-system".into(),
                name: "fleet".into(),
            }),
            interval_s: 600,
            ..FluxState::default()
        }),
        ..App::default()
    }
}

fn controller(name: &str, ready: u32, total: u32) -> Fact {
    Controller { cluster: "dr".into(), name: name.into(), ready, total }.into()
}

/// Twelve applications of Argo CD and two objects of Flux on each cluster, all well.
fn both(now: Stamp) -> Board {
    let mut board = board();
    let on = |it: App| App { cluster: "primary".into(), ..it };
    board.list("argocd/primary", now, FactKind::App, apps_on("primary", "Healthy", now));
    board.list("argocd/primary", now, FactKind::Controller, vec![controller("application-controller", 1, 1)]);
    board.list("flux/primary", now, FactKind::GitRepository, vec![git("main@sha1:abc")]);
    let infra = Kustomization(on(flux("Kustomization", "infra")));
    board.list("flux/primary", now, FactKind::Kustomization, vec![infra.into()]);
    let infra = HelmRelease(on(flux("HelmRelease", "infra")));
    board.list("flux/primary", now, FactKind::HelmRelease, vec![infra.into()]);
    let controllers = vec![controller("kustomize-controller", 1, 1), controller("helm-controller", 1, 1)];
    board.list("flux/primary", now, FactKind::Controller, controllers);
    board.list("argocd/dr", now, FactKind::App, apps("Healthy", now));
    board.list("argocd/dr", now, FactKind::Controller, vec![controller("application-controller", 1, 1)]);
    board.list("flux/dr", now, FactKind::GitRepository, vec![git("main@sha1:abc")]);
    board.list("flux/dr", now, FactKind::Kustomization, vec![Kustomization(flux("Kustomization", "infra")).into()]);
    board.list("flux/dr", now, FactKind::HelmRelease, vec![HelmRelease(flux("HelmRelease", "infra")).into()]);
    let controllers = vec![controller("kustomize-controller", 1, 1), controller("helm-controller", 1, 1)];
    board.list("flux/dr", now, FactKind::Controller, controllers);
    board
}

fn parity(board: &Board, now: Stamp) -> (u32, u32, Vec<String>, Row) {
    let judged = board.judge(now);
    let row = row(&judged, Topic::Gitops, "parity/dr").clone();
    let RowBody::Parity(ParityRow { ok, total, laggards, .. }) = &row.body else { panic!("{row:?}") };
    (*ok, *total, laggards.iter().map(|(name, why)| format!("{name}: {why}")).collect(), row)
}

#[test]
fn one_parity_counts_both_tools() {
    let now = at("14:53:00");
    let board = both(now);
    let (ok, total, laggards, row) = parity(&board, now);
    assert_eq!((ok, total, laggards), (14, 14, vec![]), "{row:?}");
    assert_eq!((row.verdict, row.why.as_str()), (Verdict::Ok, ""));
    let judged = board.judge(now);
    let ids: Vec<&str> = judged.rows(Topic::Gitops).iter().map(|row| row.id.as_str()).collect();
    assert!(ids.contains(&"app/dr/flux-system/kustomization/infra"), "{ids:?}");
    assert!(ids.contains(&"app/dr/flux-system/helmrelease/infra"), "{ids:?}");
    let release = super::row(&judged, Topic::Gitops, "app/dr/flux-system/helmrelease/infra");
    assert!(release.why.as_str().contains("only its ready helm-controller proves"), "{}", release.why);
    let RowBody::App(app) = &release.body else { panic!() };
    assert_eq!((app.tool(), app.expected.as_str(), app.controller), (Tool::Flux, "main@sha1:abc", Some((1, 1))));
}

#[test]
fn a_tool_that_is_not_heard_makes_the_parity_of_its_cluster_unknown() {
    let now = at("14:53:00");
    let mut board = both(now);
    let later = at("14:54:10");
    board.see("argocd/dr", later, SourceChange::Alive);
    let (ok, total, laggards, row) = parity(&board, later);
    assert_eq!((ok, total), (12, 14));
    assert!(row.stale && row.verdict == Verdict::Unknown && row.source == source("flux/dr"), "{row:?}");
    assert!(laggards.iter().all(|it| it.contains("not heard from")), "{laggards:?}");
}

#[test]
fn a_new_commit_in_the_source_is_a_lag_and_other_kinds_keep_their_own_lists() {
    let now = at("14:53:00");
    let mut board = both(now);
    board.fact("flux/dr", now, git("main@sha1:def"));
    let (ok, total, laggards, _) = parity(&board, now);
    assert_eq!((ok, total), (12, 14));
    assert!(
        laggards[0].contains("helmrelease/infra: its source GitRepository/fleet is at main@sha1:def"),
        "{laggards:?}"
    );
    board.list("flux/dr", now, FactKind::Kustomization, vec![]);
    let (ok, total, laggards, _) = parity(&board, now);
    assert_eq!((ok, total), (12, 14), "an empty list of Kustomizations says nothing of HelmReleases");
    assert_eq!(laggards[1], "kustomization/infra: on primary only");
}

#[test]
fn a_controller_that_is_not_ready_or_not_known_is_said_and_never_green_where_it_is_all_there_is() {
    let now = at("14:53:00");
    let mut board = both(now);
    board.list("flux/dr", now, FactKind::Controller, vec![]);
    let (ok, _, laggards, row) = parity(&board, now);
    assert_eq!(
        (ok, laggards.len()),
        (13, 1),
        "the Kustomization writes down when it was reconciled, the HelmRelease does not"
    );
    assert!(laggards[0].contains("nothing proves that its helm-controller runs"), "{laggards:?}");
    assert!(
        row.why.as_str().contains("kustomize-controller of flux/dr runs is not known: its pods can't be read"),
        "{}",
        row.why
    );
    board.list("argocd/dr", now, FactKind::Controller, vec![controller("application-controller", 0, 1)]);
    let (ok, _, _, row) = parity(&board, now);
    assert_eq!((ok, row.verdict), (1, Verdict::Warning));
    board.list("argocd/dr", now, FactKind::Controller, vec![controller("application-controller", 0, 0)]);
    let (ok, _, _, row) = parity(&board, now);
    assert_eq!(ok, 13, "no pod found proves nothing; the reconciliations are recent");
    assert!(row.why.as_str().contains("no pod of it was found"), "{}", row.why);
}

#[test]
fn health_is_not_shown_by_anybody_while_sync_is_unknown() {
    let now = at("14:53:00");
    let mut board = both(now);
    for sync in ["Unknown", "", "Hibernating"] {
        let odd = App { sync: Open::new(sync), ..app("shop-01", "Healthy", now) };
        board.fact("argocd/dr", now, odd);
        let judged = board.judge(now);
        let row = row(&judged, Topic::Gitops, "app/dr/argocd/shop-01");
        let RowBody::App(shown) = &row.body else { panic!() };
        assert_eq!((shown.health.as_str(), shown.sync.as_str()), ("", sync));
        assert!(row.verdict != Verdict::Ok && !row.why.as_str().contains("Healthy"), "{row:?}");
    }
}

#[test]
fn suspended_and_blocked_applications_say_so() {
    let now = at("14:53:00");
    let mut board = both(now);
    let deny = SyncWindow {
        kind: Open::new("deny"),
        schedule: "0 14 * * *".into(),
        duration: "2h".into(),
        manual_sync: true,
        namespaces: vec!["shop".into()],
        ..SyncWindow::default()
    };
    let project = Project { name: "default".into(), windows: vec![deny], ..Project::default() };
    board.list("argocd/dr", now, FactKind::Project, vec![project.into()]);
    let place = DeployTarget { namespace: "shop".into(), ..DeployTarget::default() };
    let frozen = App { place, ..app("shop-01", "Healthy", now) };
    board.fact("argocd/dr", now, frozen);
    board.fact("argocd/dr", now, App { suspended: true, ..app("shop-02", "Healthy", now) });
    let skipped = App { suspended: true, skipped: true, ..app("shop-03", "Healthy", now) };
    board.fact("argocd/dr", now, skipped);
    let mut infra = flux("Kustomization", "infra");
    infra.suspended = true;
    board.fact("flux/dr", now, Kustomization(infra));
    let judged = board.judge(now);
    let says = |id: &str, verdict: Verdict, part: &str| {
        let row = row(&judged, Topic::Gitops, id);
        assert!(row.verdict == verdict && row.why.as_str().contains(part), "{id}: {row:?}");
        row.body.clone()
    };
    let until = "blocks syncs until 2026-03-02 16:00:00 UTC; people may sync";
    let RowBody::App(frozen) = says("app/dr/argocd/shop-01", Verdict::Ok, until) else { panic!() };
    assert_eq!(frozen.windows, Windows::Blocked { manual: true, until: Some(at("16:00:00")) });
    says("app/dr/argocd/shop-02", Verdict::Ok, "automated sync is switched off");
    says("app/dr/argocd/shop-03", Verdict::Info, "reconciliation is skipped");
    says("app/dr/flux-system/kustomization/infra", Verdict::Info, "suspended");
    let (ok, total, _, row) = parity(&board, now);
    assert_eq!((ok, total), (12, 14));
    assert!(row.why.as_str().contains("a sync window blocks syncs of 1 application"), "{}", row.why);
}

#[test]
fn rows_cross_the_socket_as_they_are() {
    let now = at("14:53:00");
    for row in both(now).judge(now).rows(Topic::Gitops) {
        let text = serde_json::to_string(row).expect("JSON");
        assert_eq!(&serde_json::from_str::<Row>(&text).expect("a row"), row);
    }
}

#[test]
fn a_comparison_is_judged_and_shown_by_the_clock_of_its_cluster_and_an_old_one_says_its_age() {
    let now = at("14:53:00");
    let mut board = both(now);
    let id = "app/dr/argocd/shop-01";
    let shown = |board: &Board| {
        let judged = board.judge(now);
        let row = row(&judged, Topic::Gitops, id).clone();
        let RowBody::App(shown) = &row.body else { panic!("{row:?}") };
        (row.verdict, row.why.as_str().to_owned(), shown.reconciled_at)
    };
    board.fact("argocd/dr", now, app("shop-01", "Healthy", at("14:43:00")));
    let (verdict, why, _) = shown(&board);
    assert_eq!(verdict, Verdict::Unknown);
    assert!(why.contains("compared 10 min ago, too long ago"), "{why}");
    // The cluster's clock is five minutes behind: what it compared is younger than it looks.
    let mut plane = control_plane("dr", true);
    plane.skew_ms = Some(-300_000);
    board.fact("kubernetes/dr", now, plane);
    assert_eq!(shown(&board), (Verdict::Ok, String::new(), Some(at("14:48:00"))));
    // Ahead: what looks young is old.
    let mut plane = control_plane("dr", true);
    plane.skew_ms = Some(300_000);
    board.fact("kubernetes/dr", now, plane);
    board.fact("argocd/dr", now, app("shop-01", "Healthy", at("14:48:00")));
    let (verdict, why, _) = shown(&board);
    assert_eq!(verdict, Verdict::Unknown);
    assert!(why.contains("compared 10 min ago"), "{why}");
}
