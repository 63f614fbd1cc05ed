//! `warroom serve` as a service manager, a broken disk and a curious neighbour meet it: signals, a place that can't be
//! written, what is left of its memory.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Running, run, run_json, scratch, wait_for, warroom};

/// A room without sources, which only has to be there.
struct Service {
    home: tempfile::TempDir,
    running: Running,
}

impl Service {
    fn start(state: impl FnOnce(&Path) -> PathBuf) -> Self {
        let home = scratch();
        let config = home.path().join("w.toml");
        std::fs::write(&config, "[room]\nname = \"x\"\n").expect("written");
        let mut command = warroom(home.path());
        command.arg("serve").arg("--config").arg(&config).arg("--socket").arg(home.path().join("s"));
        command.arg("--state-dir").arg(state(home.path()));
        let running = Running::start(&mut command, &home.path().join("room.log"));
        let service = Self { home, running };
        wait_for("an answer of the room", || (service.ask(&["status"]).0 == 3).then_some(()));
        service
    }

    fn ask(&self, words: &[&str]) -> (i32, String, String) {
        run(warroom(self.home.path()).args(words).arg("--socket").arg(self.home.path().join("s")))
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.home.path().join("room.log")).expect("its log")
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(self.running.0.id().try_into().expect("a pid"));
        kill(pid, signal).expect("sent");
    }
}

#[test]
fn signals_that_ask_for_nothing_it_can_do_leave_a_room_up_and_are_said() {
    let mut service = Service::start(|home| home.join("log"));
    for (signal, name) in [(Signal::SIGHUP, "SIGHUP"), (Signal::SIGUSR1, "SIGUSR1"), (Signal::SIGUSR2, "SIGUSR2")] {
        service.send(signal);
        wait_for(name, || {
            assert!(service.running.alive(), "{name} ended the room:\n{}", service.said());
            service.said().contains(&format!("{name} changes nothing")).then_some(())
        });
    }
    // No program need say anything about these.
    for signal in [Signal::SIGPIPE, Signal::SIGWINCH, Signal::SIGURG, Signal::SIGCHLD, Signal::SIGCONT] {
        service.send(signal);
        let (code, _, err) = service.ask(&["status"]);
        // 3: it has no source that could say that all is well.
        assert_eq!(code, 3, "{signal}: {err}");
    }
    assert!(service.running.alive());
}

#[test]
fn a_room_ends_in_order_when_it_is_told_to() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let mut service = Service::start(|home| home.join("log"));
        service.send(signal);
        let code = wait_for("its end", || service.running.0.try_wait().expect("a child").map(|status| status.code()));
        assert_eq!(code, Some(0), "{signal}");
        let log = std::fs::read_to_string(service.home.path().join("log/timeline.000001.jsonl")).expect("the log");
        assert!(log.contains("room_stopped"), "{signal}: {log}");
    }
}

#[test]
fn a_place_that_cannot_be_written_keeps_no_room_from_showing_what_it_sees() {
    // Nobody makes directories here, not even root.
    let mut service = Service::start(|_| PathBuf::from("/sys/warroom"));
    let (code, said) = run_json(
        warroom(service.home.path()).args(["status", "-o", "json", "--socket"]).arg(service.home.path().join("s")),
    );
    let says = said["room"]["degraded"].as_str().unwrap_or_default();
    assert_eq!(code, 3, "{said}");
    assert!(says.contains("make /sys/warroom writable") && says.contains("recording and acting are off"), "{said}");
    assert!(!says.contains("os error"), "{says}");
    let (code, _, err) = service.ask(&["alerts"]);
    assert!([0, 3].contains(&code), "panes are answered: {code} {err}");
    assert!(service.said().contains("/sys/warroom"), "{}", service.said());
    assert!(service.running.alive());
}

#[test]
fn a_room_leaves_no_core_and_says_that_nobody_is_named() {
    let service = Service::start(|home| home.join("log"));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.running.0.id())).expect("its limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("the limit of cores");
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    assert!(service.said().contains("there is no people file"), "{}", service.said());
}

/// Whether another process of this account may look into one that runs: at its environment, its memory, its files.
fn looked_into(uid: u32, pid: u32) -> [bool; 3] {
    let may = |what: &str| {
        let mut look = Command::new("sh");
        look.arg("-c").arg(what).arg("sh").arg(pid.to_string()).current_dir("/");
        if nix::unistd::geteuid().is_root() {
            look.uid(uid).gid(uid);
        }
        let status = look.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.expect("a shell").success()
    };
    // Opening the memory is what is judged; there is nothing at its first byte.
    [may("cat /proc/$1/environ"), may(": < /proc/$1/mem"), may("ls /proc/$1/fd/")]
}

#[test]
fn no_other_process_of_its_account_looks_into_the_memory_of_a_room() {
    let home = scratch();
    let me = nix::unistd::geteuid();
    let uid = if me.is_root() { crate::stage::ANA } else { me.as_raw() };
    let at = |name: &str| home.path().join(name);
    std::fs::write(at("w.toml"), "[room]\nname = \"x\"\n").expect("written");
    // A program that its account can't read would be closed to it anyway: the copy is read by everyone.
    std::fs::copy(env!("CARGO_BIN_EXE_warroom"), at("warroom")).expect("a copy of the program");
    for (name, mode) in [("", 0o755), ("warroom", 0o755), ("w.toml", 0o644)] {
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).expect("its mode");
        if me.is_root() {
            chown(at(name), Some(uid), Some(uid)).expect("given to that account");
        }
    }
    let as_them = |program: &Path| {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", home.path()).env("XDG_RUNTIME_DIR", home.path()).stdin(Stdio::null());
        if me.is_root() {
            command.uid(uid).gid(uid);
        }
        command
    };
    let mut serve = as_them(&at("warroom"));
    serve.arg("serve").arg("--config").arg(at("w.toml")).arg("--socket").arg(at("s"));
    let room = Running::start(serve.arg("--state-dir").arg(at("log")), &at("room.log"));
    wait_for("an answer of the room", || {
        (run(as_them(&at("warroom")).args(["status", "--socket"]).arg(at("s"))).0 == 3).then_some(())
    });
    // Any other program of the same account shows that looking in works at all.
    let plain = Running::start(as_them(Path::new("/bin/sleep")).arg("600"), &at("plain.log"));
    let owner = |pid: u32| std::fs::metadata(format!("/proc/{pid}/environ")).expect("it runs").uid();
    wait_for("another program", || (owner(plain.0.id()) == uid).then_some(()));
    let [environment, memory, files] = looked_into(uid, plain.0.id());
    assert!(environment && files, "a process is open to its own account");
    if !memory {
        crate::support::skipped("the memory of another process", "kernel.yama.ptrace_scope=0");
    }
    assert_eq!(looked_into(uid, room.0.id()), [false; 3], "environment, memory, files");
    assert_ne!(owner(room.0.id()), uid, "what the kernel shows of it is root's");
}
