//! Walks by keys.
