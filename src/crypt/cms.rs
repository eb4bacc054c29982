//! Signed files as CMS (RFC 5652, 5): the content with a signature around it, as phones and mail programs check it.
//! One signer, SHA-256, RSA or P-256. The signature itself is made by the library that also does TLS.

use super::CryptError;
use crate::model::Timestamp;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use sha2::Digest;
use sha2::Sha256;

// Tags of DER (X.690, 8).
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]` around something else, also where it stands for SET.
const CONTEXT_0: u8 = 0xA0;

// Object identifiers as they are encoded.
const SIGNED_DATA: &[u8] = b"\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02";
const DATA: &[u8] = b"\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01";
const CONTENT_TYPE: &[u8] = b"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x03";
const MESSAGE_DIGEST: &[u8] = b"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x04";
const SIGNING_TIME: &[u8] = b"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x05";
const SHA_256: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01";
const RSA: &[u8] = b"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01";
const ECDSA_SHA_256: &[u8] = b"\x2A\x86\x48\xCE\x3D\x04\x03\x02";

/// Most certificates of a chain.
const MOST_CERTIFICATES: usize = 10;

/// A certificate with its key and the certificates that vouch for it.
pub struct Signer {
    key: CertifiedKey,
    /// Issuer and serial number of the certificate, as they stand in it.
    issuer_and_serial: Vec<u8>,
}

impl Signer {
    /// Reads a chain, the signer's certificate first, and its key, both as PEM. A key that belongs to another
    /// certificate is refused.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CryptError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .take(MOST_CERTIFICATES)
            .collect::<Result<_, _>>()
            .map_err(|error| refused(format!("the certificate cannot be read: {error}")))?;
        let first = chain.first().ok_or_else(|| refused("the file holds no certificate"))?;
        let issuer_and_serial =
            issuer_and_serial(first).ok_or_else(|| refused("the first certificate cannot be read"))?;
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|error| refused(format!("the key cannot be read: {error}")))?;
        let key = any_supported_type(&key).map_err(|_| refused("the key is none for RSA or P-256"))?;
        let key = CertifiedKey::new(chain, key);
        key.keys_match().map_err(|_| refused("the key does not belong to the first certificate"))?;
        Ok(Self { key, issuer_and_serial })
    }

    /// The content with a signature around it (RFC 5652, 5.1), DER.
    pub fn sign(&self, content: &[u8], at: Timestamp) -> Result<Vec<u8>, CryptError> {
        let schemes = [SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256];
        let signer =
            self.key.key.choose_scheme(&schemes).ok_or_else(|| refused("the key signs nothing with SHA-256"))?;
        let algorithm = match signer.scheme() {
            SignatureScheme::RSA_PKCS1_SHA256 => tlv(SEQUENCE, &[&tlv(OID, &[RSA]), &tlv(NULL, &[])]),
            _ => tlv(SEQUENCE, &[&tlv(OID, &[ECDSA_SHA_256])]),
        };
        let attributes = attributes(content, at);
        // What is signed is the SET itself; inside the signer info it stands under another tag (RFC 5652, 5.4).
        let signature = signer
            .sign(&tlv(SET, &[&attributes]))
            .map_err(|error| refused(format!("the key does not sign: {error}")))?;
        let digest = tlv(SEQUENCE, &[&tlv(OID, &[SHA_256])]);
        let info = [
            &tlv(INTEGER, &[&[1]]),
            &self.issuer_and_serial,
            &digest,
            &tlv(CONTEXT_0, &[&attributes]),
            &algorithm,
            &tlv(OCTETS, &[&signature]),
        ];
        let info = tlv(SEQUENCE, &info.map(Vec::as_slice));
        let inner = tlv(SEQUENCE, &[&tlv(OID, &[DATA]), &tlv(CONTEXT_0, &[&tlv(OCTETS, &[content])])]);
        let chain: Vec<&[u8]> = self.key.cert.iter().map(AsRef::as_ref).collect();
        let data =
            [&tlv(INTEGER, &[&[1]]), &tlv(SET, &[&digest]), &inner, &tlv(CONTEXT_0, &chain), &tlv(SET, &[&info])];
        let data = tlv(SEQUENCE, &data.map(Vec::as_slice));
        Ok(tlv(SEQUENCE, &[&tlv(OID, &[SIGNED_DATA]), &tlv(CONTEXT_0, &[&data])]))
    }
}

/// The signed attributes (RFC 5652, 11), in the order of their encodings as DER wants a SET OF.
fn attributes(content: &[u8], at: Timestamp) -> Vec<u8> {
    let attribute = |name: &[u8], value: &[u8]| tlv(SEQUENCE, &[&tlv(OID, &[name]), &tlv(SET, &[value])]);
    let time = at.to_jiff().strftime("%y%m%d%H%M%SZ").to_string();
    let mut all = [
        attribute(CONTENT_TYPE, &tlv(OID, &[DATA])),
        attribute(SIGNING_TIME, &tlv(UTC_TIME, &[time.as_bytes()])),
        attribute(MESSAGE_DIGEST, &tlv(OCTETS, &[&Sha256::digest(content)])),
    ];
    all.sort();
    all.concat()
}

/// One value: tag, length, the parts after each other.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    if length < 0x80 {
        out.extend(u8::try_from(length));
    } else {
        let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
        out.extend(u8::try_from(octets.len()).map(|count| 0x80 | count));
        out.extend(octets);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// One value that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value<'t> {
    tag: u8,
    content: &'t [u8],
    /// Tag and length included.
    whole: &'t [u8],
    /// What follows it.
    rest: &'t [u8],
}

/// Splits the first value off.
fn split(text: &[u8]) -> Option<Value<'_>> {
    let (tag, rest) = text.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (octets, rest) =
            rest.split_at_checked(usize::from(first & 0x7F)).filter(|(octets, _)| octets.len() <= 4)?;
        (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some(Value { tag: *tag, content, whole: &text[..text.len() - after.len()], rest: after })
}

/// `IssuerAndSerialNumber` of a certificate (RFC 5652, 10.2.4; RFC 5280, 4.1).
fn issuer_and_serial(certificate: &[u8]) -> Option<Vec<u8>> {
    let mut rest = split(split(certificate)?.content)?.content;
    if rest.first() == Some(&CONTEXT_0) {
        // The version, absent in certificates of the first one.
        rest = split(rest)?.rest;
    }
    let serial = split(rest)?;
    let algorithm = split(serial.rest)?;
    let issuer = split(algorithm.rest)?;
    (serial.tag == INTEGER).then(|| tlv(SEQUENCE, &[issuer.whole, serial.whole]))
}

fn refused(reason: impl Into<String>) -> CryptError {
    CryptError::Signer(reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const RSA_PAIR: (&[u8], &[u8]) = (
        include_bytes!("../../fixtures/profile/rsa-certificate.pem"),
        include_bytes!("../../fixtures/profile/rsa-key-for-tests-only.pem"),
    );
    const EC_PAIR: (&[u8], &[u8]) = (
        include_bytes!("../../fixtures/profile/p256-certificate.pem"),
        include_bytes!("../../fixtures/profile/p256-key-for-tests-only.pem"),
    );
    /// 2026-03-02T08:00:00Z
    const NOW: Timestamp = Timestamp(1_772_438_400_000);

    #[test]
    fn lengths_are_written_as_der_wants_them_and_read_back() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let whole = tlv(OCTETS, &[&content]);
            let read = Value { tag: OCTETS, content: &content, whole: &whole, rest: &[] };
            assert_eq!(split(&whole), Some(read), "{length}");
        }
        assert_eq!(tlv(OCTETS, &[&[7; 200]])[..3], [OCTETS, 0x81, 200]);
        for bad in [&[][..], &[4], &[4, 2, 0], &[4, 0x85, 0, 0, 0, 0, 1, 0], &[4, 0x82, 1]] {
            assert_eq!(split(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_content_stands_in_the_signed_file_and_what_is_signed_covers_its_digest() {
        for (chain, key) in [RSA_PAIR, EC_PAIR] {
            let signed = Signer::from_pem(chain, key).unwrap().sign(b"the content", NOW).unwrap();
            let holds = |part: &[u8]| signed.windows(part.len()).any(|window| window == part);
            assert!(holds(b"the content") && holds(&Sha256::digest(b"the content")) && holds(b"260302080000Z"));
            assert_eq!(split(&signed).map(|value| (value.tag, value.rest.len())), Some((SEQUENCE, 0)));
        }
    }

    #[test]
    fn a_key_of_another_certificate_and_what_is_no_key_are_refused() {
        let refusal = |chain: &[u8], key: &[u8]| Signer::from_pem(chain, key).err().map(|error| error.to_string());
        assert!(refusal(RSA_PAIR.0, EC_PAIR.1).unwrap().contains("does not belong"));
        assert!(refusal(b"", RSA_PAIR.1).unwrap().contains("no certificate"));
        assert!(refusal(RSA_PAIR.0, b"").unwrap().contains("key"));
        assert!(refusal(RSA_PAIR.0, RSA_PAIR.0).unwrap().contains("key"));
    }

    /// OpenSSL reads the file and finds the signature good; without OpenSSL on the machine nothing is judged.
    #[test]
    fn another_implementation_verifies_the_signature() {
        for (name, (chain, key)) in [("rsa", RSA_PAIR), ("p256", EC_PAIR)] {
            let folder = tempfile::tempdir().unwrap();
            let (file, certificate) = (folder.path().join("signed"), folder.path().join("certificate.pem"));
            std::fs::write(&certificate, chain).unwrap();
            let mut signed = Signer::from_pem(chain, key).unwrap().sign(b"<plist>the content</plist>", NOW).unwrap();
            for broken in [false, true] {
                if broken {
                    let at = signed.windows(11).position(|window| window == b"the content").unwrap();
                    signed[at] = b'T';
                }
                std::fs::write(&file, &signed).unwrap();
                let mut command = Command::new("openssl");
                command.args([
                    "cms",
                    "-verify",
                    "-binary",
                    "-inform",
                    "DER",
                    "-purpose",
                    "any",
                    "-no_check_time",
                    "-in",
                ]);
                let Ok(done) = command.arg(&file).arg("-CAfile").arg(&certificate).output() else { return };
                let said = String::from_utf8_lossy(&done.stderr);
                assert_eq!(done.status.success(), !broken, "{name}: {said}");
                assert!(broken || done.stdout == b"<plist>the content</plist>", "{name}: {said}");
            }
        }
    }
}
