//! Signatures of what is sent to webhooks, as Standard Webhooks says: HMAC-SHA-256 over `id.timestamp.body` with a secret
//! that is written `whsec_` and base64. After a rotation both secrets sign for a while.

use super::CryptError;
use super::Place;
use super::Secret;
use super::key::random;
use super::mac;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::WebhookId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::Serialize;

/// How a secret begins.
const PREFIX: &str = "whsec_";

/// What a webhook's deliveries are signed with, as it is sealed in the store.
#[derive(Clone, Serialize, Deserialize)]
pub struct Signing {
    /// The secret.
    secret: String,
    /// The one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<Former>,
}

/// A secret that was rotated away.
#[derive(Clone, Serialize, Deserialize)]
struct Former {
    secret: String,
    /// Until when it signs.
    until: Timestamp,
}

impl Signing {
    /// Where it is sealed.
    pub fn place<'a>(tenant: &'a TenantId, id: &'a WebhookId) -> Place<'a> {
        Place { tenant, table: "webhooks", column: "sealed_secret", row: id.as_str() }
    }

    /// With a fresh secret of 32 random bytes.
    pub fn fresh() -> Result<Self, CryptError> {
        Ok(Self { secret: format!("{PREFIX}{}", STANDARD.encode(random::<32>()?)), former: None })
    }

    /// With a fresh secret; the present one signs too until `until`.
    pub fn rotated(&self, until: Timestamp) -> Result<Self, CryptError> {
        let former = Former { secret: self.secret.clone(), until };
        Ok(Self { former: Some(former), ..Self::fresh()? })
    }

    /// The secret, to be shown to who made it.
    pub fn reveal(&self) -> Secret {
        Secret::from(self.secret.as_str())
    }

    /// Value of `webhook-signature`: one signature for each secret that is in use.
    pub fn sign(&self, id: &str, now: Timestamp, body: &[u8]) -> String {
        let seconds = now.ms().div_euclid(1000);
        let former = self.former.iter().filter(|former| now < former.until).map(|former| &former.secret);
        let all = std::iter::once(&self.secret).chain(former);
        all.map(|secret| format!("v1,{}", signature(secret, id, seconds, body))).collect::<Vec<_>>().join(" ")
    }
}

fn signature(secret: &str, id: &str, seconds: i64, body: &[u8]) -> String {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX).unwrap_or(secret)).unwrap_or_default();
    let head = format!("{id}.{seconds}.");
    STANDARD.encode(mac::code(&key, &[head.as_bytes(), body]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_signature_is_the_one_of_the_reference_libraries() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signing = Signing { secret: secret.to_owned(), former: None };
        let signed =
            signing.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp(1_614_265_330_000), br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn after_a_rotation_both_secrets_sign_until_the_former_ends() {
        let first = Signing::fresh().unwrap();
        let second = first.rotated(Timestamp(5_000)).unwrap();
        assert_ne!(first.reveal().reveal(), second.reveal().reveal());
        let before = second.sign("a", Timestamp(4_999), b"{}");
        let (new, old) = before.split_once(' ').unwrap();
        assert_eq!(old, first.sign("a", Timestamp(4_999), b"{}"));
        assert_eq!(second.sign("a", Timestamp(4_999), b"{}").split(' ').next(), Some(new));
        assert!(!second.sign("a", Timestamp(5_000), b"{}").contains(' '));
    }
}
