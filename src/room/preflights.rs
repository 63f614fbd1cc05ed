//! Readings of a plan's preconditions before it is claimed: one for each plan at a time, and none soon after drift.
//!
//! Whoever approves while a reading is under way waits for its answer. Whoever approves again right after drift gets the
//! answer there was, with its age: what repeats a question costs the provider nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;

use super::engine_message::{Answer, Caller, FirstRead};
use super::person_budget::rate;
use super::token_bucket::seconds;
use crate::model::{PlanId, Refusal, RefusalKind};

/// After drift a plan is not read again for so long.
const PAUSE: Duration = Duration::from_secs(5);
/// Approvals that wait for one reading at the most.
const MOST_WAITING: usize = 64;

/// An approval that waits for a reading.
pub(super) struct WaitingApproval {
    pub caller: Caller,
    pub confirm: String,
    pub reply: oneshot::Sender<Answer>,
}

/// What is read, and what was lately found not to hold.
#[derive(Default)]
pub(super) struct Preflights {
    running: BTreeMap<PlanId, Vec<WaitingApproval>>,
    drifted: BTreeMap<PlanId, (Duration, Vec<String>)>,
}

/// What becomes of one more approval.
pub(super) enum Begin {
    /// It waits for the reading that is under way.
    Joined,
    /// It is refused without a reading.
    Refused(WaitingApproval, Refusal),
    /// A reading is to begin.
    Read(WaitingApproval),
}

impl Preflights {
    /// What is to be done for an approval. `now` is the boot clock's.
    pub(super) fn ask(&mut self, plan: &PlanId, waiting: WaitingApproval, now: Duration) -> Begin {
        if let Some(others) = self.running.get_mut(plan) {
            if others.len() >= MOST_WAITING {
                let why = "the plan is being checked, and many wait for that already";
                return Begin::Refused(waiting, rate(why, Duration::from_secs(5)));
            }
            others.push(waiting);
            return Begin::Joined;
        }
        self.drifted.retain(|_, (at, _)| now.saturating_sub(*at) < PAUSE);
        match self.drifted.get(plan) {
            Some((at, broken)) => {
                let age = now.saturating_sub(*at);
                let refusal = drift(broken, Some((age, PAUSE.saturating_sub(age))));
                Begin::Refused(waiting, refusal)
            }
            None => Begin::Read(waiting),
        }
    }

    /// A reading begins for this approval.
    pub(super) fn begin(&mut self, plan: PlanId, waiting: WaitingApproval) {
        self.running.insert(plan, vec![waiting]);
    }

    /// A reading is over; gives those who waited for it.
    pub(super) fn over(&mut self, plan: &PlanId, read: &FirstRead, now: Duration) -> Vec<WaitingApproval> {
        if !read.broken.is_empty() {
            self.drifted.insert(plan.clone(), (now, read.broken.clone()));
        }
        self.running.remove(plan).unwrap_or_default()
    }
}

/// What the plan relies on does not hold: now, or when it was read so long ago, to be read again in so long.
pub(super) fn drift(broken: &[String], read: Option<(Duration, Duration)>) -> Refusal {
    let (mut when, mut again) = (String::new(), String::new());
    if let Some((age, wait)) = read {
        when = format!(" (read {} s ago)", age.as_secs());
        again = format!("; this one is checked again in {} s", seconds(wait));
    }
    Refusal::new(
        RefusalKind::Drift,
        format!("what the plan relies on no longer holds{when}: {}", broken.join("; ")),
        format!("propose it again: it will be built on what is true now{again}"),
    )
}
