//! Error budgets on the board: worked figures, what is not known, and transitions that do not flap.

use super::*;
use crate::board::find_transitions;
use crate::model::slo::{SloFigure, SloTarget, WINDOWS, WindowRead};

const PROM: &str = "prometheus/prom";
const MONTH: u64 = 30 * 86_400;

fn board() -> Board {
    let target = SloTarget { service: "shop".into(), prometheus: "prom".into(), budget_ppm: 1_000, period_s: MONTH };
    Board::new(BoardSetup { sources: vec![(source(PROM), 60)], ..BoardSetup::default() }).with_slos([target])
}

/// The same ratio in each window, and one over the month.
fn slo(now: Stamp, errors: f64, month: f64) -> Slo {
    let read = |window_s, errors| WindowRead {
        window_s,
        errors: SloFigure::Number(errors),
        requests: Some(144_000.0),
        at: now,
        fresh_for_s: if window_s < 86_400 { 60 } else { 195 },
    };
    let mut windows: Vec<WindowRead> = WINDOWS.iter().map(|window| read(*window, errors)).collect();
    windows.push(read(MONTH, month));
    Slo {
        service: "shop".into(),
        windows,
        vanished: false,
        errors_seen: Some(true),
        retention_s: Some(90 * 86_400),
        covered_s: Some(MONTH),
        warnings: vec![],
        notes: vec![],
    }
}

fn set(slo: &mut Slo, window_s: u64, errors: SloFigure) {
    for read in slo.windows.iter_mut().filter(|read| read.window_s == window_s) {
        read.errors = errors.clone();
    }
}

fn seen(board: &mut Board, now: Stamp, slo: Slo) -> Row {
    board.list(PROM, now, FactKind::Slo, vec![slo.into()]);
    look(board, now)
}

fn look(board: &Board, now: Stamp) -> Row {
    row(&board.judge(now), Topic::Slo, "slo/shop").clone()
}

fn budget(row: &Row) -> &ErrorBudget {
    match &row.body {
        RowBody::Slo(budget) => budget,
        other => panic!("no budget: {other:?}"),
    }
}

#[test]
fn before_the_first_answer_nothing_is_known() {
    let row = look(&board(), at("14:00:00"));
    assert_eq!((row.verdict, budget(&row).state, row.stale), (Verdict::Unknown, BurnState::Unknown, true));
    assert_eq!(budget(&row).left_words(), "? of 43.2 min left");
}

#[test]
fn the_minutes_of_a_quiet_month() {
    let mut board = board();
    let row = seen(&mut board, at("14:00:00"), slo(at("14:00:00"), 0.0001, 0.0002));
    let it = budget(&row);
    assert_eq!((row.verdict, it.state), (Verdict::Ok, BurnState::Ok), "{}", row.why);
    assert_eq!((it.budget_min, it.left_min, it.left_percent), (43.2, Some(34.6), Some(80.0)));
    assert_eq!((it.burn, it.burn_over_s, it.empty_at), (Some(0.1), 3_600, None), "at 0.1 it never empties");
    assert_eq!(it.left_words(), "34.6 of 43.2 min left");
}

#[test]
fn an_outage_pages_and_says_how_long_it_can_go_on() {
    let mut board = board();
    let now = at("14:40:00");
    let mut it = slo(now, 0.0, 0.0002);
    // Three minutes of failing altogether: 3 of 5 min, 3 of 30, 3 of 60 …
    for (window, errors) in [(300, 0.6), (1_800, 0.1), (3_600, 0.05), (7_200, 0.025), (21_600, 0.0083)] {
        set(&mut it, window, SloFigure::Number(errors));
    }
    let row = seen(&mut board, now, it);
    let it = budget(&row);
    assert_eq!((row.verdict, it.state), (Verdict::Critical, BurnState::Page));
    assert!(row.why.as_str().contains("burns 50× over 1 h and 600× over 5 min"), "{}", row.why);
    assert_eq!((it.burn, it.burn_over_s), (Some(600.0), 300), "the short window knows what goes on");
    // 80 % of 43 200 min at 600: 57.6 min.
    assert_eq!(it.empty_at, Some(at("15:38:00")));
}

/// What is different about a month in which all was well.
type Twist<'a> = &'a dyn Fn(&mut Slo);

