//! The corpora of the fuzz targets, the hostile texts and mutations of both, through every target; the same on every run.

use std::path::{Path, PathBuf};

#[path = "../fuzz/hostile.rs"]
pub mod hostile;
#[path = "../fuzz/targets.rs"]
mod targets;

pub use targets::hidden;

/// Mutations of each seed.
const ROUNDS: usize = 60;

/// Seeds of a target: its corpus, and files of the project that are of its kind.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("tests/fuzz/corpus").join(target)];
    match target {
        "config" => folders.extend(["tests/fixtures/config/invalid", "src/config"].map(|folder| root.join(folder))),
        "keymap" => folders.push(root.join("keymaps")),
        _ => {}
    }
    let mut paths: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|ext| ext != "rs"))
        .collect();
    paths.sort();
    let mut seeds: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect();
    assert!(!seeds.is_empty() || target == "safe_text", "{target} has no seeds");
    seeds.push(Vec::new());
    seeds
}

/// A hostile text where an object of the target has its texts.
fn placed(target: &str, text: &str) -> Vec<u8> {
    let quoted = serde_json::to_string(text).expect("a text");
    let made = match target {
        "alertmanager" => format!(
            r#"[{{"fingerprint":{quoted},"labels":{{"alertname":{quoted},{quoted}:{quoted}}},"annotations":{{"summary":{quoted}}},"receivers":[{{"name":{quoted}}}],"status":{{"state":{quoted},"silencedBy":[{quoted}]}}}}]"#
        ),
        "kube_event" => format!(
            r#"{{"metadata":{{"uid":{quoted},"name":{quoted},"namespace":{quoted}}},"involvedObject":{{"kind":{quoted},"name":{quoted}}},"reason":{quoted},"message":{quoted},"type":{quoted},"source":{{"component":{quoted}}}}}"#
        ),
        "codec" => format!(r#"{{"id":1,"req":{{"note":{{"text":{quoted},"at":null}}}}}}"#),
        "config" => format!("[room]\nname = {quoted}\n{text}\n"),
        "keymap" => format!("name = {quoted}\n[global]\n{quoted} = \"help\"\n"),
        _ => text.to_owned(),
    };
    made.into_bytes()
}

/// One change of the kinds that break parsers.
fn mutate(seed: &[u8], other: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut data = seed.to_vec();
    let at = random.usize(..=data.len());
    let end = random.usize(at..=data.len());
    match random.u8(..8) {
        0 if at < data.len() => data[at] ^= 1 << random.u8(..8),
        1 if at < data.len() => data[at] = random.u8(..),
        2 => data.truncate(at),
        3 => drop(data.drain(at..end)),
        4 => drop(data.splice(at..at, seed[at..end].to_vec())),
        5 => drop(data.splice(at..end, other[..random.usize(..=other.len())].to_vec())),
        6 => drop(data.splice(at..at, b"\"\\\x00\n{[".iter().copied().take(random.usize(..6)))),
        _ => data.extend_from_slice(&other[random.usize(..=other.len())..]),
    }
    data
}

#[test]
fn nothing_breaks_a_parser_and_nothing_it_shows_is_obeyed() {
    let texts = hostile::texts();
    assert!(texts.len() >= 500, "{} hostile texts", texts.len());
    for (name, target) in targets::ALL {
        let mut random = fastrand::Rng::with_seed(7);
        let mut seeds = seeds(name);
        // A log is opened on disk each time: the texts add nothing that its bodies do not have already.
        if name != "ledger" {
            seeds.extend(texts.iter().map(|text| placed(name, text)));
        }
        let rounds = if seeds.len() > 100 { ROUNDS / 20 } else { ROUNDS };
        let mut runs = 0;
        for seed in &seeds {
            target(seed);
            for _ in 0..rounds {
                let other = random.choice(&seeds).expect("a seed");
                target(&mutate(seed, other, &mut random));
            }
            runs += 1 + rounds;
        }
        println!("{name}: {} seeds, {runs} inputs", seeds.len());
    }
}
