//! Integration tests: one binary, because every test binary links everything again.

mod crash;
mod drill_rows;
mod outage;
mod refusals;
mod stage;
mod support;
mod tidy;
