//! `serve`: the room as a daemon. And the parts that solo and drill share with it: how a room is put together.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use super::args::Global;
use super::dispatch::{Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use crate::clock::{Clock, Random};
use crate::config::paths::Env;
use crate::config::{self, Config, LoadOptions, secret};
use crate::ledger::{FileStorage, LedgerError, Storage as _};
use crate::logging;
use crate::protocol::{DrillInfo, socket_trust};
use crate::room::{Room, RoomError, RoomSetup, Socket, SocketError};
use crate::seal::{self, SigningKey};

/// What a room of any kind needs to be told.
pub struct RoomOptions {
    /// Checked already; where its file lies decides where the log's key is looked for.
    pub config: Config,
    /// The host's for a room of any kind but a drill, which has its own.
    pub clock: Clock,
    /// What ids of incidents and plans are drawn from; seeded only in a drill that nobody plays by hand.
    pub random: Random,
    /// The folder of the log: `--state-dir`, else the usual place of a service or user; a drill has its own.
    pub state_dir: PathBuf,
    /// Bound already, see [`bind`].
    pub socket: Socket,
    /// What is played; `None` in a room that is no drill.
    pub drill: Option<DrillInfo>,
    /// A service: the file systems of its log and the permissions of its key file are judged strictly.
    pub serve: bool,
}

/// Starts a room.
pub async fn room(make: RoomOptions) -> Result<Room, CliError> {
    logging::keep_memory_private();
    let RoomOptions { config, clock, random, state_dir, socket, drill, serve } = make;
    let (key, signer) = log_key(config.file.as_deref(), serve)?;
    let setup = RoomSetup {
        config,
        clock,
        random,
        state_dir,
        socket,
        drill,
        serve,
        key,
        signer,
        storage: Arc::new(FileStorage),
    };
    Room::start(setup).await.map_err(|error| {
        let remedy = match &error {
            RoomError::Ledger(LedgerError::Io { .. }) => "\nchoose another place for the log: --state-dir DIR",
            _ => "",
        };
        CliError::Other(format!("the room can't start: {error}{remedy}"))
    })
}

/// Binds a room's socket. A path that can never be one is wrong use; the rest is a failure.
pub async fn bind(path: &Path, mode: u32) -> Result<Socket, CliError> {
    Socket::bind(path, mode).await.map_err(|error| match error {
        SocketError::TooLong(..) | SocketError::NotASocket(_) | SocketError::Place { .. } => {
            CliError::Usage(error.to_string())
        }
        SocketError::Taken(_) | SocketError::Io { .. } => CliError::Other(error.to_string()),
    })
}

/// The key of the log that `warroom init` made: `log.key` among the service's credentials or beside the configuration, and
/// its public half beside the configuration. A room without one runs, and signs nothing.
pub fn log_key(config: Option<&Path>, strict: bool) -> Result<(String, Option<SigningKey>), CliError> {
    let Some(dir) = config.and_then(Path::parent) else { return Ok((String::new(), None)) };
    let public =
        std::fs::read_to_string(dir.join("log.key.pub")).map(|text| text.trim().to_owned()).unwrap_or_default();
    let credentials = Env::read().credentials;
    let places = [credentials.map(|at| at.join("log.key")), Some(dir.join("log.key"))];
    let Some(path) = places.into_iter().flatten().find(|path| path.symlink_metadata().is_ok()) else {
        return Ok((public, None));
    };
    let bad = |why: String| CliError::Config(format!("{}: {why}; it signs the log's heads", path.display()));
    let file = match strict {
        true => secret::check_secret(&path).map_err(CliError::Config)?,
        false => std::fs::File::open(&path).map_err(|error| bad(error.to_string()))?,
    };
    // Room for a key at once, and wiped in the end: a text that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(8 * 1024));
    let read = file.take(secret::MAX_SECRET).read_to_string(&mut text);
    read.map_err(|error| bad(format!("can't be read: {error}")))?;
    let signer = SigningKey::parse(&text).map_err(|error| bad(error.to_string()))?;
    if public.is_empty() {
        return Ok((signer.public(), Some(signer)));
    }
    if !seal::same_key(&public, &signer.public()) {
        return Err(bad("log.key.pub is not its public half: make it with ssh-keygen -y -f log.key".to_owned()));
    }
    Ok((public, Some(signer)))
}

/// Loads a configuration, or says everything that is wrong with it.
pub fn load(path: &Path, options: LoadOptions) -> Result<Config, CliError> {
    config::load(path, options).map_err(|errors| CliError::Config(errors.to_string()))
}

/// Run the room as a service, until SIGTERM.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {}

impl RunCommand for ServeArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        serve(&given.global, &given.env).await.map(|()| Exit::Ok)
    }
}

