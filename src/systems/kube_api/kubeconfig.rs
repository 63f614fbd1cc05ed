//! A context of a kubeconfig, read as kubectl would: server, authority, proxy, and how it proves who we are.
//!
//! Read here and not by the client crate, because that one reads `NO_PROXY` as being about the proxy and fails on
//! entries that kubectl takes.

mod files;

pub(crate) use files::found;

use std::path::PathBuf;

use axum::http::Uri;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster, Config, Context, ExecAuthCluster, Kubeconfig, KubeconfigError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::auth::Plugin;
use super::error_text::{plain, trouble, trouble_of_kubeconfig};
use super::{auth, cert_expiry, client_cert};
use crate::config::{ClusterConfig, ServeRules};
use crate::model::{SafeText, Stamp, Trouble, TroubleKind};
use crate::systems::egress_policy::EgressPolicy;
use crate::systems::proxy::{self, Environment, ProxySetting, Way};

/// How a context proves who we are.
pub(crate) enum AuthMethod {
    /// What stands in the kubeconfig, or nothing.
    Static,
    TokenFile(PathBuf),
    Plugin(Plugin),
}

/// A context, ready to connect but for its login.
pub(crate) struct Loaded {
    pub config: Config,
    pub login: AuthMethod,
    /// When the client certificate runs out.
    pub certificate_until: Option<Stamp>,
    /// The way there in words: server, proxy, credential. No secret.
    pub notes: Vec<SafeText>,
    pub way: Way,
}

fn unusable(what: impl AsRef<str>) -> Trouble {
    plain(TroubleKind::Credential, what)
}

/// Reads the context that a cluster's configuration names. Reads files: never on an async thread.
pub(crate) fn load(cluster: &ClusterConfig, reach: &EgressPolicy) -> Result<Loaded, Trouble> {
    let files = read(cluster).map_err(|error| trouble_of_kubeconfig(&error))?;
    // As kubectl does in a pod: no kubeconfig anywhere, but a service account.
    if files.read.is_empty() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return in_pod(reach);
    }
    let missing = files.missing_words();
    match from_kubeconfig(cluster, &files.kubeconfig, reach, &Environment::read()) {
        Ok(mut loaded) => {
            loaded.notes.extend(missing);
            Ok(loaded)
        }
        Err(trouble) => Err(match missing {
            Some(missing) => Trouble { what: SafeText::new(&format!("{} ({missing})", trouble.what)), ..trouble },
            None => trouble,
        }),
    }
}

fn read(cluster: &ClusterConfig) -> Result<files::KubeconfigFiles, KubeconfigError> {
    match &cluster.kubeconfig {
        Some(path) => files::one(path),
        None => files::as_kubectl_finds_them(),
    }
}

/// The address of a cluster's API server as its context has it, whether or not anything else of it can be used.
pub(crate) fn server(cluster: &ClusterConfig) -> Option<String> {
    let (_, found, _) = parts(&read(cluster).ok()?.kubeconfig, cluster.context.as_deref()).ok()?;
    found.server
}

fn in_pod(reach: &EgressPolicy) -> Result<Loaded, Trouble> {
    let mut config = Config::incluster().map_err(|_| unusable("the pod's service account can't be used"))?;
    let file = config.auth_info.token_file.take().map(PathBuf::from);
    judge(&config.cluster_url, reach, None)?;
    let notes =
        vec![SafeText::new(&format!("server {}", config.cluster_url)), SafeText::new("the pod's service account")];
    Ok(Loaded {
        config,
        login: file.map_or(AuthMethod::Static, AuthMethod::TokenFile),
        certificate_until: None,
        notes,
        way: Way::Direct(None),
    })
}

