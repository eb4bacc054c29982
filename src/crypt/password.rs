//! App passwords: made readable, stored as argon2id (RFC 9106), remembered for a while once verified.
//!
//! A calendar client sends its password with every request, several at once. Argon2 costs tens of milliseconds on
//! purpose, so a credential that was verified is remembered under a keyed hash for a short time.

use super::CryptError;
use super::Key;
use super::Secret;
use super::key::random;
use super::mac;
use crate::model::Timestamp;
use argon2::Argon2;
use argon2::PasswordHasher;
use argon2::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Longest password accepted, in bytes.
const LONGEST: usize = 1024;
/// Letters and digits that are not mistaken for one another when read aloud or copied by hand.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// A fresh app password of 20 characters in four groups (`xxxxx-xxxxx-xxxxx-xxxxx`), 99 bits of chance.
pub fn generate() -> Result<Secret, CryptError> {
    let mut text = String::with_capacity(23);
    let mut letters = 0;
    while letters < 20 {
        for byte in random::<32>()? {
            // 248 = 8 * 31: bytes above would make some letters likelier than others.
            if byte >= 248 || letters == 20 {
                continue;
            }
            if letters > 0 && letters % 5 == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(byte % 31)]));
            letters += 1;
        }
    }
    Ok(Secret::new(text))
}

/// The argon2id hash of a password in PHC form, with a fresh salt. Slow on purpose: call it off the async threads.
pub fn hash(text: &str) -> Result<String, CryptError> {
    if text.is_empty() {
        return Err(CryptError::Password("is empty".to_owned()));
    }
    if text.len() > LONGEST {
        return Err(CryptError::Password(format!("has {} bytes, at most {LONGEST} are allowed", text.len())));
    }
    let salt = random::<16>()?;
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(text.as_bytes(), &salt)
        .map_err(|e| CryptError::Password(e.to_string()))?;
    Ok(hash.to_string())
}

/// Whether `text` is the password behind `stored`. An unreadable hash fits no password. Slow on purpose.
pub fn verify(stored: &str, text: &str) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    PasswordHash::new(stored).is_ok_and(|hash| Argon2::default().verify_password(text.as_bytes(), &hash).is_ok())
}

/// Spends the time of one failed [`verify`], so that an unknown name answers no faster than a wrong password.
pub fn spend(text: &str) {
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$YW50ZXJvb20tbm9ib2R5$3ZAFoHkvFyFBwLkmM3IpPUdyyTGb45yMNSCSnlSDVQI";
    let _never = verify(NOBODY, text);
}

/// Credentials verified a short time ago, as keyed hashes. The stored hash is part of the key: a changed password is
/// forgotten at once.
#[derive(Debug)]
pub struct VerifiedCache {
    key: Key,
    ttl_ms: i64,
    capacity: usize,
    until: Mutex<HashMap<[u8; 32], Timestamp>>,
    hits: AtomicU64,
}

impl VerifiedCache {
    /// An empty cache. `key` is [`super::Keys::cache`]; an entry lives for `ttl_ms`; at most `capacity` are kept.
    pub fn new(key: Key, ttl_ms: i64, capacity: usize) -> Self {
        Self { key, ttl_ms, capacity: capacity.max(1), until: Mutex::default(), hits: AtomicU64::new(0) }
    }

