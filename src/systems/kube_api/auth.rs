//! How a context proves who we are: login plugins and token files, read here and not by the client crate.
//!
//! The crate runs a plugin three times for one client, without a time limit, and again inside requests, where a hung
//! one blocks them all; its errors hold the plugin's environment and output. It sends a token file's last line break
//! along. Here a plugin runs once, alone, without a terminal, and is ended with its children when its time is over. What it
//! answers is never repeated; of what it says when it fails, one line is, without anything that may be a secret.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chrono::DateTime;
use kube::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::error_text::{first_sentence, trouble};
use crate::config::ServeRules;
use crate::model::{Stamp, Trouble, TroubleKind};
use crate::systems::http::Secret;

/// The most bytes of a plugin's answer, and of a token.
const MAX_ANSWER: u64 = 1024 * 1024;
/// The most bytes of what a plugin says when it fails.
const MAX_COMPLAINT: u64 = 8 * 1024;
/// A shorter word that a plugin was given guards nothing, and cutting it would leave no sentence.
const LEAST_SECRET: usize = 6;
const BY_HAND: &str = "log in with kubectl in another terminal, or use a kubeconfig with a static token";

fn refused(what: impl AsRef<str>, remedy: impl AsRef<str>) -> Trouble {
    trouble(TroubleKind::Credential, what, remedy)
}

/// A login plugin, ready to run.
pub(crate) struct Plugin {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// Names a version that answer and question must share.
    api: String,
    cluster: Option<ExecAuthCluster>,
}

/// What a plugin gave.
pub(crate) struct Ticket {
    pub token: Option<Secret>,
    /// Certificate and key, PEM.
    pub identity: Option<(String, Secret)>,
    pub until: Option<Stamp>,
}

