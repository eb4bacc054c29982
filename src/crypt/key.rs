//! 256-bit keys, random bytes, and derivation of one key from another (RFC 5869).

use super::CryptError;
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A 256-bit key. Wiped from memory when it goes; prints as `***`.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A key from its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A fresh random key.
    pub fn generate() -> Result<Self, CryptError> {
        random::<32>().map(Self::new)
    }

    /// The key for one purpose, by HKDF-SHA-256 with the purpose as `info`.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "HKDF-SHA-256 refuses only outputs above 8160 bytes; this asks for 32"
    )]
    pub fn derive(&self, purpose: &str) -> Self {
        let mut out = Zeroizing::new([0_u8; 32]);
        Hkdf::<Sha256>::new(Some(b"anteroom"), self.bytes())
            .expand(purpose.as_bytes(), out.as_mut())
            .expect("32 bytes are a valid length");
        Self(out)
    }

    /// Whether it is the same key; takes the same time for all.
    pub fn is(&self, other: &Self) -> bool {
        self.bytes().ct_eq(other.bytes()).into()
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Random bytes of the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], CryptError> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|e| CryptError::Random(e.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn one_purpose_gives_one_key_and_another_purpose_another() {
        let master = Key::new([7; 32]);
        assert_eq!(master.derive("feed").bytes(), master.derive("feed").bytes());
        assert_ne!(master.derive("feed").bytes(), master.derive("cache").bytes());
        assert_ne!(master.derive("feed").bytes(), Key::new([8; 32]).derive("feed").bytes());
        assert_ne!(master.derive("feed").bytes(), master.bytes());
    }

    #[test]
    fn a_generated_key_is_new_each_time() {
        assert_ne!(Key::generate().unwrap().bytes(), Key::generate().unwrap().bytes());
    }
}
