//! The ledger on a disk that tears, loses, fails and lies, and on real files beside the stock verifier.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::scan;
use super::sim_disk::{Disk, DiskFault, DiskFaultKind};
use super::*;
use crate::clock::{Clock, Random};
use crate::model::entry::{EntryDraft, LogLine, Marked, Note, Outcome, PlanEnded};
use crate::model::{Actor, Happening, Milestone, PlanId};
use crate::seal;
use crate::seal::{ChainCheck, Sealed, decode};

pub(super) const DIR: &str = "/log";

pub(super) fn options(dir: &Path) -> OpenOptions {
    OpenOptions {
        dir: dir.to_owned(),
        room: "prod-ca".into(),
        src: "bastion-1".into(),
        boot: "9f3c".into(),
        drill: false,
        key: String::new(),
        allow_fs: Vec::new(),
        check_fs: true,
        snapshot: None,
    }
}

pub(super) fn clock() -> Clock {
    Clock::manual("2026-03-02T14:41:00Z".parse().expect("a time"))
}

fn open_on(storage: Arc<dyn Storage>, dir: &Path) -> Result<OpenedLog, LedgerError> {
    Ledger::open(options(dir), storage, clock(), Random::seeded(7))
}

pub(super) fn open(disk: &Disk) -> Result<OpenedLog, LedgerError> {
    open_on(Arc::new(disk.clone()), Path::new(DIR))
}

pub(super) fn note(text: &str) -> EntryDraft {
    EntryDraft {
        incident: None,
        by: Actor::room(),
        happening: Note { at: None }.into(),
        text: (!text.is_empty()).then(|| SafeText::long(text)),
    }
}

fn outcome() -> EntryDraft {
    let ended = PlanEnded { plan: PlanId::from("P"), outcome: Outcome::Failed, precheck: false, says: "no".into() };
    EntryDraft { happening: ended.into(), ..note("") }
}

pub(super) fn segment(number: u32) -> PathBuf {
    Path::new(DIR).join(segment_name(number))
}

/// Everything the log holds, checked link by link.
pub(super) fn entries(ledger: &Ledger) -> Vec<LogLine> {
    let reader = ledger.reader();
    let (mut out, mut check, mut next) = (Vec::new(), ChainCheck::new(), 1);
    loop {
        let some = reader.read_from(next, 4096).expect("readable");
        if some.is_empty() {
            break;
        }
        for log in some {
            check.push(&log).expect("a link");
            next = decode(&log).expect("an entry").seq + 1;
            out.push(log);
        }
    }
    assert_eq!(check.head(), ledger.head());
    out
}

pub(super) fn texts(ledger: &Ledger) -> Vec<String> {
    let entries = entries(ledger);
    entries.iter().filter_map(|log| decode(log).expect("an entry").text).map(|text| text.to_string()).collect()
}

fn batch(sizes: &[usize]) -> Vec<EntryDraft> {
    sizes.iter().map(|size| note(&"x".repeat(*size))).collect()
}

#[test]
fn what_was_appended_is_read_back_after_a_restart() {
    let disk = Disk::default();
    let opened = open(&disk).expect("open");
    assert!(opened.recovered.is_none() && opened.damaged.is_none() && opened.warnings.is_empty());
    let ledger = opened.ledger;
    assert_eq!(ledger.head().0, 1);
    let first = ledger.append(vec![note("one"), note(""), note("two")]).expect("append");
    assert_eq!(first.iter().map(|s| (s.entry.seq, s.entry.batch)).collect::<Vec<_>>(), [(2, 2), (3, 2), (4, 2)]);
    ledger.append(vec![note("three")]).expect("append");
    let rotate = ledger.rotate("incident closed").expect("rotate");
    assert!(matches!(rotate.entry.happening, Happening::Rotate(_)));
    ledger.append(vec![note("four")]).expect("append");
    let (head, id) = (ledger.head(), ledger.reader().log_id().to_owned());
    assert!(!id.is_empty());
    let reader = ledger.reader();
    assert_eq!(reader.read_from(1, 0).expect("one").len(), 1);
    assert_eq!(reader.read_from(4, usize::MAX).expect("rest").len(), 4);
    assert!(reader.read_from(8, usize::MAX).expect("none").is_empty());
    assert!(matches!(open(&disk), Err(LedgerError::Locked(_))), "one writer");
    drop(ledger);
    let again = open(&disk.killed()).expect("open").ledger;
    assert_eq!(again.head(), head);
    assert_eq!(again.reader().log_id(), id);
    assert_eq!(texts(&again), ["one", "two", "three", "four"]);
    again.append(vec![note("five")]).expect("append");
}

#[test]
fn a_segment_that_is_full_is_followed_by_the_next_and_marks_find_any_entry() {
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    ledger.set_segment_limit(64 * 1024);
    for i in 0..500 {
        ledger.append(vec![note(&format!("note {i}"))]).expect("append");
    }
    assert!(disk.contents(&segment(4)).is_some());
    let reader = ledger.reader();
    for seq in 1..=reader.head().0 {
        let found = reader.read_from(seq, 0).expect("read");
        assert_eq!(decode(&found[0]).expect("entry").seq, seq);
    }
    assert_eq!(texts(&ledger).len(), 500);
    drop(ledger);
    let again = open(&disk).expect("open").ledger;
    assert_eq!(texts(&again).len(), 500);
    assert_eq!(again.append(vec![note("more")]).expect("append").len(), 1);
}

