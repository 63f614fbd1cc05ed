//! Which file uses which: followed through re-exports to the file that has the thing, so that a folder's front is no detour.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use regex::Regex;

use super::{body, is_test_file, root, sources};

/// One name that a file imports.
struct Import {
    public: bool,
    name: String,
    path: Vec<String>,
}

/// A file of the crate.
struct SourceFile {
    imports: Vec<Import>,
    /// Without comments, texts and imports.
    code: String,
    /// The words of it.
    words: BTreeSet<String>,
}

/// The files of the crate by module path, `console/view/pane`.
pub struct Imports {
    files: BTreeMap<String, SourceFile>,
    known: BTreeSet<String>,
    paths: Regex,
}

/// Which files each file uses.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("inside src").with_extension("");
    let name = inside.to_string_lossy().replace('\\', "/");
    match name.as_str() {
        "lib" => String::new(),
        name => name.strip_suffix("/mod").unwrap_or(name).to_owned(),
    }
}

/// Each path of a tree of imports: `a::{b, c::{d, e as f}}`.
fn expanded(tree: &str) -> Vec<String> {
    let Some((before, rest)) = tree.split_once('{') else { return vec![tree.split_whitespace().collect()] };
    let inner = &rest[..rest.rfind('}').expect("a group that ends")];
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().expect("one").push(c),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expanded(&format!("{}{}", before.trim(), part.trim()))).collect()
}

fn words(path: &str) -> Vec<String> {
    path.split("::").filter(|part| *part != "self").map(str::to_owned).collect()
}

impl Imports {
    /// Reads every file under `src` that is no test.
    fn read() -> Self {
        let comment_or_text = pattern(r##"(?s)//[^\n]*|r#".*?"#|b?"(?:\\.|[^"\\])*"|'\\?"'"##);
        let of_tests = pattern(r"#\[cfg\(test\)\]\s*(?:pub(?:\([a-z]+\))? )?(?:mod|use) [^;{]*;");
        let import = pattern(r"(?m)^\s*(pub(?:\([a-z]+\))? )?use ([^;]+);");
        let module = pattern(r"(?m)^\s*(?:pub(?:\([a-z]+\))? )?mod \w+;");
        let alias = pattern(r"\s+as\s+(\w+)");
        let all = sources(&root().join("src")).into_iter().filter(|path| !is_test_file(path));
        let texts: BTreeMap<String, String> = all
            .map(|path| {
                let text = fs::read_to_string(&path).expect("readable");
                let code = comment_or_text.replace_all(body(&text), "").into_owned();
                (module_of(&path), of_tests.replace_all(&code, "").into_owned())
            })
            .collect();
        let known: BTreeSet<String> = texts.keys().cloned().collect();
        let read = |(name, text): (&String, &String)| {
            let mut imports = Vec::new();
            for found in import.captures_iter(text) {
                // A name given anew is marked so that it survives the expansion.
                let tree = alias.replace_all(&found[2], "=$1").into_owned();
                for path in expanded(&tree) {
                    let (path, own) =
                        path.split_once('=').map_or((path.as_str(), None), |(path, own)| (path, Some(own)));
                    let Some(path) = absolute(&known, name, path) else { continue };
                    let own = own.map(str::to_owned).or(path.last().cloned()).unwrap_or_default();
                    imports.push(Import { public: found.get(1).is_some(), name: own, path });
                }
            }
            let code = module.replace_all(&import.replace_all(text, ""), "").into_owned();
            let words = code.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect();
            (name.clone(), SourceFile { imports, code, words })
        };
        Self { files: texts.iter().map(read).collect(), paths: pattern(r"\b\w+(?:::\w+)+"), known }
    }

    /// The file that has what a path names.
    fn home(&self, path: &[String], seen: &mut Vec<(String, String)>) -> Option<String> {
        let (file, rest) = (0..=path.len()).rev().find_map(|n| {
            let name = path[..n].join("/");
            self.files.contains_key(&name).then(|| (name, &path[n..]))
        })?;
        let Some(name) = rest.first() else { return Some(file) };
        let step = (file.clone(), name.clone());
        if seen.contains(&step) {
            return Some(file);
        }
        seen.push(step);
        let onward = |import: &Import, rest: &[String]| [import.path.as_slice(), rest].concat();
        if let Some(import) = self.files[&file].imports.iter().find(|it| it.name == *name) {
            return self.home(&onward(import, &rest[1..]), seen);
        }
        for all in self.files[&file].imports.iter().filter(|it| it.name == "*" && it.public) {
            let found = self.home(&[&all.path[..all.path.len() - 1], rest].concat(), seen);
            let defines = pattern(&format!(r"\b(?:struct|enum|fn|trait|type|const|static|macro_rules!) {name}\b"));
            if found.as_ref().is_some_and(|found| defines.is_match(&self.files[found].code)) {
                return found;
            }
        }
        Some(file)
    }

    fn uses_of(&self, name: &str, file: &SourceFile) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut add = |path: &[String]| {
            found.extend(self.home(path, &mut Vec::new()).filter(|home| home != name));
        };
        for import in file.imports.iter().filter(|import| import.name != "*") {
            // What is only passed on is used by whoever takes it; a module by what is taken of it.
            let used = !import.public || file.words.contains(&import.name);
            if used && !self.known.contains(&import.path.join("/")) {
                add(&import.path);
            }
        }
        for found in self.paths.find_iter(&file.code) {
            let before = file.code[..found.start()].chars().next_back();
            if matches!(before, Some(':' | '.')) {
                continue;
            }
            let path = words(found.as_str());
            let imported = file.imports.iter().find(|it| it.name == path[0] && self.known.contains(&it.path.join("/")));
            match imported {
                Some(import) => add(&[&import.path, &path[1..]].concat()),
                None => {
                    if let Some(path) = absolute(&self.known, name, found.as_str())
                        && !self.known.contains(&path.join("/"))
                    {
                        add(&path);
                    }
                }
            }
        }
        found
    }

