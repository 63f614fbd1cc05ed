//! The starter configuration: every setting of every section, explained and at its default. Tests prove that it says the
//! truth.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use super::kinds::{Worded as _, toml_text};
use super::section::{Requirement, SectionSpec};
use super::sections::ALL;
use crate::model::ClusterRole;

const ABOUT: &str = "\
# warroom.toml: what the room watches, what was promised, and who must agree before it acts.
#
# Lines that begin with `#` and a letter or bracket are settings: take the `#` away to use them. Where a setting has a
# default, the line shows it. Durations carry their unit: \"90s\", \"15m\", \"1h30m\". Relative paths begin at this file.
# After a change: `warroom config check`.
";

/// A cluster to begin with, as `init` found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleCluster {
    /// The name in the configuration, made of the context's.
    pub name: String,
    /// Guessed from the context's name and place; at most one is `Primary`, and one `Dr`.
    pub role: ClusterRole,
    /// `None` = no line is written, and kubectl's own rules apply; `init` never names one.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, exactly as it is called there.
    pub context: String,
}

/// The commented starter configuration.
pub fn sample() -> &'static str {
    static SAMPLE: LazyLock<String> = LazyLock::new(|| sample_for("my-room", &[]));
    &SAMPLE
}

/// The starter configuration for a room of this name, with these clusters in place of the commented examples.
pub fn sample_for(room: &str, clusters: &[SampleCluster]) -> String {
    let mut out = ABOUT.to_owned();
    for section in ALL {
        out.push('\n');
        comment(section.about, &mut out);
        if section.name() == "cluster" && !clusters.is_empty() {
            let texts: Vec<String> = clusters.iter().map(found).collect();
            out.push_str(&texts.join("\n"));
        } else {
            settings(section, room, &mut out);
        }
    }
    out
}

fn comment(lines: &[&str], out: &mut String) {
    lines.iter().for_each(|line| {
        let _ = writeln!(out, "#{line}");
    });
}

/// A section that there is only one of is there, with what it can't do without; the rest is commented out.
fn settings(section: &SectionSpec, room: &str, out: &mut String) {
    let off = if section.is_single() { "" } else { "#" };
    let _ = writeln!(out, "{off}{}", section.title);
    for setting in section.settings {
        comment(setting.doc, out);
        let mark = match setting.requirement {
            Requirement::Required => off,
            Requirement::Alternative => "# ",
            _ => "#",
        };
        let is_room_name = setting.title == "[room]" && setting.key == "name";
        let value = if is_room_name { toml_text(room) } else { (setting.sample)() };
        let _ = writeln!(out, "{mark}{} = {value}", setting.key);
    }
    out.push_str(section.another);
}

fn found(cluster: &SampleCluster) -> String {
    let mut out = format!("[[cluster]]\nname = {}\nrole = \"{}\"\n", toml_text(&cluster.name), cluster.role.word());
    if let Some(path) = &cluster.kubeconfig {
        let _ = writeln!(out, "kubeconfig = {}", toml_text(path));
    }
    let _ = writeln!(out, "context = {}", toml_text(&cluster.context));
    out.push_str("# The namespaces of Velero, Argo CD and Flux's controllers, if they are installed there:\n");
    out.push_str("#velero = \"velero\"\n#argocd = \"argocd\"\n#flux = \"flux-system\"\n");
    out
}
