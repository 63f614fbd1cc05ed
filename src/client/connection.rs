//! The connection: connects, says hello, reads, asks, and comes back by itself with back-off.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::codec::FramedRead;

use crate::client::ClientEvent;
use crate::client::history::History;
use crate::client::trust::{ServerAccount, Trust};
use crate::model::{Refusal, RefusalKind, SafeText};
use crate::protocol::codec::{self, ROOM_DEPTH, ROOM_LINE};
use crate::protocol::{ClientLine, Hello, Push, Reply, Request, RoomLine};
use crate::seal;

/// Nothing heard for this long (the room pings every 15 s): the connection is given up and made again.
const SILENCE: Duration = Duration::from_secs(40);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Where to connect and what to say first.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The room's Unix socket; its path is judged before anything is said.
    pub socket: PathBuf,
    /// Said on every connection anew; what was received by then is added to it.
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

struct QueuedRequest {
    request: Request,
    reply: oneshot::Sender<Result<Reply, AskError>>,
}

/// Asks the room. Cheap to clone. When the last handle and the event receiver are gone, the connection ends.
#[derive(Clone)]
pub struct ClientHandle {
    asks: mpsc::Sender<QueuedRequest>,
}

impl ClientHandle {
    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// A refusal, or [`AskError::Gone`] when the link broke: look at the timeline before asking again.
    pub async fn request(&self, request: Request) -> Result<Reply, AskError> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(QueuedRequest { request, reply }).await.map_err(|_| gone("the connection is closed"))?;
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
pub fn connect(options: ConnectOptions) -> (ClientHandle, mpsc::Receiver<ClientEvent>) {
    let (asks, ask_queue) = mpsc::channel(16);
    let (events, event_queue) = mpsc::channel(64);
    let ConnectOptions { socket, hello, trust } = options;
    let begin = hello.entries_from.map_or(1, |from| from.min(1));
    let history = History::new(&socket, trust.known.clone());
    let link = Connection { socket, hello, begin, trust, asks: ask_queue, events, wait: FIRST_WAIT, history };
    tokio::spawn(link.run());
    (ClientHandle { asks }, event_queue)
}

struct Connection {
    socket: PathBuf,
    hello: Hello,
    /// Where another log is begun: at its first entry, or (0) with what the room made of it.
    begin: u64,
    trust: Trust,
    asks: mpsc::Receiver<QueuedRequest>,
    events: mpsc::Sender<ClientEvent>,
    wait: Duration,
    history: History,
}

/// What a room may say first.
fn begins(message: &RoomLine) -> bool {
    matches!(message, RoomLine::Welcome(_) | RoomLine::Bye(_))
}

/// Why one connection ended.
enum ConnectionEnd {
    /// Try again.
    Lost(String),
    /// The room hung up on a hello that asks what an older room does not know: try again at once without.
    NotAsked,
    /// The room refused the hello: trying again changes nothing.
    Refused(Refusal),
    /// Nobody listens to us any more.
    Over,
}

impl Connection {
    async fn run(mut self) {
        loop {
            match self.once().await {
                ConnectionEnd::Over => return,
                ConnectionEnd::NotAsked => continue,
                ConnectionEnd::Refused(refusal) => {
                    let _ = self.events.send(ClientEvent::Refused(refusal)).await;
                    return;
                }
                ConnectionEnd::Lost(why) => {
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

    /// Connects to whoever may be the room.
    async fn connect(&self) -> Result<(UnixStream, ServerAccount), ConnectionEnd> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| ConnectionEnd::Lost(not_there(&error)))?;
        let server = self.trust.judge(&stream, &self.socket).await.map_err(ConnectionEnd::Refused)?;
        Ok((stream, server))
    }

    async fn once(&mut self) -> ConnectionEnd {
        let (stream, server) = match self.connect().await {
            Ok(connected) => connected,
            Err(end) => return end,
        };
        let hello = self.history.hello(&self.hello, server);
        if !self.say_notices().await {
            return ConnectionEnd::Over;
        }
        let (read, mut write) = stream.into_split();
        if let Err(error) = codec::send(&mut write, &hello).await {
            return ConnectionEnd::Lost(format!("the room hung up: {error}"));
        }
        let mut lines = FramedRead::new(read, codec::lines(ROOM_LINE));
        let mut waiting: HashMap<u64, oneshot::Sender<Result<Reply, AskError>>> = HashMap::new();
        let (mut next_id, mut welcomed) = (1u64, false);
        loop {
            tokio::select! {
                line = tokio::time::timeout(SILENCE, lines.next()) => {
                    let line = match line {
                        Err(_) => return ConnectionEnd::Lost(format!("the room said nothing for {} s", SILENCE.as_secs())),
                        // A room that does not read the question hangs up, with an error if it left some of it unread.
                        Ok(None | Some(Err(_))) if !welcomed && self.history.asked() => {
                            self.history.asks_no_more();
                            return ConnectionEnd::NotAsked;
                        }
                        Ok(None) => return ConnectionEnd::Lost("the room closed the connection".to_owned()),
                        Ok(Some(Err(error))) => return ConnectionEnd::Lost(format!("the link broke: {error}")),
                        Ok(Some(Ok(line))) => line,
                    };
                    match codec::decode::<RoomLine>(&line, ROOM_DEPTH) {
                        Ok(message) if !welcomed && !begins(&message) => {
                            return ConnectionEnd::Lost("the room spoke before it said which one it is".to_owned());
                        }
                        Ok(RoomLine::Bye(refusal)) if !welcomed && self.comes_back(&refusal) => {
                            return ConnectionEnd::Lost(refusal.why.to_string());
                        }
                        Ok(message) => match self.take(message, server, &mut waiting).await {
                            Some(end) => return end,
                            None => welcomed = true,
                        },
                        Err(error) => return ConnectionEnd::Lost(format!("the room's {error}")),
                    }
                }
                // Nothing is asked of a room before it is known to be the one that is meant.
                ask = self.asks.recv(), if welcomed => {
                    let Some(ask) = ask else { return ConnectionEnd::Over };
                    let line = ClientLine { id: next_id, req: ask.request };
                    waiting.insert(next_id, ask.reply);
                    next_id += 1;
                    if let Err(error) = codec::send(&mut write, &line).await {
                        return ConnectionEnd::Lost(format!("the room hung up: {error}"));
                    }
                }
                () = self.events.closed() => return ConnectionEnd::Over,
            }
        }
    }

    /// Whoever was in comes back: the crowd that keeps them out now is gone in a while.
    fn comes_back(&self, refusal: &Refusal) -> bool {
        refusal.kind == RefusalKind::Rate && self.hello.log.is_some()
    }

    /// Says what the user must know of what this account keeps. False if nobody listens any more.
    async fn say_notices(&mut self) -> bool {
        for text in self.history.notices() {
            if self.events.send(ClientEvent::Notice { text }).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Says that this is another history. False if nobody listens any more.
    async fn say_forked(&mut self, why: Option<SafeText>) -> bool {
        let told = self.say_notices().await;
        match why {
            Some(why) => self.events.send(ClientEvent::Forked { log: self.history.log(), why }).await.is_ok(),
            None => told,
        }
    }

    async fn take(
        &mut self,
        message: RoomLine,
        server: ServerAccount,
        waiting: &mut HashMap<u64, oneshot::Sender<Result<Reply, AskError>>>,
    ) -> Option<ConnectionEnd> {
        let event = match message {
            RoomLine::Bye(refusal) => return Some(ConnectionEnd::Refused(refusal)),
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
                let judged = self.history.judge(&welcome, &self.hello, &self.trust, server).await;
                if !self.say_notices().await {
                    return Some(ConnectionEnd::Over);
                }
                let forked = match judged {
                    Ok(forked) => forked,
                    Err(refusal) => return Some(ConnectionEnd::Refused(refusal)),
                };
                // Before the link is called live: a command says it in place of its answer.
                if !self.say_forked(forked).await {
                    return Some(ConnectionEnd::Over);
                }
                self.wait = FIRST_WAIT;
                let other_log = self.hello.log.as_ref().is_some_and(|known| *known != welcome.log);
                self.hello.entries_from = self.hello.entries_from.map(|from| if other_log { self.begin } else { from });
                self.hello.log = Some(welcome.log.clone());
                ClientEvent::Linked(welcome)
            }
            RoomLine::Push(push) => {
                let forked = self.history.compare(&push);
                if !self.say_forked(forked).await {
                    return Some(ConnectionEnd::Over);
                }
                if let (Push::Heads { seq, more: false, .. }, Some(from)) = (&push, self.hello.entries_from.as_mut()) {
                    *from = seq.saturating_add(1);
                }
                if let (Push::Entries(lines), Some(from)) = (&push, self.hello.entries_from.as_mut()) {
                    // The next connection resumes behind the last entry received; numbers may have gaps.
                    let last = lines.last().and_then(|last| match seal::scan_line(last.line.as_bytes()) {
                        Ok(seal::ChainLine::Entry(found)) => Some(found.seq),
                        _ => None,
                    });
                    *from = last.map_or(*from, |last| last.saturating_add(1));
                }
                ClientEvent::Push(push)
            }
        };
        self.events.send(event).await.is_err().then_some(ConnectionEnd::Over)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::net::UnixListener;

    use super::*;
    use crate::client::KnownLogs;
    use crate::clock::ClockSync;
    use crate::model::{Actor, Digest, PersonRole, Stamp};
    use crate::protocol::Welcome;

    fn hello() -> Hello {
        Hello {
            proto: crate::protocol::versions(),
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
            role: PersonRole::Observer,
            clock: ClockSync { at: Stamp::UNIX_EPOCH, speed: 1.0 },
            drill: None,
            objectives: Vec::new(),
            degraded: None,
            log_room: None,
            head: None,
            seen: None,
        }
    }

    #[tokio::test]
    async fn what_the_user_must_know_and_another_history_are_told_before_the_link_is_called_live() {
        let dir = tempfile::tempdir().expect("a folder");
        let known = KnownLogs { file: dir.path().join("known-logs.json"), accept: None };
        std::fs::write(&known.file, "not JSON").expect("written");
        let socket = PathBuf::from("/run/warroom/warroom.sock");
        let (events, mut told) = mpsc::channel(8);
        let mut link = Connection {
            history: History::new(&socket, Some(known)),
            socket,
            hello: hello(),
            begin: 1,
            trust: Trust::default(),
            asks: mpsc::channel(1).1,
            events,
            wait: FIRST_WAIT,
        };
        let room = |end| RoomLine::Welcome(Box::new(Welcome { head: Some((end, Digest([1; 32]))), ..welcome() }));
        for end in [5, 3] {
            link.history.hello(&hello(), ServerAccount::Trusted);
            assert!(link.take(room(end), ServerAccount::Trusted, &mut HashMap::new()).await.is_none());
        }
        let Some(ClientEvent::Notice { text }) = told.recv().await else { panic!("not told first") };
        assert!(text.as_str().contains("known-logs.json.damaged"), "{text}");
        assert!(matches!(told.recv().await, Some(ClientEvent::Linked(_))));
        let Some(ClientEvent::Forked { log, why }) = told.recv().await else { panic!("not told first") };
        assert_eq!(log, "01OLD");
        assert!(why.as_str().contains("ends at entry 3"), "{why}");
        assert!(matches!(told.recv().await, Some(ClientEvent::Linked(_))));
    }

    /// Somebody who listens where a room is looked for, and a client that connects to them.
    fn pair() -> (tempfile::TempDir, UnixListener, ClientHandle, mpsc::Receiver<ClientEvent>) {
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