fn from_kubeconfig(
    wanted: &ClusterConfig,
    kubeconfig: &Kubeconfig,
    reach: &EgressPolicy,
    environment: &Environment,
) -> Result<Loaded, Trouble> {
    let (context, cluster, user) = parts(kubeconfig, wanted.context.as_deref())?;
    let server = server_of(&cluster, &user)?;
    judge(&server, reach, wanted.serve.as_ref())?;
    if cluster.insecure_skip_tls_verify == Some(true) && server.scheme_str() == Some("https") {
        return Err(trouble(
            TroubleKind::Credential,
            "insecure-skip-tls-verify is set for this cluster: anyone on the way could answer for it",
            "put the cluster's certificate-authority-data into the kubeconfig and remove insecure-skip-tls-verify",
        ));
    }
    let mut notes = vec![SafeText::new(&format!("server {server}"))];
    let mut config = Config::new(server);
    config.default_retry = false;
    config.default_namespace = context.namespace.unwrap_or_else(|| "default".to_owned());
    config.tls_server_name = cluster.tls_server_name.clone();
    config.root_cert = authority(&cluster)?;
    let way = way_to(&config.cluster_url, &cluster, environment, reach)?;
    notes.push(SafeText::new(&way.note()));
    if let Way::Proxy { address, .. } = &way {
        config.proxy_url = Some(address.clone());
    }
    let (auth_info, login) = login_of(user, &cluster, wanted.serve.as_ref(), &mut notes)?;
    // What is wrong with it is said where it is used.
    let certificate_until =
        client_cert::certificate(&auth_info).ok().flatten().as_deref().and_then(cert_expiry::not_after);
    if let Some(until) = certificate_until {
        notes.push(SafeText::new(&format!("client certificate until {}", until.format("%Y-%m-%d %H:%M UTC"))));
    }
    config.auth_info = auth_info;
    Ok(Loaded { config, login, certificate_until, notes, way })
}

fn parts(kubeconfig: &Kubeconfig, context: Option<&str>) -> Result<(Context, Cluster, AuthInfo), Trouble> {
    let said = |error: KubeconfigError| trouble_of_kubeconfig(&error);
    let name = context
        .or(kubeconfig.current_context.as_deref().filter(|name| !name.is_empty()))
        .ok_or_else(|| said(KubeconfigError::CurrentContextNotSet))?;
    let context = kubeconfig.contexts.iter().find(|it| it.name == name).and_then(|it| it.context.clone());
    let context =
        context.ok_or_else(|| files::no_context(name, kubeconfig.contexts.iter().map(|it| it.name.as_str())))?;
    let cluster = kubeconfig.clusters.iter().find(|it| it.name == context.cluster).and_then(|it| it.cluster.clone());
    let cluster = cluster.ok_or_else(|| said(KubeconfigError::LoadClusterOfContext(context.cluster.clone())))?;
    let user = context.user.as_ref().and_then(|user| kubeconfig.auth_infos.iter().find(|it| it.name == *user));
    let user = user.and_then(|it| it.auth_info.clone()).unwrap_or_default();
    Ok((context, cluster, user))
}

/// What a service may be pointed at; a room of one's own goes where its kubeconfig says.
fn judge(server: &Uri, reach: &EgressPolicy, rules: Option<&ServeRules>) -> Result<(), Trouble> {
    let host = server.host().unwrap_or_default();
    reach.judge(host).map_err(|why| super::error_text::off_limits(&why))?;
    if rules.is_some() && server.scheme_str() != Some("https") && !proxy::is_loopback(host) {
        let what = format!("the kubeconfig's server {server} would be asked in the clear");
        return Err(trouble(TroubleKind::Credential, what, "a service needs https, except to this host itself"));
    }
    Ok(())
}

/// The server's address. Without a scheme it is https where anything about TLS is said, as for kubectl, and else http.
fn server_of(cluster: &Cluster, user: &AuthInfo) -> Result<Uri, Trouble> {
    let bad = || unusable("the kubeconfig's server address can't be used");
    let Some(text) = cluster.server.as_deref().map(str::trim) else {
        return Err(unusable("the kubeconfig's cluster has no server"));
    };
    let tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true)
        || user.client_certificate.is_some()
        || user.client_certificate_data.is_some();
    let bare = !text.contains("://");
    let text = if bare { format!("{}://{text}", if tls { "https" } else { "http" }) } else { text.to_owned() };
    let server = text.parse::<Uri>().ok().filter(|it| it.host().is_some()).ok_or_else(bad)?;
    if !matches!(server.scheme_str(), Some("http" | "https")) || bare && server.path() != "/" {
        return Err(bad());
    }
    Ok(server)
}

