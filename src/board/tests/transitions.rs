//! The drill's story as observations, and what is remembered of it.

use super::*;
use crate::board::{RateLimiter, find_transitions};
use crate::model::entry::Transition;

/// Plays observations and collects transitions as the engine would.
struct Play {
    board: Board,
    last: JudgedBoard,
    edges: Vec<Transition>,
}

impl Play {
    fn new(board: Board) -> Self {
        Self { board, last: JudgedBoard::default(), edges: Vec::new() }
    }

    /// Judges, and gives the new transitions.
    fn look(&mut self, now: Stamp) -> Vec<String> {
        let judged = self.board.judge(now);
        let new = find_transitions(&self.last, &judged, &rules(), now);
        self.last = judged;
        let names = new.iter().map(|edge| edge.edge.to_string()).collect();
        self.edges.extend(new);
        names
    }

    fn named(&self, name: &str) -> &Transition {
        self.edges
            .iter()
            .find(|edge| edge.edge.as_str() == name)
            .unwrap_or_else(|| panic!("no {name}: {:#?}", self.edges))
    }

    /// Everything but the primary cluster says again what it said.
    fn alive(&mut self, now: Stamp) {
        for name in SOURCES.iter().filter(|name| **name != "velero/primary" && **name != "argocd/primary") {
            self.board.see(name, now, SourceChange::Alive);
        }
        self.board.list("velero/dr", now, FactKind::Location, vec![location("dr", now).into()]);
    }
}

#[test]
fn the_story_of_the_drill_gives_its_edges_in_order() {
    let mut board = all_well(at("14:36:50"));
    board.list("argocd/dr", at("14:36:50"), FactKind::App, apps("Progressing", at("14:36:50")));
    let mut play = Play::new(board);
    let mut first = play.look(at("14:36:50"));
    first.sort();
    assert_eq!(first, ["backup.usable", "gitops.drift"], "the point to lose by, and what is already bad");

    // Impact: etcd, nodes, users.
    let now = at("14:37:05");
    play.board.fact("kubernetes/primary", now, control_plane("primary", false));
    let nodes = (1..=3).map(|n| node("primary", &format!("node-{n}"), "Unknown", at("14:36:50")).into()).collect();
    play.board.list("kubernetes/primary", now, FactKind::Node, nodes);
    play.board.fact("probe/shop", now, probe(false, 4, &[("primary", 6)], at("14:37:00")));
    let names = play.look(now);
    assert_eq!(names, ["probe.failing", "control_plane.failing", "node.not_ready"]);
    let failing = play.named("probe.failing");
    assert_eq!((failing.at, failing.service.as_deref()), (at("14:37:00"), Some("shop")));
    assert_eq!(failing.figures["restore_point"], "shop-hourly-1429");
    assert_eq!(failing.figures["started"], "2026-03-02T14:29:00.000Z");
    assert_eq!(play.named("control_plane.failing").says, "etcd of primary fails its health check");
    assert_eq!(play.named("node.not_ready").figures["silent"], 3);

    // Detection.
    let now = at("14:41:03");
    play.alive(now);
    for instance in ["alertmanager/am-1", "alertmanager/am-2"] {
        let alerts = vec![
            alert("wd", "Watchdog", "none", at("00:00:00")).into(),
            alert("f1", "etcdMembersDown", "critical", at("14:41:00")).into(),
        ];
        play.board.list(instance, now, FactKind::Alert, alerts);
    }
    let names = play.look(now);
    assert!(names.contains(&"alert.firing".to_owned()) && names.contains(&"source.lost".to_owned()), "{names:?}");
    let firing = play.named("alert.firing");
    assert_eq!((firing.at, firing.verdict.as_str()), (at("14:41:00"), "critical"));
    assert_eq!(firing.says, "Alert etcdMembersDown fires on primary → pagerduty");
    assert_eq!(
        play.edges.iter().filter(|edge| edge.edge == TransitionKind::AlertFiring).count(),
        1,
        "merged over instances"
    );

    // Failover: order, then drained traffic, then applications, restore, recovery.
    let now = at("14:50:31");
    play.alive(now);
    let lb = load_balancer(&["dr", "primary"], "dr");
    play.board.list("cloudflare/edge", now, FactKind::LoadBalancer, vec![lb.into()]);
    play.board.fact("probe/shop", now, probe(false, 0, &[("dr", 2), ("primary", 4)], at("14:37:00")));
    let names = play.look(now);
    assert!(names.contains(&"traffic.order".to_owned()) && !names.contains(&"traffic.moved".to_owned()), "{names:?}");
    let order = play.named("traffic.order");
    assert_eq!(order.says, "shop.example: the order is now dr → primary, fallback dr; it was primary → dr");

    let now = at("14:51:00");
    play.alive(now);
    play.board.fact("probe/shop", now, probe(false, 0, &[("dr", 6)], at("14:37:00")));
    assert_eq!(play.look(now), ["traffic.moved"]);
    let moved = play.named("traffic.moved");
    assert_eq!((moved.at, &moved.figures["from"], &moved.figures["to"]), (now, &"primary".into(), &"dr".into()));

    let now = at("14:53:00");
    play.alive(now);
    play.board.list("argocd/dr", now, FactKind::App, apps("Healthy", now));
    assert_eq!(play.look(now), ["gitops.parity"]);
    assert_eq!(play.named("gitops.parity").says, "GitOps: 12 of 12 applications healthy on dr");

    let now = at("14:54:51");
    play.alive(now);
    play.board.list("velero/dr", now, FactKind::Restore, vec![restore("InProgress", at("14:54:50"), None).into()]);
    assert_eq!(play.look(now), ["restore.started"]);
    let now = at("14:59:01");
    play.alive(now);
    let done = restore("Completed", at("14:54:50"), Some(at("14:59:00")));
    play.board.list("velero/dr", now, FactKind::Restore, vec![done.into()]);
    assert_eq!(play.look(now), ["restore.completed"]);
    assert_eq!(play.named("restore.completed").service.as_deref(), Some("shop"));

    let now = at("15:03:35");
    play.alive(now);
    play.board.list("argocd/dr", now, FactKind::App, apps("Healthy", at("15:02:00")));
    play.board.fact("probe/shop", now, probe(true, 2, &[("dr", 6)], at("15:03:30")));
    assert_eq!(play.look(now), [""; 0], "two good answers of six are no end of it");
    let now = at("15:04:00");
    play.alive(now);
    play.board.fact("probe/shop", now, probe(true, 6, &[("dr", 6)], at("15:03:30")));
    assert_eq!(play.look(now), ["probe.ok", "service.recovered"]);
    let recovered = play.named("service.recovered");
    assert_eq!((recovered.at, &recovered.figures["site"]), (now, &"dr".into()));
    assert_eq!(play.look(now), [""; 0], "nothing changed, nothing is said");
}

