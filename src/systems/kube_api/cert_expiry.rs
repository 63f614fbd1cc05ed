//! Until when a certificate is good, and on which curve its key is. Neither is known where it can't be parsed.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::certificate::{CertificateInner, Raw, TbsCertificateInner};
use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5912::{SECP_224_R_1, SECP_521_R_1};

use crate::model::Stamp;

/// When the first certificate of a PEM text runs out.
pub(super) fn not_after(pem: &[u8]) -> Option<Stamp> {
    let certificate = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    let until = parse(&certificate)?.validity.not_after.to_unix_duration();
    Stamp::from_timestamp(i64::try_from(until.as_secs()).ok()?, 0)
}

/// The name of the elliptic curve of a certificate's key, where it is one that our library can't sign on.
pub(super) fn curve(certificate: &CertificateDer<'_>) -> Option<&'static str> {
    let key = parse(certificate)?.subject_public_key_info.algorithm;
    match key.parameters?.decode_as::<ObjectIdentifier>().ok()? {
        SECP_521_R_1 => Some("P-521"),
        SECP_224_R_1 => Some("P-224"),
        _ => None,
    }
}

/// `Raw`: a serial number that is longer than the standard allows hides neither the date nor the key.
fn parse(certificate: &CertificateDer<'_>) -> Option<TbsCertificateInner<Raw>> {
    CertificateInner::from_der(certificate).ok().map(|it| it.tbs_certificate)
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

    /// Self-signed with stock openssl for a key on P-256: a serial number of 24 bytes, and an extension that holds the
    /// bytes by which P-521 is named.
    #[test]
    fn a_curve_is_that_of_the_key_and_a_long_serial_number_hides_nothing() {
        const ODD: &str = include_str!("../../../tests/fixtures/certificates/odd.pem");
        const P521: &str = include_str!("../../../tests/fixtures/certificates/client-p521.pem");
        let of = |pem: &str| curve(&CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate"));
        assert_eq!((of(ODD), of(P521)), (None, Some("P-521")));
        assert!(not_after(ODD.as_bytes()).is_some_and(|it| it.to_rfc3339() == "2051-07-22T08:33:45+00:00"));
    }
}
