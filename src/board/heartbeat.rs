//! Whether anything proves that alerts arrive: an alert that always fires. Without one, "no alert fires" proves nothing.

use chrono::TimeDelta;

use crate::model::facts::{Fact, FactKind};
use crate::model::{AlertGrade, SourceId, System};

use super::Board;
use super::alerts::YOUNG_S;
use super::judged_at::JudgedAt;
use super::observation_store::{Provenance, SourceState};
use super::row::{HeartbeatRow, Row, Verdict};
use super::row_builder::{Opinion, names};

/// A row that says so where no heartbeat is seen and none was seen to end: one that ended has a row among the alerts. None
/// before every Alertmanager has answered or failed, and none where nobody expects a heartbeat.
pub(super) fn row(board: &Board, now: JudgedAt<'_>) -> Option<Row> {
    let expected = &board.setup.heartbeats;
    let members: Vec<(&SourceId, &SourceState)> = board.store.system(System::Alertmanager).collect();
    let heard = |state: &SourceState| state.listed(FactKind::Alert) && state.whole_trouble().is_none();
    let waits = members.iter().any(|(_, state)| !state.listed(FactKind::Alert) && state.trouble.is_none());
    let listening: Vec<&(&SourceId, &SourceState)> = members.iter().filter(|(_, state)| heard(state)).collect();
    let (newest, _) = listening.iter().max_by_key(|(id, state)| (state.alive_at, std::cmp::Reverse(*id)))?;
    let seen = board.store.facts(FactKind::Alert).any(|(_, _, held)| is_heartbeat(&held.fact));
    if expected.is_empty() || waits || seen || board.ended.has_heartbeat() {
        return None;
    }
    let mut opinion = Opinion::new(Verdict::Info);
    let named = names(expected);
    if listening.iter().all(|(_, state)| is_young(state, now)) {
        let why = format!("no heartbeat alert ({named}) is seen yet: the Alertmanagers were just started");
        opinion.because(Verdict::Unknown, why);
    } else {
        let why = format!("no heartbeat alert ({named}) fires: nothing proves that alerts arrive");
        opinion.because(Verdict::Critical, why);
    }
    let mut proof: Provenance = board.store.proof_of_source(newest, now);
    (proof.stale, proof.doubt) = (false, None);
    Some(opinion.row("heartbeat", proof, HeartbeatRow { expected: expected.clone() }))
}

fn is_heartbeat(fact: &Fact) -> bool {
    matches!(fact, Fact::Alert(alert) if alert.grade == AlertGrade::Heartbeat)
}

/// Whether it was started so recently that its senders may not have told it yet.
fn is_young(state: &SourceState, now: JudgedAt<'_>) -> bool {
    state.of(FactKind::AlertPeer).any(|held| match &held.fact {
        Fact::AlertPeer(peer) => peer.started.is_some_and(|at| !now.is_past(at + TimeDelta::seconds(YOUNG_S))),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alert, at, peer, source};
    use super::*;
    use crate::board::BoardSetup;
    use crate::board::row::Topic;

    const MEMBERS: [&str; 2] = ["alertmanager/am-1", "alertmanager/am-2"];

    fn board(expected: &[&str]) -> Board {
        Board::new(BoardSetup {
            sources: MEMBERS.iter().map(|name| (source(name), 30)).collect(),
            heartbeats: expected.iter().map(|&name| name.to_owned()).collect(),
            ..BoardSetup::default()
        })
    }

    fn tell(board: &mut Board, from: &str, second: &str, started: &str, alerts: &[(&str, &str)]) {
        let seen = at(second);
        board.fact(from, seen, peer(from.rsplit('/').next().unwrap(), at(started)));
        let alerts = alerts.iter().map(|(key, name)| alert(key, name, "none", at("09:00:00")).into()).collect();
        board.list(from, seen, FactKind::Alert, alerts);
    }

    /// The verdict of the row at an instant, if there is one.
    fn told(board: &Board, now: &str) -> Option<Verdict> {
        let judged = board.judge(at(now));
        judged.rows(Topic::Sources).iter().find(|row| row.id == "heartbeat").map(|row| row.verdict)
    }

    #[test]
    fn nothing_is_said_before_every_member_was_read_and_then_a_missing_heartbeat_is_critical() {
        let mut board = board(&["Watchdog", "DeadMansSwitch"]);
        assert_eq!(told(&board, "14:00:00"), None);
        tell(&mut board, MEMBERS[0], "14:00:01", "10:00:00", &[]);
        assert_eq!(told(&board, "14:00:02"), None, "the other may hold it");
        tell(&mut board, MEMBERS[1], "14:00:02", "10:00:00", &[("x", "Other")]);
        assert_eq!(told(&board, "14:00:03"), Some(Verdict::Critical));
        tell(&mut board, MEMBERS[1], "14:00:05", "10:00:00", &[("w", "DeadMansSwitch")]);
        assert_eq!(told(&board, "14:00:06"), None, "one is enough");
    }

    #[test]
    fn one_that_was_seen_to_end_has_its_own_row_among_the_alerts() {
        let mut board = board(&["DeadMansSwitch"]);
        tell(&mut board, MEMBERS[1], "14:00:00", "10:00:00", &[]);
        tell(&mut board, MEMBERS[0], "14:00:00", "10:00:00", &[("w", "DeadMansSwitch")]);
        for second in ["14:00:05", "14:00:10", "14:00:15"] {
            MEMBERS.iter().for_each(|from| tell(&mut board, from, second, "10:00:00", &[]));
        }
        assert_eq!(told(&board, "14:00:16"), None);
        let judged = board.judge(at("14:00:16"));
        let row = judged.rows(Topic::Alerts).iter().find(|row| row.id == "w").expect("the alert that ended");
        assert_eq!(row.verdict, Verdict::Critical);
        assert!(row.why.as_str().contains("the heartbeat DeadMansSwitch is missing"), "{}", row.why);
    }

    #[test]
    fn a_member_that_was_just_started_may_not_have_been_told_yet_and_nobody_has_to_expect_one() {
        let mut young = board(&["Watchdog"]);
        let mut none = board(&[]);
        for from in MEMBERS {
            tell(&mut young, from, "14:00:01", "13:59:30", &[]);
            tell(&mut none, from, "14:00:01", "10:00:00", &[]);
        }
        assert_eq!(told(&young, "14:00:02"), Some(Verdict::Unknown));
        assert_eq!(told(&none, "14:00:02"), None);
    }
}
