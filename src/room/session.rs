//! One console's connection: hello, requests in, newest state and complete entries out.
//!
//! There is no queue to overflow: board rows are compared with what this client last got, entries are read from the log
//! by cursor. A client that stalls a write for ten seconds is disconnected; the writer of the log never waits for one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::Serialize;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::codec::FramedRead;
use tokio_util::sync::CancellationToken;

use super::engine::{Answer, Caller, Command};
use super::history::{self, number};
use super::news::News;
use super::pages::{deltas, rows};
use super::peer::{self, Identity, Peer};
use super::rate::Bucket;
use super::shared::{Shared, blocking};
use crate::board::{Topic, TopicView};
use crate::clock::{Turn, stir};
use crate::model::{Refusal, RefusalKind, SafeText};
use crate::protocol::codec::{self, CLIENT_DEPTH, CLIENT_LINE, HELLO_LINE};
use crate::protocol::{ClientLine, Hello, Push, Reply, Request, RoomLine, Welcome};

const HELLO_WITHIN: Duration = Duration::from_secs(2);
const WRITE_STALL: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(15);
/// Board changes are gathered this long before they are sent.
const BOARD_EVERY: Duration = Duration::from_millis(100);
const IN_FLIGHT: usize = 16;
/// Entries a message carries, bytes; well under the line limit after JSON escaping.
const ENTRY_PAGE: usize = 256 * 1024;

/// Runs a connection to its end. The reason it ended is for the log.
pub async fn serve(
    stream: UnixStream,
    shared: Arc<Shared>,
    engine: mpsc::Sender<Command>,
    news: News,
    stop: CancellationToken,
) -> Result<(), String> {
    let peer = Peer::of(&stream).map_err(|error| format!("the kernel names no peer: {error}"))?;
    let (read, write) = stream.into_split();
    let mut lines = FramedRead::new(read, codec::lines(HELLO_LINE));
    let hello = tokio::time::timeout(HELLO_WITHIN, lines.next()).await.map_err(|_| "no hello in time".to_owned())?;
    let hello = hello.ok_or("closed before its hello")?.map_err(|error| error.to_string())?;
    let hello: Hello = codec::decode(&hello, CLIENT_DEPTH)?;
    let mut out = Out { write };

    let mut identity = match admit(peer, &hello, &shared) {
        Ok(identity) => identity,
        Err(refusal) => return out.send(&RoomLine::Bye(refusal)).await,
    };
    peer::name_account(&mut identity, &shared.config, &shared.accounts).await;
    let caller = Caller { peer, hello: hello.clone(), actor: identity.actor.clone() };
    out.send(&RoomLine::Welcome(Box::new(welcome(&shared, &identity, &news)))).await?;
    if !hello.quiet {
        let _ = engine.send(Command::Join { caller: caller.clone() }).await;
    }
    let session = Session {
        cursor: cursor(&hello, &shared),
        told_caught_up: false,
        told_unreadable: false,
        sent: BTreeMap::new(),
        revs: BTreeMap::new(),
        topics: hello.topics.clone(),
        caller: caller.clone(),
        shared,
        engine: engine.clone(),
        news,
        out,
        bucket: Bucket::new(50.0, 20.0),
        look: Arc::new(Semaphore::new(1)),
    };
    // Here and not in the session's loop: there a client that takes its entries slowly would hold the stop up.
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = session.run(lines.map_decoder(|_| codec::lines(CLIENT_LINE))) => ended,
    };
    if !hello.quiet {
        let _ = engine.send(Command::Leave { caller }).await;
    }
    ended
}

fn admit(peer: Peer, hello: &Hello, shared: &Shared) -> Result<Identity, Refusal> {
    if !hello.proto.contains(&crate::protocol::VERSION) {
        return Err(Refusal::new(
            RefusalKind::ProtoTooOld,
            format!(
                "this room speaks protocol {}, {} speaks {:?}",
                crate::protocol::VERSION,
                hello.client,
                hello.proto
            ),
            "run the same version of warroom as the room",
        ));
    }
    peer::identify(peer, hello, &shared.config, shared.drill.is_some())
}

fn welcome(shared: &Shared, identity: &Identity, news: &News) -> Welcome {
    Welcome {
        proto: crate::protocol::VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        room: shared.config.room.clone(),
        log: shared.reader.log_id().to_owned(),
        you: identity.actor.clone(),
        role: identity.role,
        clock: shared.clock.sync(),
        drill: shared.drill.clone().map(|mut drill| {
            drill.speed = shared.clock.speed();
            drill
        }),
        objectives: shared.config.objectives.clone(),
        degraded: news.degraded.borrow().clone(),
    }
}

/// The first entry to send: where the client left off, or 1 if it knows another log. 0 = heads first.
fn cursor(hello: &Hello, shared: &Shared) -> Option<u64> {
    let from = hello.entries_from?;
    let same_log = hello.log.as_ref().is_none_or(|log| *log == shared.reader.log_id());
    Some(if same_log || from == 0 { from } else { 1 })
}

