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
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::codec::FramedRead;
use tokio_util::sync::CancellationToken;

use super::blocking::blocking;
use super::broadcast::Broadcasts;
use super::context::RoomContext;
use super::drained::Drained;
use super::engine_message::{Answer, Caller, EngineMessage};
use super::entry_places::number;
use super::peer_credentials::{self, Identity, Peer};
use super::person_budget::{Share, Whose};
use super::request_kinds::verb;
use super::request_routing::{DEAF_FOR, stopping};
use crate::board::{Topic, TopicView};
use crate::clock::{Turn, stir};
use crate::model::{Digest, Refusal, RefusalKind, SafeText};
use crate::protocol::codec::{self, CLIENT_DEPTH, CLIENT_LINE, HELLO_LINE};
use crate::protocol::{ClientLine, Hello, OLDEST, Push, Reply, RoomLine, VERSION, Welcome, common};
use crate::seal;

const HELLO_WITHIN: Duration = Duration::from_secs(2);
const WRITE_STALL: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(15);
/// How far apart, in real time, board changes are sent at least; the first after a while goes at once.
pub(super) const BOARD_EVERY: Duration = Duration::from_millis(100);
/// Entries behind the end of the log from which on sending them is a stream of its own.
const STREAM: u64 = 256;
/// Entries a message carries, bytes; well under the line limit after JSON escaping.
const ENTRY_PAGE: usize = 256 * 1024;

/// Runs a connection to its end. The reason it ended is for the log.
pub(super) async fn serve(
    stream: UnixStream,
    peer: Peer,
    shared: Arc<RoomContext>,
    engine: mpsc::Sender<EngineMessage>,
    mut news: Broadcasts,
    stop: CancellationToken,
) -> Result<(), String> {
    let (read, write) = stream.into_split();
    let mut lines = FramedRead::new(Drained(read), codec::lines(HELLO_LINE));
    let hello = tokio::time::timeout(HELLO_WITHIN, lines.next()).await.map_err(|_| "no hello in time".to_owned())?;
    let hello = hello.ok_or("closed before its hello")?.map_err(|error| error.to_string())?;
    let hello: Hello = codec::decode(&hello, CLIENT_DEPTH)?;
    let mut out = Out { write };

    let (mut identity, whose, share) = match enter(peer, &hello, &shared) {
        Ok(entered) => entered,
        Err(refusal) => return out.send(&RoomLine::Bye(refusal)).await,
    };
    while let Some(wait) = share.greeting(shared.clock.boot()) {
        tokio::time::sleep(wait).await;
    }
    peer_credentials::name_account(&mut identity, &shared.config, &shared.accounts).await;
    let caller = Caller { peer, hello: hello.clone(), actor: identity.actor.clone() };
    out.send(&RoomLine::Welcome(Box::new(welcome(&shared, &hello, &identity, &mut news)))).await?;
    if !hello.quiet {
        let join = EngineMessage::Join { caller: caller.clone(), place: share.place().await };
        let _ = engine.send(join).await;
    }
    let session = Session {
        cursor: cursor(&hello, &shared),
        told_caught_up: false,
        told_unreadable: false,
        told_rechecks: false,
        sent: BTreeMap::new(),
        topics: hello.topics.clone(),
        caller: caller.clone(),
        shared,
        engine: engine.clone(),
        news,
        out,
        whose,
        share: share.clone(),
        deaf: None,
        deaf_for: DEAF_FOR,
        look: Arc::new(Semaphore::new(1)),
    };
    // Here and not in the session's loop: there a client that takes its entries slowly would hold the stop up.
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = session.run(lines.map_decoder(|_| codec::lines(CLIENT_LINE))) => ended,
    };
    if !hello.quiet {
        let _ = engine.send(EngineMessage::Leave { caller, place: share.place().await }).await;
    }
    ended
}

/// Who comes, and whose budget they use.
fn enter(peer: Peer, hello: &Hello, shared: &RoomContext) -> Result<(Identity, Whose, Arc<Share>), Refusal> {
    let identity = admit(peer, hello, shared)?;
    let whose = peer_credentials::whose(peer, &identity);
    let share = shared.budgets.share(whose.clone(), shared.clock.boot())?;
    Ok((identity, whose, share))
}

fn admit(peer: Peer, hello: &Hello, shared: &RoomContext) -> Result<Identity, Refusal> {
    if common(&hello.proto).is_none() {
        return Err(Refusal::new(
            RefusalKind::ProtoTooOld,
            format!("this room speaks protocol {OLDEST} to {VERSION}, {} speaks {:?}", hello.client, hello.proto),
            "run the same version of warroom as the room",
        ));
    }
    peer_credentials::identify(peer, hello, &shared.config, shared.drill.is_some())
}

