//! `config check` and `config show`: what a configuration means, before a room depends on it.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::json;

use super::appearance;
use super::args::Output;
use super::command_output::CommandOutput;
use super::dispatch::{Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use super::output;
use crate::config::{self, Config, ConfigErrors, Env, LoadOptions};

/// Check a configuration; every error names its line. 0 good, 2 not.
#[derive(Clone, Debug, ClapArgs)]
pub struct CheckConfigArgs {
    /// Judge it as `warroom serve` does: https only, closed files, enough people.
    #[arg(long)]
    serve: bool,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for CheckConfigArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let file = file(given.global.config.as_deref(), self.serve, &given.env)?;
        print(check(&file, self.serve), self.output.json())
    }
}

/// Show a configuration with its defaults filled in. Secrets are not part of it.
#[derive(Clone, Debug, ClapArgs)]
pub struct ShowConfigArgs {
    /// How to print.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    output: ShowFormat,
}

/// What `config show` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// In the shape of the file itself.
    #[default]
    #[value(alias = "table")]
    Toml,
    #[allow(missing_docs, reason = "a comment here would be shown as help")]
    Json,
}

impl RunCommand for ShowConfigArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        let file = file(given.global.config.as_deref(), false, &given.env)?;
        print(show(&file)?, self.output == ShowFormat::Json)
    }
}

/// Prints a result: data to stdout; lines about what is wrong to stderr, where people look for errors.
pub(super) fn print(shown: CommandOutput, json: bool) -> Result<Exit, CliError> {
    if json {
        let text = serde_json::to_string_pretty(&shown.json).map_err(|error| CliError::Other(error.to_string()))?;
        output::print(&format!("{text}\n"))?;
    } else if shown.exit == Exit::Ok {
        output::print(&shown.text)?;
    } else {
        output::say(shown.text.trim_end());
    }
    Ok(shown.exit)
}

/// The file that a command is about: the one named, or the one a room would find.
///
/// # Errors
/// If none is named and none is there.
pub fn file(named: Option<&Path>, serve: bool, env: &Env) -> Result<PathBuf, CliError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    // Root looks where a service would even without being told to judge as one.
    let serve = serve || env.uid == 0;
    env.config_file(serve).ok_or_else(|| {
        let looked: Vec<String> = env.config_candidates(serve).iter().map(|path| path.display().to_string()).collect();
        CliError::Usage(format!(
            "there is no configuration at {}\nmake one with `warroom init`, or name it: --config FILE",
            looked.join(" or ")
        ))
    })
}

/// `config check`: every error, or what was found to be there. Errors are data here: they are what was asked for.
pub fn check(path: &Path, serve: bool) -> CommandOutput {
    match config::load(path, LoadOptions { serve, drill: false }) {
        Ok(config) => match doubts(path) {
            Some(errors) => bad(path, &errors),
            None => good(path, &config),
        },
        Err(errors) => bad(path, &errors),
    }
}

/// What only a console finds wrong: a theme or key map that there is not. A service runs with it all the same.
fn doubts(path: &Path) -> Option<ConfigErrors> {
    let env = Env::read();
    match config::console_of(path, &env) {
        Ok(file) => Some(appearance::doubts(&file, &env)).filter(|found| !found.is_empty()).map(ConfigErrors),
        Err(errors) => Some(errors),
    }
}

fn good(path: &Path, config: &Config) -> CommandOutput {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut text = format!(
        "{} is good: room {} with {}, {}, {}, {}, {}\n",
        path.display(),
        config.room.name,
        count(config.clusters.len(), "cluster"),
        count(config.alertmanagers.len(), "Alertmanager"),
        count(config.cloudflare.len(), "Cloudflare account"),
        count(config.probes.len(), "probe"),
        count(config.objectives.len(), "service"),
    );
    text.push_str(&match config.people.len() {
        0 => format!("nobody may act: {} names no person, so everyone observes\n", config.room.people_file.display()),
        n => format!("{} in {}\n", count(n, "person"), config.room.people_file.display()),
    });
    let json = json!({ "schema": "warroom/config-check/v1", "ok": true, "file": path, "errors": [] });
    CommandOutput::ok(json, text)
}

fn bad(path: &Path, errors: &ConfigErrors) -> CommandOutput {
    let list: Vec<serde_json::Value> = errors
        .0
        .iter()
        .map(|error| {
            let (line, column) = error.place.unzip();
            json!({
                "file": error.file, "line": line, "column": column, "what": error.what, "did_you_mean": error.meant,
            })
        })
        .collect();
    let json = json!({ "schema": "warroom/config-check/v1", "ok": false, "file": path, "errors": list });
    CommandOutput::ok(json, format!("{errors}\n")).exit(Exit::Usage)
}

/// `config show`: the values as understood. Paths of secrets are shown, secrets are never read.
///
/// # Errors
/// Everything wrong with the file, as `config check` says it.
pub fn show(path: &Path) -> Result<CommandOutput, CliError> {
    let config = config::load(path, LoadOptions::default()).map_err(|errors| CliError::Config(errors.to_string()))?;
    let mut json = config::to_json(&config);
    json["schema"] = "warroom/config/v1".into();
    Ok(CommandOutput::ok(json, config::to_toml(&config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config").join(name)
    }

    #[test]
    fn a_good_file_passes_and_says_what_is_in_it() {
        let shown = check(&fixture("good.toml"), false);
        assert_eq!(shown.exit, Exit::Ok);
        assert!(shown.text.contains("room prod-ca with 2 clusters, 1 Alertmanager"), "{}", shown.text);
        assert!(shown.text.contains("everyone observes"), "{}", shown.text);
        assert_eq!(shown.json["ok"], true);
    }

    #[test]
    fn a_bad_file_prints_every_error_and_exits_with_2() {
        let shown = check(&fixture("invalid/wrong-types.toml"), false);
        assert_eq!(shown.exit, Exit::Usage);
        assert_eq!(shown.text.lines().count(), 4, "{}", shown.text);
        assert_eq!(shown.json["errors"].as_array().map(Vec::len), Some(4));
        assert_eq!(shown.json["errors"][0]["line"], 6);
        let fail = show(&fixture("invalid/wrong-types.toml")).expect_err("refused");
        assert_eq!(fail.exit(), Exit::Usage);
    }

    #[test]
    fn show_holds_paths_of_secrets_and_no_secret() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::copy(fixture("good.toml"), dir.path().join("warroom.toml")).expect("copied");
        std::fs::write(dir.path().join("cloudflare.token"), "canary-1").expect("written");
        std::fs::write(dir.path().join("am.password"), "canary-2").expect("written");
        let shown = show(&dir.path().join("warroom.toml")).expect("shown");
        for text in [shown.text, shown.json.to_string()] {
            assert!(text.contains("cloudflare.token") && !text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn without_a_file_the_places_are_named() {
        let env = Env { home: Some("/nowhere".into()), uid: 4242, ..Env::default() };
        let message = file(None, false, &env).expect_err("none").message();
        assert!(
            message.contains("/nowhere/.config/warroom/warroom.toml") && message.contains("warroom init"),
            "{message}"
        );
        assert_eq!(file(Some(Path::new("x.toml")), false, &env).expect("named"), Path::new("x.toml"));
    }
}
