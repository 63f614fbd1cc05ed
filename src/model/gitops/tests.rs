//! "Deployed and healthy": one good application of each tool, and everything that breaks it.

use proptest::prelude::*;

use super::*;

fn at(clock: &str) -> Stamp {
    format!("2026-11-22T{clock}Z").parse().expect("a time")
}

fn now() -> Stamp {
    at("19:05:00")
}

fn argo() -> App {
    App {
        kind: Open::new("Application"),
        name: "shop-web".into(),
        sync: Open::new("Synced"),
        health: Open::new("Healthy"),
        revision: "abc".into(),
        target_revision: "main".into(),
        destination_matches: true,
        reconciled_at: Some(at("19:04:00")),
        operation_phase: Open::new("Succeeded"),
        automated: Some(true),
        ..App::default()
    }
}

fn git() -> GitSource {
    GitSource {
        kind: "GitRepository".into(),
        namespace: "flux-system".into(),
        name: "fleet".into(),
        revision: "main@sha1:abc".into(),
        ready: Open::new("True"),
        ..GitSource::default()
    }
}

fn flux(kind: &str) -> App {
    let revision: SafeText = "main@sha1:abc".into();
    App {
        kind: Open::new(kind),
        name: "shop".into(),
        revision: revision.clone(),
        destination_matches: true,
        reconciled_at: (kind == "Kustomization").then(|| at("19:00:00")),
        flux: Some(FluxState {
            generation: 3,
            observed_generation: Some(3),
            ready: Open::new("True"),
            reason: Open::new("ReconciliationSucceeded"),
            attempted: revision,
            source: Some(git().object()),
            interval_s: 600,
            ..FluxState::default()
        }),
        ..App::default()
    }
}

fn pods(ready: u32, total: u32) -> Controller {
    Controller { ready, total, ..Controller::default() }
}

fn why(
    app: &App,
    source: Option<&GitSource>,
    controller: Option<Controller>,
    stale_s: u64,
) -> Option<(LagKind, String)> {
    let around = Around { reconciled_for_s: stale_s, source, controller: controller.as_ref(), ..nothing() };
    app.lag(around).map(|lag| (lag.kind, lag.why))
}

fn nothing<'a>() -> Around<'a> {
    Around {
        seen_at: now(),
        reconciled_for_s: 540,
        source: None,
        repository: None,
        controller: None,
        source_controller: None,
    }
}

fn breaks(app: &App, source: Option<&GitSource>, part: &str) {
    let (_, why) = why(app, source, Some(pods(1, 1)), 540).unwrap_or_else(|| panic!("{part}: deployed and healthy"));
    assert!(why.contains(part), "{part}: {why}");
}

#[test]
fn an_argo_cd_application_needs_every_part() {
    assert_eq!(why(&argo(), None, None, 540), None);
    assert_eq!(why(&argo(), None, Some(pods(1, 1)), 540), None);
    type Break = fn(&mut App);
    let all: [(&str, Break); 22] = [
        ("sync is OutOfSync", |it| it.sync = Open::new("OutOfSync")),
        ("sync is unknown", |it| it.sync = Open::new("Unknown")),
        ("sync is Hibernating", |it| it.sync = Open::new("Hibernating")),
        ("not compared yet", |it| it.sync = Open::default()),
        ("health is Progressing", |it| it.health = Open::new("Progressing")),
        ("health is Suspended", |it| it.health = Open::new("Suspended")),
        ("health is Missing", |it| it.health = Open::new("Missing")),
        ("health is unknown", |it| it.health = Open::new("Unknown")),
        ("health is Tired", |it| it.health = Open::new("Tired")),
        ("health is not known yet", |it| it.health = Open::default()),
        ("operation is pending", |it| it.operation_pending = true),
        ("operation is Running", |it| it.operation_phase = Open::new("Running")),
        ("operation is Terminating", |it| it.operation_phase = Open::new("Terminating")),
        ("last operation: Error", |it| it.operation_phase = Open::new("Error")),
        ("last operation: Odd", |it| it.operation_phase = Open::new("Odd")),
        ("waits to be tried again", |it| it.retrying = true),
        ("ComparisonError: no such host", |it| it.errors = vec!["ComparisonError: no such host".into()]),
        ("another destination", |it| it.destination_matches = false),
        ("being deleted", |it| it.deleting = true),
        ("too long ago", |it| it.reconciled_at = Some(at("18:56:00"))),
        ("never reconciled", |it| it.reconciled_at = None),
        ("not with 01234567", |it| it.target_revision = "0123456789abcdef0123456789abcdef01234567".into()),
    ];
    for (part, change) in all {
        let mut app = argo();
        change(&mut app);
        breaks(&app, None, part);
    }
    let mut skipped = argo();
    skipped.skipped = true;
    breaks(&skipped, None, "reconciliation is skipped");
}

