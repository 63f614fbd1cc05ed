//! Hex digits without allocation: the check of a million links runs through here.

use crate::model::Digest;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The 64 lower-case digits of a digest, as bytes.
pub fn encode(digest: &Digest) -> [u8; 64] {
    let mut out = [0u8; 64];
    for (pair, byte) in out.chunks_exact_mut(2).zip(digest.0) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out
}

/// Reads exactly 64 lower-case digits.
pub fn decode(hex: &[u8]) -> Option<Digest> {
    if hex.len() != 64 {
        return None;
    }
    let mut out = [0u8; 32];
    for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(Digest(out))
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The digits of a digest as text.
pub fn text(digest: &Digest) -> String {
    encode(digest).iter().map(|b| char::from(*b)).collect()
}
