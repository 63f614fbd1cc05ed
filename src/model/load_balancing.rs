//! Facts of the edge: pools, load balancers with every place that names pools, and the account with its token.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::open_enum::Open;
use super::{SafeText, Stamp};

/// An origin inside a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Its name within the pool, as the account's owner gave it; empty if the server left it out.
    pub name: SafeText,
    /// Host name or IP address that requests go to; empty if the server left it out.
    pub address: SafeText,
    /// False: the pool does not use it, and it does not count among the origins that are needed.
    pub enabled: bool,
    /// `None` = Cloudflare did not say.
    pub healthy: Option<bool>,
}

/// Who else refers to a pool: a load balancer that uses it, a monitor that it uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolUser {
    /// `load_balancer`, `monitor` or what the server wrote.
    pub kind: Open,
    /// Id of that load balancer or monitor at the provider; a load balancer of the plan itself is told by it.
    pub id: String,
    /// Its name, for people; empty if the server left it out.
    pub name: SafeText,
}

/// A Cloudflare pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// Immutable id at the provider: load balancers and plans name pools by it.
    pub id: String,
    /// As the account's owner named it; the configuration names pools by it.
    pub name: SafeText,
    /// False: no load balancer sends it anything. True where the server left it out.
    pub enabled: bool,
    /// `None` = unknown, never "unhealthy".
    pub healthy: Option<bool>,
    /// Without a monitor, health is not considered and nothing fails over by itself.
    pub monitored: bool,
    /// So many origins must be healthy for the pool to be; 1 where the server left it out.
    pub minimum_origins: u32,
    /// In the order of the provider; at most 100.
    pub origins: Vec<Origin>,
    /// Health by place: (place, healthy).
    pub places: Vec<(SafeText, bool)>,
    /// Percent of traffic shed by `load_shedding`, 0 if none.
    pub shedding_percent: u32,
    /// Percent of existing sessions shed, 0 if none.
    pub session_shedding_percent: u32,
    /// Regions judge by their own checks: one word for the whole pool is then not the truth.
    pub regional: bool,
    /// Who refers to it, by the provider's own list; `None` = not read.
    pub used_by: Option<Vec<PoolUser>>,
}

/// What a place of a load balancer that names pools is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceRole {
    /// Pools in order.
    Order,
    /// The pool of last resort.
    Fallback,
    /// A field whose meaning is not known; it names pools all the same.
    Other,
}

/// A place in a load balancer that names pools, beside its own order and fallback. Whether it matters for a given user is
/// never computed: conditions and topologies are the provider's to judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolPlace {
    /// In words: `rule blue: order`, `region_pools WEU`, `pool set eu: fallback`.
    pub what: SafeText,
    /// Where it stands, from the top: `rules/0/overrides/default_pools`. A write replaces its first part whole.
    pub path: String,
    /// What the pools that are named here are for.
    pub role: PlaceRole,
    /// Ids of pools in the order they stand there; at most 100.
    pub pools: Vec<String>,
    /// The steering policy stated beside it; empty where none is.
    pub policy: Open,
    /// It stands in a pool set, whose policy replaces the load balancer's.
    pub in_set: bool,
}

/// A rule or pool set that is on: requests that it matches are answered or steered by it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActingRule {
    /// Its name or id, else its number from 1: `#2`.
    pub name: SafeText,
    /// It is a pool set.
    pub in_set: bool,
    /// It has no condition: every request matches.
    pub always: bool,
    /// It answers by itself, with this status.
    pub answers: Option<u32>,
    /// It may change which pool a request goes to.
    pub steers: bool,
}

/// The weights of pools under random steering, in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolWeights {
    /// Of each pool that has none of its own.
    pub default: u32,
    /// By the id of the pool.
    pub of: BTreeMap<String, u32>,
}

