//! How a command fails: one clear message — what failed, what it means, what to do — and the exit code of its family.

use std::path::PathBuf;

use super::exit_code::Exit;
use crate::model::{Refusal, RefusalKind};

/// A failure of a command.
#[derive(Debug)]
pub enum CliError {
    /// Wrong use of the command line.
    Usage(String),
    /// One or more configuration errors, each on its line.
    Config(String),
    /// Nobody listens on the socket.
    NoRoom {
        /// Where it was looked for: `--socket`, else the host's or the user's own.
        socket: PathBuf,
        /// Why the link failed, as the system or the client says.
        why: String,
    },
    /// The room said no.
    Refused(Refusal),
    /// The link broke under way.
    Gone(String),
    /// Something did not happen in time.
    Timeout(String),
    /// A log or an entry does not verify.
    Integrity(String),
    /// A plan ended otherwise than hoped for, or the world differs from it.
    Conflict(String),
    /// Anything else: a file, a socket.
    Other(String),
}

impl CliError {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::NoRoom { .. } => Exit::Usage,
            // Another history in place of the one that was known.
            Self::Refused(refusal) if refusal.kind == RefusalKind::OtherLog => Exit::Integrity,
            Self::Refused(_) => Exit::Refused,
            Self::Timeout(_) => Exit::Timeout,
            Self::Integrity(_) => Exit::Integrity,
            Self::Conflict(_) => Exit::Conflict,
            Self::Gone(_) | Self::Other(_) => Exit::Failure,
        }
    }

    /// The message for stderr, without a trailing line feed.
    pub fn message(&self) -> String {
        without_numbers(&self.words())
    }

    fn words(&self) -> String {
        match self {
            Self::Usage(why) | Self::Config(why) | Self::Other(why) => why.clone(),
            Self::NoRoom { socket, why } => format!(
                "no room can be reached at {}: {why}\n\
                 start one with `warroom serve`, try it with `warroom drill`, or name another socket: --socket PATH",
                socket.display()
            ),
            Self::Refused(refusal) => {
                let remedy = if refusal.remedy.is_empty() { String::new() } else { format!("\n{}", refusal.remedy) };
                format!("refused: {}{remedy}", refusal.why)
            }
            Self::Gone(why) => format!(
                "the link to the room broke: {why}\nwhether the request took effect is in the timeline: `warroom timeline show`"
            ),
            Self::Timeout(why) => format!("timed out: {why}"),
            Self::Integrity(why) => format!("NOT INTACT: {why}"),
            Self::Conflict(why) => why.clone(),
        }
    }

    /// Whatever failed, for `-o json`.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Refused(refusal) => serde_json::json!({
                "schema": "warroom/refusal/v1", "refused": refusal.kind, "why": refusal.why, "remedy": refusal.remedy,
            }),
            other => serde_json::json!({
                "schema": "warroom/error/v1", "error": other.message(), "exit": other.exit().code(),
            }),
        }
    }
}

/// Leaves out the system's error numbers, which tell a reader nothing that the words before them don't.
fn without_numbers(text: &str) -> String {
    let mut pieces = text.split(" (os error ");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str(piece.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(')'));
    }
    out
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_words_and_no_error_numbers() {
        let denied = std::io::Error::from_raw_os_error(13);
        let fail = CliError::Other(format!("can't write a: {denied}; can't write b: {denied}, sorry"));
        assert_eq!(fail.message(), "can't write a: Permission denied; can't write b: Permission denied, sorry");
        assert_eq!(CliError::Usage("as it is (os)".to_owned()).message(), "as it is (os)");
    }
}
