//! People of a drill who are played: each has a connection of their own, and what it shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::connect::{Intent, RoomLink};
use super::error::CliError;
use crate::client::ClientHandle;
use crate::clock::Clock;
use crate::drill::scenario::Scenario;
use crate::drill::script_runner::{Asker, ScriptRunner, Seen};
use crate::model::PersonId;
use crate::protocol::{Reply, Request};

struct ParticipantPort(ClientHandle);

#[async_trait]
impl Asker for ParticipantPort {
    async fn ask(&self, request: Request) -> Result<Reply, String> {
        self.0.request(request).await.map_err(|error| error.to_string())
    }
}

/// Joins a drill room under a name. What the room says is folded in the background for as long as anyone looks.
pub async fn join(socket: &Path, who: &PersonId, simulated: bool) -> Result<(Arc<dyn Asker>, Seen), CliError> {
    let intent =
        Intent { entries_from: Some(1), drill_as: Some(who.clone()), present: true, simulated, ..Intent::default() };
    let mut link = RoomLink::open(socket, &intent).await?;
    let hand = Arc::new(ParticipantPort(link.handle.clone()));
    let (show, seen) = watch::channel(Arc::new(link.mirror.clone()));
    tokio::spawn(async move {
        // The connection lives as long as the room, whether or not anyone looks: the person may still act.
        while link.next().await.is_ok() {
            if !show.is_closed() {
                show.send_replace(Arc::new(link.mirror.clone()));
            }
        }
    });
    Ok((hand, seen))
}

/// Joins as every person of the scenario; the director who answers plays them all. Everyone is simulated, and every line
/// says so.
pub async fn everyone(socket: PathBuf, scenario: Arc<Scenario>, clock: Clock) -> Result<ScriptRunner, CliError> {
    let mut people: BTreeMap<PersonId, Arc<dyn Asker>> = BTreeMap::new();
    let mut seen = None;
    for person in &scenario.people {
        let id = PersonId::from(person.id.as_str());
        let (asker, sees) = join(&socket, &id, true).await?;
        people.insert(id, asker);
        seen = Some(sees);
    }
    let seen = seen.ok_or_else(|| CliError::Usage("the scenario has no people".to_owned()))?;
    Ok(ScriptRunner::new(scenario, clock, people, seen))
}
