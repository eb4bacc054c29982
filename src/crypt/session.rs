//! What browsers keep: 256 random bits in a cookie. The store has a keyed hash of them only, so that a stolen database
//! opens no session; what else a sign-in needs is derived from them and stands nowhere.

use super::CryptError;
use super::Key;
use super::Secret;
use super::key::random;
use super::mac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A fresh token for a cookie.
pub fn mint() -> Result<Secret, CryptError> {
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(random::<32>()?)))
}

/// What is stored of a token. `key` is [`super::Keys::session`].
pub fn hash(key: &Key, token: &Secret) -> String {
    mac::sign_parts(key, &["token", token.reveal()])
}

/// What a page of ours sends along with a change, and no page of others can know. It belongs to one session.
pub fn form_token(key: &Key, session: &str) -> String {
    mac::sign_parts(key, &["form", session])
}

/// Whether that is the form token of a session; constant time.
pub fn is_form_token(key: &Key, session: &str, given: &str) -> bool {
    mac::same(&form_token(key, session), given)
}

/// What goes to a provider and comes back with a browser that was sent there with a token: `state` and `nonce` (`OpenID`
/// Connect Core 1.0, 3.1.2.1) and the code verifier (RFC 7636, 4.1).
pub struct Errand {
    /// Comes back in the address.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Proves who sent the browser.
    pub verifier: Secret,
}

impl Errand {
    /// The errand of a token.
    pub fn of(key: &Key, token: &Secret) -> Self {
        let derived = |purpose| mac::sign_parts(key, &[purpose, token.reveal()]);
        Self { state: derived("state"), nonce: derived("nonce"), verifier: Secret::new(derived("verifier")) }
    }

    /// Whether that `state` is the one of this errand; constant time.
    pub fn is_state(&self, given: &str) -> bool {
        mac::same(&self.state, given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_derived_from_a_token_is_different_and_long_enough_for_rfc_7636() {
        let (key, token) = (Key::new([3; 32]), mint().unwrap());
        let errand = Errand::of(&key, &token);
        let all = [
            token.reveal().to_owned(),
            hash(&key, &token),
            errand.state.clone(),
            errand.nonce.clone(),
            errand.verifier.reveal().to_owned(),
            form_token(&key, token.reveal()),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(one.len() == 43 && all[at + 1..].iter().all(|other| other != one), "{at}");
        }
        assert!(errand.is_state(&errand.state) && !errand.is_state(&errand.nonce));
        assert_ne!(hash(&Key::new([4; 32]), &token), hash(&key, &token));
    }

    #[test]
    fn a_form_token_is_good_for_its_session_only() {
        let key = Key::new([3; 32]);
        let token = form_token(&key, "a");
        assert!(is_form_token(&key, "a", &token) && !is_form_token(&key, "b", &token) && !is_form_token(&key, "a", ""));
    }
}
