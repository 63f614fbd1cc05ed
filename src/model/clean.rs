//! Reading JSON so that no string of what was read can move, hide or colour anything: each is as [`SafeText`] would have it
//! before any type sees it, whatever that type is. So a message or an entry holds no raw text, not in its names and ids
//! either, and nobody who prints one has to remember that.
//!
//! What must stay byte for byte (lines that are hashed, plans that are signed for) is marked [`exact`]; it is never shown,
//! and is read by [`from_str`] in its turn.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use serde_json::Value;

use super::SafeText;
use super::safe_text::MAX_LONG_BYTES;

/// What marks an exact string to [`Clean`]; to any other reader it is a string like others.
const EXACT: &str = "$warroom::exact";
/// What `serde_json` calls a value that it hands over unread. Whoever takes one reads it by [`from_str`].
const UNREAD: &str = "$serde_json::private::RawValue";

/// Reads a value; every string in it is clean.
///
/// # Errors
/// As `serde_json::from_str`; what an error quotes is clean too.
pub fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Clean(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// True if every text of a message is kept as it is: none is longer than an entry keeps.
pub fn keeps_whole(line: &str) -> bool {
    // Cleaning makes no character sixteen times as long.
    line.len() * 16 <= MAX_LONG_BYTES || serde_json::from_str(line).is_ok_and(|message| short(&message))
}

fn short(message: &Value) -> bool {
    match message {
        Value::String(text) => SafeText::whole(text).is_some(),
        Value::Array(all) => all.iter().all(short),
        Value::Object(fields) => fields.values().all(short),
        _ => true,
    }
}

/// The text if it is clean, else what [`SafeText`] makes of it.
pub fn text(raw: &str) -> Cow<'_, str> {
    if raw.bytes().all(|b| matches!(b, 0x20..=0x7e)) {
        return Cow::Borrowed(raw);
    }
    let clean = SafeText::long(raw);
    if clean == *raw { Cow::Borrowed(raw) } else { Cow::Owned(clean.to_string()) }
}

/// For `deserialize_with`: a string of which every byte counts, and that is never shown.
///
/// # Errors
/// If it is no string.
pub fn exact<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    from.deserialize_newtype_struct(EXACT, Exact)
}

/// The same where there may be none.
///
/// # Errors
/// As [`exact`].
pub fn exact_if<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    struct Whole(String);
    impl<'de> Deserialize<'de> for Whole {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            exact(from).map(Self)
        }
    }
    Ok(Option::<Whole>::deserialize(from)?.map(|whole| whole.0))
}

struct Exact;

