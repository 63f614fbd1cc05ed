//! Small layers over the panes: a line being typed, a list to choose from, a question. They take the lines at the bottom,
//! so that what they are about stays in sight.

use ratatui::layout::Rect;

use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::Command;
use crate::console::overlay::{Menu, Overlay, TextPrompt};
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width};
use crate::console::widget::{Canvas, Words, glyph, text};
use crate::model::SafeText;

use super::footer;
use super::hints::{Hint, draw_sheet};

/// Draws a layer that does not cover the screen.
pub fn draw(app: &Console, canvas: &mut Canvas<'_>, overlay: &Overlay) {
    match overlay {
        Overlay::Write(write) => draw_write(app, canvas, write),
        Overlay::Menu(menu) => draw_menu(app, canvas, menu),
        Overlay::Palette(palette) => super::palette::draw(app, canvas, palette),
        Overlay::Silence(form) => super::silence::draw(app, canvas, form),
        Overlay::Jump { line, problem } => {
            let hint = match problem {
                Some(why) => vec![span(Role::Warning, format!("{} {why}", glyph::WARNING))],
                None => vec![span(Role::Dim, "14:41 · T+8 · -5m · yesterday 14:41 · nothing: now")],
            };
            let typed = vec![
                span(Role::Accent, "Show the room at: "),
                span(Role::Input, line.value()),
                span(Role::Accent, "▏"),
            ];
            draw_sheet(
                app,
                canvas,
                vec![typed, hint],
                &[(Some(Command::Open), "go there"), (Some(Command::Back), "stay")],
            );
        }
        Overlay::Filter { pane, line, problem, tab, .. } => {
            let hint = super::filter_line::hint(app, *pane, line, problem.as_ref(), tab.as_ref());
            draw_over_footer(app, canvas, vec![hint]);
        }
        Overlay::Leave => {
            let question = match app.busy() {
                true => "Leave although the incident is open?",
                false => "Leave?",
            };
            let mut lines = vec![vec![span(Role::Strong, question)]];
            lines.extend(ends(app).into_iter().map(|line| vec![span(Role::Text, line)]));
            draw_sheet(app, canvas, lines, &[(Some(Command::Open), "leave"), (Some(Command::Back), "stay")]);
        }
        _ => {}
    }
}

/// A block of lines above the footer, which says what keys mean.
fn draw_over_footer(app: &Console, canvas: &mut Canvas<'_>, lines: Vec<Words>) {
    draw_sheet(app, canvas, lines, &[]);
    let (w, h) = app.size;
    footer::draw(app, canvas, Rect::new(1, h.saturating_sub(1), w.saturating_sub(1), 1));
}

/// What leaving ends.
fn ends(app: &Console) -> Vec<String> {
    if app.lost() {
        return vec!["The room is not reached. This console still shows what it knew last.".to_owned()];
    }
    if !app.hosts {
        return vec!["The room goes on without this console; nothing is stopped by leaving.".to_owned()];
    }
    let mut lines = vec!["The room runs in this console and ends with it. The timeline is kept.".to_owned()];
    let others: Vec<&str> = app.others().into_iter().map(|person| person.as_str()).collect();
    match others.as_slice() {
        [] => {}
        [one] => lines.push(format!("{one} loses it too.")),
        [first @ .., last] => lines.push(format!("{} and {last} lose it too.", first.join(", "))),
    }
    lines
}

fn draw_write(app: &Console, canvas: &mut Canvas<'_>, write: &TextPrompt) {
    let room = app.size.0.saturating_sub(4);
    let prompt = format!("{}: ", write.kind.prompt());
    let value = write.line.value();
    // A long line is broken and grows upwards, so that all of it is read before it is sent.
    let mut lines: Vec<Words> = Vec::new();
    let mut rest: Vec<String> = text::wrap(&format!("{prompt}{value}"), room.saturating_sub(1));
    if let Some(last) = rest.last_mut().filter(|last| value.ends_with(' ') && width(last) < room) {
        last.push(' ');
    }
    let most = usize::from(app.size.1 / 2).max(1);
    let skip = rest.len().saturating_sub(most);
    let count = rest.len();
    for (i, line) in rest.into_iter().enumerate().skip(skip) {
        let mut words = match line.strip_prefix(prompt.as_str()) {
            Some(typed) if i == 0 => vec![span(Role::Accent, prompt.as_str()), span(Role::Input, typed)],
            _ if i == 0 => vec![span(Role::Accent, line)],
            _ => vec![span(Role::Input, line)],
        };
        if i + 1 == count {
            words.push(span(Role::Accent, "▏"));
        }
        lines.push(words);
    }
    for line in write.problem.as_ref().map(SafeText::as_str).map(|it| text::wrap(it, room)).unwrap_or_default() {
        lines.push(vec![span(Role::Critical, line)]);
    }
    let keys: &[Hint<'_>] = match write.sent {
        Some(_) => &[(None, "Sent; waiting for the room …")],
        None if availability::cannot_act(app).is_some() => &[(Some(Command::Back), "throw away")],
        None => &[(Some(Command::Open), "record"), (Some(Command::Back), "throw away")],
    };
    draw_sheet(app, canvas, lines, keys);
}

fn draw_menu(app: &Console, canvas: &mut Canvas<'_>, menu: &Menu) {
    let mut lines = vec![vec![span(Role::Strong, menu.title.as_str())]];
    let wide = menu.items.iter().map(|item| width(&item.label)).max().unwrap_or(0);
    let most = usize::from(app.size.1.saturating_sub(6)).max(1);
    let skip = (menu.cursor + 1).saturating_sub(most);
    for (i, item) in menu.items.iter().enumerate().skip(skip).take(most) {
        let pad = " ".repeat(usize::from(wide.saturating_sub(width(&item.label)) + 3));
        let (mark, role) = if i == menu.cursor { ("▸ ", Role::Waiting) } else { ("  ", Role::Text) };
        lines.push(vec![
            span(Role::Accent, mark),
            span(role, item.label.as_str()),
            span(Role::Dim, format!("{pad}{}", item.note)),
        ]);
    }
    draw_over_footer(app, canvas, lines);
}
