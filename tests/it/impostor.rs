//! What is not the room: a socket that somebody else has put where a room's is looked for, a way to it on which others write,
//! another log in place of the one that was known, and a room that says in every field what a terminal would obey.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::CommandFactory;
use serde_json::Value;
use warroom::cli::command_line::Args;
use warroom::clock::Clock;

use crate::fuzz::hidden::hidden;
use crate::pty::{Pty, Start};
use crate::stage::{ANA, Stage, accounts, put};
use crate::support::{Running, run, run_json, scratch, wait_for, warroom};

mod liar;

/// Whoever looks for a room, and whoever lies in wait for them.
const VICTIM: u32 = 65_111;
const ATTACKER: u32 = 65_112;

/// The program where every account can run it, and a folder that goes with the test.
struct Host {
    home: tempfile::TempDir,
    /// Where the victim's room is looked for when they have no runtime directory.
    own: PathBuf,
}

impl Host {
    fn new() -> Self {
        let home = scratch();
        open_to_all(home.path());
        let program = home.path().join("warroom");
        // Another process writes the copy: a child that another test starts meanwhile would inherit our open file.
        let (code, _, said) = run(Command::new("cp").arg(env!("CARGO_BIN_EXE_warroom")).arg(&program));
        assert_eq!(code, 0, "{said}");
        open_to_all(&program);
        put(&home.path().join("warroom.toml"), "[room]\nname = \"shop\"\n", 0o644);
        let own = PathBuf::from(format!("/tmp/warroom-{VICTIM}"));
        let _ = std::fs::remove_dir_all(&own);
        Self { home, own }
    }

    fn command(&self, uid: u32) -> Command {
        let mut command = Command::new(self.home.path().join("warroom"));
        command.env_clear().uid(uid).gid(uid).stdin(Stdio::null()).current_dir("/");
        command
    }

    /// A room that listens there, run by that account on a log of its own.
    fn room(&self, uid: u32, socket: &Path, log: &str) -> Running {
        let state = self.home.path().join(log);
        std::fs::create_dir_all(&state).expect("a folder");
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).expect("its mode");
        chown(&state, Some(uid), Some(uid)).expect("its owner");
        let mut serve = self.command(uid);
        serve.arg("serve").arg("--config").arg(self.home.path().join("warroom.toml")).arg("--socket").arg(socket);
        let room = Running::start(serve.arg("--state-dir").arg(state), &self.home.path().join("room.log"));
        answers(socket);
        std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o666)).expect("anybody may knock");
        room
    }

    fn made_by(&self, uid: u32, dir: &Path, mode: u32) {
        std::fs::create_dir_all(dir).expect("made");
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode)).expect("its mode");
        chown(dir, Some(uid), Some(uid)).expect("its owner");
    }

    fn ask(&self, uid: u32, words: &[&str]) -> (i32, Value) {
        run_json(self.command(uid).args(words).args(["-o", "json"]))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.own);
    }
}

