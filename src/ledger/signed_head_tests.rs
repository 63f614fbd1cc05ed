//! Two histories by one key: a log that was cut after it was signed takes nothing more, and is signed no more.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sim_disk::{Disk, DiskFault, DiskFaultKind};
use super::tests::{DIR, clock, entries, note, open, options, segment};
use super::*;
use crate::clock::Random;
use crate::model::Happening;
use crate::seal::{Sealed, decode};

fn append(ledger: &Ledger, text: &str) -> Sealed {
    ledger.append(vec![note(text)]).expect("append").remove(0)
}

fn verdict(disk: &Disk, head: Option<(u64, Digest)>) -> ChainVerdict {
    verify_with(disk, &[PathBuf::from(DIR)], &Expected { key: None, head }).expect("a verdict")
}

fn signed_file() -> PathBuf {
    Path::new(DIR).join("SIGNED")
}

/// A log whose entry 3 of 4 was signed; and where the log ended after each entry.
fn signed_log() -> (Disk, Vec<usize>) {
    let disk = Disk::default();
    let ledger = open(&disk).expect("open").ledger;
    let len = || disk.contents(&segment(1)).expect("a segment").len();
    let mut ends = vec![len()];
    for text in ["one", "two", "three"] {
        append(&ledger, text);
        ends.push(len());
        if text == "two" {
            assert_eq!(ledger.head_to_sign(), Ok(ledger.head()));
        }
    }
    drop(ledger);
    (disk.killed(), ends)
}

/// Cuts the log behind an entry, as somebody with the file in hand does.
fn cut(disk: &Disk, end: usize) {
    let bytes = disk.contents(&segment(1)).expect("a segment");
    disk.put(&segment(1), &bytes[..end]);
}

fn assert_damaged(disk: &Disk, says: &str) {
    let before = disk.contents(&segment(1));
    let opened = open(disk).expect("it opens, to be looked at");
    let damage = opened.damaged.expect("damaged");
    assert!(damage.blocks && damage.why.as_str().contains(says), "{damage:?}");
    assert!(matches!(opened.ledger.condition(), LogHealth::Damaged(_)));
    assert!(matches!(opened.ledger.append(vec![note("anew")]), Err(AppendError::Damaged(_))));
    assert!(matches!(opened.ledger.head_to_sign(), Err(AppendError::Damaged(_))), "nothing of it is signed");
    assert_eq!(disk.contents(&segment(1)), before, "nothing is written and nothing is cut off");
    drop(opened.ledger);
    let verdict = verdict(&disk.killed(), None);
    let torn = verdict.why.contains("not ended");
    assert!(!verdict.ok && (torn || verdict.why.contains(says)), "{verdict:?}");
}

#[test]
fn a_log_that_was_cut_before_what_was_signed_last_is_damaged_and_one_cut_behind_it_is_not() {
    let (disk, ends) = signed_log();
    assert!(open(&disk).expect("open").damaged.is_none(), "whole");
    for (kept, end) in ends.iter().enumerate() {
        let disk = disk.killed();
        cut(&disk, *end);
        match kept + 1 {
            1 | 2 => assert_damaged(&disk, "entry 3, which the room signed, is missing"),
            _ => assert!(open(&disk).expect("open").damaged.is_none(), "cut after entry {}", kept + 1),
        }
    }
    // In the middle of an entry it looks torn: the signed one is in the tail, so that is kept too.
    let torn = disk.killed();
    cut(&torn, ends[2] - 10);
    assert_damaged(&torn, "entry 3, which the room signed, is missing");
}

