//! One line of facts that fits any width: each fact has a rank, and the least important shorten, then leave.

use super::canvas::{Canvas, Span, Words, width_of};

/// A fact of a line.
#[derive(Clone, Debug)]
pub struct LinePart {
    /// As long as there is room; an empty one is no part of the line.
    pub full: Words,
    /// What stays when there is little room.
    pub short: Option<Words>,
    /// 0 never leaves; the highest leaves first.
    pub rank: u8,
    /// At the right end of the line.
    pub right: bool,
}

impl LinePart {
    /// A fact on the left.
    pub fn left(rank: u8, full: Words) -> Self {
        Self { full, short: None, rank, right: false }
    }

    /// A fact on the right.
    pub fn right(rank: u8, full: Words) -> Self {
        Self { full, short: None, rank, right: true }
    }

    /// With a shorter form.
    pub fn or(mut self, short: Words) -> Self {
        self.short = Some(short);
        self
    }
}

/// Draws the facts that fit in one line, `gap` cells apart.
pub fn draw(canvas: &mut Canvas<'_>, x: u16, y: u16, room: u16, gap: u16, facts: Vec<LinePart>) {
    let facts = fit(facts, room, gap);
    let mut left = x;
    for fact in facts.iter().filter(|fact| !fact.right) {
        let used = canvas.words(left, y, &fact.full, (x + room).saturating_sub(left));
        left = left.saturating_add(used).saturating_add(gap);
    }
    let mut right = x.saturating_add(room);
    for fact in facts.iter().rev().filter(|fact| fact.right) {
        let max = right.saturating_sub(left.min(right));
        let used = canvas.words_right(right, y, &fact.full, max);
        right = right.saturating_sub(used).saturating_sub(gap);
    }
}

/// The facts that fit in `room`.
pub fn fit(mut facts: Vec<LinePart>, room: u16, gap: u16) -> Vec<LinePart> {
    facts.retain(|fact| !fact.full.is_empty());
    loop {
        let gaps = u16::try_from(facts.len().saturating_sub(1)).unwrap_or(u16::MAX).saturating_mul(gap);
        let wide = facts.iter().fold(gaps, |sum, fact| sum.saturating_add(width_of(&fact.full)));
        if wide <= room {
            return facts;
        }
        // Shorten before anything leaves, the least important first.
        if let Some(fact) = facts.iter_mut().filter(|fact| fact.short.is_some()).max_by_key(|fact| fact.rank) {
            fact.full = fact.short.take().unwrap_or_default();
            facts.retain(|fact| !fact.full.is_empty());
            continue;
        }
        let last = facts.iter().enumerate().filter(|(_, fact)| fact.rank > 0).max_by_key(|(_, fact)| fact.rank);
        match last.map(|(index, _)| index) {
            Some(index) => drop(facts.remove(index)),
            None => return facts,
        }
    }
}

/// Joins words with a separator.
pub fn join(parts: Vec<Words>, between: &Span) -> Words {
    let mut out = Words::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push(between.clone());
        }
        out.extend(part);
    }
    out
}
