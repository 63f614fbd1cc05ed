//! A real sshd with accounts of its own: two people, two uids, a real login. Only root can make accounts and serve them.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

use super::process::Server;
use crate::support::{free_port, run, scratch, wait_for};

/// Accounts of tests begin with this, then the process id of the tests: what tests that were killed left behind is found.
const PREFIX: &str = "wrt";

/// One person's account.
#[derive(Clone, Debug)]
pub struct Account {
    /// What the test calls them.
    pub person: String,
    /// The account's name.
    pub name: String,
    pub uid: u32,
    pub home: PathBuf,
    key: PathBuf,
}

/// sshd with accounts. Both are gone on drop.
pub struct Sshd {
    pub port: u16,
    accounts: Vec<Account>,
    server: Server,
    ssh: PathBuf,
    home: tempfile::TempDir,
}

impl Sshd {
    /// Serves these persons on a free port; `None` after a line that says what is missing.
    pub fn start(persons: &[&str]) -> Option<Self> {
        if !Uid::effective().is_root() {
            super::skipped("sshd with accounts of its own", "run the tests as root");
            return None;
        }
        let [sshd, ssh, keygen, _] =
            [super::need("sshd")?, super::need("ssh")?, super::need("ssh-keygen")?, super::need("useradd")?];
        sweep();
        let (home, port) = (scratch(), free_port());
        let dir = home.path();
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).expect("others may pass");
        // sshd insists on this folder for its unprivileged part.
        std::fs::create_dir_all("/run/sshd").expect("sshd's folder");
        let key = |name: &str| {
            let path = dir.join(name);
            let mut command = Command::new(&keygen);
            let (code, out, err) = run(command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path));
            assert_eq!(code, 0, "ssh-keygen: {out}{err}");
            path
        };
        let host = key("host_key");
        let accounts: Vec<Account> = persons.iter().map(|person| account(dir, person, port, key(person))).collect();
        let public = std::fs::read_to_string(host.with_extension("pub")).expect("the host's public key");
        std::fs::write(dir.join("known_hosts"), format!("[127.0.0.1]:{port} {public}")).expect("written");
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nPidFile {dir}/sshd.pid\nAuthorizedKeysFile {dir}/%u.keys\n\
             StrictModes no\nUsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n\
             PrintLastLog no\nAllowUsers {users}\n",
            host = host.display(),
            dir = dir.display(),
            users = accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>().join(" "),
        );
        let file = dir.join("sshd_config");
        std::fs::write(&file, config).expect("written");
        let args = ["-D".into(), "-e".into(), "-f".into(), file.into_os_string()];
        let server = Server::new("sshd", &sshd, dir, args);
        let this = Self { port, accounts, server, ssh, home };
        this.server.start();
        this.server.wait_ready(|| this.server.log().contains("Server listening on 127.0.0.1"));
        Some(this)
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Others may pass through it and read in it.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    pub fn account(&self, person: &str) -> &Account {
        self.accounts.iter().find(|account| account.person == person).expect("a person of these")
    }

    /// `ssh` to that account, without anything of the person who runs the tests. Options and words of a command follow;
    /// give the terminal to a pty and `-tt` as needed: `ssh(person, &["-tt"])`.
    pub fn ssh(&self, person: &str, options: &[&str]) -> Command {
        let account = self.account(person);
        let mut command = Command::new(&self.ssh);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &account.home)
            .env("TERM", "xterm-256color")
            .args(["-F", "none", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"])
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", self.home.path().join("known_hosts").display()))
            .arg("-i")
            .arg(&account.key)
            .args(["-p", &self.port.to_string()])
            .args(options)
            .arg(format!("{}@127.0.0.1", account.name))
            .stdin(Stdio::null());
        command
    }

    /// Process ids that run under an account now.
    pub fn processes(&self, person: &str) -> Vec<i32> {
        processes_of(self.account(person).uid)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.server.kill();
        for account in &self.accounts {
            remove(&account.name, account.uid);
        }
    }
}

fn account(dir: &Path, person: &str, port: u16, key: PathBuf) -> Account {
    let name = format!("{PREFIX}{}-{port}-{person}", std::process::id());
    let home = dir.join(format!("home-{person}"));
    // A second test that adds one now holds the lock of the accounts.
    wait_for("an account", || {
        let mut useradd = Command::new("useradd");
        useradd.args(["--no-log-init", "--no-create-home", "--shell", "/bin/bash", "--home-dir"]).arg(&home);
        (run(useradd.arg(&name)).0 == 0).then_some(())
    });
    // Otherwise the account counts as locked, and login is refused without a word.
    wait_for("an account without a password", || {
        (run(Command::new("usermod").args(["-p", "*", &name])).0 == 0).then_some(())
    });
    let user = nix::unistd::User::from_name(&name).expect("readable accounts").expect("the account");
    std::fs::create_dir(&home).expect("a home");
    chown(&home, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("its owner");
    std::fs::copy(key.with_extension("pub"), dir.join(format!("{name}.keys"))).expect("the public key");
    Account { person: person.to_owned(), name, uid: user.uid.as_raw(), home, key }
}

fn processes_of(uid: u32) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("the list of processes").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let owner = |status: &str| {
            let line = status.lines().find(|line| line.starts_with("Uid:"))?;
            line.split_whitespace().nth(1)?.parse::<u32>().ok()
        };
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if owner(&status) == Some(uid) {
            found.push(pid);
        }
    }
    found
}

/// Ends what runs under an account, each by its id, and removes the account.
fn remove(name: &str, uid: u32) {
    let gone = crate::support::wait_within(std::time::Duration::from_secs(10), || {
        for pid in processes_of(uid) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        (run(Command::new("userdel").arg("--force").arg(name)).0 == 0).then_some(())
    });
    if gone.is_none() {
        println!("the account {name} is still there: userdel --force {name}");
    }
}

/// Removes accounts of tests that are no longer running.
fn sweep() {
    for line in std::fs::read_to_string("/etc/passwd").unwrap_or_default().lines() {
        let mut fields = line.split(':');
        let (Some(name), Some(Ok(uid))) = (fields.next(), fields.nth(1).map(str::parse)) else { continue };
        let Some(pid) = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok()) else {
            continue;
        };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            remove(name, uid);
        }
    }
}