#[test]
fn an_entry_that_speaks_of_the_one_before_it_has_its_number_and_is_never_alone_or_missing() {
    let mark = |seq| -> Happening { Marked { seq, milestone: Milestone::Decided, marked: true }.into() };
    let pair = |ledger: &Ledger| ledger.append_pair(note("it"), |seq| EntryDraft { happening: mark(seq), ..note("") });
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    // Each batch has a segment of its own, whose first entry takes a number too.
    ledger.set_segment_limit(1);
    for _ in 0..3 {
        let batch = pair(&ledger).expect("append");
        let [first, second] = batch.as_slice() else { panic!("{batch:?}") };
        assert_eq!((&second.entry.happening, second.entry.seq), (&mark(first.entry.seq), first.entry.seq + 1));
        assert_eq!(first.entry.batch, second.entry.batch, "torn off together");
    }
    let before = texts(&ledger);
    disk.set_free(Some(0));
    assert_eq!(pair(&ledger), Err(AppendError::Full));
    assert_eq!(texts(&ledger), before);
}

/// A log with a synced part and one last batch, as bytes: (all of it, where the batch begins).
fn log_with_last_batch() -> (Disk, Vec<u8>, usize, Vec<Sealed>) {
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    ledger.append(vec![note("kept"), note("")]).expect("append");
    let before = disk.contents(&segment(1)).expect("file").len();
    let last = ledger.append(batch(&[300, 0, 5, 40, 0, 120])).expect("append");
    drop(ledger);
    let bytes = disk.contents(&segment(1)).expect("file");
    (disk, bytes, before, last)
}

#[test]
fn a_log_torn_at_any_byte_of_its_last_batch_opens_with_an_exact_prefix() {
    let (disk, bytes, before, last) = log_with_last_batch();
    for cut in before..=bytes.len() {
        let torn = disk.killed();
        torn.put(&segment(1), &bytes[..cut]);
        let opened = open(&torn).unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
        assert!(opened.damaged.is_none(), "cut at {cut}: {:?}", opened.damaged);
        let whole = entries(&opened.ledger);
        let kept: Vec<_> = last.iter().filter(|sealed| whole.contains(&sealed.log)).collect();
        let mut end = before;
        for sealed in &last {
            end += sealed.log.line.len() + 1 + sealed.log.body.as_ref().map_or(0, |body| body.len() + 1);
            assert_eq!(kept.contains(&sealed), end <= cut, "cut at {cut}, entry {}", sealed.entry.seq);
        }
        // Exactly one entry says what was cut off, unless nothing was.
        let tail = opened.recovered.as_ref().map_or(0, |recovered| recovered.bytes);
        assert_eq!(whole.len(), 3 + kept.len() + usize::from(tail > 0), "cut at {cut}");
        if tail > 0 {
            let torn_file = segment(1).with_extension("jsonl.torn-1");
            assert_eq!(torn.contents(&torn_file).expect("kept").len() as u64, tail);
        }
        drop(opened.ledger);
        let again = open(&torn).expect("again");
        assert!(again.recovered.is_none() && again.damaged.is_none(), "cut at {cut}: recovered once");
    }
}

#[test]
fn every_subset_of_lost_sectors_of_an_unsynced_batch_leaves_a_legal_prefix() {
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    ledger.append(vec![note("kept")]).expect("append");
    let acknowledged = entries(&ledger);
    // The batch is written, its sync never comes back: twelve sectors are anybody's guess.
    disk.fail(None);
    ledger.append(vec![note("probe")]).expect("append");
    let calls = disk.calls();
    let acknowledged_now = entries(&ledger);
    assert_eq!(acknowledged_now.len(), acknowledged.len() + 1);
    let before = disk.killed();
    let end = before.contents(&segment(1)).expect("file").len();
    let sizes = [700, 0, 900, 0, 5, 900, 10];
    let batch = ledger.append(batch(&sizes)).expect("append");
    assert!(calls >= 4);
    let after = disk.contents(&segment(1)).expect("file");
    let first = end / 512;
    let sectors = (after.len() - 1) / 512 + 1 - first;
    assert!((10..=13).contains(&sectors), "{sectors} sectors");
    let old = before.contents(&segment(1)).expect("file");
    for subset in 0u32..1 << sectors {
        let mut bytes = old.clone();
        bytes.resize(after.len(), 0);
        for sector in (0..sectors).filter(|sector| subset >> sector & 1 == 1) {
            let from = (first + sector) * 512;
            let to = (from + 512).min(after.len());
            bytes[from..to].copy_from_slice(&after[from..to]);
        }
        let crashed = before.killed();
        crashed.put(&segment(1), &bytes);
        let opened = open(&crashed).expect("open");
        assert!(opened.damaged.is_none(), "subset {subset:b}: {:?}", opened.damaged);
        let whole = entries(&opened.ledger);
        assert_eq!(whole[..acknowledged_now.len()], acknowledged_now[..], "subset {subset:b}");
        let mut rest = whole[acknowledged_now.len()..].to_vec();
        if opened.recovered.is_some() {
            rest.pop();
        } else {
            assert_eq!(subset, (1 << sectors) - 1, "a loss that nobody speaks of");
        }
        let expected: Vec<_> = batch.iter().map(|sealed| sealed.log.clone()).take(rest.len()).collect();
        assert_eq!(rest, expected, "subset {subset:b}");
    }
}

