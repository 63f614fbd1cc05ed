//! Configuration: files → checked values. `sections/` has a file for each section of `warroom.toml`, with its settings and
//! rules; `section` makes of them what is read, shown and explained.
//!
//! A syntax or policy error is refused with file, line, column and a suggestion; a bad credential or endpoint is not a
//! configuration error: the room starts and that source is red.

mod error;
mod kinds;
mod parse;
pub mod paths;
mod people;
mod render;
mod resolve;
mod sample;
pub mod secret;
mod section;
mod sections;
#[cfg(test)]
mod tests;
pub mod units;
mod url;

use std::path::{Path, PathBuf};

use crate::model::{EntryRules, Objective, Person, Policy};

pub use crate::model::suggest::nearest;
pub use error::{ConfigError, ConfigErrors};
pub use paths::Env;
pub use render::{to_json, to_toml};
pub use sample::{SampleCluster, sample, sample_for};
pub use secret::check_secret;
pub use sections::{
    AlertmanagerConfig, BasicAuth, ClientCertConfig, CloudflareConfig, ClusterConfig, ConsoleConfig, ConsoleFile,
    ConsoleWord, Figures, HeaderConfig, HeaderValueConfig, HttpConfig, LogConfig, NetworkConfig, ProbeConfig,
    PrometheusConfig, ProxyConfig, RoomConfig, ServeRules, SloConfig, console_of,
};
pub use url::{is_link_local, names_metadata};

/// The most bytes a configuration file may have.
const MAX_FILE: u64 = 1024 * 1024;

/// For whom a configuration is loaded: a service is judged most strictly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// For `warroom serve`: endpoints must be https or loopback, and the files nobody else's to write.
    pub serve: bool,
    /// For a drill room: accounts need not exist on this host, and root may play too.
    pub drill: bool,
}

/// Loads and checks a configuration file and the people file it names.
///
/// # Errors
/// Everything found wrong, each with its place: nothing is half loaded.
pub fn load(path: &Path, options: LoadOptions) -> Result<Config, ConfigErrors> {
    load_in(path, options, &Env::read())
}

/// [`load`] with the environment as a value.
///
/// # Errors
/// As [`load`].
pub fn load_in(path: &Path, options: LoadOptions, env: &Env) -> Result<Config, ConfigErrors> {
    let strict = options.serve && !options.drill;
    let bytes = secret::read_file(path, MAX_FILE, strict).map_err(|why| ConfigErrors::about(path, why))?;
    let text = decode(path, &bytes)?;
    let mut report = error::Report::new(path, text);
    let Some(mut top) = parse::TopLevel::parse(&mut report) else { return Err(ConfigErrors(report.into_errors())) };
    let raw = sections::RawFile::read(&mut top, &mut report);
    top.finish(&mut report);
    let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut make = resolve::ResolveContext::new(&mut report, &file, options, env);
    make.allow = raw.network.iter().flat_map(|it| kinds::each(&it.it.allow)).map(|it| it.get_ref().clone()).collect();
    let mut config = raw.resolve(&mut make);
    config.file = Some(file);
    if strict {
        let NetworkConfig { allow, exec } = config.network.clone();
        let rules = ServeRules { allow_hosts: allow, exec: exec.into_iter().map(PathBuf::from).collect() };
        config.clusters.iter_mut().for_each(|cluster| cluster.serve = Some(rules.clone()));
    }
    let mut errors = report.into_errors();
    match people::load(&config.room.people_file, options, &config, strict) {
        Ok(people) => {
            config.people = people.people;
            config.people_digest = people.digest;
        }
        Err(more) => errors.extend(more.0),
    }
    if errors.is_empty() { Ok(config) } else { Err(ConfigErrors(errors)) }
}

/// TOML is UTF-8; anything else is refused where it stops being so.
fn decode<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, ConfigErrors> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let mut report = error::Report::new(path, good);
        report.at(good.len()..good.len(), "this is not UTF-8 text: save the file as UTF-8");
        ConfigErrors(report.into_errors())
    })
}

/// A checked configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `[room]`: its name, and where its people file and log may lie.
    pub room: RoomConfig,
    /// Each `[[cluster]]`, in the order of the file.
    pub clusters: Vec<ClusterConfig>,
    /// Each `[[alertmanager]]`, in the order of the file. Empty: no alerts are watched.
    pub alertmanagers: Vec<AlertmanagerConfig>,
    /// Each `[[prometheus]]`, in the order of the file; each is asked for the figures of the `[[slo]]` that name it.
    pub prometheus: Vec<PrometheusConfig>,
    /// Each `[[cloudflare]]` account, in the order of the file. Empty: no load balancer is watched.
    pub cloudflare: Vec<CloudflareConfig>,
    /// Each `[[probe]]`, in the order of the file.
    pub probes: Vec<ProbeConfig>,
    /// Each `[[service]]` with what was promised of its recovery, in the order of the file.
    pub objectives: Vec<Objective>,
    /// Each `[[slo]]`, in the order of the file; at most one for a service.
    pub slos: Vec<SloConfig>,
    /// Which changes become entries, and what opens an incident.
    pub rules: EntryRules,
    /// Who must agree before a guarded action runs.
    pub policy: Policy,
    /// `[network]`: exceptions to what a service may reach and run. Used by [`LoadOptions::serve`] only.
    pub network: NetworkConfig,
    /// `[log]`: how much of the disk the timeline may take.
    pub log: LogConfig,
    /// `[console]`, with its defaults; a console reads it by [`console_of`] without the rest of the file.
    pub console: ConsoleConfig,
    /// The file it came from; `None` for a drill's built-in one.
    pub file: Option<PathBuf>,
    /// Who is who. Empty: everyone observes.
    pub people: Vec<Person>,
    /// `sha256:…` of the people file's bytes; of nothing, if there is no such file.
    pub people_digest: String,
}
