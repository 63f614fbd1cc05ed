//! A log as rooms write it, of any length: incidents of alerts, notes and decisions.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use warroom::clock::{Clock, Random};
use warroom::ledger::{Ledger, MAX_BATCH, OpenOptions, Storage};
use warroom::model::entry::{Closed, Decision, EntryDraft, Note, Opened, Transition};
use warroom::model::{Actor, Happening, IncidentId, Level, PersonId, SafeText, Severity, Stamp, TransitionKind};

use super::storage::Unsynced;

/// Writes the log: incidents of alerts, notes and decisions, one after another; the last stays open.
pub fn write(dir: &Path, entries: u64, closed: u64, text: usize) -> Result<(), String> {
    let clock = Clock::real();
    let ledger = open(dir, Arc::new(Unsynced))?;
    let each = entries / (closed + 1);
    let text = "x".repeat(text);
    for incident in 0..=closed {
        let id = IncidentId::from(format!("INC-2026-03-02-{incident:05}"));
        let mut left = each;
        while left > 0 {
            let batch = left.min(MAX_BATCH as u64);
            let drafts = (0..batch).map(|n| draft(&id, each - left + n, &text, clock.now())).collect();
            ledger.append(drafts).map_err(|e| e.to_string())?;
            left -= batch;
        }
        if incident < closed {
            let closed =
                EntryDraft { incident: Some(id), by: Actor::room(), happening: Closed::default().into(), text: None };
            ledger.append(vec![closed]).map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

/// Opens the log in a folder, or begins one.
pub fn open(dir: &Path, storage: Arc<dyn Storage>) -> Result<Ledger, String> {
    let options = OpenOptions {
        dir: dir.to_owned(),
        room: "bulk".into(),
        src: "bastion".into(),
        boot: "9f3c".into(),
        drill: false,
        key: String::new(),
        allow_fs: Vec::new(),
        check_fs: false,
        snapshot: None,
    };
    let opened = Ledger::open(options, storage, Clock::real(), Random::seeded(7)).map_err(|e| e.to_string())?;
    Ok(opened.ledger)
}

/// The `n`th entry of an incident.
pub fn draft(id: &IncidentId, n: u64, text: &str, now: Stamp) -> EntryDraft {
    let ana = Actor {
        person: PersonId::from("ana"),
        uid: Some(65_010),
        level: Level::Account,
        login: None,
        simulated: false,
    };
    let said = |happening: Happening| EntryDraft {
        incident: Some(id.clone()),
        by: ana.clone(),
        happening,
        text: Some(SafeText::long(&format!("{n} {text}"))),
    };
    match n % 20 {
        _ if n == 0 => said(Opened { incident: id.clone(), severity: Severity::Sev2, detected_at: None }.into()),
        3 => said(Decision { at: None }.into()),
        5 | 6 => EntryDraft {
            incident: Some(id.clone()),
            by: Actor::room(),
            happening: Happening::Transition(Transition {
                edge: if n % 20 == 5 { TransitionKind::AlertFiring } else { TransitionKind::AlertResolved },
                at: now,
                source: "alertmanager/am".into(),
                subject: SafeText::new(&format!("Alert{}", n % 400)),
                service: None,
                verdict: "warning".into(),
                says: SafeText::new("Alert fires on primary"),
                figures: json!({"fingerprint": format!("f{}", n % 400)}),
            }),
            text: None,
        },
        _ => said(Note { at: None }.into()),
    }
}
