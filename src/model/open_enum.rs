//! Enumerations from outside are open: an unknown value is kept as it was written.

use serde::{Deserialize, Serialize};

use super::SafeText;

/// An open enumeration's value, as the server wrote it. Compare with `is`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Open(pub SafeText);

impl Open {
    /// Wraps what the server wrote.
    pub fn new(raw: &str) -> Self {
        Self(SafeText::new(raw))
    }

    /// Whether the server wrote exactly this word.
    pub fn is(&self, word: &str) -> bool {
        self.0.as_str() == word
    }

    /// The word itself; empty when the server left it out.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}
