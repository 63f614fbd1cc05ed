//! What becomes of a console's request before the writer hears of it: refused, answered from what the session has, or put
//! before the writer when it is this person's turn.

use std::time::Duration;

use tokio::sync::oneshot;

use super::engine_message::{Answer, EngineMessage};
use super::person_budget::{TOO_OFTEN, rate};
use super::request_kinds::writes_text;
use super::request_limits::not_to_come;
use super::row_pages::rows;
use super::session::Session;
use super::timeline_feed;
use crate::model::safe_text::MAX_LONG_BYTES;
use crate::model::{Refusal, RefusalKind, clean};
use crate::protocol::Request;

/// Requests of one connection that wait for their answers.
const IN_FLIGHT: usize = 16;
/// After a request that came too early a connection is not read for so long, twice as long after the next, and so on.
pub(super) const DEAF_FOR: Duration = Duration::from_millis(250);
const DEAF_FOR_AT_MOST: Duration = Duration::from_secs(4);
/// The longest that a connection waits for its turn at a table.
const TABLE_WITHIN: Duration = Duration::from_secs(2);

impl Session {
    /// Puts a request before the engine. Refused here: too many, too fast, or from a client that promised to change nothing.
    pub(super) async fn ask(
        &mut self,
        request: Request,
        line: &str,
        in_flight: usize,
    ) -> Result<oneshot::Receiver<Answer>, Refusal> {
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
        if in_flight >= IN_FLIGHT {
            return Err(rate("too many requests at once from this connection", Duration::from_secs(1)));
        }
        let now = self.shared.clock.boot();
        match request {
            // Counted by pages, of which one look takes many.
            Request::Past { .. } => self.shared.looks.allow(&self.whose, now)?,
            Request::Board { .. } => self.table().await?,
            _ => self.share.request(if writes_text(&request) { line.len() } else { 0 }, now)?,
        }
        if changes && !clean::keeps_whole(line) {
            return Err(too_long());
        }
        if let Request::Past { at, .. } = &request {
            not_to_come(*at, self.shared.clock.now())?;
        }
        self.deaf_for = DEAF_FOR;
        let (reply, answer) = oneshot::channel();
        if let Request::Board { topic } = request {
            // Answered from what this session has anyway: watching costs the writer nothing.
            let view = self.news.board.borrow().get(&topic).cloned().unwrap_or_default();
            let _ = reply.send(Ok(rows(&view)));
            return Ok(answer);
        }
        if let Request::Past { topic, at, page } = request {
            self.shared.looks.begin(self.look.clone(), (topic, at, page), reply);
            return Ok(answer);
        }
        if let Request::History { incident, from } = request {
            timeline_feed::answer(self.shared.clone(), self.engine.clone(), self.look.clone(), (incident, from), reply);
            return Ok(answer);
        }
        let place = self.share.place().await;
        let command = EngineMessage::Ask { caller: self.caller.clone(), request, reply, place };
        self.engine.send(command).await.map_err(|_| stopping())?;
        Ok(answer)
    }

    /// Waits for the turn of one more table.
    ///
    /// # Errors
    /// The refusal of one whose tables others of their connections use up.
    async fn table(&self) -> Result<(), Refusal> {
        let until = tokio::time::Instant::now() + TABLE_WITHIN;
        while let Some(wait) = self.share.table(self.shared.clock.boot()) {
            if tokio::time::Instant::now() >= until {
                return Err(rate(TOO_OFTEN, wait));
            }
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Counts a refusal that the writer never hears of. Who asks too often is not read for a while: else saying no would
    /// cost as much as they like.
    pub(super) fn refused(&mut self, kind: RefusalKind, verb: &'static str) {
        self.shared.refusals().count(&self.caller.actor, kind, verb, None, self.shared.clock.boot());
        if kind == RefusalKind::Rate {
            self.deaf = Some(tokio::time::Instant::now() + self.deaf_for);
            self.deaf_for = (self.deaf_for * 2).min(DEAF_FOR_AT_MOST);
        }
    }
}

/// The refusal of what would be cut. Counted before: saying no must not be cheaper to ask for than a yes.
fn too_long() -> Refusal {
    let most = MAX_LONG_BYTES / 1024;
    let why = format!("a text is longer than the {most} KiB that an entry keeps; nothing was recorded");
    Refusal::new(RefusalKind::BadRequest, why, "shorten it, or say it in several")
}

/// The refusal of everything while the room ends.
pub(super) fn stopping() -> Refusal {
    Refusal::new(RefusalKind::Degraded, "the room is stopping", "look at the timeline once it is back")
}
