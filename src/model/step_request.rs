//! What a step may ask of an outside system, with everything that is sent: who builds a step, who does it, who says it as a
//! command for a shell and who reads it all see the same types.
//!
//! In a plan's bytes a request is two members: `adapter` names it and `params` holds what is sent. Both are in logs and in
//! digests, so a name never changes, and what was read is written back byte for byte. A request of another version, or one
//! whose parameters are not exactly what is known here, is kept as it is and done by nobody.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;

use super::PersonId;

macro_rules! requests {
    ($($(#[$doc:meta])* $variant:ident $word:literal;)*) => {
        /// What a step asks of the system that it is about.
        #[derive(Clone, Debug, PartialEq)]
        pub enum StepRequest {
            $($(#[$doc])* $variant($variant),)*
            /// Nothing is sent: the step waits for what its checks say.
            Wait,
            /// Of another version: kept as it was read, and done by nobody here.
            Unknown {
                /// The member `adapter`, as it was read.
                verb: String,
                /// The member `params`, as it was read; null = nothing was to be sent.
                params: Value,
            },
        }

        impl StepRequest {
            /// Its name in the plan's bytes and in the log.
            pub fn verb(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $word,)*
                    Self::Wait => WAIT,
                    Self::Unknown { verb, .. } => verb,
                }
            }

            /// Reads the two members that a plan has for it.
            pub fn from_members(verb: String, params: Value) -> Self {
                let known = match verb.as_str() {
                    $($word => exactly(&params).map(Self::$variant),)*
                    WAIT if params.is_null() => Some(Self::Wait),
                    _ => None,
                };
                known.unwrap_or(Self::Unknown { verb, params })
            }

            fn params(&self) -> Result<Value, serde_json::Error> {
                match self {
                    $(Self::$variant(it) => serde_json::to_value(it),)*
                    Self::Wait => Ok(Value::Null),
                    Self::Unknown { params, .. } => Ok(params.clone()),
                }
            }
        }

        $(
            impl From<$variant> for StepRequest {
                fn from(it: $variant) -> Self {
                    Self::$variant(it)
                }
            }
        )*
    };
}

const WAIT: &str = "wait";

requests! {
    /// Reorders the pools of one Cloudflare load balancer, everywhere it names them.
    PatchLoadBalancer "cloudflare.patch_load_balancer";
    /// Sets the access mode of one Velero backup storage location.
    PatchLocation "velero.patch_location";
    /// Creates one Velero Restore, under the name that only its plan has.
    CreateRestore "velero.create_restore";
    /// Makes one silence at an Alertmanager.
    CreateSilence "alertmanager.create_silence";
    /// Ends the silence that is the step's target.
    ExpireSilence "alertmanager.expire_silence";
}

impl StepRequest {
    /// Whether something is sent, and not only waited for.
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Wait) && !matches!(self, Self::Unknown { params: Value::Null, .. })
    }
}

impl fmt::Display for StepRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb())
    }
}

/// The parameters, if they say nothing that would be lost: what is read must be written back as it was.
fn exactly<T: DeserializeOwned + Serialize>(params: &Value) -> Option<T> {
    let read: T = serde_json::from_value(params.clone()).ok()?;
    (serde_json::to_value(&read).ok()? == *params).then_some(read)
}

#[derive(Serialize, Deserialize)]
struct Members {
    adapter: String,
    params: Value,
}

impl Serialize for StepRequest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let params = self.params().map_err(ser::Error::custom)?;
        Members { adapter: self.verb().to_owned(), params }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for StepRequest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let Members { adapter, params } = Members::deserialize(d).map_err(de::Error::custom)?;
        Ok(Self::from_members(adapter, params))
    }
}

/// A new order of pools for one load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchLoadBalancer {
    /// The id of the zone that the load balancer is in.
    pub zone: String,
    /// The members that are set whatever they were.
    pub body: PoolOrder,
    /// Other places that name pools: rules, pool sets, and lists by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<PoolEdit>,
    /// The parts that the edits stand in, by the digest they must still have: a write replaces a part whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub was: BTreeMap<String, String>,
}

/// The order of a load balancer's pools, by id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolOrder {
    /// The first healthy one serves.
    pub default_pools: Vec<String>,
    /// The one that serves when none is healthy.
    pub fallback_pool: String,
}

/// One place of a load balancer, and the pools that are to stand there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolEdit {
    /// A path into a part, its steps separated by slashes: `rules/0/overrides/default_pools`.
    pub at: String,
    /// What stands there afterwards: one where the place takes a single pool, an order where it takes a list.
    pub to: PoolIds,
}

/// One pool, or an order of pools, by id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PoolIds {
    /// Where a single pool stands: `fallback_pool`.
    One(String),
    /// Where a list stands, the first choice first; one that is empty is never sent.
    Order(Vec<String>),
}

/// A new access mode for one backup storage location.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchLocation {
    /// The namespace that Velero runs in.
    pub namespace: String,
    /// `metadata.name` of the BackupStorageLocation.
    pub name: String,
    /// What is set; the write adds the location's version, so that whoever changed it meanwhile is not overwritten.
    pub body: LocationBody,
}

/// The members of a backup storage location that are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationBody {
    /// The only member that a plan may set: status and labels stay as they are.
    pub spec: LocationSpec,
}