#[test]
fn what_is_already_bad_at_the_first_judgement_is_said_once() {
    let now = at("14:45:00");
    let mut board = all_well(now);
    board.fact("kubernetes/primary", now, control_plane("primary", false));
    board.fact("probe/shop", now, probe(false, 0, &[("primary", 6)], at("14:37:00")));
    let mut place = location("primary", now);
    place.phase = Open::new("Unavailable");
    board.list("velero/primary", now, FactKind::Location, vec![place.into()]);
    board.see("kubernetes/dr", now, trouble(TroubleKind::Unreachable));
    board.see("velero/unknown", now, trouble(TroubleKind::Unreachable));
    let mut play = Play::new(board);
    let mut names = play.look(now);
    names.sort();
    let bad = [
        "backup.overdue",
        "backup.usable",
        "control_plane.failing",
        "location.unavailable",
        "probe.failing",
        "source.lost",
    ];
    assert_eq!(names, bad);
    assert_eq!(play.named("source.lost").source, "velero/unknown", "one bad answer is not a loss yet");
    assert_eq!(play.look(now), [""; 0]);
}

#[test]
fn a_source_that_falls_silent_leaves_a_gap_with_its_length() {
    let mut board = all_well(at("14:40:00"));
    board.see("cloudflare/edge", at("14:40:05"), trouble(TroubleKind::Unreachable));
    let mut play = Play::new(board);
    play.look(at("14:40:10"));
    for name in SOURCES.iter().filter(|name| **name != "cloudflare/edge") {
        play.board.see(name, at("14:45:00"), SourceChange::Alive);
    }
    let names = play.look(at("14:45:00"));
    assert_eq!(names.iter().filter(|name| *name == "source.lost").count(), 1, "{names:?}");
    let lost = play.named("source.lost").clone();
    assert_eq!((lost.at, lost.source.as_str()), (at("14:40:00"), "cloudflare/edge"));
    assert_eq!(lost.says, "cloudflare/edge not heard from since 14:40:00 UTC: connection refused");
    play.board.see("cloudflare/edge", at("14:45:02"), SourceChange::Alive);
    assert_eq!(play.look(at("14:45:03")), ["source.back"]);
    let back = play.named("source.back");
    assert_eq!(back.figures["gap_s"], 302);
    assert_eq!(back.figures["from"], "2026-03-02T14:40:00.000Z");
    assert_eq!(back.says, "cloudflare/edge answers again after 5 min without data");
}

