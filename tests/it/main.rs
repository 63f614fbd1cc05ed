//! Integration tests: one binary, because every test binary links everything again.

mod tidy;
