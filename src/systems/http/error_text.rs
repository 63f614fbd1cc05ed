//! Errors in words: one short line of what failed, one of what to do. Nothing here may quote a header or a credential.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION};
use serde_json::Value;

use crate::model::{SafeText, Trouble, TroubleKind};
use crate::systems::local_failures;
use crate::systems::proxy::Way;

const MAX_WORDS: usize = 160;
const OWN_SIDE: &str =
    "Check this host: its network, name service and limits, ca_file, and the address in the configuration.";

/// How the TLS library calls a server that shows the certificate of a CA as its own.
const CA_AS_SERVER: &str = "CaUsedAsEndEntity";

/// A trouble from plain words.
pub fn trouble(kind: TroubleKind, what: impl AsRef<str>, remedy: impl AsRef<str>) -> Trouble {
    Trouble { kind, what: SafeText::new(what.as_ref()), remedy: SafeText::new(remedy.as_ref()) }
}

/// A server that answered, and the proxy that brought the answer.
pub(super) fn answering(host: &str, way: &Way) -> String {
    match way.proxy() {
        Some(proxy) => format!("{host} (through the proxy {proxy})"),
        None => host.to_owned(),
    }
}

/// A server that did not answer: here a proxy that is set and was not used matters too.
fn unanswering(host: &str, way: &Way) -> String {
    match way {
        Way::Direct(Some(why)) => format!("{host} (without the proxy that is set: {why})"),
        _ => answering(host, way),
    }
}

/// What a failed exchange means.
pub(super) fn of_error(err: &reqwest::Error, host: &str, way: &Way, total: Duration) -> Trouble {
    if let Some(own) = local_failures::of(err) {
        let what = format!("no connection to {}: {}", unanswering(host, way), own.what);
        // Nobody finds a name that is not there: that is no failure of this host alone.
        let kind = if own.no_such_name { TroubleKind::Unreachable } else { TroubleKind::Local };
        return trouble(kind, what, OWN_SIDE);
    }
    if err.is_connect() {
        let cause = root_cause(err);
        let cause = of_tunnel(&cause).unwrap_or(&cause);
        let shows_ca = cause.contains(CA_AS_SERVER);
        let cause = if shows_ca { "it shows the certificate of a CA as its own" } else { cause };
        let remedy = if shows_ca {
            "Give it a certificate that its CA issued, or a self-signed one with CA:FALSE that ca_file names."
                .to_owned()
        } else if cause.contains("certificate") {
            "Check ca_file, the host name in the url, and the server's certificate.".to_owned()
        } else if let Way::Proxy { from, .. } = way {
            format!("Check that the proxy, which {from} names, is up and lets this server through.")
        } else {
            "Check that it is up, the address in the configuration, and the network in between.".to_owned()
        };
        let host = unanswering(host, way);
        return trouble(TroubleKind::Unreachable, format!("no connection to {host}: {cause}"), remedy);
    }
    if err.is_timeout() {
        return of_silence(host, way, total);
    }
    let what = format!("{} broke the connection: {}", answering(host, way), root_cause(err));
    trouble(TroubleKind::Garbage, what, "Check that the url is the API itself; a proxy in between may cut answers off.")
}

/// What a proxy did with our wish for a way to the server, in better words than the client's.
fn of_tunnel(cause: &str) -> Option<&'static str> {
    match cause.strip_prefix("tunnel error: ")? {
        "unsuccessful" => Some("the proxy refused the way to it"),
        "proxy authorization required" => Some("the proxy wants a user and password"),
        _ => Some("the proxy broke the connection"),
    }
}

/// Nothing came within the time that was given.
pub(super) fn of_silence(host: &str, way: &Way, limit: Duration) -> Trouble {
    let what = format!("{} did not answer within {} ms", unanswering(host, way), limit.as_millis());
    trouble(TroubleKind::Silent, what, "It takes connections but does not answer: it is hung or overloaded.")
}

/// The innermost cause, without the operating system's error number.
pub(super) fn root_cause(err: &dyn Error) -> String {
    let mut cause: &dyn Error = err;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    shorten(text, MAX_WORDS)
}

