//! The line in which a filter is typed, and above it what completes it, or why it can't be read.

use ratatui::layout::Rect;
use tui_input::Input as Line;

use crate::console::app::Console;
use crate::console::keymap::Command;
use crate::console::overlay::Tab;
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width, width_of};
use crate::console::widget::columns;
use crate::console::widget::{Canvas, Words, glyph};
use crate::model::filter::FilterError;

use super::hints::{Hint, hint_words};

/// The filter with its cursor, its mistake in red, and how many rows are left.
pub fn draw(app: &Console, canvas: &mut Canvas<'_>, area: Rect, line: &Line, problem: Option<&FilterError>) {
    let room = area.width.saturating_sub(2);
    let count = format!("   {} of {}", rows::visible(app, app.focus).len(), rows::all(app, app.focus).len());
    let hints: &[Hint<'_>] = match problem {
        Some(_) => &[(Some(Command::Back), "as before")],
        None => {
            &[(Some(Command::Down), "completes"), (Some(Command::Open), "keep"), (Some(Command::Back), "as before")]
        }
    };
    let mut keys = vec![span(Role::Dim, "   ")];
    keys.extend(hint_words(app, hints));
    let mut words = vec![span(Role::Accent, "/")];
    // The end of a long line is where it is typed.
    let typed = typed(line, problem);
    let most = room.saturating_sub(width(&count) + 2);
    let skip = typed.len().saturating_sub(usize::from(most));
    words.extend(typed.into_iter().skip(skip));
    words.push(span(Role::Dim, count));
    if width_of(&words) + width_of(&keys) <= room {
        words.extend(keys);
    }
    canvas.words(area.x + 1, area.y, &words, room);
}

/// The characters one by one, the cursor between them.
fn typed(line: &Line, problem: Option<&FilterError>) -> Words {
    let mut out = Words::new();
    let cursor = line.cursor();
    let mut wrong = false;
    for (at, c) in line.value().chars().enumerate() {
        if at == cursor {
            out.push(span(Role::Accent, "▏"));
        }
        wrong = problem.is_some_and(|it| at == it.at || (wrong && at > it.at && !c.is_whitespace()));
        out.push(span(if wrong { Role::Critical } else { Role::Input }, c));
    }
    if cursor >= line.value().chars().count() {
        out.push(span(Role::Accent, "▏"));
    }
    out
}

/// Candidates, the chosen one bright; or why the line is no filter.
pub fn hint(app: &Console, pane: Pane, line: &Line, problem: Option<&FilterError>, tab: Option<&Tab>) -> Words {
    let found;
    let (candidates, chosen) = match tab {
        Some(tab) => (&tab.found.candidates, Some(tab.at)),
        None => {
            found = rows::completion(app, pane, line.value(), line.cursor());
            (&found.candidates, None)
        }
    };
    let room = app.size.0.saturating_sub(4);
    // A beginning that can be completed is hardly a mistake yet.
    if let Some(problem) = problem.filter(|_| candidates.is_empty()) {
        let words = vec![span(Role::Warning, format!("{} {problem}", glyph::WARNING))];
        return columns::cut(&words, room, true);
    }
    if candidates.is_empty() {
        return vec![span(Role::Dim, "words · !without · \"a phrase\" · field:value · severity:>=warning · >5m")];
    }
    // The chosen one stays in sight.
    let skip = chosen.unwrap_or(0).saturating_sub(3);
    let mut words = Words::new();
    for (at, candidate) in candidates.iter().enumerate().skip(skip) {
        let role = if chosen == Some(at) { Role::Accent } else { Role::Dim };
        let next = span(role, format!("{candidate}   "));
        if width_of(&words) + width(&next.text) > room {
            break;
        }
        words.push(next);
    }
    if let Some(problem) = problem {
        words.push(span(Role::Dim, format!("· {}", problem.what)));
    }
    columns::cut(&words, room, true)
}
