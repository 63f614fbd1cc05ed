//! Signatures both ways with stock `ssh-keygen`, and everything that must not count.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sha2::Digest as _;
use signature::Signer as _;
use ssh_key::private::Ed25519Keypair;
use ssh_key::public::{KeyData, SkEd25519};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, Signature, SshSig};

use super::*;
use crate::test_support;

const PURPOSE: &str = "checkpoint@prod-ca";
const MESSAGE: &[u8] = b"prod-ca\nchain-v1\n812\n00ff\n2026-03-02T14:41:00Z\n";

fn pair(seed: u8) -> PrivateKey {
    PrivateKey::new(Ed25519Keypair::from_seed(&[seed; 32]).into(), "test").expect("a key")
}

fn key(seed: u8) -> SigningKey {
    SigningKey(pair(seed))
}

fn refused(armored: &str, message: &[u8], purpose: &str, public: &str) -> String {
    check_signature(armored, message, purpose, public).expect_err("must not count").to_string()
}

fn keygen(args: &[&str], dir: &Path, input: &[u8]) -> Option<(bool, String)> {
    let started =
        Command::new("ssh-keygen").args(args).current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = started else {
        test_support::missing("ssh-keygen");
        return None;
    };
    child.stdin.take().expect("piped").write_all(input).expect("written");
    let output = child.wait_with_output().expect("it ends");
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[test]
fn what_we_sign_stock_ssh_keygen_verifies() {
    let dir = tempfile::tempdir().expect("a folder");
    let (ours, other) = (key(1), key(2));
    std::fs::write(dir.path().join("sig"), ours.sign(PURPOSE, MESSAGE).expect("signed")).expect("written");
    std::fs::write(dir.path().join("allowed"), format!("prod-ca {}\n", ours.public())).expect("written");
    std::fs::write(dir.path().join("other"), format!("prod-ca {}\n", other.public())).expect("written");
    let verify = |allowed: &str, who: &str, purpose: &str, message: &[u8]| {
        let args = ["-Y", "verify", "-f", allowed, "-I", who, "-n", purpose, "-s", "sig"];
        keygen(&args, dir.path(), message).map(|(ok, _)| ok)
    };
    let Some(good) = verify("allowed", "prod-ca", PURPOSE, MESSAGE) else { return };
    assert!(good);
    assert_eq!(verify("allowed", "prod-ca", "plan-approval@prod-ca", MESSAGE), Some(false));
    assert_eq!(verify("allowed", "somebody", PURPOSE, MESSAGE), Some(false));
    assert_eq!(verify("other", "prod-ca", PURPOSE, MESSAGE), Some(false));
    assert_eq!(verify("allowed", "prod-ca", PURPOSE, b"another message"), Some(false));
}

#[test]
fn what_stock_ssh_keygen_signs_we_check() {
    let dir = tempfile::tempdir().expect("a folder");
    let made = |kind: &str, name: &str, secret: &str| {
        keygen(&["-q", "-t", kind, "-N", secret, "-f", name], dir.path(), b"").is_some_and(|(ok, _)| ok)
    };
    if !made("ed25519", "id", "") {
        return;
    }
    assert!(made("ecdsa", "ec", "") && made("rsa", "rsa", "") && made("ed25519", "locked", "a passphrase"));
    let text = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("a file");
    let sign = |name: &str, hash: &str| {
        let option = format!("hashalg={hash}");
        let args = ["-q", "-Y", "sign", "-f", name, "-n", PURPOSE, "-O", &option];
        keygen(&args, dir.path(), MESSAGE).expect("it was there a moment ago").1
    };
    for hash in ["sha256", "sha512"] {
        check_signature(&sign("id", hash), MESSAGE, PURPOSE, &text("id.pub")).expect("it counts");
    }
    let ec = refused(&sign("ec", "sha512"), MESSAGE, PURPOSE, &text("ec.pub"));
    assert!(ec.contains("not an ed25519"), "{ec}");
    refused(&sign("rsa", "sha512"), MESSAGE, PURPOSE, &text("rsa.pub"));
    SigningKey::parse(&text("id")).expect("a key without a passphrase");
    let why = |name: &str| SigningKey::parse(&text(name)).expect_err("refused").to_string();
    assert!(why("locked").contains("passphrase"), "{}", why("locked"));
    assert!(!why("ec").is_empty() && !why("rsa").is_empty());
    assert!(why("id.pub").contains("not an OpenSSH private key"));
    assert!(same_key(&text("id.pub"), &SigningKey::parse(&text("id")).expect("a key").public()));
}

#[test]
fn a_signature_counts_for_its_message_purpose_and_key_alone() {
    let (ours, other) = (key(1), key(2));
    let good = ours.sign(PURPOSE, MESSAGE).expect("signed");
    check_signature(&good, MESSAGE, PURPOSE, &ours.public()).expect("it counts");
    assert!(refused(&good, b"", PURPOSE, &ours.public()).contains("does not fit"));
    assert!(refused(&good, MESSAGE, "plan-approval@prod-ca", &ours.public()).contains("another purpose"));
    assert!(refused(&good, MESSAGE, PURPOSE, &other.public()).contains("another key"));
    assert!(refused(&good, MESSAGE, PURPOSE, "ssh-ed25519 AAAA").contains("not an ed25519 public key"));
    // By another key that claims to be ours: the claim is in the blob, the proof is not.
    let theirs = SshSig::from_pem(other.sign(PURPOSE, MESSAGE).expect("signed")).expect("parsed");
    let mine = PublicKey::from_openssh(&ours.public()).expect("a key");
    let forged = SshSig::new(mine.key_data().clone(), PURPOSE, HashAlg::Sha512, theirs.signature().clone());
    let forged = forged.and_then(|it| it.to_pem(LineEnding::LF)).expect("armored");
    assert!(refused(&forged, MESSAGE, PURPOSE, &ours.public()).contains("does not fit"));
}

#[test]
fn nothing_may_stand_before_between_or_after() {
    let ours = key(1);
    let good = ours.sign(PURPOSE, MESSAGE).expect("signed");
    check_signature(good.trim_end(), MESSAGE, PURPOSE, &ours.public()).expect("without its last line feed");
    let lines: Vec<&str> = good.lines().collect();
    let twice = format!("{good}{good}");
    let vectors = [
        String::new(),
        "\n".to_owned(),
        format!(" {good}"),
        format!("x{good}"),
        format!("\u{feff}{good}"),
        format!("{good}x"),
        format!("{good}\0"),
        twice,
        good.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        good.replace('\n', "\r"),
        lines[1..].join("\n"),
        lines[..lines.len() - 1].join("\n"),
        good.replace(lines[1], &format!("{}=", lines[1])),
        good.replace(lines[1], &format!("!{}", &lines[1][1..])),
        "A".repeat(MAX_SIGNATURE + 1),
        format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", "A".repeat(4096)),
    ];
    for vector in &vectors {
        refused(vector, MESSAGE, PURPOSE, &ours.public());
    }
}

#[test]
fn no_flipped_bit_and_no_cut_counts() {
    use base64_of::{decode, encode};
    let ours = key(1);
    let good = ours.sign(PURPOSE, MESSAGE).expect("signed");
    let blob = decode(&good);
    let armored = |bytes: &[u8]| encode(bytes);
    check_signature(&armored(&blob), MESSAGE, PURPOSE, &ours.public()).expect("as it was");
    for at in 0..blob.len() {
        for bit in 0..8 {
            let mut bad = blob.clone();
            bad[at] ^= 1 << bit;
            let said = check_signature(&armored(&bad), MESSAGE, PURPOSE, &ours.public());
            assert!(said.is_err(), "bit {bit} of byte {at} of {} flipped: {:?}", blob.len(), blob);
        }
        let said = check_signature(&armored(&blob[..at]), MESSAGE, PURPOSE, &ours.public());
        assert!(said.is_err(), "cut at {at} of {}", blob.len());
    }
    for tail in [&b"\0"[..], b"trailing", &blob[..]] {
        refused(&armored(&[&blob, tail].concat()), MESSAGE, PURPOSE, &ours.public());
    }
}

/// A security key's signature, made as one makes them: over the application, the flags and a counter too.
fn touched(flags: u8) -> (String, String) {
    let pair = Ed25519Keypair::from_seed(&[3; 32]);
    let public = SkEd25519::new(pair.public, "ssh:");
    let inner = SshSig::signed_data(PURPOSE, HashAlg::Sha512, MESSAGE).expect("data");
    let mut data = sha2::Sha256::digest("ssh:").to_vec();
    data.push(flags);
    data.extend(7u32.to_be_bytes());
    data.extend(sha2::Sha256::digest(&inner));
    let mut bytes = pair.try_sign(&data).expect("signed").as_bytes().to_vec();
    bytes.push(flags);
    bytes.extend(7u32.to_be_bytes());
    let signature = Signature::new(Algorithm::SkEd25519, bytes).expect("a signature");
    let whole = SshSig::new(KeyData::SkEd25519(public.clone()), PURPOSE, HashAlg::Sha512, signature).expect("whole");
    let key = PublicKey::new(KeyData::SkEd25519(public), "").to_openssh().expect("a key");
    (whole.to_pem(LineEnding::LF).expect("armored"), key)
}

#[test]
fn a_security_key_counts_only_when_somebody_touched_it() {
    for (flags, counts) in [(0x01, true), (0x05, true), (0x00, false), (0x04, false), (0x80, false)] {
        let (armored, key) = touched(flags);
        match check_signature(&armored, MESSAGE, PURPOSE, &key) {
            Ok(()) => assert!(counts, "flags {flags:#04x} counted"),
            Err(why) => {
                assert!(!counts, "flags {flags:#04x}: {why}");
                assert!(why.to_string().contains("touched"), "{why}");
            }
        }
    }
}

#[test]
fn a_signing_key_is_never_printed() {
    assert_eq!(format!("{:?}", key(1)), "SigningKey(..)");
}

/// The armor around a blob, without a library that would refuse what these tests are made of.
mod base64_of {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub fn encode(bytes: &[u8]) -> String {
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for i in 0..4 {
                let six = (word >> (18 - 6 * i)) & 63;
                text.push(if i <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' });
            }
        }
        let lines: Vec<&str> =
            text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
        format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
    }

    pub fn decode(armored: &str) -> Vec<u8> {
        let text: String = armored.lines().filter(|line| !line.starts_with('-')).collect();
        let mut bytes = Vec::new();
        for chunk in text.as_bytes().chunks(4) {
            let known: Vec<u32> =
                chunk.iter().filter_map(|c| ALPHABET.iter().position(|a| a == c)).map(|at| at as u32).collect();
            let word = known.iter().fold(0, |word, six| word << 6 | six) << (6 * (4 - known.len()));
            bytes.extend_from_slice(&word.to_be_bytes()[1..known.len()]);
        }
        bytes
    }
}
