//! The check of a chain: hashes, links, numbers, batches, bodies, segments and redactions, line by line.
//!
//! Works on bytes at fixed places and parses no JSON, so a million entries take about as long as hashing them. It accepts
//! exactly what the shell verifier accepts, but for lines longer than the format allows.

use std::collections::BTreeSet;

use super::entry::MAX_LINE;
use super::sha256;
use crate::model::Digest;
use crate::model::entry::LogLine;

/// `,"h":"<64>"}`: what the hash does not cover.
const HASH_TAIL: usize = 72;
/// `,"prev":"<64>"` and the hash tail.
const TAIL: usize = 146;
/// `,"body":"<64>"`.
const BODY_MEMBER: usize = 74;

/// What a line is, by its fixed places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainLine<'a> {
    /// A body line: it belongs to the entry right after it.
    Body,
    /// An entry, with the places that hold its numbers and hashes. Its own hash is not checked yet.
    Entry(EntryMembers<'a>),
}

/// The members of an entry that a verifier looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryMembers<'a> {
    /// `k`: of `a` to `z` and `_`.
    pub kind: &'a [u8],
    /// `seq`: written without leading zeros.
    pub seq: u64,
    /// `bt`: where its write batch began.
    pub batch: u64,
    /// Hex of the body line's SHA-256, if it has one.
    pub body: Option<&'a [u8]>,
    /// Hex of the hash of the entry before.
    pub prev: &'a [u8],
    /// Hex of its own hash.
    pub hash: &'a [u8],
}

impl EntryMembers<'_> {
    /// True if the hash is that of the line it was found in.
    pub fn hash_fits(&self, line: &[u8]) -> bool {
        let covered = &line[..line.len().saturating_sub(HASH_TAIL)];
        sha256(covered).digits() == self.hash
    }

    /// The entry's own hash.
    pub fn digest(&self) -> Option<Digest> {
        Digest::from_hex(self.hash)
    }

    /// The hash of the entry before.
    pub fn prev_digest(&self) -> Option<Digest> {
        Digest::from_hex(self.prev)
    }
}

/// Finds the fixed members of a line, without checking the hash.
pub fn scan_line(line: &[u8]) -> Result<ChainLine<'_>, &'static str> {
    if line.len() > MAX_LINE {
        return Err("a line is longer than 64 KiB");
    }
    if line.contains(&0) {
        return Err("a NUL byte in a line");
    }
    if line.starts_with(b"{\"b\":") {
        return Ok(ChainLine::Body);
    }
    const NEITHER: &str = "neither an entry nor a body line";
    let rest = line.strip_prefix(b"{\"v\":1,\"k\":\"").ok_or(NEITHER)?;
    let (kind, rest) = split_run(rest, |b| b == b'_' || b.is_ascii_lowercase()).ok_or(NEITHER)?;
    let rest = rest.strip_prefix(b"\",\"seq\":").ok_or(NEITHER)?;
    let (seq, rest) = split_run(rest, |b| b.is_ascii_digit()).ok_or(NEITHER)?;
    let rest = rest.strip_prefix(b",\"bt\":").ok_or(NEITHER)?;
    let (batch, rest) = split_run(rest, |b| b.is_ascii_digit()).ok_or(NEITHER)?;
    if rest.first() != Some(&b',') {
        return Err(NEITHER);
    }
    if seq.len() > 1 && seq[0] == b'0' {
        return Err("a sequence number with leading zeros");
    }
    let tail = line.len().checked_sub(TAIL).map(|at| &line[at..]).ok_or("an entry does not end with prev and h")?;
    let ended = tail.starts_with(b",\"prev\":\"")
        && &tail[73..80] == b"\",\"h\":\""
        && tail.ends_with(b"\"}")
        && is_hex(&tail[9..73])
        && is_hex(&tail[80..144]);
    if !ended {
        return Err("an entry does not end with prev and h");
    }
    let body = line.len().checked_sub(TAIL + BODY_MEMBER).map(|at| &line[at..at + BODY_MEMBER]).and_then(|member| {
        let hex = member.strip_prefix(b",\"body\":\"")?.strip_suffix(b"\"")?;
        is_hex(hex).then_some(hex)
    });
    Ok(ChainLine::Entry(EntryMembers {
        kind,
        seq: number(seq).ok_or("a sequence number that is too large")?,
        batch: number(batch).ok_or("a batch start that is too large")?,
        body,
        prev: &tail[9..73],
        hash: &tail[80..144],
    }))
}

