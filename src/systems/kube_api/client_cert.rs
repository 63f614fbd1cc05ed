//! The client certificate of a context and its key: used as kubectl uses them, or refused with the reason.
//!
//! Read here and not by the client crate, because that one parses a certificate before it sends it: of version 1, which has
//! no extensions, a server may take what our library can't read. What can't be used has a cause, and the cause is said.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::AuthInfo;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::cert_expiry;
use super::error_text::trouble;
use crate::model::{Trouble, TroubleKind};
use crate::systems::http::Secret;

const REMEDY: &str =
    "correct client-certificate and client-key of this context in the kubeconfig; they are read again at the next try";

fn unusable(what: impl AsRef<str>) -> Trouble {
    trouble(TroubleKind::Credential, what, REMEDY)
}

/// The certificate's PEM, if the context has one. The data beside it wins over the file, as for kubectl.
pub(super) fn certificate(user: &AuthInfo) -> Result<Option<Vec<u8>>, Trouble> {
    read(user.client_certificate_data.as_deref(), user.client_certificate.as_deref(), "certificate")
}

fn key(user: &AuthInfo) -> Result<Option<Secret>, Trouble> {
    // The crate's type for secrets is not ours to name; it can be read like any other value.
    let told = serde_json::to_value(user).map_err(|_| unusable("the client key of this context can't be read"))?;
    let data = told.get("client-key-data").and_then(serde_json::Value::as_str);
    let pem = read(data, user.client_key.as_deref(), "key")?;
    Ok(pem.map(|pem| Secret::new(String::from_utf8_lossy(&pem).into_owned())))
}

fn read(data: Option<&str>, file: Option<&str>, what: &str) -> Result<Option<Vec<u8>>, Trouble> {
    match (data.filter(|it| !it.is_empty()), file.filter(|it| !it.is_empty())) {
        (Some(data), _) => match STANDARD.decode(data.trim()) {
            Ok(pem) => Ok(Some(pem)),
            Err(_) => Err(unusable(format!("client-{what}-data of this context is not base64"))),
        },
        (None, Some(file)) => match std::fs::read(file) {
            Ok(pem) => Ok(Some(pem)),
            Err(why) => Err(unusable(format!("the client {what} {file} can't be read: {}", why.kind()))),
        },
        (None, None) => Ok(None),
    }
}

/// What proves who we are on a connection; `None` if the context has no certificate.
pub(super) fn of(user: &AuthInfo) -> Result<Option<Arc<dyn ResolvesClientCert>>, Trouble> {
    let (pem, key) = match (certificate(user)?, key(user)?) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(unusable("this context has a client certificate and no client key")),
        (None, Some(_)) => return Err(unusable("this context has a client key and no client certificate")),
        (Some(pem), Some(key)) => (pem, key),
    };
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| unusable("the client certificate of this context is not one in PEM"))?;
    let signing = signing_key(&key, &chain[0])?;
    let certified = CertifiedKey::new(chain, signing);
    if matches!(certified.keys_match(), Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch))) {
        return Err(unusable("the client certificate and the client key of this context do not belong together"));
    }
    Ok(Some(Arc::new(SingleCertAndKey::from(certified))))
}

fn signing_key(key: &Secret, certificate: &CertificateDer<'_>) -> Result<Arc<dyn rustls::sign::SigningKey>, Trouble> {
    let text = key.expose();
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(trouble(
            TroubleKind::Credential,
            "the client key of this context is encrypted, and nobody is asked for its passphrase",
            "decrypt it (openssl pkey -in KEY -out PLAIN), or log in by a plugin (exec) or a token",
        ));
    }
    let der = PrivateKeyDer::from_pem_slice(text.as_bytes());
    let der = der.map_err(|_| unusable("the client key of this context is not a private key in PEM"))?;
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()));
    provider.key_provider.load_private_key(der).map_err(|_| match cert_expiry::curve(certificate) {
        Some(curve) => trouble(
            TroubleKind::Credential,
            format!("the client key of this context is on the curve {curve}, which is not supported"),
            "use a key on P-256 or P-384, an RSA key, an Ed25519 key, or a token",
        ),
        None => unusable("the client key of this context is of a kind that is not supported"),
    })
}

#[cfg(test)]
#[allow(clippy::err_expect, reason = "what holds a secret is not printed")]
mod tests {
    use super::*;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/certificates");

    fn used(certificate: &str, key: &str) -> Result<bool, String> {
        let path = |name: &str| format!("{FIXTURES}/{name}");
        let user = AuthInfo {
            client_certificate: Some(certificate).filter(|it| !it.is_empty()).map(path),
            client_key: Some(key).filter(|it| !it.is_empty()).map(path),
            ..AuthInfo::default()
        };
        match of(&user) {
            Ok(found) => Ok(found.is_some()),
            Err(trouble) => {
                assert!(trouble.kind == TroubleKind::Credential && !trouble.remedy.is_empty(), "{trouble:?}");
                Err(trouble.what.to_string())
            }
        }
    }

    #[test]
    fn what_kubectl_takes_is_taken_or_refused_with_its_own_reason() {
        assert_eq!(used("", ""), Ok(false));
        assert_eq!(used("client.pem", "client.key"), Ok(true));
        assert_eq!(used("client-v1.pem", "client-v1.key"), Ok(true), "version 1 is the server's to judge");
        for (certificate, key, why) in [
            ("client-p521.pem", "client-p521.key", "on the curve P-521, which is not supported"),
            ("client.pem", "client-encrypted.key", "is encrypted, and nobody is asked for its passphrase"),
            ("client.pem", "client-v1.key", "do not belong together"),
            ("client.pem", "", "no client key"),
            ("", "client.key", "no client certificate"),
            ("client.pem", "client.pem", "not a private key in PEM"),
            ("client.key", "client.key", "not one in PEM"),
            ("gone.pem", "client.key", "can't be read: entity not found"),
        ] {
            let said = used(certificate, key).expect_err(why);
            assert!(said.contains(why), "{said}: {why}");
        }
    }
}
