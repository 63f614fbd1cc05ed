//! `rbac`: what a room's credential may do in a cluster, as a manifest for `kubectl apply`.

use clap::Args as ClapArgs;

use super::args::value_parsers::namespace;
use super::dispatch::{Invocation, RunCommand};
use super::error::CliError;
use super::exit_code::Exit;
use super::output;

/// Print the Kubernetes roles of a room's credential, for `kubectl apply -f -`.
#[derive(Clone, Debug, ClapArgs)]
pub struct RbacArgs {
    /// Also what a restore needs: for the DR cluster only.
    #[arg(long)]
    restore: bool,
    /// Velero's namespace there.
    #[arg(long, value_name = "NAMESPACE", default_value = "velero", value_parser = namespace)]
    velero: String,
}

impl RunCommand for RbacArgs {
    async fn run(self, _: &Invocation) -> Result<Exit, CliError> {
        output::print(&manifest(&self))?;
        Ok(Exit::Ok)
    }
}

const READ: &str = include_str!("rbac/read.yaml");
const RESTORE: &str = include_str!("rbac/restore.yaml");

/// The manifest: reading, and restoring where that is asked for.
fn manifest(options: &RbacArgs) -> String {
    if !options.restore {
        return READ.to_owned();
    }
    let velero = format!("namespace: {}}}", options.velero);
    format!("{READ}---\n{}", RESTORE.replace("namespace: velero}", &velero))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restoring_is_allowed_only_where_it_is_asked_for_and_only_in_veleros_namespace() {
        let read = manifest(&RbacArgs { restore: false, velero: "velero".into() });
        for verb in ["create", "patch", "update", "delete", "\"*\""] {
            assert!(!read.lines().any(|line| line.contains("verbs:") && line.contains(verb)), "{verb}");
        }
        let both = manifest(&RbacArgs { restore: true, velero: "openshift-adp".into() });
        assert!(both.starts_with(&read));
        assert_eq!(both.matches("namespace: openshift-adp}").count(), 2);
        assert!(!both.contains("namespace: velero}"));
        assert_eq!(both.matches("name: warroom, namespace: warroom").count(), 3, "one account, bound twice");
    }
}
