//! The source is in order: imports point down only, files and functions keep to their budgets, every file says what it is.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules each module may import. The table of ARCHITECTURE.md, as code.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("seal", &["model"]),
    ("approval", &["model", "seal"]),
    ("timeline", &["model", "seal", "approval"]),
    ("board", &["model", "timeline"]),
    ("actions", &["model", "timeline", "board", "approval", "seal"]),
    ("postmortem", &["model", "timeline", "approval"]),
    ("clock", &[]),
    ("config", &["model", "clock"]),
    ("ledger", &["model", "seal", "clock"]),
    ("systems", &["model", "config", "clock"]),
    ("protocol", &["model", "timeline", "approval", "board", "clock"]),
    (
        "room",
        &[
            "model",
            "seal",
            "approval",
            "timeline",
            "board",
            "actions",
            "postmortem",
            "clock",
            "config",
            "ledger",
            "systems",
            "protocol",
        ],
    ),
    ("client", &["protocol", "timeline", "model", "seal", "clock", "board"]),
    (
        "console",
        &["client", "protocol", "model", "timeline", "approval", "board", "actions", "postmortem", "clock", "config"],
    ),
    ("drill", &["model", "client", "protocol", "clock", "config"]),
    (
        "cli",
        &[
            "model",
            "seal",
            "approval",
            "timeline",
            "board",
            "actions",
            "postmortem",
            "clock",
            "config",
            "ledger",
            "systems",
            "protocol",
            "room",
            "client",
            "console",
            "drill",
            "logging",
        ],
    ),
    ("logging", &[]),
    ("test_support", &[]),
];

/// Inside `systems`: what no system owns, and what each of these may import there. Every other module there is a system: it
/// may import all of these and no other system. What two systems need belongs here, in a row of its own or an existing one.
const SHARED_BY_SYSTEMS: &[(&str, &[&str])] = &[
    ("egress_policy", &["local_failures"]),
    ("gitops_counts", &[]),
    ("http", &["egress_policy", "local_failures", "proxy", "request_meter"]),
    ("kube_api", &["egress_policy", "http", "local_failures", "proxy", "supervise"]),
    ("local_failures", &[]),
    ("proxy", &[]),
    ("request_meter", &["http"]),
    ("supervise", &["http"]),
];
/// Starts them all.
const SYSTEMS_REGISTRY: &str = "registry";

/// Inside `console`: the parts in their order, the files and folders of each, and which parts it may use. The table of
/// ARCHITECTURE.md, as code.
const CONSOLE: &[(&str, &[&str], &[&str])] = &[
    ("base", &["asset_files", "pane", "toml_source"], &[]),
    ("theme", &["theme"], &["base"]),
    ("widget", &["time_input", "widget"], &["theme"]),
    ("keymap", &["keymap"], &["base"]),
    ("input", &["input", "pacing", "request_port"], &["keymap"]),
    ("terminal", &["terminal"], &["keymap", "input"]),
    (
        "state",
        &["app", "effect", "freeze_diff", "overlay", "plans", "projections", "saved_layout", "time_travel"],
        &["base", "theme", "widget", "keymap", "input"],
    ),
    ("rows", &["availability", "notifications", "palette", "rows"], &["base", "widget", "keymap", "state"]),
    ("view", &["view"], &["base", "theme", "widget", "keymap", "state", "rows"]),
    ("update", &["update"], &["base", "theme", "widget", "keymap", "input", "state", "rows", "view"]),
    (
        "run",
        &["run", "screenshot"],
        &["theme", "widget", "keymap", "input", "terminal", "state", "rows", "view", "update"],
    ),
    (
        "plain",
        &["plain"],
        &["base", "theme", "widget", "keymap", "input", "terminal", "state", "rows", "view", "update", "run"],
    ),
];
/// Only a table of its own tests.
const CONSOLE_TABLES: &[&str] = &["operator_questions"];

/// The most files that use each other in a circle: so many have to be understood at once.
const CIRCLE: usize = 6;
/// Larger ones that are left: the folder, and how many they are. They only become smaller.
const LARGER_CIRCLES: &[(&str, usize)] = &[("board", 43), ("config", 16), ("drill/simulator", 10)];

