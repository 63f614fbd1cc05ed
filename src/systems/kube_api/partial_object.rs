//! Only the needed fields of an object, read straight from its text: the rest is passed over, and kept nowhere.
//!
//! As in [`super::json_access`], nothing fails on a wrong type, a missing field or an odd value: it costs that field.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::json_access;
use crate::model::{SafeText, Stamp};

/// What is read of an object: at least which state of it that is.
pub trait PartialObject<'a>: Deserialize<'a> {
    /// Its `resourceVersion`; empty if there is none.
    fn version(&self) -> &str;
}

impl PartialObject<'_> for Value {
    fn version(&self) -> &str {
        json_access::at(self, "/metadata/resourceVersion").as_str().unwrap_or("")
    }
}

/// A scalar as text: a string as it is, a number or boolean as written, everything else empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScalarText<'a>(Cow<'a, str>);

impl ScalarText<'_> {
    /// The text as it came.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, fit to be shown.
    pub(crate) fn safe(&self) -> SafeText {
        SafeText::new(&self.0)
    }

    /// An instant in RFC 3339; anything else is none.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        json_access::rfc3339(&self.0)
    }
}

/// A count: absent, negative or odd is 0, as Kubernetes leaves zeros out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScalarCount(pub u64);

/// A part of an object; anything but an object counts as an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part<T>(pub T);

/// A whole object without what the API server keeps for itself: who wrote which field is often longer than the object.
#[derive(Clone, Debug, PartialEq)]
pub struct PrunedObject(pub Value);

impl PartialObject<'_> for PrunedObject {
    fn version(&self) -> &str {
        self.0.version()
    }
}

/// The methods of a visitor that takes whatever it has no use for as nothing.
macro_rules! nothing_else {
    ($value:ty) => {
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("anything")
        }

        fn visit_unit<E>(self) -> Result<$value, E> {
            Ok(Default::default())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<$value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
}

/// The same for one that has no use for an object.
macro_rules! no_object {
    ($value:ty) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = ScalarText<'de>;

    nothing_else!(ScalarText<'de>);
    no_object!(ScalarText<'de>);

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(ScalarText(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(ScalarText(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(ScalarText(Cow::Owned(flag.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(ScalarText(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(ScalarText(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(ScalarText(Cow::Owned(Value::from(number).to_string())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ScalarText<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = ScalarCount;

    nothing_else!(ScalarCount);
    no_object!(ScalarCount);

    fn visit_u64<E>(self, number: u64) -> Result<ScalarCount, E> {
        Ok(ScalarCount(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<ScalarCount, E> {
        Ok(ScalarCount(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<ScalarCount, E> {
        Ok(ScalarCount(0))
    }

    fn visit_bool<E>(self, _: bool) -> Result<ScalarCount, E> {
        Ok(ScalarCount(0))
    }

    fn visit_str<E>(self, _: &str) -> Result<ScalarCount, E> {
        Ok(ScalarCount(0))
    }
}

impl<'de> Deserialize<'de> for ScalarCount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CountVisitor)
    }
}

struct PartVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for PartVisitor<T> {
    type Value = Part<T>;

    nothing_else!(Part<T>);

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Part<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Part)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Part<T>, E> {
        Ok(Part::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Part<T>, E> {
        Ok(Part::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Part<T>, E> {
        Ok(Part::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Part<T>, E> {
        Ok(Part::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Part<T>, E> {
        Ok(Part::default())
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(PartVisitor(PhantomData))
    }
}

/// The fields of an object, all but one, which is passed over.
fn fields_but<'de, A: MapAccess<'de>>(mut map: A, unread: &str, out: &mut Map<String, Value>) -> Result<(), A::Error> {
    while let Some(name) = map.next_key::<String>()? {
        if name == unread {
            map.next_value::<IgnoredAny>()?;
        } else {
            let value = map.next_value()?;
            out.insert(name, value);
        }
    }
    Ok(())
}

#[derive(Default)]
struct PrunedMetadata(Map<String, Value>);

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = PrunedMetadata;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PrunedMetadata, A::Error> {
        let mut fields = Map::new();
        fields_but(map, "managedFields", &mut fields)?;
        Ok(PrunedMetadata(fields))
    }
}

impl<'de> Deserialize<'de> for PrunedMetadata {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MetadataVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = PrunedObject;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PrunedObject, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = match name.as_str() {
                "metadata" => Value::Object(map.next_value::<Part<PrunedMetadata>>()?.0.0),
                _ => map.next_value()?,
            };
            fields.insert(name, value);
        }
        Ok(PrunedObject(Value::Object(fields)))
    }
}

impl<'de> Deserialize<'de> for PrunedObject {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Partial<'a> {
        #[serde(borrow)]
        name: ScalarText<'a>,
        count: ScalarCount,
        #[serde(borrow)]
        inner: Part<Inner<'a>>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Inner<'a> {
        #[serde(borrow)]
        at: ScalarText<'a>,
    }

    #[test]
    fn every_odd_type_costs_its_field_and_nothing_else() {
        let odd = ["null", "true", "-7", "1.5", "\"text\"", "[1,{\"a\":[]}]", "{\"b\":{\"c\":[2]}}"];
        for value in odd {
            let text = format!(r#"{{"unread":{value},"name":{value},"count":{value},"inner":{value}}}"#);
            let read: Partial<'_> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let as_before = json_access::string(&serde_json::from_str(&text).expect("JSON"), "/name");
            assert_eq!((read.name.as_str(), read.count.0), (as_before.as_str(), 0), "{text}");
        }
        let deep = format!(r#"{{"unread":{}1{},"name":"n","count":7}}"#, "[".repeat(5_000), "]".repeat(5_000));
        let read: Partial<'_> = serde_json::from_str(&deep).expect("what is not read may be nested as it likes");
        assert_eq!((read.name.as_str(), read.count.0), ("n", 7));
    }

    #[test]
    fn strings_are_borrowed_unless_they_are_escaped() {
        let read: Partial<'_> = serde_json::from_str(r#"{"name":"plain","inner":{"at":"a\nb"}}"#).expect("an object");
        assert!(matches!(&read.name.0, Cow::Borrowed("plain")), "{read:?}");
        assert_eq!(read.inner.0.at.as_str(), "a\nb");
    }

    #[test]
    fn a_pruned_object_lacks_its_managed_fields_and_nothing_else() {
        let whole = json!({"metadata": {"name": "x", "resourceVersion": "7", "managedFields": [{"f": {}}]}, "spec": {"managedFields": 1}});
        let pruned: PrunedObject = serde_json::from_str(&whole.to_string()).expect("an object");
        assert_eq!(pruned.version(), "7");
        assert_eq!(pruned.0, json!({"metadata": {"name": "x", "resourceVersion": "7"}, "spec": {"managedFields": 1}}));
        let odd: PrunedObject = serde_json::from_str(r#"{"metadata":3}"#).expect("an object");
        assert_eq!(odd.0, json!({"metadata": {}}));
        assert!(serde_json::from_str::<PrunedObject>("7").is_err());
    }
}
