//! How pages are answered: a browser shows them as they are and nothing else.

use super::view;
use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::StatusCode;
use actix_web::http::header;

/// An answer without script, frame or anything from elsewhere; its forms go to this server.
pub(super) fn html(mut answer: HttpResponseBuilder) -> HttpResponseBuilder {
    let policy = format!(
        "default-src 'none'; style-src '{}'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        view::style_hash()
    );
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    answer
}

/// A page with one sentence, and perhaps a way on.
pub(super) fn notice(status: StatusCode, words: &str, on: Option<(&str, &str)>) -> HttpResponse {
    html(HttpResponse::build(status)).body(view::notice(words, on))
}
