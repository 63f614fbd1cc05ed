//! What persons wrote, put right and removed, with the built binary under accounts of their own: amendments that exports
//! show beside the original, a removal that two persons must want, and the log that stays whole; then the same log read from
//! its folder without a room.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::stage::{ANA, ANA_TOO, LEE, SAM, accounts, entries, of_kind, put};
use crate::support::{Running, assert_intact, run, run_json, scratch, segments, wait_for, warroom};

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
id = "lee"
accounts = ["65004"]
roles = ["observer"]
"#;

/// A room without any source: all there is are persons and what they write.
struct Stage {
    home: tempfile::TempDir,
    binary: PathBuf,
    room: Option<Running>,
}

impl Stage {
    fn set() -> Option<Self> {
        if !accounts() {
            return None;
        }
        let home = scratch();
        let open = |path: &std::path::Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        };
        open(home.path());
        std::fs::create_dir(home.path().join("run")).expect("a folder for the socket");
        open(&home.path().join("run"));
        let binary = home.path().join("warroom");
        std::fs::copy(env!("CARGO_BIN_EXE_warroom"), &binary).expect("a copy of the program");
        open(&binary);
        // Nobody logs in here.
        let config = "[room]\nname = \"written\"\npeople = \"people.toml\"\n[policy]\nlevel = \"account\"\n";
        put(&home.path().join("warroom.toml"), config, 0o644);
        put(&home.path().join("people.toml"), PEOPLE, 0o644);
        let mut stage = Self { home, binary, room: None };
        stage.open();
        Some(stage)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn open(&mut self) {
        let mut serve = warroom(self.home.path());
        serve.arg("serve").arg("--config").arg(self.path("warroom.toml")).arg("--socket").arg(self.path("run/s"));
        self.room = Some(Running::start(serve.arg("--state-dir").arg(self.path("log")), &self.path("room.log")));
        wait_for("an answer of the room", || {
            let (code, ..) = run(&mut self.client(LEE, &["status"]));
            [0, 3, 4].contains(&code).then_some(())
        });
    }

    fn client(&self, uid: u32, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("HOME", self.home.path()).env("TZ", "UTC").uid(uid).gid(0).stdin(Stdio::null());
        command.arg("--socket").arg(self.path("run/s")).args(words);
        command
    }

    fn ask(&self, uid: u32, words: &[&str]) -> (i32, Value) {
        run_json(self.client(uid, words).args(["-o", "json"]))
    }

    /// Asks for something that is recorded; the entry's number.
    fn done(&self, uid: u32, words: &[&str]) -> String {
        let (code, said) = self.ask(uid, words);
        assert_eq!(code, 0, "{words:?}: {said}");
        said["seq"].as_u64().expect("an entry").to_string()
    }

    fn refused(&self, uid: u32, words: &[&str], kind: &str) {
        let (code, said) = self.ask(uid, words);
        assert_eq!((code, said["refused"].as_str()), (6, Some(kind)), "{words:?} by {uid}: {said}");
    }

    fn on_disk(&self) -> String {
        segments(&self.path("log")).iter().map(|path| std::fs::read_to_string(path).expect("a segment")).collect()
    }

    /// Both verifiers accept the log.
    fn intact(&self) -> Value {
        let (code, said) = run_json(warroom(self.home.path()).arg("verify").arg(self.path("log")).args(["-o", "json"]));
        assert_eq!((code, &said["ok"]), (0, &Value::Bool(true)), "{said}");
        assert_intact(&self.path("log"));
        said
    }

    fn export(&self, format: &str) -> String {
        let (code, text, err) = run(&mut self.client(LEE, &["export", "--format", format]));
        assert_eq!(code, 0, "{err}");
        text
    }
}

