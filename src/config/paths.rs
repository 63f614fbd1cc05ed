//! Where things are: a user follows XDG, the service follows FHS and systemd. Works with `HOME` and every XDG variable
//! unset, as root, and for a uid that has no passwd entry.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::{User, geteuid};

/// The name of the configuration file.
pub const FILE: &str = "warroom.toml";
/// Where a packaged service keeps its configuration.
pub const SYSTEM_CONFIG: &str = "/etc/warroom";
/// Where a packaged service keeps its log.
pub const SYSTEM_STATE: &str = "/var/lib/warroom";
/// The socket of a packaged service.
pub const SYSTEM_SOCKET: &str = "/run/warroom/warroom.sock";
/// The longest socket path that every platform we care for takes (macOS: 104 bytes with the final zero; Linux: 108).
pub const MAX_SOCKET: usize = 103;

const SOCKET: &str = "warroom.sock";

/// What the environment says, read once. A test makes its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    /// The effective user id of this process.
    pub uid: u32,
    /// `$HOME`, else what the passwd entry says; `None` if neither is of use: `/` and `/nonexistent` are not.
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`; `None` = `.config` below the home directory.
    pub config_home: Option<PathBuf>,
    /// `$XDG_STATE_HOME`; `None` = `.local/state` below the home directory.
    pub state_home: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`; `None` = sockets go to [`Env::private_dir`].
    pub runtime_dir: Option<PathBuf>,
    /// For short-lived files, and for sockets where there is no runtime directory.
    pub temp: PathBuf,
    /// systemd's `CONFIGURATION_DIRECTORY`, `STATE_DIRECTORY` and `CREDENTIALS_DIRECTORY`.
    pub service_config: Option<PathBuf>,
    /// The first of `STATE_DIRECTORY`: the log's place; `None` if systemd did not start us as a service.
    pub service_state: Option<PathBuf>,
    /// The first of `CREDENTIALS_DIRECTORY`: where secrets given by a bare file name are looked for first.
    pub credentials: Option<PathBuf>,
}

impl Env {
    /// Reads the environment of this process.
    pub fn read() -> Self {
        Self::from(geteuid().as_raw(), |name| std::env::var_os(name))
    }

    /// Reads an environment. Empty and relative values count as unset, as the XDG specification asks.
    pub fn from(uid: u32, var: impl Fn(&str) -> Option<OsString>) -> Self {
        let dir = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        // systemd gives several directories separated by colons; the first is the one the unit names first.
        let first = |name: &str| {
            let value = var(name)?;
            let first = value.as_bytes().split(|b| *b == b':').next()?;
            Some(PathBuf::from(std::ffi::OsStr::from_bytes(first))).filter(|path| path.is_absolute())
        };
        Self {
            uid,
            home: dir("HOME").or_else(|| home_of(uid)),
            config_home: dir("XDG_CONFIG_HOME"),
            state_home: dir("XDG_STATE_HOME"),
            runtime_dir: dir("XDG_RUNTIME_DIR"),
            temp: PathBuf::from("/tmp"),
            service_config: first("CONFIGURATION_DIRECTORY"),
            service_state: first("STATE_DIRECTORY"),
            credentials: first("CREDENTIALS_DIRECTORY"),
        }
    }

    /// The user's directory for configuration: `$XDG_CONFIG_HOME/warroom`, else `~/.config/warroom`.
    pub fn config_dir(&self) -> Option<PathBuf> {
        let base = self.config_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")))?;
        Some(base.join("warroom"))
    }

    /// Where a configuration file is looked for, in this order.
    pub fn config_candidates(&self, serve: bool) -> Vec<PathBuf> {
        let user = self.config_dir();
        let system = [self.service_config.clone(), Some(PathBuf::from(SYSTEM_CONFIG))];
        let mut dirs: Vec<PathBuf> =
            if serve { system.into_iter().chain([user]).flatten().collect() } else { user.into_iter().collect() };
        dirs.dedup();
        dirs.into_iter().map(|dir| dir.join(FILE)).collect()
    }

