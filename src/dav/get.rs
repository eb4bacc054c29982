//! GET and HEAD of a calendar object (RFC 9110, 9.3.1 and 13.1.2): the octets as they were put, or their projection.

use super::Call;
use super::caller::VisibleRoom;
use super::error::DavError;
use super::headers::EtagList;
use super::path::Resource;
use super::property::object::CONTENT_TYPE;
use super::property::object::etag_for;
use super::property::room::http_date;
use super::timezones::Timezones;
use crate::config::Limits;
use crate::ical::CalendarObject;
use crate::ical::IcalError;
use crate::ical::ParseContext;
use crate::ical::Stamp;
use crate::ical::privacy;
use crate::model::View;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header;
use std::borrow::Cow;

/// Answers a GET, or a HEAD with the same headers and no body.
pub async fn get(call: &Call<'_>, head: bool) -> Result<HttpResponse, DavError> {
    let timezones = Timezones::parse(call.headers)?;
    let (room, row) = object(call).await?;
    let etag = etag_for(&row.etag, room.view());
    let known = EtagList::parse(call.headers, "if-none-match")?.is_some_and(|list| list.matches_weakly(&etag));
    if EtagList::parse(call.headers, "if-match")?.is_some_and(|list| !list.matches_strongly(&etag)) {
        return Err(DavError::PreconditionFailed("The booking has changed meanwhile; fetch it again.".to_owned()));
    }
    let mut response = HttpResponseBuilder::new(if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    response.insert_header((header::ETAG, etag.quoted()));
    response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
    response.insert_header((header::VARY, "CalDAV-Timezones"));
    if known {
        return Ok(response.finish());
    }
    response.insert_header((header::CONTENT_TYPE, CONTENT_TYPE));
    response.insert_header((header::LAST_MODIFIED, http_date(row.modified_ms)));
    let octets = timezones.shown(&visible_octets(call, &room, &row)?, &call.door.limits)?.into_owned();
    if head {
        let length = octets.len() as u64;
        let nothing = futures_util::stream::empty::<Result<actix_web::web::Bytes, std::io::Error>>();
        return Ok(response.body(SizedStream::new(length, nothing)));
    }
    Ok(response.body(octets))
}

/// The object that the call is about, if the caller may read it.
pub async fn object(call: &Call<'_>) -> Result<(VisibleRoom, ObjectRow), DavError> {
    let href = call.resource.href();
    let Resource::Object { room, name, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    let (room, row) = if let Some(known) = call.known_object(room, name).await? {
        known
    } else {
        let mut tx = call.begin_read().await?;
        let room = call.room(&mut tx, room, &href).await?;
        let row = objects::by_name(&mut tx, &call.caller.tenant.id, &room.room.id, name).await?;
        (room, row)
    };
    room.require_read(&href)?;
    Ok((room, row.ok_or_else(|| DavError::not_found(&href))?))
}

/// The octets of an object as the caller may see them: those that are stored or, without the right to write, private
/// bookings as busy time only. The same object gives the same projection.
pub fn visible_octets<'r>(call: &Call<'_>, room: &VisibleRoom, row: &'r ObjectRow) -> Result<Cow<'r, str>, DavError> {
    seen(&call.door.limits, room, row)
}

/// As [`visible_octets`], away from the request.
pub fn seen<'r>(limits: &Limits, room: &VisibleRoom, row: &'r ObjectRow) -> Result<Cow<'r, str>, DavError> {
    if room.view() == View::Full {
        return Ok(Cow::Borrowed(&row.body));
    }
    let failed = |error: IcalError| DavError::Failed(format!("object {} cannot be shown: {error}", row.id));
    let cx = ParseContext { limits, floating: &room.room.zone };
    let object = CalendarObject::parse(row.body.as_bytes(), &cx).map_err(failed)?;
    if !privacy::is_private(object.event()) {
        return Ok(Cow::Borrowed(&row.body));
    }
    let modified = object.last_modified().unwrap_or(row.modified_ms);
    let stamp = Stamp { created: object.created().unwrap_or(modified), modified, sequence: object.sequence() };
    let shown =
        CalendarObject::compose(&privacy::public_only(object.event(), privacy::BUSY), &stamp).map_err(failed)?;
    Ok(Cow::Owned(shown.text().to_owned()))
}
