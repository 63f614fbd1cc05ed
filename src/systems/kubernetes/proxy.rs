//! Which proxy to use for an API server: as kubectl would, which is not what the client crate does.

use std::net::IpAddr;

use axum::http::Uri;

/// What the environment says about proxies.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub https: Option<String>,
    pub http: Option<String>,
    pub except: Option<String>,
}

impl Environment {
    /// Reads the usual variables, capitals first.
    pub fn read() -> Self {
        let get = |upper: &str, lower: &str| {
            [upper, lower].into_iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        };
        Self {
            https: get("HTTPS_PROXY", "https_proxy"),
            http: get("HTTP_PROXY", "http_proxy"),
            except: get("NO_PROXY", "no_proxy"),
        }
    }
}

/// The kubeconfig's own proxy always; else the environment's, unless `NO_PROXY` or loopback exempts the server.
pub fn choose(own: Option<&str>, environment: &Environment, server: &Uri) -> Option<String> {
    if let Some(own) = own {
        return Some(own.to_owned());
    }
    let https = server.scheme_str() == Some("https");
    let proxy = if https { environment.https.as_ref() } else { environment.http.as_ref() }?;
    let host = server.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
    let port = server.port_u16().unwrap_or(if https { 443 } else { 80 });
    if is_loopback(&host) || environment.except.as_deref().is_some_and(|list| exempt(list, &host, port)) {
        return None;
    }
    Some(proxy.clone())
}

/// Whether a host is this one; an IPv6 address may stand in brackets.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether an entry of `NO_PROXY` covers the host: `*`, a name with its subdomains, an address, a network, each perhaps
/// with a port. Entries that can't be read cover nothing.
fn exempt(list: &str, host: &str, port: u16) -> bool {
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            return in_network(network, bits, host).unwrap_or(false);
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) if !name.contains(':') => (name.to_owned(), digits.parse::<u16>().ok()),
            _ => (entry, None),
        };
        if wanted.is_some_and(|wanted| wanted != port) {
            return false;
        }
        let name = name.trim_start_matches("*.").trim_start_matches('.');
        host == name || host.strip_suffix(name).is_some_and(|front| front.ends_with('.'))
    })
}

fn in_network(network: &str, bits: &str, host: &str) -> Option<bool> {
    let bits: u32 = bits.parse().ok()?;
    Some(match (network.parse::<IpAddr>().ok()?, host.parse::<IpAddr>().ok()?) {
        (IpAddr::V4(net), IpAddr::V4(ip)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(net) & mask == u32::from(ip) & mask
        }
        (IpAddr::V6(net), IpAddr::V6(ip)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(net) & mask == u128::from(ip) & mask
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(except: &str) -> Environment {
        Environment { https: Some("http://10.1.2.3:3128".into()), http: None, except: Some(except.into()) }
    }

    fn goes_by_proxy(except: &str, server: &str) -> bool {
        choose(None, &environment(except), &server.parse().expect("an address")).is_some()
    }

    #[test]
    fn no_proxy_is_about_the_server_and_not_about_the_proxy() {
        assert!(goes_by_proxy("", "https://api.prod.example:6443"));
        assert!(!goes_by_proxy("api.prod.example:6443", "https://api.prod.example:6443"));
        assert!(goes_by_proxy("api.prod.example:443", "https://api.prod.example:6443"));
        assert!(!goes_by_proxy("localhost, .example", "https://api.prod.example:6443"));
        assert!(!goes_by_proxy("prod.example", "https://api.prod.example:6443"));
        assert!(goes_by_proxy("od.example", "https://api.prod.example:6443"));
        // The proxy's own network is exempt; the server's is not.
        assert!(goes_by_proxy("10.0.0.0/8", "https://192.0.2.7:6443"));
        assert!(!goes_by_proxy("192.0.2.0/24", "https://192.0.2.7:6443"));
        assert!(!goes_by_proxy("*", "https://192.0.2.7:6443"));
        assert!(goes_by_proxy("a b/c,,//", "https://192.0.2.7:6443"));
    }

    #[test]
    fn loopback_and_plain_http_do_not_use_the_https_proxy_but_the_kubeconfigs_own_always_wins() {
        assert!(!goes_by_proxy("", "https://127.0.0.1:6443"));
        assert!(!goes_by_proxy("", "http://192.0.2.7:8080"));
        let server = "https://127.0.0.1:6443".parse().expect("an address");
        assert_eq!(choose(Some("socks5://p:1"), &environment("*"), &server).as_deref(), Some("socks5://p:1"));
    }
}
