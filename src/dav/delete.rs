//! DELETE of a calendar object (RFC 4918, 9.6).

use super::Call;
use super::conditional;
use super::error::DavError;
use super::path::Resource;
use super::put::change_of;
use super::put::precondition;
use super::put::refused;
use super::registration;
use crate::change;
use crate::change::Context;
use crate::change::Wish;
use actix_web::HttpResponse;

/// Answers a DELETE.
pub async fn delete(call: &Call<'_>) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let Resource::Object { room, name, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    let precondition = precondition(call)?;
    let mut tx = call.begin_write().await?;
    let room = call.room(&mut tx, room, &href).await?;
    room.require_write(&href, "unbind")?;
    conditional::require_alone(&mut tx, call).await?;
    let context = Context { now: call.door.clock.now(), limits: &call.door.limits };
    let change = change_of(call, &room, name, (Wish::Delete, precondition));
    match change::apply(&mut tx, context, &room.room, change).await {
        Ok(applied) => {
            registration::leave_out(&mut tx, call, &room.room.id, applied.seq - 1).await?;
            tx.commit().await?;
            if applied.queued {
                (call.door.nudge)(&room.room.id);
            }
            Ok(HttpResponse::NoContent().finish())
        }
        Err(error) => refused(call, &mut tx, &room.room, name, error).await,
    }
}
