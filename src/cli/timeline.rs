//! `timeline show|tail`.

use std::fmt;

use clap::Args as ClapArgs;
use serde_json::json;

use super::args::{FilterArgs, FolderArgs, Output};
use super::connect::RoomLink;
use super::dispatch::{Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use super::whole_incident::WholeIncident;
use super::{board_tables, log_folder, output};
use crate::model::filter::Filter;
use crate::model::streamed_json::write_json;
use crate::model::time::from_detection;
use crate::model::{Stamp, clean};
use crate::timeline::{Incident, Item, ItemSource, ToldItem, sentence_of};

/// Show an incident's timeline: the current one's, or the one named.
#[derive(Clone, Debug, ClapArgs)]
pub struct ShowTimelineArgs {
    /// The incident.
    incident: Option<String>,
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    narrow: FilterArgs,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for ShowTimelineArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let (id, filter) = (self.incident.as_deref(), self.narrow.filter.as_ref());
        let (whole, now) = match &self.folder.dir {
            Some(dir) => {
                let read = log_folder::read(dir, given.global.config.as_deref())?;
                let now = read.as_of;
                (WholeIncident::of_folder(read, id)?, now)
            }
            None => {
                let mut link = given.link(Some(0), &[]).await?;
                link.caught_up().await?;
                (WholeIncident::of_room(&mut link, id).await?, link.clock.now())
            }
        };
        whole.with_items(|items| {
            let shown = ShownTimeline { incident: &whole.incident, items, filter, now };
            Ok(output::print_through(&|out| if self.output.json() { shown.json(out) } else { shown.table(out) })?)
        })?;
        Ok(Exit::Ok)
    }
}

/// Print entries as they come, until interrupted.
#[derive(Clone, Debug, ClapArgs)]
pub struct TailArgs {
    /// Begin with this sequence number; without it, with what comes next.
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    #[command(flatten)]
    narrow: FilterArgs,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for TailArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        // What is older than the newest can only be told by whoever hears it all; it is let go once it is printed.
        let mut link = given.link(Some(self.from.map_or(0, |_| 1)), &[]).await?;
        if self.from.is_none() {
            link.caught_up().await?;
        }
        let from = self.from.unwrap_or_else(|| link.mirror.head.map_or(1, |(seq, _)| seq + 1));
        let print = |line: &str| output::print(line).map(|_| ());
        tail(&mut link, from, self.narrow.filter.as_ref(), self.output.json(), print).await?;
        Ok(Exit::Ok)
    }
}

/// The whole timeline of an incident, whose items are read when they are printed.
struct ShownTimeline<'a> {
    incident: &'a Incident,
    items: &'a dyn ItemSource,
    filter: Option<&'a Filter>,
    now: Stamp,
}

impl ShownTimeline<'_> {
    fn each(&self, take: &mut dyn FnMut(&Item) -> fmt::Result) -> fmt::Result {
        let passes = |item: &Item| passes(self.filter, self.incident, item, self.now);
        self.items.items(&|_| true, &mut |item| if passes(item) { take(item) } else { Ok(()) })
    }

    fn json(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let mut json = json!({
            "schema": "warroom/timeline/v1", "incident": board_tables::incident_json(self.incident), "items": [],
        });
        self.say_filtered(&mut json, &mut String::new())?;
        write_json(out, json, &["items"], &|_, take| self.each(&mut |item| take(&item_json(self.incident, item))))?;
        out.write_char('\n')
    }

    fn table(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        output::write_table(out, &["SEQ", "T+", "TIME", "WHO", "KIND", "WHAT"], &|take| {
            self.each(&mut |item| take(&cells(self.incident, item)))
        })?;
        let mut text = String::new();
        self.say_filtered(&mut json!({}), &mut text)?;
        out.write_str(&text)
    }

    fn say_filtered(&self, json: &mut serde_json::Value, text: &mut String) -> fmt::Result {
        let Some(filter) = self.filter else { return Ok(()) };
        let (mut kept, mut all) = (0, 0);
        self.items.items(&|_| true, &mut |item| {
            all += 1;
            kept += usize::from(passes(self.filter, self.incident, item, self.now));
            Ok(())
        })?;
        board_tables::say_filtered(json, text, filter, kept, all - kept);
        Ok(())
    }
}

fn passes(filter: Option<&Filter>, incident: &Incident, item: &Item, now: Stamp) -> bool {
    filter.is_none_or(|filter| filter.matches(&ToldItem { incident, item }, now))
}

fn cells(incident: &Incident, item: &Item) -> Vec<String> {
    let origin = incident.zero();
    vec![
        item.entry.seq.to_string(),
        from_detection((item.placed - origin).num_seconds()),
        item.placed.format("%H:%M:%S").to_string(),
        item.entry.by.person.to_string(),
        item.entry.happening.kind().to_owned(),
        match item.own_time() {
            Some(at) => {
                format!("{}{} (happened {})", sentence_of(incident, item), marks(item), at.format("%H:%M:%S"))
            }
            None => format!("{}{}", sentence_of(incident, item), marks(item)),
        },
    ]
}

/// What an item is marked as, after its sentence.
fn marks(item: &Item) -> String {
    let marks = item.marks.iter().map(|mark| format!(" [{}, marked by {}]", mark.milestone, mark.by));
    marks.collect()
}

/// One item for machines.
pub fn item_json(incident: &Incident, item: &Item) -> serde_json::Value {
    let data = item.entry.happening.data_json().ok().and_then(|data| clean::from_str::<serde_json::Value>(&data).ok());
    let says = sentence_of(incident, item);
    json!({
        "seq": item.entry.seq, "at": item.at, "recorded_at": item.entry.ts,
        "placed_at": item.placed, "by": item.entry.by,
        "kind": item.entry.happening.kind(), "data": data, "written": item.entry.text, "says": says,
        "original": item.original(), "redacted_by": item.redacted_by, "amended_by": item.amended_by, "pinned": item.pinned,
        "marked": item.marks.iter().map(|mark| json!({
            "milestone": mark.milestone, "by": mark.by, "seq": mark.seq,
        })).collect::<Vec<_>>(), "hash": item.entry.hash,
    })
}

/// Prints entries from `from` on as they come, one JSON object or line each, until the room ends or `stop` is true.
pub async fn tail(
    link: &mut RoomLink,
    from: u64,
    filter: Option<&Filter>,
    json: bool,
    mut print: impl FnMut(&str) -> std::io::Result<()>,
) -> Result<(), CliError> {
    let mut shown = from.saturating_sub(1);
    loop {
        let fresh: Vec<(u64, Option<String>)> = link
            .mirror
            .story
            .incidents
            .iter()
            .flat_map(|incident| incident.items.iter().map(move |item| (incident, item)))
            .filter(|(_, item)| item.entry.seq > shown)
            .map(|(incident, item)| {
                let passes = passes(filter, incident, item, link.clock.now());
                let line = if json { item_json(incident, item).to_string() } else { cells(incident, item).join("  ") };
                (item.entry.seq, Some(line).filter(|_| passes))
            })
            .collect();
        for (seq, line) in fresh {
            if let Some(line) = line {
                print(&format!("{line}\n"))?;
            }
            shown = shown.max(seq);
        }
        link.mirror.story.let_items_go();
        link.next().await?;
    }
}
