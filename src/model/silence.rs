//! Silences: what they match, what one would hit, and what became of asking for one. Values only; nobody is asked here.

use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::facts::Alert;
use super::open_enum::Open;
use super::{AlertGrade, Digest, IncidentId, SafeText, SourceId, Stamp};

/// The most matchers of one silence.
pub const MOST_MATCHERS: usize = 20;
/// The shortest and longest silence that may be asked for, seconds.
pub const SHORTEST_S: u64 = 60;
/// A day: what is to be quiet for longer is asked for again, or has its rule changed.
pub const LONGEST_S: u64 = 24 * 3600;
/// The most bytes of a reason.
pub const MOST_REASON: usize = 500;
/// In front of the name of a time interval in [`Alert::silenced_by`].
pub const MUTE: &str = "mute:";
/// A compiled expression larger than this is refused: it came from a person or from outside.
const MOST_REGEX: usize = 1 << 20;
/// A value as long as this may have been cut where it came in.
const MAYBE_CUT: usize = 1_900;

impl Alert {
    /// Whether nobody hears of it either when this silence ends: another one, a time interval or another alert keeps it
    /// quiet. An interval that mutes it for one receiver (` for RECEIVER`) leaves the others.
    pub fn is_quiet_without(&self, silence: &str) -> bool {
        let for_one = |by: &str| by.starts_with(MUTE) && by.contains(" for ");
        !self.inhibited_by.is_empty() || self.silenced_by.iter().any(|by| by != silence && !for_one(by))
    }
}

/// One matcher: `name="value"`, or with `!=`, `=~`, `!~`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// The label that is looked at. An alert without it has the empty value.
    pub name: SafeText,
    /// The value, or the expression that the whole value must match.
    pub value: SafeText,
    /// `=~` or `!~`: `value` is a regular expression.
    pub regex: bool,
    /// False for `!=` and `!~`: it matches what the value or expression does not.
    pub equal: bool,
}

impl Matcher {
    /// `name="value"`.
    pub fn equal(name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        Self { name: SafeText::new(name.as_ref()), value: SafeText::new(value.as_ref()), regex: false, equal: true }
    }

    /// `=`, `!=`, `=~` or `!~`.
    pub fn op(&self) -> &'static str {
        match (self.regex, self.equal) {
            (false, true) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (true, false) => "!~",
        }
    }

    /// Makes it ready to match.
    ///
    /// # Errors
    /// An expression that does not compile, in one line.
    pub fn compile(&self) -> Result<Compiled, String> {
        let regex = if self.regex {
            // The whole value must match: `^(?:…)$`, as Alertmanager has it.
            let anchored = format!("^(?:{})$", self.value);
            let built = RegexBuilder::new(&anchored).size_limit(MOST_REGEX).build();
            let why = |error: regex::Error| {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                format!("`{}` is no regular expression: {last}", self.value)
            };
            Some(built.map_err(why)?)
        } else {
            None
        };
        Ok(Compiled { matcher: self.clone(), regex })
    }

    /// Reads one matcher as `amtool` writes it: `name=value`, the value quoted or not.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no matcher: write name=value, name!=value, name=~expr or name!~expr");
        let at = text.find(['=', '!']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        let ops = [("=~", true, true), ("!~", true, false), ("!=", false, false), ("=", false, true)];
        let (op, regex, equal) = ops.into_iter().find(|(op, ..)| rest.starts_with(op)).ok_or_else(wrong)?;
        let (name, value) = (name.trim(), rest[op.len()..].trim());
        if name.is_empty() {
            return Err(wrong());
        }
        Ok(Self { name: SafeText::new(name), value: SafeText::new(&unquote(value)?), regex, equal })
    }

    /// Reads matchers with blanks or commas between them, quoted values whole.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn parse_all(line: &str) -> Result<Vec<Self>, String> {
        split(line)?.iter().map(|part| Self::parse(part)).collect()
    }
}

