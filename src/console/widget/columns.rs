//! Columns aligned by display width. When there is no room, names are cut in the middle, then the least columns leave.

use super::canvas::{Canvas, Span, Words, width, width_of};
use super::text;

/// Which end of a cell stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words: they grow to the right.
    Left,
    /// Numbers: their last digits stand below each other.
    Right,
}

/// How a column behaves.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Where the text stands in a column that is wider.
    pub align: Align,
    /// 0 never leaves; the highest leaves first.
    pub rank: u8,
    /// It may be cut down to this width; a column that can't be cut has `u16::MAX`.
    pub least: u16,
    /// Text that runs on is cut at its end, a name in its middle.
    pub sentence: bool,
    /// Cells to the next column.
    pub gap: u16,
}

impl Column {
    /// A short column that is never cut.
    pub const fn fixed(rank: u8) -> Self {
        Self { align: Align::Left, rank, least: u16::MAX, sentence: false, gap: GAP }
    }

    /// A mark: one cell, close to what it marks.
    pub const fn mark() -> Self {
        Self { align: Align::Left, rank: 0, least: u16::MAX, sentence: false, gap: 1 }
    }

    /// Numbers: right-aligned, never cut.
    pub const fn number(rank: u8) -> Self {
        Self { align: Align::Right, rank, least: u16::MAX, sentence: false, gap: GAP }
    }

    /// A name: cut in the middle.
    pub const fn name(rank: u8, least: u16) -> Self {
        Self { align: Align::Left, rank, least, sentence: false, gap: GAP }
    }

    /// A sentence: cut at the end.
    pub const fn sentence(rank: u8, least: u16) -> Self {
        Self { align: Align::Left, rank, least, sentence: true, gap: GAP }
    }
}

/// What stands in one column of one row.
pub type ColumnText = Words;

/// Two cells between columns.
pub const GAP: u16 = 2;

/// The width of each column in `room`; 0 = it left.
///
/// Sentences give first, down to their least; then the columns of rank 3 and more leave; then names are cut; then the rest
/// leaves. What a column that left sets free goes back to those that were cut.
pub fn measure(columns: &[Column], rows: &[Vec<ColumnText>], room: u16) -> Vec<u16> {
    let natural: Vec<u16> = (0..columns.len())
        .map(|i| rows.iter().filter_map(|row| row.get(i)).map(|cell| width_of(cell)).max().unwrap_or(0))
        .collect();
    let mut gone = vec![false; columns.len()];
    loop {
        let start = (0..columns.len()).map(|i| if gone[i] { 0 } else { natural[i] }).collect();
        let (widths, fits) = squeeze(columns, start, room, |column| column.sentence);
        if fits {
            return widths;
        }
        let last = |least: u8| {
            let some = (0..columns.len()).filter(|i| !gone[*i] && natural[*i] > 0 && columns[*i].rank >= least);
            some.max_by_key(|i| columns[*i].rank)
        };
        if let Some(i) = last(3) {
            gone[i] = true;
            continue;
        }
        let (widths, fits) = squeeze(columns, widths, room, |_| true);
        match last(1) {
            Some(i) if !fits => gone[i] = true,
            _ => return widths,
        }
    }
}

/// Cuts the columns that may be cut, the widest first, until all fit.
fn squeeze(columns: &[Column], mut widths: Vec<u16>, room: u16, may: impl Fn(&Column) -> bool) -> (Vec<u16>, bool) {
    loop {
        let over = total(columns, &widths).saturating_sub(room);
        let cut = (0..widths.len())
            .filter(|i| may(&columns[*i]) && columns[*i].least != u16::MAX && widths[*i] > columns[*i].least)
            .max_by_key(|i| (columns[*i].sentence, widths[*i]));
        match cut {
            Some(i) if over > 0 => widths[i] -= over.min(widths[i] - columns[i].least),
            _ => return (widths, over == 0),
        }
    }
}

fn total(columns: &[Column], widths: &[u16]) -> u16 {
    let last = widths.iter().rposition(|wide| *wide > 0);
    let gaps = columns.iter().enumerate().filter(|(i, _)| widths[*i] > 0 && Some(*i) != last).map(|(_, it)| it.gap);
    gaps.chain(widths.iter().copied()).fold(0, u16::saturating_add)
}

/// Draws one row in measured columns. The last column runs to the end of the room.
pub fn draw(
    canvas: &mut Canvas<'_>,
    x: u16,
    y: u16,
    room: u16,
    columns: &[Column],
    widths: &[u16],
    row: &[ColumnText],
) {
    let mut left = 0;
    for (i, cell) in row.iter().enumerate() {
        let (Some(column), Some(wide)) = (columns.get(i), widths.get(i).copied()) else { continue };
        if wide == 0 || left >= room {
            continue;
        }
        let wide = wide.min(room - left);
        let cell = cut(cell, wide, column.sentence);
        let pad = match column.align {
            Align::Right => wide.saturating_sub(width_of(&cell)),
            Align::Left => 0,
        };
        canvas.words(x + left + pad, y, &cell, wide - pad);
        left = left.saturating_add(wide).saturating_add(column.gap);
    }
}

/// Words cut to a width: the widest span gives.
pub fn cut(words: &[Span], max: u16, sentence: bool) -> Words {
    let over = width_of(words).saturating_sub(max);
    let mut out = words.to_vec();
    if over == 0 {
        return out;
    }
    if sentence {
        // A sentence ends where the room ends, whatever span that falls into.
        let mut left = max;
        for span in &mut out {
            let wide = width(&span.text);
            span.text = text::end(&span.text, left);
            // What follows a cut is cut too, though the cut left a cell over.
            left = left.saturating_sub(wide);
        }
        out.retain(|span| !span.text.is_empty());
        return out;
    }
    if let Some(widest) = out.iter_mut().max_by_key(|span| width(&span.text)) {
        let room = width(&widest.text).saturating_sub(over);
        widest.text = text::middle(&widest.text, room);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::theme::Role;
    use crate::console::widget::canvas::span;

    #[test]
    fn a_sentence_is_cut_once_and_says_so_once() {
        let words = [span(Role::Text, "told slack"), span(Role::Dim, " not on am-1"), span(Role::Dim, ", am-2")];
        for max in 0..30 {
            let cut: String = cut(&words, max, true).iter().map(|it| it.text.as_str()).collect();
            // Where a part ends at the very edge, what follows is gone without room for a sign.
            assert!(cut.matches('…').count() <= 1 && width(&cut) <= max, "{max}: {cut}");
        }
    }
}
