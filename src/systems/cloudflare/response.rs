//! The envelope of every answer, its error codes, and the rate limit in its headers.
//!
//! Judged by `success` and the HTTP status together, and by code and text together: 1002 is a family, 10000 on a 403 means
//! a missing permission and not a bad token, and throttling carries 971 or 10000.

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{SafeText, Stamp, Trouble, TroubleKind};
use crate::systems::http::{HttpFault, HttpResponse, first_sentence, trouble};

/// What a call needs, to say what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Pools,
    Balancers,
    WriteBalancers,
    /// A token may always ask about itself.
    Nothing,
}

impl Needs {
    fn permission(self) -> &'static str {
        match self {
            Self::Pools => "Account: Load Balancing: Monitors and Pools Read",
            Self::Balancers => "Zone: Load Balancers Read",
            Self::WriteBalancers => "Zone: Load Balancers Write",
            Self::Nothing => "API Tokens Read",
        }
    }

    fn place(self) -> &'static str {
        match self {
            Self::Pools | Self::Nothing => "account",
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
    /// Says until when a throttled call has to wait, on the clock that people read.
    pub fn with_time(mut self, now: Stamp) -> Self {
        if let Some(wait) = self.wait_s {
            let until = now + TimeDelta::seconds(i64::try_from(wait).unwrap_or(300));
            let what = format!("{}; locked out until {} UTC ({wait} s)", self.trouble.what, until.format("%H:%M:%S"));
            self.trouble.what = SafeText::new(&what);
        }
        self
    }
}

impl CallError {
    /// A trouble of a call that certainly changed nothing.
    pub fn unsent(trouble: Trouble) -> Self {
        Self { trouble, certainty: Certainty::Nothing, absent: false, wait_s: None }
    }
}

impl From<HttpFault> for CallError {
    fn from(fault: HttpFault) -> Self {
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
struct CloudflareEnvelope {
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
    code: Value,
    #[serde(default)]
    message: Value,
}

impl ApiError {
    /// The code as it was written: a number that we know, or whatever else stood there.
    fn code(&self) -> Code {
        match &self.code {
            Value::Number(n) => n.as_i64().map_or(Code::Other, Code::Number),
            Value::String(text) => text.trim().parse().map_or(Code::Other, Code::Number),
            _ => Code::Other,
        }
    }

    fn code_words(&self) -> String {
        match &self.code {
            Value::Null => "no code".to_owned(),
            Value::String(text) => format!("code {}", first_sentence(text.as_bytes(), 40)),
            other => format!("code {}", first_sentence(other.to_string().as_bytes(), 40)),
        }
    }
}

/// An error's code. The documented range is not kept by the provider itself: 971 occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Number(i64),
    Other,
}

/// What an answer says of the list that it is a page of. All of it may be missing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ResultInfo {
    pub page: Option<u64>,
    pub per_page: Option<u64>,
    pub count: Option<u64>,
    pub total_count: Option<u64>,
    pub total_pages: Option<u64>,
}

impl ResultInfo {
    /// Whether there are more pages after this one, `read` objects being read so far.
    pub(super) fn more_after(&self, page: u64, read: usize) -> bool {
        match (self.total_pages, self.total_count) {
            (Some(pages), _) if pages > page => true,
            (_, Some(total)) => (read as u64) < total,
            _ => false,
        }
    }

    /// How many there are in all, as far as that is said.
    pub(super) fn total(&self, read: usize) -> u64 {
        self.total_count.unwrap_or_default().max(read as u64)
    }
}

/// A successful result, and what the answer says of the list that it is a page of.
#[derive(Debug)]
pub(super) struct Good {
    pub result: Value,
    pub info: ResultInfo,
}

/// Opens the envelope.
pub(super) fn open(answer: &HttpResponse, needs: Needs) -> Result<Good, CallError> {
    let envelope: Result<CloudflareEnvelope, Trouble> = answer.json();
    let ok = (200..300).contains(&answer.status);
    match envelope {
        Ok(envelope) if ok && envelope.success => {
            Ok(Good { info: envelope.result_info.unwrap_or_default(), result: envelope.result })
        }
        Ok(envelope) => Err(refused(answer, &envelope.errors.unwrap_or_default(), needs)),
        // Not an envelope: something in between answered. On a 2xx that settles nothing about a write.
        Err(trouble) if ok => Err(CallError { trouble, certainty: Certainty::Unclear, absent: false, wait_s: None }),
        Err(_) => Err(CallError {
            trouble: answer.trouble(),
            certainty: certainty(answer.status),
            absent: false,
            wait_s: throttled(answer, Code::Other),
        }),
    }
}

fn certainty(status: u16) -> Certainty {
    // 408 and 5xx come from servers that may have passed the request on; a 2xx without success contradicts itself.
    if (300..500).contains(&status) && status != 408 { Certainty::Nothing } else { Certainty::Unclear }
}

fn throttled(answer: &HttpResponse, code: Code) -> Option<u64> {
    // Retry-After is not always sent; all calls may be blocked for five minutes, so look again after one.
    (answer.status == 429 || code == Code::Number(971)).then(|| answer.retry_after_s().unwrap_or(60).clamp(1, 300))
}