#[test]
fn no_single_flipped_bit_of_a_log_is_silent() {
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    let mut i = 0;
    while disk.contents(&segment(1)).expect("file").len() < 64 * 1024 {
        i += 1;
        ledger.append(batch(&[i % 700, 0])).expect("append");
    }
    drop(ledger);
    let bytes = disk.contents(&segment(1)).expect("file");
    let bytes = &bytes[..];
    // One good pass: where each line begins, and the state of the check there.
    let mut starts = Vec::new();
    let mut check = ChainCheck::new();
    check.segment().expect("begin");
    let mut offset = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        starts.push((offset, check.clone()));
        check.line(&line[..line.len() - 1]).expect("good");
        offset += line.len();
    }
    starts.push((offset, check.clone()));
    let next_seq = |check: &ChainCheck| check.head().0;
    let flips: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2usize)
            .map(|worker| {
                let (starts, check) = (&starts, &check);
                scope.spawn(move || {
                    let mut count = 0;
                    for window in starts.windows(2).skip(worker).step_by(2) {
                        let (from, to) = (window[0].0, window[1].0);
                        // A flip can only be felt from its own line on; two lines more decide whether it is.
                        let upto = bytes[to..].iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1);
                        let upto = upto.map_or(bytes.len(), |(i, _)| to + i + 1);
                        let mut part = bytes[from..upto].to_vec();
                        for bit in 0..(to - from) * 8 {
                            part[bit / 8] ^= 1 << (bit % 8);
                            let mut flipped = window[0].1.clone();
                            let ended = part.last() == Some(&b'\n');
                            let lines = part[..part.len() - usize::from(ended)].split(|b| *b == b'\n');
                            let broken = !ended || lines.into_iter().any(|line| flipped.line(line).is_err());
                            assert!(broken, "bit {bit} of the line at {from} of {}", next_seq(check));
                            part[bit / 8] ^= 1 << (bit % 8);
                            count += 1;
                        }
                    }
                    count
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no silent flip")).sum()
    });
    assert_eq!(flips, bytes.len() * 8);
    assert!(flips >= 524_288, "{flips}");
}

#[test]
fn a_flipped_bit_on_disk_is_damage_or_a_recovery_that_an_entry_tells() {
    let (disk, bytes, before, _) = log_with_last_batch();
    // Every bit of the bytes around the ends of lines, and a sample of the others.
    let near_end = |at: usize| bytes[at..bytes.len().min(at + 3)].contains(&b'\n');
    for at in (0..bytes.len()).filter(|at| near_end(*at) || at % 41 == 0) {
        for bit in 0..8 {
            let flipped = disk.killed();
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            flipped.put(&segment(1), &changed);
            let opened = open(&flipped).expect("open");
            match (&opened.damaged, &opened.recovered) {
                (Some(damage), None) => {
                    assert!(damage.blocks);
                    assert!(damage.offset as usize <= at, "byte {at}: {damage:?}");
                    assert!(matches!(opened.ledger.append(vec![note("no")]), Err(AppendError::Damaged(_))));
                    assert_eq!(opened.ledger.reader().head().0, damage.seq);
                    assert_eq!(flipped.contents(&segment(1)).expect("file"), changed, "nothing is repaired");
                }
                // Only the very last line feed can look like a cut.
                (None, Some(_)) => assert_eq!(at, bytes.len() - 1, "bit {bit}"),
                other => panic!("byte {at} bit {bit} of {before}: {other:?}"),
            }
        }
    }
}

/// What a scenario was promised: entries whose append came back.
type PromisedLines = Vec<LogLine>;

fn keep(promised: &mut PromisedLines, done: Result<Vec<Sealed>, AppendError>) {
    promised.extend(done.into_iter().flatten().map(|sealed| sealed.log));
}

/// Things a room does with its log. Errors end nothing: the next step is tried too.
fn scenario(which: usize, disk: &Disk, promised: &mut PromisedLines) {
    let appends = |ledger: &Ledger, promised: &mut PromisedLines, sizes: &[&[usize]]| {
        for sizes in sizes {
            keep(promised, ledger.append(batch(sizes)));
        }
    };
    let Ok(opened) = open(disk) else { return };
    let ledger = opened.ledger;
    match which {
        0 => {}
        1 => appends(&ledger, promised, &[&[0], &[40], &[0, 0, 0]]),
        2 => appends(&ledger, promised, &[&[700, 0, 900, 0, 5]]),
        3 => keep(promised, ledger.rotate("by hand").map(|sealed| vec![sealed])),
        4 => {
            appends(&ledger, promised, &[&[10]]);
            keep(promised, ledger.rotate("by hand").map(|sealed| vec![sealed]));
            appends(&ledger, promised, &[&[10], &[20]]);
        }
        5 => {
            ledger.set_segment_limit(1);
            appends(&ledger, promised, &[&[10], &[20], &[30]]);
        }
        6 => {
            appends(&ledger, promised, &[&[10]]);
            keep(promised, ledger.append(vec![outcome()]));
            keep(promised, ledger.append(vec![outcome(), outcome()]));
        }
        7 => {
            appends(&ledger, promised, &[&[10]]);
            drop(ledger);
            scenario(4, disk, promised);
        }
        8 => {
            drop(ledger);
            // What was never begun can't be torn.
            let Some(mut bytes) = disk.contents(&segment(1)) else { return };
            bytes.extend_from_slice(b"{\"v\":1,\"k\":\"note\",\"se");
            disk.put(&segment(1), &bytes);
            scenario(1, disk, promised);
        }
        9 => {
            disk.set_free(Some(900));
            appends(&ledger, promised, &[&[10], &[700], &[10]]);
            keep(promised, ledger.append(vec![outcome()]));
            disk.set_free(None);
            appends(&ledger, promised, &[&[10]]);
        }
        10 => {
            ledger.heal();
            appends(&ledger, promised, &[&[1], &[2], &[3], &[4]]);
            ledger.heal();
            appends(&ledger, promised, &[&[5]]);
        }
        _ => {
            for i in 0..3 {
                appends(&ledger, promised, &[&[i], &[600, i]]);
                keep(promised, ledger.rotate("again").map(|sealed| vec![sealed]));
            }
        }
    }
}

/// Whatever happened: the log opens, is whole, holds everything promised, and takes entries.
fn assert_sound(disk: &Disk, promised: &PromisedLines, told: &str) {
    let opened = open(disk).unwrap_or_else(|e| panic!("{told}: {e}"));
    assert!(opened.damaged.is_none(), "{told}: {:?}", opened.damaged);
    let whole = entries(&opened.ledger);
    let mut at = whole.iter();
    for log in promised {
        assert!(at.any(|found| found == log), "{told}: lost {}", log.line);
    }
    opened.ledger.append(vec![note("after")]).unwrap_or_else(|e| panic!("{told}: {e}"));
    assert_eq!(opened.ledger.condition(), LogHealth::Healthy, "{told}");
    drop(opened.ledger);
    let verdict = verify_with(disk, &[PathBuf::from(DIR)], &Expected::default()).expect("verified");
    assert!(verdict.ok, "{told}: {verdict:?}");
}

