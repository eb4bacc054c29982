//! What can keep an administrator's wish from being done.

use crate::change::ChangeError;
use crate::crypt::CryptError;
use crate::store::StoreError;

/// A refusal; each prints as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// Kind and name, e.g. `room "council-hall"`.
        what: String,
    },
    /// A name or a slot that must be unique is in use.
    #[error("{what}")]
    Taken {
        /// A sentence that says which and by whom.
        what: String,
    },
    /// A value cannot be accepted.
    #[error("{field}: {why}")]
    Invalid {
        /// Which input.
        field: &'static str,
        /// What is wrong with it and what is accepted.
        why: String,
    },
    /// The thing is not in a state in which this can be done.
    #[error("{why}")]
    State {
        /// A sentence that says in which state it is.
        why: String,
    },
    /// It has changed since the caller looked.
    #[error("{why}")]
    Stale {
        /// A sentence.
        why: String,
    },
    /// The room's own rules forbid it.
    #[error("{why}")]
    Rule {
        /// A sentence that names the rule.
        why: String,
    },
    /// The caller may not do this in this room.
    #[error("{why}")]
    Forbidden {
        /// A sentence that says who may.
        why: String,
    },
    /// Keys or random bytes are not to be had.
    #[error(transparent)]
    Crypt(#[from] CryptError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ChangeError> for ManageError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => Self::Store(error),
            ChangeError::Overlap(collision) => Self::Taken { what: collision.to_string() },
            ChangeError::Rule(breach) => Self::Rule { why: breach.to_string() },
            ChangeError::Class { .. } => Self::Forbidden { why: error.to_string() },
            ChangeError::Stale { .. } => Self::Stale { why: error.to_string() },
            ChangeError::UidTaken { .. } => Self::Taken { what: error.to_string() },
            other => Self::State { why: other.to_string() },
        }
    }
}

impl ManageError {
    /// There is no thing of that kind with that name.
    pub(crate) fn no(kind: &str, name: &str) -> Self {
        Self::NotFound { what: format!("{kind} {name:?}") }
    }

    /// A value of `field` cannot be accepted.
    pub(super) fn invalid(field: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid { field, why: why.into() }
    }

    /// Turns a broken uniqueness rule into a sentence of ours; other failures stay what they are.
    pub(super) fn taken(error: StoreError, what: impl FnOnce() -> String) -> Self {
        match error {
            StoreError::Taken(_) => Self::Taken { what: what() },
            other => Self::Store(other),
        }
    }
}
