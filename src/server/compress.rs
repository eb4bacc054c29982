//! Large answers compressed with gzip where the client takes it (RFC 9110, 8.4 and 12.5.3).
//!
//! Three rules. Calendar objects are sent as they are: their strong validator stands for octets, and clients send it back
//! with what they write. Answers that may hold a secret say `no-store` and are left alone. Everything else gets a name of
//! random length into the gzip header, which readers skip: whoever can put text into a booking and watch the length of
//! encrypted answers must not learn from it how well that text compresses beside the text of others (BREACH).

use actix_web::Error;
use actix_web::body::BodySize;
use actix_web::body::BoxBody;
use actix_web::body::MessageBody;
use actix_web::body::to_bytes;
use actix_web::dev::ServiceRequest;
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::http::header::HeaderMap;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use actix_web::web;
use flate2::Compression;
use flate2::GzBuilder;
use std::io::Write;

/// Shorter answers fit into one packet anyway.
const LEAST_BYTES: u64 = 1024;
/// Longer ones are compressed beside the threads that answer.
const ASIDE_BYTES: usize = 64 << 10;
/// Longest name in the gzip header.
const PADDING: u8 = 127;

/// The middleware.
pub(super) async fn compress<B>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error>
where
    B: MessageBody + 'static,
{
    let wanted = accepts_gzip(request.headers());
    let is_head = request.method() == Method::HEAD;
    let in_dav = request.path().starts_with("/dav");
    let mut response = next.call(request).await?;
    let has_validator = in_dav && response.headers().contains_key(header::ETAG);
    if has_validator || !is_compressible(response.status(), response.headers()) {
        return Ok(response.map_into_boxed_body());
    }
    // What might have been compressed depends on the header, also where it was not.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let is_large = matches!(response.response().body().size(), BodySize::Sized(bytes) if bytes >= LEAST_BYTES);
    if !wanted || is_head || !is_large {
        return Ok(response.map_into_boxed_body());
    }
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let Ok(plain) = to_bytes(body).await else {
        return Err(actix_web::error::ErrorInternalServerError("the answer broke off"));
    };
    let packed = if plain.len() > ASIDE_BYTES {
        web::block(move || gzip(&plain)).await.map_err(actix_web::error::ErrorInternalServerError)?
    } else {
        gzip(&plain)
    }?;
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(packed))))
}

/// Text in an answer that says neither that it must not be stored nor that it is coded already.
fn is_compressible(status: StatusCode, headers: &HeaderMap) -> bool {
    let says = |name, word: &str| headers.get(name).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains(word));
    let kinds = ["application/xml", "application/json", "text/calendar", "text/html", "text/plain"];
    let bears_content = status.is_success() && status != StatusCode::NO_CONTENT;
    bears_content
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !says(header::CACHE_CONTROL, "no-store")
        && kinds.iter().any(|kind| says(header::CONTENT_TYPE, kind))
}

/// Whether `Accept-Encoding` names gzip, or everything, with a weight above 0 (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut by_star = false;
    let values = headers.get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    for coding in values.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let wanted = weight.is_none_or(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0));
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return wanted,
            "*" => by_star = wanted,
            _ => {}
        }
    }
    by_star
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut dice = [0];
    getrandom::fill(&mut dice).map_err(std::io::Error::other)?;
    let name = vec![b'a'; usize::from(dice[0] % PADDING) + 1];
    let mut encoder = GzBuilder::new().filename(name).write(Vec::new(), Compression::new(5));
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::App;
    use actix_web::HttpResponse;
    use actix_web::middleware::from_fn;
    use actix_web::test;
    use flate2::read::GzDecoder;
    use std::collections::BTreeSet;
    use std::io::Read;

    async fn large() -> HttpResponse {
        let body = "<a>text</a>".repeat(1000);
        HttpResponse::Ok()
            .insert_header((header::VARY, "Prefer"))
            .content_type("application/xml; charset=utf-8")
            .body(body)
    }

    async fn small() -> HttpResponse {
        HttpResponse::Ok().content_type("application/json").body("{}")
    }

    async fn secret() -> HttpResponse {
        let body = "x".repeat(5000);
        HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type("application/json")
            .body(body)
    }

    async fn object() -> HttpResponse {
        HttpResponse::Ok().insert_header((header::ETAG, "\"1\"")).content_type("text/calendar").body("x".repeat(5000))
    }

    async fn answer(path: &str, accept: Option<&str>) -> (HeaderMap, Vec<u8>) {
        let app = App::new()
            .wrap(from_fn(compress))
            .route("/large", web::get().to(large))
            .route("/small", web::get().to(small))
            .route("/secret", web::get().to(secret))
            .route("/dav/object", web::get().to(object))
            .route("/feeds/object", web::get().to(object));
        let app = test::init_service(app).await;
        let mut request = test::TestRequest::with_uri(path);
        if let Some(accept) = accept {
            request = request.insert_header((header::ACCEPT_ENCODING, accept));
        }
        let response = test::call_service(&app, request.to_request()).await;
        let headers = response.headers().clone();
        (headers, to_bytes(response.into_body()).await.unwrap().to_vec())
    }

    fn is_coded(headers: &HeaderMap) -> bool {
        headers.get(header::CONTENT_ENCODING).is_some_and(|value| value == "gzip")
    }

    #[actix_web::test]
    async fn x6_large_answers_are_compressed_where_accepted_and_vary_says_so() {
        let (headers, packed) = answer("/large", Some("br, gzip;q=0.5")).await;
        let mut plain = String::new();
        GzDecoder::new(packed.as_slice()).read_to_string(&mut plain).unwrap();
        assert!(is_coded(&headers) && packed.len() < 1000, "{}", packed.len());
        assert_eq!(plain, "<a>text</a>".repeat(1000));
        for accept in [None, Some("identity"), Some("gzip;q=0"), Some("gzip;q=0, *"), Some("br")] {
            let (headers, body) = answer("/large", accept).await;
            assert!(!is_coded(&headers), "{accept:?}");
            assert_eq!(body.len(), 11_000);
            let vary: Vec<_> = headers.get_all(header::VARY).map(|value| value.to_str().unwrap()).collect();
            assert_eq!(vary, ["Prefer", "Accept-Encoding"], "{accept:?}");
        }
        assert!(is_coded(&answer("/large", Some("*")).await.0));
    }

    #[actix_web::test]
    async fn x6_small_answers_secrets_and_calendar_objects_are_sent_as_they_are() {
        for path in ["/small", "/secret", "/dav/object"] {
            assert!(!is_coded(&answer(path, Some("gzip")).await.0), "{path}");
        }
        let (coded, plain) = (answer("/feeds/object", Some("gzip")).await.0, answer("/feeds/object", None).await.0);
        assert!(is_coded(&coded));
        assert_eq!(coded.get(header::ETAG), plain.get(header::ETAG), "one validator for both codings");
    }

    #[actix_web::test]
    async fn x6_the_length_of_a_compressed_answer_is_blurred() {
        let lengths: BTreeSet<usize> = (0..50).map(|_| gzip(b"the same text").unwrap().len()).collect();
        assert!(lengths.len() > 10, "{lengths:?}");
    }
}