    /// The first configuration file that is there.
    pub fn config_file(&self, serve: bool) -> Option<PathBuf> {
        self.config_candidates(serve).into_iter().find(|path| path.is_file())
    }

    /// Where the log lies: systemd's or the system's for a service, else `$XDG_STATE_HOME/warroom`, else
    /// `~/.local/state/warroom`, else the private directory.
    pub fn state_dir(&self, serve: bool) -> PathBuf {
        if serve && let Some(dir) = &self.service_state {
            return dir.clone();
        }
        if serve && self.uid == 0 {
            return PathBuf::from(SYSTEM_STATE);
        }
        let home = || self.home.as_ref().map(|home| home.join(".local/state"));
        match self.state_home.clone().or_else(home) {
            Some(base) => base.join("warroom"),
            None => self.private_dir().join("state"),
        }
    }

    /// Where the console of this account remembers its layout and filters.
    pub fn console_file(&self) -> PathBuf {
        self.state_dir(false).join("console.toml")
    }

    /// A directory of this user alone, with a short name; make it with [`make_private`] before use.
    pub fn private_dir(&self) -> PathBuf {
        self.temp.join(format!("warroom-{}", self.uid))
    }

    /// Where this user's sockets go: the runtime directory if sockets fit there, else the private directory.
    pub fn runtime_dir(&self) -> PathBuf {
        let dir = self.runtime_dir.as_ref().map(|base| base.join("warroom"));
        // Room for drill sockets too, whose names are a little longer.
        dir.filter(|dir| dir.as_os_str().len() + 32 <= MAX_SOCKET && dir.parent().is_some_and(Path::is_dir))
            .unwrap_or_else(|| self.private_dir())
    }

    /// The socket a room listens on: the system's for the packaged service or root, else the user's own.
    pub fn socket(&self, serve: bool) -> PathBuf {
        if serve && (self.service_state.is_some() || self.uid == 0) {
            return PathBuf::from(SYSTEM_SOCKET);
        }
        self.runtime_dir().join(SOCKET)
    }

    /// Where a console looks for a room, in this order: the host's before one's own.
    pub fn sockets(&self) -> Vec<PathBuf> {
        vec![PathBuf::from(SYSTEM_SOCKET), self.runtime_dir().join(SOCKET)]
    }
}

fn home_of(uid: u32) -> Option<PathBuf> {
    let home = User::from_uid(uid.into()).ok().flatten()?.dir;
    (home.is_absolute() && home != Path::new("/") && home != Path::new("/nonexistent")).then_some(home)
}

/// Whether a socket path is short enough for the kernel.
///
/// # Errors
/// A sentence with the way out.
pub fn check_socket(path: &Path) -> Result<(), String> {
    let bytes = path.as_os_str().len();
    if bytes <= MAX_SOCKET {
        return Ok(());
    }
    let shown = path.display();
    Err(format!(
        "{shown} is {bytes} bytes long, and a socket's path has at most {MAX_SOCKET}: give a shorter one with --socket"
    ))
}

