//! Reading the console's data files: where an error is, and what was probably meant.

use std::fmt;
use std::ops::Range;

use crate::model::SafeText;

/// A mistake in a key map or theme. Prints as `FILE:LINE:COL: what; did you mean X?`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DataError {
    /// Name or path, as it was asked for.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong, with words of the file in it: cleaned when it is shown.
    pub what: String,
    /// The nearest valid word, if one is near.
    pub meant: Option<String>,
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Words of the file are quoted, and a file may hold anything.
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, SafeText::new(&self.what))?;
        match &self.meant {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

/// A file being read: its name and text, for positions.
#[derive(Clone, Copy, Debug)]
pub struct TomlSource<'a> {
    /// Name or path, as errors name it.
    pub file: &'a str,
    /// The whole text that places count in.
    pub text: &'a str,
}

impl TomlSource<'_> {
    /// An error at a place in the file.
    pub fn error(&self, span: Range<usize>, what: impl Into<String>) -> DataError {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        DataError { file: self.file.to_owned(), line, column, what: what.into(), meant: None }
    }

    /// An error about a word, with the nearest of the valid ones.
    pub fn unknown<'w>(
        &self,
        span: Range<usize>,
        what: impl Into<String>,
        word: &str,
        valid: impl IntoIterator<Item = &'w str>,
    ) -> DataError {
        DataError { meant: nearest(word, valid), ..self.error(span, what) }
    }

    /// What the TOML parser says, at its place.
    pub fn syntax(&self, error: &toml::de::Error) -> DataError {
        let span = error.span().unwrap_or(0..0);
        let what = match error.message().lines().next().unwrap_or("not TOML") {
            "duplicate key" => {
                let word = self.text.get(span.clone()).unwrap_or_default().trim_matches('"');
                format!("`{word}` is here a second time: keep one of the two")
            }
            other => format!("this is not TOML: {other}"),
        };
        self.error(span, what)
    }
}

/// The valid word nearest to what was written, if it is near enough to be a slip.
pub fn nearest<'w>(word: &str, valid: impl IntoIterator<Item = &'w str>) -> Option<String> {
    // Two letters swapped are two edits: the commonest slip must be near enough.
    let limit = match word.chars().count() {
        0..=3 => 1,
        n => (n / 3).max(2),
    };
    valid
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(ca != *cb)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_gets_its_word_and_nonsense_gets_none() {
        let valid = ["next-pane", "prev-pane", "zoom"];
        assert_eq!(nearest("next-pain", valid), Some("next-pane".to_owned()));
        assert_eq!(nearest("zom", valid), Some("zoom".to_owned()));
        assert_eq!(nearest("defenestrate", valid), None);
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = TomlSource { file: "k.toml", text: "a = 1\nä = x" };
        assert_eq!(source.error(11..12, "bad").to_string(), "k.toml:2:5: bad");
        assert_eq!(source.error(999..1000, "bad").line, 2);
    }
}