/// Splits off the longest run of such bytes; there must be at least one.
fn split_run(bytes: &[u8], fits: impl Fn(u8) -> bool) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| !fits(*b)).unwrap_or(bytes.len());
    (end > 0).then(|| bytes.split_at(end))
}

fn is_hex(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |n, d| n.checked_mul(10)?.checked_add(u64::from(d - b'0')))
}

/// Checks a body line against its entry: `Ok(None)` = whole; `Ok(Some(n))` = redacted, so says its line, by entry `n`.
pub(super) fn judge_body(seq: u64, want: &[u8], body: &[u8]) -> Result<Option<u64>, &'static str> {
    const OTHER: &str = "the body line before it belongs to another entry";
    let rest = body.strip_prefix(b"{\"b\":").ok_or(OTHER)?;
    let (digits, rest) = split_run(rest, |b| b.is_ascii_digit()).ok_or(OTHER)?;
    let own = number(digits) == Some(seq) && digits[0] != b'0' && rest.first() == Some(&b',');
    if !own {
        return Err(OTHER);
    }
    if sha256(body).digits() == want {
        return Ok(None);
    }
    let by = rest.strip_prefix(b",\"redacted\":").and_then(|rest| split_run(rest, |b| b.is_ascii_digit()));
    match by {
        // A number with leading zeros names no entry; 0 never does.
        Some((digits, rest)) if rest.first() == Some(&b',') => Ok(Some(plain_number(digits).unwrap_or(0))),
        _ => Err("its body line was changed"),
    }
}

fn plain_number(digits: &[u8]) -> Option<u64> {
    if digits[0] == b'0' { None } else { number(digits) }
}

/// The entry that a `redact` line redacts.
fn redacts(line: &[u8]) -> Option<u64> {
    const MARK: &[u8] = b"\"d\":{\"seq\":";
    line.windows(MARK.len()).enumerate().filter(|(_, w)| *w == MARK).find_map(|(at, _)| {
        let (digits, _) = split_run(&line[at + MARK.len()..], |b| b.is_ascii_digit())?;
        Some(plain_number(digits).unwrap_or(0))
    })
}

const UNTOLD: &str = "a body line says it was redacted, but no entry says so";

/// Where a chain stops being whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("after entry {after}: {why}")]
pub struct ChainBreak {
    /// The last good entry.
    pub after: u64,
    /// What is wrong with what comes after it.
    pub why: &'static str,
}

/// Checks lines in order. Nothing it refused changes its state.
#[derive(Clone, Debug)]
pub struct ChainCheck {
    seq: u64,
    prev: [u8; 64],
    /// The next entry is the first of its segment.
    first: bool,
    /// A body line waits for its entry.
    waiting: bool,
    body: Vec<u8>,
    /// (entry, redact entry) as body lines claim.
    redacted: Vec<(u64, u64)>,
    /// (entry, redact entry) as entries say.
    redactions: BTreeSet<(u64, u64)>,
}

impl Default for ChainCheck {
    fn default() -> Self {
        Self::new()
    }
}

impl ChainCheck {
    /// A check that expects the first line of a log.
    pub fn new() -> Self {
        Self::after(0, Digest([0; 32]))
    }

    /// A check that expects the entry after a known head.
    pub fn after(seq: u64, head: Digest) -> Self {
        Self {
            seq,
            prev: head.digits(),
            first: false,
            waiting: false,
            body: Vec::new(),
            redacted: Vec::new(),
            redactions: BTreeSet::new(),
        }
    }

    /// The last good entry: its number and hash.
    pub fn head(&self) -> (u64, Digest) {
        (self.seq, Digest::from_hex(self.prev).unwrap_or(Digest([0; 32])))
    }

    /// Bodies that were redacted: (entry, the entry that says so).
    pub fn redacted(&self) -> &[(u64, u64)] {
        &self.redacted
    }

    fn broken<T>(&self, why: &'static str) -> Result<T, ChainBreak> {
        Err(ChainBreak { after: self.seq, why })
    }

