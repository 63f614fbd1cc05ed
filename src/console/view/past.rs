//! Panes at an earlier instant, each marked PAST: kept rows where there are any, else the last recorded changes.

use crate::board::Topic;
use crate::console::app::{App, Pane};
use crate::console::past::{self, Kept, Past};
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::columns::Column;
use crate::console::widget::{Cell, Words, time};
use crate::model::Happening;
use crate::timeline::Item;

use super::list::Entry;
use super::{alerts, timeline, words};

/// The rows of a pane then.
pub fn entries<'a>(app: &'a App, past: &'a Past, pane: Pane) -> Vec<Entry<'a>> {
    let edges = || past::edges(app, past, pane).into_iter().map(Entry::Item).collect::<Vec<_>>();
    match pane {
        Pane::Timeline => timeline::entries(app),
        Pane::Alerts if past.alerts.is_known() => alerts::entries(app),
        Pane::Events => edges().into_iter().chain(app.rows(Topic::Events).iter().map(Entry::Row)).collect(),
        Pane::People => Vec::new(),
        _ => edges(),
    }
}

/// Columns of a pane that shows changes instead of its rows.
pub fn columns(app: &App, pane: Pane) -> Option<&'static [Column]> {
    let past = app.past.as_ref()?;
    let changes = match pane {
        Pane::Alerts => !past.alerts.is_known(),
        Pane::Traffic | Pane::Backups | Pane::Gitops => true,
        Pane::Events | Pane::Timeline | Pane::People => false,
    };
    changes.then_some(timeline::COLUMNS)
}

/// A recorded change as a row of a pane.
pub fn cells(app: &App, pane: Pane, item: &Item) -> Vec<Cell> {
    let (mark, _) = words::mark(item);
    let says = vec![span(Role::Text, words::says(item))];
    if pane == Pane::Events {
        let (subject, edge) = match &item.entry.happening {
            Happening::Edge(edge) => (edge.subject.to_string(), edge.edge.as_str().replace(['.', '_'], " ")),
            _ => Default::default(),
        };
        let at = vec![span(Role::Dim, app.zone.seconds(item.at))];
        return vec![
            mark,
            at,
            vec![span(Role::Text, subject)],
            vec![span(Role::Dim, edge)],
            Words::new(),
            Words::new(),
            says,
        ];
    }
    let t_plus = past::incident(app).map(|it| time::t_plus(it.zero(), item.at)).unwrap_or_default();
    vec![
        vec![span(Role::Dim, t_plus)],
        vec![span(Role::Dim, app.zone.minutes(item.at))],
        vec![span(Role::Dim, "room")],
        mark,
        says,
    ]
}

/// `14:41`, with the day where it is another one.
pub fn instant(app: &App, past: &Past) -> String {
    let (then, now) = (app.zone.of(past.at), app.zone.of(app.now.room));
    let clock = if past.at.timestamp() % 60 == 0 { app.zone.minutes(past.at) } else { app.zone.seconds(past.at) };
    if then.date() == now.date() { clock } else { format!("{} {clock}", then.format("%e %b")).trim_start().to_owned() }
}

/// The pane's mark, and what its rows are.
pub fn title(app: &App, past: &Past, pane: Pane) -> Words {
    let mark = span(Role::Banner, format!(" PAST {} ", instant(app, past)));
    let what = match pane {
        Pane::Alerts => as_kept(past, Topic::Alerts, &past.alerts),
        Pane::Events => as_kept(past, Topic::Events, &past.events),
        Pane::Timeline => Some("as recorded by then".to_owned()),
        Pane::People => Some(String::new()),
        _ => None,
    };
    let what = what.unwrap_or_else(|| "last recorded changes".to_owned());
    vec![mark, span(Role::Dim, format!(" {what}"))]
}

/// That a topic's rows are those the room kept, and whether they are all there were.
fn as_kept(past: &Past, topic: Topic, kept: &Kept) -> Option<String> {
    let Kept::Known(short) = kept else { return None };
    let Some(short) = short else { return Some("as kept".to_owned()) };
    let rows = past.mirror.rows(topic).len() as u64;
    let let_go = if short.let_go { ", more were let go" } else { "" };
    Some(match (short.left_out, topic) {
        (0, _) => format!("as kept{let_go}"),
        (left_out, Topic::Events) => format!("the newest {rows} of {} kept{let_go}", rows + left_out),
        (left_out, _) => format!("the worst {rows} of {} kept{let_go}", rows + left_out),
    })
}

/// What stands where there are no rows.
pub fn nothing(app: &App, past: &Past, pane: Pane) -> String {
    let at = instant(app, past);
    let kept = match pane {
        Pane::Alerts => Some(&past.alerts),
        Pane::Events => Some(&past.events),
        _ => None,
    };
    match (pane, kept) {
        (_, Some(Kept::Asked)) => "Asking the room what it kept.".to_owned(),
        (_, Some(Kept::Unknown(Some(since)))) => {
            format!("Not kept at {at}: the room keeps this from {} on.", app.zone.seconds(*since))
        }
        (_, Some(Kept::Unknown(None))) => format!("The room kept nothing of {at}."),
        (Pane::Alerts, _) => format!("No alert was known at {at}."),
        (Pane::Events, _) => format!("No event was known at {at}."),
        (Pane::Timeline, _) => format!("No incident was open at {at}."),
        (Pane::People, _) => "Who was here then: the timeline has who joined and left.".to_owned(),
        _ => format!("No change was recorded by {at} in the incidents of this log."),
    }
}