fn refused(answer: &HttpResponse, errors: &[ApiError], needs: Needs) -> CallError {
    let none = ApiError::default();
    let error = errors.first().unwrap_or(&none);
    let said = error.message.as_str().map_or_else(String::new, |text| first_sentence(text.as_bytes(), 160));
    let said = if said.is_empty() { "no reason given".to_owned() } else { said };
    let more = match errors.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    let what = format!("Cloudflare answered {} ({}): {said}{more}", answer.status, error.code_words());
    let texts = errors.iter().filter_map(|it| it.message.as_str()).collect::<Vec<_>>().join("\n").to_ascii_lowercase();
    let (kind, remedy) = meaning(answer.status, error.code(), &texts, needs);
    CallError {
        trouble: trouble(kind, what, remedy),
        certainty: certainty(answer.status),
        absent: answer.status == 404 && error.code() != Code::Number(7003),
        wait_s: throttled(answer, error.code()),
    }
}

/// What a refusal means: by status, code and text together, for none of them is stable alone.
fn meaning(status: u16, code: Code, text: &str, needs: Needs) -> (TroubleKind, String) {
    use TroubleKind as K;
    match (status, code) {
        (429, _) | (_, Code::Number(971)) => {
            (K::Throttled, "Everyone with this user waits; see who else uses its limit, and ask less often.".into())
        }
        _ if text.contains(FROM_ELSEWHERE) => (K::Credential, elsewhere(text)),
        (_, Code::Number(9109)) => access(text, needs),
        // On a 403 "Authentication error" means a missing permission, not a bad token.
        (403, _) => (
            K::Forbidden,
            format!("The token lacks a permission: add `{}` for the {}.", needs.permission(), needs.place()),
        ),
        (_, Code::Number(6003 | 6111)) => {
            (K::Credential, "The token file does not hold a token: write the token alone.".into())
        }
        (401, _) | (_, Code::Number(1000 | 10000)) => {
            (K::Unauthorized, "Put a valid token into token_file; it is read again each time.".into())
        }
        (_, Code::Number(7003)) => (K::NotInstalled, "Check the url, and that the account and zones are ids.".into()),
        (404, _) => (K::NotInstalled, format!("Check the id of the {} in the configuration.", needs.place())),
        (500.., _) => (K::ServerError, "The trouble is on Cloudflare's side; it is asked again.".into()),
        _ if text.contains("not enabled") => {
            (K::NotInstalled, "Load Balancing is a paid add-on: enable it for the zone.".into())
        }
        _ => (K::Garbage, validation(code, text).to_owned()),
    }
}

/// How a refusal begins that is about the address a request came from.
const FROM_ELSEWHERE: &str = "cannot use the access token from location";

/// The token has an address filter: no permission is missing, and it is good elsewhere.
fn elsewhere(text: &str) -> String {
    let after = text.split_once(FROM_ELSEWHERE).map_or("", |(_, after)| after);
    let words = after.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_ascii_hexdigit() && c != ':'));
    let own = words.filter_map(|word| word.trim_start_matches(':').parse::<std::net::IpAddr>().ok()).next();
    let own = own.map(|ip| format!(" ({ip})")).unwrap_or_default();
    format!("The token allows other addresses only: add this bastion's{own}.")
}

/// 9109 is a family too: a token that is no good, too many wrong ones, or a good one for something else.
fn access(text: &str, needs: Needs) -> (TroubleKind, String) {
    use TroubleKind as K;
    let has = |words: &str| text.contains(words);
    if has("max auth failures") {
        let remedy = "Wrong tokens were tried too often: put a valid token into token_file, then wait.";
        return (K::Unauthorized, remedy.into());
    }
    if has("invalid access token") || has("invalid api token") || has("expired") {
        return (K::Unauthorized, "Put a valid token into token_file; it is read again each time.".into());
    }
    (K::Forbidden, format!("The token does not cover this: widen it to the {}.", needs.place()))
}

/// The family of refused requests: 1002 is many things, and only its text tells which.
fn validation(code: Code, text: &str) -> &'static str {
    let has = |words: &str| text.contains(words);
    match code {
        Code::Number(1003) => {
            "Rules and pools changed in one write may clash: change them by hand, one after the other."
        }
        Code::Number(1005) => "Something still uses it: take it out of its users first.",
        _ if has("still referenced") || has("referenced by other objects") => {
            "Something still uses it: take it out of its users first."
        }
        _ if has("origin list length") => "The plan of this account allows fewer origins in a pool.",
        _ if has("subscription") || has("not in range") || has("must be in range") => {
            "The subscription of this account does not allow that value."
        }
        _ if has("host header") => "An origin's Host header is not allowed there: correct it at the provider.",
        _ => "Cloudflare refused the request as it was sent.",
    }
}

/// A trouble about an answer that breaks its contract.
pub(super) fn garbage(what: impl AsRef<str>) -> Trouble {
    let what = format!("Cloudflare answered something unexpected: {}", SafeText::new(what.as_ref()));
    trouble(TroubleKind::Garbage, what, "Check that the url is the API itself; report it if it is.")
}
