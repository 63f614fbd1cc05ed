//! What commands are given beside their arguments, how one is found in its table, and how it shows what it did.

use serde_json::json;

use super::args::{Global, Output};
use super::command_output::CommandOutput;
use super::connect::{Intent, RoomLink, socket, trust};
use super::error::CliError;
use super::exit_code::Exit;
use super::output;
use crate::board::Topic;
use crate::config::paths::Env;
use crate::model::PersonId;
use crate::protocol::{Reply, Request};

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
    #[allow(missing_docs, reason = "a comment here would be shown as help")]
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
        #[allow(missing_docs, reason = "a comment here would be shown as help")]
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
        show(record(&mut self.link(None, &[]).await?, request).await?, output)
    }
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

/// Asks for one change and says which entry it became.
pub async fn record(link: &mut RoomLink, request: Request) -> Result<CommandOutput, CliError> {
    match link.ask(request).await? {
        Reply::Recorded { seq } => Ok(CommandOutput::ok(
            json!({"schema": "warroom/recorded/v1", "seq": seq}),
            format!("recorded as entry {seq}\n"),
        )),
        Reply::Lines { seqs } => {
            let list = seqs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            let text = format!("recorded {} lines as entries {list}\n", seqs.len());
            Ok(CommandOutput::ok(json!({"schema": "warroom/recorded/v1", "seq": seqs.last(), "seqs": seqs}), text))
        }
        Reply::Opened { incident, seq } => Ok(CommandOutput::ok(
            json!({"schema": "warroom/opened/v1", "incident": incident, "seq": seq}),
            format!("{incident} is open (entry {seq})\n"),
        )),
        _ => Err(CliError::Gone("the room answered something else".to_owned())),
    }
}
