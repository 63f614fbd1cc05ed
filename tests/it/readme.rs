//! The README's tables are those of the program: keys, commands and exit codes. `WARROOM_UPDATE=1` writes them.

use std::path::PathBuf;

use clap::CommandFactory;
use warroom::cli::args::Args;
use warroom::cli::exit::Exit;
use warroom::console::Keymap;
use warroom::console::keymap::{COMMANDS, Context, Danger, spell};
use warroom::console::questions::QUESTIONS;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read() -> String {
    std::fs::read_to_string(path("README.md")).expect("the README is there")
}

/// The block between `<!-- NAME -->` and `<!-- end -->` is this table.
fn check(name: &str, table: &str) {
    let (open, close) = (format!("<!-- {name} -->\n"), "<!-- end -->");
    let text = read();
    let (before, rest) = text.split_once(&open).unwrap_or_else(|| panic!("the README has no table `{name}`"));
    let (found, after) = rest.split_once(close).expect("the table ends");
    if found == table {
        return;
    }
    if std::env::var_os("WARROOM_UPDATE").is_some() {
        std::fs::write(path("README.md"), format!("{before}{open}{table}{close}{after}")).expect("written");
        return;
    }
    panic!("the README's table `{name}` is not the program's. WARROOM_UPDATE=1 writes this one:\n{table}");
}

/// Moving about is said in a sentence above the table; what has words in the footer, or works everywhere, has a row.
fn keys() -> String {
    let keymap = Keymap::shipped("default").expect("the default key map is good");
    let mut table = "| where | keys | what | |\n| --- | --- | --- | --- |\n".to_owned();
    for (context, place) in [(Context::Main, "panes"), (Context::Plan, "plan"), (Context::Anywhere, "everywhere")] {
        for spec in COMMANDS.iter().filter(|spec| !spec.hint.is_empty() || context == Context::Anywhere) {
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

/// One test, because the tables are written into one file.
#[test]
fn the_tables_are_the_programs() {
    check("keys", &keys());
    check("questions", &questions());
    check("commands", &commands());
    check("exit codes", &exits());
}

#[test]
fn what_the_readme_points_at_is_there() {
    let text = read();
    let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    let missing: Vec<&str> =
        links.filter(|link| !link.contains("://") && !link.starts_with('#') && !path(link).exists()).collect();
    assert!(missing.is_empty(), "the README points at what is not there: {missing:?}");
}
