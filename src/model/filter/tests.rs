//! What each form of the language finds, what it refuses and how, and what Tab offers.

use super::*;

/// A row as the tests need it.
struct SampleRow {
    texts: Vec<&'static str>,
    fields: Vec<(Field, &'static str)>,
    severity: &'static str,
    at: Option<i64>,
    seen: i64,
}

impl Fields for SampleRow {
    fn texts(&self, each: &mut dyn FnMut(&str)) {
        self.texts.iter().for_each(|text| each(text));
    }

    fn values(&self, field: Field, each: &mut dyn FnMut(&str)) {
        self.fields.iter().filter(|(name, _)| *name == field).for_each(|(_, value)| each(value));
    }

    fn severity(&self) -> &'static str {
        self.severity
    }

    fn at(&self) -> Option<Stamp> {
        self.at.map(|ago| now() - chrono::TimeDelta::seconds(ago))
    }

    fn seen(&self) -> Option<Stamp> {
        Some(now() - chrono::TimeDelta::seconds(self.seen))
    }
}

fn now() -> Stamp {
    Stamp::from_timestamp(1_800_000_000, 0).expect("an instant")
}

fn thing() -> SampleRow {
    SampleRow {
        texts: vec!["Pod checkout-5d9c", "Back-off restarting Größe", "not ready"],
        fields: vec![
            (Field::Cluster, "primary"),
            (Field::Ns, "shop"),
            (Field::Name, "checkout-5d9c"),
            (Field::Receiver, "pager duty"),
            (Field::Receiver, "mail"),
            (Field::Label, "url=a:b,c"),
        ],
        severity: "warning",
        at: Some(301),
        seen: 5,
    }
}

#[test]
fn what_matches_and_what_does_not() {
    let cases: &[(&str, bool)] = &[
        ("", true),
        ("back-off", true),
        ("CHECKOUT ready", true),
        ("checkout absent", false),
        ("grösse", false),
        ("größe", true),
        ("GRÖßE", true),
        ("\"not ready\"", true),
        ("\"ready not\"", false),
        ("!absent", true),
        ("!ready", false),
        ("!\"not ready\"", false),
        ("\"!ready\"", false),
        ("cluster:primary", true),
        ("CLUSTER:Primary", true),
        ("cluster:prim", false),
        ("cluster:prim*", true),
        ("name:*5d9*", true),
        ("name:check*9c", true),
        ("name:check*9d", false),
        ("name:checkout-5d9c*checkout-5d9c", false),
        ("!cluster:primary", false),
        ("!cluster:dr", true),
        ("ns:cart,shop", true),
        ("ns:cart,till", false),
        ("receiver:mail", true),
        ("receiver:\"pager duty\"", true),
        ("receiver:\"pager duty\",nobody", true),
        ("label:\"url=a:b,c\"", true),
        ("person:ana", false),
        ("!person:ana", true),
        ("severity:warning", true),
        ("severity:critical", false),
        ("severity:critical,warning", true),
        ("severity:>=warning", true),
        ("severity:>warning", false),
        ("severity:<critical", true),
        ("severity:<=unknown", false),
        ("!severity:>=warning", false),
        (">5m", true),
        (">301s", false),
        ("<301s", false),
        ("<5m2s", true),
        ("!>1h", true),
        ("age:>5m", true),
        ("seen:<10s", true),
        ("seen:>10s", false),
        ("14:41", false),
        ("cluster:primary !name:till* >1m severity:>=warning ready", true),
    ];
    for (text, wanted) in cases {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.matches(&thing(), now()), *wanted, "{text}");
        assert_eq!(filter.text(), *text);
    }
}

#[test]
fn what_has_no_time_is_neither_old_nor_young() {
    for it in [SampleRow { at: None, ..thing() }, SampleRow { at: Some(now().timestamp()), ..thing() }] {
        for text in [">5m", "<5m"] {
            assert!(!Filter::parse(text).expect("parses").matches(&it, now()), "{text}");
        }
    }
}

