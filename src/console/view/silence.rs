//! Silences on the screen: the form above the footer, the preview on the whole screen, and what silences an alert in words.

use ratatui::layout::Rect;

use crate::board::row::silence_words;
use crate::board::{AlertRow, Row, Topic};
use crate::console::app::Console;
use crate::console::keymap::Command;
use crate::console::overlay::SilenceForm;
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width};
use crate::console::widget::{Canvas, Words, glyph, text, time};
use crate::model::silence::{Hit, SilencePreview};
use crate::model::{AlertGrade, SafeText};

use super::header;
use super::hints::{Hint, draw_sheet, hint_words};

/// Draws the form, or the preview once it came.
pub fn draw(app: &Console, canvas: &mut Canvas<'_>, form: &SilenceForm) {
    match &form.shown {
        Some(preview) => draw_preview(app, canvas, form, preview),
        None => draw_form(app, canvas, form),
    }
}

fn draw_form(app: &Console, canvas: &mut Canvas<'_>, form: &SilenceForm) {
    let room = app.size.0.saturating_sub(4);
    let problem = form.problem.as_ref().map(|it| text::wrap(it.as_str(), room)).unwrap_or_default();
    let mut lines = Vec::new();
    if form.expires.is_some() {
        lines.push(vec![span(Role::Strong, "End a silence")]);
    } else {
        lines.push(vec![span(Role::Strong, "Silence alerts whose labels are")]);
        let fields = [("labels", &form.matchers), ("for", &form.lasts), ("because", &form.reason)];
        for (i, (label, line)) in fields.into_iter().enumerate() {
            let here = i == form.field;
            let mark = if here { "▸ " } else { "  " };
            let mut words = vec![span(Role::Accent, mark), span(Role::Dim, format!("{label:8}"))];
            let value = line.value();
            // The end of a long line is where it is typed.
            let wide = usize::from(room.saturating_sub(12)).max(4);
            let skip = value.chars().count().saturating_sub(wide);
            words.push(span(Role::Input, value.chars().skip(skip).collect::<String>()));
            if here {
                words.push(span(Role::Accent, "▏"));
            }
            lines.push(words);
        }
    }
    lines.extend(problem.into_iter().map(|line| vec![span(Role::Critical, line)]));
    let keys: &[Hint<'_>] = match form.sent {
        Some(_) => &[(None, "Asking what it hits …")],
        None if form.expires.is_some() => &[(Some(Command::Back), "back")],
        None => &[
            (Some(Command::Open), "next, then preview"),
            (Some(Command::Down), "next line"),
            (Some(Command::Back), "throw away"),
        ],
    };
    draw_sheet(app, canvas, lines, keys);
}

fn draw_preview(app: &Console, canvas: &mut Canvas<'_>, form: &SilenceForm, preview: &SilencePreview) {
    let (w, h) = app.size;
    let room = w.saturating_sub(4);
    canvas.clear(Rect::new(0, 0, w, h), Role::Text);
    let asked = format!("asks {}, which tells its cluster   {}", preview.instance, preview.incident);
    canvas.words(2, 0, &[span(Role::Strong, "Preview"), span(Role::Dim, format!("   {asked}"))], room);
    header::rule_or_banner(app, canvas, 1);
    let foot = foot(form, preview, room);
    let tall = u16::try_from(foot.len()).unwrap_or(1) + 2;
    let bottom = h.saturating_sub(tall);
    let body = body(app, preview, room);
    let height = usize::from(bottom.saturating_sub(2));
    let scroll = form.scroll.min(body.len().saturating_sub(height));
    for (y, line) in (2..bottom).zip(body.iter().skip(scroll)) {
        canvas.words(2, y, line, room);
    }
    if body.len() > height && w > 60 {
        let last = (scroll + height).min(body.len());
        let place = vec![span(Role::Dim, format!("lines {} to {last} of {}", scroll + 1, body.len()))];
        canvas.words_right(w.saturating_sub(2), 1, &place, 30);
    }
    canvas.line(Rect::new(0, bottom, w, 1), bottom);
    for (y, line) in (bottom + 1..h).zip(&foot) {
        canvas.words(2, y, line, room);
    }
    let keys = [(Some(Command::Open), "do it"), (Some(Command::Back), "back; nothing was sent")];
    canvas.words(2, h.saturating_sub(1), &hint_words(app, &keys), room);
}

