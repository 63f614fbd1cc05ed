//! Exit codes: what a script may rely on.

use std::process::ExitCode;

/// How the program ended. When several hold, the caller picks the one that needs someone first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// All well.
    Ok = 0,
    /// It failed.
    Failure = 1,
    /// Wrong use of the command line, or a configuration that can't be used.
    Usage = 2,
    /// It works, but something is stale, missing or not as it should be.
    Degraded = 3,
    /// A recovery objective is breached.
    Breached = 4,
    /// A log or an entry does not verify.
    Integrity = 5,
    /// The room said no, or an approval is missing.
    Refused = 6,
    /// It did not happen in time.
    Timeout = 7,
    /// The world differs from what was expected.
    Conflict = 8,
    /// Ended by SIGINT.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Failure,
        Self::Usage,
        Self::Degraded,
        Self::Breached,
        Self::Integrity,
        Self::Refused,
        Self::Timeout,
        Self::Conflict,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, in a few words.
    pub fn means(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failure => "failure",
            Self::Usage => "usage or configuration",
            Self::Degraded => "degraded: something is stale, missing or in trouble",
            Self::Breached => "a recovery objective is breached",
            Self::Integrity => "integrity: a log does not verify",
            Self::Refused => "refused, or an approval is missing",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict or drift",
            Self::Interrupted => "ended by SIGINT",
            Self::Terminated => "ended by SIGTERM",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_promised_ones() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 143]);
    }
}
