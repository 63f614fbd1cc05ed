//! An incident that a command tells from its first entry to its last.

use std::fmt;

use super::entry_files::EntryFiles;
use super::error::CliError;
use super::log_folder::LogFolder;
use super::timeline;
use crate::model::Digest;
use crate::timeline::{Incident, ItemSource, StreamedItems};

/// An incident, and where its entries are.
pub struct WholeIncident {
    pub incident: Incident,
    /// The last entry that is told of.
    pub head: (u64, Digest),
    /// `None` = it has all its items itself.
    pub entries: Option<EntryFiles>,
}

impl WholeIncident {
    /// The named incident of a log in a folder, else the open one, else the last.
    pub fn of_folder(folder: LogFolder, id: Option<&str>) -> Result<Self, CliError> {
        let head = folder.mirror.head.ok_or_else(|| CliError::Usage("the log is empty".to_owned()))?;
        let incident = timeline::incident(&folder.mirror, id)?.clone();
        Ok(Self { incident, head, entries: Some(folder.entries) })
    }

    /// Does something with its items; what can't be read of them, or written, is said as it is.
    pub fn with_items<T>(
        &self,
        does: impl FnOnce(&dyn ItemSource) -> Result<Result<T, fmt::Error>, CliError>,
    ) -> Result<T, CliError> {
        let Some(entries) = &self.entries else {
            return does(&self.incident)?.map_err(|_| CliError::Other("it can't be written".to_owned()));
        };
        let items = StreamedItems::new(&self.incident, entries).map_err(|_| entries.failure())?;
        does(&items)?.map_err(|_| entries.failure())
    }
}
