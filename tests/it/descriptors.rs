//! File descriptors: those that a client sends along over the socket are nobody's, and a room that has no more of its own
//! stays up, says so and goes on when there are some again.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, IoSlice, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use serde_json::Value;

use crate::stage::{entries, of_kind};
use crate::support::{PATIENCE, Running, assert_intact, run, scratch, wait_for, warroom};

const HELLO: &str = "{\"proto\":[1],\"client\":\"t\",\"quiet\":true}\n";
const STATUS: &str = "{\"id\":1,\"req\":\"status\"}\n";
/// As many descriptors as one message may carry on Linux.
const MOST_IN_A_MESSAGE: usize = 253;

/// A room without sources, in which this account is an operator.
struct Room {
    home: tempfile::TempDir,
    running: Running,
}

impl Room {
    /// Starts a room; `descriptors` limits how many it may have.
    fn start(descriptors: Option<usize>) -> Self {
        let home = scratch();
        let uid = nix::unistd::geteuid();
        let people = format!("[[person]]\nid = \"ana\"\naccounts = [\"{uid}\"]\nroles = [\"operator\"]\n");
        std::fs::write(home.path().join("people.toml"), people).expect("written");
        let config = "[room]\nname = \"x\"\npeople = \"people.toml\"\n[policy]\nlevel = \"account\"\n";
        std::fs::write(home.path().join("w.toml"), config).expect("written");
        let serve = warroom(home.path());
        let mut command = Command::new("sh");
        let limit = descriptors.map_or(String::new(), |n| format!("ulimit -n {n} && "));
        command.arg("-c").arg(format!("{limit}exec \"$0\" \"$@\"")).arg(serve.get_program());
        command.env_clear().envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.arg("serve").arg("--config").arg(home.path().join("w.toml"));
        command.arg("--socket").arg(home.path().join("s")).arg("--state-dir").arg(home.path().join("log"));
        let running = Running::start(&mut command, &home.path().join("room.log"));
        let room = Self { home, running };
        room.answers();
        room
    }

    fn ask(&self, words: &[&str]) -> (i32, String, String) {
        run(warroom(self.home.path()).args(words).arg("--socket").arg(self.home.path().join("s")))
    }

    /// Waits until the room answers somebody who comes now.
    fn answers(&self) {
        wait_for("an answer of the room", || [0, 3, 4].contains(&self.ask(&["status"]).0).then_some(()));
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
    let mut line = String::new();
    loop {
        line.clear();
        let n = reader.read_line(&mut line).unwrap_or_else(|error| panic!("no line with {wanted}: {error}"));
        assert!(n > 0, "the room hung up before a line with {wanted}");
        if line.contains(wanted) {
            return line;
        }
    }
}

fn reader(stream: &UnixStream) -> BufReader<UnixStream> {
    BufReader::new(stream.try_clone().expect("a second handle"))
}

/// A connection that sends descriptors along in one of several ways.
fn send_along(room: &Room, way: usize, file: &File) -> UnixStream {
    let mut stream = room.connect();
    match way {
        0 => send_with(&stream, HELLO, file, 8),
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
            if *way == 2 {
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
    }
    room.has(before, "afterwards");
    room.answers();
}

/// Sends a note and waits until it is answered; the answer.
fn note(watcher: &mut UnixStream, lines: &mut BufReader<UnixStream>, id: u64, text: &str) -> Value {
    let ask = format!("{{\"id\":{id},\"req\":{{\"note\":{{\"text\":\"{text}\",\"at\":null}}}}}}\n");
    watcher.write_all(ask.as_bytes()).expect("sent");
    serde_json::from_str(&line_with(lines, &format!("\"id\":{id}"))).expect("JSON")
}

#[test]
fn a_room_without_descriptors_stays_up_says_so_and_goes_on_when_there_are_some_again() {
    let most = 48;
    let mut room = Room::start(Some(most));
    assert_eq!(room.ask(&["incident", "open", "the shop is down"]).0, 0, "{}", room.said());
    let mut watcher = room.connect();
    watcher.write_all(HELLO.replace("\"quiet\"", "\"entries_from\":1,\"quiet\"").as_bytes()).expect("sent");
    let mut lines = reader(&watcher);
    line_with(&mut lines, "\"caught_up\"");

    let held: Vec<UnixStream> = (0..60)
        .map(|_| {
            let mut stream = room.connect();
            stream.write_all(HELLO.as_bytes()).expect("sent");
            stream
        })
        .collect();
    wait_for("word of it", || room.said().contains("no connection can be accepted").then_some(()));
    room.has(most, "while it has no more");

    // Who is there already still writes; what was written can't be read for now, and that is said and not taken for damage.
    let answer = note(&mut watcher, &mut lines, 1, "written without descriptors");
    assert!(answer["reply"]["reply"]["recorded"]["seq"].is_u64(), "{answer}");
    let log = entries(&room.state());
    assert_eq!(of_kind(&log, "note").len(), 1, "it is on disk");

    assert!(room.running.alive(), "{}", room.said());
    drop(held);
    room.answers();
    let (code, _, said) = room.ask(&["timeline", "add", "written afterwards"]);
    assert_eq!(code, 0, "{said}");
    // The watcher is told that it can be read again, and gets what it missed.
    line_with(&mut lines, "{\"push\":{\"degraded\":null}}");
    line_with(&mut lines, "written afterwards");
    let (_, status, _) = room.ask(&["status"]);
    assert!(!status.contains("NOT RECORDING"), "{status}");
    assert!(!room.said().contains("panic"), "{}", room.said());
    assert_intact(&room.state());
}