#[test]
fn any_call_may_fail_once_or_for_good_and_nothing_promised_is_lost() {
    let mut runs = 0;
    for which in 0..12 {
        let clean = Disk::default();
        scenario(which, &clean, &mut Vec::new());
        let calls = clean.calls();
        for kind in [DiskFaultKind::Eio, DiskFaultKind::Enospc, DiskFaultKind::Eintr, DiskFaultKind::Short] {
            for at in 0..calls {
                for sticky in [false, true] {
                    let disk = Disk::default();
                    let mut promised = Vec::new();
                    let fault = DiskFault { at, kind, sticky };
                    disk.fail(Some(fault));
                    scenario(which, &disk, &mut promised);
                    let told = format!("scenario {which}, {fault:?}");
                    assert_sound(&disk.killed(), &promised, &format!("{told}, killed"));
                    // Interrupted and short calls end in the same states as good ones: a sample of crashes will do.
                    let fewest =
                        if matches!(kind, DiskFaultKind::Eio | DiskFaultKind::Enospc) { 0 } else { disk.loose_names() };
                    for names in fewest..=disk.loose_names() {
                        assert_sound(
                            &disk.crash(names, |_| false, false),
                            &promised,
                            &format!("{told}, {names} names"),
                        );
                    }
                    let lost = disk.crash(usize::MAX, |sector| sector % 2 == 1, true);
                    assert_sound(&lost, &promised, &format!("{told}, even sectors lost"));
                    runs += 1;
                }
            }
        }
    }
    assert!(runs > 2000, "{runs}");
}

#[test]
fn a_fault_during_recovery_from_a_crash_loses_nothing_either() {
    let (disk, bytes, before, _) = log_with_last_batch();
    let torn = || {
        let torn = disk.killed();
        torn.put(&segment(1), &bytes[..before + 900]);
        torn
    };
    let ledger = open(&torn()).expect("open").ledger;
    let promised: Vec<_> = entries(&ledger).into_iter().take(3).collect();
    let clean = torn();
    clean.fail(None);
    open(&clean).expect("open");
    for at in 0..clean.calls() {
        for kind in [DiskFaultKind::Eio, DiskFaultKind::Enospc] {
            let failing = torn();
            failing.fail(Some(DiskFault { at, kind, sticky: true }));
            let _ = open(&failing);
            for crashed in [failing.killed(), failing.crash(0, |_| false, false)] {
                let opened = open(&crashed).expect("open");
                let told = entries(&opened.ledger).iter().any(|log| log.line.contains("\"k\":\"recovered\""));
                assert!(told, "call {at}, {kind:?}: a tail was cut and no entry says so");
                drop(opened.ledger);
                assert_sound(&crashed, &promised, &format!("recovery, call {at}, {kind:?}"));
            }
        }
    }
}

#[test]
fn a_full_disk_stops_recording_but_not_the_outcome_of_a_running_action() {
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    let end = disk.contents(&segment(1)).expect("file").len();
    disk.set_free(Some(100));
    assert_eq!(ledger.append(vec![note("no room")]), Err(AppendError::Full));
    assert_eq!(disk.contents(&segment(1)).expect("file").len(), end, "cut back");
    assert!(matches!(ledger.condition(), LogHealth::Degraded(_)));
    assert!(disk.contents(&Path::new(DIR).join(RESERVE)).is_none(), "the reserve is given up");
    disk.set_free(Some(RESERVE_BYTES));
    assert_eq!(ledger.append(vec![note("still not")]), Err(AppendError::Full));
    ledger.append(vec![outcome()]).expect("an outcome");
    assert!(matches!(ledger.heal(), LogHealth::Degraded(_)));
    disk.set_free(Some(HEALTHY_BYTES));
    ledger.append(vec![note("again")]).expect("room");
    assert_eq!(ledger.condition(), LogHealth::Healthy);
    assert_eq!(texts(&ledger), ["again"]);
}

#[test]
fn a_log_in_a_place_that_turned_read_only_is_shown_and_takes_nothing() {
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    ledger.append(vec![note("kept")]).expect("append");
    let (head, end) = (ledger.head(), disk.contents(&segment(1)).expect("file").len());
    drop(ledger);
    // The directory is there, and is looked at; its lock can't be taken.
    disk.fail(Some(DiskFault { at: 2, kind: DiskFaultKind::Erofs, sticky: false }));
    let opened = open(&disk).expect("shown");
    let LogHealth::Degraded(says) = opened.ledger.condition() else { panic!("it takes entries") };
    assert!(says.as_str().contains("--state-dir") && says.as_str().contains(DIR), "{says}");
    assert_eq!((opened.ledger.head(), texts(&opened.ledger)), (head, vec!["kept".to_owned()]));
    assert!(matches!(opened.ledger.append(vec![note("lost")]), Err(AppendError::Stopped(_))));
    assert!(matches!(opened.ledger.heal(), LogHealth::Degraded(_)));
    assert_eq!(disk.contents(&segment(1)).expect("file").len(), end, "nothing was written");
    // Whose errors are no refusal of the place is still refused.
    disk.fail(Some(DiskFault { at: 2, kind: DiskFaultKind::Eio, sticky: false }));
    assert!(matches!(open(&disk), Err(LedgerError::Io { .. })));
    disk.fail(None);
    open(&disk).expect("open").ledger.append(vec![note("again")]).expect("it goes on");
}

