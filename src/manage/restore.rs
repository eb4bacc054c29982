//! A database that was set back to a backup, taken up again on a person's word.

use super::{Acting, ManageError};
use crate::model::Timestamp;
use crate::store::Tx;
use crate::store::restore;
use crate::store::tenants;

/// Begins anew for all tenants and tells each of them in its audit; answers how many there are. Nothing else may work on
/// the database meanwhile.
pub async fn begin_anew(tx: &mut Tx, actor: &str, now: Timestamp) -> Result<usize, ManageError> {
    restore::begin_anew(tx, now).await?;
    let tenants = tenants::list(tx).await?;
    for tenant in &tenants {
        let acting = Acting { tenant: &tenant.id, actor, now };
        acting.record(tx, "database.restored", None, "A backup was restored; everything is read anew.").await?;
    }
    Ok(tenants.len())
}
