//! Free-busy questions to the outbox (RFC 6638, 5): when are these rooms taken? Everybody else is unknown here.

use super::Call;
use super::caller::VisibleRoom;
use super::error::DavError;
use super::path::Resource;
use super::property::principal::address;
use super::propfind::own_outbox;
use super::report::freebusy::PRODUCT;
use super::report::freebusy::busy;
use crate::davxml::Condition;
use crate::davxml::QName;
use crate::davxml::XmlWriter;
use crate::ical::component::Component;
use crate::ical::freebusy::FreeBusyHead;
use crate::ical::freebusy::vfreebusy;
use crate::ical::line::ContentLine;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::store::Tx;
use actix_web::HttpResponse;
use actix_web::http::header;
use jiff::civil::DateTime;

/// A question: about whom, and when.
struct Question {
    uid: String,
    organizer: String,
    attendees: Vec<String>,
    range: TimeRange,
}

/// Answers a POST with a `schedule-response`: one response for each attendee, in order.
pub async fn post(call: &Call<'_>) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let Resource::Outbox { login, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    own_outbox(call, login, &call.resource)?;
    let question = Question::parse(call)?;
    if !is_own(call, &question.organizer) {
        let text = "The ORGANIZER of a free-busy question is the one who asks.";
        return Err(DavError::forbidden(Condition::OrganizerAllowed, text));
    }
    let mut tx = call.begin_read().await?;
    let visible = call.caller.rooms(&mut tx).await?;
    let answer = QName::caldav("schedule-response");
    let mut xml = XmlWriter::document(&answer);
    for attendee in &question.attendees {
        let room = visible.iter().find(|room| is_address_of(call, room, attendee));
        tell(&mut tx, call, &question, attendee, room, &mut xml).await?;
    }
    xml.close(&answer);
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/xml; charset=utf-8")).body(xml.finish()))
}

impl Question {
    fn parse(call: &Call<'_>) -> Result<Self, DavError> {
        let text = std::str::from_utf8(&call.body).map_err(|_| invalid("The question is not UTF-8."))?;
        let root = Component::parse(text, &call.door.limits)?;
        let method = root.line("METHOD").map(|line| line.value.to_ascii_uppercase());
        let asked = root.components_named("VFREEBUSY").next();
        let (Some("REQUEST"), Some(asked)) = (method.as_deref(), asked) else {
            return Err(invalid("The outbox takes free-busy questions only: METHOD:REQUEST with one VFREEBUSY."));
        };
        let value = |name: &str| asked.line(name).map(|line| line.value.trim().to_owned());
        let (start, end) = (utc(value("DTSTART")), utc(value("DTEND")));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(invalid("A free-busy question has DTSTART and DTEND in UTC."));
        };
        let attendees: Vec<String> = asked.lines_named("ATTENDEE").map(|line| line.value.trim().to_owned()).collect();
        if start >= end || attendees.is_empty() || attendees.len() > call.door.limits.attendees {
            return Err(invalid("A free-busy question names attendees and ends after it starts."));
        }
        let (Some(uid), Some(organizer)) = (value("UID"), value("ORGANIZER")) else {
            return Err(invalid("A free-busy question has a UID and an ORGANIZER."));
        };
        Ok(Self { uid, organizer, attendees, range: TimeRange::new(start, end) })
    }
}

async fn tell(
    tx: &mut Tx,
    call: &Call<'_>,
    question: &Question,
    attendee: &str,
    room: Option<&VisibleRoom>,
    xml: &mut XmlWriter,
) -> Result<(), DavError> {
    let response = QName::caldav("response");
    xml.open(&response).href_in(&QName::caldav("recipient"), attendee);
    let status = QName::caldav("request-status");
    match room {
        Some(room) => {
            let periods = busy(tx, call, room, question.range).await?;
            let organizer = ContentLine::new("ORGANIZER", &[], &question.organizer);
            let extra = format!("{}{}", organizer.raw(), ContentLine::new("ATTENDEE", &[], attendee).raw());
            let now = call.door.clock.now();
            let head = FreeBusyHead { product: PRODUCT, uid: &question.uid, stamp: now, extra: &extra };
            let answer = vfreebusy(&head, question.range, &periods);
            let answer = answer.replacen("BEGIN:VFREEBUSY", "METHOD:REPLY\r\nBEGIN:VFREEBUSY", 1);
            xml.leaf(&status, "2.0;Success").leaf(&QName::caldav("calendar-data"), &answer);
        }
        None => {
            xml.leaf(&status, "3.7;Invalid calendar user");
        }
    }
    xml.close(&response);
    Ok(())
}

/// Whether an address is the room's: its mail address or the path of its principal.
fn is_address_of(call: &Call<'_>, room: &VisibleRoom, address: &str) -> bool {
    if let Some(email) = email_of(address) {
        return !room.room.email.is_empty() && email.eq_ignore_ascii_case(&room.room.email);
    }
    let (tenant, slug) = (call.caller.tenant.tenant_key.clone(), room.room.slug.clone());
    Resource::parse(address) == Some(Resource::RoomPrincipal { tenant, room: slug })
}

/// Whether an address is the caller's.
fn is_own(call: &Call<'_>, text: &str) -> bool {
    match email_of(text) {
        Some(email) => address(&call.caller.principal).is_some_and(|own| own.eq_ignore_ascii_case(email)),
        None => Resource::parse(text) == Some(call.caller.resource()),
    }
}

fn email_of(address: &str) -> Option<&str> {
    let (scheme, email) = address.split_once(':')?;
    scheme.eq_ignore_ascii_case("mailto").then_some(email)
}

fn utc(text: Option<String>) -> Option<Timestamp> {
    let wall = DateTime::strptime("%Y%m%dT%H%M%S", text?.strip_suffix('Z')?).ok()?;
    let zoned = wall.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_jiff(zoned.timestamp()))
}

fn invalid(text: &str) -> DavError {
    DavError::forbidden(Condition::ValidSchedulingMessage, text)
}
