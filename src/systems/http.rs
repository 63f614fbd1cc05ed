//! One transport policy for plain HTTP APIs.
