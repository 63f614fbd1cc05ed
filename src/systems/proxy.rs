//! Which proxy stands between us and a server: as kubectl and curl would choose, for every kind of source alike.
//!
//! A proxy that is configured for the server always wins. Else it is the environment's, unless `NO_PROXY` names the server or
//! it is this host. Where the environment has a proxy and it is not used, the reason is kept, because that is the first thing
//! to know about a server that can't be reached.

use std::net::IpAddr;

use axum::http::Uri;

/// What the environment says about proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// For `https` servers: `HTTPS_PROXY`. `None` if unset or empty.
    pub https: Option<String>,
    /// For plain `http` servers: `HTTP_PROXY`. `None` if unset or empty.
    pub http: Option<String>,
    /// `NO_PROXY` as it stands: names, domains and addresses, divided by commas.
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

/// What is configured for one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxySetting<'a> {
    /// Nothing: the environment decides.
    #[default]
    Unsaid,
    /// No proxy, whatever the environment says.
    Direct,
    /// This one, and where it stands: `the kubeconfig`.
    Proxy(&'a str, &'static str),
}

/// The way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Without a proxy; with the reason, if the environment has one.
    Direct(Option<&'static str>),
    /// Through a proxy, and who named it.
    Proxy {
        /// With its user and password, if it has any: [`Way::proxy`] shows it without.
        address: Uri,
        /// Who named it: `the environment`, `the kubeconfig`.
        from: &'static str,
    },
}

/// A proxy's address that can't be read, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proxy's address in {0} can't be used")]
pub struct BadAddress(pub &'static str);

impl Way {
    /// The proxy, without its user and password.
    pub fn proxy(&self) -> Option<String> {
        let Self::Proxy { address, .. } = self else { return None };
        let port = address.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{}://{}{port}", address.scheme_str().unwrap_or("http"), address.host().unwrap_or_default()))
    }

    /// In words, for the details of a source.
    pub fn note(&self) -> String {
        match (self, self.proxy()) {
            (Self::Proxy { from, .. }, Some(proxy)) => format!("proxy {proxy} from {from}"),
            (Self::Direct(Some(why)), _) => format!("no proxy: {why}"),
            _ => "no proxy".to_owned(),
        }
    }
}

/// The way to a server.
///
/// # Errors
/// If the proxy that is to be used has an address that can't be read.
pub fn choose(own: ProxySetting<'_>, environment: &Environment, server: &Uri) -> Result<Way, BadAddress> {
    let (text, from) = match own {
        ProxySetting::Proxy(text, from) => (text, from),
        ProxySetting::Direct => {
            let is_set = environment.https.is_some() || environment.http.is_some();
            return Ok(Way::Direct(is_set.then_some("the configuration says that there is none")));
        }
        ProxySetting::Unsaid => match of_environment(environment, server) {
            Ok(text) => (text, "the environment"),
            Err(why) => return Ok(Way::Direct(why)),
        },
    };
    // curl's habit, which kubectl shares: without a scheme it is http.
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let address = text.parse::<Uri>().ok().filter(|it| it.host().is_some_and(|host| !host.is_empty()));
    Ok(Way::Proxy { address: address.ok_or(BadAddress(from))?, from })
}

/// The environment's proxy for a server, else why there is none though one is set.
fn of_environment<'a>(environment: &'a Environment, server: &Uri) -> Result<&'a str, Option<&'static str>> {
    let https = server.scheme_str() == Some("https");
    let (proxy, other) = match https {
        true => (&environment.https, &environment.http),
        false => (&environment.http, &environment.https),
    };
    let Some(proxy) = proxy else {
        let only = if https { "HTTP_PROXY is not for https" } else { "HTTPS_PROXY is not for plain http" };
        return Err(other.is_some().then_some(only));
    };
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let port = server.port_u16().unwrap_or(if https { 443 } else { 80 });
    if is_loopback(&host) {
        // As it should be, and nothing to wonder about.
        return Err(None);
    }
    if environment.except.as_deref().is_some_and(|list| exempt(list, &host, port)) {
        return Err(Some("NO_PROXY names the server"));
    }
    Ok(proxy)
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
        Environment { https: Some("http://ana:canary@10.1.2.3:3128".into()), http: None, except: Some(except.into()) }
    }

    fn way(own: ProxySetting<'_>, environment: &Environment, server: &str) -> Way {
        choose(own, environment, &server.parse().expect("an address")).expect("a way")
    }

    fn goes_by_proxy(except: &str, server: &str) -> bool {
        way(ProxySetting::Unsaid, &environment(except), server).proxy().is_some()
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
        let own = ProxySetting::Proxy("socks5://p:1", "the kubeconfig");
        let by = way(own, &environment("*"), "https://127.0.0.1:6443");
        assert_eq!(by.note(), "proxy socks5://p:1 from the kubeconfig");
    }

    #[test]
    fn a_proxy_that_is_set_and_not_used_is_named_with_the_reason() {
        let both = |except: &str| Environment { http: Some("p:3129".into()), ..environment(except) };
        let none = Environment::default();
        for (own, environment, server, note) in [
            (
                ProxySetting::Unsaid,
                &environment(""),
                "https://am.example",
                "proxy http://10.1.2.3:3128 from the environment",
            ),
            (ProxySetting::Unsaid, &both(""), "http://am.example", "proxy http://p:3129 from the environment"),
            (
                ProxySetting::Unsaid,
                &environment(".example"),
                "https://am.example",
                "no proxy: NO_PROXY names the server",
            ),
            (ProxySetting::Unsaid, &environment(""), "https://[::1]:1", "no proxy"),
            (
                ProxySetting::Unsaid,
                &environment(""),
                "http://am.example",
                "no proxy: HTTPS_PROXY is not for plain http",
            ),
            (
                ProxySetting::Direct,
                &both(""),
                "https://am.example",
                "no proxy: the configuration says that there is none",
            ),
            (ProxySetting::Direct, &none, "https://am.example", "no proxy"),
            (ProxySetting::Unsaid, &none, "https://am.example", "no proxy"),
        ] {
            assert_eq!(way(own, environment, server).note(), note);
        }
        let server = "https://am.example".parse().expect("an address");
        let bad = Environment { https: Some("http://ana:canary@/".into()), ..none };
        assert_eq!(
            choose(ProxySetting::Unsaid, &bad, &server),
            Err(BadAddress("the environment")),
            "and its password is not said"
        );
    }
}