/// A Cloudflare load balancer. Pools are ids; the board joins names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Immutable id at the provider, by which a plan writes to it.
    pub id: String,
    /// Id of the zone that it was listed in: a write needs it.
    pub zone: String,
    /// Host name.
    pub name: SafeText,
    /// False: it answers nothing. True where the server left it out.
    pub enabled: bool,
    /// Requests go through the provider, so that clients keep no address and DNS plays no part. False where left out.
    pub proxied: bool,
    /// DNS TTL, seconds; means nothing when proxied.
    pub ttl_s: Option<u32>,
    /// Ids of pools in the order they are tried; at most 100. A failover changes this.
    pub default_pools: Vec<String>,
    /// Id of the pool of last resort, for when none of the others can serve; empty if there is none.
    pub fallback_pool: String,
    /// What is in effect: `off`, `geo`, `random`, …; the empty policy resolved.
    pub policy: Open,
    /// Everything that may override the order: `rule NAME`, `pool set NAME`, `region_pools`, …
    pub overrides: Vec<SafeText>,
    /// Rules and pool sets that act, in the order they are listed.
    #[serde(default)]
    pub rules: Vec<ActingRule>,
    /// Under random steering; `None` = all alike.
    #[serde(default)]
    pub weights: Option<PoolWeights>,
    /// Every other place that names pools.
    pub places: Vec<PoolPlace>,
    /// There are more places than are listed.
    pub places_cut: bool,
    /// Digest of each part that `places` stand in, as it was read. A part without one can't be sent back exactly.
    pub digests: BTreeMap<String, String>,
    /// `none`, `cookie`, `ip_cookie`, …; `none` where left out. Sessions that stick stay where they are in a failover.
    pub session_affinity: Open,
    /// How long a session keeps to its origin, seconds.
    pub affinity_ttl_s: Option<u32>,
    /// How long sessions of a *disabled* origin are drained, seconds.
    pub drain_s: Option<u32>,
    /// When it was last written, as the provider wrote it down. A plan relies on its not having changed.
    pub modified_on: SafeText,
}

/// The token of an account at the edge, as the provider describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EdgeToken {
    /// `user` or `account`: whose token it is; empty = not known.
    pub owner: Open,
    /// `active`, `disabled`, `expired`; empty = not known.
    pub status: Open,
    /// Until when it is good, as its owner chose; `None` = for ever, or never checked.
    pub expires: Option<Stamp>,
    /// From when on it is good; `None` = at once, or never checked.
    pub not_before: Option<Stamp>,
    /// When it was last asked about, whether that worked or not; `None` = never so far.
    pub checked: Option<Stamp>,
    /// Why it could not be checked.
    pub problem: SafeText,
    /// Whether it read pools, and load balancers, when last tried. That it may write can't be probed safely.
    pub reads_pools: Option<bool>,
    /// Likewise of the load balancers: one zone that it may not read is enough for `false`.
    pub reads_balancers: Option<bool>,
}

/// An account at the edge: its token, and what is left of the requests that everyone with this user shares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EdgeAccount {
    /// Id of the account at the provider, by the configuration.
    pub account: String,
    /// The token that this account is read and written with.
    pub token: EdgeToken,
    /// As the provider's headers say it; `None` = they did not.
    pub limit: Option<u64>,
    /// Requests left in the provider's window, for everyone with this user; `None` = the headers did not say.
    pub remaining: Option<u64>,
    /// When the limit is full again, on our clock; `None` = the headers did not say.
    pub resets: Option<Stamp>,
    /// Our own requests in the last five minutes, and the most that polling may make of them.
    pub asked: u64,
    /// The most of them that polling asks for in five minutes: half of what the provider allows.
    pub share: u64,
    /// Those of them that people had made, by plans that were checked, and the most of them.
    #[serde(default)]
    pub reading: u64,
    /// The most that people may have read in five minutes.
    #[serde(default)]
    pub reading_share: u64,
    /// Polls stop when no more than this is left: it is kept for acting.
    pub reserve: u64,
}
