//! Signatures of the log's head: while an incident is open, at the end of a plan and of an incident, and at the stop.

use std::time::Duration;

use chrono::SubsecRound as _;

use super::Recorder;
use crate::room::blocking::blocking;
use crate::seal::{self, SigningKey};

/// How often the head of an open incident's log is signed.
const SIGN_EVERY: Duration = Duration::from_secs(10 * 60);

/// Who signs, and what is signed.
#[derive(Default)]
pub(super) struct HeadSigning {
    /// Signs heads, if the room has a key.
    key: Option<SigningKey>,
    /// The entry that holds the newest signature of this run.
    signed: u64,
    /// When the head of an open incident is signed next, on the boot clock.
    next: Duration,
}

impl Recorder {
    /// From now on heads are signed with this key.
    pub(crate) fn sign_with(&mut self, key: Option<SigningKey>) {
        self.signing.key = key;
    }

    /// Signs what the log has come to, as an entry of its own. Nothing is signed twice, and a room without a key signs nothing.
    pub(crate) fn sign_head(&mut self) {
        let (seq, _) = self.shared.reader.head();
        let may = self.degraded.is_none() && seq > self.signing.signed;
        let Some(key) = self.signing.key.as_ref().filter(|_| may) else { return };
        // First it is on disk that this head is signed: no other history of this log ever gets a signature.
        let (seq, head) = match blocking(|| self.ledger.head_to_sign()) {
            Ok(head) => head,
            Err(error) => {
                tracing::error!(%error, "the head of the log is not signed");
                return;
            }
        };
        let at = self.shared.clock.now().trunc_subsecs(0);
        match seal::sign_head(key, &self.shared.config.room.name, seq, head, at) {
            Ok(signed) => {
                // The signature leaves the room with its entry, which is on disk by then.
                if self.record(vec![self.by_room(signed)]).is_some() {
                    self.signing.signed = seq + 1;
                }
            }
            Err(error) => tracing::error!(%error, "the head of the log can't be signed"),
        }
    }

    /// While an incident is open its history is witnessed every ten minutes, whatever happens and whatever the wall clock says.
    pub(crate) fn sign_now_and_then(&mut self) {
        let boot = self.shared.clock.boot();
        if self.incident().is_some() && boot >= self.signing.next {
            self.signing.next = boot + SIGN_EVERY;
            self.sign_head();
        }
    }
}