/// Longest file without its tests, and longest function. A longer one argues in its first lines: `Longer than …`.
const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn is_test_file(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    inside.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name == "tests"
            || name.starts_with("tests")
            || name.ends_with("_tests.rs")
            || name == "fixture.rs"
            || name == "testing.rs"
            || name == "model_check.rs"
    })
}

/// The file up to its test module, comments left out where `code` asks for it.
fn body(text: &str) -> &str {
    let end = ["\n#[cfg(test)]\nmod tests {", "\n#[cfg(test)]\nmod test {"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .unwrap_or(text.len());
    &text[..end]
}

fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("inside src");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn imports_point_down_only() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let room = room_of(&path);
        if matches!(room.as_str(), "lib" | "main") || is_test_file(&path) {
            continue;
        }
        let allowed = arrows.get(room.as_str()).unwrap_or_else(|| panic!("{room} is not in the table of rooms"));
        let text = fs::read_to_string(&path).expect("readable");
        let code = body(&text);
        for (at, _) in code.match_indices("crate::") {
            let name: String = code[at + 7..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let macro_path = at > 0 && code.as_bytes()[at - 1] == b'$';
            if name.is_empty() || macro_path || name == room || allowed.contains(&name.as_str()) {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            wrong.push(format!("{}:{line}: {room} may not import {name}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "imports against the arrows:\n{}", wrong.join("\n"));
}

/// The names that stand behind a prefix of paths, by itself or in a group of braces; each with its line.
fn names_behind(prefix: &str, code: &str) -> Vec<(usize, String)> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let longer = code[..at].ends_with("super::") || code[..at].ends_with(word);
        if longer {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let mut take = |text: &str| found.push((line, text.trim_start().chars().take_while(|c| word(*c)).collect()));
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            take(rest);
            continue;
        };
        let (mut depth, mut start) = (1, 0);
        for (end, c) in group.char_indices() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if depth == 0 || (depth == 1 && c == ',') {
                take(&group[start..end]);
                start = end + 1;
            }
            if depth == 0 {
                break;
            }
        }
    }
    // After the last comma of a group.
    found.retain(|(_, name): &(usize, String)| !name.is_empty());
    found
}

#[test]
fn names_behind_a_prefix_are_found_in_groups_too() {
    let code = "use super::a::B;\nuse super::{\n    c, d::{E, F},\n    g,\n};\nuse super::super::h; xsuper::i";
    let names = |prefix: &str| names_behind(prefix, code).into_iter().map(|(_, it)| it).collect::<Vec<_>>();
    assert_eq!(names("super::"), ["a", "c", "d", "g", "super"]);
    assert_eq!(names("super::super::"), ["h"]);
}

#[test]
fn no_system_imports_another_and_what_they_share_imports_none() {
    let dir = root().join("src/systems");
    let modules: BTreeSet<String> = fs::read_dir(&dir)
        .expect("the folder is there")
        .map(|it| it.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .filter(|name| name != "mod")
        .collect();
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for path in sources(&dir) {
        let inside = path.strip_prefix(&dir).expect("inside").with_extension("");
        let module: Vec<_> = inside.iter().map(|it| it.to_string_lossy()).filter(|it| it != "mod").collect();
        let Some(own) = module.first().filter(|own| *own != SYSTEMS_REGISTRY) else { continue };
        let row = SHARED_BY_SYSTEMS.iter().find(|(name, _)| name == own);
        let text = fs::read_to_string(&path).expect("readable");
        let up = "super::".repeat(module.len());
        for (line, name) in ["crate::systems::", up.as_str()].iter().flat_map(|it| names_behind(it, body(&text))) {
            if name == *own || !modules.contains(&name) {
                continue;
            }
            let allowed = match row {
                Some((_, allowed)) => allowed.contains(&name.as_str()),
                None => SHARED_BY_SYSTEMS.iter().any(|(shared, _)| *shared == name),
            };
            if !allowed {
                wrong.push(format!("{}:{line}: {own} may not import {name}", path.display()));
            }
            used.insert((own.to_string(), name));
        }
    }
    assert!(wrong.is_empty(), "imports against the arrows inside systems:\n{}", wrong.join("\n"));
    for (name, allowed) in SHARED_BY_SYSTEMS {
        assert!(modules.contains(*name), "{name} is not in src/systems");
        for it in *allowed {
            assert!(used.contains(&((*name).to_owned(), (*it).to_owned())), "{name} does not import {it} any more");
        }
    }
}

/// What a file belongs to by the name of its folder, or its own.
fn part_of<'a>(file: &str, module: &str) -> Option<&'a str> {
    let name = file.strip_prefix(module)?.strip_prefix('/')?.split('/').next()?;
    CONSOLE.iter().find(|(_, files, _)| files.contains(&name)).map(|(part, ..)| *part)
}

#[test]
fn the_console_is_built_in_layers() {
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    let front = |file: &str| file == "console" || CONSOLE_TABLES.iter().any(|it| file == format!("console/{it}"));
    for (file, uses) in imports::Imports::uses() {
        if !file.starts_with("console") || front(file) {
            continue;
        }
        let part = part_of(file, "console").unwrap_or_else(|| panic!("{file} is of no part of the console"));
        let (.., may) = CONSOLE.iter().find(|(name, ..)| *name == part).expect("it is of this table");
        for other in uses.iter().filter(|it| it.starts_with("console/")) {
            let Some(other_part) = part_of(other, "console").filter(|it| *it != part) else { continue };
            used.insert((part, other_part));
            if !may.contains(&other_part) {
                wrong.push(format!("{file} ({part}) may not use {other} ({other_part})"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers of the console:\n{}", wrong.join("\n"));
    for (part, _, may) in CONSOLE {
        for other in *may {
            assert!(used.contains(&(*part, *other)), "{part} does not use {other} any more");
        }
    }
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page");
    for (part, _, may) in CONSOLE {
        let said = page.lines().find(|line| line.starts_with(&format!("| {part} | ")));
        let said = said.unwrap_or_else(|| panic!("ARCHITECTURE.md does not have {part}"));
        let cell = said.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        let list = if may.is_empty() { "–".to_owned() } else { may.join(", ") };
        assert_eq!(cell, list, "what {part} may use, in ARCHITECTURE.md");
    }
}

#[test]
fn few_files_use_each_other_in_a_circle() {
    let mut wrong = Vec::new();
    for circle in imports::circles(imports::Imports::uses()) {
        let within = |folder: &str| {
            circle
                .iter()
                .all(|file| file.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
        };
        let known = LARGER_CIRCLES.iter().filter(|(folder, _)| within(folder)).map(|(_, size)| *size).min();
        if circle.len() > known.unwrap_or(CIRCLE).max(CIRCLE) {
            wrong.push(format!("{} files: {}", circle.len(), circle.iter().cloned().collect::<Vec<_>>().join(" ")));
        }
    }
    assert!(wrong.is_empty(), "circles of more than {CIRCLE} files:\n{}", wrong.join("\n"));
}

/// The map that people read is the one that is enforced.
#[test]
fn the_table_of_the_architecture_page_is_the_one_that_is_enforced() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page");
    let table = page.split("| module | is | may import |").nth(1).expect("the table");
    let mut above: Vec<String> = Vec::new();
    for row in table.lines().skip(2).take_while(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let (name, may) = (cells[0].trim_matches([' ', '`']), *cells.last().expect("three cells"));
        let mut said: Vec<String> = match may {
            "–" => Vec::new(),
            "all above" => above.clone(),
            "all" => above.iter().cloned().chain(["logging".to_owned()]).collect(),
            list => list.split(", ").map(str::to_owned).collect(),
        };
        let enforced = ARROWS.iter().find(|(module, _)| *module == name);
        let (_, enforced) = enforced.unwrap_or_else(|| panic!("`{name}` is not in the table of this test"));
        let mut enforced: Vec<String> = enforced.iter().map(|it| (*it).to_owned()).collect();
        said.sort();
        enforced.sort();
        assert_eq!(said, enforced, "what `{name}` may import");
        above.push(name.to_owned());
    }
    let missing: Vec<_> = ARROWS.iter().filter(|(name, _)| !above.iter().any(|it| it == name)).collect();
    assert!(matches!(missing[..], [("logging", _), ("test_support", _)]), "not in ARCHITECTURE.md: {missing:?}");
}

/// Rooms that read what others wrote: messages, and entries of a log.
const READERS: &[&str] = &["protocol", "client", "seal", "timeline", "approval", "postmortem", "console", "cli"];

#[test]
fn what_crossed_the_socket_or_came_from_a_log_is_read_by_the_reader_that_cleans_it() {
    let mut raw = Vec::new();
    for path in sources(&root().join("src")) {
        if is_test_file(&path) || !READERS.contains(&room_of(&path).as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        let reads =
            ["serde_json::from_str", "serde_json::from_slice", "serde_json::from_reader", "serde_json::from_value"];
        let found = reads.iter().filter(|it| body(&text).contains(**it));
        raw.extend(found.map(|it| format!("{}: {it}: use model::clean::from_str", path.display())));
    }
    assert!(raw.is_empty(), "raw text of others:\n{}", raw.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let mut silent = Vec::new();
    for dir in ["src", "tests"] {
        for path in sources(&root().join(dir)) {
            let text = fs::read_to_string(&path).expect("readable");
            if !text.starts_with("//!") {
                silent.push(path.display().to_string());
            }
        }
    }
    assert!(silent.is_empty(), "files without a `//!` at the top:\n{}", silent.join("\n"));
}

#[test]
fn files_and_functions_keep_to_their_budgets() {
    let mut over = Vec::new();
    for path in sources(&root().join("src")) {
        if is_test_file(&path) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        let argued = text.lines().take(12).any(|line| line.contains("Longer than"));
        let code = body(&text);
        let lines = code.lines().count();
        if lines > FILE_LINES && !argued {
            over.push(format!("{}: {lines} lines", path.display()));
        }
        for (line, name, length) in functions(code) {
            if length > FUNCTION_LINES && !argued {
                over.push(format!("{}:{line}: fn {name} has {length} lines", path.display()));
            }
        }
    }
    assert!(over.is_empty(), "over budget:\n{}", over.join("\n"));
}

/// Line, name and length of every function, by the indentation that rustfmt keeps.
fn functions(code: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    // A trait's method without a body has no length.
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| !line.ends_with(';')) {
        let indent = line.len() - line.trim_start().len();
        let text = line.trim_start();
        let Some(rest) = text.strip_prefix("fn ").or_else(|| {
            text.find(" fn ").filter(|_| text.starts_with("pub") || text.starts_with("async")).map(|at| &text[at + 4..])
        }) else {
            continue;
        };
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[i..].iter().position(|line| *line == close) {
            found.push((i + 1, name, length + 1));
        }
    }
    found
}

/// The types of a file, outside of functions: names at the margin, and those of its test module.
fn types(text: &str) -> Vec<String> {
    let (mut found, mut inside_tests) = (Vec::new(), false);
    for line in text.lines() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if indent == 0 && !code.is_empty() {
            inside_tests = code.starts_with("mod tests {");
        }
        if indent != 0 && !(inside_tests && indent == 4) {
            continue;
        }
        let code = match code.strip_prefix("pub") {
            Some(rest) => rest.split_once(' ').map_or(rest, |(_, rest)| rest),
            None => code,
        };
        let kinds: &[&str] =
            if indent == 0 { &["struct ", "enum ", "trait ", "type "] } else { &["struct ", "enum ", "trait "] };
        if let Some(rest) = kinds.iter().find_map(|kind| code.strip_prefix(kind)) {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn a_name_means_one_type() {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in sources(&root().join("src")) {
        let text = fs::read_to_string(&path).expect("readable");
        for name in types(&text) {
            homes.entry(name).or_default().push(path.strip_prefix(root()).expect("inside").display().to_string());
        }
    }
    assert!(homes.len() > 900, "they are found");
    let twice: Vec<_> = homes.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "say which one it is: {twice:#?}");
}

/// Where a `match` over the words of a table stands: beside the table, or in the one place that binds it to code.
const TABLES: &[(&str, &[&str])] = &[
    ("System", &["src/model/catalog.rs"]),
    ("Topic", &["src/model/catalog.rs", "src/board/mod.rs"]),
    ("Pane", &["src/console/pane.rs"]),
    ("Action", &["src/model/action.rs", "src/actions/catalog.rs"]),
];

#[test]
fn no_match_over_a_table_stands_outside_it() {
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let inside = path.strip_prefix(root()).expect("inside").display().to_string();
        if is_test_file(&path) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        for (i, line) in body(&text).lines().enumerate() {
            let Some((pattern, _)) = line.split_once(" =>") else { continue };
            // What stands behind a guard's `if` is compared, and needs no edit when the table grows.
            let pattern = pattern.split(" if ").next().unwrap_or_default();
            for (name, homes) in TABLES {
                let arm = pattern.match_indices(&format!("{name}::")).any(|(at, _)| {
                    !pattern[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                        && !pattern[..at].contains("Command::")
                });
                if arm && !homes.contains(&inside.as_str()) {
                    wrong.push(format!("{inside}:{}: a match over {name}: ask its table", i + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "a new line of a table would need an edit here:\n{}", wrong.join("\n"));
}

/// Where rows are told apart by what they are about.
const ROW_KINDS: &str = "src/board/row.rs";

#[test]
fn rows_are_told_apart_in_their_table() {
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")).iter().filter(|path| !is_test_file(path)) {
        let inside = path.strip_prefix(root()).expect("inside").display().to_string();
        let text = fs::read_to_string(path).expect("readable");
        let named = body(&text).lines().position(|line| line.contains("RowBody::"));
        if let Some(line) = named.filter(|_| inside != ROW_KINDS) {
            wrong.push(format!("{inside}:{}: read what the row says, or ask for one kind by `as_kind`", line + 1));
        }
    }
    assert!(wrong.is_empty(), "a new kind of row would need an edit here:\n{}", wrong.join("\n"));
}

/// The fields of a struct at the margin: the text between its braces.
fn fields_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let after = text.split(&format!("struct {name} {{")).nth(1)?;
    after.split("\n}").next()
}

#[test]
fn the_parts_of_the_engine_keep_their_fields_to_themselves() {
    let files = sources(&root().join("src/room"));
    let texts: Vec<String> = files.iter().map(|path| fs::read_to_string(path).expect("readable")).collect();
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page");
    let engine = texts.iter().find_map(|text| fields_of(text, "Engine")).expect("the engine");
    let fields = engine.lines().filter_map(|line| line.trim().strip_prefix("pub(super) ")?.split_once(": "));
    let parts: Vec<(&str, &str)> = fields.filter(|(name, _)| *name != "shared").collect();
    assert!(parts.len() > 5, "they are found: {parts:?}");
    for (field, kind) in parts {
        assert!(
            page.contains(&format!("\n| {field} | `src/room/")),
            "`{field}` is not in the table of ARCHITECTURE.md"
        );
        let kind = kind.split(['<', ',']).next().unwrap_or(kind);
        let open = texts.iter().filter_map(|text| fields_of(text, kind)).find(|fields| fields.contains("\n    pub"));
        assert_eq!(open, None, "{kind} shows its fields");
        // A struct of one unnamed field shows it in its first line.
        let start = format!("struct {kind}");
        let first = texts.iter().flat_map(|text| text.lines()).find(|line| line.contains(&start));
        assert!(first.is_some_and(|line| !line.contains("(pub")), "{kind} shows its field: {first:?}");
    }
}

#[test]
fn unfinished_marks_stay_out() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    let mut found = Vec::new();
    for dir in ["src", "tests"] {
        for path in sources(&root().join(dir)) {
            let text = fs::read_to_string(&path).expect("readable");
            for mark in marks {
                if text.contains(mark) {
                    found.push(format!("{}: {mark}", path.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "unfinished marks:\n{}", found.join("\n"));
}

/// Every file of a folder that is text, whatever it is for.
fn texts(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(texts(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
    found
}

/// Whoever has the project alone has all of it: what others publish is named by variables, and set in one place.
#[test]
fn nothing_but_ci_names_a_folder_beside_the_project() {
    let beside = [concat!("../", "shared"), concat!("WARROOM_", "SHARED")];
    let mut all: Vec<(PathBuf, String)> =
        ["src", "tests", "docs", ".github"].iter().flat_map(|dir| texts(&root().join(dir))).collect();
    let pages = fs::read_dir(root()).expect("the project").map(|entry| entry.expect("an entry").path());
    all.extend(pages.filter_map(|path| Some((path.clone(), fs::read_to_string(&path).ok()?))));
    assert!(all.len() > 500, "{} files were read", all.len());
    let wrong: Vec<_> =
        all.iter().filter(|(_, text)| beside.iter().any(|it| text.contains(it))).map(|it| &it.0).collect();
    assert!(wrong.is_empty(), "only .ci/run may know of it: {wrong:#?}");
}

/// Where facts are made, and where the simulated world and the tests make them up: what only they name has no reader.
const MAKERS: [&str; 2] = ["src/systems", "src/drill"];

/// A field of a fact: in which type it stands, and how it is called.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut inside: Option<String> = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            inside = rest.ends_with('{').then_some(name);
        } else if line.starts_with('}') {
            inside = None;
        } else if let (Some(name), Some((field, _))) =
            (&inside, line.trim_start().strip_prefix("pub ").and_then(|rest| rest.split_once(':')))
        {
            found.push((name.clone(), field.to_owned()));
        }
    }
    found
}

/// Whether code reads a field: through a dot, or by taking the type apart.
fn reads(code: &str, kind: &str, field: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let through_dot = code.match_indices(&format!(".{field}")).any(|(at, found)| {
        let after = code[at + found.len()..].chars().next();
        !after.is_some_and(|c| word(c) || c == '(')
    });
    let taken_apart = code.match_indices(&format!("{kind} {{")).any(|(at, _)| {
        let body = code[at..].split_once('{').map_or("", |(_, rest)| rest.split('}').next().unwrap_or_default());
        // `..` at the end of a pattern; what is built names its rest after it.
        body.trim_end().ends_with("..") && body.split(|c| !word(c)).any(|it| it == field)
    });
    through_dot || taken_apart
}

/// What a system tells and nobody reads was paid for in vain, and seems to be watched: it is given a reader, or not fetched.
#[test]
fn every_field_of_every_fact_has_a_reader_beside_who_made_it() {
    let makers = MAKERS.map(|dir| root().join(dir));
    let code: Vec<String> = sources(&root().join("src"))
        .into_iter()
        .filter(|path| !is_test_file(path) && !makers.iter().any(|dir| path.starts_with(dir)))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("text");
            body(&text).lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
        })
        .collect();
    let mut unread = Vec::new();
    let mut seen = 0;
    for file in ["facts", "velero", "gitops", "load_balancing", "silence", "slo"] {
        let text = fs::read_to_string(root().join(format!("src/model/{file}.rs"))).expect("a file of facts");
        for (kind, field) in fields(&text) {
            seen += 1;
            if !code.iter().any(|code| reads(code, &kind, &field)) {
                unread.push(format!("{kind}.{field} of src/model/{file}.rs"));
            }
        }
    }
    assert!(seen > 150, "{seen} fields were found");
    assert!(unread.is_empty(), "nobody reads {unread:#?}");
}

#[test]
fn a_field_without_a_reader_is_found() {
    let code =
        "let it = node.ready; let Pod { name, .. } = pod; Pod { name: x, restarts: 1 }; plan.readying; it.state()";
    assert_eq!(fields("pub struct Node {\n    pub ready: Open,\n}\n"), [("Node".to_owned(), "ready".to_owned())]);
    assert!(reads(code, "Node", "ready") && reads(code, "Pod", "name"));
    assert!(!reads(code, "Pod", "restarts") && !reads(code, "Rule", "state") && !reads(code, "Plan", "read"));
}
