//! `export`: the timeline for the postmortem, from the same fold that the console shows.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};

use super::args::{FilterArgs, FolderArgs};
use super::connect::RoomLink;
use super::dispatch::{Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use super::whole_incident::WholeIncident;
use super::{log_folder, output};
use crate::model::filter::Filter;
use crate::postmortem::{self, ExportForm, ExportMeta, Outline, StreamedExport};
use crate::protocol::Welcome;

/// The incident for the postmortem: the current one, or the one named.
// Here `-o` names a file: what is printed is chosen by `--format`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ExportArgs {
    /// The incident. Default: the open one, else the latest. A folder is read as with --dir.
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

impl ExportFormat {
    fn form(self) -> ExportForm {
        match self {
            Self::Markdown => ExportForm::Markdown,
            Self::Html => ExportForm::Html,
            Self::Csv => ExportForm::Csv,
            Self::Json => ExportForm::Json,
        }
    }
}

impl RunCommand for ExportArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let (id, filter) = (self.incident.as_deref(), self.narrow.filter.as_ref());
        // Incidents have ids that no folder is called by.
        let named = id.map(Path::new).filter(|path| self.folder.dir.is_none() && path.is_dir());
        let (whole, welcome) = match self.folder.dir.as_deref().or(named) {
            Some(dir) => {
                let read = log_folder::read(dir, given.global.config.as_deref())?;
                if let Some(why) = &read.broken {
                    output::say(&format!("NOT INTACT: {why}: this is of the entries before"));
                }
                let welcome = read.mirror.welcome.clone();
                (WholeIncident::of_folder(read, id.filter(|_| named.is_none()))?, welcome)
            }
            None => {
                let mut link = given.link(Some(0), &[]).await?;
                link.caught_up().await?;
                (WholeIncident::of_room(&mut link, id).await?, link.mirror.welcome)
            }
        };
        with_export(&whole, welcome.as_ref(), filter, |export| {
            let text: &dyn Fn(&mut dyn fmt::Write) -> fmt::Result =
                &|out| postmortem::write(out, &export.outline, &export, self.format.form());
            match &self.out {
                Some(file) => output::write_file_through(file, text),
                None => Ok(output::print_through(text)?),
            }
        })?;
        Ok(Exit::Ok)
    }
}

/// The outline of an incident, as the room's log tells it.
pub async fn outline(link: &mut RoomLink, id: Option<&str>) -> Result<Outline, CliError> {
    link.caught_up().await?;
    let whole = WholeIncident::of_room(link, id).await?;
    with_export(&whole, link.mirror.welcome.as_ref(), None, |export| Ok(export.whole()))
}

fn with_export<T>(
    whole: &WholeIncident,
    welcome: Option<&Welcome>,
    filter: Option<&Filter>,
    does: impl FnOnce(StreamedExport<'_>) -> Result<Result<T, fmt::Error>, CliError>,
) -> Result<T, CliError> {
    let (seq, head) = whole.head;
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
    whole.with_items(|items| match StreamedExport::new(&whole.incident, items, objectives, &meta, filter) {
        Ok(export) => does(export),
        Err(error) => Ok(Err(error)),
    })
}

/// The bytes of an export: the same log gives the same bytes.
pub fn render(outline: &Outline, format: ExportFormat) -> String {
    postmortem::to_text(outline, format.form())
}
