//! Properties of the fold: the same whoever folds, never losing an entry, in order, and quick.

use proptest::prelude::*;

use super::*;
use crate::timeline::{Clocks, ItemSource as _, Keep, StatedClocks, StreamedItems};

/// A log of any shape: the numbers choose kind, time, target.
pub(crate) fn log(parts: &[(u8, i64, u64)]) -> Log {
    let mut log = Log::new();
    let base = at("14:00:00");
    for (n, (kind, seconds, seq)) in parts.iter().enumerate() {
        let then = base + TimeDelta::seconds(*seconds);
        let now = base + TimeDelta::seconds(3_600 + n as i64);
        let started = json!({ "name": "b", "restore_point": "b", "started": then.to_rfc3339() });
        match kind % 15 {
            0 => log.open(now, (seconds % 2 == 0).then_some(then)),
            1 => log.note(now, "ana", "note"),
            2 => log.add(now, person("sam"), Decision { at: Some(then) }, Some("decided")),
            3 => log.transition("probe.failing", then, "shop", started),
            4 => log.transition("service.recovered", then, "shop", json!({})),
            5 => log.transition("alert.firing", then, "Down", json!({ "fingerprint": format!("f{seq}") })),
            6 => log.transition("backup.usable", then, "hourly", started),
            7 => log.add(now, person("lee"), Amend { seq: *seq, at: Some(then) }, None),
            8 => log.add(now, person("lee"), Amend { seq: *seq, at: None }, Some("amended")),
            9 => log.add(now, person("ana"), Pin { seq: *seq, pinned: seconds % 2 == 0 }, None),
            10 => log.add(now, person("ana"), Set { impact_at: Some(then), ..Set::default() }, None),
            11 => log.transition("probe.ok", then, "shop", json!({})),
            12 => log.room(now, Redact { seq: *seq, proposal: None }),
            13 => log.add(now, person("sam"), Set { recovered_at: Some(then), ..Set::default() }, None),
            _ => log.transition("alert.resolved", then, "Down", json!({ "fingerprint": format!("f{seq}") })),
        };
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_fold_is_pure_ordered_and_loses_nothing(parts in prop::collection::vec((any::<u8>(), 0i64..3_600, 0u64..60), 0..60)) {
        let log = log(&parts);
        let story = log.fold();
        prop_assert_eq!(&story, &log.fold(), "the same entries give the same story");
        prop_assert_eq!(story.entries, log.entries.len() as u64);
        for incident in &story.incidents {
            assert_in_order(incident);
            let mut seqs: Vec<u64> = incident.items.iter().map(|item| item.entry.seq).collect();
            seqs.sort_unstable();
            let count = seqs.len();
            seqs.dedup();
            prop_assert_eq!(count, seqs.len(), "no entry twice");
            for entry in log.entries.iter().filter(|entry| entry.incident.as_ref() == Some(&incident.id)) {
                let refused = story.anomalies.iter().any(|(seq, _)| *seq == entry.seq);
                prop_assert!(refused || seqs.binary_search(&entry.seq).is_ok(), "entry {} is missing", entry.seq);
            }
            for mark in [incident.clocks.detection, incident.clocks.decision].into_iter().flatten() {
                prop_assert!(seqs.binary_search(&mark.1).is_ok(), "a clock names an entry of the incident");
            }
        }
    }

    /// Whatever people state, at whatever time: the measured clocks are those of the log without their word.
    #[test]
    fn no_stated_instant_moves_a_measured_clock(parts in prop::collection::vec((any::<u8>(), 0i64..3_600, 0u64..60), 0..60)) {
        let log = log(&parts);
        let mut plain = log.entries.clone();
        for entry in &mut plain {
            match &mut entry.happening {
                Happening::Amend(it) => it.at = None,
                Happening::Note(it) => it.at = None,
                Happening::Decision(it) => it.at = None,
                Happening::Set(it) => (it.impact_at, it.recovered_at) = (None, None),
                _ => {}
            }
        }
        let (bent, straight) = (log.fold(), fold(&plain));
        for (bent, straight) in bent.incidents.iter().zip(&straight.incidents) {
            prop_assert_eq!(&straight.clocks.stated, &StatedClocks::default());
            let measured = Clocks { stated: StatedClocks::default(), ..bent.clocks.clone() };
            prop_assert_eq!(&measured, &straight.clocks);
            prop_assert_eq!(bent.zero(), straight.zero());
        }
    }

    /// A longer log only adds: what an incident holds it keeps, and a closed log's prefix folds alike alone or on the way.
    #[test]
    fn a_longer_log_only_adds(parts in prop::collection::vec((any::<u8>(), 0i64..3_600, 0u64..60), 1..40), cut in 0usize..40) {
        let log = log(&parts);
        let cut = cut.min(log.entries.len());
        let short = fold(&log.entries[..cut]);
        let mut on = short.clone();
        for entry in &log.entries[cut..] {
            on.apply(entry);
        }
        let long = log.fold();
        prop_assert_eq!(&on, &long, "going on from a prefix is folding the whole");
        for (before, after) in short.incidents.iter().zip(&long.incidents) {
            prop_assert_eq!(&before.id, &after.id);
            for item in &before.items {
                let later = after.item(item.entry.seq);
                prop_assert!(later.is_some(), "entry {} vanished", item.entry.seq);
                prop_assert!(later.is_some_and(|later| later.amended_by.starts_with(&item.amended_by)));
            }
            for (person, since) in &before.people {
                prop_assert_eq!(after.people.get(person), Some(since));
            }
        }
        prop_assert!(long.anomalies.starts_with(&short.anomalies));
    }
}

/// The texts of an entry's amendments, as whoever reads the log finds them.
fn amended(incident: &Incident, entries: &[Entry], seq: u64) -> Option<crate::model::SafeText> {
    let removed = |seq: &u64| incident.index.changed(*seq).is_some_and(|it| it.redacted_by.is_some());
    let by = incident.index.changed(seq).map(|it| it.amended_by.as_slice()).unwrap_or_default();
    by.iter()
        .rev()
        .filter(|by| !removed(by))
        .find_map(|by| entries.iter().find(|it| it.seq == *by)?.text.clone().filter(|text| !text.is_empty()))
}

pub(crate) fn heads(entries: &[Entry]) -> Story {
    entries.iter().fold(Story::keeping(Keep::Heads), |mut story, entry| {
        story.apply(entry);
        story
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// What is kept of the items changes nothing else, and what is not kept is read in the log as it would have been kept.
    #[test]
    fn items_on_disk_are_those_in_memory(parts in prop::collection::vec((any::<u8>(), 0i64..3_600, 0u64..60), 0..60), most in 1usize..30) {
        let log = log(&parts);
        let (whole, heads) = (log.fold(), heads(&log.entries));
        prop_assert_eq!(&whole.clone().keep(Keep::Heads), &heads);
        for incident in &whole.incidents {
            let folded = heads.get(&incident.id).expect("the same incident");
            prop_assert_eq!(folded.index.runs().count(), incident.items.len() as u64);
            for item in &incident.items {
                let entry = log.entries[item.entry.seq as usize - 1].clone();
                let read = folded.read_item(entry, amended(folded, &log.entries, item.entry.seq));
                prop_assert_eq!(&read, item);
            }
            let source = ReadAgain(&log.entries);
            let streamed = StreamedItems::new(folded, &source).expect("read");
            for wanted in [&(|_| true) as &dyn Fn(u64) -> bool, &|seq| seq % most as u64 == 0] {
                let mut items = Vec::new();
                let read = streamed.items(wanted, &mut |item| {
                    items.push(item.clone());
                    Ok(())
                });
                prop_assert!(read.is_ok());
                let kept = incident.items.iter().filter(|item| wanted(item.entry.seq)).cloned();
                prop_assert_eq!(items, kept.collect::<Vec<_>>(), "in the same order");
            }
        }
        let mut newest = Story::keeping(Keep::Newest(most));
        log.entries.iter().for_each(|entry| newest.apply(entry));
        for incident in &newest.incidents {
            let all = whole.get(&incident.id).expect("the same incident");
            prop_assert!(incident.items.len() <= most + most / 4);
            let from = incident.items.iter().map(|it| it.entry.seq).min().unwrap_or(u64::MAX);
            let wanted: Vec<_> = all.items.iter().filter(|it| it.entry.seq >= from).collect();
            prop_assert_eq!(incident.items.iter().collect::<Vec<_>>(), wanted);
            prop_assert_eq!(incident.missing() as usize, all.items.len() - incident.items.len());
        }
        // Whatever is read again, in whatever order, is as it was.
        let mut again = heads.clone();
        let mut entries = log.entries.clone();
        entries.sort_by_key(|entry| entry.seq % most as u64);
        entries.into_iter().for_each(|entry| again.put_back(entry));
        for (incident, all) in again.incidents.iter().zip(&whole.incidents) {
            let sorted = |incident: &Incident| {
                let mut items = incident.items.clone();
                items.sort_by_key(|item| item.entry.seq);
                items
            };
            prop_assert_eq!(sorted(incident), sorted(all));
        }
    }

    /// Going on from what was kept at any entry is folding everything.
    #[test]
    fn a_snapshot_and_the_rest_are_the_whole(parts in prop::collection::vec((any::<u8>(), 0i64..3_600, 0u64..60), 0..60), cut in 0usize..60) {
        let log = log(&parts);
        let cut = cut.min(log.entries.len());
        let json = heads(&log.entries[..cut]).to_json().expect("json");
        let mut on = Story::from_json(&json, Keep::Heads).expect("a story");
        log.entries[cut..].iter().for_each(|entry| on.apply(entry));
        prop_assert_eq!(&on, &heads(&log.entries));
    }
}

/// The same with every kind of entry there is: an incident of two persons, plans, texts that were removed.
#[test]
fn a_whole_incident_goes_on_from_a_snapshot_at_every_entry() {
    let mut log = story();
    let asked = redact_asked(&mut log, at("15:20:00"), "ana", 9, "a name");
    redact_confirmed(&mut log, at("15:21:00"), "sam", 9, asked);
    log.outside();
    log.transition("alert.firing", at("16:00:00"), "Down", json!({ "fingerprint": "f9", "severity": "critical" }));
    log.transition(
        "backup.usable",
        at("16:10:00"),
        "hourly",
        json!({ "name": "b", "started": "2026-03-02T16:00:00Z" }),
    );
    let whole = heads(&log.entries);
    for cut in 0..log.entries.len() {
        let json = heads(&log.entries[..cut]).to_json().expect("json");
        let mut on = Story::from_json(&json, Keep::Heads).expect("a story");
        log.entries[cut..].iter().for_each(|entry| on.apply(entry));
        assert_eq!(on, whole, "cut after entry {cut}");
    }
}

/// The clocks that are kept up to date entry by entry are those that the whole of the marks gives.
#[test]
fn many_entries_fold_and_late_ones_find_their_place() {
    let mut log = Log::new();
    log.open(at("10:00:00"), None);
    for n in 0..20_000_i64 {
        let then = at("10:00:00") + TimeDelta::seconds(n);
        match n % 4 {
            0 => log.transition("alert.firing", then, "Down", json!({ "fingerprint": format!("f{n}") })),
            1 => log.transition("probe.failing", then, "shop", json!({})),
            2 => log.transition("service.recovered", then, "shop", json!({})),
            _ => log.note(then, "ana", "still here"),
        };
    }
    // Noticed late: it belongs to the middle.
    log.add(at("20:00:00"), person("ana"), Note { at: Some(at("11:00:00")) }, Some("it was raining"));
    let story = log.fold();
    let incident = story.current().expect("open");
    assert_eq!(incident.items.len(), 20_002);
    assert_in_order(incident);
    assert_eq!(incident.clocks.impact, Some((at("10:00:01"), 3)));
    assert_eq!(incident.clocks.recovery, Some((at("10:00:00") + TimeDelta::seconds(19_998), 20_000)));
}