#[test]
fn a_mistake_has_its_place_and_a_remedy() {
    let cases: &[(&str, usize, &str, &str)] = &[
        ("severity:critcal", 9, "critcal is no severity", "did you mean severity:critical?"),
        ("severity:crit", 9, "crit is no severity", "did you mean severity:critical?"),
        ("severity:>=warnin", 9, "warnin is no severity", "did you mean severity:>=warning?"),
        ("severity:blue", 9, "blue is no severity", "one of ok, info"),
        ("a severity:", 11, "severity: has no value yet", "severity:>=warning"),
        ("sev:critical", 0, "there is no field sev", "did you mean severity:?"),
        ("x !clutser:dr", 3, "there is no field clutser", "did you mean cluster:?"),
        ("http://x", 0, "there is no field http", "in quotes"),
        ("\"not ready", 0, "the quote is not closed", "add \""),
        ("name:\"x", 5, "the quote is not closed", "add \""),
        ("a !", 2, "! has nothing after it", "!normal"),
        ("\"\"", 0, "the quotes are empty", "phrase"),
        (">5", 0, "5 is no length of time", "s, m, h or d: >5m"),
        ("x >", 2, "> has no length of time yet", ">5m"),
        ("seen:5m", 5, "seen is a length of time", "seen:>5m"),
        ("seen:>x", 5, "x is no length of time", "seen:>5m"),
        ("ns:a,,b", 3, "a value is missing beside the comma", "a,b"),
        ("name:>a", 5, "name can't be compared", "only severity, age and seen"),
        (">99999999999999999d", 0, "99999999999999999d is no length of time", "s, m, h or d"),
    ];
    for (text, at, what, hint) in cases {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!((error.at, error.what.as_str()), (*at, *what), "{text}");
        assert!(error.hint.contains(hint), "{text}: {}", error.hint);
    }
    assert!(Filter::parse(&"x ".repeat(MOST_TERMS)).is_ok());
    assert!(Filter::parse(&"x ".repeat(MOST_TERMS + 1)).is_err());
    assert!(Filter::parse(&"x".repeat(MOST_CHARS + 1)).is_err());
}

fn completed(text: &str) -> (usize, String) {
    let other = SampleRow { fields: vec![(Field::Cluster, "dr"), (Field::Ns, "shop")], ..thing() };
    let things = [thing(), other];
    let found = complete(text, text.chars().count(), things.iter().map(|it| it as &dyn Fields));
    (found.from, found.candidates.join(" "))
}

#[test]
fn tab_knows_the_fields_and_values_that_are_there() {
    let cases: &[(&str, usize, &str)] = &[
        ("", 0, "severity: name: cluster: ns: receiver: label: age: seen:"),
        ("ready ", 6, "severity: name: cluster: ns: receiver: label: age: seen:"),
        ("s", 0, "severity: seen:"),
        ("!c", 1, "cluster:"),
        ("person", 0, ""),
        ("cluster:", 8, "dr primary"),
        ("x cluster:p", 10, "primary"),
        ("ns:", 3, "shop"),
        ("cluster:dr,", 11, "dr primary"),
        ("severity:", 9, "critical warning unknown info ok"),
        ("severity:>=w", 11, "warning"),
        ("severity:ok,c", 12, "critical"),
        ("receiver:", 9, "mail \"pager duty\""),
        ("receiver:\"pa", 9, "\"pager duty\""),
        ("seen:<5", 5, "<5m"),
        ("\"cl", 0, ""),
        ("nofield:x", 0, ""),
    ];
    for (text, from, candidates) in cases {
        assert_eq!(completed(text), (*from, (*candidates).to_owned()), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_typed_makes_it_fail(text in "\\PC{0,60}", cursor in 0usize..70) {
        let things = [thing()];
        let found = complete(&text, cursor, things.iter().map(|it| it as &dyn Fields));
        proptest::prop_assert!(found.from <= text.chars().count());
        match Filter::parse(&text) {
            Ok(filter) => { filter.matches(&thing(), now()); }
            Err(error) => proptest::prop_assert!(error.at <= text.chars().count()),
        }
    }
}