/// The only field of a location that a plan may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocationSpec {
    /// Read-only before a restore, so that no backup changes the bucket; read-write after one in place.
    pub access_mode: AccessMode,
}

/// Whether Velero may write to a backup storage location, in Velero's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessMode {
    /// Velero restores from it, and neither writes nor deletes backups there.
    ReadOnly,
    /// Backups are written, and deleted when they expire.
    ReadWrite,
}

impl AccessMode {
    /// The word in the location's spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "ReadOnly",
            Self::ReadWrite => "ReadWrite",
        }
    }
}

/// A Restore from one backup that was confirmed by name; never from whatever a schedule made last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateRestore {
    /// The namespace that Velero runs in.
    pub namespace: String,
    /// The members of the Restore's spec; Velero's defaults hold for every other.
    pub spec: RestoreSpec,
}

/// What is restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreSpec {
    /// `metadata.name` of the Backup, in Velero's namespace on the target's cluster.
    pub backup_name: String,
    /// Namespaces to bring back, by name; from the confirmed part of the plan.
    pub included_namespaces: Vec<String>,
}

/// A silence as Alertmanager's API takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSilence {
    /// All must hold for an alert to be kept quiet.
    pub matchers: Vec<RequestedMatcher>,
    /// RFC 3339, in UTC.
    pub starts_at: String,
    /// RFC 3339, in UTC.
    pub ends_at: String,
    /// The person who asked for the step.
    pub created_by: PersonId,
    /// Incident and reason, and the step's mark, by which what was made is found again.
    pub comment: String,
}

/// A condition on one label, in the API's own words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestedMatcher {
    /// The label's name.
    pub name: String,
    /// What the label's value is held against: a text, or an expression if `is_regex`.
    pub value: String,
    /// `value` is a regular expression, which has to match the whole label value.
    pub is_regex: bool,
    /// `false` = the condition holds where the label does not match.
    pub is_equal: bool,
}

/// The end of a silence: its id is the step's target, and nothing else is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpireSilence {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_request_is_written_as_it_was_read() {
        // These words are in logs and in digests: they never change.
        for (verb, params) in [
            (
                "cloudflare.patch_load_balancer",
                json!({"zone": "z", "body": {"default_pools": ["a", "b"], "fallback_pool": "a"}}),
            ),
            (
                "cloudflare.patch_load_balancer",
                json!({
                    "zone": "z", "body": {"default_pools": ["a", "b"], "fallback_pool": "a"},
                    "edits": [{"at": "region_pools/WEU", "to": ["a"]}, {"at": "rules/0/overrides/fallback_pool", "to": "a"}],
                    "was": {"region_pools": "sha256:1", "rules": "sha256:2"},
                }),
            ),
            (
                "velero.patch_location",
                json!({"namespace": "velero", "name": "default", "body": {"spec": {"accessMode": "ReadOnly"}}}),
            ),
            (
                "velero.create_restore",
                json!({"namespace": "velero", "spec": {"backupName": "b", "includedNamespaces": ["shop"]}}),
            ),
            (
                "alertmanager.create_silence",
                json!({
                    "matchers": [{"name": "a", "value": "b", "isRegex": false, "isEqual": true}],
                    "startsAt": "2026-03-10T14:37:00.000Z", "endsAt": "2026-03-10T15:37:00.000Z",
                    "createdBy": "ana", "comment": "c",
                }),
            ),
            ("alertmanager.expire_silence", json!({})),
            ("wait", Value::Null),
        ] {
            let members = json!({"adapter": verb, "params": params});
            let read: StepRequest = serde_json::from_value(members.clone()).expect("a request");
            assert!(!matches!(read, StepRequest::Unknown { .. }), "{verb} is known");
            assert_eq!((read.verb(), read.writes()), (verb, verb != "wait"));
            assert_eq!(serde_json::to_value(&read).expect("written"), members);
        }
    }

    #[test]
    fn what_is_not_exactly_known_is_kept_and_done_by_nobody() {
        let location = |mode: &str, more: Value| {
            let mut body = json!({"spec": {"accessMode": mode}});
            body["spec"].as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            json!({"namespace": "velero", "name": "default", "body": body})
        };
        for (verb, params) in [
            ("velero.delete_backup", json!({})),
            ("velero.patch_location", location("Whatever", json!({}))),
            ("velero.patch_location", location("ReadOnly", json!({"provider": "x"}))),
            ("velero.create_restore", json!({"namespace": "velero", "spec": {"backupName": "b"}})),
            ("velero.create_restore", Value::Null),
            (
                "velero.create_restore",
                json!({"namespace": "v", "spec": {"backupName": "b", "includedNamespaces": [], "scheduleName": "s"}}),
            ),
            ("cloudflare.patch_load_balancer", json!({"zone": "z", "body": {"default_pools": ["a"]}})),
            ("wait", json!({})),
        ] {
            let members = json!({"adapter": verb, "params": params});
            let read: StepRequest = serde_json::from_value(members.clone()).expect("kept");
            assert_eq!(read, StepRequest::Unknown { verb: verb.to_owned(), params });
            assert_eq!(serde_json::to_value(&read).expect("written"), members);
        }
    }
}
