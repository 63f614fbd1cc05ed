//! `[[cloudflare]]`: load balancing at Cloudflare.

use std::path::PathBuf;

use super::ProxyConfig;
use crate::config::kinds::*;
use crate::config::section::*;

/// A Cloudflare account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudflareConfig {
    /// The account's name on the board and in the timeline; no two accounts share one.
    pub name: String,
    /// `https://api.cloudflare.com/client/v4` unless a drill or test says otherwise.
    pub url: String,
    /// Cloudflare's id of the account: in the path of every request about pools.
    pub account: String,
    /// Ids of the zones whose load balancers are watched; never empty.
    pub zones: Vec<String>,
    /// Path of the file that holds the API token.
    pub token_file: PathBuf,
    /// Its proxy; there is no other HTTP setting for Cloudflare.
    pub proxy: ProxyConfig,
    /// Seconds between two rounds of requests, 1 to 3600; more zones may make it longer.
    pub every_s: u64,
}

section! {
    /// Load balancing at Cloudflare. The token needs to read load balancers and pools, and to edit load balancers for
    /// failover.
    [[cloudflare]] RawCloudflare => CloudflareConfig {
        name: Name = Required("edge");
        url: Address = Default("https://api.cloudflare.com/client/v4");
        account: Text = Required("0123456789abcdef0123456789abcdef");
        zones: ListOf<ZoneId> = Required(["0123456789abcdef0123456789abcdef"]);
        token_file: SecretFile = Required("cloudflare.token");
        /// As for Alertmanager:
        proxy: ProxyConfig = Optional("http://proxy.example:3128");
        every as every_s: Seconds<1, 3_600> = Default("10s");
    }
}

impl SectionRules for RawCloudflare {}

pub(crate) enum ZoneId {}

impl Entries for ZoneId {
    const MISSING: &'static str = ": list the ids of the zones whose load balancers to watch";
}
