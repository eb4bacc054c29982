//! Who does something, for which tenant and when; and the audit entry that says so.

use crate::model::RoomId;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::audit::{self, Entry};

/// The circumstances of one administrative act.
#[derive(Clone, Copy, Debug)]
pub struct Acting<'a> {
    /// Whose things are changed.
    pub tenant: &'a TenantId,
    /// Who does it, as it is audited: `principal:<login>` or `command-line`.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

impl Acting<'_> {
    /// Writes the audit entry of an act.
    pub(super) async fn record(
        &self,
        tx: &mut Tx,
        action: &str,
        room: Option<&RoomId>,
        detail: &str,
    ) -> Result<(), StoreError> {
        let entry =
            Entry { tenant: self.tenant, at: self.now, actor: self.actor, action, room, uid: None, seq: 0, detail };
        audit::append(tx, &entry).await
    }
}
