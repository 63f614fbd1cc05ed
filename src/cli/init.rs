//! `init`: a starter configuration from the kubeconfig contexts found here, a people file, the log's key and, if asked,
//! systemd units. Nothing is ever overwritten: what is there is listed, and nothing at all is written.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use kube::config::Kubeconfig;
use nix::unistd::{Uid, User};
use serde_json::json;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};

use super::args::Output;
use super::command_output::CommandOutput;
use super::dispatch::{Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use crate::clock::Random;
use crate::config::paths::{FILE, SYSTEM_CONFIG};
use crate::config::{Env, SampleCluster, sample_for};
use crate::model::ClusterRole;

/// The units, in our words; directives are facts.
const SERVICE: &str = include_str!("units/warroom.service");
const SOCKET: &str = include_str!("units/warroom.socket");

/// Where the units look for what they hand to the service.
const CREDS: &str = "creds";
/// More contexts than this are a laptop's history, not a room's clusters.
const MAX_CLUSTERS: usize = 8;

/// A file to write.
struct Planned {
    path: PathBuf,
    text: String,
    mode: u32,
    what: &'static str,
}

/// Write a starter configuration, people file and log key. Never overwrites.
#[derive(Clone, Debug, ClapArgs)]
pub struct InitArgs {
    /// Where to write. Default: your configuration directory; /etc/warroom for root.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Also write warroom.service and warroom.socket for systemd here, e.g. /etc/systemd/system.
    #[arg(long, value_name = "DIR")]
    systemd: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for InitArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        super::config::print(write(&self, &given.env, &Random::system())?, self.output.json())
    }
}

/// Writes the starter files, or refuses if any of them is there.
fn write(options: &InitArgs, env: &Env, random: &Random) -> Result<CommandOutput, CliError> {
    let dir = match (&options.dir, env.uid) {
        (Some(dir), _) => dir.clone(),
        (None, 0) => PathBuf::from(SYSTEM_CONFIG),
        (None, _) => env.config_dir().ok_or_else(|| {
            CliError::Usage("you have no home directory to write to: name a directory with --dir DIR".to_owned())
        })?,
    };
    let (mut found, note) = clusters();
    let service = options.systemd.is_some();
    if service {
        // A service has no ~/.kube/config; a bare name is found among its credentials.
        found.iter_mut().for_each(|cluster| cluster.kubeconfig = Some(PathBuf::from("kubeconfig")));
    }
    let mut planned = starter(&dir, &found, service, env.uid, random)?;
    if let Some(units) = &options.systemd {
        for (name, text) in [("warroom.service", SERVICE), ("warroom.socket", SOCKET)] {
            planned.push(Planned { path: units.join(name), text: text.to_owned(), mode: 0o644, what: "systemd unit" });
        }
    }
    refuse_if_there(&planned)?;
    make_dir(&dir, 0o755)?;
    if service {
        make_dir(&dir.join(CREDS), 0o700)?;
    }
    for file in &planned {
        write_new(file)
            .map_err(|error| CliError::Other(format!("{} can't be written: {error}", file.path.display())))?;
    }
    Ok(shown(&planned, &dir, &note, options.systemd.is_some()))
}

fn starter(
    dir: &Path,
    found: &[SampleCluster],
    service: bool,
    uid: u32,
    random: &Random,
) -> Result<Vec<Planned>, CliError> {
    let room = room_name();
    let (secret, public) = log_key(random, &room)?;
    let file = |name: &str, text: String, mode: u32, what| Planned { path: dir.join(name), text, mode, what };
    let key = if service { format!("{CREDS}/log.key") } else { "log.key".to_owned() };
    Ok(vec![
        file(FILE, sample_for(&room, found), 0o644, "configuration, every setting explained"),
        file("people.toml", people(uid), 0o644, "who is who, and who may act"),
        file(&key, secret, 0o600, "the key that signs the log's heads: keep it private"),
        file("log.key.pub", public, 0o644, "its public half: give it to whoever verifies exports"),
    ])
}

/// Never overwrites: one file in the way stops everything, so that no half-written set is left.
fn refuse_if_there(planned: &[Planned]) -> Result<(), CliError> {
    let there: Vec<String> = planned
        .iter()
        .filter(|file| file.path.symlink_metadata().is_ok())
        .map(|file| format!("  {}", file.path.display()))
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "nothing was written, because these are there already and are never overwritten:\n{}\n\
         move them away, or choose another place with --dir DIR",
        there.join("\n")
    )))
}

fn make_dir(dir: &Path, mode: u32) -> Result<(), CliError> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(dir)
        .map_err(|error| CliError::Other(format!("{} can't be made: {error}", dir.display())))
}

/// Writes a file that must not exist, with its final mode from the start, and has it on disk before it returns.
fn write_new(planned: &Planned) -> io::Result<()> {
    if let Some(parent) = planned.path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = File::options().write(true).create_new(true).mode(planned.mode).open(&planned.path)?;
    file.write_all(planned.text.as_bytes())?;
    file.sync_all()
}

