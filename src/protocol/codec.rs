//! Framing: one JSON object per line, each line bounded in bytes and depth.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::codec::LinesCodec;

use crate::model::clean;

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

/// One message and its line feed.
///
/// # Errors
/// If the message can't be written as JSON.
pub fn line<T: Serialize>(message: &T) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message).map_err(std::io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

/// Writes one message and its line feed in one write.
pub async fn send<T: Serialize>(out: &mut (impl AsyncWrite + Unpin), message: &T) -> std::io::Result<()> {
    out.write_all(&line(message)?).await
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
    use crate::protocol::{ClientLine, Hello, Push, RoomLine};

    #[test]
    fn depth_ignores_braces_in_strings() {
        assert_eq!(depth(r#"{"a":"[[[\"[","b":[{}]}"#), 3);
    }

    #[test]
    fn a_part_of_what_a_room_made_of_its_log_arrives_whole() {
        let part = "→".repeat(10_000);
        let heads = Push::Heads { seq: 1, head: crate::model::Digest([7; 32]), part, more: true };
        let line = serde_json::to_string(&RoomLine::Push(heads.clone())).unwrap();
        assert_eq!(decode::<RoomLine>(&line, ROOM_DEPTH), Ok(RoomLine::Push(heads)));
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
