//! Answers of the room: what was asked is done, or the reason why not is shown where it was asked.

use crate::console::app::{Console, Pending};
use crate::console::effect::Effect;
use crate::console::input::AskFailure;
use crate::console::overlay::{Overlay, PlanView, Subject};
use crate::console::plan_verification;
use crate::console::theme::Role;
use crate::model::{Plan, SafeText};
use crate::protocol::Reply;

use super::requests::{refused, sentence};

/// Takes in the answer to the request with this tag.
pub(super) fn take(app: &mut Console, tag: u64, result: Result<Reply, AskFailure>) -> Vec<Effect> {
    let Some(waiting) = app.waiting.remove(&tag) else { return Vec::new() };
    if let Pending::Past { topic, at, page } = waiting {
        return super::time_travel::answer(app, (topic, at, page), result);
    }
    if let Pending::Story { at } = waiting {
        return super::time_travel::told(app, at, result);
    }
    if let Pending::Earlier { before } = waiting {
        super::older_entries::answer(app, before, result);
        return Vec::new();
    }
    match result {
        Ok(reply) => granted(app, tag, waiting, reply),
        Err(failure) => failed(app, tag, failure),
    }
    Vec::new()
}

fn granted(app: &mut Console, tag: u64, waiting: Pending, reply: Reply) {
    match (waiting, reply) {
        (Pending::Preview { to }, Reply::Plan { plan, digest, .. }) => match plan_verification::read(&plan, digest) {
            Ok(plan) => {
                // "Building the plan …" has come true.
                app.notice = None;
                let view = PlanView::new(Subject::Draft { plan: Box::new(plan), digest, to }, app.now.real);
                app.overlays.push(Overlay::Plan(Box::new(view)));
            }
            Err(why) => app.say(Role::Critical, why),
        },
        (Pending::Propose, Reply::Plan { plan, digest, .. }) => match plan_verification::read(&plan, digest) {
            Ok(plan) => {
                let id = plan.plan.clone();
                let mut same = true;
                if let Some(view) = asked_by(app, tag) {
                    same = view.plan_read().is_none_or(|read| says_the_same(read, &plan));
                    *view = PlanView::new(Subject::Known(id), view.opened);
                }
                match same {
                    true => app.say(
                        Role::Text,
                        format!("Proposed. A second person must confirm; read them the code {}.", digest.spoken()),
                    ),
                    false => app.say(
                        Role::Critical,
                        "Proposed, but it is not quite what you read: something changed meanwhile. Read it again, or withdraw it.",
                    ),
                }
            }
            Err(why) => app.say(Role::Critical, why),
        },
        (Pending::SilencePreview, Reply::Silence(preview)) => super::silence::shown(app, tag, *preview),
        (Pending::Silence, Reply::Silenced { outcome, says, .. }) => super::silence::over(app, tag, outcome, &says),
        (Pending::SilencePreview | Pending::Silence, _) => {
            app.say(Role::Critical, "The room answered something about no silence. Upgrade this console.");
        }
        (Pending::Past { .. } | Pending::Earlier { .. } | Pending::Story { .. }, _) => {}
        (Pending::Write(_), _) => {
            app.overlays.retain(|overlay| !matches!(overlay, Overlay::Write(write) if write.sent == Some(tag)));
            app.say(Role::Text, "Recorded.");
        }
        (Pending::Approve, _) => {
            if let Some(view) = asked_by(app, tag) {
                view.sent = None;
                view.line.reset();
            }
            app.say(Role::Text, "Confirmed.");
        }
        (Pending::Withdraw, _) => app.say(Role::Text, "Withdrawn."),
        (Pending::Hold, _) => app.say(Role::Text, "It will stop before its next step."),
        (Pending::Close, _) => app.say(Role::Text, "Closed. `warroom export` writes what the postmortem needs."),
        (Pending::Set | Pending::Pin | Pending::Mark, _) => app.say(Role::Text, "Recorded."),
        (Pending::Preview { .. } | Pending::Propose, _) => {
            app.say(Role::Critical, "The room answered something else than a plan. Upgrade this console.");
        }
    }
}

/// Whether two builds of a plan tell their reader the same. Warnings may hold ages: only their number counts.
fn says_the_same(read: &Plan, now: &Plan) -> bool {
    let effects = |plan: &Plan| plan.steps.iter().map(|step| step.effect.clone()).collect::<Vec<_>>();
    read.title == now.title
        && read.shown == now.shown
        && read.warnings.len() == now.warnings.len()
        && effects(read) == effects(now)
}

fn failed(app: &mut Console, tag: u64, failure: AskFailure) {
    let words = match &failure {
        AskFailure::Refused(refusal) => refused(refusal),
        AskFailure::Gone(why) => SafeText::from(format!(
            "{} It may have been recorded: look at the timeline before you try again.",
            sentence(why)
        )),
    };
    if let Some(view) = asked_by(app, tag) {
        view.sent = None;
        view.problem = Some(words);
        return;
    }
    if let Some(form) = super::silence::asked_by(app, tag) {
        (form.sent, form.problem) = (None, Some(words));
        return;
    }
    let write = app.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Write(write) if write.sent == Some(tag) => Some(write),
        _ => None,
    });
    match write {
        Some(write) => {
            write.sent = None;
            write.problem = Some(words);
        }
        None => app.say(Role::Critical, words),
    }
}

/// The plan view that asked.
fn asked_by(app: &mut Console, tag: u64) -> Option<&mut PlanView> {
    app.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Plan(view) if view.sent == Some(tag) => Some(view.as_mut()),
        _ => None,
    })
}
