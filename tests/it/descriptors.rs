//! File descriptors: those that a client sends along over the socket are nobody's, and a room that has no more of its own
//! stays up, says so and goes on when there are some again.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{BufRead as _, BufReader, IoSlice, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

use crate::stage::{ANA, entries, of_kind, put};
use crate::support::{PATIENCE, Running, assert_intact, run, scratch, wait_for};

const HELLO: &str = "{\"proto\":[1],\"client\":\"t\",\"quiet\":true}\n";
const STATUS: &str = "{\"id\":1,\"req\":\"status\"}\n";
/// As many descriptors as one message may carry on Linux.
const MOST_IN_A_MESSAGE: usize = 253;

/// A room without sources, in which [`operator`] may write.
struct Room {
    home: tempfile::TempDir,
    running: Running,
}

/// Root is nobody in particular, so nobody whom a people file may name.
fn operator() -> u32 {
    let me = nix::unistd::geteuid();
    if me.is_root() { ANA } else { me.as_raw() }
}

impl Room {
    /// Starts a room; `descriptors` limits how many it may have.
    fn start(descriptors: Option<usize>) -> Self {
        let home = scratch();
        let at = |name: &str| home.path().join(name);
        let open = |name: &str| std::fs::set_permissions(at(name), Permissions::from_mode(0o755)).expect("its mode");
        open("");
        let uid = operator();
        let people = format!("[[person]]\nid = \"ana\"\naccounts = [\"{uid}\"]\nroles = [\"operator\"]\n");
        put(&at("people.toml"), &people, 0o644);
        put(&at("w.toml"), "[room]\nname = \"x\"\npeople = \"people.toml\"\n", 0o644);
        // The build's own folder may be closed to other accounts.
        std::fs::copy(env!("CARGO_BIN_EXE_warroom"), at("warroom")).expect("a copy of the program");
        open("warroom");
        let limit = descriptors.map_or(String::new(), |n| format!("ulimit -n {n} && "));
        let mut serve = Command::new("sh");
        serve.arg("-c").arg(format!("{limit}exec \"$0\" \"$@\"")).arg(at("warroom")).env_clear();
        serve.arg("serve").arg("--config").arg(at("w.toml")).arg("--socket").arg(at("s"));
        let running = Running::start(serve.arg("--state-dir").arg(at("log")), &at("room.log"));
        let room = Self { home, running };
        room.answers();
        room
    }

    /// A program of the operator.
    fn as_operator(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.home.path()).current_dir("/").stdin(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            command.uid(operator()).gid(0);
        }
        command
    }

    fn ask(&self, words: &[&str]) -> (i32, String, String) {
        let mut client = self.as_operator(&self.home.path().join("warroom"));
        run(client.args(words).arg("--socket").arg(self.home.path().join("s")))
    }

    /// Waits until the room answers somebody who comes now.
    fn answers(&self) {
        wait_for("an answer of the room", || [0, 3].contains(&self.ask(&["status"]).0).then_some(()));
    }

    /// A connection of the operator: this test's binary under that account, which passes lines on.
    fn watcher(&self) -> Watcher {
        let copy = self.home.path().join("bridge");
        std::fs::copy(std::env::current_exe().expect("this program"), &copy).expect("a copy of it");
        let mut command = self.as_operator(&copy);
        command.env("BRIDGE_TO", self.home.path().join("s")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.args(["--exact", "descriptors::bridge", "--nocapture"]).spawn().expect("it starts");
        let (stdin, stdout) = (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
        let (heard, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| heard.send(line))
        });
        Watcher { _child: Running(child), stdin, lines }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.home.path().join("s")).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        stream
    }

    /// The descriptors it has now.
    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.running.0.id())).expect("its descriptors").count()
    }

    /// Waits until it has so many.
    fn has(&self, wanted: usize, when: &str) {
        let mut found = BTreeSet::new();
        let seen = crate::support::wait_within(PATIENCE, || {
            let now = self.descriptors();
            found.insert(now);
            (now == wanted).then_some(())
        });
        assert!(seen.is_some(), "{when}: {wanted} descriptors are wanted, and there were {found:?}");
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.home.path().join("room.log")).expect("its log")
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("log")
    }
}

/// Sends bytes and, with the first of them, as many descriptors of a file and of the connection itself.
fn send_with(stream: &UnixStream, bytes: &str, file: &File, count: usize) {
    let both = [file.as_raw_fd(), stream.as_raw_fd()];
    let sent: Vec<i32> = both.into_iter().cycle().take(count).collect();
    let parts = [IoSlice::new(bytes.as_bytes())];
    let rights = [ControlMessage::ScmRights(&sent)];
    let n = sendmsg::<UnixAddr>(stream.as_raw_fd(), &parts, &rights, MsgFlags::empty(), None).expect("sent");
    assert_eq!(n, bytes.len());
}

/// Reads lines until one is wanted.
fn line_with(reader: &mut BufReader<UnixStream>, wanted: &str) -> String {
    let (mut line, mut last) = (String::new(), String::new());
    loop {
        let read = reader.read_line(&mut line);
        assert!(read.as_ref().is_ok_and(|n| *n > 0), "no line with {wanted}: {read:?}, the last one is {last}");
        if line.contains(wanted) {
            return line;
        }
        last = std::mem::take(&mut line);
    }
}

fn reader(stream: &UnixStream) -> BufReader<UnixStream> {
    BufReader::new(stream.try_clone().expect("a second handle"))
}

