//! What a token has to be before it is believed (`OpenID` Connect Core 1.0, 3.1.3.7; RFC 9068, 4): signed with a key of the
//! provider by a method that only the provider can carry out, issued by it, meant for us, and of this time.

use super::claims::Claims;
use crate::model::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use chrono::Utc;
use openidconnect::core::CoreIdToken;
use openidconnect::core::CoreIdTokenVerifier;
use openidconnect::core::CoreJwsSigningAlgorithm as Alg;
use openidconnect::core::CoreProviderMetadata;
use openidconnect::{ClaimsVerificationError, ClientId, JsonWebTokenType, Nonce, SignatureVerificationError};
use serde_json::Map;
use serde_json::Value;
use std::str::FromStr;

/// How far the clocks of provider and gateway may be apart.
const SKEW_MS: i64 = 60_000;
/// Longest token that is looked at.
const LONGEST: usize = 16_384;

/// Methods of signing. With a shared secret whoever verifies could sign, and without a signature anybody could.
const METHODS: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];

/// What a token is taken for.
pub(super) enum Wanted<'a> {
    /// It answers our own question.
    IdToken {
        /// Whom it has to be meant for.
        client_id: &'a str,
        /// What was asked along.
        nonce: &'a str,
    },
    /// Somebody sends it along with a request.
    Access {
        /// One of these it has to be meant for.
        audiences: &'a [String],
    },
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Doubt {
    /// The provider has no such key, as far as we know.
    #[error("the token is signed with a key that the provider does not have")]
    UnknownKey,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// The claims of a token, if it is what it is taken for.
pub(super) fn verify(
    metadata: &CoreProviderMetadata,
    token: &str,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Claims, Doubt> {
    let other = |why: &str| Doubt::Other(why.to_owned());
    if token.len() > LONGEST {
        return Err(other("the token is too long"));
    }
    let claims = claims_of(token).ok_or_else(|| other("the token is no signed JSON Web Token"))?;
    let parsed = CoreIdToken::from_str(token);
    let parsed = parsed.map_err(|why| Doubt::Other(format!("the token lacks what every token has: {why}")))?;
    let meant_for = match wanted {
        Wanted::IdToken { client_id, .. } => (*client_id).to_owned(),
        Wanted::Access { audiences } => meant_for(&claims, audiences),
    };
    let verifier = CoreIdTokenVerifier::new_public_client(
        ClientId::new(meant_for),
        metadata.issuer().clone(),
        metadata.jwks().clone(),
    );
    let verifier = verifier
        .set_allowed_algs(METHODS)
        .set_time_fn(move || at(now.plus_ms(-SKEW_MS)))
        .set_issue_time_verifier_fn(move |issued| of_this_time(issued, now));
    let checked = match wanted {
        Wanted::IdToken { nonce, .. } => parsed.claims(&verifier, &Nonce::new((*nonce).to_owned())).map(|_| ()),
        Wanted::Access { .. } => {
            let types = ["application/jwt", "application/at+jwt"].map(|one| JsonWebTokenType::new(one.to_owned()));
            let verifier = verifier
                .set_allowed_jose_types(types.iter().filter_map(|one| one.normalize().ok()))
                .set_other_audience_verifier_fn(|_| true);
            parsed.claims(&verifier, |_: Option<&Nonce>| Ok(())).map(|_| ())
        }
    };
    checked.map_err(|why| doubt(&why))?;
    let not_before = claims.get("nbf").and_then(Value::as_i64).unwrap_or(0);
    if not_before.saturating_mul(1000) > now.plus_ms(SKEW_MS).ms() {
        return Err(other("the token is not valid yet; do the clocks of provider and gateway go alike?"));
    }
    if claims.get("sub").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(other("the token does not say who it is about"));
    }
    Ok(Claims::new(claims))
}

/// Issuer and audiences of a token as it says itself: to find out whom to ask about it, and for nothing else.
pub fn unverified(token: &str) -> Option<(String, Vec<String>)> {
    let claims = Claims::new((token.len() <= LONGEST).then(|| claims_of(token)).flatten()?);
    let audiences = claims.words("aud").into_iter().map(str::to_owned).collect();
    Some((claims.text("iss").to_owned(), audiences))
}

/// The payload of a compact JSON Web Signature (RFC 7515, 7.1).
fn claims_of(token: &str) -> Option<Map<String, Value>> {
    let mut parts = token.split('.');
    let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// Which of our audiences the token names; the first where it names none, so that it is refused for that.
fn meant_for(claims: &Map<String, Value>, audiences: &[String]) -> String {
    let claims = Claims::new(claims.clone());
    let named = claims.words("aud");
    let ours = audiences.iter().find(|one| named.contains(&one.as_str())).or_else(|| audiences.first());
    ours.cloned().unwrap_or_default()
}

fn at(time: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time.ms()).unwrap_or_default()
}

fn of_this_time(issued: DateTime<Utc>, now: Timestamp) -> Result<(), String> {
    if issued <= at(now.plus_ms(SKEW_MS)) {
        return Ok(());
    }
    Err("it was issued in the future; do the clocks of provider and gateway go alike?".to_owned())
}

/// A sentence of ours for what the library says: it repeats what stands in the token, which need not be in a log.
fn doubt(why: &ClaimsVerificationError) -> Doubt {
    let text = match why {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            return Doubt::UnknownKey;
        }
        ClaimsVerificationError::Expired(why) if why.starts_with("it was issued") => format!("the token: {why}"),
        ClaimsVerificationError::Expired(_) => "the token has expired".to_owned(),
        ClaimsVerificationError::InvalidAudience(_) => "the token is meant for somebody else (aud)".to_owned(),
        ClaimsVerificationError::InvalidIssuer(_) => "the token was issued by somebody else (iss)".to_owned(),
        ClaimsVerificationError::InvalidNonce(_) => "the token answers another question (nonce)".to_owned(),
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::UnsupportedAlg(_)
            | SignatureVerificationError::NoSignature,
        ) => "the token is not signed by a method that is accepted here".to_owned(),
        ClaimsVerificationError::SignatureVerification(_) => "the signature of the token is wrong".to_owned(),
        ClaimsVerificationError::Unsupported(_) => "the token is of another type".to_owned(),
        _ => "the token is not as it should be".to_owned(),
    };
    Doubt::Other(text)
}
