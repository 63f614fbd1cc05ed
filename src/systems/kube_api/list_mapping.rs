//! What objects mean to their source: the mapping of one kind.

use serde_json::Value;
use serde_json::value::RawValue;

use super::partial_object::PartialObject;
use crate::model::facts::Fact;

/// What an object means: its key, and the fact if there is one to report.
pub(crate) type Mapped = Option<(String, Option<Fact>)>;

/// Turns objects into facts. `None` for an object that can't be told from others: it alone is left out.
pub trait Mapping: Send + 'static {
    /// What it reads of each object.
    type Object<'a>: PartialObject<'a>;

    /// One object as it is now.
    fn map(&mut self, object: &Self::Object<'_>) -> Mapped;
    /// One object is gone.
    fn gone(&mut self, _key: &str) {}
    /// A list begins: everything known is void.
    fn reset(&mut self) {}
    /// A list was read to its end.
    fn complete(&mut self) {}
}

impl<F: FnMut(&Value) -> Mapped + Send + 'static> Mapping for F {
    type Object<'a> = Value;

    fn map(&mut self, object: &Value) -> Mapped {
        self(object)
    }
}

/// What an object as text means, and its `resourceVersion`; nothing of one that can't be read: nested too deep, say, as
/// anyone may write into a free-form status.
pub(super) fn map_text<M: Mapping>(object: &RawValue, mapping: &mut M) -> (Mapped, String) {
    match serde_json::from_str::<M::Object<'_>>(object.get()) {
        Ok(object) => (mapping.map(&object), object.version().to_owned()),
        Err(_) => (None, String::new()),
    }
}
