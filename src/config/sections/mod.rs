//! The sections of `warroom.toml`, a file each. A new one is its file and a line in `sections!`, with a field of `Config`.

mod alertmanager;
mod cloudflare;
mod cluster;
mod console;
mod hosts;
mod http;
mod log;
mod network;
mod one_or_many;
mod policy;
mod probe;
mod prometheus;
mod room;
mod rules;
mod service;
mod slo;

use super::Config;
use super::parse::TopLevel;
use super::section::*;

pub use alertmanager::AlertmanagerConfig;
pub use cloudflare::CloudflareConfig;
pub use cluster::{ClusterConfig, ServeRules};
pub use console::{ConsoleConfig, ConsoleFile, ConsoleWord, console_of};
pub use http::{BasicAuth, ClientCertConfig, HeaderConfig, HeaderValueConfig, HttpConfig, ProxyConfig};
pub use log::LogConfig;
pub use network::NetworkConfig;
pub use probe::ProbeConfig;
pub use prometheus::PrometheusConfig;
pub use room::RoomConfig;
pub use slo::{Figures, SloConfig};

macro_rules! sections {
    (@resolve one $($given:tt)*) => { resolve_one($($given)*) };
    (@resolve many $($given:tt)*) => { resolve_many($($given)*) };
    (@show one $raw:ty, $value:expr) => { show_one::<$raw>($value) };
    (@show many $raw:ty, $value:expr) => { show_many::<$raw>($value) };

    ($($how:ident $field:ident: $raw:ty,)*) => {
        /// `warroom.toml` as it is written.
        #[derive(Debug, Default)]
        pub(crate) struct RawFile {
            $(pub(crate) $field: Vec<RawTable<$raw>>,)*
        }

        impl RawFile {
            /// Takes the sections out of a file.
            pub(crate) fn read(top: &mut TopLevel<'_>, report: &mut Report<'_>) -> Self {
                Self { $($field: tables(top, report),)* }
            }

            /// Judges the tables and makes the values. Meaningless unless the report is clean afterwards.
            pub(crate) fn resolve(&self, make: &mut ResolveContext<'_, '_>) -> Config {
                $(<$raw>::judge(self, make);)*
                Config { $($field: sections!(@resolve $how &self.$field, self, make),)* ..Config::default() }
            }
        }

        /// The configuration as a table that can be loaded again.
        pub(crate) fn show(config: &Config) -> toml::Table {
            let shown = [$((spec::<$raw>(), sections!(@show $how $raw, &config.$field)),)*];
            shown.into_iter().filter_map(|(spec, value)| Some((spec.name().to_owned(), value?))).collect()
        }

        /// Every section, in the order in which they are shown.
        pub(crate) const ALL: &[SectionSpec] = &[$(spec::<$raw>(),)*];
    };
}

sections! {
    one room: room::RawRoom,
    many clusters: cluster::RawCluster,
    many alertmanagers: alertmanager::RawAlertmanager,
    many prometheus: prometheus::RawPrometheus,
    many cloudflare: cloudflare::RawCloudflare,
    many probes: probe::RawProbe,
    many objectives: service::RawService,
    many slos: slo::RawSlo,
    one rules: rules::RawRules,
    one policy: policy::RawPolicy,
    one network: network::RawNetwork,
    one log: log::RawLog,
    one console: console::RawConsole,
}