struct Out {
    write: OwnedWriteHalf,
}

impl Out {
    async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), String> {
        stir();
        match tokio::time::timeout(WRITE_STALL, codec::send(&mut self.write, message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("write failed: {error}")),
            Err(_) => Err(format!("the client took nothing for {} s", WRITE_STALL.as_secs())),
        }
    }
}

struct Session {
    cursor: Option<u64>,
    told_caught_up: bool,
    told_unreadable: bool,
    sent: BTreeMap<Topic, Arc<TopicView>>,
    revs: BTreeMap<Topic, u64>,
    topics: Vec<Topic>,
    caller: Caller,
    shared: Arc<Shared>,
    engine: mpsc::Sender<Command>,
    news: News,
    out: Out,
    bucket: Bucket,
    /// One look into the past at a time.
    look: Arc<Semaphore>,
}

type Lines = FramedRead<tokio::net::unix::OwnedReadHalf, tokio_util::codec::LinesCodec>;

impl Session {
    async fn run(mut self, mut lines: Lines) -> Result<(), String> {
        let mut answers = FuturesUnordered::new();
        let mut ping = tokio::time::interval(PING_EVERY);
        let mut board_due = self.shared.clock.ticks(BOARD_EVERY, Turn::Judge);
        let mut board_changed = true;
        let mut clock = self.shared.clock.changes();
        let present = self.news.present.borrow_and_update().as_ref().clone();
        self.out.send(&push(Push::Presence(present))).await?;
        if self.cursor == Some(0) {
            self.heads().await?;
        }
        self.entries().await?;
        loop {
            tokio::select! {
                line = lines.next() => match stirred(line) {
                    None => return Ok(()),
                    Some(Err(error)) => return Err(error.to_string()),
                    Some(Ok(line)) => {
                        let line: ClientLine = codec::decode(&line, CLIENT_DEPTH)?;
                        match self.ask(line.req, answers.len()).await {
                            Ok(answer) => answers.push(async move { (line.id, answer.await) }),
                            Err(refusal) => self.out.send(&RoomLine::Refused { id: line.id, refusal }).await?,
                        }
                    }
                },
                Some((id, answer)) = answers.next() => self.answer(id, answer).await?,
                changed = self.news.head.changed() => { changed.map_err(|_| "the room ended")?; self.entries().await?; }
                changed = self.news.board.changed() => { changed.map_err(|_| "the room ended")?; board_changed = true; }
                changed = self.news.present.changed() => {
                    changed.map_err(|_| "the room ended")?;
                    let present = self.news.present.borrow_and_update().as_ref().clone();
                    self.out.send(&push(Push::Presence(present))).await?;
                }
                changed = self.news.degraded.changed() => {
                    changed.map_err(|_| "the room ended")?;
                    let why = self.news.degraded.borrow_and_update().clone();
                    self.out.send(&push(Push::Degraded(why))).await?;
                }
                _ = clock.changed() => self.out.send(&push(Push::Clock(self.shared.clock.sync()))).await?,
                () = board_due.tick(), if board_changed => { board_changed = false; self.board().await?; }
                _ = ping.tick() => {
                    let message = if self.shared.drill.is_some() { Push::Clock(self.shared.clock.sync()) } else { Push::Ping };
                    self.out.send(&push(message)).await?;
                }
            }
        }
    }

    /// Puts a request before the engine. Refused here: too many, too fast, or from a client that promised to change nothing.
    async fn ask(&mut self, request: Request, in_flight: usize) -> Result<oneshot::Receiver<Answer>, Refusal> {
        let changes = !matches!(
            request,
            Request::Board { .. }
                | Request::Past { .. }
                | Request::History { .. }
                | Request::Status
                | Request::Preview { .. }
                | Request::SilencePreview { .. }
        );
        if self.caller.hello.readonly && changes {
            return Err(Refusal::new(
                RefusalKind::ReadOnly,
                "this client was started read-only",
                "start it again without --readonly",
            ));
        }
        if in_flight >= IN_FLIGHT || !self.bucket.take() {
            return Err(Refusal::new(
                RefusalKind::Rate,
                "too many requests at once from this connection",
                "wait a second and ask again",
            ));
        }
        let (reply, answer) = oneshot::channel();
        if let Request::Board { topic } = request {
            // Answered from what this session has anyway: watching costs the writer nothing.
            let view = self.news.board.borrow().get(&topic).cloned().unwrap_or_default();
            let _ = reply.send(Ok(rows(&view)));
            return Ok(answer);
        }
        if let Request::Past { topic, at, page } = request {
            self.shared.looks.allow(self.caller.peer.uid)?;
            self.shared.looks.begin(self.look.clone(), (topic, at, page), reply);
            return Ok(answer);
        }
        if let Request::History { incident, from } = request {
            history::answer(self.shared.clone(), self.engine.clone(), self.look.clone(), (incident, from), reply);
            return Ok(answer);
        }
        let command = Command::Ask { caller: self.caller.clone(), request, reply };
        self.engine.send(command).await.map_err(|_| stopping())?;
        Ok(answer)
    }

