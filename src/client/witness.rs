//! Whether a log is the one that was seen before. The newest head of each log that this account saw is kept, and must be in
//! what the room has now: a shorter log, or another entry in that place, is another history, whoever signs it.

use std::time::{Duration, Instant};

use crate::model::entry::LogLine;
use crate::model::{Digest, SafeText};
use crate::seal::{self, Line};

/// How often the newest head is kept while entries go on coming.
const KEPT_EVERY: Duration = Duration::from_secs(10);

/// An entry's number and hash.
pub type Head = (u64, Digest);

/// What was seen before, compared with what comes.
#[derive(Debug, Default)]
pub struct Witness {
    known: Option<Head>,
    newest: Option<Head>,
    kept: Option<(Head, Instant)>,
    forked: bool,
}

impl Witness {
    /// What was known of the log that follows before the room was asked, the head that the room says it has, and the hash that
    /// it has in the known place. Gives why that is another history.
    pub fn begin(&mut self, known: Option<Head>, head: Option<Head>, seen: Option<Digest>) -> Option<SafeText> {
        *self = Self { known, newest: head, ..Self::default() };
        let ((seq, hash), (end, end_hash)) = (known?, head?);
        if end < seq {
            return self.is_short(end);
        }
        let found = if end == seq { Some(end_hash) } else { seen };
        (found.is_some_and(|found| found != hash)).then(|| self.is_other(seq))
    }

    /// The room told what it made of its log up to here.
    pub fn reached(&mut self, head: Head) -> Option<SafeText> {
        if self.newest.is_none_or(|(newest, _)| newest < head.0) {
            self.newest = Some(head);
        }
        None
    }

    /// Entries of the log, in order. Gives why they are another history.
    pub fn entries(&mut self, lines: &[LogLine]) -> Option<SafeText> {
        let mut forked = None;
        for line in lines {
            let Ok(Line::Entry(found)) = seal::scan_line(line.line.as_bytes()) else { continue };
            let Some(hash) = found.digest().filter(|_| found.hash_fits(line.line.as_bytes())) else { continue };
            let seq = found.seq;
            if self.known.is_some_and(|(known, held)| known == seq && held != hash) {
                forked = forked.or_else(|| Some(self.is_other(seq)));
            }
            if self.newest.is_none_or(|(newest, _)| newest < seq) {
                self.newest = Some((seq, hash));
            }
        }
        forked
    }

    /// All there is up to this number was sent. Gives why that is another history.
    pub fn caught_up(&mut self, end: u64) -> Option<SafeText> {
        self.known.filter(|(seq, _)| end < *seq && !self.forked)?;
        self.is_short(end)
    }

    /// The newest head, if it is to be kept now. Nothing of another history is ever kept.
    pub fn due(&mut self) -> Option<Head> {
        let newest = self.newest.filter(|_| !self.forked)?;
        let now = Instant::now();
        let is_due = self.kept.is_none_or(|(head, at)| head != newest && now - at >= KEPT_EVERY);
        is_due.then(|| {
            self.kept = Some((newest, now));
            newest
        })
    }

    fn is_other(&mut self, seq: u64) -> SafeText {
        self.forked = true;
        SafeText::new(&format!("entry {seq} is not the one that this account saw before: this is another history"))
    }

    fn is_short(&mut self, end: u64) -> Option<SafeText> {
        self.forked = true;
        let (seq, _) = self.known?;
        let why =
            format!("the room's log ends at entry {end}, and this account saw entry {seq} of it: the log was cut");
        Some(SafeText::new(&why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64, byte: u8) -> Head {
        (seq, Digest([byte; 32]))
    }

    #[test]
    fn a_log_that_is_shorter_or_another_in_the_known_place_is_another_history_and_is_not_kept() {
        let begin = |known, end, seen: u8| {
            let mut witness = Witness::default();
            let why = witness.begin(known, end, Some(Digest([seen; 32]))).map(|why| why.to_string());
            (why, witness.due())
        };
        let known = Some(head(9, 1));
        assert_eq!(begin(None, Some(head(3, 1)), 0), (None, Some(head(3, 1))), "the first time");
        assert_eq!(begin(known, Some(head(9, 1)), 0), (None, Some(head(9, 1))));
        assert_eq!(begin(known, Some(head(12, 5)), 1), (None, Some(head(12, 5))), "it went on since");
        let (why, kept) = begin(known, Some(head(8, 1)), 0);
        assert!(why.is_some_and(|why| why.contains("ends at entry 8") && why.contains("entry 9")) && kept.is_none());
        for (end, seen) in [(head(9, 2), 1), (head(12, 5), 2)] {
            let (why, kept) = begin(known, Some(end), seen);
            assert!(why.is_some_and(|why| why.contains("entry 9 is not the one")) && kept.is_none(), "{end:?}");
        }
        assert_eq!(begin(known, None, 1), (None, None), "an older room says nothing of its head");
        let mut witness = Witness::default();
        assert_eq!(witness.begin(known, None, None), None);
        assert!(witness.caught_up(8).is_some(), "but its entries end");
        assert_eq!(witness.caught_up(8), None, "said once");
    }
}
