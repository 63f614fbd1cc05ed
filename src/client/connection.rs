//! The connection: connects, says hello, reads, asks, and comes back by itself with back-off.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::codec::FramedRead;

use crate::client::ClientEvent;
use crate::client::known::Known;
use crate::client::trust::{Server, Trust};
use crate::client::witness::{Head, Witness};
use crate::model::{Refusal, RefusalKind, SafeText};
use crate::protocol::codec::{self, ROOM_DEPTH, ROOM_LINE};
use crate::protocol::{ClientLine, Hello, Push, Reply, Request, RoomLine, Welcome};
use crate::seal;

/// Nothing heard for this long (the room pings every 15 s): the connection is given up and made again.
const SILENCE: Duration = Duration::from_secs(40);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Where to connect and what to say first.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    pub socket: PathBuf,
    pub hello: Hello,
    /// Whom to take for a room.
    pub trust: Trust,
}

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AskError {
    /// The room said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The room went away, or was never there: whether the request took effect is not known.
    #[error("{0}")]
    Gone(SafeText),
}

struct Ask {
    request: Request,
    reply: oneshot::Sender<Result<Reply, AskError>>,
}

/// Asks the room. Cheap to clone. When the last handle and the event receiver are gone, the connection ends.
#[derive(Clone)]
pub struct Handle {
    asks: mpsc::Sender<Ask>,
}

impl Handle {
    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// A refusal, or [`AskError::Gone`] when the link broke: look at the timeline before asking again.
    pub async fn request(&self, request: Request) -> Result<Reply, AskError> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask { request, reply }).await.map_err(|_| gone("the connection is closed"))?;
        answer.await.unwrap_or_else(|_| Err(gone("the connection closed before the answer came")))
    }
}

/// Why a room can't be reached. Its socket is named by whoever shows this.
fn not_there(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such socket".to_owned(),
        std::io::ErrorKind::ConnectionRefused => "nobody listens at its socket".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "this account may not use its socket; it must be in the socket's group".to_owned()
        }
        _ => format!("it can't be reached: {error}"),
    }
}

fn gone(why: &str) -> AskError {
    AskError::Gone(SafeText::new(why))
}

/// Connects in the background. Events arrive in order; a slow owner slows the connection, nothing is dropped.
pub fn connect(options: ConnectOptions) -> (Handle, mpsc::Receiver<ClientEvent>) {
    let (asks, ask_queue) = mpsc::channel(16);
    let (events, event_queue) = mpsc::channel(64);
    let ConnectOptions { socket, hello, trust } = options;
    let begin = hello.entries_from.map_or(1, |from| from.min(1));
    let (wait, witness, before, kept) = (FIRST_WAIT, Witness::default(), Vec::new(), None);
    let link = Connection { socket, hello, begin, trust, asks: ask_queue, events, wait, witness, before, kept };
    tokio::spawn(link.run());
    (Handle { asks }, event_queue)
}

struct Connection {
    socket: PathBuf,
    hello: Hello,
    /// Where another log is begun: at its first entry, or (0) with what the room made of it.
    begin: u64,
    trust: Trust,
    asks: mpsc::Receiver<Ask>,
    events: mpsc::Sender<ClientEvent>,
    wait: Duration,
    witness: Witness,
    /// What was known of the socket's logs before the room was asked. Another console may keep more while it answers.
    before: Vec<Known>,
    /// The room whose newest entry is kept, and its log; `None` if nothing of it is.
    kept: Option<(String, String)>,
}

/// What a room may say first.
fn begins(message: &RoomLine) -> bool {
    matches!(message, RoomLine::Welcome(_) | RoomLine::Bye(_))
}

/// Why one connection ended.
enum End {
    /// Try again.
    Lost(String),
    /// The room refused the hello: trying again changes nothing.
    Refused(Refusal),
    /// Nobody listens to us any more.
    Over,
}

impl Connection {
    async fn run(mut self) {
        loop {
            match self.once().await {
                End::Over => return,
                End::Refused(refusal) => {
                    let _ = self.events.send(ClientEvent::Refused(refusal)).await;
                    return;
                }
                End::Lost(why) => {
                    if self.events.send(ClientEvent::Lost { why: SafeText::new(&why) }).await.is_err() {
                        return;
                    }
                }
            }
            if !self.pause().await {
                return;
            }
        }
    }