    async fn answer(&mut self, id: u64, answer: Result<Answer, oneshot::error::RecvError>) -> Result<(), String> {
        let line = match answer {
            Ok(Ok(reply)) => RoomLine::Reply { id, reply: Box::new(reply) },
            Ok(Err(refusal)) => RoomLine::Refused { id, refusal },
            Err(_) => RoomLine::Refused { id, refusal: stopping() },
        };
        if let RoomLine::Reply { reply, .. } = &line
            && let Reply::Recorded { seq }
            | Reply::Opened { seq, .. }
            | Reply::Silenced { seq, .. }
            | Reply::Plan { seq: Some(seq), .. } = reply.as_ref()
        {
            // The answer follows the entry it speaks of, so a client that has the answer has the entry.
            tracing::trace!(seq, "answered");
            self.entries().await?;
        }
        self.out.send(&line).await
    }

    async fn entries(&mut self) -> Result<(), String> {
        let head = *self.news.head.borrow_and_update();
        while let Some(cursor) = self.cursor.filter(|cursor| *cursor <= head) {
            let page = match blocking(|| self.shared.reader.read_from(cursor, ENTRY_PAGE)) {
                Ok(page) => page,
                // The panes need no disk: they stay, and the banner says why the timeline stands still.
                Err(error) => return self.unreadable(&error.to_string()).await,
            };
            // By number and not by count: what a damaged closed segment lost is skipped.
            let Some(last) = page.last().and_then(number) else { break };
            self.cursor = Some(last + 1);
            self.out.send(&push(Push::Entries(page))).await?;
        }
        if !self.told_caught_up {
            self.told_caught_up = true;
            let sent = self.cursor.map_or(head, |cursor| cursor - 1);
            self.out.send(&push(Push::CaughtUp { seq: head.max(sent.min(self.shared.reader.head().0)) })).await?;
        }
        Ok(())
    }

    /// What the room made of the log, and the newest of the latest incident; the entries go on behind it.
    async fn heads(&mut self) -> Result<(), String> {
        let (reply, heads) = oneshot::channel();
        self.engine.send(Command::Heads { reply }).await.map_err(|_| "the room ended")?;
        let heads = heads.await.map_err(|_| "the room ended")?.ok_or("what the room knows can't be told")?;
        let (seq, head) = (heads.seq, heads.head);
        let parts = parts(&heads.json, history::PAGE);
        for (i, part) in parts.iter().enumerate() {
            let more = i + 1 < parts.len();
            self.out.send(&push(Push::Heads { seq, head, part: (*part).to_owned(), more })).await?;
        }
        self.cursor = Some(seq + 1);
        let mut next = Some(0);
        while let Some(from) = next {
            let page = match blocking(|| heads.newest.page(&self.shared.reader, from)) {
                Ok((page, more)) => {
                    next = more.filter(|more| *more <= seq);
                    page
                }
                Err(error) => return self.unreadable(&error.to_string()).await,
            };
            self.out.send(&push(Push::Earlier(page))).await?;
        }
        Ok(())
    }

    /// Entries can't be read: said once, and tried again when there is a new one.
    async fn unreadable(&mut self, why: &str) -> Result<(), String> {
        if !self.told_unreadable {
            self.told_unreadable = true;
            tracing::error!(%why, "the timeline can't be read");
            let why = SafeText::new(&format!("the timeline can't be read: {why}"));
            self.out.send(&push(Push::Degraded(Some(why)))).await?;
        }
        Ok(())
    }

    async fn board(&mut self) -> Result<(), String> {
        let board = self.news.board.borrow_and_update().clone();
        for topic in self.topics.clone() {
            let Some(new) = board.get(&topic) else { continue };
            let old = self.sent.get(&topic).cloned();
            if old.as_ref().is_some_and(|old| Arc::ptr_eq(old, new)) {
                continue;
            }
            let rev = self.revs.entry(topic).or_default();
            *rev += 1;
            for delta in deltas(topic, *rev, old.as_deref(), new) {
                self.out.send(&push(Push::Board(delta))).await?;
            }
            self.sent.insert(topic, new.clone());
        }
        Ok(())
    }
}

/// A text in parts of at most so many bytes.
fn parts(text: &str, most: usize) -> Vec<&str> {
    let (mut out, mut rest) = (Vec::new(), text);
    while rest.len() > most {
        let at = (0..=most).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let (part, left) = rest.split_at(at);
        out.push(part);
        rest = left;
    }
    out.push(rest);
    out
}

/// What a client says keeps a drill's clock from going on.
fn stirred<T>(heard: T) -> T {
    stir();
    heard
}

fn push(push: Push) -> RoomLine {
    RoomLine::Push(push)
}

fn stopping() -> Refusal {
    Refusal::new(RefusalKind::Degraded, "the room is stopping", "look at the timeline once it is back")
}
