//! Waiting, for scripts: until something is so, but never for ever. What can't come any more ends it at once.

use std::time::Duration;

use crate::approval::{PlanRecord, PlanState};
use crate::client::LinkState;
use crate::config::units::{duration, duration_text};
use crate::console::app::{Console, Pending};
use crate::console::effect::Effect;
use crate::console::input::{AskFailure, Input};
use crate::console::notifications;
use crate::console::run::GaveUp;
use crate::protocol::Reply;

use super::Plain;
use super::grammar::PlainCommand;

/// How long a wait lasts at most unless it says otherwise.
pub(super) const LIMIT: &str = "30m";

/// What a script waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// An incident is open.
    Incident,
    /// A plan waits for this person.
    Proposal,
    /// No plan waits or runs.
    End,
    /// Service is back.
    Recovery,
}

impl WaitFor {
    const ALL: [Self; 4] = [Self::Incident, Self::Proposal, Self::End, Self::Recovery];

    fn name(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Proposal => "proposal",
            Self::End => "end",
            Self::Recovery => "recovery",
        }
    }

    /// What is so when it is over.
    fn is_so(self) -> &'static str {
        match self {
            Self::Incident => "an incident is open",
            Self::Proposal => "a plan waits for you",
            Self::End => "no plan waits or runs",
            Self::Recovery => "service is back",
        }
    }

    /// What did not come.
    fn is_not(self) -> &'static str {
        match self {
            Self::Incident => "no incident was opened",
            Self::Proposal => "no plan waits for you",
            Self::End => "a plan still waits or runs",
            Self::Recovery => "service is not back",
        }
    }

    fn holds(self, app: &Console) -> bool {
        match self {
            Self::Incident => app.incident_open(),
            Self::Proposal => notifications::calls(app).is_some(),
            Self::End => !plans(app).any(|record| !record.state.is_over()),
            Self::Recovery => app.incident().is_some_and(|incident| incident.clocks.recovery.is_some()),
        }
    }
}

/// A wait that was typed: for what, and how long at most, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub until: WaitFor,
    pub limit_s: u64,
}

impl Wait {
    /// Reads what follows `wait`.
    ///
    /// # Errors
    /// A sentence for whoever typed it.
    pub fn parse(words: &str) -> Result<Self, String> {
        let (first, limit) = words.split_once(char::is_whitespace).unwrap_or((words, LIMIT));
        let found = WaitFor::ALL.into_iter().find(|until| until.name() == first);
        let until =
            found.ok_or("`wait` needs one of: incident, proposal, end, recovery; and, if you like, a limit.")?;
        let limit_s = duration(limit.trim()).map_err(|why| format!("{why}; nothing is waited for."))?;
        match limit_s {
            0 => Err("A wait of no time is none; nothing is waited for.".to_owned()),
            limit_s => Ok(Self { until, limit_s }),
        }
    }
}

/// Where waiting stands, and what it depends on.
#[derive(Clone, Debug, Default)]
pub(super) struct WaitState {
    /// What is waited for, and since when, in real time.
    now: Option<(Wait, Duration)>,
    /// The newest entry that an answer named: before it is here, what is here is the past.
    answered: u64,
    /// The last word about a plan was refused, and none was taken since the last wait.
    refused: bool,
    /// A proposal or an approval was taken since the last wait.
    taken: bool,
}

impl WaitState {
    pub(super) fn begin(&mut self, wait: Wait, now: Duration) {
        self.now = Some((wait, now));
    }

    /// What a person is told who waits: nothing is drawn that would show it.
    fn told(wait: Wait) -> String {
        let limit = duration_text(wait.limit_s);
        format!("Waiting until {}, {limit} at most. Whatever you type ends the wait.", wait.until.is_so())
    }

    /// Whoever types again does not wait any more.
    pub(super) fn forget(&mut self) {
        self.now = None;
    }

    /// Remembers whether a word about a plan was sent at all.
    pub(super) fn sent(&mut self, order: &PlainCommand, effects: &[Effect]) {
        if matches!(order, PlainCommand::Preview(..) | PlainCommand::Propose(_) | PlainCommand::Approve { .. }) {
            self.refused = effects.is_empty() && !self.taken;
        }
    }

