//! Kinds of settings: how a value is written, judged and shown. What only one section knows stands in its own file.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::DeValue;

use super::error::{Report, place};
use super::resolve::{LEAVE_OUT, ResolveContext};
use super::section::{Requirement, Setting};
use super::units::duration_text;
use super::url::{UrlUse, check as check_url};

/// A kind of setting.
pub(super) trait Kind {
    /// As it stands in the file.
    type Raw: DeserializeOwned + std::fmt::Debug;
    /// What it means. Its default is that nothing is set.
    type Value: Default + Serialize;
    /// Said after the complaint that a value is of another type.
    const HINT: &'static str = "";
    /// Said after the complaint that a setting is missing.
    const MISSING: &'static str = "";

    /// Reports and removes the keys that tables inside the value don't know.
    fn refuse_unknown(_value: &mut Spanned<DeValue<'_>>, _key: &str, _report: &mut Report<'_>) {}

    /// Whether what is written counts as missing where the setting is required.
    fn is_missing(_raw: &Self::Raw) -> bool {
        false
    }

    /// Reports what is wrong with a value; `None` = nothing can be made of it.
    fn check(_raw: &Spanned<Self::Raw>, _setting: &Setting, _make: &mut ResolveContext<'_, '_>) -> Option<Self::Value> {
        None
    }

    /// As it could be written; `None` = left out.
    fn show(value: &Self::Value) -> Option<toml::Value> {
        toml::Value::try_from(value).ok()
    }
}

/// What `resolve` of its section judges and `show_more` shows.
pub(super) struct ByHand<T>(PhantomData<T>);

impl<T: DeserializeOwned + std::fmt::Debug> Kind for ByHand<T> {
    type Raw = T;
    type Value = ();
}

/// A setting of a table of the file, with its place.
pub(super) type RawValue<K> = Option<Spanned<<K as Kind>::Raw>>;

/// What a text says, if it is there.
pub(super) fn said(text: &Option<Spanned<String>>) -> Option<&str> {
    text.as_ref().map(|text| text.get_ref().as_str())
}

/// The texts of a list, if it is there.
pub(super) fn each(texts: &Option<Spanned<Vec<Spanned<String>>>>) -> impl Iterator<Item = &Spanned<String>> {
    texts.iter().flat_map(|list| list.get_ref())
}

/// Puts a setting into a table that is shown.
pub(super) fn put(table: &mut toml::Table, key: &str, value: impl Into<toml::Value>) {
    table.insert(key.to_owned(), value.into());
}

/// A setting that may be left out.
impl<K: Kind> Kind for Option<K> {
    type Raw = K::Raw;
    type Value = Option<K::Value>;
    const HINT: &'static str = K::HINT;

    fn refuse_unknown(value: &mut Spanned<DeValue<'_>>, key: &str, report: &mut Report<'_>) {
        K::refuse_unknown(value, key, report);
    }

    fn check(raw: &Spanned<K::Raw>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<Self::Value> {
        K::check(raw, setting, make).map(Some)
    }

    fn show(value: &Self::Value) -> Option<toml::Value> {
        value.as_ref().and_then(K::show)
    }
}

/// A text that is not empty.
pub(super) enum Text {}

impl Kind for Text {
    type Raw = String;
    type Value = String;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<String> {
        match setting.requirement {
            Requirement::Required => make.refuse_empty(raw, setting.key, ""),
            Requirement::Default => {}
            _ => make.refuse_empty(raw, setting.key, LEAVE_OUT),
        }
        Some(raw.get_ref().clone())
    }
}

/// The name of a table, that no other of its section has: it is typed, logged and put into URLs.
pub(super) enum Name {}

impl Kind for Name {
    type Raw = String;
    type Value = String;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<String> {
        let (kind, text) = (setting.title.trim_matches(['[', ']']), raw.get_ref().as_str());
        if !is_plain(text) {
            let what = format!(
                "`{text}` can't be the name of a {kind}: use up to 63 ASCII letters, digits, `.`, `_` and `-`, \
                 a letter or digit first"
            );
            make.report.at(raw.span(), what);
        }
        let line = place(make.report.text(), raw.span().start).0;
        if let Some(first) = make.names.insert((kind, text.to_owned()), line) {
            make.report.at(raw.span(), format!("two {kind}s are called `{text}`; the first is in line {first}"));
        }
        Text::check(raw, setting, make)
    }
}

/// Whether a text can be a name.
pub(super) fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.len() <= 63
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// A file, relative to the configuration.
pub(super) enum FilePath {}

impl Kind for FilePath {
    type Raw = String;
    type Value = PathBuf;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<PathBuf> {
        Text::check(raw, setting, make).map(|text| make.path(&text))
    }
}

/// A file that holds a secret.
pub(super) enum SecretFile {}

impl Kind for SecretFile {
    type Raw = String;
    type Value = PathBuf;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<PathBuf> {
        Text::check(raw, setting, make).map(|text| make.secret(&text))
    }
}

/// An http or https address: the root of an API, or (`EXACT`) one that is asked as it is written.
pub(super) struct Address<const EXACT: bool = false>;

impl<const EXACT: bool> Kind for Address<EXACT> {
    type Raw = String;
    type Value = String;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<String> {
        let purpose = if EXACT { UrlUse::Exact } else { UrlUse::Base };
        if let Err(why) = check_url(raw.get_ref(), purpose, make.strict()) {
            make.report.at(raw.span(), why);
        }
        let text = Text::check(raw, setting, make)?;
        Some(if EXACT { text } else { text.trim_end_matches('/').to_owned() })
    }
}

/// A duration, with its least and its most in seconds.
pub(super) struct Seconds<const LEAST: u64 = 0, const MOST: u64 = { u64::MAX }>;

impl<const LEAST: u64, const MOST: u64> Kind for Seconds<LEAST, MOST> {
    type Raw = String;
    type Value = u64;
    const HINT: &'static str = "; write it with its unit, like \"15m\"";

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<u64> {
        make.seconds(raw, setting.key, LEAST..=MOST)
    }

