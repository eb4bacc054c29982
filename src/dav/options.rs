//! OPTIONS and the well-known address: what the door offers, and nothing that it does not (RFC 4918, 10.1; RFC 6764, 5).

use super::path::Kind;
use actix_web::HttpResponse;
use actix_web::http::header;

/// The compliance classes. No class 2, because there are no locks; no calendar-auto-schedule, because there is no inbox.
pub const CLASSES: &str = "1, 3, access-control, calendar-access, calendar-no-timezone";

/// What the rooms of a server that sends push messages are besides.
const PUSH_CLASS: &str = "webdav-push";

/// The compliance classes of such a resource. `push`: whether push messages are sent.
pub fn classes(kind: Kind, push: bool) -> String {
    match kind {
        Kind::Room if push => format!("{CLASSES}, {PUSH_CLASS}"),
        _ => CLASSES.to_owned(),
    }
}

/// 200 without a body: some clients take 204 for a failure. `push`: whether push messages are sent.
pub fn options(kind: Kind, push: bool) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("DAV", classes(kind, push)))
        .insert_header((header::ALLOW, allow(kind, push)))
        .insert_header((header::CONTENT_LENGTH, "0"))
        .finish()
}

/// The methods that do something on such a resource. `push`: whether push messages are sent.
pub const fn allow(kind: Kind, push: bool) -> &'static str {
    match kind {
        Kind::Root | Kind::Tenant | Kind::Principals | Kind::RoomPrincipals | Kind::RoomPrincipal => {
            "OPTIONS, PROPFIND, REPORT"
        }
        Kind::Room if push => "OPTIONS, PROPFIND, PROPPATCH, REPORT, POST",
        Kind::Registration => "OPTIONS, DELETE",
        Kind::Principal | Kind::Home | Kind::Room => "OPTIONS, PROPFIND, PROPPATCH, REPORT",
        Kind::Object => "OPTIONS, GET, HEAD, PUT, DELETE, COPY, MOVE, PROPFIND, REPORT",
        Kind::Outbox => "OPTIONS, POST, PROPFIND, REPORT",
    }
}

/// 301 to the context path, for any method and without credentials.
pub async fn well_known() -> HttpResponse {
    HttpResponse::MovedPermanently()
        .insert_header((header::LOCATION, "/dav/"))
        .insert_header((header::CACHE_CONTROL, "max-age=86400"))
        .finish()
}
