//! The way to a socket: whether only those who are trusted could put another one in its place. The same rule as sudo's and
//! OpenSSH's: no directory on the way is anybody else's or writable by others, but for sticky ones in which the next step
//! belongs to somebody trusted.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Links on the way that are followed before giving up, as many as the kernel does.
const MOST_LINKS: usize = 40;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// What is wrong with a step of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathProblem {
    /// It belongs to somebody who is not trusted.
    Foreign,
    /// Others may write in it.
    Writable,
}

/// A step of the way at which others could put something else in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsafePath {
    /// The directory or file, with the links before it resolved.
    pub path: PathBuf,
    /// Uid that it belongs to: neither root's nor one that is trusted, where it is [`PathProblem::Foreign`].
    pub owner: u32,
    /// Its permission bits.
    pub mode: u32,
    /// Which rule it breaks; decides the remedy.
    pub wrong: PathProblem,
}

impl UnsafePath {
    /// What mends it.
    pub fn remedy(&self) -> String {
        let path = self.path.display();
        match self.wrong {
            PathProblem::Foreign => format!("use a directory that is your own or root's instead of {path}"),
            PathProblem::Writable => {
                format!("take that away (chmod go-w {path}), or use a directory that only its owner writes")
            }
        }
    }
}

impl fmt::Display for UnsafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, owner, mode) = (self.path.display(), self.owner, self.mode);
        match self.wrong {
            PathProblem::Foreign => {
                write!(f, "{path} belongs to uid {owner} (mode {mode:04o}), who could put anything there")
            }
            PathProblem::Writable => write!(f, "others may write in {path} (of uid {owner}, mode {mode:04o})"),
        }
    }
}

/// Walks the way to `path`, links included, up to what stands there. What is missing is no fault of the way: whoever opens it
/// finds out.
///
/// # Errors
/// The first step that is not safe.
pub fn check(path: &Path, trusted: &[u32]) -> Result<(), UnsafePath> {
    let Ok(whole) = std::path::absolute(path) else { return Ok(()) };
    let mut ahead: VecDeque<OsString> = steps(&whole);
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            // No link is left in what was walked, so this is the directory above.
            at.pop();
            continue;
        }
        let path = at.join(name);
        let Some(here) = PathStep::look(&at) else { return Ok(()) };
        let next = PathStep::look(&path);
        judge(&here, next.as_ref(), trusted)?;
        match next.and_then(|next| next.link()) {
            Some(Ok(target)) if links < MOST_LINKS => {
                links += 1;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                ahead = steps(&target).into_iter().chain(ahead).collect();
            }
            Some(_) => return Ok(()),
            None => at = path,
        }
    }
    match PathStep::look(&at) {
        Some(step) if !trusted.contains(&step.meta.uid()) => Err(step.is(PathProblem::Foreign)),
        _ => Ok(()),
    }
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let step = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(step).collect()
}

/// Whether nobody but the trusted could have put `next` into the directory `at`.
fn judge(at: &PathStep<'_>, next: Option<&PathStep<'_>>, trusted: &[u32]) -> Result<(), UnsafePath> {
    if !trusted.contains(&at.meta.uid()) {
        return Err(at.is(PathProblem::Foreign));
    }
    if at.meta.mode() & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    match next.filter(|next| !trusted.contains(&next.meta.uid())) {
        _ if at.meta.mode() & STICKY == 0 => Err(at.is(PathProblem::Writable)),
        Some(foreign) => Err(foreign.is(PathProblem::Foreign)),
        None => Ok(()),
    }
}

/// What stands at a place of the way; of a link, the link itself.
struct PathStep<'a> {
    path: &'a Path,
    meta: Metadata,
}

impl<'a> PathStep<'a> {
    fn look(path: &'a Path) -> Option<Self> {
        Some(Self { path, meta: path.symlink_metadata().ok()? })
    }

    fn link(&self) -> Option<io::Result<PathBuf>> {
        self.meta.file_type().is_symlink().then(|| std::fs::read_link(self.path))
    }