/// What a status that is no success means.
pub(super) fn of_status(status: u16, headers: &HeaderMap, body: &[u8], host: &str, credential: &str) -> Trouble {
    let said = first_sentence(body, MAX_WORDS);
    let colon = if said.is_empty() { String::new() } else { format!(": {said}") };
    let what = format!("{host} answered {status}{colon}");
    let (kind, remedy) = match status {
        300..=399 => {
            let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| reqwest::Url::parse(to).ok());
            let to = to.and_then(|url| url.host_str().map(|host| format!(" to {host}"))).unwrap_or_default();
            let what = format!("{host} answered {status}, a redirect{to}, which is not followed");
            let remedy = "Set url to the address that answers itself; a login page in between can't be used.";
            return trouble(TroubleKind::Garbage, what, remedy);
        }
        // Mimir, Cortex and Loki with several tenants.
        401 if said.to_ascii_lowercase().contains("no org id") => (
            TroubleKind::Unauthorized,
            "Say which tenant is meant: headers = { \"X-Scope-OrgID\" = \"TENANT\" } in this source's section."
                .to_owned(),
        ),
        401 if credential.is_empty() => (TroubleKind::Unauthorized, "It wants a credential: configure one.".to_owned()),
        401 => (
            TroubleKind::Unauthorized,
            format!("Put a valid credential into {credential}; it is read again each time."),
        ),
        403 => (TroubleKind::Forbidden, "Give this credential the permission to read, or use another.".to_owned()),
        404 | 410 => (TroubleKind::NotInstalled, "Check the url with its path prefix, and the version.".to_owned()),
        408 | 504 => (TroubleKind::Silent, "Something in between gave up waiting for it.".to_owned()),
        429 => {
            (TroubleKind::Throttled, "Ask less often: raise `every`, or find who else uses this credential.".to_owned())
        }
        503 if said.contains("Limit of concurrent") => {
            (TroubleKind::Throttled, "Too many ask it at once: raise `every` or its concurrency limit.".to_owned())
        }
        500.. => (TroubleKind::ServerError, "The trouble is on its side; it is asked again.".to_owned()),
        _ => (TroubleKind::Garbage, "It refused the request: check the url and its version.".to_owned()),
    };
    trouble(kind, what, remedy)
}

/// The first sentence of an error body: JSON's message, a page's title or first text, or the first line.
pub fn first_sentence(body: &[u8], max: usize) -> String {
    let cut = &body[..body.len().min(64 * 1024)];
    let text = String::from_utf8_lossy(cut);
    if let Some(message) = serde_json::from_slice::<Value>(body).ok().as_ref().and_then(message) {
        return sentence(&message, max);
    }
    let trimmed = text.trim_start();
    if trimmed.starts_with('<') { sentence(&html_text(trimmed), max) } else { sentence(trimmed, max) }
}

fn message(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => ["message", "error", "detail", "reason", "errors"]
            .into_iter()
            .find_map(|key| map.get(key).and_then(message)),
        Value::Array(items) => items.first().and_then(message),
        _ => None,
    }
}

/// The title, else the first visible text of a page.
fn html_text(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let inside = |tag: &str| {
        let from = lower.find(&format!("<{tag}"))?;
        let from = from + lower[from..].find('>')? + 1;
        let to = from + lower[from..].find(&format!("</{tag}"))?;
        let text = page[from..to].split_whitespace().collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then_some(text)
    };
    if let Some(title) = inside("title").or_else(|| inside("h1")) {
        return strip_tags(&title);
    }
    strip_tags(page)
}

fn strip_tags(page: &str) -> String {
    let mut out = String::new();
    for piece in page.split('<') {
        let (tag, text) = piece.split_once('>').unwrap_or(("", piece));
        if ["style", "script"].iter().any(|hidden| tag.to_ascii_lowercase().starts_with(hidden)) {
            continue;
        }
        if !text.trim().is_empty() && out.len() < 4 * MAX_WORDS {
            out.push(' ');
            out.push_str(text.trim());
        }
    }
    out
}

fn sentence(text: &str, max: usize) -> String {
    let line = text.trim_start().lines().next().unwrap_or_default();
    let end = line.find(". ").map_or(line.len(), |dot| dot);
    shorten(line[..end].trim_end_matches('.'), max)
}

fn shorten(text: &str, max: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= max {
        return text;
    }
    text.chars().take(max).chain(['…']).collect()
}
