//! What a room says when it starts, and starts again: nothing before it has read everything, nothing twice, and nothing of
//! what its own side could not ask.

use proptest::prelude::*;

use super::*;
use crate::board::FlapDamping;
use crate::model::Happening;
use crate::model::entry::Transition;
use crate::timeline::tests::Log;

/// How things are: users, etcd, applications, the DR location, an alert, the edge's API.
#[derive(Clone, Debug)]
struct TestWorld {
    good: [bool; 6],
    since: [Stamp; 6],
}

impl TestWorld {
    fn new(now: Stamp) -> Self {
        Self { good: [true; 6], since: [now; 6] }
    }

    fn turn(&mut self, what: usize, good: bool, now: Stamp) {
        if self.good[what] != good {
            self.good[what] = good;
            self.since[what] = now;
        }
    }

    /// Everything that the sources tell of it, each list by itself and the word that all are told last.
    fn told(&self, now: Stamp) -> Vec<(&'static str, SourceChange)> {
        let list = |kind, facts: Vec<Fact>| SourceChange::Replace { kind, facts };
        let [users, etcd, apps_well, place, quiet, edge] = self.good;
        let nodes = |cluster: &str| (1..=3).map(|n| node(cluster, &format!("node-{n}"), "True", now).into()).collect();
        let point = |cluster: &str| vec![backup(cluster, "shop-hourly-1429", at("14:29:00")).into()];
        let mut dr_place = location("dr", now);
        dr_place.phase = Open::new(if place { "Available" } else { "Unavailable" });
        let health = if apps_well { "Healthy" } else { "Degraded" };
        let mut alerts: Vec<Fact> = vec![alert("wd", "Watchdog", "none", at("00:00:00")).into()];
        if !quiet {
            alerts.push(alert("f1", "Down", "critical", self.since[4]).into());
        }
        let answers = probe(users, if users { 6 } else { 0 }, &[("primary", 6)], self.since[0]);
        let mut out = vec![
            ("kubernetes/primary", SourceChange::Upsert(control_plane("primary", etcd).into())),
            ("kubernetes/primary", list(FactKind::Node, nodes("primary"))),
            ("kubernetes/primary", SourceChange::Alive),
            ("kubernetes/dr", SourceChange::Upsert(control_plane("dr", true).into())),
            ("kubernetes/dr", list(FactKind::Node, nodes("dr"))),
            ("kubernetes/dr", SourceChange::Alive),
            ("velero/primary", list(FactKind::Schedule, vec![schedule("primary").into()])),
            ("velero/primary", list(FactKind::RestorePoint, point("primary"))),
            ("velero/primary", list(FactKind::Location, vec![location("primary", now).into()])),
            ("velero/primary", SourceChange::Alive),
            ("velero/dr", list(FactKind::RestorePoint, point("dr"))),
            ("velero/dr", list(FactKind::Location, vec![dr_place.into()])),
            ("velero/dr", SourceChange::Alive),
            ("argocd/primary", list(FactKind::App, vec![])),
            ("argocd/primary", SourceChange::Alive),
            ("argocd/dr", list(FactKind::App, apps(health, now))),
            ("argocd/dr", SourceChange::Alive),
            ("alertmanager/am-1", list(FactKind::AlertPeer, vec![peer("am-1", at("00:00:00")).into()])),
            ("alertmanager/am-1", list(FactKind::Alert, alerts.clone())),
            ("alertmanager/am-2", list(FactKind::AlertPeer, vec![peer("am-2", at("00:00:00")).into()])),
            ("alertmanager/am-2", list(FactKind::Alert, alerts)),
            ("probe/shop", SourceChange::Upsert(answers.into())),
        ];
        match edge {
            false => out.push(("cloudflare/edge", trouble(TroubleKind::Unreachable))),
            true => {
                let pools = vec![pool("primary", Some(true)).into(), pool("dr", Some(true)).into()];
                out.push(("cloudflare/edge", list(FactKind::Pool, pools)));
                let lb = load_balancer(&["primary", "dr"], "primary");
                out.push(("cloudflare/edge", list(FactKind::LoadBalancer, vec![lb.into()])));
                out.push(("cloudflare/edge", list(FactKind::EdgeAccount, vec![])));
            }
        }
        out
    }
}

/// A room as the engine keeps it: the board, what it looks for, and a log that is folded.
struct TestRoom {
    board: Board,
    changes: FlapDamping,
    log: Log,
}

impl TestRoom {
    fn new(changes: FlapDamping) -> Self {
        Self { board: board(), changes, log: Log::new() }
    }

    fn hear(&mut self, told: &[(&str, SourceChange)], now: Stamp) {
        for (from, change) in told {
            self.board.see(from, now, change.clone());
        }
    }