    /// Which files each file uses: read once for all tests.
    pub fn uses() -> &'static Uses {
        static ALL: OnceLock<Uses> = OnceLock::new();
        ALL.get_or_init(|| Self::read().all())
    }

    fn all(&self) -> Uses {
        self.files.iter().map(|(name, file)| (name.clone(), self.uses_of(name, file))).collect()
    }
}

/// A path from the crate's root; nothing for what is of another crate.
fn absolute(known: &BTreeSet<String>, file: &str, path: &str) -> Option<Vec<String>> {
    let mut base: Vec<String> = file.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let parts: Vec<&str> = path.split("::").collect();
    let up = parts.iter().take_while(|part| **part == "super").count();
    match parts[0] {
        "crate" => return Some(words(path).split_off(1)),
        "self" => {}
        "super" => base.truncate(base.len().saturating_sub(up)),
        first if known.contains(&[base.join("/").as_str(), first].join("/")) => {}
        _ => return None,
    }
    base.extend(words(path).into_iter().skip(up));
    Some(base)
}

/// Files that use each other in a circle, as the largest sets of them.
pub fn circles(uses: &Uses) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = uses
        .keys()
        .map(|from| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
            while let Some(at) = open.pop() {
                open.extend(uses.get(at).into_iter().flatten().filter(|to| seen.insert(*to)));
            }
            (from, seen)
        })
        .collect();
    let meets = |a: &String, b: &String| reach[a].contains(b) && reach.get(b).is_some_and(|of| of.contains(a));
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (file, reached) in &reach {
        if found.iter().any(|circle| circle.contains(*file)) {
            continue;
        }
        let circle: BTreeSet<String> = reached.iter().filter(|to| meets(file, to)).map(|to| (*to).clone()).collect();
        if circle.len() > 1 {
            found.push(circle);
        }
    }
    found
}

#[test]
fn trees_of_imports_are_expanded_and_circles_are_found() {
    let paths = expanded("crate::a::{self, b::{C, D=E}, F}");
    assert_eq!(paths, ["crate::a::self", "crate::a::b::C", "crate::a::b::D=E", "crate::a::F"]);
    let uses = |pairs: &[(&str, &str)]| {
        let mut all = Uses::new();
        for (from, to) in pairs {
            all.entry((*to).to_owned()).or_default();
            all.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        all
    };
    let found = circles(&uses(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e")]));
    assert_eq!(found, [BTreeSet::from(["a", "b", "c"].map(str::to_owned))]);
    assert!(circles(&uses(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
}
