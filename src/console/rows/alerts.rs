//! Alerts, merged over the Alertmanager instances, as the board orders them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::board::{AlertRow, HeartbeatRow, Row, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::{AlertFigures, EntryRef};
use crate::model::AlertGrade;
use crate::model::facts::Alert;

use super::spec::{BriefWhile, PaneHistory, RowsMadeOf, RowsSpec, inputs, places};

/// What rows the pane has.
pub static ROWS: RowsSpec = RowsSpec {
    pane: Pane::Alerts,
    made_of: RowsMadeOf::topics(&[Topic::Alerts, Topic::Sources]),
    entries,
    brief: None,
    brief_while: BriefWhile::Unfiltered,
    related_in_full: false,
    announced: true,
    past: PaneHistory::Kept { topic: Topic::Alerts, kept: |past| &past.alerts, with_changes: false, none: "No alert" },
};

/// Whether an alert says that alerting itself lives.
pub fn is_heartbeat(row: &Row) -> bool {
    row.as_kind::<AlertRow>().is_some_and(|it| it.alert.grade == AlertGrade::Heartbeat)
}

/// Whether it does not fire any more, as far as can be told.
pub fn ended(alert: &Alert) -> bool {
    alert.state.is("resolved") || alert.state.is("gone")
}

/// Whether it says no more than that alerting lives.
fn beats(row: &Row) -> bool {
    is_heartbeat(row) && row.verdict <= Verdict::Unknown
}

/// First what says that no heartbeat is seen, for then silence proves nothing; and every alert but a heartbeat that beats.
fn entries(app: &Console) -> Vec<EntryRef> {
    let mut all = places(app, Topic::Sources, Row::is_kind::<HeartbeatRow>);
    all.extend(places(app, Topic::Alerts, |row| !beats(row)));
    all
}

/// Critical alerts that fire and call nobody because of a silence.
pub fn muted_critical(app: &Console) -> impl Iterator<Item = (&Row, &Alert)> {
    let all = app.rows(Topic::Alerts).iter().filter_map(Row::with_kind::<AlertRow>).map(|(row, it)| (row, &it.alert));
    all.filter(|(_, alert)| {
        alert.grade == AlertGrade::Critical && alert.state.is("suppressed") && !alert.silenced_by.is_empty()
    })
}

/// Figures about them.
pub fn figures(app: &Console) -> Arc<AlertFigures> {
    app.projections.alerts.get(inputs(app, &ROWS.made_of), || {
        let mut figures = AlertFigures { muted: muted_critical(app).count(), ..AlertFigures::default() };
        let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, row) in app.rows(Topic::Alerts).iter().enumerate() {
            let Some(AlertRow { alert, .. }) = row.as_kind() else { continue };
            names.entry(alert.name.as_str()).or_default().push(at);
            if beats(row) || alert.state.is("suppressed") || ended(alert) {
                continue;
            }
            figures.told_nobody += usize::from(alert.receivers.is_empty());
            for name in &alert.receivers {
                match figures.told.get_mut(name.as_str()) {
                    Some(told) => *told += 1,
                    None => drop(figures.told.insert(name.to_string(), 1)),
                }
            }
        }
        let several = names.into_iter().filter(|(_, places)| places.len() > 1);
        figures.namesakes = several.map(|(name, places)| (name.to_owned(), places)).collect();
        figures
    })
}

/// The other alerts of a name.
pub fn namesakes<'a>(app: &'a Console, row: &Row, alert: &Alert) -> Vec<&'a Alert> {
    let (figures, rows) = (figures(app), app.rows(Topic::Alerts));
    let places = figures.namesakes.get(alert.name.as_str()).map_or(&[][..], Vec::as_slice);
    let others = places.iter().filter_map(|at| rows.get(*at)).filter(|it| it.id != row.id);
    others.filter_map(Row::as_kind::<AlertRow>).map(|it| &it.alert).collect()
}
