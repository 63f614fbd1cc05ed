//! A room before real servers: `warroom serve` with the built binary on real API servers, a real pair of Alertmanagers and
//! whatever else a test names; somebody who watches its board without a pause, and consoles on terminals.

pub mod rewriter;
pub mod watcher;

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::peers::alertmanager::Pair;
use crate::peers::kube::Cluster;
use crate::pty::{Pty, Start};
use crate::support::{Running, assert_intact, run_json, scratch, segments, wait_for, warroom};

pub use watcher::{Seen, Watcher};

/// Where tests keep what somebody may want to read afterwards.
pub fn evidence(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_warroom")).parent().and_then(Path::parent).expect("a target folder");
    let path = target.join("evidence").join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for evidence");
    path
}

/// The text of a configuration, piece by piece.
pub struct Config {
    home: tempfile::TempDir,
    text: String,
}

impl Config {
    pub fn new(room: &str) -> Self {
        let home = scratch();
        let text = format!(
            "[room]\nname = \"{room}\"\n[rules]\nper_minute = 600\nopen_on = [\"critical\"]\nheartbeats = []\n"
        );
        Self { home, text }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A cluster by the user in its kubeconfig and the address at which it is met; `more` are further lines.
    pub fn cluster(&mut self, name: &str, role: &str, kubeconfig: &str, more: &str) {
        let path = self.home().join(format!("{name}.kubeconfig"));
        std::fs::write(&path, kubeconfig).expect("written");
        let _ = writeln!(self.text, "[[cluster]]\nname = \"{name}\"\nrole = \"{role}\"\nkubeconfig = {path:?}\n{more}");
    }

    /// Further lines.
    pub fn also(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Who is who, and a folder in which their accounts find the socket and the program.
    pub fn people(&mut self, text: &str) {
        std::fs::write(self.home().join("people.toml"), text).expect("written");
        self.text = self.text.replacen("[room]\n", "[room]\npeople = \"people.toml\"\n", 1);
        let built = Path::new(env!("CARGO_BIN_EXE_warroom"));
        let binary = self.home().join("warroom");
        // The build's own folder may be closed to other accounts.
        if std::fs::hard_link(built, &binary).is_err() {
            std::fs::copy(built, &binary).expect("a copy of the program");
        }
        for path in [self.home(), &binary] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        }
    }

    pub fn pair(&mut self, pair: &Pair) {
        for one in [&pair.one, &pair.two] {
            let _ =
                writeln!(self.text, "[[alertmanager]]\nname = \"{}\"\nurl = \"{}\"\nevery = \"1s\"", one.name, one.url);
        }
    }

    /// Starts the room, and waits until it answers.
    pub fn open(self) -> RealRoom {
        let home = self.home;
        std::fs::write(home.path().join("warroom.toml"), &self.text).expect("written");
        let mut serve = warroom(home.path());
        serve.arg("serve").arg("--config").arg(home.path().join("warroom.toml"));
        serve.arg("--socket").arg(home.path().join("s")).arg("--state-dir").arg(home.path().join("log"));
        let room = Running::start(&mut serve, &home.path().join("room.log"));
        let mut this = RealRoom { room, home };
        wait_for("an answer of the room", || {
            let (code, _, err) = crate::support::run(this.client().args(["status", "-o", "json"]));
            assert!(!err.contains("panicked"), "{err}");
            let ended = !this.room.alive();
            assert!(!ended, "the room ended: {}", this.said());
            [0, 3, 4].contains(&code).then_some(())
        });
        this
    }
}

/// A kubeconfig that meets a cluster elsewhere than where it listens.
pub fn kubeconfig(cluster: &Cluster, server: &str, user: &Value) -> String {
    let mut config: Value = serde_json::from_str(&cluster.kubeconfig_text(user)).expect("JSON");
    config["clusters"][0]["cluster"]["server"] = json!(server);
    if server.starts_with("http://") {
        config["clusters"][0]["cluster"] = json!({ "server": server });
    }
    config.to_string()
}

/// The room. Killed on drop.
pub struct RealRoom {
    room: Running,
    home: tempfile::TempDir,
}

impl RealRoom {
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.home.path().join("s")
    }

    pub fn state(&self) -> PathBuf {
        self.home.path().join("log")
    }

    pub fn client(&self) -> std::process::Command {
        let mut command = warroom(self.home.path());
        command.arg("--socket").arg(self.socket());
        command
    }

    /// Asks with a command; gives exit code and answer.
    pub fn ask(&self, words: &[&str]) -> (i32, Value) {
        run_json(self.client().args(words).args(["-o", "json"]))
    }

    /// Asks as one of the people; gives exit code and answer.
    pub fn ask_as(&self, uid: u32, words: &[&str]) -> (i32, Value) {
        let mut command = std::process::Command::new(self.home().join("warroom"));
        command.env_clear().env("HOME", self.home()).env("XDG_RUNTIME_DIR", self.home());
        command.uid(uid).gid(0).stdin(std::process::Stdio::null()).arg("--socket").arg(self.socket());
        run_json(command.args(words).args(["-o", "json"]))
    }

    /// A console on a terminal of this size.
    pub fn console(&self, columns: u16, rows: u16) -> Pty {
        let start = Start::warroom(self.home()).arg("--socket").arg(self.socket()).size(columns, rows);
        let mut pty = Pty::start(start);
        pty.wait_console();
        pty
    }

    /// Somebody who watches the board.
    pub fn watch(&self) -> Watcher {
        Watcher::start(&self.socket())
    }

    /// Every line of the log.
    pub fn entries(&self) -> Vec<Value> {
        let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a segment");
        let text: String = segments(&self.state()).iter().map(read).collect();
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect()
    }

    /// What it recorded of its sources so far.
    pub fn edges(&self) -> Vec<Value> {
        self.entries().into_iter().filter(|entry| entry["k"] == "edge").map(|entry| entry["d"].clone()).collect()
    }

    /// What the room wrote to its terminal.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.home.path().join("room.log")).unwrap_or_default()
    }

    /// It runs, nothing in it has panicked, and its log is whole by both verifiers.
    pub fn assert_sound(&mut self) {
        assert!(self.room.alive(), "the room has ended by itself:\n{}", self.said());
        assert!(!self.said().contains("panicked"), "{}", self.said());
        let (code, said) = run_json(warroom(self.home.path()).arg("verify").arg(self.state()).args(["-o", "json"]));
        assert_eq!((code, &said["ok"]), (0, &Value::Bool(true)), "{said}");
        assert_intact(&self.state());
    }
}

/// Longer than any wait of this file: servers on a busy machine are slow.
pub const LONG: Duration = Duration::from_secs(120);
