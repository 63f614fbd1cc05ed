//! A command's link to the room: connect once, wait for what the command needs, ask, leave.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::error::Elapsed;

use crate::board::Topic;
use crate::cli::args::Global;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::client::{
    AskError, ClientEvent, ClientHandle, ConnectOptions, KnownLogs, Mirror, Trust, connect, known_file,
};
use crate::clock::{Clock, ClockSync};
use crate::config::paths::Env;
use crate::model::{IncidentId, PersonId, Refusal, RefusalKind};
use crate::protocol::{Hello, Reply, Request};

/// A command gives up on a room that does not answer within this real time.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a page is asked for where the room says that this is too fast.
const TRIES: usize = 30;

/// What to do where a room has another history than the one that was seen.
fn forked(log: &str, why: &str) -> CliError {
    CliError::Integrity(format!(
        "{why}\ncompare the room's log with an export or a head that left the host: warroom verify DIR --expect-head \
         SEQ:HASH; what you find to be right is accepted once with --accept-log {log}"
    ))
}

/// What a command says when it connects.
#[derive(Clone, Debug, Default)]
pub struct Intent {
    /// Wants the entries from here on; 0 = what the room made of those so far, and the newest of them.
    pub entries_from: Option<u64>,
    /// Wants these topics kept up to date.
    pub topics: Vec<Topic>,
    /// A name for a drill room.
    pub drill_as: Option<PersonId>,
    /// The room refuses every request of this link that would change something (`--readonly`).
    pub readonly: bool,
    /// Counted as present.
    pub present: bool,
    /// The drill's simulated partner: its entries are marked so. A room that is no drill refuses it.
    pub simulated: bool,
    /// Whom to take for a room.
    pub trust: Trust,
}

impl Intent {
    /// The hello that says it.
    pub fn hello(&self) -> Hello {
        Hello {
            proto: crate::protocol::versions(),
            client: format!("warroom {}", env!("CARGO_PKG_VERSION")),
            entries_from: self.entries_from,
            log: None,
            seen: None,
            topics: self.topics.clone(),
            drill_as: self.drill_as.clone(),
            simulated: self.simulated,
            quiet: !self.present,
            readonly: self.readonly,
        }
    }
}

/// The socket that a command talks to: the one named, else the first where somebody listens, else this user's own.
pub fn socket(global: &Global, env: &Env) -> PathBuf {
    if let Some(socket) = &global.socket {
        return socket.clone();
    }
    let mut places = env.sockets();
    // In a drill the name says that the drill is meant; otherwise a real room goes before a drill.
    if global.as_name.is_some() {
        places.insert(0, drill_socket(env));
    } else {
        places.push(drill_socket(env));
    }
    let live = places.iter().find(|path| std::os::unix::net::UnixStream::connect(path).is_ok()).cloned();
    live.unwrap_or_else(|| env.runtime_dir().join("warroom.sock"))
}

/// Where `--join` finds the drill of this user.
pub fn drill_socket(env: &Env) -> PathBuf {
    env.runtime_dir().join("drill.sock")
}

/// Whom the commands and the console of this account take for a room.
pub fn trust(global: &Global, env: &Env) -> Trust {
    let known = KnownLogs { file: known_file(&env.state_dir(false)), accept: global.accept_log.clone() };
    Trust { account: global.room_account.clone().unwrap_or(Trust::default().account), known: Some(known) }
}

/// A live link and what it mirrors.
pub struct RoomLink {
    /// Sends requests to the room and waits for their replies.
    pub handle: ClientHandle,
    /// What the room has told so far: brought up to date while the command waits for something.
    pub mirror: Mirror,
    /// The room's time: the host's own until the room has said how the two differ.
    pub clock: Clock,
    events: mpsc::Receiver<ClientEvent>,
}