#[test]
fn nothing_measured_is_its_own_state_and_never_green() {
    let now = at("14:00:00");
    let with = |change: &dyn Fn(&mut Slo)| {
        let mut it = slo(now, 0.0, 0.0);
        change(&mut it);
        seen(&mut board(), now, it)
    };
    let cases: [(&str, Twist<'_>, BurnState); 7] = [
        ("no requests", &|it| set(it, 300, SloFigure::NoTraffic), BurnState::NoTraffic),
        ("no such series", &|it| set(it, 300, SloFigure::NoData), BurnState::NoData),
        ("have vanished", &|it| it.vanished = true, BurnState::NoData),
        ("5 min: too many samples", &|it| set(it, 300, SloFigure::Odd("too many samples".into())), BurnState::Unknown),
        ("partial data: a store is down", &|it| it.warnings.push("a store is down".into()), BurnState::Ok),
        ("neither is what is left", &|it| (it.retention_s, it.covered_s) = (None, None), BurnState::Ok),
        ("what is left is not known", &|it| set(it, MONTH, SloFigure::NoData), BurnState::Ok),
    ];
    for (words, change, state) in cases {
        let row = with(change);
        assert_eq!((row.verdict, budget(&row).state), (Verdict::Unknown, state), "{words}: {}", row.why);
        assert!(row.why.as_str().contains(words), "{words}: {}", row.why);
    }
    let unknown = with(&|it| (it.retention_s, it.covered_s) = (None, None));
    assert_eq!(budget(&unknown).left_words(), "? of 43.2 min left", "data that reaches back nobody knows how far");
    let never = with(&|it| it.errors_seen = Some(false));
    assert_eq!(never.verdict, Verdict::Info, "a query that can match nothing looks the same");
}

#[test]
fn a_month_that_the_data_does_not_cover_gives_a_bound() {
    let now = at("14:00:00");
    let mut it = slo(now, 0.0001, 0.0003);
    // Fifteen days kept: 0.03 % of half a month are 15 % of the budget at even traffic.
    it.retention_s = Some(15 * 86_400);
    let row = seen(&mut board(), now, it.clone());
    assert_eq!((budget(&row).left_percent, row.verdict), (Some(85.0), Verdict::Info));
    assert_eq!(budget(&row).left_words(), "at most 36.7 of 43.2 min left");
    assert!(row.why.as_str().contains("over 15 d of data, not 30 d"), "{}", row.why);
    it.covered_s = Some(10 * 86_400);
    let row = seen(&mut board(), now, it);
    assert_eq!(budget(&row).reach_s, Some(10 * 86_400), "no more than was seen");
}

#[test]
fn figures_grow_old_each_by_its_own_measure() {
    let mut board = board();
    let start = at("14:00:00");
    seen(&mut board, start, slo(start, 0.0, 0.0));
    // The server lives, but the short windows were not read again.
    board.see(PROM, at("14:01:30"), SourceChange::Alive);
    let row = look(&board, at("14:01:30"));
    assert_eq!((row.verdict, row.stale), (Verdict::Unknown, false));
    assert!(row.why.as_str().contains("5 min: not read for too long"), "{}", row.why);
    assert_eq!(budget(&row).left_min, Some(43.2), "the month is still fresh");
    // The server is gone.
    let row = look(&board, at("14:05:00"));
    assert_eq!((row.verdict, row.stale, budget(&row).state), (Verdict::Unknown, true, BurnState::Unknown));
    assert_eq!(budget(&row).left_min, None);
}

#[test]
fn few_requests_are_said() {
    let now = at("14:00:00");
    let mut it = slo(now, 0.0, 0.0);
    it.windows.iter_mut().for_each(|read| read.requests = Some(40.0));
    let row = seen(&mut board(), now, it);
    assert!(row.why.as_str().contains("only 40 requests in 1 h"), "{}", row.why);
}

/// Plays a reading every 15 s and gives the transitions with the seconds after 14:00.
fn play(readings: impl Fn(i64) -> Slo, seconds: i64) -> Vec<(String, i64)> {
    let (mut board, mut last, mut out) = (board(), JudgedBoard::default(), Vec::new());
    for s in (0..seconds).step_by(15) {
        let now = at("14:00:00") + TimeDelta::seconds(s);
        board.list(PROM, now, FactKind::Slo, vec![readings(s).into()]);
        let judged = board.judge(now);
        let new = find_transitions(&last, &judged, &rules(), now);
        out.extend(
            new.into_iter()
                .filter(|edge| edge.edge.family() == Some(TransitionFamily::Slo))
                .map(|edge| (edge.edge.to_string(), s)),
        );
        last = judged;
    }
    out
}

fn then(s: i64, errors: f64) -> Slo {
    slo(at("14:00:00") + TimeDelta::seconds(s), errors, errors.min(0.0005))
}

#[test]
fn a_burn_begins_once_and_ends_once_however_it_goes_to_and_fro() {
    // Over and below in turn for half an hour, then calm.
    let found = play(|s| then(s, if s < 1_800 && (s / 60) % 2 == 0 { 0.05 } else { 0.0 }), 3_600);
    assert_eq!(found, [("slo.burning".to_owned(), 0), ("slo.ok".to_owned(), 1_740 + 600)]);
}

#[test]
fn not_knowing_is_no_end() {
    let found = play(
        |s| {
            let mut it = then(s, if s < 60 { 0.05 } else { 0.0 });
            if (60..1_800).contains(&s) {
                set(&mut it, 300, SloFigure::NoTraffic);
            }
            it
        },
        3_600,
    );
    assert_eq!(found, [("slo.burning".to_owned(), 0), ("slo.ok".to_owned(), 2_400)], "calm counts from what is known");
}

#[test]
fn a_budget_is_used_up_once() {
    let month = |s: i64| if s % 30 == 0 { 0.00101 } else { 0.00099 };
    let found = play(|s| slo(at("14:00:00") + TimeDelta::seconds(s), 0.0005, month(s)), 900);
    assert_eq!(found, [("slo.exhausted".to_owned(), 0)], "one percent more or less is no news");
    let now = at("14:00:00");
    let row = seen(&mut board(), now, slo(now, 0.0005, 0.0015));
    assert_eq!((row.verdict, budget(&row).left_words().as_str()), (Verdict::Warning, "21.6 min over the 43.2 min"));
}

#[test]
fn a_row_does_not_change_with_every_request() {
    let now = at("14:00:00");
    let mut first = slo(now, 0.000_100_01, 0.000_200_01);
    let mut second = slo(now, 0.000_100_02, 0.000_200_02);
    for (slo, requests) in [(&mut first, 144_012.3), (&mut second, 144_027.8)] {
        slo.windows.iter_mut().for_each(|read| read.requests = Some(requests));
    }
    assert_eq!(seen(&mut board(), now, first), seen(&mut board(), now, second));
}
