//! Tests of the probe source against a scripted server.