/// Whatever is opened comes before anything is changed: so no lack of descriptors is taken for a disk that failed.
#[test]
fn a_log_that_lacks_descriptors_for_a_new_segment_goes_on_in_the_old_one_and_heals() {
    let begin = |fault| {
        let disk = Disk::default();
        let ledger = open(&disk).expect("open").ledger;
        ledger.set_segment_limit(1);
        disk.fail(fault);
        ledger.append(vec![note("now")]).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        (disk, ledger)
    };
    let (disk, _) = begin(None);
    assert!(disk.opens() > 2);
    for at in 0..disk.opens() {
        let (disk, ledger) = begin(Some(DiskFault { at, kind: DiskFaultKind::Emfile, sticky: false }));
        let rotated = disk.contents(&segment(2)).is_some();
        ledger.append(vec![note("later")]).expect("append");
        assert!(disk.contents(&segment(3 - u32::from(!rotated))).is_some(), "made as soon as that was possible");
        assert_eq!((ledger.condition(), texts(&ledger)), (LogHealth::Healthy, vec!["now".into(), "later".into()]));
    }
}

#[test]
fn a_failed_sync_stops_the_log_until_a_restart_which_begins_a_new_segment() {
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    // Two looks at the file, one write, then the sync.
    disk.fail(Some(DiskFault { at: 3, kind: DiskFaultKind::Eio, sticky: false }));
    assert!(matches!(ledger.append(vec![note("lost")]), Err(AppendError::Stopped(_))));
    assert!(matches!(ledger.append(vec![note("refused")]), Err(AppendError::Stopped(_))));
    assert!(matches!(ledger.condition(), LogHealth::Degraded(_)));
    assert!(texts(&ledger).is_empty(), "what was not synced is not shown");
    drop(ledger);
    let again = open(&disk).expect("open").ledger;
    assert!(disk.contents(&segment(2)).is_some());
    again.append(vec![note("goes on")]).expect("append");
    drop(again);
    open(&disk).expect("open");
    assert!(disk.contents(&segment(3)).is_none(), "once");
}

#[test]
fn a_second_writer_or_a_swapped_file_halts_the_log() {
    for change in 0..3 {
        let disk = Disk::default();
        let ledger = open(&disk).expect("open").ledger;
        let mut bytes = disk.contents(&segment(1)).expect("file");
        match change {
            0 => disk.open_append(&segment(1)).expect("file").write(b"x").map(|_| ()).expect("written"),
            1 => {
                disk.remove_file(&segment(1));
                disk.put(&segment(1), &bytes);
            }
            _ => {
                bytes.pop();
                disk.put(&segment(1), &bytes);
            }
        }
        assert!(matches!(ledger.append(vec![note("no")]), Err(AppendError::Damaged(_))), "change {change}");
        assert!(matches!(ledger.rotate("no"), Err(AppendError::Damaged(_))));
        assert!(matches!(ledger.condition(), LogHealth::Damaged(_)));
    }
}

#[test]
fn damage_in_a_closed_segment_is_shown_and_blocks_nothing() {
    for cut_lines in [false, true] {
        let disk = Disk::default();
        let ledger = open(&disk).expect("open").ledger;
        ledger.append(vec![note("one"), note("two")]).expect("append");
        ledger.rotate("next").expect("rotate");
        ledger.append(vec![note("three")]).expect("append");
        drop(ledger);
        let mut bytes = disk.contents(&segment(1)).expect("file");
        if cut_lines {
            // Lost at the end of a line: only the next segment's link tells.
            let body = bytes.windows(5).position(|w| w == b"{\"b\":").expect("a body line");
            bytes.truncate(body);
        } else {
            let at = bytes.len() - 200;
            bytes[at] ^= 1;
        }
        disk.put(&segment(1), &bytes);
        let opened = open(&disk).expect("open");
        let damage = opened.damaged.expect("shown");
        assert!(!damage.blocks && damage.segment == segment(1), "{damage:?}");
        assert_eq!(opened.ledger.condition(), LogHealth::Healthy);
        opened.ledger.append(vec![note("four")]).expect("append");
        let reader = opened.ledger.reader();
        let after: Vec<_> = reader.read_from(damage.seq + 1, usize::MAX).expect("read");
        assert_eq!(after.len(), 3, "the next segment follows the gap");
        assert!(!verify_with(&disk, &[PathBuf::from(DIR)], &Expected::default()).expect("verdict").ok);
    }
}

fn damaged_disk() -> Disk {
    let (disk, mut bytes, before, _) = log_with_last_batch();
    bytes[before - 100] ^= 1;
    disk.put(&segment(1), &bytes);
    disk
}

fn renew(disk: &Disk) -> Result<OpenedLog, LedgerError> {
    new_after_damage(options(Path::new(DIR)), Arc::new(disk.clone()), clock(), Random::seeded(9))
}

#[test]
fn a_new_log_after_damage_names_the_old_one_and_keeps_it() {
    let healthy = Disk::default();
    open(&healthy).expect("open");
    assert!(matches!(renew(&healthy), Err(LedgerError::NotDamaged(_))));
    let disk = damaged_disk();
    let old = disk.contents(&segment(1)).expect("file");
    let damage = open(&disk).expect("open").damaged.expect("damaged");
    let opened = renew(&disk).expect("new");
    assert!(opened.damaged.is_none());
    let first = decode(&entries(&opened.ledger)[0]).expect("entry");
    let Happening::Genesis(genesis) = first.happening else { panic!("genesis") };
    let named = genesis.after_damage.expect("named");
    assert_eq!((named.sha256, named.seq, named.head), (crate::seal::sha256(&old), damage.seq, damage.head));
    assert_eq!(disk.contents(&Path::new(DIR).join("damaged-1").join(segment_name(1))), Some(old));
    opened.ledger.append(vec![note("goes on")]).expect("append");
}

