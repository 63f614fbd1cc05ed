//! A chord that was begun explains itself: each key that may follow, and what it does.

use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::{Command, spell};
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width, width_of};
use crate::console::widget::{Canvas, Words, text};

use super::{help, hints};

/// The lowest screen on which it has a place of its own; below that the footer says it.
const LOWEST: u16 = 10;

/// Whether it is drawn at this size.
pub fn has_room(app: &Console) -> bool {
    app.size.1 >= LOWEST
}

/// Draws what may follow the keys that were pressed.
pub fn draw(app: &Console, canvas: &mut Canvas<'_>) {
    if app.pending.is_empty() || !has_room(app) {
        return;
    }
    let room = app.size.0.saturating_sub(4);
    let name = app.keymap.prefix(&app.pending).unwrap_or_default();
    let mut lines: Vec<Words> =
        vec![vec![span(Role::Accent, spell(&app.pending)), span(Role::Strong, format!(" {name} …"))]];
    let most = usize::from(app.size.1.saturating_sub(5));
    for (rest, spec, met) in app.continuations().into_iter().take(most) {
        let pad = " ".repeat(usize::from(6u16.saturating_sub(width(&rest)).max(1)));
        let mut words = vec![span(Role::Accent, format!("  {rest}{pad}"))];
        let left = room.saturating_sub(width_of(&words));
        let why = met.or_else(|| availability::why_not(app, spec.command));
        match why {
            Some(why) => {
                words.push(span(Role::Dim, text::end(&format!("{}: not now. {why}", name_of(spec)), left)));
            }
            None => {
                let needs = help::needs(spec.danger);
                words.push(span(Role::Text, text::end(spec.doc, left)));
                if width(spec.doc) + width(needs) + 2 <= left {
                    words.push(span(help::role_of(spec.danger), format!("  {needs}")));
                }
            }
        }
        lines.push(words);
    }
    hints::draw_sheet(app, canvas, lines, &[(Some(Command::Back), "cancel")]);
}

fn name_of(spec: &crate::console::keymap::Spec) -> &'static str {
    if spec.hint.is_empty() { spec.id } else { spec.hint }
}
