//! What pages name exists: tests of the threat model, files of the source, commands and their options.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Command, CommandFactory};
use warroom::cli::command_line::Args;

use super::{pages, path, read};

/// What stands between backticks in a page, blocks of code left out. It may go on in the next line of its paragraph.
fn quoted(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut paragraphs = vec![String::new()];
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        if inside || fence || line.is_empty() || line.starts_with('|') {
            paragraphs.push(String::new());
        }
        if !inside && !fence {
            let last = paragraphs.last_mut().expect("a paragraph");
            last.push(' ');
            last.push_str(line.trim());
        }
    }
    paragraphs.iter().flat_map(|it| it.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The lines of blocks for a shell; of a pipe, each part.
fn shell(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    blocks.flat_map(|block| block.lines().flat_map(|line| line.split(['|', ';', '&']))).map(str::to_owned).collect()
}

fn sources(dir: &Path, into: &mut String) {
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") {
            into.push_str(&std::fs::read_to_string(&path).expect("text"));
        }
    }
}

/// A promise stands on a test: one that was renamed or taken away leaves a promise that nobody holds.
#[test]
fn every_test_that_the_threat_model_names_exists() {
    let mut code = String::new();
    sources(&path("src"), &mut code);
    sources(&path("tests"), &mut code);
    let page = read("docs/threat-model.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let (mut named, mut missing) = (BTreeSet::new(), Vec::new());
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        let tests = quoted(tests);
        assert!(!tests.is_empty(), "a promise without a test: {row}");
        missing.extend(tests.iter().filter(|name| !code.contains(&format!("fn {name}("))).cloned());
        named.extend(tests);
    }
    assert!(named.len() > 10, "the tests are found: {named:?}");
    assert!(missing.is_empty(), "the threat model names tests that do not exist: {missing:#?}");
}

/// Pages that send a reader to a file send them to one that is there.
#[test]
fn every_file_of_the_source_that_a_page_names_exists() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for page in pages().into_iter().filter(|page| page != "CHANGELOG.md") {
        for name in quoted(&read(&page)) {
            let ours = ["src/", "tests/", "docs/", ".ci/", "benches/", "keymaps/", "themes/", "screenshots/"];
            let name = name.split_whitespace().next().unwrap_or_default();
            // `NAME` and `*` stand for any.
            if !ours.iter().any(|dir| name.starts_with(dir)) || name.contains(['*', '<', '{']) || name.contains("NAME")
            {
                continue;
            }
            seen += 1;
            if !path(name).exists() {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(seen > 40, "{seen} names of files were found");
    assert!(missing.is_empty(), "pages name files that are not there:\n{}", missing.join("\n"));
}

/// What is wrong with a written command line, if its command or one of its options does not exist.
fn unknown(line: &str, program: &Command) -> Option<String> {
    let mut at = program;
    let mut options = names(program);
    let mut value_may_follow = false;
    let mut is_path = true;
    for word in line.split_whitespace().skip(1) {
        if word.starts_with("--") {
            if !known(word, &options) {
                return Some(format!("`{line}`: `{}` has no option `{word}`", at.get_name()));
            }
        } else if let Some(next) = at.find_subcommand(word).filter(|_| is_path) {
            at = next;
            options.extend(names(at));
        } else if is_path && !value_may_follow && must_be_a_command(at, word) {
            return Some(format!("`{line}`: there is no command `{word}`"));
        } else if !value_may_follow {
            is_path = false;
        }
        value_may_follow = word.starts_with('-');
    }
    None
}

/// Whether a word can be nothing but a command there: what stands for any is written in capitals.
fn must_be_a_command(at: &Command, word: &str) -> bool {
    at.has_subcommands() && at.get_positionals().next().is_none() && word.starts_with(|c: char| c.is_ascii_lowercase())
}

fn names(command: &Command) -> BTreeSet<String> {
    command.get_arguments().filter_map(|it| it.get_long()).map(|long| format!("--{long}")).collect()
}

fn known(word: &str, options: &BTreeSet<String>) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    // `--as` after a text is an alias of `--mark`.
    ["--help", "--version", "--as"].contains(&name) || options.contains(name)
}

#[test]
fn every_command_that_a_page_names_exists_with_its_options() {
    let mut program = Args::command();
    program.build();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in pages().into_iter().filter(|page| page != "CHANGELOG.md") {
        let text = read(&page);
        let written = quoted(&text).into_iter().chain(shell(&text));
        for line in written.filter(|line| line.trim_start().starts_with("warroom ")) {
            seen += 1;
            let line = line.split('#').next().unwrap_or_default().trim().to_owned();
            wrong.extend(unknown(&line, &program).map(|why| format!("{page}: {why}")));
        }
    }
    assert!(seen > 60, "{seen} commands were found");
    assert!(wrong.is_empty(), "pages name commands that are not there:\n{}", wrong.join("\n"));
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let mut program = Args::command();
    program.build();
    let good = ["warroom plan show PLAN --manual", "warroom --config FILE", "warroom timeline add TEXT --at 14:39"];
    assert!(good.iter().all(|line| unknown(line, &program).is_none()));
    assert!(unknown("warroom --join sam", &program).is_none(), "the value of an option");
    let bad = ["warroom plane show", "warroom plan shew PLAN", "warroom plan show PLAN --manuel", "warroom --colour"];
    assert!(bad.iter().all(|line| unknown(line, &program).is_some()));
}
