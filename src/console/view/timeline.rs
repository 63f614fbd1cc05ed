//! The timeline: what happened, oldest first, the newest at the bottom. All entries about one plan are one line.

use crate::approval::{PlanRecord, PlanState};
use crate::client::LinkState;
use crate::console::app::Console;
use crate::console::keymap::{Command, KeyContext, spell};
use crate::console::pane::Pane;
use crate::console::rows::{self, PaneEntry};
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Column, ColumnText, Words, glyph, time};
use crate::model::Stamp;
use crate::timeline::{Incident, Item, plan_at, plan_of};

use super::pane_spec::PaneSpec;
use super::timeline_text;

/// Minutes, time, who, mark, what.
pub const COLUMNS: &[Column] =
    &[Column::fixed(1), Column::fixed(0), Column::name(0, 4), Column::fixed(0), Column::sentence(0, 10)];

/// What the pane shows.
pub static PANE: PaneSpec =
    PaneSpec { pane: Pane::Timeline, columns: COLUMNS, cells, summary, signal: |_| Words::new(), empty };

/// What `T+0` is: the first alert, or when the incident was opened.
pub fn zero(incident: &Incident) -> Stamp {
    incident.clocks.detection.map_or(incident.opened_at, |(at, _)| at)
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
    let shown = rows::all(app, Pane::Timeline).len();
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
