//! Everything about one entry of the timeline.

use crate::console::app::Console;
use crate::console::theme::Role;
use crate::console::view::page::Page;
use crate::console::view::timeline_text;
use crate::console::widget::canvas::span;
use crate::model::SafeText;
use crate::timeline::Item;

use super::FactPage;

/// The entry as it stands: who, when by whose word, and what was made of it.
pub(super) fn of(app: &Console, item: &Item, sheet: &mut Page, room: u16) {
    sheet.title.push(span(Role::Dim, format!("   entry {}", item.entry.seq)));
    sheet.prose(Role::Strong, &timeline_text::says(item), room);
    sheet.space();
    let entry = &item.entry;
    let mut facts = FactPage { app, sheet, room };
    facts.text("by", &format!("{} ({:?})", entry.by.person, entry.by.level).to_lowercase());
    facts.login(&entry.by);
    facts.time("happened", Some(item.at));
    if entry.observed_at() != item.at {
        // What the room saw keeps its time beside any that somebody states.
        facts.time(if entry.by.is_room() { "measured" } else { "first said" }, Some(entry.observed_at()));
    }
    facts.time("recorded", Some(entry.ts));
    if !item.amended_by.is_empty() {
        let seqs: Vec<String> = item.amended_by.iter().map(ToString::to_string).collect();
        facts.text("amended by", &format!("entry {}", seqs.join(", ")));
        facts.text("first said", item.original().map_or("", |text| text.as_str()));
        facts.text("was", entry.text.as_ref().map(SafeText::as_str).unwrap_or(""));
    }
    for mark in &item.marks {
        facts.text("milestone", &format!("{}, marked by {} in entry {}", mark.milestone, mark.by, mark.seq));
    }
    facts.text("kind of entry", &timeline_text::kind_words(&entry.happening));
    facts.text("hash", &entry.hash.hex());
}
