//! What a request may carry at all, before anyone asks who sent it. The socket bounds a line; this bounds what may enter the
//! log or be computed with, so that nobody's message can make an entry that can't be written, or a time that can't be.

use chrono::TimeDelta;

use crate::model::silence::SilenceChange;
use crate::model::time::{clock, dated};
use crate::model::{Milestone, Refusal, RefusalKind, Stamp};
use crate::protocol::Request;

/// Identities are short: ids of plans and persons.
const MOST_ID: usize = 64;
/// Names of services and what a person types to confirm: host names at the longest.
const MOST_NAME: usize = 255;
/// Lines of one request.
const MOST_LINES: usize = 200;
/// A happening is put into the timeline at most this far back.
const MOST_DAYS: i64 = 3_660;

/// Judges the shape of a request.
///
/// # Errors
/// A refusal that names what is wrong. It is not recorded: what it is about is not fit for a record.
pub(super) fn plausible(request: &Request, now: Stamp) -> Result<(), Refusal> {
    match request {
        Request::Approve { plan, confirm, .. } => id("a plan", plan.as_str()).and_then(|()| name(confirm)),
        Request::Reject { plan, .. } | Request::Withdraw { plan } | Request::Hold { plan } => {
            id("a plan", plan.as_str())
        }
        Request::Propose { service, to, confirm, supersedes, .. } => {
            to.as_deref().map_or(Ok(()), name)?;
            name(service).and_then(|()| name(confirm))?;
            supersedes.as_ref().map_or(Ok(()), |plan| id("a plan", plan.as_str()))
        }
        Request::Preview { service, to, .. } => to.as_deref().map_or(Ok(()), name).and_then(|()| name(service)),
        Request::FollowUp { owner, .. } => owner.as_ref().map_or(Ok(()), |owner| id("a person", owner.as_str())),
        Request::Set(set) => {
            set.commander.as_ref().map_or(Ok(()), |person| id("a person", person.as_str()))?;
            happened(set.impact_at, now).and_then(|()| happened(set.recovered_at, now))
        }
        Request::Note { at, mark, .. } | Request::Decision { at, mark, .. } => {
            happened(*at, now).and_then(|()| mark.as_ref().map_or(Ok(()), milestone))
        }
        Request::Mark { milestone: mark, .. } => milestone(mark),
        Request::Amend { at, .. } => happened(*at, now),
        Request::Lines { lines, at, owner, .. } => {
            owner.as_ref().map_or(Ok(()), |owner| id("a person", owner.as_str()))?;
            happened(*at, now)?;
            if (1..=MOST_LINES).contains(&lines.len()) {
                Ok(())
            } else {
                bad(&format!("{} lines at once; from 1 to {MOST_LINES} are taken", lines.len()))
            }
        }
        Request::Redact { .. } | Request::ConfirmRedact { .. } | Request::RefuseRedact { .. } => Ok(()),
        Request::SilencePreview { change: SilenceChange::Expire { id: silence } } => id("a silence", silence),
        // What a new silence may be is judged where it is built, with words for each limit.
        Request::SilencePreview { change: SilenceChange::Create { .. } } => Ok(()),
        Request::Silence { confirm, .. } => name(confirm),
        Request::Pin { .. } | Request::Open { .. } | Request::Close | Request::Board { .. } | Request::Status => Ok(()),
        // Judged where it is answered: it never comes here.
        Request::Past { .. } => Ok(()),
        Request::History { incident, .. } => id("an incident", incident.as_str()),
    }
}

fn id(of: &str, text: &str) -> Result<(), Refusal> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !text.is_empty() && text.len() <= MOST_ID && text.bytes().all(plain) {
        return Ok(());
    }
    bad(&format!("this can't be the id of {of}: ids are up to {MOST_ID} letters, digits, `.`, `_` and `-`"))
}

/// A milestone is one of those that the short story is told by.
fn milestone(mark: &Milestone) -> Result<(), Refusal> {
    match mark {
        Milestone::Unknown(_) => {
            let known = Milestone::ALL.map(|it| it.name().to_owned()).join(", ");
            bad(&format!("this is no milestone; they are {known}"))
        }
        _ => Ok(()),
    }
}

fn name(text: &str) -> Result<(), Refusal> {
    if text.len() <= MOST_NAME { Ok(()) } else { bad(&format!("a name may have {MOST_NAME} bytes")) }
}

/// What is said to have happened is not to come. Whole seconds: that is what people read and write.
fn happened(at: Option<Stamp>, now: Stamp) -> Result<(), Refusal> {
    let Some(at) = at else { return Ok(()) };
    if (at - now).abs() > TimeDelta::days(MOST_DAYS) {
        return bad("this time is more than ten years from now");
    }
    if at.timestamp() <= now.timestamp() {
        return Ok(());
    }
    Err(to_come(at, now))
}

/// What is looked at is not to come. A console's clock may be a little ahead of the room's.
///
/// # Errors
/// A refusal that names both times.
pub(super) fn not_to_come(at: Stamp, now: Stamp) -> Result<(), Refusal> {
    if at - now <= TimeDelta::minutes(1) { Ok(()) } else { Err(to_come(at, now)) }
}

fn to_come(at: Stamp, now: Stamp) -> Refusal {
    Refusal::new(
        RefusalKind::BadRequest,
        format!("{} is in the future: the room's clock shows {}", dated(at, now), clock(now)),
        "say when it happened, or leave the time out if that is now",
    )
}

fn bad(why: &str) -> Result<(), Refusal> {
    Err(Refusal::new(RefusalKind::BadRequest, why, "look at what was sent and send it again"))
}
