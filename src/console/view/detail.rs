//! Everything about one row, nothing cut: the facts as they were read, when, and from whom.

use crate::board::describe::{DescriptionPart, PageContext};
use crate::board::event_groups::EventGroup;
use crate::board::{Row, Topic, Verdict};
use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::Command;
use crate::console::pane::Pane;
use crate::console::rows::{self, PaneEntry};
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{glyph, time};
use crate::model::{Actor, Stamp};
use crate::timeline::Item;

use super::page::Page;

mod relations;
mod timeline_item;

/// The page about the row with this key.
pub fn sheet(app: &Console, pane: Pane, key: &str, room: u16) -> Page {
    let mut sheet = Page::new(pane.title());
    let Some(entry) = rows::find(app, pane, key) else {
        let back = availability::key(app, app.context(), Command::Back);
        sheet.prose(Role::Text, &format!("This row is gone. {back} goes back."), room);
        return sheet;
    };
    match entry {
        PaneEntry::Item(it) | PaneEntry::Waver(it, _) => timeline_item::of(app, it, &mut sheet, room),
        PaneEntry::Who(who) => {
            let mut facts = FactPage { app, sheet: &mut sheet, room };
            facts.text("person", who.actor.person.as_str());
            facts.text("level", &format!("{:?}", who.actor.level).to_lowercase());
            facts.text("role", &format!("{:?}", who.role).to_lowercase());
            facts.time("here since", Some(who.since));
            facts.text("consoles", &who.consoles.to_string());
            facts.text("uid", &who.actor.uid.map(|uid| uid.to_string()).unwrap_or_default());
            facts.login(&who.actor);
            if who.actor.simulated {
                facts.text("simulated", "yes: a person of the drill");
            }
        }
        PaneEntry::Row(row) | PaneEntry::Pool(row, ..) => of_row(app, row, &mut sheet, room),
        PaneEntry::Loss(row, verdict) => relations::of_loss(app, row, verdict, &mut sheet, room),
        PaneEntry::Fold(fold) => of_fold(app, &fold, &mut sheet, room),
        PaneEntry::Away(person, at) => relations::of_away(app, person, at, &mut sheet, room),
        PaneEntry::Plan(_) => {}
    }
    relations::relations(app, pane, &entry, &mut sheet, room);
    relations::raw(&entry, &mut sheet, room);
    sheet
}

/// The page about an entry, whether or not a row of the pane shows it.
pub fn entry(app: &Console, item: &Item, room: u16) -> Page {
    let mut sheet = Page::new(Pane::Timeline.title());
    timeline_item::of(app, item, &mut sheet, room);
    sheet
}

struct FactPage<'a, 'b> {
    app: &'a Console,
    sheet: &'b mut Page,
    room: u16,
}

impl FactPage<'_, '_> {
    fn text(&mut self, label: &str, value: &str) {
        self.sheet.pair(label, Role::Text, value, self.room);
    }

    /// Who logged in, where that is not the account that acted: by `sudo` or `su` one becomes the other.
    fn login(&mut self, who: &Actor) {
        if let (Some(uid), Some(login)) = (who.uid, who.login.filter(|login| who.uid != Some(*login))) {
            self.text("login", &format!("uid {login} logged in and became uid {uid}"));
        }
    }

    fn time(&mut self, label: &str, at: Option<Stamp>) {
        if let Some(at) = at {
            let age = time::age(time::since(at, self.app.at()));
            let ago = if age == "now" { "just now".to_owned() } else { format!("{age} ago") };
            let words = format!("{}, {ago}", self.app.zone.full(at));
            self.text(label, &words);
        }
    }

    /// What a row says of itself.
    fn described(&mut self, tell: impl FnOnce(PageContext<'_>, &mut dyn FnMut(DescriptionPart<'_>))) {
        let app = self.app;
        let (now, time) = (app.at(), |at| app.zone.full(at));
        let (alerts, silences) = (app.rows(Topic::Alerts), app.rows(Topic::Silences));
        tell(PageContext { now, time: &time, alerts, silences }, &mut |part| match part {
            DescriptionPart::Heading(words) => self.sheet.heading(words),
            DescriptionPart::Space => self.sheet.space(),
            DescriptionPart::Fact(label, value, verdict) => {
                self.sheet.pair(label, glyph::of(verdict).1, &value.to_string(), self.room);
            }
            DescriptionPart::Time(label, at) => self.time(label, Some(at)),
            _ => {}
        });
    }

    /// Who said a row, and when.
    fn proof(&mut self, row: &Row) {
        self.text("read from", &row.source.to_string());
        self.time("last proven", Some(row.seen_at));
    }
}

fn of_fold(app: &Console, fold: &EventGroup<'_>, sheet: &mut Page, room: u16) {
    let (glyph, role) = glyph::of(fold.newest.verdict);
    sheet.title.push(span(role, format!("   {glyph} {}", fold.event.reason)));
    let mut facts = FactPage { app, sheet, room };
    facts.text("reason", fold.event.reason.as_str());
    let more = if fold.more_objects { "more than " } else { "" };
    facts.text("objects", &format!("{more}{} of kind {}", fold.objects, fold.event.object_kind));
    facts.text("namespace", fold.event.namespace.as_str());
    facts.text("cluster", &fold.event.cluster);
    let least = if fold.at_least { "at least " } else { "" };
    facts.text("count", &format!("{least}{}, as Kubernetes counts repetitions", fold.count));
    let rate = format!("about {} in the last minute, {}", fold.per_minute(), fold.trend().name());
    facts.text("getting worse", &rate);
    facts.time("first", Some(fold.first));
    facts.time("last", Some(fold.last));
    facts.text("says", fold.event.message.as_str());
}

fn of_row(app: &Console, row: &Row, sheet: &mut Page, room: u16) {
    let (glyph, role) = glyph::of(if row.stale { Verdict::Unknown } else { row.verdict });
    sheet.title.push(span(role, format!("   {glyph} {}", row.verdict.name())));
    let mut facts = FactPage { app, sheet, room };
    if row.stale {
        facts.sheet.pair("STALE", Role::Warning, "too old to be believed; it may have changed since", room);
    }
    facts.text("why", row.why.as_str());
    facts.described(|page, each| row.describe(Some(page), each));
    facts.sheet.space();
    facts.proof(row);
}