    /// Remembers what an answer means for waiting; `app` has not taken it in yet.
    pub(super) fn answer(&mut self, app: &Console, input: &Input) {
        let Input::Reply { tag, result } = input else { return };
        let Some(waiting) = app.waiting.get(tag) else { return };
        let seq = match result {
            Ok(Reply::Recorded { seq } | Reply::Opened { seq, .. } | Reply::Silenced { seq, .. }) => Some(*seq),
            Ok(Reply::Plan { seq, .. }) => *seq,
            _ => None,
        };
        self.answered = self.answered.max(seq.unwrap_or_default());
        if matches!(waiting, Pending::Preview { .. } | Pending::Propose | Pending::Approve) {
            self.taken |= result.is_ok() && !matches!(waiting, Pending::Preview { .. });
            self.refused = matches!(result, Err(AskFailure::Refused(_))) && !self.taken;
        }
    }

    /// Whether what was waited for can't come by what was typed: it was refused, and nothing of this person's is on its way.
    fn is_vain(&self, app: &Console, until: WaitFor) -> bool {
        let mine = |record: &PlanRecord| {
            let me = app.me();
            me == Some(&record.by.person) || record.approvals.iter().any(|approval| me == Some(&approval.by.person))
        };
        let under_way = |record: &PlanRecord| match record.state {
            PlanState::Approved | PlanState::Executing => true,
            PlanState::Proposed => mine(record),
            _ => false,
        };
        self.refused && matches!(until, WaitFor::End | WaitFor::Recovery) && !plans(app).any(under_way)
    }
}

fn plans(app: &Console) -> impl Iterator<Item = &PlanRecord> {
    app.mirror.story.incidents.iter().flat_map(|incident| incident.plans.by_id.values())
}

impl Plain {
    pub(super) fn wait(&mut self, wait: Wait) {
        self.waiting.begin(wait, self.app.now.real);
        if self.waits() && self.typing {
            self.say(WaitState::told(wait));
        }
    }

    /// Whether a line must still wait. Says how a wait ended; one that ended without what it was for ends a script, because
    /// the lines after it were meant for what did not happen.
    pub(super) fn waits(&mut self) -> bool {
        let Some((wait, since)) = self.waiting.now else { return false };
        let (app, until) = (&self.app, wait.until);
        let current = app.mirror.head.map_or(0, |(seq, _)| seq) >= self.waiting.answered;
        let waited = app.now.real.saturating_sub(since);
        // A refused plan is no reason where service came back all the same.
        let vain = current && self.waiting.is_vain(app, until);
        let so = current && until.holds(app) && (until == WaitFor::Recovery || !vain);
        let (words, gave_up) = if app.lost() {
            let why = match &app.mirror.link {
                LinkState::Lost { why, .. } => format!(": {why}"),
                _ => String::new(),
            };
            (format!("Not waited for any longer: the room is not reached{why}."), Some(GaveUp::Lost))
        } else if so {
            (format!("Waited {}: {}.", duration_text(waited.as_secs()), until.is_so()), None)
        } else if vain {
            (
                "Not waited for: the plan before it was refused, and none is on its way.".to_owned(),
                Some(GaveUp::Refused),
            )
        } else if waited.as_secs() >= wait.limit_s {
            let limit = duration_text(wait.limit_s);
            (format!("Waited {limit}, the limit: {}.", until.is_not()), Some(GaveUp::Late))
        } else {
            // What is on its way now is what this waits for, however it ends.
            self.waiting.refused &= !current;
            return true;
        };
        self.waiting.forget();
        (self.waiting.refused, self.waiting.taken) = (false, false);
        self.say(words);
        if gave_up.is_some() && !self.typing {
            let dropped = self.queue.len();
            self.queue.clear();
            (self.gave_up, self.over) = (gave_up, true);
            let which = if dropped == 0 { String::new() } else { format!("; lines not obeyed: {dropped}") };
            self.say(format!("The script ends here{which}."));
        }
        false
    }
}