fn shown(planned: &[Planned], dir: &Path, note: &str, units: bool) -> CommandOutput {
    let rows: Vec<[String; 2]> =
        planned.iter().map(|file| [file.path.display().to_string(), file.what.to_owned()]).collect();
    let config = dir.join(FILE);
    let mut text = super::output::table(&["WRITTEN", "WHAT IT IS"], &rows);
    text.push_str(&format!(
        "\n{note}\nNext: read {0}, then\n  warroom config check --config {0}\n  warroom --config {0}\n",
        config.display()
    ));
    if units {
        text.push_str("For the service, see the first lines of warroom.service.\n");
    }
    let files: Vec<&PathBuf> = planned.iter().map(|file| &file.path).collect();
    CommandOutput::ok(json!({ "schema": "warroom/init/v1", "written": files, "note": note }), text)
}

/// The clusters that kubectl would know here, and a line about where they came from.
fn clusters() -> (Vec<SampleCluster>, String) {
    match crate::systems::kube_api::kubeconfig::found() {
        Ok(found) => {
            let clusters = from_kubeconfig(&found);
            let note = match clusters.len() {
                0 => "Your kubeconfig names no context: add the clusters by hand.".to_owned(),
                n => format!(
                    "{n} of {} contexts of your kubeconfig became clusters; check their roles.",
                    found.contexts.len()
                ),
            };
            (clusters, note)
        }
        // That there is none is the usual case on a fresh bastion; what else is wrong with it kubectl says better.
        Err(_) => (Vec::new(), "No kubeconfig could be read here: add the clusters by hand.".to_owned()),
    }
}

/// The current context first, as primary; one that is called so as DR.
fn from_kubeconfig(found: &Kubeconfig) -> Vec<SampleCluster> {
    let mut contexts: Vec<&str> = found.contexts.iter().map(|context| context.name.as_str()).collect();
    contexts.sort_by_key(|name| Some(*name) != found.current_context.as_deref());
    let mut clusters: Vec<SampleCluster> = Vec::new();
    for context in contexts.into_iter().filter(|name| !name.trim().is_empty()).take(MAX_CLUSTERS) {
        let name = plain_name(context, &clusters);
        let has = |role: ClusterRole| clusters.iter().any(|cluster| cluster.role == role);
        let role = match hint(context) {
            Some(role) if !has(role) => role,
            None if clusters.is_empty() => ClusterRole::Primary,
            _ => ClusterRole::Other,
        };
        clusters.push(SampleCluster { name, role, kubeconfig: None, context: context.to_owned() });
    }
    clusters
}

/// What a context's name says about its role.
fn hint(context: &str) -> Option<ClusterRole> {
    let lower = context.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    if words.clone().any(|word| matches!(word, "dr" | "standby" | "secondary" | "failover")) {
        return Some(ClusterRole::Dr);
    }
    words.any(|word| matches!(word, "primary" | "main")).then_some(ClusterRole::Primary)
}

/// A context's name as a name of ours: what can't be in one becomes `-`, and no two are alike.
fn plain_name(context: &str, taken: &[SampleCluster]) -> String {
    let plain: String = context
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .collect();
    let plain: String = plain.trim_matches(['-', '.', '_']).chars().take(56).collect();
    let base = if plain.is_empty() { "cluster".to_owned() } else { plain };
    let free = |name: &str| taken.iter().all(|cluster| cluster.name != name);
    if free(&base) {
        return base;
    }
    (2..).map(|n| format!("{base}-{n}")).find(|name| free(name)).unwrap_or(base)
}

/// `people.toml` with the person who runs `init`, if that is a person.
fn people(uid: u32) -> String {
    let mut text = "\
# people.toml: who is who. One [[person]] for each human; all accounts of one human belong to the same person.
# accounts: login names on this host, or uids as \"1234\". roles: observer, operator, commander.
# An operator may write, propose, approve and reject. A dangerous act needs two operators who are two persons.
# Root and system accounts belong to nobody in particular and can't be mapped.
"
    .to_owned();
    let login = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
    let (id, account, comment) = match login {
        _ if uid < 1000 => ("ana".to_owned(), "ana".to_owned(), "#"),
        Some(name) if is_person(&name) => (name.clone(), name, ""),
        _ => (format!("user-{uid}"), uid.to_string(), ""),
    };
    if !comment.is_empty() {
        text.push_str("#\n# You ran `warroom init` as a system account, so nobody is mapped yet. For example:\n");
    }
    let quoted = toml::Value::from(account);
    text.push_str(&format!(
        "\n{comment}[[person]]\n{comment}id = \"{id}\"\n{comment}accounts = [{quoted}]\n{comment}roles = [\"operator\", \"commander\"]\n"
    ));
    text
}

fn is_person(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    name.len() <= 63
        && name != "room"
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(plain)
}

/// The host's name makes a good first name for the room.
fn room_name() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let short = host.trim().split('.').next().unwrap_or_default();
    if is_person(short) { short.to_owned() } else { "my-room".to_owned() }
}

/// An ed25519 key pair in OpenSSH's formats: private, public.
fn log_key(random: &Random, room: &str) -> Result<(String, String), CliError> {
    let pair = Ed25519Keypair::from_seed(&random.bytes::<32>());
    let cant = |error: ssh_key::Error| CliError::Other(format!("the log's key can't be made: {error}"));
    let key = PrivateKey::new(pair.into(), format!("warroom log of {room}")).map_err(cant)?;
    let secret = key.to_openssh(LineEnding::LF).map_err(cant)?.to_string();
    let mut public = key.public_key().to_openssh().map_err(cant)?;
    public.push('\n');
    Ok((secret, public))
}

#[cfg(test)]
#[path = "init_tests.rs"]
mod tests;
