//! Organisations.

use serde::{Deserialize, Serialize};

/// Whether a tenant works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// Its doors are open and its rooms are kept in step.
    Active,
    /// Read only; what waits to be sent is sent, then it is suspended.
    Draining,
    /// Its doors are closed, and nothing of it is synchronised.
    Suspended,
    /// Its data is gone; the audit is kept.
    Removed,
}
