//! The one rewriting of the log: a text whose removal is recorded is overwritten.

use super::Recorder;
use crate::room::blocking::blocking;

impl Recorder {
    /// Overwrites the text of an entry, as another entry says.
    ///
    /// # Errors
    /// The text is still on the disk, and why.
    pub(crate) fn overwrite(&self, seq: u64, by: u64) -> Result<(), String> {
        let done = blocking(|| self.ledger.redact(seq, by));
        done.map(|_| ()).map_err(|error| {
            tracing::error!(%error, seq, "a text that is to be removed is still on the disk");
            error.to_string()
        })
    }

    /// Removes the texts whose removal was recorded by a room that ended before it had done so.
    pub(crate) fn finish_redactions(&self) {
        for incident in &self.story.incidents {
            for request in incident.redactions.done() {
                let by = incident.index.changed(request.seq).and_then(|changed| changed.redacted_by);
                // Nearly always it was done: that is seen in the entry alone.
                let stands = || self.entry(request.seq).is_ok_and(|entry| entry.text.is_some());
                if let Some(by) = by.filter(|_| stands()) {
                    // What can't be done now is told in the program's own log, and tried again at the next start.
                    let _ = self.overwrite(request.seq, by);
                }
            }
        }
    }
}
