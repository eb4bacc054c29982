//! What can go wrong with keys and sealed values.

use std::path::PathBuf;

/// A refusal of this floor. No variant carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum CryptError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Random(String),
    /// A sealed value names a key this installation does not have.
    #[error(
        "sealed with key {key_id:?}, which this installation does not have (it has {known}); put the old key back as a line of the key file"
    )]
    UnknownKey {
        /// The key id in the envelope.
        key_id: String,
        /// The key ids that are known, separated by commas.
        known: String,
    },
    /// A sealed value does not have the form `v1.<key id>.<nonce>.<ciphertext>`.
    #[error("not a sealed value: {0}")]
    Envelope(&'static str),
    /// Wrong key under a known id, another place, or changed bytes.
    #[error(
        "the value sealed with key {key_id:?} does not open at {place}: it was changed, moved, or the key was replaced"
    )]
    Refused {
        /// The key id in the envelope.
        key_id: String,
        /// Where the value was read, as `tenant|table|column|row`.
        place: String,
    },
    /// A password is empty, too long, or its stored hash cannot be read.
    #[error("password: {0}")]
    Password(String),
    /// The key file cannot be read, made or understood.
    #[error("key file {path}: {reason}")]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The secrets of a tenant cannot be opened, so that nothing of it is opened.
    #[error("nothing of this tenant is opened: {0}")]
    Closed(String),
    /// A key of the database does not open with the master key.
    #[error(
        "the key {id:?} of the database does not open with the master key of {provider}: {reason}; put the master key back it was wrapped with"
    )]
    Wrapped {
        /// Which key.
        id: String,
        /// Where the master key is.
        provider: String,
        /// What is wrong.
        reason: String,
    },
    /// The security module refuses or cannot be reached.
    #[error("security module: {0}")]
    Module(String),
    /// The keys of a push subscription cannot be used.
    #[error("push subscription: {0}")]
    Subscription(&'static str),
    /// A file cannot be locked or opened.
    #[error("{0}")]
    Lock(String),
    /// A certificate or key to sign files with cannot be used.
    #[error("signing: {0}")]
    Signer(String),
}
