//! Two people at one room as they really come: by ssh, with keys and accounts of their own, and from inside tmux. What the
//! kernel says about them is what the room knows; a link that is cut ends its console and nothing else.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use warroom::clock::Clock;

use crate::peers::need;
use crate::peers::sshd::Sshd;
use crate::pty::{Pty, Start, still};
use crate::stage::{HOST, LEE, Proposal, Stage, entries, of_kind, put};
use crate::support::{run, run_json, scratch, skipped, wait_for};

/// A room for the people of this sshd, by their accounts' names; it knows them by account alone.
async fn stage(sshd: &Sshd) -> Stage {
    stage_of_level(sshd, "level = \"account\"\n").await
}

/// The same with this line in its policy.
async fn stage_of_level(sshd: &Sshd, level: &str) -> Stage {
    let mut stage = Stage::set(Stage::story(), Clock::real(), async |_| None).await;
    let config = std::fs::read_to_string(&stage.at.config).expect("the configuration");
    assert!(config.contains("level = \"account\"\n"), "{config}");
    put(&stage.at.config, &config.replace("level = \"account\"\n", level), 0o644);
    let known = std::fs::read_to_string(&stage.at.people).expect("people");
    let known = known.replace("\"65001\", \"65003\"", &format!("{:?}", sshd.account("ana").name));
    put(&stage.at.people, &known.replace("\"65002\"", &format!("{:?}", sshd.account("sam").name)), 0o644);
    tokio::task::block_in_place(|| stage.open());
    // Anybody may knock; who it is, the kernel says.
    std::fs::set_permissions(stage.socket(), std::fs::Permissions::from_mode(0o666)).expect("its mode");
    stage
}

/// Who the room counts as present: name and uid, as the kernel gave it.
fn present(stage: &Stage) -> Vec<(String, u64)> {
    let (_, status) = stage.ask(LEE, &["status"]);
    let here = status["room"]["present"].as_array().unwrap_or_else(|| panic!("{status:#}"));
    let who = |it: &Value| Some((it["actor"]["p"].as_str()?.to_owned(), it["actor"]["u"].as_u64()?));
    here.iter().filter_map(who).collect()
}

/// The console of a stage, as somebody types it.
fn console(stage: &Stage) -> String {
    format!("{} --socket {}", stage.home().join("warroom").display(), stage.socket().display())
}

fn ssh(sshd: &Sshd, person: &str, command: &str) -> Pty {
    let mut ssh = sshd.ssh(person, &["-tt"]);
    Pty::start(Start::command(ssh.arg(command), sshd.folder()).size(110, 35))
}

fn running(sshd: &Sshd, person: &str) -> usize {
    let consoles = sshd.processes(person).into_iter();
    consoles
        .filter(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it == "warroom\n"))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_work_in_one_room_over_ssh() {
    let Some(sshd) = Sshd::start(&["ana", "sam"]) else { return };
    let stage = stage(&sshd).await;
    tokio::task::block_in_place(|| {
        stage.incident();
        let mut ana = ssh(&sshd, "ana", &console(&stage));
        ana.wait_text("SEV1");
        let mut sam = ssh(&sshd, "sam", &console(&stage));
        sam.wait_text("SEV1");
        let uid = |person: &str| u64::from(sshd.account(person).uid);
        wait_for("both to be there", || {
            (present(&stage) == [("ana".to_owned(), uid("ana")), ("sam".to_owned(), uid("sam"))]).then_some(())
        });
        // A name that a person claims for themselves is refused: this is no drill.
        let mut liar = ssh(&sshd, "sam", &format!("{} --as ana", console(&stage)));
        assert_eq!(liar.exit_code(), 6, "{}", liar.picture());
        assert!(liar.evidence().contains("it takes your identity from the kernel"), "{}", liar.picture());
        liar.assert_restored();

        ana.keys("iseen from two places<enter>");
        sam.wait("the note under her name", |screen| {
            let rows = screen.contents();
            rows.lines().any(|row| row.contains(" ana ") && row.contains("seen from two places")).then_some(())
        });

        // The link is cut: no word from the client, as when a laptop dies.
        sam.signal(Signal::SIGKILL);
        assert_eq!(sam.exit_code(), -1);
        wait_for("the room to see sam go", || (present(&stage) == [("ana".to_owned(), uid("ana"))]).then_some(()));
        wait_for("the end of sam's console", || (running(&sshd, "sam") == 0).then_some(()));
        ana.wait_text("sam");

        // Another size, a key, and out: the code comes through, the terminal is as it was.
        ana.resize(90, 28);
        ana.keys("?");
        ana.wait_text("Keys   default key map");
        ana.keys("<esc>");
        ana.wait_gone("Keys   default key map");
        ana.keys("<c-c><c-c>");
        assert_eq!(ana.exit_code(), 130, "{}", ana.picture());
        ana.assert_restored();
        ana.assert_clean();
        wait_for("an empty room", || present(&stage).is_empty().then_some(()));
    });
}

