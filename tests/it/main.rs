//! Integration tests: one binary, because every test binary links everything again.

mod alertmanagers;
mod bad_input;
mod drill_rows;
mod outage;
mod support;
mod tidy;
