//! Whether a log is the one that was seen before. The newest head of each log that this account saw is kept, and must be in
//! what the room has now: a shorter log, or another entry in that place, is another history, whoever signs it.

use std::time::{Duration, Instant};

use crate::model::entry::LogLine;
use crate::model::{Digest, SafeText};
use crate::seal::{self, ChainLine};

/// How often the newest head is kept while entries go on coming.
const KEPT_EVERY: Duration = Duration::from_secs(10);

/// An entry's number and hash.
pub(super) type SeenHead = (u64, Digest);

/// What was seen before, compared with what comes.
#[derive(Debug, Default)]
pub(super) struct LogContinuity {
    known: Option<SeenHead>,
    newest: Option<SeenHead>,
    kept: Option<(SeenHead, Instant)>,
    forked: bool,
    /// The known entry was found in its place, or there is none: only what follows it may be kept.
    met: bool,
}

impl LogContinuity {
    /// What was known of the log that follows before the room was asked, the head that the room says it has, and the hash that
    /// it has in the known place. Gives why that is another history.
    pub(super) fn begin(
        &mut self,
        known: Option<SeenHead>,
        head: Option<SeenHead>,
        seen: Option<Digest>,
    ) -> Option<SafeText> {
        *self = Self { known, newest: head, met: known.is_none(), ..Self::default() };
        let ((seq, hash), (end, end_hash)) = (known?, head?);
        if end < seq {
            return self.is_short(end);
        }
        let found = if end == seq { Some(end_hash) } else { seen };
        self.met = found == Some(hash);
        (found.is_some_and(|found| found != hash)).then(|| self.is_other(seq))
    }

    /// The room told what it made of its log up to here. Gives why that is another history.
    pub(super) fn reached(&mut self, head: SeenHead) -> Option<SafeText> {
        self.meet(head)
    }

    /// Entries of the log, in order. Gives why they are another history.
    pub(super) fn entries(&mut self, lines: &[LogLine]) -> Option<SafeText> {
        let mut forked = None;
        for line in lines {
            let Ok(ChainLine::Entry(found)) = seal::scan_line(line.line.as_bytes()) else { continue };
            let Some(hash) = found.digest().filter(|_| found.hash_fits(line.line.as_bytes())) else { continue };
            let other = self.meet((found.seq, hash));
            forked = forked.or(other);
        }
        forked
    }

    /// An entry of the log. Gives why it is another one than was known in its place.
    fn meet(&mut self, (seq, hash): SeenHead) -> Option<SafeText> {
        if self.newest.is_none_or(|(newest, _)| newest < seq) {
            self.newest = Some((seq, hash));
        }
        let (_, held) = self.known.filter(|(known, _)| *known == seq)?;
        self.met |= held == hash;
        (held != hash).then(|| self.is_other(seq))
    }

    /// All there is up to this number was sent. Gives why that is another history.
    pub(super) fn caught_up(&mut self, end: u64) -> Option<SafeText> {
        self.known.filter(|(seq, _)| end < *seq && !self.forked)?;
        self.is_short(end)
    }

    /// The newest head, if it is to be kept now. Nothing of another history is ever kept, and nothing in place of an entry that
    /// was not found again.
    pub(super) fn due(&mut self) -> Option<SeenHead> {
        let newest = self.newest.filter(|_| self.met && !self.forked)?;
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

    fn head(seq: u64, byte: u8) -> SeenHead {
        (seq, Digest([byte; 32]))
    }

    #[test]
    fn a_log_that_is_shorter_or_another_in_the_known_place_is_another_history_and_is_not_kept() {
        let begin = |known, end, seen: u8| {
            let mut witness = LogContinuity::default();
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
        let mut witness = LogContinuity::default();
        assert_eq!(witness.begin(known, None, None), None);
        assert_eq!(witness.due(), None);
        assert!(witness.caught_up(8).is_some(), "but its entries end");
        assert_eq!(witness.caught_up(8), None, "said once");
    }
    #[test]
    fn nothing_is_kept_before_the_known_entry_was_found_in_its_place() {
        let known = head(9, 1);
        let unmet = || {
            let mut witness = LogContinuity::default();
            assert_eq!(witness.begin(Some(known), Some(head(12, 5)), None), None, "nobody said what stands there");
            assert_eq!(witness.due(), None);
            witness
        };
        let mut witness = unmet();
        assert_eq!((witness.reached(head(14, 7)), witness.due()), (None, None), "another place says nothing of it");
        assert_eq!((witness.reached(known), witness.due()), (None, Some(head(14, 7))), "found");
        let mut witness = unmet();
        assert!(witness.reached(head(9, 2)).is_some_and(|why| why.as_str().contains("entry 9 is not the one")));
        assert_eq!((witness.reached(known), witness.due()), (None, None), "it was another history once");
    }
}
