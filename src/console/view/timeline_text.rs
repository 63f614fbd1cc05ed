//! The sentences of the timeline: the same words here, in the detail view and beside a plan.

use crate::approval::{PlanRecord, PlanState, StepState};
use crate::board::Verdict;
use crate::console::rows;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Words, glyph, time};
use crate::model::entry::SilenceOutcome;
use crate::model::time::dated;
use crate::model::{Happening, IncidentStatus, Stamp};
use crate::timeline::{Clocks, Item};

/// How long a clock ran: `+18:42`. One that began only after the recovery (an alert may fire late) did not run at all.
pub fn ran(clocks: &Clocks, from: Stamp, end: Stamp) -> String {
    match clocks.recovery {
        Some((at, _)) if at < from => "after the recovery".to_owned(),
        _ => format!("+{}", time::clock(time::since(from, end))),
    }
}

/// The mark of an item, and the role of its text.
pub fn mark(item: &Item) -> (Words, Role) {
    match &item.entry.happening {
        Happening::Decision(_) => (vec![span(Role::Accent, glyph::DECISION)], Role::Decision),
        Happening::Note(_) | Happening::FollowUp(_) => (vec![span(Role::Text, " ")], Role::Text),
        Happening::Transition(_) => match rows::timeline::verdict_of(item) {
            Verdict::Info => (vec![span(Role::Text, " ")], Role::Text),
            verdict => {
                let (glyph, role) = glyph::of(verdict);
                (vec![span(role, glyph)], Role::Text)
            }
        },
        Happening::Refused(_) => (vec![span(Role::Warning, glyph::WARNING)], Role::Text),
        Happening::SilenceBegun(_) => (vec![span(Role::Text, " ")], Role::Text),
        Happening::SilenceEnded(it) => match it.outcome {
            SilenceOutcome::Done => (vec![span(Role::Text, " ")], Role::Text),
            SilenceOutcome::Failed => (vec![span(Role::Warning, glyph::WARNING)], Role::Text),
            SilenceOutcome::Unknown => (vec![span(Role::Warning, glyph::UNKNOWN)], Role::Text),
        },
        Happening::Recovered(_) => (vec![span(Role::Warning, glyph::WARNING)], Role::Text),
        _ => (vec![span(Role::Text, " ")], Role::Dim),
    }
}

/// An item as a sentence.
pub fn says(item: &Item) -> String {
    let text = &item.text;
    match &item.entry.happening {
        Happening::Opened(opened) => format!("Incident opened as {}: {text}", opened.severity.name().to_uppercase()),
        Happening::Set(set) => {
            let mut parts = Vec::new();
            parts.extend(set.status.map(|status| format!("Status: {}", status.name())));
            parts.extend(set.severity.map(|severity| format!("Severity: {}", severity.name().to_uppercase())));
            parts.extend(set.commander.as_ref().map(|person| match *person == item.entry.by.person {
                true => "took command".to_owned(),
                false => format!("{person} commands"),
            }));
            parts.extend(set.impact_at.map(|at| format!("Impact stated: {}", dated(at, item.entry.ts))));
            parts.extend(set.recovered_at.map(|at| format!("Recovery stated: {}", dated(at, item.entry.ts))));
            if !text.is_empty() {
                parts.push(format!("Title: {text}"));
            }
            parts.join(" · ")
        }
        Happening::Closed(_) => crate::timeline::sentence(item),
        Happening::Marked(it) if it.marked => format!("marked entry {} as {}", it.seq, it.milestone),
        Happening::Marked(it) => format!("entry {} is no longer marked as {}", it.seq, it.milestone),
        Happening::Note(_) => text.to_string(),
        Happening::Decision(_) => format!("Decision: {text}"),
        Happening::FollowUp(it) => match &it.owner {
            Some(owner) => format!("Follow-up for {owner}: {text}"),
            None => format!("Follow-up: {text}"),
        },
        Happening::Transition(edge) => edge.says.to_string(),
        Happening::Folded(folded) => format!("{} more {} held back by the rate limit", folded.count, folded.edge),
        Happening::Joined(_) => "joined".to_owned(),
        Happening::Left(_) => "left".to_owned(),
        Happening::Refused(it) => format!("{} refused: {} ×{}", it.verb, kind(it.kind), it.count),
        Happening::Recovered(it) => format!("The log's torn end was cut off: {} bytes, kept beside it", it.bytes),
        Happening::RoomStarted(it) => format!("The room started, version {}", it.version),
        Happening::RoomStopped(it) => format!("The room stopped: {}", it.why),
        Happening::SilenceBegun(it) => format!("{} (hits {}, {} critical)", it.says, it.hits, it.critical),
        Happening::SilenceEnded(it) => crate::timeline::silence_words(it),
        Happening::RedactProposed(_)
        | Happening::RedactApproved(_)
        | Happening::RedactRefused(_)
        | Happening::Redact(_) => crate::timeline::sentence(item),
        Happening::Unknown { kind, .. } => format!("{kind} (from a later version) {text}"),
        other => format!("{} {text}", other.kind()),
    }
}

