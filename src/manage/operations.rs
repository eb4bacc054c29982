//! Outgoing writes that failed, tried again on a person's word.

use super::{Acting, ManageError};
use crate::model::OperationId;
use crate::store::Tx;
use crate::store::operations;

/// Opens a failed operation again; it is due at once.
pub async fn retry(tx: &mut Tx, acting: &Acting<'_>, id: &OperationId) -> Result<(), ManageError> {
    if !operations::retry(tx, acting.tenant, id, acting.now).await? {
        let why = format!("operation {id} is not failed, or a newer one for the same event is open");
        return Err(ManageError::State { why });
    }
    acting.record(tx, "operation.retry", None, &format!("Operation {id} is tried again.")).await?;
    Ok(())
}
