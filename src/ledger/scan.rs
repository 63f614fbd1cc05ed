//! Reading a segment: lines with their offsets, the chain up to the first bad byte, and what the rest looks like.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _};

use super::storage::{ReadFile, retry};
use crate::model::Digest;
use crate::model::entry::{Happening, LogLine};
use crate::seal::{self, ChainCheck, ChainLine, EntryMembers, MAX_LINE};

/// Size of a sector: what a disk writes as a whole or not at all.
const SECTOR: u64 = 512;

/// A line longer than any that is allowed is cut here, and bad.
const LONGEST: usize = MAX_LINE + 2;

/// How much is read at once.
const CHUNK: usize = 256 * 1024;

/// Reads a file line by line in a bounded buffer.
pub(super) struct LineReader<'a> {
    file: &'a dyn ReadFile,
    buf: Vec<u8>,
    from: usize,
    /// Offset in the file of the end of the buffer.
    offset: u64,
    end: u64,
}

/// One line of a file.
pub(super) struct Piece<'a> {
    pub offset: u64,
    /// Without its line feed.
    pub bytes: &'a [u8],
    /// It has its line feed.
    pub ended: bool,
}

impl<'a> LineReader<'a> {
    /// Lines between two offsets; the first must be the start of a line.
    pub(super) fn new(file: &'a dyn ReadFile, offset: u64, end: u64) -> Self {
        Self { file, buf: Vec::new(), from: 0, offset, end }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        let mut searched = 0;
        loop {
            let rest = self.buf.get(self.from + searched..).unwrap_or_default();
            let mut window = &rest[..rest.len().min(LONGEST.saturating_sub(searched))];
            let taken = window.skip_until(b'\n')?;
            let length = searched + taken;
            let ended = taken > 0 && rest[taken - 1] == b'\n';
            if ended || length >= LONGEST || !self.fill()? {
                return Ok(self.cut(length, ended));
            }
            searched = length;
        }
    }

    fn cut(&mut self, length: usize, ended: bool) -> Option<Piece<'_>> {
        if length == 0 {
            return None;
        }
        let offset = self.offset - (self.buf.len() - self.from) as u64;
        let bytes = &self.buf[self.from..self.from + length - usize::from(ended)];
        self.from += length;
        Some(Piece { offset, bytes, ended })
    }

    /// Reads on; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let want = CHUNK.min(usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(CHUNK));
        if want == 0 {
            return Ok(false);
        }
        self.buf.drain(..self.from);
        self.from = 0;
        let have = self.buf.len();
        self.buf.resize(have + want, 0);
        let (file, into, offset) = (self.file, &mut self.buf[have..], self.offset);
        let read = retry(|| file.read_at(into, offset));
        let got = *read.as_ref().unwrap_or(&0);
        self.buf.truncate(have + got);
        self.offset += got as u64;
        read.map(|got| got > 0)
    }
}

/// What a segment holds, up to its first bad byte.
#[derive(Debug)]
pub(super) struct Scan {
    /// Where the last good entry ends.
    pub good: u64,
    pub len: u64,
    /// Why the line there is bad.
    pub bad: Option<&'static str>,
}