#[test]
fn a_dark_source_neither_repeats_nor_swallows_what_happened_meanwhile() {
    let mut play = Play::new(all_well(at("14:40:00")));
    play.look(at("14:40:00"));
    let dark = play.look(at("14:50:00"));
    assert!(!dark.contains(&"gitops.drift".to_owned()), "silence is not drift: {dark:?}");
    play.board.list("argocd/dr", at("14:50:01"), FactKind::App, apps("Healthy", at("14:50:00")));
    let back = play.look(at("14:50:01"));
    assert!(!back.contains(&"gitops.parity".to_owned()), "it was at parity before: {back:?}");
    play.board.list("argocd/dr", at("14:50:02"), FactKind::App, apps("Degraded", at("14:50:00")));
    assert_eq!(play.look(at("14:50:02")), ["gitops.drift"]);
    play.look(at("15:00:00"));
    play.board.list("argocd/dr", at("15:00:01"), FactKind::App, apps("Healthy", at("15:00:00")));
    assert!(play.look(at("15:00:01")).contains(&"gitops.parity".to_owned()));
}

fn poll(play: &mut Play, now: Stamp, instances: &[&str], alerts: &[Alert]) -> Vec<String> {
    for instance in instances {
        let facts = alerts.iter().cloned().map(Fact::from).collect();
        play.board.list(instance, now, FactKind::Alert, facts);
    }
    let names = play.look(now);
    names.into_iter().filter(|name| name.starts_with("alert.") || name.starts_with("watchdog.")).collect()
}

#[test]
fn an_alert_is_resolved_only_when_every_instance_was_asked_twice_and_is_old_enough() {
    let both = ["alertmanager/am-1", "alertmanager/am-2"];
    let watchdog = alert("wd", "Watchdog", "none", at("00:00:00"));
    let fire = [watchdog.clone(), alert("f1", "KubeAPIDown", "critical", at("14:41:00"))];
    let calm = [watchdog.clone()];

    let mut play = Play::new(all_well(at("14:40:00")));
    poll(&mut play, at("14:41:05"), &both, &fire);
    assert_eq!(poll(&mut play, at("14:41:10"), &both, &calm), [""; 0], "one answer is not enough");
    assert_eq!(poll(&mut play, at("14:41:15"), &both, &calm), ["alert.resolved"]);
    assert_eq!(poll(&mut play, at("14:41:20"), &both, &fire), ["alert.firing"], "it may come back");
    assert_eq!(poll(&mut play, at("14:41:25"), &both[..1], &calm), [""; 0]);
    assert_eq!(poll(&mut play, at("14:41:30"), &both[..1], &calm), [""; 0], "am-2 still holds it");
    let judged = play.board.judge(at("14:41:30"));
    let it = row(&judged, Topic::Alerts, "f1");
    let RowBody::Alert(AlertRow { held_by, missing_from, .. }) = &it.body else { panic!() };
    assert_eq!((held_by.clone(), missing_from.clone()), (vec!["am-2".to_owned()], vec!["am-1".to_owned()]));
    assert_eq!(it.why, "am-2 holds it, am-1 does not");

    // A restarted instance has forgotten: absence proves nothing.
    let mut play = Play::new(all_well(at("14:40:00")));
    poll(&mut play, at("14:41:05"), &both, &fire);
    play.board.list(both[0], at("14:41:10"), FactKind::AlertPeer, vec![peer("am-1", at("14:41:08")).into()]);
    poll(&mut play, at("14:41:10"), &both, &calm);
    assert_eq!(poll(&mut play, at("14:41:15"), &both, &calm), ["alert.gone"]);
    let it = row(&play.last, Topic::Alerts, "f1").clone();
    assert_eq!(it.verdict, Verdict::Unknown, "gone and unconfirmed is not well");
}

