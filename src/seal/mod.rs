//! Pure sealing: canonical JSON and plan digests, log lines with their hashes, the check of a chain of lines, and signed heads.
//!
//! No IO, no clock, no randomness: salts and times are arguments. [`ChainCheck`] accepts exactly the logs that stock tools
//! (a shell and `sha256sum`) accept; [`decode`] is stricter, it also wants every member to parse.

mod canonical;
mod chain;
mod entry;
mod plan;
mod signed_head;
mod sshsig;

#[cfg(test)]
mod tests;

pub use canonical::canonical;
pub use chain::{ChainBreak, ChainCheck, ChainLine, EntryMembers, scan_line};
pub use entry::{EntryMeta, MAX_LINE, MAX_TEXT, Sealed, decode, encode, redacted_body};
pub use plan::{MAX_PLAN, parse_plan, plan_bytes, plan_digest};
pub use signed_head::{check_head, checkpoint, head_text, sign_head};
pub use sshsig::{MAX_SIGNATURE, SigningKey, check_signature, fingerprint, same_key};

use crate::model::Digest;

/// Why something can't be sealed, or a sealed thing can't be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A value that has no canonical form here.
    #[error("not canonical: {0}")]
    NotCanonical(String),
    /// Plan bytes that are no plan, or not the canonical bytes of one.
    #[error("not a plan: {0}")]
    NotAPlan(String),
    /// An entry that can't be written as a line.
    #[error("the entry can't be written: {0}")]
    NotWritable(String),
    /// A line that is not an entry.
    #[error("not an entry: {0}")]
    NotAnEntry(String),
    /// A line whose hash is not its own.
    #[error("entry {seq}: its hash does not fit its bytes; the line was changed after it was written")]
    Hash {
        /// The number that the line itself gives.
        seq: u64,
    },
    /// A body line that does not belong to its entry.
    #[error("entry {seq}: {why}")]
    Body {
        /// The entry that names the body, or should have.
        seq: u64,
        /// What does not fit, in words.
        why: &'static str,
    },
    /// A key that can't be used here.
    #[error("not a key for this: {0}")]
    Key(String),
    /// A signature that does not count.
    #[error("the signature does not count: {0}")]
    Signature(String),
}

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Digest(sha2::Sha256::digest(bytes).into())
}
