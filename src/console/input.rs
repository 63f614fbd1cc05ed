//! Everything that enters the console's loop, in one ordered stream: any run can be told as a list of these.

use std::time::Duration;

use crate::client::ClientEvent;
use crate::model::{Refusal, SafeText, Stamp};
use crate::protocol::Reply;

use super::keymap::KeyPress;

/// One input.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key of the terminal; what is pasted is no key.
    Key(KeyPress),
    /// Pasted text: text, never keys.
    Paste(String),
    /// The terminal's new columns and rows.
    Resize(u16, u16),
    /// The program was stopped and goes on; the terminal may have changed hands meanwhile, and has this size now.
    Continued(u16, u16),
    /// Somebody outside wants the program to stop, as Ctrl-Z does.
    Stop,
    /// The person came to this window, or went to another.
    Focus(bool),
    /// Only while the mouse is taken.
    Mouse(Mouse),
    /// The terminal said what its background is; `None` = it has answered everything, and that it did not.
    Background(Option<[u8; 3]>),
    /// Time went on.
    Tick,
    /// The room said something, or the link changed.
    Room(Box<ClientEvent>),
    /// The answer to [`super::Effect::Ask`] with the same tag.
    Reply {
        /// An answer whose tag is not in `Console::waiting` is dropped.
        tag: u64,
        /// What the room said, or why it said nothing.
        result: Result<Reply, AskFailure>,
    },
}

/// What the mouse did, and where: column and row, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// The left button went down.
    Click {
        /// Column, from 0 at the left.
        x: u16,
        /// Row, from 0 at the top.
        y: u16,
    },
    /// The wheel, away from the hand.
    Up {
        /// Column, from 0 at the left.
        x: u16,
        /// Row, from 0 at the top.
        y: u16,
    },
    /// The wheel, toward the hand.
    Down {
        /// Column, from 0 at the left.
        x: u16,
        /// Row, from 0 at the top.
        y: u16,
    },
}

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AskFailure {
    /// The room said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The room did not answer: what happened, in words.
    #[error("{0}")]
    Gone(SafeText),
}

/// Two readings of time. Ages and clocks follow the room's; what a hand and an eye need follows the real one, which a
/// drill does not speed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The room's clock, as the console follows it: a drill's goes faster or slower than real time.
    pub room: Stamp,
    /// Since the console started.
    pub real: Duration,
}