/// Runs until SIGTERM, SIGINT or SIGQUIT.
async fn serve(options: &Global, env: &Env) -> Result<(), CliError> {
    // Held to the end: dropping it writes what still waits. Where stderr is a terminal, nothing is logged to it.
    let _log = logging::log_to_journal();
    logging::hooks(|| {});
    let signals = Signals::listen()?;
    let file = options.config.clone().or_else(|| env.config_file(true)).ok_or_else(|| {
        let looked = env.config_candidates(true).iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        CliError::Usage(format!(
            "there is no configuration at {}\nmake one with `warroom init`, or name it: --config FILE",
            looked.join(" or ")
        ))
    })?;
    let config = load(&file, LoadOptions { serve: true, drill: false })?;
    if !config.room.people_file.exists() {
        let file = config.room.people_file.display();
        tracing::warn!(%file, "there is no people file: everyone only watches, nobody can record or act");
    }
    let state_dir = options.state_dir.clone().unwrap_or_else(|| env.state_dir(true));
    log_dir(&state_dir, env.uid, |dir| FileStorage.make_dir(dir))?;
    let socket = match Socket::inherited() {
        Some(inherited) => {
            inherited.map_err(|error| CliError::Other(format!("systemd's socket can't be used: {error}")))?
        }
        None => {
            let path = options.socket.clone().unwrap_or_else(|| env.socket(true));
            bind(&path, 0o660).await?
        }
    };
    let where_to = socket.path().to_owned();
    let make = RoomOptions {
        config,
        clock: Clock::real(),
        random: Random::system(),
        state_dir,
        socket,
        drill: None,
        serve: true,
    };
    let mut room = room(make).await?;
    tracing::info!(socket = %where_to.display(), "the room is open");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let watchdog = tokio::spawn(pat_watchdog());
    let told = tokio::select! {
        () = signals.until_told_to_stop() => Ok(()),
        () = room.ended() => Err(CliError::Other("the room's writer ended by a fault; start the room again".to_owned())),
    };
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    watchdog.abort();
    room.stop().await;
    told
}

/// Makes the log's directory if it is not there, where nobody else could put another in its place. Judged before, so that
/// nothing is made in such a place, and after: what was missing before somebody else may have made in the meantime.
fn log_dir(dir: &Path, uid: u32, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), CliError> {
    let judge = || {
        socket_trust::check(dir, &[0, uid]).map_err(|wrong| {
            let (dir, remedy) = (dir.display(), wrong.remedy());
            CliError::Usage(format!("the log is not kept in {dir}: {wrong}; {remedy}, or choose another --state-dir"))
        })
    };
    judge()?;
    if let Err(error) = make(dir) {
        // The room opens all the same, records nothing and says so.
        tracing::debug!(dir = %dir.display(), %error, "the log's directory can't be made");
    }
    judge()
}

/// Tells systemd that the runtime still turns, at half the interval it asks for.
async fn pat_watchdog() {
    let every = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse::<u64>().ok());
    let Some(every) = every else { return };
    loop {
        tokio::time::sleep(std::time::Duration::from_micros(every / 2)).await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
    }
}

/// What a service hears. Taken up before anything else is done: a signal that nobody has taken up ends a program at once,
/// and leaves what it was doing half done.
struct Signals {
    term: Signal,
    int: Signal,
    quit: Signal,
    hup: Signal,
    usr1: Signal,
    usr2: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hup: signal(SignalKind::hangup())?,
            usr1: signal(SignalKind::user_defined1())?,
            usr2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for a signal to stop. Any other is said and changes nothing.
    async fn until_told_to_stop(mut self) {
        loop {
            let name = tokio::select! {
                _ = self.term.recv() => return,
                _ = self.int.recv() => return,
                _ = self.quit.recv() => return,
                _ = self.hup.recv() => "SIGHUP",
                _ = self.usr1.recv() => "SIGUSR1",
                _ = self.usr2.recv() => "SIGUSR2",
            };
            tracing::warn!(
                "{name} changes nothing: a changed configuration is taken up when the room is started again"
            );
        }
    }
}

/// Waits until a program in the foreground is told to stop, or its terminal is gone: SIGTERM, SIGINT or SIGHUP.
pub async fn until_told_to_stop() -> Result<(), CliError> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut hup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        _ = hup.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{DirBuilder, Permissions, create_dir, set_permissions};
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};

    use super::*;

    fn me() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    /// Tries a place that another account gets hold of while it is still missing.
    fn raced(dir: &Path, other: impl FnOnce()) -> Result<(), String> {
        let made = log_dir(dir, me(), |dir| {
            other();
            FileStorage.make_dir(dir)
        });
        made.map_err(|error| match error {
            CliError::Usage(said) => said,
            other => panic!("not wrong use: {other:?}"),
        })
    }

    #[test]
    fn a_log_is_not_kept_where_somebody_else_made_the_missing_directory_first() {
        let home = tempfile::tempdir().expect("a folder");
        let shared = home.path().join("shared");
        create_dir(&shared).expect("made");
        set_permissions(&shared, Permissions::from_mode(0o1777)).expect("its mode");
        assert_eq!(raced(&shared.join("mine/log"), || ()), Ok(()));
        let made = std::fs::metadata(shared.join("mine/log")).expect("it is made");
        assert_eq!(made.permissions().mode() & 0o777, 0o700);

        // A parent that anybody may write in.
        let open = shared.join("open");
        let refused = raced(&open.join("log"), || {
            create_dir(&open).expect("made");
            set_permissions(&open, Permissions::from_mode(0o777)).expect("its mode");
        });
        let said = refused.expect_err("others write there");
        assert!(said.contains("others may write in") && said.contains("--state-dir"), "{said}");

        // Only root can give a directory to somebody else: a parent, and the log's own.
        if me() != 0 {
            return;
        }
        for (parent, log) in [(true, false), (false, true)] {
            let theirs = shared.join(format!("theirs-{log}"));
            let refused = raced(&theirs.join("log"), || {
                DirBuilder::new().recursive(true).mode(0o755).create(theirs.join("log")).expect("made");
                for (dir, given) in [(theirs.clone(), parent), (theirs.join("log"), log)] {
                    chown(dir, given.then_some(65_101), None).expect("given away");
                }
            });
            assert!(refused.is_err_and(|said| said.contains("belongs to uid 65101")), "{theirs:?}");
        }
    }

    #[test]
    fn nothing_is_made_in_a_place_that_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        set_permissions(home.path(), Permissions::from_mode(0o777)).expect("its mode");
        assert!(raced(&home.path().join("log"), || ()).is_err());
        assert!(!home.path().join("log").exists());
    }
}
