//! Feed links: 256 random bits and a signature over what the link may show.
//!
//! `token = <random>.<signature>`, both base64url. The store keeps only a keyed hash of the random part, so a stolen
//! database opens no feed; the signature covers room, detail, window and version, so a row changed behind the server's
//! back, or a link from before a rotation, opens none either.

use super::CryptError;
use super::Key;
use super::Secret;
use super::key::random;
use super::mac;
use crate::model::DetailLevel;
use crate::model::RoomId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Length of each half: 32 bytes in base64url.
const HALF: usize = 43;

/// What a feed link may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedScope {
    /// The room.
    pub room: RoomId,
    /// How much of each booking.
    pub detail: DetailLevel,
    /// How many days back.
    pub past_days: i64,
    /// How many days ahead.
    pub future_days: i64,
    /// Raised by rotation; links of older versions end.
    pub version: i64,
}

impl FeedScope {
    fn sign(&self, key: &Key, random: &str) -> String {
        let detail: &[u8] = match self.detail {
            DetailLevel::Full => b"full",
            DetailLevel::Busy => b"busy",
        };
        let code = mac::sign(
            key,
            &[
                b"feed-link",
                random.as_bytes(),
                self.room.as_str().as_bytes(),
                detail,
                &self.past_days.to_be_bytes(),
                &self.future_days.to_be_bytes(),
                &self.version.to_be_bytes(),
            ],
        );
        URL_SAFE_NO_PAD.encode(code)
    }
}

/// A token for a new feed. Shown once; store [`hash`] of it. `key` is [`super::Keys::feed`].
pub fn mint(key: &Key, scope: &FeedScope) -> Result<Secret, CryptError> {
    let random = URL_SAFE_NO_PAD.encode(random::<32>()?);
    let signature = scope.sign(key, &random);
    Ok(Secret::new(format!("{random}.{signature}")))
}

/// What is stored of a token and looked up by: a keyed hash of its random part. `None` if it has not a token's form.
pub fn hash(key: &Key, token: &str) -> Option<String> {
    let (random, _) = halves(token)?;
    Some(URL_SAFE_NO_PAD.encode(mac::sign(key, &[b"feed-hash", random.as_bytes()])))
}

/// Whether a token was signed for exactly this scope; constant time.
pub fn verify(key: &Key, token: &str, scope: &FeedScope) -> bool {
    use subtle::ConstantTimeEq;
    halves(token).is_some_and(|(random, given)| scope.sign(key, random).as_bytes().ct_eq(given.as_bytes()).into())
}

fn halves(token: &str) -> Option<(&str, &str)> {
    let (random, signature) = token.split_once('.')?;
    let well_formed =
        |half: &str| half.len() == HALF && half.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    (well_formed(random) && well_formed(signature)).then_some((random, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> FeedScope {
        FeedScope { room: "r1".into(), detail: DetailLevel::Busy, past_days: 30, future_days: 400, version: 1 }
    }

    #[test]
    fn a_token_opens_its_scope_only() {
        let key = Key::new([3; 32]);
        let token = mint(&key, &scope()).unwrap();
        assert!(verify(&key, token.reveal(), &scope()));
        for other in [
            FeedScope { room: "r2".into(), ..scope() },
            FeedScope { detail: DetailLevel::Full, ..scope() },
            FeedScope { past_days: 31, ..scope() },
            FeedScope { future_days: 401, ..scope() },
            FeedScope { version: 2, ..scope() },
        ] {
            assert!(!verify(&key, token.reveal(), &other), "{other:?}");
        }
        assert!(!verify(&Key::new([4; 32]), token.reveal(), &scope()));
    }

    #[test]
    fn the_stored_hash_is_stable_and_tells_nothing_of_the_token() {
        let key = Key::new([3; 32]);
        let token = mint(&key, &scope()).unwrap();
        let stored = hash(&key, token.reveal()).unwrap();
        assert_eq!(hash(&key, token.reveal()).unwrap(), stored);
        assert!(!token.reveal().contains(&stored));
        assert_ne!(hash(&Key::new([4; 32]), token.reveal()).unwrap(), stored);
    }

    #[test]
    fn texts_of_another_form_are_no_tokens() {
        let key = Key::new([3; 32]);
        let good = mint(&key, &scope()).unwrap();
        let good = good.reveal();
        for bad in [String::new(), ".".to_owned(), good[1..].to_owned(), format!("{good}x"), good.replace('.', "/")] {
            assert_eq!(hash(&key, &bad), None, "{bad}");
            assert!(!verify(&key, &bad, &scope()), "{bad}");
        }
        let forged = format!("{}.{}", &good[..HALF], "A".repeat(HALF));
        assert!(!verify(&key, &forged, &scope()));
    }
}
