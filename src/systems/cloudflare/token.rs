//! What the provider says of our token. Pure, and never the token itself.
//!
//! It says nothing of permissions: that it may read is proven by reading, that it may write can't be probed without
//! writing, and is said to be unknown.

use serde_json::Value;

use super::response::CallError;
use crate::model::facts::{EdgeToken, Open};
use crate::model::{SafeText, Stamp, TroubleKind};

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    User,
    Account,
}

impl Owner {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Account => "account",
        }
    }
}

/// Takes in what a check said.
pub(super) fn checked(token: &mut EdgeToken, result: Result<(Owner, Value), CallError>, now: Stamp) {
    token.checked = Some(now);
    match result {
        Ok((owner, found)) => {
            let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or_default();
            let time = |key: &str| chrono::DateTime::parse_from_rfc3339(text(key)).ok().map(|at| at.to_utc());
            token.owner = Open::new(owner.name());
            token.status = Open::new(text("status"));
            token.expires = time("expires_on");
            token.not_before = time("not_before");
            token.problem = SafeText::default();
            if token.status.as_str().is_empty() {
                token.problem = SafeText::new("the check of the token says no status");
            }
        }
        Err(err) => {
            token.status = Open::default();
            token.problem = err.trouble.what;
        }
    }
}

/// Whether a list that was read, or refused, proves a permission. Other failures prove nothing.
pub(super) fn proves<T>(before: Option<bool>, result: &Result<T, CallError>) -> Option<bool> {
    match result {
        Ok(_) => Some(true),
        Err(err) if err.trouble.kind == TroubleKind::Forbidden => Some(false),
        Err(_) => before,
    }
}
