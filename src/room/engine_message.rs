//! What reaches the single writer, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::entry_places::{EntryPlaces, FoldedLog};
use super::peer_credentials::Peer;
use super::person_budget::RequestPermit;
use crate::model::{Actor, Digest, Happening, IncidentId, PlanId, Refusal, SafeText};
use crate::protocol::{Hello, Reply, Request};

/// The answer to a request.
pub type Answer = Result<Reply, Refusal>;

/// Who asks: the kernel's peer, and what a drill room was told.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account at the other end of the socket, as the kernel says.
    pub peer: Peer,
    /// As it was said; only a drill's room takes a name from it.
    pub hello: Hello,
    /// As established at the hello; roles are judged again at every request.
    pub actor: Actor,
}

/// What reaches the writer.
pub enum EngineMessage {
    /// A request of a session.
    Ask {
        /// Who asks; what they may is judged when the request is taken, not when it was sent.
        caller: Caller,
        /// Within the limits of a message, and counted against the person's budget.
        request: Request,
        /// Answered after the entries are durable; for an approval after the preconditions were read.
        reply: oneshot::Sender<Answer>,
        /// Given back when the request was taken: the next one of the same person comes then.
        place: RequestPermit,
    },
    /// A console is there; recorded if an incident is open and it is the person's first one.
    Join {
        /// Whose console it is.
        caller: Caller,
        /// Given back when it was counted.
        place: RequestPermit,
    },
    /// A console is gone; recorded if an incident is open and it was the person's last one.
    Leave {
        /// Whose console it was: the same as at its `Join`.
        caller: Caller,
        /// Given back when it was counted.
        place: RequestPermit,
    },
    /// The preconditions were read for approvals that complete the quorum.
    Confirm {
        /// The plan that they are approvals of.
        plan: PlanId,
        /// Of the plan as it was read: approvals of other bytes do not count.
        digest: Digest,
        /// The same for everyone who waits for this plan.
        read: FirstRead,
    },
    /// The executor asks for the right to do a step; the answer comes after `step_started` is durable.
    MayStep {
        /// The running plan.
        plan: PlanId,
        /// Its id in the plan.
        step: String,
        /// Why the step must not begin: the plan was held or lost its persons, or the log can't be written.
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// The executor reports: recorded in order.
    Record {
        /// How a step or the plan ended, or what reading found after an interruption.
        happening: Happening,
        /// Its incident gets the entry, whichever is open now.
        plan: PlanId,
        /// False: the log can't be written now, and whoever reports it tries again.
        done: oneshot::Sender<bool>,
    },
    /// A plan's run failed by a fault of the program: it is interrupted; answers whether that could be recorded.
    BrokeOff {
        /// The plan that nobody runs any more.
        plan: PlanId,
        /// False: the log can't be written now, and whoever reports it tries again.
        done: oneshot::Sender<bool>,
    },
    /// What was made of the log, for a client that begins.
    Heads {
        /// `None`: what was made of the log can't be written as JSON.
        reply: oneshot::Sender<Option<Arc<FoldedLog>>>,
    },
    /// Where the entries of an incident are.
    Place {
        /// Open or closed.
        incident: IncidentId,
        /// Number of the first entry that is wanted.
        from: u64,
        /// `None`: the log has no such incident.
        reply: oneshot::Sender<Option<EntryPlaces>>,
    },
    /// A closed segment of the log was found damaged after the start.
    Damaged(SafeText),
    /// A change of silences is over: recorded in its incident; answers with the entry's number.
    SilenceOver {
        /// The one in which the change was begun, which may be closed by now.
        incident: IncidentId,
        /// `SilenceEnded`, with what became of it.
        happening: Happening,
        /// `None`: the log can't be written now, and whoever reports it tries again.
        done: oneshot::Sender<Option<u64>>,
    },
}

/// What reading the first step's preconditions found.
pub struct FirstRead {
    /// When the reading ended, on the host's boot clock.
    pub at: Duration,
    pub broken: Vec<String>,
}
