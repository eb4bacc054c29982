//! Refusals on their way to the audit: a request that is refused does not wait for a write, and a flood of them is
//! counted where it cannot be written.

use crate::model::TenantId;
use crate::model::Timestamp;
use crate::observe::request::{Party, Request};
use crate::store::Store;
use crate::store::StoreError;
use crate::store::audit;
use crate::store::tenants;
use std::sync::{Arc, Mutex, PoisonError};

/// Refusals that may wait. They are written once a second.
const MOST: usize = 500;

/// One refused request.
pub(super) struct Refusal {
    pub(super) at: Timestamp,
    /// Who was recognised.
    pub(super) party: Option<Party>,
    pub(super) request: Request,
}

/// What waits to be written.
#[derive(Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    kept: Vec<Refusal>,
    /// How many more there were.
    more: u64,
}

/// Whether an answer is a refusal that is audited: not what is merely not there, not a wrong method, not a range.
pub(super) const fn is_refusal(status: u16) -> bool {
    matches!(status, 400..=499) && !matches!(status, 404 | 405 | 410 | 416)
}

impl Refusals {
    /// A request was refused.
    pub(super) fn add(&self, refusal: Refusal) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.kept.len() < MOST {
            waiting.kept.push(refusal);
        } else {
            waiting.more += 1;
        }
    }

    fn take(&self) -> Waiting {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes what waits. A refusal that belongs to no tenant stands in the log only.
    pub(super) async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let waiting = self.take();
        if waiting.kept.is_empty() {
            return Ok(());
        }
        if waiting.more > 0 {
            tracing::warn!(
                refusals = waiting.more,
                "too many refusals in a second: these are in the log, not in the audit"
            );
        }
        let mut tx = store.begin_write().await?;
        for refusal in &waiting.kept {
            let Some(tenant) = tenant_of(&mut tx, refusal).await? else { continue };
            let status = refusal.request.status.unwrap_or_default();
            let detail = format!("{} {} was refused with {status}.", refusal.request.method, refusal.request.path);
            let entry = audit::Entry {
                tenant: &tenant,
                at: refusal.at,
                actor: refusal.party.as_ref().map_or("nobody", |party| &party.actor),
                action: "request.refused",
                room: None,
                uid: None,
                seq: 0,
                detail: &detail,
            };
            audit::append_of(&mut tx, &entry, &refusal.request.text()).await?;
        }
        tx.commit().await
    }
}

async fn tenant_of(tx: &mut crate::store::Tx, refusal: &Refusal) -> Result<Option<TenantId>, StoreError> {
    if let Some(party) = &refusal.party {
        return Ok(Some(TenantId::from(party.tenant.as_str())));
    }
    let Some(key) = tenant_key(&refusal.request.path) else { return Ok(None) };
    Ok(tenants::by_key(tx, key).await?.map(|tenant| tenant.id))
}

/// The tenant that a path names.
fn tenant_key(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v1/tenants/").or_else(|| path.strip_prefix("/dav/"))?;
    rest.split(['/', '?']).next().filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_what_somebody_wanted_and_did_not_get() {
        assert!([400, 401, 403, 409, 412, 413, 422, 429].into_iter().all(is_refusal));
        assert!(![200, 207, 304, 404, 405, 410, 416, 500, 503].into_iter().any(is_refusal));
    }

    #[test]
    fn a_flood_is_bounded() {
        let refusals = Refusals::default();
        for _ in 0..MOST + 7 {
            refusals.add(Refusal { at: Timestamp(0), party: None, request: Request::default() });
        }
        let waiting = refusals.take();
        assert_eq!((waiting.kept.len(), waiting.more), (MOST, 7));
    }

    #[test]
    fn the_tenant_is_named_by_the_path() {
        assert_eq!(tenant_key("/v1/tenants/city/rooms"), Some("city"));
        assert_eq!(tenant_key("/dav/city/rooms/hall/"), Some("city"));
        assert_eq!(tenant_key("/dav/"), None);
        assert_eq!(tenant_key("/feeds/***/hall.ics"), None);
    }
}
