//! How something stands, in a cell: its mark, and how many stand how.

use crate::board::Verdict;
use crate::console::projections::VerdictCounts;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Words, glyph, priority_line};

/// The mark of a verdict as a cell.
pub fn mark(verdict: Verdict) -> Words {
    let (glyph, role) = glyph::of(verdict);
    vec![span(role, glyph)]
}

/// `3✗ 4▲`, or the best that can be said.
pub fn counts(counts: VerdictCounts) -> Words {
    let mut parts = Vec::new();
    for verdict in [Verdict::Critical, Verdict::Warning, Verdict::Unknown] {
        let (glyph, role) = glyph::of(verdict);
        match counts.of(verdict) {
            0 => {}
            n => parts.push(vec![span(role, format!("{n}{glyph}"))]),
        }
    }
    if parts.is_empty() && counts.of(Verdict::Ok) > 0 {
        return vec![span(Role::Good, glyph::OK)];
    }
    priority_line::join(parts, &span(Role::Text, " "))
}
