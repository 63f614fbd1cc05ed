//! Real servers for tests: programs nobody here wrote, started on free loopback ports, detached, and ended by their process
//! id. A missing one is said as `skipped: …`; with `WARROOM_REQUIRE_PEERS=1` it fails the test.

#![allow(dead_code, reason = "each test takes what it needs")]

#[path = "../../src/test_support.rs"]
pub mod hints;

pub mod alertmanager;
pub mod behave;
pub mod certs;
pub mod client;
pub mod controllers;
pub mod crds;
pub mod http;
pub mod kube;
pub mod prism;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod sshd;

use std::path::{Path, PathBuf};

pub use hints::skipped;

/// Where `tests/peers/build` puts what it builds.
pub fn built() -> PathBuf {
    std::env::var_os("WARROOM_PEERS_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"), PathBuf::from)
}

/// A program: among the built ones, else on the path, else where a system keeps its daemons.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::iter::once(built())
        .chain(std::env::split_paths(&path))
        .chain(daemons)
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
}

/// A program that a test needs, or a line that says it was skipped.
pub fn need(program: &str) -> Option<PathBuf> {
    let found = find(program);
    if found.is_none() {
        hints::missing(program);
    }
    found
}
