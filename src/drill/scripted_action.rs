//! What people do in a scenario, and the milestones that a good run reaches.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::scenario::join;
use crate::model::{Action, IncidentStatus, Severity};

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Note,
    Decision,
    FollowUp,
    Commander,
    Severity,
    Status,
    Propose,
    Approve,
    Reject,
    Close,
}

/// One act of a person, `at_s` after detection.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedAction {
    pub at_s: u32,
    pub who: String,
    #[serde(rename = "do")]
    pub verb: Verb,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub status: Option<IncidentStatus>,
    #[serde(default)]
    pub severity: Option<Severity>,
    #[serde(default)]
    pub action: Option<Action>,
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
    pub event: String,
    pub t_s: i64,
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
