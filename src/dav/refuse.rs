//! Methods that do nothing here, refused so that clients go on (RFC 4791, 5.3.1; RFC 4918, 9.3 and 9.6).

use super::Call;
use super::error::DavError;
use super::options::allow;
use super::path::Kind;
use super::path::decode;
use crate::davxml::Condition;
use actix_web::http::StatusCode;

/// The refusal of a method on a resource.
pub fn refuse(method: &str, kind: Kind, call: &Call<'_>) -> DavError {
    let href = call.resource.href();
    match (method, kind) {
        ("MKCALENDAR" | "MKCOL", _) => no_collections(method, &href),
        ("DELETE", Kind::Room) => DavError::need_privilege(&href, "unbind", "Rooms are removed by an administrator."),
        _ => DavError::MethodNotAllowed(allow(kind, call.door.push.is_some())),
    }
}

/// The refusal of a path that names nothing. For most methods that is 404; for those that would make something there, a
/// client would take 404 for "not there yet" and try again elsewhere.
pub fn nowhere(method: &str, path: &str) -> DavError {
    if !path.starts_with("/dav/") {
        return DavError::not_found(path);
    }
    match method {
        "MKCALENDAR" | "MKCOL" => no_collections(method, path),
        "PUT" if path.split('/').skip(1).any(|segment| decode(segment).is_none()) => {
            let text = "A booking cannot have this name: names are at most 255 bytes of UTF-8 without control \
                        characters, slashes and backslashes.";
            DavError::need_privilege(path, "bind", text)
        }
        // RFC 4918, 9.7.1.
        "PUT" => {
            let text = format!("There is no collection that could hold {path}; put bookings right into a room.");
            DavError::Refused { status: StatusCode::CONFLICT, conditions: Vec::new(), text }
        }
        _ => DavError::not_found(path),
    }
}

fn no_collections(method: &str, href: &str) -> DavError {
    if method == "MKCALENDAR" {
        // Some clients try this uninvited when they set an account up, and go on after this condition.
        let text = "Rooms are made by an administrator, not by calendar clients.";
        return DavError::forbidden(Condition::CalendarCollectionLocationOk, text);
    }
    DavError::need_privilege(href, "bind", "Collections cannot be made here.")
}
