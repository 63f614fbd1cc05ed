//! One round: the alerts, the silences and the instance's own state, together.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::map;
use crate::model::facts::{AlertPeer, Fact, FactKind, Open, Silence};
use crate::model::{AlertWords, SafeText, Trouble, TroubleKind};
use crate::systems::Reporter;
use crate::systems::http::{Api, StreamedList, trouble};
use crate::systems::supervise::Round;

/// The most alerts kept of one instance.
pub(super) const MAX_ALERTS: usize = 5_000;
/// The most silences kept of one instance: those in force first.
const MAX_SILENCES: usize = 2_000;

pub(super) struct AlertmanagerWatch {
    pub api: Api,
    pub instance: String,
    pub reporter: Reporter,
    /// By which words its alerts say how grave they are.
    pub words: AlertWords,
    /// The last round read its silences.
    pub silences_seen: AtomicBool,
}

impl AlertmanagerWatch {
    /// Asks once and reports; true if all answers came whole.
    pub(super) async fn round(&self) -> Round {
        match self.ask().await {
            Ok(seen) => self.tell(seen).await.into(),
            Err(trouble) => {
                let how = Round::from(&trouble);
                self.reporter.trouble(trouble).await;
                how
            }
        }
    }

    async fn ask(&self) -> Result<AlertmanagerRound, Trouble> {
        let mut gathered = map::GatheredAlerts::new(&self.words, MAX_ALERTS);
        let (listed, status, silences) = tokio::join!(
            self.api.each(&["api", "v2", "alerts"], |raw| gathered.add(raw)),
            self.api.get::<Value>(&["api", "v2", "status"]),
            self.api.get::<Vec<map::RawSilence>>(&["api", "v2", "silences"])
        );
        let (listed, total) = (listed?, gathered.total);
        let mut alerts = gathered.finish();
        let mut peer = match status {
            Ok(status) => map::peer(&self.instance, &status),
            // A proxy that lets only alerts through leaves them readable; what the instance thinks of itself is not known.
            Err(t) if is_kept_from_us(&t) => AlertPeer {
                instance: self.instance.clone(),
                cluster_status: Open::new("unknown"),
                version: SafeText::default(),
                started: None,
                name: SafeText::default(),
                silences_read: false,
            },
            Err(t) => return Err(t),
        };
        let silences = match silences {
            Ok(raw) => {
                peer.silences_read = true;
                map::silences(raw)
            }
            // Likewise: which silences there are is unknown, and alerts still say themselves that they are silenced.
            Err(t) if is_kept_from_us(&t) || t.kind == TroubleKind::Garbage => Vec::new(),
            Err(t) => return Err(t),
        };
        if map::tells_mutes(peer.version.as_str()) {
            // Who can't be asked mutes nobody: an alert shown too loud costs less than one that is not shown.
            match self.api.get::<Vec<map::RawAlertGroup>>(&["api", "v2", "alerts", "groups"]).await {
                Ok(groups) => map::mute(&mut alerts, groups),
                Err(t) => tracing::debug!(instance = %self.instance, why = %t.what, "no groups: mutes are not known"),
            }
        }
        Ok(AlertmanagerRound { alerts: alerts.into_iter().map(Fact::from).collect(), total, listed, silences, peer })
    }

    async fn tell(&self, seen: AlertmanagerRound) -> bool {
        let AlertmanagerRound { alerts, total, listed, silences, peer } = seen;
        let (settling, read) = (peer.cluster_status.is("settling"), peer.silences_read);
        // The peer goes first: whether it was restarted decides what an alert's absence means.
        self.reporter.upsert(peer).await;
        // Of those that ended, the latest are enough.
        let needed = silences.iter().take_while(|it| !it.state.is("expired")).count();
        if total <= MAX_ALERTS && needed <= MAX_SILENCES && listed.unreadable == 0 && !settling {
            // What can't be read any more is not known any more.
            if self.silences_seen.swap(read, Ordering::Relaxed) || read {
                let kept = silences.into_iter().take(MAX_SILENCES).map(Fact::from).collect();
                self.reporter.replace(FactKind::Silence, kept).await;
            }
            self.reporter.replace(FactKind::Alert, alerts).await;
            return true;
        }
        // A list that is not whole must not replace the whole one: what is missing from it has not resolved.
        for alert in alerts {
            self.reporter.upsert(alert).await;
        }
        for silence in silences.into_iter().take(MAX_SILENCES) {
            self.reporter.upsert(silence).await;
        }
        let host = self.api.host();
        let partial = |what: String, remedy: &str| trouble(TroubleKind::Partial, what, remedy);
        let trouble = if settling {
            partial(
                format!("{host} is still settling with its cluster: alerts and silences may be missing"),
                "It is over in about a minute, unless its peers can't be reached.",
            )
        } else if total > MAX_ALERTS {
            partial(
                format!("{host} holds {total} alerts, more than {MAX_ALERTS}: the gravest {MAX_ALERTS} are shown"),
                "Fix or silence what floods it; meanwhile an alert that ended can't be told from one that is left out.",
            )
        } else if listed.unreadable == 0 {
            partial(
                format!(
                    "{host} holds {needed} silences in force or to come: at least {MAX_SILENCES}, and not all, are shown"
                ),
                "Expire what nobody needs; meanwhile a silence that ended can't be told from one that is left out.",
            )
        } else {
            let why = listed.why.unwrap_or_default();
            partial(
                format!("{} of the alerts of {host} can't be read: {why}", listed.unreadable),
                "The others are shown; look at them at the Alertmanager itself.",
            )
        };
        self.reporter.trouble(trouble).await;
        // A settling member is asked again at the usual pace: nothing failed.
        settling
    }
}

/// What one round saw.
struct AlertmanagerRound {
    /// The gravest.
    alerts: Vec<Fact>,
    /// How many there are.
    total: usize,
    listed: StreamedList,
    silences: Vec<Silence>,
    peer: AlertPeer,
}

/// Something in between lets other requests through and not this one.
fn is_kept_from_us(trouble: &Trouble) -> bool {
    matches!(trouble.kind, TroubleKind::Forbidden | TroubleKind::NotInstalled)
}
