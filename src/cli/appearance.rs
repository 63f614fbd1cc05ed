//! Colours and keys of a console, and its manners, checked before anything else starts: from the flags, else the environment,
//! else `[console]` of the configuration, else what fits the terminal. A name is one of the binary's own, or a file in the
//! user's `themes` or `keymaps` folder; a path is a path.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::args::Global;
use super::error::CliError;
use crate::clock::Clock;
use crate::config::paths::Env;
use crate::config::{self, ConfigError, ConsoleFile, ConsoleWord};
use crate::console::asset_files::{AssetFile, AssetFiles, is_path};
use crate::console::toml_source::{DataError, nearest};
use crate::console::{ColorDepth, Keymap, Look, Theme, Zone, keymap, theme};

/// The theme that fits the terminal: by its colours, and by its background if it says that in time.
const AUTO: &str = "auto";

/// Colours, keys and manners of a console.
pub struct Appearance {
    /// From `--theme`, `WARROOM_THEME` or `[console] theme`; where that is `auto`, what fits the terminal.
    pub look: Look,
    /// From `--keymap`, `WARROOM_KEYMAP` or `[console] keymap`.
    pub keymap: Keymap,
    /// The host's local zone as it was when the console started.
    pub zone: Zone,
    /// Layout and filters are remembered.
    pub remembers: bool,
    /// A person at another window is called.
    pub bell: bool,
    /// The mouse is taken from the start.
    pub mouse: bool,
}

impl Appearance {
    /// As the flags, the environment and the configuration say.
    pub fn of(global: &Global) -> Result<Self, CliError> {
        Self::from(global, &Env::read(), |name| std::env::var(name).ok())
    }

    fn from(global: &Global, dirs: &Env, get: impl Fn(&str) -> Option<String>) -> Result<Self, CliError> {
        let env = |name: &str| get(name).filter(|it| !it.is_empty());
        let file = asked(global, dirs)?;
        let wants = file.as_ref().map(|file| file.config.clone()).unwrap_or_default();
        let home = dirs.config_dir();
        // The word, and the file it stands in unless it was typed.
        let said = |flag: &Option<String>, name: &str, written: &str| match flag.clone().or_else(|| env(name)) {
            Some(typed) => (typed, None),
            None => (written.to_owned(), file.as_ref()),
        };
        // The font of the Linux console has none of our marks.
        let ascii = Look::wants_ascii(env) || env("TERM").is_some_and(|term| term == "linux");
        let depth = ColorDepth::detect(env);
        let (name, from) = said(&global.theme, "WARROOM_THEME", &wants.theme);
        let theme = theme_of(&name, home.as_deref()).map_err(|wrong| wrong.fail(ConsoleWord::Theme, from))?;
        let look = match theme {
            None => fitting(depth, ascii, env("TERM").as_deref()),
            Some(theme) => Look::new(theme, depth, ascii),
        };
        let (name, from) = said(&global.keymap, "WARROOM_KEYMAP", &wants.keymap);
        let keymap = keymap_of(&name, home.as_deref()).map_err(|wrong| wrong.fail(ConsoleWord::Keymap, from))?;
        let bell = env("WARROOM_BELL").map_or(wants.bell, |it| !matches!(it.as_str(), "off" | "0" | "no"));
        let zone = Zone::local(Clock::real().now());
        Ok(Self { look, keymap, zone, remembers: !global.fresh, bell, mouse: wants.mouse })
    }
}

/// What the file says: the one that was named, else the user's own. One that is not there, or not for us to read, is none:
/// joining a room needs no configuration.
fn asked(global: &Global, env: &Env) -> Result<Option<ConsoleFile>, CliError> {
    let own = || env.config_file(false).filter(|path| File::open(path).is_ok());
    let Some(path) = global.config.clone().or_else(own) else { return Ok(None) };
    config::console_of(&path, env).map(Some).map_err(|errors| CliError::Config(errors.to_string()))
}