fn decoded(data: &str) -> Option<Vec<u8>> {
    STANDARD.decode(data.trim()).ok()
}

fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Trouble> {
    let bad = || unusable("the kubeconfig's certificate authority can't be loaded");
    let pem = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) if !data.is_empty() => decoded(data).ok_or_else(bad)?,
        (_, Some(path)) if !path.is_empty() => std::fs::read(path).map_err(|why| {
            unusable(format!("the kubeconfig's certificate authority {path} can't be read: {}", why.kind()))
        })?,
        _ => return Ok(None),
    };
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&pem).map(|it| it.map(|it| it.as_ref().to_vec())).collect();
    certificates.ok().filter(|all| !all.is_empty()).map(Some).ok_or_else(bad)
}

fn way_to(server: &Uri, cluster: &Cluster, environment: &Environment, reach: &EgressPolicy) -> Result<Way, Trouble> {
    let own = cluster.proxy_url.as_deref().filter(|url| !url.is_empty());
    let own = own.map_or(ProxySetting::Unsaid, |url| ProxySetting::Proxy(url, "the kubeconfig"));
    let way = proxy::choose(own, environment, server).map_err(|why| unusable(why.to_string()))?;
    if let Way::Proxy { address, .. } = &way {
        reach.judge(address.host().unwrap_or_default()).map_err(|why| super::error_text::off_limits(&why))?;
    }
    Ok(way)
}

fn login_of(
    mut user: AuthInfo,
    cluster: &Cluster,
    rules: Option<&ServeRules>,
    notes: &mut Vec<SafeText>,
) -> Result<(AuthInfo, AuthMethod), Trouble> {
    if let Some(file) = user.token_file.take().filter(|file| !file.is_empty()) {
        notes.push(SafeText::new(&format!("token from {file}")));
        // As for kubectl: the file wins over a token beside it.
        return Ok((user, AuthMethod::TokenFile(file.into())));
    }
    let has_static = user.token.is_some() || (user.username.is_some() && user.password.is_some());
    if let Some(exec) = user.exec.take().filter(|_| !has_static) {
        let about = exec.provide_cluster_info.then(|| ExecAuthCluster::try_from(cluster)).transpose();
        let about = about.map_err(|error| trouble_of_kubeconfig(&error))?;
        let plugin = Plugin::new(&exec, about, rules)?;
        notes.push(SafeText::new(&format!("login by running {}", plugin.program().display())));
        return Ok((user, AuthMethod::Plugin(plugin)));
    }
    if user.auth_provider.take().is_some() && !has_static {
        return Err(trouble(
            TroubleKind::Credential,
            "this context logs in with an auth-provider, which Kubernetes removed in 1.26",
            "use a login plugin (exec) or a static token in the kubeconfig",
        ));
    }
    Ok((user, AuthMethod::Static))
}

/// Puts a token into a context's credentials.
pub(crate) fn with_token(user: &mut AuthInfo, token: &crate::systems::http::Secret) -> Result<(), Trouble> {
    // The crate's type for secrets is not ours to name; it can be read like any other value.
    let holder: AuthInfo = serde_json::from_value(serde_json::json!({"token": token.expose()}))
        .map_err(|_| unusable("the token of this context can't be used"))?;
    user.token = holder.token;
    Ok(())
}

/// Puts a plugin's answer into a context's credentials.
pub(crate) fn with_ticket(user: &mut AuthInfo, ticket: &auth::Ticket) -> Result<(), Trouble> {
    if let Some(token) = &ticket.token {
        with_token(user, token)?;
    }
    if let Some((certificate, key)) = &ticket.identity {
        let (certificate, key) = (STANDARD.encode(certificate), STANDARD.encode(key.expose()));
        let holder: AuthInfo =
            serde_json::from_value(serde_json::json!({"client-certificate-data": certificate, "client-key-data": key}))
                .map_err(|_| unusable("the client certificate of this context can't be used"))?;
        user.client_certificate_data = holder.client_certificate_data;
        user.client_key_data = holder.client_key_data;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::err_expect, reason = "what holds a secret is not printed")]