#[test]
fn an_alertmanager_that_was_started_again_gives_one_row_and_says_that_the_beginning_may_be_its_own() {
    let one = ["alertmanager/am-1", "alertmanager/am-2"];
    let mut play = Play::new(all_well(at("14:40:00")));
    poll(&mut play, at("14:41:05"), &one, &[alert("f1", "KubeAPIDown", "critical", at("14:41:00"))]);
    for from in one {
        play.board.list(from, at("14:50:02"), FactKind::AlertPeer, vec![peer("am", at("14:50:00")).into()]);
    }
    poll(&mut play, at("14:50:03"), &one, &[]);
    assert!(poll(&mut play, at("14:50:05"), &one, &[]).contains(&"alert.gone".to_owned()));
    // It is held again by those that are not whole, so that nobody can vouch for its end; still it is one alert.
    for from in one {
        play.board.see(from, at("14:50:06"), trouble(TroubleKind::Unreachable));
    }
    let again = [alert("f1", "KubeAPIDown", "critical", at("14:50:08"))];
    assert!(poll(&mut play, at("14:50:10"), &one, &again).contains(&"alert.firing".to_owned()));
    let told = play.edges.iter().rfind(|edge| edge.edge.as_str() == "alert.firing").expect("told");
    assert_eq!(told.figures["starts_at"], "2026-03-02T14:50:08.000Z");
    assert_eq!(told.figures["since_restart"], true);
    assert_eq!(play.last.rows(Topic::Alerts).iter().filter(|row| row.id == "f1").count(), 1);
    assert_eq!(poll(&mut play, at("14:50:11"), &one, &again), [""; 0], "it is told once");
    // By a member that runs for long its beginning is its own.
    play.board.list(one[1], at("14:50:12"), FactKind::AlertPeer, vec![peer("am", at("10:00:00")).into()]);
    poll(&mut play, at("14:50:12"), &one, &again);
    let RowBody::Alert(AlertRow { since_restart, .. }) = &row(&play.last, Topic::Alerts, "f1").body else { panic!() };
    assert!(!since_restart);
}

#[test]
fn a_beginning_just_before_an_alertmanager_was_started_is_the_alerts_own() {
    let one = ["alertmanager/am-1", "alertmanager/am-2"];
    for (began, expected) in
        [("14:50:01.999Z", false), ("14:50:02Z", true), ("14:52:01.999Z", true), ("14:52:02Z", false)]
    {
        let mut play = Play::new(all_well(at("14:40:00")));
        for from in one {
            play.board.list(from, at("14:50:03"), FactKind::AlertPeer, vec![peer("am", at("14:50:02")).into()]);
        }
        let began = format!("2026-03-02T{began}").parse().expect("an instant");
        poll(&mut play, at("14:53:00"), &one, &[alert("f1", "KubeAPIDown", "critical", began)]);
        let RowBody::Alert(AlertRow { since_restart, .. }) = &row(&play.last, Topic::Alerts, "f1").body else {
            panic!()
        };
        assert_eq!(*since_restart, expected, "{began}");
    }
}

#[test]
fn a_beginning_that_is_still_to_come_is_told_once_and_not_believed() {
    let both = ["alertmanager/am-1", "alertmanager/am-2"];
    let mut play = Play::new(all_well(at("14:40:00")));
    let fire = [alert("f1", "KubeAPIDown", "critical", at("16:41:00"))];
    assert!(poll(&mut play, at("14:41:05"), &both, &fire).contains(&"alert.firing".to_owned()));
    let told = play.edges.iter().rfind(|edge| edge.edge.as_str() == "alert.firing").expect("told");
    assert_eq!((told.at, &told.figures["since_restart"]), (at("14:41:05"), &serde_json::Value::from(true)));
    for clock in ["14:41:10", "14:41:15"] {
        let names = poll(&mut play, at(clock), &both, &fire);
        assert!(!names.contains(&"alert.firing".to_owned()), "{names:?}");
    }
}

