//! Conflicts that a person decides.

use super::{Acting, ManageError, rooms};
use crate::model::ConflictId;
use crate::store::Tx;
use crate::store::conflicts;

/// Notes what a person decided; the conflict is closed by it.
pub async fn resolve(tx: &mut Tx, acting: &Acting<'_>, id: &ConflictId, decision: &str) -> Result<(), ManageError> {
    let decision = rooms::line("decision", decision, 500)?;
    if !conflicts::resolve(tx, acting.tenant, id, acting.now, &decision).await? {
        return Err(ManageError::State { why: format!("there is no open conflict {id}") });
    }
    acting.record(tx, "conflict.resolve", None, &format!("Conflict {id} was decided: {decision}.")).await?;
    Ok(())
}
