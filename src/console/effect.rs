//! What an update wants done. Effects run outside; what comes of them comes back as inputs.

use super::saved_layout::Layout;
use crate::model::SafeText;
use crate::protocol::Request;

/// One effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the room; the answer comes back as `Input::Reply` with this tag.
    Ask {
        /// A key of `Console::waiting`.
        tag: u64,
        /// Sent once: whoever has no answer looks before asking again.
        request: Request,
    },
    /// Put text on the clipboard of the person's own terminal.
    Copy(SafeText),
    /// Remember how the panes stand.
    Remember(Box<Layout>),
    /// Hand the terminal to the shell until we are continued.
    Suspend,
    /// Take the mouse, or give it back.
    Mouse(bool),
    /// Leave; the loop ends after this input.
    Quit,
    /// Leave as an interrupt does: whoever started the program is told so.
    Interrupt,
    /// Paint every cell again.
    Redraw,
}
