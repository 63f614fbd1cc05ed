//! What is kept beside the log: it saves reading where it fits, and never stands against the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sim_disk::{Disk, DiskFault, DiskFaultKind};
use super::tests::{DIR, clock, note, options, removal, segment, texts, to_redact};
use super::*;
use crate::clock::Random;

const OF: &str = "a count";

fn open_with(disk: &Disk, of: &str, seed: u64) -> OpenedLog {
    let options = OpenOptions { snapshot: Some(of.to_owned()), ..options(Path::new(DIR)) };
    Ledger::open(options, Arc::new(disk.clone()), clock(), Random::seeded(seed)).expect("open")
}

fn beside() -> PathBuf {
    Path::new(DIR).join(SNAPSHOT)
}

/// A log of several segments with a snapshot somewhere in the last of them, and more behind it.
fn log(behind: usize) -> (Disk, u64) {
    let disk = Disk::default();
    let ledger = open_with(&disk, OF, 7).ledger;
    for part in 0..3 {
        for i in 0..40 {
            ledger.append(vec![note(&format!("note {i} of part {part}"))]).expect("append");
        }
        ledger.rotate("a part is over").expect("rotate");
    }
    ledger.append(vec![note("the last that it knows")]).expect("append");
    assert!(ledger.keep_snapshot(OF, b"what was made of it").expect("kept"));
    let seq = ledger.head().0;
    for i in 0..behind {
        ledger.append(vec![note(&format!("behind {i}"))]).expect("append");
    }
    drop(ledger);
    (disk.killed(), seq)
}

fn unfit(opened: &OpenedLog) -> &UnusableSnapshot {
    let FoundSnapshot::Unfit(unfit) = &opened.snapshot else { panic!("{:?}", opened.snapshot) };
    unfit
}

#[test]
fn a_snapshot_that_fits_saves_reading_the_closed_segments_and_changes_nothing_else() {
    for behind in [0, 1, 70] {
        let (disk, seq) = log(behind);
        disk.read();
        let whole = Ledger::open(options(Path::new(DIR)), Arc::new(disk.killed()), clock(), Random::seeded(7));
        let whole = whole.expect("open").ledger;
        let all = [1, 2, 3, 4].map(|n| disk.contents(&segment(n)).expect("a segment").len() as u64);
        let kept = disk.contents(&beside()).expect("a snapshot").len() as u64;
        let opened = open_with(&disk, OF, 7);
        let FoundSnapshot::Fits(snapshot) = &opened.snapshot else { panic!("{:?}", opened.snapshot) };
        assert_eq!((snapshot.seq, snapshot.made.as_slice()), (seq, &b"what was made of it"[..]));
        // The snapshot, the newest segment, and of the first one as much as one line needs.
        assert!(disk.read() <= kept + all[3] + all[0], "{behind}");
        assert_eq!((opened.ledger.head(), texts(&opened.ledger)), (whole.head(), texts(&whole)));
        assert_eq!(opened.ledger.reader().log_id(), whole.reader().log_id());
        assert_eq!(opened.damaged, None);
        disk.read();
        assert_eq!(opened.unverified.expect("the closed ones").verify(), None);
        assert!(disk.read() >= all[0] + all[1] + all[2], "every one of them is read");
        opened.ledger.append(vec![note("and on")]).expect("append");
        drop(opened.ledger);
        let again = open_with(&disk.killed(), OF, 7);
        assert!(matches!(again.snapshot, FoundSnapshot::Fits(_)));
        assert_eq!(texts(&again.ledger).last().map(String::as_str), Some("and on"));
    }
}