mod tests {
    use super::*;
    use crate::model::ClusterRole;

    fn wanted(serve: Option<ServeRules>) -> ClusterConfig {
        ClusterConfig {
            name: "c".into(),
            role: ClusterRole::Other,
            context: Some("here".into()),
            serve,
            ..ClusterConfig::default()
        }
    }

    fn loaded(serve: bool, cluster: &str, user: &str, environment: &Environment) -> Result<Loaded, Trouble> {
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: k\n  cluster: {cluster}\n\
             contexts:\n- name: here\n  context: {{cluster: k, user: u}}\nusers:\n- name: u\n  user: {user}\n"
        );
        let kubeconfig = files::plain(Kubeconfig::from_yaml(&text).expect("a kubeconfig"));
        let rules = serve.then(ServeRules::default);
        let reach = if serve { EgressPolicy::guarded(&[]) } else { EgressPolicy::default() };
        from_kubeconfig(&wanted(rules), &kubeconfig, &reach, environment)
    }

    fn refused(serve: bool, cluster: &str, user: &str) -> Trouble {
        let trouble = loaded(serve, cluster, user, &Environment::default()).err().expect("refused");
        assert!(trouble.kind == TroubleKind::Credential && !trouble.remedy.is_empty(), "{trouble:?}");
        trouble
    }

    fn notes(loaded: &Loaded) -> Vec<&str> {
        loaded.notes.iter().map(SafeText::as_str).collect()
    }

    #[test]
    fn a_service_goes_to_https_and_never_to_metadata_and_a_room_of_ones_own_anywhere() {
        for server in ["https://169.254.169.254", "https://[fe80::1]:6443", "https://metadata.google.internal"] {
            let cluster = format!("{{server: '{server}'}}");
            assert!(refused(true, &cluster, "{token: t}").remedy.as_str().contains("[network] allow"));
            assert!(loaded(false, &cluster, "{token: t}", &Environment::default()).is_ok());
        }
        let clear = "{server: 'http://192.0.2.1:8080'}";
        assert!(refused(true, clear, "{token: t}").what.as_str().contains("in the clear"));
        assert!(loaded(false, clear, "{token: t}", &Environment::default()).is_ok());
        assert!(loaded(true, "{server: 'http://127.0.0.1:8080'}", "{token: t}", &Environment::default()).is_ok());
        assert!(loaded(true, "{server: 'http://[::1]:8080'}", "{token: t}", &Environment::default()).is_ok());
        let proxied = "{server: 'https://api.example', proxy-url: 'http://169.254.169.254:80'}";
        assert!(refused(true, proxied, "{token: t}").what.as_str().contains("169.254.169.254"));
    }

    #[test]
    fn the_proxy_in_force_is_shown_without_its_password_and_odd_no_proxy_entries_harm_nobody() {
        let environment = Environment {
            https: Some("http://ana:canary@10.1.2.3:3128".into()),
            http: None,
            except: Some("localhost,,a b, 10.0.0.0/8".into()),
        };
        let by = loaded(true, "{server: 'https://api.example:6443'}", "{token: t}", &environment).expect("loaded");
        assert_eq!(notes(&by), ["server https://api.example:6443/", "proxy http://10.1.2.3:3128 from the environment"]);
        assert!(by.config.proxy_url.is_some());
        let direct = loaded(false, "{server: 'https://10.9.9.9:6443'}", "{token: t}", &environment).expect("loaded");
        assert_eq!(notes(&direct)[1], "no proxy: NO_PROXY names the server");
        let own = "{server: 'https://10.9.9.9:6443', proxy-url: 'socks5://p:1080'}";
        let own = loaded(false, own, "{token: t}", &environment).expect("loaded");
        assert_eq!(notes(&own)[1], "proxy socks5://p:1080 from the kubeconfig");
    }

    #[test]
    fn how_a_context_logs_in_is_shown_and_what_cannot_be_used_is_said() {
        let file = loaded(false, "{server: 'https://a'}", "{token: t, tokenFile: /run/token}", &Environment::default());
        let file = file.expect("loaded");
        assert!(
            matches!(&file.login, AuthMethod::TokenFile(path) if path.ends_with("token")),
            "as for kubectl, the file wins"
        );
        assert_eq!(notes(&file)[2], "token from /run/token");
        let exec = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: [canary], interactiveMode: Never}}";
        let plugin = loaded(false, "{server: 'https://a'}", exec, &Environment::default()).expect("loaded");
        assert!(notes(&plugin)[2].starts_with("login by running /"), "{:?}", notes(&plugin));
        assert!(!format!("{:?}", plugin.notes).contains("canary"));
        assert!(refused(true, "{server: 'https://a'}", exec).remedy.as_str().contains("exec under [network]"));
        let old = "{auth-provider: {name: gcp, config: {cmd-path: /bin/true}}}";
        assert!(refused(false, "{server: 'https://a'}", old).what.as_str().contains("removed in 1.26"));
        let blind = "{server: 'https://a', insecure-skip-tls-verify: true}";
        assert!(refused(false, blind, "{token: t}").what.as_str().contains("insecure-skip-tls-verify"));
        let bad = "{server: 'https://a', certificate-authority-data: bm90IFBFTQ==}";
        assert!(refused(false, bad, "{token: t}").what.as_str().contains("certificate authority"));
        assert!(refused(false, "{server: ''}", "{token: t}").what.as_str().contains("has no server"));
        assert!(refused(false, "{server: 'ftp://a'}", "{token: t}").what.as_str().contains("server address"));
    }

    #[test]
    fn an_address_without_a_scheme_is_https_where_tls_is_spoken_of_as_for_kubectl() {
        let pem = include_str!("../../../tests/fixtures/certificates/until-2050.pem");
        let authority = format!("{{server: 'a.example:6443', certificate-authority-data: {}}}", STANDARD.encode(pem));
        for (cluster, server) in [
            ("{server: '127.0.0.1:8080'}", "server http://127.0.0.1:8080/"),
            ("{server: 'localhost'}", "server http://localhost/"),
            (authority.as_str(), "server https://a.example:6443/"),
            ("{server: 'https://a.example/k8s/clusters/c-1'}", "server https://a.example/k8s/clusters/c-1"),
        ] {
            let loaded = loaded(false, cluster, "{token: t}", &Environment::default()).expect("loaded");
            assert_eq!(notes(&loaded)[0], server);
        }
    }

    #[test]
    fn an_empty_field_is_one_that_is_left_out() {
        let exec = "{token: '', tokenFile: '', client-certificate-data: '', client-key-data: '', username: '', password: '', \
                    exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never}}";
        let cluster = "{server: 'https://a', proxy-url: '', tls-server-name: '', certificate-authority: '', \
                       certificate-authority-data: ''}";
        let loaded = loaded(false, cluster, exec, &Environment::default()).expect("loaded");
        assert!(matches!(loaded.login, AuthMethod::Plugin(_)), "an empty token is none");
        assert!(loaded.config.tls_server_name.is_none() && loaded.config.root_cert.is_none());
    }

    #[test]
    fn until_when_a_client_certificate_is_good_is_shown() {
        let pem = include_str!("../../../tests/fixtures/certificates/until-2029.pem");
        let user = format!("{{client-certificate-data: {}}}", STANDARD.encode(pem));
        let loaded = loaded(false, "{server: 'https://a'}", &user, &Environment::default()).expect("loaded");
        assert_eq!(notes(&loaded)[2], "client certificate until 2029-11-22 19:59 UTC");
        assert_eq!(loaded.certificate_until.map(|it| it.to_rfc3339()).as_deref(), Some("2029-11-22T19:59:30+00:00"));
    }
}
