//! Reading files that matter: configuration nobody else may have written, secrets nobody else may read. Judged on the open
//! descriptor, so that what was checked is what is read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

/// The most bytes of a secret: tokens, keys and kubeconfigs are far smaller.
pub const MAX_SECRET: u64 = 1024 * 1024;

/// Opens a secret for a service: a regular file, no link, of root or of the service, and nobody else's to read.
///
/// Read from the descriptor that comes back; the path may mean another file a moment later.
///
/// # Errors
/// What is wrong with the file and the command that mends it. Never any of its content.
pub fn check_secret(path: &Path) -> Result<File, String> {
    check_secret_in(path, super::Env::read().credentials.as_deref())
}

/// [`check_secret`] with systemd's credentials directory as a value.
///
/// # Errors
/// As [`check_secret`].
pub fn check_secret_in(path: &Path, credentials: Option<&Path>) -> Result<File, String> {
    let shown = path.display();
    let file = open(path, OFlag::O_NOFOLLOW).map_err(|error| match error.raw_os_error() {
        Some(code) if code == nix::errno::Errno::ELOOP as i32 => {
            format!("{shown} is a symbolic link; a service reads secrets from the file itself")
        }
        _ => format!("{shown} can't be opened: {}", reason(&error)),
    })?;
    let meta = file.metadata().map_err(|error| format!("{shown} can't be looked at: {}", reason(&error)))?;
    if !meta.is_file() {
        return Err(format!("{shown} is not a regular file"));
    }
    owner_is_trusted(meta.uid()).map_err(|why| format!("{shown} {why}"))?;
    // systemd lets the service in by an access list, whose mask shows as the group's read bit; the group itself gets none.
    let by_systemd = credentials.is_some_and(|dir| path.parent() == Some(dir)) && meta.uid() == 0 && meta.gid() == 0;
    let open_bits = meta.mode() & if by_systemd { 0o037 } else { 0o077 };
    if open_bits != 0 {
        return Err(format!("{shown} can be used by others (mode {:04o}): chmod 0600 it", meta.mode() & 0o7777));
    }
    Ok(file)
}

fn owner_is_trusted(uid: u32) -> Result<(), String> {
    if uid == 0 || uid == geteuid().as_raw() {
        return Ok(());
    }
    Err(format!("belongs to uid {uid}, neither root nor this service: chown it"))
}

/// Who may write a directory may put another file in the place of this one. Where the sticky bit is set only owners may.
fn directories_are_trusted(path: &Path) -> Result<(), String> {
    let cant = |error: io::Error| format!("can't be found: {}", reason(&error));
    let real = path.canonicalize().map_err(cant)?;
    for dir in real.ancestors().skip(1) {
        let meta = dir.metadata().map_err(cant)?;
        let is_in = |why: String| format!("is in {}, which {why}", dir.display());
        owner_is_trusted(meta.uid()).map_err(is_in)?;
        if meta.mode() & 0o022 != 0 && meta.mode() & 0o1000 == 0 {
            let mode = meta.mode() & 0o7777;
            return Err(is_in(format!(
                "others can write (mode {mode:04o}), who could put another file in its place: chmod go-w it"
            )));
        }
    }
    Ok(())
}

fn open(path: &Path, flags: OFlag) -> io::Result<File> {
    // Not to wait for a writer, should the path be a pipe; on regular files it changes nothing.
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    File::options().read(true).custom_flags(flags.bits()).open(path)
}

/// Reads a configuration file whole. With `strict`, it must be root's or the service's, and nobody else's to write.
pub(super) fn read_file(path: &Path, most: u64, strict: bool) -> Result<Vec<u8>, String> {
    let cant = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; `warroom init` writes one to begin with".to_owned(),
        _ => format!("can't be read: {}", reason(&error)),
    };
    let file = open(path, OFlag::empty()).map_err(cant)?;
    let meta = file.metadata().map_err(cant)?;
    if !meta.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if strict {
        owner_is_trusted(meta.uid())?;
        directories_are_trusted(path)?;
        if meta.mode() & 0o022 != 0 {
            let mode = meta.mode() & 0o7777;
            return Err(format!(
                "can be written by others (mode {mode:04o}), who could point the room anywhere: chmod go-w it"
            ));
        }
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(cant)?;
    if bytes.len() as u64 > most {
        return Err(format!("is larger than {} KiB, which no configuration is", most / 1024));
    }
    Ok(bytes)
}

