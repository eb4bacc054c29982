//! The answers of this door. All carry the same headers of caution: the address itself is the secret.

use super::cache::Page;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::http::header::HttpDate;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

const ALLOW: &str = "GET, HEAD, OPTIONS";

/// The page, or 304 if the client has it already.
pub(super) fn page(request: &HttpRequest, page: &Page, refresh_minutes: u32) -> HttpResponse {
    let modified = HttpDate::from(instant(page));
    let unchanged = has_it(request, page);
    let mut builder = builder(if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    builder
        .insert_header((header::ETAG, page.etag.quoted()))
        .insert_header((header::LAST_MODIFIED, modified.to_string()))
        .insert_header((header::CACHE_CONTROL, format!("private, max-age={}", u64::from(refresh_minutes) * 60)));
    if unchanged {
        return builder.finish();
    }
    builder
        .content_type("text/calendar; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, disposition(&page.file_name)))
        .body(page.bytes.clone())
}

/// Anything else, with a sentence.
pub(super) fn sentence(status: StatusCode, text: &str) -> HttpResponse {
    builder(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/plain; charset=utf-8")
        .body(text.to_owned())
}

/// `OPTIONS`: what is allowed.
pub(super) async fn options() -> HttpResponse {
    builder(StatusCode::NO_CONTENT).insert_header((header::ALLOW, ALLOW)).finish()
}

/// Every other method: a feed is only read.
pub(super) async fn not_allowed() -> HttpResponse {
    let mut answer =
        sentence(StatusCode::METHOD_NOT_ALLOWED, "A feed is only read: GET, HEAD and OPTIONS are answered.");
    answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(ALLOW));
    answer
}

fn builder(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("X-Robots-Tag", "noindex, nofollow"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    builder
}

/// RFC 9110, 13.1: If-None-Match decides where it is given, by weak comparison; otherwise If-Modified-Since.
fn has_it(request: &HttpRequest, page: &Page) -> bool {
    let quoted = page.etag.quoted();
    let mut given = request.headers().get_all(header::IF_NONE_MATCH).peekable();
    if given.peek().is_some() {
        return given.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == quoted
        });
    }
    let since = request.headers().get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    since.and_then(|text| text.parse::<HttpDate>().ok()).is_some_and(|date| instant(page) <= SystemTime::from(date))
}

fn instant(page: &Page) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(page.modified.ms().max(0).unsigned_abs())
}

/// RFC 6266 with the letters that need no quoting. A room's name in URLs has no others; this does not rely on it.
fn disposition(file_name: &str) -> String {
    let safe: String =
        file_name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).take(100).collect();
    format!("inline; filename=\"{safe}\"")
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn file_names_cannot_break_out_of_the_header() {
        assert_eq!(disposition("hall-1.ics"), "inline; filename=\"hall-1.ics\"");
        assert_eq!(disposition("a\"\r\nSet-Cookie: x=ø.ics"), "inline; filename=\"aSet-Cookiex.ics\"");
    }
}