/// What somebody's words at the end of an ssh link come to.
fn asked(sshd: &Sshd, person: &str, command: &str) -> (i32, Value) {
    run_json(sshd.ssh(person, &[]).arg(format!("{command} -o json")))
}

/// A program that does to a session what sudo does: another uid, the same login. Only for that person.
fn sudo(sshd: &Sshd, person: &str) -> Option<PathBuf> {
    let (program, account) = (need("setpriv")?, sshd.account(person));
    let ours = sshd.folder().join("sudo");
    let (code, _, said) = run(Command::new("cp").arg(program).arg(&ours));
    assert_eq!(code, 0, "{said}");
    let group = nix::unistd::User::from_uid(account.uid.into()).expect("accounts").expect("the account").gid.as_raw();
    std::os::unix::fs::chown(&ours, Some(0), Some(group)).expect("its group");
    std::fs::set_permissions(&ours, std::fs::Permissions::from_mode(0o4750)).expect("its mode");
    Some(ours)
}

/// `sudo -u OTHER COMMAND`.
fn as_other(sshd: &Sshd, sudo: &Path, other: &str, command: &str) -> String {
    let uid = sshd.account(other).uid;
    format!("{} --reuid {uid} --clear-groups {command}", sudo.display())
}

/// Whether a login here sets its uid: not where the kernel has no auditing, or the container may not write it.
fn logins_are_known(sshd: &Sshd) -> bool {
    let said = run(sshd.ssh("ana", &[]).arg("cat /proc/self/loginuid")).1;
    let known = said.trim() == sshd.account("ana").uid.to_string();
    if !known {
        skipped("the login uid of a session", "a kernel with auditing, and pam_loginuid.so that may write it");
    }
    known
}

/// Proposes the failover over ssh, on facts that the room has read.
fn proposal(stage: &Stage, sshd: &Sshd, person: &str) -> Proposal {
    let command = format!("{} propose failover --service shop --confirm {HOST}", console(stage));
    wait_for("a proposal", || {
        let (code, said) = asked(sshd, person, &command);
        assert!(code == 0 || said["refused"] == "not_ready", "{said:#}");
        let word = |key: &str| said[key].as_str().map(str::to_owned);
        (code == 0).then(|| Proposal { id: word("plan").expect("an id"), digest: word("digest").expect("a digest") })
    })
}

