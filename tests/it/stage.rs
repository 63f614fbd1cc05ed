//! A real room before a simulated world: `warroom serve` with the built binary, and clients that are the built binary under
//! user accounts of their own. The world's story is moved to the present, because a real room runs on the real clock.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use warroom::clock::Clock;
use warroom::drill::scenario::{self, Scenario};
use warroom::drill::simulator::{Endpoints, Simulator, WriteRecord, WriteRequest};
use warroom::model::Happening;

use crate::support::{Running, assert_intact, run, run_json, scratch, segments, skipped, wait_for, warroom};

/// Accounts: the first two are one person's. No passwd entry has to exist; the kernel's number is all a room looks at.
pub const ANA: u32 = 65_001;
pub const ANA_TOO: u32 = 65_003;
pub const SAM: u32 = 65_002;
pub const KIM: u32 = 65_006;
/// Observer.
pub const LEE: u32 = 65_004;
/// May connect, and is nobody.
pub const STRANGER: u32 = 65_005;

/// The name that a person types to confirm the failover of the drill's service.
pub const HOST: &str = "shop.example";

const PEOPLE: &str = r#"
[[person]]
id = "ana"
accounts = ["65001", "65003"]
roles = ["operator", "commander"]
[[person]]
id = "sam"
accounts = ["65002"]
roles = ["operator"]
[[person]]
id = "kim"
accounts = ["65006"]
roles = ["operator"]
[[person]]
id = "lee"
accounts = ["65004"]
roles = ["observer"]
"#;

/// Whether this process may run programs under other accounts; says that the test was skipped if not.
pub fn accounts() -> bool {
    let able = Command::new("true").uid(ANA).gid(0).stdin(Stdio::null()).status().is_ok_and(|status| status.success());
    if !able {
        skipped("two user accounts", "run the tests as root");
    }
    able
}

/// A plan as it was proposed.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub id: String,
    pub digest: String,
}

/// A world, the files of a room, and perhaps the room.
pub struct Stage {
    home: tempfile::TempDir,
    binary: PathBuf,
    pub world: Simulator,
    pub at: Endpoints,
    pub room: Option<Running>,
}

impl Stage {
    /// A world of this story on this clock, and a room's files. `edge` replaces the address of the provider's API.
    pub async fn set(story: Scenario, clock: Clock, edge: impl AsyncFnOnce(&str) -> Option<String>) -> Self {
        warroom::systems::http::install_crypto();
        let home = scratch();
        let world = Simulator::start(story, 7, clock).await.expect("the world starts");
        let at = world.write_config(home.path()).expect("its files");
        let text = std::fs::read_to_string(&at.config).expect("the configuration");
        let text = match edge(&at.cloudflare).await {
            Some(front) => text.replace(&at.cloudflare, &front),
            None => text,
        };
        put(&at.config, &quick(&text), 0o644);
        put(&at.people, PEOPLE, 0o644);
        // Everyone may come as far as the socket and the program; what is secret has a mode of its own.
        open_to_all(home.path());
        std::fs::create_dir(home.path().join("run")).expect("a folder for the socket");
        open_to_all(&home.path().join("run"));
        let binary = home.path().join("warroom");
        let built = Path::new(env!("CARGO_BIN_EXE_warroom"));
        // The build's own folder may be closed to other accounts.
        if std::fs::hard_link(built, &binary).is_err() {
            std::fs::copy(built, &binary).expect("a copy of the program");
        }
        open_to_all(&binary);
        Self { home, binary, world, at, room: None }
    }

    /// The story in the present: the alert fires in three seconds. Probes look every second, two answers make a window.
    pub fn story() -> Scenario {
        let mut story = scenario::load("etcd-corruption").expect("the scenario");
        story.service.probe_every = "1s".to_owned();
        story.service.probe_window = 2;
        story.detected_at(Clock::real().now() + Duration::from_secs(3))
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.home.path().join("run/s")
    }

    pub fn state(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// `warroom serve` on this state.
    pub fn serve(&self, state: &Path) -> Running {
        let mut command = warroom(self.home.path());
        command.arg("serve").arg("--config").arg(&self.at.config).arg("--socket").arg(self.socket());
        Running::start(command.arg("--state-dir").arg(state), &self.home.path().join("room.log"))
    }

    /// Starts the room, and waits until it answers.
    pub fn open(&mut self) {
        self.room = Some(self.serve(&self.state()));
        self.answers();
    }

    /// Waits until the room answers.
    pub fn answers(&self) {
        wait_for("an answer of the room", || {
            let (code, _, err) = run(self.client(LEE).args(["status", "-o", "json"]));
            assert!(!err.contains("panicked"), "{err}");
            [0, 3, 4].contains(&code).then_some(())
        });
    }

    /// `kill -9` of the room.
    pub fn kill(&mut self) {
        let mut room = self.room.take().expect("a room runs");
        assert!(room.alive(), "the room has ended by itself:\n{}", self.said());
        room.kill();
    }

    /// What the room wrote to its terminal.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.home.path().join("room.log")).unwrap_or_default()
    }

