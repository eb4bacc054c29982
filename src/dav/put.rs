//! PUT of a calendar object (RFC 4791, 5.3.2 and 5.3.4): parse, ask the gate, answer. Where the octets are stored as they
//! came, the answer carries their strong validator.

use super::Call;
use super::caller::VisibleRoom;
use super::error::DavError;
use super::headers::EtagList;
use super::headers::Preferences;
use super::path::Resource;
use super::property::object::CONTENT_TYPE;
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
use crate::ical::IcalError;
use crate::ical::object::CalendarObject;
use crate::ical::object::ParseContext;
use crate::model::Etag;
use crate::model::ObjectName;
use crate::store::objects;
use crate::store::rooms::Room;
use actix_web::HttpResponse;
use actix_web::http::header;

/// Answers a PUT.
pub async fn put(call: &Call<'_>) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let Resource::Object { room, name, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    let precondition = precondition(call)?;
    let mut tx = call.door.store.begin_write().await?;
    let room = call.caller.room(&mut tx, room, &href).await?;
    let exists = objects::by_name(&mut tx, &room.room.tenant_id, &room.room.id, name).await?.is_some();
    room.require_write(&href, if exists { "write-content" } else { "bind" })?;
    refuse_media_type(call)?;
    let parse = ParseContext { limits: &call.door.limits, floating: &room.room.zone };
    let object = CalendarObject::parse(&call.body, &parse)?;
    let change = change_of(call, &room, name, (Wish::Put(Box::new(object)), precondition));
    let context = Context { now: call.door.clock.now(), limits: &call.door.limits };
    match change::apply(&mut tx, context, &room.room, change).await {
        Ok(applied) => {
            tx.commit().await?;
            (call.door.nudge)(&room.room.id);
            Ok(success(&applied, &call.body))
        }
        Err(error) => {
            drop(tx);
            refused(call, &room.room, name, error).await
        }
    }
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

/// 201 or 204. The validator is told only if the stored octets are those that came (RFC 4791, 5.3.4): a fold may have been
/// mended, and a booking that has to be confirmed is kept as a tentative one.
fn success(applied: &Applied, body: &[u8]) -> HttpResponse {
    let mut response = match applied.effect {
        Effect::Created => HttpResponse::Created(),
        Effect::Updated | Effect::Unchanged | Effect::Deleted => HttpResponse::NoContent(),
    };
    if let Some(etag) = applied.etag.as_ref().filter(|etag| **etag == Etag::of(body)) {
        response.insert_header((header::ETAG, etag.quoted()));
    }
    response.finish()
}

/// A refusal by the gate. With `Prefer: return=representation` a 412 carries what stands now (RFC 8144, 3.2).
async fn refused(
    call: &Call<'_>,
    room: &Room,
    name: &ObjectName,
    error: ChangeError,
) -> Result<HttpResponse, DavError> {
    if let ChangeError::Stale { current: Some(_) } = &error
        && Preferences::parse(call.headers).representation
    {
        let mut tx = call.door.store.begin_read().await?;
        if let Some(row) = objects::by_name(&mut tx, &room.tenant_id, &room.id, name).await? {
            return Ok(HttpResponse::PreconditionFailed()
                .insert_header((header::ETAG, row.etag.quoted()))
                .insert_header((header::CONTENT_TYPE, CONTENT_TYPE))
                .insert_header((header::CONTENT_LOCATION, call.resource.href()))
                .insert_header(("Preference-Applied", "return=representation"))
                .body(row.body));
        }
    }
    Err(refusal(call, error))
}

/// What a refusal by the gate is answered.
pub fn refusal(call: &Call<'_>, error: ChangeError) -> DavError {
    let href = call.resource.href();
    DavError::from_change(error, &href, |by| match &call.resource {
        Resource::Object { tenant, room, .. } => {
            Resource::Object { tenant: tenant.clone(), room: room.clone(), name: by.clone() }.href()
        }
        other => other.href(),
    })
}