fn kind(kind: crate::model::RefusalKind) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|value| value.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
        .replace('_', " ")
}

/// What an entry is, in plain words: `edge` is the log's own name for what the room saw change.
pub fn kind_words(happening: &Happening) -> String {
    match happening.kind() {
        "edge" => "a change that the room saw (edge)".to_owned(),
        kind => kind.replace('_', " "),
    }
}

/// Everyone whose confirmation a plan has, the proposer first.
pub fn persons(record: &PlanRecord) -> Vec<&str> {
    let mut persons = vec![record.by.person.as_str()];
    for approval in &record.approvals {
        if !persons.contains(&approval.by.person.as_str()) {
            persons.push(approval.by.person.as_str());
        }
    }
    persons
}

/// The mark of a plan.
pub fn plan_mark(state: PlanState) -> (&'static str, Role) {
    match state {
        PlanState::Proposed | PlanState::Approved | PlanState::Executing => (glyph::WAITING, Role::Waiting),
        PlanState::Succeeded => (glyph::OK, Role::Good),
        PlanState::Failed => (glyph::CRITICAL, Role::Critical),
        PlanState::Interrupted => (glyph::UNKNOWN, Role::Warning),
        PlanState::Stopped => (glyph::WARNING, Role::Warning),
        PlanState::Rejected | PlanState::Withdrawn | PlanState::Expired | PlanState::Superseded => (" ", Role::Dim),
    }
}

/// The short code of a plan, as people say it aloud.
pub fn code(record: &PlanRecord) -> String {
    record.digest.spoken().replace(' ', "").to_lowercase()
}

/// A plan as a sentence.
pub fn plan_says(record: &PlanRecord) -> String {
    let title = &record.plan.title;
    let code = code(record);
    let because = if record.says.is_empty() { String::new() } else { format!(" · {}", record.says) };
    match record.state {
        PlanState::Proposed => format!("Waits for a second person: {title}"),
        PlanState::Approved => format!("Confirmed, about to run: {title} ({code})"),
        PlanState::Executing => {
            let at = record.steps.iter().position(|step| !matches!(step, StepState::Done { .. }));
            let step = at.map_or(record.steps.len(), |at| at + 1);
            format!("Runs, step {step} of {}: {title}", record.steps.len())
        }
        PlanState::Succeeded if record.says.is_empty() => format!("{title}: confirmed, done ({code})"),
        PlanState::Succeeded => format!("{title}: confirmed → {} ({code})", record.says),
        // How it ended stands first, so that no width cuts it off.
        PlanState::Failed => format!("Failed: {title}{because}"),
        PlanState::Stopped => format!("Stopped: {title}{because}"),
        PlanState::Interrupted => match record.reconciled {
            Some(_) => format!("Interrupted, then read again: {title}{because}"),
            None => format!("Interrupted, what it did is not known yet: {title}{because}"),
        },
        PlanState::Rejected => match &record.refused_by {
            Some(person) => format!("Refused by {person}: {title}{because}"),
            None => format!("Refused: {title}{because}"),
        },
        PlanState::Withdrawn => format!("Withdrawn: {title}"),
        PlanState::Expired => format!("Expired: {title}{because}"),
        PlanState::Superseded => format!("Replaced by a newer plan: {title}"),
    }
}

/// The colour of a status: work that goes on is plain, an end is quiet.
pub fn status_role(status: IncidentStatus) -> Role {
    match status {
        IncidentStatus::Detected => Role::Critical,
        IncidentStatus::Resolved | IncidentStatus::Closed => Role::Dim,
        _ => Role::Strong,
    }
}
