//! What a section of a configuration file is made of. `section!` declares its settings, a line each: key, kind, what it
//! means to leave it out, and a value to show. The file's raw table, the unknown keys, the defaults, `config show`, the
//! starter file and the reference derive from that. What holds between settings is written by hand in [`SectionRules`].

pub(super) use std::ops::Range;

pub(super) use toml::Spanned;
pub(super) use toml::de::DeValue;
use toml::de::ValueDeserializer;

pub(super) use super::error::Report;
use super::kinds::{Kind, RawValue, said};
use super::parse::{TopLevel, refuse_unknown};
pub(super) use super::resolve::{LEAVE_OUT, ResolveContext};
use super::sections::RawFile;

/// What it means to leave a setting out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requirement {
    /// It is refused.
    Required,
    /// The value shown counts.
    Default,
    /// The value shown counts because it follows from other lines of the starter file; `resolve` says how.
    Derived,
    /// There is none; the value shown is an example.
    Optional,
    /// As optional, and it can't be there together with all the others.
    Alternative,
}

/// One setting, as it is declared.
#[derive(Debug)]
pub(super) struct Setting {
    /// The title of its section.
    pub title: &'static str,
    pub key: &'static str,
    /// The lines of its comment, each with the blank before it.
    pub doc: &'static [&'static str],
    pub requirement: Requirement,
    /// The value that is shown, as TOML.
    pub sample: fn() -> String,
}

/// A section without its types.
#[derive(Debug)]
pub(super) struct SectionSpec {
    /// `[room]` or `[[cluster]]`.
    pub title: &'static str,
    /// The lines of its comment.
    pub about: &'static [&'static str],
    pub settings: &'static [Setting],
    /// Another of the kind for the starter file.
    pub another: &'static str,
}

impl SectionSpec {
    /// `room` or `cluster`.
    pub(super) fn name(&self) -> &'static str {
        self.title.trim_matches(['[', ']'])
    }

    /// Whether there is at most one.
    pub(super) fn is_single(&self) -> bool {
        !self.title.starts_with("[[")
    }
}

/// A table of the file and where its header stands.
#[derive(Debug, Default)]
pub(super) struct RawTable<S> {
    pub at: Range<usize>,
    pub it: S,
}

/// What the tables of a section are called.
pub(super) fn names<S>(tables: &[RawTable<S>], name: impl Fn(&S) -> &Option<Spanned<String>>) -> Vec<&str> {
    tables.iter().filter_map(|table| said(name(&table.it))).collect()
}

/// The raw values of a section and what is declared of it; implemented by `section!`.
pub(super) trait Section: Default + 'static {
    /// What is made of it.
    type Checked;
    const TITLE: &'static str;
    const ABOUT: &'static [&'static str];
    const SETTINGS: &'static [Setting];

    /// Keeps a value of a table that stands there.
    fn read(&mut self, key: &str, value: Spanned<DeValue<'_>>, at: &Range<usize>, report: &mut Report<'_>);

    /// Puts what is written, else the defaults, into a checked value.
    fn fill(&self, at: &Range<usize>, it: &mut Self::Checked, make: &mut ResolveContext<'_, '_>);

    /// The settings of a checked value, as they could be written.
    fn show(it: &Self::Checked) -> toml::Table;
}

/// What is special about a section.
pub(super) trait SectionRules: Section {
    /// Another table of the kind for the starter file.
    const ANOTHER: &'static str = "";

    /// What must hold between the tables of the file.
    fn judge(_file: &RawFile, _make: &mut ResolveContext<'_, '_>) {}

    /// What depends on other settings, or other sections.
    fn resolve(_table: &RawTable<Self>, _it: &mut Self::Checked, _file: &RawFile, _make: &mut ResolveContext<'_, '_>) {}

    /// What was declared with `as _`, as it could be written.
    fn show_more(_it: &Self::Checked, _table: &mut toml::Table) {}
}

/// Reads the value of a setting; one of a wrong type is reported and left out.
pub(super) fn read<S: Section, K: Kind>(
    key: &str,
    mut value: Spanned<DeValue<'_>>,
    table: &Range<usize>,
    report: &mut Report<'_>,
) -> RawValue<K> {
    K::refuse_unknown(&mut value, key, report);
    let at = value.span();
    match serde::Deserialize::deserialize(ValueDeserializer::from(value)) {
        Ok(raw) => Some(Spanned::new(at, raw)),
        Err(error) => {
            let what = format!("`{key}` in {}: {}{}", S::TITLE, error.message(), K::HINT);
            report.at(error.span().unwrap_or(at), what);
            report.unread(table, key);
            None
        }
    }
}

/// Takes the tables of a section out of a file.
pub(super) fn tables<S: Section>(top: &mut TopLevel<'_>, report: &mut Report<'_>) -> Vec<RawTable<S>> {
    let known: Vec<&str> = S::SETTINGS.iter().map(|setting| setting.key).collect();
    let tables = top.take(S::TITLE, report).into_iter();
    tables
        .map(|(at, mut table)| {
            refuse_unknown(&mut table, &known, S::TITLE, &at, report);
            let mut it = S::default();
            table.into_iter().for_each(|(key, value)| it.read(key.get_ref(), value, &at, report));
            RawTable { at, it }
        })
        .collect()
}

