//! PUT of a calendar object (RFC 4791, 5.3.2 and 5.3.4): rights, body, then one short transaction. The octets are stored
//! as they came, so the answer carries their strong validator.
//!
//! The order in which a request is refused: syntax of its headers (400), rights (403, 404), media type and body (403
//! with the precondition of RFC 4791), If-Match and If-None-Match (412), UID (403), the room's rules and double booking (409). What would be
//! refused whatever stands in the room comes before the conditions, as RFC 9110, 13.2.1 wants; what depends on the
//! state of the room comes after them, because a client that works on an old state has to fetch the new one first.

use super::Call;
use super::caller::VisibleRoom;
use super::conditional;
use super::error::DavError;
use super::headers::EtagList;
use super::headers::Preferences;
use super::path::Resource;
use super::property::object::CONTENT_TYPE;
use super::registration;
use super::timezones::Timezones;
use crate::change;
use crate::change::Applied;
use crate::change::Change;
use crate::change::ChangeError;
use crate::change::Context;
use crate::change::Effect;
use crate::change::Origin;
use crate::change::Precondition;
use crate::change::Tags;
use crate::change::Target;
use crate::change::Wish;
use crate::config::Limits;
use crate::ical::IcalError;
use crate::ical::object::CalendarObject;
use crate::ical::object::ParseContext;
use crate::model::Etag;
use crate::model::ObjectName;
use crate::model::Privilege;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::objects;
use crate::store::rooms::Room;
use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web;
use std::sync::Arc;

/// Bodies up to this size are read at once, which costs less than handing them to another thread.
const SMALL_BYTES: usize = 4096;

/// Answers a PUT.
pub async fn put(call: &Call<'_>) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let Resource::Object { room, name, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    let precondition = precondition(call)?;
    // Other writers wait for a transaction that writes, so the body is read before it begins.
    let (zone, object) = body(call, room, name).await?;
    let text = object.text().to_owned();
    let mut tx = call.begin_write().await?;
    let room = writable(call, &mut tx, room, name).await?;
    conditional::require_alone(&mut tx, call).await?;
    if room.room.zone != zone {
        // Floating times would have another meaning now; the client tries again.
        return Err(DavError::Busy);
    }
    let change = change_of(call, &room, name, (Wish::Put(Box::new(object)), precondition));
    let context = Context { now: call.door.clock.now(), limits: &call.door.limits };
    match change::apply(&mut tx, context, &room.room, change).await {
        Ok(applied) => {
            if applied.effect != Effect::Unchanged {
                registration::leave_out(&mut tx, call, &room.room.id, applied.seq - 1).await?;
            }
            let text = stored(&mut tx, &room.room, &applied, text).await?;
            tx.commit().await?;
            if applied.queued {
                (call.door.nudge)(&room.room.id);
            }
            success(call, &applied, &text)
        }
        // Still in the transaction: what refused is what is shown, and nothing of it is kept.
        Err(error) => refused(call, &mut tx, &room.room, name, error).await,
    }
}

/// The room, if the caller may put this object there.
async fn writable(call: &Call<'_>, tx: &mut Tx, slug: &str, name: &ObjectName) -> Result<VisibleRoom, DavError> {
    let href = call.resource.href();
    let room = call.room(tx, slug, &href).await?;
    if room.privilege < Privilege::Write {
        let exists = objects::by_name(tx, &room.room.tenant_id, &room.room.id, name).await?.is_some();
        room.require_write(&href, if exists { "write-content" } else { "bind" })?;
    }
    Ok(room)
}

/// The object that was sent, read in the zone of the room. What is remembered of the caller's rights lets it in: the
/// transaction that writes judges them as they are. Who is refused is refused by what holds.
async fn body(call: &Call<'_>, slug: &str, name: &ObjectName) -> Result<(ZoneId, CalendarObject), DavError> {
    let mut read = None;
    if let Some(zone) = call.caller.writable_zone(slug)
        && refuse_media_type(call).is_ok()
    {
        match parse(call, zone.clone()).await {
            Ok(object) => return Ok((zone, object)),
            refused => read = Some((zone, refused)),
        }
    }
    let zone = writable(call, &mut call.begin_read().await?, slug, name).await?.room.zone;
    refuse_media_type(call)?;
    let object = match read {
        // No body is read twice in the same zone.
        Some((before, refused)) if before == zone => refused?,
        _ => parse(call, zone.clone()).await?,
    };
    Ok((zone, object))
}

/// Reads the body; a large one, which takes its time, away from the threads that answer requests.
async fn parse(call: &Call<'_>, zone: ZoneId) -> Result<CalendarObject, DavError> {
    let (door, body) = (Arc::clone(call.door), call.body.clone());
    if body.len() <= SMALL_BYTES {
        return Ok(read(&body, &door.limits, &zone)?);
    }
    let read = web::block(move || read(&body, &door.limits, &zone));
    Ok(read.await.map_err(|_| DavError::Busy)??)
}

fn read(body: &[u8], limits: &Limits, zone: &ZoneId) -> Result<CalendarObject, IcalError> {
    CalendarObject::parse(body, &ParseContext { limits, floating: zone }).map(CalendarObject::with_digests)
}