/// Waits until somebody listens there.
fn answers(socket: &Path) {
    wait_for("a room", || UnixStream::connect(socket).ok());
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// Refused so, with these words for people.
fn is_refused(answer: &(i32, Value), code: i32, kind: &str, words: &[&str]) {
    let (was, said) = answer;
    assert_eq!((*was, &said["refused"]), (code, &Value::from(kind)), "{said:#}");
    let text = format!("{} {}", said["why"], said["remedy"]);
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_socket_that_somebody_else_put_there_is_told_nothing() {
    if !accounts() {
        return;
    }
    let host = Host::new();
    // No runtime directory, no room: the attacker was there first.
    host.made_by(ATTACKER, &host.own, 0o755);
    let socket = host.own.join("warroom.sock");
    let theirs = host.room(ATTACKER, &socket, "theirs");
    for words in [&["status"][..], &["timeline", "add", "a secret"], &["timeline", "show"]] {
        is_refused(
            &host.ask(VICTIM, words),
            6,
            "untrusted_server",
            &["uid 65112", "/tmp/warroom-65111/warroom.sock", "--room-account 65112", "--socket PATH"],
        );
    }
    let log = std::fs::read_to_string(host.home.path().join("theirs/timeline.000001.jsonl")).expect("their log");
    assert!(!log.contains("a secret") && !log.contains("\"u\":65111"), "{log}");
    // Said to be the room's account it is one, by name or number; of another one it is not.
    assert_eq!(host.ask(VICTIM, &["--room-account", "65112", "status"]).0, 3);
    is_refused(&host.ask(VICTIM, &["--room-account", "65113", "status"]), 6, "untrusted_server", &["65113"]);
    drop(theirs);
}

#[test]
fn a_way_on_which_others_write_is_refused_with_path_owner_mode_and_remedy() {
    if !accounts() {
        return;
    }
    let host = Host::new();
    let dir = host.home.path().join("run");
    host.made_by(0, &dir, 0o755);
    let socket = dir.join("s");
    // Root's room, so nothing is wrong with who listens.
    let _room = host.room(0, &socket, "log");
    let at = socket.to_str().expect("a path");
    let status = |uid| host.ask(uid, &["--socket", at, "status"]);
    assert_eq!(status(VICTIM).0, 3, "nothing is configured, and nothing is wrong with the way");
    let shown = dir.display().to_string();
    host.made_by(0, &dir, 0o777);
    is_refused(
        &status(VICTIM),
        6,
        "untrusted_server",
        &[&shown, "of uid 0", "mode 0777", "chmod go-w", "--socket PATH"],
    );
    host.made_by(ATTACKER, &dir, 0o755);
    is_refused(&status(VICTIM), 6, "untrusted_server", &[&shown, "belongs to uid 65112", "mode 0755"]);
    // Sticky as /tmp is: who owns the next step decides.
    host.made_by(0, &dir, 0o1777);
    assert_eq!(status(VICTIM).0, 3);
    // A console says the same, and draws nothing.
    host.made_by(0, &dir, 0o777);
    let start = Start::program(host.home.path().join("warroom"), host.home.path()).arg("--socket").arg(at);
    let mut console = Pty::start(start.account(VICTIM, VICTIM));
    assert_eq!(console.exit_code(), 6, "{}", console.picture());
    assert!(console.evidence().contains("chmod go-w"), "{}", console.evidence());
}

#[test]
fn a_room_is_opened_in_nobody_elses_directory() {
    if !accounts() {
        return;
    }
    let host = Host::new();
    let (dir, config) = (host.home.path().join("theirs"), host.home.path().join("warroom.toml"));
    host.made_by(ATTACKER, &dir, 0o777);
    let serve = |socket: &str, log: &str| {
        let mut command = host.command(0);
        command.arg("serve").arg("--config").arg(&config).arg("--socket").arg(host.home.path().join(socket));
        run(command.arg("--state-dir").arg(host.home.path().join(log)))
    };
    for (socket, log, option) in [("theirs/s", "log", "--socket"), ("s", "theirs/log", "--state-dir")] {
        let (code, _, said) = serve(socket, log);
        assert_eq!(code, 2, "{said}");
        for word in ["theirs belongs to uid 65112", "mode 0777", option] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    assert!(!host.home.path().join("theirs/s").exists() && !host.home.path().join("theirs/log").exists());
}

#[test]
fn another_log_in_place_of_the_known_one_is_refused_until_it_is_accepted() {
    let home = scratch();
    put(&home.path().join("warroom.toml"), "[room]\nname = \"shop\"\n", 0o644);
    let socket = home.path().join("s");
    let serve = |log: &str| {
        // What a room that was killed leaves behind.
        let _ = std::fs::remove_file(&socket);
        let mut serve = warroom(home.path());
        serve.arg("serve").arg("--config").arg(home.path().join("warroom.toml")).arg("--socket").arg(&socket);
        let room = Running::start(serve.arg("--state-dir").arg(home.path().join(log)), &home.path().join("room.log"));
        answers(&socket);
        room
    };
    let ask = |words: &[&str]| {
        run_json(warroom(home.path()).arg("--socket").arg(&socket).args(words).args(["status", "-o", "json"]))
    };
    let first = serve("one");
    let (code, said) = ask(&[]);
    assert_eq!(code, 3, "{said:#}");
    let known = said["room"]["log"].as_str().expect("its id").to_owned();
    let kept = home.path().join("state/warroom/known-logs.json");
    assert_eq!(std::fs::metadata(&kept).expect("kept").permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&kept).expect("kept").contains(&known));
    assert_eq!(ask(&[]).0, 3, "the same again");
    drop(first);
    let second = serve("two");
    let refused = ask(&[]);
    is_refused(&refused, 5, "other_log", &["room shop", &known, "warroom --accept-log "]);
    let remedy = refused.1["remedy"].as_str().expect("a remedy");
    let now = remedy.split("--accept-log ").nth(1).and_then(|rest| rest.split('.').next()).expect("its id").to_owned();
    is_refused(&ask(&["--accept-log", &known]), 5, "other_log", &[&now]);
    assert_eq!(ask(&["--accept-log", &now]).0, 3);
    assert_eq!(ask(&[]).0, 3, "from now on");
    drop(second);
    let _third = serve("one");
    is_refused(&ask(&[]), 5, "other_log", &[&known]);
}

/// What a room answers to a hello.
fn greeted(socket: &Path, hello: &str) -> Value {
    let mut stream = UnixStream::connect(socket).expect("a room");
    stream.write_all(format!("{hello}\n").as_bytes()).expect("said");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer");
    serde_json::from_str(&line).expect("JSON")
}

#[test]
fn what_an_account_knows_of_logs_is_never_lost_in_silence_and_is_asked_of_its_own_log_alone() {
    let home = scratch();
    put(&home.path().join("warroom.toml"), "[room]\nname = \"shop\"\n", 0o644);
    let socket = home.path().join("s");
    let mut serve = warroom(home.path());
    serve.arg("serve").arg("--config").arg(home.path().join("warroom.toml")).arg("--socket").arg(&socket);
    let _room = Running::start(serve.arg("--state-dir").arg(home.path().join("log")), &home.path().join("room.log"));
    answers(&socket);
    let status = || run(warroom(home.path()).arg("--socket").arg(&socket).args(["status", "-o", "json"]));
    let (code, first, err) = status();
    assert_eq!((code, err.as_str()), (3, ""), "{first}");
    let log = serde_json::from_str::<Value>(&first).expect("JSON")["room"]["log"].clone();
    let log = log.as_str().expect("its id");
    let file = home.path().join("state/warroom/known-logs.json");
    for aside in ["known-logs.json.damaged", "known-logs.json.damaged-2"] {
        std::fs::write(&file, "{\"rooms\":[").expect("written");
        let (code, _, err) = status();
        let aside = file.with_file_name(aside);
        assert!(code == 3 && err.contains(&format!("{} (", aside.display())), "{code} {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        assert_eq!(std::fs::read_to_string(aside).expect("set aside"), "{\"rooms\":[");
        assert!(std::fs::read_to_string(&file).expect("kept").contains(log));
        let (code, _, err) = status();
        assert_eq!((code, err.as_str()), (3, ""), "told once");
    }
    std::fs::write(&file, "{").expect("written");
    let mut shot = warroom(home.path());
    let (code, picture, err) = run(shot.arg("--socket").arg(&socket).args(["shot", "--size", "160x48"]));
    assert!(code == 0 && err.contains("damaged-3") && !picture.contains("damaged"), "{code} {err} {picture}");

    let hello = |log: &str| {
        greeted(&socket, &format!(r#"{{"proto":[1],"client":"test","log":{log},"seen":1,"quiet":true}}"#))["welcome"]
            ["seen"]
            .clone()
    };
    let known = hello("null");
    assert!(known.is_string(), "an older client does not say of which log: {known}");
    assert_eq!(hello(&format!("\"{log}\"")), known);
    assert_eq!(hello("\"01ELSE\""), Value::Null, "nothing is said of another log");
}

#[test]
fn a_room_that_does_not_understand_the_question_about_what_was_seen_is_reached_all_the_same() {
    let home = scratch();
    put(&home.path().join("warroom.toml"), "[room]\nname = \"shop\"\n", 0o644);
    let (socket, before) = (home.path().join("s"), home.path().join("before"));
    let mut serve = warroom(home.path());
    serve.arg("serve").arg("--config").arg(home.path().join("warroom.toml")).arg("--socket").arg(&socket);
    let _room = Running::start(serve.arg("--state-dir").arg(home.path().join("log")), &home.path().join("room.log"));
    answers(&socket);
    // It hangs up on a field that it does not know, and is the room otherwise.
    let listener = UnixListener::bind(&before).expect("bound");
    let (to, hung_up) = (socket.clone(), Arc::new(AtomicUsize::new(0)));
    let count = hung_up.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut heard = BufReader::new(client.try_clone().expect("a handle"));
            let mut hello = String::new();
            if heard.read_line(&mut hello).is_ok_and(|bytes| bytes > 0) && !hello.contains("\"seen\"") {
                let mut room = UnixStream::connect(&to).expect("the room");
                room.write_all(hello.as_bytes()).expect("said");
                let (mut back, mut told) = (client, room.try_clone().expect("a handle"));
                std::thread::spawn(move || std::io::copy(&mut told, &mut back));
                std::thread::spawn(move || std::io::copy(&mut heard, &mut room));
            } else if hello.contains("\"seen\"") {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let at = |socket: &Path| run(warroom(home.path()).arg("--socket").arg(socket).args(["status", "-o", "json"]));
    let file = home.path().join("state/warroom/known-logs.json");
    let kept = || serde_json::from_str::<Value>(&std::fs::read_to_string(&file).expect("kept")).expect("JSON");
    assert_eq!(at(&before).0, 3);
    let mut known = kept();
    assert!(known["rooms"][0]["head"][0].as_u64().is_some_and(|seq| seq > 1), "{known:#}");
    // The log has gone on since, and nobody says what it has in this place.
    known["rooms"][0]["head"][0] = Value::from(1);
    std::fs::write(&file, known.to_string()).expect("written");
    let (code, out, err) = at(&before);
    assert_eq!((code, err.as_str()), (3, ""), "{out}");
    assert_eq!(hung_up.load(Ordering::Relaxed), 2, "asked once in its hello and once apart from it");
    assert_eq!(kept(), known, "what was not met is not replaced");
    known["rooms"][0]["socket"] = Value::from(socket.to_str());
    std::fs::write(&file, known.to_string()).expect("written");
    let (code, out, err) = at(&socket);
    assert!(code == 5 && err.contains("entry 1 is not the one"), "a room that understands it answers: {out} {err}");
}

/// Commands that need no more words, but ask no room or do not end.
const NOT_ASKED: &[&str] = &["timeline tail", "config check", "config show", "init"];

/// Every command that shows what a room says without more words: the table of commands names them.
fn shows(command: &clap::Command, path: &str, into: &mut Vec<String>) {
    let takes_format = command.get_arguments().any(|arg| arg.get_long() == Some("output"));
    let needs_more = command.get_arguments().any(clap::Arg::is_required_set)
        || command.get_groups().any(clap::ArgGroup::is_required_set);
    if takes_format && !needs_more && !NOT_ASKED.contains(&path) {
        into.push(path.to_owned());
    }
    for sub in command.get_subcommands() {
        shows(sub, format!("{path} {}", sub.get_name()).trim_start(), into);
    }
}

/// Some that it refuses.
const REFUSED: &[&[&str]] =
    &[&["timeline", "add", "a note"], &["propose", "failover", "--service", "shop", "--confirm", "shop.example"]];

const EXPORTS: &[&[&str]] = &[
    &["export", "--format", "markdown"],
    &["export", "--format", "html"],
    &["export", "--format", "csv"],
    &["export", "--format", "json"],
    &["shot", "--size", "160x48"],
    &["shot", "--size", "160x48", "--format", "svg"],
];

/// Nothing that a terminal obeys or hides, also in the strings of JSON.
fn assert_plain(words: &[&str], out: &str, err: &str) {
    for text in [out, err] {
        assert_eq!(hidden(&text.replace("\r\n", "\n")), Vec::<char>::new(), "{words:?}:\n{text:?}");
    }
    if let Ok(json) = serde_json::from_str::<Value>(out) {
        liar::strings(&json, &mut |text| assert_eq!(hidden(text), Vec::<char>::new(), "{words:?}: {text:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_lies_in_every_field_reaches_no_terminal() {
    if !accounts() {
        return;
    }
    let mut stage = Stage::set(Stage::story(), Clock::real(), async |_| None).await;
    tokio::task::block_in_place(|| {
        stage.open();
        stage.incident();
        let plan = stage.propose(ANA);
        let socket = stage.home().join("run/liar");
        let liar = liar::Liar::start(&stage.socket(), &socket);
        let ask = |words: &[&str], json: bool| {
            let mut command = warroom(stage.home());
            // What it tells is another history each time: nobody remembers the last.
            let nothing = scratch();
            command.env("XDG_STATE_HOME", nothing.path());
            command.arg("--socket").arg(&socket).args(words).args(if json { &["-o", "json"][..] } else { &[] });
            let (code, out, err) = run(&mut command);
            assert!([0, 3, 4, 6].contains(&code), "{words:?}: {code}\n{out}\n{err}");
            assert_plain(words, &out, &err);
            out + &err
        };
        let show_plan = ["plan", "show", plan.id.as_str()];
        let mut said = String::new();
        let mut commands = Vec::new();
        shows(&Args::command(), "", &mut commands);
        assert!(commands.len() >= 12, "{commands:?}");
        let words: Vec<Vec<&str>> = commands.iter().map(|words| words.split(' ').collect()).collect();
        for words in words.iter().map(Vec::as_slice).chain(REFUSED.iter().copied()).chain([&show_plan[..]]) {
            said.push_str(&ask(words, false));
            said.push_str(&ask(words, true));
        }
        for words in EXPORTS {
            said.push_str(&ask(words, false));
        }
        let seen = said.matches("‹U+001B›").count();
        assert!(seen > 100, "the lies came through as text: {seen}");

        let mut console = Pty::start(Start::warroom(stage.home()).arg("--socket").arg(&socket).size(140, 40));
        console.wait_text("U+001B");
        for key in ["1", "2", "3", "4", "5", "6", "7"] {
            console.keys(&format!("{key}g<enter>"));
            console.keys("<esc>");
        }
        console.keys("s<esc>r<esc>A");
        let frames = console.frames();
        console.keys("<c-l>");
        wait_for("a frame", || (console.frames() > frames).then_some(()));
        console.assert_clean();
        let titles = console.titles().concat();
        assert_eq!(hidden(&titles), Vec::<char>::new(), "{titles:?}");

        let told = stage.home().join("plain");
        let mut plain = warroom(stage.home());
        plain.args(["--plain", "--no-input", "--socket"]).arg(&socket);
        let running = Running::start(&mut plain, &told);
        let lines = wait_for("lines", || {
            let text = std::fs::read_to_string(&told).unwrap_or_default();
            text.contains("U+001B").then_some(text)
        });
        assert_plain(&["--plain"], &lines, "");
        drop(running);
        let fields = liar.fields();
        println!("{} fields of the protocol and the log lied in", fields.len());
        assert!(fields.len() >= 100, "{fields:#?}");
    });
}

#[test]
fn what_is_no_message_or_a_refusal_full_of_escapes_is_told_in_plain_text() {
    let home = scratch();
    let socket = home.path().join("s");
    for line in [
        format!(r#"{{"bye":{{"refused":"rate","why":{0},"remedy":{0}}}}}"#, liar::lie()),
        format!("{{{}:1}}", liar::lie()),
        format!(r#"{{"bye":{{"refused":{0},"why":"","remedy":""}}}}"#, liar::lie()),
        liar::PAYLOAD.to_owned(),
    ] {
        let server = liar::say_once(&socket, &line);
        for json in [&[][..], &["-o", "json"]] {
            let (code, out, err) = run(warroom(home.path()).arg("--socket").arg(&socket).arg("status").args(json));
            assert!([1, 2, 6].contains(&code), "{code} {out}{err}");
            assert_plain(&["status"], &out, &err);
        }
        drop(server);
    }
}