    /// Waits before the next attempt; requests made meanwhile are answered at once that the room is gone.
    async fn pause(&mut self) -> bool {
        let until = tokio::time::Instant::now() + self.wait;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return true,
                ask = self.asks.recv() => match ask {
                    Some(ask) => { let _ = ask.reply.send(Err(gone("there is no connection to the room"))); }
                    None => return false,
                },
                () = self.events.closed() => return false,
            }
        }
    }

    async fn once(&mut self) -> End {
        let stream = match UnixStream::connect(&self.socket).await {
            Ok(stream) => stream,
            Err(error) => return End::Lost(not_there(&error)),
        };
        let server = match self.trust.judge(&stream, &self.socket).await {
            Ok(server) => server,
            Err(refusal) => return End::Refused(refusal),
        };
        self.look_up(server);
        let (read, mut write) = stream.into_split();
        if let Err(error) = codec::send(&mut write, &self.hello).await {
            return End::Lost(format!("the room hung up: {error}"));
        }
        let mut lines = FramedRead::new(read, codec::lines(ROOM_LINE));
        let mut waiting: HashMap<u64, oneshot::Sender<Result<Reply, AskError>>> = HashMap::new();
        let (mut next_id, mut welcomed) = (1u64, false);
        loop {
            tokio::select! {
                line = tokio::time::timeout(SILENCE, lines.next()) => {
                    let line = match line {
                        Err(_) => return End::Lost(format!("the room said nothing for {} s", SILENCE.as_secs())),
                        Ok(None) => return End::Lost("the room closed the connection".to_owned()),
                        Ok(Some(Err(error))) => return End::Lost(format!("the link broke: {error}")),
                        Ok(Some(Ok(line))) => line,
                    };
                    match codec::decode::<RoomLine>(&line, ROOM_DEPTH) {
                        Ok(message) if !welcomed && !begins(&message) => {
                            return End::Lost("the room spoke before it said which one it is".to_owned());
                        }
                        Ok(RoomLine::Bye(refusal)) if !welcomed && self.comes_back(&refusal) => {
                            return End::Lost(refusal.why.to_string());
                        }
                        Ok(message) => match self.take(message, server, &mut waiting).await {
                            Some(end) => return end,
                            None => welcomed = true,
                        },
                        Err(error) => return End::Lost(format!("the room's {error}")),
                    }
                }
                // Nothing is asked of a room before it is known to be the one that is meant.
                ask = self.asks.recv(), if welcomed => {
                    let Some(ask) = ask else { return End::Over };
                    let line = ClientLine { id: next_id, req: ask.request };
                    waiting.insert(next_id, ask.reply);
                    next_id += 1;
                    if let Err(error) = codec::send(&mut write, &line).await {
                        return End::Lost(format!("the room hung up: {error}"));
                    }
                }
                () = self.events.closed() => return End::Over,
            }
        }
    }

    /// Whoever was in comes back: the crowd that keeps them out now is gone in a while.
    fn comes_back(&self, refusal: &Refusal) -> bool {
        refusal.kind == RefusalKind::Rate && self.hello.log.is_some()
    }

    /// What the hello asks the room about. A room of this process and a drill are not asked.
    fn look_up(&mut self, server: Server) {
        let known = self.trust.known.as_ref().filter(|_| server == Server::Trusted && self.hello.drill_as.is_none());
        self.before = known.map(|known| known.seen_at(&self.socket)).unwrap_or_default();
        self.hello.seen = self.before.iter().rev().find_map(|it| it.head).map(|(seq, _)| seq);
    }

    /// The newest entry of this log that was known before the room was asked.
    fn before(&self, welcome: &Welcome) -> Option<Head> {
        self.before.iter().find(|it| it.room == welcome.room && it.log == welcome.log)?.head
    }

    /// Whether this is the log that is known of the room, and the history that was seen of it; gives why it is another one. A
    /// room of this process and a drill begin a new log each time.
    fn is_known(&mut self, welcome: &Welcome, server: Server) -> Result<Option<SafeText>, Refusal> {
        self.kept = None;
        let mut seen = None;
        if let Some(known) = self
            .trust
            .known
            .as_ref()
            .filter(|_| server == Server::Trusted && welcome.drill.is_none() && !welcome.log.is_empty())
        {
            // A room that can't read its log says no id: nothing is compared, and nobody is kept out.
            // Nothing, where it is new or was accepted just now.
            let held = known.check(&self.socket, &welcome.room, &welcome.log)?;
            seen = held.and_then(|_| self.before(welcome));
            self.kept = Some((welcome.room.clone(), welcome.log.clone()));
        }
        let asked = self.hello.seen.filter(|asked| seen.is_some_and(|(seq, _)| seq == *asked));
        let why = self.witness.begin(seen, welcome.head, asked.and(welcome.seen));
        self.keep();
        Ok(why)
    }

    /// Compares what comes with what was seen before; gives why it is another history.
    fn compare(&mut self, push: &Push) -> Option<SafeText> {
        let why = match push {
            Push::Entries(lines) => self.witness.entries(lines),
            Push::Heads { seq, head, more: false, .. } => self.witness.reached((*seq, *head)),
            Push::CaughtUp { seq } => self.witness.caught_up(*seq),
            // What came last is kept while nothing comes, too.
            _ => None,
        };
        self.keep();
        why
    }

    fn keep(&mut self) {
        let (Some(known), Some((room, log))) = (&self.trust.known, &self.kept) else { return };
        if let Some(head) = self.witness.due() {
            known.remember(&self.socket, room, log, head);
        }
    }

    /// Says that this is another history. False if nobody listens any more.
    async fn say_forked(&self, why: Option<SafeText>) -> bool {
        match why {
            Some(why) => {
                let log = self.kept.as_ref().map(|(_, log)| SafeText::new(log)).unwrap_or_default();
                self.events.send(ClientEvent::Forked { log, why }).await.is_ok()
            }
            None => true,
        }
    }

    async fn take(
        &mut self,
        message: RoomLine,
        server: Server,
        waiting: &mut HashMap<u64, oneshot::Sender<Result<Reply, AskError>>>,
    ) -> Option<End> {
        let event = match message {
            RoomLine::Bye(refusal) => return Some(End::Refused(refusal)),
            RoomLine::Reply { id, reply } => {
                if let Some(waiter) = waiting.remove(&id) {
                    let _ = waiter.send(Ok(*reply));
                }
                return None;
            }
            RoomLine::Refused { id, refusal } => {
                if let Some(waiter) = waiting.remove(&id) {
                    let _ = waiter.send(Err(AskError::Refused(refusal)));
                }
                return None;
            }
            RoomLine::Welcome(welcome) => {
                let forked = match self.is_known(&welcome, server) {
                    Ok(forked) => forked,
                    Err(refusal) => return Some(End::Refused(refusal)),
                };
                // Before the link is called live: a command says it in place of its answer.
                if !self.say_forked(forked).await {
                    return Some(End::Over);
                }
                self.wait = FIRST_WAIT;
                let other_log = self.hello.log.as_ref().is_some_and(|known| *known != welcome.log);
                self.hello.entries_from = self.hello.entries_from.map(|from| if other_log { self.begin } else { from });
                self.hello.log = Some(welcome.log.clone());
                ClientEvent::Linked(welcome)
            }
            RoomLine::Push(push) => {
                let forked = self.compare(&push);
                if !self.say_forked(forked).await {
                    return Some(End::Over);
                }
                if let (Push::Heads { seq, more: false, .. }, Some(from)) = (&push, self.hello.entries_from.as_mut()) {
                    *from = seq.saturating_add(1);
                }
                if let (Push::Entries(lines), Some(from)) = (&push, self.hello.entries_from.as_mut()) {
                    // The next connection resumes behind the last entry received; numbers may have gaps.
                    let last = lines.last().and_then(|last| match seal::scan_line(last.line.as_bytes()) {
                        Ok(seal::Line::Entry(found)) => Some(found.seq),
                        _ => None,
                    });
                    *from = last.map_or(*from, |last| last.saturating_add(1));
                }
                ClientEvent::Push(push)
            }
        };
        self.events.send(event).await.is_err().then_some(End::Over)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::net::UnixListener;

    use super::*;
    use crate::client::KnownLogs;
    use crate::clock::ClockSync;
    use crate::model::{Actor, Digest, Role, Stamp};
    use crate::protocol::DrillInfo;

    fn hello() -> Hello {
        Hello {
            proto: vec![crate::protocol::VERSION],
            client: "test".to_owned(),
            entries_from: None,
            log: None,
            seen: None,
            topics: Vec::new(),
            drill_as: None,
            simulated: false,
            quiet: true,
            readonly: false,
        }
    }

    fn welcome() -> Welcome {
        Welcome {
            proto: crate::protocol::VERSION,
            version: "0".to_owned(),
            room: "shop".to_owned(),
            log: "01OLD".to_owned(),
            you: Actor::room(),
            role: Role::Observer,
            clock: ClockSync { at: Stamp::UNIX_EPOCH, speed: 1.0 },
            drill: None,
            objectives: Vec::new(),
            degraded: None,
            log_room: None,
            head: None,
            seen: None,
        }
    }

    /// A link of an account that keeps what it knows in this folder.
    fn link(dir: &Path, accept: Option<&str>) -> Connection {
        let known = KnownLogs { file: dir.join("known-logs.json"), accept: accept.map(str::to_owned) };
        Connection {
            socket: PathBuf::from("/run/warroom/warroom.sock"),
            hello: hello(),
            begin: 1,
            trust: Trust { known: Some(known), ..Trust::default() },
            asks: mpsc::channel(1).1,
            events: mpsc::channel(1).0,
            wait: FIRST_WAIT,
            witness: Witness::default(),
            before: Vec::new(),
            kept: None,
        }
    }

    /// A room whose entries all have hashes of this byte, asked by a link.
    fn judged(link: &mut Connection, log: &str, end: u64, byte: u8) -> Result<Option<SafeText>, Refusal> {
        let seen = link.hello.seen.filter(|asked| *asked <= end).map(|_| Digest([byte; 32]));
        let welcome = Welcome { log: log.to_owned(), head: Some((end, Digest([byte; 32]))), seen, ..welcome() };
        link.is_known(&welcome, Server::Trusted)
    }

    #[test]
    fn what_was_seen_accuses_the_history_that_lacks_it_and_no_other() {
        let dir = tempfile::tempdir().expect("a folder");
        let ask = |accept| {
            let mut link = link(dir.path(), accept);
            link.look_up(Server::Trusted);
            link
        };
        assert_eq!(ask(None).hello.seen, None, "nothing was seen");
        for end in [5, 5, 9] {
            assert_eq!(judged(&mut ask(None), "01OLD", end, 1), Ok(None), "the first time, as it was, grown");
        }
        // Another console keeps more while the room answers this one; then the room says what it had before.
        let mut slow = ask(None);
        assert_eq!(slow.hello.seen, Some(9));
        assert_eq!(judged(&mut ask(None), "01OLD", 20, 1), Ok(None));
        assert_eq!(judged(&mut slow, "01OLD", 12, 1), Ok(None));

        for (end, byte) in [(19, 1), (20, 2), (30, 2)] {
            assert!(judged(&mut ask(None), "01OLD", end, byte).is_ok_and(|why| why.is_some()), "{end} {byte}");
        }
        let (short, drill) = (Some((1, Digest([9; 32]))), DrillInfo { scenario: "s".to_owned(), seed: 1, speed: 1.0 });
        let drill = Welcome { head: short, drill: Some(drill), ..welcome() };
        assert_eq!(ask(None).is_known(&drill, Server::Trusted), Ok(None), "a drill begins anew");
        assert_eq!(
            ask(None).is_known(&Welcome { head: short, ..welcome() }, Server::Own),
            Ok(None),
            "so does one's own"
        );
        let mut own = link(dir.path(), None);
        own.look_up(Server::Own);
        assert_eq!(own.hello.seen, None);

        assert!(judged(&mut ask(None), "01NEW", 2, 3).is_err(), "a log that was renewed after damage");
        assert_eq!(judged(&mut ask(Some("01NEW")), "01NEW", 2, 3), Ok(None));
        assert_eq!(judged(&mut ask(None), "01NEW", 4, 3), Ok(None), "accepted once");
        assert!(judged(&mut ask(None), "01NEW", 2, 3).is_ok_and(|why| why.is_some()), "and known from then on");
        assert_eq!(judged(&mut ask(Some("01NEW")), "01NEW", 2, 3), Ok(None), "a cut one is accepted like another");
        assert_eq!(judged(&mut ask(None), "01NEW", 2, 3), Ok(None));
    }

    #[tokio::test]
    async fn another_history_is_told_before_the_link_is_called_live_and_names_its_log() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(judged(&mut link(dir.path(), None), "01OLD", 5, 1), Ok(None));
        let mut link = link(dir.path(), None);
        let (events, mut told) = mpsc::channel(8);
        link.events = events;
        link.look_up(Server::Trusted);
        let cut = RoomLine::Welcome(Box::new(Welcome { head: Some((3, Digest([1; 32]))), ..welcome() }));
        assert!(link.take(cut, Server::Trusted, &mut HashMap::new()).await.is_none());
        let Some(ClientEvent::Forked { log, why }) = told.recv().await else { panic!("not told first") };
        assert_eq!(log, "01OLD");
        assert!(why.as_str().contains("ends at entry 3"), "{why}");
        assert!(matches!(told.recv().await, Some(ClientEvent::Linked(_))));
    }

    /// Somebody who listens where a room is looked for, and a client that connects to them.
    fn pair() -> (tempfile::TempDir, UnixListener, Handle, mpsc::Receiver<ClientEvent>) {
        let dir = tempfile::tempdir().expect("a folder");
        let socket = dir.path().join("s");
        let listener = UnixListener::bind(&socket).expect("bound");
        let (handle, events) = connect(ConnectOptions { socket, hello: hello(), trust: Trust::default() });
        (dir, listener, handle, events)
    }

    async fn greeted(listener: &UnixListener) -> BufReader<UnixStream> {
        let mut stream = BufReader::new(listener.accept().await.expect("a client").0);
        stream.read_line(&mut String::new()).await.expect("a hello");
        stream
    }

    #[tokio::test]
    async fn nothing_is_taken_from_a_room_that_has_not_said_which_one_it_is_and_nothing_asked_of_it() {
        let (_dir, listener, handle, mut events) = pair();
        let asked = tokio::spawn(async move { handle.request(Request::Status).await });
        let mut stream = greeted(&listener).await;
        codec::send(stream.get_mut(), &RoomLine::Push(Push::CaughtUp { seq: 7 })).await.expect("sent");
        let Some(ClientEvent::Lost { why }) = events.recv().await else { panic!("taken") };
        assert!(why.as_str().contains("before it said which one it is"), "{why}");
        let mut rest = String::new();
        stream.read_line(&mut rest).await.expect("the end");
        assert_eq!(rest, "", "nothing was asked");
        let _ = asked.await.expect("an answer");
    }

    #[tokio::test]
    async fn whoever_was_in_comes_back_when_the_room_had_no_place_and_a_newcomer_is_told() {
        let full = || RoomLine::Bye(Refusal::new(RefusalKind::Rate, "full", "ask again in 5 s"));
        let (_dir, listener, _handle, mut events) = pair();
        let mut stream = greeted(&listener).await;
        codec::send(stream.get_mut(), &RoomLine::Welcome(Box::new(welcome()))).await.expect("sent");
        assert!(matches!(events.recv().await, Some(ClientEvent::Linked(_))));
        drop(stream);
        assert!(matches!(events.recv().await, Some(ClientEvent::Lost { .. })));
        let mut stream = greeted(&listener).await;
        codec::send(stream.get_mut(), &full()).await.expect("sent");
        assert!(matches!(events.recv().await, Some(ClientEvent::Lost { .. })));
        greeted(&listener).await;
        let (_dir, listener, _handle, mut events) = pair();
        let mut stream = greeted(&listener).await;
        codec::send(stream.get_mut(), &full()).await.expect("sent");
        assert!(matches!(events.recv().await, Some(ClientEvent::Refused(_))));
    }
}
