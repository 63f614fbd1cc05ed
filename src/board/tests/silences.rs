//! Silences on the board: merged by id, who is kept quiet by whom, and members that can't vouch.

use super::*;
use crate::board::silences::members;
use crate::model::facts::{Matcher, Silence};

fn silence(id: &str, state: &str, line: &str) -> Silence {
    Silence {
        id: id.into(),
        state: Open::new(state),
        matchers: Matcher::parse_all(line).expect("matchers"),
        more_sets: false,
        created_by: "ana".into(),
        comment: "INC-1: known".into(),
        starts_at: Some(at("14:00:00")),
        ends_at: Some(at("16:00:00")),
    }
}

fn quiet(fingerprint: &str, name: &str, severity: &str, by: &[&str]) -> Alert {
    let mut alert = alert(fingerprint, name, severity, at("14:41:00"));
    alert.labels.insert("alertname".to_owned(), name.into());
    alert.silenced_by = by.iter().map(|by| (*by).to_owned()).collect();
    alert.state = Open::new(if by.is_empty() { "active" } else { "suppressed" });
    alert
}

fn why(board: &Board, topic: Topic, id: &str) -> String {
    row(&board.judge(at("14:50:00")), topic, id).why.to_string()
}

#[test]
fn a_silence_is_one_row_and_disagreement_is_said() {
    let (mut board, seen) = (board(), at("14:49:58"));
    for (from, states) in [("alertmanager/am-1", ["active", "active"]), ("alertmanager/am-2", ["expired", "active"])] {
        let instance = from.rsplit('/').next().expect("a name");
        board.fact(from, seen, peer(instance, at("10:00:00")));
        let mut all: Vec<Fact> = vec![silence("s-1", states[0], "alertname=A").into()];
        if instance == "am-1" {
            all.push(silence("s-2", states[1], "alertname=A").into());
        }
        board.list(from, seen, FactKind::Silence, all);
        let alerts = vec![quiet("a", "A", "critical", &["s-1"]).into(), quiet("b", "B", "warning", &[]).into()];
        board.list(from, seen, FactKind::Alert, alerts);
    }
    let judged = board.judge(at("14:50:00"));
    let RowBody::Silence(SilenceRow { silence, held_by, missing_from, hits, critical }) =
        &row(&judged, Topic::Silences, "s-1").body
    else {
        panic!("a silence")
    };
    assert_eq!((silence.state.as_str(), held_by.len(), missing_from.len(), *hits, *critical), ("active", 2, 0, 1, 1));
    let said = why(&board, Topic::Silences, "s-1");
    assert!(said.contains("keeps 1 critical alert quiet") && said.contains("am-2 says it is expired"), "{said}");
    let lone = why(&board, Topic::Silences, "s-2");
    assert!(lone.contains("am-1 has it, am-2 does not"), "{lone}");
    let by = why(&board, Topic::Alerts, "a");
    assert_eq!(by, "silenced by ana until 16:00:00 UTC: INC-1: known");
}

#[test]
fn one_to_come_counts_by_its_matchers_and_one_that_ended_counts_nobody() {
    let (mut board, seen) = (board(), at("14:49:58"));
    let silences: Vec<Fact> = vec![
        silence("next", "pending", "alertname=~A|B severity!=info").into(),
        silence("over", "expired", "alertname=A").into(),
        silence("odd", "pending", "alertname=~(").into(),
        Silence { ends_at: Some(at("14:00:00") - TimeDelta::hours(30)), ..silence("long-over", "expired", "a=b") }
            .into(),
    ];
    board.list("alertmanager/am-1", seen, FactKind::Silence, silences);
    let alerts = ["A", "B", "C"].map(|name| Fact::from(quiet(name, name, "warning", &[])));
    board.list("alertmanager/am-1", seen, FactKind::Alert, alerts.to_vec());
    let judged = board.judge(at("14:50:00"));
    let hits: Vec<(String, u32)> = judged
        .rows(Topic::Silences)
        .iter()
        .map(|row| match &row.body {
            RowBody::Silence(SilenceRow { hits, .. }) => (row.id.clone(), *hits),
            _ => panic!("a silence"),
        })
        .collect();
    assert_eq!(hits, [("next".to_owned(), 2), ("odd".to_owned(), 0), ("over".to_owned(), 0)]);
}

