//! The connections of one API: which certificates are trusted and shown, and the way to the server.

use std::path::Path;

use axum::http::Uri;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy, Url};
use zeroize::Zeroizing;

use super::error_text::{self, trouble};
use super::secret::{MAX_SECRET, Readers, read_file, read_secret};
use super::{CONNECT, Options, base, label};
use crate::config::{ClientCertConfig, ProxyConfig};
use crate::model::{SafeText, Trouble, TroubleKind};
use crate::systems::egress_policy::EgressPolicy;
use crate::systems::proxy::{ProxySetting, Way, choose};

const MAX_CA: u64 = 1024 * 1024;

/// The way to the server at an address.
pub(super) fn way(options: &Options, url: &Url) -> Result<Way, Trouble> {
    let own = match &options.http.proxy {
        ProxyConfig::Environment => ProxySetting::Unsaid,
        ProxyConfig::Direct => ProxySetting::Direct,
        ProxyConfig::Address(address) => ProxySetting::Proxy(address, "the configuration"),
    };
    let bad = |why: String| trouble(TroubleKind::Credential, why, "Write it like http://proxy.example:3128.");
    // Path and query never matter for the way.
    let server = format!("{}://{}", url.scheme(), label(url)).parse::<Uri>().map_err(|why| bad(why.to_string()))?;
    let way = choose(own, &options.proxies, &server).map_err(|why| bad(why.to_string()))?;
    if let Way::Proxy { address, .. } = &way {
        judge(&options.reach, address.host().unwrap_or_default())?;
        // What the proxy resolves for us can't be judged later.
        judge(&options.reach, url.host_str().unwrap_or_default())?;
    }
    Ok(way)
}

fn judge(reach: &EgressPolicy, host: &str) -> Result<(), Trouble> {
    let remedy = "If it is really meant, list it under [network] allow.";
    reach.judge(host).map_err(|why| trouble(TroubleKind::Credential, why.to_string(), remedy))
}

/// What is used to reach the server at an address, in words and without secrets: for the details of its source. Nothing
/// where it is reached as any browser would.
pub fn notes(url: &str, options: &Options) -> Vec<SafeText> {
    let way = base(url).and_then(|url| way(options, &url)).unwrap_or(Way::Direct(None));
    let mut notes = Vec::new();
    if way != Way::Direct(None) {
        notes.push(way.note());
    }
    if let Some(it) = &options.http.client_cert {
        notes.push(format!("client certificate from {}", it.cert.display()));
    }
    // Their names alone: everyone in the room reads this.
    notes.extend(options.http.headers.iter().map(|header| format!("header {}", header.name)));
    notes.extend(options.loose_secrets());
    notes.iter().map(|note| SafeText::new(note)).collect()
}

pub(super) async fn build(options: &Options, way: &Way, url: &Url) -> Result<Client, Trouble> {
    let mut builder = Client::builder()
        .user_agent(concat!("warroom/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // The environment is read by our own rules, which are those of the clusters too.
        .no_proxy()
        .connect_timeout(CONNECT.min(options.total))
        .pool_idle_timeout(options.idle)
        .pool_max_idle_per_host(4)
        // Ours in any case: it tells a name that is not there from a name service that does not answer.
        .dns_resolver(options.reach.clone());
    if let Way::Proxy { address, from } = way {
        // The error may hold the address, and the address a password.
        let proxy = Proxy::all(address.to_string()).map_err(|_| {
            let what = format!("the proxy's address in {from} can't be used");
            trouble(TroubleKind::Credential, what, "Write it like http://proxy.example:3128.")
        })?;
        builder = builder.proxy(proxy);
    }
    builder = trusting(builder, options, way, url).await?;
    if let Some(it) = &options.http.client_cert {
        builder = builder.identity(identity(it, options.readers()).await?);
    }
    builder.build().map_err(|err| {
        let what = format!("can't set up TLS for {}: {}", label(url), error_text::root_cause(&err.without_url()));
        trouble(TroubleKind::Credential, what, "Install the system's CA certificates or set ca_file.")
    })
}

async fn trusting(builder: ClientBuilder, options: &Options, way: &Way, url: &Url) -> Result<ClientBuilder, Trouble> {
    let Some(path) = &options.ca_file else {
        let tls_to_proxy = matches!(way, Way::Proxy { address, .. } if address.scheme_str() == Some("https"));
        return Ok(match url.scheme() == "http" && !tls_to_proxy {
            // Plain http verifies nothing: do not load (or miss) the system's certificates for it.
            true => builder.tls_certs_only([]),
            false => builder,
        });
    };
    let pem = read_file(path, MAX_CA).await.map_err(|why| bad_ca(path, &why))?;
    let certs = Certificate::from_pem_bundle(&pem).map_err(|_| bad_ca(path, "it is not PEM"))?;
    if certs.is_empty() {
        return Err(bad_ca(path, "it holds no certificate"));
    }
    Ok(builder.tls_certs_only(certs))
}

fn bad_ca(path: &Path, why: &str) -> Trouble {
    let what = format!("can't use the CA file {}: {why}", path.display());
    trouble(TroubleKind::Credential, what, "Put the PEM certificates of the server's CA there.")
}

/// The certificate that we show, with its key.
async fn identity(it: &ClientCertConfig, readers: Readers) -> Result<Identity, Trouble> {
    let bad = |path: &Path, why: &str| {
        let what = format!("can't use the client certificate {}: {why}", path.display());
        trouble(
            TroubleKind::Credential,
            what,
            "Put the PEM of the certificate, and of its key, where the configuration says.",
        )
    };
    // A certificate that has its key in another file is no secret.
    let of_cert = if it.key.is_some() { Readers::Anyone } else { readers };
    let cert = read_secret(&it.cert, of_cert).await.map_err(|why| bad(&it.cert, &why))?;
    let mut pem = Zeroizing::new(Vec::with_capacity(2 * MAX_SECRET as usize + 1));
    pem.extend_from_slice(&cert);
    if let Some(key) = &it.key {
        let own = read_secret(key, readers).await.map_err(|why| bad(key, &why))?;
        pem.push(b'\n');
        pem.extend_from_slice(&own);
    }
    Identity::from_pem(&pem).map_err(|_| bad(&it.cert, "there is no certificate with its key"))
}
