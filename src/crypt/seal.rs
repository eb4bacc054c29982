//! Secrets at rest: AES-256-GCM in an envelope `v1.<key id>.<nonce>.<ciphertext>`, bound to the place they are kept.

use super::CryptError;
use super::Key;
use super::Secret;
use super::key::random;
use crate::model::SubscriptionId;
use crate::model::TenantId;
use aes_gcm::Aes256Gcm;
use aes_gcm::Nonce;
use aes_gcm::aead::Aead;
use aes_gcm::aead::KeyInit;
use aes_gcm::aead::Payload;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

const VERSION: &str = "v1";

/// Where a sealed value is kept; sealed in as associated data, so that a value copied to another row does not open.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Whose value it is; also chooses the derived key.
    pub tenant: &'a TenantId,
    /// Table name.
    pub table: &'a str,
    /// Column name.
    pub column: &'a str,
    /// Primary key of the row.
    pub row: &'a str,
}

impl<'a> Place<'a> {
    /// Where the secret shared with a remote system for one subscription is kept: `clientState` or signing key.
    pub fn of_subscription(tenant: &'a TenantId, id: &'a SubscriptionId) -> Self {
        Self { tenant, table: "subscriptions", column: "sealed_secret", row: id.as_str() }
    }

    /// `tenant|table|column|row`. Only the last part may hold a bar, so two places never share a text.
    fn text(&self) -> String {
        format!("{}|{}|{}|{}", self.tenant, self.table, self.column, self.row)
    }
}

/// The keys an installation seals with, by id; the last one seals, all open. Clones share what they know: a key that is
/// installed in one is known to all of them at once.
#[derive(Clone, Debug)]
pub struct KeyRing {
    known: Arc<RwLock<Arc<Known>>>,
    closed: Arc<RwLock<BTreeMap<TenantId, String>>>,
}

#[derive(Clone, Debug)]
struct Known {
    current: (String, Key),
    older: Vec<(String, Key)>,
}

impl Known {
    fn find(&self, key_id: &str) -> Result<&Key, CryptError> {
        let mut all = std::iter::once(&self.current).chain(&self.older);
        all.find(|(id, _)| id == key_id).map(|(_, key)| key).ok_or_else(|| CryptError::UnknownKey {
            key_id: key_id.chars().take(40).collect(),
            known: self.ids().join(", "),
        })
    }

    fn ids(&self) -> Vec<String> {
        self.older.iter().chain([&self.current]).map(|(id, _)| id.clone()).collect()
    }
}

impl KeyRing {
    /// A ring that seals with this key.
    pub fn new(key_id: &str, key: Key) -> Self {
        Self::of(Known { current: (key_id.to_owned(), key), older: Vec::new() })
    }

    fn of(known: Known) -> Self {
        Self { known: Arc::new(RwLock::new(Arc::new(known))), closed: Arc::default() }
    }

    /// Another ring that seals with another key; what older keys sealed still opens.
    #[must_use]
    pub fn followed_by(self, key_id: &str, key: Key) -> Self {
        let mut known = (*self.known()).clone();
        let before = std::mem::replace(&mut known.current, (key_id.to_owned(), key));
        known.older.push(before);
        Self::of(known)
    }

