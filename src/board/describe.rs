//! What a row says of itself, beside its judgement: the one thing that tables, pages, filters, plain mode and commands read.
//!
//! A description carries meanings (instants, verdicts, names), never colours and never ages: whoever reads it has a clock, a
//! zone and a palette of its own, and takes the parts that it needs.

use std::fmt::{self, Display};

use crate::model::filter::Field;
use crate::model::{Objective, SourceId, Stamp};

use super::row::{Row, Verdict};

/// A kind of row. Every line of `bodies!` in `board/row.rs` has one.
pub trait Describe {
    /// Says everything, in the order of a page. A label that is empty keeps a value off the page.
    fn describe(&self, say: &mut Description<'_>);
}

/// One thing that a row says.
#[derive(Clone, Copy)]
pub enum DescriptionPart<'a> {
    /// How a list names it; unless it is said, the word for its kind and its name.
    Title(&'a dyn Display),
    /// How it is, in half a line.
    Summary(&'a dyn Fn(Stamp) -> String),
    /// When it happened or began; unless it is said, when it was seen.
    At(Option<Stamp>),
    /// The value of a field.
    Field(Field, &'a str),
    /// A label: its name and its value.
    Label(&'a str, &'a str),
    /// What it says in words, where a filter looks.
    Text(&'a str),
    /// A sentence that is part of it however narrow a table is.
    Message(&'a str),
    /// A thing outside: rows about the same one are related.
    Object(&'a str),
    /// A cluster: trouble there is related.
    Place(&'a str),
    /// Whether it is a service's, although the row names none.
    Owner(&'a dyn Fn(&Objective) -> bool),
    /// A line of its page: label, value, and how the value stands by itself; `Info` for most. No line if it is empty.
    Fact(&'a str, &'a dyn Display, Verdict),
    /// A line of its page: label, and an instant as the reader writes instants and ages.
    Time(&'a str, Stamp),
    /// The words above the facts that follow; `Space` and `Heading` matter only to a page.
    Heading(&'static str),
    /// An empty line of its page, between two groups of facts.
    Space,
}

/// What a page adds to a row: the reader's clock, its way to write an instant, and the rows that a description may name.
#[derive(Clone, Copy)]
pub struct PageContext<'a> {
    /// The reader's clock: ages and what has expired are told by it.
    pub now: Stamp,
    /// Writes an instant in full, in the reader's zone.
    pub time: &'a dyn Fn(Stamp) -> String,
    /// All rows of the topic Alerts: an alert names its inhibitors by fingerprint only.
    pub alerts: &'a [Row],
    /// All rows of the topic Silences: an alert names its silences by reference only.
    pub silences: &'a [Row],
}

/// Takes what a row says.
pub struct Description<'a> {
    /// Who said so.
    pub source: &'a SourceId,
    /// Only for whoever makes a page: everybody else asks often, and not for facts.
    pub page: Option<PageContext<'a>>,
    /// Is called for each part, in the order of a page.
    pub each: &'a mut dyn FnMut(DescriptionPart<'_>),
}

impl Description<'_> {
    pub(super) fn title(&mut self, title: impl Display) {
        (self.each)(DescriptionPart::Title(&title));
    }

    pub(super) fn summary(&mut self, summary: impl Fn(Stamp) -> String) {
        (self.each)(DescriptionPart::Summary(&summary));
    }

    pub(super) fn at(&mut self, at: Option<Stamp>) {
        (self.each)(DescriptionPart::At(at));
    }

    /// Its name, by which other rows speak of it.
    pub(super) fn named(&mut self, label: &str, name: impl AsRef<str>) {
        self.field(Field::Name, label, [&name]);
        self.object(&name);
    }

    /// Another name by which it is related.
    pub(super) fn object(&mut self, name: impl AsRef<str>) {
        if !name.as_ref().is_empty() {
            (self.each)(DescriptionPart::Object(name.as_ref()));
        }
    }

    /// The cluster that it is in.
    pub(super) fn cluster(&mut self, label: &str, name: &str) {
        self.field(Field::Cluster, label, [name]);
        self.place(name);
    }

    /// The cluster that it is about without being in it.
    pub(super) fn place(&mut self, name: &str) {
        (self.each)(DescriptionPart::Place(name));
    }

    pub(super) fn owner(&mut self, owns: impl Fn(&Objective) -> bool) {
        (self.each)(DescriptionPart::Owner(&owns));
    }

    /// Its own words for how it is: as its system writes them, and as the screen says them.
    pub(super) fn state(&mut self, words: &[(bool, &str)]) {
        for (_, word) in words.iter().filter(|(is, _)| *is) {
            (self.each)(DescriptionPart::Field(Field::State, word));
        }
    }

    /// Values of a field.
    pub(super) fn field<T: AsRef<str>>(&mut self, field: Field, label: &str, values: impl AsRef<[T]>) {
        let values = values.as_ref();
        values.iter().for_each(|value| (self.each)(DescriptionPart::Field(field, value.as_ref())));
        self.fact(label, joined(values, ", "));
    }

    /// What it says in words. An identity that is a number or a digest is none: it would match by chance.
    pub(super) fn text<T: AsRef<str>>(&mut self, label: &str, words: impl AsRef<[T]>) {
        let words = words.as_ref();
        words.iter().for_each(|text| (self.each)(DescriptionPart::Text(text.as_ref())));
        self.fact(label, joined(words, ", "));
    }

    /// What it says in words, of many things.
    pub(super) fn texts<T: AsRef<str>>(&mut self, words: impl IntoIterator<Item = T>) {
        words.into_iter().for_each(|text| (self.each)(DescriptionPart::Text(text.as_ref())));
    }

    /// What it says at length, and what tables never leave out.
    pub(super) fn message(&mut self, label: &str, text: &str) {
        (self.each)(DescriptionPart::Message(text));
        self.fact(label, text);
    }

    pub(super) fn label(&mut self, name: &str, value: &str) {
        (self.each)(DescriptionPart::Label(name, value));
    }

    /// Names in a row that no filter looks for.
    pub(super) fn list<T: AsRef<str>>(&mut self, label: &str, values: &[T]) {
        self.fact(label, joined(values, ", "));
    }

    pub(super) fn fact(&mut self, label: &str, value: impl Display) {
        self.judged(label, value, Verdict::Info);
    }

    /// A fact that may be unknown.
    pub(super) fn known(&mut self, label: &str, value: Option<impl Display>) {
        value.into_iter().for_each(|value| self.fact(label, value));
    }

    pub(super) fn judged(&mut self, label: &str, value: impl Display, verdict: Verdict) {
        if self.page.is_some() && !label.is_empty() {
            (self.each)(DescriptionPart::Fact(label, &value, verdict));
        }
    }

    pub(super) fn time(&mut self, label: &str, at: impl Into<Option<Stamp>>) {
        at.into().into_iter().for_each(|at| (self.each)(DescriptionPart::Time(label, at)));
    }

    pub(super) fn space(&mut self) {
        (self.each)(DescriptionPart::Space);
    }

    pub(super) fn heading(&mut self, words: &'static str) {
        (self.each)(DescriptionPart::Heading(words));
    }

    /// An instant inside a sentence.
    pub(super) fn written(&self, at: Stamp) -> String {
        self.page.map(|page| (page.time)(at)).unwrap_or_default()
    }
}

impl Row {
    /// Tells everything that the row says of itself.
    pub fn describe(&self, page: Option<PageContext<'_>>, each: &mut dyn FnMut(DescriptionPart<'_>)) {
        each(DescriptionPart::Field(Field::Kind, self.body.kind()));
        if self.stale {
            each(DescriptionPart::Field(Field::State, "stale"));
        }
        self.body.described().describe(&mut Description { source: &self.source, page, each });
    }

    /// What it is about and how that is, for two cells of a table.
    pub fn line(&self, now: Stamp) -> (String, String) {
        let (mut name, mut title, mut how) = (None, None, String::new());
        self.describe(None, &mut |part| match part {
            DescriptionPart::Field(Field::Name, it) => name = name.take().or_else(|| Some(it.to_owned())),
            DescriptionPart::Title(it) => title = Some(it.to_string()),
            DescriptionPart::Summary(it) => how = it(now),
            _ => {}
        });
        (title.unwrap_or_else(|| format!("{} {}", self.body.kind(), name.unwrap_or_default())), how)
    }

    /// The sentence that is part of it however narrow a table is; empty for most.
    pub fn message(&self) -> String {
        let mut message = String::new();
        self.describe(None, &mut |part| {
            if let DescriptionPart::Message(text) = part {
                message.push_str(text);
            }
        });
        message
    }
}

/// Names with something between them.
pub(super) fn joined<'a, T: AsRef<str>>(names: &'a [T], between: &'a str) -> impl Display + use<'a, T> {
    JoinedNames { names, between }
}

struct JoinedNames<'a, T> {
    names: &'a [T],
    between: &'a str,
}

impl<T: AsRef<str>> Display for JoinedNames<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { self.between })?;
            f.write_str(name.as_ref())?;
        }
        Ok(())
    }
}
