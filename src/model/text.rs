//! Text from outside, made safe to print: control, bidi and zero-width characters become visible escapes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most bytes one field keeps.
pub const MAX_BYTES: usize = 2048;

/// Text that is safe for a terminal, a log and a document. Made where outside text enters; widgets take nothing else.
///
/// Making it twice changes nothing, so it is made again wherever a message is decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeText(String);

impl SafeText {
    /// Cleans outside text: escapes, folds white space, cuts at [`MAX_BYTES`].
    pub fn new(raw: &str) -> Self {
        let mut out = String::with_capacity(raw.len().min(MAX_BYTES));
        for c in raw.chars() {
            if out.len() >= MAX_BYTES {
                out.push('…');
                break;
            }
            match c {
                '\n' => out.push('⏎'),
                '\t' | '\r' => out.push(' '),
                c if c.is_control() => out.push_str(&format!("‹U+{:04X}›", c as u32)),
                c => out.push(c),
            }
        }
        Self(out)
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for SafeText {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<String> for SafeText {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

impl AsRef<str> for SafeText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for SafeText {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for SafeText {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl Serialize for SafeText {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SafeText {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|raw| Self::new(&raw))
    }
}
