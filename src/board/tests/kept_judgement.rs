//! What is kept of a judgement is what judging everything anew would give, and nothing is judged for nothing.

use proptest::prelude::*;

use super::*;
use crate::board::KeptJudgement;

/// A judgement that is up to date, and the board it is of.
struct Judging {
    board: Board,
    kept: KeptJudgement,
}

impl Judging {
    fn of(board: Board, now: Stamp) -> Self {
        let mut it = Self { board, kept: KeptJudgement::default() };
        it.judged(now);
        it
    }

    /// Which tables changed, and how many were judged.
    fn judged(&mut self, now: Stamp) -> (Vec<Topic>, u64) {
        let before = self.kept.topics_judged();
        let changed = self.kept.renew(&mut self.board, now);
        (changed.into_iter().collect(), self.kept.topics_judged() - before)
    }
}

#[test]
fn nothing_is_judged_while_nothing_is_heard_until_an_instant_comes_that_changes_something() {
    let seen = at("14:37:00");
    let mut it = Judging::of(all_well(seen), seen);
    for ms in (0..30_000).step_by(100) {
        let now = seen + TimeDelta::milliseconds(ms);
        // Within these seconds the schedule's next run comes no nearer, and no day ends.
        assert_eq!(it.judged(now), (vec![], 0), "{now}");
    }
    // Their data may be 30 s old, and not a moment more.
    assert_eq!(it.judged(seen + TimeDelta::seconds(30)).0, []);
    let (changed, _) = it.judged(seen + TimeDelta::milliseconds(30_001));
    assert!(changed.contains(&Topic::Sources) && changed.contains(&Topic::Alerts), "{changed:?}");
    assert!(it.kept.board().rows(Topic::Alerts).iter().all(|row| row.stale && row.verdict >= Verdict::Unknown));
}

#[test]
fn what_is_heard_is_judged_and_nothing_else() {
    let seen = at("14:37:00");
    let mut it = Judging::of(all_well(seen), seen);
    let now = seen + TimeDelta::seconds(5);
    it.board.fact("alertmanager/am-1", now, alert("f1", "Down", "critical", now));
    // Its table, that of the silences that may keep it quiet, and that of the sources: it answered.
    assert_eq!(it.judged(now).1, 3);
    assert_eq!(row(it.kept.board(), Topic::Alerts, "f1").verdict, Verdict::Critical);
    let event = |n: u32| KubeEvent {
        uid: format!("e-{n}"),
        cluster: "dr".into(),
        namespace: "shop".into(),
        object_kind: "Pod".into(),
        object_name: "p".into(),
        reason: "BackOff".into(),
        message: "".into(),
        kind: Open::new("Warning"),
        count: 1,
        first: None,
        last: now,
        component: "".into(),
    };
    it.board.fact("kubernetes/dr", now, event(0));
    it.judged(now);
    // A storm of events is a proof of life once a second.
    for n in 1..10 {
        let now = now + TimeDelta::milliseconds(i64::from(n) * 100);
        it.board.fact("kubernetes/dr", now, event(n));
        assert_eq!(it.judged(now), (vec![Topic::Events], 1), "{n}");
    }
}

#[test]
fn what_did_not_change_is_not_copied() {
    let seen = at("14:37:00");
    let mut it = Judging::of(all_well(seen), seen);
    let before = it.kept.board().topics.clone();
    let now = seen + TimeDelta::seconds(5);
    it.board.fact("probe/shop", now, probe(false, 0, &[("primary", 6)], now));
    let (changed, _) = it.judged(now);
    assert_eq!(changed, [Topic::Sources, Topic::Services, Topic::Traffic]);
    for (topic, view) in &before {
        assert_eq!(Arc::ptr_eq(view, &it.kept.board().topics[topic]), !changed.contains(topic), "{topic:?}");
    }
}

