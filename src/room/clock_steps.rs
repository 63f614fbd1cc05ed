//! Steps of the wall clock: recorded, because every time in the timeline is read by it. Nothing else hangs on it: deadlines,
//! rates, retention and signing run on the boot clock, which nobody sets.

use chrono::TimeDelta;
use serde_json::json;
use std::time::Duration;

use super::recorder::Recorder;
use crate::clock::Clock;
use crate::model::entry::Transition;
use crate::model::{Happening, SafeText, Stamp, TransitionKind};

/// Less is the slewing of a time service, or the room that did not get to run for a moment.
const STEP: TimeDelta = TimeDelta::seconds(5);
/// Readings of the two clocks that lie further apart than this compare nothing.
const APART: Duration = Duration::from_secs(1);

/// How the wall clock stands to the boot clock.
pub(super) struct WallClock {
    /// What the wall clock would read at the boot.
    booted: Option<Stamp>,
}

/// A step: what the wall clock would read now without it, and what it reads.
struct ClockStep {
    from: Stamp,
    to: Stamp,
}

impl WallClock {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { booted: booted(clock).map(|(booted, _)| booted) }
    }

    /// Looks again; `None` = no step since.
    fn step(&self, clock: &Clock) -> Option<ClockStep> {
        let (booted, to) = booted(clock)?;
        let by = booted - self.booted?;
        (by.abs() >= STEP).then(|| ClockStep { from: to - by, to })
    }

    /// Records a step of the wall clock since the last time. While nothing can be recorded it waits.
    pub(super) fn record_step(&mut self, clock: &Clock, recorder: &mut Recorder) {
        let Some(step) = self.step(clock) else {
            // A time service that slews moves it too, a little at every beat.
            *self = Self::new(clock);
            return;
        };
        if !recorder.is_degraded() && recorder.record(vec![recorder.by_room(stepped(&step))]).is_some() {
            *self = Self::new(clock);
        }
    }
}

/// What the wall clock would have read at the boot, and what it reads now; `None` if that can't be told just now.
fn booted(clock: &Clock) -> Option<(Stamp, Stamp)> {
    let before = clock.boot();
    let now = clock.now();
    let boot = clock.boot();
    let apart = boot.saturating_sub(before);
    (apart < APART).then_some(())?;
    Some((now - TimeDelta::from_std(boot).ok()?, now))
}

fn stepped(step: &ClockStep) -> Happening {
    let by = (step.to - step.from).num_seconds();
    let way = if by < 0 { "back" } else { "forward" };
    let says = format!(
        "this host's clock was set {way} by {} s: times before this entry and after it do not compare",
        by.unsigned_abs()
    );
    Happening::Transition(Transition {
        edge: TransitionKind::ClockStepped,
        at: step.to,
        source: "room".to_owned(),
        subject: SafeText::new("clock"),
        service: None,
        verdict: "warning".to_owned(),
        says: SafeText::new(&says),
        figures: json!({"from": step.from, "to": step.to, "step_s": by}),
    })
}