#[test]
fn no_flipped_bit_of_a_snapshot_is_believed() {
    let (disk, _) = log(3);
    let kept = disk.contents(&beside()).expect("a snapshot");
    for at in (0..kept.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))).step_by(7) {
        let mut flipped = kept.clone();
        flipped[at.0] ^= 1 << at.1;
        disk.put(&beside(), &flipped);
        let opened = open_with(&disk, OF, 7);
        assert!(matches!(unfit(&opened), UnusableSnapshot::Unreadable(_)), "{at:?}: {:?}", opened.snapshot);
        assert!(!unfit(&opened).is_damage(), "the log itself is whole");
        assert_eq!(disk.contents(&beside()), None, "it is thrown away");
        assert_eq!(opened.damaged, None);
    }
    for cut in [0, 10, 66, kept.len() / 2, kept.len() - 1] {
        disk.put(&beside(), &kept[..cut]);
        assert!(matches!(unfit(&open_with(&disk, OF, 7)), UnusableSnapshot::Unreadable(_)), "{cut}");
    }
    disk.put(&beside(), &kept);
    assert_eq!(unfit(&open_with(&disk, "another form", 7)), &UnusableSnapshot::Form);
    assert!(matches!(open_with(&disk, OF, 7).snapshot, FoundSnapshot::Nothing));
}

#[test]
fn a_snapshot_of_another_log_is_refused() {
    let (disk, _) = log(3);
    let kept = disk.contents(&beside()).expect("a snapshot");
    let other = Disk::default();
    let ledger = open_with(&other, OF, 8).ledger;
    ledger.append(vec![note("one"), note("two")]).expect("append");
    drop(ledger);
    other.put(&beside(), &kept);
    let opened = open_with(&other, OF, 8);
    assert!(matches!(unfit(&opened), UnusableSnapshot::OtherLog(_)), "{:?}", opened.snapshot);
    assert!(!unfit(&opened).is_damage());
    assert_eq!(texts(&opened.ledger), ["one", "two"]);
}

/// What is cut off behind the snapshot may be a crash's doing; what it knows was on the disk.
#[test]
fn a_log_that_ends_before_its_snapshot_was_cut() {
    let (disk, seq) = log(5);
    let newest = disk.contents(&segment(4)).expect("a segment");
    let ends: Vec<usize> = (1..=newest.len()).filter(|at| newest[at - 1] == b'\n').collect();
    for end in &ends {
        let cut = disk.killed();
        cut.put(&segment(4), &newest[..*end]);
        let opened = open_with(&cut, OF, 7);
        // A body line that stands alone at the end is a torn tail by itself, and no entry.
        let left =
            newest[..*end].split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"v\":")).count() as u64;
        let head = seq - 2 + left;
        match &opened.snapshot {
            FoundSnapshot::Fits(_) => assert!(head >= seq, "cut at {end}"),
            FoundSnapshot::Unfit(unfit @ UnusableSnapshot::Ahead { seq: knew, ends, .. }) => {
                assert!(unfit.is_damage() && head < seq, "cut at {end}");
                assert_eq!((*knew, *ends), (seq, head));
                assert_takes_nothing_until_a_new_log_is_begun(&cut, opened);
            }
            other => panic!("cut at {end}: {other:?}"),
        }
    }
    // Whole segments are gone.
    for gone in [4..=4, 3..=4] {
        let cut = disk.killed();
        gone.clone().for_each(|number| cut.remove_file(&segment(number)));
        let opened = open_with(&cut, OF, 7);
        assert!(matches!(unfit(&opened), UnusableSnapshot::Ahead { .. }), "{gone:?}: {:?}", opened.snapshot);
    }
}

#[test]
fn a_log_that_was_cut_and_written_anew_is_another_history() {
    let (disk, seq) = log(2);
    for (number, kept) in [(4, 0), (3, 5)] {
        // The same log as it was earlier, and other entries since: its chain is whole.
        let cut = disk.killed();
        cut.remove_file(&beside());
        (number + 1..=4).for_each(|later| cut.remove_file(&segment(later)));
        let bytes = cut.contents(&segment(number)).expect("a segment");
        let lines: Vec<usize> = (1..=bytes.len()).filter(|at| bytes[at - 1] == b'\n').collect();
        cut.put(&segment(number), &bytes[..lines[kept]]);
        let ledger = open_with(&cut, OF, 7).ledger;
        while ledger.head().0 < seq {
            ledger.append(vec![note("it was never so")]).expect("append");
        }
        drop(ledger);
        cut.put(&beside(), &disk.contents(&beside()).expect("a snapshot"));
        let opened = open_with(&cut, OF, 7);
        assert!(
            matches!(unfit(&opened), UnusableSnapshot::OtherEntry { seq: at, .. } if *at == seq),
            "{:?}",
            opened.snapshot
        );
        assert!(unfit(&opened).is_damage());
        assert_takes_nothing_until_a_new_log_is_begun(&cut, opened);
    }
}

