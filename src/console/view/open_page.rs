//! The page that is open: which one it is, how far it scrolls, where its lines lead.

use ratatui::layout::Rect;

use crate::console::app::Console;
use crate::console::overlay::Overlay;
use crate::console::theme::Role;
use crate::console::widget::Canvas;
use crate::console::widget::canvas::{span, width_of};

use super::page::Page;
use super::related::PageLink;
use super::{detail, header, help, readiness, situation};

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
}
