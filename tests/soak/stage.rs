//! The processes of a soak: a world, a room before it, consoles in pseudo-terminals, and one person who takes notes.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use serde_json::Value;

/// Root may not be a person of a room, so under root everybody acts as this account. It need not exist by name.
pub const ACCOUNT: u32 = 65_010;
/// Another person's account.
pub const OTHER: u32 = 65_011;

/// Ends its process when dropped.
pub struct Process(Child);

impl Process {
    /// A child that ends with this.
    #[allow(dead_code, reason = "the soak starts its own")]
    pub fn of(child: Child) -> Self {
        Self(child)
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Asks it to end, and waits.
    pub fn end(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A console in a terminal of its own; what it draws is counted and thrown away.
pub struct Console {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    _terminal: Box<dyn MasterPty + Send>,
    pub bytes: Arc<AtomicU64>,
}

impl Console {
    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }

    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that runs.
pub struct Stage {
    home: tempfile::TempDir,
    binary: PathBuf,
    control: String,
    /// Where the world wrote the room's configuration.
    pub out: PathBuf,
    logs: PathBuf,
    pub world: Process,
    pub room: Process,
}

impl Stage {
    /// Starts the world and the room, and waits until the room has an incident.
    pub fn open(logs: &Path) -> Result<Self, String> {
        let home = tempfile::Builder::new().prefix("wr").tempdir_in("/tmp").map_err(|e| e.to_string())?;
        let binary = home.path().join("warroom");
        std::fs::copy(env!("CARGO_BIN_EXE_warroom"), &binary).map_err(|e| e.to_string())?;
        let out = home.path().join("world");
        let world = start(
            Command::new(&binary).args(["drill", "world", "--detection-in", "5s", "--out"]).arg(&out),
            logs,
            "world",
        )?;
        let endpoints = wait("the world's endpoints", || std::fs::read_to_string(out.join("endpoints.json")).ok())?;
        let endpoints: Value = serde_json::from_str(&endpoints).map_err(|e| e.to_string())?;
        let control = endpoints["control"].as_str().ok_or("the world names no control port")?.to_owned();
        let people = format!(
            "[[person]]\nid = \"ana\"\naccounts = [\"{0}\"]\nroles = [\"operator\", \"commander\"]\n[[person]]\nid = \"sam\"\naccounts = [\"{OTHER}\"]\nroles = [\"operator\"]\n",
            account()
        );
        std::fs::write(out.join("people.toml"), people).map_err(|e| e.to_string())?;
        let run = home.path().join("run");
        std::fs::create_dir(&run).map_err(|e| e.to_string())?;
        for dir in [home.path(), &run, &binary] {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
        }
        let room = serve(&binary, home.path(), &out, logs)?;
        let stage = Self { home, binary, control, out, logs: logs.to_owned(), world, room };
        wait("an incident", || stage.ask(&["status"]).filter(|status| !status["incident"].is_null()))?;
        Ok(stage)
    }

    /// Ends the room as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.room.0.kill();
        let _ = self.room.0.wait();
    }

    /// Starts the room once more.
    pub fn start(&mut self) -> Result<(), String> {
        self.room = serve(&self.binary, self.home.path(), &self.out, &self.logs)?;
        Ok(())
    }

    /// What the world says of itself.
    pub fn world_says(&self, path: &str) -> Result<Value, String> {
        let url = format!("{}/_world/{path}", self.control);
        let output = Command::new("curl").args(["-sf", "-m", "5", &url]).output().map_err(|e| e.to_string())?;
        serde_json::from_slice(&output.stdout).map_err(|e| format!("{url}: {e}"))
    }

    /// The folder of everything.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where the room listens.
    pub fn socket(&self) -> PathBuf {
        self.home.path().join("run/s")
    }

    /// A command of the program, as the person who takes notes.
    fn words(&self, words: &[&str]) -> Vec<String> {
        self.words_of(ACCOUNT, words)
    }

    fn words_of(&self, account: u32, words: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        if nix::unistd::Uid::effective().is_root() {
            // The group is ours still: the room lets its own group come to the socket.
            let uid = format!("--reuid={account}");
            all.extend(["setpriv".to_owned(), uid, "--clear-groups".to_owned()]);
        }
        all.push(self.binary.display().to_string());
        all.extend(["--socket".to_owned(), self.home.path().join("run/s").display().to_string()]);
        all.extend(words.iter().map(|&word| word.to_owned()));
        all
    }

    /// Asks the room; `None` without a JSON answer.
    pub fn ask(&self, words: &[&str]) -> Option<Value> {
        self.ask_as(ACCOUNT, words)
    }

    /// The same as somebody.
    pub fn ask_as(&self, account: u32, words: &[&str]) -> Option<Value> {
        let all = self.words_of(account, words);
        let output = Command::new(&all[0]).args(&all[1..]).args(["-o", "json"]).stdin(Stdio::null()).output().ok()?;
        let answer = serde_json::from_slice(&output.stdout);
        if answer.is_err() {
            eprintln!("{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        answer.ok()
    }

    /// One more console, 160x48.
    pub fn console(&self) -> Result<Console, String> {
        let size = PtySize { rows: 48, cols: 160, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).map_err(|e| e.to_string())?;
        let all = self.words(&[]);
        let mut command = CommandBuilder::new(&all[0]);
        command.args(&all[1..]);
        command.env("TERM", "xterm-256color");
        command.env("HOME", "/nonexistent");
        command.cwd("/");
        let child = pair.slave.spawn_command(command).map_err(|e| e.to_string())?;
        let mut reader = pair.master.try_clone_reader().map_err(|e| e.to_string())?;
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                counted.fetch_add(n as u64, Ordering::Relaxed);
            }
        });
        Ok(Console { child, _terminal: pair.master, bytes })
    }

    /// New events at the world's API servers.
    pub fn inject(&self, count: u64) -> Result<(), String> {
        let url = format!("{}/_world/inject/{count}", self.control);
        let status = Command::new("curl").args(["-sf", "-m", "5", "-X", "POST", "-o", "/dev/null", &url]).status();
        status.map_err(|e| e.to_string()).and_then(|s| if s.success() { Ok(()) } else { Err(format!("{url}: {s}")) })
    }

    /// Ends the room and has both verifiers read what it wrote; gives the number of entries.
    pub fn verify(&mut self) -> Result<u64, String> {
        self.room.end();
        let log = self.home.path().join("log");
        let output = Command::new(&self.binary)
            .arg("verify")
            .arg(&log)
            .args(["-o", "json"])
            .output()
            .map_err(|e| e.to_string())?;
        let verdict: Value = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
        if verdict["ok"] != true {
            return Err(format!("warroom verify: {verdict}"));
        }
        if let Some(stock) = std::env::var_os("WARROOM_VERIFIER") {
            let mut segments: Vec<_> = std::fs::read_dir(&log)
                .map_err(|e| e.to_string())?
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
                .collect();
            segments.sort();
            let status = Command::new("bash").arg(&stock).args(&segments).stdout(Stdio::null()).status();
            if !status.is_ok_and(|status| status.success()) {
                return Err("the stock verifier refuses the log".to_owned());
            }
        }
        verdict["seq"].as_u64().ok_or_else(|| format!("no sequence number: {verdict}"))
    }
}

/// Where figures and logs go.
pub fn evidence() -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let dir = target.join("evidence");
    std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    Ok(dir)
}

fn serve(binary: &Path, home: &Path, out: &Path, logs: &Path) -> Result<Process, String> {
    let mut serve = Command::new(binary);
    serve.arg("serve").arg("--config").arg(out.join("warroom.toml")).arg("--socket").arg(home.join("run/s"));
    start(serve.arg("--state-dir").arg(home.join("log")), logs, "room")
}

/// Who takes notes.
fn account() -> u32 {
    let me = nix::unistd::Uid::effective();
    if me.is_root() { ACCOUNT } else { me.as_raw() }
}

fn start(command: &mut Command, logs: &Path, name: &str) -> Result<Process, String> {
    let path = logs.join(format!("{name}.log"));
    let file = std::fs::File::create(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let twin = file.try_clone().map_err(|e| e.to_string())?;
    let child = command.stdin(Stdio::null()).stdout(file).stderr(twin).spawn();
    child.map(Process).map_err(|e| format!("{name}: {e}"))
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        if let Some(found) = look() {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("{what} did not come within 60 s"))
}

/// Resident memory in MB, open descriptors and threads of a process.
pub fn vitals(pid: u32) -> Option<(f64, f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as f64;
    Some((field("VmRSS:")? / 1024.0, descriptors, field("Threads:")?))
}
