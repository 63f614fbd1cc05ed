//! Framing: one JSON object per line, each line bounded in bytes and depth.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::codec::LinesCodec;

use crate::model::text::MAX_LONG_BYTES;
use crate::model::{SafeText, clean};

/// Longest line a client may send, bytes.
pub const CLIENT_LINE: usize = 64 * 1024;
/// Longest line the room sends, bytes.
pub const ROOM_LINE: usize = 1024 * 1024;
/// Longest hello, bytes.
pub const HELLO_LINE: usize = 4 * 1024;
/// Deepest nesting a client may send. Rows and plans of the room go deeper.
pub const CLIENT_DEPTH: usize = 16;
/// Deepest nesting a client takes from a room.
pub const ROOM_DEPTH: usize = 64;

/// A line reader that refuses longer lines instead of growing.
pub fn lines(longest: usize) -> LinesCodec {
    LinesCodec::new_with_max_length(longest)
}

/// Reads one message; no string in it can move, hide or colour anything. The error is one line, fit for a log.
pub fn decode<T: DeserializeOwned>(line: &str, deepest: usize) -> Result<T, String> {
    if depth(line) > deepest {
        return Err(format!("message is nested deeper than {deepest}"));
    }
    clean::from_str(line).map_err(|error| format!("message does not parse: {error}"))
}

/// Writes one message and its line feed in one write.
pub async fn send<T: Serialize>(out: &mut (impl AsyncWrite + Unpin), message: &T) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message).map_err(std::io::Error::other)?;
    line.push(b'\n');
    out.write_all(&line).await
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

/// How deep the objects and arrays of a line nest, without parsing it.
fn depth(line: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in line.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ClientLine, Hello};

    #[test]
    fn depth_ignores_braces_in_strings() {
        assert_eq!(depth(r#"{"a":"[[[\"[","b":[{}]}"#), 3);
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

    #[test]
    fn a_deep_or_unknown_message_is_refused_in_one_line() {
        let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
        assert!(decode::<serde_json::Value>(&deep, CLIENT_DEPTH).is_err());
        let unknown = r#"{"id":1,"req":{"close":null},"uid":0}"#;
        assert!(decode::<ClientLine>(unknown, CLIENT_DEPTH).is_err());
        let claim = r#"{"proto":[1],"client":"x","person":"alice"}"#;
        assert!(decode::<Hello>(claim, CLIENT_DEPTH).is_err());
    }
}
