//! `init`: what it writes loads, is closed where it must be, and never replaces anything.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::*;
use crate::config::{LoadOptions, load_in};

fn env(uid: u32) -> Env {
    Env { uid, home: Some("/nowhere".into()), ..Env::default() }
}

fn run(dir: &Path, units: Option<&Path>) -> Result<CommandOutput, CliError> {
    let options = InitArgs {
        dir: Some(dir.to_owned()),
        systemd: units.map(Path::to_owned),
        output: crate::cli::args::Output::default(),
    };
    write(&options, &env(0), &Random::seeded(7))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn what_it_writes_loads_and_the_key_is_private() {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("etc/warroom");
    let shown = run(&home, None).expect("written");
    assert!(shown.text.contains("log.key.pub"), "{}", shown.text);
    let config = load_in(&home.join("warroom.toml"), LoadOptions::default(), &env(0)).expect("loads");
    assert!(config.people.is_empty(), "root is nobody in particular");
    assert_eq!(mode(&home.join("log.key")), 0o600);
    assert_eq!(mode(&home.join("people.toml")) & 0o022, 0);
    let key = PrivateKey::read_openssh_file(&home.join("log.key")).expect("a private key");
    let public = fs::read_to_string(home.join("log.key.pub")).expect("text");
    assert_eq!(key.public_key().to_openssh().expect("text"), public.trim_end());
    assert!(public.starts_with("ssh-ed25519 "), "{public}");
}

#[test]
fn stock_ssh_keygen_takes_the_key() {
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), None).expect("written");
    let Ok(out) = Command::new("ssh-keygen").args(["-y", "-f"]).arg(dir.path().join("log.key")).output() else {
        crate::test_support::missing("ssh-keygen");
        return;
    };
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let public = fs::read_to_string(dir.path().join("log.key.pub")).expect("text");
    assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), public.trim());
}

#[test]
fn nothing_is_overwritten_and_nothing_half_written() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("people.toml"), "mine").expect("written");
    std::os::unix::fs::symlink("/nowhere", dir.path().join("log.key")).expect("linked");
    let fail = run(dir.path(), None).expect_err("refused");
    let message = fail.message();
    assert_eq!(fail.exit().code(), 2);
    assert!(
        message.contains("people.toml") && message.contains("log.key") && !message.contains("warroom.toml"),
        "{message}"
    );
    assert_eq!(fs::read_to_string(dir.path().join("people.toml")).expect("text"), "mine");
    assert!(!dir.path().join("warroom.toml").exists());
}

#[test]
fn two_rooms_never_get_the_same_key() {
    let (one, two) = (log_key(&Random::system(), "a").expect("a key"), log_key(&Random::system(), "a").expect("a key"));
    assert_ne!(one.1, two.1);
}

#[test]
fn contexts_become_clusters_with_roles_and_plain_names() {
    let yaml = "
apiVersion: v1
kind: Config
current-context: admin@prod
contexts:
- {name: 'arn:aws:eks:us-east-1:1:cluster/prod-dr', context: {cluster: c, user: u}}
- {name: admin@prod, context: {cluster: c, user: u}}
- {name: admin/prod, context: {cluster: c, user: u}}
- {name: '***', context: {cluster: c, user: u}}
";
    let found = from_kubeconfig(&Kubeconfig::from_yaml(yaml).expect("yaml"));
    let seen: Vec<(&str, ClusterRole, &str)> =
        found.iter().map(|c| (c.name.as_str(), c.role, c.context.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("admin-prod", ClusterRole::Primary, "admin@prod"),
            ("arn-aws-eks-us-east-1-1-cluster-prod-dr", ClusterRole::Dr, "arn:aws:eks:us-east-1:1:cluster/prod-dr"),
            ("admin-prod-2", ClusterRole::Other, "admin/prod"),
            ("cluster", ClusterRole::Other, "***"),
        ]
    );
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("warroom.toml");
    fs::write(&file, sample_for("prod", &found)).expect("written");
    assert_eq!(load_in(&file, LoadOptions::default(), &env(0)).expect("loads").clusters.len(), 4);
}

#[test]
fn a_person_who_runs_it_is_mapped_and_a_system_account_is_not() {
    assert!(people(0).contains("\n#[[person]]"));
    let stranger = people(3_999_999_999);
    assert!(stranger.contains("\n[[person]]") && stranger.contains("accounts = [\"3999999999\"]"), "{stranger}");
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("warroom.toml"), "[room]\nname = \"r\"\n").expect("written");
    fs::write(dir.path().join("people.toml"), stranger).expect("written");
    let config = load_in(&dir.path().join("warroom.toml"), LoadOptions::default(), &env(0)).expect("loads");
    assert_eq!(config.people[0].uids, [3_999_999_999]);
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    let dir = tempfile::tempdir().expect("a directory");
    let units = dir.path().join("units");
    run(&dir.path().join("conf"), Some(&units)).expect("written");
    assert_eq!(mode(&units.join("warroom.service")), 0o644);
    assert_eq!(mode(&dir.path().join("conf/creds")), 0o700);
    assert_eq!(mode(&dir.path().join("conf/creds/log.key")), 0o600);
    // The program need not be installed for the unit to be judged.
    let service =
        fs::read_to_string(units.join("warroom.service")).expect("text").replace("/usr/bin/warroom", "/bin/true");
    fs::write(units.join("warroom.service"), service).expect("written");
    let files = [units.join("warroom.service"), units.join("warroom.socket")];
    let Ok(out) = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(files)
        .env("SYSTEMD_UNIT_PATH", format!("{}:", units.display()))
        .output()
    else {
        crate::test_support::missing("systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&out.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("warroom.")).collect();
    assert!(out.status.success() && ours.is_empty(), "{said}");
}

#[test]
fn the_units_set_every_directive_of_the_reference() {
    let Some(reference) = crate::test_support::reference_units() else { return };
    for (name, ours) in [("warroom.service", SERVICE), ("warroom.socket", SOCKET)] {
        let theirs = fs::read_to_string(reference.join(name)).expect("the reference unit");
        let directive = |line: &&str| line.contains('=') && !line.starts_with('#') && !line.starts_with("Description=");
        for line in theirs.lines().filter(directive) {
            assert!(ours.lines().any(|own| own == line), "{name} lacks {line}");
        }
    }
}
