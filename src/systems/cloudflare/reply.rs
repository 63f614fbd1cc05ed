//! The envelope of every answer, its error codes, and the rate limit in its headers.
//!
//! Judged by `success` and the HTTP status together, and by code and text together: 1002 is a family, 10000 on a 403 means
//! a missing permission and not a bad token, and throttling carries 971 or 10000.

use serde::Deserialize;
use serde_json::Value;

use crate::model::{SafeText, Trouble, TroubleKind};
use crate::systems::http::{Answer, Fault, first_sentence, trouble};

/// What a call needs, to say what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Pools,
    Balancers,
    WriteBalancers,
}

impl Needs {
    fn permission(self) -> &'static str {
        match self {
            Self::Pools => "Account: Load Balancing: Monitors and Pools Read",
            Self::Balancers => "Zone: Load Balancers Read",
            Self::WriteBalancers => "Zone: Load Balancers Write",
        }
    }

    fn place(self) -> &'static str {
        match self {
            Self::Pools => "account",
            Self::Balancers | Self::WriteBalancers => "zones",
        }
    }
}

/// How sure we are that a failed call changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Not sent, or clearly refused.
    Nothing,
    /// Sent, and no answer that settles it.
    Unclear,
}

/// A call without a result.
#[derive(Clone, Debug, PartialEq)]
pub struct CallError {
    pub trouble: Trouble,
    pub certainty: Certainty,
    /// The object is not there: 404, and not for want of a route.
    pub absent: bool,
    /// Seconds the server asked us to stay away.
    pub wait_s: Option<u64>,
}

impl CallError {
    /// A trouble of a call that certainly changed nothing.
    pub fn unsent(trouble: Trouble) -> Self {
        Self { trouble, certainty: Certainty::Nothing, absent: false, wait_s: None }
    }
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        let certainty = if fault.sent { Certainty::Unclear } else { Certainty::Nothing };
        Self { trouble: fault.trouble, certainty, absent: false, wait_s: None }
    }
}

impl From<CallError> for Trouble {
    fn from(err: CallError) -> Self {
        err.trouble
    }
}

#[derive(Debug, Deserialize)]
struct Envelope {
    success: bool,
    #[serde(default)]
    errors: Option<Vec<ApiError>>,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    result_info: Option<ResultInfo>,
}

#[derive(Debug, Default, Deserialize)]
struct ApiError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

#[derive(Debug, Deserialize)]
struct ResultInfo {
    count: Option<u64>,
    total_count: Option<u64>,
    total_pages: Option<u64>,
}

/// A successful result, and whether the answer says that it is only a part.
#[derive(Debug)]
pub struct Good {
    pub result: Value,
    pub partial: Option<String>,
}

/// Opens the envelope.
pub fn open(answer: &Answer, needs: Needs) -> Result<Good, CallError> {
    let envelope: Result<Envelope, Trouble> = answer.json();
    let ok = (200..300).contains(&answer.status);
    match envelope {
        Ok(envelope) if ok && envelope.success => {
            Ok(Good { partial: envelope.result_info.as_ref().and_then(partial), result: envelope.result })
        }
        Ok(envelope) => {
            let error = envelope.errors.and_then(|errors| errors.into_iter().next()).unwrap_or_default();
            Err(refused(answer, &error, needs))
        }
        // Not an envelope: something in between answered. On a 2xx that settles nothing about a write.
        Err(trouble) if ok => Err(CallError { trouble, certainty: Certainty::Unclear, absent: false, wait_s: None }),
        Err(_) => Err(CallError {
            trouble: answer.trouble(),
            certainty: certainty(answer.status),
            absent: false,
            wait_s: throttled(answer),
        }),
    }
}

fn partial(info: &ResultInfo) -> Option<String> {
    let pages = info.total_pages.unwrap_or(1);
    match (info.count, info.total_count) {
        (Some(count), Some(total)) if count < total => Some(format!("{count} of {total}")),
        _ => (pages > 1).then(|| format!("the first of {pages} pages of")),
    }
}