#[test]
fn something_must_prove_that_argo_cd_lives() {
    let unproven = |it| matches!(it, Some((LagKind::Unproven, _)));
    assert!(unproven(why(&argo(), None, Some(pods(0, 1)), 540)), "a controller that is not ready");
    assert_eq!(why(&argo(), None, Some(pods(0, 0)), 540), None, "no pod found proves nothing, its own time does");
    assert!(unproven(why(&argo(), None, None, 0)), "its time is not asked for, and its pods can't be read");
    assert!(unproven(why(&argo(), None, Some(pods(0, 0)), 0)));
    assert_eq!(why(&argo(), None, Some(pods(1, 2)), 0), None);
}

#[test]
fn a_flux_object_needs_every_part() {
    let git = git();
    assert_eq!(why(&flux("Kustomization"), Some(&git), None, 540), None);
    assert_eq!(why(&flux("HelmRelease"), Some(&git), Some(pods(1, 1)), 540), None);
    type Break = fn(&mut App, &mut FluxState);
    let all: [(&str, Break); 18] = [
        ("suspended", |app, _| app.suspended = true),
        ("being deleted", |app, _| app.deleting = true),
        ("never reconciled", |_, it| it.observed_generation = Some(-1)),
        ("never reconciled", |_, it| it.observed_generation = None),
        ("generation 2 of 3", |_, it| it.observed_generation = Some(2)),
        ("stalled until a person helps: BadSpec", |_, it| it.stalled = Some("BadSpec".into())),
        ("BuildFailed", |_, it| (it.ready, it.reason) = (Open::new("False"), Open::new("BuildFailed"))),
        ("DependencyNotReady", |_, it| (it.ready, it.reason) = (Open::new("False"), Open::new("DependencyNotReady"))),
        ("being reconciled", |_, it| it.ready = Open::new("Unknown")),
        ("not reconciled yet", |_, it| it.ready = Open::default()),
        ("Ready is Perhaps", |_, it| it.ready = Open::new("Perhaps")),
        ("fails and is tried again: its last reconciliation ended as HealthCheckFailed", |_, it| {
            (it.ready, it.failed) = (Open::new("Unknown"), Open::new("HealthCheckFailed"));
        }),
        ("being reconciled", |_, it| it.reconciling = Some(Open::new("Progressing"))),
        ("fails and is tried again", |_, it| it.reconciling = Some(Open::new("ProgressingWithRetry"))),
        ("rollout of main@sha1:new fails", |_, it| it.attempted = "main@sha1:new".into()),
        ("which source", |_, it| it.source = None),
        ("too long ago", |app, _| app.reconciled_at = Some(at("18:35:00"))),
        ("nothing is applied", |app, it| (app.revision, it.attempted) = ("".into(), "".into())),
    ];
    for (part, change) in all {
        let mut app = flux("Kustomization");
        let mut state = app.flux.take().expect("a state");
        change(&mut app, &mut state);
        app.flux = Some(state);
        breaks(&app, Some(&git), part);
    }
    breaks(&flux("Kustomization"), None, "its source GitRepository/fleet is not known");
    let empty = GitSource { revision: "".into(), ..git.clone() };
    breaks(&flux("Kustomization"), Some(&empty), "has no artifact");
    let ahead = GitSource { revision: "main@sha1:def".into(), ..git };
    breaks(&flux("Kustomization"), Some(&ahead), "GitRepository/fleet is at main@sha1:def");
}

#[test]
fn a_helm_release_is_fresh_only_by_its_controller() {
    let (git, app) = (git(), flux("HelmRelease"));
    for (controller, fresh) in
        [(None, false), (Some(pods(0, 0)), false), (Some(pods(0, 1)), false), (Some(pods(1, 1)), true)]
    {
        let found = why(&app, Some(&git), controller.clone(), 540);
        assert_eq!(found.is_none(), fresh, "{controller:?}: {found:?}");
        if let Some((kind, why)) = found {
            assert_eq!(kind, LagKind::Unproven);
            assert!(why.contains("helm-controller"), "{why}");
        }
    }
    // Its interval says how old a Kustomization may be: three of them, and three minutes at least.
    let mut app = flux("Kustomization");
    app.reconciled_at = Some(at("18:35:01"));
    assert_eq!(why(&app, Some(&git), None, 540), None);
    app.flux.as_mut().expect("a state").interval_s = 30;
    app.reconciled_at = Some(at("19:02:01"));
    assert_eq!(why(&app, Some(&git), None, 540), None);
    app.reconciled_at = Some(at("19:02:00"));
    breaks(&app, Some(&git), "too long ago");
}

