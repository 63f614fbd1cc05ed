//! Drawing that every view shares: clipped text by role, columns aligned by display width, bars, ages, joined lines.

pub mod borders;
pub mod canvas;
pub mod columns;
pub mod glyph;
pub mod priority_line;
pub mod text;
pub mod time;

pub use canvas::{Canvas, Span, Words, width};
pub use columns::{Align, Column, ColumnText};
