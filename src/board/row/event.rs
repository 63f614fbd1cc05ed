//! A Kubernetes event.

use crate::board::EventRow;
use crate::board::describe::{Describe, Description};
use crate::model::filter::Field;

impl Describe for EventRow {
    fn describe(&self, say: &mut Description<'_>) {
        let object = format!("{}/{}", self.object_kind, self.object_name);
        say.title(&object);
        say.summary(|_| format!("{} ×{} · {}", self.reason, self.count, self.message));
        say.at(Some(self.last));
        say.named("", &self.object_name);
        say.field(Field::Kind, "", [&self.object_kind]);
        say.text("object", [&object]);
        say.field(Field::Ns, "namespace", [&self.namespace]);
        say.cluster("cluster", &self.cluster);
        say.field(Field::Reason, "reason", [&self.reason]);
        say.message("says", self.message.as_str());
        say.field(Field::Kind, "kind", [self.kind.as_str()]);
        say.fact("count", self.count);
        say.time("first", self.first);
        say.time("last", self.last);
        say.text("component", [&self.component]);
        say.owner(|it| it.namespaces.iter().any(|own| self.namespace == own.as_str()));
    }
}
