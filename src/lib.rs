//! warroom: a full-screen terminal console for running an outage.
//!
//! Operators log in to a bastion and type `warroom`. One console shows cluster events, alerts, the age of the last
//! *restorable* backup against its RPO, GitOps parity of the DR cluster and traffic at the edge, on one clock. Everyone who
//! joins sees the same tamper-evident timeline. A key proposes a failover or a restore; nothing happens until a second
//! *person* has confirmed the same digest of the same plan.
//!
//! `ARCHITECTURE.md` at the top of the repository is the way in: the map of the modules and what each may import, the life of
//! an observation, a request and a plan, what must never be true, where to add what, and a glossary. `tests/it/tidy.rs`
//! keeps to the map.

#![cfg_attr(not(test), warn(missing_docs, unreachable_pub))]

pub mod actions;
pub mod approval;
pub mod board;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod console;
pub mod drill;
pub mod ledger;
pub mod logging;
pub mod model;
pub mod postmortem;
pub mod protocol;
pub mod room;
pub mod seal;
pub mod systems;
#[cfg(test)]
pub(crate) mod test_support;
pub mod timeline;
