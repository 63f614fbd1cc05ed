//! Canonical plan bytes and their digest, as far as `approval` and `actions` need them.
//!
//! Placeholder for the room `seal`: same names and signatures, to be replaced whole when that room lands.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::{Digest, Plan};

/// Why a value can't be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SealError(pub String);

/// The most bytes of a canonical plan.
const MAX_PLAN: usize = 32 * 1024;

/// Canonical JSON (RFC 8785 subset): sorted keys, no white space, integers only.
pub fn canonical(value: &Value) -> Result<String, SealError> {
    let mut out = String::new();
    write(value, &mut out, 0)?;
    Ok(out)
}

/// A plan's canonical bytes and digest.
pub fn plan_bytes(plan: &Plan) -> Result<(String, Digest), SealError> {
    let value = serde_json::to_value(plan).map_err(|e| SealError(e.to_string()))?;
    let text = canonical(&value)?;
    if text.len() > MAX_PLAN {
        return Err(SealError(format!("the plan has {} bytes, {MAX_PLAN} are allowed", text.len())));
    }
    let digest = digest(&text);
    Ok((text, digest))
}

/// Reads canonical plan bytes back; anything not canonical is refused.
pub fn parse_plan(text: &str) -> Result<(Plan, Digest), SealError> {
    let plan: Plan = serde_json::from_str(text).map_err(|e| SealError(e.to_string()))?;
    let (again, digest) = plan_bytes(&plan)?;
    if again != text {
        return Err(SealError("the plan's bytes are not canonical".to_owned()));
    }
    Ok((plan, digest))
}

fn digest(text: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"warroom/plan/v1\n");
    hash.update(text.as_bytes());
    Digest(hash.finalize().into())
}

fn write(value: &Value, out: &mut String, depth: usize) -> Result<(), SealError> {
    if depth > 8 {
        return Err(SealError("deeper than 8 levels".to_owned()));
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => match n.as_i64() {
            Some(i) if i.abs() < (1 << 53) => out.push_str(&i.to_string()),
            _ => return Err(SealError(format!("{n} is no safe integer"))),
        },
        Value::String(s) => text(s, out)?,
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out, depth + 1)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                if !key.is_ascii() {
                    return Err(SealError(format!("the key {key} is not ASCII")));
                }
                text(key, out)?;
                out.push(':');
                write(&map[key], out, depth + 1)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn text(s: &str, out: &mut String) -> Result<(), SealError> {
    use unicode_normalization::is_nfc;
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
    let bidi =
        |c: char| matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let bad = s
        .chars()
        .find(|&c| matches!(c.general_category(), GeneralCategory::Control | GeneralCategory::Unassigned) || bidi(c));
    if let Some(c) = bad {
        return Err(SealError(format!("U+{:04X} may not be in a plan", c as u32)));
    }
    if !is_nfc(s) {
        return Err(SealError("text is not in normal form C".to_owned()));
    }
    out.push_str(&serde_json::to_string(s).map_err(|e| SealError(e.to_string()))?);
    Ok(())
}
