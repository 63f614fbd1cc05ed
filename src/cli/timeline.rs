//! `timeline add|show|tail` and `incident open|set|close`.

use serde_json::json;

use super::command_output::CommandOutput;
use super::connect::RoomLink;
use super::error::CliError;
use super::{board_tables, output};
use crate::client::Mirror;
use crate::model::filter::Filter;
use crate::model::time::from_detection;
use crate::model::{Stamp, clean};
use crate::protocol::{Reply, Request};
use crate::timeline::{Incident, Item, ToldItem, sentence_of};

/// Asks for one change and says which entry it became.
pub async fn record(link: &mut RoomLink, request: Request) -> Result<CommandOutput, CliError> {
    match link.ask(request).await? {
        Reply::Recorded { seq } => Ok(CommandOutput::ok(
            json!({"schema": "warroom/recorded/v1", "seq": seq}),
            format!("recorded as entry {seq}\n"),
        )),
        Reply::Lines { seqs } => {
            let list = seqs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            let text = format!("recorded {} lines as entries {list}\n", seqs.len());
            Ok(CommandOutput::ok(json!({"schema": "warroom/recorded/v1", "seq": seqs.last(), "seqs": seqs}), text))
        }
        Reply::Opened { incident, seq } => Ok(CommandOutput::ok(
            json!({"schema": "warroom/opened/v1", "incident": incident, "seq": seq}),
            format!("{incident} is open (entry {seq})\n"),
        )),
        _ => Err(CliError::Gone("the room answered something else".to_owned())),
    }
}

/// The incident a command is about: the named one, else the open one, else the last.
pub fn incident<'a>(mirror: &'a Mirror, id: Option<&str>) -> Result<&'a Incident, CliError> {
    let story = &mirror.story;
    match id {
        Some(id) => story.incidents.iter().find(|incident| incident.id.as_str() == id).ok_or_else(|| {
            let known = story.incidents.iter().map(|incident| incident.id.to_string()).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none yet".to_owned() } else { known };
            CliError::Usage(format!("there is no incident {id} in this log\nincidents here: {known}"))
        }),
        None => story.current().or_else(|| story.incidents.last()).ok_or_else(|| {
            let degraded = mirror.welcome.as_ref().and_then(|welcome| welcome.degraded.as_ref());
            CliError::Usage(match degraded {
                Some(why) => format!("no incident can be read: {why}\nlook at the log itself: warroom verify DIR"),
                None => "this log holds no incident yet\nopen one: warroom incident open TITLE".to_owned(),
            })
        }),
    }
}

/// The whole timeline of an incident.
pub fn show(incident: &Incident, now: Stamp, filter: Option<&Filter>) -> Result<CommandOutput, CliError> {
    let items: Vec<&Item> = incident.items.iter().filter(|item| passes(filter, incident, item, now)).collect();
    let rows = items.iter().map(|item| cells(incident, item)).collect::<Vec<_>>();
    let left_out = incident.items.len() - items.len();
    let mut json = json!({
        "schema": "warroom/timeline/v1",
        "incident": board_tables::incident_json(incident),
        "items": items.iter().map(|item| item_json(incident, item)).collect::<Vec<_>>(),
    });
    let mut text = output::table(&["SEQ", "T+", "TIME", "WHO", "KIND", "WHAT"], &rows);
    if let Some(filter) = filter {
        board_tables::say_filtered(&mut json, &mut text, filter, items.len(), left_out);
    }
    Ok(CommandOutput::ok(json, text))
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