#[test]
fn an_oci_artifact_is_recognised_by_its_digest() {
    let mut app = flux("HelmRelease");
    app.revision = "6.5.0+abcdef123456".into();
    let state = app.flux.as_mut().expect("a state");
    (state.attempted, state.digest) = (app.revision.clone(), "sha256:abcdef123456789".into());
    let oci = GitSource { revision: "6.5.0@sha256:abcdef123456789".into(), ..git() };
    assert_eq!(why(&app, Some(&oci), Some(pods(1, 1)), 540), None);
    let other = GitSource { revision: "6.5.0@sha256:ffffff123456789".into(), ..git() };
    breaks(&app, Some(&other), "6.5.0@sha256:ffffff");
}

#[test]
fn what_is_in_passing_has_a_clock_and_a_limit() {
    let since = |minutes: i64| Some(now() - chrono::TimeDelta::minutes(minutes));
    type Pass = fn(&mut App, Option<Stamp>);
    let argo_cd: [Pass; 4] = [
        |app, at| (app.operation_phase, app.times.operation) = (Open::new("Running"), at),
        |app, at| (app.operation_phase, app.times.operation) = (Open::new("Terminating"), at),
        |app, at| (app.health, app.times.health) = (Open::new("Progressing"), at),
        |app, at| {
            (app.sync, app.operation_phase, app.times.operation) = (Open::new("OutOfSync"), Open::new("Running"), at);
        },
    ];
    let of_flux: [Pass; 3] = [
        |app, at| {
            app.times.ready = at;
            let state = app.flux.as_mut().expect("a state");
            (state.ready, state.reason) = (Open::new("False"), Open::new("DependencyNotReady"));
        },
        |app, at| {
            app.times.ready = at;
            app.flux.as_mut().expect("a state").ready = Open::new("Unknown");
        },
        |app, at| {
            app.times.reconciling = at;
            app.flux.as_mut().expect("a state").reconciling = Some(Open::new("Progressing"));
        },
    ];
    let git = git();
    let with = |pass: Pass, mut app: App, at| {
        pass(&mut app, at);
        why(&app, Some(&git), Some(pods(1, 1)), 540).expect("a lag")
    };
    let all = argo_cd.iter().map(|it| (*it, argo())).chain(of_flux.iter().map(|it| (*it, flux("Kustomization"))));
    for (pass, app) in all {
        assert_eq!(with(pass, app.clone(), since(15)).0, LagKind::Passing);
        let (kind, says) = with(pass, app.clone(), since(9 * 60));
        assert_eq!(kind, LagKind::Wrong, "{says}");
        assert!(says.contains("for 9 h, over 15 min"), "{says}");
        let (kind, says) = with(pass, app.clone(), since(-7));
        assert_eq!(kind, LagKind::Unproven, "{says}");
        assert!(says.contains("some clock is wrong"), "{says}");
        // Whoever could finish it is dead: nothing is being worked on.
        let mut dead = app;
        pass(&mut dead, since(1));
        let (kind, says) = why(&dead, Some(&git), Some(pods(0, 1)), 540).expect("a lag");
        assert_eq!(kind, LagKind::Unproven, "{says}");
        assert!(says.starts_with("no pod of its"), "{says}");
    }
}

#[test]
fn a_failing_sync_tells_its_reason_and_everything_else_that_is_wrong() {
    let mut app = argo();
    (app.sync, app.operation_phase, app.retrying) = (Open::new("OutOfSync"), Open::new("Running"), true);
    (app.operation_message, app.retries) = ("Service \"bad\" is invalid".into(), 3);
    app.health = Open::new("Degraded");
    let fails = "sync is OutOfSync, and syncing fails, tried again 3 times so far: Service \"bad\" is invalid; health is \
                 Degraded";
    assert_eq!(why(&app, None, None, 540), Some((LagKind::Wrong, fails.to_owned())));
    // In the middle of a try it fails no less.
    app.retrying = false;
    assert_eq!(why(&app, None, None, 540), Some((LagKind::Wrong, fails.to_owned())));
    (app.operation_phase, app.retries) = (Open::new("Failed"), 0);
    breaks(&app, None, "sync is OutOfSync, last operation: Failed: Service");
    app.operation_phase = Open::default();
    assert_eq!(why(&app, None, None, 540).map(|it| it.1).as_deref(), Some("sync is OutOfSync; health is Degraded"));
}

