//! The way to a server and what goes along with each request: proxies, headers, certificates of ours.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use serde_json::json;

use super::test_server::{Proxy, ScriptedReply, TestServer, file};
use super::*;
use crate::config::{ClientCertConfig, HeaderConfig, HeaderValueConfig, ProxyConfig};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/certificates")).join(name)
}

fn environment(proxy: &str, except: &str) -> Environment {
    Environment { https: Some(proxy.to_owned()), http: Some(proxy.to_owned()), except: Some(except.to_owned()) }
}

/// A server on https that wants a certificate of its client; gives host and port.
fn tls_server() -> String {
    tls_server_showing("http-server")
}

/// Such a server with a certificate and key of that name.
fn tls_server_showing(name: &str) -> String {
    install_crypto();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("http-ca.pem")).expect("the authority")).expect("added");
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build().expect("a verifier");
    let chain = vec![CertificateDer::from_pem_file(fixture(&format!("{name}.pem"))).expect("the certificate")];
    let key = PrivateKeyDer::from_pem_file(fixture(&format!("{name}.key"))).expect("the key");
    let config = ServerConfig::builder().with_client_cert_verifier(verifier).with_single_cert(chain, key);
    let config = Arc::new(config.expect("a configuration"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut tls = ServerConnection::new(config.clone()).expect("a connection");
            let mut stream = rustls::Stream::new(&mut tls, &mut socket);
            let mut head = [0; 4096];
            if stream.read(&mut head).is_err() {
                continue;
            }
            let status = if stream.conn.peer_certificates().is_some() { "200 OK" } else { "403 Forbidden" };
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 4\r\nconnection: close\r\n\r\ntrue");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    address
}

fn trusting(proxies: Environment) -> Options {
    Options { ca_file: Some(fixture("http-ca.pem")), proxies, ..Options::default() }
}

fn with_certificate(options: Options, cert: &str, key: Option<&str>) -> Options {
    let client_cert = Some(ClientCertConfig { cert: fixture(cert), key: key.map(fixture) });
    Options { http: HttpConfig { client_cert, ..options.http }, ..options }
}

#[tokio::test]
async fn a_name_that_only_the_proxy_knows_is_reached_through_it_with_our_certificate() {
    let proxy = Proxy::start(Some(tls_server())).await;
    // Its user and password go to the proxy and nowhere else.
    let by = proxy.url.replace("http://", "http://ana:canary@");
    let options = with_certificate(trusting(environment(&by, "localhost,127.0.0.1")), "http-client.pem", None);
    let url = "https://alerts.corp.invalid/alertmanager";
    let answer = Api::new(url, options.clone()).get::<Value>(&["api"]).await.expect("an answer");
    assert_eq!(answer, json!(true));
    let asked = proxy.asked();
    assert!(asked.len() == 1 && asked[0].starts_with("CONNECT alerts.corp.invalid:443 "), "{asked:?}");
    assert!(asked[0].to_lowercase().contains("proxy-authorization: basic yw5homnhbmfyeq=="), "{asked:?}");
    let notes = notes(url, &options);
    assert_eq!(notes[0].as_str(), format!("proxy {} from the environment", proxy.url));
    assert!(notes[1].as_str().starts_with("client certificate from "), "{notes:?}");
    assert!(!format!("{notes:?}").contains("canary"));

    let without = Options { http: HttpConfig::default(), ..options };
    let refused = Api::new(url, without).get::<Value>(&["api"]).await.expect_err("no certificate");
    assert_eq!(refused.kind, TroubleKind::Forbidden);
    let what = format!("alerts.corp.invalid (through the proxy {}) answered 403: true", proxy.url);
    assert_eq!(refused.what.as_str(), what);
}

#[tokio::test]
async fn a_certificate_without_its_key_is_said_and_nothing_is_sent() {
    let url = format!("https://{}", tls_server());
    let direct = trusting(Environment::default());
    let both = with_certificate(direct.clone(), "http-client.pem", None);
    assert_eq!(Api::new(&url, both).get::<Value>(&[]).await, Ok(json!(true)), "certificate and key in one file");
    for (cert, key, words) in [
        ("http-ca.pem", None, "there is no certificate with its key"),
        ("http-client.pem", Some("none.key"), "none.key: there is no such file"),
        ("none.pem", None, "none.pem: there is no such file"),
    ] {
        let options = with_certificate(direct.clone(), cert, key);
        let fault = Api::new(&url, options).send(Method::GET, &[], None).await.expect_err(words);
        assert!(fault.trouble.kind == TroubleKind::Credential && !fault.sent, "{fault:?}");
        assert!(fault.trouble.what.as_str().contains(words), "{fault:?}");
    }
}

#[tokio::test]
async fn plain_http_goes_by_its_own_proxy_and_what_is_exempt_or_configured_otherwise_does_not() {
    let server = TestServer::start(|_| ScriptedReply::Json(200, json!(1))).await;
    let host = server.url.trim_start_matches("http://").to_owned();
    let proxy = Proxy::start(Some(host)).await;
    let get = async |url: &str, proxies: Environment, own: ProxyConfig| {
        let http = HttpConfig { proxy: own, ..HttpConfig::default() };
        Api::new(url, Options { http, proxies, ..Options::default() }).get::<Value>(&["x"]).await
    };
    let by = environment(&proxy.url, "near.invalid");
    get("http://am.invalid", by.clone(), ProxyConfig::Environment).await.expect("through the proxy");
    let asked = proxy.asked();
    assert!(asked.len() == 1 && asked[0].starts_with("GET http://am.invalid/x "), "{asked:?}");
    get(&server.url, by.clone(), ProxyConfig::Environment).await.expect("this host is reached directly");
    let near = get("http://near.invalid", by.clone(), ProxyConfig::Environment).await.expect_err("not resolved");
    let far = get("http://am.invalid", by, ProxyConfig::Direct).await.expect_err("not resolved");
    assert_eq!(proxy.asked().len(), 1, "none of these asked the proxy");
    assert!(near.what.as_str().contains("(without the proxy that is set: NO_PROXY names the server)"), "{near:?}");
    assert!(far.what.as_str().contains("(without the proxy that is set: the configuration says"), "{far:?}");
    let own = ProxyConfig::Address(proxy.url.clone());
    get("http://am.invalid", Environment::default(), own).await.expect("through the proxy of the configuration");
    assert_eq!(proxy.asked().len(), 2);
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_not_there_is_named() {
    let refusing = Proxy::start(None).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for (proxy, words) in [(refusing.url.clone(), "the proxy refused the way to it"), (format!("{gone}"), "refused")] {
        let options = Options { proxies: environment(&proxy, ""), ..trusting(Environment::default()) };
        let fault = Api::new("https://am.invalid", options).send(Method::GET, &[], None).await.expect_err("no way");
        let shown = proxy.trim_start_matches("http://");
        let (what, remedy) = (fault.trouble.what.as_str(), fault.trouble.remedy.as_str());
        assert!(fault.trouble.kind == TroubleKind::Unreachable && !fault.sent, "{fault:?}");
        assert!(
            what.starts_with(&format!("no connection to am.invalid (through the proxy http://{shown}): ")),
            "{what}"
        );
        assert!(
            what.to_lowercase().contains(words) && remedy.contains("the proxy, which the environment names"),
            "{fault:?}"
        );
    }
    let bad = Options { proxies: environment("http://ana:canary@", ""), ..Options::default() };
    let trouble = Api::new("https://am.invalid", bad).get::<Value>(&[]).await.expect_err("no address");
    assert!(trouble.what.as_str().contains("the proxy's address in the environment can't be used"), "{trouble:?}");
    assert!(!format!("{trouble:?}").contains("canary"));
    let reach = EgressPolicy::guarded(&[]);
    let metadata = Options { reach, proxies: environment(&refusing.url, ""), ..Options::default() };
    let trouble = Api::new("https://metadata.google.internal", metadata).get::<Value>(&[]).await.expect_err("refused");
    assert!(trouble.remedy.as_str().contains("[network] allow"), "what a proxy resolves is judged before: {trouble:?}");
}

#[tokio::test]
async fn headers_go_with_every_request_and_those_from_files_are_secrets() {
    let server = TestServer::start(|seen| match (seen.header("x-scope-orgid"), seen.header("x-api-key")) {
        ("", _) => ScriptedReply::Text(401, "no org id\n".to_owned()),
        (_, "newer-canary") => ScriptedReply::Json(200, json!(seen.header("x-api-key"))),
        _ => ScriptedReply::Json(401, json!("no")),
    })
    .await;
    let bare = Api::new(&server.url, Options::default()).get::<Value>(&["x"]).await.expect_err("no tenant");
    assert!(bare.remedy.as_str().contains("\"X-Scope-OrgID\" = "), "the remedy names the header: {bare:?}");
    let key = file("older-canary");
    let header = |name: &str, value| HeaderConfig { name: name.to_owned(), value };
    let headers = vec![
        header("X-Scope-OrgID", HeaderValueConfig::Text("team-a".to_owned())),
        header("X-Api-Key", HeaderValueConfig::File(key.path().to_owned())),
    ];
    let options = Options { http: HttpConfig { headers, ..HttpConfig::default() }, ..Options::default() };
    let shown: Vec<String> = notes(&server.url, &options).iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["header X-Scope-OrgID", "header X-Api-Key"]);
    let api = Api::new(&server.url, options);
    api.get::<Value>(&["x"]).await.expect_err("the older key");
    std::fs::write(key.path(), "newer-canary\n").expect("replaced");
    let answer = api.ask(&["x"], &[("query", "up")]).await.expect("an answer");
    assert_eq!(answer.json::<Value>(), Ok(json!("[redacted]")), "and what comes back of it is cut");
    assert_eq!(server.seen().last().expect("asked").header("x-scope-orgid"), "team-a");
}

#[tokio::test]
async fn the_certificate_of_an_authority_as_a_servers_own_is_named_with_what_to_do() {
    let address = tls_server_showing("http-own-ca");
    let options = Options { ca_file: Some(fixture("http-own-ca.pem")), ..Options::default() };
    let url = format!("https://{address}");
    let fault = Api::new(&url, options).send(Method::GET, &["x"], None).await.expect_err("it is refused");
    assert!(fault.trouble.remedy.as_str().contains("CA:FALSE"), "{fault:?}");
    assert!(fault.trouble.what.as_str().contains("the certificate of a CA"), "{fault:?}");
}
