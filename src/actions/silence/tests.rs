//! What a preview says, for boards made by hand.

use std::collections::BTreeMap;

use super::*;
use crate::board::{RowBody, TopicView, Verdict};
use crate::model::facts::Open;
use crate::model::{SourceId, System};

const NOW: &str = "2026-03-02T14:50:00Z";

fn now() -> Stamp {
    NOW.parse().expect("a time")
}

fn source(name: &str) -> SourceId {
    SourceId::new(System::Alertmanager, name)
}

fn row(id: &str, body: RowBody) -> Row {
    Row {
        id: id.into(),
        source: source("am-1"),
        verdict: Verdict::Info,
        seen_at: now(),
        stale: false,
        why: "".into(),
        body,
    }
}

fn alert(key: &str, name: &str, severity: &str, service: Option<&str>) -> Row {
    let labels = [("alertname", name), ("severity", severity), ("cluster", "primary")];
    let alert = Alert {
        fingerprint: key.into(),
        name: name.into(),
        severity: Open::new(severity),
        grade: crate::model::AlertWords::default().grade(name, severity),
        labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect(),
        summary: "".into(),
        description: "".into(),
        runbook_url: "".into(),
        generator_url: "".into(),
        starts_at: Some(now()),
        state: Open::new("active"),
        silenced_by: vec![],
        inhibited_by: vec![],
        receivers: vec![],
    };
    let service = service.map(str::to_owned);
    row(
        key,
        RowBody::Alert(AlertRow {
            alert,
            held_by: vec!["am-1".into()],
            missing_from: vec![],
            service,
            since_restart: false,
        }),
    )
}

fn board(alerts: Vec<Row>, silences: Vec<Row>) -> JudgedBoard {
    let view = |rows: Vec<Row>| TopicView { total: rows.len() as u64, rows, dropped: 0 };
    JudgedBoard {
        topics: BTreeMap::from([(Topic::Alerts, view(alerts).into()), (Topic::Silences, view(silences).into())]),
    }
}

fn member(name: &str, status: &str) -> Member {
    Member { source: source(name), reachable: true, status: status.to_owned(), silences_read: true }
}

fn try_on(board: &JudgedBoard, members: &[Member], change: &SilenceChange) -> Result<Built, Refusal> {
    let incident = IncidentId::from("INC-1");
    let services = ["shop".to_owned()];
    preview(change, SilenceContext { now: now(), room: "r", incident: &incident, services: &services, board, members })
}

fn create(line: &str) -> SilenceChange {
    let matchers = Matcher::parse_all(line).expect("matchers");
    SilenceChange::Create { matchers, for_s: 3600, reason: "known".into() }
}

fn ready() -> [Member; 2] {
    [member("am-1", "ready"), member("am-2", "ready")]
}

fn usual() -> JudgedBoard {
    board(
        vec![
            alert("a", "KubeAPIDown", "critical", None),
            alert("b", "DiskSlow", "warning", Some("shop")),
            alert("c", "LedgerSlow", "warning", Some("ledger")),
            alert("w", "Watchdog", "none", None),
        ],
        vec![],
    )
}

fn on(line: &str) -> SilencePreview {
    try_on(&usual(), &ready(), &create(line)).expect("a preview").preview
}

fn warned(preview: &SilencePreview, words: &str) -> bool {
    preview.warnings.iter().any(|it| it.as_str().contains(words))
}

#[test]
fn a_harmless_silence_names_what_it_hits_and_warns_of_nothing() {
    let shown = on("alertname=DiskSlow");
    assert_eq!((shown.total, shown.critical, shown.grave, shown.confirm.as_str()), (1, 0, false, "DiskSlow"));
    assert_eq!((shown.warnings.len(), shown.hits[0].fingerprint.as_str()), (0, "b"));
    assert_eq!(shown.ends_at, Some(now() + TimeDelta::hours(1)));
}

#[test]
fn critical_foreign_the_watchdog_and_everything_are_grave_and_said() {
    for (line, words, confirm) in [
        ("severity=critical", "critical quiet: KubeAPIDown", "KubeAPIDown"),
        ("alertname=LedgerSlow", "services outside this incident (ledger)", "LedgerSlow"),
        ("alertname=Watchdog", "the heartbeat", "Watchdog"),
        ("cluster=primary", "EVERY alert there is, all 4", "everything"),
    ] {
        let shown = on(line);
        assert!(shown.grave && warned(&shown, words), "{line}: {:?}", shown.warnings);
        assert_eq!(shown.confirm, confirm, "{line}");
    }
    let none = on("alertname=Nobody");
    assert!(warned(&none, "hits no alert") && !none.grave && none.confirm == "silence");
}

