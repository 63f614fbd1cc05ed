//! What else is about the same thing: rows of the other panes with the same object, service or cluster.

use std::iter;

use crate::board::describe::DescriptionPart;
use crate::board::{Row, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::{self, PaneEntry};
use crate::model::filter::Field;
use crate::model::{Happening, PlanId};
use crate::timeline::{Item, effects, plan_of};

use super::pane_rows;

/// At most so many of one pane: a page is read, not searched.
const MOST: usize = 6;

/// What a line of a page leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum PageLink {
    /// A row of a pane, by its [`PaneEntry::key`].
    Row(Pane, String),
    /// The plan's own page.
    Plan(PlanId),
}

/// A line that leads somewhere.
pub struct Related {
    /// The pane that the other row stands in.
    pub pane: Pane,
    /// That row in plain words, not yet cut to the width.
    pub words: String,
    /// What opening the line shows.
    pub to: PageLink,
}

/// What something is about.
#[derive(Default)]
struct RelationKeys {
    objects: Vec<String>,
    services: Vec<String>,
    clusters: Vec<String>,
}

impl RelationKeys {
    fn object(&mut self, name: &str) {
        if !name.is_empty() {
            self.objects.push(name.to_owned());
        }
    }
}

/// Everything related to a row, the timeline first.
pub fn of(app: &Console, pane: Pane, entry: &PaneEntry<'_>) -> Vec<Related> {
    let about = about(app, entry);
    let mut out = plans(app, entry);
    for other in iter::once(Pane::Timeline).chain(Pane::with_tables()) {
        let entries = match rows::spec(other).related_in_full {
            true => rows::all(app, other),
            false => rows::brief(app, other),
        };
        let mut near: Vec<(u8, PaneEntry<'_>)> = entries
            .into_iter()
            .filter(|it| other != pane || it.key() != entry.key())
            .filter_map(|it| Some((nearness(&about, &self::about(app, &it), it.verdict(), other)?, it)))
            .collect();
        near.sort_by_key(|(rank, _)| *rank);
        out.extend(near.into_iter().take(MOST).map(|(_, it)| Related {
            pane: other,
            words: pane_rows::plain(app, other, &it),
            to: match it.plan() {
                Some(plan) => PageLink::Plan(plan),
                None => PageLink::Row(other, it.key()),
            },
        }));
    }
    // What followed from a plan is in the timeline too: it is listed where it was found first.
    let mut seen: Vec<PageLink> = Vec::new();
    out.retain(|it| {
        let new = !seen.contains(&it.to);
        seen.push(it.to.clone());
        new
    });
    out
}

/// How near two things are: the same object, the same service, or trouble in the same cluster.
fn nearness(one: &RelationKeys, other: &RelationKeys, verdict: Verdict, pane: Pane) -> Option<u8> {
    let share = |a: &[String], b: &[String]| a.iter().any(|it| b.contains(it));
    if share(&one.objects, &other.objects) {
        return Some(0);
    }
    if share(&one.services, &other.services) && !(pane == Pane::Timeline && one.objects.len() > 1) {
        return Some(1);
    }
    (share(&one.clusters, &other.clusters) && verdict >= Verdict::Warning).then_some(2)
}

/// An item leads to its plan, and a plan to what followed from it.
fn plans(app: &Console, entry: &PaneEntry<'_>) -> Vec<Related> {
    let (Some(incident), Some(item)) = (app.incident(), entry.item()) else { return Vec::new() };
    let Some(record) = plan_of(incident, item) else { return Vec::new() };
    let plan = record.plan.plan.clone();
    let mut out = vec![Related {
        pane: Pane::Timeline,
        words: super::timeline_text::plan_says(record),
        to: PageLink::Plan(plan.clone()),
    }];
    let others = effects(incident, &plan).into_iter().filter(|it| it.entry.seq != item.entry.seq);
    out.extend(others.take(MOST).map(|it| Related {
        pane: Pane::Timeline,
        words: super::timeline_text::says(it),
        to: PageLink::Row(Pane::Timeline, PaneEntry::Item(it).key()),
    }));
    out
}

fn about(app: &Console, entry: &PaneEntry<'_>) -> RelationKeys {
    match entry {
        PaneEntry::Item(item) | PaneEntry::Waver(item, _) => of_item(item),
        PaneEntry::Plan(record) => {
            RelationKeys { services: vec![record.plan.service.clone()], ..RelationKeys::default() }
        }
        PaneEntry::Pool(row, pool, _) => {
            let mut about = of_row(app, row);
            about.object(pool.name.as_str());
            about
        }
        PaneEntry::Fold(fold) => {
            let mut about = of_row(app, fold.newest);
            if fold.objects > 1 {
                about.objects.clear();
            }
            about
        }
        PaneEntry::Row(row) | PaneEntry::Loss(row, _) => of_row(app, row),
        PaneEntry::Who(_) | PaneEntry::Away(..) => RelationKeys::default(),
    }
}

fn of_item(item: &Item) -> RelationKeys {
    let mut about = RelationKeys::default();
    if let Happening::Transition(edge) = &item.entry.happening {
        about.object(edge.subject.as_str());
        about.services.extend(edge.service.clone());
    }
    about
}

fn of_row(app: &Console, row: &Row) -> RelationKeys {
    let mut about = RelationKeys::default();
    let objectives = app.mirror.welcome.as_ref().map_or(&[][..], |welcome| welcome.objectives.as_slice());
    row.describe(None, &mut |part| match part {
        DescriptionPart::Object(name) => about.objects.push(name.to_owned()),
        DescriptionPart::Field(Field::Service, name) => about.services.push(name.to_owned()),
        DescriptionPart::Place(cluster) => about.clusters.push(cluster.to_owned()),
        DescriptionPart::Owner(owns) => {
            about.services.extend(objectives.iter().filter(|it| owns(it)).map(|it| it.service.clone()));
        }
        _ => {}
    });
    about
}