#[test]
fn a_crash_while_a_new_log_is_begun_never_shows_a_shorter_log() {
    let clean = damaged_disk();
    clean.fail(None);
    renew(&clean).expect("new");
    for at in 0..clean.calls() {
        let disk = damaged_disk();
        disk.fail(Some(DiskFault { at, kind: DiskFaultKind::Eio, sticky: true }));
        let _ = renew(&disk);
        for names in 0..=disk.loose_names() {
            let crashed = disk.crash(names, |_| false, false);
            let opened = open(&crashed).expect("open");
            let first = entries(&opened.ledger).first().map(|log| decode(log).expect("entry").happening);
            let renewed = matches!(first, Some(Happening::Genesis(g)) if g.after_damage.is_some());
            assert!(renewed || opened.damaged.is_some_and(|d| d.blocks), "call {at}, {names} names");
        }
    }
}

#[test]
fn a_tail_is_torn_only_if_it_looks_cut_and_no_later_batch_exists() {
    let (_, bytes, before, last) = log_with_last_batch();
    let tail = &bytes[before..];
    assert!(!scan::is_torn(tail, before as u64, 3), "whole lines with something wrong are damage");
    assert!(scan::is_torn(&tail[..tail.len() - 1], before as u64, 3));
    let body = last[0].log.body.clone().expect("body") + "\n";
    assert!(scan::is_torn(body.as_bytes(), before as u64, 3), "a body line alone");
    assert!(!scan::is_torn(body.as_bytes(), before as u64, 4), "another entry's body line");
    assert!(!scan::is_torn(&tail[..tail.len() - 1], before as u64, 2), "a later batch exists");
    let mut zeroed = tail.to_vec();
    let from = 1024 - before % 512;
    zeroed[from..from + 512].fill(0);
    assert!(scan::is_torn(&zeroed, before as u64, 3));
    assert!(!scan::is_torn(&zeroed, before as u64 + 256, 3), "zeros, but no whole sector");
}

/// The verifier of others, if there is one.
fn script() -> Option<PathBuf> {
    if Command::new("bash").arg("--version").output().is_err() {
        crate::test_support::missing("bash");
        return None;
    }
    crate::test_support::verifier()
}

fn real_log(dir: &Path) -> Vec<PathBuf> {
    let ledger = open_on(Arc::new(FileStorage), dir).expect("open").ledger;
    ledger.append(vec![note("one \"quoted\" \\ é"), note(""), note("three")]).expect("append");
    ledger.rotate("incident").expect("rotate");
    ledger.append(batch(&[3000, 0])).expect("append");
    drop(ledger);
    segments(&FileStorage, dir).expect("list").into_iter().map(|(_, path)| path).collect()
}

#[test]
fn real_files_are_private_locked_and_closed_when_rotated() {
    use std::os::unix::fs::PermissionsExt as _;
    let temp = tempfile::tempdir().expect("temp");
    let dir = temp.path().join("state/log");
    let files = real_log(&dir);
    let mode = |path: &Path| std::fs::metadata(path).expect("meta").permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&files[0]), mode(&files[1])), (0o700, 0o400, 0o600));
    let ledger = open_on(Arc::new(FileStorage), &dir).expect("open").ledger;
    assert!(matches!(open_on(Arc::new(FileStorage), &dir), Err(LedgerError::Locked(_))));
    assert_eq!(texts(&ledger).len(), 3);
    let mut another = std::fs::OpenOptions::new().append(true).open(&files[1]).expect("file");
    std::io::Write::write_all(&mut another, b"{}\n").expect("written");
    assert!(matches!(ledger.append(vec![note("no")]), Err(AppendError::Damaged(_))));
    drop(ledger);
    assert!(open_on(Arc::new(FileStorage), &dir).expect("open").damaged.is_some());
    // Links are not followed, and a directory that others may enter is refused.
    std::fs::remove_file(&files[1]).expect("removed");
    std::os::unix::fs::symlink("/dev/null", &files[1]).expect("link");
    assert!(matches!(open_on(Arc::new(FileStorage), &dir), Err(LedgerError::Io { .. })));
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).expect("mode");
    assert!(matches!(open_on(Arc::new(FileStorage), &dir), Err(LedgerError::Directory { .. })));
}

#[test]
fn the_stock_verifier_agrees_on_whole_and_on_damaged_logs() {
    let Some(script) = script() else { return };
    let temp = tempfile::tempdir().expect("temp");
    let files = real_log(&temp.path().join("log"));
    let agree = |files: &[PathBuf], told: &str| -> bool {
        let out = Command::new("bash").arg(&script).args(files).output().expect("bash");
        let ours = verify(files, &Expected::default()).expect("verdict");
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert_eq!(out.status.success(), ours.ok, "{told}: {said} / {ours:?}");
        if ours.ok {
            assert!(said.contains(&format!("intact: {} entries, head {}", ours.seq, ours.head)), "{told}: {said}");
        }
        ours.ok
    };
    assert!(agree(&files, "whole"));
    assert!(!agree(&files[1..], "without its beginning"));
    assert!(!agree(&[files[1].clone(), files[0].clone()], "in the wrong order"));
    assert!(agree(&files[..1], "a prefix"));
    let bytes = std::fs::read(&files[0]).expect("read");
    let other = temp.path().join("other.jsonl");
    let with = |changed: &[u8], told: &str| {
        std::fs::write(&other, changed).expect("write");
        agree(&[other.clone(), files[1].clone()], told)
    };
    assert!(with(&bytes, "a copy"));
    assert!(!with(b"", "an empty segment"));
    assert!(!with(&bytes[..bytes.len() - 1], "no final line feed"));
    assert!(!with(&[&bytes[..], b"\n"].concat(), "an empty line"));
    assert!(!with(&[&bytes[..], b"\0\n"].concat(), "a NUL"));
    let lines: Vec<_> = bytes.split_inclusive(|b| *b == b'\n').collect();
    for drop in 0..lines.len() {
        let rest: Vec<_> = lines.iter().enumerate().filter(|(i, _)| *i != drop).flat_map(|(_, l)| l.to_vec()).collect();
        assert!(!with(&rest, &format!("line {drop} removed")));
        let doubled: Vec<_> =
            lines.iter().enumerate().flat_map(|(i, l)| l.repeat(1 + usize::from(i == drop))).collect();
        assert!(!with(&doubled, &format!("line {drop} doubled")));
    }
    for at in (0..bytes.len()).step_by(89) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(!with(&flipped, &format!("bit flipped at {at}")));
    }
}