/// Something is heard of one of many kinds of thing.
fn hear(board: &mut Board, what: usize, n: usize, now: Stamp) {
    let (good, cluster) = (n.is_multiple_of(2), if n % 4 < 2 { "primary" } else { "dr" });
    let ago = |seconds: usize| now - TimeDelta::seconds(seconds as i64);
    let kube = format!("kubernetes/{cluster}");
    let velero = format!("velero/{cluster}");
    let am = format!("alertmanager/am-{}", 1 + n % 2);
    match what {
        0 => {
            let skew = [None, Some(20_000), Some(-9_000)][n % 3];
            board.fact(&kube, now, ControlPlane { skew_ms: skew, ..control_plane(cluster, good) });
        }
        1 => {
            let pod = Pod {
                cluster: cluster.into(),
                namespace: if good { "shop" } else { "other" }.into(),
                name: format!("p-{n}").as_str().into(),
                trouble: "Failed".into(),
                restarts: 0,
                stage: [PodStage::Starting, PodStage::Started, PodStage::Ending][n % 3],
                since: (!n.is_multiple_of(5)).then(|| ago(n * 40)),
            };
            board.list(&kube, now, FactKind::Pod, vec![pod.into()]);
        }
        2 => {
            board.list(&kube, now, FactKind::NamespacePods, vec![pods(cluster, n as u32 % 4, 3).into()]);
        }
        3 => {
            let mut point = backup(cluster, &format!("shop-hourly-{}", n % 5), ago(n * 60));
            point.expires = Some(now + TimeDelta::seconds(3_000 + n as i64 * 60));
            point.phase = Open::new(["Completed", "InProgress", "New", "Deleting"][n % 4]);
            board.list(&velero, now, FactKind::RestorePoint, vec![point.into()]);
        }
        4 => {
            board.list(&velero, now, FactKind::Location, vec![location(cluster, ago(n * 10)).into()]);
        }
        5 => {
            let cron = ["29 * * * *", "@every 10m", "*/5 * * * *", "bad"][n % 4].into();
            let it = Schedule { cron, created: Some(ago(n * 100)), ..schedule("primary") };
            board.list("velero/primary", now, FactKind::Schedule, vec![it.into()]);
        }
        6 => {
            let phase = ["Completed", "InProgress", "Failed", ""][n % 4];
            let it = restore(phase, ago(n * 3_000), good.then(|| ago(n * 2_900)));
            board.list("velero/dr", now, FactKind::Restore, vec![it.into()]);
        }
        7 => {
            let health = if good { "Healthy" } else { "Degraded" };
            let facts = apps_on(cluster, health, ago(n * 20));
            board.list(&format!("argocd/{cluster}"), now, FactKind::App, facts);
        }
        8 => {
            let mut it = alert(&format!("f{}", n % 3), "Down", "critical", ago(n));
            it.silenced_by = if good { vec!["s-1".into()] } else { Vec::new() };
            board.list(&am, now, FactKind::Alert, if n.is_multiple_of(3) { Vec::new() } else { vec![it.into()] });
        }
        9 => {
            board.list(&am, now, FactKind::AlertPeer, vec![peer("am-1", ago(n * 9)).into()]);
        }
        10 => {
            let it = Silence {
                id: "s-1".into(),
                state: Open::new(["active", "pending", "expired"][n % 3]),
                matchers: Vec::new(),
                more_sets: false,
                created_by: "ana".into(),
                comment: "".into(),
                starts_at: None,
                ends_at: Some(now + TimeDelta::seconds([-86_000, 90, 2_591_990, 172_790][n % 4] + n as i64)),
            };
            board.list(&am, now, FactKind::Silence, vec![it.into()]);
        }
        11 => {
            let mut account = EdgeAccount { account: "acc".into(), ..EdgeAccount::default() };
            account.token.expires = Some(now + TimeDelta::seconds(n as i64 * 20));
            board.fact("cloudflare/edge", now, account);
        }
        12 => {
            board.list("cloudflare/edge", now, FactKind::Pool, vec![pool(cluster, Some(good)).into()]);
        }
        13 => {
            board.fact("probe/shop", now, probe(good, n as u32 % 7, &[(cluster, 6)], ago(n)));
        }
        14 => {
            let kind = [TroubleKind::Unreachable, TroubleKind::Partial, TroubleKind::Forbidden][n % 3];
            board.see(SOURCES[n % SOURCES.len()], now, trouble(kind));
        }
        15 => {
            board.see(SOURCES[n % SOURCES.len()], now, SourceChange::Alive);
        }
        _ => {
            let it = KubeEvent {
                uid: format!("e-{n}"),
                cluster: cluster.into(),
                namespace: "shop".into(),
                object_kind: "Pod".into(),
                object_name: "p".into(),
                reason: "BackOff".into(),
                message: "".into(),
                kind: Open::new("Warning"),
                count: 1,
                first: None,
                last: if good { now } else { now + TimeDelta::seconds(90) },
                component: "".into(),
            };
            board.fact(&kube, now, it);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is heard in whatever order, and however much time goes by, also back: at no instant is anything kept that is
    /// not so. What went stale is never shown as well for a moment longer.
    #[test]
    fn what_is_kept_is_what_judging_everything_anew_gives(
        steps in prop::collection::vec(
            (0usize..17, 0usize..60, prop_oneof![0i64..2_000, 0i64..60_000, 0i64..4_000_000, -9_000i64..0]),
            1..40,
        ),
    ) {
        let mut now = at("23:20:00");
        let mut it = Judging::of(all_well(now), now);
        for (what, n, wait) in steps {
            if n % 3 != 0 {
                hear(&mut it.board, what, n, now);
            }
            it.judged(now);
            prop_assert_eq!(it.kept.board(), &it.board.judge(now));
            now += TimeDelta::milliseconds(wait);
            it.judged(now);
            prop_assert_eq!(it.kept.board(), &it.board.judge(now), "after {} ms", wait);
        }
    }
}
