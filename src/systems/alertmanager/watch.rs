//! One round: the alerts and the instance's own state, together.

use serde_json::Value;

use super::map;
use crate::model::facts::{AlertPeer, Fact, FactKind, Open};
use crate::model::{SafeText, Trouble, TroubleKind};
use crate::systems::Reporter;
use crate::systems::http::{Api, trouble};

/// The most alerts kept of one instance.
pub const MAX_ALERTS: usize = 5_000;

pub struct Watch {
    pub api: Api,
    pub instance: String,
    pub reporter: Reporter,
}

impl Watch {
    /// Asks once and reports; true if both answers came.
    pub async fn round(&self) -> bool {
        match self.ask().await {
            Ok((alerts, peer)) => self.tell(alerts, peer).await,
            Err(trouble) => {
                self.reporter.trouble(trouble).await;
                false
            }
        }
    }

    async fn ask(&self) -> Result<(Vec<Fact>, AlertPeer), Trouble> {
        let (alerts, status) = tokio::join!(
            self.api.get::<Vec<map::RawAlert>>(&["api", "v2", "alerts"]),
            self.api.get::<Value>(&["api", "v2", "status"])
        );
        let alerts = map::alerts(alerts?);
        let peer = match status {
            Ok(status) => map::peer(&self.instance, &status),
            // A proxy that lets only alerts through leaves them readable; what the instance thinks of itself is not known.
            Err(t) if matches!(t.kind, TroubleKind::Forbidden | TroubleKind::NotInstalled) => AlertPeer {
                instance: self.instance.clone(),
                cluster_status: Open::new("unknown"),
                version: SafeText::default(),
                started: None,
                peers: 0,
            },
            Err(t) => return Err(t),
        };
        Ok((alerts.into_iter().map(Fact::from).collect(), peer))
    }

    async fn tell(&self, alerts: Vec<Fact>, peer: AlertPeer) -> bool {
        let total = alerts.len();
        // The peer goes first: whether it was restarted decides what an alert's absence means.
        self.reporter.upsert(peer).await;
        if total <= MAX_ALERTS {
            self.reporter.replace(FactKind::Alert, alerts).await;
            return true;
        }
        // A cut list must not replace the whole one: what is missing from it has not resolved.
        for alert in alerts.into_iter().take(MAX_ALERTS) {
            self.reporter.upsert(alert).await;
        }
        let what = format!("{} holds {total} alerts; the first {MAX_ALERTS} by severity are shown", self.api.host());
        let remedy = "Silence or fix what floods it; resolved alerts can't be told from cut ones meanwhile.";
        self.reporter.trouble(trouble(TroubleKind::Partial, what, remedy)).await;
        false
    }
}
