//! What is built in: every licence, source and second version of a crate is one that `.deny.toml` allows and explains.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::support::{run, run_json};

/// All crates of the lock for every platform, as cargo knows them.
fn packages() -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--format-version", "1"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let (code, told) = run_json(&mut cargo);
    assert_eq!(code, 0);
    told["packages"].as_array().expect("packages").clone()
}

fn policy() -> toml::Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.deny.toml");
    std::fs::read_to_string(path).expect("the policy").parse().expect("TOML")
}

fn strings(list: &toml::Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(toml::Value::as_str).collect()
}

/// Whether a licence expression can be met with the allowed licences. `/` is the old way to write `OR`.
fn is_met(expression: &str, allowed: &[&str]) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let words: Vec<&str> = plain.split_whitespace().collect();
    let all = words.split(|word| *word == "AND");
    all.into_iter().all(|part| part.split(|word| *word == "OR").any(|one| allowed.contains(&one.join(" ").as_str())))
}

#[test]
fn every_crate_has_a_licence_that_is_allowed_and_comes_from_the_registry() {
    let policy = policy();
    let allowed = strings(&policy["licenses"]["allow"]);
    assert!(is_met("(MIT OR Apache-2.0) AND Unicode-3.0", &allowed) && is_met("Unlicense/MIT", &allowed));
    assert!(!is_met("GPL-3.0-only", &allowed) && !is_met("MIT AND GPL-3.0-only", &allowed) && !is_met("", &allowed));
    let registries = strings(&policy["sources"]["allow-registry"]);
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_met(licence, &allowed), "{} has the licence `{licence}`", package["id"]);
        let Some(source) = package["source"].as_str() else {
            assert_eq!(package["name"], "warroom", "no crate is taken from a path");
            continue;
        };
        let registry = source.strip_prefix("registry+").unwrap_or(source);
        assert!(registries.contains(&registry), "{} comes from {source}", package["id"]);
    }
}

#[test]
fn what_only_the_lock_names_is_never_built() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--target", "all", "--edges", "all", "--prefix", "none", "--format", "{p}"]);
    let (code, told, err) = run(cargo.current_dir(env!("CARGO_MANIFEST_DIR")));
    assert_eq!(code, 0, "{err}");
    assert!(told.lines().any(|line| line.starts_with("ssh-key ")), "{told}");
    assert!(!told.lines().any(|line| line.split(' ').next() == Some("rsa")), "rsa is built in");
}

#[test]
fn a_crate_is_there_twice_only_where_that_is_explained() {
    let policy = policy();
    let mut explained = BTreeSet::new();
    for skip in policy["bans"]["skip"].as_array().expect("a list") {
        let why = skip["reason"].as_str().unwrap_or_default();
        assert!(!why.is_empty(), "{skip} is not explained");
        explained.insert(skip["crate"].as_str().expect("a crate").to_owned());
    }
    let mut versions = BTreeMap::<String, BTreeSet<String>>::new();
    for package in packages() {
        let text = |field: &str| package[field].as_str().expect("text").to_owned();
        versions.entry(text("name")).or_default().insert(text("version"));
    }
    let twice: BTreeSet<String> =
        versions.iter().filter(|(_, all)| all.len() > 1).map(|(name, _)| name.clone()).collect();
    assert_eq!(twice, explained, "left: in the lock; right: in .deny.toml");
}

#[test]
fn no_crate_asks_for_a_newer_compiler_than_the_one_that_is_promised() {
    let version = |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().expect("a number")).collect() };
    let promised = version(env!("CARGO_PKG_RUST_VERSION"));
    for package in packages() {
        let Some(asks) = package["rust_version"].as_str() else { continue };
        let asks = version(asks);
        assert!(asks[..2] <= promised[..2], "{} asks for {asks:?}", package["id"]);
    }
}