#[test]
fn inhibitors_intervals_and_replicas_have_names() {
    let (mut board, seen) = (board(), at("14:49:58"));
    let mut inhibited = quiet("b", "B", "warning", &[]);
    (inhibited.state, inhibited.inhibited_by) = (Open::new("suppressed"), vec!["a".into()]);
    let mut lost = quiet("c", "C", "warning", &[]);
    (lost.state, lost.inhibited_by) = (Open::new("suppressed"), vec!["nobody".into()]);
    let muted = quiet("d", "D", "warning", &["mute:nights"]);
    let mut unsaid = quiet("e", "E", "critical", &[]);
    unsaid.state = Open::new("suppressed");
    let twin = |key: &str, replica: &str| {
        let mut twin = quiet(key, "T", "warning", &[]);
        twin.labels.insert("prometheus_replica".to_owned(), replica.into());
        twin
    };
    let all = [quiet("a", "A", "critical", &[]), inhibited, lost, muted, unsaid, twin("t1", "0"), twin("t2", "1")];
    board.list("alertmanager/am-1", seen, FactKind::Alert, all.map(Fact::from).to_vec());
    for (id, words) in [
        ("b", "inhibited by A on primary"),
        ("c", "inhibited by 1 other alert not in any list"),
        ("d", "muted by the time interval nights"),
        ("e", "suppressed; by what is not said"),
        ("t1", "drop the replica label"),
        ("t2", "drop the replica label"),
    ] {
        assert!(why(&board, Topic::Alerts, id).contains(words), "{id}: {}", why(&board, Topic::Alerts, id));
    }
    assert_eq!(why(&board, Topic::Alerts, "a"), "");
}

/// A settling member answers in part: what it lacks has not resolved, whatever the others say.
#[test]
fn a_member_that_settles_proves_no_absence_and_is_asked_for_nothing() {
    for (partly, ended) in [(true, "gone"), (false, "resolved")] {
        let mut board = board();
        for (from, instance) in [("alertmanager/am-1", "am-1"), ("alertmanager/am-2", "am-2")] {
            board.fact(from, at("14:41:00"), peer(instance, at("10:00:00")));
            board.list(from, at("14:41:00"), FactKind::Alert, vec![]);
        }
        board.list("alertmanager/am-1", at("14:41:02"), FactKind::Alert, vec![quiet("a", "A", "critical", &[]).into()]);
        if partly {
            let settling = AlertPeer { cluster_status: Open::new("settling"), ..peer("am-2", at("10:00:00")) };
            board.fact("alertmanager/am-2", at("14:41:04"), settling);
            let trouble = Trouble { kind: TroubleKind::Partial, what: "settling".into(), remedy: "".into() };
            board.see("alertmanager/am-2", at("14:41:04"), SourceChange::Trouble(trouble));
        }
        for clock in ["14:41:06", "14:41:08"] {
            board.list("alertmanager/am-1", at(clock), FactKind::Alert, vec![]);
        }
        let judged = board.judge(at("14:41:09"));
        let RowBody::Alert(AlertRow { alert, .. }) = &row(&judged, Topic::Alerts, "a").body else { panic!("an alert") };
        assert_eq!(alert.state.as_str(), ended, "settling: {partly}");
        let able: Vec<bool> = members(&board.store).iter().map(|it| it.reachable).collect();
        assert_eq!(able, [true, !partly]);
    }
}

#[test]
fn a_silence_that_hides_a_critical_alert_or_never_ends_is_told_with_its_date() {
    let (mut board, seen) = (board(), at("14:49:58"));
    let from = "alertmanager/am-1";
    board.fact(from, seen, peer("am-1", at("10:00:00")));
    let far = silence("s-1", "active", "alertname=A");
    let far = Silence { ends_at: Some(at("14:00:00") + chrono::TimeDelta::days(300)), ..far };
    let endless =
        Silence { ends_at: Some("9999-01-01T00:00:00Z".parse().unwrap()), ..silence("s-2", "active", "alertname=B") };
    board.list(from, seen, FactKind::Silence, vec![far.into(), endless.into()]);
    let alerts = vec![quiet("a", "A", "critical", &["s-1"]).into(), quiet("b", "B", "warning", &["s-2"]).into()];
    board.list(from, seen, FactKind::Alert, alerts);
    let judged = board.judge(at("14:50:00"));
    let muting = row(&judged, Topic::Silences, "s-1");
    assert_eq!(muting.verdict, Verdict::Warning, "{}", muting.why);
    assert!(muting.why.as_str().contains("keeps 1 critical alert quiet"), "{}", muting.why);
    assert!(muting.why.as_str().contains("(in 299 d)"), "{}", muting.why);
    assert!(why(&board, Topic::Silences, "s-2").contains("has no end"));
    assert!(why(&board, Topic::Alerts, "a").contains(" UTC (in 299 d)"), "{}", why(&board, Topic::Alerts, "a"));
    assert!(why(&board, Topic::Alerts, "b").contains("until no end"), "{}", why(&board, Topic::Alerts, "b"));
}
