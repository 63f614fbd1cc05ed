//! Properties: nothing stale is well, the order of instances does not matter, transitions alternate.

use proptest::prelude::*;

use super::*;
use crate::board::find_transitions;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the sources last said, once they are silent for longer than their data is fresh no row is Ok.
    #[test]
    fn no_row_is_ok_on_stale_data(silent_s in 31i64..100_000, troubled in prop::collection::vec(any::<bool>(), SOURCES.len())) {
        let seen = at("00:10:00");
        let mut board = all_well(seen);
        for (name, troubled) in SOURCES.iter().zip(troubled) {
            if troubled {
                board.see(name, seen + TimeDelta::seconds(1), trouble(TroubleKind::Unreachable));
            }
        }
        let judged = board.judge(seen + TimeDelta::seconds(silent_s));
        for topic in Topic::ALL.iter().copied() {
            for row in judged.rows(topic) {
                prop_assert!(row.stale, "{row:?}");
                prop_assert!(row.verdict >= Verdict::Unknown, "{row:?}");
                prop_assert!(!row.why.is_empty(), "{row:?}");
            }
        }
    }

    /// While everything is fresh, time alone changes no row.
    #[test]
    fn rows_are_stable_while_nothing_changes(later_s in 0i64..30) {
        let seen = at("14:37:00");
        let board = all_well(seen);
        prop_assert_eq!(board.judge(seen), board.judge(seen + TimeDelta::seconds(later_s)));
    }

    /// Two instances merge to the same row whichever is heard first, and active wins.
    #[test]
    fn alerts_merge_alike_in_any_order(states in prop::collection::vec(0usize..4, 4), starts in prop::collection::vec(0i64..600, 4), turn in 0usize..4) {
        let now = at("14:50:00");
        let words = ["active", "suppressed", "unprocessed", "odd"];
        let one = |n: usize| {
            let mut it = alert("f1", "KubeAPIDown", "critical", at("14:00:00") + TimeDelta::seconds(starts[n]));
            it.state = Open::new(words[states[n]]);
            it.receivers = vec![format!("r-{n}").into()];
            it.silenced_by = vec![format!("s-{}", n % 2)];
            it
        };
        let heard = |order: &[usize]| {
            let sources = (0..4).map(|n| (source(&format!("alertmanager/am-{n}")), 30)).collect();
            let mut board = Board::new(BoardSetup { sources, ..BoardSetup::default() });
            for n in order {
                board.list(&format!("alertmanager/am-{n}"), now, FactKind::Alert, vec![one(*n).into()]);
            }
            board.judge(now)
        };
        let mut order = vec![0, 1, 2, 3];
        let straight = heard(&order);
        order.rotate_left(turn);
        prop_assert_eq!(&straight, &heard(&order));
        order.reverse();
        prop_assert_eq!(&straight, &heard(&order));
        let it = row(&straight, Topic::Alerts, "f1");
        let RowBody::Alert(AlertRow { alert, held_by, .. }) = &it.body else { panic!() };
        prop_assert_eq!(held_by.len(), 4);
        prop_assert_eq!(alert.receivers.len(), 4);
        prop_assert_eq!(alert.starts_at, starts.iter().min().map(|s| at("14:00:00") + TimeDelta::seconds(*s)));
        prop_assert_eq!(alert.silenced_by.len(), 2);
        if states.contains(&0) {
            prop_assert!(alert.state.is("active"));
            prop_assert_eq!(it.verdict, Verdict::Critical);
        }
    }

    /// However the world flaps between two states, the transitions of one thing alternate: no name comes twice in a row.
    #[test]
    fn edges_alternate_however_things_flap(steps in prop::collection::vec((0usize..6, any::<bool>(), 1i64..90), 1..60)) {
        let mut now = at("10:00:00");
        let mut board = all_well(now);
        let mut last = JudgedBoard::default();
        let mut said: BTreeMap<(TransitionFamily, String), (TransitionKind, Option<serde_json::Value>)> = BTreeMap::new();
        for (what, good, wait) in steps {
            now += TimeDelta::seconds(wait);
            step(&mut board, what, good, now);
            let judged = board.judge(now);
            for edge in find_transitions(&last, &judged, &rules(), now) {
                use TransitionFamily as F;
                let alternates = [F::Probe, F::ControlPlane, F::Gitops, F::Source, F::Location, F::Alert];
                if let Some(family) = edge.edge.family().filter(|family| alternates.contains(family)) {
                    let about = format!("{} {}", edge.source, edge.subject);
                    // An alert may fire twice in a row if the second is another firing, by its own word.
                    let began = edge.figures.get("starts_at").cloned();
                    let before = said.insert((family, about), (edge.edge.clone(), began.clone()));
                    prop_assert_ne!(before, Some((edge.edge.clone(), began)), "{:?}", edge);
                }
            }
            prop_assert!(find_transitions(&judged, &judged, &rules(), now).is_empty(), "nothing changed, nothing to say");
            last = judged;
        }
    }
}

/// One thing becomes good or bad; everything else says that it lives, or not.
fn step(board: &mut Board, what: usize, good: bool, now: Stamp) {
    match what {
        0 => {
            let site = [("primary", 6)];
            board.fact("probe/shop", now, probe(good, if good { 6 } else { 0 }, &site, now));
        }
        1 => {
            board.fact("kubernetes/primary", now, control_plane("primary", good));
        }
        2 => {
            let facts = apps(if good { "Healthy" } else { "Degraded" }, now);
            board.list("argocd/dr", now, FactKind::App, facts);
        }
        3 => {
            let mut place = location("dr", now);
            place.phase = Open::new(if good { "Available" } else { "Unavailable" });
            board.list("velero/dr", now, FactKind::Location, vec![place.into()]);
        }
        4 => {
            let alerts = if good { vec![] } else { vec![alert("f1", "Down", "critical", now).into()] };
            // Only one instance is asked, so that the row's source is always the same.
            board.see("alertmanager/am-2", now, trouble(TroubleKind::Unreachable));
            board.list("alertmanager/am-1", now, FactKind::Alert, alerts);
        }
        _ => {
            let change = if good { SourceChange::Alive } else { trouble(TroubleKind::Unreachable) };
            board.see("cloudflare/edge", now, change);
        }
    }
}
