//! Drafts become entries: numbered, linked to the head, sealed, and the bytes that are written of them.

use super::opening::OpenOptions;
use crate::clock::{Clock, Random};
use crate::model::Digest;
use crate::model::entry::EntryDraft;
use crate::seal::{self, EntryMeta, SealError, Sealed};

/// Turns drafts into entries.
pub(super) struct Sealer {
    pub room: String,
    pub src: String,
    pub boot: String,
    pub clock: Clock,
    pub random: Random,
}

impl Sealer {
    pub(super) fn new(options: &OpenOptions, clock: &Clock, random: &Random) -> Self {
        Self {
            room: options.room.clone(),
            src: options.src.clone(),
            boot: options.boot.clone(),
            clock: clock.clone(),
            random: random.clone(),
        }
    }

    /// Seals a batch that follows a head, and the bytes to write.
    pub(super) fn batch(
        &self,
        head: (u64, Digest),
        drafts: &[EntryDraft],
    ) -> Result<(Vec<Sealed>, Vec<u8>), SealError> {
        let mut meta = EntryMeta {
            seq: head.0,
            batch: head.0 + 1,
            ts: self.clock.now(),
            boot: self.boot.clone(),
            mono: u64::try_from(self.clock.boot().as_millis()).unwrap_or(u64::MAX),
            room: self.room.clone(),
            src: self.src.clone(),
            prev: head.1,
        };
        let (mut batch, mut bytes) = (Vec::with_capacity(drafts.len()), Vec::new());
        for draft in drafts {
            meta.seq += 1;
            let salt = if draft.text.is_some() { self.random.bytes::<32>() } else { [0; 32] };
            let sealed = seal::encode(draft, &meta, salt)?;
            meta.prev = sealed.entry.hash;
            for line in sealed.log.body.iter().chain([&sealed.log.line]) {
                bytes.extend_from_slice(line.as_bytes());
                bytes.push(b'\n');
            }
            batch.push(sealed);
        }
        Ok((batch, bytes))
    }
}
