//! Outgoing webhooks of the booking systems: a signed POST, tried once.

use crate::sandbox::caller::call;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use serde_json::Value;
use sha2::Sha256;
use std::fmt::Write as _;
use std::time::Duration;

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// `sha256=` and the HMAC-SHA256 of the body in hexadecimal.
pub(in crate::sandbox) fn signature(secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Posts one message; the status of the answer, or why there is none.
pub(in crate::sandbox) async fn post(url: &str, secret: &str, message: &Value) -> Result<u16, String> {
    let body = message.to_string().into_bytes();
    let headers = [
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("X-API-Key".to_owned(), secret.to_owned()),
        ("X-Booking-Signature".to_owned(), signature(secret, &body)),
    ];
    call("POST", url, &headers, &body, PATIENCE).await.map(|answer| answer.status).map_err(|error| error.to_string())
}
