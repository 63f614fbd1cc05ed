//! Panes at an earlier instant, each marked PAST: kept rows where there are any, else the last recorded changes.

use crate::board::Topic;
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::spec::PaneHistory;
use crate::console::rows::{self, past};
use crate::console::theme::Role;
use crate::console::time_travel::{PastTopic, TimeTravel};
use crate::console::widget::canvas::span;
use crate::console::widget::columns::Column;
use crate::console::widget::{ColumnText, Words, time};
use crate::model::Happening;
use crate::timeline::Item;

use super::{timeline, timeline_text};

/// Columns of a pane that shows changes instead of its rows.
pub fn columns(app: &Console, pane: Pane) -> Option<&'static [Column]> {
    let past = app.past.as_ref()?;
    let changes = match rows::spec(pane).past {
        PaneHistory::Changes => true,
        PaneHistory::Kept { kept, with_changes, .. } => !with_changes && !kept(past).is_known(),
        PaneHistory::AsRecorded | PaneHistory::Nothing(_) => false,
    };
    changes.then_some(timeline::COLUMNS)
}

/// A recorded change as a row of a pane.
pub fn cells(app: &Console, pane: Pane, item: &Item) -> Vec<ColumnText> {
    let (mark, _) = timeline_text::mark(item);
    let says = vec![span(Role::Text, timeline_text::says(item))];
    if pane == Pane::Events {
        let (subject, edge) = match &item.entry.happening {
            Happening::Transition(edge) => (edge.subject.to_string(), edge.edge.as_str().replace(['.', '_'], " ")),
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

/// The pane's mark, and what its rows are.
pub fn title(app: &Console, past: &TimeTravel, pane: Pane) -> Words {
    let mark = span(Role::Banner, format!(" PAST {} ", past.instant(&app.zone, app.now.room)));
    let what = match rows::spec(pane).past {
        PaneHistory::Kept { topic, kept, .. } => as_kept(past, topic, kept(past)),
        PaneHistory::AsRecorded => Some("as recorded by then".to_owned()),
        PaneHistory::Nothing(_) => Some(String::new()),
        PaneHistory::Changes => None,
    };
    let what = what.unwrap_or_else(|| "last recorded changes".to_owned());
    vec![mark, span(Role::Dim, format!(" {what}"))]
}

/// That a topic's rows are those the room kept, and whether they are all there were.
fn as_kept(past: &TimeTravel, topic: Topic, kept: &PastTopic) -> Option<String> {
    let PastTopic::Known(short) = kept else { return None };
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
pub fn nothing(app: &Console, past: &TimeTravel, pane: Pane) -> String {
    let at = past.instant(&app.zone, app.now.room);
    match rows::spec(pane).past {
        PaneHistory::Kept { kept, none, .. } => match kept(past) {
            PastTopic::Asked => "Asking the room what it kept.".to_owned(),
            PastTopic::Unknown(Some(since)) => {
                format!("Not kept at {at}: the room keeps this from {} on.", app.zone.seconds(*since))
            }
            PastTopic::Unknown(None) => format!("The room kept nothing of {at}."),
            PastTopic::Known(_) => format!("{none} was known at {at}."),
        },
        PaneHistory::AsRecorded => format!("No incident was open at {at}."),
        PaneHistory::Nothing(instead) => instead.to_owned(),
        PaneHistory::Changes => format!("No change was recorded by {at} in the incidents of this log."),
    }
}
