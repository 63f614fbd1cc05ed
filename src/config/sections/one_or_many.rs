//! Settings that take one value or a list of them, and values that are a text or a table.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// One value, or a list of values with a place each. The place of the one is that of the setting.
#[derive(Clone, Debug)]
pub(crate) enum Several<T> {
    One(T),
    Many(Vec<Spanned<T>>),
}

/// A setting of this form.
pub(super) type OneOrMany<T> = Option<Spanned<Several<T>>>;

/// Each value with its place; nothing if the setting is not there.
pub(super) fn values<T>(setting: &OneOrMany<T>) -> Vec<(Range<usize>, &T)> {
    let Some(setting) = setting else { return Vec::new() };
    match setting.get_ref() {
        Several::One(one) => vec![(setting.span(), one)],
        Several::Many(many) => many.iter().map(|it| (it.span(), it.get_ref())).collect(),
    }
}

/// One as a text, several (or none) as a list.
pub(super) fn one_or_list(values: &[String]) -> toml::Value {
    match values {
        [one] => one.as_str().into(),
        many => many.to_vec().into(),
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OfSeveral(PhantomData))
    }
}

struct OfSeveral<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OfSeveral<T> {
    type Value = Several<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(text.into_deserializer()).map(Several::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Several::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut many = Vec::new();
        while let Some(one) = list.next_element::<Spanned<T>>()? {
            many.push(one);
        }
        Ok(Several::Many(many))
    }
}

/// A text, or a table that says more.
#[derive(Clone, Debug)]
pub(crate) enum TextOr<T> {
    Text(String),
    Table(Box<T>),
}

/// A table that may stand where a text does.
pub(crate) trait InsteadOfText {
    /// What either of them is.
    const EXPECTED: &'static str;
}

impl<'de, T: Deserialize<'de> + InsteadOfText> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OfText(PhantomData))
    }
}

struct OfText<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + InsteadOfText> Visitor<'de> for OfText<T> {
    type Value = TextOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|it| TextOr::Table(Box::new(it)))
    }
}
