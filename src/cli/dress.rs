//! Colours and keys of a console, checked before anything else starts: from the flags, else the environment, else what fits
//! the terminal. A name is one of the binary's own, or a file in the user's `themes` or `keymaps` folder; a path is a path.

use std::path::{Path, PathBuf};

use super::args::Global;
use super::fail::Fail;
use crate::clock::Clock;
use crate::config::paths::Env;
use crate::console::data::{DataError, nearest};
use crate::console::shelf::{Page, Shelf, is_path};
use crate::console::{Depth, Keymap, Look, Theme, Zone, keymap, theme};

/// The theme that fits the terminal: by its colours, and by its background if it says that in time.
const AUTO: &str = "auto";

/// Colours and keys of a console.
pub struct Dress {
    pub look: Look,
    pub keymap: Keymap,
    pub zone: Zone,
    /// Layout and filters are remembered.
    pub remembers: bool,
}

impl Dress {
    /// As the flags and the environment say.
    pub fn of(global: &Global) -> Result<Self, Fail> {
        let env = |name: &str| std::env::var(name).ok();
        let said = |flag: &Option<String>, name: &str| flag.clone().or_else(|| env(name).filter(|it| !it.is_empty()));
        let home = Env::read().config_dir();
        let read = |path: &Path| std::fs::read_to_string(path);
        // The font of the Linux console has none of our marks.
        let ascii = Look::wants_ascii(env) || env("TERM").is_some_and(|term| term == "linux");
        let depth = Depth::detect(env);
        let themes = Shelf { read: &read, ..theme::SHELF };
        let look = match said(&global.theme, "WARROOM_THEME").as_deref() {
            None | Some(AUTO) => fitting(depth, ascii, env("TERM").as_deref()),
            Some(name) => {
                let theme = Theme::read(page(&themes, name, home.as_deref(), &[AUTO])?, &themes).map_err(bad)?;
                Look::new(theme, depth, ascii)
            }
        };
        let keymaps = Shelf { read: &read, ..keymap::SHELF };
        let name = said(&global.keymap, "WARROOM_KEYMAP").unwrap_or_else(|| "default".to_owned());
        let keymap = Keymap::read(page(&keymaps, &name, home.as_deref(), &[])?, &keymaps).map_err(bad)?;
        Ok(Self { look, keymap, zone: Zone::local(Clock::real().now()), remembers: !global.fresh })
    }
}

/// What fits the terminal. Without colours, weight and reverse video; else dark, or light if the terminal says so.
fn fitting(depth: Depth, ascii: bool, term: Option<&str>) -> Look {
    let shipped = |name: &str| Theme::shipped(name).unwrap_or_else(|| Theme::shipped("dark").unwrap_or_default());
    if depth == Depth::Mono {
        return Look::new(shipped("mono"), depth, ascii);
    }
    let look = Look::new(shipped("dark"), depth, ascii);
    // The Linux console is black, and older ones print the question.
    if term == Some("linux") { look } else { look.or_on_light(shipped("light")) }
}

fn bad(error: DataError) -> Fail {
    Fail::Config(error.to_string())
}

/// The page that a word means.
fn page(shelf: &Shelf<'_>, word: &str, home: Option<&Path>, also: &[&'static str]) -> Result<Page, Fail> {
    if is_path(word) {
        return read(shelf, PathBuf::from(word));
    }
    if let Some(page) = shelf.shipped(word) {
        return Ok(page);
    }
    let own = home.map(|home| home.join(shelf.folder).join(format!("{word}.toml")));
    match own {
        Some(path) if path.is_file() => read(shelf, path),
        _ => {
            let names: Vec<&str> = also.iter().copied().chain(shelf.names()).collect();
            let meant = nearest(word, names.iter().copied());
            let meant = meant.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
            let folder = home.map(|home| format!(" in {}", home.join(shelf.folder).display())).unwrap_or_default();
            let (what, names) = (shelf.what, names.join(", "));
            Err(Fail::Usage(format!(
                "there is no {what} called {word}{meant}\nshipped: {names}; or give the path of a .toml file, or the name of one{folder}"
            )))
        }
    }
}

fn read(shelf: &Shelf<'_>, path: PathBuf) -> Result<Page, Fail> {
    let file = path.display().to_string();
    let text = (shelf.read)(&path).map_err(|error| Fail::Config(format!("{file}: can't be read: {error}")))?;
    Ok(Page { file, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_the_terminal() {
        let fits = |depth, term| {
            let look = fitting(depth, false, Some(term));
            (look.name().to_owned(), look.asks())
        };
        assert_eq!(fits(Depth::Mono, "xterm"), ("mono".to_owned(), false));
        assert_eq!(fits(Depth::TwoFiftySix, "xterm-256color"), ("dark".to_owned(), true));
        assert_eq!(fits(Depth::Sixteen, "linux"), ("dark".to_owned(), false));
    }
}
