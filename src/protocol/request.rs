//! What a client may ask of the room. Unknown fields are refused.

use serde::{Deserialize, Serialize};

use crate::board::Topic;
use crate::model::silence::SilenceChange;
use crate::model::{
    Action, Digest, IncidentId, IncidentStatus, Milestone, PersonId, PlanId, SafeText, Severity, Stamp,
};
/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Record a note; `at` = when it happened.
    Note {
        /// What is recorded: at most 8 KiB after cleaning, or it is refused whole.
        text: SafeText,
        /// When it happened, if not now; never in the future.
        at: Option<Stamp>,
        /// Mark it as this milestone at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<Milestone>,
    },
    /// Record a decision.
    Decision {
        /// What is recorded: at most 8 KiB after cleaning, or it is refused whole.
        text: SafeText,
        /// When it was decided, if not now; stands beside the measured time and not in its place.
        at: Option<Stamp>,
        /// Mark it as this milestone at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<Milestone>,
    },
    /// Record work for afterwards.
    FollowUp {
        /// What is to be done: at most 8 KiB after cleaning, or it is refused whole.
        text: SafeText,
        /// Who shall do it; the room does not look whether it knows them.
        owner: Option<PersonId>,
    },
    /// Record several lines at once: all of them, or none.
    Lines {
        /// What each line becomes.
        kind: LineKind,
        /// One entry each, in this order and in one batch.
        lines: Vec<SafeText>,
        /// When all of them happened; means nothing for follow-ups.
        at: Option<Stamp>,
        /// Who shall do all of them; means nothing but for follow-ups.
        owner: Option<PersonId>,
    },
    /// Ask that the text of an entry is removed for good. Another person has to confirm it.
    Redact {
        /// The entry whose text it is, in any incident of the log.
        seq: u64,
        /// Why: recorded as the text of the entry that asks, which stays.
        reason: SafeText,
    },
    /// Confirm the removal that was asked for by the entry with this hash.
    ConfirmRedact {
        /// The entry whose text is to be removed.
        seq: u64,
        /// The hash of the entry that asks, as this person was shown it; another one is refused.
        hash: Digest,
    },
    /// Refuse it, or take it back.
    RefuseRedact {
        /// The entry whose text was to be removed.
        seq: u64,
    },
    /// Pin or unpin an entry.
    Pin {
        /// An entry of the open incident.
        seq: u64,
        /// False takes the pin away.
        pinned: bool,
    },
    /// Mark an entry as a milestone, or take that back.
    Mark {
        /// An entry of the open incident.
        seq: u64,
        /// Which milestone it is to stand for.
        milestone: Milestone,
        /// False takes the mark back; what is so already is refused.
        marked: bool,
    },
    /// Re-time or amend an entry by a new one that points back.
    Amend {
        /// The entry that is amended.
        seq: u64,
        /// What it is to say instead; `None` = its text stays.
        text: Option<SafeText>,
        /// When it happened; `None` = its time stays.
        at: Option<Stamp>,
    },
    /// Open an incident.
    Open {
        /// Its title; may be changed later, the id never.
        title: SafeText,
        /// How bad it is, by whoever opens it.
        severity: Severity,
    },
    /// Set something of the open incident.
    Set(SetIncident),
    /// Close the open incident; refused while alerts fire. See [`SetIncident::although_firing`].
    Close,
    /// Build a plan and put it before the room. `confirm` = the typed name of what will move.
    /// `to` = the cluster it shall come back on, of a service that has several.
    Propose {
        /// What the plan shall do.
        action: Action,
        /// A service of the configuration, by name.
        service: String,
        /// By its name in the configuration; `None` = the first that can take it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// Compared with the plan's own [`confirm`](crate::model::Plan::confirm), to the letter.
        confirm: String,
        /// An open plan that this one takes the place of; `None` = none, and then its locks may be in the way.
        supersedes: Option<PlanId>,
    },
    /// Build a plan and show it, without proposing.
    Preview {
        /// What the plan would do.
        action: Action,
        /// A service of the configuration, by name.
        service: String,
        /// By its name in the configuration; `None` = the first that can take it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Approve the digest that was shown, with the typed name.
    Approve {
        /// The plan that waits.
        plan: PlanId,
        /// What this person was shown; another one is refused.
        digest: Digest,
        /// What they typed: compared with the plan's own word, to the letter.
        confirm: String,
    },
    /// Reject a plan.
    Reject {
        /// A plan that is not claimed yet; any operator may.
        plan: PlanId,
        /// Why: recorded as the text of the entry.
        reason: SafeText,
    },
    /// Take back one's own plan.
    Withdraw {
        /// A plan of one's own that is not claimed yet.
        plan: PlanId,
    },
    /// Stop a running plan before its next step.
    Hold {
        /// A plan that runs. A step that has begun is finished.
        plan: PlanId,
    },
    /// Show what a change of silences would hit. Nothing is recorded.
    SilencePreview {
        /// What would be done.
        change: SilenceChange,
    },
    /// Do the change whose preview has this digest. `confirm` = what the preview asks to be typed.
    Silence {
        /// Of a preview that this person was shown within five minutes, and that was not carried out yet.
        digest: Digest,
        /// Only looked at where the preview is grave.
        confirm: String,
    },
    /// The whole of one topic, now.
    Board {
        /// The topic; answered with as many of its rows as one line holds.
        topic: Topic,
    },
    /// One page of a topic's rows as they were: events and alerts, as far as they are kept.
    Past {
        /// Alerts or events: of other topics nothing is kept.
        topic: Topic,
        /// The instant, on the room's clock; one that is to come is refused.
        at: Stamp,
        /// From 0; one after the last is empty.
        page: u32,
    },
    /// One page of the entries of an incident, in order, from this one on.
    History {
        /// Any incident of the log, open or closed.
        incident: IncidentId,
        /// The first entry that is wanted, by its number in the log; 0 = from its beginning.
        from: u64,
    },
    /// Room, log and health, for `status`.
    Status,
}

/// What lines become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// As [`Request::Note`] without a milestone.
    Note,
    /// As [`Request::Decision`] without a milestone.
    Decision,
    /// As [`Request::FollowUp`].
    FollowUp,
}

/// The changes of `Request::Set`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetIncident {
    /// The new title, recorded as the text of the entry; `None` = it stays.
    pub title: Option<SafeText>,
    /// `None` = it stays.
    pub severity: Option<Severity>,
    /// `None` = it stays. `Closed` becomes an entry of its own, after everything else that is set.
    pub status: Option<IncidentStatus>,
    /// An operator or commander of `people.toml`, else it is refused; `None` = it stays.
    pub commander: Option<PersonId>,
    /// When users were hit first, by the person's word; one out of order with the other clocks is refused.
    pub impact_at: Option<Stamp>,
    /// When the service was back, by the person's word; one out of order with the other clocks is refused.
    pub recovered_at: Option<Stamp>,
    /// Close it though alerts still fire. Without, the room refuses that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub although_firing: bool,
}

impl SetIncident {
    /// Closes the incident whatever fires, for who was asked.
    pub fn closed_although_firing() -> Self {
        Self { status: Some(IncidentStatus::Closed), although_firing: true, ..Self::default() }
    }
}
