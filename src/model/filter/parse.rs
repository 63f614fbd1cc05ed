//! Reading a filter: terms, quotes, fields, comparisons; and what was probably meant where it can't be read.

use super::{Field, FilterError, FilterTerm, MOST_CHARS, MOST_TERMS, SEVERITIES, TermTest, rank};
use crate::model::suggest::nearest;

type Parsed<T> = Result<T, FilterError>;

fn error<T>(at: usize, what: impl Into<String>, hint: impl Into<String>) -> Parsed<T> {
    Err(FilterError { at, what: what.into(), hint: hint.into() })
}

/// A character of a filter: where it stands, and whether quotes took its meaning away.
#[derive(Clone, Copy)]
pub(super) struct Letter {
    pub at: usize,
    pub c: char,
    pub quoted: bool,
}

/// A term's letters, without its quotes.
pub(super) struct Token {
    /// Where it begins.
    pub at: usize,
    /// Where its first quote is that nothing closes.
    pub open: Option<usize>,
    pub letters: Vec<Letter>,
}

/// Splits at spaces outside quotes.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut within = false;
    let mut open = None;
    for (at, c) in text.chars().enumerate() {
        if c.is_whitespace() && open.is_none() {
            within = false;
            continue;
        }
        if !within {
            within = true;
            out.push(Token { at, open: None, letters: Vec::new() });
        }
        let Some(token) = out.last_mut() else { continue };
        match (c, open) {
            ('"', None) => open = Some(at),
            ('"', Some(_)) => open = None,
            _ => token.letters.push(Letter { at, c, quoted: open.is_some() }),
        }
        token.open = open;
    }
    out
}

pub(super) fn parse(text: &str) -> Parsed<Vec<FilterTerm>> {
    if text.chars().count() > MOST_CHARS {
        return error(MOST_CHARS, format!("a filter has at most {MOST_CHARS} characters"), "shorten it");
    }
    let tokens = tokens(text);
    if let Some(token) = tokens.get(MOST_TERMS) {
        return error(token.at, format!("a filter has at most {MOST_TERMS} terms"), "join values: ns:a,b,c");
    }
    tokens.iter().map(term).collect()
}

fn term(token: &Token) -> Parsed<FilterTerm> {
    if let Some(open) = token.open {
        return error(open, "the quote is not closed", "add \" at its end");
    }
    let (not, letters) = match token.letters.split_first() {
        Some((first, rest)) if first.c == '!' && !first.quoted => (true, rest),
        _ => (false, token.letters.as_slice()),
    };
    if letters.is_empty() {
        let (what, hint) = match not {
            true => ("! has nothing after it", "say what must not be there: !normal"),
            false => ("the quotes are empty", "write a phrase between them"),
        };
        return error(token.at, what, hint);
    }
    let test = match letters {
        [first, rest @ ..] if !first.quoted && matches!(first.c, '>' | '<') => {
            compare_age(Field::Age, first.c, rest, first.at)?
        }
        _ => match named(letters) {
            Some(at) => field(&letters[..at], letters[at].at, &letters[at + 1..])?,
            None => TermTest::Words(string(letters).to_lowercase()),
        },
    };
    Ok(FilterTerm { not, test })
}

/// Where the colon of `field:` is: after letters alone. `14:41` and quoted colons are words.
pub(super) fn named(letters: &[Letter]) -> Option<usize> {
    let at = letters.iter().position(|it| it.quoted || !it.c.is_ascii_alphabetic())?;
    (at > 0 && letters[at].c == ':' && !letters[at].quoted).then_some(at)
}

pub(super) fn string(letters: &[Letter]) -> String {
    letters.iter().map(|letter| letter.c).collect()
}

