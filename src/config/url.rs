//! Rules for addresses: their shape, no credentials in them, and what a service may not be pointed at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Names and addresses at which clouds answer with the host's own credentials.
const METADATA_NAMES: &[&str] =
    &["metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"];
const METADATA_V4: &[Ipv4Addr] =
    &[Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UrlUse {
    /// The root of an API: paths are added to it.
    Base,
    /// Asked exactly as written.
    Exact,
}

/// Whom it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strict<'a> {
    pub serve: bool,
    /// Addresses and names listed under `[network] allow`.
    pub allow: &'a [String],
}

/// Judges one address. The error never repeats a user or password.
pub(super) fn check(text: &str, purpose: UrlUse, strict: Strict<'_>) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| match text.split_once("://") {
        // What can't be parsed may still hold a password: only its scheme is repeated.
        Some((scheme, _)) if text.contains('@') => format!("this `{scheme}` address can't be read: {error}"),
        Some(_) => format!("`{text}` is not an address: {error}"),
        None => format!("`{text}` is not an address: it must begin with https:// (or http:// on this host)"),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address must not hold a user or password: put the secret in a file of its own".to_owned());
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{text}`: `{}` is not a scheme we speak; use https", url.scheme()));
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return Err(format!("`{text}` names no host"));
    };
    if url.fragment().is_some() {
        return Err(format!("`{text}`: leave out the part from `#`, it is never sent"));
    }
    if purpose == UrlUse::Base && url.query().is_some() {
        return Err(format!("`{text}`: leave out the part from `?`, paths are added to this address"));
    }
    if strict.serve { serve_rules(&url, host, strict.allow) } else { Ok(()) }
}

fn serve_rules(url: &Url, host: &str, allow: &[String]) -> Result<(), String> {
    let name = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let ip: Option<IpAddr> = name.parse().ok();
    let listed = allow.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name));
    if !listed && (ip.is_some_and(is_link_local) || names_metadata(&name)) {
        return Err(format!(
            "`{name}` is a link-local or metadata address, where a host's own credentials are handed out; \
             if it is really meant, list it under [network] allow"
        ));
    }
    let loopback = ip.map_or(name == "localhost" || name.ends_with(".localhost"), is_loopback);
    if url.scheme() == "http" && !loopback {
        return Err(format!(
            "`http://{name}` would send data in the clear: a service needs https, except to this host itself"
        ));
    }
    Ok(())
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether a name is one at which clouds answer with the host's own credentials.
pub fn names_metadata(name: &str) -> bool {
    METADATA_NAMES.contains(&name.trim_end_matches('.').to_ascii_lowercase().as_str())
}

/// Whether an address is link-local, or one at which clouds answer with the host's own credentials.
pub fn is_link_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local() || METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6 == METADATA_V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solo(text: &str) -> Result<(), String> {
        check(text, UrlUse::Base, Strict { serve: false, allow: &[] })
    }

    fn serve(text: &str) -> Result<(), String> {
        check(text, UrlUse::Base, Strict { serve: true, allow: &[] })
    }

    #[test]
    fn the_shape_of_an_address() {
        for good in ["http://am:9093", "https://am.example/prefix", "http://[::1]:9093/"] {
            assert_eq!(solo(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("am:9093", "not a scheme"),
            ("am", "begin with https://"),
            ("", "begin with https://"),
            ("ftp://am", "not a scheme"),
            ("https://", "not an address"),
            ("https://am/#x", "`#`"),
            ("https://am/?x=1", "`?`"),
            ("https://am:99999", "not an address"),
        ] {
            let error = solo(bad).expect_err(bad);
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert_eq!(check("https://shop/?deep=1", UrlUse::Exact, Strict { serve: false, allow: &[] }), Ok(()));
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_never_repeated() {
        for bad in ["https://u:hunter2@am", "https://hunter2@am", "https://u:hunter2@am:99999"] {
            let error = solo(bad).expect_err(bad);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_service_speaks_https_or_to_this_host() {
        for good in [
            "https://am.example",
            "http://127.0.0.1:9093",
            "http://localhost:1",
            "http://[::1]:2",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert_eq!(serve(good), Ok(()), "{good}");
        }
        for bad in ["http://am.example", "http://10.0.0.1", "http://localhost.example", "http://0.0.0.0"] {
            assert!(serve(bad).expect_err(bad).contains("in the clear"), "{bad}");
        }
    }

    #[test]
    fn a_service_is_not_pointed_at_metadata_however_it_is_written() {
        for bad in [
            "https://169.254.169.254/latest",
            "https://0xa9.254.169.254",
            "https://2852039166/",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://[::ffff:169.254.169.254]/",
            "https://metadata.google.internal/",
            "https://METADATA.google.internal./",
            "https://100.100.100.200",
        ] {
            assert!(serve(bad).expect_err(bad).contains("metadata"), "{bad}");
            assert_eq!(solo(bad), Ok(()), "solo goes where kubectl would: {bad}");
        }
        let listed = Strict { serve: true, allow: &["169.254.10.1".to_owned()] };
        assert_eq!(check("https://169.254.10.1", UrlUse::Base, listed), Ok(()));
    }
}
