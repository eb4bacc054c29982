//! Methods that do nothing here, refused so that clients go on (RFC 4791, 5.3.1; RFC 4918, 9.3 and 9.6).

use super::error::DavError;
use super::options::allow;
use super::path::Kind;
use super::path::Resource;
use crate::davxml::Condition;

/// The refusal of a method on a resource.
pub fn refuse(method: &str, kind: Kind, resource: &Resource) -> DavError {
    match (method, kind) {
        // Some clients try this uninvited when they set an account up, and go on after this condition.
        ("MKCALENDAR", _) => {
            let text = "Rooms are made by an administrator, not by calendar clients.";
            DavError::forbidden(Condition::CalendarCollectionLocationOk, text)
        }
        ("MKCOL", _) => DavError::need_privilege(&resource.href(), "bind", "Collections cannot be made here."),
        ("DELETE", Kind::Room) => {
            DavError::need_privilege(&resource.href(), "unbind", "Rooms are removed by an administrator.")
        }
        _ => DavError::MethodNotAllowed(allow(kind)),
    }
}