fn unquote(value: &str) -> Result<String, String> {
    let Some(inner) = value.strip_prefix('"') else {
        return if value.contains('"') {
            Err(format!("`{value}`: a quote inside needs quotes around"))
        } else {
            Ok(value.to_owned())
        };
    };
    let (mut out, mut chars) = (String::new(), inner.chars());
    loop {
        match chars.next() {
            None => return Err(format!("`{value}`: the closing quote is missing")),
            Some('"') if chars.as_str().is_empty() => return Ok(out),
            Some('"') => return Err(format!("`{value}`: something follows the closing quote")),
            Some('\\') => match chars.next() {
                Some('n') => out.push('\n'),
                Some(c @ ('"' | '\\')) => out.push(c),
                // An expression keeps its own backslashes: `\d` is one.
                Some(c) => out.extend(['\\', c]),
                None => return Err(format!("`{value}`: the closing quote is missing")),
            },
            Some(c) => out.push(c),
        }
    }
}

fn split(line: &str) -> Result<Vec<String>, String> {
    let (mut parts, mut part, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if !quoted && (c == ',' || c.is_whitespace()) => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    parts.retain(|part| !part.is_empty());
    if quoted { Err("a closing quote is missing".to_owned()) } else { Ok(parts) }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_str().replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "{}{}\"{value}\"", self.name, self.op())
    }
}

/// Several matchers as one line.
pub fn line_of(matchers: &[Matcher]) -> String {
    matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Whether something matches: a value that came in escaped or cut can't be compared for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// Some matcher certainly does not hold.
    No,
    /// No matcher certainly fails, and one can't be compared: counted as hit, and warned of.
    Unsure,
    /// Every matcher certainly holds.
    Yes,
}

/// A matcher ready to match.
#[derive(Clone, Debug)]
pub struct Compiled {
    matcher: Matcher,
    regex: Option<Regex>,
}

impl Compiled {
    /// Whether a label's value matches. A label that is not there has the empty value.
    pub fn matches(&self, value: &str) -> bool {
        let held = match &self.regex {
            Some(regex) => regex.is_match(value),
            None => self.matcher.value.as_str() == value,
        };
        held == self.matcher.equal
    }

    /// Whether it matches the empty value, that is: everything that lacks the label.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// [`Compiled::matches`] of a label as we hold it.
    pub fn judge(&self, value: Option<&SafeText>) -> Match {
        let value = value.map_or("", SafeText::as_str);
        // Escapes and cuts happened on our side of the wire; outside ASCII, classes like `\w` differ between engines.
        let altered = value.contains(['‹', '⏎', '…']) || value.len() >= MAYBE_CUT;
        if altered || (self.regex.is_some() && !value.is_ascii()) {
            return Match::Unsure;
        }
        if self.matches(value) { Match::Yes } else { Match::No }
    }
}

/// A silence as one Alertmanager instance holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Alertmanager's id of it, the same on every member of a cluster.
    pub id: String,
    /// `active`, `pending`, `expired`.
    pub state: Open,
    /// All must hold; at most 64 are kept, and then `more_sets` says so.
    pub matchers: Vec<Matcher>,
    /// It has sets of matchers (0.32 and later), of which only the first is in `matchers`.
    pub more_sets: bool,
    /// Who asked for it, by whatever they told Alertmanager; nobody checked that.
    pub created_by: SafeText,
    /// Why, in their words. One that this program made ends with its mark, `(warroom/REQUEST)`.
    pub comment: SafeText,
    /// From when on it is in force; `None` where left out or no year between 1970 and 9999.
    pub starts_at: Option<Stamp>,
    /// Until when; `None` where left out or no year between 1970 and 9999. Of one that was ended early, when that was.
    pub ends_at: Option<Stamp>,
}

/// What a person asks about silences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SilenceChange {
    /// A new silence for so long from now.
    Create {
        /// All must hold; at least one that does not match the empty value.
        matchers: Vec<Matcher>,
        /// For how long from when it is carried out, seconds: [`SHORTEST_S`] to [`LONGEST_S`].
        for_s: u64,
        /// Why nobody needs to hear of it; at most [`MOST_REASON`] bytes.
        reason: SafeText,
    },
    /// End one now.
    Expire {
        /// The whole id, as some Alertmanager holds it.
        id: String,
    },
}