fn approval(stage: &Stage, plan: &Proposal) -> String {
    format!("{} approve {} --digest {} --confirm {HOST}", console(stage), plan.id, plan.digest)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_becomes_another_account_by_sudo_does_not_become_a_second_person() {
    let Some(sshd) = Sshd::start(&["ana", "sam"]) else { return };
    let Some(sudo) = sudo(&sshd, "ana").filter(|_| logins_are_known(&sshd)) else { return };
    let stage = stage_of_level(&sshd, "").await;
    tokio::task::block_in_place(|| {
        stage.incident();
        let (ana, sam) = (sshd.account("ana").uid, sshd.account("sam").uid);
        let plan = proposal(&stage, &sshd, "ana");
        let approve = approval(&stage, &plan);

        let (code, said) = asked(&sshd, "ana", &as_other(&sshd, &sudo, "sam", &approve));
        assert_eq!((code, &said["refused"]), (6, &Value::from("loginuid_mismatch")), "{said:#}");
        let words = format!("{} {}", said["why"], said["remedy"]);
        for word in
            [&format!("uid {ana} logged in") as &str, "UsePAM yes", "pam_loginuid.so", "[policy]", "warroom.toml"]
        {
            assert!(words.contains(word), "{word}: {words}");
        }
        // A program that nobody logged in for, as from cron; where the tests were started by a login, it is that one.
        let (code, said) = stage.approve(sam, &plan);
        let own = std::fs::read_to_string("/proc/self/loginuid").expect("a kernel with auditing");
        let kind = if own.trim() == u32::MAX.to_string() { "level_too_low" } else { "loginuid_mismatch" };
        assert_eq!((code, &said["refused"]), (6, &Value::from(kind)), "{said:#}");
        assert_eq!((stage.plan(&plan)["state"].as_str(), stage.patches()), (Some("proposed"), 0));

        let (code, said) = asked(&sshd, "sam", &approve);
        assert_eq!(code, 0, "{said:#}");
        wait_for("the end of the plan", || (stage.plan(&plan)["state"] == "succeeded").then_some(()));
        let log = entries(&stage.state());
        let by = |kind: &str| of_kind(&log, kind)[0]["by"].clone();
        assert_eq!(by("proposed"), json!({"p": "ana", "u": ana, "lvl": "session", "lu": ana}));
        assert_eq!(by("approved"), json!({"p": "sam", "u": sam, "lvl": "session", "lu": sam}));
        let refused = of_kind(&log, "refused");
        let first = refused.iter().find(|it| it["d"]["kind"] == "loginuid_mismatch").expect("it is in the log");
        assert_eq!(first["by"], json!({"p": "sam", "u": sam, "lvl": "account", "lu": ana}), "with who it was");
        stage.intact(&stage.state());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_lowered_to_accounts_says_what_it_lets_pass() {
    let Some(sshd) = Sshd::start(&["ana", "sam"]) else { return };
    let Some(sudo) = sudo(&sshd, "ana").filter(|_| logins_are_known(&sshd)) else { return };
    let stage = stage(&sshd).await;
    tokio::task::block_in_place(|| {
        stage.incident();
        let (ana, sam) = (sshd.account("ana").uid, sshd.account("sam").uid);
        let says = "sudo -u sam warroom approve";
        let (_, status, _) = run(stage.client(LEE).arg("status"));
        assert!(status.contains("level account: ") && status.contains(says), "{status}");
        let plan = proposal(&stage, &sshd, "ana");
        let (_, shown, _) = run(stage.client(LEE).args(["plan", "show", &plan.id]));
        assert!(shown.contains(says), "{shown}");
        let mut console = ssh(&sshd, "sam", &console(&stage));
        console.wait_text("SEV1");
        console.keys("A");
        console.wait_text("people are known by their account alone here");
        drop(console);

        let (code, said) = asked(&sshd, "ana", &as_other(&sshd, &sudo, "sam", &approval(&stage, &plan)));
        assert_eq!(code, 0, "this is what it says: {said:#}");
        let log = entries(&stage.state());
        let by = &of_kind(&log, "approved")[0]["by"];
        assert_eq!(*by, json!({"p": "sam", "u": sam, "lvl": "account", "lu": ana}), "the log has who it was");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_no_size_is_survived() {
    let Some(sshd) = Sshd::start(&["ana", "sam"]) else { return };
    let stage = stage(&sshd).await;
    tokio::task::block_in_place(|| {
        // No terminal here, one of 0×0 there.
        let mut command = sshd.ssh("ana", &["-tt"]);
        command.arg(console(&stage)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut client = command.spawn().expect("ssh");
        let (mut keys, mut out) = (client.stdin.take().expect("piped"), client.stdout.take().expect("piped"));
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            let _ = out.read_to_end(&mut all);
            all
        });
        wait_for("ana", || (present(&stage).len() == 1).then_some(()));
        keys.write_all(b"?\x0c").and_then(|()| keys.flush()).expect("typed");
        keys.write_all(b"\x03\x03").and_then(|()| keys.flush()).expect("typed");
        assert_eq!(client.wait().expect("its end").code(), Some(130));
        let said = String::from_utf8_lossy(&reader.join().expect("read")).into_owned();
        assert!(said.contains("\x1b[?1049h") && said.contains("\x1b[?1049l") && !said.contains("panic"), "{said:?}");
    });
}

/// A tmux server of this test's own.
struct Tmux {
    program: PathBuf,
    socket: PathBuf,
}

impl Tmux {
    fn new(home: &Path) -> Option<Self> {
        Some(Self { program: need("tmux")?, socket: home.join("tmux") })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LANG", "C.UTF-8");
        command.env("TERM", "xterm-256color").arg("-S").arg(&self.socket).args(["-f", "/dev/null", "-u"]);
        command
    }

    fn tell(&self, words: &[&str]) -> String {
        let (code, out, err) = run(self.command().args(words));
        assert_eq!(code, 0, "tmux {words:?}: {out}{err}");
        out
    }

    /// What the first pane shows.
    fn pane(&self) -> String {
        self.tell(&["capture-pane", "-p", "-t", "w:0.0"])
    }

    fn wait(&self, text: &str) {
        wait_for(&format!("{text:?} in tmux"), || self.pane().contains(text).then_some(()));
    }

    /// Modes of the pane's terminal that a program may leave behind.
    fn modes(&self) -> String {
        self.tell(&[
            "display-message",
            "-p",
            "-t",
            "w:0.0",
            "#{alternate_on} #{cursor_flag} #{wrap_flag} #{mouse_any_flag}",
        ])
    }

    /// The picture does not change when everything is painted again: nothing is left over, nothing is missing.
    fn whole(&self) {
        let press = |key: &str| self.tell(&["send-keys", "-t", "w:0.0", key]);
        // Held still: news would be a difference too.
        press("p");
        self.wait("FROZEN");
        wait_for("the same picture after painting everything", || {
            let before = still(&self.pane());
            press("C-l");
            // A key and its answer: what was asked before is drawn.
            press("?");
            self.wait("Keys   default key map");
            press("Escape");
            wait_for("the help to go", || (!self.pane().contains("Keys   default key map")).then_some(()));
            let after = still(&self.pane());
            (before == after && before.contains("SEV0")).then_some(())
        });
        press("p");
        wait_for("the console to run again", || (!self.pane().contains("FROZEN")).then_some(()));
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = run(self.command().arg("kill-server"));
    }
}

#[test]
fn in_tmux_it_is_detached_attached_resized_and_split() {
    let (home, bash) = (scratch(), need("bash"));
    let (Some(tmux), Some(bash)) = (Tmux::new(home.path()), bash) else { return };
    let shell = format!(
        "env HOME={0} XDG_RUNTIME_DIR={0} PS1='$ ' {1} --norc --noprofile",
        home.path().display(),
        bash.display()
    );
    let cwd = home.path().to_str().expect("a name");
    tmux.tell(&["new-session", "-d", "-s", "w", "-x", "100", "-y", "30", "-c", cwd, &shell]);
    tmux.tell(&["set-option", "-g", "window-size", "latest"]);
    tmux.wait("$");
    let type_line = |line: &str| tmux.tell(&["send-keys", "-t", "w:0.0", line, "Enter"]);
    type_line("echo what was here before; stty -a > before");
    tmux.wait("\nwhat was here before\n$");
    let (screen, modes) = (tmux.pane(), tmux.modes());
    type_line(&format!("{} drill --seed 7 --socket s --state-dir log", env!("CARGO_BIN_EXE_warroom")));
    tmux.wait("SEV1");
    assert_ne!(tmux.modes(), modes);

    // Attached, detached, attached from a smaller terminal, gone without a word.
    let attach = |columns, rows| {
        let mut attach = tmux.command();
        Pty::start(Start::command(attach.args(["attach-session", "-t", "w"]), home.path()).size(columns, rows))
    };
    let mut first = attach(100, 31);
    first.wait_text("SEV1");
    // Not by its prefix key: while a client attaches, tmux may take the two keys apart, and the console gets the second.
    tmux.tell(&["detach-client", "-s", "w"]);
    assert_eq!(first.exit_code(), 0);
    tmux.whole();
    let mut second = attach(80, 25);
    second.wait_text("SEV1");
    tmux.whole();
    second.signal(Signal::SIGKILL);
    assert_eq!(second.exit_code(), -1);
    tmux.whole();

    for round in 0..60u16 {
        let (columns, rows) = (10 + (round * 37) % 190, 2 + (round * 13) % 60);
        tmux.tell(&["resize-window", "-t", "w", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }
    tmux.tell(&["resize-window", "-t", "w", "-x", "120", "-y", "40"]);
    tmux.whole();
    for split in ["-h", "-v"] {
        tmux.tell(&["split-window", split, "-t", "w:0.0", "cat"]);
        tmux.whole();
        tmux.tell(&["kill-pane", "-t", "w:0.1"]);
        tmux.whole();
    }
    // High enough for what stood above and for how the drill went.
    tmux.tell(&["resize-window", "-t", "w", "-x", "100", "-y", "60"]);
    tmux.whole();

    tmux.tell(&["send-keys", "-t", "w:0.0", "C-c", "C-c"]);
    tmux.wait("again:    warroom drill");
    assert_eq!(tmux.modes(), modes);
    // What stood above is there again, letter for letter.
    let above = screen.trim_end().trim_end_matches('$').trim_end();
    assert!(tmux.pane().starts_with(above), "before:\n{above}\nafter:\n{}", tmux.pane());
    tmux.tell(&["resize-window", "-t", "w", "-x", "100", "-y", "30"]);
    type_line("clear; stty -a > after; cmp before after && echo the same $((40 + 2))");
    tmux.wait("the same 42");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_in_tmux_outlives_the_ssh_link_and_is_found_again() {
    if need("tmux").is_none() {
        return;
    }
    let Some(sshd) = Sshd::start(&["ana", "sam"]) else { return };
    let stage = stage(&sshd).await;
    tokio::task::block_in_place(|| {
        stage.incident();
        let tmux = format!("tmux -S {}/t -f /dev/null -u", sshd.account("ana").home.display());
        let mut ana = ssh(&sshd, "ana", &format!("{tmux} new-session -s w '{}'", console(&stage)));
        ana.wait_text("SEV1");
        ana.keys("ibefore the cut<enter>");
        ana.wait_text("before the cut");
        ana.signal(Signal::SIGKILL);
        assert_eq!(ana.exit_code(), -1);
        // Still there: her terminal is tmux, and that lives on.
        let uid = u64::from(sshd.account("ana").uid);
        let mut again = ssh(&sshd, "ana", &format!("{tmux} attach-session -t w"));
        again.wait_text("before the cut");
        assert_eq!(present(&stage), [("ana".to_owned(), uid)]);
        assert_eq!(running(&sshd, "ana"), 1);
        again.keys("iafter the cut<enter>");
        again.wait_text("after the cut");
        again.keys("<c-c><c-c>");
        assert_eq!(again.exit_code(), 0, "tmux's own code\n{}", again.picture());
        let (now, before) = again.termios();
        assert_eq!(now, before, "the line discipline at home");
        wait_for("an empty room", || present(&stage).is_empty().then_some(()));
    });
}
