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
    pub peer: Peer,
    pub hello: Hello,
    /// As established at the hello; roles are judged again at every request.
    pub actor: Actor,
}

/// What reaches the writer.
pub enum EngineMessage {
    /// A request of a session.
    Ask {
        caller: Caller,
        request: Request,
        reply: oneshot::Sender<Answer>,
        place: RequestPermit,
    },
    Join {
        caller: Caller,
        place: RequestPermit,
    },
    Leave {
        caller: Caller,
        place: RequestPermit,
    },
    /// The preconditions were read for approvals that complete the quorum.
    Confirm {
        plan: PlanId,
        digest: Digest,
        read: FirstRead,
    },
    /// The executor asks for the right to do a step; the answer comes after `step_started` is durable.
    MayStep {
        plan: PlanId,
        step: String,
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// The executor reports: recorded in order.
    Record {
        happening: Happening,
        plan: PlanId,
        done: oneshot::Sender<bool>,
    },
    /// A plan's run failed by a fault of the program: it is interrupted; answers whether that could be recorded.
    BrokeOff {
        plan: PlanId,
        done: oneshot::Sender<bool>,
    },
    /// What was made of the log, for a client that begins.
    Heads {
        reply: oneshot::Sender<Option<Arc<FoldedLog>>>,
    },
    /// Where the entries of an incident are.
    Place {
        incident: IncidentId,
        from: u64,
        reply: oneshot::Sender<Option<EntryPlaces>>,
    },
    /// A closed segment of the log was found damaged after the start.
    Damaged(SafeText),
    /// A change of silences is over: recorded in its incident; answers with the entry's number.
    SilenceOver {
        incident: IncidentId,
        happening: Happening,
        done: oneshot::Sender<Option<u64>>,
    },
}

/// What reading the first step's preconditions found.
pub struct FirstRead {
    /// When the reading ended, on the host's boot clock.
    pub at: Duration,
    pub broken: Vec<String>,
}
