//! Reading fields of objects that others wrote: nothing here fails on a wrong type, a missing field or an odd value.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::model::facts::Open;
use crate::model::time::go_duration;
use crate::model::{SafeText, Stamp};

/// Most entries kept of a list inside one object.
pub(crate) const MAX_ITEMS: usize = 64;

/// The value at a JSON pointer; null where there is none.
pub(crate) fn at<'a>(object: &'a Value, pointer: &str) -> &'a Value {
    object.pointer(pointer).unwrap_or(&Value::Null)
}

/// A scalar as text: a string as it is, a number or boolean as written, everything else empty.
pub(crate) fn string(object: &Value, pointer: &str) -> String {
    match at(object, pointer) {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

/// A scalar as safe text.
pub(crate) fn text(object: &Value, pointer: &str) -> SafeText {
    match at(object, pointer) {
        Value::String(text) => SafeText::new(text),
        _ => SafeText::new(&string(object, pointer)),
    }
}

/// A scalar as a value of an open enumeration.
pub(crate) fn open(object: &Value, pointer: &str) -> Open {
    Open(text(object, pointer))
}

/// A count: absent, negative or odd is 0, as Kubernetes leaves zeros out.
pub(crate) fn count(object: &Value, pointer: &str) -> u64 {
    at(object, pointer).as_u64().unwrap_or(0)
}

/// Whether it is exactly `true`.
pub(crate) fn flag(object: &Value, pointer: &str) -> bool {
    at(object, pointer) == &Value::Bool(true)
}

/// An instant in RFC 3339; anything else is none.
pub(crate) fn stamp(object: &Value, pointer: &str) -> Option<Stamp> {
    rfc3339(at(object, pointer).as_str()?)
}

/// An instant in RFC 3339.
pub(crate) fn rfc3339(text: &str) -> Option<Stamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

/// The elements of an array; none if it is not one.
pub(crate) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    at(object, pointer).as_array().map_or(&[], Vec::as_slice)
}

/// A list of strings as safe text, at most [`MAX_ITEMS`].
pub(crate) fn texts(object: &Value, pointer: &str) -> Vec<SafeText> {
    items(object, pointer).iter().filter_map(Value::as_str).take(MAX_ITEMS).map(SafeText::new).collect()
}

/// An annotation or label by its name, which may contain slashes.
pub(crate) fn tag<'a>(object: &'a Value, map: &str, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get(map)?.get(name)?.as_str()
}

/// Whether an annotation is exactly `true`.
pub(crate) fn annotated_true(object: &Value, annotation: &str) -> bool {
    tag(object, "annotations", annotation) == Some("true")
}

/// The name; an object without one can't be told from others and is not usable.
pub(crate) fn name(object: &Value) -> Option<&str> {
    at(object, "/metadata/name").as_str().filter(|name| !name.is_empty())
}

/// `namespace/name` as the facts' keys write it.
pub(crate) fn namespaced(object: &Value) -> Option<String> {
    let name = SafeText::new(name(object)?);
    Some(format!("{}/{name}", text(object, "/metadata/namespace")))
}

/// Go's notation of a duration, in whole seconds.
pub(crate) fn go_seconds(text: &str) -> Option<u64> {
    go_duration(text).map(|seconds| seconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn wrong_types_cost_the_field_and_nothing_else() {
        let odd = json!({"a": 7, "b": {"c": []}, "t": "yesterday", "n": "many", "l": ["x", 3, null, "y"]});
        assert_eq!(string(&odd, "/a"), "7");
        assert_eq!(string(&odd, "/b"), "");
        assert_eq!(stamp(&odd, "/t"), None);
        assert_eq!(count(&odd, "/n"), 0);
        assert_eq!(texts(&odd, "/l"), vec![SafeText::new("x"), SafeText::new("y")]);
        assert!(name(&odd).is_none());
    }
}
