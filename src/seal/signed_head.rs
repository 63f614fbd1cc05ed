//! Signed heads: what the room says about its own log in a form that outlives the room.

use super::SealError;
use super::sshsig::{SigningKey, check_signature};
use crate::model::entry::HeadSigned;
use crate::model::{Digest, Stamp};

/// What the signatures are for; a signature for anything else does not count.
pub fn checkpoint(room: &str) -> String {
    format!("checkpoint@{room}")
}

/// The signed text: origin, format, sequence number, head, time, a line each.
pub fn head_text(room: &str, seq: u64, head: &Digest, at: Stamp) -> String {
    format!("{room}\nchain-v1\n{seq}\n{}\n{}\n", head.hex(), at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

/// Signs a head.
///
/// # Errors
/// A key that can't sign.
pub fn sign_head(key: &SigningKey, room: &str, seq: u64, head: Digest, at: Stamp) -> Result<HeadSigned, SealError> {
    let text = head_text(room, seq, &head, at);
    Ok(HeadSigned { head_seq: seq, head, at, sig: key.sign(&checkpoint(room), text.as_bytes())? })
}

/// Checks a signed head against a trusted key.
///
/// # Errors
/// Why the signature does not count.
pub fn check_head(signed: &HeadSigned, room: &str, key: &str) -> Result<(), SealError> {
    let text = head_text(room, signed.head_seq, &signed.head, signed.at);
    check_signature(&signed.sig, text.as_bytes(), &checkpoint(room), key)
}
