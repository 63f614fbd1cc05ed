//! The room: owns credentials, connections, timeline, and the only right to act.
//!
//! [`Room::start`] brings up sources, engine and socket; [`Room::stop`] ends them in the opposite order of need: first no
//! new requests, then the sources, last the writer, so that what was seen is recorded.

mod approvals;
mod background_tasks;
mod blocking;
mod board_feed;
mod board_history;
mod broadcast;
mod clock_steps;
#[cfg(test)]
mod clock_steps_tests;
mod context;
mod deadlines;
mod drained;
mod engine;
mod engine_message;
mod engine_start;
mod entry_places;
mod evaluator;
mod executor;
mod history_queries;
mod listener;
mod log_key;
#[cfg(test)]
mod pacing_tests;
mod peer_credentials;
mod peer_login;
mod pending_plans;
mod person_budget;
mod plans;
#[cfg(test)]
mod plans_tests;
mod preflights;
#[cfg(test)]
mod preflights_tests;
mod presence;
mod rechecks;
mod reconcile;
#[cfg(test)]
mod reconcile_tests;
mod recorder;
mod refusals;
mod request_kinds;
mod request_limits;
mod request_routing;
mod requests;
#[cfg(test)]
mod requests_tests;
mod row_pages;
mod session;
mod shared_deltas;
mod silence_offers;
mod silences;
mod socket;
mod timeline_feed;
mod token_bucket;
mod transition_entries;
mod written_texts;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::ledger::{Ledger, LedgerError, OpenOptions, Storage};
use crate::model::SafeText;
use crate::protocol::DrillInfo;
use crate::seal::SigningKey;
use crate::systems::egress_policy::EgressPolicy;
use crate::systems::proxy::Environment;
use crate::systems::request_meter::Meters;
use crate::systems::{self, Ctx};

pub use engine_message::{Answer, Caller, EngineMessage};
pub use socket::{Socket, SocketError};

use context::RoomContext;
use engine::Engine;
use listener::Door;

/// Observations waiting for the engine; a full channel slows the sources down.
const SEEN: usize = 8192;
/// Requests waiting for the engine.
const COMMANDS: usize = 256;

/// Why a room does not start.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The log is locked by another room, can't be read, or lies on a file system that is refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another room is behind the socket, or its place can't be used.
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// What a room is made of.
pub struct RoomSetup {
    /// Checked already; the log keeps its digests.
    pub config: Config,
    /// Real for a daemon, a drill's own for a drill: sources and deadlines go by it.
    pub clock: Clock,
    /// Ids of incidents and plans come from it; seeded in a drill.
    pub random: Random,
    /// Where the timeline lives.
    pub state_dir: PathBuf,
    /// Bound already; nobody is answered before the engine runs.
    pub socket: Socket,
    /// `Some`: people are known by the names that they give, and everything says DRILL.
    pub drill: Option<DrillInfo>,
    /// A daemon: stricter about file systems.
    pub serve: bool,
    /// The room's public key, OpenSSH format; empty if it has none.
    pub key: String,
    /// Its private half, which signs heads of the log.
    pub signer: Option<SigningKey>,
    /// The disk, or in tests one that fails when it is told to.
    pub storage: Arc<dyn Storage>,
}

/// A running room.
pub struct Room {
    socket: PathBuf,
    stop_sessions: CancellationToken,
    stop_sources: CancellationToken,
    stop_engine: CancellationToken,
    sessions: TaskTracker,
    sources: TaskTracker,
    engine: tokio::task::JoinHandle<()>,
    /// The engine was waited for already.
    over: bool,
    acts: TaskTracker,
}

