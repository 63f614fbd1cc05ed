//! What needs a person who may not be looking: a plan that waits for them, a severity that rose, the end of their own plan.
//! Each is said once, and a storm is one call.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::approval::PlanState;
use crate::model::{IncidentId, PlanId, SafeText, Severity};
use crate::timeline::Incident;

use super::app::Console;
use super::widget::time;

/// The least time between two calls; what came meanwhile is the newest one of it.
const APART: Duration = Duration::from_secs(10);

/// What was called out.
#[derive(Debug, Default)]
pub struct Notifications {
    /// What was there at the start is on the screen and calls nobody.
    started: bool,
    waits: Option<PlanId>,
    severity: Option<(IncidentId, Severity)>,
    mine: BTreeSet<PlanId>,
    last: Option<Duration>,
    held: Option<SafeText>,
}

impl Notifications {
    /// Looks at what changed; the words to call the person with, if one is needed.
    pub fn look(&mut self, app: &Console) -> Option<SafeText> {
        if !app.mirror.caught_up {
            return None;
        }
        let news = [self.severity(app), self.ended(app), self.waiting(app)].into_iter().flatten().next_back();
        if !std::mem::replace(&mut self.started, true) {
            return None;
        }
        self.held = news.map(SafeText::from).or(self.held.take());
        let now = app.now.real;
        let soon = self.last.is_some_and(|last| now.saturating_sub(last) < APART);
        let call = if soon { None } else { self.held.take() };
        if call.is_some() {
            self.last = Some(now);
        }
        call
    }

    /// A plan that waits for this person, and did not before.
    fn waiting(&mut self, app: &Console) -> Option<String> {
        let waits = calls(app);
        let new = waits != self.waits;
        self.waits.clone_from(&waits);
        let record = waits.filter(|_| new).and_then(|id| app.plan(&id).map(|record| record.plan.title.clone()))?;
        Some(format!("A plan waits for you: {record}"))
    }

    /// An incident that was opened, or is worse than it was.
    fn severity(&mut self, app: &Console) -> Option<String> {
        let incident = app.incident().filter(|incident| incident.closed_at.is_none())?;
        let now = (incident.id.clone(), incident.severity);
        let before = self.severity.replace(now);
        let worse = match before {
            Some((id, severity)) if id == incident.id => incident.severity > severity,
            _ => true,
        };
        worse.then(|| format!("{}: {}", incident.severity.name().to_uppercase(), incident.title))
    }

    /// A plan of this person's that has ended.
    fn ended(&mut self, app: &Console) -> Option<String> {
        let plans = app.mirror.story.incidents.iter().flat_map(|incident| incident.plans.by_id.values());
        let mine: Vec<_> = plans.filter(|record| app.me() == Some(&record.by.person)).collect();
        let ended = mine.iter().find(|record| record.state.is_over() && self.mine.contains(&record.plan.plan));
        let words = ended.map(|record| format!("Your plan ended, {}: {}", record.state.name(), record.plan.title));
        self.mine = mine.iter().filter(|it| !it.state.is_over()).map(|it| it.plan.plan.clone()).collect();
        words
    }
}

/// The plan that waits for this person.
pub fn calls(app: &Console) -> Option<PlanId> {
    let record = app.plan_waiting()?;
    let mine = app.me() == Some(&record.by.person);
    let done = record.approvals.iter().any(|approval| app.me() == Some(&approval.by.person));
    let asks = record.state == PlanState::Proposed && !mine && !done && app.may_write();
    asks.then(|| record.plan.plan.clone())
}

/// The window's title: the severity and the clock, to the minute, so that it changes once a minute.
pub fn title(app: &Console) -> SafeText {
    let drill = app.mirror.welcome.as_ref().is_some_and(|welcome| welcome.drill.is_some());
    let drill = if drill { "DRILL " } else { "" };
    let open = app.incident().filter(|incident| incident.closed_at.is_none());
    SafeText::from(match open {
        _ if app.lost() => format!("{drill}warroom: the room is not reached"),
        Some(incident) => format!("{drill}{} {} {}", severity(incident), clock(app, incident), incident.title),
        None => format!("{drill}warroom"),
    })
}

fn severity(incident: &Incident) -> String {
    incident.severity.name().to_uppercase()
}

fn clock(app: &Console, incident: &Incident) -> String {
    match incident.clocks.recovery {
        Some(_) => "recovered".to_owned(),
        None => time::t_plus(incident.zero(), app.now.room),
    }
}
