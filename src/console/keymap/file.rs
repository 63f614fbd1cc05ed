//! A key map file, and those it inherits from, as a key map.
//!
//! A value is a command, `{ run = "…", when = "…" }`, a list of these of which the first that holds counts, or `"none"`: takes
//! away what an ancestor binds. A heir's chords come first, so that its own keys are the ones that are shown.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    Binding, BindingCondition, Command, Danger, KeyContext, KeyPress, Keymap, parse_chord, spell, terminal_limits,
};
use crate::console::asset_files::AssetFile;
use crate::console::toml_source::{DataError, TomlSource};

/// Takes away what an ancestor binds.
const NONE: &str = "none";

/// A binding and where it stands.
#[derive(Clone, Debug)]
struct Placed {
    binding: Binding,
    /// The page, and the key's place on it.
    page: usize,
    at: Range<usize>,
}

/// Reads a key map from its lineage, the oldest first.
pub(super) fn read(pages: &[AssetFile]) -> Result<Keymap, DataError> {
    let mut draft = KeymapDraft { pages, name: String::new(), bound: Vec::new(), prefixes: BTreeMap::new() };
    for number in 0..pages.len() {
        draft.layer(number)?;
    }
    draft.check_anywhere()?;
    let bindings = draft.bound.into_iter().map(|placed| placed.binding).collect();
    Ok(Keymap { name: draft.name, bindings, prefixes: draft.prefixes })
}

struct KeymapDraft<'a> {
    pages: &'a [AssetFile],
    name: String,
    bound: Vec<Placed>,
    prefixes: BTreeMap<String, String>,
}

impl KeymapDraft<'_> {
    fn layer(&mut self, number: usize) -> Result<(), DataError> {
        let source = self.pages[number].source();
        let table = DeTable::parse(source.text).map_err(|error| source.syntax(&error))?;
        self.name = source.file.to_owned();
        let mut sections: Vec<_> = table.get_ref().iter().collect();
        // The table sorts its keys; the file's order is what a reader means by "first".
        sections.sort_by_key(|(key, _)| key.span().start);
        let older = std::mem::take(&mut self.bound);
        let mut taken = Vec::new();
        for (key, value) in sections {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(text)) => self.name = text.to_string(),
                // Followed already.
                ("inherits", DeValue::String(_)) => {}
                ("prefixes", DeValue::Table(table)) => self.read_prefixes(source, table)?,
                (word, DeValue::Table(table)) => {
                    let context =
                        KeyContext::ALL.into_iter().find(|context| context.name() == word).ok_or_else(|| {
                            let valid = KeyContext::ALL.iter().map(|context| context.name()).chain(["prefixes"]);
                            source.unknown(key.span(), format!("`{word}` is not a place where keys work"), word, valid)
                        })?;
                    self.read_context(number, context, table, &older, &mut taken)?;
                }
                (word, _) => {
                    let what = format!("`{word}` is not part of a key map");
                    return Err(source.unknown(key.span(), what, word, ["name", "inherits", "prefixes"]));
                }
            }
        }
        self.inherit(older, &taken)
    }

    fn read_prefixes(&mut self, source: TomlSource<'_>, table: &DeTable<'_>) -> Result<(), DataError> {
        for (key, value) in table {
            let chord = parse_chord(key.get_ref()).map_err(|what| source.error(key.span(), what))?;
            let DeValue::String(label) = value.get_ref() else {
                return Err(source.error(value.span(), "a prefix has a short name in quotes"));
            };
            self.prefixes.insert(spell(&chord), label.to_string());
        }
        Ok(())
    }

    fn read_context(
        &mut self,
        page: usize,
        context: KeyContext,
        table: &DeTable<'_>,
        older: &[Placed],
        taken: &mut Vec<(KeyContext, Vec<KeyPress>)>,
    ) -> Result<(), DataError> {
        let source = self.pages[page].source();
        let mut rows: Vec<_> = table.iter().collect();
        rows.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in rows {
            let chord = parse_chord(key.get_ref()).map_err(|what| source.error(key.span(), what))?;
            if matches!(value.get_ref(), DeValue::String(word) if word == NONE) {
                if !older.iter().any(|it| it.binding.context == context && it.binding.chord == chord) {
                    let what = format!("`{}` means nothing before: there is nothing to take away", spell(&chord));
                    return Err(source.error(key.span(), what));
                }
                taken.push((context, chord));
                continue;
            }
            let choices = match value.get_ref() {
                DeValue::Array(list) => list.iter().collect(),
                _ => vec![value],
            };
            for choice in choices {
                let (command, when) = read_choice(source, choice)?;
                let binding = Binding { context, chord: chord.clone(), command, when };
                check_alone(source, &binding, key.span(), choice.span())?;
                let placed = Placed { binding, page, at: key.span() };
                self.check_beside(&placed)?;
                self.bound.push(placed);
            }
        }
        Ok(())
    }

    /// Puts what the ancestors bind behind one's own, but for what was taken away or is bound anew.
    fn inherit(&mut self, older: Vec<Placed>, taken: &[(KeyContext, Vec<KeyPress>)]) -> Result<(), DataError> {
        let own = self.bound.clone();
        for old in older {
            let it = &old.binding;
            let gone = taken.iter().any(|(context, chord)| *context == it.context && *chord == it.chord);
            let anew = |new: &Placed| {
                let new = &new.binding;
                new.context == it.context && new.chord == it.chord && new.when.covers(it.when)
            };
            if gone || own.iter().any(anew) {
                continue;
            }
            if let Some(new) = own.iter().find(|new| hides(&new.binding, it)) {
                let what = format!(
                    "{}; the longer or the shorter one is inherited: take it away with \"{}\" = \"{NONE}\"",
                    hidden(&new.binding, it),
                    written(&it.chord)
                );
                return Err(self.pages[new.page].source().error(new.at.clone(), what));
            }
            self.bound.push(old);
        }
        Ok(())
    }

    /// A binding beside those of the same file.
    fn check_beside(&self, new: &Placed) -> Result<(), DataError> {
        let source = self.pages[new.page].source();
        let it = &new.binding;
        for old in self.bound.iter().map(|old| &old.binding).filter(|old| old.context == it.context) {
            if old.chord == it.chord && old.when.covers(it.when) {
                let id = old.command.spec().id;
                let what = format!("`{}` already means `{id}` in [{}]", spell(&it.chord), it.context.name());
                return Err(source.error(new.at.clone(), what));
            }
            if hides(old, it) {
                return Err(source.error(new.at.clone(), hidden(old, it)));
            }
        }
        Ok(())
    }

    /// Keys that work everywhere are looked at first: no other chord can hold one.
    fn check_anywhere(&self) -> Result<(), DataError> {
        let everywhere: Vec<&Placed> =
            self.bound.iter().filter(|placed| placed.binding.context == KeyContext::Anywhere).collect();
        for placed in self.bound.iter().filter(|placed| placed.binding.context != KeyContext::Anywhere) {
            let it = &placed.binding;
            let first = |by: &&&Placed| it.chord.contains(&by.binding.chord[0]) && by.binding.when.covers(it.when);
            if let Some(by) = everywhere.iter().find(first) {
                let what = format!(
                    "`{}` means `{}` everywhere, so `{}` in [{}] is never reached",
                    spell(&by.binding.chord),
                    by.binding.command.spec().id,
                    spell(&it.chord),
                    it.context.name()
                );
                let at = if by.page > placed.page { by } else { placed };
                return Err(self.pages[at.page].source().error(at.at.clone(), what));
            }
        }
        Ok(())
    }
}