#[test]
fn another_history_of_the_same_length_and_another_log_are_damage() {
    let (disk, ends) = signed_log();
    let kept = disk.contents(&signed_file()).expect("what was signed");
    cut(&disk, ends[0]);
    // Without the file nothing tells the new history from the first, but who remembers its head.
    disk.remove(&signed_file()).expect("removed");
    let ledger = open(&disk).expect("open").ledger;
    for text in ["one", "other", "three", "four"] {
        append(&ledger, text);
    }
    drop(ledger);
    let disk = disk.killed();
    assert!(verdict(&disk, None).ok);
    disk.put(&signed_file(), &kept);
    assert_damaged(&disk, "entry 3 is not the one that the room signed");

    let (gone, _) = signed_log();
    gone.remove(&segment(1)).expect("removed");
    let begin = |disk: &Disk| Ledger::open(options(Path::new(DIR)), Arc::new(disk.clone()), clock(), Random::seeded(8));
    let LogHealth::Degraded(says) = begin(&gone).expect("open").ledger.condition() else { panic!("begun anew") };
    assert!(says.as_str().contains("was on the disk") && gone.contents(&segment(1)).is_none(), "{says}");
    let other = Disk::default();
    drop(begin(&other).expect("another log"));
    let other = other.killed();
    other.put(&signed_file(), &kept);
    let damage = begin(&other).expect("open").damaged.expect("damaged");
    assert!(damage.blocks && damage.why.as_str().contains("this is another log"), "{damage:?}");
    let (garbled, _) = signed_log();
    garbled.put(&signed_file(), b"{");
    assert_damaged(&garbled, "garbled");
}

#[test]
fn a_head_that_is_known_from_elsewhere_must_be_in_the_log() {
    let (disk, _) = signed_log();
    let ledger = open(&disk).expect("open").ledger;
    let (known, at) = (ledger.head(), append(&ledger, "later").entry.hash);
    drop(ledger);
    let disk = disk.killed();
    assert!(verdict(&disk, Some(known)).ok, "the log went on since");
    let other = verdict(&disk, Some((known.0, at)));
    assert!(!other.ok && other.why.contains("another hash than expected"), "{other:?}");
    let short = verdict(&disk, Some((900, at)));
    assert!(!short.ok && short.why.contains("the log ends before it"), "{short:?}");
}

#[test]
fn a_new_log_after_a_cut_names_what_was_signed_and_is_signed_anew() {
    let (disk, ends) = signed_log();
    let kept = disk.contents(&signed_file()).expect("what was signed");
    cut(&disk, ends[1]);
    let opened = new_after_damage(options(Path::new(DIR)), Arc::new(disk.clone()), clock(), Random::seeded(9));
    let ledger = opened.expect("a new log").ledger;
    let Happening::Genesis(genesis) = decode(&entries(&ledger)[0]).expect("entry").happening else { panic!("genesis") };
    let named = genesis.after_damage.expect("named");
    assert_eq!((named.seq, named.signed.map(|it| it.seq)), (2, Some(3)));
    assert_eq!(disk.contents(&Path::new(DIR).join("damaged-1/SIGNED")), Some(kept));
    append(&ledger, "goes on");
    assert_eq!(ledger.head_to_sign(), Ok(ledger.head()));
    drop(ledger);
    assert!(open(&disk.killed()).expect("open").damaged.is_none());
}

#[test]
fn whatever_fails_and_wherever_it_dies_what_was_said_to_be_signed_is_on_disk_and_the_log_is_whole() {
    let clean = Disk::default();
    let ledger = open(&clean).expect("open").ledger;
    append(&ledger, "one");
    clean.fail(None);
    ledger.head_to_sign().expect("kept");
    append(&ledger, "two");
    ledger.head_to_sign().expect("kept");
    for (at, kind, sticky) in (0..clean.calls()).flat_map(|at| {
        [
            (at, DiskFaultKind::Eio, true),
            (at, DiskFaultKind::Eio, false),
            (at, DiskFaultKind::Enospc, false),
            (at, DiskFaultKind::Short, true),
        ]
    }) {
        let disk = Disk::default();
        let ledger = open(&disk).expect("open").ledger;
        append(&ledger, "one");
        disk.fail(Some(DiskFault { at, kind, sticky }));
        let mut may = ledger.head_to_sign().ok();
        let _ = ledger.append(vec![note("two")]);
        may = ledger.head_to_sign().ok().or(may);
        disk.fail(None);
        drop(ledger);
        for names in 0..=disk.loose_names() {
            for kept in [false, true] {
                let crashed = disk.crash(names, |_| kept, kept);
                let told = format!("call {at} {kind:?} sticky {sticky}, {names} names");
                assert!(open(&crashed).expect("open").damaged.is_none(), "{told}");
                let text = crashed.contents(&signed_file()).unwrap_or_default();
                let signed: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
                let seq = signed.and_then(|it| it["seq"].as_u64());
                assert!(may.is_none_or(|(may, _)| seq >= Some(may)), "{told}: {may:?} may be signed, {seq:?} is kept");
            }
        }
    }
}
