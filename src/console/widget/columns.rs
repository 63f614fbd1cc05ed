//! Columns aligned by display width. When there is no room, names are cut in the middle, then the least columns leave.

use super::canvas::{Canvas, Span, Words, width, width_of};
use super::text;

/// Which end of a cell stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// How a column behaves.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub align: Align,
    /// 0 never leaves; the highest leaves first.
    pub rank: u8,
    /// It may be cut down to this width; a column that can't be cut has `u16::MAX`.
    pub least: u16,
    /// Text that runs on is cut at its end, a name in its middle.
    pub sentence: bool,
}

impl Column {
    /// A short column that is never cut.
    pub const fn fixed(rank: u8) -> Self {
        Self { align: Align::Left, rank, least: u16::MAX, sentence: false }
    }

    /// Numbers: right-aligned, never cut.
    pub const fn number(rank: u8) -> Self {
        Self { align: Align::Right, rank, least: u16::MAX, sentence: false }
    }

    /// A name: cut in the middle.
    pub const fn name(rank: u8, least: u16) -> Self {
        Self { align: Align::Left, rank, least, sentence: false }
    }

    /// A sentence: cut at the end.
    pub const fn sentence(rank: u8, least: u16) -> Self {
        Self { align: Align::Left, rank, least, sentence: true }
    }
}

/// What stands in one column of one row.
pub type Cell = Words;

/// Two cells between columns.
pub const GAP: u16 = 2;

/// The width of each column in `room`; 0 = it left.
pub fn measure(columns: &[Column], rows: &[Vec<Cell>], room: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = (0..columns.len())
        .map(|i| rows.iter().filter_map(|row| row.get(i)).map(|cell| width_of(cell)).max().unwrap_or(0))
        .collect();
    loop {
        let total = total(&widths);
        if total <= room {
            return widths;
        }
        let over = total - room;
        // The widest column that can still be cut gives first.
        let cut = (0..widths.len())
            .filter(|i| columns[*i].least != u16::MAX && widths[*i] > columns[*i].least)
            .max_by_key(|i| (columns[*i].sentence, widths[*i]));
        if let Some(i) = cut {
            widths[i] -= over.min(widths[i] - columns[i].least);
            continue;
        }
        let leaves =
            (0..widths.len()).filter(|i| widths[*i] > 0 && columns[*i].rank > 0).max_by_key(|i| columns[*i].rank);
        match leaves {
            Some(i) => {
                widths[i] = 0;
                // What it leaves free goes back to those that were cut.
                for j in 0..widths.len() {
                    if j != i && widths[j] > 0 && columns[j].least != u16::MAX {
                        widths[j] =
                            rows.iter().filter_map(|row| row.get(j)).map(|cell| width_of(cell)).max().unwrap_or(0);
                    }
                }
            }
            None => return widths,
        }
    }
}

fn total(widths: &[u16]) -> u16 {
    let shown = widths.iter().filter(|wide| **wide > 0).count();
    let gaps = u16::try_from(shown.saturating_sub(1)).unwrap_or(0).saturating_mul(GAP);
    widths.iter().fold(gaps, |sum, wide| sum.saturating_add(*wide))
}

/// Draws one row in measured columns. The last column runs to the end of the room.
pub fn draw(canvas: &mut Canvas<'_>, x: u16, y: u16, room: u16, columns: &[Column], widths: &[u16], row: &[Cell]) {
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
        left = left.saturating_add(wide).saturating_add(GAP);
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
            span.text = text::end(&span.text, left);
            left = left.saturating_sub(width(&span.text));
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