    /// Whether this password was verified against this stored hash within the time to live. Fast.
    pub fn knows(&self, stored: &str, text: &str, now: Timestamp) -> bool {
        let known = self.entries().get(&self.name(stored, text)).is_some_and(|until| now < *until);
        if known {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        known
    }

    /// Remembers a password that [`verify`] accepted.
    pub fn remember(&self, stored: &str, text: &str, now: Timestamp) {
        let name = self.name(stored, text);
        let mut entries = self.entries();
        if entries.len() >= self.capacity && !entries.contains_key(&name) {
            make_room(&mut entries, now, self.capacity);
        }
        entries.insert(name, now.plus_ms(self.ttl_ms));
    }

    /// [`Self::knows`], otherwise [`verify`] and [`Self::remember`]. Slow when the answer is not known.
    pub fn verify(&self, stored: &str, text: &str, now: Timestamp) -> bool {
        if self.knows(stored, text, now) {
            return true;
        }
        let right = verify(stored, text);
        if right {
            self.remember(stored, text, now);
        }
        right
    }

    /// How often an answer was known.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// How many credentials are remembered.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    fn name(&self, stored: &str, text: &str) -> [u8; 32] {
        mac::sign(&self.key, &[stored.as_bytes(), text.as_bytes()])
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<[u8; 32], Timestamp>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what is out of date; if that is not enough, the entry that would be out of date first.
fn make_room(entries: &mut HashMap<[u8; 32], Timestamp>, now: Timestamp, capacity: usize) {
    entries.retain(|_, until| now < *until);
    while entries.len() >= capacity {
        let Some(oldest) = entries.iter().min_by_key(|(_, until)| **until).map(|(name, _)| *name) else { return };
        entries.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_have_four_groups_of_five_clear_letters() {
        let one = generate().unwrap();
        let groups: Vec<&str> = one.reveal().split('-').collect();
        assert_eq!(groups.iter().map(|g| g.len()).collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert!(one.reveal().bytes().all(|b| b == b'-' || ALPHABET.contains(&b)));
        assert_ne!(one, generate().unwrap());
    }

    #[test]
    fn a_hash_is_argon2id_and_fits_its_password_only() {
        let stored = hash("abcde-fghjk").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify(&stored, "abcde-fghjk"));
        assert!(!verify(&stored, "abcde-fghjK"));
        assert!(!verify("", "abcde-fghjk"));
        assert!(!verify("$argon2id$nonsense", "abcde-fghjk"));
    }

    #[test]
    fn the_hash_of_nobody_is_readable_and_fits_nothing() {
        // An unreadable one would return at once and tell that the name is unknown.
        spend("anything");
        let start = "$argon2id$v=19$m=19456,t=2,p=1$YW50ZXJvb20tbm9ib2R5$3ZAFoHkvFyFBwLkmM3IpPUdyyTGb45yMNSCSnlSDVQI";
        assert!(PasswordHash::new(start).is_ok());
        assert!(!verify(start, "anything"));
    }

    #[test]
    fn empty_and_endless_passwords_are_refused() {
        assert!(hash("").is_err());
        assert!(hash(&"x".repeat(LONGEST + 1)).is_err());
        assert!(!verify(&hash("x").unwrap(), &"x".repeat(LONGEST + 1)));
    }

    #[test]
    fn a_verified_credential_is_known_until_its_time_is_over() {
        let cache = VerifiedCache::new(Key::new([1; 32]), 1_000, 8);
        let stored = hash("open").unwrap();
        assert!(!cache.knows(&stored, "open", Timestamp(0)));
        assert!(cache.verify(&stored, "open", Timestamp(0)));
        assert!(cache.knows(&stored, "open", Timestamp(999)));
        assert!(!cache.knows(&stored, "open", Timestamp(1_000)));
        assert!(!cache.knows(&stored, "Open", Timestamp(1)));
        assert!(!cache.knows("another hash", "open", Timestamp(1)));
    }

    #[test]
    fn a_wrong_password_is_never_remembered() {
        let cache = VerifiedCache::new(Key::new([1; 32]), 1_000, 8);
        assert!(!cache.verify(&hash("open").unwrap(), "shut", Timestamp(0)));
        assert!(cache.is_empty());
    }

    #[test]
    fn a_full_cache_drops_the_outdated_then_the_oldest() {
        let cache = VerifiedCache::new(Key::new([1; 32]), 1_000, 2);
        cache.remember("h", "a", Timestamp(0));
        cache.remember("h", "b", Timestamp(10));
        cache.remember("h", "c", Timestamp(20));
        assert_eq!(cache.len(), 2);
        assert!(!cache.knows("h", "a", Timestamp(30)));
        assert!(cache.knows("h", "b", Timestamp(30)) && cache.knows("h", "c", Timestamp(30)));
        cache.remember("h", "d", Timestamp(5_000));
        assert_eq!(cache.len(), 1);
    }
}
