//! The connection under the Kubernetes client: plain TCP, or through a proxy, to nowhere that [`EgressPolicy`] forbids.
//!
//! The client crate's own connection resolves names where nobody can judge the answer, trusts the cluster's authority for
//! an https proxy, and sends no credentials to a SOCKS proxy; so it is put together here.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{HeaderValue, Request, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::Config;
use kube::{Client, Error};
use rustls::client::ResolvesClientCert;
use tower_service::Service;

use super::client_cert;
use super::error_text::trouble_of;
use crate::model::Trouble;
use crate::systems::egress_policy::EgressPolicy;
use crate::systems::local_failures::NotByProxy;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a TCP connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an unused connection is kept: less than what balancers in between allow.
const UNUSED: Duration = Duration::from_secs(60);

/// A client on connections of its own. Nothing is connected yet. It repeats no request: a create that timed out would
/// run twice.
pub(super) fn client(config: &Config, reach: &EgressPolicy) -> Result<Client, Trouble> {
    let who = client_cert::of(&config.auth_info)?;
    // What the client crate would parse on the way, and refuse without a reason.
    let mut config = config.clone();
    config.auth_info.client_certificate = None;
    config.auth_info.client_certificate_data = None;
    config.auth_info.client_key = None;
    config.auth_info.client_key_data = None;
    connected(&config, who, reach).map_err(|error| trouble_of(&error))
}

fn connected(config: &Config, who: Option<Arc<dyn ResolvesClientCert>>, reach: &EgressPolicy) -> Result<Client, Error> {
    let direct = Guarded::new(reach.clone());
    let Some(proxy) = &config.proxy_url else {
        return over(tls(config, who, direct)?, config);
    };
    match proxy.scheme_str() {
        Some("socks5" | "socks5h") => {
            let socks = SocksV5::new(proxy.clone(), direct);
            let socks = match userinfo(proxy) {
                Some((user, password)) => socks.with_auth(user, password),
                None => socks,
            };
            over(tls(config, who, Through::new(proxy, socks))?, config)
        }
        Some("http") => over(tls(config, who, Through::new(proxy, tunnel(proxy, direct)))?, config),
        Some("https") => {
            // The proxy is somebody else than the cluster: the system's authorities, and none of the cluster's credentials.
            let to_proxy = tls(&Config::new(proxy.clone()), None, direct)?;
            over(tls(config, who, Through::new(proxy, tunnel(proxy, to_proxy)))?, config)
        }
        _ => Err(Error::ProxyProtocolUnsupported { proxy_url: Box::new(proxy.clone()) }),
    }
}

/// TLS over a connection, with our certificate if we have one.
fn tls<C>(config: &Config, who: Option<Arc<dyn ResolvesClientCert>>, inner: C) -> Result<HttpsConnector<C>, Error> {
    let mut client = config.rustls_client_config()?;
    if let Some(who) = who {
        client.client_auth_cert_resolver = who;
    }
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(client).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = name
            .clone()
            .try_into()
            .map_err(|why| Error::RustlsTls(kube::client::RustlsTlsError::InvalidServerName(why)))?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(builder.enable_http1().wrap_connector(inner))
}

fn over<C: Connect + Clone + Send + Sync + 'static>(https: C, config: &Config) -> Result<Client, Error> {
    let http: Http<_, Body> = Http::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(UNUSED)
        .pool_max_idle_per_host(4)
        .build(https);
    let builder = ClientBuilder::new(BoxedHttp(http), config.default_namespace.clone())
        .with_layer(&config.base_uri_layer())
        .with_layer(&config.extra_headers_layer()?);
    Ok(match config.auth_layer()? {
        Some(auth) => builder.with_layer(&auth).build(),
        None => builder.build(),
    })
}

/// The HTTP client with its errors boxed, as the layers above want them.
#[derive(Clone)]
struct BoxedHttp<C>(Http<C, Body>);