#[test]
fn limits_are_refusals_with_words() {
    let many = vec![Matcher::equal("a", "b"); MOST_MATCHERS + 1];
    let odd = |matchers: Vec<Matcher>, for_s: u64, reason: &str| SilenceChange::Create {
        matchers,
        for_s,
        reason: reason.into(),
    };
    let one = || vec![Matcher::equal("a", "b")];
    for (change, words) in [
        (odd(vec![], 3600, "x"), "1 to 20 matchers"),
        (odd(many, 3600, "x"), "1 to 20 matchers"),
        (odd(one(), SHORTEST_S - 1, "x"), "lasts from"),
        (odd(one(), LONGEST_S + 1, "x"), "lasts from"),
        (odd(one(), 3600, "  "), "needs a reason"),
        (odd(one(), 3600, &"x".repeat(MOST_REASON + 1)), "needs a reason"),
        (create("a=~b?"), "lack its label"),
        (create("a!=b c!~d"), "lack its label"),
        (create("a=~("), "no regular expression"),
    ] {
        let refusal = try_on(&usual(), &ready(), &change).expect_err(words);
        assert_eq!(refusal.kind, RefusalKind::BadRequest, "{refusal:?}");
        assert!(refusal.why.as_str().contains(words), "{words}: {}", refusal.why);
    }
    assert!(try_on(&usual(), &ready(), &odd(one(), SHORTEST_S, "x")).is_ok());
    assert!(try_on(&usual(), &ready(), &odd(one(), LONGEST_S, "x")).is_ok());
}

#[test]
fn one_member_is_asked_and_never_one_that_settles_or_is_troubled() {
    let asked = |members: &[Member]| {
        try_on(&usual(), members, &create("alertname=DiskSlow")).map(|it| it.preview.instance.instance)
    };
    assert_eq!(asked(&ready()), Ok("am-1".to_owned()));
    assert_eq!(asked(&[member("am-1", "settling"), member("am-2", "ready")]), Ok("am-2".to_owned()));
    let gone = Member { reachable: false, ..member("am-1", "ready") };
    let blind = Member { silences_read: false, ..member("am-1", "ready") };
    assert_eq!(asked(&[gone.clone(), member("am-2", "ready")]), Ok("am-2".to_owned()));
    assert_eq!(asked(&[blind, member("am-2", "disabled")]), Ok("am-2".to_owned()));
    assert_eq!(asked(std::slice::from_ref(&gone)).expect_err("nobody").kind, RefusalKind::NotReady);
    assert_eq!(asked(&[]).expect_err("nobody").kind, RefusalKind::NotReady);

    let half = try_on(&usual(), &[gone, member("am-2", "ready")], &create("alertname=DiskSlow")).expect("a preview");
    assert!(warned(&half.preview, "am-1 can't be read whole"), "{:?}", half.preview.warnings);
    let apart = [member("am-1", "disabled"), member("am-2", "disabled")];
    let apart = try_on(&usual(), &apart, &create("alertname=DiskSlow")).expect("a preview");
    assert!(warned(&apart.preview, "am-2 is in no cluster with am-1"), "{:?}", apart.preview.warnings);
}

#[test]
fn what_ended_is_not_hit_and_what_can_not_be_compared_is_said() {
    let mut rows =
        vec![alert("a", "DiskSlow", "warning", Some("shop")), alert("b", "DiskSlow", "warning", Some("shop"))];
    if let RowBody::Alert(AlertRow { alert, .. }) = &mut rows[0].body {
        alert.state = Open::new("gone");
    }
    if let RowBody::Alert(AlertRow { alert, .. }) = &mut rows[1].body {
        alert.labels.insert("cluster".to_owned(), SafeText::new("pri\u{202e}mary"));
    }
    let shown = try_on(&board(rows, vec![]), &ready(), &create("cluster=primary")).expect("a preview").preview;
    assert_eq!((shown.total, shown.hits[0].unsure, shown.grave), (1, true, true));
    assert!(warned(&shown, "can't be told"));
}

