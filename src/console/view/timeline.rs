//! The timeline: what happened, oldest first, the newest at the bottom. All entries about one plan are one line.

use crate::approval::{PlanRecord, PlanState};
use crate::board::Verdict;
use crate::client::LinkState;
use crate::console::app::Console;
use crate::console::keymap::{Command, KeyContext, spell};
use crate::console::pane::Pane;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Column, ColumnText, Words, glyph, time};
use crate::model::{Happening, Stamp, TransitionKind};
use crate::timeline::{Incident, Item, plan_at, plan_of, plan_seq};

use super::pane_rows::PaneEntry;
use super::panes::{BriefWhile, PaneHistory, PaneSpec};
use super::timeline_text;

/// Minutes, time, who, mark, what.
pub const COLUMNS: &[Column] =
    &[Column::fixed(1), Column::fixed(0), Column::name(0, 4), Column::fixed(0), Column::sentence(0, 10)];

/// Entries that are folded into their plan's line, or say nothing by themselves.
fn is_folded(happening: &Happening) -> bool {
    matches!(
        happening,
        Happening::Proposed(_)
            | Happening::Approved(_)
            | Happening::Rejected(_)
            | Happening::Withdrawn(_)
            | Happening::Expired(_)
            | Happening::Executing(_)
            | Happening::Held(_)
            | Happening::StepStarted(_)
            | Happening::StepDone(_)
            | Happening::StepFailed(_)
            | Happening::StepUnknown(_)
            | Happening::PlanEnded(_)
            | Happening::Reconciled(_)
            | Happening::Pin(_)
            | Happening::Marked(_)
            | Happening::Amend(_)
            | Happening::Genesis(_)
            | Happening::Rotate(_)
            | Happening::HeadSigned(_)
    )
}

/// What the pane shows.
pub static PANE: PaneSpec = PaneSpec {
    pane: Pane::Timeline,
    columns: COLUMNS,
    entries,
    brief: entries,
    brief_while: BriefWhile::Unfiltered,
    related_in_full: false,
    cells,
    summary,
    signal: |_| Words::new(),
    empty,
    past: PaneHistory::AsRecorded,
};

/// Items and plans of the incident, as the log has them: a plan stands where it last asked something of the room.
pub fn entries(app: &Console) -> Vec<PaneEntry<'_>> {
    let Some(incident) = app.incident() else { return Vec::new() };
    let shown = incident.items.iter().filter(|item| !is_folded(&item.entry.happening));
    let mut out: Vec<PaneEntry<'_>> = shown.map(PaneEntry::Item).collect();
    for record in incident.plans.by_id.values() {
        let asked = plan_seq(record);
        let after = |entry: &PaneEntry<'_>| match entry {
            PaneEntry::Plan(other) => plan_seq(other) > asked,
            entry => entry.item().is_some_and(|it| !it.is_moved() && it.entry.seq > asked),
        };
        let place = out.iter().position(after).unwrap_or(out.len());
        out.insert(place, PaneEntry::Plan(record));
    }
    fold_wavering(out)
}

/// From so many lines on, a thing that goes back and forth is told by its first and its last line.
const WAVERS: usize = 4;

/// A service that warms up fails and answers in turn, twenty times in five minutes. The log has every change; the lines
/// that people wrote must not scroll away for it.
fn fold_wavering(entries: Vec<PaneEntry<'_>>) -> Vec<PaneEntry<'_>> {
    let mut out = Vec::with_capacity(entries.len());
    let mut rest = entries.as_slice();
    while !rest.is_empty() {
        let turns = |pair: &[PaneEntry<'_>]| match (wavers(&pair[0]), wavers(&pair[1])) {
            (Some((was, one)), Some((is, other))) => one == other && was != is && was.family() == is.family(),
            _ => false,
        };
        let run = 1 + rest.windows(2).take_while(|pair| turns(pair)).count();
        let (these, after) = rest.split_at(run);
        match (these, these.last().and_then(PaneEntry::item)) {
            ([first, ..], Some(last)) if these.len() >= WAVERS => {
                out.extend([*first, PaneEntry::Waver(last, these.len())])
            }
            _ => out.extend_from_slice(these),
        }
        rest = after;
    }
    out
}

/// The change that an entry is, and of what, if the next could take it back.
fn wavers<'a>(entry: &PaneEntry<'a>) -> Option<(&'a TransitionKind, &'a str)> {
    let item = entry.item().filter(|item| !item.pinned && item.amended_by.is_empty())?;
    match &item.entry.happening {
        Happening::Transition(edge) => Some((&edge.edge, edge.subject.as_str())),
        _ => None,
    }
}

/// What `T+0` is: the first alert, or when the incident was opened.
pub fn zero(incident: &Incident) -> Stamp {
    incident.clocks.detection.map_or(incident.opened_at, |(at, _)| at)
}

