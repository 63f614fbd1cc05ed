//! What is kept of events when there are more than anybody can keep.

use std::time::Duration;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::board::event_groups::{Trend, folds};
use crate::board::events::{MOST_EVENTS, MOST_GROUPS, MOST_SHOWN};
use crate::board::{EventTally, RowBody};

const PRIMARY: &str = "kubernetes/primary";

fn event(reason: &str, uid: &str, at: Stamp) -> KubeEvent {
    KubeEvent {
        uid: uid.to_owned(),
        cluster: "primary".into(),
        namespace: "kube-system".into(),
        object_kind: "Pod".into(),
        object_name: uid.into(),
        reason: reason.into(),
        message: "".into(),
        kind: Open::new(if reason.starts_with("Etcd") { "Warning" } else { "Normal" }),
        count: 1,
        first: Some(at),
        last: at,
        component: "".into(),
    }
}

fn tally(board: &Board, reason: &str, now: Stamp) -> Option<EventTally> {
    let view = board.judge_topic(Topic::Events, now);
    view.rows.iter().find_map(|row| match &row.body {
        RowBody::Event(it) if it.reason == reason => it.group.as_deref().cloned(),
        _ => None,
    })
}

#[test]
fn a_rare_warning_survives_an_hour_of_a_storm_and_the_rate_is_that_of_all_that_was_heard() {
    let mut board = board();
    let begin = at("14:00:00");
    board.fact(PRIMARY, begin, event("EtcdCorrupt", "rare", begin));
    let (mut now, storm) = (begin, event("Tick", "e", begin));
    let names: Vec<SafeText> = (0..300).map(|n| SafeText::new(&format!("p-{n}"))).collect();
    for n in 0..720_000usize {
        now = begin + TimeDelta::milliseconds(n as i64 * 5);
        let (uid, object_name) = (format!("e-{n}"), names[n % 300].clone());
        board.fact(PRIMARY, now, KubeEvent { uid, object_name, first: Some(now), last: now, ..storm.clone() });
    }
    let view = board.judge_topic(Topic::Events, now);
    assert_eq!((view.rows.len(), board.events.len()), (MOST_SHOWN, MOST_EVENTS));
    assert_eq!((view.total, view.dropped), (720_001, 715_001));
    let (storm, rare) = (&view.rows[0], view.rows.last().expect("rows"));
    assert_eq!((storm.id.as_str(), rare.id.as_str()), ("primary/e-719999", "primary/rare"));
    let groups = folds(&view.rows, now);
    let told: Vec<_> = groups.iter().map(|it| (it.event.reason.as_str(), it.count_words(), it.trend())).collect();
    let wanted = [("EtcdCorrupt", "1", Trend::Quiet), ("Tick", "720000", Trend::Steady)];
    assert_eq!(told, wanted.map(|(reason, count, trend)| (reason, count.to_owned(), trend)));
    assert_eq!((groups[0].first, groups[1].first), (begin, begin));
    assert!((11_990..=12_010).contains(&groups[1].per_minute()), "{}", groups[1].per_minute());
    assert_eq!((groups[1].objects, groups[1].more_objects), (256, true));
    // The same in the answer to `warroom events -o json`, which holds as many rows as fit a line.
    let json = serde_json::to_value(&view).expect("json");
    let found =
        json["rows"].as_array().expect("rows").iter().find(|row| row["body"]["event"]["reason"] == "EtcdCorrupt");
    assert_eq!(found.expect("the warning")["body"]["event"]["group"]["count"], 1);
    // Its server forgets it. It was there all the same, for some hours.
    board.see(PRIMARY, now, SourceChange::Remove { kind: FactKind::KubeEvent, key: "rare".into() });
    assert!(tally(&board, "EtcdCorrupt", now).is_some());
    assert!(tally(&board, "EtcdCorrupt", now + TimeDelta::hours(6)).is_none());
}

#[test]
fn repetitions_are_counted_once_whatever_is_told_again() {
    let mut board = board();
    let now = at("14:40:00");
    let told = |board: &mut Board, uid: &str, count, last| {
        board.fact(PRIMARY, now, KubeEvent { count, last: at(last), ..event("EtcdSlow", uid, at("14:00:00")) });
    };
    told(&mut board, "a", 30, "14:10:00");
    told(&mut board, "a", 32, "14:39:00");
    told(&mut board, "a", 32, "14:39:00");
    told(&mut board, "b", 1, "14:39:30");
    let list = vec![
        KubeEvent { count: 33, last: at("14:39:50"), ..event("EtcdSlow", "a", at("14:00:00")) }.into(),
        KubeEvent { count: 2, last: at("14:39:40"), ..event("EtcdSlow", "c", at("14:00:00")) }.into(),
    ];
    board.see(PRIMARY, now, SourceChange::Replace { kind: FactKind::KubeEvent, facts: list });
    let tally = tally(&board, "EtcdSlow", now).expect("a tally");
    assert_eq!((tally.count, tally.at_least, tally.objects), (36, false, 3));
    assert_eq!(tally.first, at("14:00:00"));
}

