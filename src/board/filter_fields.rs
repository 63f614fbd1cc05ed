//! What a filter can ask of a row: what its description says.

use crate::model::Stamp;
use crate::model::filter::{Field, Fields};

use super::describe::DescriptionPart as Part;
use super::row::{Row, Verdict};

impl Fields for Row {
    fn texts(&self, each: &mut dyn FnMut(&str)) {
        each(self.severity());
        each(&self.source.instance);
        each(self.source.system.name());
        each(self.why.as_str());
        // What a field holds is found without naming the field.
        self.describe(None, &mut |part| match part {
            Part::Text(text) | Part::Message(text) | Part::Field(_, text) | Part::Label(_, text) => each(text),
            _ => {}
        });
    }

    fn values(&self, field: Field, each: &mut dyn FnMut(&str)) {
        if field == Field::Source {
            return each(&self.source.to_string());
        }
        self.describe(None, &mut |part| match part {
            Part::Field(own, value) if own == field => each(value),
            Part::Label(name, value) if field == Field::Label => each(&format!("{name}={value}")),
            _ => {}
        });
    }

    fn severity(&self) -> &'static str {
        if self.stale { Verdict::Unknown.name() } else { self.verdict.name() }
    }

    fn at(&self) -> Option<Stamp> {
        let mut at = Some(self.seen_at);
        self.describe(None, &mut |part| {
            if let Part::At(own) = part {
                at = own;
            }
        });
        at
    }

    fn seen(&self) -> Option<Stamp> {
        Some(self.seen_at)
    }
}