    fn look(&mut self, now: Stamp) -> Vec<Transition> {
        let found = self.changes.find(&self.board.judge(now), &rules(), now);
        for edge in &found {
            self.log.room(now, Happening::Transition(edge.clone()));
        }
        found
    }

    /// Stops, and starts again with nothing but its log.
    fn restart(&mut self, changes: impl FnOnce(crate::timeline::StandingChanges) -> FlapDamping) {
        self.board = board();
        self.changes = changes(self.log.fold().standing().clone());
    }

    /// What was told of each thing, in order.
    fn by_thing(&self) -> BTreeMap<(Option<TransitionFamily>, String), Vec<TransitionKind>> {
        let mut out: BTreeMap<_, Vec<TransitionKind>> = BTreeMap::new();
        for entry in &self.log.entries {
            if let Happening::Transition(edge) = &entry.happening {
                out.entry((edge.edge.family(), edge.about())).or_default().push(edge.edge.clone());
            }
        }
        out
    }
}

fn second(clock: &str, seconds: i64) -> Stamp {
    at(clock) + TimeDelta::seconds(seconds)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// However often a room stops and starts, whatever it has heard when it first looks: its log says what the log of a room
    /// says that never stopped.
    #[test]
    fn a_restart_adds_nothing_and_loses_nothing(
        steps in prop::collection::vec((0usize..6, any::<bool>(), any::<bool>(), 0usize..30), 1..8),
    ) {
        let mut now = at("14:40:00");
        let mut world = TestWorld::new(now);
        let mut rooms = [TestRoom::new(FlapDamping::default()), TestRoom::new(FlapDamping::default())];
        for (what, good, restarts, heard) in steps {
            world.turn(what, good, now);
            // Long enough that everything which has to last has lasted, and that silence counts.
            for _ in 0..24 {
                let told = world.told(now);
                for room in &mut rooms {
                    room.hear(&told, now);
                    room.look(now);
                }
                now += TimeDelta::seconds(5);
            }
            if restarts {
                let told = world.told(now);
                let room = &mut rooms[1];
                room.restart(FlapDamping::new);
                room.hear(&told[..heard.min(told.len())], now);
                room.look(now);
                room.hear(&told, now);
                room.look(now);
            }
        }
        prop_assert_eq!(rooms[0].by_thing(), rooms[1].by_thing());
    }
}

/// What a source is asked for, with everything in it, without a thing in it, half told, from the future, or not at all.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Doubt {
    None,
    Empty,
    Unheard,
    Partial,
    Future,
    Cut,
}

