//! The schemas of Velero, Argo CD, Flux and Litmus on an API server: the published ones, or minimal ones of our own.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::kube::Client;
use crate::support::wait_for;

const PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// The published schemas, where `WARROOM_CONTRACTS_DIR` names the folder that holds them.
pub fn published() -> Option<PathBuf> {
    super::hints::contract("crds")
}

/// Our own: any content, the same names, versions, scopes and status subresources.
pub fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/crds")
}

/// Applies every schema of a folder whose files are named `GROUP_PLURAL.yaml`, and waits until each is served.
pub fn apply(client: &Client, dir: &Path) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("the folder of schemas")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    let mut names = Vec::new();
    for file in files {
        let stem = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let (group, plural) = stem.split_once('_').expect("GROUP_PLURAL.yaml");
        let name = format!("{plural}.{group}");
        client.apply_text(&format!("{PATH}/{name}"), std::fs::read(&file).expect("readable"));
        names.push((name, group.to_owned(), plural.to_owned()));
    }
    for (name, group, plural) in names {
        let version = wait_for(&format!("{name} established"), || {
            let (_, crd) = client.request("GET", &format!("{PATH}/{name}"), None);
            established(&crd).then(|| stored(&crd))?
        });
        // Established is said a little before the path is served.
        wait_for(&format!("{name} served"), || {
            let (status, _) = client.request("GET", &format!("/apis/{group}/{version}/{plural}?limit=1"), None);
            (status == 200).then_some(())
        });
    }
}

fn established(crd: &Value) -> bool {
    let conditions = crd["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|it| it["type"] == "Established" && it["status"] == "True"))
}

fn stored(crd: &Value) -> Option<String> {
    let versions = crd["spec"]["versions"].as_array()?;
    versions.iter().find(|version| version["storage"] == true)?["name"].as_str().map(str::to_owned)
}
