//! Integration tests: one binary, because every test binary links everything again.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what failed"
)]

mod alertmanagers;
mod bad_input;
mod behave_smoke;
mod bytes;
mod closed;
mod cloudflare_prism;
mod crash;
mod descriptors;
mod drill_rows;
mod export;
mod faults;
mod filters;
mod first_minutes;
mod flood;
mod flux_controllers;
mod fuzz;
mod gitops_real;
mod heads;
mod hostile;
mod impostor;
mod kube_real;
mod looks;
mod manners;
mod outage;
#[path = "../peers/mod.rs"]
mod peers;
mod peers_smoke;
mod plain;
mod prometheus_real;
mod pty;
mod readiness;
mod readme;
mod real_incident;
mod real_room;
mod refusals;
mod rights;
mod room;
mod service;
mod silences;
mod ssh;
mod stage;
mod stated;
mod supply;
mod support;
mod terminal;
mod tidy;
mod truth;
mod velero_controllers;
mod velero_real;
mod written;