#[test]
fn a_text_is_removed_by_two_persons_and_the_log_stays_whole() {
    let Some(mut stage) = Stage::set() else { return };
    stage.done(ANA, &["incident", "open", "users see errors"]);
    let note = stage.done(ANA, &["timeline", "add", "call of J. Doe, 555-0199"]);
    let other = stage.done(SAM, &["timeline", "add", "looked at it"]);

    // One asks, and nothing happens yet.
    let ask = ["timeline", "redact", &note, "--reason", "a private number"];
    stage.refused(LEE, &ask, "not_operator");
    stage.done(ANA, &ask);
    stage.refused(SAM, &["timeline", "redact", &note, "--reason", "me too"], "target_locked");
    let (_, status) = stage.ask(LEE, &["status"]);
    let waits = &status["waiting"][0];
    assert_eq!(
        (waits["redact"].to_string(), &waits["reason"]),
        (note.clone(), &json!("a private number")),
        "{status:#}"
    );
    let code = waits["code"].as_str().expect("a code").to_owned();
    let (_, text, _) = run(&mut stage.client(LEE, &["status"]));
    assert!(text.contains(&format!("warroom timeline redact {note} --confirm")), "{text}");
    let confirm = ["timeline", "redact", &note, "--confirm", &code];
    assert!(stage.on_disk().contains("555-0199"));

    // Who may not confirm: who asked, by this or another account; who only watches; who read another request.
    stage.refused(ANA, &confirm, "self_approval");
    stage.refused(ANA_TOO, &confirm, "same_person");
    stage.refused(LEE, &confirm, "not_operator");
    stage.refused(SAM, &["timeline", "redact", &note, "--confirm", "00 00 00"], "digest_mismatch");
    stage.refused(SAM, &["timeline", "redact", &other, "--confirm", &code], "bad_request");
    assert!(stage.on_disk().contains("555-0199"), "nothing was removed");
    let (code, said) = run_json(stage.client(SAM, &confirm).args(["--as", "kim", "-o", "json"]));
    assert!(code != 0, "a real room takes no names: {said}");

    // Refused, asked for again; a restart ends what waits; then another person confirms.
    stage.done(SAM, &["timeline", "redact", &note, "--refuse"]);
    stage.refused(SAM, &confirm, "plan_closed");
    stage.done(ANA, &ask);
    let code = |stage: &Stage| stage.ask(LEE, &["status"]).1["waiting"][0]["code"].as_str().expect("a code").to_owned();
    let old = code(&stage);
    drop(stage.room.take());
    stage.open();
    stage.refused(SAM, &["timeline", "redact", &note, "--confirm", &old], "expired");
    stage.done(ANA, &ask);
    let removed = stage.done(SAM, &["timeline", "redact", &note, "--confirm", &code(&stage)]);
    assert!(!stage.on_disk().contains("555-0199"), "it is off the disk");
    let said = stage.intact();
    let pair = json!([note.parse::<u64>().expect("a number"), removed.parse::<u64>().expect("a number")]);
    assert_eq!(said["redacted"], json!([pair]), "{said}");

    // Everyone is told that something was removed, by whom and why; and nobody what.
    let (_, shown) = stage.ask(LEE, &["timeline", "show"]);
    let items = shown["items"].as_array().expect("items");
    let item = items.iter().find(|it| it["seq"].as_u64() == note.parse().ok()).expect("the note");
    assert_eq!((&item["says"], item["redacted_by"].to_string()), (&json!("(redacted)"), removed.clone()), "{item:#}");
    for format in ["markdown", "html", "csv", "json"] {
        let text = stage.export(format).replace('\\', "");
        assert!(!text.contains("555-0199") && !text.contains("J. Doe"), "{format}");
        assert!(text.contains("a private number"), "{format}: {text}");
        assert!(format == "json" || text.contains("text removed by ana and sam"), "{format}: {text}");
    }
    stage.refused(SAM, &["timeline", "amend", &note, "call of somebody"], "bad_request");
    stage.refused(SAM, &["timeline", "redact", "1", "--reason", "why not"], "bad_request");

    // The log goes on, over a close and a restart; and what is found out later can be removed later.
    stage.done(SAM, &["timeline", "add", "and on"]);
    stage.done(ANA, &["incident", "close"]);
    drop(stage.room.take());
    stage.open();
    stage.done(SAM, &["timeline", "redact", &other, "--reason", "by mistake"]);
    stage.done(ANA, &["timeline", "redact", &other, "--confirm", &code(&stage)]);
    assert!(!stage.on_disk().contains("looked at it"));
    stage.intact();
    let log = entries(&stage.path("log"));
    assert_eq!((of_kind(&log, "redact").len(), of_kind(&log, "redact_approved").len()), (2, 2));
}

