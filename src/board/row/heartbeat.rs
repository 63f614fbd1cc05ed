//! That nothing proves that alerts arrive.

use serde::{Deserialize, Serialize};

use crate::board::describe::{Describe, Description};
use crate::model::filter::Field;

/// No alert that always fires is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatRow {
    /// The names that one could have.
    pub expected: Vec<String>,
}

impl Describe for HeartbeatRow {
    fn describe(&self, say: &mut Description<'_>) {
        say.title("heartbeat");
        say.summary(|_| format!("expected: {}", self.expected.join(", ")));
        say.field(Field::Name, "expected", &self.expected);
        say.state(&[(true, "missing")]);
    }
}