    /// The program as somebody who may connect.
    pub fn client(&self, uid: u32) -> Command {
        self.client_of_group(uid, 0)
    }

    pub fn client_of_group(&self, uid: u32, gid: u32) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("HOME", self.home.path()).env("XDG_RUNTIME_DIR", self.home.path().join("run"));
        command.uid(uid).gid(gid).stdin(Stdio::null()).arg("--socket").arg(self.socket());
        command
    }

    /// Asks as somebody; gives exit code and answer.
    pub fn ask(&self, uid: u32, words: &[&str]) -> (i32, Value) {
        run_json(self.client(uid).args(words).args(["-o", "json"]))
    }

    /// Waits until the alert has opened an incident.
    pub fn incident(&self) {
        wait_for("the incident", || {
            let (_, status) = self.ask(LEE, &["status"]);
            let incident = &status["incident"];
            (!incident.is_null()).then(|| assert!(!incident["detection"].is_null(), "not by an alert: {incident}"))
        });
    }

    /// The load balancer as the world has it.
    pub fn balancer(&self) -> Value {
        self.world.dump()["load_balancer"].clone()
    }

    /// Changes the load balancer at the world, as somebody outside would. Not counted among the writes.
    pub fn change_balancer(&self, body: Value) {
        let ask =
            WriteRequest::PatchLoadBalancer { zone: self.at.zone.clone(), id: self.at.load_balancer.clone(), body };
        assert_eq!(self.world.apply(ask).0, 200);
    }

    /// Users back to where they were before any failover.
    pub fn put_back(&self) {
        let [primary, dr] = &self.at.pools[..] else { panic!("two pools") };
        self.change_balancer(serde_json::json!({"default_pools": [primary, dr], "fallback_pool": primary}));
    }

    /// Proposes the failover of the drill's service, on facts that the room has read since they last changed.
    pub fn propose(&self, uid: u32) -> Proposal {
        let changed = self.balancer()["modified_on"].as_str().expect("a time").to_owned();
        wait_for("the load balancer on the board", || {
            self.ask(LEE, &["traffic"]).1.to_string().contains(&changed).then_some(())
        });
        let mut last = Value::Null;
        wait_for("a proposal", || {
            let (code, said) = self.ask(uid, &["propose", "failover", "--service", "shop", "--confirm", HOST]);
            if code != 0 && said != last {
                println!("not proposed yet: {said}");
                last = said.clone();
            }
            let word = |key: &str| said[key].as_str().map(str::to_owned);
            (code == 0)
                .then(|| Proposal { id: word("plan").expect("an id"), digest: word("digest").expect("a digest") })
        })
    }

    /// Approves what was proposed.
    pub fn approve(&self, uid: u32, plan: &Proposal) -> (i32, Value) {
        self.ask(uid, &["approve", &plan.id, "--digest", &plan.digest, "--confirm", HOST])
    }

    /// A plan as the room's log has it now.
    pub fn plan(&self, plan: &Proposal) -> Value {
        let (code, shown) = self.ask(LEE, &["plan", "show", &plan.id]);
        assert_eq!(code, 0, "{shown}");
        shown
    }

    /// Everything written to the world, whatever it was answered.
    pub fn writes(&self) -> Vec<WriteRecord> {
        self.world.writes()
    }

    /// Load balancer changes that reached the provider. Anything else written fails the test.
    pub fn patches(&self) -> usize {
        let all = self.writes();
        let stray = all.iter().find(|it| it.service != "cloudflare" || it.method != "PATCH" || it.status != 200);
        assert!(stray.is_none(), "{stray:#?}");
        all.len()
    }

    /// Both verifiers accept the log of this folder.
    pub fn intact(&self, state: &Path) {
        let (code, said) = run_json(warroom(self.home.path()).arg("verify").arg(state).args(["-o", "json"]));
        assert_eq!((code, &said["ok"]), (0, &Value::Bool(true)), "{said}");
        assert_intact(state);
    }
}

/// Every line of a log but the bodies.
pub fn entries(state: &Path) -> Vec<Value> {
    let text: String = segments(state).iter().map(|path| std::fs::read_to_string(path).expect("a segment")).collect();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    lines.filter(|line| line.get("k").is_some()).collect()
}

/// Entries of one kind, which there is: a test that looks for a misspelt one would never find it, and pass.
pub fn of_kind<'a>(entries: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let unknown = matches!(Happening::from_parts(kind, "{}"), Ok(Happening::Unknown { .. }));
    assert!(!unknown, "there is no kind `{kind}`");
    entries.iter().filter(|entry| entry["k"] == kind).collect()
}

fn quick(config: &str) -> String {
    let mut text = config.to_owned();
    for (slow, fast) in [("every = \"5s\"", "every = \"1s\""), ("every = \"10s\"", "every = \"1s\"")] {
        text = text.replace(slow, fast);
    }
    text.replace("timeout = \"3s\"", "timeout = \"1s\"")
}

pub fn put(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}
