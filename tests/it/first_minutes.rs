//! The first minutes of somebody who follows the README on a laptop: a fresh home, an ordinary umask, nothing made before.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::stage::{ANA, accounts};
use crate::support::{run, scratch};

/// The program in a fresh home under this account, with the umask that most systems give.
struct Newcomer {
    home: tempfile::TempDir,
    binary: PathBuf,
    uid: u32,
}

impl Newcomer {
    fn new(uid: u32) -> Self {
        let home = scratch();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).expect("its mode");
        let binary = home.path().join("warroom");
        let built = Path::new(env!("CARGO_BIN_EXE_warroom"));
        if std::fs::hard_link(built, &binary).is_err() {
            std::fs::copy(built, &binary).expect("a copy of the program");
        }
        std::os::unix::fs::chown(home.path(), Some(uid), None).expect("its home");
        Self { home, binary, uid }
    }

    fn types(&self, words: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "umask 022; exec \"$0\" \"$@\""]).arg(&self.binary).args(words);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").current_dir(self.home.path());
        if self.uid != 0 {
            command.uid(self.uid).gid(self.uid);
        }
        command.stdin(Stdio::null());
        command
    }

    /// What the program answers; it must end well.
    fn well(&self, words: &[&str]) -> String {
        let (code, out, err) = run(&mut self.types(words));
        assert_eq!(code, 0, "uid {}: {words:?}: {out}{err}", self.uid);
        out
    }

    /// A room of one's own in lines, which is left at once.
    fn looks_in(&self, config: &str) {
        let socket = self.home.path().join("s");
        let mut command = self.types(&["--plain", "--config", config, "--socket", socket.to_str().expect("text")]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("it does not start: {error}"));
        child.stdin.take().expect("its stdin").write_all(b"quit\n").expect("typed");
        let done = child.wait_with_output().expect("it ends");
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(0), "uid {}: {said}", self.uid);
    }

    fn mode(&self, path: &str) -> u32 {
        std::fs::metadata(self.home.path().join(path)).expect(path).mode() & 0o777
    }
}

/// The commands that `init` says come next.
fn next_commands(said: &str) -> Vec<Vec<&str>> {
    let commands = said.lines().filter_map(|line| line.strip_prefix("  warroom "));
    commands.map(|line| line.split_whitespace().collect()).collect()
}

fn walks_the_quick_start(uid: u32) {
    let newcomer = Newcomer::new(uid);
    let said = if uid == 0 { newcomer.well(&["init", "--dir", "etc"]) } else { newcomer.well(&["init"]) };
    let next = next_commands(&said);
    assert_eq!(next.len(), 2, "{said}");
    newcomer.well(&next[0]);
    let ["--config", config] = next[1].as_slice() else { panic!("{said}") };
    // Twice: what the first run made must be what the second takes.
    newcomer.looks_in(config);
    newcomer.looks_in(config);
    assert_eq!(newcomer.mode(".local/state/warroom"), 0o700);
}

#[test]
fn the_quick_start_works_in_a_fresh_home_for_an_ordinary_user_and_for_root() {
    if !accounts() {
        return;
    }
    walks_the_quick_start(ANA);
    walks_the_quick_start(0);
}