fn field(name: &[Letter], colon: usize, rest: &[Letter]) -> Parsed<TermTest> {
    let start = name.first().map_or(colon, |letter| letter.at);
    let name = string(name);
    let Some(field) = Field::by_name(&name) else {
        let lower = name.to_lowercase();
        let names = || Field::ALL.iter().map(|field| field.name());
        let hint = match names().find(|known| known.starts_with(&lower)).or_else(|| nearest(&lower, names())) {
            Some(meant) => format!("did you mean {meant}:?"),
            None => format!("fields: {}; or put words with a colon in quotes", names().collect::<Vec<_>>().join(", ")),
        };
        return error(start, format!("there is no field {name}"), hint);
    };
    let after = colon + 1;
    if rest.is_empty() {
        let example = match field {
            Field::Severity => "severity:>=warning".to_owned(),
            _ if field.is_age() => format!("{}:>5m", field.name()),
            _ => format!("Tab shows those that are here; {}:a,b is any of them", field.name()),
        };
        return error(after, format!("{}: has no value yet", field.name()), example);
    }
    if field.is_age() {
        return match rest {
            [op, value @ ..] if !op.quoted && matches!(op.c, '>' | '<') => compare_age(field, op.c, value, after),
            _ => error(
                after,
                format!("{} is a length of time", field.name()),
                format!("compare it: {}:>5m or {}:<1h", field.name(), field.name()),
            ),
        };
    }
    if field == Field::Severity {
        return severity(rest, after);
    }
    let compares = rest.first().is_some_and(|it| !it.quoted && matches!(it.c, '>' | '<'));
    if compares {
        return error(
            after,
            format!("{} can't be compared", field.name()),
            "only severity, age and seen have more and less; put it in quotes if it is a name",
        );
    }
    Ok(TermTest::Value(field, values(rest, after)?))
}

/// The parts between commas outside quotes, lower case.
fn values(letters: &[Letter], after: usize) -> Parsed<Vec<String>> {
    let parts = letters.split(|letter| letter.c == ',' && !letter.quoted);
    let values: Vec<String> = parts.map(|part| string(part).to_lowercase()).collect();
    if values.iter().any(String::is_empty) {
        return error(after, "a value is missing beside the comma", "write a,b without spaces, or one value");
    }
    Ok(values)
}

fn severity(letters: &[Letter], at: usize) -> Parsed<TermTest> {
    let text = string(letters).to_lowercase();
    let (op, rest) = ["<=", ">=", "<", ">"]
        .into_iter()
        .find_map(|op| text.strip_prefix(op).map(|rest| (op, rest)))
        .unwrap_or(("", text.as_str()));
    let mut allowed = [false; SEVERITIES.len()];
    let words: Vec<&str> = if op.is_empty() { rest.split(',').collect() } else { vec![rest] };
    for word in words {
        let Some(place) = rank(word) else {
            let what = if word.is_empty() {
                format!("severity:{op} has no value yet")
            } else {
                format!("{word} is no severity")
            };
            let begins = || SEVERITIES.into_iter().find(|known| !word.is_empty() && known.starts_with(word));
            let hint = match begins().or_else(|| nearest(word, SEVERITIES)) {
                Some(meant) => format!("did you mean severity:{op}{meant}?"),
                None => format!("one of {}", SEVERITIES.join(", ")),
            };
            return error(at, what, hint);
        };
        for (i, allowed) in allowed.iter_mut().enumerate() {
            *allowed |= match op {
                ">=" => i >= place,
                ">" => i > place,
                "<=" => i <= place,
                "<" => i < place,
                _ => i == place,
            };
        }
    }
    Ok(TermTest::Severity(allowed))
}

fn compare_age(field: Field, op: char, letters: &[Letter], at: usize) -> Parsed<TermTest> {
    let text = string(letters);
    let prefix = if field == Field::Age { String::new() } else { format!("{}:", field.name()) };
    let seconds = seconds(&text).ok_or_else(|| FilterError {
        at,
        what: match text.is_empty() {
            true => format!("{op} has no length of time yet"),
            false => format!("{text} is no length of time"),
        },
        hint: format!("write a number with s, m, h or d: {prefix}{op}5m, {prefix}{op}1h30m"),
    })?;
    Ok(if op == '>' { TermTest::Older(field, seconds) } else { TermTest::Younger(field, seconds) })
}

/// `90s`, `5m`, `1h30m`, `2d`: whole numbers, each with its unit.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut sum = 0i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
        let amount: i64 = rest[..digits].parse().ok()?;
        let mut chars = rest[digits..].chars();
        let unit = match chars.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        sum = sum.checked_add(amount.checked_mul(unit)?)?;
        rest = chars.as_str();
    }
    (!text.is_empty()).then_some(sum)
}