impl Plugin {
    /// The plugin that a kubeconfig names, if it may run: in a room of one's own as kubectl would, in a service only what
    /// the configuration lists.
    pub(crate) fn new(
        exec: &ExecConfig,
        cluster: Option<ExecAuthCluster>,
        rules: Option<&ServeRules>,
    ) -> Result<Self, Trouble> {
        let command = exec.command.as_deref().unwrap_or_default();
        if command.is_empty() {
            return Err(refused("the login plugin of this context has no command", "correct the kubeconfig"));
        }
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(refused(
                "the login plugin of this context wants a terminal (interactiveMode: Always)",
                BY_HAND,
            ));
        }
        let Some(program) = program(command) else {
            let hint = exec.install_hint.as_deref().map(first_sentence).unwrap_or_default();
            let remedy =
                if hint.is_empty() { "install it, or use a kubeconfig with a static token".into() } else { hint };
            return Err(refused(format!("the login plugin `{command}` of this context is not installed"), remedy));
        };
        if let Some(rules) = rules
            && !rules.exec.contains(&program)
        {
            let program = program.display();
            return Err(refused(
                format!("this context logs in by running {program}, which is not under [network] exec"),
                format!("if a service may run it, add \"{program}\" to exec under [network]; else use a static token"),
            ));
        }
        let pairs = exec.env.iter().flatten();
        let env = pairs.filter_map(|it| Some((it.get("name")?.clone(), it.get("value")?.clone()))).collect();
        let api = exec.api_version.clone().unwrap_or_default();
        Ok(Self { program, args: exec.args.clone().unwrap_or_default(), env, api, cluster })
    }

    /// What runs, for the screen: the program alone, because arguments may hold secrets.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs it to its end, or ends it with all that it started when the time is over.
    pub(crate) async fn run(&self, limit: Duration) -> Result<Ticket, Trouble> {
        let mut spec = json!({"interactive": false});
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
        }
        let question = json!({"apiVersion": self.api, "kind": "ExecCredential", "spec": spec});
        let mut child = tokio::process::Command::new(&self.program)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("KUBERNETES_EXEC_INFO", question.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|why| {
                refused(format!("the login plugin of this context can't be started: {}", why.kind()), BY_HAND)
            })?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let work = async {
            // An answer that can't be read is judged as the answer that it is: none.
            let (answer, complaint) =
                tokio::join!(start_of(child.stdout.take(), MAX_ANSWER), start_of(child.stderr.take(), MAX_COMPLAINT));
            (child.wait().await, answer, complaint)
        };
        let Ok((ended, answer, complaint)) = tokio::time::timeout(limit, work).await else {
            if let Some(group) = group {
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            let what =
                format!("the login plugin of this context did not finish within {} s and was ended", limit.as_secs());
            return Err(refused(what, BY_HAND));
        };
        match ended {
            Ok(status) if status.success() => self.ticket(answer),
            Ok(status) => {
                let what = match status.code() {
                    Some(code) => format!("the login plugin of this context failed with exit status {code}"),
                    None => "the login plugin of this context was killed".to_owned(),
                };
                let why = self.complaint(&String::from_utf8_lossy(&complaint));
                Err(refused(if why.is_empty() { what } else { format!("{what}: {why}") }, BY_HAND))
            }
            Err(_) => Err(refused("the login plugin of this context can't be waited for", BY_HAND)),
        }
    }

    /// The line of its standard error that says why, without what it was given in confidence or what looks like a secret. Of a
    /// Python traceback the last line does.
    fn complaint(&self, said: &str) -> String {
        let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines().next().filter(|line| !line.starts_with("Traceback")).or_else(|| lines().next_back());
        let in_confidence = self.env.iter().map(|(_, value)| value.as_str()).chain(secret_arguments(&self.args));
        let line = in_confidence
            .filter(|it| it.len() >= LEAST_SECRET)
            .fold(line.unwrap_or_default().to_owned(), |line, word| line.replace(word, "(…)"));
        first_sentence(&without_named_secrets(&line))
    }

    fn ticket(&self, answer: Vec<u8>) -> Result<Ticket, Trouble> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Status {
            token: Option<String>,
            client_certificate_data: Option<String>,
            client_key_data: Option<String>,
            expiration_timestamp: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Credential {
            #[serde(default)]
            api_version: Value,
            status: Option<Status>,
        }
        let unusable = || refused("the login plugin of this context gave no usable credential", BY_HAND);
        let credential: Credential = serde_json::from_slice(&answer).map_err(|_| unusable())?;
        // Overwritten when it goes.
        drop(Secret::new(String::from_utf8(answer).unwrap_or_default()));
        if credential.api_version.as_str() != Some(self.api.as_str()) {
            let what = "the login plugin of this context answers in another version than the kubeconfig asks for";
            return Err(refused(what, "update the plugin, or the apiVersion of exec in the kubeconfig"));
        }
        let status = credential.status.ok_or_else(unusable)?;
        let until = match status.expiration_timestamp.filter(|it| !it.is_empty()) {
            Some(text) => Some(DateTime::parse_from_rfc3339(&text).map_err(|_| unusable())?.to_utc()),
            None => None,
        };
        let token = status.token.filter(|it| !it.is_empty()).map(Secret::new);
        let key = status.client_key_data.map(Secret::new);
        let identity = status.client_certificate_data.filter(|it| !it.is_empty()).zip(key);
        if token.is_none() && identity.is_none() {
            return Err(unusable());
        }
        Ok(Ticket { token, identity, until })
    }
}

/// The first bytes that a child writes; the rest is read and dropped, so that it never waits for us.
async fn start_of(out: Option<impl tokio::io::AsyncRead + Unpin>, most: u64) -> Vec<u8> {
    let mut start = Vec::new();
    if let Some(mut out) = out {
        let _ = (&mut out).take(most).read_to_end(&mut start).await;
        let _ = tokio::io::copy(&mut out, &mut tokio::io::sink()).await;
    }
    start
}

/// Words that name a secret.
fn names_a_secret(name: &str) -> bool {
    const NAMES: [&str; 6] = ["token", "secret", "passw", "passphrase", "api_key", "apikey"];
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|it| name.contains(it))
}

