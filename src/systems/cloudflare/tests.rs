//! Tests of the cloudflare source against a scripted server.
