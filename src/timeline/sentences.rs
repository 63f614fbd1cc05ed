//! What an entry says, as one sentence: the same words in the console, on the command line and in the export.

use serde::Deserialize;

use crate::approval::Plans;
use crate::model::entry::{FollowUp, Proposed, Set, SilenceEnded, SilenceOutcome, StepEnded};
use crate::model::time::{clock, dated};
use crate::model::{Entry, Happening, PlanId, RefusalKind, SafeText, Stamp};

use super::incident::{Incident, Item};

/// The members of a plan that sentences need; the rest is not looked at.
#[derive(Debug, Deserialize)]
pub(super) struct PlanHead {
    pub service: String,
    pub title: String,
}

/// Reads the head of proposed plan bytes.
pub(super) fn plan_head(proposed: &Proposed) -> Option<PlanHead> {
    crate::model::clean::from_str(&proposed.plan.0).ok()
}

/// What an entry says by itself, before any amendment: its body, or a transition's own sentence.
pub(super) fn own_text(entry: &Entry) -> SafeText {
    match (&entry.text, &entry.happening) {
        (Some(text), _) => text.clone(),
        (None, Happening::Transition(edge)) => edge.says.clone(),
        _ => SafeText::default(),
    }
}

/// An item as one sentence, amendments applied. Plans are named by their ids; see [`sentence_of`].
pub fn sentence(item: &Item) -> String {
    said(item, None)
}

/// An item of an incident as one sentence, plans named by their titles.
pub fn sentence_of(incident: &Incident, item: &Item) -> String {
    said(item, Some(&incident.plans))
}

fn said(item: &Item, plans: Option<&Plans>) -> String {
    let own = || if item.text.is_empty() { "(no text)".to_owned() } else { item.text.to_string() };
    match &item.entry.happening {
        Happening::Note(_) | Happening::Decision(_) | Happening::Transition(_) => own(),
        Happening::FollowUp(FollowUp { owner: None }) => own(),
        Happening::FollowUp(FollowUp { owner: Some(owner) }) => format!("{} (for {owner})", own()),
        _ => about_incident(item).or_else(|| about_plan(item, plans)).unwrap_or_else(|| other(item)),
    }
}

/// The body of an item, if there is one.
fn body(item: &Item) -> Option<&SafeText> {
    Some(&item.text).filter(|text| !text.is_empty())
}

fn about_incident(item: &Item) -> Option<String> {
    Some(match &item.entry.happening {
        Happening::Opened(opened) => {
            let title = body(item).map(|title| format!(": {title}")).unwrap_or_default();
            format!("{} opened as {}{title}", opened.incident, opened.severity.name())
        }
        Happening::Set(set) => set_words(set, body(item), item.entry.ts),
        Happening::Closed(closed) => match closed.although_firing {
            None => "Incident closed".to_owned(),
            Some(1) => "Incident closed although 1 critical alert fires".to_owned(),
            Some(n) => format!("Incident closed although {n} critical alerts fire"),
        },
        Happening::Pin(pin) if pin.pinned => format!("Pinned entry {}", pin.seq),
        Happening::Pin(pin) => format!("Unpinned entry {}", pin.seq),
        Happening::Marked(it) if it.marked => format!("Marked entry {} as {}", it.seq, it.milestone),
        Happening::Marked(it) => format!("Entry {} is no longer marked as {}", it.seq, it.milestone),
        Happening::Amend(amend) => {
            let at = amend.at.map(|at| format!(", it happened at {}", dated(at, item.entry.ts))).unwrap_or_default();
            let text = body(item).map(|text| format!(": {text}")).unwrap_or_default();
            format!("Amended entry {}{at}{text}", amend.seq)
        }
        Happening::Joined(_) => "Joined".to_owned(),
        Happening::Left(_) => "Left".to_owned(),
        Happening::Folded(folded) => format!(
            "{} more {} between {} and {} were not recorded one by one",
            folded.count,
            folded.edge,
            clock(folded.from),
            clock(folded.to)
        ),
        Happening::RedactProposed(it) => {
            let why = body(item).map(|why| format!(": {why}")).unwrap_or_default();
            format!("Asks to remove the text of entry {} (code {}){why}", it.seq, item.entry.hash.spoken())
        }
        Happening::RedactApproved(it) => format!("Confirms that the text of entry {} is removed", it.seq),
        Happening::RedactRefused(it) => format!("The text of entry {} is not removed", it.seq),
        Happening::Redact(redact) => format!("Removed the text of entry {}", redact.seq),
        _ => return None,
    })
}