impl SilenceChange {
    /// `silence` or `expire`.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create { .. } => "silence",
            Self::Expire { .. } => "expire",
        }
    }
}

/// An alert that a change would hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Which alert, by Alertmanager's hash of its labels: what is compared when the change is carried out.
    pub fingerprint: String,
    /// Its `alertname`, or what stands for it.
    pub name: SafeText,
    /// By the label of whoever wrote its rule; empty where it has none.
    pub severity: Open,
    /// What that word means here: a hit that is critical must be typed for.
    #[serde(default)]
    pub grade: AlertGrade,
    /// Cluster or namespace.
    pub place: SafeText,
    /// The service that the board counts it to, if any. One that is not of the incident is warned of.
    pub service: Option<String>,
    /// It is silenced or inhibited already (for an expiry: and stays so).
    pub quiet: bool,
    /// Its labels came in escaped or cut: whether it is hit can't be told.
    pub unsure: bool,
}

/// What a change would do, shown before it is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SilencePreview {
    /// What was asked, as it will be carried out.
    pub change: SilenceChange,
    /// The open incident that it will be recorded in; another one by then means another preview.
    pub incident: IncidentId,
    /// The one instance that will be asked; gossip tells the others.
    pub instance: SourceId,
    /// One sentence.
    pub title: SafeText,
    /// When a new silence would end, or the old one would have.
    pub ends_at: Option<Stamp>,
    /// Current alerts that it hits (for an expiry: that start notifying again), gravest first, at most [`MOST_HITS`].
    pub hits: Vec<Hit>,
    /// How many it hits, listed in `hits` or not.
    pub total: u32,
    /// How many of them are critical, listed or not.
    pub critical: u32,
    /// What a person must know before, in sentences; part of what the digest is of.
    pub warnings: Vec<SafeText>,
    /// What a person types to confirm.
    pub confirm: SafeText,
    /// It must be typed: the change hits something critical, foreign, or everything.
    pub grave: bool,
    /// Of room, incident, change, instance, warnings and the fingerprint of everything that it hits, listed or not: the
    /// request that does it names it. The times and words that go with them are not in it.
    pub digest: Digest,
}

/// The most hits that a preview lists.
pub const MOST_HITS: usize = 200;

/// How asking for a silence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceOutcome {
    /// Taken, and read back.
    Done,
    /// Provably not taken.
    Failed,
    /// Nothing certain can be said.
    Unknown,
}

/// A person asked for a silence, or for the end of one; durable before the first byte leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceBegun {
    /// Unique; a new silence carries it in its comment as `warroom/REQUEST`.
    pub request: String,
    /// What was asked.
    pub change: SilenceChange,
    /// The one instance that is asked; after a crash it is the first to be looked at.
    pub instance: SourceId,
    /// The digest of the preview that the person was shown.
    pub digest: Digest,
    /// How many alerts it hit when it was asked for.
    pub hits: u32,
    /// How many of them were critical.
    pub critical: u32,
    /// What it does, in words.
    pub says: SafeText,
}

/// How that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceEnded {
    /// [`SilenceBegun::request`] of what this is the end of.
    pub request: String,
    /// What is known of it.
    pub outcome: SilenceOutcome,
    /// The id that Alertmanager returned, or that was found by the marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<String>,
    /// What was answered, read back or looked for in vain, in words.
    pub says: SafeText,
}