impl RoomLink {
    /// Connects; fails at once if there is no room, instead of trying for ever as a console does.
    pub async fn open(socket: &Path, intent: &Intent) -> Result<Self, CliError> {
        let (handle, events) =
            connect(ConnectOptions { socket: socket.to_owned(), hello: intent.hello(), trust: intent.trust.clone() });
        let now = Clock::real().now();
        let clock = Clock::follow(ClockSync { at: now, speed: 1.0 });
        let mut link = Self { handle, mirror: Mirror::default(), clock, events };
        let mut first = link.first().await;
        if let Ok(Some(ClientEvent::Forked { log, why })) = first {
            first = link.first().await;
            // A room that says itself that it records nothing deceives nobody: what it sees is shown all the same.
            if !matches!(&first, Ok(Some(ClientEvent::Linked(welcome))) if welcome.degraded.is_some()) {
                return Err(forked(log.as_ref(), why.as_ref()));
            }
            output::say(&format!("NOT INTACT: {why}"));
        }
        match first {
            Err(_) => Err(CliError::Timeout(format!("the room at {} does not answer", socket.display()))),
            Ok(None) => Err(CliError::NoRoom { socket: socket.to_owned(), why: "the connection closed".to_owned() }),
            Ok(Some(ClientEvent::Refused(refusal))) => Err(CliError::Refused(refusal)),
            Ok(Some(ClientEvent::Lost { why })) => {
                Err(CliError::NoRoom { socket: socket.to_owned(), why: why.to_string() })
            }
            Ok(Some(event)) => {
                link.mirror.apply(event, &link.clock);
                Ok(link)
            }
        }
    }

    /// What comes first, behind what is said to the user.
    async fn first(&mut self) -> Result<Option<ClientEvent>, Elapsed> {
        tokio::time::timeout(PATIENCE, heard(&mut self.events)).await
    }

    /// Takes in the next event. An end of the link is a failure for a command.
    pub async fn next(&mut self) -> Result<(), CliError> {
        match heard(&mut self.events).await {
            None => Err(CliError::Gone("the connection to the room closed".to_owned())),
            Some(ClientEvent::Refused(refusal)) => Err(CliError::Refused(refusal)),
            Some(ClientEvent::Lost { why }) => Err(CliError::Gone(why.to_string())),
            Some(event) => {
                self.mirror.apply(event, &self.clock);
                Ok(())
            }
        }
    }

    /// Waits until the mirror satisfies `enough`, for at most `within` real time.
    pub async fn until(
        &mut self,
        within: Duration,
        what: &str,
        mut enough: impl FnMut(&Mirror) -> bool,
    ) -> Result<(), CliError> {
        let deadline = tokio::time::Instant::now() + within;
        while !enough(&self.mirror) {
            match tokio::time::timeout_at(deadline, self.next()).await {
                Ok(stepped) => stepped?,
                Err(_) => return Err(CliError::Timeout(format!("{what} did not come within {} s", within.as_secs()))),
            }
        }
        Ok(())
    }

    /// Waits until every entry so far has come.
    pub async fn caught_up(&mut self) -> Result<(), CliError> {
        self.until(PATIENCE, "the timeline", |mirror| mirror.caught_up).await?;
        match &self.mirror.broken {
            Some(why) => Err(CliError::Integrity(why.to_string())),
            None => Ok(()),
        }
    }

    /// Asks, and where the room wants fewer requests a second, asks again a second later.
    pub async fn patiently(&mut self, request: Request) -> Result<Reply, CliError> {
        for _ in 0..TRIES {
            match self.ask(request.clone()).await {
                Err(CliError::Refused(refusal)) if refusal.kind == RefusalKind::Rate => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                answered => return answered,
            }
        }
        self.ask(request).await
    }

    /// Reads an entry that the mirror does not keep, so that its item is there.
    pub async fn read(&mut self, incident: &IncidentId, seq: u64) -> Result<(), CliError> {
        let request = Request::History { incident: incident.clone(), from: seq };
        if let Reply::History { lines, .. } = self.ask(request).await? {
            self.mirror.earlier(&lines[..lines.len().min(1)]);
        }
        Ok(())
    }

    /// Asks, and keeps the mirror going while the answer is on its way.
    pub async fn ask(&mut self, request: Request) -> Result<Reply, CliError> {
        let handle = self.handle.clone();
        let answer = handle.request(request);
        tokio::pin!(answer);
        let limit = tokio::time::sleep(Duration::from_secs(30));
        tokio::pin!(limit);
        loop {
            tokio::select! {
                reply = &mut answer => return reply.map_err(CliError::from),
                stepped = self.next() => stepped?,
                () = &mut limit => return Err(CliError::Timeout("the room did not answer the request".to_owned())),
            }
        }
    }
}

/// The next event that is not for the user alone; what is, is said to them.
pub async fn heard(events: &mut mpsc::Receiver<ClientEvent>) -> Option<ClientEvent> {
    loop {
        match events.recv().await {
            Some(ClientEvent::Notice { text }) => output::say(text.as_str()),
            event => return event,
        }
    }
}

impl From<AskError> for CliError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refusal) => Self::Refused(refusal),
            AskError::Gone(why) => Self::Gone(why.to_string()),
        }
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
