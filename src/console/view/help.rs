//! The keys, as the key map has them: nothing here is written twice.

use crate::console::app::App;
use crate::console::keymap::{COMMANDS, Context, Danger, spell};
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width};

use super::sheet::Sheet;

fn title(context: Context) -> &'static str {
    match context {
        Context::Main => "In the panes",
        Context::View => "While reading",
        Context::Plan => "On a plan",
        Context::Menu => "In a list",
        Context::Entry => "While typing",
        Context::Ask => "When asked",
        Context::Anywhere => "Everywhere",
    }
}

/// Every key by where it works.
pub fn sheet(app: &App, _room: u16) -> Sheet {
    let mut sheet = Sheet::new("Keys");
    sheet.title.push(span(Role::Dim, format!("   {} key map", app.keymap.name)));
    for context in Context::ALL {
        sheet.heading(title(context));
        for spec in COMMANDS {
            let chords: Vec<String> = app
                .keymap
                .bindings(context)
                .filter(|it| it.command == spec.command)
                .map(|it| spell(&it.chord))
                .collect();
            if chords.is_empty() {
                continue;
            }
            let keys = chords.join("  ");
            let pad = " ".repeat(usize::from(22u16.saturating_sub(width(&keys)).max(2)));
            let mut words = vec![span(Role::Strong, format!("  {keys}{pad}")), span(Role::Text, spec.doc)];
            match spec.danger {
                Danger::Guarded => words.push(span(Role::Warning, "  needs a plan, a typed name and a second person")),
                Danger::Shown => words.push(span(Role::Warning, "  after a preview and a typed word")),
                Danger::Records => words.push(span(Role::Dim, "  recorded")),
                Danger::None => {}
            }
            sheet.line(words);
        }
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_context_has_words() {
        for context in Context::ALL {
            assert!(!title(context).is_empty());
        }
    }
}
