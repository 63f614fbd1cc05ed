//! Lines between panes, joined where they meet: one line between two panes, never a box in a box.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::console::theme::Role;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Lines collected before they are drawn, so that crossings are known.
#[derive(Debug)]
pub struct Borders {
    area: Rect,
    cells: Vec<u8>,
}

impl Borders {
    /// No lines yet.
    pub fn new(area: Rect) -> Self {
        Self { area, cells: vec![0; usize::from(area.width) * usize::from(area.height)] }
    }

    fn add(&mut self, x: u16, y: u16, bits: u8) {
        if x < self.area.left() || x >= self.area.right() || y < self.area.top() || y >= self.area.bottom() {
            return;
        }
        let index = usize::from(y - self.area.y) * usize::from(self.area.width) + usize::from(x - self.area.x);
        if let Some(cell) = self.cells.get_mut(index) {
            *cell |= bits;
        }
    }

    /// A line from left to right; it reaches half a cell further where another line is met.
    pub fn across(&mut self, x0: u16, x1: u16, y: u16) {
        for x in x0..x1 {
            self.add(x, y, LEFT | RIGHT);
        }
    }

    /// A line downwards from `y0` to before `y1`, touching the lines above and below it.
    pub fn down(&mut self, x: u16, y0: u16, y1: u16) {
        self.add(x, y0.saturating_sub(1), DOWN);
        for y in y0..y1 {
            self.add(x, y, UP | DOWN);
        }
        self.add(x, y1, UP);
    }

    /// Draws them.
    pub fn draw(&self, canvas: &mut Canvas<'_>) {
        for (index, bits) in self.cells.iter().enumerate() {
            let glyph = match *bits {
                0 => continue,
                b if b & (LEFT | RIGHT) == 0 => "│",
                b if b & (UP | DOWN) == 0 => "─",
                b if b & (UP | DOWN) == DOWN => "┬",
                b if b & (UP | DOWN) == UP => "┴",
                _ => "┼",
            };
            let wide = usize::from(self.area.width).max(1);
            let x = self.area.x + u16::try_from(index % wide).unwrap_or(0);
            let y = self.area.y + u16::try_from(index / wide).unwrap_or(0);
            canvas.put(x, y, glyph, Role::Rule, 1);
        }
    }
}