#[test]
fn nothing_deployed_is_not_well() {
    let mut app = argo();
    for (objects, well) in [(None, true), (Some(3), true), (Some(0), false)] {
        app.objects = objects;
        let found = why(&app, None, None, 540);
        assert_eq!(found.is_none(), well, "{objects:?}: {found:?}");
    }
    breaks(&app, None, "it has no resources");
    let mut app = flux("Kustomization");
    app.objects = Some(0);
    breaks(&app, Some(&git()), "its inventory is empty");
}

#[test]
fn a_first_try_that_failed_tells_why() {
    let mut app = flux("Kustomization");
    app.revision = "".into();
    let state = app.flux.as_mut().expect("a state");
    (state.observed_generation, state.ready) = (Some(-1), Open::new("False"));
    (state.reason, state.message) = (Open::new("HealthCheckFailed"), "timeout waiting for Deployment/sick".into());
    let says = "never reconciled so far: HealthCheckFailed: timeout waiting for Deployment/sick";
    assert_eq!(why(&app, Some(&git()), Some(pods(1, 1)), 540), Some((LagKind::Wrong, says.to_owned())));
    app.flux.as_mut().expect("a state").ready = Open::default();
    assert_eq!(why(&app, Some(&git()), None, 540), Some((LagKind::Unproven, "never reconciled".to_owned())));
}

#[test]
fn a_source_that_does_not_look_proves_nothing() {
    let (app, git) = (flux("Kustomization"), git());
    let well = Around { source: Some(&git), ..nothing() };
    assert_eq!(app.lag(well), None);
    type Break = fn(&mut GitSource);
    let breaks: [(&str, Break); 4] = [
        ("GitRepository/fleet is suspended: what is newer there is not seen", |it| it.suspended = true),
        ("GitRepository/fleet is not ready: GitOperationFailed: connection refused", |it| {
            (it.ready, it.reason) = (Open::new("False"), Open::new("GitOperationFailed"));
            it.message = "connection refused".into();
        }),
        ("nothing says that its source GitRepository/fleet is ready", |it| it.ready = Open::default()),
        ("GitRepository/fleet is being fetched for 9 h, over 15 min", |it| {
            (it.ready, it.since) = (Open::new("Unknown"), Some(at("10:05:00")));
        }),
    ];
    for (part, change) in breaks {
        let mut source = git.clone();
        change(&mut source);
        let lag = app.lag(Around { source: Some(&source), ..well }).unwrap_or_else(|| panic!("{part}: well"));
        assert!(lag.kind >= LagKind::Unproven && lag.why.contains(part), "{part}: {lag:?}");
    }
    // The chart is there; the repository that newer ones would come from is not.
    let chart = GitSource { kind: "HelmChart".into(), ..git.clone() };
    let mut repository = GitSource { kind: "HelmRepository".into(), name: "charts".into(), ..git.clone() };
    // One that holds OCI charts never says anything about itself.
    repository.ready = Open::default();
    let of_chart = Around { source: Some(&chart), ..nothing() };
    assert_eq!(app.lag(Around { repository: Some(&repository), ..of_chart }), None);
    repository.suspended = true;
    let lag = app.lag(Around { repository: Some(&repository), ..of_chart }).expect("a lag");
    assert!(lag.why.contains("HelmRepository/charts is suspended"), "{}", lag.why);
    for (ready, total, says) in
        [(0, 0, "no pod of source-controller was found"), (0, 2, "no pod of source-controller is ready")]
    {
        let pods = pods(ready, total);
        let lag = app.lag(Around { source_controller: Some(&pods), ..well }).expect("a lag");
        assert!(lag.kind == LagKind::Unproven && lag.why.contains(says), "{lag:?}");
        // A reconciliation that waits for what nobody hands out is not merely in passing.
        let mut waits = app.clone();
        waits.flux.as_mut().expect("of Flux").ready = Open::new("Unknown");
        let lag = waits.lag(Around { source_controller: Some(&pods), ..well }).expect("a lag");
        assert!(lag.kind == LagKind::Unproven && lag.why.contains("being reconciled"), "{lag:?}");
        assert!(lag.why.contains(says), "{lag:?}");
    }
    assert_eq!(app.lag(Around { source_controller: Some(&pods(1, 2)), ..well }), None);
}

