//! Push services (RFC 8030): the one place from which push messages leave. A client names the push service, so a message
//! goes to public addresses only: names are resolved here, private addresses are dropped before a connection is made, so
//! that no later answer of the name service can lead elsewhere, and redirects are not followed.

use super::http::describe;
use super::http::install_ring;
use super::http::retry_after;
use crate::model::Clock;
use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use url::Host;
use url::Url;

/// Longest time for one message.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a push service keeps a message for a client that is away, in seconds.
const KEPT_SECONDS: u32 = 86_400;

/// Where the messages of one subscription go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushResource(Url);

impl PushResource {
    /// Reads an absolute URI. Without `private`, only https to what may be a public host is taken; the error is a sentence.
    pub fn parse(text: &str, private: bool) -> Result<Self, String> {
        address("The push resource", text, private).map(Self)
    }

    /// Its origin, to which the sender's token is bound (RFC 8292, 2).
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The whole URI.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// An address that somebody outside has named. Without `private`, only https to what may be a public host is taken; the
/// error is a sentence about `what`.
pub(super) fn address(what: &str, text: &str, private: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("{what} is not an absolute URI."))?;
    let https = url.scheme() == "https" || (private && url.scheme() == "http");
    if !https || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{what} is not an https address without a user name."));
    }
    let public = match url.host() {
        None => return Err(format!("{what} names no host.")),
        Some(Host::Ipv4(ip)) => is_public(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => is_public(IpAddr::V6(ip)),
        Some(Host::Domain(name)) => name.trim_end_matches('.') != "localhost" && !name.ends_with(".localhost"),
    };
    if !public && !private {
        return Err(format!("{what} lies in a private network; messages go to public addresses."));
    }
    Ok(url)
}

/// A client for addresses that somebody outside has named: to public ones only, or with `private` to any, directly or
/// through a proxy. Redirects are not followed.
pub(super) fn outward(private: bool, proxy: Option<&str>, patience: Duration) -> Result<reqwest::Client, String> {
    install_ring();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("anteroom/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(patience)
        .connect_timeout(patience);
    let builder = match proxy {
        // The proxy resolves names, and decides where they may lead.
        Some(url) => builder.proxy(reqwest::Proxy::all(url).map_err(describe)?),
        None if private => builder.no_proxy(),
        None => builder.no_proxy().dns_resolver(Arc::new(PublicOnly)),
    };
    builder.build().map_err(describe)
}

/// One message, sealed already.
pub struct Message {
    /// Value of `Authorization` (RFC 8292, 3).
    pub authorization: String,
    /// A newer message replaces an undelivered one of the same topic (RFC 8030, 5.4).
    pub topic: String,
    /// The sealed body.
    pub body: Vec<u8>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The push service has it.
    Taken,
    /// There is no such subscription any more.
    Gone,
    /// Not now.
    Later {
        /// When it may be tried again.
        after_ms: Option<u64>,
        /// Why, as a sentence.
        why: String,
    },
    /// Not so.
    Refused(String),
}

/// The client of push services.
pub struct PushSender {
    client: reqwest::Client,
    private: bool,
    clock: Arc<dyn Clock>,
}

impl PushSender {
    /// A client that talks to public push services only, or with `private` to any, directly or through a proxy.
    pub fn new(private: bool, proxy: Option<&str>, clock: Arc<dyn Clock>) -> Result<Self, String> {
        Ok(Self { client: outward(private, proxy, PATIENCE)?, private, clock })
    }

    /// Reads a push resource as strictly as this client is.
    pub fn resource(&self, text: &str) -> Result<PushResource, String> {
        PushResource::parse(text, self.private)
    }

    /// Hands a message to its push service. The answer's body says nothing that matters and is not read.
    pub async fn send(&self, to: &PushResource, message: Message) -> Delivery {
        let request = self
            .client
            .post(to.0.clone())
            .header("authorization", message.authorization)
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/xml; charset=\"UTF-8\"")
            .header("ttl", KEPT_SECONDS)
            .header("topic", message.topic)
            .header("urgency", "normal")
            .body(message.body);
        match request.send().await {
            Err(why) => Delivery::Later { after_ms: None, why: describe(why) },
            Ok(answer) => {
                let status = answer.status().as_u16();
                judge(status, retry_after(answer.headers(), self.clock.as_ref()))
            }
        }
    }
}

