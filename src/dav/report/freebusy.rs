//! free-busy-query (RFC 4791, 7.10): when a room is taken, also for callers who may see nothing else of it.

use super::super::Call;
use super::super::caller::VisibleRoom;
use super::super::error::DavError;
use super::super::path::Resource;
use super::desk::aside;
use crate::davxml::Condition;
use crate::ical::freebusy;
use crate::ical::freebusy::BusyPeriod;
use crate::ical::freebusy::FreeBusyHead;
use crate::manage::bookings::{BusyError, Reckoning};
use crate::model::TimeRange;
use crate::store::Tx;
use actix_web::HttpResponse;
use actix_web::http::header;

/// Who made the answer.
pub const PRODUCT: &str = "-//Anteroom//Anteroom//EN";

/// Answers a free-busy-query report with a VFREEBUSY.
pub async fn answer(call: &Call<'_>, range: TimeRange) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let Resource::Room { room, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    let mut tx = call.begin_read().await?;
    let room = call.room(&mut tx, room, &href).await?;
    let periods = busy(&mut tx, call, &room, range).await?;
    let uid = format!("freebusy-{}-{}@anteroom", room.room.id, room.room.seq);
    let head = FreeBusyHead { product: PRODUCT, uid: &uid, stamp: call.door.clock.now(), extra: "" };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/calendar; charset=utf-8"))
        .body(freebusy::vfreebusy(&head, range, &periods)))
}

/// The times at which a room cannot be had, sorted and joined.
pub async fn busy(
    tx: &mut Tx,
    call: &Call<'_>,
    room: &VisibleRoom,
    range: TimeRange,
) -> Result<Vec<BusyPeriod>, DavError> {
    let reckoning = Reckoning::read(tx, &room.room, room.hours(), range, &call.door.limits).await?;
    aside(move || {
        reckoning.reckon().map_err(|error| match error {
            BusyError::Damaged(..) => DavError::Failed(error.to_string()),
            BusyError::TooMuch(why) => DavError::forbidden(Condition::NumberOfMatchesWithinLimits, why.to_string()),
        })
    })
    .await
}
