//! What those who watch begin with, and what they read of the log afterwards: what was made of it, then pages.
//!
//! Nobody is sent the log to find out how things stand. The engine says what it made of it and where an incident's entries
//! are; the lines themselves are read on threads that nobody waits for.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::blocking::blocking;
use super::context::RoomContext;
use super::engine_message::{Answer, EngineMessage};
use super::entry_places::PAGE;
use super::session::Session;
use crate::model::{IncidentId, Refusal, RefusalKind};
use crate::protocol::{Push, Reply, RoomLine};

impl Session {
    /// What the room made of the log, and the newest of the latest incident; the entries go on behind it.
    pub(super) async fn heads(&mut self) -> Result<(), String> {
        let (reply, heads) = oneshot::channel();
        self.engine.send(EngineMessage::Heads { reply }).await.map_err(|_| "the room ended")?;
        let heads = heads.await.map_err(|_| "the room ended")?.ok_or("what the room knows can't be told")?;
        let (seq, head) = (heads.seq, heads.head);
        let parts = parts(&heads.json, PAGE);
        for (i, part) in parts.iter().enumerate() {
            let more = i + 1 < parts.len();
            self.out.send(&RoomLine::Push(Push::Heads { seq, head, part: (*part).to_owned(), more })).await?;
        }
        self.cursor = Some(seq + 1);
        let mut next = Some(0);
        while let Some(from) = next {
            let read = || blocking(|| heads.newest.page(&self.shared.reader, from));
            let page = match self.share.page(read).await {
                Ok((page, more)) => {
                    next = more.filter(|more| *more <= seq);
                    page
                }
                Err(error) => return self.unreadable(&error.to_string()).await,
            };
            self.out.send(&RoomLine::Push(Push::Earlier(page))).await?;
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

/// Answers with a page in its own time. `one` has one permit: a connection's next page is read when this one is.
pub(super) fn answer(
    shared: Arc<RoomContext>,
    engine: mpsc::Sender<EngineMessage>,
    one: Arc<Semaphore>,
    (incident, from): (IncidentId, u64),
    reply: oneshot::Sender<Answer>,
) {
    tokio::spawn(async move {
        let Ok(one) = one.acquire_owned().await else { return };
        let (ask, place) = oneshot::channel();
        let asked = engine.send(EngineMessage::Place { incident: incident.clone(), from, reply: ask }).await;
        let (Ok(()), Ok(place)) = (asked, place.await) else { return };
        let Some(place) = place else {
            let _ = reply.send(Err(Refusal::new(
                RefusalKind::BadRequest,
                format!("there is no incident {incident} in this log"),
                "take its id from `warroom timeline show`",
            )));
            return;
        };
        let read = move || {
            let answer = place.page(&shared.reader, from).map_err(|error| {
                Refusal::new(
                    RefusalKind::Degraded,
                    format!("the timeline can't be read: {error}"),
                    "look at the log itself: `warroom verify DIR`",
                )
            });
            drop(one);
            let _ = reply.send(answer.map(|(lines, next)| Reply::History { lines, next, after: place.after }));
        };
        let _ = tokio::task::spawn_blocking(read).await;
    });
}
