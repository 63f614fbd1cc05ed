//! Until when a certificate is good, and on which curve its key is. Reads just enough of X.509 for that; anything odd is
//! "unknown".

use chrono::{NaiveDateTime, Utc};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::model::Stamp;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When the first certificate of a PEM text runs out.
pub fn not_after(pem: &[u8]) -> Option<Stamp> {
    let certificate = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    let (_, mut outer) = take(&mut certificate.as_ref(), Some(SEQUENCE))?;
    let (_, mut body) = take(&mut outer, Some(SEQUENCE))?;
    // Version (not always there), serial number, algorithm, issuer.
    let (first, _) = take(&mut body, None)?;
    for _ in 0..if first == 0xa0 { 3 } else { 2 } {
        take(&mut body, None)?;
    }
    let (_, mut validity) = take(&mut body, Some(SEQUENCE))?;
    take(&mut validity, None)?;
    let (kind, time) = take(&mut validity, None)?;
    let text = std::str::from_utf8(time).ok()?;
    let text = match kind {
        // Two digits of the year: 50 and above are the last century's.
        UTC_TIME if text.get(..2)? >= "50" => format!("19{text}"),
        UTC_TIME => format!("20{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?.and_local_timezone(Utc).single()
}

/// The name of the elliptic curve of a certificate's key, where it is one that our library can't sign on.
pub fn curve(certificate: &CertificateDer<'_>) -> Option<&'static str> {
    /// `secp521r1` and `secp224r1` as an object identifier in DER.
    const NAMES: [(&[u8], &str); 2] =
        [(b"\x06\x05\x2b\x81\x04\x00\x23", "P-521"), (b"\x06\x05\x2b\x81\x04\x00\x21", "P-224")];
    let holds = |oid: &[u8]| certificate.windows(oid.len()).any(|window| window == oid);
    NAMES.into_iter().find(|(oid, _)| holds(oid)).map(|(_, name)| name)
}

/// One element: its tag and its content. What is taken is taken off the input.
fn take<'a>(input: &mut &'a [u8], wanted: Option<u8>) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&short, mut rest) = rest.split_first()?;
    let mut length = usize::from(short);
    if short >= 0x80 {
        let digits = usize::from(short & 0x7f);
        if !(1..=4).contains(&digits) {
            return None;
        }
        let (long, after) = rest.split_at_checked(digits)?;
        length = long.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    *input = after;
    wanted.is_none_or(|wanted| wanted == tag).then_some((tag, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Self-signed with stock openssl, `-not_after 20501122195930Z` and `-not_after 20291122195930Z`.
    const GENERAL: &str = include_str!("../../../tests/fixtures/certificates/until-2050.pem");
    const SHORT: &str = include_str!("../../../tests/fixtures/certificates/until-2029.pem");

    #[test]
    fn both_notations_of_time_are_read_and_nothing_else_fails() {
        let until = |pem: &str| not_after(pem.as_bytes()).map(|it| it.to_rfc3339());
        assert_eq!(until(GENERAL).as_deref(), Some("2050-11-22T19:59:30+00:00"));
        assert_eq!(until(SHORT).as_deref(), Some("2029-11-22T19:59:30+00:00"));
        assert_eq!(until("no certificate"), None);
        let der = CertificateDer::from_pem_slice(SHORT.as_bytes()).expect("a certificate");
        use base64::Engine;
        for cut in 0..der.len().min(200) {
            let text = base64::engine::general_purpose::STANDARD.encode(&der.as_ref()[..cut]);
            let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
            assert_eq!(not_after(pem.as_bytes()), None, "cut at {cut}");
        }
    }
}
