//! Where themes and key maps come from: the binary's own, and files; and what a file inherits, back to its first ancestor.
//!
//! A name is one of the binary's; with a slash or `.toml` it is a path, beside the file that says it. A circle, a name
//! that is none and a file that can't be read are refused at the word that asks for them.

use std::io;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::toml_source::{DataError, TomlSource};

/// The most generations of one file: more is a mistake.
const GENERATIONS: usize = 8;

/// One file: its name for errors, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetFile {
    /// Path of the file, or `themes/dark.toml` for one of the binary's; stands before errors.
    pub file: String,
    /// The whole of it, not read as TOML yet.
    pub text: String,
}

impl AssetFile {
    /// The page as something to read.
    pub fn source(&self) -> TomlSource<'_> {
        TomlSource { file: &self.file, text: &self.text }
    }
}

/// Files of one kind.
#[derive(Clone, Copy)]
pub struct AssetFiles<'a> {
    /// What they are called: `theme`, `key map`.
    pub what: &'static str,
    /// Stands before the names of the binary's, in errors alone: `themes`, `keymaps`.
    pub folder: &'static str,
    /// Those of the binary: name and text.
    pub shipped: &'a [(&'static str, &'static str)],
    /// Reads any other.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// Reads nothing: for those of the binary, and where files are not asked for.
pub fn no_files(_: &Path) -> io::Result<String> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only names of the binary's own are read here"))
}

/// Whether a word names a file rather than one of the binary's.
pub fn is_path(word: &str) -> bool {
    word.contains('/') || word.ends_with(".toml")
}

impl AssetFiles<'_> {
    /// One of the binary's.
    pub fn shipped(&self, name: &str) -> Option<AssetFile> {
        let (name, text) = self.shipped.iter().find(|(known, _)| *known == name)?;
        Some(AssetFile { file: format!("{}/{name}.toml", self.folder), text: (*text).to_owned() })
    }

    /// The names of the binary's.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.shipped.iter().map(|(name, _)| *name)
    }

    /// A page and all that it inherits from, the oldest first.
    ///
    /// # Errors
    /// If it is not TOML, or inherits from itself or from what is not there.
    pub fn lineage(&self, page: AssetFile) -> Result<Vec<AssetFile>, DataError> {
        let mut pages = vec![page];
        while let Some(parent) = self.parent(&pages)? {
            pages.push(parent);
        }
        pages.reverse();
        Ok(pages)
    }

    fn parent(&self, pages: &[AssetFile]) -> Result<Option<AssetFile>, DataError> {
        let Some(page) = pages.last() else { return Ok(None) };
        let source = page.source();
        let table = DeTable::parse(&page.text).map_err(|error| source.syntax(&error))?;
        let Some(value) = table.get_ref().get("inherits") else { return Ok(None) };
        let DeValue::String(word) = value.get_ref() else {
            let first = self.names().next().unwrap_or_default();
            return Err(source.error(value.span(), format!("`inherits` names one {}: \"{first}\"", self.what)));
        };
        let parent = if is_path(word) {
            let beside = Path::new(&page.file).parent().unwrap_or(Path::new(""));
            let path = beside.join(word.as_ref());
            let text = (self.read)(&path);
            let file = path.display().to_string();
            text.map(|text| AssetFile { file, text })
                .map_err(|error| source.error(value.span(), format!("`{word}` can't be read: {error}")))?
        } else {
            self.shipped(word).ok_or_else(|| {
                source.unknown(value.span(), format!("there is no {} called `{word}`", self.what), word, self.names())
            })?
        };
        if let Some(at) = pages.iter().position(|page| same(&page.file, &parent.file)) {
            let round = pages[at..].iter().map(|page| page.file.as_str()).chain([parent.file.as_str()]);
            let what = format!("a circle of inheritance: {}", round.collect::<Vec<_>>().join(" → "));
            return Err(source.error(value.span(), what));
        }
        if pages.len() >= GENERATIONS {
            return Err(source.error(value.span(), format!("more than {GENERATIONS} generations of inheritance")));
        }
        Ok(Some(parent))
    }
}

/// Whether two names mean the same file, as far as names tell: `./a` is `a`.
fn same(a: &str, b: &str) -> bool {
    let plain =
        |name: &str| Path::new(name).components().filter(|it| it.as_os_str() != ".").collect::<std::path::PathBuf>();
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path) -> io::Result<String> {
        let text = match path.to_str() {
            Some("my/a.toml" | "my/./a.toml") => "inherits = \"b.toml\"",
            Some("my/b.toml") => "inherits = \"./a.toml\"",
            Some("my/self.toml") => "inherits = \"self.toml\"",
            Some("my/fine.toml") => "inherits = \"dark\"",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(text.to_owned())
    }

    const SHELF: AssetFiles<'static> = AssetFiles {
        what: "theme",
        folder: "themes",
        shipped: &[("dark", ""), ("dim", "inherits = \"dark\"")],
        read: &file,
    };

    fn files(text: &str) -> Result<Vec<String>, String> {
        let page = AssetFile { file: "my/x.toml".to_owned(), text: text.to_owned() };
        let pages = SHELF.lineage(page).map_err(|error| error.to_string())?;
        Ok(pages.into_iter().map(|page| page.file).collect())
    }

    #[test]
    fn a_file_comes_after_its_ancestors() {
        assert_eq!(files("inherits = \"dim\"").unwrap(), ["themes/dark.toml", "themes/dim.toml", "my/x.toml"]);
        assert_eq!(files("inherits = \"fine.toml\"").unwrap(), ["themes/dark.toml", "my/fine.toml", "my/x.toml"]);
    }

    #[test]
    fn circles_slips_and_files_that_are_not_there_have_their_place() {
        let cases = [
            ("\ninherits = \"drak\"", "my/x.toml:2:12: there is no theme called `drak`; did you mean `dark`?"),
            ("inherits = 3", "my/x.toml:1:12: `inherits` names one theme: \"dark\""),
            ("inherits = \"./no.toml\"", "my/x.toml:1:12: `./no.toml` can't be read: entity not found"),
            ("inherits = \"x.toml\"", "my/x.toml:1:12: `x.toml` can't be read: entity not found"),
            ("inherits = \"self.toml\"", "my/self.toml:1:12: a circle of inheritance: my/self.toml → my/self.toml"),
            ("inherits = \"a.toml\"", "my/b.toml:1:12: a circle of inheritance: my/a.toml → my/b.toml → my/./a.toml"),
        ];
        for (text, words) in cases {
            assert_eq!(files(text).unwrap_err(), words);
        }
    }
}
