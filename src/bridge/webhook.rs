//! Webhooks: the one place from which deliveries leave. Those who administer a tenant name the address, so a delivery goes
//! to public addresses only, as push messages do, unless the operator says otherwise.

use super::http::describe;
use super::http::retry_after;
use super::webpush::address;
use super::webpush::outward;
use crate::model::Clock;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Where the deliveries of one webhook go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// Reads an absolute URI. Without `private`, only https to what may be a public host is taken; the error is a sentence.
    pub fn parse(text: &str, private: bool) -> Result<Self, String> {
        address("The address", text, private).map(Self)
    }

    /// The whole URI.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// One delivery, signed already (Standard Webhooks).
pub struct Parcel {
    /// Value of `webhook-id`.
    pub id: String,
    /// Value of `webhook-timestamp`, in seconds.
    pub seconds: i64,
    /// Value of `webhook-signature`.
    pub signature: String,
    /// The body, JSON.
    pub body: Vec<u8>,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// The receiver has it.
    Taken(u16),
    /// The receiver wants nothing any more (410).
    Gone(u16),
    /// It was not taken.
    Failed {
        /// The status of the answer; `None` where none came.
        status: Option<u16>,
        /// When it may be tried again.
        after_ms: Option<u64>,
        /// Why, as a sentence.
        why: String,
    },
}

/// The client of webhooks.
pub struct WebhookSender {
    client: reqwest::Client,
    private: bool,
    clock: Arc<dyn Clock>,
}

impl WebhookSender {
    /// A client that talks to public addresses only, or with `private` to any, directly or through a proxy.
    pub fn new(private: bool, proxy: Option<&str>, patience: Duration, clock: Arc<dyn Clock>) -> Result<Self, String> {
        Ok(Self { client: outward(private, proxy, patience)?, private, clock })
    }

    /// Reads an address as strictly as this client is.
    pub fn url(&self, text: &str) -> Result<WebhookUrl, String> {
        WebhookUrl::parse(text, self.private)
    }

    /// Hands a delivery over. The answer's body says nothing that matters and is not read.
    pub async fn send(&self, to: &WebhookUrl, parcel: Parcel) -> Receipt {
        let request = self
            .client
            .post(to.0.clone())
            .header("content-type", "application/json")
            .header("webhook-id", parcel.id)
            .header("webhook-timestamp", parcel.seconds)
            .header("webhook-signature", parcel.signature)
            .body(parcel.body);
        match request.send().await {
            Err(why) => Receipt::Failed { status: None, after_ms: None, why: describe(why) },
            Ok(answer) => judge(answer.status().as_u16(), retry_after(answer.headers(), self.clock.as_ref())),
        }
    }
}

/// What a status of a receiver means.
fn judge(status: u16, after_ms: Option<u64>) -> Receipt {
    match status {
        200..=299 => Receipt::Taken(status),
        410 => Receipt::Gone(status),
        _ => Receipt::Failed { status: Some(status), after_ms, why: format!("the receiver answered {status}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SystemClock;

    #[test]
    fn a_webhook_goes_to_public_https_addresses_unless_private_ones_are_allowed() {
        assert!(WebhookUrl::parse("https://hooks.example.org/a?b=c", false).is_ok());
        for bad in
            ["http://hooks.example.org/a", "https://127.0.0.1/a", "https://[fd00::1]/a", "https://localhost/", "x"]
        {
            let refused = WebhookUrl::parse(bad, false).unwrap_err();
            assert!(refused.starts_with("The address "), "{bad}: {refused}");
        }
        assert!(WebhookUrl::parse("http://127.0.0.1:9/a", true).is_ok());
        assert!(WebhookUrl::parse("file:///etc/passwd", true).is_err());
    }

    #[test]
    fn two_hundreds_are_taken_410_is_gone_and_everything_else_is_tried_again() {
        assert_eq!((judge(204, None), judge(410, None)), (Receipt::Taken(204), Receipt::Gone(410)));
        for status in [301, 400, 404, 429, 500] {
            assert!(matches!(judge(status, Some(9)), Receipt::Failed { after_ms: Some(9), .. }), "{status}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_never_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let patience = Duration::from_secs(5);
        let sender = WebhookSender::new(false, None, patience, Arc::new(SystemClock)).unwrap();
        // As if the name had been public when the webhook was made.
        let url = WebhookUrl(Url::parse(&format!("http://localhost:{port}/a")).unwrap());
        let parcel = Parcel { id: String::new(), seconds: 0, signature: String::new(), body: Vec::new() };
        let Receipt::Failed { why, .. } = sender.send(&url, parcel).await else { panic!("it was sent") };
        assert!(why.contains("has no public address"), "{why}");
        let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(nobody.is_err(), "somebody connected");
    }
}
