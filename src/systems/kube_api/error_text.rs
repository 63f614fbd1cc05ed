//! What went wrong, as one short line and what to do about it. Bodies, commands and tokens never get into it.

use std::error::Error as StdError;
use std::io::ErrorKind;

use kube::client::AuthError;
use kube::config::KubeconfigError;
use serde_json::Value;

use crate::model::{SafeText, Trouble, TroubleKind};
use crate::systems::egress_policy::EgressRefused;
use crate::systems::local_failures::{self, NotByProxy, wrapped};

/// The most characters of somebody else's sentence that we repeat.
const MAX_SENTENCE: usize = 200;

/// Builds a trouble.
pub(crate) fn trouble(kind: TroubleKind, what: impl AsRef<str>, remedy: impl AsRef<str>) -> Trouble {
    Trouble { kind, what: SafeText::new(what.as_ref()), remedy: SafeText::new(remedy.as_ref()) }
}

/// The first sentence of a text, on one line: a 200-line error body is nobody's reading at 3 a.m.
pub(crate) fn first_sentence(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    let end = line.find(". ").unwrap_or(line.len());
    let mut out: String = line[..end].chars().take(MAX_SENTENCE).collect();
    if line[..end].chars().nth(MAX_SENTENCE).is_some() {
        out.push('…');
    }
    without_secrets(out.trim_end_matches('.'))
}

/// A proxy may quote the credential that it refused. What looks like one is cut: a JWT, or a long word of mixed cases and
/// digits as no name in Kubernetes is.
fn without_secrets(text: &str) -> String {
    let of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=' | '~');
    let is_secret = |word: &str| {
        let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
        let mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
        word.starts_with("eyJ") && word.len() > 8 || word.len() >= 24 && mixed && !word.contains('/')
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| of_token(c) != of_token(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(if of_token(first) && is_secret(word) { "(credential)" } else { word });
        rest = after;
    }
    out
}

/// The kind of an HTTP status that is not a success.
pub(crate) fn kind_of_status(code: u16) -> TroubleKind {
    match code {
        401 => TroubleKind::Unauthorized,
        403 => TroubleKind::Forbidden,
        404 => TroubleKind::NotInstalled,
        408 => TroubleKind::Silent,
        429 => TroubleKind::Throttled,
        500.. => TroubleKind::ServerError,
        _ => TroubleKind::Garbage,
    }
}

fn remedy_of(kind: TroubleKind) -> &'static str {
    match kind {
        TroubleKind::Unreachable => {
            "check the network and the server's address in the kubeconfig; it is tried again every few seconds"
        }
        TroubleKind::Silent => "the server took the connection and said nothing; it is tried again every few seconds",
        TroubleKind::Unauthorized => "renew the credential of this context; it is read again at the next try",
        TroubleKind::Forbidden => "grant this credential the missing permission",
        TroubleKind::NotInstalled => "install it, or take it out of the configuration of this cluster",
        TroubleKind::Throttled => "the server asks for fewer requests; it is tried again more slowly",
        TroubleKind::ServerError => "the API server or its etcd is failing; it is tried again every few seconds",
        TroubleKind::Garbage => "check that the address is an API server and not a proxy's or portal's page",
        TroubleKind::Credential => "correct the kubeconfig; it is read again at the next try",
        TroubleKind::Partial => "it is read again at the next try",
        TroubleKind::Local => "check this host: its network, name service, proxy, limits and clock, and the kubeconfig",
    }
}

/// Trouble with the remedy that goes with its kind.
pub(crate) fn plain(kind: TroubleKind, what: impl AsRef<str>) -> Trouble {
    trouble(kind, what, remedy_of(kind))
}

/// An HTTP answer that is not a success: its code and the first sentence of its message.
pub(crate) fn trouble_of_answer(code: u16, body: &[u8]) -> Trouble {
    let message = match serde_json::from_slice::<Value>(body) {
        Ok(status) => status.get("message").and_then(Value::as_str).map(first_sentence).unwrap_or_default(),
        Err(_) if body.first() == Some(&b'<') => "a page in HTML".to_owned(),
        Err(_) => first_sentence(&String::from_utf8_lossy(&body[..body.len().min(4096)])),
    };
    plain(
        kind_of_status(code),
        if message.is_empty() { format!("HTTP {code}") } else { format!("HTTP {code}: {message}") },
    )
}

