//! A restore: what it brings back, how far it is, and what went wrong.

use crate::board::describe::{Describe, Description};
use crate::model::facts::Restore;
use crate::model::filter::Field;

impl Describe for Restore {
    fn describe(&self, say: &mut Description<'_>) {
        let Restore { phase, items_done, items_total, backup, .. } = self;
        say.summary(|_| format!("{} {items_done}/{items_total} of {backup}", phase.as_str()));
        say.at(self.started.or(self.created));
        say.named("restore", &self.name);
        say.object(backup);
        say.text("of backup", [backup]);
        say.cluster("cluster", &self.cluster);
        say.field(Field::Ns, "", [&self.namespace]);
        say.field(Field::State, "phase", [phase.as_str()]);
        say.fact("items", format_args!("{items_done} of {items_total}"));
        say.list("in part", &self.scope.less);
        say.list("namespaces", &self.scope.included_namespaces);
        say.list("without", &self.scope.excluded_namespaces);
        if self.volumes_total > 0 {
            let bytes = format!("{} of {} MiB", self.bytes_done >> 20, self.bytes_total >> 20);
            say.fact("volumes", format_args!("{} of {}, {bytes}", self.volumes_done, self.volumes_total));
        }
        say.time("moved", self.moved);
        say.fact("problems", format_args!("{} errors, {} warnings", self.errors, self.warnings));
        say.text("failure", [&self.failure]);
        say.time("started", self.started);
        say.time("completed", self.completed);
        say.known("plan digest", self.plan_digest.as_ref());
    }
}
