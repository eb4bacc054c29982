//! Where the master key is: it wraps the keys of the database and does nothing else.
//!
//! Three kinds: a file, a variable of the environment, and a PKCS#11 token whose key never leaves it (`pkcs11`).

use super::CryptError;
use super::Key;
use super::KeyRing;
use super::Place;
use crate::model::TenantId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Whoever has the master key.
pub trait KeyProvider: Send + Sync {
    /// Where the master key is, for people: `file`, `environment`, `pkcs11`.
    fn kind(&self) -> &'static str;

    /// Wraps a key of the database. The id is bound in: a wrapped key under another id does not unwrap.
    fn wrap(&self, id: &str, key: &Key) -> Result<String, CryptError>;

    /// Unwraps what [`Self::wrap`] made under the same id.
    fn unwrap(&self, id: &str, wrapped: &str) -> Result<Key, CryptError>;

    /// Whether that was wrapped with the present master key, and not with one that shall go.
    fn is_current(&self, wrapped: &str) -> bool;

    /// Keys that opened and sealed directly before keys were wrapped, the first of them the root of all others; none
    /// where the provider never gave its key away.
    fn direct(&self) -> Vec<(String, Key)>;
}

/// Master keys in the memory of this process: from a file or from the environment.
pub struct LocalKeys {
    kind: &'static str,
    ring: KeyRing,
    owner: TenantId,
}

impl LocalKeys {
    /// A provider of these keys; the last of the ring wraps.
    pub fn new(kind: &'static str, ring: KeyRing) -> Self {
        Self { kind, ring, owner: TenantId::from("gateway") }
    }

    fn place<'a>(&'a self, id: &'a str) -> Place<'a> {
        Place { tenant: &self.owner, table: "data_keys", column: "wrapped", row: id }
    }
}

impl KeyProvider for LocalKeys {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn wrap(&self, id: &str, key: &Key) -> Result<String, CryptError> {
        let text = Zeroizing::new(STANDARD.encode(key.bytes()));
        self.ring.seal(self.place(id), &text)
    }

    fn unwrap(&self, id: &str, wrapped: &str) -> Result<Key, CryptError> {
        let failed = |reason: String| CryptError::Wrapped { id: id.to_owned(), provider: self.kind.to_owned(), reason };
        let text = self.ring.open(self.place(id), wrapped).map_err(|error| failed(error.to_string()))?;
        let bytes = Zeroizing::new(STANDARD.decode(text.reveal()).map_err(|_| failed("it is no key".to_owned()))?);
        key_of(&bytes).ok_or_else(|| failed("it is no key of 32 bytes".to_owned()))
    }

    fn is_current(&self, wrapped: &str) -> bool {
        wrapped.starts_with(&super::prefix(&self.ring.current_id()))
    }

    fn direct(&self) -> Vec<(String, Key)> {
        self.ring.all()
    }
}

/// A key of exactly 32 bytes.
pub(super) fn key_of(bytes: &[u8]) -> Option<Key> {
    <[u8; 32]>::try_from(bytes).ok().map(Key::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(id: &str, byte: u8) -> LocalKeys {
        LocalKeys::new("file", KeyRing::new(id, Key::new([byte; 32])))
    }

    #[test]
    fn a_wrapped_key_comes_back_under_its_own_id_only() {
        let file = provider("k1", 1);
        let wrapped = file.wrap("d1", &Key::new([9; 32])).unwrap();
        assert_eq!(file.unwrap("d1", &wrapped).unwrap().bytes(), &[9; 32]);
        assert!(!wrapped.contains(&STANDARD.encode([9; 32])));
        for error in [file.unwrap("d2", &wrapped), provider("k1", 2).unwrap("d1", &wrapped)] {
            let text = error.unwrap_err().to_string();
            assert!(text.contains("does not open with the master key of file"), "{text}");
        }
    }

    #[test]
    fn an_appended_master_key_wraps_and_the_old_one_still_unwraps() {
        let old = provider("k1", 1);
        let wrapped = old.wrap("d1", &Key::new([9; 32])).unwrap();
        assert!(old.is_current(&wrapped));
        let both = LocalKeys::new("file", KeyRing::new("k1", Key::new([1; 32])).followed_by("k2", Key::new([2; 32])));
        assert!(!both.is_current(&wrapped));
        let key = both.unwrap("d1", &wrapped).unwrap();
        assert!(both.is_current(&both.wrap("d1", &key).unwrap()));
    }
}
