//! `export`: the timeline for the postmortem, from the same fold that the console shows.

use super::args::ExportFormat;
use super::connect::RoomLink;
use super::error::CliError;
use super::timeline;
use crate::client::Mirror;
use crate::model::Digest;
use crate::model::filter::Filter;
use crate::postmortem::{self, ExportMeta, Outline};
use crate::timeline::Incident;

/// The outline of an incident, as the room's log tells it.
pub async fn outline(link: &mut RoomLink, id: Option<&str>) -> Result<Outline, CliError> {
    narrowed(link, id, None).await
}

/// The same with only the entries that a filter keeps, which it then says.
pub async fn narrowed(link: &mut RoomLink, id: Option<&str>, filter: Option<&Filter>) -> Result<Outline, CliError> {
    link.caught_up().await?;
    let (incident, head) = link.whole(id).await?;
    Ok(told(&link.mirror, &incident, head, filter))
}

/// The outline of an incident, as the entries that were received tell it.
pub fn of(mirror: &Mirror, id: Option<&str>, filter: Option<&Filter>) -> Result<Outline, CliError> {
    let head = mirror.head.ok_or_else(|| CliError::Usage("the log is empty".to_owned()))?;
    Ok(told(mirror, timeline::incident(mirror, id)?, head, filter))
}

fn told(mirror: &Mirror, incident: &Incident, (seq, head): (u64, Digest), filter: Option<&Filter>) -> Outline {
    let welcome = mirror.welcome.as_ref();
    let meta = ExportMeta {
        room: welcome.map(|welcome| welcome.room.clone()).unwrap_or_default(),
        log: welcome.map(|welcome| welcome.log.clone()).unwrap_or_default(),
        drill: welcome
            .and_then(|welcome| welcome.drill.as_ref())
            .map(|drill| format!("{} · seed {}", drill.scenario, drill.seed)),
        seq,
        head: head.hex(),
    };
    let objectives = welcome.map(|welcome| welcome.objectives.as_slice()).unwrap_or_default();
    let mut outline = postmortem::outline(incident, objectives, &meta);
    if let Some(filter) = filter {
        postmortem::narrow(&mut outline, incident, filter);
    }
    outline
}

/// The bytes of an export: the same log gives the same bytes.
pub fn render(outline: &Outline, format: ExportFormat) -> Result<String, CliError> {
    match format {
        ExportFormat::Markdown => Ok(postmortem::to_markdown(outline)),
        ExportFormat::Html => Ok(postmortem::to_html(outline)),
        ExportFormat::Csv => Ok(postmortem::to_csv(outline)),
        ExportFormat::Json => {
            let mut text = serde_json::to_string_pretty(&postmortem::to_json(outline))
                .map_err(|error| CliError::Other(error.to_string()))?;
            text.push('\n');
            Ok(text)
        }
    }
}
