//! The steps of a plan: before it runs a list, while it runs a checklist with the answer that proves each step.

use crate::approval::{PlanRecord, StepState};
use crate::console::app::Console;
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width};
use crate::console::widget::{Words, glyph, text, time};
use crate::model::{Plan, Stamp, Step};

/// A checklist is read across: beyond this width the eye loses the line.
const MOST: u16 = 110;

/// The steps, with their states once the plan was begun.
pub fn steps(app: &Console, plan: &Plan, record: Option<&PlanRecord>, room: u16) -> Vec<Words> {
    let mut lines = match record {
        Some(_) => Vec::new(),
        None => vec![vec![span(Role::Dim, "steps, in this order; the first that fails stops the rest")]],
    };
    let began = record.and_then(|record| record.approvals.iter().map(|approval| approval.at).max());
    let mut before = began;
    let longest = plan.steps.iter().map(|step| width(&step.effect)).max().unwrap_or(0);
    let wide = longest.clamp(12, room.saturating_sub(18).max(12));
    for (i, step) in plan.steps.iter().enumerate() {
        match record {
            None => lines.extend(planned(step, wide)),
            Some(record) => {
                let state = record.steps.get(i).unwrap_or(&StepState::Waiting);
                lines.extend(checked(app, step, state, before, room.min(MOST)));
                before = match state {
                    StepState::Done { at, .. } | StepState::Failed { at, .. } | StepState::Unknown { at, .. } => {
                        Some(*at)
                    }
                    _ => before,
                };
            }
        }
    }
    lines
}

fn planned(step: &Step, wide: u16) -> Vec<Words> {
    let mut lines = Vec::new();
    for (i, line) in text::wrap(&step.effect, wide).into_iter().enumerate() {
        let number = if i == 0 { format!("{:>2}  ", step.id) } else { "    ".to_owned() };
        let pad = " ".repeat(usize::from(wide.saturating_sub(width(&line))));
        let mut words = vec![span(Role::Accent, number), span(Role::Text, line)];
        if i == 0 {
            words.push(span(Role::Dim, format!("{pad}  limit {}", time::span(step.limit_s))));
        }
        lines.push(words);
    }
    lines
}

fn checked(app: &Console, step: &Step, state: &StepState, before: Option<Stamp>, room: u16) -> Vec<Words> {
    let took = |from: Option<Stamp>, to: Stamp| from.map(|from| time::span(time::since(from, to))).unwrap_or_default();
    let (mark, role, elapsed, says) = match state {
        StepState::Waiting => (" ", Role::Dim, String::new(), None),
        StepState::Started { at } => (glyph::WAITING, Role::Waiting, took(Some(*at), app.now.room), None),
        StepState::Done { at, says } => (glyph::OK, Role::Good, took(before, *at), Some(says)),
        StepState::Failed { at, says } => (glyph::CRITICAL, Role::Critical, took(before, *at), Some(says)),
        StepState::Unknown { at, says } => (glyph::UNKNOWN, Role::Warning, took(before, *at), Some(says)),
    };
    let text_role = if matches!(state, StepState::Waiting) { Role::Dim } else { Role::Text };
    let clock = match elapsed.is_empty() {
        true => format!("limit {}", time::span(step.limit_s)),
        false => format!("{elapsed} of {}", time::span(step.limit_s)),
    };
    let wide = room.saturating_sub(width(&clock) + 8).max(12);
    let mut lines = Vec::new();
    for (i, effect) in text::wrap(&step.effect, wide).into_iter().enumerate() {
        let pad = " ".repeat(usize::from(wide.saturating_sub(width(&effect))));
        lines.push(match i {
            0 => vec![
                span(role, format!("{mark} ")),
                span(Role::Accent, format!("{:>2}  ", step.id)),
                span(text_role, effect),
                span(Role::Dim, format!("{pad}  {clock}")),
            ],
            _ => vec![span(Role::Text, "      "), span(text_role, effect)],
        });
    }
    for line in says.map(|says| text::wrap(says.as_str(), room.saturating_sub(8))).unwrap_or_default() {
        lines.push(vec![span(Role::Text, "      "), span(Role::Dim, line)]);
    }
    lines
}