/// What the preview says, broken to `room` columns; plain mode asks for it with no limit to the width.
pub fn body(app: &Console, preview: &SilencePreview, room: u16) -> Vec<Words> {
    let mut lines: Vec<Words> =
        text::wrap(preview.title.as_str(), room).into_iter().map(|line| vec![span(Role::Strong, line)]).collect();
    lines.push(Words::new());
    for warning in &preview.warnings {
        let (mark, role) =
            if preview.grave { (glyph::CRITICAL, Role::Critical) } else { (glyph::WARNING, Role::Warning) };
        for (i, line) in text::wrap(warning.as_str(), room.saturating_sub(2)).into_iter().enumerate() {
            let mark = if i == 0 { mark } else { " " };
            lines.push(vec![span(role, format!("{mark} ")), span(Role::Text, line)]);
        }
    }
    if !preview.warnings.is_empty() {
        lines.push(Words::new());
    }
    let more = preview.total as usize - preview.hits.len().min(preview.total as usize);
    let head = format!("{} alerts now, {} critical", preview.total, preview.critical);
    lines.push(vec![span(Role::Dim, head)]);
    lines.extend(preview.hits.iter().map(|hit| row(app, hit)));
    if more > 0 {
        lines.push(vec![span(Role::Dim, format!("  and {more} more that are not listed"))]);
    }
    lines
}

fn row(app: &Console, hit: &Hit) -> Words {
    let (mark, role) = match (hit.grade == AlertGrade::Critical, hit.unsure) {
        (_, true) => (glyph::UNKNOWN, Role::Unknown),
        (true, _) => (glyph::CRITICAL, Role::Critical),
        (false, _) => (glyph::WARNING, Role::Warning),
    };
    let since = app
        .rows(Topic::Alerts)
        .iter()
        .find(|row| row.id == hit.fingerprint)
        .and_then(Row::as_kind::<AlertRow>)
        .and_then(|it| it.alert.starts_at);
    let age = since.map(|at| format!("  {}", time::age(time::since(at, app.at())))).unwrap_or_default();
    let service = hit.service.as_ref().map(|it| format!("  {it}")).unwrap_or_default();
    let quiet = if hit.quiet { "  quiet already" } else { "" };
    let unsure = if hit.unsure { "  not sure" } else { "" };
    vec![
        span(role, format!("{mark} ")),
        span(Role::Text, hit.name.as_str()),
        span(Role::Dim, format!("  {}  {}{service}{age}{quiet}{unsure}", hit.severity.as_str(), hit.place)),
    ]
}

fn foot(form: &SilenceForm, preview: &SilencePreview, room: u16) -> Vec<Words> {
    let problem = form.problem.as_ref().map(|it| text::wrap(it.as_str(), room)).unwrap_or_default();
    let mut lines: Vec<Words> = problem.into_iter().map(|line| vec![span(Role::Critical, line)]).collect();
    if form.sent.is_some() {
        lines.push(vec![span(Role::Dim, "Sent; waiting until it is known how it ended …")]);
        return lines;
    }
    let question =
        if width("To do it, type ") + width(preview.confirm.as_str()) + 8 > room { "" } else { "To do it, type " };
    lines.push(vec![
        span(Role::Text, question),
        span(Role::Strong, preview.confirm.as_str()),
        span(Role::Text, ": "),
        span(Role::Input, form.confirm.value()),
        span(Role::Accent, "▏"),
    ]);
    lines
}

/// What a reference among an alert's silences means: who, until when, why, and which.
pub fn words(app: &Console, reference: &str) -> SafeText {
    silence_words(app.rows(Topic::Silences), reference, |at| app.zone.full(at))
}