impl<C: Connect + Clone + Send + Sync + 'static> Service<Request<Body>> for BoxedHttp<C> {
    type Response = <Http<C, Body> as Service<Request<Body>>>::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answering = self.0.call(request);
        async move { Ok(answering.await?) }.boxed()
    }
}

fn tunnel<C>(proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    let basic = userinfo(proxy).and_then(|(user, word)| {
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{user}:{word}")))).ok()
    });
    match basic {
        Some(basic) => tunnel.with_auth(basic),
        None => tunnel,
    }
}

/// A way through a proxy. Whatever fails on it is told as the proxy's: behind it nothing was asked.
#[derive(Clone)]
struct Through<C> {
    connector: C,
    /// Host and port, for messages.
    proxy: String,
}

impl<C> Through<C> {
    fn new(proxy: &Uri, connector: C) -> Self {
        let host = proxy.host().unwrap_or_default();
        let proxy = proxy.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Self { connector, proxy }
    }
}

impl<C> Service<Uri> for Through<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: 'static,
    C::Error: Into<BoxError> + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<C::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, proxy) = (self.connector.call(to), self.proxy.clone());
        async move { connecting.await.map_err(|why| NotByProxy { proxy, source: why.into() }.into()) }.boxed()
    }
}

/// User and password in a proxy's address, percent-decoded.
fn userinfo(proxy: &Uri) -> Option<(String, String)> {
    let (userinfo, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    Some((decoded(user), decoded(password)))
}

fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|it| char::from(*it).to_digit(16));
        match (byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// TCP to where it may lead: a name's addresses are judged as they are resolved, an address as it stands.
#[derive(Clone)]
struct Guarded {
    reach: EgressPolicy,
    tcp: HttpConnector<Names>,
}

impl Guarded {
    fn new(reach: EgressPolicy) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Names(reach.clone()));
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        Self { reach, tcp }
    }
}

impl Service<Uri> for Guarded {
    type Response = <HttpConnector<Names> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        if let Err(refused) = self.reach.judge(to.host().unwrap_or_default()) {
            return futures::future::ready(Err(refused.into())).boxed();
        }
        let connecting = self.tcp.call(to);
        async move { Ok(connecting.await?) }.boxed()
    }
}

#[derive(Clone)]
struct Names(EgressPolicy);

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.0.clone();
        async move { Ok(reach.addresses(name.as_str()).await?.into_iter()) }.boxed()
    }
}

#[cfg(test)]
#[allow(clippy::err_expect, reason = "what holds a secret is not printed")]
mod tests {
    use super::*;
    use crate::systems::egress_policy::EgressRefused;

    fn refused(error: &BoxError) -> bool {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
        while let Some(cause) = next {
            let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            if cause.is::<EgressRefused>()
                || inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<EgressRefused>)
            {
                return true;
            }
            next = cause.source();
        }
        false
    }

    #[tokio::test]
    async fn a_guarded_connection_is_not_made_to_a_metadata_address_by_number_or_by_name() {
        let mut guarded = Guarded::new(EgressPolicy::guarded(&[]));
        for to in ["https://169.254.169.254/", "http://[fe80::1]:80/", "https://metadata.google.internal/"] {
            let why = guarded.call(to.parse().expect("an address")).await.err().expect("refused");
            assert!(refused(&why), "{to}: {why}");
        }
        // What a name resolves to is judged where it is resolved.
        let mut names = Names(EgressPolicy::guarded(&[]));
        let why = names.call("169.254.169.254".parse().expect("a name")).await.err().expect("refused");
        assert!(refused(&why.into()));
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let why =
            guarded.call(format!("http://{free}").parse().expect("an address")).await.err().expect("nobody there");
        assert!(!refused(&why), "{why}");
    }

    #[test]
    fn the_proxys_user_and_password_are_decoded() {
        let of = |text: &str| userinfo(&text.parse().expect("an address"));
        assert_eq!(of("http://u%40x:p%3Aw%zz@proxy:3128"), Some(("u@x".into(), "p:w%zz".into())));
        assert_eq!(of("http://proxy:3128"), None);
    }
}