/// Whether one chord begins the other.
fn hides(a: &Binding, b: &Binding) -> bool {
    a.context == b.context && a.chord != b.chord && (a.chord.starts_with(&b.chord) || b.chord.starts_with(&a.chord))
}

fn hidden(a: &Binding, b: &Binding) -> String {
    let (short, long) = if a.chord.len() < b.chord.len() { (a, b) } else { (b, a) };
    format!("`{}` hides `{}`: one chord can't begin another", spell(&short.chord), spell(&long.chord))
}

/// A chord as files write it.
fn written(chord: &[KeyPress]) -> String {
    chord.iter().map(|key| key.written()).collect::<Vec<_>>().join(" ")
}

/// A command by itself, or with its condition.
fn read_choice(source: TomlSource<'_>, value: &Spanned<DeValue<'_>>) -> Result<(Command, BindingCondition), DataError> {
    match value.get_ref() {
        DeValue::String(id) => Ok((read_command(source, value, id)?, BindingCondition::default())),
        DeValue::Table(table) => {
            let (mut run, mut when) = (None, BindingCondition::default());
            for (key, value) in table {
                match (key.get_ref().as_ref(), value.get_ref()) {
                    ("run", DeValue::String(id)) => run = Some(read_command(source, value, id)?),
                    ("when", DeValue::String(text)) => when = BindingCondition::parse(source, value.span(), text)?,
                    ("run" | "when", _) => return Err(source.error(value.span(), "it is named in quotes")),
                    (word, _) => {
                        let what = format!("`{word}` is not part of a binding");
                        return Err(source.unknown(key.span(), what, word, ["run", "when"]));
                    }
                }
            }
            let run = run.ok_or_else(|| source.error(value.span(), "a binding says what to run: { run = \"…\" }"))?;
            Ok((run, when))
        }
        _ => Err(source.error(value.span(), "a key means one command, named in quotes")),
    }
}

fn read_command(source: TomlSource<'_>, value: &Spanned<DeValue<'_>>, id: &str) -> Result<Command, DataError> {
    Command::by_id(id).ok_or_else(|| {
        let ids = super::COMMANDS.iter().map(|spec| spec.id);
        source.unknown(value.span(), format!("`{id}` is not a command"), id, ids)
    })
}

/// What a binding must be whatever stands beside it.
fn check_alone(source: TomlSource<'_>, new: &Binding, key: Range<usize>, id: Range<usize>) -> Result<(), DataError> {
    let (spec, place) = (new.command.spec(), new.context.name());
    if !spec.contexts.contains(&new.context) {
        let places: Vec<_> = spec.contexts.iter().map(|context| context.name()).collect();
        let what = format!("`{}` means nothing in [{place}]; it works in {}", spec.id, places.join(", "));
        return Err(source.error(id, what));
    }
    if let Some(what) = new.chord.iter().find_map(|key| terminal_limits::unsendable(*key)) {
        return Err(source.error(key, what));
    }
    if matches!(new.context, KeyContext::Entry | KeyContext::Anywhere) && new.chord[0].typed().is_some() {
        let what = format!("`{}` is text in [{place}]: bind a key that types nothing", spell(&new.chord));
        return Err(source.error(key, what));
    }
    if matches!(new.context, KeyContext::Entry | KeyContext::Anywhere | KeyContext::Plan) && new.chord.len() > 1 {
        let what = format!("`{}` is never reached: in [{place}] a chord is one key", spell(&new.chord));
        return Err(source.error(key, what));
    }
    if spec.danger == Danger::Guarded && new.chord.len() < 2 {
        let what = format!("`{}` is too near to an accident on one key: bind two in a row", spec.id);
        return Err(source.error(key, what));
    }
    Ok(())
}
