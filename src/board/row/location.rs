//! A backup storage location.

use crate::board::describe::{Describe, Description};
use crate::model::facts::Location;
use crate::model::filter::Field;

impl Describe for Location {
    fn describe(&self, say: &mut Description<'_>) {
        say.summary(|_| format!("{} {}", self.phase.as_str(), self.access_mode.as_str()));
        say.named("location", &self.name);
        say.cluster("cluster", &self.cluster);
        say.field(Field::Ns, "", [&self.namespace]);
        say.field(Field::State, "phase", [self.phase.as_str()]);
        say.fact("access", self.access_mode.as_str());
        say.known("default", self.default.then_some("yes: what names no location goes there"));
        say.text("keeps in", [&self.store]);
        say.text("", [&self.endpoint]);
        say.time("validated", self.last_validated);
        say.time("synced", self.last_synced);
        say.text("says", [&self.message]);
    }
}