#[test]
fn redacted_bodies_are_judged_as_the_stock_verifier_does() {
    let temp = tempfile::tempdir().expect("temp");
    let dir = temp.path().join("log");
    let ledger = open_on(Arc::new(FileStorage), &dir).expect("open").ledger;
    ledger.append(vec![note("secret")]).expect("append");
    let redact = EntryDraft { happening: crate::model::entry::Redact { seq: 2, proposal: None }.into(), ..note("") };
    ledger.append(vec![redact]).expect("append");
    drop(ledger);
    let path = dir.join(segment_name(1));
    let text = std::fs::read_to_string(&path).expect("read");
    let body = text.lines().find(|line| line.starts_with("{\"b\":2,")).expect("body").to_owned();
    for (by, ok) in [("3", true), ("4", false), ("03", false), ("2", false)] {
        std::fs::write(&path, text.replace(&body, &format!("{{\"b\":2,\"redacted\":{by},\"why\":\"gdpr\"}}")))
            .expect("write");
        let verdict = verify(std::slice::from_ref(&dir), &Expected::default()).expect("verdict");
        assert_eq!(verdict.ok, ok, "{by}: {verdict:?}");
        if let Some(script) = script() {
            assert_eq!(Command::new("bash").arg(script).arg(&path).status().expect("bash").success(), ok, "{by}");
        }
    }
}

pub(super) fn removal(seq: u64) -> EntryDraft {
    EntryDraft { happening: crate::model::entry::Redact { seq, proposal: Some(1) }.into(), ..note("") }
}

/// A log in two segments, with a text in each, and the entries that say that both are removed.
pub(super) fn to_redact(storage: Arc<dyn Storage>, dir: &Path) -> Ledger {
    let ledger = open_on(storage, dir).expect("open").ledger;
    ledger.append(vec![note("before"), note("call 555-1234"), note("between")]).expect("append");
    ledger.rotate("incident closed").expect("rotate");
    ledger.append(vec![note("mail to x@y.example"), note("after")]).expect("append");
    ledger.append(vec![removal(3), removal(6)]).expect("append");
    ledger
}

#[test]
fn a_removed_text_leaves_the_disk_and_nothing_else_moves() {
    let temp = tempfile::tempdir().expect("temp");
    let dir = temp.path().join("log");
    let ledger = to_redact(Arc::new(FileStorage), &dir);
    let (lines, head) = (entries(&ledger), ledger.head());
    assert_eq!((ledger.redact(3, 8), ledger.redact(6, 9)), (Ok(true), Ok(true)));
    assert_eq!((ledger.redact(3, 8), ledger.redact(2, 8)), (Ok(false), Ok(true)), "once; another's text only if asked");
    for (wrong, by) in [(0, 8), (8, 8), (9, 8), (99, 100)] {
        assert!(matches!(ledger.redact(wrong, by), Err(AppendError::Unchanged(_))), "{wrong}");
    }
    let after = entries(&ledger);
    assert_eq!(
        lines.iter().map(|it| &it.line).collect::<Vec<_>>(),
        after.iter().map(|it| &it.line).collect::<Vec<_>>()
    );
    assert_eq!(texts(&ledger), ["between", "after"]);
    // The writer goes on in the file that has the name now.
    ledger.append(vec![note("and on")]).expect("append");
    assert_eq!(ledger.head().0, head.0 + 1);
    drop(ledger);
    let all: String = (1..=2).map(|n| std::fs::read_to_string(dir.join(segment_name(n))).expect("read")).collect();
    assert!(!all.contains("555-1234") && !all.contains("x@y.example") && all.contains("and on"));
    let opened = open_on(Arc::new(FileStorage), &dir).expect("open");
    assert!(opened.damaged.is_some(), "entry 2 was removed, and no entry says so");
}

#[test]
fn both_verifiers_accept_a_log_whose_texts_were_removed() {
    let temp = tempfile::tempdir().expect("temp");
    let dir = temp.path().join("log");
    let ledger = to_redact(Arc::new(FileStorage), &dir);
    assert_eq!((ledger.redact(3, 8), ledger.redact(6, 9)), (Ok(true), Ok(true)));
    drop(ledger);
    let verdict = verify(std::slice::from_ref(&dir), &Expected::default()).expect("verdict");
    assert!(verdict.ok && verdict.redacted == [(3, 8), (6, 9)], "{verdict:?}");
    if let Some(script) = script() {
        let segments = [1, 2].map(|n| dir.join(segment_name(n)));
        assert!(Command::new("bash").arg(script).args(segments).status().expect("bash").success());
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(dir.join(segment_name(1))).expect("facts").permissions(),
    );
    assert_eq!(mode & 0o777, 0o400, "a closed segment stays closed");
    assert!(open_on(Arc::new(FileStorage), &dir).expect("open").damaged.is_none());
}

