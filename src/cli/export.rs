//! `export`: the timeline for the postmortem, from the same fold that the console shows.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};

use super::args::{FilterArgs, FolderArgs};
use super::connect::RoomLink;
use super::dispatch::{Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use super::{log_folder, output, timeline};
use crate::client::Mirror;
use crate::model::Digest;
use crate::model::filter::Filter;
use crate::postmortem::{self, ExportMeta, Outline};
use crate::timeline::Incident;

/// The incident for the postmortem: the current one, or the one named.
// Here `-o` names a file: what is printed is chosen by `--format`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ExportArgs {
    /// The incident. Default: the open one, else the latest. A folder is read as with --dir.
    #[arg(value_name = "INCIDENT")]
    incident: Option<String>,
    #[command(flatten)]
    folder: FolderArgs,
    /// What to write.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ExportFormat,
    /// Only entries that match. The export says so at its head, with how many are left out.
    #[command(flatten)]
    narrow: FilterArgs,
    /// Write to this file instead of stdout. An existing file is replaced whole.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

/// What `export` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// For a wiki or a merge request.
    #[default]
    Markdown,
    /// One page with everything in it: no script, nothing fetched; it prints well.
    Html,
    /// The timeline for a spreadsheet, an entry a row (RFC 4180). A cell that begins with = + - @ has an apostrophe before
    /// it, so that nothing is computed from what somebody wrote.
    Csv,
    /// Everything, for machines.
    Json,
}

impl RunCommand for ExportArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let (id, filter) = (self.incident.as_deref(), self.narrow.filter.as_ref());
        // Incidents have ids that no folder is called by.
        let named = id.map(Path::new).filter(|path| self.folder.dir.is_none() && path.is_dir());
        let outline = match self.folder.dir.as_deref().or(named) {
            Some(dir) => {
                let id = id.filter(|_| named.is_none());
                let read = log_folder::read(dir, given.global.config.as_deref())?;
                if let Some(why) = &read.broken {
                    output::say(&format!("NOT INTACT: {why}: this is of the entries before"));
                }
                of(&read.mirror, id, filter)?
            }
            None => narrowed(&mut given.link(Some(0), &[]).await?, id, filter).await?,
        };
        let text = render(&outline, self.format)?;
        match self.out {
            Some(file) => output::write_file(&file, &text)?,
            None => {
                output::print(&text)?;
            }
        }
        Ok(Exit::Ok)
    }
}

/// The outline of an incident, as the room's log tells it.
pub async fn outline(link: &mut RoomLink, id: Option<&str>) -> Result<Outline, CliError> {
    narrowed(link, id, None).await
}

/// The same with only the entries that a filter keeps, which it then says.
async fn narrowed(link: &mut RoomLink, id: Option<&str>, filter: Option<&Filter>) -> Result<Outline, CliError> {
    link.caught_up().await?;
    let (incident, head) = link.whole(id).await?;
    Ok(told(&link.mirror, &incident, head, filter))
}

/// The outline of an incident, as the entries that were received tell it.
fn of(mirror: &Mirror, id: Option<&str>, filter: Option<&Filter>) -> Result<Outline, CliError> {
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
