//! Bad input of every kind, through the built program: one clear message each, with a place and a way out, and the exit
//! code of its family. A source that can't work is not that: the room starts and shows it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::peers::need;
use crate::support::{Running, run, run_json, scratch, segments, wait_for, warroom};

/// More lines than this are nobody's reading at 3 a.m.
const MOST_LINES: usize = 6;

/// One message: something was said on stderr, nothing on stdout, shortly, once, and without the insides showing.
fn one_message(what: &str, outcome: &(i32, String, String), exit: i32, says: &[&str]) {
    let (code, out, err) = outcome;
    assert_eq!(*code, exit, "{what}: exit {code}\n{out}{err}");
    assert_eq!(out, "", "{what} prints data though it failed\n{err}");
    reads_well(what, err);
    for words in says {
        assert!(err.contains(words), "{what} does not say `{words}`:\n{err}");
    }
}

fn reads_well(what: &str, text: &str) {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(!lines.is_empty() && lines.len() <= MOST_LINES, "{what}: {} lines\n{text}", lines.len());
    let mut once = lines.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), lines.len(), "{what} says something twice:\n{text}");
    for insides in ["panicked", "RUST_BACKTRACE", "(os error", "Err(", "Some(", "\u{1b}"] {
        assert!(!text.contains(insides), "{what} shows its insides ({insides:?}):\n{text}");
    }
}

/// A command line that is wrong, what it is given to read, and what it must say.
struct Case {
    args: &'static str,
    exit: i32,
    says: &'static [&'static str],
}

