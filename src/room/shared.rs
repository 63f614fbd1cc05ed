//! What every part of the room may read and none may change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::past::Past;
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
    /// Events and alerts as they were. Held for as long as a look takes, by nobody across a wait.
    pub past: Mutex<Past>,
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
