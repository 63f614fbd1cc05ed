//! The way to a cluster, for everything that lives in one: the Kubernetes system, Velero, Argo CD and Flux.
//!
//! A connection as its kubeconfig says ([`client`]), single requests and lists ([`requests`]), watches (`watch`) behind a
//! gate (`source_context`) that a probe opens (`crd_probe` where custom resources are watched), objects read without trust
//! (`json_access`; only the needed fields of what comes in masses: `partial_object`), and the words for what went wrong
//! (`error_text`). It knows no system: each says what its objects mean.
//!
//! Not named `kube`: that is the crate it is built on, and `use kube::…` is to mean that crate everywhere.

mod auth;
mod cert_expiry;
pub mod client;
mod client_cert;
pub(super) mod controllers;
pub(super) mod crd_probe;
pub(super) mod error_text;
mod gathered_facts;
mod initial_list;
pub(super) mod json_access;
pub(crate) mod kubeconfig;
mod list_mapping;
mod namespace_union;
pub(super) mod partial_object;
pub(super) mod pod_state;
pub mod requests;
pub(super) mod source_context;
pub mod stream;
mod transport;
pub(super) mod watch;

#[cfg(test)]
mod list_tests;
#[cfg(test)]
mod source_context_tests;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod watch_tests;
