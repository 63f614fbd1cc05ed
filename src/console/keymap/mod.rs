//! Keys as data: `keymaps/*.toml` → a chord tree by context. Help and footer are derived from it.
//!
//! A map may inherit another; a binding may say when it applies. Refused at load, with file, line and the nearest valid
//! word: unknown contexts, commands and conditions, chords that can't be read or never reached, a chord bound twice, a chord
//! that hides a longer one, a letter where letters are text, a guarded act on one key.

pub mod chord;
pub mod command;
pub mod condition;
mod file;
pub mod terminal_limits;

use std::collections::BTreeMap;

use crossterm::event::KeyModifiers;

pub use self::chord::{KeyPress, keys, keys_of_argument, parse_chord};
pub use self::command::{COMMANDS, Command, Danger, KeyContext, Spec};
pub use self::condition::{BindingCondition, KeyFact, KeyFacts};
use super::asset_files::{AssetFile, AssetFiles, no_files};
use super::toml_source::DataError;

/// The key maps in the binary: name and text.
pub const SHIPPED: [(&str, &str); 3] = [
    ("default", include_str!("../../../keymaps/default.toml")),
    ("vim", include_str!("../../../keymaps/vim.toml")),
    ("emacs", include_str!("../../../keymaps/emacs.toml")),
];

/// Where key maps are, without any files.
pub const SHELF: AssetFiles<'static> =
    AssetFiles { what: "key map", folder: "keymaps", shipped: &SHIPPED, read: &no_files };

/// One binding.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Where it is looked up.
    pub context: KeyContext,
    /// One key or more; never empty.
    pub chord: Vec<KeyPress>,
    /// What it means there; several chords may mean the same.
    pub command: Command,
    /// When it applies.
    pub when: BindingCondition,
}

/// A checked key map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keymap {
    /// What the file calls itself, else its path; empty for [`Keymap::none`].
    pub name: String,
    /// In the order of the file: the first chord of a command is the one that is shown.
    bindings: Vec<Binding>,
    /// Names of prefixes: `!` → `act`.
    prefixes: BTreeMap<String, String>,
}

/// What keys in a row mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMatch {
    /// Exactly a chord whose condition holds.
    Command(Command),
    /// The beginning of a longer chord.
    Pending,
    /// It would mean this, but not as things are.
    Unmet(Command, BindingCondition),
    /// No chord begins so: where text is typed, it is text.
    Nothing,
}

impl Keymap {
    /// Reads a key map file that inherits from the binary's at most.
    ///
    /// # Errors
    /// At the first mistake, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        Self::read(AssetFile { file: file.to_owned(), text: text.to_owned() }, &SHELF)
    }

    /// Reads a key map file and those it inherits from.
    ///
    /// # Errors
    /// At the first mistake, with its place.
    pub fn read(page: AssetFile, shelf: &AssetFiles<'_>) -> Result<Self, DataError> {
        file::read(&shelf.lineage(page)?)
    }

    /// No keys at all, for who writes words: sentences then name commands instead of keys.
    pub fn none() -> Self {
        Self::default()
    }

    /// A key map of the binary.
    pub fn shipped(name: &str) -> Option<Self> {
        Self::read(SHELF.shipped(name)?, &SHELF).ok()
    }

    /// What these keys mean in the first of the contexts that knows them, as things are.
    pub fn find(&self, contexts: &[KeyContext], pressed: &[KeyPress], facts: KeyFacts) -> KeyMatch {
        for context in contexts {
            let mut found = KeyMatch::Nothing;
            for binding in self.bindings.iter().filter(|binding| binding.context == *context) {
                if binding.chord == pressed {
                    if binding.when.holds(facts) {
                        return KeyMatch::Command(binding.command);
                    }
                    if found == KeyMatch::Nothing {
                        found = KeyMatch::Unmet(binding.command, binding.when);
                    }
                } else if binding.chord.starts_with(pressed) {
                    found = KeyMatch::Pending;
                }
            }
            if found != KeyMatch::Nothing {
                return found;
            }
        }
        KeyMatch::Nothing
    }

    /// The first chord that means this command in a context as things are.
    pub fn chord_now(&self, context: KeyContext, command: Command, facts: KeyFacts) -> Option<&[KeyPress]> {
        self.bindings(context)
            .find(|binding| binding.command == command && binding.when.holds(facts))
            .map(|binding| binding.chord.as_slice())
    }

    /// The first chord that means this command in a context.
    pub fn chord_of(&self, context: KeyContext, command: Command) -> Option<&[KeyPress]> {
        self.bindings
            .iter()
            .find(|binding| binding.context == context && binding.command == command)
            .map(|binding| binding.chord.as_slice())
    }

    /// Every binding of a context, in the order of the file.
    pub fn bindings(&self, context: KeyContext) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.context == context)
    }

    /// Every name of a prefix, by its spelling.
    pub fn prefixes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.prefixes.iter().map(|(chord, name)| (chord.as_str(), name.as_str()))
    }

    /// The name of a prefix.
    pub fn prefix(&self, pressed: &[KeyPress]) -> Option<&str> {
        self.prefixes.get(&spell(pressed)).map(String::as_str)
    }
}

/// A chord as help shows it: `! f`, `Ctrl-L`, `g`.
pub fn spell(chord: &[KeyPress]) -> String {
    chord.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Whether a key is one that nobody should have to mean anything by: terminals and multiplexers own them.
pub fn is_reserved(key: KeyPress) -> bool {
    use crossterm::event::KeyCode::Char;
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, Char('a' | 'b' | 's' | 'q' | 'd' | 'k'))
}

#[cfg(test)]
mod tests;