#[test]
fn where_events_were_forgotten_the_count_is_never_too_high_and_says_that_it_may_be_too_low() {
    let mut board = board();
    let begin = at("14:00:00");
    let mut list: Vec<KubeEvent> = Vec::new();
    for n in 0..6_000 {
        let now = begin + TimeDelta::milliseconds(n * 5);
        list.push(event("Tick", &format!("e-{n}"), now));
        board.fact(PRIMARY, now, list.last().expect("one").clone());
    }
    let now = begin + TimeDelta::seconds(31);
    assert_eq!(tally(&board, "Tick", now).map(|it| (it.count, it.at_least)), Some((6_000, false)));
    // The first events are read again, one of them with a repetition, and a new one.
    list.push(event("Tick", "new", now));
    let facts = list.iter().cloned().map(Fact::from).collect();
    board.see(PRIMARY, now, SourceChange::Replace { kind: FactKind::KubeEvent, facts });
    assert_eq!(tally(&board, "Tick", now).map(|it| (it.count, it.at_least)), Some((6_001, true)));
    board.fact(PRIMARY, now, KubeEvent { count: 9, last: now, ..list[0].clone() });
    assert_eq!(tally(&board, "Tick", now).map(|it| it.count), Some(6_002));
}

#[test]
fn ordinary_and_frequent_kinds_give_way_to_rare_warnings_and_one_place_does_not_crowd_out_the_others() {
    let mut board = board();
    let begin = at("14:00:00");
    board.fact(PRIMARY, begin, event("EtcdCorrupt", "rare", begin));
    let in_namespace = |namespace: &str, it: KubeEvent| KubeEvent { namespace: namespace.into(), ..it };
    for n in 0..5_000u32 {
        let now = begin + TimeDelta::seconds(i64::from(n));
        let uid = format!("e-{n}");
        board.fact(PRIMARY, now, in_namespace("noise", event(&format!("Etcd{n}"), &format!("w-{n}"), now)));
        board.fact(PRIMARY, now, in_namespace("shop", event(&format!("Pulled{n}"), &uid, now)));
    }
    let now = begin + TimeDelta::seconds(5_000);
    let view = board.judge_topic(Topic::Events, now);
    let groups = folds(&view.rows, now);
    let kept = |reason: &str| groups.iter().find(|it| it.counted_by_room() && it.event.reason == reason);
    assert!(!kept("EtcdCorrupt").expect("kept").at_least);
    assert!(kept("Etcd4999").expect("the newest is kept").at_least, "it may be one that was pushed out");
    assert!(view.rows.len() <= MOST_SHOWN && groups.iter().filter(|it| it.counted_by_room()).count() <= MOST_GROUPS);
}

proptest! {
    /// Whatever comes in whatever order, what is counted is what was told, and the bounds hold.
    #[test]
    fn counts_are_exact_while_nothing_is_forgotten(
        told in prop::collection::vec((0usize..6, 0usize..4, 1u64..4, 0u64..90), 1..120),
    ) {
        let mut board = board();
        let mut now = at("14:00:00");
        let mut counts = std::collections::BTreeMap::new();
        for (uid, reason, more, seconds) in told {
            now += Duration::from_secs(seconds);
            let known = counts.entry((reason, uid)).or_insert(0);
            *known += more;
            let name = format!("{reason}-{uid}");
            let it = KubeEvent { count: *known, last: now, ..event(&format!("Etcd{reason}"), &name, at("14:00:00")) };
            board.fact(PRIMARY, now, it);
        }
        for reason in 0..4 {
            let sum: u64 = counts.iter().filter(|((of, _), _)| *of == reason).map(|(_, count)| *count).sum();
            let tally = tally(&board, &format!("Etcd{reason}"), now);
            prop_assert_eq!(tally.as_ref().map_or(0, |it| it.count), sum);
            prop_assert!(tally.is_none_or(|it| !it.at_least && it.recent.in_minute(now, 0.0) <= sum as f64));
        }
    }
}