fn welcome(shared: &RoomContext, hello: &Hello, identity: &Identity, news: &mut Broadcasts) -> Welcome {
    Welcome {
        proto: common(&hello.proto).unwrap_or(OLDEST),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        room: shared.config.room.name.clone(),
        log: shared.reader.log_id().to_owned(),
        you: identity.actor.clone(),
        role: identity.role,
        clock: shared.clock.sync(),
        drill: shared.drill_now(),
        objectives: shared.config.objectives.clone(),
        degraded: news.degraded.borrow().clone(),
        // Taken in, so that it is not told again.
        log_room: news.log_room.borrow_and_update().clone(),
        head: Some(shared.reader.head()),
        seen: hello.seen.filter(|_| knows(hello, shared)).and_then(|seq| blocking(|| hash_of(shared, seq))),
    }
}

/// The hash of an entry, for who saw it before.
fn hash_of(shared: &RoomContext, seq: u64) -> Option<Digest> {
    let line = shared.reader.line(seq).ok().flatten()?;
    match seal::scan_line(line.line.as_bytes()) {
        Ok(seal::ChainLine::Entry(found)) => found.digest(),
        _ => None,
    }
}

/// The first entry to send: where the client left off, or 1 if it knows another log. 0 = heads first, for who reads them.
fn cursor(hello: &Hello, shared: &RoomContext) -> Option<u64> {
    let from = hello.entries_from?;
    let heads = from == 0 && common(&hello.proto) != Some(OLDEST);
    Some(if heads || (knows(hello, shared) && from > 0) { from } else { 1 })
}

/// Whether what a client says of the log it knows is about this one. Without an id it can only be this one.
fn knows(hello: &Hello, shared: &RoomContext) -> bool {
    hello.log.as_ref().is_none_or(|log| *log == shared.reader.log_id())
}

pub(super) struct Out {
    write: OwnedWriteHalf,
}

impl Out {
    pub(super) async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), String> {
        let line = codec::line(message).map_err(|error| format!("write failed: {error}"))?;
        self.send_line(&line).await
    }

    /// Sends a message that is written out already.
    pub(super) async fn send_line(&mut self, line: &[u8]) -> Result<(), String> {
        stir();
        match tokio::time::timeout(WRITE_STALL, self.write.write_all(line)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("write failed: {error}")),
            Err(_) => Err(format!("the client took nothing for {} s", WRITE_STALL.as_secs())),
        }
    }
}

pub(super) struct Session {
    pub(super) cursor: Option<u64>,
    told_caught_up: bool,
    told_unreadable: bool,
    told_rechecks: bool,
    pub(super) sent: BTreeMap<Topic, Arc<TopicView>>,
    pub(super) topics: Vec<Topic>,
    pub(super) caller: Caller,
    pub(super) shared: Arc<RoomContext>,
    pub(super) engine: mpsc::Sender<EngineMessage>,
    pub(super) news: Broadcasts,
    pub(super) out: Out,
    pub(super) whose: Whose,
    pub(super) share: Arc<Share>,
    /// Nothing is read until then.
    pub(super) deaf: Option<tokio::time::Instant>,
    pub(super) deaf_for: Duration,
    /// One look into the past at a time.
    pub(super) look: Arc<Semaphore>,
}

type RequestLines = FramedRead<Drained, tokio_util::codec::LinesCodec>;

impl Session {
    async fn run(mut self, mut lines: RequestLines) -> Result<(), String> {
        let mut answers = FuturesUnordered::new();
        let mut ping = tokio::time::interval(PING_EVERY);
        let mut board_due = self.shared.clock.ticks(BOARD_EVERY, Turn::Judge);
        let mut board_changed = true;
        let mut clock = self.shared.clock.changes();
        let present = self.news.present.borrow_and_update().as_ref().clone();
        self.out.send(&RoomLine::Push(Push::Presence(present))).await?;
        self.rechecks().await?;
        if self.cursor == Some(0) {
            self.heads().await?;
        }
        self.entries().await?;
        loop {
            tokio::select! {
                () = until(self.deaf), if self.deaf.is_some() => self.deaf = None,
                line = lines.next(), if self.deaf.is_none() => match stirred(line) {
                    None => return Ok(()),
                    Some(Err(error)) => return Err(error.to_string()),
                    Some(Ok(line)) => {
                        let text = line;
                        let line: ClientLine = codec::decode(&text, CLIENT_DEPTH)?;
                        let verb = verb(&line.req);
                        match self.ask(line.req, &text, answers.len()).await {
                            Ok(answer) => answers.push(async move { (line.id, answer.await) }),
                            Err(refusal) => {
                                self.refused(refusal.kind, verb);
                                self.out.send(&RoomLine::Refused { id: line.id, refusal }).await?;
                            }
                        }
                    }
                },
                Some((id, answer)) = answers.next() => self.answer(id, answer).await?,
                changed = self.news.head.changed() => { changed.map_err(|_| "the room ended")?; self.entries().await?; }
                changed = self.news.board.changed() => { changed.map_err(|_| "the room ended")?; board_changed = true; }
                changed = self.news.present.changed() => {
                    changed.map_err(|_| "the room ended")?;
                    let present = self.news.present.borrow_and_update().as_ref().clone();
                    self.out.send(&RoomLine::Push(Push::Presence(present))).await?;
                }
                changed = self.news.degraded.changed() => {
                    changed.map_err(|_| "the room ended")?;
                    let why = self.news.degraded.borrow_and_update().clone();
                    self.out.send(&RoomLine::Push(Push::Degraded(why))).await?;
                }
                changed = self.news.log_room.changed() => {
                    changed.map_err(|_| "the room ended")?;
                    let room = self.news.log_room.borrow_and_update().clone();
                    if common(&self.caller.hello.proto) != Some(OLDEST) {
                        self.out.send(&RoomLine::Push(Push::LogRoom(room))).await?;
                    }
                }
                changed = self.news.rechecks.changed() => { changed.map_err(|_| "the room ended")?; self.rechecks().await?; }
                _ = clock.changed() => self.out.send(&RoomLine::Push(Push::Clock(self.shared.clock.sync()))).await?,
                () = board_due.tick(), if board_changed => board_due.put_off(self.board(&mut board_changed).await?),
                _ = ping.tick() => self.ping().await?,
            }
        }
    }

