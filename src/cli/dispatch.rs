//! Runs a parsed command line: what commands are given beside their arguments, how one is found in its table, and what is
//! said when it fails.

use std::path::PathBuf;

use super::args::{Args, Global, Output};
use super::command_output::CommandOutput;
use super::connect::{Intent, RoomLink};
use super::error::CliError;
use super::exit_code::Exit;
use super::{console, drill, output, timeline};
use crate::board::Topic;
use crate::client::{KnownLogs, Trust, known_file};
use crate::config::paths::Env;
use crate::model::PersonId;
use crate::protocol::Request;

/// That a command has a line in a table: what has none could not be typed, so it does not compile.
#[diagnostic::on_unimplemented(message = "`{Self}` has no line in a `commands!` of `src/cli/mod.rs`")]
pub(super) trait ListedCommand {}

/// A subcommand, by the type of its arguments.
pub(super) trait RunCommand: ListedCommand {
    /// Does it, and prints what it gives.
    async fn run(self, given: &Invocation) -> Result<Exit, CliError>;
}

/// Commands that belong together, as a command: `timeline add`.
#[derive(Clone, Debug, clap::Args)]
pub struct CommandGroup<C: clap::Subcommand> {
    #[command(subcommand)]
    pub command: C,
}

impl<C: clap::Subcommand + RunCommand> RunCommand for CommandGroup<C>
where
    Self: ListedCommand,
{
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        self.command.run(given).await
    }
}

/// A table of commands: what is parsed, and what is run, come from one line.
macro_rules! commands {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$about:meta])* $command:ident($args:ty),)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, clap::Subcommand)]
        pub enum $name {
            $($(#[$about])* $command($args),)*
        }

        impl dispatch::ListedCommand for $name {}
        $(impl dispatch::ListedCommand for $args {})*

        impl dispatch::RunCommand for $name {
            async fn run(self, given: &dispatch::Invocation) -> Result<Exit, error::CliError> {
                match self {
                    $(Self::$command(args) => args.run(given).await,)*
                }
            }
        }
    };
}
pub(super) use commands;

/// What every command is given beside its own arguments.
pub struct Invocation {
    /// The flags that every command knows, as they were typed.
    pub global: Global,
    /// The environment as it was when the program started: where configuration, state and sockets are.
    pub env: Env,
}

impl Invocation {
    /// A link to the room, which keeps these topics up to date and sends the entries from there.
    pub async fn link(&self, entries_from: Option<u64>, topics: &[Topic]) -> Result<RoomLink, CliError> {
        let Self { global, env } = self;
        let intent = Intent {
            entries_from,
            topics: topics.to_vec(),
            drill_as: global.as_name.as_deref().map(PersonId::from),
            readonly: global.readonly,
            trust: trust(global, env),
            ..Intent::default()
        };
        RoomLink::open(&socket(global, env), &intent).await
    }

    /// Asks the room for one change, and shows which entry it became.
    pub async fn change(&self, request: Request, output: Output) -> Result<Exit, CliError> {
        show(timeline::record(&mut self.link(None, &[]).await?, request).await?, output)
    }
}

/// Does what the command line says.
pub async fn run(args: Args) -> Exit {
    let Args { global, join, command, json } = args;
    let given = Invocation { global, env: Env::read() };
    let done = match command {
        Some(command) => command.run(&given).await,
        None => console::open(&given.global, join, &given.env).await,
    };
    done.unwrap_or_else(|fail| {
        if json {
            let _ = output::print(&format!("{}\n", fail.json()));
        }
        output::say(&fail.message());
        fail.exit()
    })
}

/// The socket that a command talks to: the one named, else the first where somebody listens, else this user's own.
pub fn socket(global: &Global, env: &Env) -> PathBuf {
    if let Some(socket) = &global.socket {
        return socket.clone();
    }
    let mut places = env.sockets();
    // In a drill the name says that the drill is meant; otherwise a real room goes before a drill.
    if global.as_name.is_some() {
        places.insert(0, drill::drill_socket(env));
    } else {
        places.push(drill::drill_socket(env));
    }
    let live = places.iter().find(|path| std::os::unix::net::UnixStream::connect(path).is_ok()).cloned();
    live.unwrap_or_else(|| env.runtime_dir().join("warroom.sock"))
}

/// Whom the commands and the console of this account take for a room.
pub fn trust(global: &Global, env: &Env) -> Trust {
    let known = KnownLogs { file: known_file(&env.state_dir(false)), accept: global.accept_log.clone() };
    Trust { account: global.room_account.clone().unwrap_or(Trust::default().account), known: Some(known) }
}

/// Prints what a command gives, as it was asked for.
pub fn show(shown: CommandOutput, output: Output) -> Result<Exit, CliError> {
    if output.json() {
        let text = serde_json::to_string_pretty(&shown.json).map_err(|error| CliError::Other(error.to_string()))?;
        output::print(&format!("{text}\n"))?;
    } else {
        output::print(&shown.text)?;
    }
    Ok(shown.exit)
}
