//! What the rows of a pane are about. One row, one [`PaneEntry`]: it has an identity, a verdict and words to be found by.

use crate::approval::{PlanRecord, PlanState};
use crate::board::event_groups::EventGroup;
use crate::board::row::PoolRef;
use crate::board::{Row, RowBody, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::widget::ColumnText;
use crate::model::{PersonId, PlanId, Stamp};
use crate::protocol::Who;
use crate::timeline::Item;

use super::{panes, row_filter, time_travel, timeline};

/// What a row is about.
#[derive(Clone, Copy, Debug)]
pub enum PaneEntry<'a> {
    /// A row of the board.
    Row(&'a Row),
    /// A pool in a load balancer's order: the row, the pool, its place in the order.
    Pool(&'a Row, &'a PoolRef, usize),
    Item(&'a Item),
    /// The last of so many items in which one thing went back and forth.
    Waver(&'a Item, usize),
    /// All entries about one plan.
    Plan(&'a PlanRecord),
    Who(&'a Who),
    /// Someone who took part and has no console open, and when they were last heard of.
    Away(&'a PersonId, Stamp),
    /// What a service would lose, and how that stands: its row says how its users are served.
    Loss(&'a Row, Verdict),
    /// Events that are one thing.
    Fold(EventGroup<'a>),
}

impl<'a> PaneEntry<'a> {
    /// Its identity within the pane.
    pub fn key(&self) -> String {
        match self {
            Self::Row(row) => row.id.clone(),
            Self::Pool(row, pool, _) => format!("{}/{}", row.id, pool.id),
            Self::Item(item) | Self::Waver(item, _) => format!("entry {}", item.entry.seq),
            Self::Plan(record) => record.plan.plan.to_string(),
            Self::Who(who) => who.actor.person.to_string(),
            Self::Away(person, _) => person.to_string(),
            Self::Loss(row, _) => format!("loss {}", row.id),
            Self::Fold(fold) => fold.key(),
        }
    }

    /// How it stands.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Row(row) if row.stale => row.verdict.min(Verdict::Unknown).max(Verdict::Unknown),
            Self::Row(row) => row.verdict,
            Self::Pool(row, pool, _) => match pool.healthy {
                _ if row.stale => Verdict::Unknown,
                Some(true) if pool.places_ok < pool.places => Verdict::Warning,
                Some(true) => Verdict::Ok,
                Some(false) => Verdict::Critical,
                None => Verdict::Unknown,
            },
            Self::Item(item) | Self::Waver(item, _) => timeline::verdict_of(item),
            Self::Plan(record) => match record.state {
                PlanState::Proposed | PlanState::Approved | PlanState::Executing => Verdict::Warning,
                PlanState::Succeeded => Verdict::Ok,
                PlanState::Failed | PlanState::Interrupted => Verdict::Critical,
                _ => Verdict::Info,
            },
            Self::Who(_) | Self::Away(..) => Verdict::Info,
            Self::Loss(_, verdict) => *verdict,
            Self::Fold(fold) => fold.newest.verdict,
        }
    }

    /// Whether what it shows is too old to be believed.
    pub fn stale(&self) -> bool {
        match self {
            Self::Row(row) | Self::Pool(row, ..) => row.stale,
            _ => false,
        }
    }

    /// The row of the board behind it.
    pub fn row(&self) -> Option<&'a Row> {
        match self {
            Self::Row(row) | Self::Pool(row, ..) | Self::Loss(row, _) => Some(row),
            Self::Fold(fold) => Some(fold.newest),
            _ => None,
        }
    }

    /// The plan it is about.
    pub fn plan(&self) -> Option<PlanId> {
        match self {
            Self::Plan(record) => Some(record.plan.plan.clone()),
            _ => None,
        }
    }

    /// The timeline's item behind it.
    pub fn item(&self) -> Option<&'a Item> {
        match self {
            Self::Item(item) | Self::Waver(item, _) => Some(item),
            _ => None,
        }
    }
}

/// Every row of a pane.
pub fn all(app: &Console, pane: Pane) -> Vec<PaneEntry<'_>> {
    if let Some(then) = &app.past {
        return time_travel::entries(app, then, pane);
    }
    (panes::spec(pane).entries)(app)
}

/// The cells of a row.
pub fn cells(app: &Console, pane: Pane, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    if let (Some(item), true, true) = (entry.item(), app.past.is_some(), pane != Pane::Timeline) {
        return time_travel::cells(app, pane, item);
    }
    (panes::spec(pane).cells)(app, entry)
}

/// The rows that pass the filter and `warnings only`.
pub fn visible(app: &Console, pane: Pane) -> Vec<PaneEntry<'_>> {
    let zoomed = app.zoom && app.focus == pane;
    let plain = app.past.is_none() && app.pane(pane).filter.is_none();
    let spec = panes::spec(pane);
    let mut entries = match plain && spec.brief_while.holds(zoomed, app.warnings) {
        true => (spec.brief)(app),
        false => all(app, pane),
    };
    let state = app.pane(pane);
    let marked = |entry: &PaneEntry<'_>| !state.marks.is_empty() && state.marks.contains(&entry.key());
    if app.warnings {
        entries.retain(|entry| !is_calm(pane, entry) || marked(entry));
    }
    if let Some(filter) = &state.filter {
        entries.retain(|entry| row_filter::passes(app, filter, entry) || marked(entry));
    }
    entries
}

/// What `warnings only` leaves out.
fn is_calm(pane: Pane, entry: &PaneEntry<'_>) -> bool {
    pane != Pane::People && matches!(entry.verdict(), Verdict::Ok | Verdict::Info)
}

/// How many rows `warnings only` leaves out, over all panes.
pub fn calm(app: &Console) -> usize {
    let calm = |pane| all(app, pane).iter().filter(|entry| is_calm(pane, entry)).count();
    Pane::ALL.iter().copied().map(calm).sum()
}

/// The marked rows of a pane as plain text, in the order in which they stand there.
pub fn marked(app: &Console, pane: Pane) -> Vec<String> {
    let marks = &app.pane(pane).marks;
    if marks.is_empty() {
        return Vec::new();
    }
    let entries = all(app, pane).into_iter().filter(|entry| marks.contains(&entry.key()));
    entries.map(|entry| plain(app, pane, &entry)).collect()
}

/// The row under the cursor.
pub fn selected(app: &Console, pane: Pane) -> Option<PaneEntry<'_>> {
    let entries = visible(app, pane);
    let index = app.pane(pane).index.min(entries.len().checked_sub(1)?);
    entries.get(index).copied()
}

/// The row with this key, whatever the filter says.
pub fn find<'a>(app: &'a Console, pane: Pane, key: &str) -> Option<PaneEntry<'a>> {
    let found = all(app, pane).into_iter().find(|entry| entry.key() == key);
    found.or_else(|| (panes::spec(pane).brief)(app).into_iter().find(|entry| entry.key() == key))
}

/// A row as plain text: for copying and finding.
pub fn plain(app: &Console, pane: Pane, entry: &PaneEntry<'_>) -> String {
    let mut text = String::new();
    for cell in cells(app, pane, entry) {
        let words: String = cell.iter().map(|span| span.text.as_str()).collect();
        let words = words.trim();
        if !words.is_empty() {
            if !text.is_empty() {
                text.push_str("  ");
            }
            text.push_str(words);
        }
    }
    if let Some(Row { body: RowBody::Event(event), .. }) = entry.row() {
        text.push_str("  ");
        text.push_str(event.message.as_str());
    }
    text
}
