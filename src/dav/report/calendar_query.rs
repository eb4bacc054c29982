//! calendar-query (RFC 4791, 7.8): the members of a calendar that match a filter. The index of instances finds who may
//! match, the filter decides, on what the caller may see: a hidden title cannot be found out by asking for it.

use super::super::Call;
use super::super::caller::VisibleRoom;
use super::super::error::DavError;
use super::super::get::visible_octets;
use super::super::path::Resource;
use super::members::Members;
use super::sync_collection::member;
use crate::davxml::CalendarQuery;
use crate::davxml::Condition;
use crate::davxml::TimezoneChoice;
use crate::ical::CalendarObject;
use crate::ical::ParseContext;
use crate::ical::component::Component;
use crate::ical::recur::Budget;
use crate::ical::zone;
use crate::model::TimeRange;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use actix_web::HttpResponse;

/// How many objects are looked at before others get their turn on the thread.
const TURN: usize = 64;

/// Instances are indexed in the room's zone; in another zone whole days begin up to a day and some hours elsewhere.
const ZONE_SLACK_MS: i64 = 26 * 3_600_000;

/// Answers a calendar-query report.
pub async fn answer(call: &Call<'_>, query: &CalendarQuery) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let (Resource::Room { room, .. } | Resource::Object { room, .. }) = &call.resource else {
        return Err(DavError::not_found(&href));
    };
    let mut tx = call.door.store.begin_read().await?;
    let room = call.caller.room(&mut tx, room, &href).await?;
    room.require_read(&href)?;
    let zone = query_zone(call, query, &room)?;
    let rows = candidates(&mut tx, call, query, &room).await?;
    drop(tx);
    let most = query.limit.unwrap_or(usize::MAX).min(call.door.limits.report_members);
    let mut members = Members::new(call, &room, &query.select, most).in_zone(zone.clone());
    for (at, row) in rows.iter().enumerate() {
        if at % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        if matches(call, query, &room, row, &zone)? {
            members.tell(&member(&call.resource, &row.name).href(), row)?;
        }
    }
    Ok(members.finish())
}

fn matches(
    call: &Call<'_>,
    query: &CalendarQuery,
    room: &VisibleRoom,
    row: &ObjectRow,
    zone: &ZoneId,
) -> Result<bool, DavError> {
    let limits = &call.door.limits;
    let octets = visible_octets(call, room, row)?;
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
    room: &VisibleRoom,
) -> Result<Vec<ObjectRow>, DavError> {
    let (tenant, id) = (&call.caller.tenant.id, &room.room.id);
    if let Resource::Object { name, .. } = &call.resource {
        let row = objects::by_name(tx, tenant, id, name).await?;
        return Ok(vec![row.ok_or_else(|| DavError::not_found(&call.resource.href()))?]);
    }
    Ok(match query.filter.event_range() {
        Some(range) => {
            let wide = TimeRange::new(range.start.plus_ms(-ZONE_SLACK_MS), range.end.plus_ms(ZONE_SLACK_MS));
            objects::in_range(tx, tenant, id, wide, room.room.longest_ms).await?
        }
        None => objects::list(tx, tenant, id).await?,
    })
}

/// The zone of whole days and floating times: the query's, else the room's (RFC 4791, 7.3; RFC 7809, 5.2).
fn query_zone(call: &Call<'_>, query: &CalendarQuery, room: &VisibleRoom) -> Result<ZoneId, DavError> {
    let refused = || DavError::forbidden(Condition::ValidTimezone, "The time zone of the query is not a usable one.");
    match &query.timezone {
        None => Ok(room.room.zone.clone()),
        Some(TimezoneChoice::Name(name)) => ZoneId::parse(name).ok_or_else(refused),
        Some(TimezoneChoice::Definition(text)) => {
            let calendar = Component::parse(text.trim_start(), &call.door.limits).map_err(|_| refused())?;
            let definition = calendar.components_named("VTIMEZONE").next().ok_or_else(refused)?;
            let name = definition.line("TZID").ok_or_else(refused)?.value.clone();
            zone::resolve(&name, Some(&definition.emit()), Some(&room.room.zone)).ok_or_else(refused)
        }
    }
}
