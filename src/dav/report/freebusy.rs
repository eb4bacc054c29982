//! free-busy-query (RFC 4791, 7.10): when a room is taken, also for callers who may see nothing else of it.

use super::super::Call;
use super::super::caller::VisibleRoom;
use super::super::error::DavError;
use super::super::path::Resource;
use super::desk::aside;
use crate::config::Limits;
use crate::davxml::Condition;
use crate::ical::freebusy;
use crate::ical::freebusy::BusyPeriod;
use crate::ical::freebusy::FreeBusyHead;
use crate::ical::object::CalendarObject;
use crate::ical::object::ParseContext;
use crate::ical::recur::{Budget, RecurError};
use crate::model::Event;
use crate::model::TimeRange;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use actix_web::HttpResponse;
use actix_web::http::header;

/// Who made the answer.
pub const PRODUCT: &str = "-//Anteroom//Anteroom//EN";

/// Answers a free-busy-query report with a VFREEBUSY.
pub async fn answer(call: &Call<'_>, range: TimeRange) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let Resource::Room { room, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    let mut tx = call.door.store.begin_read().await?;
    let room = call.caller.room(&mut tx, room, &href).await?;
    let periods = busy(&mut tx, call, &room, range).await?;
    let uid = format!("freebusy-{}-{}@anteroom", room.room.id, room.room.seq);
    let head = FreeBusyHead { product: PRODUCT, uid: &uid, stamp: call.door.clock.now(), extra: "" };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/calendar; charset=utf-8"))
        .body(freebusy::vfreebusy(&head, range, &periods)))
}

/// The times at which a room cannot be had, sorted and joined: bookings, closures, closed hours and buffers (RFC 7953, 5).
pub async fn busy(
    tx: &mut Tx,
    call: &Call<'_>,
    room: &VisibleRoom,
    range: TimeRange,
) -> Result<Vec<BusyPeriod>, DavError> {
    let (rules, zone) = (room.hours(), room.room.zone.clone());
    let room = &room.room;
    // Where bookings may lie over each other nothing has to be free around them.
    let gap_ms = if room.allow_overlaps { 0 } else { i64::from(rules.gap_minutes()) * 60_000 };
    let limits = call.door.limits.clone();
    let wide = TimeRange::new(range.start.plus_ms(-gap_ms), range.end.plus_ms(gap_ms));
    let rows = objects::in_range(tx, &room.tenant_id, &room.id, wide, room.longest_ms).await?;
    aside(move || {
        let booked = periods(&rows, wide, &zone, &limits)?;
        let periods = if gap_ms > 0 { freebusy::with_buffers(&booked, gap_ms) } else { booked };
        if !rules.has_hours() {
            return Ok(freebusy::cut(periods, range));
        }
        refuse_endless(range, limits.report_instances)?;
        Ok(freebusy::cut(freebusy::with_closed_times(periods, &rules.closed(&zone, range)), range))
    })
    .await
}

/// Hours repeat for ever, and so would the answer about a range without end.
fn refuse_endless(range: TimeRange, most: usize) -> Result<(), DavError> {
    let days = usize::try_from(range.end.ms().saturating_sub(range.start.ms()) / 86_400_000).unwrap_or(usize::MAX);
    if days <= most {
        return Ok(());
    }
    let error = RecurError::Instances(most);
    Err(DavError::forbidden(Condition::NumberOfMatchesWithinLimits, error.to_string()))
}

/// The times that bookings take.
fn periods(rows: &[ObjectRow], range: TimeRange, zone: &ZoneId, limits: &Limits) -> Result<Vec<BusyPeriod>, DavError> {
    let cx = ParseContext { limits, floating: zone };
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let object = CalendarObject::parse(row.body.as_bytes(), &cx)
            .map_err(|error| DavError::Failed(format!("object {} cannot be read: {error}", row.id)))?;
        // The class is what the booking system says; clients cannot write it.
        events.push(Event { class: row.class, ..object.event().clone() });
    }
    freebusy::busy_periods(&events, range, zone, &Budget::of(limits))
        .map_err(|error| DavError::forbidden(Condition::NumberOfMatchesWithinLimits, error.to_string()))
}
