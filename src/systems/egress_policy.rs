//! Which addresses a connection may be made to, judged when it is made: a name that was harmless in the configuration may
//! resolve to something else in an outage. Every connection of every system goes through here.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::local_failures::Unresolved;
use crate::config::{is_link_local, names_metadata};

/// Everywhere, or (in `serve`) everywhere but link-local and metadata addresses that are not listed.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy(Option<Arc<[String]>>);

/// A connection that was not made because of where it leads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is, or resolves to, a link-local or metadata address, which is not under [network] allow")]
pub struct EgressRefused(pub String);

impl EgressPolicy {
    /// As `serve` has it: `allow` lists addresses and names that are meant all the same.
    pub fn guarded(allow: &[String]) -> Self {
        Self(Some(allow.into()))
    }

    /// Whether there is anything to judge.
    pub fn is_guarded(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a host may be reached at an address that it resolved to.
    pub fn may(&self, host: &str, ip: IpAddr) -> bool {
        let Some(allow) = &self.0 else { return true };
        let ip = ip.to_canonical();
        let text = ip.to_string();
        let listed = allow.iter().any(|it| it.eq_ignore_ascii_case(host) || *it == text);
        listed || !(is_link_local(ip) || names_metadata(host))
    }

    /// Judges what can be judged without resolving: an address itself (with or without brackets), or a name known to hand
    /// out a host's own credentials. For what a proxy will resolve for us this is all that can be judged.
    ///
    /// # Errors
    /// The host, if it may not be reached.
    pub fn judge(&self, host: &str) -> Result<(), EgressRefused> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let may = match bare.parse::<IpAddr>() {
            Ok(ip) => self.may(bare, ip),
            // Any harmless address: only the name is judged.
            Err(_) => self.may(bare, IpAddr::from([192, 0, 2, 1])),
        };
        if may { Ok(()) } else { Err(EgressRefused(bare.to_owned())) }
    }

    /// The addresses of a host that may be reached.
    ///
    /// # Errors
    /// It does not resolve (then the cause is an [`Unresolved`]), or to nothing that may be reached (then the cause is a [`EgressRefused`]).
    pub async fn addresses(&self, host: &str) -> std::io::Result<Vec<SocketAddr>> {
        let looked_up = tokio::net::lookup_host((host, 0)).await;
        let found = looked_up.map_err(|why| std::io::Error::other(Unresolved::new(host, &why)))?;
        let found: Vec<SocketAddr> = found.collect();
        let all = found.len();
        let may: Vec<SocketAddr> = found.into_iter().filter(|it| self.may(host, it.ip())).collect();
        if may.is_empty() && all > 0 {
            return Err(std::io::Error::other(EgressRefused(host.to_owned())));
        }
        Ok(may)
    }
}

impl Resolve for EgressPolicy {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move { Ok(Box::new(reach.addresses(name.as_str()).await?.into_iter()) as Addrs) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_reached_only_where_listed() {
        let guarded = EgressPolicy::guarded(&[]);
        for ip in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200"] {
            assert!(guarded.judge(ip).is_err() && guarded.judge(&format!("[{ip}]")).is_err(), "{ip}");
            let ip: IpAddr = ip.parse().expect("an address");
            assert!(!guarded.may("am.example", ip), "{ip}");
            assert!(EgressPolicy::default().may("am.example", ip), "a room of one's own goes anywhere: {ip}");
            assert!(EgressPolicy::guarded(&["am.example".to_owned()]).may("am.example", ip), "listed by name: {ip}");
            assert!(
                EgressPolicy::guarded(&[ip.to_canonical().to_string()]).may("am.example", ip),
                "listed by address: {ip}"
            );
        }
        for ip in ["127.0.0.1", "10.0.0.1", "192.0.2.1", "::1", "2001:db8::1"] {
            assert!(guarded.may("am.example", ip.parse().expect("an address")), "{ip}");
            assert_eq!(guarded.judge(ip), Ok(()));
        }
        assert!(!guarded.may("metadata.google.internal", "192.0.2.1".parse().expect("an address")));
        assert!(guarded.judge("metadata.google.internal").is_err() && guarded.judge("api.prod.example").is_ok());
        assert!(EgressPolicy::default().judge("169.254.169.254").is_ok());
    }

    #[tokio::test]
    async fn what_resolves_to_a_metadata_address_is_not_connected_to() {
        let resolve = async |reach: EgressPolicy, name: &str| match reach.resolve(name.parse().expect("a name")).await {
            Ok(addresses) => Ok(addresses.count()),
            Err(why) => Err(why.to_string()),
        };
        let why = resolve(EgressPolicy::guarded(&[]), "169.254.169.254").await.expect_err("refused");
        assert!(why.contains("[network] allow"), "{why}");
        assert_eq!(resolve(EgressPolicy::guarded(&["169.254.169.254".to_owned()]), "169.254.169.254").await, Ok(1));
        assert!(resolve(EgressPolicy::guarded(&[]), "localhost").await.is_ok_and(|found| found > 0));
    }
}
