//! Keys and policies of retention as JSON.

use super::{time, time_if};
use crate::manage::keys::KeyReport;
use crate::manage::keys::KeyState;
use crate::manage::keys::KeyWord;
use crate::store::retention::Policy;
use crate::store::tenants::Tenant;
use serde::Serialize;

/// The keys of an installation, and how far the last rotation has come.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeysView {
    /// Where the master key is: `file`, `environment` or `pkcs11`.
    pub master_key: String,
    /// How many secrets are stored.
    pub values: i64,
    /// How many of them are still to be sealed anew with the present key.
    pub left: i64,
    /// The keys, oldest first.
    pub keys: Vec<KeyView>,
    /// Tenants whose secrets cannot be opened: they are not synchronised.
    pub closed: Vec<ClosedView>,
}

/// One key.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeyView {
    /// Its id.
    pub id: String,
    /// What it does.
    pub state: KeyWord,
    /// How many stored secrets are sealed with it.
    pub values: i64,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When it was destroyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired: Option<String>,
}

/// A tenant whose secrets cannot be opened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ClosedView {
    /// Its key.
    pub tenant: String,
    /// The first secret that does not open, and why.
    pub why: String,
}

impl KeysView {
    /// Of a report, with the tenants it may name.
    pub fn of(report: KeyReport, tenants: &[Tenant]) -> Self {
        let called = |id| tenants.iter().find(|tenant| tenant.id == id).map(|tenant| tenant.tenant_key.clone());
        let closed = report.closed.into_iter();
        Self {
            master_key: report.provider,
            values: report.values,
            left: report.left,
            keys: report.keys.into_iter().map(KeyView::from).collect(),
            closed: closed
                .map(|(id, why)| ClosedView { tenant: called(id.clone()).unwrap_or_else(|| id.to_string()), why })
                .collect(),
        }
    }
}

impl From<KeyState> for KeyView {
    fn from(key: KeyState) -> Self {
        Self {
            id: key.id,
            state: key.state,
            values: key.values,
            created: key.created.map(time),
            retired: time_if(key.retired),
        }
    }
}

/// How long one type of data is kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PolicyView {
    /// The type: `audit`, `bookings`, `sync_runs`, `operations`, `conflicts`, `inbox` or `idempotency`.
    pub data_type: String,
    /// Days for which it is kept.
    pub keep_days: i64,
    /// Whether what goes is written to an encrypted archive first.
    pub archive: bool,
    /// When that was said.
    pub changed: String,
    /// By whom.
    pub changed_by: String,
}

impl From<Policy> for PolicyView {
    fn from(policy: Policy) -> Self {
        Self {
            data_type: policy.data_type,
            keep_days: policy.keep_days,
            archive: policy.archive,
            changed: time(policy.changed_ms),
            changed_by: policy.changed_by,
        }
    }
}