/// What is wrong with the words of a file, for whoever checks it.
pub fn doubts(file: &ConsoleFile, env: &Env) -> Vec<ConfigError> {
    let home = env.config_dir();
    let theme = theme_of(&file.config.theme, home.as_deref()).err().map(|wrong| wrong.at(ConsoleWord::Theme, file));
    let keymap = keymap_of(&file.config.keymap, home.as_deref()).err();
    theme.into_iter().chain(keymap.map(|wrong| wrong.at(ConsoleWord::Keymap, file))).collect()
}

/// The theme of this name or path; `None` = what fits the terminal.
fn theme_of(word: &str, home: Option<&Path>) -> Result<Option<Theme>, AppearanceError> {
    let shelf = AssetFiles { read: &|path| std::fs::read_to_string(path), ..theme::SHELF };
    if word == AUTO {
        return Ok(None);
    }
    Ok(Some(Theme::read(page(&shelf, word, home, &[AUTO])?, &shelf)?))
}

fn keymap_of(word: &str, home: Option<&Path>) -> Result<Keymap, AppearanceError> {
    let shelf = AssetFiles { read: &|path| std::fs::read_to_string(path), ..keymap::SHELF };
    Ok(Keymap::read(page(&shelf, word, home, &[])?, &shelf)?)
}

/// Why a word gives no theme or key map.
enum AppearanceError {
    /// There is none of this name.
    Name { what: String, meant: Option<String>, names: String },
    /// Its file can't be read, or not be used.
    File(String),
}

impl AppearanceError {
    /// As the failure of a console: the word was typed, or stands in a file.
    fn fail(self, word: ConsoleWord, from: Option<&ConsoleFile>) -> CliError {
        match (self, from) {
            (Self::Name { what, meant, names }, None) => {
                let meant = meant.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
                CliError::Usage(format!("{what}{meant}\n{names}"))
            }
            (Self::File(why), None) => CliError::Config(why),
            (Self::Name { what, meant, names }, Some(file)) => {
                CliError::Config(format!("{}\n{names}", file.error(word, &what, meant)))
            }
            (wrong @ Self::File(_), Some(file)) => CliError::Config(wrong.at(word, file).to_string()),
        }
    }

    fn at(self, word: ConsoleWord, file: &ConsoleFile) -> ConfigError {
        match self {
            Self::Name { what, meant, .. } => file.error(word, &what, meant),
            Self::File(why) => file.error(word, &why, None),
        }
    }
}

impl From<DataError> for AppearanceError {
    fn from(error: DataError) -> Self {
        Self::File(error.to_string())
    }
}

/// What fits the terminal. Without colours, weight and reverse video; else dark, or light if the terminal says so.
fn fitting(depth: ColorDepth, ascii: bool, term: Option<&str>) -> Look {
    let shipped = |name: &str| Theme::shipped(name).unwrap_or_else(|| Theme::shipped("dark").unwrap_or_default());
    if depth == ColorDepth::Mono {
        return Look::new(shipped("mono"), depth, ascii);
    }
    let look = Look::new(shipped("dark"), depth, ascii);
    // The Linux console is black, and older ones print the question.
    if term == Some("linux") { look } else { look.or_on_light(shipped("light")) }
}

/// The page that a word means.
fn page(
    shelf: &AssetFiles<'_>,
    word: &str,
    home: Option<&Path>,
    also: &[&'static str],
) -> Result<AssetFile, AppearanceError> {
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
            let folder = home.map(|home| format!(" in {}", home.join(shelf.folder).display())).unwrap_or_default();
            Err(AppearanceError::Name {
                what: format!("there is no {} called {word}", shelf.what),
                meant: nearest(word, names.iter().copied()),
                names: format!(
                    "shipped: {}; or give the path of a .toml file, or the name of one{folder}",
                    names.join(", ")
                ),
            })
        }
    }
}