/// Trouble for an error of the Kubernetes client. Errors of login plugins are never quoted: they hold the plugin's
/// environment and output.
pub(crate) fn trouble_of(error: &kube::Error) -> Trouble {
    match error {
        kube::Error::Api(status) => {
            plain(kind_of_status(status.code), format!("HTTP {}: {}", status.code, first_sentence(&status.message)))
        }
        kube::Error::Auth(error) => trouble_of_login(error),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) | kube::Error::LinesCodecMaxLineLengthExceeded => {
            plain(TroubleKind::Garbage, "an answer that is not the JSON that was asked for")
        }
        kube::Error::InferKubeconfig(error) => trouble_of_kubeconfig(error),
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => trouble(
            TroubleKind::Credential,
            "the proxy's protocol is not one that can be used",
            "use an http, https or socks5 proxy",
        ),
        kube::Error::RustlsTls(_) | kube::Error::TlsRequired => trouble(
            TroubleKind::Credential,
            "the certificates of this context can't be used",
            "check certificate-authority and client-certificate in the kubeconfig",
        ),
        other => of_chain(other),
    }
}

/// Trouble for an error found somewhere in a chain of causes: socket, TLS, login.
pub(crate) fn of_chain(error: &(dyn StdError + 'static)) -> Trouble {
    let mut last: &(dyn StdError + 'static) = error;
    let mut next = Some(error);
    let mut connecting = false;
    while let Some(cause) = next {
        if let Some(login) = cause.downcast_ref::<AuthError>() {
            return trouble_of_login(login);
        }
        if let Some(tls) = wrapped::<rustls::Error>(cause) {
            return of_tls(tls);
        }
        if let Some(refused) = wrapped::<EgressRefused>(cause) {
            return off_limits(refused);
        }
        if let Some(proxy) = wrapped::<NotByProxy>(cause)
            && let Some(refused) = wrapped::<EgressRefused>(proxy.source.as_ref())
        {
            return off_limits(refused);
        }
        if let Some(own) = local_failures::of_cause(cause) {
            return plain(TroubleKind::Local, own.what);
        }
        connecting |= cause.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|it| it.is_connect());
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            if connecting && io.kind() == ErrorKind::TimedOut {
                return plain(TroubleKind::Unreachable, "no connection in time");
            }
            if let Some(kind) = of_io(io.kind()) {
                return kind;
            }
        }
        last = cause;
        next = cause.source();
    }
    plain(TroubleKind::Unreachable, format!("no connection: {}", first_sentence(&last.to_string())))
}

fn of_io(kind: ErrorKind) -> Option<Trouble> {
    Some(match kind {
        ErrorKind::ConnectionRefused => plain(TroubleKind::Unreachable, "connection refused"),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => plain(TroubleKind::Unreachable, "the connection was cut"),
        ErrorKind::HostUnreachable => plain(TroubleKind::Unreachable, "no route to the server"),
        ErrorKind::TimedOut => plain(TroubleKind::Silent, "no answer in time"),
        _ => return None,
    })
}

/// A host that a service may not be pointed at.
pub(crate) fn off_limits(refused: &EgressRefused) -> Trouble {
    trouble(TroubleKind::Credential, refused.to_string(), "if it is really meant, list it under [network] allow")
}