#[test]
fn an_alert_that_ended_and_began_again_unseen_fires_again() {
    let both = ["alertmanager/am-1", "alertmanager/am-2"];
    let mut play = Play::new(all_well(at("14:40:00")));
    let fire = |began: &str| [alert("f1", "KubeAPIDown", "critical", at(began))];
    poll(&mut play, at("14:41:05"), &both, &fire("14:41:00"));
    // The first to tell of it lets go of it: what the other says is no news, for it began before it was last seen.
    poll(&mut play, at("14:41:10"), &both[1..], &fire("14:41:03"));
    poll(&mut play, at("14:41:15"), &both[..1], &[]);
    assert_eq!(poll(&mut play, at("14:41:20"), &both[..1], &[]), [""; 0]);
    let names = poll(&mut play, at("14:50:00"), &both, &fire("14:45:00"));
    assert!(names.contains(&"alert.firing".to_owned()), "{names:?}");
    let told = play.edges.iter().rfind(|edge| edge.edge.as_str() == "alert.firing").expect("told");
    assert_eq!(
        (told.at, &told.figures["starts_at"]),
        (at("14:45:00"), &serde_json::Value::from("2026-03-02T14:45:00.000Z"))
    );
}

#[test]
fn the_watchdog_is_a_heartbeat_and_not_an_alert() {
    let both = ["alertmanager/am-1", "alertmanager/am-2"];
    let mut play = Play::new(all_well(at("14:40:00")));
    assert_eq!(play.look(at("14:40:00")), ["backup.usable"]);
    assert_eq!(row(&play.last, Topic::Alerts, "wd").verdict, Verdict::Ok);
    poll(&mut play, at("14:40:05"), &both, &[]);
    assert_eq!(poll(&mut play, at("14:40:10"), &both, &[]), ["watchdog.missing"]);
    assert_eq!(row(&play.last, Topic::Alerts, "wd").verdict, Verdict::Critical);
    let much_later = at("16:00:00");
    assert_eq!(poll(&mut play, much_later, &both, &[]), [""; 0], "missing stays missing");
    let back = [alert("wd", "Watchdog", "none", at("16:00:01"))];
    assert_eq!(poll(&mut play, at("16:00:05"), &both, &back), ["watchdog.seen"]);
}

#[test]
fn silencing_an_alert_does_not_end_it() {
    let both = ["alertmanager/am-1", "alertmanager/am-2"];
    let fire = alert("f1", "KubeAPIDown", "critical", at("14:41:00"));
    let mut quiet = fire.clone();
    quiet.state = Open::new("suppressed");
    quiet.silenced_by = vec!["s-1".into()];
    let mut play = Play::new(all_well(at("14:40:00")));
    poll(&mut play, at("14:41:05"), &both, std::slice::from_ref(&fire));
    let with_watchdog = |it: &Alert| [alert("wd", "Watchdog", "none", at("00:00:00")), it.clone()];
    assert_eq!(poll(&mut play, at("14:41:10"), &both, &with_watchdog(&quiet)), ["alert.silenced"]);
    let it = row(&play.last, Topic::Alerts, "f1");
    assert_eq!((it.verdict, it.why.as_str()), (Verdict::Info, "silenced by s-1, of which nothing is known"));
    assert_eq!(poll(&mut play, at("14:41:15"), &both, &with_watchdog(&fire)), ["alert.firing"]);
}

#[test]
fn a_dead_primary_gives_no_site_and_the_move_to_dr_is_still_seen() {
    let mut play = Play::new(all_well(at("14:37:00")));
    play.look(at("14:37:00"));
    play.board.fact("probe/shop", at("14:38:00"), probe(false, 0, &[], at("14:37:05")));
    play.look(at("14:38:00"));
    play.board.fact("probe/shop", at("14:51:00"), probe(false, 0, &[("dr", 3)], at("14:37:05")));
    assert!(play.look(at("14:51:00")).contains(&"traffic.moved".to_owned()));
    assert_eq!(play.named("traffic.moved").figures["from"], "primary");
}

#[test]
fn an_old_restore_seen_for_the_first_time_is_no_news() {
    let mut play = Play::new(all_well(at("14:37:00")));
    play.look(at("14:37:00"));
    let old = restore("Completed", at("10:00:00"), Some(at("10:05:00")));
    play.board.list("velero/dr", at("14:37:01"), FactKind::Restore, vec![old.into()]);
    assert_eq!(play.look(at("14:37:01")), [""; 0]);
    let mut quick = restore("Completed", at("14:37:00"), Some(at("14:37:02")));
    quick.name = "quick".into();
    play.board.fact("velero/dr", at("14:37:03"), quick);
    assert_eq!(play.look(at("14:37:03")), ["restore.started", "restore.completed"]);
}

