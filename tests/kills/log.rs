//! What a log holds of the notes and steps of a campaign, read without the program.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use serde_json::Value;

/// A log, read as far as its whole lines go.
pub struct Log {
    dir: PathBuf,
    read: BTreeMap<PathBuf, u64>,
    /// Notes of the writers, by text.
    notes: BTreeMap<String, u64>,
    /// Steps that began, by plan and step.
    steps: BTreeSet<String>,
    doubled: Vec<String>,
}

impl Log {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, read: BTreeMap::new(), notes: BTreeMap::new(), steps: BTreeSet::new(), doubled: Vec::new() }
    }

    /// Reads what was written since. A line without its end is left for the next time: a kill may have torn it.
    pub fn read(&mut self) -> Result<(), String> {
        let files = std::fs::read_dir(&self.dir).map_err(|e| e.to_string())?;
        let mut segments: Vec<PathBuf> = files.flatten().map(|entry| entry.path()).collect();
        segments.retain(|path| path.extension().is_some_and(|ext| ext == "jsonl"));
        segments.sort();
        for path in segments {
            let from = self.read.get(&path).copied().unwrap_or(0);
            let mut file = std::fs::File::open(&path).map_err(|e| e.to_string())?;
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut bytes)).map_err(|e| e.to_string())?;
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                self.take(&serde_json::from_slice(line).map_err(|e| format!("{}: {e}", path.display()))?);
            }
            self.read.insert(path, from + whole as u64);
        }
        Ok(())
    }

    fn take(&mut self, line: &Value) {
        if let (Some(seq), Some(text)) = (line["b"].as_u64(), line["text"].as_str()) {
            if text.starts_with("kill-") && self.notes.insert(text.to_owned(), seq).is_some() {
                self.doubled.push(text.to_owned());
            }
        } else if line["k"] == "step_started" {
            let step = format!("plan {} step {}", line["d"]["plan"], line["d"]["step"]);
            if !self.steps.insert(step.clone()) {
                self.doubled.push(step);
            }
        }
    }

    /// What was acknowledged and is not there, or not as the entry that was named.
    pub fn missing(&self, acknowledged: &[(String, u64)]) -> Vec<String> {
        let lost = acknowledged.iter().filter(|(text, seq)| self.notes.get(text) != Some(seq));
        lost.map(|(text, seq)| format!("{text} as entry {seq}, found as {:?}", self.notes.get(text))).collect()
    }

    /// Notes and steps that stand twice.
    pub fn doubled(&self) -> Vec<String> {
        self.doubled.clone()
    }

    /// Steps that began.
    pub fn begun(&self) -> u64 {
        self.steps.len() as u64
    }
}
