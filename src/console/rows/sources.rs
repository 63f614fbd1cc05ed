//! The sources behind a pane, and whether they can be believed.

use std::sync::Arc;

use crate::board::empty_reason::absence;
use crate::board::{Row, SourceRow, Topic};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::SourceBehind;
use crate::console::widget::time;
use crate::model::{Stamp, Trouble};

use super::spec::{RowsMadeOf, inputs};

/// A source behind a pane, as its row says.
pub struct Behind<'a> {
    /// Its row among those of [`Topic::Sources`].
    pub row: &'a Row,
    /// When it last answered, in room time; `None` = never since the room started.
    pub alive_at: Option<Stamp>,
    /// Since when it has been in trouble; `None` while it is well.
    pub troubled_since: Option<Stamp>,
    /// What is wrong with it, as the room says; `None` while it is well.
    pub trouble: Option<&'a Trouble>,
    /// Whether its rows can't be believed: see [`SourceBehind::late`].
    pub late: bool,
}

type BehindPanes = [Vec<SourceBehind>; Pane::ALL.len()];

fn kept(app: &Console) -> Arc<BehindPanes> {
    let made_of = RowsMadeOf { time: true, ..RowsMadeOf::topics(&[Topic::Sources]) };
    app.projections.sources.get(inputs(app, &made_of), || {
        let mut panes = BehindPanes::default();
        for (at, row) in app.rows(Topic::Sources).iter().enumerate() {
            let Some(SourceRow { alive_at, trouble, fresh_for_s, .. }) = row.as_kind() else { continue };
            let late = alive_at.is_none_or(|at| time::since(at, app.at()) > *fresh_for_s);
            let late = late || trouble.is_some() || app.lost();
            for pane in Pane::ALL.iter().filter(|pane| pane.is_from(row.source.system)) {
                panes[*pane as usize].push(SourceBehind { at, late });
            }
        }
        panes
    })
}

/// The sources behind a pane.
pub fn behind(app: &Console, pane: Pane) -> Vec<Behind<'_>> {
    let (kept, rows) = (kept(app), app.rows(Topic::Sources));
    let found = kept[pane as usize].iter().filter_map(|source| {
        let row = rows.get(source.at)?;
        let SourceRow { alive_at, troubled_since, trouble, .. } = row.as_kind()?;
        let (alive_at, troubled_since) = (*alive_at, *troubled_since);
        Some(Behind { row, alive_at, troubled_since, trouble: trouble.as_ref(), late: source.late })
    });
    found.collect()
}

/// Whether nothing behind the pane can be believed any more.
pub fn is_stale(app: &Console, pane: Pane) -> bool {
    let kept = kept(app);
    let behind = &kept[pane as usize];
    !behind.is_empty() && behind.iter().all(|source| source.late)
}

/// Why a topic has no rows: there is none, it is not known, or nothing of the kind is configured.
pub fn absent(app: &Console, topic: Topic) -> String {
    if app.mirror.welcome.is_none() {
        return "Waiting for the room.".to_owned();
    }
    if app.lost() {
        return "Nothing is known: the room is not heard.".to_owned();
    }
    let ago = |at| match time::age(time::since(at, app.at())).as_str() {
        "now" => "just now".to_owned(),
        age => format!("{age} ago"),
    };
    absence(topic, app.rows(Topic::Sources), app.at()).says(topic, ago)
}
