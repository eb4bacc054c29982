//! Messages that only their reader can open, not the push service that carries them: Web Push encryption (RFC 8291) in
//! the content coding `aes128gcm` (RFC 8188).

use super::CryptError;
use super::key::random;
use aes_gcm::Aes128Gcm;
use aes_gcm::Nonce;
use aes_gcm::aead::Aead;
use aes_gcm::aead::KeyInit;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use p256::PublicKey;
use p256::SecretKey;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The record size that is told; a message is one record.
const RECORD: u32 = 4096;

/// Octets that coding and padding delimiter add to a record.
const OVERHEAD: usize = 17;

/// The longest message, in octets: push services need not carry more than 4096 with everything (RFC 8030, 7.2).
pub const LONGEST: usize = 3_993;

/// What messages are filled up to, so that their length tells nothing.
const FILLED: usize = 512;

/// The keys of a push subscription, as its owner gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    public: PublicKey,
    secret: [u8; 16],
}

impl Reader {
    /// From the texts of a registration: the uncompressed public key and the authentication secret, both base64url.
    pub fn parse(public: &str, secret: &str) -> Result<Self, CryptError> {
        let key = octets(public).ok_or(CryptError::Subscription("the public key is not base64url"))?;
        let public = (key.len() == 65).then(|| PublicKey::from_sec1_bytes(&key).ok()).flatten();
        let public =
            public.ok_or(CryptError::Subscription("the public key is no uncompressed point of the curve P-256"))?;
        let secret = octets(secret).and_then(|octets| octets.try_into().ok());
        let secret =
            secret.ok_or(CryptError::Subscription("the authentication secret is not 16 octets in base64url"))?;
        Ok(Self { public, secret })
    }

    /// A message that only this reader opens.
    pub fn seal(&self, message: &[u8]) -> Result<Vec<u8>, CryptError> {
        let sender = loop {
            let octets = Zeroizing::new(random::<32>()?);
            // Fails with a chance of 2^-32.
            if let Ok(key) = SecretKey::from_slice(octets.as_slice()) {
                break key;
            }
        };
        let filling = FILLED.saturating_sub(message.len());
        self.seal_with(message, filling, &sender, random::<16>()?)
    }

    fn seal_with(
        &self,
        message: &[u8],
        filling: usize,
        sender: &SecretKey,
        salt: [u8; 16],
    ) -> Result<Vec<u8>, CryptError> {
        if message.len() + filling > LONGEST {
            return Err(CryptError::Subscription("the message is too long"));
        }
        let sender_public = sender.public_key().to_sec1_bytes();
        let (key, nonce) = self.keys(sender, &sender_public, salt);
        let mut record = message.to_vec();
        // The delimiter of the last record, then filling (RFC 8188, 2).
        record.push(2);
        record.resize(record.len() + filling, 0);
        let cipher = Aes128Gcm::new(&(*key).into());
        let sealed = cipher
            .encrypt(&Nonce::from(nonce), record.as_slice())
            .map_err(|_| CryptError::Subscription("the message is too long"))?;
        let mut body = Vec::with_capacity(16 + 5 + sender_public.len() + message.len() + filling + OVERHEAD);
        body.extend_from_slice(&salt);
        body.extend_from_slice(&RECORD.to_be_bytes());
        body.push(65);
        body.extend_from_slice(&sender_public);
        body.extend_from_slice(&sealed);
        Ok(body)
    }

    /// Content encryption key and nonce (RFC 8291, 3.4).
    fn keys(&self, sender: &SecretKey, sender_public: &[u8], salt: [u8; 16]) -> (Zeroizing<[u8; 16]>, [u8; 12]) {
        let shared = sender.diffie_hellman(&self.public);
        let mut info = b"WebPush: info\0".to_vec();
        info.extend_from_slice(&self.public.to_sec1_bytes());
        info.extend_from_slice(sender_public);
        let input = expand::<32>(&self.secret, shared.raw_secret_bytes(), &info);
        let key = expand::<16>(&salt, input.as_slice(), b"Content-Encoding: aes128gcm\0");
        let nonce = expand::<12>(&salt, input.as_slice(), b"Content-Encoding: nonce\0");
        (key, *nonce)
    }
}

#[expect(clippy::expect_used, reason = "HKDF-SHA-256 refuses only outputs above 8160 bytes; these have at most 32")]
fn expand<const N: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0_u8; N]);
    Hkdf::<Sha256>::new(Some(salt), input).expand(info, out.as_mut()).expect("a valid length");
    out
}

/// base64url, with or without padding: clients write both.
fn octets(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8291, 5 and appendix A.
    const READER_PUBLIC: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const SENDER_PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
    const BODY: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC\
                        8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

    #[test]
    fn x7_the_example_of_rfc_8291_is_sealed_octet_for_octet() {
        let sender = SecretKey::from_slice(&octets(SENDER_PRIVATE).unwrap()).unwrap();
        let salt = octets(SALT).unwrap().try_into().unwrap();
        let reader = Reader::parse(READER_PUBLIC, SECRET).unwrap();
        let body = reader.seal_with(b"When I grow up, I want to be a watermelon", 0, &sender, salt).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(body), BODY);
    }

    #[test]
    fn x7_a_message_is_new_each_time_and_its_length_tells_nothing() {
        let reader = Reader::parse(READER_PUBLIC, SECRET).unwrap();
        let (one, other) = (reader.seal(b"a").unwrap(), reader.seal(b"something longer").unwrap());
        assert_eq!(one.len(), other.len());
        assert_ne!(one, reader.seal(b"a").unwrap());
        assert!(reader.seal(&[b'x'; LONGEST]).unwrap().len() <= 4096);
        assert!(reader.seal(&[b'x'; LONGEST + 1]).is_err());
    }

    #[test]
    fn x7_keys_of_another_form_are_refused_in_a_sentence() {
        assert!(Reader::parse(&format!("{READER_PUBLIC}="), &format!("{SECRET}==")).is_ok(), "padding is allowed");
        let flat = URL_SAFE_NO_PAD.encode([4_u8; 65]);
        for (public, secret) in [
            ("", SECRET),
            ("%%%", SECRET),
            (&READER_PUBLIC[..40], SECRET),
            (&flat, SECRET),
            (READER_PUBLIC, ""),
            (READER_PUBLIC, "BTBZ"),
        ] {
            let error = Reader::parse(public, secret).unwrap_err().to_string();
            assert!(error.starts_with("push subscription: the "), "{error}");
        }
    }
}
