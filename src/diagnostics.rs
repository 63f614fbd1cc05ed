//! Logs to a file, panic and error hooks.