    fn is(&self, wrong: PathProblem) -> UnsafePath {
        UnsafePath { path: self.path.to_owned(), owner: self.meta.uid(), mode: self.meta.mode() & 0o7777, wrong }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    const ROOT: u32 = 0;
    const STRANGER: u32 = 65_101;

    fn me() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    /// `FOLDER/a/b/s`, all of it ours and closed.
    fn way() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().expect("a folder");
        for dir in ["a", "a/b"] {
            create_dir(home.path().join(dir)).expect("made");
            set_permissions(home.path().join(dir), Permissions::from_mode(0o755)).expect("its mode");
        }
        let socket = home.path().join("a/b/s");
        write(&socket, "").expect("something stands there");
        (home, socket)
    }

    fn found(path: &Path) -> Option<(PathBuf, PathProblem)> {
        check(path, &[ROOT, me()]).err().map(|it| (it.path, it.wrong))
    }

    #[test]
    fn a_way_of_ones_own_is_safe_and_so_is_what_is_not_there_yet() {
        let (home, socket) = way();
        assert_eq!(found(&socket), None);
        assert_eq!(found(&home.path().join("a/none/of/these")), None);
        assert_eq!(found(&home.path().join("a/b/../b/s")), None);
    }

    #[test]
    fn a_directory_that_others_write_in_is_named_with_owner_mode_and_remedy() {
        let (home, socket) = way();
        let open = home.path().join("a");
        for mode in [0o777, 0o775, 0o757] {
            set_permissions(&open, Permissions::from_mode(mode)).expect("its mode");
            let wrong = check(&socket, &[ROOT, me()]).expect_err("open to others");
            assert_eq!((&wrong.path, wrong.owner, wrong.mode, wrong.wrong), (&open, me(), mode, PathProblem::Writable));
            let said = format!("{wrong}; {}", wrong.remedy());
            assert!(said.contains(&format!("mode 0{mode:o}")) && said.contains("chmod go-w"), "{said}");
        }
        // Sticky: nobody can rename what is ours.
        set_permissions(&open, Permissions::from_mode(0o1777)).expect("its mode");
        assert_eq!(found(&socket), None);
    }

    #[test]
    fn what_somebody_else_made_is_refused_also_in_a_sticky_directory_and_as_a_link() {
        let (home, socket) = way();
        let (a, b) = (home.path().join("a"), home.path().join("a/b"));
        if chown(&b, Some(STRANGER), None).is_err() {
            // Only root gives things away.
            return;
        }
        assert_eq!(found(&socket), Some((b.clone(), PathProblem::Foreign)));
        set_permissions(&a, Permissions::from_mode(0o1777)).expect("its mode");
        assert_eq!(found(&socket), Some((b.clone(), PathProblem::Foreign)));
        assert_eq!(check(&socket, &[ROOT, me(), STRANGER]), Ok(()), "unless that account is trusted");
        chown(&b, Some(me()), None).expect("ours again");
        chown(&socket, Some(STRANGER), None).expect("theirs");
        assert_eq!(found(&socket), Some((socket.clone(), PathProblem::Foreign)));
        chown(&socket, Some(me()), None).expect("ours again");
        // A link of theirs to a place that is safe: they may turn it elsewhere at any time.
        let link = a.join("link");
        symlink(&b, &link).expect("linked");
        assert_eq!(found(&link.join("s")), None);
        std::os::unix::fs::lchown(&link, Some(STRANGER), None).expect("theirs");
        assert_eq!(found(&link.join("s")), Some((link, PathProblem::Foreign)));
    }

    #[test]
    fn where_a_link_leads_is_walked_too_and_a_circle_ends() {
        let (home, socket) = way();
        let link = home.path().join("link");
        symlink(home.path().join("a/b"), &link).expect("linked");
        assert_eq!(found(&link.join("s")), None);
        set_permissions(home.path().join("a"), Permissions::from_mode(0o777)).expect("its mode");
        assert_eq!(found(&link.join("s")), Some((home.path().join("a"), PathProblem::Writable)));
        symlink("round", home.path().join("round")).expect("linked");
        assert_eq!(found(&home.path().join("round/s")), None);
        drop(socket);
    }
}