/// The change as the gate takes it.
pub fn change_of(call: &Call<'_>, room: &VisibleRoom, name: &ObjectName, asks: (Wish, Precondition)) -> Change {
    let origin = Origin::Principal { login: call.caller.principal.login.clone(), privilege: room.privilege };
    let (wish, precondition) = asks;
    Change { target: Target::Name(name.clone()), wish, precondition, origin }
}

/// The preconditions of the request, as the gate judges them inside its transaction.
pub fn precondition(call: &Call<'_>) -> Result<Precondition, DavError> {
    let tags = |name, weak: bool| -> Result<Option<Tags>, DavError> {
        Ok(EtagList::parse(call.headers, name)?.map(|list| match list {
            EtagList::Any => Tags::Any,
            // A weak tag never matches strongly, but If-None-Match compares weakly (RFC 9110, 13.1.2).
            EtagList::These(tags) => {
                Tags::List(tags.into_iter().filter(|tag| weak || !tag.weak).map(|tag| tag.tag).collect())
            }
        }))
    };
    Ok(Precondition { if_match: tags("if-match", false)?, if_none_match: tags("if-none-match", true)? })
}

/// `CALDAV:supported-calendar-data`. A missing type is taken as iCalendar, which the body then has to prove.
fn refuse_media_type(call: &Call<'_>) -> Result<(), DavError> {
    let value = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("text/calendar");
    let essence = value.split(';').next().unwrap_or_default().trim();
    if ["text/calendar", "application/octet-stream", ""].iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    Err(IcalError::SupportedCalendarData(format!("it came as {essence}; send it as text/calendar")).into())
}

/// The octets as they are kept: those that were sent, except where the gate holds a booking until it is confirmed.
async fn stored(tx: &mut Tx, room: &Room, applied: &Applied, sent: String) -> Result<String, DavError> {
    if applied.etag.as_ref().is_none_or(|etag| *etag == Etag::of(sent.as_bytes())) {
        return Ok(sent);
    }
    let row = objects::by_name(tx, &room.tenant_id, &room.id, &applied.name).await?;
    Ok(row.map_or(sent, |row| row.body))
}

/// 201 or 204, or the object itself where the client prefers that (RFC 8144, 3.1). Without the object, its validator is
/// told only if the stored octets are those that came (RFC 4791, 5.3.4): a fold may have been mended, and a booking that
/// has to be confirmed is kept as a tentative one.
fn success(call: &Call<'_>, applied: &Applied, text: &str) -> Result<HttpResponse, DavError> {
    let created = applied.effect == Effect::Created;
    let preferred = Preferences::parse(call.headers);
    if let Some(etag) = applied.etag.as_ref().filter(|_| preferred.representation) {
        let status = if created { StatusCode::CREATED } else { StatusCode::OK };
        return representation(call, status, etag, text);
    }
    let mut response = if created { HttpResponse::Created() } else { HttpResponse::NoContent() };
    if let Some(etag) = applied.etag.as_ref().filter(|etag| **etag == Etag::of(&call.body)) {
        response.insert_header((header::ETAG, etag.quoted()));
    }
    if preferred.minimal {
        response.insert_header(("Preference-Applied", "return=minimal"));
    }
    Ok(response.finish())
}

/// An answer that carries what stands now under the path of the request.
fn representation(call: &Call<'_>, status: StatusCode, etag: &Etag, text: &str) -> Result<HttpResponse, DavError> {
    let shown = Timezones::parse(call.headers)?.shown(text, &call.door.limits)?.into_owned();
    Ok(HttpResponseBuilder::new(status)
        .insert_header((header::ETAG, etag.quoted()))
        .insert_header((header::CONTENT_TYPE, CONTENT_TYPE))
        .insert_header((header::CONTENT_LOCATION, call.resource.href()))
        .insert_header((header::VARY, "Prefer, CalDAV-Timezones"))
        .insert_header(("Preference-Applied", "return=representation"))
        .body(shown))
}

/// A refusal by the gate. With `Prefer: return=representation` a 412 carries what stands now (RFC 8144, 3.2).
pub async fn refused(
    call: &Call<'_>,
    tx: &mut Tx,
    room: &Room,
    name: &ObjectName,
    error: ChangeError,
) -> Result<HttpResponse, DavError> {
    if let ChangeError::Stale { current: Some(_) } = &error
        && Preferences::parse(call.headers).representation
        && let Some(row) = objects::by_name(tx, &room.tenant_id, &room.id, name).await?
    {
        return representation(call, StatusCode::PRECONDITION_FAILED, &row.etag, &row.body);
    }
    Err(refusal(&call.resource, error))
}

/// What a refusal by the gate is answered; `resource` is the object that was to be written.
pub fn refusal(resource: &Resource, error: ChangeError) -> DavError {
    DavError::from_change(error, &resource.href(), |by| match resource {
        Resource::Object { tenant, room, .. } => {
            Resource::Object { tenant: tenant.clone(), room: room.clone(), name: by.clone() }.href()
        }
        other => other.href(),
    })
}
