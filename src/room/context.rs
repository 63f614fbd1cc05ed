//! What every part of the room may read and none may change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::history_queries::HistoryQueries;
use super::person_budget::Budgets;
use super::refusals::RefusalLog;
use super::shared_deltas::SharedDeltas;
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::ledger::LogReader;
use crate::model::SourceId;
use crate::protocol::DrillInfo;
use crate::systems::{Adapter, SourceSpec};

/// Configuration, clock, log reader, and the acting side of the sources.
pub(super) struct RoomContext {
    pub config: Config,
    pub clock: Clock,
    pub random: Random,
    pub reader: LogReader,
    /// Events and alerts as they were.
    pub looks: Arc<HistoryQueries>,
    /// What sessions are told of the board alike.
    pub deltas: SharedDeltas,
    /// What each person may use up.
    pub budgets: Budgets,
    /// What was refused and is not in the log yet.
    pub refusals: Mutex<RefusalLog>,
    /// As it began, which its speed may not have stayed: [`RoomContext::drill_now`].
    pub drill: Option<DrillInfo>,
    pub sources: Vec<SourceSpec>,
    /// Used by the executor and its preflight alone.
    pub adapters: BTreeMap<SourceId, Arc<dyn Adapter>>,
    /// `sha256:…` of the policy as configured.
    pub policy_digest: String,
    /// Names of accounts that connected.
    pub accounts: super::peer_credentials::Accounts,
    /// Identity of this boot of the room, in every entry.
    pub boot: String,
}

impl RoomContext {
    /// What is rehearsed, with the speed of this moment.
    pub(super) fn drill_now(&self) -> Option<DrillInfo> {
        self.drill.clone().map(|drill| DrillInfo { speed: self.clock.speed(), ..drill })
    }

    /// What was refused and is not in the log yet.
    pub(super) fn refusals(&self) -> MutexGuard<'_, RefusalLog> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
