//! What people do in a scenario, and the milestones that a good run reaches.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::scenario::join;
use crate::model::{Action, IncidentStatus, Severity};

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Writes `text` as a note.
    Note,
    /// Writes `text` as a decision: the first one sets the incident's decision clock.
    Decision,
    /// Writes `text` as work for later, for `owner` if there is one.
    FollowUp,
    /// Takes command: always of its own person, never for another.
    Commander,
    /// Sets the incident's `severity`.
    Severity,
    /// Sets the incident's `status`.
    Status,
    /// Previews the plan of `action`, and proposes it with the word that the preview asks for.
    Propose,
    /// Waits for a plan of `action` by somebody else, any plan if there is none, and confirms it.
    Approve,
    /// Waits like `Approve`, and refuses that plan with `text` as the reason.
    Reject,
    /// Closes the incident, also while alerts fire.
    Close,
}

/// One act of a person, `at_s` after detection.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedAction {
    /// Seconds after detection, the earliest: an act waits for what it needs, and for its person's acts before it.
    pub at_s: u32,
    /// Id of one of the scenario's people.
    pub who: String,
    /// `do` in the file.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// What a note, decision, follow-up or rejection says. Of a proposal: the service, else the first objective's.
    #[serde(default)]
    pub text: Option<String>,
    /// Needed by `Status`, read by nothing else.
    #[serde(default)]
    pub status: Option<IncidentStatus>,
    /// Needed by `Severity`, read by nothing else.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Needed by `Propose`; of `Approve` and `Reject` it says which plan is meant.
    #[serde(default)]
    pub action: Option<Action>,
    /// Id of the person a follow-up is for; `None` = nobody yet. Whether there is such a person is not checked here.
    #[serde(default)]
    pub owner: Option<String>,
    /// A note or decision: the milestone that its person marks it as.
    #[serde(default)]
    pub mark: Option<crate::model::Milestone>,
    /// Not before this transition is in the timeline.
    #[serde(default)]
    pub wait_for: Option<String>,
}

/// A milestone that a good run reaches.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedMilestone {
    /// A milestone's word, as in the export: `detected`, `restored`.
    pub event: String,
    /// Seconds from detection at which a good run reaches it.
    pub t_s: i64,
    /// Seconds that it may be early or late.
    pub within_s: u32,
}

impl ScriptedAction {
    /// Whether its person exists and it has what its verb needs.
    pub fn check(&self, people: &BTreeSet<&str>) -> Result<(), String> {
        let place = format!("the act of {} at {} s", self.who, self.at_s);
        if !people.contains(self.who.as_str()) {
            return Err(format!("{place}: there is no such person; known: {}", join(people)));
        }
        if let Some(crate::model::Milestone::Unknown(word)) = &self.mark {
            return Err(format!("{place}: `{word}` is no milestone"));
        }
        if self.mark.is_some() && !matches!(self.verb, Verb::Note | Verb::Decision) {
            return Err(format!("{place}: only a note or a decision is marked as a milestone"));
        }
        let missing = match self.verb {
            Verb::Note | Verb::Decision | Verb::FollowUp | Verb::Reject if self.text.is_none() => "text",
            Verb::Status if self.status.is_none() => "status",
            Verb::Severity if self.severity.is_none() => "severity",
            Verb::Propose if self.action.is_none() => "action",
            _ => return Ok(()),
        };
        Err(format!("{place} needs `{missing}`"))
    }
}
