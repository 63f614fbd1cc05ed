//! When a frame is due: a hand waits for none. What the room says is shown at once where nothing was for a while; then it is
//! gathered, the longer the more there is, because a screen that changes all the time is not read.

use std::time::Duration;

use tokio::time::Instant;

use super::input::Input;

/// The least time between two frames of what the room says.
const APART: Duration = Duration::from_millis(100);
/// The same in a storm: fewer frames, and fewer bytes on a slow line.
const APART_IN_A_STORM: Duration = Duration::from_millis(200);
/// Changes that come without a pause of this length are one run of them.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a run of them is no storm yet.
const STORM_AFTER: Duration = Duration::from_secs(2);

/// Keeps frames apart.
#[derive(Debug)]
pub(super) struct Pacing {
    /// No frame at all before this.
    hold: Instant,
    /// No frame of what the room says before this.
    next: Instant,
    /// Somebody pressed a key and waits for what it does.
    by_hand: bool,
    /// The first and the last change of the run that goes on.
    run: Option<(Instant, Instant)>,
}

impl Pacing {
    /// The first frame waits until then.
    pub(super) fn new(hold: Instant) -> Self {
        Self { hold, next: hold, by_hand: false, run: None }
    }

    /// The first frame waits no longer.
    pub(super) fn release(&mut self) {
        self.next = Instant::now().min(self.next);
        self.hold = self.next;
    }

    /// Something came in.
    pub(super) fn heard(&mut self, input: &Input, now: Instant) {
        match input {
            Input::Tick | Input::Background(_) => {}
            Input::Room(_) => {
                let goes_on = self.run.filter(|(_, last)| now.saturating_duration_since(*last) < PAUSE);
                self.run = Some((goes_on.map_or(now, |(first, _)| first), now));
            }
            // The answer to what a hand asked is waited for like the rest of what it did.
            _ => self.by_hand = true,
        }
    }

    /// When what has come in may be drawn.
    pub(super) fn due(&self) -> Instant {
        if self.by_hand { self.hold } else { self.next }
    }

    /// It was drawn, all of it.
    pub(super) fn drawn(&mut self, now: Instant) {
        self.by_hand = false;
        let storms = self.run.is_some_and(|(first, last)| {
            now.saturating_duration_since(last) < PAUSE && last.saturating_duration_since(first) >= STORM_AFTER
        });
        self.next = now + if storms { APART_IN_A_STORM } else { APART };
    }
}
