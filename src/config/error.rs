//! Configuration errors: every one names its file, line and column, says what is wrong and, where it can, the word that
//! was probably meant. A file's errors are collected, so one look mends them all.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::model::SafeText;
use crate::model::suggest::nearest;

/// The most errors one load prints; the rest are counted.
const MAX_SHOWN: usize = 40;

/// One thing wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The path as the loader was given it: the configuration's, or the people file's.
    pub file: PathBuf,
    /// Line and column, from 1, in characters. `None` when it is about the file as a whole.
    pub place: Option<(usize, usize)>,
    /// What is wrong, and what it means.
    pub what: SafeText,
    /// The valid word nearest to the one written.
    pub meant: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", SafeText::new(&self.file.to_string_lossy()))?;
        if let Some((line, column)) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.what)?;
        match &self.meant {
            Some(word) => write!(f, " (did you mean `{word}`?)"),
            None => Ok(()),
        }
    }
}

/// Everything found wrong in one load, in the order of the files and their lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    /// One error about a file as a whole.
    pub fn about(file: &Path, what: impl AsRef<str>) -> Self {
        Self(vec![ConfigError { file: file.to_owned(), place: None, what: SafeText::new(what.as_ref()), meant: None }])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().take(MAX_SHOWN).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(error, f)?;
        }
        match self.0.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n… and {more} more"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// One file's text, and what has been found wrong with it so far.
pub(super) struct Report<'a> {
    file: &'a Path,
    text: &'a str,
    found: Vec<(usize, ConfigError)>,
    /// Keys that are written but could not be read, each with the place of its table: said already, so not missing.
    unread: BTreeSet<(usize, String)>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text, found: Vec::new(), unread: BTreeSet::new() }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Remembers that a key of a table is there although nothing could be made of it.
    pub(super) fn unread(&mut self, table: &Range<usize>, key: &str) {
        self.unread.insert((table.start, key.to_owned()));
    }

    /// Whether a key of a table is there but could not be read: what would follow from its absence must not be said.
    pub(super) fn is_unread(&self, table: &Range<usize>, key: &str) -> bool {
        self.unread.contains(&(table.start, key.to_owned()))
    }

    /// Records an error at a place in the text.
    pub(super) fn at(&mut self, span: Range<usize>, what: impl AsRef<str>) {
        self.push(span, what.as_ref(), None);
    }

    /// Records an unknown word, with the nearest of the valid ones, or all of them when none is near.
    pub(super) fn word(&mut self, span: Range<usize>, what: &str, written: &str, valid: &[&str]) {
        match nearest(written, valid.iter().copied()) {
            Some(word) => self.push(span, what, Some(word.to_owned())),
            None if valid.is_empty() => self.push(span, what, None),
            None => self.push(span, &format!("{what}; valid: {}", list(valid)), None),
        }
    }

    fn push(&mut self, span: Range<usize>, what: &str, meant: Option<String>) {
        let place = Some(place(self.text, span.start));
        let error = ConfigError { file: self.file.to_owned(), place, what: SafeText::new(what), meant };
        if !self.found.iter().any(|(_, known)| *known == error) {
            self.found.push((span.start, error));
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// The errors in the order of their places.
    pub(super) fn into_errors(mut self) -> Vec<ConfigError> {
        self.found.sort_by_key(|(offset, _)| *offset);
        self.found.into_iter().map(|(_, error)| error).collect()
    }
}

/// `a, b, c`.
pub(super) fn list(words: &[&str]) -> String {
    words.join(", ")
}

/// Line and column of a byte offset, both from 1; the column counts characters, as editors do.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a = 1\nbé = 2\n";
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, 6), (2, 1));
        assert_eq!(place(text, 9), (2, 3));
        assert_eq!(place(text, 8), (2, 2), "inside a character counts as its start");
        assert_eq!(place(text, 999), (3, 1));
    }

    #[test]
    fn an_error_reads_file_line_column_what_and_the_word_that_was_meant() {
        let file = Path::new("/etc/warroom/warroom.toml");
        let mut report = Report::new(file, "[room]\nnmae = 1\n");
        report.word(7..11, "unknown key `nmae`", "nmae", &["name", "people"]);
        let errors = ConfigErrors(report.into_errors());
        assert_eq!(errors.to_string(), "/etc/warroom/warroom.toml:2:1: unknown key `nmae` (did you mean `name`?)");
    }

    #[test]
    fn a_flood_of_errors_is_cut_and_counted() {
        let text = "x".repeat(100);
        let mut report = Report::new(Path::new("f"), &text);
        for i in 0..100 {
            report.at(i..i + 1, "bad");
        }
        let shown = ConfigErrors(report.into_errors()).to_string();
        assert_eq!(shown.lines().count(), MAX_SHOWN + 1);
        assert!(shown.ends_with("… and 60 more"), "{shown}");
    }
}
