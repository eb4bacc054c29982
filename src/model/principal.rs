//! Who calls, and what they may do (RFC 3744).

use serde::{Deserialize, Serialize};

/// What kind of principal this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// A person.
    Person,
    /// A program.
    Service,
}

/// What a principal may do outside single rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing but what grants on rooms allow.
    Member,
    /// Reads metrics and health.
    SystemMonitor,
    /// Reads everything of the tenant.
    TenantViewer,
    /// Runs syncs, resolves conflicts.
    TenantOperator,
    /// Everything inside the tenant.
    TenantAdmin,
    /// Everything in every tenant.
    SuperAdmin,
}

/// What a grant on a room allows, weakest first; each includes the weaker ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// See when the room is taken, without details (RFC 4791, 6.1.1).
    ReadFreeBusy,
    /// Read bookings.
    Read,
    /// Create, change and delete bookings.
    Write,
    /// Change the room itself.
    Admin,
}

/// How much of a room's bookings somebody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The octets as they are stored.
    Full,
    /// Private bookings as busy time only.
    Projected,
}

impl View {
    /// What a privilege shows: who may write a room may read everything in it.
    pub fn of(privilege: Privilege) -> Self {
        if privilege >= Privilege::Write { Self::Full } else { Self::Projected }
    }

    /// How tokens and validators tell the views apart.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Full => "f",
            Self::Projected => "p",
        }
    }
}
