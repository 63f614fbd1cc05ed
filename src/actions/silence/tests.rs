//! Tests of silences.