/// An error's reason without Rust's `(os error 2)`.
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => nix::errno::Errno::from_raw(code).desc().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn secret(dir: &Path, mode: u32) -> std::path::PathBuf {
        let path = dir.join(format!("token-{mode:o}"));
        fs::write(&path, "canary").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode set");
        path
    }

    #[test]
    fn only_a_file_that_others_cannot_use_is_a_secret() {
        let dir = tempfile::tempdir().expect("a directory");
        for mode in [0o600, 0o400, 0o700] {
            let mut text = String::new();
            let mut file = check_secret_in(&secret(dir.path(), mode), None).expect("accepted");
            file.read_to_string(&mut text).expect("read");
            assert_eq!(text, "canary");
        }
        for mode in [0o640, 0o604, 0o644, 0o620, 0o601] {
            let why = check_secret_in(&secret(dir.path(), mode), None).expect_err("refused");
            assert!(why.contains("chmod 0600") && !why.contains("canary"), "{why}");
        }
    }

    #[test]
    fn links_pipes_directories_and_missing_files_are_refused_without_waiting() {
        let dir = tempfile::tempdir().expect("a directory");
        let link = dir.path().join("link");
        symlink(secret(dir.path(), 0o600), &link).expect("linked");
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).expect("a pipe");
        for (path, why) in [
            (link, "symbolic link"),
            (pipe, "not a regular file"),
            (dir.path().to_owned(), "not a regular file"),
            (dir.path().join("none"), "No such file"),
        ] {
            let said = check_secret_in(&path, None).expect_err("refused");
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_credential_of_systemd_may_show_its_access_list_as_a_group_bit() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = secret(dir.path(), 0o440);
        let ours = geteuid().is_root();
        assert_eq!(check_secret_in(&path, Some(dir.path())).is_ok(), ours, "only root's files in that directory");
        assert!(check_secret_in(&path, Some(Path::new("/elsewhere"))).is_err());
        assert!(check_secret_in(&secret(dir.path(), 0o444), Some(dir.path())).is_err());
    }

    #[test]
    fn a_service_reads_no_configuration_that_others_can_write() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = secret(dir.path(), 0o664);
        assert!(read_file(&path, 100, true).expect_err("refused").contains("chmod go-w"));
        assert_eq!(read_file(&path, 100, false).expect("solo reads it"), b"canary");
        assert!(read_file(&path, 3, false).expect_err("too large").contains("larger"));
    }

    #[test]
    fn a_service_reads_no_configuration_from_a_directory_that_others_can_write() {
        let dir = tempfile::tempdir().expect("a directory");
        let (above, own) = (dir.path().join("above"), dir.path().join("above/own"));
        fs::create_dir_all(&own).expect("made");
        let path = secret(&own, 0o600);
        assert!(read_file(&path, 100, true).is_ok());
        for (loose, mode) in [(&own, 0o775), (&own, 0o757), (&above, 0o777)] {
            fs::set_permissions(loose, Permissions::from_mode(mode)).expect("mode set");
            let why = read_file(&path, 100, true).expect_err("refused");
            assert!(why.contains(&loose.display().to_string()) && why.contains("chmod go-w"), "{why}");
            assert!(read_file(&path, 100, false).is_ok(), "solo reads it");
            fs::set_permissions(loose, Permissions::from_mode(mode | 0o1000)).expect("mode set");
            assert!(read_file(&path, 100, true).is_ok(), "as in /tmp, only owners replace files");
            fs::set_permissions(loose, Permissions::from_mode(0o755)).expect("mode set");
        }
    }
}
