//! Integration tests: one binary, because every test binary links everything again.

mod drill_rows;
mod support;
mod tidy;
