//! Programs that tests run for real: found, or skipped with a word on how to get them. Built for tests only.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Once;

/// A line that is read even where the test passes: what goes through `println!` is kept back then.
pub fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Says that a test could not run what it needs. With `WARROOM_REQUIRE_PEERS=1` that is a failure.
///
/// # Panics
/// Where peers are required.
pub fn skipped(what: &str, install: &str) {
    say(&format!("skipped: {what} (install: {install})"));
    assert!(!is_required(), "{what} is required here and missing (install: {install})");
}

/// The folder of schemas that others publish, and of answers that their servers gave.
const CONTRACTS: &str = "WARROOM_CONTRACTS_DIR";
/// A program of others that checks the chain of a log.
const VERIFIER: &str = "WARROOM_VERIFIER";
/// The folder with the systemd units that ours are compared with.
const REFERENCE_UNITS: &str = "WARROOM_REFERENCE_UNITS";

/// A file below the folder of published schemas and recordings.
pub fn contract(path: &str) -> Option<PathBuf> {
    reference(CONTRACTS, path)
}

/// The verifier of others: `bash VERIFIER SEGMENT…`.
pub fn verifier() -> Option<PathBuf> {
    reference(VERIFIER, "")
}

/// The folder of reference units.
pub fn reference_units() -> Option<PathBuf> {
    reference(REFERENCE_UNITS, "")
}

/// What a test compares the program with, and what is not part of the project. Not everybody can have all of it, so what is
/// not there is left out; with `WARROOM_REQUIRE_PEERS=1` all that a set variable stands for is demanded.
///
/// # Panics
/// Where a variable names something that is not there, and where what it lacks is demanded.
fn reference(variable: &str, path: &str) -> Option<PathBuf> {
    let found = match below(std::env::var_os(variable), path, is_required()) {
        Ok(found) => found,
        Err(lacking) => panic!("{variable} is set, but {} is not there: see CONTRIBUTING.md", lacking.display()),
    };
    if found.is_none() {
        leave_out();
    }
    found
}

/// The path below what a variable names, if there is one; an error if that is wrong.
fn below(named: Option<OsString>, path: &str, required: bool) -> Result<Option<PathBuf>, PathBuf> {
    let Some(named) = named.filter(|named| !named.is_empty()).map(PathBuf::from) else { return Ok(None) };
    if !named.exists() {
        return Err(named);
    }
    let found = if path.is_empty() { named } else { named.join(path) };
    match found.exists() {
        true => Ok(Some(found)),
        false if required => Err(found),
        false => Ok(None),
    }
}

/// Says once, however many comparisons it concerns, that some are left out, and what to do.
fn leave_out() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        say(&format!(
            "skipped: comparisons with what others publish (set {CONTRACTS}, {VERIFIER} and {REFERENCE_UNITS} as \
             CONTRIBUTING.md says)"
        ));
    });
}

fn is_required() -> bool {
    std::env::var_os("WARROOM_REQUIRE_PEERS").is_some_and(|value| value == "1")
}

/// The Debian package that brings a program.
pub fn package(program: &str) -> &'static str {
    match program.rsplit('/').next().unwrap_or(program) {
        "kubectl" => "apt-get install kubernetes-client",
        "amtool" | "prometheus-alertmanager" => "apt-get install prometheus-alertmanager",
        "ssh" | "ssh-keygen" => "apt-get install openssh-client",
        "systemd-analyze" => "apt-get install systemd",
        "jq" => "apt-get install jq",
        "bash" => "apt-get install bash",
        "script" => "apt-get install bsdutils",
        "useradd" => "apt-get install passwd",
        "kube-apiserver" | "etcd" | "prism" => "tests/peers/build",
        "prometheus" | "promtool" => "apt-get install prometheus",
        "sshd" => "apt-get install openssh-server",
        "tmux" => "apt-get install tmux",
        "openssl" => "apt-get install openssl",
        _ => "your distribution's package of that name",
    }
}

/// [`skipped`] for a program.
///
/// # Panics
/// Where peers are required.
pub fn missing(program: &str) {
    skipped(program, package(program));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_variable_names_is_there_or_the_test_fails() {
        let dir = tempfile::tempdir().expect("a folder");
        let named = || Some(dir.path().as_os_str().to_owned());
        std::fs::write(dir.path().join("schema.yaml"), "").expect("written");
        for required in [false, true] {
            assert_eq!(below(None, "schema.yaml", required), Ok(None), "nobody must have it");
            assert_eq!(below(Some(OsString::new()), "schema.yaml", required), Ok(None), "set to nothing is not set");
            assert_eq!(below(named(), "", required), Ok(Some(dir.path().to_owned())));
            assert_eq!(below(named(), "schema.yaml", required), Ok(Some(dir.path().join("schema.yaml"))));
            let gone = dir.path().join("gone");
            assert_eq!(below(Some(gone.clone().into()), "schema.yaml", required), Err(gone), "a slip is not a skip");
        }
        assert_eq!(below(named(), "other.yaml", false), Ok(None), "somebody has a part of it");
        assert_eq!(below(named(), "other.yaml", true), Err(dir.path().join("other.yaml")));
    }
}
