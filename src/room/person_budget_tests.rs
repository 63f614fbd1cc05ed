//! No schedule of one person's connections exceeds their budget, and none keeps another person from the writer.

use tokio::sync::mpsc;

use super::*;
use crate::clock::Random;

const START: Duration = Duration::from_secs(1_000);

fn pick(random: &Random, below: u64) -> u64 {
    u64::from_le_bytes(random.bytes::<8>()) % below
}

fn ms(n: u64) -> Duration {
    START + Duration::from_millis(n)
}

/// What was taken in no window of any length is more than the burst and the rate over it.
#[track_caller]
fn within(taken: &[(u64, f64)], burst: f64, per_second: f64) {
    for (i, (from, _)) in taken.iter().enumerate() {
        let mut sum = 0.0;
        for (at, size) in &taken[i..] {
            sum += size;
            let allowed = burst + per_second * (at - from) as f64 / 1_000.0 + 1e-3;
            assert!(sum <= allowed, "{sum} from {from} ms to {at} ms, {allowed} allowed");
        }
    }
}

#[test]
fn no_schedule_of_connections_of_one_person_exceeds_the_budget() {
    for seed in 0..40 {
        let random = Random::seeded(seed);
        let budgets = Budgets::default();
        let whose = |n: u64| if n == 0 { Whose::Account(7) } else { Whose::Person("ana".into()) };
        // Every connection has asked for its share; those of one person are one share, whatever the account.
        let connections: Vec<_> =
            (0..1 + pick(&random, 64)).map(|_| budgets.share(whose(1), START).expect("a share")).collect();
        let (mut now, mut requests, mut bytes) = (0, Vec::new(), Vec::new());
        for _ in 0..2_000 {
            now += [0, 0, 0, 1, 7, 60][pick(&random, 6) as usize];
            let connection = &connections[pick(&random, connections.len() as u64) as usize];
            let text = [0, 40, 8_192, 60_000][pick(&random, 4) as usize];
            match connection.request(text, ms(now)) {
                Ok(()) => {
                    requests.push((now, 1.0));
                    bytes.extend((text > 0).then_some((now, text as f64 + ENTRY)));
                }
                Err(refusal) => {
                    assert_eq!(refusal.kind, RefusalKind::Rate);
                    assert!(refusal.remedy.as_str().starts_with("ask again in "), "{refusal:?}");
                }
            }
        }
        within(&requests, REQUESTS, REQUESTS_PER_SECOND);
        within(&bytes, TEXT, TEXT_PER_SECOND);
        within(&bytes, TEXT_AN_HOUR, TEXT_AN_HOUR / 3600.0);
        let other = budgets.share(whose(0), ms(now)).expect("a share");
        assert!(other.request(8_192, ms(now)).is_ok(), "another person is not counted with them");
    }
}

#[test]
fn a_refusal_says_when_and_is_right_and_takes_nothing() {
    let share = Share::new(START);
    while share.request(0, START).is_ok() {}
    let refusal = share.request(60_000, START).expect_err("used up");
    assert_eq!(refusal.remedy.as_str(), "ask again in 1 s");
    assert!(share.request(60_000, ms(1_000)).is_ok(), "the refused one took no text");
    // A book: at the rate of the hour in the end, and said so.
    let (mut now, mut written) = (2_000, 0);
    while now < 3_600_000 {
        match share.request(60_000, ms(now)) {
            Ok(()) => written += 60_000,
            Err(refusal) => {
                let wait = refusal.remedy.as_str().trim_start_matches("ask again in ").trim_end_matches(" s");
                now += 1_000 * wait.parse::<u64>().expect("seconds");
                assert!(share.request(60_000, ms(now)).is_ok(), "as was said");
                written += 60_000;
            }
        }
    }
    assert!(written < 17 * 1024 * 1024, "{written} bytes in an hour");
    let wait = share.request(200, ms(now)).err().map_or_else(String::new, |it| it.remedy.to_string());
    assert!(wait.is_empty() || wait.len() <= "ask again in 30 s".len(), "a short note never waits long: {wait}");
}

#[test]
fn greetings_and_tables_wait_and_readings_are_refused() {
    let share = Share::new(START);
    let greeted = (0..1_000).filter(|_| share.greeting(START).is_none()).count();
    assert_eq!(greeted as f64, GREETINGS);
    assert_eq!(share.greeting(START), Some(Duration::from_millis(50)));
    let tables = (0..1_000).filter(|_| share.table(START).is_none()).count();
    assert_eq!((tables as f64, share.request(0, START).is_ok()), (TABLES, true), "counted apart");
    let read = (0..1_000).filter(|_| share.reading(START).is_ok()).count();
    assert_eq!(read as f64, READINGS);
    assert_eq!(share.reading(START).expect_err("used up").remedy.as_str(), "ask again in 6 s");
    assert!(share.reading(ms(6_001)).is_ok());
}

#[test]
fn persons_are_bounded_and_those_at_rest_make_room() {
    let budgets = Budgets::default();
    let kept: Vec<_> = (0..MOST as u32).map(|uid| budgets.share(Whose::Account(uid), START).expect("room")).collect();
    let refusal = budgets.share(Whose::Account(9_999), START).err().expect("everyone is here");
    assert_eq!(refusal.kind, RefusalKind::Rate);
    assert!(budgets.share(Whose::Person("ana".into()), START).is_ok(), "they keep nobody of the people file out");
    drop(kept);
    assert!(budgets.share(Whose::Account(9_999), START).is_ok(), "all the others were at rest");
    assert_eq!(budgets.0.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_too_many_is_refused_and_one_that_ends_makes_room() {
    let share = Share::new(START);
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(share.stream().await.expect("a stream"));
    }
    assert_eq!(share.stream().await.err().map(|it| it.kind), Some(RefusalKind::Rate));
    streams.pop();
    assert!(share.stream().await.is_ok());
}

/// Sixty-four connections of one person with sixteen requests each, and another person at any moment of it.
#[tokio::test]
async fn another_persons_request_is_served_within_two_turns_of_the_writer() {
    for seed in 0..60 {
        let random = Random::seeded(seed);
        let budgets = Budgets::default();
        let (to_writer, mut writer) = mpsc::channel::<(RequestPermit, bool)>(256);
        let mut tasks = Vec::new();
        for _ in 0..1 + pick(&random, 64) {
            let share = budgets.share(Whose::Person("ana".into()), START).expect("a share");
            let to_writer = to_writer.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..16 {
                    let place = share.place().await;
                    to_writer.send((place, false)).await.expect("the writer lives");
                }
            }));
        }
        let mut turns = 0;
        let asks_after = pick(&random, 16);
        let mut waited = None;
        while let Some((place, others)) = writer.recv().await {
            if others {
                break;
            }
            turns += 1;
            waited = waited.map(|turns| turns + 1);
            assert!(waited.is_none_or(|turns| turns <= 2), "{waited:?} turns, seed {seed}");
            if turns > asks_after && waited.is_none() {
                let share = budgets.share(Whose::Person("sam".into()), START).expect("a share");
                let to_writer = to_writer.clone();
                tasks.push(tokio::spawn(async move {
                    let place = share.place().await;
                    to_writer.send((place, true)).await.expect("the writer lives");
                }));
                waited = Some(0);
            }
            // The writer's work: everyone who can goes on meanwhile.
            for _ in 0..pick(&random, 4) {
                tokio::task::yield_now().await;
            }
            drop(place);
        }
        assert!(waited.is_some(), "the other was served");
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
