//! Panes at an earlier instant, each marked PAST: kept rows where there are any, else the last recorded changes.

use crate::board::Topic;
use crate::console::app::App;
use crate::console::pane::Pane;
use crate::console::theme::Role;
use crate::console::time_travel::{self, Kept, Past};
use crate::console::widget::canvas::span;
use crate::console::widget::columns::Column;
use crate::console::widget::{Cell, Words, time};
use crate::model::Happening;
use crate::timeline::Item;

use super::pane_rows::Entry;
use super::panes::{self, PastRows};
use super::{timeline, timeline_text};

/// The rows of a pane then.
pub fn entries<'a>(app: &'a App, past: &'a Past, pane: Pane) -> Vec<Entry<'a>> {
    let edges = || time_travel::edges(app, past, pane).into_iter().map(Entry::Item).collect::<Vec<_>>();
    let rows = || (panes::spec(pane).entries)(app);
    match panes::spec(pane).past {
        PastRows::Changes => edges(),
        PastRows::Kept { topic, with_changes: true, .. } => {
            edges().into_iter().chain(app.rows(topic).iter().map(Entry::Row)).collect()
        }
        PastRows::Kept { kept, .. } if kept(past).is_known() => rows(),
        PastRows::Kept { .. } => edges(),
        PastRows::AsRecorded => rows(),
        PastRows::Nothing(_) => Vec::new(),
    }
}

/// Columns of a pane that shows changes instead of its rows.
pub fn columns(app: &App, pane: Pane) -> Option<&'static [Column]> {
    let past = app.past.as_ref()?;
    let changes = match panes::spec(pane).past {
        PastRows::Changes => true,
        PastRows::Kept { kept, with_changes, .. } => !with_changes && !kept(past).is_known(),
        PastRows::AsRecorded | PastRows::Nothing(_) => false,
    };
    changes.then_some(timeline::COLUMNS)
}

/// A recorded change as a row of a pane.
pub fn cells(app: &App, pane: Pane, item: &Item) -> Vec<Cell> {
    let (mark, _) = timeline_text::mark(item);
    let says = vec![span(Role::Text, timeline_text::says(item))];
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
    let t_plus = time_travel::incident(app).map(|it| time::t_plus(it.zero(), item.at)).unwrap_or_default();
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
    let what = match panes::spec(pane).past {
        PastRows::Kept { topic, kept, .. } => as_kept(past, topic, kept(past)),
        PastRows::AsRecorded => Some("as recorded by then".to_owned()),
        PastRows::Nothing(_) => Some(String::new()),
        PastRows::Changes => None,
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
    Some(match (short.left_out, topic.tells_events()) {
        (0, _) => format!("as kept{let_go}"),
        (left_out, true) => format!("the newest {rows} of {} kept{let_go}", rows + left_out),
        (left_out, false) => format!("the worst {rows} of {} kept{let_go}", rows + left_out),
    })
}

/// What stands where there are no rows.
pub fn nothing(app: &App, past: &Past, pane: Pane) -> String {
    let at = instant(app, past);
    match panes::spec(pane).past {
        PastRows::Kept { kept, none, .. } => match kept(past) {
            Kept::Asked => "Asking the room what it kept.".to_owned(),
            Kept::Unknown(Some(since)) => {
                format!("Not kept at {at}: the room keeps this from {} on.", app.zone.seconds(*since))
            }
            Kept::Unknown(None) => format!("The room kept nothing of {at}."),
            Kept::Known(_) => format!("{none} was known at {at}."),
        },
        PastRows::AsRecorded => format!("No incident was open at {at}."),
        PastRows::Nothing(instead) => instead.to_owned(),
        PastRows::Changes => format!("No change was recorded by {at} in the incidents of this log."),
    }
}