const fn case(args: &'static str, exit: i32, says: &'static [&'static str]) -> Case {
    Case { args, exit, says }
}

/// Files that the cases name.
const FILES: &[(&str, &str)] = &[
    ("good.toml", "[room]\nname = \"x\"\n"),
    ("broken.toml", "[room\nname = \"x\"\n"),
    ("unknown.toml", "[room]\nname = \"x\"\n[rules]\nopen_onn = []\n"),
    ("nameless.toml", "[room]\n"),
    ("console-slip.toml", "[room]\nname = \"x\"\n[console]\ntheme = \"drak\"\n"),
    ("twice.toml", "[main]\n\"q\" = \"quit\"\n\"q\" = \"help\"\n"),
    ("hidden.toml", "[main]\n\"x\" = \"note\"\n\"x y\" = \"decision\"\n"),
    ("one-key.toml", "[main]\n\"F\" = \"propose-failover\"\n"),
    ("roleless.toml", "[palette]\n[roles]\n\"text\" = {}\n"),
    ("role-slip.toml", "[palette]\n[roles]\n\"severity.critcal\" = {}\n"),
    ("keys-broken.toml", "[main\n"),
    ("tab.toml", "inherits = \"vim\"\n[main]\n\"<c-i>\" = \"zoom\"\n"),
    ("when.toml", "[main]\n\"x\" = { run = \"zoom\", when = \"incidnt\" }\n"),
    ("round.toml", "inherits = \"trip.toml\"\n"),
    ("trip.toml", "inherits = \"round.toml\"\n"),
    ("colour-slip.toml", "inherits = \"dark\"\n[roles]\n\"drill\" = { bold = true, fg = \"magneta\" }\n"),
    ("full/old.txt", "from another run"),
    ("a-file", "not a directory"),
    ("scenario.toml", "name = \"mine\"\nsumary = \"x\"\n"),
];

/// `@` is the folder of the files.
const CASES: &[Case] = &[
    // Configuration.
    case("serve --config @/nosuch.toml", 2, &["@/nosuch.toml: there is no such file", "warroom init"]),
    case("serve --config @/broken.toml", 2, &["@/broken.toml:1:6: this is not TOML: unclosed table"]),
    case(
        "serve --config @/unknown.toml",
        2,
        &["@/unknown.toml:4:1: unknown key `open_onn` in [rules] (did you mean `open_on`?)"],
    ),
    case("config check --config @/unknown.toml", 2, &["unknown.toml:4:1:", "did you mean `open_on`?"]),
    case("config show --config @/nameless.toml", 2, &["@/nameless.toml:1:1: [room] has no `name`"]),
    case(
        "--config @/console-slip.toml",
        2,
        &[
            "@/console-slip.toml:4:9: `theme`: there is no theme called drak (did you mean `dark`?)",
            "auto, dark, light",
        ],
    ),
    case("config check --config @/console-slip.toml", 2, &["console-slip.toml:4:9: `theme`:", "did you mean `dark`?"]),
    case("serve", 2, &["there is no configuration at ", "warroom init", "--config FILE"]),
    // Key maps and themes: also without a terminal, so that a script can check them.
    case("--socket @/s --keymap @/twice.toml", 2, &["@/twice.toml:3:1: `q` is here a second time"]),
    case(
        "--socket @/s --keymap @/hidden.toml",
        2,
        &["@/hidden.toml:3:1: `x` hides `x y`: one chord can't begin another"],
    ),
    case(
        "--socket @/s --keymap @/one-key.toml",
        2,
        &["@/one-key.toml:2:1: `propose-failover` is too near to an accident"],
    ),
    case("--socket @/s --keymap @/keys-broken.toml", 2, &["@/keys-broken.toml:1:6: this is not TOML: unclosed table"]),
    case(
        "--socket @/s --keymap emcas",
        2,
        &["there is no key map called emcas; did you mean `emacs`?", "shipped: default, vim, emacs"],
    ),
    case("--socket @/s --keymap @/tab.toml", 2, &["@/tab.toml:3:1: Ctrl-I is Tab to a terminal: write `<tab>`"]),
    case(
        "--socket @/s --keymap @/when.toml",
        2,
        &["@/when.toml:2:30: `incidnt` is not a condition; did you mean `incident`?"],
    ),
    case("--socket @/s --theme drak", 2, &["there is no theme called drak; did you mean `dark`?", "auto, dark, light"]),
    case(
        "--socket @/s --theme @/round.toml",
        2,
        &["@/trip.toml:1:12: a circle of inheritance: @/round.toml → @/trip.toml → @/round.toml"],
    ),
    case(
        "--socket @/s --theme @/colour-slip.toml",
        2,
        &["@/colour-slip.toml:3:31: `magneta` is not in [palette]; did you mean `magenta`?"],
    ),
    case("--socket @/s --keymap @/nosuch.toml", 2, &["@/nosuch.toml: can't be read: No such file or directory"]),
    case("--socket @/s --theme @/roleless.toml", 2, &["@/roleless.toml:2:2: the theme gives no style to role `"]),
    case(
        "drill --theme @/role-slip.toml",
        2,
        &["@/role-slip.toml:3:1: `severity.critcal` is not a role; did you mean `severity.critical`?"],
    ),
    case("shot --socket @/s --keymap @/twice.toml", 2, &["@/twice.toml:3:1:"]),
    case("shot --socket @/s --keys <nokey>", 2, &["--keys: "]),
    case("shot --socket @/s --keys Tab", 2, &["--keys: `Tab` would be typed letter by letter", "`<tab>`"]),
    // No terminal.
    case("drill", 2, &["not a terminal", "ssh -t HOST warroom drill", "warroom drill --auto --headless --out DIR"]),
    case("--config @/good.toml", 2, &["not a terminal", "ssh -t HOST warroom", "warroom status --watch"]),
    case("--join ana", 2, &["not a terminal", "ssh -t HOST warroom"]),
    // No room.
    case("", 2, &["no room is running here", "warroom drill ", "warroom init ", "warroom --config FILE "]),
    case("status", 2, &["no room can be reached at ", "there is no such socket", "warroom serve", "--socket PATH"]),
    case("status --watch --socket @/s", 2, &["no room can be reached at @/s: there is no such socket"]),
    case("alerts --socket @/a-file", 2, &["no room can be reached at @/a-file: nobody listens at its socket"]),
    case("timeline add hello --socket @/s", 2, &["no room can be reached at @/s"]),
    case("export --socket @/s", 2, &["no room can be reached at @/s"]),
    case("shot --socket @/s", 2, &["no room can be reached at @/s"]),
    // Wrong use.
    case("frobnicate", 2, &["unrecognized subcommand 'frobnicate'", "--help"]),
    case("statsu", 2, &["unrecognized subcommand 'statsu'", "'status'"]),
    case("status --wach", 2, &["unexpected argument '--wach'", "--watch"]),
    case("drill --speed 0", 2, &["'0'", "a number from 0.1 to 600"]),
    case("approve P --digest abc --confirm x", 2, &["'abc'", "sha256:<64 lower-case hex digits>"]),
    case("drill --auto --headless", 2, &["--out <DIR>"]),
    case("--join a/b", 2, &["'a/b'", "a name has up to 63"]),
    // Drills.
    case("drill nosuch", 2, &["no scenario or file named nosuch; built in: etcd-corruption"]),
    case("drill nosuch --auto --headless --out @/new", 2, &["no scenario or file named nosuch"]),
    case("drill world nosuch --out @/new", 2, &["no scenario or file named nosuch"]),
    case("drill world @/scenario.toml --out @/new", 2, &["@/scenario.toml", "sumary"]),
    case("drill --auto --headless --out @/full", 2, &["@/full is not empty; choose a new folder"]),
    case("drill world --out @/a-file/w", 2, &["can't write to @/a-file/w: Not a directory; choose another --out"]),
    // Places.
    case(
        "serve --config @/good.toml --state-dir @/log --socket @/LONG/s",
        2,
        &["may have 107; choose a shorter --socket"],
    ),
    case("serve --config @/good.toml --state-dir @/log --socket @/a-file", 2, &["@/a-file exists and is not a socket"]),
    case(
        "serve --config @/good.toml --state-dir @/log --socket @/a-file/s",
        1,
        &["@/a-file/s", "choose another --socket"],
    ),
    case(
        "serve --config @/good.toml --socket @/s --state-dir @/a-file/log",
        1,
        &["@/a-file/log: Not a directory", "--state-dir DIR"],
    ),
    case(
        "serve --config @/good.toml --socket @/s --state-dir @/open",
        1,
        &["@/open: others may enter it", "chmod 700 @/open"],
    ),
    case("verify @/nosuch", 2, &["can't open @/nosuch: No such file or directory"]),
    case("verify @/full", 2, &["@/full: holds no timeline.*.jsonl"]),
    case("init --dir @/a-file/etc", 1, &["@/a-file/etc can't be made: Not a directory"]),
];

#[test]
fn every_wrong_command_line_gets_one_clear_message() {
    let home = scratch();
    let dir = home.path().join("d");
    for (name, text) in FILES {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(&path, text).expect("written");
        // What the service reads must be nobody else's to write, whatever the umask.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("closed");
    }
    std::fs::create_dir(dir.join("open")).expect("made");
    std::fs::set_permissions(dir.join("open"), std::fs::Permissions::from_mode(0o777)).expect("opened");
    let place = |text: &str| text.replace("LONG", &"l".repeat(120)).replace('@', dir.to_str().expect("text"));
    for case in CASES {
        let args: Vec<String> = case.args.split_whitespace().map(place).collect();
        let says: Vec<String> = case.says.iter().map(|words| place(words)).collect();
        let says: Vec<&str> = says.iter().map(String::as_str).collect();
        let outcome = run(warroom(home.path()).args(&args));
        one_message(&format!("`warroom {}`", case.args), &outcome, case.exit, &says);
    }
    assert!(!dir.join("s").exists(), "no socket is left behind");
}

/// With a terminal, but one that can't be drawn on.
#[test]
fn a_dumb_terminal_is_refused_as_none_at_all() {
    if need("script").is_none() {
        return;
    }
    let home = scratch();
    for term in ["dumb", ""] {
        let mut script = on_a_terminal(home.path(), &format!("'{}' drill", env!("CARGO_BIN_EXE_warroom")), "/dev/null");
        let (code, said, _) = run(script.env("TERM", term));
        assert_eq!(code, 2, "TERM={term:?}: {said}");
        reads_well("a dumb terminal", &said.replace('\r', ""));
        assert!(said.contains("not a terminal") && said.contains("ssh -t HOST warroom drill"), "{said}");
    }
}

/// A command on a pseudo terminal; what it draws goes to `log`.
fn on_a_terminal(home: &Path, command: &str, log: &str) -> Command {
    let mut script = Command::new("script");
    script.args(["--quiet", "--flush", "--return", "--command", command, log]);
    script.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("SHELL", "/bin/sh");
    script.env("HOME", home).env("XDG_RUNTIME_DIR", home).stdin(Stdio::null());
    script
}

/// A room in a folder of its own.
struct Room {
    home: PathBuf,
    process: Running,
}

impl Room {
    fn open(home: &Path, config: &str) -> Self {
        let file = home.join("warroom.toml");
        std::fs::write(&file, config).expect("written");
        let mut serve = warroom(home);
        serve.arg("serve").arg("--config").arg(&file).arg("--socket").arg(home.join("s"));
        let process = Running::start(serve.arg("--state-dir").arg(home.join("log")), &home.join("serve.log"));
        let room = Self { home: home.to_owned(), process };
        wait_for("the room answers", || (room.ask("status").0 != 2).then_some(()));
        room
    }

    fn ask(&self, args: &str) -> (i32, String, String) {
        run(warroom(&self.home).arg("--socket").arg(self.home.join("s")).args(args.split_whitespace()))
    }

    fn json(&self, args: &str) -> (i32, Value) {
        let args = args.split_whitespace().chain(["-o", "json"]);
        run_json(warroom(&self.home).arg("--socket").arg(self.home.join("s")).args(args))
    }

    /// Waits until a source is in trouble; gives its row.
    fn troubled(&self, source: &str) -> Value {
        wait_for(source, || {
            let (code, shown) = self.json("status");
            let row = shown["trouble"].as_array()?.iter().find(|row| row["id"] == source)?.clone();
            assert_eq!(code, 3, "a room with a dead source is degraded: {row:#}");
            row["body"]["source"]["trouble"].is_object().then_some(row)
        })
    }

    /// Ends in order, as systemd would.
    fn end(mut self) {
        let id = i32::try_from(self.process.0.id()).expect("a pid");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM).expect("told");
        let ended = wait_for("the room's end", || self.process.0.try_wait().expect("a child"));
        assert_eq!(ended.code(), Some(0), "a told end is a good one");
    }
}

