//! `[console]`: how consoles of this account look and behave, unless the environment or a flag says otherwise.
//!
//! Whether there is a theme or key map of a name, only a console knows: the places of the words are kept, so that it can
//! point at them.

use std::path::{Path, PathBuf};

use super::error::{ConfigError, ConfigErrors, Report, place};
use super::raw::{RawConsole, Section, Text};
use super::resolve::ResolveContext;
use super::{Env, MAX_FILE, decode, parse, secret};
use crate::model::SafeText;

/// `[console]`, with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// A theme's name, or the path of its file.
    pub theme: String,
    /// A key map's name, or the path of its file.
    pub keymap: String,
    /// A person at another window is called.
    pub bell: bool,
    /// The mouse is taken from the start.
    pub mouse: bool,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self { theme: "auto".to_owned(), keymap: "default".to_owned(), bell: true, mouse: false }
    }
}

/// A word of `[console]` that only a console can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleWord {
    Theme,
    Keymap,
}

/// `[console]` of one file, and where its words stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleFile {
    pub config: ConsoleConfig,
    file: PathBuf,
    /// `None` = the file does not say it.
    theme_at: Option<(usize, usize)>,
    keymap_at: Option<(usize, usize)>,
}

impl ConsoleFile {
    /// An error at a word.
    pub fn error(&self, word: ConsoleWord, what: &str, meant: Option<String>) -> ConfigError {
        let (key, place) = match word {
            ConsoleWord::Theme => ("theme", self.theme_at),
            ConsoleWord::Keymap => ("keymap", self.keymap_at),
        };
        let what = SafeText::new(&format!("`{key}`: {what}"));
        ConfigError { file: self.file.clone(), place, what, meant }
    }
}

/// Reads `[console]` alone. Nothing else in the file is judged: who joins a room needs none of it.
///
/// # Errors
/// If the file can't be read or is not TOML, and everything wrong with the section.
pub fn console_of(path: &Path, env: &Env) -> Result<ConsoleFile, ConfigErrors> {
    let bytes = secret::read_file(path, MAX_FILE, false).map_err(|why| ConfigErrors::about(path, why))?;
    let text = decode(path, &bytes)?;
    let mut report = Report::new(path, text);
    let Some(raw) = parse::console(&mut report) else { return Err(ConfigErrors(report.into_errors())) };
    let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let config = resolve(raw.as_ref(), &mut ResolveContext::new(&mut report, &file, env));
    let at = |word: fn(&RawConsole) -> &Text| {
        let written = raw.as_ref().and_then(|section| word(&section.it).as_ref());
        written.map(|text| place(report.text(), text.span().start))
    };
    let (theme_at, keymap_at) = (at(|it| &it.theme), at(|it| &it.keymap));
    let errors = report.into_errors();
    if !errors.is_empty() {
        return Err(ConfigErrors(errors));
    }
    Ok(ConsoleFile { config, file: path.to_owned(), theme_at, keymap_at })
}

/// Makes the values of the section.
pub(super) fn resolve(section: Option<&Section<RawConsole>>, make: &mut ResolveContext<'_, '_>) -> ConsoleConfig {
    let default = ConsoleConfig::default();
    let Some(Section { it, .. }) = section else { return default };
    let mut word = |text: &Text, key: &str| {
        let word = make.may(text, key)?;
        // A path is one for the console too: what has a `/` or ends so.
        let is_path = word.contains('/') || word.ends_with(".toml");
        let path = is_path.then(|| make.path(Some(&word))).flatten();
        Some(path.map_or(word, |path| path.to_string_lossy().into_owned()))
    };
    ConsoleConfig {
        theme: word(&it.theme, "theme").unwrap_or(default.theme),
        keymap: word(&it.keymap, "keymap").unwrap_or(default.keymap),
        bell: it.bell.as_ref().map_or(default.bell, |it| *it.get_ref()),
        mouse: it.mouse.as_ref().map_or(default.mouse, |it| *it.get_ref()),
    }
}
