//! velero: a stand-in that keeps this branch compiling until the real one is merged.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::{Adapter, Ctx, SourceSpec};
use crate::config::ClusterConfig;
use crate::model::{SourceId, System};

/// Stand-in.
pub fn start(config: &ClusterConfig, _ctx: &Ctx, _tasks: &TaskTracker) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    let id = SourceId::new(System::Velero, config.name.clone());
    (SourceSpec { id, fresh_for_s: 60, credential: String::new() }, None)
}
