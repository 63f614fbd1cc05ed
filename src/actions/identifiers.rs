//! Identifiers and words of a plan: what may be a parameter, and how outside names are shown.

use crate::model::{Digest, Refusal, SafeText};

use super::refuse;

/// Checks an identifier that becomes part of a plan's parameters, paths or targets: ASCII letters, digits and
/// `. _ : -`. No `/` or `@`: paths are built with them.
pub(super) fn name(what: &str, raw: &str) -> Result<String, Refusal> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
    if !raw.is_empty() && raw.len() <= 253 && raw.bytes().all(fits) && !raw.starts_with('-') {
        return Ok(raw.to_owned());
    }
    Err(refuse(
        format!("The name of {what} is \"{}\", which can't be used in a plan.", words(raw)),
        "A plan takes ASCII letters, digits, dot, dash, underscore and colon. Check that the name is the one you mean.",
    ))
}

/// A Kubernetes namespace or other DNS label.
pub(super) fn label(what: &str, raw: &str) -> Result<String, Refusal> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !raw.is_empty() && raw.len() <= 63 && raw.bytes().all(fits) && !raw.starts_with('-') && !raw.ends_with('-') {
        return Ok(raw.to_owned());
    }
    Err(refuse(
        format!("The name of {what} is \"{}\", which is not a Kubernetes label.", words(raw)),
        "Name it exactly, in lower-case letters, digits and dashes.",
    ))
}

/// Text for people inside a plan: printable ASCII as it is, everything else as a visible escape, cut at 120 characters.
/// A plan is compared by eye under stress: no look-alike letters, no marks, no direction changes.
pub(super) fn words(raw: &str) -> String {
    escaped(raw, 120)
}

/// A reason from outside in a refusal, with its cause: that stands last, behind what every layer put before it.
pub(super) fn whole(text: &SafeText) -> String {
    escaped(text.as_str(), 2_000)
}

fn escaped(raw: &str, most: usize) -> String {
    let mut out = String::new();
    for (i, c) in raw.chars().enumerate() {
        if i == most {
            out.push_str("...");
            break;
        }
        match c {
            ' '..='~' => out.push(c),
            c => out.push_str(&format!("<U+{:04X}>", c as u32)),
        }
    }
    out
}

/// [`words`] of text that came from outside.
pub(super) fn shown(text: &SafeText) -> String {
    words(text.as_str())
}

/// The fixed name of the Restore that a plan creates: the same plan can make only one. `which` tells those of a plan that
/// makes several apart: what follows `@plan` in their paths.
pub fn restore_name(digest: &Digest, which: &str) -> String {
    format!("wr-{}{which}", &digest.hex()[..20])
}
