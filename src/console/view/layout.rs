//! Where things stand at a size: wide (all panes), narrow (a strip, one pane, the timeline), small (one pane).

use ratatui::layout::Rect;

use crate::console::app::Console;
use crate::console::pane::{Pane, PaneBand};

/// A pane's place: its title's line and the rows below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaneArea {
    /// Which pane it is.
    pub pane: Pane,
    /// One line, or none where there is no height at all.
    pub title: Rect,
    /// All below the title; its height may be 0.
    pub body: Rect,
}

/// Everything's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// From the top: one or two lines, and one more while a banner is shown.
    pub header: Rect,
    /// The strip of panes, where not all of them have a place.
    pub strip: Option<Rect>,
    /// Every pane that is drawn, in the order of drawing; one alone when it is zoomed or the screen is small.
    pub places: Vec<PaneArea>,
    /// Columns with a line, from y to before y.
    pub dividers: Vec<(u16, u16, u16)>,
    /// The line of the rule above the footer; `None` on screens of fewer than 20 lines.
    pub footer_rule: Option<u16>,
    /// The last line of the screen.
    pub footer: Rect,
}

impl Arrangement {
    /// The rows of a pane, if it has a place.
    pub fn body(&self, pane: Pane) -> Option<Rect> {
        self.places.iter().find(|place| place.pane == pane).map(|place| place.body)
    }
}

/// Whether a banner takes a line below the header.
pub fn has_banner(app: &Console) -> bool {
    super::header::banner(app).is_some()
}

/// Everything's place at the app's size.
pub fn arrange(app: &Console) -> Arrangement {
    let (w, h) = app.size;
    // How long it has lasted and what is left stand on the second line: worth more than a row of a pane.
    let header_lines = if h >= 10 { 2 } else { 1 } + u16::from(has_banner(app));
    let header = Rect::new(0, 0, w, header_lines.min(h));
    let rule = h >= 20;
    let footer_lines = 1 + u16::from(rule);
    let top = header.height;
    let bottom = h.saturating_sub(footer_lines).max(top);
    let footer = Rect::new(0, h.saturating_sub(1), w, u16::from(h > 0));
    let mut out = Arrangement {
        header,
        strip: None,
        places: Vec::new(),
        dividers: Vec::new(),
        footer_rule: rule.then_some(bottom),
        footer,
    };
    let room = Rect::new(0, top, w, bottom - top);
    if app.zoom {
        out.places.push(place(app.focus, room));
    } else if w >= 110 && h >= 30 {
        wide(app, room, &mut out);
    } else if w >= 60 && h >= 20 {
        narrow(app, room, &mut out);
    } else {
        small(app, room, &mut out);
    }
    out
}

fn place(pane: Pane, area: Rect) -> PaneArea {
    let title = Rect { height: area.height.min(1), ..area };
    let body = Rect { y: area.y + title.height, height: area.height - title.height, ..area };
    PaneArea { pane, title, body }
}

/// Columns and rows from which two panes stand side by side, where not all have a place anyway.
pub const SPLIT_WIDTH: u16 = 80;
const SPLIT_HEIGHT: u16 = 20;

/// Whether two panes have room side by side.
pub fn can_split(app: &Console) -> bool {
    app.size.0 >= SPLIT_WIDTH && app.size.1 >= SPLIT_HEIGHT
}

/// The two panes that stand side by side now.
fn pair(app: &Console) -> Option<[Pane; 2]> {
    app.split.filter(|_| can_split(app))
}

/// Panes side by side from `y0` to before `y1`: one column ends at `first`, what is left is shared.
fn row(panes: &[Pane], room: Rect, first: u16, y0: u16, y1: u16, out: &mut Arrangement) {
    let (width, height) = (room.width, y1 - y0);
    let mut ends: Vec<u16> = match panes.len() {
        0 => return,
        1 => Vec::new(),
        2 => vec![first],
        _ => vec![first, first + (width - first) * 45 / 100],
    };
    out.dividers.extend(ends.iter().map(|x| (*x, y0 + 1, y1)));
    ends.push(width);
    let mut x = 0;
    for (pane, end) in panes.iter().zip(ends) {
        out.places.push(place(*pane, Rect::new(x, y0, end - x, height)));
        x = end + 1;
    }
}

fn wide(app: &Console, room: Rect, out: &mut Arrangement) {
    let shown = |band| {
        let there = Pane::ALL.iter().copied().filter(|it| it.band() == band && !app.hidden.contains(it));
        there.collect::<Vec<_>>()
    };
    let two = pair(app);
    // Alerts and GitOps share the left column, so that the line between the panes is one line.
    let (top, middle) = match two {
        Some(pair) => (pair.to_vec(), Vec::new()),
        None => (shown(PaneBand::Top), shown(PaneBand::Middle)),
    };
    let mut bottom = shown(PaneBand::Bottom);
    // People have a place of their own where there is room, or where someone looks for them.
    if bottom.len() == 2 && room.width < 150 && app.focus != Pane::People {
        bottom.pop();
    }
    let (first, second) = ((room.height * 29 / 100).max(7), (room.height * 27 / 100).max(6));
    let end = room.y + room.height;
    let (y1, y2) = match (top.is_empty(), middle.is_empty(), bottom.is_empty()) {
        (false, false, false) => (room.y + first, room.y + first + second),
        (false, true, false) => (room.y + first + second, room.y + first + second),
        (true, false, false) => (room.y, room.y + first + second),
        (true, true, _) => (room.y, room.y),
        (false, false, true) => (room.y + room.height / 2, end),
        (false, true, true) => (end, end),
        (true, false, true) => (room.y, end),
    };
    let left = if two.is_some() { room.width / 2 } else { room.width * 39 / 100 };
    row(&top, room, left, room.y, y1, out);
    row(&middle, room, left, y1, y2, out);
    let people = room.width - (room.width / 4).clamp(34, 44);
    row(&bottom, room, people, y2, end, out);
}

fn narrow(app: &Console, room: Rect, out: &mut Arrangement) {
    out.strip = Some(Rect { height: 1, ..room });
    let rest = Rect { y: room.y + 1, height: room.height - 1, ..room };
    let upper = match (app.hidden.contains(&app.upper), app.hidden.contains(&Pane::Timeline)) {
        (true, _) => 0,
        (false, true) => rest.height,
        (false, false) => (rest.height / 2).max(5),
    };
    let above = match pair(app) {
        _ if upper == 0 => Vec::new(),
        Some(pair) => pair.to_vec(),
        None => vec![app.upper],
    };
    row(&above, rest, rest.width / 2, rest.y, rest.y + upper, out);
    if upper < rest.height {
        out.places.push(place(Pane::Timeline, Rect { y: rest.y + upper, height: rest.height - upper, ..rest }));
    }
}

fn small(app: &Console, room: Rect, out: &mut Arrangement) {
    if room.height >= 4 {
        out.strip = Some(Rect { height: 1, ..room });
        let rest = Rect { y: room.y + 1, height: room.height - 1, ..room };
        out.places.push(place(app.focus, rest));
    } else {
        out.places.push(place(app.focus, room));
    }
}
