//! An incident that a command tells from its first entry to its last.

use std::fmt;

use super::connect::RoomLink;
use super::entry_files::{EntryFiles, Spool};
use super::error::CliError;
use super::log_folder::LogFolder;
use crate::client::Mirror;
use crate::model::Digest;
use crate::protocol::{Reply, Request};
use crate::seal;
use crate::timeline::{Incident, ItemSource, Keep, Story, StreamedItems};

/// An incident, and where its entries are.
pub(super) struct WholeIncident {
    pub incident: Incident,
    /// The last entry that is told of.
    pub head: (u64, Digest),
    /// `None` = it has all its items itself.
    pub entries: Option<EntryFiles>,
}

impl WholeIncident {
    /// The named incident of a room's log, else the open one, else the last. Its entries are read in
    /// pages, and kept in a file, where the mirror does not keep all of them. With the last entry that it tells of.
    pub(super) async fn of_room(link: &mut RoomLink, id: Option<&str>) -> Result<Self, CliError> {
        let incident = incident(&link.mirror, id)?;
        let head = link.mirror.head.ok_or_else(|| CliError::Usage("the log is empty".to_owned()))?;
        if incident.missing() == 0 {
            return Ok(Self { incident: incident.clone(), head, entries: None });
        }
        let id = incident.id.clone();
        let (mut story, mut from, mut spool) = (None, Some(0), Spool::new()?);
        while let Some(at) = from {
            let request = Request::History { incident: id.clone(), from: at };
            let Reply::History { lines, next, after } = link.patiently(request).await? else {
                return Err(CliError::Gone("the room answered something else".to_owned()));
            };
            let story = story.get_or_insert_with(|| Story::of_one(after, Keep::Heads));
            for line in &lines {
                let entry = seal::decode(line)
                    .map_err(|error| CliError::Integrity(format!("an entry from the room does not verify: {error}")))?;
                if entry.seq <= head.0 {
                    story.apply(&entry);
                    spool.add(line, entry.seq)?;
                }
            }
            from = next.filter(|next| *next <= head.0);
        }
        let found = story.and_then(|mut story| story.incidents.pop()).filter(|it| it.id == id);
        let gone = || CliError::Gone(format!("the room's log does not have {id} any more"));
        Ok(Self { incident: found.ok_or_else(gone)?, head, entries: Some(spool.done()?) })
    }

    /// The named incident of a log in a folder, else the open one, else the last.
    pub(super) fn of_folder(folder: LogFolder, id: Option<&str>) -> Result<Self, CliError> {
        let head = folder.mirror.head.ok_or_else(|| CliError::Usage("the log is empty".to_owned()))?;
        let incident = incident(&folder.mirror, id)?.clone();
        Ok(Self { incident, head, entries: Some(folder.entries) })
    }

    /// Does something with its items; what can't be read of them, or written, is said as it is.
    pub(super) fn with_items<T>(
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

/// The incident a command is about: the named one, else the open one, else the last.
pub(super) fn incident<'a>(mirror: &'a Mirror, id: Option<&str>) -> Result<&'a Incident, CliError> {
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
