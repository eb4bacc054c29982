//! calendar-query (RFC 4791, 7.8): the members of a calendar that match a filter. The index of instances finds who may
//! match, the filter decides, on what the caller may see: a hidden title cannot be found out by asking for it.

use super::super::Call;
use super::super::caller::VisibleRoom;
use super::super::error::DavError;
use super::super::get::seen;
use super::super::own_zone::defined;
use super::super::own_zone::own_zone;
use super::super::path::Resource;
use super::super::path::member_href;
use super::desk::Desk;
use super::desk::aside;
use super::members::Members;
use crate::davxml::CalendarQuery;
use crate::davxml::Condition;
use crate::davxml::TimezoneChoice;
use crate::ical::CalendarObject;
use crate::ical::ParseContext;
use crate::ical::recur::Budget;
use crate::model::TimeRange;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use actix_web::HttpResponse;

/// Instances are indexed in the room's zone; in another zone whole days begin up to a day and some hours elsewhere.
const ZONE_SLACK_MS: i64 = 26 * 3_600_000;

/// Answers a calendar-query report.
pub async fn answer(call: &Call<'_>, query: CalendarQuery) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let (Resource::Room { room, .. } | Resource::Object { room, .. }) = &call.resource else {
        return Err(DavError::not_found(&href));
    };
    let mut tx = call.begin_read().await?;
    let room = call.room(&mut tx, room, &href).await?;
    room.require_read(&href)?;
    let zone = query_zone(&mut tx, call, &query, &room).await?;
    let rows = candidates(&mut tx, call, &query, (&room, &zone)).await?;
    drop(tx);
    let desk = Desk::new(call, room)?;
    Ok(aside(move || search(desk, &query, &zone, &rows)).await?.finish())
}

/// Tells of the candidates that match.
fn search(desk: Desk, query: &CalendarQuery, zone: &ZoneId, rows: &[ObjectRow]) -> Result<Members, DavError> {
    let most = query.limit.unwrap_or(usize::MAX).min(desk.door.limits.report_members);
    let place = desk.resource.href();
    let is_room = desk.of_room();
    let mut members = Members::new(desk, query.select.clone(), most).in_zone(zone.clone());
    for row in rows {
        if members.is_full() {
            break;
        }
        if indexed(members.desk(), query, row, zone) || matches(members.desk(), query, row, zone)? {
            let href = if is_room { &member_href(&place, &row.name) } else { &place };
            members.tell(href, row)?;
        }
    }
    Ok(members)
}

/// Whether the index of instances, which found the object, has decided: it is kept in the room's zone, and knows times.
fn indexed(desk: &Desk, query: &CalendarQuery, row: &ObjectRow, zone: &ZoneId) -> bool {
    desk.of_room()
        && *zone == desk.room.room.zone
        && query.filter.asks_only_for_time()
        && query.filter.event_range().is_some_and(|range| row.rows_cover(range))
}

fn matches(desk: &Desk, query: &CalendarQuery, row: &ObjectRow, zone: &ZoneId) -> Result<bool, DavError> {
    let limits = &desk.door.limits;
    let octets = seen(limits, &desk.room, row)?;
    let object = CalendarObject::parse(octets.as_bytes(), &ParseContext { limits, floating: zone })
        .map_err(|error| DavError::Failed(format!("object {} cannot be read: {error}", row.id)))?;
    query
        .filter
        .matches(&object, zone, &Budget::of(limits))
        .map_err(|error| DavError::forbidden(Condition::NumberOfMatchesWithinLimits, error.to_string()))
}

/// Everything that may match.
async fn candidates(
    tx: &mut Tx,
    call: &Call<'_>,
    query: &CalendarQuery,
    (room, zone): (&VisibleRoom, &ZoneId),
) -> Result<Vec<ObjectRow>, DavError> {
    let (tenant, id) = (&call.caller.tenant.id, &room.room.id);
    if let Resource::Object { name, .. } = &call.resource {
        let row = objects::by_name(tx, tenant, id, name).await?;
        return Ok(vec![row.ok_or_else(|| DavError::not_found(&call.resource.href()))?]);
    }
    Ok(match query.filter.event_range() {
        Some(range) => {
            let slack_ms = if *zone == room.room.zone { 0 } else { ZONE_SLACK_MS };
            let wide = TimeRange::new(range.start.plus_ms(-slack_ms), range.end.plus_ms(slack_ms));
            objects::in_range(tx, tenant, id, wide, room.room.longest_ms).await?
        }
        None => objects::list(tx, tenant, id).await?,
    })
}

/// The zone of whole days and floating times: the query's, else the one the caller has set on the calendar, else the
/// room's (RFC 4791, 5.2.2 and 7.3; RFC 7809, 5.2).
async fn query_zone(
    tx: &mut Tx,
    call: &Call<'_>,
    query: &CalendarQuery,
    room: &VisibleRoom,
) -> Result<ZoneId, DavError> {
    let refused = || DavError::forbidden(Condition::ValidTimezone, "The time zone of the query is not a usable one.");
    match &query.timezone {
        None => Ok(own_zone(tx, call, room).await?.unwrap_or_else(|| room.room.zone.clone())),
        Some(TimezoneChoice::Name(name)) => ZoneId::parse(name).ok_or_else(refused),
        Some(TimezoneChoice::Definition(text)) => {
            defined(text, &call.door.limits, Some(&room.room.zone)).ok_or_else(refused)
        }
    }
}