/// How an item stands, for `warnings only` and its mark.
pub fn verdict_of(item: &Item) -> Verdict {
    match &item.entry.happening {
        Happening::Transition(edge) => match edge.verdict.as_str() {
            "critical" => Verdict::Critical,
            "warning" => Verdict::Warning,
            "unknown" => Verdict::Unknown,
            "ok" => Verdict::Ok,
            _ => Verdict::Info,
        },
        Happening::Decision(_) | Happening::Note(_) | Happening::FollowUp(_) | Happening::Refused(_) => {
            Verdict::Warning
        }
        _ => Verdict::Info,
    }
}

/// One line.
pub fn cells(app: &Console, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    let Some(incident) = app.incident() else { return Vec::new() };
    match entry {
        PaneEntry::Item(item) => {
            let (mark, role) = timeline_text::mark(item);
            let mut text = vec![span(role, timeline_text::says(item))];
            // What followed from a plan names it, so that cause and effect can be read together.
            if let Some(record) = plan_of(incident, item).filter(|_| app.size.0 >= 100) {
                // Last, for who reads the line wants what happened; where there is no room the page about it has it.
                text.push(span(Role::Dim, format!(" · by plan {}", timeline_text::code(record))));
            }
            if !item.amended_by.is_empty() && item.redacted_by.is_none() {
                text.push(span(Role::Dim, " (amended)"));
            }
            // The column shows minutes: what is of the same one needs no other.
            if let Some(own) = item.own_time().filter(|own| app.zone.minutes(*own) != app.zone.minutes(item.placed)) {
                text.push(span(Role::Dim, format!(" · happened {}", app.zone.seconds(own))));
            }
            // What it counts as stands before what it says, so that no width cuts it off.
            for mark in &item.marks {
                text.insert(0, span(Role::Accent, format!("{}: ", mark.milestone)));
            }
            if item.pinned {
                text.insert(0, span(Role::Accent, "* "));
            }
            line(app, incident, item.placed, who(item), mark, text)
        }
        PaneEntry::Waver(item, times) => {
            let (mark, role) = timeline_text::mark(item);
            // The number stands first, so that no width cuts it off.
            let text = vec![
                span(Role::Warning, format!("back and forth ×{times}, now: ")),
                span(role, timeline_text::says(item)),
            ];
            line(app, incident, item.placed, who(item), mark, text)
        }
        PaneEntry::Plan(record) => {
            let persons: Vec<&str> = timeline_text::persons(record);
            let (mark, text) = plan_line(app, record);
            line(app, incident, plan_at(record), vec![span(Role::Text, persons.join("+"))], mark, text)
        }
        _ => Vec::new(),
    }
}

fn who(item: &Item) -> Words {
    let actor = &item.entry.by;
    let role = if actor.is_room() { Role::Dim } else { Role::Text };
    let mut words = vec![span(role, actor.person.as_str())];
    if actor.simulated {
        words.push(span(Role::Drill, "~"));
    }
    words
}

fn line(app: &Console, incident: &Incident, at: Stamp, who: Words, mark: Words, text: Words) -> Vec<ColumnText> {
    vec![
        vec![span(Role::Dim, time::t_plus(zero(incident), at))],
        vec![span(Role::Dim, app.zone.minutes(at))],
        who,
        mark,
        text,
    ]
}

fn plan_line(app: &Console, record: &PlanRecord) -> (Words, Words) {
    let (glyph, role) = timeline_text::plan_mark(record.state);
    let says = timeline_text::plan_says(record);
    let open = app.keymap.chord_of(KeyContext::Main, Command::OpenProposal);
    let live = matches!(record.state, PlanState::Proposed | PlanState::Approved | PlanState::Executing);
    // The key stands before the title, so that no width cuts it off.
    let text = match (says.split_once(": "), open) {
        (Some((state, title)), Some(chord)) if live => vec![
            span(Role::Strong, state),
            span(Role::Dim, " ("),
            span(Role::Accent, spell(chord)),
            span(Role::Dim, " opens): "),
            span(Role::Text, title),
        ],
        _ => vec![span(Role::Text, says)],
    };
    (vec![span(role, glyph)], text)
}

/// Who it is, how long it lasts, what it counts.
pub fn summary(app: &Console) -> Words {
    let Some(incident) = app.incident() else { return Words::new() };
    let shown = entries(app).len();
    let mut words = vec![span(Role::Dim, format!("{shown} {}", if shown == 1 { "line" } else { "lines" }))];
    if incident.missing() > 0 && app.past.is_none() {
        words.push(span(Role::Dim, format!(" · {} earlier entries: go up to the first line", incident.missing())));
    }
    if incident.closed_at.is_some() {
        words.push(span(Role::Dim, format!(" · {} is closed", incident.id)));
    }
    if let Some((_, why)) = app.seen().story.anomalies.last() {
        words.push(span(Role::Warning, format!(" {} {why}", glyph::WARNING)));
    }
    if !app.seen().caught_up && matches!(app.seen().link, LinkState::Live { .. }) {
        words.push(span(Role::Dim, " · catching up"));
    }
    words
}

/// No incident is an answer.
pub fn empty(app: &Console) -> String {
    match app.seen().link {
        LinkState::Connecting => "Waiting for the room.".to_owned(),
        _ => "No incident is open. One opens with the first critical alert, or by `warroom incident open TITLE`."
            .to_owned(),
    }
}
