//! What a body of notifications says, as far as it is looked at: whose subscription, which secret, what kind.

use crate::crypt::mac;
use crate::model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// What the reconciler is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something changed in the calendar.
    Changed,
    /// Notifications were lost.
    Missed,
    /// The subscription ended at the remote side.
    Removed,
    /// The subscription must be renewed to go on.
    Reauthorize,
}

impl Kind {
    /// The word in the inbox.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missed => "missed",
            Self::Removed => "removed",
            Self::Reauthorize => "reauthorize",
        }
    }
}

/// One notification of Microsoft Graph, of change or lifecycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Id of the subscription at the remote side.
    pub subscription: String,
    /// What it claims as proof that it comes from there.
    pub client_state: String,
    /// What it is about.
    pub kind: Kind,
    /// The same for a repetition of the same notification.
    pub key: String,
}

#[derive(Deserialize)]
struct Body {
    value: Vec<Value>,
}

/// The notifications of a body; the sentence of the error is the answer.
pub fn parse(body: &[u8], now: Timestamp) -> Result<Vec<Notification>, String> {
    let body: Body = serde_json::from_slice(body)
        .map_err(|e| format!("The body is not a collection of notifications ({{\"value\": [...]}}): {e}."))?;
    body.value.iter().enumerate().map(|(at, item)| notification(at, item, now)).collect()
}

fn notification(at: usize, item: &Value, now: Timestamp) -> Result<Notification, String> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let subscription = text("subscriptionId").ok_or_else(|| format!("value[{at}] has no subscriptionId."))?;
    let kind = match text("lifecycleEvent") {
        None => Kind::Changed,
        Some("subscriptionRemoved") => Kind::Removed,
        Some("reauthorizationRequired") => Kind::Reauthorize,
        // "missed", and events that are added later: something is not as it was, so look.
        Some(_) => Kind::Missed,
    };
    Ok(Notification {
        subscription: subscription.to_owned(),
        client_state: text("clientState").unwrap_or_default().to_owned(),
        kind,
        key: key(item, kind, now),
    })
}

/// Graph repeats a notification octet by octet when the answer was late. One that names the version it is about is the
/// same for ever; of the others, those within one minute count as one, so that a later one is never taken for old.
fn key(item: &Value, kind: Kind, now: Timestamp) -> String {
    let version = item.pointer("/resourceData/@odata.etag").and_then(Value::as_str);
    let minute = if kind == Kind::Changed && version.is_some() { 0 } else { now.ms().div_euclid(60_000) };
    mac::digest(format!("{minute}|{item}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(items: &Value, now: i64) -> Vec<Notification> {
        parse(json!({ "value": items }).to_string().as_bytes(), Timestamp(now)).unwrap()
    }

    #[test]
    fn changes_and_lifecycle_events_are_told_apart() {
        for (event, kind) in [
            (json!(null), Kind::Changed),
            (json!("missed"), Kind::Missed),
            (json!("subscriptionRemoved"), Kind::Removed),
            (json!("reauthorizationRequired"), Kind::Reauthorize),
            (json!("inventedLater"), Kind::Missed),
        ] {
            let found = parsed(&json!([{"subscriptionId": "s", "clientState": "c", "lifecycleEvent": event}]), 0);
            assert_eq!((found[0].kind, found[0].subscription.as_str()), (kind, "s"));
            assert_eq!(found[0].client_state, "c");
        }
    }

    #[test]
    fn a_repetition_has_the_key_of_the_first_and_another_version_has_not() {
        let item = |etag: &str| json!([{"subscriptionId": "s", "resourceData": {"@odata.etag": etag}}]);
        assert_eq!(parsed(&item("1"), 0)[0].key, parsed(&item("1"), 86_400_000)[0].key);
        assert_ne!(parsed(&item("1"), 0)[0].key, parsed(&item("2"), 0)[0].key);
    }

    #[test]
    fn what_names_no_version_counts_again_after_a_minute() {
        for item in [json!([{"subscriptionId": "s"}]), json!([{"subscriptionId": "s", "lifecycleEvent": "missed"}])] {
            assert_eq!(parsed(&item, 0)[0].key, parsed(&item, 59_999)[0].key);
            assert_ne!(parsed(&item, 0)[0].key, parsed(&item, 60_000)[0].key);
        }
    }

    #[test]
    fn malformed_bodies_are_refused_in_a_sentence() {
        for (body, says) in [
            ("", "not a collection"),
            ("[]", "not a collection"),
            ("{\"value\": 1}", "not a collection"),
            ("{\"value\": [{}]}", "value[0] has no subscriptionId"),
            ("{\"value\": [{\"subscriptionId\": \"s\"}, 7]}", "value[1] has no subscriptionId"),
        ] {
            let error = parse(body.as_bytes(), Timestamp(0)).unwrap_err();
            assert!(error.contains(says), "{body}: {error}");
        }
    }
}