    /// A segment ends or begins here.
    pub fn segment(&mut self) -> Result<(), ChainBreak> {
        if self.waiting {
            return self.broken("a body line without its entry");
        }
        self.first = true;
        Ok(())
    }

    /// Takes one line of a file, without its line feed; an entry's places come back.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Result<Option<EntryMembers<'a>>, ChainBreak> {
        match scan_line(line) {
            Err(why) => self.broken(why),
            Ok(ChainLine::Body) if self.waiting => self.broken("two body lines in a row"),
            Ok(ChainLine::Body) => {
                self.body.clear();
                self.body.extend_from_slice(line);
                self.waiting = true;
                Ok(None)
            }
            Ok(ChainLine::Entry(found)) => self.entry(line, found).map(Some),
        }
    }

    fn entry<'a>(&mut self, line: &[u8], found: EntryMembers<'a>) -> Result<EntryMembers<'a>, ChainBreak> {
        let genesis = found.kind == b"genesis";
        if Some(found.seq) != self.seq.checked_add(1) {
            return self.broken("the next sequence number is not the next one");
        }
        if found.batch < 1 || found.batch > found.seq {
            return self.broken("a batch that begins where it can't");
        }
        if found.prev != self.prev {
            return self.broken("the next entry's link does not match");
        }
        if !found.hash_fits(line) {
            return self.broken("the next entry's hash does not fit its bytes");
        }
        if self.seq == 0 && !genesis {
            return self.broken("the first entry is not genesis");
        }
        if self.seq != 0 && genesis {
            return self.broken("a second genesis");
        }
        if self.seq != 0 && self.first && found.kind != b"rotate" {
            return self.broken("a segment does not begin with rotate");
        }
        let redacted = match (found.body, self.waiting) {
            (Some(_), false) => return self.broken("the next entry's body line is missing"),
            (None, true) => return self.broken("a body line that its entry does not name"),
            (None, false) => None,
            (Some(want), true) => match judge_body(found.seq, want, &self.body) {
                Ok(redacted) => redacted,
                Err(why) => return self.broken(why),
            },
        };
        self.redacted.extend(redacted.map(|by| (found.seq, by)));
        if found.kind == b"redact"
            && let Some(of) = redacts(line)
        {
            self.redactions.insert((of, found.seq));
        }
        self.seq = found.seq;
        self.prev.copy_from_slice(found.hash);
        self.first = false;
        self.waiting = false;
        Ok(found)
    }

    /// Takes one entry with its body, as it crosses the socket.
    pub fn push(&mut self, log: &LogLine) -> Result<(), ChainBreak> {
        let before = self.waiting;
        let taken = self.push_lines(log);
        if taken.is_err() {
            self.waiting = before;
        }
        taken
    }

    fn push_lines(&mut self, log: &LogLine) -> Result<(), ChainBreak> {
        if let Some(body) = &log.body {
            if !matches!(scan_line(body.as_bytes()), Ok(ChainLine::Body)) {
                return self.broken("an entry where a body line belongs");
            }
            self.line(body.as_bytes())?;
        }
        match scan_line(log.line.as_bytes()) {
            Ok(ChainLine::Entry(found)) => self.entry(log.line.as_bytes(), found).map(|_| ()),
            Ok(ChainLine::Body) => self.broken("a body line where an entry belongs"),
            Err(why) => self.broken(why),
        }
    }

    /// The same, where the entries after these were checked apart by `rest`. What is told by an entry after `until` is not
    /// judged: it came while this was read.
    pub fn finish_with(&self, rest: &Self, until: u64) -> Result<(), ChainBreak> {
        let told = |claim: &(u64, u64)| self.redactions.contains(claim) || rest.redactions.contains(claim);
        if self.redacted.iter().any(|claim| claim.1 <= until && !told(claim)) {
            return self.broken(UNTOLD);
        }
        Ok(())
    }

    /// The log ends here: every body that was redacted must have an entry that says so.
    pub fn finish(&self) -> Result<(), ChainBreak> {
        if self.waiting {
            return self.broken("a body line without its entry");
        }
        if self.redacted.iter().any(|claim| !self.redactions.contains(claim)) {
            return self.broken(UNTOLD);
        }
        Ok(())
    }
}
