//! ledger: see the crate docs.