impl<'de> Visitor<'de> for Exact {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        String::deserialize(from)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// A reader, or anything that reading is made of, whose strings are clean.
struct Clean<T>(T);

/// Methods of a reader that only pass on.
macro_rules! pass_on {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, Self::Error> {
            self.0.$method($($arg,)* Clean(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Clean<D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any(); deserialize_bool(); deserialize_char(); deserialize_str(); deserialize_string();
        deserialize_i8(); deserialize_i16(); deserialize_i32(); deserialize_i64(); deserialize_i128();
        deserialize_u8(); deserialize_u16(); deserialize_u32(); deserialize_u64(); deserialize_u128();
        deserialize_f32(); deserialize_f64(); deserialize_bytes(); deserialize_byte_buf(); deserialize_option();
        deserialize_unit(); deserialize_seq(); deserialize_map(); deserialize_identifier(); deserialize_ignored_any();
        deserialize_unit_struct(name: &'static str);
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match name {
            EXACT | UNREAD => self.0.deserialize_newtype_struct(name, visitor),
            _ => self.0.deserialize_newtype_struct(name, Clean(visitor)),
        }
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Methods of a visitor that only pass on.
macro_rules! visit_as_it_is {
    ($($method:ident($type:ty);)*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Clean<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    visit_as_it_is! {
        visit_bool(bool); visit_i8(i8); visit_i16(i16); visit_i32(i32); visit_i64(i64); visit_i128(i128);
        visit_u8(u8); visit_u16(u16); visit_u32(u32); visit_u64(u64); visit_u128(u128); visit_f32(f32); visit_f64(f64);
        visit_bytes(&[u8]); visit_borrowed_bytes(&'de [u8]); visit_byte_buf(Vec<u8>);
    }

    fn visit_char<E: Error>(self, value: char) -> Result<V::Value, E> {
        self.visit_str(value.encode_utf8(&mut [0; 4]))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<V::Value, E> {
        match text(value) {
            Cow::Borrowed(value) => self.0.visit_str(value),
            Cow::Owned(value) => self.0.visit_string(value),
        }
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<V::Value, E> {
        match text(value) {
            Cow::Borrowed(value) => self.0.visit_borrowed_str(value),
            Cow::Owned(value) => self.0.visit_string(value),
        }
    }

    fn visit_string<E: Error>(self, value: String) -> Result<V::Value, E> {
        match text(&value) {
            Cow::Borrowed(_) => self.0.visit_string(value),
            Cow::Owned(value) => self.0.visit_string(value),
        }
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Clean(from))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Clean(from))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, from: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Clean(from))
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Clean(from))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, from: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Clean(from))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Clean<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Clean(from))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Clean<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Clean(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Clean<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Clean(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Clean(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Clean<A> {
    type Error = A::Error;
    type Variant = Clean<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(Clean(seed)).map(|(value, rest)| (value, Clean(rest)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Clean<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Clean(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Clean(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Clean(visitor))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};
    use serde_json::value::RawValue;

    use super::*;

    /// Every shape in which a string can be read.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Shapes<'a> {
        plain: String,
        #[serde(borrow)]
        borrowed: Cow<'a, str>,
        maybe: Option<String>,
        list: Vec<(String, char)>,
        map: BTreeMap<String, KindSample>,
        value: serde_json::Value,
        id: super::super::PersonId,
        #[serde(flatten)]
        inner: InnerSample,
        #[serde(deserialize_with = "exact")]
        exact: String,
        #[serde(deserialize_with = "exact_if")]
        exact_if: Option<String>,
        #[serde(default, deserialize_with = "exact_if")]
        left_out: Option<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum KindSample {
        New(String),
        Tuple(String, u8),
        Struct { text: String },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct InnerSample {
        flat: String,
        tagged: Tagged,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        A { text: String },
    }

    const RAW: &str = "a\u{1b}]52;c;eA==\u{7}\u{202e}\u{200b}\u{9b}31m\n\u{e000}";

    fn shapes(text: &str) -> Shapes<'_> {
        let own = || text.to_owned();
        Shapes {
            plain: own(),
            borrowed: Cow::Borrowed(text),
            maybe: Some(own()),
            list: vec![(own(), 'x')],
            map: [KindSample::New(own()), KindSample::Tuple(own(), 7), KindSample::Struct { text: own() }]
                .into_iter()
                .enumerate()
                .map(|(n, kind)| (format!("{n}{text}"), kind))
                .collect(),
            value: serde_json::json!({"nested": [text]}),
            id: text.into(),
            inner: InnerSample { flat: own(), tagged: Tagged::A { text: own() } },
            exact: RAW.to_owned(),
            exact_if: Some(RAW.to_owned()),
            left_out: None,
        }
    }

    #[test]
    fn every_string_of_every_shape_is_clean_but_those_marked_exact() {
        let json = serde_json::to_string(&shapes(RAW)).expect("json");
        let clean = text(RAW).into_owned();
        assert_eq!(clean, SafeText::long(RAW).as_str());
        assert_eq!(from_str::<Shapes<'_>>(&json).expect("read"), shapes(&clean));
        // Without this reader they stay as they were: the test can fail.
        assert_eq!(serde_json::from_str::<Shapes<'_>>(&json).expect("read"), shapes(RAW));
    }

    #[test]
    fn what_is_clean_is_left_alone_and_an_unread_value_is_left_unread() {
        for same in ["plain", "Übergröße ⏎ 日本 👩‍💻", &"x".repeat(20_000)] {
            assert!(matches!(text(same), Cow::Borrowed(_)), "{same}");
        }
        let raw = format!("{{\"a\":\"{}\"}}", "\u{202e}");
        assert_eq!(from_str::<Box<RawValue>>(&raw).expect("read").get(), raw);
    }

    #[test]
    fn an_error_quotes_nothing_raw_and_what_follows_a_value_is_one() {
        let error = from_str::<KindSample>("{\"\\u001b]0;x\\u0007\":1}").expect_err("no such kind").to_string();
        assert!(error.contains("‹U+001B›") && !error.contains('\u{1b}'), "{error:?}");
        assert!(from_str::<u8>("1 2").is_err());
    }

    #[test]
    fn a_text_that_an_entry_would_cut_is_known_before_it_is_cut() {
        let note = |text: &str| serde_json::json!({"id": 1, "req": {"note": {"text": text}}}).to_string();
        assert!(keeps_whole(&note(&"x".repeat(MAX_LONG_BYTES))));
        assert!(!keeps_whole(&note(&"x".repeat(MAX_LONG_BYTES + 1))));
        // What is shown as an escape is longer than it was.
        assert!(keeps_whole(&note(&"\u{7f}".repeat(600))) && !keeps_whole(&note(&"\u{7f}".repeat(800))));
        let lines = serde_json::json!({"id": 1, "req": {"lines": {"lines": ["a", "x".repeat(MAX_LONG_BYTES + 1)]}}});
        assert!(!keeps_whole(&lines.to_string()));
    }
}