/// A connection that sends descriptors along in one of several ways.
fn send_along(room: &Room, way: usize, file: &File) -> UnixStream {
    let mut stream = room.connect();
    match way {
        0 => {
            send_with(&stream, HELLO, file, 8);
            // More than is read at once stands behind them.
            let long = format!("{}{}\n", STATUS.trim_end(), " ".repeat(20_000));
            stream.write_all(long.as_bytes()).expect("sent");
        }
        1 => {
            send_with(&stream, &HELLO[..1], file, 8);
            stream.write_all(&HELLO.as_bytes()[1..]).expect("sent");
        }
        2 => {
            stream.write_all(HELLO.as_bytes()).expect("sent");
            send_with(&stream, STATUS, file, 8);
        }
        3 => send_with(&stream, HELLO, file, MOST_IN_A_MESSAGE),
        // Never a whole line.
        _ => send_with(&stream, &HELLO[..10], file, 8),
    }
    stream
}

#[test]
fn descriptors_that_clients_send_along_stay_nobodys_and_hold_up_nothing() {
    let room = Room::start(None);
    let file = File::open("/dev/null").expect("a file");
    let before = {
        // What a first client makes the room open for good is open by now.
        let mut last = room.descriptors();
        wait_for("a count that stays", || {
            room.answers();
            let now = room.descriptors();
            (std::mem::replace(&mut last, now) == now).then_some(now)
        })
    };
    for wave in 0..5 {
        let held: Vec<(usize, UnixStream)> = (0..40).map(|n| (n % 5, send_along(&room, n % 5, &file))).collect();
        room.answers();
        let (served, unfinished): (Vec<_>, Vec<_>) = held.iter().partition(|(way, _)| *way < 4);
        for (way, stream) in &served {
            let mut lines = reader(stream);
            line_with(&mut lines, "\"welcome\"");
            if matches!(way, 0 | 2) {
                line_with(&mut lines, "\"id\":1");
            }
        }
        for (_, stream) in &unfinished {
            let mut rest = Vec::new();
            let ended = reader(stream).read_to_end(&mut rest);
            assert!(ended.is_ok() && rest.is_empty(), "closed without a word: {ended:?} {rest:?}");
        }
        // Of each connection that is served one descriptor, and none of those it sent.
        room.has(before + served.len(), &format!("in wave {wave}"));
        drop(served);
        held.iter().for_each(|(_, stream)| stream.shutdown(Shutdown::Both).expect("closed"));
        room.has(before, &format!("after wave {wave}"));
    }
    room.answers();
}

/// The other side of [`Room::watcher`].
#[test]
fn bridge() {
    let Some(socket) = std::env::var_os("BRIDGE_TO") else { return };
    let stream = UnixStream::connect(socket).expect("connected");
    let mut write = stream.try_clone().expect("a second handle");
    std::thread::spawn(move || std::io::copy(&mut std::io::stdin().lock(), &mut write));
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        println!("{line}");
    }
}

/// A client that stays connected.
struct Watcher {
    _child: Running,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Watcher {
    fn send(&mut self, line: &str) {
        self.stdin.write_all(line.as_bytes()).expect("sent");
    }

    /// The next line that has this in it.
    fn line_with(&self, wanted: &str) -> String {
        let mut last = String::new();
        loop {
            last = match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(wanted) => return line,
                Ok(line) => line,
                Err(error) => panic!("no line with {wanted} ({error}), the last one is {last}"),
            };
        }
    }
}

#[test]
fn a_room_without_descriptors_stays_up_says_so_and_goes_on_when_there_are_some_again() {
    let most = 48;
    let mut room = Room::start(Some(most));
    assert_eq!(room.ask(&["incident", "open", "the shop is down"]).0, 0, "{}", room.said());
    let mut watcher = room.watcher();
    watcher.send(&HELLO.replace("\"quiet\"", "\"entries_from\":1,\"quiet\""));
    watcher.line_with("\"caught_up\"");

    let held: Vec<UnixStream> = (0..60)
        .map(|_| {
            let mut stream = room.connect();
            stream.write_all(HELLO.as_bytes()).expect("sent");
            stream
        })
        .collect();
    wait_for("word of it", || room.said().contains("no connection can be accepted").then_some(()));
    // One that it was started with may have a higher number than it may open itself.
    wait_for("the last of them is used", || (room.descriptors() >= most).then_some(()));

    // Who is there already still writes; what was written can't be read for now, and that is said and not taken for damage.
    watcher.send("{\"id\":1,\"req\":{\"note\":{\"text\":\"written without descriptors\",\"at\":null}}}\n");
    let said = watcher.line_with("\"degraded\"");
    assert!(said.contains("the timeline can't be read"), "{said}");
    let answer = watcher.line_with("\"id\":1");
    assert!(answer.contains("\"recorded\""), "{answer}");
    let log = entries(&room.state());
    assert_eq!(of_kind(&log, "note").len(), 1, "it is on disk");

    assert!(room.running.alive(), "{}", room.said());
    drop(held);
    room.answers();
    let (code, _, said) = room.ask(&["timeline", "add", "written afterwards"]);
    assert_eq!(code, 0, "{said}");
    // The watcher is told that it can be read again, and gets what it missed.
    watcher.line_with("{\"push\":{\"degraded\":null}}");
    let missed = watcher.line_with("written without descriptors");
    if !missed.contains("written afterwards") {
        watcher.line_with("written afterwards");
    }
    let (_, status, _) = room.ask(&["status"]);
    assert!(!status.contains("NOT RECORDING"), "{status}");
    assert!(!room.said().contains("panic"), "{}", room.said());
    assert_intact(&room.state());
}