/// Nothing is begun in place of a log of which something beside it tells.
#[test]
fn a_log_whose_segments_are_all_gone_is_not_begun_anew_in_place() {
    let (disk, seq) = log(5);
    (1..=4).for_each(|number| disk.remove_file(&segment(number)));
    for _ in 0..2 {
        let opened = open_with(&disk, OF, 7);
        let LogHealth::Degraded(says) = opened.ledger.condition() else { panic!("it takes entries") };
        assert!(says.as_str().contains(&format!("entry {seq} was on the disk")), "{says}");
        assert!(matches!(opened.ledger.append(vec![note("no")]), Err(AppendError::Stopped(_))));
        assert_eq!(disk.contents(&segment(1)), None, "nothing is written");
    }
    disk.remove_file(&beside());
    open_with(&disk, OF, 7).ledger.append(vec![note("a new log")]).expect("an empty directory takes one");
}

#[test]
fn a_place_that_cant_be_written_is_read_whole_whatever_its_snapshot_would_leave_out() {
    let (disk, _) = log(2);
    let mut bytes = disk.contents(&segment(2)).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    disk.put(&segment(2), &bytes);
    disk.fail(Some(DiskFault { at: 2, kind: DiskFaultKind::Erofs, sticky: false }));
    let opened = open_with(&disk, OF, 7);
    assert!(opened.damaged.is_some_and(|damage| damage.segment == segment(2)), "nobody would look later");
}

/// What a snapshot alone proves is damage at every start, whichever form it has, and stays provable.
fn assert_takes_nothing_until_a_new_log_is_begun(cut: &Disk, mut opened: OpenedLog) {
    for of in ["another form", OF] {
        let damage = opened.damaged.take().expect("damage");
        assert!(damage.blocks && damage.why.as_str().contains("on the disk"), "{damage:?}");
        assert!(matches!(opened.ledger.append(vec![note("no")]), Err(AppendError::Damaged(_))));
        drop(opened);
        opened = open_with(cut, of, 7);
    }
    drop(opened);
    let unwritable = cut.killed();
    unwritable.fail(Some(DiskFault { at: 2, kind: DiskFaultKind::Erofs, sticky: false }));
    let opened = open_with(&unwritable, OF, 7);
    assert!(opened.damaged.is_some_and(|damage| damage.blocks), "nor where nothing can be written");
    assert!(matches!(opened.ledger.condition(), LogHealth::Damaged(_)));
    let proof = cut.contents(&beside());
    let begin = || new_after_damage(options(Path::new(DIR)), Arc::new(cut.clone()), clock(), Random::seeded(9));
    begin().expect("a new log").ledger.append(vec![note("again")]).expect("append");
    assert_eq!(cut.contents(&Path::new(DIR).join("damaged-1").join(SNAPSHOT)), proof, "kept with what it is of");
}

