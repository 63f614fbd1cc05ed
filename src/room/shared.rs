//! What every part of the room may read and none may change.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::runtime::RuntimeFlavor;

use super::looks::Looks;
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::ledger::Reader;
use crate::model::SourceId;
use crate::protocol::DrillInfo;
use crate::systems::{Adapter, SourceSpec};

/// Configuration, clock, log reader, and the acting side of the sources.
pub struct Shared {
    pub config: Config,
    pub clock: Clock,
    pub random: Random,
    pub reader: Reader,
    /// Events and alerts as they were.
    pub looks: Arc<Looks>,
    pub drill: Option<DrillInfo>,
    pub sources: Vec<SourceSpec>,
    /// Used by the executor and its preflight alone.
    pub adapters: BTreeMap<SourceId, Arc<dyn Adapter>>,
    /// `sha256:…` of the policy as configured.
    pub policy_digest: String,
    /// Names of accounts that connected.
    pub accounts: super::peer::Accounts,
    /// Identity of this boot of the room, in every entry.
    pub boot: String,
}

/// Runs what may wait for the disk. On a runtime of several threads the others take over meanwhile; a drill's has one.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => work(),
        _ => tokio::task::block_in_place(work),
    }
}