fn set_words(set: &Set, title: Option<&SafeText>, recorded: Stamp) -> String {
    let parts = [
        title.map(|title| format!("Title: {title}")),
        set.severity.map(|severity| format!("Severity: {}", severity.name())),
        set.status.map(|status| format!("Status: {}", status.name())),
        set.commander.as_ref().map(|commander| format!("{commander} commands")),
        set.impact_at.map(|at| format!("Impact stated: {}", dated(at, recorded))),
        set.recovered_at.map(|at| format!("Recovery stated: {}", dated(at, recorded))),
    ];
    let words: Vec<String> = parts.into_iter().flatten().collect();
    if words.is_empty() { "Nothing was changed".to_owned() } else { words.join(" · ") }
}

fn about_plan(item: &Item, plans: Option<&Plans>) -> Option<String> {
    let record = |id: &PlanId| plans.and_then(|plans| plans.by_id.get(id));
    let title = |id: &PlanId| record(id).map_or_else(|| format!("plan {id}"), |it| it.plan.title.clone());
    let step = |verb: &str, it: &StepEnded| format!("Step {} {verb}: {}", it.step, it.says);
    Some(match &item.entry.happening {
        Happening::Proposed(proposed) => {
            let title = plan_head(proposed).map_or_else(|| "a plan that can't be read".to_owned(), |head| head.title);
            format!("Proposed: {title} (code {})", proposed.digest.spoken())
        }
        Happening::Approved(it) => format!("Approved: {} (code {})", title(&it.plan), it.digest.spoken()),
        Happening::Rejected(it) => {
            let why = body(item).map(|why| format!(": {why}")).unwrap_or_default();
            format!("Rejected: {}{why}", title(&it.plan))
        }
        Happening::Withdrawn(it) => format!("Withdrawn: {}", title(&it.plan)),
        Happening::Expired(it) => format!("Expired: {}: {}", title(&it.plan), it.why),
        Happening::Executing(it) => format!("Running: {}", title(&it.plan)),
        Happening::Held(it) => format!("Asked to stop before the next step: {}", title(&it.plan)),
        Happening::StepStarted(it) => format!("Step {} started", it.step),
        Happening::StepDone(it) => step("done", &it.0),
        Happening::StepFailed(it) => step("failed", &it.0),
        Happening::StepUnknown(it) => step("has an unknown outcome", &it.0),
        Happening::PlanEnded(it) => {
            let sent = if it.precheck { ", nothing was sent" } else { "" };
            format!("{} {}{sent}: {}", title(&it.plan), it.outcome.name(), it.says)
        }
        Happening::Reconciled(it) => format!("Reconciled by reading: {}: {}", title(&it.plan), it.says),
        Happening::Refused(it) => {
            let one = |verb: &str, count: u64, kind: &RefusalKind| {
                let times = if count == 1 { String::new() } else { format!(" {count} times") };
                format!("{verb}{times}: {}", word(kind))
            };
            let also = it.also.iter().map(|it| one(&it.verb, it.count, &it.kind));
            let all: Vec<String> = [one(&it.verb, it.count, &it.kind)].into_iter().chain(also).collect();
            format!("Refused to {}", all.join("; "))
        }
        _ => return None,
    })
}

fn other(item: &Item) -> String {
    match &item.entry.happening {
        Happening::RoomStarted(it) => format!("Room started, version {}", it.version),
        Happening::RoomStopped(it) => format!("Room stopped: {}", it.why),
        Happening::SilenceBegun(it) => {
            format!("Asked {}: {} (hits {}, {} critical)", it.instance, it.says, it.hits, it.critical)
        }
        Happening::SilenceEnded(it) => silence_words(it),
        Happening::Recovered(it) => format!("A torn end of the log was cut off: {} bytes, kept beside it", it.bytes),
        Happening::Rotate(it) => format!("Log continues in segment {}: {}", it.segment, it.why),
        Happening::Genesis(_) => "Log begun".to_owned(),
        Happening::HeadSigned(it) => format!("Head signed: entry {}", it.head_seq),
        other => match body(item) {
            Some(text) => format!("{}: {text}", other.kind()),
            None => format!("An entry of kind {}, which this version does not know", other.kind()),
        },
    }
}

/// How asking for a silence ended.
pub fn silence_words(it: &SilenceEnded) -> String {
    match it.outcome {
        SilenceOutcome::Done => format!("Done: {}", it.says),
        SilenceOutcome::Failed => format!("No silence was changed: {}", it.says),
        SilenceOutcome::Unknown => format!("Not known whether a silence was changed: {}", it.says),
    }
}

/// The word machines read, for people: `self_approval` → `self approval`.
fn word(kind: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned));
    word.unwrap_or_default().replace('_', " ")
}