/// A server on loopback that answers each request by its path; it lives as long as the tests.
fn server(answer: fn(&str) -> (u16, String)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    request.push(byte[0]);
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let (status, body) = answer(request.split_whitespace().nth(1).unwrap_or_default());
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            });
        }
    });
    port
}

fn wordy(_: &str) -> (u16, String) {
    (500, (0..200).map(|n| format!("java.lang.IllegalStateException: line {n} of the dump\n")).collect())
}

/// An API server without Velero and Argo CD.
fn bare_cluster(path: &str) -> (u16, String) {
    if path.contains("velero.io") || path.contains("argoproj.io") {
        return (404, "404 page not found\n".to_owned());
    }
    (200, r#"{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}"#.to_owned())
}

#[test]
fn a_source_that_cannot_work_is_red_with_a_reason_and_the_room_runs() {
    let home = scratch();
    let (wordy, cluster) = (server(wordy), server(bare_cluster));
    let dead = crate::support::free_port();
    let kubeconfig = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://127.0.0.1:{cluster}")}}],
        "users": [{"name": "c", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    });
    std::fs::write(home.path().join("kubeconfig"), kubeconfig.to_string()).expect("written");
    std::fs::set_permissions(home.path().join("kubeconfig"), std::fs::Permissions::from_mode(0o600)).expect("closed");
    let config = format!(
        "[room]\nname = \"x\"\n\
         [[cluster]]\nname = \"primary\"\nrole = \"primary\"\nkubeconfig = \"kubeconfig\"\nvelero = \"velero\"\nargocd = \"argocd\"\n\
         [[alertmanager]]\nname = \"dead\"\nurl = \"http://127.0.0.1:{dead}\"\nevery = \"1s\"\n\
         [[alertmanager]]\nname = \"wordy\"\nurl = \"http://127.0.0.1:{wordy}\"\nevery = \"1s\"\n\
         [[cloudflare]]\nname = \"edge\"\nurl = \"http://127.0.0.1:{cluster}\"\naccount = \"{0}\"\nzones = [\"{0}\"]\n\
         token_file = \"missing.token\"\n",
        "0".repeat(32)
    );
    let room = Room::open(home.path(), &config);
    let token = home.path().join("missing.token");
    let token = token.to_str().expect("text");
    let dead = format!("no connection to 127.0.0.1:{dead}");
    let wordy = format!("127.0.0.1:{wordy} answered 500: java.lang.IllegalStateException: line 0 of the dump");
    for (source, kind, words) in [
        ("cloudflare/edge", "credential", token),
        ("alertmanager/dead", "unreachable", dead.as_str()),
        ("alertmanager/wordy", "server_error", wordy.as_str()),
        ("velero/primary", "not_installed", "backups.velero.io is not installed in this cluster"),
        ("argocd/primary", "not_installed", "applications.argoproj.io is not installed in this cluster"),
    ] {
        let row = room.troubled(source);
        let trouble = &row["body"]["source"]["trouble"];
        let what = trouble["what"].as_str().expect("what");
        assert_eq!((trouble["kind"].as_str(), row["verdict"].as_str()), (Some(kind), Some("warning")), "{row:#}");
        assert!(what.contains(words) && what.chars().count() < 300 && !what.contains('\n'), "{row:#}");
        assert!(!trouble["remedy"].as_str().expect("remedy").is_empty(), "{row:#}");
        assert_eq!(row["why"].as_str(), Some(what), "said once: {row:#}");
    }

    // What can't be seen is said where it would be looked for, for people and for machines.
    for (topic, source, words) in [
        ("traffic", "cloudflare/edge", token),
        ("alerts", "alertmanager/dead", dead.as_str()),
        ("backups", "velero/primary", "not installed"),
    ] {
        let (code, said, complaint) = room.ask(topic);
        assert_eq!((code, complaint.as_str()), (3, ""), "{topic}: {said}");
        let line = said.lines().find(|line| line.ends_with(source)).unwrap_or_else(|| panic!("{topic}: {said}"));
        assert_eq!(line.matches(words).count(), 1, "{topic}: {said}");
        let (code, shown) = room.json(topic);
        assert_eq!(code, 3, "{topic}: {shown:#}");
        assert!(
            shown["trouble"].as_array().expect("a list").iter().any(|row| row["id"] == source),
            "{topic}: {shown:#}"
        );
    }
    room.end();
}

#[test]
fn a_running_room_refuses_what_it_does_not_know() {
    let home = scratch();
    let config = "[room]\nname = \"x\"\n";
    let mut room = Room::open(home.path(), config);
    let place = |name: &str| home.path().join(name).display().to_string();
    for (args, exit, says) in [
        ("export nosuch", 2, vec!["there is no incident nosuch in this log", "incidents here: none yet"]),
        ("export", 2, vec!["this log holds no incident yet", "warroom incident open"]),
        ("timeline show nosuch", 2, vec!["there is no incident nosuch"]),
        ("plan show nosuch", 6, vec!["refused: there is no plan nosuch in this room", "plans here: none"]),
        ("plan wait nosuch", 6, vec!["refused: there is no plan nosuch"]),
        ("--as ana status", 6, vec!["refused: this is a real room", "leave out --as"]),
        ("--readonly timeline add hello", 6, vec!["refused: "]),
    ] {
        one_message(args, &room.ask(args), exit, &says);
    }
    let (code, refused) = room.json("plan show nosuch");
    assert_eq!((code, &refused["refused"]), (6, &Value::from("unknown_plan")), "{refused:#}");

    let second = |socket: &str, log: &str| {
        let mut serve = warroom(home.path());
        serve.args([
            "serve",
            "--config",
            &place("warroom.toml"),
            "--socket",
            &place(socket),
            "--state-dir",
            &place(log),
        ]);
        run(&mut serve)
    };
    let taken = format!("a room already runs at {}", place("s"));
    one_message("a second room on the socket", &second("s", "other"), 1, &[&taken, "--socket"]);
    let locked = format!("another room already writes to {}", place("log"));
    one_message("a second room on the log", &second("s2", "log"), 1, &[&locked, "choose another state directory"]);
    assert!(!home.path().join("s2").exists(), "the second room's socket is gone");
    assert!(room.process.alive() && room.ask("events").0 == 0, "the first room goes on");
    let (code, said, _) = room.ask("status");
    assert!(
        code == 3 && said.contains("Nothing is configured that could be watched"),
        "nothing seen is not well: {code} {said}"
    );
    room.end();
}

#[test]
fn garbage_on_the_socket_ends_that_connection_and_nothing_else() {
    let home = scratch();
    let mut room = Room::open(home.path(), "[room]\nname = \"x\"\n");
    let deep = format!("{}{}\n", "[".repeat(5000), "]".repeat(5000));
    let garbage: [(&str, Vec<u8>); 7] = [
        ("words", b"garbage\n".to_vec()),
        ("bytes", [b"\x00\xff\xfe".repeat(500), b"\n".to_vec()].concat()),
        ("a line that never ends", vec![b'x'; 100_000]),
        ("a deep line", deep.into_bytes()),
        ("a claim of a person", b"{\"proto\":[1],\"client\":\"x\",\"person\":\"ana\"}\n".to_vec()),
        ("nothing", Vec::new()),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
    ];
    for (what, bytes) in garbage {
        let mut stream = UnixStream::connect(home.path().join("s")).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        // The room may hang up before it has read everything.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let hung_up = ended.as_ref().map_or_else(|error| error.kind() == std::io::ErrorKind::ConnectionReset, |_| true);
        assert!(hung_up, "{what}: {ended:?}");
        assert!(answer.is_empty(), "{what} is answered: {:?}", String::from_utf8_lossy(&answer));
    }
    assert!(room.process.alive(), "the room lives");
    assert_eq!(room.ask("events").0, 0, "and answers");
    let log = std::fs::read_to_string(home.path().join("serve.log")).expect("a log");
    assert!(!log.contains("panic"), "{log}");
    room.end();
}

/// Two accounts that the people file may name, the first of which can run commands here: this one, or for root a number.
fn accounts() -> Option<[u32; 2]> {
    match nix::unistd::geteuid().as_raw() {
        0 => Some([200_001, 200_002]),
        me if me >= 1000 => Some([me, 200_002]),
        _ => None,
    }
}

#[test]
fn a_damaged_log_is_shown_and_nothing_is_done_on_it() {
    let Some(uids) = accounts() else {
        crate::peers::skipped("an account that can be a person", "run the tests as root or as an ordinary user");
        return;
    };
    let home = scratch();
    let people = ["ana", "sam"]
        .iter()
        .zip(uids)
        .map(|(id, uid)| format!("[[person]]\nid = \"{id}\"\naccounts = [\"{uid}\"]\nroles = [\"operator\"]\n"));
    std::fs::write(home.path().join("people.toml"), people.collect::<String>()).expect("written");
    let config = "[room]\nname = \"x\"\npeople = \"people.toml\"\n";
    Room::open(home.path(), config).end();
    let log = home.path().join("log");
    let verify = || run(warroom(home.path()).arg("verify").arg(&log));
    assert_eq!(verify().0, 0, "whole at first");

    let segment = segments(&log).pop().expect("a segment");
    let mut bytes = std::fs::read(&segment).expect("read");
    let second = bytes.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    let at = second + bytes[second..].windows(6).position(|w| w == b"\"by\":{").unwrap_or(60);
    bytes[at + 1] ^= 0x01;
    std::fs::write(&segment, bytes).expect("damaged");

    let mut room = Room::open(home.path(), config);
    let (code, said, _) = room.ask("status");
    let place = format!("timeline.000001.jsonl at byte {second}, after entry 1");
    let banner = said.lines().find(|line| line.starts_with("NOT RECORDING")).unwrap_or_else(|| panic!("{said}"));
    assert!(code == 3 && banner.contains(&place), "{said}");
    assert_eq!(banner.matches("damaged").count(), 1, "said once: {banner}");
    let (_, shown) = room.json("status");
    assert!(shown["room"]["degraded"].as_str().expect("why").contains(&place), "{shown:#}");

    let (code, said, complaint) = verify();
    assert_eq!((code, complaint.as_str()), (5, ""), "{said}");
    assert!(said.starts_with("NOT INTACT: ") && said.contains(&format!("byte {second}")), "{said}");
    let (code, verdict) = run_json(warroom(home.path()).args(["verify", "-o", "json"]).arg(&log));
    assert_eq!(
        (code, &verdict["ok"], &verdict["offset"]),
        (5, &Value::Bool(false), &Value::from(second)),
        "{verdict:#}"
    );

    let ana = Person::new(home.path(), uids[0]);
    for args in ["propose failover --service shop --confirm shop", "incident open outage", "timeline add hello"] {
        let outcome = ana.run(args);
        one_message(args, &outcome, 6, &["refused: ", &place, "warroom ledger new --after-damage"]);
    }
    let (code, refused, _) = ana.run("propose failover --service shop --confirm shop -o json");
    let refused: Value = serde_json::from_str(&refused).expect("JSON");
    assert_eq!((code, &refused["refused"]), (6, &Value::from("degraded")), "{refused:#}");
    one_message("export", &room.ask("export"), 2, &["no incident can be read", &place, "warroom verify"]);
    assert!(room.process.alive());
    room.end();

    let mut renew = warroom(home.path());
    renew.args(["ledger", "new", "--after-damage", "--config"]).arg(home.path().join("warroom.toml"));
    let (code, said, complaint) = run(renew.arg("--state-dir").arg(&log));
    assert_eq!((code, complaint.as_str()), (0, ""), "the way out works: {said}");
    let accept = said.split("warroom ").nth(1).expect("how to accept it").trim_end();
    let room = Room::open(home.path(), config);
    one_message("status", &ana.run("status"), 5, &["has the log ", accept]);
    assert_eq!(ana.run(&format!("{accept} incident open outage")).0, 0, "and the room records again");
    room.end();
}

/// Somebody on this host: commands run under their uid.
struct Person {
    home: PathBuf,
    program: PathBuf,
    uid: u32,
}

impl Person {
    fn new(home: &Path, uid: u32) -> Self {
        // The folder of the built program may be closed to others; the socket's folder must not be.
        let program = home.join("warroom");
        // Another process writes the copy: a child that another test starts meanwhile would inherit our open file, and a
        // file that is open for writing can't be run.
        let copied = run(Command::new("cp").arg(env!("CARGO_BIN_EXE_warroom")).arg(&program));
        assert_eq!(copied.0, 0, "{copied:?}");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("for all");
        std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o711)).expect("passable");
        Self { home: home.to_owned(), program, uid }
    }

    fn run(&self, args: &str) -> (i32, String, String) {
        let mut command = Command::new(&self.program);
        command.env_clear().stdin(Stdio::null()).arg("--socket").arg(self.home.join("s")).args(args.split_whitespace());
        if nix::unistd::geteuid().is_root() {
            // The room's group may connect; who it is, the kernel says.
            command.uid(self.uid).gid(0);
        }
        run(&mut command)
    }
}