impl Room {
    /// Opens the log, starts sources and engine, listens.
    ///
    /// # Errors
    /// A log that can't be opened at all (locked, unreadable, on a refused file system). A *damaged* log is no error:
    /// the room comes up degraded and shows it. A dead upstream is no error either.
    pub async fn start(setup: RoomSetup) -> Result<Self, RoomError> {
        let boot = hex(&setup.random.bytes::<8>());
        let opened = open_log(&setup, &boot)?;
        let RoomSetup { config, clock, random, socket, drill, serve, signer, .. } = setup;
        // Damage that blocks is the banner's; what a closed segment lost is said in the timeline.
        let lost = opened.damaged.as_ref().inspect(|damage| tracing::error!(says = %damage.says(), "the log"));
        let lost = lost.filter(|damage| !damage.blocks).map(crate::ledger::Damage::says);
        let (seen_tx, seen) = mpsc::channel(SEEN);
        let stop_sources = CancellationToken::new();
        let reach = if serve { EgressPolicy::guarded(&config.network.allow) } else { EgressPolicy::default() };
        let proxies = Environment::read();
        let (meters, stop) = (Meters::default(), stop_sources.clone());
        let ctx = Ctx { clock: clock.clone(), out: seen_tx, reach, proxies, stop, meters };
        let running = systems::registry::start(&config, &ctx);
        // The sources hold the channel now: it ends when the last of them does.
        drop(ctx);
        let reader = opened.ledger.reader();
        let policy_digest = plans::policy_digest(&config.policy);
        let refusals = refusals::RefusalLog::new(&config.people).into();
        let shared = Arc::new(RoomContext {
            policy_digest,
            boot,
            config,
            clock,
            random,
            reader,
            drill,
            looks: Arc::default(),
            budgets: Default::default(),
            deltas: Default::default(),
            refusals,
            sources: running.sources,
            adapters: running.adapters,
            accounts: peer_credentials::Accounts::default(),
        });
        let (commands_tx, commands) = mpsc::channel(COMMANDS);
        let (mut engine, news) = Engine::new(&shared, opened.ledger, &commands_tx);
        engine.recorder.opened(opened.snapshot, lost);
        engine.recorder.sign_with(log_key::of_log(&shared.reader, signer));
        let (stop_engine, acts) = (engine.tasks.stop().clone(), engine.tasks.tracker().clone());
        let (stop_sessions, sessions) = (CancellationToken::new(), TaskTracker::new());
        if let Some(unverified) = opened.unverified {
            recorder::verify_rest(unverified, commands_tx.downgrade());
        }
        let path = socket.path().to_owned();
        let engine = tokio::spawn(async move { engine.begin().run(commands, seen).await });
        let door = Door { shared, engine: commands_tx, news, stop: stop_sessions.clone(), sessions: sessions.clone() };
        sessions.spawn(door.listen(socket));
        Ok(Self {
            socket: path,
            stop_sessions,
            stop_sources,
            stop_engine,
            sessions,
            sources: running.tasks,
            engine,
            over: false,
            acts,
        })
    }

    /// Where clients connect.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Waits until the writer has ended. While the room is not stopped that is a fault of the program, and nothing works any
    /// more: the caller ends the process, so that whatever watches over it starts it again.
    pub async fn ended(&mut self) {
        let _ = (&mut self.engine).await;
        self.over = true;
    }

    /// Stops in order: sessions, sources, running plans' tasks (their plans become `interrupted` at the next start), writer.
    pub async fn stop(self) {
        self.stop_sessions.cancel();
        self.sessions.close();
        self.sessions.wait().await;
        self.stop_sources.cancel();
        self.sources.close();
        // A source may be inside a network call with a limit of its own; the log must not wait for it.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), self.sources.wait()).await;
        self.stop_engine.cancel();
        self.acts.close();
        if !self.over {
            let _ = self.engine.await;
        }
    }
}

/// Opens the log of a room; what it warns of is traced.
fn open_log(setup: &RoomSetup, boot: &str) -> Result<crate::ledger::OpenedLog, LedgerError> {
    let options = OpenOptions {
        dir: setup.state_dir.clone(),
        room: setup.config.room.name.clone(),
        src: host_name(),
        boot: boot.to_owned(),
        drill: setup.drill.is_some(),
        key: setup.key.clone(),
        allow_fs: setup.config.room.allow_fs.clone(),
        check_fs: setup.serve,
        snapshot: Some(recorder::FORM.to_owned()),
    };
    let opened = Ledger::open(options, setup.storage.clone(), setup.clock.clone(), setup.random.clone())?;
    for warning in &opened.warnings {
        tracing::warn!(%warning, "the log was opened with a warning");
    }
    Ok(opened)
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    SafeText::new(&name.unwrap_or_default()).to_string()
}
