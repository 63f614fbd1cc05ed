//! The lines of the timeline: what happened, oldest first. All entries about one plan are one line.

use crate::approval::PlanRecord;
use crate::board::Verdict;
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::{EntryRef, ItemRef};
use crate::model::{Happening, TransitionKind};
use crate::timeline::{Incident, Item, plan_seq};

use super::spec::{BriefWhile, PaneHistory, RowsMadeOf, RowsSpec};

/// What rows the pane has.
pub static ROWS: RowsSpec = RowsSpec {
    pane: Pane::Timeline,
    made_of: RowsMadeOf { story: true, ..RowsMadeOf::topics(&[]) },
    entries,
    brief: None,
    brief_while: BriefWhile::Unfiltered,
    related_in_full: false,
    announced: false,
    past: PaneHistory::AsRecorded,
};

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

/// A line while they are put in order.
#[derive(Clone, Copy)]
enum Line<'a> {
    Item(usize, &'a Item),
    Plan(&'a PlanRecord),
}

/// Items and plans of the incident, as the log has them: a plan stands where it last asked something of the room.
fn entries(app: &Console) -> Vec<EntryRef> {
    let Some((place, incident)) = app.incident_place() else { return Vec::new() };
    let shown = incident.items.iter().enumerate().filter(|(_, item)| !is_folded(&item.entry.happening));
    let mut lines: Vec<Line<'_>> = shown.map(|(at, item)| Line::Item(at, item)).collect();
    for record in incident.plans.by_id.values() {
        put_plan(&mut lines, record);
    }
    fold_wavering(&lines, |at| ItemRef { live: false, incident: place, at })
}

fn put_plan<'a>(lines: &mut Vec<Line<'a>>, record: &'a PlanRecord) {
    let asked = plan_seq(record);
    let after = |line: &Line<'_>| match line {
        Line::Plan(other) => plan_seq(other) > asked,
        Line::Item(_, item) => !item.is_moved() && item.entry.seq > asked,
    };
    let place = lines.iter().position(after).unwrap_or(lines.len());
    lines.insert(place, Line::Plan(record));
}

/// From so many lines on, a thing that goes back and forth is told by its first and its last line.
const WAVERS: usize = 4;

/// A service that warms up fails and answers in turn, twenty times in five minutes. The log has every change; the lines
/// that people wrote must not scroll away for it.
fn fold_wavering(lines: &[Line<'_>], item: impl Fn(usize) -> ItemRef) -> Vec<EntryRef> {
    let kept = |line: &Line<'_>| match line {
        Line::Item(at, _) => EntryRef::Item(item(*at)),
        Line::Plan(record) => EntryRef::Plan(record.plan.plan.clone()),
    };
    let mut out = Vec::with_capacity(lines.len());
    let mut rest = lines;
    while !rest.is_empty() {
        let turns = |pair: &[Line<'_>]| match (wavers(&pair[0]), wavers(&pair[1])) {
            (Some((was, one)), Some((is, other))) => one == other && was != is && was.family() == is.family(),
            _ => false,
        };
        let run = 1 + rest.windows(2).take_while(|pair| turns(pair)).count();
        let (these, after) = rest.split_at(run);
        match these {
            [first, .., Line::Item(last, _)] if these.len() >= WAVERS => {
                out.extend([kept(first), EntryRef::Waver(item(*last), these.len())]);
            }
            _ => out.extend(these.iter().map(kept)),
        }
        rest = after;
    }
    out
}

/// The change that a line is, and of what, if the next could take it back.
fn wavers<'a>(line: &Line<'a>) -> Option<(&'a TransitionKind, &'a str)> {
    match line {
        Line::Item(_, item) if !item.pinned && item.amended_by.is_empty() => match &item.entry.happening {
            Happening::Transition(edge) => Some((&edge.edge, edge.subject.as_str())),
            _ => None,
        },
        _ => None,
    }
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

/// The incident of an item's place, for whoever looks at one.
pub fn items_of<'a>(incidents: impl IntoIterator<Item = &'a Incident>, live: bool) -> Vec<(ItemRef, &'a Item)> {
    let of = |(place, incident): (usize, &'a Incident)| {
        let items = incident.items.iter().enumerate();
        items.map(move |(at, item)| (ItemRef { live, incident: place, at }, item))
    };
    incidents.into_iter().enumerate().flat_map(of).collect()
}