#[test]
fn entries_are_put_right_and_come_many_at_once_and_the_folder_tells_it_without_a_room() {
    let Some(mut stage) = Stage::set() else { return };
    stage.done(ANA, &["incident", "open", "users see errors"]);
    let note = stage.done(ANA, &["timeline", "add", "etcd of DR is corrupt", "--at", "-5m"]);
    let amended = stage.done(SAM, &["timeline", "amend", &note, "etcd of the primary is corrupt", "--at", "-6m"]);
    let markdown = stage.export("markdown").replace('\\', "");
    assert!(markdown.contains("etcd of the primary is corrupt"), "{markdown}");
    assert!(markdown.contains(&format!("amended by entry {amended}; it said: etcd of DR is corrupt")), "{markdown}");
    let (code, said) = stage.ask(SAM, &["timeline", "amend", &note, "--at", "2036-01-01T00:00:00Z"]);
    assert!(code == 2 && said.to_string().contains("still to come"), "{code} {said}");
    let opened = (note.parse::<u64>().expect("a number") - 1).to_string();
    stage.refused(SAM, &["timeline", "amend", &opened, "--at", "-9m"], "bad_request");
    for wrong in ["soon", "25:99", "-5"] {
        let (code, _, err) = run(&mut stage.client(SAM, &["timeline", "add", "x", "--at", wrong]));
        // What has only no unit is told the units.
        let forms = wrong == "-5" || err.contains("14:41, T+8");
        assert!(code == 2 && forms && err.contains("-5m"), "{wrong}: {code} {err}");
    }
    let (code, _, err) = run(&mut stage.client(SAM, &["timeline", "add", "x", "--at", "2036-01-01T00:00:00Z"]));
    assert!(code == 2 && err.contains("still to come"), "{code} {err}");

    let lines = stage.path("lines");
    std::fs::write(&lines, "first line\n\n  second line\nthird line\n").expect("written");
    let stdin = || Stdio::from(std::fs::File::open(&lines).expect("its lines"));
    let add = ["timeline", "add", "-", "--kind", "decision", "-o", "json"];
    let (code, said) = run_json(stage.client(SAM, &add).stdin(stdin()));
    assert_eq!((code, said["seqs"].as_array().map(Vec::len)), (0, Some(3)), "{said}");
    let before = entries(&stage.path("log")).len();
    std::fs::write(&lines, format!("good\n{}\n", "x".repeat(9_000))).expect("written");
    let (code, _, err) = run(stage.client(SAM, &add[..5]).stdin(stdin()));
    assert!(code == 2 && err.contains("line 2") && err.contains("nothing was recorded"), "{code} {err}");
    assert_eq!(entries(&stage.path("log")).len(), before, "all or none");

    let (_, plans) = stage.ask(LEE, &["plan", "list"]);
    assert_eq!(plans["plans"], json!([]), "{plans}");
    let (_, text, _) = run(&mut stage.client(LEE, &["status"]));
    let head = entries(&stage.path("log")).last().and_then(|it| it["h"].as_str().map(str::to_owned)).expect("a head");
    assert!(text.contains(&head), "the whole head: {text}");

    // The same from the folder, while no room runs; nothing there is touched.
    let live = stage.export("json");
    drop(stage.room.take());
    let before = stage.on_disk();
    let dir = stage.path("log");
    let offline = |words: &[&str]| {
        let mut command = warroom(stage.home.path());
        run(command.args(words).arg("--dir").arg(&dir))
    };
    let (code, said, err) = offline(&["export", "--format", "json"]);
    assert_eq!((code, said.as_str()), (0, live.as_str()), "{err}");
    let (code, said, err) = run(warroom(stage.home.path()).arg("export").arg(&dir).args(["--format", "json"]));
    assert_eq!((code, said.as_str()), (0, live.as_str()), "{err}");
    let (code, said, err) = offline(&["status"]);
    assert!(code == 0 && said.contains("users see errors") && said.contains(&head), "{code} {said}{err}");
    let (code, said, _) = offline(&["timeline", "show"]);
    assert!(code == 0 && said.contains("third line"), "{said}");
    let (code, said, _) = offline(&["plan", "list"]);
    assert!(code == 0 && said.contains("has no plan"), "{said}");
    let (code, _, err) = run(warroom(stage.home.path()).args(["status", "--dir", "/nowhere"]));
    assert!(code == 2 && err.contains("/nowhere"), "{err}");
    assert_eq!(stage.on_disk(), before);
    stage.intact();
}
