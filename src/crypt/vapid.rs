//! Who we are towards push services (RFC 8292): a P-256 key of the installation, and tokens signed with it.

use super::Key;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::Signature;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer;
use std::fmt;

/// How long a token is good for, in seconds; at most a day (RFC 8292, 2).
const LIFE_SECONDS: i64 = 12 * 3600;

/// The key pair of the installation. It comes from the master key, so that all replicas have the same, a restored backup
/// has it too, and the subscriptions that clients bound to it stay good.
#[derive(Clone)]
pub struct Vapid {
    signer: SigningKey,
    public: String,
}

impl Vapid {
    /// The key pair of the installation with this root key.
    #[expect(
        clippy::expect_used,
        reason = "each derived key is no scalar of P-256 with a chance of 2^-32; that 256 are none never happens"
    )]
    pub(super) fn of(root: &Key) -> Self {
        let mut keys = (0_u8..=255).map(|attempt| root.derive(&format!("vapid-{attempt}")));
        let signer = keys.find_map(|key| SigningKey::from_slice(key.bytes()).ok()).expect("one of many is a scalar");
        let public = URL_SAFE_NO_PAD.encode(signer.verifying_key().to_sec1_point(false).as_bytes());
        Self { signer, public }
    }

    /// The public key, uncompressed, as base64url: `applicationServerKey` of clients.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The value of `Authorization` for a push service (RFC 8292, 3). `audience` is its origin, `subject` how to reach
    /// the operator of this server, `now` in seconds since 1970.
    pub fn authorization(&self, audience: &str, subject: &str, now: i64) -> String {
        let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let claims = serde_json::json!({ "aud": audience, "exp": now + LIFE_SECONDS, "sub": subject });
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature: Signature = self.signer.sign(signed.as_bytes());
        format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature.to_bytes()), self.public)
    }
}

impl fmt::Debug for Vapid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vapid({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier;

    #[test]
    fn x7_a_token_names_the_push_service_ends_within_a_day_and_verifies_with_the_key_that_is_told() {
        let vapid = Vapid::of(&Key::new([7; 32]));
        let value = vapid.authorization("https://push.example.net", "mailto:ops@example.org", 1_453_341_205);
        let (token, key) = value.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(key, vapid.public());
        let public = URL_SAFE_NO_PAD.decode(key).unwrap();
        assert_eq!((public.len(), public[0]), (65, 4), "uncompressed");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        VerifyingKey::from_sec1_bytes(&public).unwrap().verify(signed.as_bytes(), &signature).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], "https://push.example.net");
        assert_eq!(claims["sub"], "mailto:ops@example.org");
        assert_eq!(claims["exp"], 1_453_341_205 + 43_200);
    }

    #[test]
    fn x7_every_installation_has_a_key_of_its_own_and_keeps_it() {
        let of = |byte| Vapid::of(&Key::new([byte; 32])).public;
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
