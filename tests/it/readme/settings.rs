//! The configuration reference, made of the commented starter file: what it shows, what it says, and what counts without it.

use std::path::Path;

use warroom::config::{Config, LoadOptions, load, sample};

/// A setting as the starter file shows it.
struct Setting {
    key: String,
    value: String,
    /// What the file says above it.
    doc: String,
    /// Where it stands among the file's lines.
    line: usize,
    /// Shown as another way, that can't be switched on together with the rest.
    instead: bool,
}

/// A section: its header, what is said above it, and its settings.
struct Section {
    header: String,
    doc: String,
    settings: Vec<Setting>,
}

/// The words of a comment line; `None` for anything else.
fn comment(line: &str) -> Option<&str> {
    line.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with(' ')).map(str::trim)
}

/// `key = value`, switched on, switched off, or (`# key = value`) as another way.
fn setting(line: &str) -> Option<(&str, &str, bool)> {
    let (text, instead) = match line.strip_prefix("# ") {
        Some(rest) => (rest, true),
        None => (line.strip_prefix('#').unwrap_or(line), false),
    };
    let (key, value) = text.split_once(" = ")?;
    key.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some((key, value, instead))
}

/// The starter file as sections. A blank line ends what is said above something.
fn sections() -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for (at, line) in sample().lines().enumerate() {
        let header = line.strip_prefix('#').unwrap_or(line);
        if header.starts_with('[') {
            let doc = std::mem::take(&mut said).join(" ");
            // A second cluster only shows that there may be several.
            let again = found.iter().any(|it| it.header == header);
            let header = if again { String::new() } else { header.to_owned() };
            found.push(Section { header, doc, settings: Vec::new() });
        } else if let Some((key, value, instead)) = setting(line) {
            let doc = std::mem::take(&mut said).join(" ");
            let section = found.last_mut().expect("a section first");
            section.settings.push(Setting { key: key.into(), value: value.into(), doc, line: at, instead });
        } else if let Some(words) = comment(line) {
            said.extend(Some(words).filter(|words| !words.is_empty() && !words.starts_with("---")));
        } else {
            said.clear();
        }
    }
    found.retain(|it| !it.header.is_empty());
    found
}

/// The starter file with every setting switched on, but for some lines.
fn switched_on(without: &[usize]) -> String {
    let on = |line: &'static str| {
        let rest = line.strip_prefix('#');
        rest.filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[')).unwrap_or(line)
    };
    let lines = sample().lines().enumerate().filter(|(at, _)| !without.contains(at));
    lines.map(|(_, line)| on(line)).collect::<Vec<_>>().join("\n")
}

fn loaded(dir: &Path, text: &str) -> Option<Config> {
    let file = dir.join("warroom.toml");
    std::fs::write(&file, text).expect("written");
    // As for a service: what is meant of `level` is what a team has.
    load(&file, LoadOptions { serve: true, drill: false }).ok()
}

/// What it means to leave a setting out.
enum LeftOut {
    /// Nothing changes.
    Same,
    Differs,
    Refused,
    /// Refused, unless these are left out too.
    Together(Vec<String>),
}

fn left_out(dir: &Path, full: &Config, settings: &[Setting], at: usize) -> LeftOut {
    let without = |range: &[Setting]| {
        let lines: Vec<usize> = range.iter().filter(|it| !it.instead).map(|it| it.line).collect();
        loaded(dir, &switched_on(&lines))
    };
    if settings[at].instead {
        return LeftOut::Differs;
    }
    match without(&settings[at..=at]) {
        Some(less) if less == *full => return LeftOut::Same,
        Some(_) => return LeftOut::Differs,
        None => {}
    }
    // What belongs together stands together.
    let ranges = (2..=3).flat_map(|length| (0..settings.len().saturating_sub(length - 1)).map(move |a| a..a + length));
    let mut around = ranges.filter(|range| range.contains(&at)).map(|range| &settings[range]);
    match around.find(|range| without(range).is_some()) {
        Some(range) => {
            let others = range.iter().filter(|it| it.line != settings[at].line);
            LeftOut::Together(others.map(|it| format!("`{}`", it.key)).collect())
        }
        None => LeftOut::Refused,
    }
}

/// Text of a comment as a cell, or as a paragraph.
fn sentence(text: &str) -> String {
    let text = text.replace('|', "\\|").replace("   ", "; ");
    text.strip_suffix(':').map(|before| format!("{before}.")).unwrap_or(text)
}

/// The tables of the page.
pub fn tables() -> String {
    let dir = crate::support::scratch();
    let full = loaded(dir.path(), &switched_on(&[])).expect("the starter file with every setting on");
    let mut out = String::new();
    for section in sections() {
        out.push_str(&format!("### `{}`\n\n", section.header));
        if !section.doc.is_empty() {
            out.push_str(&format!("{}\n\n", sentence(&section.doc)));
        }
        out.push_str("| setting | value | says |\n| --- | --- | --- |\n");
        for (at, it) in section.settings.iter().enumerate() {
            let value = format!("`{}`", it.value.replace('|', "\\|"));
            let value = match left_out(dir.path(), &full, &section.settings, at) {
                LeftOut::Same => value,
                LeftOut::Differs => format!("e.g. {value}"),
                LeftOut::Refused => format!("**needed**, e.g. {value}"),
                LeftOut::Together(others) => format!("e.g. {value}, with {}", others.join(", ")),
            };
            out.push_str(&format!("| `{}` | {value} | {} |\n", it.key, sentence(&it.doc)));
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// The valid words that the loader itself lists when it is given a wrong one.
fn valid(dir: &Path, text: &str) -> Vec<String> {
    let file = dir.join("warroom.toml");
    std::fs::write(&file, text).expect("written");
    let said = load(&file, LoadOptions::default()).expect_err("refused").to_string();
    let list = said.split("; valid: ").nth(1).and_then(|rest| rest.lines().next()).expect("the list").to_owned();
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_reference_has_every_section_and_every_setting_that_the_loader_knows() {
    let dir = crate::support::scratch();
    let shown = sections();
    let known = valid(dir.path(), "[qqqqqqqqqqqq]\n");
    assert!(known.len() > 10, "{known:?}");
    for name in known {
        let name = name.trim_matches(['[', ']', '`']).to_owned();
        let named = |it: &&Section| it.header.trim_matches(['[', ']']) == name;
        let section = shown.iter().find(named).unwrap_or_else(|| panic!("[{name}] is not in the starter file"));
        for key in valid(dir.path(), &format!("{}\nqqqqqqqqqqqq = 1\n", section.header)) {
            let there = section.settings.iter().any(|it| it.key == key);
            assert!(there, "{} `{key}` is not in the starter file", section.header);
        }
    }
}
