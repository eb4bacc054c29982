//! The answers of this door. Senders read the status only; the sentences are for whoever reads their logs.

use crate::store::StoreError;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web;

/// Longest body read, or why there is none.
pub(super) async fn body(payload: web::Payload, most: usize) -> Result<web::Bytes, HttpResponse> {
    match payload.to_bytes_limited(most).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(sentence(StatusCode::BAD_REQUEST, "The body broke off before its end.")),
        Err(_) => {
            let text = format!("The body is larger than {most} bytes, the limit of notifications here.");
            Err(sentence(StatusCode::PAYLOAD_TOO_LARGE, &text))
        }
    }
}

/// 202: whatever it was, it need not be sent again.
pub(super) fn accepted() -> HttpResponse {
    HttpResponse::Accepted().finish()
}

/// 503 when the store cannot take it now: the sender is to repeat it.
pub(super) fn unavailable(error: &StoreError) -> HttpResponse {
    tracing::error!(error = %error, source = ?std::error::Error::source(error), "a notification could not be stored");
    HttpResponse::ServiceUnavailable()
        .insert_header(("Retry-After", "10"))
        .content_type("text/plain; charset=utf-8")
        .body("The notification could not be stored. Send it again.")
}

/// Any other status with a sentence.
pub(super) fn sentence(status: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(text.to_owned())
}
