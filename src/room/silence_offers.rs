//! Previews of silences that were shown lately: what was shown is what is done, once, by whom it was shown to.

use std::collections::VecDeque;
use std::time::Duration;

use crate::actions::silence::Built;
use crate::model::{Digest, PersonId, Refusal, RefusalKind};

/// Previews remembered, of everyone together.
const MOST_SHOWN: usize = 64;
/// A preview is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(300);
/// Changes of one person in a minute.
const MOST_A_MINUTE: usize = 6;

/// A preview and whom it was shown to.
struct Offer {
    built: Built,
    by: PersonId,
    at: Duration,
    used: bool,
}

/// What was shown lately, oldest first. All instants are the boot clock's.
#[derive(Default)]
pub(super) struct SilenceOffers(VecDeque<Offer>);

impl SilenceOffers {
    /// A preview is shown to this person.
    pub(super) fn add(&mut self, built: Built, by: PersonId, at: Duration) {
        // The same preview again is the same offer, begun anew.
        self.0.retain(|it| it.used || it.by != by || it.built.preview.digest != built.preview.digest);
        if self.0.len() >= MOST_SHOWN {
            self.0.pop_front();
        }
        self.0.push_back(Offer { built, by, at, used: false });
    }

    /// What this person was shown under this digest, if they may have it done now.
    ///
    /// # Errors
    /// They changed too many in the last minute, asked for this one already, or it is too old or not theirs.
    pub(super) fn shown(&self, digest: &Digest, by: &PersonId, now: Duration) -> Result<Built, Refusal> {
        let since = now.saturating_sub(Duration::from_secs(60));
        if self.used_since(by, since) >= MOST_A_MINUTE {
            return Err(Refusal::new(
                RefusalKind::Rate,
                format!("you changed {MOST_A_MINUTE} silences in the last minute"),
                "wait a minute",
            ));
        }
        let newest = self.0.iter().rev().find(|it| it.built.preview.digest == *digest && it.by == *by);
        match newest {
            Some(offer) if offer.used => Err(Refusal::new(
                RefusalKind::NonceUsed,
                "what this preview showed was asked for already",
                "look at the timeline and at `warroom silence list`; preview it again to ask once more",
            )),
            Some(offer) if now.saturating_sub(offer.at) <= GOOD_FOR => Ok(offer.built.clone()),
            _ => Err(drift("the preview with this digest is not yours, or is older than five minutes")),
        }
    }

    /// The newest offer of this digest to this person is used up.
    pub(super) fn used(&mut self, digest: &Digest, by: &PersonId, now: Duration) {
        let newest = self.0.iter_mut().rev().find(|it| it.built.preview.digest == *digest && it.by == *by);
        if let Some(offer) = newest {
            (offer.used, offer.at) = (true, now);
        }
    }

    fn used_since(&self, by: &PersonId, since: Duration) -> usize {
        self.0.iter().filter(|it| it.used && it.by == *by && it.at >= since).count()
    }
}

/// What was shown is not what would be done now.
pub(super) fn drift(why: &str) -> Refusal {
    Refusal::new(RefusalKind::Drift, why, "preview it again: what is shown is what is done")
}