#[test]
fn more_hits_than_were_shown_is_drift_and_fewer_is_not() {
    let change = create("severity=warning");
    let both = try_on(&usual(), &ready(), &change).expect("a preview");
    let one =
        try_on(&board(vec![alert("b", "DiskSlow", "warning", None)], vec![]), &ready(), &change).expect("a preview");
    assert_eq!(drifted(&both, &one), Vec::<String>::new());
    assert_eq!(drifted(&one, &both), ["LedgerSlow"]);
    assert_ne!(one.preview.digest, both.preview.digest);
    let again = try_on(&usual(), &ready(), &change).expect("a preview");
    assert_eq!(again.preview.digest, both.preview.digest, "the same is the same");
}

#[test]
fn ending_one_says_who_becomes_loud() {
    let mut rows = vec![alert("a", "KubeAPIDown", "critical", None), alert("b", "DiskSlow", "warning", None)];
    for (row, by) in rows.iter_mut().zip([vec!["s-1"], vec!["s-1", "s-2"]]) {
        if let RowBody::Alert(AlertRow { alert, .. }) = &mut row.body {
            alert.silenced_by = by.into_iter().map(str::to_owned).collect();
            alert.state = Open::new("suppressed");
        }
    }
    let silence = Silence {
        id: "s-1".into(),
        state: Open::new("active"),
        matchers: vec![Matcher::equal("cluster", "primary")],
        more_sets: false,
        created_by: "sam".into(),
        comment: "".into(),
        starts_at: None,
        ends_at: Some(now()),
    };
    let held = |state: &str| {
        let silence = Silence { state: Open::new(state), ..silence.clone() };
        row(
            "s-1",
            RowBody::Silence(SilenceRow {
                silence,
                held_by: vec!["am-2".into()],
                missing_from: vec![],
                hits: 0,
                critical: 0,
            }),
        )
    };
    let expire = SilenceChange::Expire { id: "s-1".into() };
    let active = board(rows.clone(), vec![held("active")]);
    let shown = try_on(&active, &ready(), &expire).expect("a preview").preview;
    assert_eq!((shown.instance.instance.as_str(), shown.total, shown.confirm.as_str()), ("am-2", 2, "s-1"));
    assert!(warned(&shown, "1 starts notifying again: KubeAPIDown"), "{:?}", shown.warnings);
    assert!(shown.hits.iter().find(|hit| hit.fingerprint == "b").expect("b").quiet);
    let ended = board(rows, vec![held("expired")]);
    assert_eq!(try_on(&ended, &ready(), &expire).expect_err("over").kind, RefusalKind::BadRequest);
    let unknown = SilenceChange::Expire { id: "nobody".into() };
    assert_eq!(try_on(&ended, &ready(), &unknown).expect_err("unknown").kind, RefusalKind::BadRequest);
}

#[test]
fn only_what_keeps_an_alert_quiet_for_everybody_keeps_it_quiet_when_a_silence_ends() {
    let stays = |by: &[&str], inhibited: &[&str]| {
        let row = alert("a", "DiskSlow", "warning", None);
        let RowBody::Alert(row) = row.body else { panic!("an alert") };
        let mut alert = row.alert;
        alert.silenced_by = by.iter().map(|it| (*it).to_owned()).collect();
        alert.inhibited_by = inhibited.iter().map(|it| (*it).to_owned()).collect();
        alert.is_quiet_without("s-1")
    };
    assert!(!stays(&["s-1"], &[]));
    assert!(!stays(&["s-1", "mute:nights for chat"], &[]), "the other receivers hear of it again");
    assert!(stays(&["s-1", "mute:nights"], &[]) && stays(&["s-1", "s-2"], &[]) && stays(&["s-1"], &["b"]));
}

#[test]
fn the_write_carries_incident_mark_person_and_end() {
    let shown = on("alertname=DiskSlow cluster!~dr");
    let step = step(&shown, "01REQ", &PersonId::from("ana"), now());
    assert_eq!((step.request.verb(), step.target.src.instance.as_str()), ("alertmanager.create_silence", "am-1"));
    assert_eq!(
        json!(step.request)["params"],
        json!({
            "matchers": [
                {"name": "alertname", "value": "DiskSlow", "isRegex": false, "isEqual": true},
                {"name": "cluster", "value": "dr", "isRegex": true, "isEqual": false},
            ],
            "startsAt": "2026-03-02T14:40:00.000Z", "endsAt": "2026-03-02T15:50:00.000Z",
            "createdBy": "ana", "comment": "INC-1: known (warroom/01REQ)",
        })
    );
}
