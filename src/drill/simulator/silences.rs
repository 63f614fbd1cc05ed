//! Silences as the simulated pair holds them: both members show the same, as gossip would have it. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use regex::Regex;
use serde_json::{Value, json};

use super::kube_store::id;
use super::state::{WorldState, WriteResponse};

/// Most silences held.
const MOST: usize = 1000;

/// One silence.
#[derive(Clone, Debug)]
pub struct SimSilence {
    id: String,
    matchers: Vec<SimMatcher>,
    starts: DateTime<Utc>,
    ends: DateTime<Utc>,
    updated: DateTime<Utc>,
    created_by: String,
    comment: String,
}

/// `name="value"`, anchored if an expression.
#[derive(Clone, Debug)]
struct SimMatcher {
    name: String,
    value: String,
    equal: bool,
    regex: Option<Regex>,
}

impl SimMatcher {
    fn of(raw: &Value) -> Result<Self, WriteResponse> {
        let text = |key: &str| raw[key].as_str().map(str::to_owned).ok_or_else(|| required(&format!("matchers.{key}")));
        let (name, value) = (text("name")?, text("value")?);
        let is_regex = raw["isRegex"].as_bool().ok_or_else(|| required("matchers.isRegex"))?;
        let regex = match is_regex {
            true => Some(Regex::new(&format!("^(?:{value})$")).map_err(|_| {
                (400, json!(format!("silence invalid: invalid label matcher 0: invalid regular expression {value:?}")))
            })?),
            false => None,
        };
        Ok(Self { name, value, equal: raw["isEqual"].as_bool().unwrap_or(true), regex })
    }

    fn matches(&self, value: &str) -> bool {
        self.regex.as_ref().map_or(self.value == value, |regex| regex.is_match(value)) == self.equal
    }

    fn same(&self, other: &Self) -> bool {
        (&self.name, &self.value, self.equal, self.regex.is_some())
            == (&other.name, &other.value, other.equal, other.regex.is_some())
    }

    fn show(&self) -> Value {
        json!({"isEqual": self.equal, "isRegex": self.regex.is_some(), "name": self.name, "value": self.value})
    }
}

impl SimSilence {
    fn state(&self, now: DateTime<Utc>) -> &'static str {
        if now >= self.ends {
            "expired"
        } else if now < self.starts {
            "pending"
        } else {
            "active"
        }
    }

    fn show(&self, now: DateTime<Utc>) -> Value {
        let milli = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({
            "id": self.id, "status": {"state": self.state(now)}, "updatedAt": milli(self.updated), "comment": self.comment,
            "createdBy": self.created_by, "startsAt": milli(self.starts), "endsAt": milli(self.ends),
            "matchers": self.matchers.iter().map(SimMatcher::show).collect::<Vec<_>>(),
        })
    }

    fn covers(&self, labels: &Value) -> bool {
        self.matchers.iter().all(|it| it.matches(labels[&it.name].as_str().unwrap_or_default()))
    }
}

/// What the schema check in front of the real handler says.
fn required(member: &str) -> WriteResponse {
    (422, json!({"code": 602, "message": format!("{member} in body is required")}))
}

/// Ids of the silences in force that cover a label set.
pub(super) fn silencing(state: &WorldState, labels: &Value) -> Vec<String> {
    let active = state.silences.iter().filter(|it| it.state(state.now) == "active" && it.covers(labels));
    active.map(|it| it.id.clone()).collect()
}

/// `GET /api/v2/silences`, expired ones too.
pub(super) fn list(state: &WorldState) -> Value {
    state.silences.iter().map(|it| it.show(state.now)).collect()
}

/// `GET /api/v2/silence/ID`.
pub(super) fn get(state: &WorldState, id: &str) -> WriteResponse {
    match state.silences.iter().find(|it| it.id == id) {
        Some(found) => (200, found.show(state.now)),
        None => (404, Value::Null),
    }
}

/// `POST /api/v2/silences`.
pub(super) fn post(state: &mut WorldState, body: &Value) -> WriteResponse {
    match read(state, body) {
        Ok(silence) => {
            let id = silence.id.clone();
            (200, json!({"silenceID": keep(state, silence, id)}))
        }
        Err(answer) => answer,
    }
}

fn read(state: &WorldState, body: &Value) -> Result<SimSilence, WriteResponse> {
    let text = |key: &str| body[key].as_str().map(str::to_owned).ok_or_else(|| required(key));
    let time = |key: &str| {
        let parsed = text(key)?.parse::<DateTime<Utc>>();
        parsed.map_err(|_| (422, json!({"code": 601, "message": format!("{key} in body must be of type date-time")})))
    };
    let raw = body["matchers"].as_array().ok_or_else(|| required("matchers"))?;
    let matchers = raw.iter().map(SimMatcher::of).collect::<Result<Vec<_>, _>>()?;
    let (starts, ends) = (time("startsAt")?, time("endsAt")?);
    let refuse = |why: &str| Err((400, json!(why)));
    if matchers.is_empty() {
        return Err((422, json!({"code": 612, "message": "matchers in body should have at least 1 items"})));
    }
    if matchers.iter().all(|it| it.matches("")) {
        return refuse("silence invalid: at least one matcher must not match the empty string");
    }
    if ends < state.now {
        return refuse("Failed to create silence: end time can't be in the past");
    }
    if ends <= starts {
        return refuse("Failed to create silence: start time must be before end time");
    }
    let (created_by, comment) = (text("createdBy")?, text("comment")?);
    let id = body["id"].as_str().unwrap_or_default().to_owned();
    Ok(SimSilence { id, matchers, starts, ends, updated: state.now, created_by, comment })
}

/// Keeps a silence. An update keeps its id only if matchers and start are the same; else the old one ends and a new id is
/// given. A start in the past becomes now.
fn keep(state: &mut WorldState, mut silence: SimSilence, old: String) -> String {
    let now = state.now;
    if let Some(held) = state.silences.iter_mut().find(|it| it.id == old) {
        let same = held.matchers.len() == silence.matchers.len()
            && held.matchers.iter().zip(&silence.matchers).all(|(a, b)| a.same(b))
            && held.starts.timestamp() == silence.starts.timestamp();
        if same && held.state(now) != "expired" {
            silence.starts = held.starts;
            *held = silence;
            return old;
        }
        held.ends = held.ends.min(now);
    }
    silence.starts = silence.starts.max(now);
    state.silences_made += 1;
    let hex = id(&format!("{}/silence/{}", state.seed, state.silences_made), 32);
    silence.id = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    if state.silences.len() >= MOST {
        state.silences.remove(0);
    }
    let id = silence.id.clone();
    state.silences.push(silence);
    id
}

/// `DELETE /api/v2/silence/ID`: ends it; once more is fine too.
pub(super) fn expire(state: &mut WorldState, id: &str) -> WriteResponse {
    let now = state.now;
    match state.silences.iter_mut().find(|it| it.id == id) {
        Some(held) => {
            held.ends = held.ends.min(now);
            held.starts = held.starts.min(held.ends);
            (200, Value::Null)
        }
        None => (404, Value::Null),
    }
}
