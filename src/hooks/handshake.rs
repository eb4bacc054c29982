//! The handshake by which Microsoft Graph proves that it reaches the address of a subscription: the token comes in the
//! query and goes back as text. It is answered from memory; nothing is looked up for it.

use super::answer::sentence;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// Longest token sent back, in bytes after decoding.
const LONGEST: usize = 4_096;

/// The answer to a request with a `validationToken`; `None` if it has none.
pub(super) fn answer(query: &str) -> Option<HttpResponse> {
    let token = token(query)?;
    if token.len() > LONGEST || token.is_empty() {
        let text = format!("validationToken has {} bytes; 1 to {LONGEST} are answered.", token.len());
        return Some(sentence(StatusCode::BAD_REQUEST, &text));
    }
    Some(
        HttpResponse::Ok()
            .content_type("text/plain")
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .insert_header(("Cache-Control", "no-store"))
            .body(token),
    )
}

/// The decoded token. The sender encodes it as a form does, a space as `+`.
fn token(query: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name.eq_ignore_ascii_case("validationToken")).map(|(_, token)| token.into_owned())
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn tokens_are_decoded_as_forms_are() {
        for (query, expected) in [
            ("validationToken=Validation%3a+Testing+client", Some("Validation: Testing client")),
            ("a=b&validationtoken=x%20y%2Bz", Some("x y+z")),
            ("validationToken=", Some("")),
            ("validation=x", None),
            ("", None),
        ] {
            assert_eq!(token(query).as_deref(), expected, "{query}");
        }
    }
}
