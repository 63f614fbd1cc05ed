//! Keys as data: `keymaps/*.toml` → a chord tree by context. Help and footer are derived from it.
//!
//! Refused at load, with file, line and the nearest valid word: unknown contexts and commands, chords that can't be read, a
//! chord bound twice, a chord that hides a longer one, a letter where letters are text, a guarded act on one key.

pub mod chord;
pub mod command;

use std::collections::BTreeMap;
use std::ops::Range;

use crossterm::event::KeyModifiers;
use toml::de::{DeTable, DeValue};

pub use self::chord::{Key, keys, parse_chord};
pub use self::command::{COMMANDS, Command, Context, Danger, Spec};
use super::data::{DataError, Source};

/// The key maps in the binary: name and text.
pub const SHIPPED: [(&str, &str); 2] =
    [("default", include_str!("../../../keymaps/default.toml")), ("vim", include_str!("../../../keymaps/vim.toml"))];

/// One binding.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    pub context: Context,
    pub chord: Vec<Key>,
    pub command: Command,
}

/// A checked key map.
#[derive(Clone, Debug, PartialEq)]
pub struct Keymap {
    pub name: String,
    /// In the order of the file: the first chord of a command is the one that is shown.
    bindings: Vec<Binding>,
    /// Names of prefixes: `!` → `act`.
    prefixes: BTreeMap<String, String>,
}

/// What keys in a row mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Command(Command),
    /// The beginning of a longer chord.
    Pending,
    Nothing,
}

impl Keymap {
    /// Reads a key map file.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let source = Source { file, text };
        let table = DeTable::parse(text).map_err(|error| source.syntax(&error))?;
        let mut map = Self { name: file.to_owned(), bindings: Vec::new(), prefixes: BTreeMap::new() };
        let mut sections: Vec<_> = table.get_ref().iter().collect();
        // The table sorts its keys; the file's order is what a reader means by "first".
        sections.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in sections {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(text)) => map.name = text.to_string(),
                ("prefixes", DeValue::Table(table)) => map.read_prefixes(source, table)?,
                (word, DeValue::Table(table)) => {
                    let context = Context::ALL.into_iter().find(|context| context.name() == word).ok_or_else(|| {
                        let valid = Context::ALL.iter().map(|context| context.name()).chain(["prefixes"]);
                        source.unknown(key.span(), format!("`{word}` is not a place where keys work"), word, valid)
                    })?;
                    map.read_context(source, context, table)?;
                }
                (word, _) => return Err(source.error(key.span(), format!("`{word}` is not part of a key map"))),
            }
        }
        Ok(map)
    }

    /// A key map of the binary.
    pub fn shipped(name: &str) -> Option<Self> {
        let (name, text) = SHIPPED.into_iter().find(|(known, _)| *known == name)?;
        Self::parse(&format!("keymaps/{name}.toml"), text).ok()
    }

    fn read_prefixes(&mut self, source: Source<'_>, table: &DeTable<'_>) -> Result<(), DataError> {
        for (key, value) in table {
            let chord = parse_chord(key.get_ref()).map_err(|what| source.error(key.span(), what))?;
            let DeValue::String(label) = value.get_ref() else {
                return Err(source.error(value.span(), "a prefix has a short name in quotes"));
            };
            self.prefixes.insert(spell(&chord), label.to_string());
        }
        Ok(())
    }

    fn read_context(&mut self, source: Source<'_>, context: Context, table: &DeTable<'_>) -> Result<(), DataError> {
        let mut rows: Vec<_> = table.iter().collect();
        rows.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in rows {
            let chord = parse_chord(key.get_ref()).map_err(|what| source.error(key.span(), what))?;
            let DeValue::String(id) = value.get_ref() else {
                return Err(source.error(value.span(), "a key means one command, named in quotes"));
            };
            let Some(command) = Command::by_id(id) else {
                let ids = COMMANDS.iter().map(|spec| spec.id);
                return Err(source.unknown(value.span(), format!("`{id}` is not a command"), id, ids));
            };
            let binding = Binding { context, chord, command };
            self.check(source, &binding, key.span(), value.span())?;
            self.bindings.push(binding);
        }
        Ok(())
    }

    fn check(&self, source: Source<'_>, new: &Binding, key: Range<usize>, id: Range<usize>) -> Result<(), DataError> {
        let spec = new.command.spec();
        if !spec.contexts.contains(&new.context) {
            let places: Vec<_> = spec.contexts.iter().map(|context| context.name()).collect();
            let what =
                format!("`{}` means nothing in [{}]; it works in {}", spec.id, new.context.name(), places.join(", "));
            return Err(source.error(id, what));
        }
        if matches!(new.context, Context::Entry | Context::Anywhere) && new.chord[0].typed().is_some() {
            let what =
                format!("`{}` is text in [{}]: bind a key that types nothing", spell(&new.chord), new.context.name());
            return Err(source.error(key, what));
        }
        if spec.danger == Danger::Guarded && new.chord.len() < 2 {
            let what = format!("`{}` is too near to an accident on one key: bind two in a row", spec.id);
            return Err(source.error(key, what));
        }
        for old in self.bindings.iter().filter(|old| old.context == new.context) {
            if old.chord == new.chord {
                let what = format!(
                    "`{}` already means `{}` in [{}]",
                    spell(&new.chord),
                    old.command.spec().id,
                    new.context.name()
                );
                return Err(source.error(key, what));
            }
            if old.chord.starts_with(&new.chord) || new.chord.starts_with(&old.chord) {
                let (short, long) = if old.chord.len() < new.chord.len() { (old, new) } else { (new, old) };
                let what =
                    format!("`{}` hides `{}`: one chord can't begin another", spell(&short.chord), spell(&long.chord));
                return Err(source.error(key, what));
            }
        }
        Ok(())
    }

    /// What these keys mean in the first of the contexts that knows them.
    pub fn find(&self, contexts: &[Context], pressed: &[Key]) -> Found {
        for context in contexts {
            let mut pending = false;
            for binding in self.bindings.iter().filter(|binding| binding.context == *context) {
                if binding.chord == pressed {
                    return Found::Command(binding.command);
                }
                pending |= binding.chord.starts_with(pressed);
            }
            if pending {
                return Found::Pending;
            }
        }
        Found::Nothing
    }

    /// The first chord that means this command in a context.
    pub fn chord_of(&self, context: Context, command: Command) -> Option<&[Key]> {
        self.bindings
            .iter()
            .find(|binding| binding.context == context && binding.command == command)
            .map(|binding| binding.chord.as_slice())
    }

    /// Every binding of a context, in the order of the file.
    pub fn bindings(&self, context: Context) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.context == context)
    }

    /// The name of a prefix.
    pub fn prefix(&self, pressed: &[Key]) -> Option<&str> {
        self.prefixes.get(&spell(pressed)).map(String::as_str)
    }
}

/// A chord as help shows it: `! f`, `Ctrl-L`, `g`.
pub fn spell(chord: &[Key]) -> String {
    chord.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Whether a key is one that nobody should have to mean anything by: terminals and multiplexers own them.
pub fn is_reserved(key: Key) -> bool {
    use crossterm::event::KeyCode::Char;
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, Char('a' | 'b' | 's' | 'q' | 'd' | 'k'))
}

#[cfg(test)]
mod tests;