fn certainty(status: u16) -> Certainty {
    // 408 and 5xx come from servers that may have passed the request on; a 2xx without success contradicts itself.
    if (300..500).contains(&status) && status != 408 { Certainty::Nothing } else { Certainty::Unclear }
}

fn throttled(answer: &Answer) -> Option<u64> {
    // Retry-After is not always sent; all calls may be blocked for five minutes, so look again after one.
    (answer.status == 429).then(|| answer.retry_after_s().unwrap_or(60).clamp(1, 300))
}

fn refused(answer: &Answer, error: &ApiError, needs: Needs) -> CallError {
    let said = first_sentence(error.message.as_bytes(), 160);
    let said = if said.is_empty() { "no reason given".to_owned() } else { said };
    let what = format!("Cloudflare answered {} (code {}): {said}", answer.status, error.code);
    let lower = error.message.to_ascii_lowercase();
    let (kind, remedy) = match (answer.status, error.code) {
        (429, _) | (_, 971) => {
            (TroubleKind::Throttled, "Wait; ask less often; see who else uses this user's limit.".into())
        }
        (403, _) => {
            let remedy =
                format!("The token lacks a permission: add `{}` for the configured place.", needs.permission());
            (TroubleKind::Forbidden, remedy)
        }
        (_, 9109) => {
            (TroubleKind::Forbidden, format!("The token does not cover this: widen it to the {}.", needs.place()))
        }
        (_, 6003 | 6111) => {
            (TroubleKind::Credential, "The token file does not hold a token: write the token alone.".into())
        }
        (401, _) | (_, 1000 | 10000) => {
            (TroubleKind::Unauthorized, "Put a valid token into token_file; it is read again each time.".into())
        }
        (_, 7003) => (TroubleKind::NotInstalled, "Check the url, and that the account and zones are ids.".into()),
        (404, _) => (TroubleKind::NotInstalled, format!("Check the id of the {} in the configuration.", needs.place())),
        _ if lower.contains("not enabled") => {
            (TroubleKind::NotInstalled, "Load Balancing is a paid add-on: enable it for the zone.".into())
        }
        (500.., _) => (TroubleKind::ServerError, "The trouble is on Cloudflare's side; it is asked again.".into()),
        _ => (TroubleKind::Garbage, "Cloudflare refused the request as it was sent.".to_owned()),
    };
    CallError {
        trouble: trouble(kind, what, remedy),
        certainty: certainty(answer.status),
        absent: answer.status == 404 && error.code != 7003,
        wait_s: throttled(answer),
    }
}

/// What is left of the rate limit, by the last answer that said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub limit: u64,
    pub remaining: u64,
}

impl Budget {
    /// Reads the headers, if they are there.
    pub fn of(answer: &Answer) -> Option<Self> {
        let number = |name: &str| answer.header(name)?.trim().parse().ok();
        Some(Self { limit: number("x-ratelimit-limit")?, remaining: number("x-ratelimit-remaining")? })
    }

    /// So little that only acting may use it: a twentieth.
    pub fn reserve_only(self) -> bool {
        self.remaining.saturating_mul(20) < self.limit
    }

    /// Enough for what is nice to know: more than a quarter.
    pub fn plenty(self) -> bool {
        self.remaining.saturating_mul(4) > self.limit
    }

    /// The trouble of a source that keeps its reserve.
    pub fn low(self) -> Trouble {
        let what = format!("only {} of {} requests are left; the rest is kept for acting", self.remaining, self.limit);
        trouble(TroubleKind::Throttled, what, "See who else uses this user's limit, or raise `every`.")
    }
}

/// A trouble about an answer that breaks its contract.
pub fn garbage(what: impl AsRef<str>) -> Trouble {
    let what = format!("Cloudflare answered something unexpected: {}", SafeText::new(what.as_ref()));
    trouble(TroubleKind::Garbage, what, "Check that the url is the API itself; report it if it is.")
}
