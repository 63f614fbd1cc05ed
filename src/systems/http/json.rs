//! JSON of others: bounded in depth, and one line of what is wrong with it.

use serde::de::DeserializeOwned;

use super::first_sentence;
use crate::model::SafeText;

const MAX_DEPTH: usize = 64;

/// Reads JSON of at most 64 levels; the error is one line.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SafeText> {
    if too_deep(body) {
        return Err(SafeText::new("JSON nested deeper than 64 levels"));
    }
    serde_json::from_slice(body).map_err(|err| {
        let kind = if body.is_empty() {
            "an empty body".to_owned()
        } else if err.is_data() {
            err.to_string()
        } else {
            format!("not JSON ({})", first_sentence(body, 80))
        };
        SafeText::new(&kind)
    })
}

fn too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}
