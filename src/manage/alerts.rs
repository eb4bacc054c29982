//! Alerts: somebody says that they know. Raised and settled they are by `sync::alerts`.

use super::{Acting, ManageError};
use crate::model::AlertId;
use crate::model::AlertState;
use crate::model::RoomId;
use crate::store::Tx;
use crate::store::alerts;
use crate::store::alerts::Alert;

/// The alert with that id.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, id: &AlertId) -> Result<Alert, ManageError> {
    alerts::get(tx, acting.tenant, id).await?.ok_or_else(|| ManageError::no("alert", id.as_str()))
}

/// Says that somebody knows. Once more changes nothing; what is settled cannot be acknowledged.
pub async fn acknowledge(tx: &mut Tx, acting: &Acting<'_>, id: &AlertId) -> Result<Alert, ManageError> {
    let alert = find(tx, acting, id).await?;
    if alert.state == AlertState::Settled {
        return Err(ManageError::State { why: format!("the alert {id} is settled; its cause is gone") });
    }
    if alerts::acknowledge(tx, &alert, acting.actor, acting.now).await? {
        let room = RoomId::from(alert.room_id.as_str());
        let room = (!alert.room_id.is_empty()).then_some(&room);
        acting.record(tx, "alert.acknowledge", room, &format!("Acknowledged: {}", alert.sentence)).await?;
    }
    find(tx, acting, id).await
}
