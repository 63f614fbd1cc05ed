//! alertmanager.