/// Nothing but PATH: no HOME, no LANG, no XDG directories, no TERM.
fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warroom"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command
}

#[test]
fn in_a_bare_environment_help_is_help_and_a_drill_is_played() {
    for (args, says) in [
        ("--help", "Exit codes:"),
        ("-h", "warroom"),
        ("--version", env!("CARGO_PKG_VERSION")),
        ("drill --help", "--headless"),
        ("timeline add --help", "--kind"),
    ] {
        let (code, said, complaint) = run(bare().args(args.split_whitespace()));
        assert_eq!((code, complaint.as_str()), (0, ""), "{args}");
        assert!(said.contains(says) && !said.contains('\u{1b}'), "{args}: {said}");
    }
    let dir = scratch();
    let out = dir.path().join("out");
    // The drill's own tests check the times; here it only matters that all of it happens.
    let (code, said, complaint) =
        run(bare().args(["drill", "--auto", "--headless", "--speed", "max", "--seed", "7", "--out"]).arg(&out));
    assert_eq!(complaint, "", "{said}");
    assert!(code == 0 || code == 4, "exit {code}: {said}");
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let score: Value = serde_json::from_str(&read("score.json")).expect("JSON");
    assert_eq!(score["score"]["reached"], score["score"]["of"], "{score:#}");
    let export: Value = serde_json::from_str(&read("export.json")).expect("JSON");
    assert_eq!(export["rows"].as_array().map(Vec::len), Some(7), "{export:#}");
    assert_eq!(run(bare().arg("verify").arg(&out)).0, 0);
    crate::support::assert_intact(&out);
}

#[test]
fn in_a_bare_environment_a_terminal_shows_the_incident() {
    if need("script").is_none() {
        return;
    }
    let home = scratch();
    let log = home.path().join("screen");
    let place = |name: &str| home.path().join(name).display().to_string();
    let command = format!(
        "stty rows 40 columns 120; exec env -i PATH=\"$PATH\" '{}' drill --socket '{}' --state-dir '{}'",
        env!("CARGO_BIN_EXE_warroom"),
        place("s"),
        place("log")
    );
    let mut script = on_a_terminal(home.path(), &command, &place("screen"));
    // Its input stays open: the end of it would be the end of the terminal.
    let _running = Running::start(script.stdin(Stdio::piped()), &home.path().join("script.log"));
    wait_for("the console shows the incident", || {
        let drawn = String::from_utf8_lossy(&std::fs::read(&log).ok()?).into_owned();
        (drawn.contains("DRILL") && drawn.contains("SEV1")).then_some(())
    });
}
