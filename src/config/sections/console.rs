//! `[console]`: how consoles of this account look and behave, unless the environment or a flag says otherwise.
//!
//! Whether there is a theme or key map of a name, only a console knows: the places of the words are kept, so that it can
//! point at them.

use std::path::{Path, PathBuf};

use super::RawFile;
use crate::config::error::{ConfigError, ConfigErrors, place};
use crate::config::kinds::*;
use crate::config::parse::TopLevel;
use crate::config::section::*;
use crate::config::{Env, LoadOptions, MAX_FILE, decode, secret};
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

section! {
    /// Consoles of whoever has this file as their own, or names it. The environment and flags win over it.
    [console] RawConsole => ConsoleConfig {
        /// auto, dark, light, high-contrast, colour-blind, mono, or a theme file.
        theme: NameOrFile = Default("auto");
        /// default, vim, emacs, or a key map file.
        keymap: NameOrFile = Default("default");
        /// Call the person at another window when a plan waits for them.
        bell: Flag = Default(true);
        /// Take the mouse from the start (wheel and clicks), instead of leaving it to the terminal.
        mouse: Flag = Default(false);
    }
}

impl SectionRules for RawConsole {}

/// A name that a console knows, or a file relative to the configuration.
pub(crate) enum NameOrFile {}

impl Kind for NameOrFile {
    type Raw = String;
    type Value = String;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<String> {
        let text = raw.get_ref();
        make.refuse_empty(raw, setting.key, LEAVE_OUT);
        // A path is one for the console too: what has a `/` or ends so.
        let is_path = text.contains('/') || text.ends_with(".toml");
        Some(if is_path { make.path(text).to_string_lossy().into_owned() } else { text.clone() })
    }
}

/// A word of `[console]` that only a console can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleWord {
    /// The value of `theme`.
    Theme,
    /// The value of `keymap`.
    Keymap,
}

/// `[console]` of one file, and where its words stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleFile {
    /// What the section says, with the defaults of what it leaves out.
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
    let Some(mut top) = TopLevel::parse(&mut report) else { return Err(ConfigErrors(report.into_errors())) };
    let raw = tables::<RawConsole>(&mut top, &mut report);
    let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut make = ResolveContext::new(&mut report, &file, LoadOptions::default(), env);
    let config = resolve_one(&raw, &RawFile::default(), &mut make);
    let at = |word: fn(&RawConsole) -> &Option<Spanned<String>>| {
        let written = raw.first().and_then(|table| word(&table.it).as_ref());
        written.map(|text| place(report.text(), text.span().start))
    };
    let (theme_at, keymap_at) = (at(|it| &it.theme), at(|it| &it.keymap));
    let errors = report.into_errors();
    if !errors.is_empty() {
        return Err(ConfigErrors(errors));
    }
    Ok(ConsoleFile { config, file: path.to_owned(), theme_at, keymap_at })
}