    /// That the room lives. What could not be read before is tried again: perhaps no new entry ever comes.
    async fn ping(&mut self) -> Result<(), String> {
        if self.told_unreadable {
            self.entries().await?;
        }
        let message = if self.shared.drill.is_some() { Push::Clock(self.shared.clock.sync()) } else { Push::Ping };
        self.out.send(&RoomLine::Push(message)).await
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
        let far = self.cursor.is_some_and(|cursor| head.saturating_sub(cursor) >= STREAM);
        let _stream = match far.then_some(&self.share) {
            None => None,
            Some(share) => match share.clone().stream().await {
                Ok(stream) => Some(stream),
                Err(refusal) => {
                    let why = refusal.why.to_string();
                    self.refused(refusal.kind, "read");
                    self.out.send(&RoomLine::Bye(refusal)).await?;
                    return Err(why);
                }
            },
        };
        while let Some(cursor) = self.cursor.filter(|cursor| *cursor <= head) {
            let read = || blocking(|| self.shared.reader.read_from(cursor, ENTRY_PAGE));
            let page = match self.share.page(read).await {
                Ok(page) => page,
                // The panes need no disk: they stay, and the banner says why the timeline stands still.
                Err(error) => return self.unreadable(&error.to_string()).await,
            };
            self.readable().await?;
            // By number and not by count: what a damaged closed segment lost is skipped.
            let Some(last) = page.last().and_then(number) else { break };
            self.cursor = Some(last + 1);
            self.out.send(&RoomLine::Push(Push::Entries(page))).await?;
        }
        if !self.told_caught_up {
            self.told_caught_up = true;
            let sent = self.cursor.map_or(head, |cursor| cursor - 1);
            self.out
                .send(&RoomLine::Push(Push::CaughtUp { seq: head.max(sent.min(self.shared.reader.head().0)) }))
                .await?;
        }
        Ok(())
    }

    /// What waiting plans rest on. Nobody who asked for no entries knows those plans.
    async fn rechecks(&mut self) -> Result<(), String> {
        let all = self.news.rechecks.borrow_and_update().as_ref().clone();
        if self.cursor.is_none() || (all.is_empty() && !self.told_rechecks) {
            return Ok(());
        }
        self.told_rechecks = !all.is_empty();
        self.out.send(&RoomLine::Push(Push::Rechecks(all))).await
    }

    /// Entries can be read again: what was said of them is taken back.
    async fn readable(&mut self) -> Result<(), String> {
        if std::mem::take(&mut self.told_unreadable) {
            let why = self.news.degraded.borrow().clone();
            self.out.send(&RoomLine::Push(Push::Degraded(why))).await?;
        }
        Ok(())
    }

    /// Entries can't be read: said once, and tried again when there is a new one, and now and then.
    pub(super) async fn unreadable(&mut self, why: &str) -> Result<(), String> {
        if !self.told_unreadable {
            self.told_unreadable = true;
            tracing::error!(%why, "the timeline can't be read");
            let why = SafeText::new(&format!("the timeline can't be read: {why}"));
            self.out.send(&RoomLine::Push(Push::Degraded(Some(why)))).await?;
        }
        Ok(())
    }
}

/// Waits until an instant, if there is one.
async fn until(at: Option<tokio::time::Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

/// What a client says keeps a drill's clock from going on.
fn stirred<T>(heard: T) -> T {
    stir();
    heard
}
