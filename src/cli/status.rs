//! `status`: everything at a glance, of a room or of a log alone.

use std::time::Duration;

use clap::Args as ClapArgs;

use super::args::{FilterArgs, FolderArgs, Output};
use super::dispatch::{Invocation, RunCommand, show};
use super::error::CliError;
use super::exit_code::Exit;
use super::{board_tables, log_folder};
use crate::board::Topic;

/// Everything at a glance; the exit code says how it stands (0, 3 or 4).
#[derive(Clone, Debug, ClapArgs)]
pub struct StatusArgs {
    /// Print again whenever something changes, until interrupted. Needs no full-screen terminal.
    #[arg(long, conflicts_with = "dir")]
    watch: bool,
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    narrow: FilterArgs,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for StatusArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        if let Some(dir) = &self.folder.dir {
            let read = log_folder::read(dir, given.global.config.as_deref())?;
            return show(log_folder::status(&read), self.output);
        }
        let watched = Topic::ALL.iter().copied().filter(|topic| self.watch && *topic != Topic::Events);
        let mut link = given.link(Some(0), &watched.collect::<Vec<_>>()).await?;
        let mut last = String::new();
        loop {
            let shown = board_tables::status(&mut link, self.narrow.filter.as_ref()).await?;
            if !self.watch {
                return show(shown, self.output);
            }
            let facts = shown.json["trouble"].to_string() + &shown.json["incident"].to_string();
            if facts != last {
                last = facts;
                show(shown, self.output)?;
            }
            // At most once a second, and only when the room says that something changed.
            link.next().await?;
            let _ = tokio::time::timeout(Duration::from_secs(1), async { while link.next().await.is_ok() {} }).await;
        }
    }
}
