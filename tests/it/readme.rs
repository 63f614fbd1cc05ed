//! What README and `docs/` say is so: tables are those of the program, links lead somewhere, named tests and commands exist.
//! `WARROOM_UPDATE=1` writes the tables.

mod links;
mod named;
mod settings;

use std::path::PathBuf;

use clap::CommandFactory;
use warroom::cli::command_line::Args;
use warroom::cli::exit_code::Exit;
use warroom::console::Keymap;
use warroom::console::keymap::{COMMANDS, Danger, KeyContext, KeyFact, SHIPPED, Spec, spell};
use warroom::console::operator_questions::QUESTIONS;
use warroom::console::plain::grammar::WORDS;
use warroom::console::{ColorDepth, Theme, theme};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(page: &str) -> String {
    std::fs::read_to_string(path(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Every page of the repository, by its path from the top.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    for dir in ["", "docs/"] {
        let names = std::fs::read_dir(path(dir)).expect("a folder").map(|it| it.expect("a file").file_name());
        found.extend(names.map(|name| format!("{dir}{}", name.to_string_lossy())).filter(|name| name.ends_with(".md")));
    }
    found.sort();
    assert!(found.len() > 10, "the pages are found: {found:?}");
    found
}

/// The block of a page between `<!-- NAME -->` and `<!-- end -->` is this table.
fn check(page: &str, name: &str, table: &str) {
    let (open, close) = (format!("<!-- {name} -->\n"), "<!-- end -->");
    let text = read(page);
    let (before, rest) = text.split_once(&open).unwrap_or_else(|| panic!("{page} has no table `{name}`"));
    let (found, after) = rest.split_once(close).expect("the table ends");
    if found == table {
        return;
    }
    if std::env::var_os("WARROOM_UPDATE").is_some() {
        std::fs::write(path(page), format!("{before}{open}{table}{close}{after}")).expect("written");
        return;
    }
    panic!("the table `{name}` of {page} is not the program's. WARROOM_UPDATE=1 writes this one:\n{table}");
}

/// Moving about is said in a sentence above the table; what has words in the footer, or works everywhere, has a row.
fn keys() -> String {
    let keymap = Keymap::shipped("default").expect("the default key map is good");
    let mut table = "| where | keys | what | |\n| --- | --- | --- | --- |\n".to_owned();
    for (context, place) in
        [(KeyContext::Main, "panes"), (KeyContext::Plan, "plan"), (KeyContext::Anywhere, "everywhere")]
    {
        for spec in COMMANDS.iter().filter(|spec| !spec.hint.is_empty() || context == KeyContext::Anywhere) {
            let chords: Vec<String> = keymap
                .bindings(context)
                .filter(|binding| binding.command == spec.command)
                .map(|binding| format!("`{}`", spell(&binding.chord)))
                .collect();
            if chords.is_empty() {
                continue;
            }
            let danger = match spec.danger {
                Danger::None => "",
                Danger::Records => "recorded",
                Danger::Shown => "a preview, a typed word",
                Danger::Guarded => "a second person",
            };
            table.push_str(&format!("| {place} | {} | {} | {danger} |\n", chords.join(" "), spec.doc));
        }
    }
    table
}

/// Questions and the keys that answer them.
fn questions() -> String {
    let mut table = "| question | keys | where |\n| --- | --- | --- |\n".to_owned();
    for it in QUESTIONS {
        let pressed = warroom::console::keymap::keys(it.keys).expect("keys");
        let keys: Vec<String> = pressed.iter().map(|key| format!("`{}`", spell(&[*key]))).collect();
        let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(" ") };
        table.push_str(&format!("| {} | {keys} | {} |\n", it.asks, it.answer));
    }
    table
}

fn chords(keymap: &Keymap, context: KeyContext, spec: &Spec) -> Vec<String> {
    let bound = keymap.bindings(context).filter(|binding| binding.command == spec.command);
    bound.map(|binding| format!("`{}`", spell(&binding.chord))).collect()
}

/// What the other key maps have beside or instead of the default one's, wherever a command works.
fn keymaps() -> String {
    let maps: Vec<Keymap> = SHIPPED.iter().map(|(name, _)| Keymap::shipped(name).expect("a good key map")).collect();
    let mut table = format!("| where | command | {} |\n", SHIPPED.map(|(name, _)| name).join(" | "));
    table.push_str(&format!("| --- | --- |{}\n", " --- |".repeat(SHIPPED.len())));
    for context in KeyContext::ALL {
        for spec in COMMANDS {
            let keys: Vec<Vec<String>> = maps.iter().map(|map| chords(map, context, spec)).collect();
            let first = &keys[0];
            if keys.iter().all(|it| it == first) {
                continue;
            }
            let cells: Vec<String> = keys
                .iter()
                .enumerate()
                .map(|(i, it)| {
                    it.iter().filter(|key| i == 0 || !first.contains(key)).cloned().collect::<Vec<_>>().join(" ")
                })
                .collect();
            table.push_str(&format!("| {} | {} | {} |\n", context.name(), spec.id, cells.join(" | ")));
        }
    }
    table
}

fn conditions() -> String {
    let rows: String = KeyFact::ALL.iter().map(|fact| format!("| `{}` | {} |\n", fact.name(), fact.doc())).collect();
    format!("| word | so while |\n| --- | --- |\n{rows}")
}

/// A theme's first comment says what it is for; its least contrast is measured.
fn themes() -> String {
    let mut table = "| theme | for | made for | least contrast, 256 colours |\n| --- | --- | --- | --- |\n".to_owned();
    for (name, text) in theme::SHIPPED {
        let comment = text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a comment first");
        let about = comment.split(['.', ':']).next().unwrap_or_default();
        let it = Theme::shipped(name).expect("a good theme");
        let paper = theme::color_depth::rgb(it.background.full).expect("a colour");
        let least = theme::Role::ALL
            .iter()
            .filter(|role| !matches!(role, theme::Role::Rule | theme::Role::BarRest | theme::Role::Selected))
            .filter_map(|role| {
                let style = ColorDepth::TwoFiftySix.fit(it.ink(*role));
                let ink = style.fg.and_then(theme::color_depth::rgb)?;
                Some(theme::contrast::contrast(ink, style.bg.and_then(theme::color_depth::rgb).unwrap_or(paper)))
            })
            .fold(f64::MAX, f64::min);
        let least = if least == f64::MAX { "the terminal's own".to_owned() } else { format!("{least:.1} : 1") };
        let [r, g, b] = paper;
        let ground = match (it.paints, least.contains(':')) {
            (true, _) => format!("`#{r:02x}{g:02x}{b:02x}`, painted"),
            (false, true) => format!("`#{r:02x}{g:02x}{b:02x}`"),
            _ => "any".to_owned(),
        };
        table.push_str(&format!("| [{name}](../themes/{name}.toml) | {about} | {ground} | {least} |\n"));
    }
    table
}

fn commands() -> String {
    let mut table = "| command | what |\n| --- | --- |\n".to_owned();
    for command in Args::command().get_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        table.push_str(&format!("| `{}` | {about} |\n", command.get_name()));
    }
    table
}

