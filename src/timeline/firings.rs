//! Which firings of alerts were met by an incident: they open no other one, whatever restarts in between.
//!
//! A firing is one alert (its fingerprint) that began at one instant (its `startsAt`). One that fired while an incident was
//! open, or was closed, belongs to that incident for ever; the same alert that ended and begins again is another firing.
//! Folded from the log, so that a restart of the room forgets nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::entry::{Folded, Transition};
use crate::model::{Stamp, TransitionKind};

/// Alerts that are remembered.
const MOST: usize = 4_096;
/// Beginnings of one firing: members of a pair, and senders that were started again, may each name their own.
const MOST_BEGINNINGS: usize = 4;

/// Alerts that fired, by fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Firings {
    by_alert: BTreeMap<String, AlertFiring>,
    /// What began by then may have been met without being listed: its entry was one of too many.
    unlisted_until: Option<Stamp>,
}

/// The last firing of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct AlertFiring {
    /// When it began, by whoever said so.
    began: Vec<Stamp>,
    /// It was certainly seen to end.
    ended: Option<Stamp>,
    /// An incident was open, or was closed, while it fired.
    met: bool,
    /// The entry that told of it last.
    seq: u64,
}

impl Firings {
    /// Takes in a transition of an alert. `open`: an incident is open.
    pub(super) fn transition(&mut self, edge: &Transition, seq: u64, open: bool) {
        match edge.edge {
            TransitionKind::AlertFiring => self.fires(edge, seq, open),
            TransitionKind::AlertResolved => {
                if let Some(firing) = self.by_alert.get_mut(&name(edge)) {
                    firing.ended = Some(edge.at);
                }
            }
            _ => {}
        }
    }

    fn fires(&mut self, edge: &Transition, seq: u64, open: bool) {
        let (name, at) = (name(edge), began(edge));
        match self.by_alert.get_mut(&name) {
            Some(firing) if firing.is(edge) => {
                (firing.seq, firing.ended) = (seq, None);
                firing.met |= open;
                if !firing.began.contains(&at) {
                    firing.began.truncate(MOST_BEGINNINGS - 1);
                    firing.began.insert(0, at);
                }
            }
            _ => {
                self.by_alert.insert(name, AlertFiring { began: vec![at], ended: None, met: open, seq });
            }
        }
        if self.by_alert.len() > MOST {
            self.forget_one();
        }
    }

    /// Forgets what matters least: one that has ended, else the one told of longest ago.
    fn forget_one(&mut self) {
        let least = self.by_alert.iter().min_by_key(|(_, firing)| (firing.ended.is_none(), firing.seq));
        let Some(name) = least.map(|(name, _)| name.clone()) else { return };
        if let Some(firing) = self.by_alert.remove(&name).filter(|firing| firing.ended.is_none()) {
            self.unlisted_until = self.unlisted_until.max(firing.began.first().copied());
        }
    }

    /// Some transitions were only counted.
    pub(super) fn folded(&mut self, folded: &Folded) {
        if folded.edge == TransitionKind::AlertFiring {
            self.unlisted_until = self.unlisted_until.max(Some(folded.to));
        }
    }

    /// An incident was opened or closed: it met everything that fires.
    pub(super) fn meet(&mut self) {
        self.by_alert.values_mut().filter(|firing| firing.ended.is_none()).for_each(|firing| firing.met = true);
    }

    /// Whether an incident met this firing.
    pub(super) fn met(&self, edge: &Transition) -> bool {
        match self.by_alert.get(&name(edge)) {
            Some(firing) => firing.met && firing.is(edge),
            None => self.unlisted_until.is_some_and(|until| began(edge) <= until),
        }
    }
}

impl AlertFiring {
    /// Whether a transition tells of this firing, or of another one of the same alert.
    fn is(&self, edge: &Transition) -> bool {
        let at = began(edge);
        if self.began.contains(&at) {
            return true;
        }
        match self.ended {
            // It began before the end that was seen: who still tells of it is late.
            Some(ended) => at < ended,
            // Nobody saw an end. Another beginning is then the word of another member, or of one that was started again and
            // got the alert from a sender that names no beginning.
            None => self.began.iter().any(|known| at < *known) || edge.figures.get("since_restart").is_some(),
        }
    }
}

/// Which alert it is.
fn name(edge: &Transition) -> String {
    let fingerprint = edge.figures.get("fingerprint").and_then(Value::as_str);
    fingerprint.map_or_else(|| edge.subject.to_string(), str::to_owned)
}

/// When this firing began. Older logs have it as the transition's own time alone.
fn began(edge: &Transition) -> Stamp {
    let own = edge.figures.get("starts_at").and_then(Value::as_str);
    own.and_then(|at| at.parse().ok()).unwrap_or(edge.at)
}