/// Makes a directory that is this user's alone (0700), or proves that an existing one is: no link, ours, closed to others.
///
/// # Errors
/// If it can't be made, or someone else could reach into it.
pub fn make_private(dir: &Path) -> io::Result<()> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let meta = fs::symlink_metadata(dir)?;
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {why}", dir.display())));
    if !meta.is_dir() {
        return refuse("is not a directory");
    }
    if meta.uid() != geteuid().as_raw() {
        return refuse("belongs to another user");
    }
    if meta.mode() & 0o077 != 0 {
        return refuse("is open to other users: chmod 0700 it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn env(uid: u32, vars: &[(&str, &str)]) -> Env {
        let vars: Vec<(String, OsString)> = vars.iter().map(|(k, v)| ((*k).to_owned(), OsString::from(v))).collect();
        Env::from(uid, |name| vars.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))
    }

    /// A uid that no host has.
    const STRANGER: u32 = 3_999_999_999;

    #[test]
    fn a_user_follows_xdg() {
        let env =
            env(STRANGER, &[("HOME", "/home/ana"), ("XDG_RUNTIME_DIR", "/run/user/none"), ("XDG_STATE_HOME", "state")]);
        assert_eq!(env.config_candidates(false), [PathBuf::from("/home/ana/.config/warroom/warroom.toml")]);
        assert_eq!(
            env.state_dir(false),
            Path::new("/home/ana/.local/state/warroom"),
            "a relative value counts as unset"
        );
        let dir = tempfile::tempdir().expect("a directory");
        let own = self::env(
            STRANGER,
            &[
                ("XDG_CONFIG_HOME", "/c"),
                ("XDG_STATE_HOME", "/s"),
                ("XDG_RUNTIME_DIR", dir.path().to_str().expect("text")),
            ],
        );
        assert_eq!(own.config_candidates(false), [PathBuf::from("/c/warroom/warroom.toml")]);
        assert_eq!(own.state_dir(false), Path::new("/s/warroom"));
        assert_eq!(own.socket(false), dir.path().join("warroom/warroom.sock"));
        assert_eq!(own.socket(true), own.socket(false), "serve by hand is the user's own room");
    }

    #[test]
    fn the_service_follows_systemd_and_fhs() {
        let vars = [
            ("CONFIGURATION_DIRECTORY", "/etc/warroom"),
            ("STATE_DIRECTORY", "/var/lib/warroom:/var/lib/other"),
            ("CREDENTIALS_DIRECTORY", "/run/credentials/warroom.service"),
        ];
        let env = env(STRANGER, &vars);
        assert_eq!(env.config_candidates(true), [PathBuf::from("/etc/warroom/warroom.toml")]);
        assert_eq!(env.state_dir(true), Path::new("/var/lib/warroom"));
        assert_eq!(env.socket(true), Path::new(SYSTEM_SOCKET));
        assert_eq!(env.credentials.as_deref(), Some(Path::new("/run/credentials/warroom.service")));
    }

    #[test]
    fn with_nothing_set_there_is_still_a_place_for_everything() {
        let stranger = env(STRANGER, &[]);
        assert_eq!(stranger.home, None);
        assert_eq!(stranger.config_file(false), None);
        assert_eq!(stranger.state_dir(true), Path::new("/tmp/warroom-3999999999/state"));
        assert_eq!(stranger.socket(true), Path::new("/tmp/warroom-3999999999/warroom.sock"));
        let root = env(0, &[]);
        assert!(root.home.is_some(), "root's home is in passwd");
        assert_eq!(root.state_dir(true), Path::new(SYSTEM_STATE));
    }

    #[test]
    fn a_socket_path_is_never_too_long() {
        let dir = tempfile::tempdir().expect("a directory");
        let deep = dir.path().join("d".repeat(90));
        fs::create_dir(&deep).expect("made");
        let env = env(STRANGER, &[("XDG_RUNTIME_DIR", deep.to_str().expect("text"))]);
        assert!(check_socket(&env.socket(false)).is_ok());
        assert!(check_socket(&deep.join("warroom/warroom.sock")).expect_err("too long").contains("--socket"));
    }

    #[test]
    fn a_private_directory_is_proven_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let mine = dir.path().join("a/mine");
        make_private(&mine).expect("made");
        assert_eq!(fs::metadata(&mine).expect("there").mode() & 0o777, 0o700);
        make_private(&mine).expect("found");
        fs::set_permissions(&mine, fs::Permissions::from_mode(0o755)).expect("mode set");
        assert!(make_private(&mine).is_err(), "open to others");
        let link = dir.path().join("link");
        symlink(dir.path(), &link).expect("linked");
        assert!(make_private(&link).is_err(), "a link");
    }
}
