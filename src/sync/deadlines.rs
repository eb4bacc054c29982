//! Conflicts that nobody has decided in time: the proposed decision is carried out.

use super::{Engine, SyncError};
use crate::change::ChangeError;
use crate::change::resolve;
use crate::change::resolve::ResolveError;
use crate::model::Resolution;
use crate::store::conflicts;
use crate::store::conflicts::Conflict;

/// Conflicts decided in one round.
const ROUND: i64 = 100;

/// Who decides when nobody does.
const RULE: &str = "rule";

/// Decides what is overdue, and forgets what was decided long ago.
pub(super) async fn keep(engine: &Engine) -> Result<(), SyncError> {
    let overdue = conflicts::overdue(&mut engine.store.begin_read().await?, engine.now(), ROUND).await?;
    for conflict in overdue {
        decide(engine, &conflict).await?;
    }
    let until = engine.now().plus_days(-engine.limits.conflict_keep_days);
    let mut tx = engine.store.begin_write().await?;
    conflicts::forget(&mut tx, until).await?;
    Ok(tx.commit().await?)
}

/// One that cannot be decided as proposed any more (the booking was changed since, the gate refuses) expires and says why.
async fn decide(engine: &Engine, conflict: &Conflict) -> Result<(), SyncError> {
    let cx = engine.change_context();
    let proposal = Resolution::parse(&conflict.proposal).unwrap_or(Resolution::Ignore);
    let mut tx = engine.store.begin_write().await?;
    let why = match resolve::decide(&mut tx, cx, conflict, (proposal, conflicts::AUTO), RULE).await {
        Ok(_) => return Ok(tx.commit().await?),
        Err(ResolveError::Change(ChangeError::Store(error))) => return Err(error.into()),
        Err(error) => error.to_string(),
    };
    drop(tx);
    let mut tx = engine.store.begin_write().await?;
    resolve::expire(&mut tx, cx, conflict, &why).await?;
    Ok(tx.commit().await?)
}