fn doubted(told: Vec<(&'static str, SourceChange)>, doubts: &[Doubt; 10]) -> Vec<(&'static str, SourceChange)> {
    let doubt = |name: &str| doubts[SOURCES.iter().position(|it| *it == name).expect("a source")];
    let mut out: Vec<(&str, SourceChange)> = Vec::new();
    for (from, change) in told {
        match (doubt(from), change) {
            (Doubt::Unheard, _) => {}
            (Doubt::Empty, SourceChange::Replace { kind, .. }) => {
                out.push((from, SourceChange::Replace { kind, facts: vec![] }))
            }
            // Half of its lists, and never the word that all are there.
            (Doubt::Cut, SourceChange::Alive) => {}
            (Doubt::Cut, SourceChange::Replace { kind: FactKind::Location | FactKind::Node | FactKind::App, .. }) => {}
            (_, change) => out.push((from, change)),
        }
    }
    let partial = SOURCES.iter().filter(|name| doubt(name) == Doubt::Partial);
    out.extend(partial.map(|name| (*name, trouble(TroubleKind::Partial))));
    out
}

/// Why a row may not be well, if it may not.
fn unproven(judged: &JudgedBoard, row: &Row, doubts: &[Doubt; 10], now: Stamp) -> Option<&'static str> {
    let doubt = |id: &SourceId| SOURCES.iter().position(|it| source(it) == *id).map(|n| doubts[n]);
    match &row.body {
        RowBody::Cluster(ClusterRow { nodes, nodes_ready, .. }) if *nodes == 0 || nodes_ready < nodes => {
            return Some("no node is ready");
        }
        RowBody::Parity(ParityRow { ok, total, .. }) if *total == 0 || ok < total => {
            return Some("no application is at parity");
        }
        RowBody::Backup(BackupRow { point: None, .. }) => return Some("no restore point"),
        RowBody::Backup(BackupRow { point: Some(point), .. }) if point.started > now + TimeDelta::seconds(60) => {
            return Some("a future point");
        }
        RowBody::Service(ServiceRow { good_percent, .. }) if *good_percent != Some(100) => {
            return Some("no good answer");
        }
        RowBody::Probe(probe) if probe.samples == 0 || probe.good < probe.samples => return Some("no good answer"),
        RowBody::LoadBalancer(LoadBalancerRow { order, .. }) if order.is_empty() => return Some("no pool"),
        _ => {}
    }
    if row.stale || row.seen_at > now + TimeDelta::seconds(5) {
        return Some("its proof is old or from the future");
    }
    match doubt(&row.source) {
        Some(Doubt::Unheard) => Some("its source was never heard"),
        Some(Doubt::Partial) if !matches!(row.body, RowBody::Alert(_)) => Some("its source is partial"),
        Some(Doubt::Future) => Some("its source is in the future"),
        _ if judged.rows(Topic::Sources).is_empty() => Some("no source"),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is missing of what the sources tell, no row is well for want of it.
    #[test]
    fn no_row_is_well_on_nothing(
        picks in prop::array::uniform10(prop::sample::select(vec![
            Doubt::None, Doubt::None, Doubt::Empty, Doubt::Unheard, Doubt::Partial, Doubt::Future, Doubt::Cut,
        ])),
        started_in_s in -600i64..1_200,
    ) {
        let now = at("14:40:00");
        let mut board = board();
        for (from, mut change) in doubted(TestWorld::new(now).told(now), &picks) {
            let n = SOURCES.iter().position(|it| *it == from).expect("a source");
            let seen_at = if picks[n] == Doubt::Future { now + TimeDelta::minutes(7) } else { now };
            if let SourceChange::Replace { kind: FactKind::RestorePoint, facts } = &mut change {
                for fact in facts {
                    if let Fact::RestorePoint(point) = fact {
                        point.started = Some(now + TimeDelta::seconds(started_in_s));
                    }
                }
            }
            board.see(from, seen_at, change);
        }
        let judged = board.judge(now);
        for (topic, row) in judged.topics.iter().flat_map(|(topic, view)| view.rows.iter().map(move |row| (topic, row))) {
            if row.verdict == Verdict::Ok {
                let why = unproven(&judged, row, &picks, now);
                prop_assert!(why.is_none(), "{topic:?} is well: {}: {row:?}", why.unwrap_or_default());
            }
        }
    }
}

#[test]
fn nothing_is_said_before_every_list_is_read() {
    let now = at("14:40:00");
    let told = TestWorld::new(now).told(now);
    // Whatever was heard so far, and in whatever order the sources answer.
    for cut in 0..=told.len() {
        let mut room = TestRoom::new(FlapDamping::at_once());
        room.hear(&told[..cut], now);
        let said: Vec<TransitionKind> = room.look(now).into_iter().map(|edge| edge.edge).collect();
        let usable = if said.is_empty() { &[][..] } else { &[TransitionKind::BackupUsable][..] };
        assert_eq!(said, usable, "after {cut}");
        let judged = room.board.judge(now);
        for row in judged.topics.values().flat_map(|view| &view.rows) {
            assert!(row.verdict < Verdict::Warning, "after {cut}: {row:?}");
        }
    }
    let mut room = TestRoom::new(FlapDamping::at_once());
    room.hear(&told[..8], now);
    let it = row(&room.board.judge(now), Topic::Backups, "schedule/shop-hourly").clone();
    assert_eq!(it.verdict, Verdict::Unknown, "{}", it.why);
}

#[test]
fn what_ended_while_the_room_was_not_running_is_said_once() {
    let now = at("14:40:00");
    let mut world = TestWorld::new(now);
    (0..5).for_each(|what| world.turn(what, false, now));
    let mut room = TestRoom::new(FlapDamping::at_once());
    room.hear(&world.told(now), now);
    room.look(now);
    let bad = room.by_thing();
    assert!(bad.values().flatten().filter(|kind| kind.begins()).count() >= 5, "{bad:?}");

    let later = at("14:43:00");
    (0..5).for_each(|what| world.turn(what, true, later));
    room.restart(FlapDamping::new);
    room.hear(&world.told(later), later);
    let mut said: Vec<String> = room.look(later).into_iter().map(|edge| edge.edge.to_string()).collect();
    said.sort();
    let ends = ["alert.gone", "control_plane.ok", "gitops.parity", "location.ok", "probe.ok", "service.recovered"];
    assert_eq!(said, ends);
    room.hear(&world.told(later), later);
    assert_eq!(room.look(later), []);
}

/// It ended and began again meanwhile: another alert, though of the same labels.
#[test]
fn an_alert_that_fires_anew_after_a_restart_is_said() {
    let now = at("14:40:00");
    let mut world = TestWorld::new(now);
    world.turn(4, false, now);
    let mut room = TestRoom::new(FlapDamping::at_once());
    room.hear(&world.told(now), now);
    room.look(now);
    room.restart(FlapDamping::new);
    room.hear(&world.told(now), now);
    assert_eq!(room.look(now), [], "it fires as it did");
    world.since[4] = at("14:42:00");
    let later = at("14:42:10");
    room.restart(FlapDamping::new);
    room.hear(&world.told(later), later);
    let said = room.look(later);
    assert_eq!(said.iter().map(|edge| edge.edge.as_str()).collect::<Vec<_>>(), ["alert.firing"]);
    assert_eq!(said[0].at, at("14:42:00"));
}

#[test]
fn what_is_in_passing_is_no_entry_and_what_lasts_is_told_from_its_beginning() {
    let mut world = TestWorld::new(at("14:40:00"));
    let mut room = TestRoom::new(FlapDamping::default());
    let mut said = Vec::new();
    for s in 0..600 {
        let now = second("14:40:00", s);
        // For two seconds of every ten something reconciles; from the fifth minute on it is really behind.
        let behind = s % 10 < 2 || s >= 300;
        world.turn(2, !behind, now);
        world.turn(3, !behind, now);
        room.hear(&world.told(now), now);
        said.extend(room.look(now).into_iter().map(|edge| (edge.edge.to_string(), edge.at, s)));
    }
    let told: Vec<(&str, i64)> = said.iter().map(|(kind, _, s)| (kind.as_str(), *s)).collect();
    assert_eq!(told[0].0, "backup.usable");
    let rest: Vec<&(String, Stamp, i64)> =
        said.iter().filter(|(kind, ..)| kind.starts_with("gitops") || kind.starts_with("location")).collect();
    assert_eq!(
        rest.iter().map(|it| (it.0.as_str(), it.2)).collect::<Vec<_>>(),
        [("gitops.drift", 360), ("location.unavailable", 360)]
    );
    assert!(rest.iter().all(|it| it.1 == second("14:40:00", 300)), "{rest:?}");
}

#[test]
fn what_goes_to_and_fro_is_told_a_few_times_and_then_counted() {
    let mut world = TestWorld::new(at("14:40:00"));
    let mut room = TestRoom::new(FlapDamping::default());
    let mut folded = Vec::new();
    for s in (0..3_600).step_by(10) {
        let now = second("14:40:00", s);
        world.turn(1, (s / 30) % 2 == 0 || s > 1_800, now);
        room.hear(&world.told(now), now);
        room.look(now);
        folded.extend(room.changes.swallowed(now));
    }
    let of_etcd: Vec<TransitionKind> =
        room.by_thing().remove(&(Some(TransitionFamily::ControlPlane), "primary".to_owned())).expect("told");
    assert!((4..=20).contains(&of_etcd.len()), "{of_etcd:?}");
    assert_eq!(of_etcd.last(), Some(&TransitionKind::ControlPlaneOk), "its end is told");
    assert!(folded.iter().map(|it| it.count).sum::<u64>() >= 10, "{folded:?}");
}

#[test]
fn what_our_own_side_could_not_ask_is_unknown_and_never_an_outage() {
    let now = at("14:40:00");
    for kind in [TroubleKind::Credential, TroubleKind::Unauthorized, TroubleKind::Local] {
        let mut room = TestRoom::new(FlapDamping::at_once());
        for name in SOURCES {
            room.hear(
                &[(name, SourceChange::Trouble(Trouble { kind, what: "session expired".into(), remedy: "".into() }))],
                now,
            );
        }
        let judged = room.board.judge(now);
        for (topic, row) in judged.topics.iter().flat_map(|(topic, view)| view.rows.iter().map(move |row| (topic, row)))
        {
            assert!(row.verdict < Verdict::Critical, "{kind:?} {topic:?}: {row:?}");
        }
        let cluster = row(&judged, Topic::Clusters, "primary");
        assert_eq!(cluster.verdict, Verdict::Unknown, "{}", cluster.why);
        let words = kind.own_failure().expect("ours");
        assert!(cluster.why.as_str().contains(&format!("not looked at, {words}: session expired")), "{}", cluster.why);
        for edge in room.look(now) {
            assert_eq!((edge.edge, edge.verdict.as_str()), (TransitionKind::SourceLost, "unknown"));
            assert!(
                edge.says.as_str().contains("not looked at") && edge.says.as_str().contains("session expired"),
                "{}",
                edge.says
            );
        }
    }
    let theirs = [TroubleKind::Unreachable, TroubleKind::Silent, TroubleKind::ServerError];
    for kind in theirs {
        assert_eq!(kind.own_failure(), None);
        let mut board = board();
        board.see("kubernetes/primary", now, trouble(kind));
        assert_eq!(row(&board.judge(now), Topic::Clusters, "primary").verdict, Verdict::Critical);
    }
}
