//! HMAC-SHA-256 (RFC 2104): signatures of sync tokens, webhook bodies, and hashes of what is only compared.

use super::CryptError;
use super::Key;
use super::Secret;
use super::key::random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Digest;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The code over several parts. Each part is preceded by its length, so that no two lists of parts give one message.
pub fn sign(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(key.bytes());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether `code` is the code over `parts`; takes the same time wherever they differ.
pub fn verify(key: &Key, parts: &[&[u8]], code: &[u8]) -> bool {
    sign(key, parts).ct_eq(code).into()
}

/// The code over one text, as base64url without padding (43 characters).
pub fn sign_text(key: &Key, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sign(key, &[text.as_bytes()]))
}

/// Whether `code` is what [`sign_text`] gives for `text`.
pub fn verify_text(key: &Key, text: &str, code: &str) -> bool {
    sign_text(key, text).as_bytes().ct_eq(code.as_bytes()).into()
}

/// The code over several texts, as base64url without padding.
pub fn sign_parts(key: &Key, parts: &[&str]) -> String {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    URL_SAFE_NO_PAD.encode(sign(key, &parts))
}

/// Whether two texts are the same; takes the same time wherever they differ.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// A text of 128 random bits: makes a digest of few possible texts tell nothing.
pub fn salt() -> Result<String, CryptError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<16>()?))
}

/// What is stored of a `clientState` or another value that only ever has to be compared.
pub fn keyed_hash(key: &Key, text: &str) -> String {
    sign_text(key, text)
}

/// Whether `text` has the stored hash; constant time.
pub fn matches_hash(key: &Key, text: &str, stored: &str) -> bool {
    verify_text(key, text, stored)
}

/// SHA-256 as hexadecimal digits: names bytes, protects nothing.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The header value `sha256=<hex>` that a webhook sender puts over its raw body.
pub fn webhook_signature(secret: &Secret, body: &[u8]) -> String {
    format!("sha256={}", hex(&body_code(secret, body)))
}

/// Whether a header value is the signature of this body; `sha256=` may be missing, hex digits have any case.
pub fn verify_webhook(secret: &Secret, body: &[u8], header: &str) -> bool {
    let given = header.trim();
    let given = given.strip_prefix("sha256=").unwrap_or(given).to_ascii_lowercase();
    hex(&body_code(secret, body)).as_bytes().ct_eq(given.as_bytes()).into()
}

fn body_code(secret: &Secret, body: &[u8]) -> [u8; 32] {
    code(secret.reveal().as_bytes(), &[body])
}

/// The code over parts that are written one after the other, as others define it.
pub(super) fn code(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// RFC 2104, 2: a key longer than a block is hashed, a shorter one padded with zeros to one block of 64 bytes.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0_u8; 64]);
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    Hmac::<Sha256>::new((&*block).into())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)] as char, DIGITS[usize::from(b & 15)] as char]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 2 and 6 (a key longer than a block).
    #[test]
    fn webhook_signature_is_hmac_sha_256_of_rfc_4231() {
        let short = webhook_signature(&Secret::new("Jefe"), b"what do ya want for nothing?");
        assert_eq!(short, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let mut mac = keyed(&[0xaa; 131]);
        mac.update(b"Test Using Larger Than Block-Size Key - Hash Key First");
        let code: [u8; 32] = mac.finalize().into_bytes().into();
        assert_eq!(hex(&code), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    #[test]
    fn webhook_signature_is_refused_for_another_body_secret_or_length() {
        let secret = Secret::new("s3cret");
        let good = webhook_signature(&secret, b"{}");
        assert!(verify_webhook(&secret, b"{}", &good));
        assert!(verify_webhook(&secret, b"{}", &good.replace("sha256=", "").to_uppercase()));
        for (body, header) in [(&b"{ }"[..], good.as_str()), (b"{}", "sha256="), (b"{}", ""), (b"{}", &good[..20])] {
            assert!(!verify_webhook(&secret, body, header), "{header} on {body:?}");
        }
        assert!(!verify_webhook(&Secret::new("other"), b"{}", &good));
    }

    #[test]
    fn parts_do_not_run_together() {
        let key = Key::new([1; 32]);
        assert_ne!(sign(&key, &[b"ab", b"c"]), sign(&key, &[b"a", b"bc"]));
        assert!(verify(&key, &[b"ab"], &sign(&key, &[b"ab"])));
        assert!(!verify(&key, &[b"ab"], &sign(&key, &[b"ab"])[..31]));
    }

    #[test]
    fn a_keyed_hash_matches_its_text_only() {
        let key = Key::new([1; 32]);
        let stored = keyed_hash(&key, "state");
        assert!(matches_hash(&key, "state", &stored));
        assert!(!matches_hash(&key, "State", &stored));
        assert!(!matches_hash(&Key::new([2; 32]), "state", &stored));
    }
}