#[test]
fn a_crash_or_a_fault_while_a_text_is_removed_leaves_a_whole_log_and_the_removal_can_be_finished() {
    let dir = Path::new(DIR);
    let clean = Disk::default();
    let ledger = to_redact(Arc::new(clean.clone()), dir);
    clean.fail(None);
    assert_eq!((ledger.redact(3, 8), ledger.redact(6, 9)), (Ok(true), Ok(true)));
    drop(ledger);
    for (at, kind, sticky) in (0..clean.calls()).flat_map(|at| {
        [
            (at, DiskFaultKind::Eio, true),
            (at, DiskFaultKind::Eio, false),
            (at, DiskFaultKind::Enospc, false),
            (at, DiskFaultKind::Short, true),
        ]
    }) {
        let disk = Disk::default();
        let ledger = to_redact(Arc::new(disk.clone()), dir);
        disk.fail(Some(DiskFault { at, kind, sticky }));
        let done = (ledger.redact(3, 8), ledger.redact(6, 9));
        let tells = format!("call {at} {kind:?} sticky {sticky}: {done:?}");
        disk.fail(None);
        // What goes on is appended where it will be found; what can't be is refused.
        let promised = ledger.append(vec![note("goes on")]).is_ok();
        drop(ledger);
        for names in 0..=disk.loose_names() {
            for kept in [false, true] {
                let crashed = disk.crash(names, |_| kept, kept);
                let opened = open(&crashed).expect("open");
                assert!(opened.damaged.is_none(), "{tells}, {names} names: {:?}", opened.damaged);
                let told = texts(&opened.ledger);
                assert!(told.contains(&"before".to_owned()) && told.contains(&"after".to_owned()), "{tells}");
                assert!(!promised || told.contains(&"goes on".to_owned()), "{tells}, {names} names: {told:?}");
                assert!(opened.ledger.redact(3, 8).is_ok() && opened.ledger.redact(6, 9).is_ok(), "{tells}");
                let told = texts(&opened.ledger);
                assert!(!told.iter().any(|it| it.contains("555") || it.contains('@')), "{tells}: {told:?}");
            }
        }
    }
}

#[test]
fn signed_heads_prove_who_wrote_up_to_them() {
    let seed = [5; 32];
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&seed);
    let private = ssh_key::PrivateKey::new(pair.into(), "").expect("a key");
    let key = seal::SigningKey::parse(&private.to_openssh(ssh_key::LineEnding::LF).expect("text")).expect("a key");
    let temp = tempfile::tempdir().expect("temp");
    let dir = temp.path().join("log");
    let ledger = open_on(Arc::new(FileStorage), &dir).expect("open").ledger;
    let append = |draft: EntryDraft| ledger.append(vec![draft]).expect("append")[0].entry.clone();
    let at: crate::model::Stamp = "2026-03-02T14:41:00Z".parse().expect("a time");
    let sign = |seq, head| seal::sign_head(&key, "prod-ca", seq, head, at).expect("signed");
    let entry = append(note("one"));
    let (seq, head) = ledger.head();
    assert_eq!(seq, entry.seq);
    append(EntryDraft { happening: sign(seq, head).into(), text: None, ..note("") });
    let dirs = [dir.clone()];
    let signed = |key: Option<&str>| {
        let expected = Expected { key: key.map(str::to_owned), head: None };
        verify(&dirs, &expected).expect("verdict")
    };
    let room = &entry.room;
    assert_eq!(room, "prod-ca", "the name that is signed");
    let good = signed(Some(&key.public()));
    assert!(good.ok, "{good:?}");
    assert_eq!((good.signed.heads, good.signed.seq, good.signed.pinned), (1, seq, true));
    // Without a key from elsewhere, and with a genesis that names none, nothing is proven.
    let unnamed = signed(None);
    assert!(unnamed.ok && unnamed.signed.heads == 0 && !unnamed.signed.pinned, "{unnamed:?}");
    let other =
        ssh_key::PrivateKey::new(ssh_key::private::Ed25519Keypair::from_seed(&[6; 32]).into(), "").expect("a key");
    let other = other.public_key().to_openssh().expect("text");
    let bad = signed(Some(&other));
    assert!(!bad.ok && bad.why.contains("another key"), "{bad:?}");
    // A head that was signed for another history: the chain is whole, and the signature says otherwise.
    append(EntryDraft { happening: sign(2, head).into(), text: None, ..note("") });
    let bad = signed(Some(&key.public()));
    assert!(!bad.ok && bad.why.contains("not that of the entry before"), "{bad:?}");
}

#[test]
fn a_head_that_is_signed_at_the_end_of_a_segment_is_that_of_the_entry_before() {
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    let private = ssh_key::PrivateKey::new(ssh_key::private::Ed25519Keypair::from_seed(&[5; 32]).into(), "");
    let text = private.expect("a key").to_openssh(ssh_key::LineEnding::LF).expect("text");
    let key = seal::SigningKey::parse(&text).expect("a key");
    ledger.append(vec![note("one")]).expect("append");
    ledger.set_segment_limit(1);
    let (seq, head) = ledger.head_to_sign().expect("may be signed");
    ledger.set_segment_limit(SEGMENT_BYTES);
    assert!(disk.contents(&segment(2)).is_some(), "the next segment begins before it");
    let at: crate::model::Stamp = "2026-03-02T14:41:00Z".parse().expect("a time");
    let signed = seal::sign_head(&key, "prod-ca", seq, head, at).expect("signed");
    let drafts = vec![EntryDraft { happening: signed.into(), text: None, ..note("") }];
    assert_eq!(ledger.append(drafts).expect("append")[0].entry.seq, seq + 1);
    drop(ledger);
    let expected = Expected { key: Some(key.public()), head: None };
    let verdict = verify_with(&disk, &[PathBuf::from(DIR)], &expected).expect("a verdict");
    assert!(verdict.ok && verdict.signed.heads == 1, "{verdict:?}");
}

#[test]
fn a_log_can_be_begun_in_a_directory_that_is_named_from_here() {
    for dir in ["log", "./log", "a/log"] {
        open_on(Arc::new(Disk::default()), Path::new(dir)).expect(dir);
    }
}