/// The mark in a silence's comment by which it is found again.
pub fn marker(request: &str) -> String {
    format!("warroom/{request}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Compiled {
        Matcher::parse(text).expect("a matcher").compile().expect("it compiles")
    }

    #[test]
    fn expressions_match_the_whole_value() {
        let table = [
            ("a=~b", "b", true),
            ("a=~b", "bb", false),
            ("a=~b", "ab", false),
            ("a=~b|cc", "cc", true),
            ("a=~b|cc", "bcc", false),
            ("a=~b.*", "bcc", true),
            ("a!~b.*", "bcc", false),
            ("a!~b", "bb", true),
            ("a=b.*", "bcc", false),
            ("a=b.*", "b.*", true),
            ("a!=b", "c", true),
            ("a=~(?i)B", "b", true),
        ];
        for (text, value, held) in table {
            assert_eq!(one(text).matches(value), held, "{text} on {value}");
        }
    }

    #[test]
    fn a_label_that_is_not_there_is_empty() {
        let empty = ["a=", "a=\"\"", "a=~.*", "a=~b?", "a!=b", "a!~b.+", "a!~.+"];
        let full = ["a=b", "a!=", "a=~.+", "a!~.*", "a!~", "a=~b"];
        for text in empty {
            assert!(one(text).matches_empty() && one(text).judge(None) == Match::Yes, "{text}");
        }
        for text in full {
            assert!(!one(text).matches_empty() && one(text).judge(None) == Match::No, "{text}");
        }
    }

    #[test]
    fn what_came_in_altered_is_not_compared() {
        let raw = SafeText::new("a\u{1b}b");
        assert_eq!(one("x=a").judge(Some(&raw)), Match::Unsure);
        assert_eq!(one("x=~a.*").judge(Some(&SafeText::new("zoë"))), Match::Unsure, "`.` and `\\w` differ there");
        assert_eq!(one("x=zoë").judge(Some(&SafeText::new("zoë"))), Match::Yes);
        assert_eq!(one("x=a").judge(Some(&SafeText::new(&"a".repeat(4000)))), Match::Unsure);
    }

    #[test]
    fn matchers_are_read_as_amtool_writes_them() {
        let line =
            Matcher::parse_all(r#"alertname="Disk slow", cluster=~dr|primary  x!="a\"b\\" y!~"\d+""#).expect("four");
        let shown: Vec<String> = line.iter().map(ToString::to_string).collect();
        assert_eq!(shown, [r#"alertname="Disk slow""#, r#"cluster=~"dr|primary""#, r#"x!="a\"b\\""#, r#"y!~"\\d+""#]);
        for wrong in ["", "a", "=b", "!b", "a!b", "a=\"b", "a=\"b\"c", "a=b\"c", "a=~"] {
            let fine = wrong == "a=~";
            assert_eq!(Matcher::parse(wrong).is_ok(), fine, "{wrong}");
        }
        for wrong in ["a=~(", "a=~[z-a]", r"a=~\1", "a=~a{100000}{100000}"] {
            let why = Matcher::parse(wrong).expect("a matcher").compile().expect_err("no expression");
            assert!(why.contains("is no regular expression") && !why.contains('\n'), "{why}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(name in "[a-z_]{1,8}", value in "[ -~é]{0,20}", regex: bool, equal: bool) {
            let matcher = Matcher { name: SafeText::new(&name), value: SafeText::new(&value), regex, equal };
            prop_assert_eq!(&Matcher::parse(&matcher.to_string()).expect("read back"), &matcher);
            let two = format!("{matcher} {matcher}");
            prop_assert_eq!(Matcher::parse_all(&two).expect("two"), vec![matcher.clone(), matcher]);
        }

        #[test]
        fn the_negation_is_the_negation(value in "[a-c]{0,4}", given in "[a-c.*+]{0,4}") {
            for regex in [false, true] {
                let of = |equal| Matcher { name: "n".into(), value: SafeText::new(&given), regex, equal }.compile();
                if let (Ok(yes), Ok(no)) = (of(true), of(false)) {
                    prop_assert_ne!(yes.matches(&value), no.matches(&value));
                }
            }
        }

        #[test]
        fn an_expression_without_special_characters_is_equality(value in "[a-z0-9]{0,6}", given in "[a-z0-9]{0,6}") {
            let of = |regex| Matcher { name: "n".into(), value: SafeText::new(&given), regex, equal: true };
            prop_assert_eq!(
                of(true).compile().expect("compiles").matches(&value),
                of(false).compile().expect("compiles").matches(&value)
            );
        }

        #[test]
        fn nothing_that_is_typed_panics(line in "\\PC{0,60}") {
            for matcher in Matcher::parse_all(&line).unwrap_or_default() {
                let _ = matcher.compile().map(|it| it.matches(&line));
            }
        }
    }
}