/// The checked value of each table.
pub(super) fn resolve_many<S>(
    tables: &[RawTable<S>],
    file: &RawFile,
    make: &mut ResolveContext<'_, '_>,
) -> Vec<S::Checked>
where
    S: SectionRules<Checked: Default>,
{
    let resolved = tables.iter().map(|table| {
        let mut it = S::Checked::default();
        table.it.fill(&table.at, &mut it, make);
        S::resolve(table, &mut it, file, make);
        it
    });
    resolved.collect()
}

/// The checked value of the one table; if it is not there, that of an empty one.
pub(super) fn resolve_one<S>(tables: &[RawTable<S>], file: &RawFile, make: &mut ResolveContext<'_, '_>) -> S::Checked
where
    S: SectionRules<Checked: Default>,
{
    let required = S::SETTINGS.iter().find(|setting| setting.requirement == Requirement::Required);
    let missing = RawTable { at: usize::MAX..usize::MAX, it: S::default() };
    if let (true, Some(Setting { title, key, .. })) = (tables.is_empty(), required) {
        make.report.at(0..0, format!("there is no {title}: add `{title}` and, below it, its `{key}`"));
        make.report.unread(&missing.at, key);
    }
    let table = if tables.is_empty() { std::slice::from_ref(&missing) } else { tables };
    resolve_many(table, file, make).pop().unwrap_or_default()
}

/// Checked values, as they could be written.
pub(super) fn show_many<S: SectionRules>(all: &[S::Checked]) -> Option<toml::Value> {
    (!all.is_empty()).then(|| all.iter().filter_map(show_one::<S>).collect::<Vec<_>>().into())
}

/// A checked value, as it could be written.
pub(super) fn show_one<S: SectionRules>(it: &S::Checked) -> Option<toml::Value> {
    let mut table = S::show(it);
    S::show_more(it, &mut table);
    Some(table.into())
}

/// What is declared of a section.
pub(super) const fn spec<S: SectionRules>() -> SectionSpec {
    SectionSpec { title: S::TITLE, about: S::ABOUT, settings: S::SETTINGS, another: S::ANOTHER }
}

/// Declares a section:
///
/// ```text
/// section! {
///     /// What the starter file says above the section.
///     [[probe]] RawProbe => ProbeConfig {
///         /// What it says above the setting.
///         every as every_s: Seconds<1, 3_600> = Default("5s");
///     }
/// }
/// ```
///
/// A value goes to the field that has the setting's name or stands behind `as`; with `as _`, `resolve` puts it somewhere.
macro_rules! section {
    (@fill $it:ident, $value:expr, $key:ident as _) => {};
    (@fill $it:ident, $value:expr, $key:ident as $($field:ident).+) => { $it.$($field).+ = $value; };
    (@fill $it:ident, $value:expr, $key:ident) => { $it.$key = $value; };

    (@show $kind:ty, $it:ident, $table:ident, $key:ident as _) => {};
    (@show $kind:ty, $it:ident, $table:ident, $key:ident as $($field:ident).+) => {
        if let Some(shown) = <$kind as Kind>::show(&$it.$($field).+) {
            put(&mut $table, stringify!($key), shown);
        }
    };
    (@show $kind:ty, $it:ident, $table:ident, $key:ident) => { section!(@show $kind, $it, $table, $key as $key) };

    (
        $(#[doc = $about:literal])*
        [$($name:tt)+] $raw:ident => $checked:ty {
            $(
                $(#[doc = $doc:literal])*
                $key:ident $(as $($field:tt).+)?: $kind:ty = $requirement:ident($sample:expr);
            )*
        }
    ) => {
        #[derive(Debug, Default)]
        pub(in crate::config) struct $raw {
            $(pub $key: RawValue<$kind>,)*
        }

        #[allow(unused, reason = "where every setting is put by hand")]
        impl Section for $raw {
            type Checked = $checked;
            const TITLE: &'static str = concat!("[", $(stringify!($name),)+ "]");
            const ABOUT: &'static [&'static str] = &[$($about),*];
            const SETTINGS: &'static [Setting] = &[$(Setting {
                title: Self::TITLE,
                key: stringify!($key),
                doc: &[$($doc),*],
                requirement: Requirement::$requirement,
                sample: || toml_text($sample),
            }),*];

            fn read(&mut self, key: &str, value: Spanned<DeValue<'_>>, at: &Range<usize>, report: &mut Report<'_>) {
                match key {
                    $(stringify!($key) => self.$key = read::<Self, $kind>(key, value, at, report),)*
                    _ => {}
                }
            }

            fn fill(&self, at: &Range<usize>, it: &mut $checked, make: &mut ResolveContext<'_, '_>) {
                $(section!(
                    @fill it,
                    make.value::<Self, $kind>(stringify!($key), &self.$key, at),
                    $key $(as $($field).+)?
                );)*
            }

            fn show(it: &$checked) -> toml::Table {
                let mut table = toml::Table::new();
                $(section!(@show $kind, it, table, $key $(as $($field).+)?);)*
                table
            }
        }
    };
}
pub(super) use section;
