//! Where things stand at a size: wide (all panes), narrow (a strip, one pane, the timeline), small (one pane).

use ratatui::layout::Rect;

use crate::console::app::{App, Pane};

/// A pane's place: its title's line and the rows below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub pane: Pane,
    pub title: Rect,
    pub body: Rect,
}

/// Everything's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrangement {
    pub header: Rect,
    /// The strip of panes, where not all of them have a place.
    pub strip: Option<Rect>,
    pub places: Vec<Place>,
    /// Columns with a line, from y to before y.
    pub dividers: Vec<(u16, u16, u16)>,
    pub footer_rule: Option<u16>,
    pub footer: Rect,
}

impl Arrangement {
    /// The rows of a pane, if it has a place.
    pub fn body(&self, pane: Pane) -> Option<Rect> {
        self.places.iter().find(|place| place.pane == pane).map(|place| place.body)
    }
}

/// Whether a banner takes a line below the header.
pub fn has_banner(app: &App) -> bool {
    super::header::banner(app).is_some()
}

/// Everything's place at the app's size.
pub fn arrange(app: &App) -> Arrangement {
    let (w, h) = app.size;
    let header_lines = if h >= 16 { 2 } else { 1 } + u16::from(has_banner(app));
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

fn place(pane: Pane, area: Rect) -> Place {
    let title = Rect { height: area.height.min(1), ..area };
    let body = Rect { y: area.y + title.height, height: area.height - title.height, ..area };
    Place { pane, title, body }
}

fn wide(app: &App, room: Rect, out: &mut Arrangement) {
    let first = (room.height * 29 / 100).max(7);
    let second = (room.height * 27 / 100).max(6);
    let (y1, y2) = (room.y + first, room.y + first + second);
    let end = room.y + room.height;
    // Alerts and GitOps share the left column, so that the line between the panes is one line.
    let left = room.width * 39 / 100;
    let middle = left + (room.width - left) * 45 / 100;
    let row = |pane, x0: u16, x1: u16, y0: u16, y1: u16| place(pane, Rect::new(x0, y0, x1 - x0, y1 - y0));
    out.places.push(row(Pane::Alerts, 0, left, room.y, y1));
    out.places.push(row(Pane::Traffic, left + 1, middle, room.y, y1));
    out.places.push(row(Pane::Backups, middle + 1, room.width, room.y, y1));
    out.places.push(row(Pane::Gitops, 0, left, y1, y2));
    out.places.push(row(Pane::Events, left + 1, room.width, y1, y2));
    out.dividers.push((left, room.y + 1, y2));
    out.dividers.push((middle, room.y + 1, y1));
    // People have a place of their own where there is room, or where someone looks for them.
    if room.width >= 150 || app.focus == Pane::People {
        let people = room.width - (room.width / 4).clamp(34, 44);
        out.places.push(row(Pane::Timeline, 0, people, y2, end));
        out.places.push(row(Pane::People, people + 1, room.width, y2, end));
        out.dividers.push((people, y2 + 1, end));
    } else {
        out.places.push(row(Pane::Timeline, 0, room.width, y2, end));
    }
}

fn narrow(app: &App, room: Rect, out: &mut Arrangement) {
    out.strip = Some(Rect { height: 1, ..room });
    let rest = Rect { y: room.y + 1, height: room.height - 1, ..room };
    let upper = (rest.height / 2).max(5);
    out.places.push(place(app.upper, Rect { height: upper, ..rest }));
    out.places.push(place(Pane::Timeline, Rect { y: rest.y + upper, height: rest.height - upper, ..rest }));
}

fn small(app: &App, room: Rect, out: &mut Arrangement) {
    if room.height >= 4 {
        out.strip = Some(Rect { height: 1, ..room });
        let rest = Rect { y: room.y + 1, height: room.height - 1, ..room };
        out.places.push(place(app.focus, rest));
    } else {
        out.places.push(place(app.focus, room));
    }
}
