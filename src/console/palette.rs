//! The palette: every command by name, narrowed by what is typed. Enter runs the chosen one on the layer below.
//!
//! It is another way to press a command's key, and to nothing else. A guarded act chosen here has had more than two keys by
//! then and goes on as behind them: the plan on the whole screen, its typed name, the second person. A plan's own Enter
//! chosen here confirms nothing, because the name can't have been typed: with a name begun, the palette's key is text.

use super::app::Console;
use super::availability;
use super::keymap::{COMMANDS, Command, Spec};

/// One row.
#[derive(Clone, Debug)]
pub struct PaletteItem {
    /// The command's row in the table: id, help and hint are shown and searched.
    pub spec: &'static Spec,
    /// Why it does nothing now.
    pub why_not: Option<String>,
}

/// The commands that have these words, the best first; without words those that work first. The palette itself is none.
pub fn items(app: &Console, words: &str) -> Vec<PaletteItem> {
    let words = words.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut found: Vec<(u8, PaletteItem)> = COMMANDS
        .iter()
        .filter(|spec| spec.command != Command::Palette)
        .filter_map(|spec| {
            let score = words.iter().map(|word| score(spec, word)).min().unwrap_or(u8::MAX);
            (score > 0).then(|| (score, PaletteItem { spec, why_not: availability::why_not(app, spec.command) }))
        })
        .collect();
    // Letters in order are a guess: where words fit, nobody guesses.
    let sure = found.iter().any(|(score, _)| *score > GUESS);
    found.retain(|(score, _)| !sure || *score > GUESS);
    // Moving about is known to every hand: it comes last among equals.
    found.sort_by_key(|(score, item)| (u8::MAX - score, item.why_not.is_some(), item.spec.hint.is_empty()));
    found.into_iter().map(|(_, item)| item).collect()
}

/// How well letters that are only in order fit.
const GUESS: u8 = 2;

/// How well a word fits a command; 0 is not at all.
fn score(spec: &Spec, word: &str) -> u8 {
    let begins = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|part| part.starts_with(word));
    let doc = spec.doc.to_lowercase();
    if spec.id == word {
        9
    } else if spec.id.starts_with(word) {
        8
    } else if begins(spec.id) {
        7
    } else if begins(spec.hint) {
        6
    } else if spec.id.contains(word) {
        5
    } else if begins(&doc) {
        4
    } else if doc.contains(word) {
        3
    } else if word.chars().count() > 1 && in_order(spec.id, word) {
        GUESS
    } else {
        0
    }
}

/// Whether the letters come in this order.
fn in_order(text: &str, letters: &str) -> bool {
    let mut rest = text.chars();
    letters.chars().all(|letter| rest.any(|c| c == letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::tests::fixture::app;

    fn first(words: &str) -> &'static str {
        items(&app("sam", (120, 40)), words).first().map_or("", |item| item.spec.id)
    }

    #[test]
    fn a_command_is_found_by_name_by_word_and_by_letters() {
        for (words, id) in [
            ("failover", "propose-failover"),
            ("fail over", "propose-failover"),
            ("restore", "propose-restore"),
            ("prest", "propose-restore"),
            ("ZOOM", "zoom"),
            ("help", "help"),
            ("clipboard", "copy"),
            ("commander", "take-command"),
            ("sus", "suspend"),
        ] {
            assert_eq!(first(words), id, "{words}");
        }
        assert_eq!(first("defenestrate"), "");
    }

    #[test]
    fn every_command_is_there_and_what_works_comes_first() {
        let mut app = app("sam", (120, 40));
        app.readonly = true;
        let all = items(&app, "");
        assert_eq!(all.len(), COMMANDS.len() - 1);
        let works = all.iter().take_while(|item| item.why_not.is_none()).count();
        assert!(works > 10 && all[works..].iter().all(|item| item.why_not.is_some()));
        let note = all.iter().find(|item| item.spec.id == "note").unwrap();
        assert!(note.why_not.as_ref().unwrap().contains("--readonly"));
    }
}
