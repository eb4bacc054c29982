//! Conflicts that a person decides.

use super::{Acting, ManageError};
use crate::change::ChangeError;
use crate::change::Context;
use crate::change::resolve;
use crate::change::resolve::ResolveError;
use crate::config::Limits;
use crate::model::ConflictId;
use crate::model::Resolution;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::conflicts::Conflict;

/// The conflict with that id.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, id: &ConflictId) -> Result<Conflict, ManageError> {
    conflicts::get(tx, acting.tenant, id).await?.ok_or_else(|| ManageError::no("conflict", id.as_str()))
}

/// Carries a person's decision out and closes the conflict. The same decision once more changes nothing; another one
/// after the first is refused.
pub async fn resolve(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    id: &ConflictId,
    resolution: Resolution,
) -> Result<Conflict, ManageError> {
    let conflict = find(tx, acting, id).await?;
    let cx = Context { now: acting.now, limits };
    if conflict.state == conflicts::OPEN
        && resolve::decide(tx, cx, &conflict, (resolution, conflicts::RESOLVED), acting.actor).await?
    {
        return find(tx, acting, id).await;
    }
    let decided = find(tx, acting, id).await?;
    if decided.decision == resolution.as_str() {
        return Ok(decided);
    }
    let when = decided.decided_ms.map_or_else(String::new, |at| format!(" on {at}"));
    let by = if decided.decided_by.is_empty() { "a rule" } else { &decided.decided_by };
    let why = format!("conflict {id} was closed by {by}{when}: {}", decided.decision);
    Err(ManageError::State { why })
}

impl From<ResolveError> for ManageError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Senseless(why) => Self::invalid("decision", why),
            ResolveError::Change(ChangeError::Store(error)) => Self::Store(error),
            ResolveError::Outdated(why) => Self::State { why },
            ResolveError::Change(error) => Self::State { why: error.to_string() },
        }
    }
}