#[test]
fn damage_in_what_a_snapshot_covers_is_found_after_the_start_and_at_the_next_one() {
    let (disk, _) = log(2);
    let bytes = disk.contents(&segment(2)).expect("a segment");
    for at in (0..bytes.len()).step_by(97) {
        let damaged = disk.killed();
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        damaged.put(&segment(2), &flipped);
        let opened = open_with(&damaged, OF, 7);
        assert!(matches!(opened.snapshot, FoundSnapshot::Fits(_)), "its files are as long as they were");
        let found = opened.unverified.expect("the closed ones").verify().expect("damage");
        assert_eq!((found.segment.clone(), found.blocks), (segment(2), false));
        assert!(found.offset <= at as u64);
        assert_eq!(damaged.contents(&beside()), None, "thrown away");
        assert!(!opened.ledger.keep_snapshot(OF, b"").expect("nothing fails"), "and none is kept of such a log");
        drop(opened.ledger);
        let again = open_with(&damaged, OF, 7);
        assert!(again.damaged.is_some() && again.unverified.is_none());
    }
    // Longer, shorter, or not there: nothing is left for later.
    for change in [Some(&bytes[..bytes.len() - 1]), None] {
        let damaged = disk.killed();
        match change {
            Some(bytes) => damaged.put(&segment(2), bytes),
            None => damaged.remove_file(&segment(2)),
        }
        let opened = open_with(&damaged, OF, 7);
        assert!(
            matches!(opened.snapshot, FoundSnapshot::Unfit(_)) && opened.damaged.is_some(),
            "{:?}",
            opened.snapshot
        );
    }
}

#[test]
fn a_crash_or_a_fault_while_a_snapshot_is_kept_costs_nothing_but_the_snapshot() {
    let script = |disk: &Disk| {
        let ledger = open_with(disk, OF, 7).ledger;
        let one = ledger.append(vec![note("one")]).is_ok();
        let _ = ledger.keep_snapshot(OF, b"one");
        let two = ledger.append(vec![note("two")]).is_ok();
        let _ = ledger.keep_snapshot(OF, b"two");
        (one, two)
    };
    let disk = Disk::default();
    drop(open_with(&disk, OF, 7));
    let fresh = disk.killed();
    fresh.fail(None);
    script(&fresh);
    for at in 0..fresh.calls() {
        for kind in [DiskFaultKind::Eio, DiskFaultKind::Enospc, DiskFaultKind::Eintr, DiskFaultKind::Short] {
            let faulty = disk.killed();
            let opened = || {
                faulty.fail(Some(DiskFault { at, kind, sticky: false }));
                let options = OpenOptions { snapshot: Some(OF.to_owned()), ..options(Path::new(DIR)) };
                Ledger::open(options, Arc::new(faulty.clone()), clock(), Random::seeded(7)).ok()
            };
            let Some(opened) = opened() else { continue };
            let mut told = Vec::new();
            for text in ["one", "two"] {
                if opened.ledger.append(vec![note(text)]).is_ok() {
                    told.push(text);
                }
                let _ = opened.ledger.keep_snapshot(OF, text.as_bytes());
            }
            drop(opened);
            for names in 0..=faulty.loose_names() {
                for (keep, full) in [(true, true), (false, false), (true, false), (false, true)] {
                    let after = open_with(&faulty.crash(names, |_| keep, full), OF, 7);
                    let texts = texts(&after.ledger);
                    assert!(told.iter().all(|text| texts.iter().any(|it| it == text)), "{at} {kind:?}");
                    if let FoundSnapshot::Unfit(unfit) = &after.snapshot {
                        assert!(!unfit.is_damage(), "{at} {kind:?}: {unfit}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_removed_text_does_not_stay_in_the_snapshot() {
    let disk = Disk::default();
    let ledger = to_redact(Arc::new(disk.clone()), Path::new(DIR));
    ledger.keep_snapshot(OF, b"a name").expect("kept");
    let by = ledger.append(vec![removal(3)]).expect("append")[0].entry.seq;
    ledger.keep_snapshot(OF, b"a name").expect("kept");
    assert_eq!(ledger.redact(3, by), Ok(true));
    assert_eq!(disk.contents(&beside()), None);
    ledger.rotate("over").expect("rotate");
    ledger.keep_snapshot(OF, b"(redacted)").expect("kept");
    drop(ledger);
    let opened = open_with(&disk.killed(), OF, 7);
    assert!(matches!(opened.snapshot, FoundSnapshot::Fits(_)));
    assert_eq!(opened.unverified.expect("the closed one").verify(), None, "a removal that is told is no damage");
}