fn of_tls(error: &rustls::Error) -> Trouble {
    use rustls::{AlertDescription as Alert, CertificateError as Bad};
    let when = |time: rustls::pki_types::UnixTime| {
        let time = i64::try_from(time.as_secs()).ok().and_then(|secs| chrono::DateTime::from_timestamp(secs, 0));
        time.map(|time| time.format(" at %Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
    };
    let (what, remedy) = match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::ExpiredContext { not_after, .. } => {
                (format!("the server's certificate ran out{}", when(*not_after)), RENEW)
            }
            Bad::Expired => ("the server's certificate ran out".to_owned(), RENEW),
            Bad::NotValidYetContext { not_before, .. } => {
                let from = when(*not_before).replacen(" at ", " before ", 1);
                (format!("the server's certificate is not good{from}"), OUR_CLOCK)
            }
            Bad::NotValidYet => ("the server's certificate is not good yet".to_owned(), OUR_CLOCK),
            Bad::UnknownIssuer => (
                "the server's certificate is not signed by the authority in the kubeconfig".to_owned(),
                "put the authority that signed it into certificate-authority-data; the server's own certificate there is not enough",
            ),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => (
                "the server's certificate is for other names than the kubeconfig's server".to_owned(),
                "correct server in the kubeconfig, or set tls-server-name to a name in the certificate",
            ),
            other => {
                (format!("the server's certificate is not accepted: {}", first_sentence(&other.to_string())), AUTHORITY)
            }
        },
        rustls::Error::AlertReceived(
            Alert::CertificateExpired
            | Alert::BadCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => {
            let what =
                format!("the server does not accept our client certificate: {}", first_sentence(&error.to_string()));
            return trouble(TroubleKind::Credential, what, "renew client-certificate in the kubeconfig");
        }
        other => (format!("no TLS connection: {}", first_sentence(&other.to_string())), AUTHORITY),
    };
    // What we can't check for want of the right authority, name or clock says nothing about the server.
    let kind = if local_failures::of(error).is_some() { TroubleKind::Local } else { TroubleKind::Unreachable };
    trouble(kind, what, remedy)
}

const RENEW: &str = "renew the serving certificate of the API server and restart it; also check this host's clock";
const OUR_CLOCK: &str = "check this host's clock and that of the API server";
const AUTHORITY: &str = "check certificate-authority-data and the server's name in the kubeconfig";

/// Whether the chain of causes proves that no byte of the request reached the server.
pub(crate) fn never_left(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<AuthError>().is_some() || wrapped::<EgressRefused>(cause).is_some() {
            return true;
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && io.kind() == ErrorKind::ConnectionRefused
        {
            return true;
        }
        next = cause.source();
    }
    false
}

/// A failed login: what kind, never the command, its environment or its output.
pub(crate) fn trouble_of_login(error: &AuthError) -> Trouble {
    let what = match error {
        AuthError::AuthExecStart(_) | AuthError::MissingCommand => {
            "the login plugin of this context can't be started".to_owned()
        }
        AuthError::AuthExecRun { out, .. } => match out.status.code() {
            Some(code) => format!("the login plugin of this context failed with exit status {code}"),
            None => "the login plugin of this context was killed".to_owned(),
        },
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed | AuthError::MalformedTokenExpirationDate(_) => {
            "the login plugin of this context gave no usable credential".to_owned()
        }
        AuthError::ReadTokenFile(why, path) => {
            format!("the token file {} can't be read: {}", path.display(), why.kind())
        }
        _ => "the credential of this context can't be used".to_owned(),
    };
    trouble(
        TroubleKind::Credential,
        what,
        "log in with kubectl in another terminal, or use a kubeconfig with a static token",
    )
}

/// A kubeconfig that can't be used. A syntax error is not quoted: the quotation might be a key.
pub(crate) fn trouble_of_kubeconfig(error: &KubeconfigError) -> Trouble {
    let what = match error {
        KubeconfigError::CurrentContextNotSet => "the kubeconfig has no current context".to_owned(),
        KubeconfigError::LoadContext(name) => format!("the kubeconfig has no context `{name}`"),
        KubeconfigError::LoadClusterOfContext(name) => format!("the kubeconfig has no cluster `{name}`"),
        KubeconfigError::FindPath => "no kubeconfig was found".to_owned(),
        KubeconfigError::ReadConfig(why, path) => {
            format!("the kubeconfig {} can't be read: {}", path.display(), why.kind())
        }
        KubeconfigError::Parse(_) => "the kubeconfig is not valid YAML".to_owned(),
        KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_) => {
            "the kubeconfig's server address can't be used".to_owned()
        }
        KubeconfigError::ParseProxyUrl(_) => "the proxy's address can't be used".to_owned(),
        KubeconfigError::ParseNoProxy(_) => {
            return trouble(
                TroubleKind::Credential,
                "NO_PROXY has an entry that can't be read",
                "correct NO_PROXY: names, addresses and networks, separated by single commas",
            );
        }
        KubeconfigError::LoadCertificateAuthority(_) => {
            "the kubeconfig's certificate authority can't be loaded".to_owned()
        }
        KubeconfigError::LoadClientCertificate(_) => "the kubeconfig's client certificate can't be loaded".to_owned(),
        KubeconfigError::LoadClientKey(_) => "the kubeconfig's client key can't be loaded".to_owned(),
        _ => "the kubeconfig can't be used".to_owned(),
    };
    plain(TroubleKind::Credential, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_long_error_body_is_cut_to_its_first_sentence() {
        let body: String = (0..200).map(|n| format!("line {n} of the dump. And more.\n")).collect();
        let trouble = trouble_of_answer(500, body.as_bytes());
        assert_eq!(trouble.kind, TroubleKind::ServerError);
        assert_eq!(trouble.what, "HTTP 500: line 0 of the dump");
        let endless = "x".repeat(5000);
        assert!(trouble_of_answer(502, endless.as_bytes()).what.as_str().len() < 300);
        assert_eq!(trouble_of_answer(502, b"<html><body>Bad gateway").what, "HTTP 502: a page in HTML");
        assert_eq!(trouble_of_answer(503, b"").what, "HTTP 503");
        let quoted =
            b"invalid bearer token eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2ln, and Zm9vYmFyMTIzNDU2Nzg5MEFCQ0RFRg==";
        assert_eq!(
            trouble_of_answer(401, quoted).what,
            "HTTP 401: invalid bearer token (credential), and (credential)"
        );
        let named = br#"{"message":"pods \"checkout-5d9c7b9f64-x2x7q\" is forbidden: User \"system:serviceaccount:ops:warroom\" cannot list resource in API group \"\" at ip-10-0-1-7.eu-central-1.compute.internal"}"#;
        assert!(!trouble_of_answer(403, named).what.as_str().contains("(credential)"));
    }

    #[test]
    fn an_api_status_keeps_its_message_and_kind() {
        let status =
            kube::core::Status::failure("nodes is forbidden: User \"v\" cannot list nodes", "Forbidden").with_code(403);
        let trouble = trouble_of(&kube::Error::Api(status.boxed()));
        assert_eq!(trouble.kind, TroubleKind::Forbidden);
        assert!(trouble.what.as_str().contains("cannot list nodes"));
        assert!(!trouble.remedy.is_empty());
    }

    #[test]
    fn a_failed_login_plugin_shows_neither_its_command_nor_its_output() {
        let out = std::process::Output {
            status: std::process::ExitStatus::from_raw(255 << 8),
            stdout: b"CANARY-TOKEN".to_vec(),
            stderr: b"CANARY-ERR".to_vec(),
        };
        let error = AuthError::AuthExecRun { cmd: "env SECRET=CANARY-ENV aws".into(), out: Box::new(out) };
        let wrapped = kube::Error::Service(Box::new(error));
        let trouble = trouble_of(&wrapped);
        assert_eq!(trouble.kind, TroubleKind::Credential);
        assert!(trouble.what.as_str().contains("exit status 255"), "{}", trouble.what);
        assert!(!format!("{trouble:?}").contains("CANARY"));
        assert!(never_left(&wrapped));
    }

    #[test]
    fn certificates_are_spoken_of_in_words_however_deep_the_error_lies() {
        let time = |secs| rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(secs));
        let expired =
            rustls::CertificateError::ExpiredContext { time: time(1_795_403_794), not_after: time(1_704_067_200) };
        for (bad, kind, said) in [
            (expired, TroubleKind::Unreachable, "the server's certificate ran out at 2024-01-01 00:00 UTC"),
            (
                rustls::CertificateError::UnknownIssuer,
                TroubleKind::Local,
                "the server's certificate is not signed by the authority in the kubeconfig",
            ),
            (
                rustls::CertificateError::NotValidForName,
                TroubleKind::Local,
                "the server's certificate is for other names than the kubeconfig's server",
            ),
        ] {
            let tls = std::io::Error::new(ErrorKind::InvalidData, rustls::Error::InvalidCertificate(bad));
            let trouble = trouble_of(&kube::Error::Service(Box::new(std::io::Error::other(tls))));
            assert_eq!((trouble.kind, trouble.what.as_str()), (kind, said));
            assert!(!trouble.remedy.is_empty());
        }
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateExpired);
        let trouble = trouble_of(&kube::Error::Service(Box::new(std::io::Error::other(alert))));
        assert_eq!(trouble.kind, TroubleKind::Credential, "{trouble:?}");
        let refused = kube::Error::Service(Box::new(std::io::Error::other(EgressRefused("169.254.169.254".into()))));
        assert!(trouble_of(&refused).remedy.as_str().contains("[network] allow") && never_left(&refused));
    }

    #[test]
    fn sockets_speak_plainly() {
        let refused = kube::Error::Service(Box::new(std::io::Error::from(ErrorKind::ConnectionRefused)));
        assert_eq!(trouble_of(&refused).kind, TroubleKind::Unreachable);
        assert!(never_left(&refused));
        let proxied =
            NotByProxy { proxy: "proxy:3128".into(), source: Box::new(std::io::Error::from(ErrorKind::TimedOut)) };
        let full = std::io::Error::from_raw_os_error(24);
        for ours in [std::io::Error::other(proxied), full] {
            let trouble = trouble_of(&kube::Error::Service(Box::new(ours)));
            assert_eq!(trouble.kind, TroubleKind::Local, "{trouble:?}");
        }
        let late = kube::Error::Service(Box::new(std::io::Error::from(ErrorKind::TimedOut)));
        assert_eq!(trouble_of(&late).kind, TroubleKind::Silent);
        assert!(!never_left(&late));
    }
}
