//! How large a log is, and how much its disk would still take.

use super::storage::retry;
use super::write::Ledger;

impl Ledger {
    /// Bytes that the log takes.
    pub fn bytes(&self) -> u64 {
        self.shared.read(|index| index.segments.iter().map(|segment| segment.end).sum())
    }

    /// Bytes that are free on its disk, if that can be told.
    pub fn free_bytes(&self) -> Option<u64> {
        retry(|| self.shared.storage.free_bytes(&self.shared.dir)).ok()
    }

    /// The segment that is written to.
    pub fn segment(&self) -> u32 {
        self.shared.read(|index| index.segments.last().map_or(0, |segment| segment.number))
    }
}