#[test]
fn ignored_edges_are_left_out_by_name_and_by_family() {
    let now = at("14:45:00");
    let mut board = all_well(now);
    board.fact("kubernetes/primary", now, control_plane("primary", false));
    board.fact("probe/shop", now, probe(false, 0, &[("primary", 6)], at("14:37:00")));
    let names = |ignore: &[&str]| {
        let rules = EntryRules { ignore: ignore.iter().map(|it| (*it).to_owned()).collect(), ..rules() };
        let found = find_transitions(&JudgedBoard::default(), &board.judge(now), &rules, now);
        found.into_iter().map(|edge| edge.edge.to_string()).collect::<Vec<_>>()
    };
    let all = names(&[]);
    assert!(all.contains(&"backup.usable".to_owned()) && all.contains(&"backup.overdue".to_owned()), "{all:?}");
    assert!(!names(&["backup.usable"]).contains(&"backup.usable".to_owned()));
    assert!(names(&["backup.usable"]).contains(&"backup.overdue".to_owned()));
    assert!(!names(&["backup.*"]).iter().any(|name| name.starts_with("backup.")));
    assert_eq!(names(&["*"]), [""; 0]);
}

#[test]
fn the_limiter_holds_back_a_storm_and_says_how_much() {
    let now = at("14:45:00");
    let edge = |name: &str| {
        let found = find_transitions(&JudgedBoard::default(), &all_well(now).judge(now), &rules(), now);
        Transition { edge: name.into(), ..found[0].clone() }
    };
    let (firing, other) = (edge("alert.firing"), edge("probe.failing"));
    let mut limiter = RateLimiter::new(&EntryRules { per_minute: 3, ..rules() });
    let second = |n: i64| now + TimeDelta::seconds(n);
    let boot = |n: u64| std::time::Duration::from_secs(n);
    let allowed = (0..10).filter(|n| limiter.allow(&firing, second(*n), boot(n.unsigned_abs()))).count();
    assert_eq!(allowed, 3);
    assert!(limiter.allow(&other, second(10), boot(10)), "each name has its own limit");
    assert_eq!(limiter.folded(boot(30)), [], "the minute is not over");
    let folded = limiter.folded(boot(60));
    assert_eq!(folded.len(), 1);
    assert_eq!((folded[0].edge.as_str(), folded[0].count), ("alert.firing", 7));
    assert_eq!((folded[0].from, folded[0].to), (second(3), second(9)));
    assert_eq!(limiter.folded(boot(61)), [], "said once");
    let day = 86_400;
    let ahead = (0..10).filter(|n| limiter.allow(&firing, second(day + *n), boot(62))).count();
    let back = (0..10).filter(|n| limiter.allow(&firing, second(-day - *n), boot(63))).count();
    assert_eq!((ahead, back), (3, 0), "the wall clock, however it is set, gives no new minute");
}

#[test]
fn what_a_dead_alertmanager_held_last_keeps_no_alert_alive_that_the_others_saw_end() {
    let both = ["alertmanager/am-1", "alertmanager/am-2"];
    let watchdog = alert("wd", "Watchdog", "none", at("00:00:00"));
    let fire = [watchdog.clone(), alert("f1", "KubeAPIDown", "critical", at("14:41:00"))];
    let mut play = Play::new(all_well(at("14:40:00")));
    poll(&mut play, at("14:41:05"), &both, &fire);
    play.board.see(both[1], at("14:41:10"), trouble(TroubleKind::Unreachable));
    assert_eq!(poll(&mut play, at("14:41:10"), &both[..1], std::slice::from_ref(&watchdog)), [""; 0]);
    assert_eq!(poll(&mut play, at("14:41:15"), &both[..1], &[watchdog]), ["alert.resolved"]);
    assert_eq!(poll(&mut play, at("14:41:20"), &both[1..], &fire), ["alert.firing"], "it is back, and still holds it");
}

#[test]
fn an_alert_is_as_fresh_as_those_that_hold_it() {
    let both = ["alertmanager/am-1", "alertmanager/am-2"];
    let watchdog = alert("wd", "Watchdog", "none", at("00:00:00"));
    let fire = [watchdog.clone(), alert("f1", "KubeAPIDown", "critical", at("14:41:00"))];
    let mut play = Play::new(all_well(at("14:40:00")));
    poll(&mut play, at("14:41:05"), &both, &fire);
    poll(&mut play, at("14:42:05"), &both[..1], &[watchdog]);
    let it = row(&play.last, Topic::Alerts, "f1");
    assert!(it.stale && it.seen_at == at("14:41:05"), "am-1 has lost it, am-2 was not heard for a minute: {it:?}");
}
