//! Of what kind a request is: its word in the log, and whether it writes text.

use crate::protocol::Request;
use crate::protocol::request::LineKind;
/// Whether it writes text that a person chose: counted by its length.
pub(super) fn writes_text(request: &Request) -> bool {
    matches!(
        request,
        Request::Note { .. }
            | Request::Decision { .. }
            | Request::FollowUp { .. }
            | Request::Lines { .. }
            | Request::Amend { .. }
            | Request::Redact { .. }
            | Request::Open { .. }
            | Request::Set(_)
            | Request::Pin { .. }
            | Request::Mark { .. }
    )
}

/// The word for the log.
pub(super) fn verb(request: &Request) -> &'static str {
    match request {
        Request::Note { .. } => "note",
        Request::Decision { .. } => "decision",
        Request::FollowUp { .. } => "follow_up",
        Request::Pin { .. } => "pin",
        Request::Mark { .. } => "mark",
        Request::Amend { .. } => "amend",
        Request::Lines { kind: LineKind::Note, .. } => "note",
        Request::Lines { kind: LineKind::Decision, .. } => "decision",
        Request::Lines { kind: LineKind::FollowUp, .. } => "follow_up",
        Request::Redact { .. } => "redact",
        Request::ConfirmRedact { .. } => "confirm_redact",
        Request::RefuseRedact { .. } => "refuse_redact",
        Request::Open { .. } => "open",
        Request::Set(_) => "set",
        Request::Close => "close",
        Request::Propose { .. } => "propose",
        Request::Preview { .. } => "preview",
        Request::Approve { .. } => "approve",
        Request::Reject { .. } => "reject",
        Request::Withdraw { .. } => "withdraw",
        Request::Hold { .. } => "hold",
        Request::SilencePreview { .. } => "silence_preview",
        Request::Silence { .. } => "silence",
        Request::Board { .. } => "board",
        Request::Past { .. } => "past",
        Request::History { .. } => "history",
        Request::Status => "status",
    }
}
