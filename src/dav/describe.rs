//! `GET /dav/features.json`: what this door offers, refuses and bounds, for programs. Made from the tables that answer
//! OPTIONS and PROPFIND, so that it cannot say anything else than they do.

use super::DavDoor;
use super::options;
use super::path::Kind;
use super::property::collection;
use super::property::object;
use super::property::principal;
use super::property::room;
use super::report;
use crate::config::Limits;
use crate::davxml::QName;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// What is not offered although clients know it, and what they are told instead.
const NOT_OFFERED: [(&str, &str); 10] = [
    ("anonymous access", "401: every request but OPTIONS and the well-known address takes credentials"),
    ("MKCALENDAR", "403 calendar-collection-location-ok: rooms are made by administrators"),
    ("MKCOL", "403 need-privileges"),
    ("LOCK, UNLOCK", "405, and no class 2: preconditions guard against lost updates"),
    ("ACL", "405: grants are made by administrators; DAV:acl takes the privilege read-acl, which nobody has here"),
    ("calendar-auto-schedule", "no inbox, no Schedule-Tag: a room is booked in its own calendar, not by invitation"),
    ("VTODO, VJOURNAL, VAVAILABILITY objects", "403 supported-calendar-component"),
    ("Depth: infinity", "403 propfind-finite-depth"),
    ("sync-collection on the home", "403 sync-traversal-supported: ask each calendar"),
    ("quota", "quota-available-bytes and quota-used-bytes are 404: a room has no quota"),
];

/// Where the door does something else than a client may expect, though within the RFCs or beside them.
const PECULIAR: [(&str, &str); 9] = [
    ("exclusive rooms", "409 with R:room-occupied when another booking has the time"),
    ("private bookings", "shown as busy time, under another validator, to callers without the right to write"),
    ("personal properties", "colour, order, name, time zone and transparency of a room are kept for each caller alone"),
    ("compressed request bodies", "415"),
    ("sub-hourly rules, EXRULE", "403 valid-calendar-data or valid-calendar-object-resource"),
    ("Depth of sync-collection", "0, 1 and none are accepted, because widespread clients send 1 (RFC 6578, 3.2: 0)"),
    ("Push-Dont-Notify: *", "stands for the caller's own registrations; others are told of every change"),
    ("GET on a room", "405; a feed is the way to read a whole room at once"),
    ("max-instances", "counts what lies inside the horizon; a series without end is accepted"),
];

/// The names under which kinds of resources are described.
const KINDS: [(Kind, &str); 11] = [
    (Kind::Root, "root"),
    (Kind::Tenant, "tenant"),
    (Kind::Principals, "principals"),
    (Kind::Principal, "principal"),
    (Kind::RoomPrincipals, "room-principals"),
    (Kind::RoomPrincipal, "room-principal"),
    (Kind::Home, "home"),
    (Kind::Room, "room"),
    (Kind::Object, "object"),
    (Kind::Outbox, "outbox"),
    (Kind::Registration, "registration"),
];

/// Answers the document; it holds nothing that takes credentials.
pub(super) async fn serve(door: web::Data<DavDoor>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "max-age=3600"))
        .json(description(&door.limits, door.push.is_some()))
}

/// The document for a server with these limits. `push`: whether it sends push messages.
pub fn description(limits: &Limits, push: bool) -> Value {
    let kinds: Map<String, Value> =
        KINDS.iter().map(|(kind, name)| ((*name).to_owned(), resource(*kind, push))).collect();
    json!({
        "server": "Anteroom",
        "version": env!("CARGO_PKG_VERSION"),
        "dav": options::CLASSES.split(", ").collect::<Vec<_>>(),
        "well_known": "/.well-known/caldav",
        "context_path": "/dav/",
        "resources": kinds,
        "calendar_components": room::COMPONENTS,
        "calendar_data": [{ "content_type": "text/calendar", "version": "2.0" }],
        "collations": room::COLLATIONS,
        "principal_search": principal::RoomProperty::SEARCHABLE.map(|(property, _)| property.name().clark()),
        "limits": bounds(limits),
        "not_offered": told(&NOT_OFFERED),
        "peculiar": told(&PECULIAR),
    })
}

fn resource(kind: Kind, push: bool) -> Value {
    json!({
        "dav": options::classes(kind, push).split(", ").collect::<Vec<_>>(),
        "methods": options::allow(kind, push).split(", ").collect::<Vec<_>>(),
        "reports": report::offered(kind).iter().map(QName::clark).collect::<Vec<_>>(),
        "properties": properties(kind).iter().map(QName::clark).collect::<Vec<_>>(),
        "personal_properties": personal(kind).iter().map(QName::clark).collect::<Vec<_>>(),
    })
}

/// The properties that a resource of this kind can have.
fn properties(kind: Kind) -> Vec<QName> {
    let mut names: Vec<QName> = match kind {
        Kind::Principal => principal::Property::ALL.iter().map(|property| property.name()).collect(),
        Kind::RoomPrincipal => principal::RoomProperty::ALL.iter().map(|property| property.name()).collect(),
        Kind::Room => room::Property::ALL.iter().map(|property| property.name()).collect(),
        Kind::Object => object::Property::ALL.iter().map(|property| property.name()).collect(),
        _ => Vec::new(),
    };
    names.extend(collection::Property::ALL.iter().filter(|property| property.is_on(kind)).map(|p| p.name()));
    names.sort();
    names.dedup();
    names
}

/// The properties of the server that a caller may replace for themselves.
fn personal(kind: Kind) -> Vec<QName> {
    let all = room::Property::ALL.iter().filter(|property| kind == Kind::Room && property.is_personal());
    all.map(|property| property.name()).collect()
}

/// The bounds by the names of their properties where they have one, else by those of the configuration.
fn bounds(limits: &Limits) -> Value {
    json!({
        "max-resource-size": limits.object_bytes,
        "min-date-time": room::min_date_time(limits),
        "max-date-time": room::max_date_time(limits),
        "max-instances": limits.max_instances(),
        "max-attendees-per-instance": limits.attendees,
        "multiget_hrefs": limits.multiget_hrefs,
        "report_members": limits.report_members,
        "report_bytes": limits.report_bytes,
        "xml_bytes": limits.xml_bytes,
        "xml_depth": limits.xml_depth,
        "xml_elements": limits.xml_elements,
        "dead_properties": limits.dead_properties,
        "dead_property_bytes": limits.dead_property_bytes,
        "instance_horizon_days": limits.instance_horizon_days,
        "push_registrations": limits.push_registrations,
    })
}

fn told(list: &[(&str, &str)]) -> Value {
    list.iter().map(|(what, answer)| json!({ "what": what, "answer": answer })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To write the file anew: `UPDATE_FEATURES=1 cargo test --lib the_description_in_the_repository`.
    #[test]
    fn x12_the_description_in_the_repository_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/features.json");
        let text = format!("{}\n", serde_json::to_string_pretty(&description(&Limits::default(), true)).unwrap());
        if std::env::var_os("UPDATE_FEATURES").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text, "run: UPDATE_FEATURES=1 cargo test --lib x12_");
    }
}
