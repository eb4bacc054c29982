//! How many requests a tenant may make in a minute, counted in this process, and how it is told
//! (draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy` and `RateLimit`; RFC 6585, 4: 429).

use crate::model::TenantId;
use crate::model::Timestamp;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::HashMap;
use std::sync::Mutex;

/// Length of a window.
const MINUTE_MS: i64 = 60_000;

/// What the tenants have used of the present minute.
#[derive(Default)]
pub struct Rates(Mutex<HashMap<TenantId, Window>>);

#[derive(Clone, Copy)]
struct Window {
    began: i64,
    used: i64,
}

/// How a tenant stands after one more request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Requests in one minute.
    quota: i64,
    /// Requests that are left of them.
    left: i64,
    /// Seconds until the next minute begins.
    pub(super) seconds: i64,
    /// Whether this request was one too many.
    pub(super) exceeded: bool,
}

impl Rates {
    /// Counts one request of a tenant that may make `quota` in a minute.
    pub(super) fn take(&self, tenant: &TenantId, quota: i64, now: Timestamp) -> Standing {
        let began = now.ms().div_euclid(MINUTE_MS);
        let seconds = 60 - now.ms().rem_euclid(MINUTE_MS) / 1000;
        let Ok(mut windows) = self.0.lock() else { return Standing { quota, left: 0, seconds, exceeded: false } };
        let window = windows.entry(tenant.clone()).or_insert(Window { began, used: 0 });
        if window.began != began {
            *window = Window { began, used: 0 };
        }
        let exceeded = window.used >= quota;
        window.used += i64::from(!exceeded);
        Standing { quota, left: (quota - window.used).max(0), seconds, exceeded }
    }
}

impl Standing {
    /// Tells it in headers.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let policy = format!("\"tenant\";q={};w=60", self.quota);
        let limit = format!("\"tenant\";r={};t={}", self.left, self.seconds);
        for (name, text) in [("ratelimit-policy", policy), ("ratelimit", limit)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_a_minute_of_its_own_and_the_next_minute_is_new() {
        let (rates, a, b) = (Rates::default(), TenantId::from("a"), TenantId::from("b"));
        let at = Timestamp(60_000 * 100 + 15_000);
        assert_eq!(rates.take(&a, 2, at), Standing { quota: 2, left: 1, seconds: 45, exceeded: false });
        assert_eq!(rates.take(&a, 2, at).left, 0);
        assert!(rates.take(&a, 2, at).exceeded);
        assert!(!rates.take(&b, 2, at).exceeded, "another tenant is not in the way");
        assert_eq!(rates.take(&a, 2, at.plus_ms(45_000)).left, 1);
    }

    #[test]
    fn the_headers_are_structured_fields() {
        let mut headers = HeaderMap::new();
        Standing { quota: 60, left: 12, seconds: 30, exceeded: false }.tell(&mut headers);
        assert_eq!(headers.get("ratelimit-policy").unwrap(), "\"tenant\";q=60;w=60");
        assert_eq!(headers.get("ratelimit").unwrap(), "\"tenant\";r=12;t=30");
    }
}