/// What a status of a push service means (RFC 8030, 5 and 7.3).
fn judge(status: u16, after_ms: Option<u64>) -> Delivery {
    let why = format!("the push service answered {status}");
    match status {
        200..=299 => Delivery::Taken,
        404 | 410 => Delivery::Gone,
        408 | 425 | 429 | 500..=599 => Delivery::Later { after_ms, why },
        _ => Delivery::Refused(why),
    }
}

/// A name service that knows public addresses only.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(format!("{} has no public address", name.as_str()).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address may belong to a host of the public internet.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        // Shared by providers (RFC 6598), protocol assignments (RFC 6890), benchmarks (RFC 2544).
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let last = || {
        let [.., high, low] = segments;
        Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
    };
    match segments {
        // Addresses of IPv4 in other clothes: compatible, mapped, NAT64 (RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_public_v4(last()),
        [0x2002, high, low, ..] => is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        // Teredo and documentation; the local ones lie outside of 2000::/3.
        [0x2001, 0 | 0xdb8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SystemClock;

    #[test]
    fn x7_only_https_to_public_hosts_is_a_push_resource() {
        for good in [
            "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
            "https://up.example.net:8443/x?y=z",
            "https://9.9.9.9/a",
            "https://[2620:fe::fe]/a",
        ] {
            assert!(PushResource::parse(good, false).is_ok(), "{good}");
        }
        for bad in [
            "",
            "up",
            "/up",
            "http://up.example.net/a",
            "ftp://up.example.net/a",
            "file:///etc/passwd",
            "https://anna:secret@up.example.net/a",
            "https://localhost/a",
            "https://localhost./a",
            "https://x.localhost/a",
            "https://127.0.0.1/a",
            "https://2130706433/a",
            "https://0x7f.1/a",
            "https://10.1.2.3/a",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/a",
            "https://0.0.0.0/a",
            "https://255.255.255.255/a",
            "https://[::1]/a",
            "https://[::]/a",
            "https://[fe80::1]/a",
            "https://[fd00::1]/a",
            "https://[::ffff:127.0.0.1]/a",
            "https://[64:ff9b::a00:1]/a",
            "https://[2002:7f00:1::]/a",
            "https://[2001:db8::1]/a",
        ] {
            let refused = PushResource::parse(bad, false).unwrap_err();
            assert!(refused.starts_with("The push resource") && refused.ends_with('.'), "{bad}: {refused}");
        }
        assert!(PushResource::parse("http://127.0.0.1:9/a", true).is_ok());
        assert!(PushResource::parse("file:///etc/passwd", true).is_err());
    }

    #[test]
    fn x7_the_origin_of_a_push_resource_has_no_path() {
        let resource = PushResource::parse("https://up.example.net:443/a/b?c", false).unwrap();
        assert_eq!(resource.origin(), "https://up.example.net");
    }

    #[test]
    fn x7_a_subscription_is_gone_with_404_and_410_and_busy_services_are_asked_again() {
        assert_eq!(judge(201, None), Delivery::Taken);
        assert_eq!((judge(404, None), judge(410, None)), (Delivery::Gone, Delivery::Gone));
        assert!(matches!(judge(429, Some(7_000)), Delivery::Later { after_ms: Some(7_000), .. }));
        assert!(matches!(judge(503, None), Delivery::Later { .. }));
        for status in [301, 400, 401, 403, 413] {
            assert!(matches!(judge(status, None), Delivery::Refused(_)), "{status}");
        }
    }

    #[tokio::test]
    async fn x7_a_name_that_leads_into_a_private_network_is_never_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sender = PushSender::new(false, None, Arc::new(SystemClock)).unwrap();
        // As if the name had been public when it was registered.
        let resource = PushResource(Url::parse(&format!("http://localhost:{port}/a")).unwrap());
        let message = Message { authorization: String::new(), topic: String::new(), body: Vec::new() };
        let Delivery::Later { why, .. } = sender.send(&resource, message).await else { panic!("it was sent") };
        assert!(why.contains("has no public address"), "{why}");
        let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(nobody.is_err(), "somebody connected");
    }
}
