//! Programs that tests run for real: found, or skipped with a word on how to get them. Built for tests only.

use std::path::PathBuf;

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
    let required = std::env::var_os("WARROOM_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{what} is required here and missing (install: {install})");
}

/// Says that a test leaves out what stands beside the project only where it is developed: schemas, recordings, a verifier.
/// Nobody can be required to have that.
pub fn left_out(what: &str) {
    say(&format!("skipped: {what} (install: name the folder that has it in WARROOM_SHARED)"));
}

/// What is in the folder that `WARROOM_SHARED` names, if it is.
pub fn shared(path: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("WARROOM_SHARED")?);
    Some(folder.join(path)).filter(|path| path.exists())
}

/// [`shared`], or a line that says what is left out.
pub fn beside(path: &str) -> Option<PathBuf> {
    let found = shared(path);
    if found.is_none() {
        left_out(path);
    }
    found
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