fn exits() -> String {
    let rows: String = Exit::ALL.iter().map(|exit| format!("| {} | {} |\n", exit.code(), exit.means())).collect();
    format!("| code | means |\n| --- | --- |\n{rows}")
}

/// What plain mode understands.
fn plain_words() -> String {
    let row = |name: &str, takes: &str, doc: &str| {
        let takes = if takes.is_empty() { String::new() } else { format!(" {takes}").replace('|', "\\|") };
        format!("| `{name}{takes}` | {} |\n", doc.replace('|', "\\|"))
    };
    let rows: String = WORDS.iter().map(|word| row(word.name, word.takes, word.doc())).collect();
    format!("| word | what |\n| --- | --- |\n{rows}")
}

/// One test, because several tables are written into one file.
#[test]
fn the_tables_are_the_programs() {
    check("docs/keys.md", "keys", &keys());
    check("docs/keys.md", "key maps", &keymaps());
    check("docs/keys.md", "conditions", &conditions());
    check("docs/operator-guide.md", "questions", &questions());
    check("docs/operator-guide.md", "themes", &themes());
    check("docs/commands.md", "commands", &commands());
    check("docs/commands.md", "exit codes", &exits());
    check("docs/commands.md", "plain words", &plain_words());
    check("docs/configuration.md", "settings", &settings::tables());
}

/// Two screens: what it is, a picture, how to begin, where everything else is.
#[test]
fn the_readme_stays_short() {
    let (lines, words) = (read("README.md").lines().count(), read("README.md").split_whitespace().count());
    assert!(lines <= 160 && words <= 1200, "{lines} lines, {words} words: what is more belongs into docs/");
}
