//! Building rows: verdict, proof and words. The one place where "stale is never Ok" is enforced.

use crate::model::time::clock;
use crate::model::{SafeText, Stamp, Trouble};

use super::observation_store::Provenance;
use super::row::{Row, RowBody, Verdict};

/// A verdict in the making: reasons only ever make it worse.
#[derive(Debug)]
pub(super) struct Opinion {
    pub verdict: Verdict,
    reasons: Vec<String>,
}

impl Opinion {
    pub(super) fn new(verdict: Verdict) -> Self {
        Self { verdict, reasons: Vec::new() }
    }

    /// At least this bad, because.
    pub(super) fn because(&mut self, verdict: Verdict, reason: impl Into<String>) {
        self.verdict = self.verdict.max(verdict);
        self.reasons.push(reason.into());
    }

    /// A reason that changes nothing.
    pub(super) fn mention(&mut self, reason: impl Into<String>) {
        self.reasons.push(reason.into());
    }

    /// Exactly this bad, whatever the reasons, because nobody is hurt by them.
    pub(super) fn only(&mut self, verdict: Verdict, reason: impl Into<String>) {
        self.verdict = verdict;
        self.reasons.push(reason.into());
    }

    /// The row. Stale or doubtful proof makes it `Unknown` at best, and says since when.
    pub(super) fn row(mut self, id: impl Into<String>, proof: Provenance, body: impl Into<RowBody>) -> Row {
        if proof.stale {
            self.verdict = self.verdict.max(Verdict::Unknown);
            self.reasons.push(not_heard(&proof));
        }
        if let Some(doubt) = &proof.doubt {
            self.verdict = self.verdict.max(Verdict::Unknown);
            self.reasons.push(format!("{} is only partly readable: {doubt}", proof.source));
        }
        Row {
            id: id.into(),
            source: proof.source,
            verdict: self.verdict,
            seen_at: proof.seen_at,
            stale: proof.stale,
            why: SafeText::new(&self.reasons.join("; ")),
            body: body.into(),
        }
    }
}

/// That something was not looked at because our own side fails; `None` where the other side was asked.
pub(super) fn not_looked_at(trouble: &Trouble) -> Option<String> {
    Some(format!("not looked at, {}: {}", trouble.kind.own_failure()?, trouble.what))
}

fn not_heard(proof: &Provenance) -> String {
    if proof.seen_at == Stamp::UNIX_EPOCH {
        format!("{} has not answered yet", proof.source)
    } else {
        format!("{} not heard from since {}", proof.source, clock(proof.seen_at))
    }
}

/// `1 node`, `3 nodes`.
pub(super) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// `a, b, c and 4 more`.
pub(super) fn names<T: AsRef<str>>(all: &[T]) -> String {
    const SHOWN: usize = 3;
    let mut out = all.iter().take(SHOWN).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN {
        out.push_str(&format!(" and {} more", all.len() - SHOWN));
    }
    out
}

/// Worst first, then as `key` says.
pub(super) fn sort_rows<K: Ord>(rows: &mut [Row], key: impl Fn(&Row) -> K) {
    rows.sort_by_cached_key(|row| (std::cmp::Reverse(row.verdict), key(row), row.id.clone()));
}
