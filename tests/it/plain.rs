//! Plain mode with the built binary: two persons run a whole incident over pipes, and the log says that they did.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::pty::{Pty, Start};
use crate::stage::{entries, of_kind};
use crate::support::{assert_intact, run_json, scratch, wait_for, warroom};
use crate::terminal::drill_log;

/// A console of lines over pipes.
struct Lines {
    child: Child,
    hand: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
    /// Lines looked at so far.
    seen: usize,
}

impl Lines {
    fn start(home: &Path, args: &[&str]) -> Self {
        let mut command = warroom(home);
        command.env("LANG", "C.UTF-8").args(args).arg("--plain").arg("--socket").arg(home.join("s"));
        command.arg("--state-dir").arg(home.join("log"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let talk = std::fs::File::options().create(true).append(true).open(home.join("talk")).expect("a file");
        command.stderr(talk);
        let mut child = command.spawn().expect("it starts");
        let said = Arc::new(Mutex::new(Vec::new()));
        let (out, theirs) = (child.stdout.take().expect("its stdout"), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                theirs.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let hand = child.stdin.take();
        Self { child, hand, said, seen: 0 }
    }

    fn types(&mut self, line: &str) {
        let hand = self.hand.as_mut().expect("not closed");
        hand.write_all(format!("{line}\n").as_bytes()).and_then(|()| hand.flush()).expect("typed");
    }

    fn all(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a line with these words among those that were not looked at yet.
    fn wait(&mut self, words: &str) -> String {
        let said = Arc::clone(&self.said);
        let seen = self.seen;
        let found = crate::support::wait_within(crate::support::PATIENCE * 2, || {
            let said = said.lock().unwrap_or_else(PoisonError::into_inner);
            let at = said.iter().skip(seen).position(|line| line.contains(words))?;
            Some((seen + at + 1, said[seen + at].clone()))
        });
        let (next, line) = found.unwrap_or_else(|| panic!("no line with {words:?}:\n{}", self.all().join("\n")));
        self.seen = next;
        line
    }

    fn ends(mut self) -> (i32, Vec<String>) {
        self.hand = None;
        let code = wait_for("the end", || self.child.try_wait().expect("a status")).code().expect("a code");
        wait_for("the last lines", || (Arc::strong_count(&self.said) == 1).then_some(()));
        (code, self.all())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a drill keeps its timeline.
/// The words behind a label, on a line of the console.
fn after<'a>(line: &'a str, label: &str) -> &'a str {
    line.split_once(label).unwrap_or_else(|| panic!("{label} in {line}")).1.trim()
}

/// One plan, from its words to its end: the proposer tries alone, the second person reads and approves what was printed.
fn run_plan(first: &mut Lines, second: &mut Lines, build: &str, name: &str) -> String {
    first.types(build);
    first.wait(&format!("To propose it: propose {name}"));
    first.types(&format!("propose {name}"));
    let code = after(&first.wait(", code "), ", code ").to_owned();
    let digest = after(&first.wait("digest sha256:"), "digest ").to_owned();
    first.wait("You proposed this plan");
    // Alone nobody can do it, and nothing is sent.
    first.types(&format!("approve {name} {code}"));
    first.wait("another person must approve it");
    second.wait("A PLAN WAITS FOR YOU");
    second.types("plan");
    let theirs = after(&second.wait(", code "), ", code ").to_owned();
    assert_eq!(theirs, code, "both read the same code");
    assert_eq!(after(&second.wait("digest sha256:"), "digest "), digest);
    second.wait("relies on: ");
    second.wait("step 1 of ");
    second.wait(&format!("To approve it: approve {name}"));
    second.types(&format!("approve {name}"));
    second.wait("needs the code");
    second.types(&format!("approve {name} {code}"));
    second.wait("Confirmed.");
    digest
}

/// A silence from its alert's line to its end: what it mutes is printed before a word makes it.
fn silence_one(person: &mut Lines) {
    person.types("alerts KubeAPIDown");
    person.wait("> alerts KubeAPIDown");
    let line = person.wait(" critical, KubeAPIDown");
    let number = line.trim_start().split(' ').next().expect("a number").to_owned();
    person.types(&format!("silence {number} 30m we are on it"));
    person.wait("Preview, nothing was sent yet");
    person.wait("alerts now, ");
    let word = after(&person.wait("To do it: confirm "), "confirm ").to_owned();
    let word = word.split_once(". Anything").expect("what else it says").0.to_owned();
    person.types(&format!("confirm {word}"));
    person.wait("Done: ");
    person.types("silences");
    person.wait("we are on it");
}

#[test]
fn a_script_that_waits_in_vain_ends_with_the_code_for_it_and_obeys_no_more() {
    let home = scratch();
    let mut ana = Lines::start(home.path(), &["drill", "--seed", "7"]);
    ana.types("wait proposal 1s");
    ana.types("note this was meant for a plan");
    let (code, said) = ana.ends();
    let said = said.join("\n");
    assert_eq!(code, 7, "{said}");
    assert!(said.contains("Waited 1s, the limit: no plan waits for you."), "{said}");
    assert!(said.contains("The script ends here") && !said.contains("> note"), "{said}");
    assert!(of_kind(&entries(&drill_log(home.path())), "note").is_empty());
}

#[test]
fn two_persons_run_an_incident_in_lines_and_the_log_says_so() {
    let home = scratch();
    let mut ana = Lines::start(home.path(), &["drill", "--seed", "7", "--speed", "20"]);
    ana.types("wait incident");
    ana.wait("opened as SEV1");
    let mut sam = Lines::start(home.path(), &["--join", "sam"]);
    sam.wait("you are sam");
    sam.types("status");
    sam.wait("Traffic: ");
    for (line, answer) in [
        ("command", "ana commands"),
        ("note etcd corrupt, \u{1b}[2J confirmed with etcdctl", "‹U+001B›[2J confirmed"),
        ("decision fail over to dr", "Decision: fail over to dr"),
    ] {
        ana.types(line);
        ana.wait(match line {
            "command" => "took command",
            _ => answer,
        });
    }
    silence_one(&mut ana);
    let failover = run_plan(&mut ana, &mut sam, "failover shop", "shop.example");
    ana.types("wait end");
    ana.types("timeline fail over");
    ana.wait("> timeline fail over");
    ana.wait("confirmed");
    let restore = run_plan(&mut ana, &mut sam, "restore shop", "shop");
    ana.types("wait recovery");
    ana.types("set resolved");
    // The primary is still down, and its alerts fire: that is asked for first.
    ana.types("set closed");
    ana.wait("Closing is for good");
    ana.types("set closed although-firing");
    ana.wait("Closed.");
    sam.wait("Incident closed");
    sam.types("quit");
    let (code, said) = sam.ends();
    assert_eq!(code, 0);
    check_lines(&said);
    // The end of what is typed is the end.
    let (code, said) = ana.ends();
    assert_eq!(code, 0);
    check_lines(&said);

    let dir = drill_log(home.path());
    assert_intact(&dir);
    drill_has_told(&dir, &std::fs::read_to_string(home.path().join("talk")).expect("what it said beside its lines"));
    let (code, verified) = run_json(warroom(home.path()).arg("verify").arg(&dir).args(["-o", "json"]));
    assert_eq!((code, &verified["ok"]), (0, &Value::Bool(true)), "{verified}");
    let log = entries(&dir);
    let field = |entry: &Value, path: &str| entry.pointer(path).cloned().unwrap_or_default();
    let proposed: Vec<_> = of_kind(&log, "proposed");
    let approved: Vec<_> = of_kind(&log, "approved");
    let digests = |entries: &[&Value]| entries.iter().map(|it| field(it, "/d/digest")).collect::<Vec<_>>();
    let printed = [failover, restore].map(Value::String).to_vec();
    assert_eq!(digests(&proposed), printed, "what was printed is what was proposed");
    assert_eq!(digests(&approved), printed, "and what was approved");
    assert!(proposed.iter().all(|it| field(it, "/by/p") == "ana"), "{proposed:#?}");
    assert!(approved.iter().all(|it| field(it, "/by/p") == "sam"), "{approved:#?}");
    let ends: Vec<_> = of_kind(&log, "plan_ended").iter().map(|it| field(it, "/d/outcome")).collect();
    assert_eq!(ends, ["succeeded", "succeeded"]);
    assert_eq!(of_kind(&log, "closed").len(), 1);
    let silenced: Vec<_> = of_kind(&log, "silence_ended").iter().map(|it| field(it, "/d/outcome")).collect();
    assert_eq!(silenced, ["done"]);
    assert!(of_kind(&log, "refused").is_empty(), "what can't be is not even sent");
}

/// A drill by hand ends with how it went, and with everything in its folder.
fn drill_has_told(dir: &Path, talk: &str) {
    for said in [
        "seed 7 · ",
        "shop was back ",
        "RTO 30:00 met",
        "RPO 15:00 met",
        "\nslowest: ",
        "again:    warroom drill --speed 20 --seed 7",
    ] {
        assert!(talk.contains(said), "{said}: {talk}");
    }
    assert!(talk.contains(&format!("xdg-open {}/export.html", dir.display())), "{talk}");
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    for name in ["export.md", "export.html", "export.csv"] {
        assert!(read(name).contains("DRILL"), "{name}");
    }
    let export: Value = serde_json::from_str(&read("export.json")).expect("JSON");
    assert!(
        export["rows"].as_array().is_some_and(|rows| rows.iter().any(|row| row["event"] == "recovered")),
        "{export:#}"
    );
    let score: Value = serde_json::from_str(&read("score.json")).expect("JSON");
    assert_eq!(score["objectives"][0]["rto_met"], true, "{score:#}");
    assert!(score["slowest"]["seconds"].is_u64(), "{score:#}");
    assert!(!dir.join("LOCK").exists(), "a log that nobody writes to any more");
}

/// Every line has the next number, says something, and holds nothing that a terminal would obey.
fn check_lines(said: &[String]) {
    for (i, line) in said.iter().enumerate() {
        let (number, text) = line.trim_start().split_once(' ').unwrap_or_else(|| panic!("a bare line: {line:?}"));
        assert_eq!(number, (i + 1).to_string(), "{line}");
        assert!(!text.trim().is_empty() && !text.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn on_a_terminal_it_draws_nothing_and_breaks_lines_at_words() {
    let home = scratch();
    let start = Start::warroom(home.path()).args(["drill", "--seed", "7", "--plain"]).size(60, 30);
    let start = start.arg("--socket").arg(home.path().join("s")).arg("--state-dir").arg(home.path().join("log"));
    let mut pty = Pty::start(start);
    pty.wait_text("opened as");
    assert_eq!(pty.modes_left(), Vec::<String>::new());
    pty.send(b"situation\n");
    pty.wait_text("decided: not yet");
    let wide = pty.look(|screen| screen.contents().lines().map(|line| line.chars().count()).max());
    assert!(wide <= Some(60), "{}", pty.picture());
    pty.send(b"quit\n");
    assert_eq!(pty.exit_code(), 0, "{}", pty.picture());
    pty.assert_clean();
    pty.assert_restored();
    assert_eq!(pty.frames(), 0, "no frame was drawn");
}

#[test]
fn without_input_it_only_tells_until_it_is_stopped() {
    let home = scratch();
    let mut lines = Lines::start(home.path(), &["drill", "--auto", "--speed", "20", "--no-input"]);
    lines.types("quit");
    lines.wait("opened as SEV1");
    lines.wait("Proposed: Fail over");
    assert!(lines.child.try_wait().expect("a status").is_none(), "nothing typed ends it");
    let pid = nix::unistd::Pid::from_raw(lines.child.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("sent");
    let (code, said) = lines.ends();
    assert_eq!(code, 143);
    check_lines(&said);
}
