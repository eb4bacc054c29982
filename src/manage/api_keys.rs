//! API keys: `ar_<8 characters to look it up by>_<secret>`.

use super::passwords::{self, Fresh, Issued};
use super::scope::NewSecret;
use super::{Acting, ManageError};
use crate::crypt::CryptError;
use crate::crypt::Secret;
use crate::crypt::password;
use crate::store::Tx;
use crate::store::secrets;

/// The two halves of an API key.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// What it is found by; no secret.
    pub lookup: String,
    /// What proves it.
    pub secret: Secret,
}

impl ApiKey {
    const PREFIX: &str = "ar_";
    const LOOKUP_CHARS: usize = 8;

    /// A fresh key.
    pub fn generate() -> Result<Self, CryptError> {
        let letters = |secret: &Secret| secret.reveal().replace('-', "");
        let lookup = letters(&password::generate()?)[..Self::LOOKUP_CHARS].to_owned();
        let secret = format!("{}{}", letters(&password::generate()?), letters(&password::generate()?));
        Ok(Self { lookup, secret: Secret::new(secret) })
    }

    /// A key as a client sends it; `None` if it has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let (lookup, secret) = text.trim().strip_prefix(Self::PREFIX)?.split_once('_')?;
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric());
        let formed = lookup.len() == Self::LOOKUP_CHARS && (20..=200).contains(&secret.len());
        (formed && plain(lookup) && plain(secret))
            .then(|| Self { lookup: lookup.to_owned(), secret: Secret::from(secret) })
    }

    /// The whole key, to be shown once.
    pub fn reveal(&self) -> Secret {
        Secret::new(format!("{}{}_{}", Self::PREFIX, self.lookup, self.secret.reveal()))
    }
}

/// A fresh API key.
pub async fn fresh() -> Result<Fresh, ManageError> {
    let key = ApiKey::generate()?;
    let hash = passwords::hash(key.secret.clone()).await?;
    Ok(Fresh { clear: key.reveal(), lookup: key.lookup, hash })
}

/// Stores an API key for a principal.
pub async fn issue(
    tx: &mut Tx,
    acting: &Acting<'_>,
    login: &str,
    wish: &NewSecret,
    fresh: Fresh,
) -> Result<Issued, ManageError> {
    passwords::store(tx, acting, (login, secrets::API_KEY), wish, fresh).await
}

#[cfg(test)]
mod tests {
    use super::ApiKey;

    #[test]
    fn a_key_that_was_shown_parses_into_the_same_halves() {
        let key = ApiKey::generate().unwrap();
        let shown = key.reveal();
        assert!(
            shown.reveal().starts_with("ar_") && shown.reveal().len() == 3 + 8 + 1 + 40,
            "{}",
            shown.reveal().len()
        );
        let parsed = ApiKey::parse(shown.reveal()).unwrap();
        assert_eq!((parsed.lookup, parsed.secret), (key.lookup, key.secret));
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in
            ["", "ar_", "ar_short_abcdefghjkmnpqrstuvw", "xx_abcdefgh_abcdefghjkmnpqrstuvw", "ar_abcdefgh_short"]
        {
            assert!(ApiKey::parse(text).is_none(), "{text}");
        }
    }
}