    /// From now on `current` seals, and it and `older` open; in all clones of this ring.
    pub fn install(&self, current: (String, Key), older: Vec<(String, Key)>) {
        let known = Arc::new(Known { current, older });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of the key that seals.
    pub fn current_id(&self) -> String {
        self.known().current.0.clone()
    }

    /// The ids of all keys, the one that seals last.
    pub fn ids(&self) -> Vec<String> {
        self.known().ids()
    }

    /// All keys, the one that seals last.
    pub(super) fn all(&self) -> Vec<(String, Key)> {
        let known = self.known();
        known.older.iter().chain([&known.current]).cloned().collect()
    }

    /// The key with that id.
    pub fn get(&self, key_id: &str) -> Option<Key> {
        self.known().find(key_id).ok().cloned()
    }

    /// The first key of the ring; keys for other purposes come from it, because it stays when new ones follow.
    pub(super) fn first(&self) -> Key {
        let known = self.known();
        known.older.first().map_or(&known.current.1, |(_, key)| key).clone()
    }

    /// From now on nothing of these tenants is opened, and only of these: their secrets are not what they
    /// were. The text says why.
    pub fn close_only(&self, closed: BTreeMap<TenantId, String>) {
        *self.closed.write().unwrap_or_else(PoisonError::into_inner) = closed;
    }

    /// Why nothing of a tenant is opened; `None` where all is well.
    pub fn closed(&self, tenant: &TenantId) -> Option<String> {
        self.closed.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    /// The tenants of which nothing is opened, and why.
    pub fn all_closed(&self) -> BTreeMap<TenantId, String> {
        self.closed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse_closed(&self, tenant: &TenantId) -> Result<(), CryptError> {
        self.closed(tenant).map_or(Ok(()), |why| Err(CryptError::Closed(why)))
    }

    /// Seals a text for one place.
    pub fn seal(&self, place: Place<'_>, text: &str) -> Result<String, CryptError> {
        let known = self.known();
        let (key_id, key) = &known.current;
        let nonce = random::<12>()?;
        let aad = place.text();
        let sealed = cipher(key, place.tenant)
            .encrypt(&Nonce::from(nonce), Payload { msg: text.as_bytes(), aad: aad.as_bytes() })
            .map_err(|_| CryptError::Envelope("the text is too long for one envelope"))?;
        Ok(format!("{VERSION}.{key_id}.{}.{}", URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Opens what [`Self::seal`] made for the same place. The envelope names its key: no key is ever tried out.
    pub fn open(&self, place: Place<'_>, envelope: &str) -> Result<Secret, CryptError> {
        self.refuse_closed(place.tenant)?;
        self.look(place, envelope)
    }

    /// Opens also what belongs to a closed tenant: by this it is found out that all is well again.
    pub fn look(&self, place: Place<'_>, envelope: &str) -> Result<Secret, CryptError> {
        let parts = Envelope::parse(envelope)?;
        let known = self.known();
        let key = known.find(parts.key_id)?;
        let aad = place.text();
        let refused = || CryptError::Refused { key_id: parts.key_id.to_owned(), place: aad.clone() };
        let bytes = cipher(key, place.tenant)
            .decrypt(&Nonce::from(parts.nonce), Payload { msg: &parts.text, aad: aad.as_bytes() })
            .map_err(|_| refused())?;
        String::from_utf8(bytes).map(Secret::new).map_err(|_| refused())
    }

    /// Seals anew with the current key; `None` if the envelope already uses it.
    pub fn reseal(&self, place: Place<'_>, envelope: &str) -> Result<Option<String>, CryptError> {
        if Envelope::parse(envelope)?.key_id == self.current_id() {
            return Ok(None);
        }
        let text = self.open(place, envelope)?;
        self.seal(place, text.reveal()).map(Some)
    }
}

/// What every envelope that was sealed with this key begins with.
pub fn prefix(key_id: &str) -> String {
    format!("{VERSION}.{key_id}.")
}

/// The parts of an envelope.
struct Envelope<'a> {
    key_id: &'a str,
    nonce: [u8; 12],
    text: Vec<u8>,
}

impl<'a> Envelope<'a> {
    fn parse(text: &'a str) -> Result<Self, CryptError> {
        let parts: Vec<&str> = text.split('.').collect();
        let [version, key_id, nonce, text] = parts.as_slice() else {
            return Err(CryptError::Envelope("expected four parts separated by dots"));
        };
        if *version != VERSION {
            return Err(CryptError::Envelope("unknown version, expected v1"));
        }
        let nonce = decode(nonce)?.try_into().map_err(|_| CryptError::Envelope("the nonce must have 12 bytes"))?;
        Ok(Self { key_id, nonce, text: decode(text)? })
    }
}

fn decode(text: &str) -> Result<Vec<u8>, CryptError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| CryptError::Envelope("a part is not base64url"))
}

fn cipher(master: &Key, tenant: &TenantId) -> Aes256Gcm {
    Aes256Gcm::new(master.derive(&format!("seal|{tenant}")).bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring() -> KeyRing {
        KeyRing::new("k1", Key::new([1; 32]))
    }

    fn place<'a>(tenant: &'a TenantId, row: &'a str) -> Place<'a> {
        Place { tenant, table: "credentials", column: "secret", row }
    }

    #[test]
    fn what_was_sealed_opens_at_its_place_and_nowhere_else() {
        let (a, b) = (TenantId::from("a"), TenantId::from("b"));
        let envelope = ring().seal(place(&a, "7"), "hunter2").unwrap();
        assert!(envelope.starts_with("v1.k1."), "{envelope}");
        assert!(!envelope.contains("hunter2"));
        assert_eq!(ring().open(place(&a, "7"), &envelope).unwrap().reveal(), "hunter2");
        for elsewhere in [place(&a, "8"), place(&b, "7"), Place { column: "name", ..place(&a, "7") }] {
            let error = ring().open(elsewhere, &envelope).unwrap_err().to_string();
            assert!(error.contains("\"k1\"") && error.contains(&elsewhere.text()), "{error}");
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_to_the_same_envelope() {
        let a = TenantId::from("a");
        assert_ne!(ring().seal(place(&a, "7"), "x").unwrap(), ring().seal(place(&a, "7"), "x").unwrap());
    }

    #[test]
    fn an_unknown_key_is_named_with_the_known_ones() {
        let a = TenantId::from("a");
        let envelope = KeyRing::new("k9", Key::new([1; 32])).seal(place(&a, "7"), "x").unwrap();
        let error = ring().followed_by("k2", Key::new([2; 32])).open(place(&a, "7"), &envelope).unwrap_err();
        assert!(
            matches!(&error, CryptError::UnknownKey { key_id, known } if key_id == "k9" && known == "k1, k2"),
            "{error}"
        );
    }

    #[test]
    fn a_replaced_key_under_the_same_id_is_refused() {
        let a = TenantId::from("a");
        let envelope = ring().seal(place(&a, "7"), "x").unwrap();
        let other = KeyRing::new("k1", Key::new([9; 32]));
        assert!(matches!(other.open(place(&a, "7"), &envelope), Err(CryptError::Refused { .. })));
    }

    #[test]
    fn reseal_moves_old_envelopes_to_the_current_key_once() {
        let a = TenantId::from("a");
        let old = ring().seal(place(&a, "7"), "x").unwrap();
        let rotated = ring().followed_by("k2", Key::new([2; 32]));
        let new = rotated.reseal(place(&a, "7"), &old).unwrap().unwrap();
        assert!(new.starts_with("v1.k2."), "{new}");
        assert_eq!(rotated.open(place(&a, "7"), &new).unwrap().reveal(), "x");
        assert_eq!(rotated.open(place(&a, "7"), &old).unwrap().reveal(), "x");
        assert_eq!(rotated.reseal(place(&a, "7"), &new).unwrap(), None);
    }

    #[test]
    fn broken_envelopes_say_what_is_wrong() {
        let a = TenantId::from("a");
        for (text, says) in [
            ("", "four parts"),
            ("v1.k1.AAAA", "four parts"),
            ("v2.k1.AAAA.AAAA", "version"),
            ("v1.k1.AAAA.AAAA", "12 bytes"),
            ("v1.k1.++++.AAAA", "base64url"),
        ] {
            let error = ring().open(place(&a, "7"), text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_comes_back_and_any_changed_byte_is_refused(text in ".{0,80}", at in 0_usize..4096) {
            let a = TenantId::from("a");
            let envelope = ring().seal(place(&a, "7"), &text).unwrap();
            let opened = ring().open(place(&a, "7"), &envelope).unwrap();
            prop_assert_eq!(opened.reveal(), text.as_str());
            let (head, body) = envelope.rsplit_once('.').unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(body).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1;
            let changed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(bytes));
            prop_assert!(ring().open(place(&a, "7"), &changed).is_err());
        }
    }
}