    fn show(value: &u64) -> Option<toml::Value> {
        Some(duration_text(*value).into())
    }
}

/// A whole number within bounds.
pub(super) struct Number<T, const LEAST: u64, const MOST: u64>(PhantomData<T>);

impl<T: TryFrom<u64> + Default + Serialize, const LEAST: u64, const MOST: u64> Kind for Number<T, LEAST, MOST> {
    type Raw = i64;
    type Value = T;

    fn check(raw: &Spanned<i64>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<T> {
        let number = u64::try_from(*raw.get_ref()).ok().filter(|number| (LEAST..=MOST).contains(number));
        if number.is_none() {
            let what = format!("`{}` is {}; it must be between {LEAST} and {MOST}", setting.key, raw.get_ref());
            make.report.at(raw.span(), what);
        }
        T::try_from(number?).ok()
    }
}

/// Yes or no.
pub(super) enum Flag {}

impl Kind for Flag {
    type Raw = bool;
    type Value = bool;

    fn check(raw: &Spanned<bool>, _: &Setting, _: &mut ResolveContext<'_, '_>) -> Option<bool> {
        Some(*raw.get_ref())
    }
}

/// What is written as one of a few words.
pub(super) trait Worded: Copy + PartialEq + 'static {
    const WORDS: &'static [(&'static str, Self)];

    /// The word for it in the file.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// One of a few words.
pub(super) struct OneOf<T>(PhantomData<T>);

impl<T: Worded + Default + Serialize> Kind for OneOf<T> {
    type Raw = String;
    type Value = T;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<T> {
        if setting.requirement == Requirement::Required {
            Text::check(raw, setting, make);
        }
        make.choice(raw, setting.key, T::WORDS)
    }
}

/// What the entries of a list must be, besides being there once.
pub(super) trait Entries {
    const MISSING: &'static str = "";

    fn judge(_entry: &Spanned<String>, _make: &mut ResolveContext<'_, '_>) {}
}

impl Entries for () {}

/// A list of texts: none empty, none twice.
pub(super) struct ListOf<E = ()>(PhantomData<E>);

impl<E: Entries> Kind for ListOf<E> {
    type Raw = Vec<Spanned<String>>;
    type Value = Vec<String>;
    const MISSING: &'static str = E::MISSING;

    fn is_missing(raw: &Self::Raw) -> bool {
        raw.is_empty()
    }

    fn check(raw: &Spanned<Self::Raw>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<Vec<String>> {
        raw.get_ref().iter().for_each(|entry| E::judge(entry, make));
        let texts: Vec<(Range<usize>, &String)> = raw.get_ref().iter().map(|it| (it.span(), it.get_ref())).collect();
        Some(make.words(&texts, setting.key))
    }
}

/// An empty list.
pub(super) const NONE: [&str; 0] = [];

/// A value as TOML.
pub(super) fn toml_text(value: impl Serialize) -> String {
    let mut out = String::new();
    // What a setting can be always has a TOML form.
    let _ = value.serialize(toml::ser::ValueSerializer::new(&mut out));
    out
}
