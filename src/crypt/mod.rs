//! Keys and what is done with them: sealing, signing, passwords, feed links.
//!
//! One master key per installation, kept in a file, in the environment or inside a security module, wraps the keys that
//! are stored (`provider`). What is sealed is sealed with such a key; every other key is derived from the root among
//! them for one purpose (RFC 5869), so that a value made for one purpose is worthless for another.

pub mod cms;
mod error;
mod key;
mod keys;
mod lock;
pub mod mac;
pub mod password;
pub mod pkcs11;
mod provider;
mod seal;
pub mod session;
pub mod sync_token;
pub mod token;
pub mod vapid;
pub mod webhook;
pub mod webpush;

pub use crate::config::Secret;
pub use error::CryptError;
pub use key::Key;
pub use keys::FILE_NAME;
pub use keys::Keys;
pub use lock::Lock;
pub use lock::LockWriter;
pub use lock::Opener;
pub use password::VerifiedCache;
pub use provider::KeyProvider;
pub use provider::LocalKeys;
pub use seal::KeyRing;
pub use seal::Place;
pub use seal::prefix;
