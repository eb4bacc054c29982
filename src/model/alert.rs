//! What somebody should look at.

use serde::{Deserialize, Serialize};

/// The kind of cause that an alert has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A remote system refuses our credentials.
    Credentials,
    /// What somebody signs in with ends soon: we at a remote system, or a client here.
    SecretExpiry,
    /// The secrets of the tenant cannot be opened, and it is not synchronised.
    SecretsClosed,
    /// What a remote side is known to have changed is not here yet.
    Unreconciled,
    /// What changed here has not reached a remote side yet.
    Pending,
    /// More writes wait than is usual.
    Backlog,
    /// A remote calendar was not read completely for too long.
    CompleteRead,
    /// Writes to a remote side were given up.
    DeadLetters,
    /// A conflict is decided by rule soon.
    ConflictDeadline,
    /// A mapping stands still until a person releases it.
    Held,
    /// Nothing announces what changes at a remote side, although a subscription was asked for.
    Subscription,
    /// A webhook fails or was disabled.
    Webhook,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Credentials,
        Self::SecretExpiry,
        Self::SecretsClosed,
        Self::Unreconciled,
        Self::Pending,
        Self::Backlog,
        Self::CompleteRead,
        Self::DeadLetters,
        Self::ConflictDeadline,
        Self::Held,
        Self::Subscription,
        Self::Webhook,
    ];

    /// Its word, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::SecretExpiry => "secret_expiry",
            Self::SecretsClosed => "secrets_closed",
            Self::Unreconciled => "unreconciled",
            Self::Pending => "pending",
            Self::Backlog => "backlog",
            Self::CompleteRead => "complete_read",
            Self::DeadLetters => "dead_letters",
            Self::ConflictDeadline => "conflict_deadline",
            Self::Held => "held",
            Self::Subscription => "subscription",
            Self::Webhook => "webhook",
        }
    }
}

/// How much it matters, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look at it today.
    Warning,
    /// Rooms are not kept in step.
    Critical,
}

impl Severity {
    /// Its word, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Its cause is there, and nobody has said that they know.
    Open,
    /// Its cause is there, and somebody knows.
    Acknowledged,
    /// Its cause is gone.
    Settled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_wire() {
        for kind in AlertKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for severity in [Severity::Warning, Severity::Critical] {
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
        }
    }
}
