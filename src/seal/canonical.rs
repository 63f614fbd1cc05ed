//! Canonical JSON: the subset of RFC 8785 in which a plan has exactly one form, and which `jq -cS` reproduces.
//!
//! Keys ASCII and sorted bytewise, no white space, no floats, integers within ±(2^53−1), minimal escapes. Strings with
//! control characters, bidi controls, unassigned characters or another normal form than NFC are refused: what two people
//! read must be what was hashed.

use serde_json::Value;
use unicode_normalization::is_nfc;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::SealError;
use super::plan::MAX_PLAN;

/// How deep arrays and objects may nest, the outermost counted.
const MAX_DEPTH: usize = 8;

/// The largest integer that every JSON reader keeps exactly.
const MAX_INT: i64 = (1 << 53) - 1;

/// The canonical form of a value, at most 32 KiB.
pub fn canonical(value: &Value) -> Result<String, SealError> {
    let mut out = String::with_capacity(1024);
    write_value(&mut out, value, 1)?;
    Ok(out)
}

fn refuse<T>(why: impl Into<String>) -> Result<T, SealError> {
    Err(SealError::NotCanonical(why.into()))
}

fn write_value(out: &mut String, value: &Value, depth: usize) -> Result<(), SealError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => match number.as_i64() {
            Some(n) if (-MAX_INT..=MAX_INT).contains(&n) => out.push_str(&n.to_string()),
            _ => return refuse(format!("{number} is not an integer within ±(2^53-1); write it as a string")),
        },
        Value::String(text) => write_string(out, text)?,
        Value::Array(_) | Value::Object(_) if depth > MAX_DEPTH => {
            return refuse(format!("nested deeper than {MAX_DEPTH}"));
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_value(out, item, depth + 1)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| key.as_bytes());
            out.push('{');
            for (i, (key, item)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                if !key.is_ascii() {
                    return refuse(format!("the key {key:?} is not ASCII"));
                }
                write_string(out, key)?;
                out.push(':');
                write_value(out, item, depth + 1)?;
            }
            out.push('}');
        }
    }
    if out.len() > MAX_PLAN {
        return refuse(format!("longer than {MAX_PLAN} bytes"));
    }
    Ok(())
}

fn write_string(out: &mut String, text: &str) -> Result<(), SealError> {
    if text.len() > MAX_PLAN {
        return refuse(format!("longer than {MAX_PLAN} bytes"));
    }
    if let Some(c) = text.chars().find(|c| is_refused(*c)) {
        return refuse(format!("a text contains U+{:04X}, which a reader can't see", c as u32));
    }
    if !is_nfc(text) {
        return refuse(format!("the text {text:?} is not in Unicode normal form C"));
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    Ok(())
}

/// Cc, the bidi controls of Cf, and Cn.
fn is_refused(c: char) -> bool {
    if matches!(c, ' '..='~') {
        return false;
    }
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        || matches!(c.general_category(), GeneralCategory::Control | GeneralCategory::Unassigned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_nothing_is_between() {
        let value = json!({"b": [1, -2, true, null], "a": {"z": "q\"\\é日", "Z": ""}, "10": 0, "9": {}});
        let form = canonical(&value).expect("canonical");
        assert_eq!(form, r#"{"10":0,"9":{},"a":{"Z":"","z":"q\"\\é日"},"b":[1,-2,true,null]}"#);
        assert_eq!(canonical(&serde_json::from_str(&form).expect("json")).expect("again"), form);
    }

    #[test]
    fn what_has_no_single_form_is_refused() {
        let deep = |n: usize| (0..n).fold(json!(1), |inner, _| json!([inner]));
        assert!(canonical(&deep(8)).is_ok());
        assert!(canonical(&json!(MAX_INT)).is_ok() && canonical(&json!(-MAX_INT)).is_ok());
        for value in [
            json!(1.5),
            json!(1.0),
            json!(MAX_INT + 1),
            json!(-MAX_INT - 1),
            json!(u64::MAX),
            json!({"ключ": 1}),
            json!("line\nfeed"),
            json!("del\u{7f}"),
            json!("bidi\u{202e}"),
            json!("mark\u{200f}"),
            json!("cn\u{378}"),
            json!("e\u{301}"),
            json!({"a\u{1}": 1}),
            deep(9),
            json!("x".repeat(MAX_PLAN)),
            json!(["x".repeat(MAX_PLAN / 2), "y".repeat(MAX_PLAN / 2)]),
        ] {
            assert!(matches!(canonical(&value), Err(SealError::NotCanonical(_))), "{value}");
        }
    }
}
