//! What each pane says of its rows: how they are made, of what, and when they are shown.

use crate::board::Row;
use crate::client::Revision;
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::{EntryRef, PastInputs, RowInputs};
use crate::console::time_travel::{PastTopic, TimeTravel};
use crate::model::Topic;

/// How a pane makes rows of what the console knows.
pub struct RowsSpec {
    /// The pane that it is about.
    pub pane: Pane,
    /// What they are made of. What is not named here may change and the rows are not made anew.
    pub made_of: RowsMadeOf,
    /// Every row.
    pub entries: fn(&Console) -> Vec<EntryRef>,
    /// The rows of a pane that is neither filtered nor in the past: those that say something of their own. `None` = every row.
    pub brief: Option<fn(&Console) -> Vec<EntryRef>>,
    /// When the brief form is shown.
    pub brief_while: BriefWhile,
    /// Whether rows that the brief form leaves out are named beside a row of another pane.
    pub related_in_full: bool,
    /// Whether plain mode says which of its rows got worse or well.
    pub announced: bool,
    /// What it shows when the console looks at an earlier instant.
    pub past: PaneHistory,
}

/// What rows are made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowsMadeOf {
    /// The topics whose rows are used; empty for a pane that has no table.
    pub topics: &'static [Topic],
    /// The incident and its entries.
    pub story: bool,
    /// Who is present.
    pub people: bool,
    /// What was promised of services.
    pub objectives: bool,
    /// Time alone changes them.
    pub time: bool,
}

impl RowsMadeOf {
    /// Of the rows of topics alone.
    pub const fn topics(topics: &'static [Topic]) -> Self {
        Self { topics, story: false, people: false, objectives: false, time: false }
    }
}

/// The revisions of what rows are made of.
pub fn inputs(app: &Console, of: &RowsMadeOf) -> RowInputs {
    let seen = app.seen();
    let mut inputs = RowInputs { lost: app.lost(), ..RowInputs::default() };
    for topic in of.topics {
        inputs.topics[*topic as usize] = seen.board.revision(*topic);
    }
    let if_used = |used: bool, revision: Revision| if used { revision } else { Revision::default() };
    inputs.story = if_used(of.story || app.past.is_some(), seen.story.revision());
    inputs.present = if_used(of.people, seen.present.revision());
    inputs.welcome = if_used(of.objectives, app.mirror.welcome.revision());
    inputs.second = if of.time { app.at().timestamp() } else { 0 };
    inputs.past = app.past.as_ref().map(|past| PastInputs {
        at: past.at,
        live: app.mirror.story.revision(),
        known: [past.alerts.is_known(), past.events.is_known()],
        reads: past.read.is_some(),
    });
    inputs
}

/// Rows of a topic that are kept, by their places.
pub fn places(app: &Console, topic: Topic, keep: impl Fn(&Row) -> bool) -> Vec<EntryRef> {
    let kept = app.rows(topic).iter().enumerate().filter(|(_, row)| keep(row));
    kept.map(|(at, _)| EntryRef::Row(topic, at)).collect()
}

/// When a pane shows its rows in brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BriefWhile {
    /// As long as nobody filters. Who looks for words wants each row; who looks at the pane wants to know what broke.
    Unfiltered,
    /// And it has not the whole screen.
    NotZoomed,
    /// And not only what is wrong is shown.
    NotZoomedNorWarnings,
}

impl BriefWhile {
    /// Whether an unfiltered pane is shown in brief.
    pub fn holds(self, zoomed: bool, warnings: bool) -> bool {
        match self {
            Self::Unfiltered => true,
            Self::NotZoomed => !zoomed,
            Self::NotZoomedNorWarnings => !zoomed && !warnings,
        }
    }
}

/// What a pane shows of an earlier instant.
#[derive(Clone, Copy)]
pub enum PaneHistory {
    /// The last recorded change of each thing.
    Changes,
    /// The rows that the room kept, and the changes before them or in their place.
    Kept {
        /// The topic whose rows the room kept.
        topic: Topic,
        /// Where the console holds what the room answered about that topic.
        kept: fn(&TimeTravel) -> &PastTopic,
        /// Whether recorded changes stand before those rows; else they stand in their place while those are not known.
        with_changes: bool,
        /// What there was none of, for the sentence about an empty pane: `No alert`.
        none: &'static str,
    },
    /// Its own rows, as recorded by then.
    AsRecorded,
    /// Nothing, with where to look.
    Nothing(&'static str),
}
