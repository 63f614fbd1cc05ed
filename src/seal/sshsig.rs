//! Signatures in OpenSSH's format (SSHSIG): what `ssh-keygen -Y sign` makes and `ssh-keygen -Y verify` takes.
//!
//! Stricter than the format: no trailing bytes, no reserved data, no RSA, and the key is the one that was asked for, never the
//! one that the signature brings along. A security key's signature counts only with its user-presence flag, which
//! `ssh-keygen` merely logs.

use std::fmt;

use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

use super::SealError;

/// Longest signature that is read: a security key's is under 1 KiB.
pub const MAX_SIGNATURE: usize = 8 * 1024;
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----";
/// The user was present, in the flags of a security key's signature.
const PRESENT: u8 = 0x01;

/// A signing key. Never printed.
pub struct SigningKey(PrivateKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl SigningKey {
    /// Reads an OpenSSH private key: ed25519, without a passphrase.
    ///
    /// # Errors
    /// What is wrong with it; never any of its bytes.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let bad = |why: &str| SealError::Key(why.to_owned());
        let key = PrivateKey::from_openssh(text).map_err(|_| bad("it is not an OpenSSH private key"))?;
        if key.is_encrypted() {
            return Err(bad("it has a passphrase, and nobody is there to type it"));
        }
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(bad("it is not an ed25519 key"));
        }
        Ok(Self(key))
    }

    /// The public half in OpenSSH's format, without its comment.
    pub fn public(&self) -> String {
        let key = PublicKey::new(self.0.public_key().key_data().clone(), "");
        key.to_openssh().unwrap_or_default().trim().to_owned()
    }

    /// Signs a message for one namespace; gives the armored signature.
    ///
    /// # Errors
    /// An empty namespace.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SealError> {
        let made = self.0.sign(namespace, HashAlg::Sha512, message);
        let armored = made.and_then(|signature| signature.to_pem(LineEnding::LF));
        armored.map_err(|error| SealError::Signature(error.to_string()))
    }
}

/// Whether two public keys in OpenSSH's format are the same, whatever their comments.
pub fn same_key(one: &str, other: &str) -> bool {
    match (PublicKey::from_openssh(one), PublicKey::from_openssh(other)) {
        (Ok(one), Ok(other)) => one.key_data() == other.key_data(),
        _ => false,
    }
}

/// The fingerprint people compare: `SHA256:…`.
///
/// # Errors
/// A text that is no public key.
pub fn fingerprint(key: &str) -> Result<String, SealError> {
    let key = PublicKey::from_openssh(key.trim())
        .map_err(|_| SealError::Key("it is not an ed25519 public key in OpenSSH's format".to_owned()))?;
    Ok(key.fingerprint(HashAlg::Sha256).to_string())
}

/// Checks an armored signature of a message by a key that is already trusted.
///
/// # Errors
/// Why it does not count.
pub fn check_signature(armored: &str, message: &[u8], namespace: &str, key: &str) -> Result<(), SealError> {
    let bad = |why: &str| SealError::Signature(why.to_owned());
    let key = PublicKey::from_openssh(key.trim())
        .map_err(|_| SealError::Key("it is not an ed25519 public key in OpenSSH's format".to_owned()))?;
    if armored.len() > MAX_SIGNATURE {
        return Err(bad("it is longer than any signature"));
    }
    let framed = armored.strip_prefix(BEGIN).and_then(|rest| rest.trim_end().strip_suffix(END));
    if framed.is_none_or(|body| body.contains("-----")) {
        return Err(bad("it does not begin and end as one SSH signature"));
    }
    let signature = SshSig::from_pem(armored.trim_end()).map_err(|_| bad("it does not parse"))?;
    // The parser lets some lengths be wrong: only the bytes that the parsed signature has itself are taken.
    let plain = |text: &str| text.lines().map(str::trim_end).collect::<String>();
    if signature.to_pem(LineEnding::LF).is_ok_and(|again| plain(&again) != plain(armored)) {
        return Err(bad("it is not in its one form"));
    }
    if signature.version() != SshSig::VERSION || !signature.reserved().is_empty() {
        return Err(bad("it is of a version that is not known here"));
    }
    if signature.public_key() != key.key_data() {
        return Err(bad("it is by another key"));
    }
    if signature.namespace() != namespace {
        return Err(bad("it was made for another purpose"));
    }
    if !matches!(signature.hash_alg(), HashAlg::Sha256 | HashAlg::Sha512) {
        return Err(bad("its hash is not accepted"));
    }
    match signature.algorithm() {
        Algorithm::Ed25519 => {}
        // The flags and the counter follow the signature proper.
        Algorithm::SkEd25519 => {
            let bytes = signature.signature_bytes();
            let flags = bytes.len().checked_sub(5).and_then(|at| bytes.get(at));
            if flags.is_none_or(|flags| flags & PRESENT == 0) {
                return Err(bad("nobody touched the security key"));
            }
        }
        _ => return Err(bad("only ed25519 keys are accepted")),
    }
    key.verify(namespace, message, &signature).map_err(|_| bad("it does not fit the message"))
}

#[cfg(test)]
#[path = "sshsig_tests.rs"]
mod tests;
