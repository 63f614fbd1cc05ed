//! A view that is read: a title, and lines that scroll. Help, situation and details are made of it.

use ratatui::layout::Rect;

use crate::console::app::Console;
use crate::console::overlay::Overlay;
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width_of};
use crate::console::widget::{Canvas, Words, text};

use super::related::PageLink;
use super::{detail, footer, header, help, readiness, situation};

/// What is read.
pub struct Page {
    pub title: Words,
    pub lines: Vec<Words>,
    /// Lines that lead somewhere: the line's number, and where.
    pub links: Vec<(usize, PageLink)>,
}

impl Page {
    /// An empty sheet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: vec![span(Role::Strong, title)], lines: Vec::new(), links: Vec::new() }
    }

    /// A blank line, but never two.
    pub fn space(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(Words::new());
        }
    }

    /// A heading.
    pub fn heading(&mut self, words: &str) {
        self.space();
        self.lines.push(vec![span(Role::Accent, words)]);
    }

    /// A label and its value, the value broken into lines where it is long.
    pub fn pair(&mut self, label: &str, role: Role, value: &str, room: u16) {
        const LABEL: u16 = 22;
        if value.is_empty() {
            return;
        }
        let lines = text::wrap(value, room.saturating_sub(LABEL).max(8));
        for (i, line) in lines.into_iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            let pad = " ".repeat(usize::from(LABEL).saturating_sub(label.chars().count()).max(2));
            self.lines.push(vec![span(Role::Dim, format!("{label}{pad}")), span(role, line)]);
        }
    }

    /// A line that leads somewhere.
    pub fn link(&mut self, words: Words, to: PageLink) {
        self.links.push((self.lines.len(), to));
        self.lines.push(words);
    }

    /// Words on a line of their own.
    pub fn line(&mut self, words: Words) {
        self.lines.push(words);
    }

    /// A sentence, broken into lines.
    pub fn prose(&mut self, role: Role, value: &str, room: u16) {
        for line in text::wrap(value, room) {
            self.lines.push(vec![span(role, line)]);
        }
    }
}

fn sheet(app: &Console, overlay: &Overlay) -> Option<(Page, usize)> {
    let room = app.size.0.saturating_sub(4).min(120);
    match overlay {
        Overlay::Help { scroll } => Some((help::sheet(app, room), *scroll)),
        Overlay::Situation { scroll } => Some((situation::sheet(app, room), *scroll)),
        Overlay::Readiness { scroll } => Some((readiness::sheet(app, room), *scroll)),
        Overlay::Detail { pane, key, scroll, .. } => Some((detail::sheet(app, *pane, key, room), *scroll)),
        _ => None,
    }
}

fn body(app: &Console) -> Rect {
    let (w, h) = app.size;
    Rect::new(2, 2, w.saturating_sub(4), h.saturating_sub(4))
}

/// How far the sheet on top can scroll.
pub fn most_scroll(app: &Console) -> usize {
    let lines = app.overlays.last().and_then(|overlay| sheet(app, overlay)).map_or(0, |(sheet, _)| sheet.lines.len());
    lines.saturating_sub(usize::from(body(app).height))
}

/// Where the lines of the sheet on top lead, in order.
pub fn links(app: &Console) -> Vec<(usize, PageLink)> {
    app.overlays.last().and_then(|overlay| sheet(app, overlay)).map(|(sheet, _)| sheet.links).unwrap_or_default()
}

/// The scroll at which a line is in sight.
pub fn scroll_to(app: &Console, line: usize, scroll: usize) -> usize {
    let height = usize::from(body(app).height).max(1);
    scroll.clamp((line + 1).saturating_sub(height), line)
}

/// The sheet on top as text, for the clipboard.
pub fn plain(app: &Console) -> String {
    let Some((sheet, _)) = app.overlays.last().and_then(|overlay| sheet(app, overlay)) else { return String::new() };
    let lines = sheet.lines.iter().map(|line| line.iter().map(|span| span.text.as_str()).collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Draws the sheet.
pub fn draw(app: &Console, canvas: &mut Canvas<'_>, overlay: &Overlay) {
    let Some((sheet, scroll)) = sheet(app, overlay) else { return };
    let (w, h) = app.size;
    let body = body(app);
    let all = sheet.lines.len();
    let scroll = scroll.min(all.saturating_sub(usize::from(body.height)));
    canvas.words(2, 0, &sheet.title, w.saturating_sub(4));
    if all > usize::from(body.height) {
        let last = (scroll + usize::from(body.height)).min(all);
        let place = vec![span(Role::Dim, format!("lines {} to {last} of {all}", scroll + 1))];
        if width_of(&sheet.title) + width_of(&place) + 6 < w {
            canvas.words_right(w.saturating_sub(2), 0, &place, w);
        }
    }
    header::rule_or_banner(app, canvas, 1);
    let chosen = match overlay {
        Overlay::Detail { link, .. } => sheet.links.get(*link).map(|(line, _)| *line),
        _ => None,
    };
    for ((y, line), number) in (body.y..body.bottom()).zip(sheet.lines.iter().skip(scroll)).zip(scroll..) {
        canvas.words(body.x, y, line, body.width);
        if chosen == Some(number) {
            canvas.tint(Rect::new(body.x, y, body.width, 1), Role::Selected);
        }
    }
    if h >= 6 {
        canvas.line(Rect::new(0, h - 2, w, 1), h - 2);
    }
    footer::draw(app, canvas, Rect::new(1, h.saturating_sub(1), w.saturating_sub(1), 1));
}