/// The values of flags that name a secret: `--token x`, `--token=x`.
fn secret_arguments(args: &[String]) -> impl Iterator<Item = &str> {
    let flag = |arg: &str| arg.starts_with('-') && names_a_secret(arg);
    let joined = args.iter().filter(move |arg| flag(arg)).filter_map(|arg| Some(arg.split_once('=')?.1));
    let apart = args.windows(2).filter(move |pair| flag(&pair[0])).map(|pair| pair[1].as_str());
    joined.chain(apart)
}

/// `token=x`, `password: x` and the like lose what they name.
fn without_named_secrets(line: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut hide = false;
    for word in line.split_whitespace() {
        let name = word.split(['=', ':']).next().unwrap_or_default();
        let named = names_a_secret(name);
        match word.find(['=', ':']) {
            Some(at) if named && at + 1 < word.len() => out.push(format!("{}(…)", &word[..=at])),
            _ if hide => out.push("(…)".to_owned()),
            _ => out.push(word.to_owned()),
        }
        hide = named && word.ends_with(['=', ':']);
    }
    out.join(" ")
}

/// Where a command is: as it stands if it names a place, else the first of that name on the path.
fn program(command: &str) -> Option<PathBuf> {
    if command.contains('/') {
        return Some(PathBuf::from(command)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(command))
        .find(|path| path.is_file())
}

/// Reads a token file: one line, without the white space around it.
pub(super) fn token_of(path: &Path) -> Result<Secret, Trouble> {
    let unusable = |why: &str| {
        let what = format!("the token file {} can't be used: {why}", path.display());
        refused(what, "put a valid token there, on one line; it is read again at the next try")
    };
    let read = || {
        use std::io::Read;
        let mut text = String::with_capacity(8 * 1024);
        std::fs::File::open(path)?.take(MAX_ANSWER).read_to_string(&mut text).map(|_| text)
    };
    let text = Secret::new(read().map_err(|why| unusable(&why.kind().to_string()))?);
    let line = text.expose().trim();
    match line {
        "" => Err(unusable("it is empty")),
        line if line.bytes().all(|byte| (0x21..0x7f).contains(&byte)) => Ok(Secret::new(line.to_owned())),
        _ => Err(unusable("it holds more than one line, or other than plain characters")),
    }
}

#[cfg(test)]
#[allow(clippy::err_expect, reason = "what holds a secret is not printed")]
mod tests {
    use super::*;
    use crate::model::SafeText;

    fn plugin(script: &str) -> Plugin {
        let exec = exec(&["-c", script]);
        Plugin::new(&exec, None, None).expect("sh is there")
    }

    fn exec(args: &[&str]) -> ExecConfig {
        serde_json::from_value(json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": args,
            "env": [{"name": "CANARY", "value": "canary-env"}], "interactiveMode": "IfAvailable"}))
        .expect("an exec section")
    }

    const ANSWER: &str = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":"#;

    #[tokio::test]
    async fn a_plugin_gets_the_question_and_its_answer_is_read() {
        let script = format!(
            r#"case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) ;; *) exit 9;; esac
               test -t 0 && exit 8; printf '%s' '{ANSWER}{{"token":"t-'$CANARY'","expirationTimestamp":"2026-11-22T20:00:00Z"}}}}'"#
        );
        let ticket =
            plugin(&script.replace("'$CANARY'", "'\"$CANARY\"'")).run(Duration::from_secs(20)).await.expect("a ticket");
        assert_eq!(ticket.token.expect("a token").expose(), "t-canary-env");
        assert_eq!(ticket.until.map(|it| it.to_rfc3339()).as_deref(), Some("2026-11-22T20:00:00+00:00"));
    }

    #[tokio::test]
    async fn what_a_plugin_answers_or_was_given_is_never_repeated() {
        for (script, said) in [
            ("echo canary-out; echo $CANARY >&2; exit 3", "exit status 3"),
            ("echo token=canary password: canary >&2; exit 3", "exit status 3: token=(…) password: (…)"),
            ("echo canary-out", "no usable credential"),
            (r#"printf '{"apiVersion":"canary","status":{"token":"canary"}}'"#, "another version"),
            ("kill -9 $$", "was killed"),
        ] {
            let trouble = plugin(script).run(Duration::from_secs(20)).await.err().expect("refused");
            assert_eq!(trouble.kind, TroubleKind::Credential);
            assert!(trouble.what.as_str().contains(said), "{trouble:?}");
            assert!(!format!("{trouble:?}").contains("canary"), "{trouble:?}");
        }
    }

    #[tokio::test]
    async fn a_plugin_that_fails_says_why_in_its_own_words() {
        let told = async |script: &str| {
            let trouble = plugin(script).run(Duration::from_secs(20)).await.err().expect("refused");
            trouble.what.as_str().trim_start_matches("the login plugin of this context failed with ").to_owned()
        };
        let expired = "echo >&2; echo 'The SSO session has expired. Log in again.' >&2; echo more >&2; exit 255";
        assert_eq!(told(expired).await, "exit status 255: The SSO session has expired");
        let python = "printf 'Traceback (most recent call last):\\n  File x\\nKeyError: profile\\n' >&2; exit 1";
        assert_eq!(told(python).await, "exit status 1: KeyError: profile");
        assert_eq!(
            told("printf '\\033[31mred\\033[0m' >&2; exit 2").await,
            SafeText::new("exit status 2: \u{1b}[31mred\u{1b}[0m").as_str()
        );
        let jwt = "echo 'refused eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2ln' >&2; exit 2";
        assert_eq!(told(jwt).await, "exit status 2: refused (credential)");
        let much = told("yes long-words | head -c 3000000 >&2; exit 2").await;
        assert!(much.len() < 300, "{} bytes", much.len());
    }

    #[tokio::test]
    async fn a_plugin_that_hangs_is_ended_with_its_children() {
        let dir = tempfile::tempdir().expect("a directory");
        let pid = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let trouble = plugin(&script).run(Duration::from_secs(1)).await.err().expect("limited");
        assert!(trouble.what.as_str().contains("did not finish within 1 s"), "{trouble:?}");
        let child = std::fs::read_to_string(&pid).expect("a pid").trim().to_owned();
        let gone = || match std::fs::read_to_string(format!("/proc/{child}/stat")) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        let until = std::time::Instant::now() + Duration::from_secs(20);
        while !gone() && std::time::Instant::now() < until {
            tokio::task::yield_now().await;
        }
        assert!(gone(), "the plugin's child lives on");
    }

    #[test]
    fn a_service_runs_only_what_its_configuration_lists() {
        let sh = program("sh").expect("sh is there");
        let rules = |exec: Vec<PathBuf>| ServeRules { allow_hosts: Vec::new(), exec };
        let trouble = Plugin::new(&exec(&[]), None, Some(&rules(Vec::new()))).err().expect("refused");
        assert!(trouble.what.as_str().contains(&sh.display().to_string()), "{trouble:?}");
        assert!(trouble.remedy.as_str().contains("[network]"), "{trouble:?}");
        assert!(Plugin::new(&exec(&[]), None, Some(&rules(vec![sh]))).is_ok());
        let mut missing = exec(&[]);
        missing.command = Some("no-such-plugin".into());
        missing.install_hint = Some("Get it from the cloud's page. And more.".into());
        let trouble = Plugin::new(&missing, None, None).err().expect("refused");
        assert_eq!(trouble.remedy, "Get it from the cloud's page");
        let mut asks = exec(&[]);
        asks.interactive_mode = Some(ExecInteractiveMode::Always);
        assert!(Plugin::new(&asks, None, None).err().expect("refused").what.as_str().contains("wants a terminal"));
    }

    #[test]
    fn a_token_file_is_one_line_and_its_line_break_is_not_sent() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        std::fs::write(&path, " abc\r\n").expect("written");
        assert_eq!(token_of(&path).expect("a token").expose(), "abc");
        for bad in ["", "\n", "canary\nline", "cänary"] {
            std::fs::write(&path, bad).expect("written");
            let trouble = token_of(&path).err().expect("refused");
            assert!(!format!("{trouble:?}").contains("nary"), "{trouble:?}");
        }
    }
}
