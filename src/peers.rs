//! Programs that tests run for real: found, or skipped with a word on how to get them. Built for tests only.

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

/// The Debian package that brings a program.
pub fn package(program: &str) -> &'static str {
    match program.rsplit('/').next().unwrap_or(program) {
        "kubectl" => "apt-get install kubernetes-client",
        "amtool" | "prometheus-alertmanager" => "apt-get install prometheus-alertmanager",
        "ssh" | "ssh-keygen" => "apt-get install openssh-client",
        "systemd-analyze" => "apt-get install systemd",
        "jq" => "apt-get install jq",
        "kube-apiserver" | "etcd" | "prism" => "tests/peers/build",
        "prometheus" => "apt-get install prometheus",
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
