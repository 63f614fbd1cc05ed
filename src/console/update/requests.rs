//! What is asked of the room, and what it says when it refuses.

use crate::console::app::{Console, MAX_WAITING, Pending};
use crate::console::effect::Effect;
use crate::console::theme::Role;
use crate::model::{Refusal, SafeText};
use crate::protocol::Request;

/// Asks the room, unless too much is outstanding already.
pub(super) fn ask(app: &mut Console, what: Pending, request: Request) -> Option<Effect> {
    if app.waiting.len() >= MAX_WAITING {
        app.say(Role::Warning, "The room has not answered yet; nothing more was sent. Try again in a moment.");
        return None;
    }
    let tag = app.next_tag;
    app.next_tag += 1;
    app.waiting.insert(tag, what);
    Some(Effect::Ask { tag, request })
}

/// The tag of a request that was just asked.
pub(super) fn tag_of(effect: Option<&Effect>) -> Option<u64> {
    match effect {
        Some(Effect::Ask { tag, .. }) => Some(*tag),
        _ => None,
    }
}

/// Why the room said no, and what would allow it.
pub(super) fn refused(refusal: &Refusal) -> SafeText {
    if refusal.remedy.is_empty() {
        return refusal.why.clone();
    }
    SafeText::from(format!("{} {}", sentence(&refusal.why), refusal.remedy))
}

/// With a full stop.
pub(super) fn sentence(text: &SafeText) -> String {
    let text = text.as_str().trim_end();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
