//! `[room]`: what the room is called, and what belongs to it.

use std::path::PathBuf;

use crate::config::kinds::*;
use crate::config::section::*;

/// `[room]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomConfig {
    /// The room's name: in every entry.
    pub name: String,
    /// Where the people file is, or would be.
    pub people_file: PathBuf,
    /// File systems the log may lie on though they are usually refused: `nfs`, `fuse`.
    pub allow_fs: Vec<String>,
}

section! {
    [room] RawRoom => RoomConfig {
        /// The room's name. It is part of every entry of the timeline and of every plan.
        name: Name = Required("my-room");
        /// Who is who. While there is no such file, everyone observes and nobody acts.
        people as people_file: FilePath = Default("people.toml");
        /// File systems that the log may lie on though a service refuses them: "nfs", "fuse".
        allow_fs: FileSystems = Default(NONE);
    }
}

impl SectionRules for RawRoom {}

pub(crate) enum FileSystems {}

impl Kind for FileSystems {
    type Raw = Vec<Spanned<String>>;
    type Value = Vec<String>;

    fn check(raw: &Spanned<Self::Raw>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<Vec<String>> {
        for name in raw.get_ref() {
            make.choice(name, setting.key, &[("nfs", ()), ("fuse", ())]);
        }
        Some(raw.get_ref().iter().map(|name| name.get_ref().clone()).collect())
    }
}