fn read(shelf: &AssetFiles<'_>, path: PathBuf) -> Result<AssetFile, AppearanceError> {
    let file = path.display().to_string();
    let text = (shelf.read)(&path).map_err(|error| AppearanceError::File(format!("{file}: can't be read: {error}")))?;
    Ok(AssetFile { file, text })
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
        assert_eq!(fits(ColorDepth::Mono, "xterm"), ("mono".to_owned(), false));
        assert_eq!(fits(ColorDepth::TwoFiftySix, "xterm-256color"), ("dark".to_owned(), true));
        assert_eq!(fits(ColorDepth::Sixteen, "linux"), ("dark".to_owned(), false));
    }

    fn home(text: &str) -> (tempfile::TempDir, Env) {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("warroom")).expect("made");
        std::fs::write(dir.path().join("warroom/warroom.toml"), text).expect("written");
        let env = Env { config_home: Some(dir.path().to_owned()), ..Env::default() };
        (dir, env)
    }

    fn dressed(env: &Env, vars: &[(&str, &str)], flags: &Global) -> Result<(String, bool, bool), CliError> {
        let get = |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Appearance::from(flags, env, get).map(|it| (it.look.name().to_owned(), it.bell, it.mouse))
    }

    #[test]
    fn a_flag_wins_over_the_environment_that_over_the_file_and_that_over_the_default() {
        let nobody = Env::default();
        let flag = Global { theme: Some("high-contrast".to_owned()), ..Global::default() };
        let plain = Global::default();
        let term = ("TERM", "xterm-256color");
        assert_eq!(dressed(&nobody, &[term], &plain).expect("dressed"), ("dark".to_owned(), true, false));
        // The rest of the file is a room's, and may be wrong: this console only joins one.
        let (_kept, env) = home("[[cluster]]\n[console]\ntheme = \"light\"\nbell = false\nmouse = true\n");
        assert_eq!(dressed(&env, &[term], &plain).expect("dressed"), ("light".to_owned(), false, true));
        let vars = [term, ("WARROOM_THEME", "colour-blind"), ("WARROOM_BELL", "on")];
        assert_eq!(dressed(&env, &vars, &plain).expect("dressed"), ("colour-blind".to_owned(), true, true));
        assert_eq!(dressed(&env, &vars, &flag).expect("dressed").0, "high-contrast");
        let bell = [term, ("WARROOM_BELL", "off")];
        assert!(!dressed(&nobody, &bell, &plain).expect("dressed").1);
        let empty = [term, ("WARROOM_THEME", ""), ("WARROOM_BELL", "")];
        assert_eq!(dressed(&env, &empty, &plain).expect("dressed"), ("light".to_owned(), false, true), "empty = unset");
    }

    #[test]
    fn a_wrong_word_of_the_file_is_refused_with_its_place_unless_another_wins() {
        let (_kept, env) = home("[console]\nkeymap = \"emcas\"\n");
        let fail = dressed(&env, &[], &Global::default()).expect_err("refused");
        let message = fail.message();
        let says = "warroom.toml:2:10: `keymap`: there is no key map called emcas (did you mean `emacs`?)";
        assert!(message.contains(says) && message.contains("shipped: default, vim, emacs"), "{message}");
        assert_eq!(fail.exit(), crate::cli::exit_code::Exit::Usage);
        assert!(dressed(&env, &[("WARROOM_KEYMAP", "vim")], &Global::default()).is_ok());
        let (_kept, env) = home("[console]\ntheme = \"no/such.toml\"\n");
        let message = dressed(&env, &[], &Global::default()).expect_err("refused").message();
        assert!(message.contains("warroom.toml:2:9: `theme`: ") && message.contains("can't be read"), "{message}");
    }

    #[test]
    fn a_console_that_only_joins_needs_no_configuration() {
        use std::os::unix::fs::PermissionsExt;
        let (kept, env) = home("[console]\ntheme = \"drak\"\n");
        let path = kept.path().join("warroom/warroom.toml");
        // Root reads it whatever its mode.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("closed");
        assert_eq!(dressed(&env, &[], &Global::default()).is_ok(), File::open(&path).is_err());
        std::fs::remove_file(&path).expect("removed");
        assert!(dressed(&env, &[], &Global::default()).is_ok());
        let named = Global { config: Some(path), ..Global::default() };
        let message = dressed(&env, &[], &named).expect_err("it was named").message();
        assert!(message.contains("there is no such file"), "{message}");
    }
}