/// Checks one segment. `each` gets every good entry, where it (or its body) begins, and where it ends.
pub(super) fn segment(
    file: &dyn ReadFile,
    check: &mut ChainCheck,
    mut each: impl FnMut(&EntryMembers<'_>, (u64, u64), &[u8]),
) -> io::Result<Scan> {
    let len = retry(|| file.size())?;
    let mut scan = Scan { good: 0, len, bad: None };
    if let Err(broken) = check.segment() {
        return Ok(Scan { bad: Some(broken.why), ..scan });
    }
    if len == 0 {
        scan.bad = Some("an empty segment");
    }
    let mut lines = LineReader::new(file, 0, len);
    let mut start = None;
    while let Some(piece) = lines.next()? {
        if !piece.ended {
            scan.bad = Some("the last line is not ended");
            break;
        }
        if std::str::from_utf8(piece.bytes).is_err() {
            scan.bad = Some("bytes that are not UTF-8");
            break;
        }
        match check.line(piece.bytes) {
            Err(broken) => {
                scan.bad = Some(broken.why);
                break;
            }
            Ok(None) => start = Some(piece.offset),
            Ok(Some(found)) => {
                scan.good = piece.offset + piece.bytes.len() as u64 + 1;
                each(&found, (start.take().unwrap_or(piece.offset), scan.good), piece.bytes);
            }
        }
    }
    if scan.bad.is_none() && start.is_some() {
        scan.bad = Some("a body line without its entry");
    }
    Ok(scan)
}

/// A check that can go on with a segment though what was before it is lost: it believes the first line's own link.
/// `None` if that line is not a whole `rotate` of a later entry than `after`.
pub(super) fn check_from_first_line(file: &dyn ReadFile, after: u64) -> io::Result<Option<ChainCheck>> {
    let len = retry(|| file.size())?;
    let mut lines = LineReader::new(file, 0, len);
    let Some(piece) = lines.next()? else { return Ok(None) };
    let Ok(ChainLine::Entry(found)) = seal::scan_line(piece.bytes) else { return Ok(None) };
    let whole = piece.ended && found.kind == b"rotate" && found.seq > after.max(1) && found.hash_fits(piece.bytes);
    Ok(found.prev_digest().filter(|_| whole).map(|prev| ChainCheck::after(found.seq - 1, prev)))
}

/// Reads the tail of a file that begins at an offset.
pub(super) fn read_tail(file: &dyn ReadFile, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut tail = vec![0; usize::try_from(len.saturating_sub(offset)).unwrap_or(0)];
    let mut have = 0;
    while have < tail.len() {
        let got = retry(|| file.read_at(&mut tail[have..], offset + have as u64))?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        have += got;
    }
    Ok(tail)
}

/// True if the tail is what a crash leaves of one un-synced batch, so that it may be cut off.
///
/// Two things must hold: nothing in it was written by a later batch than the one that begins right after entry `seq` (the
/// earlier batch would then have been synced, so its damage is no torn write); and it looks cut: no final line feed, a
/// sector of zeros, or a body line alone.
pub(super) fn is_torn(tail: &[u8], offset: u64, seq: u64) -> bool {
    let later = tail.split(|b| *b == b'\n').any(|line| {
        // A lost sector may have left zeros before a whole line.
        let from = line.iter().position(|b| *b != 0).unwrap_or(line.len());
        match seal::scan_line(&line[from..]) {
            Ok(ChainLine::Entry(found)) => found.batch > seq + 1 && found.hash_fits(&line[from..]),
            _ => false,
        }
    });
    !later && (tail.last() != Some(&b'\n') || has_zero_sector(tail, offset) || is_lone_body(tail, seq + 1))
}

fn has_zero_sector(tail: &[u8], offset: u64) -> bool {
    let first = usize::try_from(SECTOR - offset % SECTOR).unwrap_or(0).min(tail.len());
    let (head, rest) = tail.split_at(first);
    let zero = |bytes: &[u8]| bytes.iter().all(|b| *b == 0);
    zero(head) || rest.chunks(SECTOR as usize).any(zero)
}

fn is_lone_body(tail: &[u8], seq: u64) -> bool {
    let Some(line) = tail.strip_suffix(b"\n") else { return false };
    line.starts_with(format!("{{\"b\":{seq},").as_bytes())
        && serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line).is_ok()
}

/// Remembers the tails that `recovered` entries speak of.
pub(super) fn note_recovered(found: &EntryMembers<'_>, line: &[u8], noted: &mut BTreeSet<Digest>) {
    if found.kind != b"recovered" {
        return;
    }
    let line = String::from_utf8_lossy(line).into_owned();
    if let Ok(entry) = seal::decode(&LogLine { line, body: None })
        && let Happening::Recovered(recovered) = entry.happening
    {
        noted.insert(recovered.sha256);
    }
}
