//! Tests of the alertmanager source against a scripted server.