#[test]
fn a_comparison_that_is_still_to_come_proves_nothing() {
    for (app, source) in [(argo(), None), (flux("Kustomization"), Some(git()))] {
        let app = App { reconciled_at: Some(at("19:12:00")), ..app };
        let (kind, says) = why(&app, source.as_ref(), Some(pods(1, 1)), 540).expect("a lag");
        assert_eq!(kind, LagKind::Unproven);
        assert!(says.contains("compared 7 min in the future: some clock is wrong"), "{says}");
        let near = App { reconciled_at: Some(at("19:05:40")), ..app };
        assert_eq!(why(&near, source.as_ref(), Some(pods(1, 1)), 540), None, "clocks of one cluster differ a little");
    }
}

fn word(known: &'static [&'static str]) -> impl Strategy<Value = Open> {
    prop_oneof![4 => prop::sample::select(known).prop_map(Open::new), 1 => "\\PC{0,12}".prop_map(|it| Open::new(&it))]
}

proptest! {
    /// Whatever an object says, it counts only if the words of the contract are all there and its time is recent.
    #[test]
    fn nothing_but_the_whole_predicate_is_well(
        sync in word(&["Synced", "OutOfSync", "Unknown", ""]),
        health in word(&["Healthy", "Degraded", "Unknown", ""]),
        phase in word(&["Succeeded", "Running", "Failed", ""]),
        flags in prop::array::uniform6(prop::bool::weighted(0.1)),
        age in prop::option::of(-100_i64..2000),
        ready in prop::option::of((0_u32..3, 0_u32..3)),
        stale_s in prop::sample::select(vec![0_u64, 60, 540]),
    ) {
        let [pending, retrying, error, other_place, deleting, skipped] = flags;
        let app = App {
            sync: sync.clone(), health: health.clone(), operation_phase: phase.clone(),
            operation_pending: pending, retrying, destination_matches: !other_place, deleting, skipped,
            errors: if error { vec!["SyncError".into()] } else { vec![] },
            reconciled_at: age.map(|age| now() - chrono::TimeDelta::seconds(age)),
            ..argo()
        };
        let controller = ready.map(|(ready, more)| pods(ready, ready + more));
        let well = why(&app, None, controller.clone(), stale_s).is_none();
        let dead = controller.as_ref().is_some_and(|it| it.total > 0 && it.ready == 0);
        let lives = controller.as_ref().is_some_and(|it| it.ready > 0);
        let recent = age.is_some_and(|age| age >= -60 && if stale_s == 0 { lives } else { age < stale_s as i64 });
        let words = sync.is("Synced") && health.is("Healthy") && (phase.is("") || phase.is("Succeeded"));
        prop_assert_eq!(well, words && flags == [false; 6] && recent && !dead);
    }

    #[test]
    fn no_flux_object_is_well_that_the_contract_does_not_call_so(
        ready in word(&["True", "False", "Unknown", ""]),
        reconciling in prop::option::weighted(0.2, word(&["Progressing", "ProgressingWithRetry"])),
        flags in prop::array::uniform4(prop::bool::weighted(0.15)),
        seen in prop::option::of(-1_i64..4),
        revisions in prop::array::uniform3(prop::sample::select(vec!["", "a", "b"])),
        sourced in any::<bool>(),
    ) {
        let [suspended, deleting, stalled, old] = flags;
        let [applied, attempted, artifact] = revisions;
        let mut app = App { suspended, deleting, revision: applied.into(), ..flux("Kustomization") };
        if old {
            app.reconciled_at = Some(at("10:00:00"));
        }
        let state = app.flux.as_mut().expect("a state");
        (state.ready, state.reconciling, state.observed_generation) = (ready.clone(), reconciling.clone(), seen);
        (state.attempted, state.stalled) = (attempted.into(), stalled.then(|| "x".into()));
        let source = GitSource { revision: artifact.into(), ..git() };
        let well = why(&app, sourced.then_some(&source), None, 540).is_none();
        let good = ready.is("True") && reconciling.is_none() && seen == Some(3) && flags == [false; 4]
            && sourced && !artifact.is_empty() && applied == artifact && (attempted.is_empty() || attempted == applied);
        prop_assert_eq!(well, good);
    }
}
