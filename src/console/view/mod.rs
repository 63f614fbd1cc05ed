//! Drawing: a frame is a function of the app and a look. Nothing here changes anything, fails, or panics at any size.

pub mod alerts;
pub mod backups;
pub mod chord_hint;
pub mod detail;
pub mod dialog;
pub mod events;
pub mod filter_line;
pub mod footer;
pub mod gitops;
pub mod header;
pub mod help;
pub mod hints;
pub mod layout;
pub mod open_page;
pub mod page;
pub mod palette;
pub mod pane;
pub mod pane_rows;
pub mod pane_spec;
pub mod panes;
pub mod people;
pub mod plan;
pub mod plan_steps;
pub mod readiness;
pub mod related;
pub mod silence;
pub mod situation;
pub mod source_errors;
pub mod time_travel;
pub mod timeline;
pub mod timeline_text;
pub mod traffic;
pub mod verdict_mark;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::Console;
use super::overlay::Overlay;
use super::theme::Look;
use super::widget::borders::Borders;
use super::widget::{Canvas, glyph};

/// Draws the app at its size.
pub fn draw(app: &Console, look: &Look) -> Buffer {
    let area = Rect::new(0, 0, app.size.0, app.size.1);
    let mut buffer = Buffer::empty(area);
    if area.is_empty() {
        return buffer;
    }
    buffer.set_style(area, look.base());
    let mut canvas = Canvas::new(&mut buffer, look);
    canvas.proven = !app.lost() && app.past.is_none();
    let top = app.overlays.iter().rposition(Overlay::covers);
    match top.and_then(|at| app.overlays.get(at)) {
        Some(Overlay::Plan(view)) => plan::draw(app, &mut canvas, view),
        Some(Overlay::Silence(form)) => silence::draw(app, &mut canvas, form),
        Some(overlay) => {
            open_page::draw(app, &mut canvas, overlay);
            let (w, h) = app.size;
            footer::draw(app, &mut canvas, Rect::new(1, h.saturating_sub(1), w.saturating_sub(1), 1));
        }
        None => overview(app, &mut canvas),
    }
    let above = top.map_or(0, |at| at + 1);
    for overlay in app.overlays.iter().skip(above) {
        dialog::draw(app, &mut canvas, overlay);
    }
    chord_hint::draw(app, &mut canvas);
    if look.ascii {
        glyph::fold(&mut buffer);
    }
    buffer
}

fn overview(app: &Console, canvas: &mut Canvas<'_>) {
    let at = layout::arrange(app);
    header::draw(app, canvas, at.header);
    if let Some(strip) = at.strip {
        pane::strip(app, canvas, strip);
    }
    let mut rules = Borders::new(canvas.area());
    for place in &at.places {
        rules.across(place.title.x.saturating_sub(1), place.title.right(), place.title.y);
    }
    for (x, from, to) in &at.dividers {
        rules.across(*x, *x + 1, from.saturating_sub(1));
        rules.down(*x, *from, *to);
    }
    if let Some(y) = at.footer_rule {
        rules.across(0, app.size.0, y);
    }
    rules.draw(canvas);
    for place in &at.places {
        if place.title.height > 0 {
            pane::title(app, canvas, place);
        }
        pane::rows(app, canvas, place);
    }
    footer::draw(app, canvas, at.footer);
}
