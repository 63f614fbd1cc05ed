//! `events`, `alerts`, `backups`, `gitops`, `traffic`, `slo`: a table of the board each.

use clap::Args as ClapArgs;

use super::args::{FilterArgs, Output};
use super::board_tables;
use super::dispatch::{Invocation, RunCommand, show};
use super::error::CliError;
use super::exit_code::Exit;
use crate::board::Topic;

macro_rules! topics {
    ($($(#[$about:meta])* $name:ident = $topic:ident;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, ClapArgs)]
        pub struct $name {
            #[command(flatten)]
            narrow: FilterArgs,
            #[command(flatten)]
            output: Output,
        }

        impl RunCommand for $name {
            async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
                let mut link = given.link(None, &[]).await?;
                show(board_tables::topic(&mut link, Topic::$topic, self.narrow.filter.as_ref()).await?, self.output)
            }
        }
    )*};
}

topics! {
    /// Kubernetes events, newest last.
    EventsArgs = Events;
    /// Alerts of every Alertmanager, merged.
    AlertsArgs = Alerts;
    /// The newest restorable point of each schedule against its RPO; locations and restores.
    BackupsArgs = Backups;
    /// Parity, sync and health of the applications.
    GitopsArgs = Gitops;
    /// Load balancers, pools and probes: who serves the users.
    TrafficArgs = Traffic;
    /// Error budgets by Prometheus: minutes left, and how fast they burn.
    SloArgs = Slo;
}
