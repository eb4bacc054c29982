//! A tenant's directory: who may log in, what they may do, which rooms there are, how these are described, and what people
//! have set on them. Everything a door has to know before it looks at bookings, and what hardly ever changes.
//!
//! The directory has a number that rises with each change, in the transaction of the change. What was read of it may be
//! kept and used again for as long as the number stands, whoever writes: this process, another replica, the command line.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{TenantId, Timestamp};

row! {
    /// How a directory stands, and one of its rooms.
    pub struct Standing {
        /// The directory's number.
        pub directory: i64,
        /// The room's sequence number; `None` where there is no such room.
        pub seq: Option<i64>,
        /// When the room last changed.
        pub modified_ms: Option<Timestamp>,
        /// Length in milliseconds of the room's longest instance ever.
        pub longest_ms: Option<i64>,
    }
}

const STANDING: &str = "SELECT t.directory AS directory, r.seq AS seq, r.modified_ms AS modified_ms,
    r.longest_ms AS longest_ms FROM tenants t LEFT JOIN rooms r ON r.tenant_id = t.id AND r.slug = $2
    WHERE t.id = $1";
const CHANGED: &str = "UPDATE tenants SET directory = directory + 1 WHERE id = $1";

/// How the directory of a tenant stands, and the room of that slug; `None` when the tenant is gone.
pub async fn standing(tx: &mut Tx, tenant: &TenantId, slug: &str) -> Result<Option<Standing>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(STANDING).bind(tenant.as_str()).bind(slug).fetch_optional(c).await)?)
}

/// Raises the number: something of the directory changes in this transaction.
pub(super) async fn changed(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(CHANGED).bind(tenant.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}
