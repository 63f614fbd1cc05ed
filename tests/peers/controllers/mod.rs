//! The real controllers of Velero and Flux, as `tests/peers/build --all` builds them from their published modules, against
//! the real API servers. What no machine without a kubelet can show: volumes, node agents, data movers.

pub mod flux;
pub mod git;
pub mod velero;

use std::path::{Path, PathBuf};

use super::kube::{Cluster, Options};

/// A controller that a test needs, or a line that says it was skipped. Building one takes many minutes, so only
/// `WARROOM_REQUIRE_CONTROLLERS=1` makes a missing one a failure.
///
/// # Panics
/// Where controllers are required and this one is missing.
pub fn need(program: &str) -> Option<PathBuf> {
    let found = super::find(program);
    if found.is_none() {
        super::hints::say(&format!("skipped: {program} (install: tests/peers/build --all)"));
        let required = std::env::var_os("WARROOM_REQUIRE_CONTROLLERS").is_some_and(|value| value == "1");
        assert!(!required, "{program} is required here and missing (install: tests/peers/build --all)");
    }
    found
}

/// Two clusters without anything in them, `primary` and `dr`; `None` after a line that says what is missing.
pub fn clusters() -> Option<[Cluster; 2]> {
    let [primary, dr] = std::thread::scope(|scope| {
        let start = |name: &'static str| scope.spawn(move || Cluster::start(Options::default().named(name)));
        [start("primary"), start("dr")].map(|started| started.join().expect("started"))
    });
    Some([primary?, dr?])
}

/// Does the same on both at once: a controller takes its time to start.
pub fn both<'a, T: Send>(clusters: &'a [Cluster; 2], start: impl Fn(&'a Cluster) -> T + Sync) -> [T; 2] {
    std::thread::scope(|scope| {
        let start = &start;
        clusters.each_ref().map(|cluster| scope.spawn(move || start(cluster))).map(|it| it.join().expect("started"))
    })
}

/// The schemas that came with the modules: with them the API server checks and fills in what it would in a real cluster.
fn apply_schemas(cluster: &Cluster) {
    super::crds::apply(&cluster.client(), &super::built().join("crds"));
}

/// `env NAME=VALUE… program args…`, for a server that reads its environment.
fn with_environment(program: &Path, environment: &[(&str, String)], args: &[String]) -> Vec<String> {
    let set = environment.iter().map(|(name, value)| format!("{name}={value}"));
    set.chain([program.display().to_string()]).chain(args.iter().cloned()).collect()
}
