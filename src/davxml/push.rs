//! WebDAV-Push bodies (draft-bitfire-webdav-push-00): the registration that a client posts to a collection (3.1), and the
//! message that it gets (4.1).

use super::condition::Condition;
use super::element::Element;
use super::name::DAV;
use super::name::PUSH;
use super::name::QName;
use super::read::read;
use super::request::RequestError;
use super::write::XmlWriter;
use crate::config::Limits;

/// Longest push resource that is taken, in bytes.
const RESOURCE: usize = 2_000;

/// A client wants to be told about changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRegister {
    /// Where messages go: an absolute URI, not looked at yet.
    pub resource: String,
    /// The client's public key, base64url.
    pub public_key: String,
    /// The authentication secret, base64url.
    pub auth_secret: String,
    /// Told of changed, new and gone members.
    pub content: bool,
    /// Told of changed properties of the collection.
    pub property: bool,
    /// When the client would like the registration to end, as an HTTP date.
    pub expires: Option<String>,
}

impl PushRegister {
    /// Reads the body of a POST to a collection.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, RequestError> {
        let root = read(body, limits)?;
        if !root.name.is(PUSH, "push-register") {
            let text = format!("a POST to a calendar is a push-register of {PUSH}, this is {}", root.name);
            return Err(RequestError::shape(text));
        }
        let subscription = root.child(PUSH, "subscription").and_then(|one| one.child(PUSH, "web-push-subscription"));
        let subscription =
            subscription.ok_or_else(|| invalid("Send a web-push-subscription; no other push transport is offered."))?;
        let (content, property) = triggers(&root)?;
        let coding = subscription.child(PUSH, "content-encoding").map(Element::text);
        if coding.is_some_and(|coding| coding.trim() != "aes128gcm") {
            return Err(invalid("Messages are sent in the content coding aes128gcm only."));
        }
        let resource = leaf(subscription, "push-resource")?;
        if resource.len() > RESOURCE {
            return Err(invalid(&format!("The push resource is longer than {RESOURCE} bytes.")));
        }
        Ok(Self {
            resource,
            public_key: key(subscription)?,
            auth_secret: leaf(subscription, "auth-secret")?,
            content,
            property,
            expires: root.child(PUSH, "expires").map(|element| element.text().trim().to_owned()),
        })
    }
}

/// Which triggers are asked for: (content-update, property-update). Depths that are not offered fall back to those that
/// are (3.1.1); a missing `trigger` asks for everything.
fn triggers(root: &Element) -> Result<(bool, bool), RequestError> {
    let Some(trigger) = root.child(PUSH, "trigger").filter(|trigger| trigger.elements().next().is_some()) else {
        return Ok((true, true));
    };
    let has = |local| trigger.child(PUSH, local).is_some();
    let asked = (has("content-update"), has("property-update"));
    if asked == (false, false) {
        let text = "The triggers offered here are content-update and property-update.";
        return Err(RequestError::condition(Condition::NoSupportedTrigger, text));
    }
    Ok(asked)
}

/// The public key; `client-public-key` is what the element was called in early drafts.
fn key(subscription: &Element) -> Result<String, RequestError> {
    let element = subscription
        .child(PUSH, "subscription-public-key")
        .or_else(|| subscription.child(PUSH, "client-public-key"))
        .ok_or_else(|| invalid("The subscription has no subscription-public-key; messages are always encrypted."))?;
    if element.attribute("type").is_some_and(|kind| kind != "p256dh") {
        return Err(invalid("The subscription-public-key has the type p256dh."));
    }
    Ok(element.text().trim().to_owned())
}

fn leaf(subscription: &Element, local: &'static str) -> Result<String, RequestError> {
    let text = subscription.child(PUSH, local).map(|element| element.text().trim().to_owned()).unwrap_or_default();
    if text.is_empty() {
        return Err(invalid(&format!("The subscription has no {local}.")));
    }
    Ok(text)
}

fn invalid(text: &str) -> RequestError {
    RequestError::condition(Condition::InvalidSubscription, text)
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushMessage<'a> {
    /// The name of the collection towards push services.
    pub topic: &'a str,
    /// The sync token after the change, where members changed.
    pub sync_token: Option<&'a str>,
    /// Whether properties of the collection changed.
    pub property: bool,
}

impl PushMessage<'_> {
    /// The message as XML.
    pub fn to_xml(&self) -> String {
        let (root, content) = (QName::push("push-message"), QName::push("content-update"));
        let attributes = [("xmlns:D", DAV), ("xmlns:P", PUSH)];
        let mut xml = XmlWriter::fragment();
        xml.open_with(&root, &attributes).leaf(&QName::push("topic"), self.topic);
        if let Some(token) = self.sync_token {
            xml.open(&content).leaf(&QName::dav("sync-token"), token).close(&content);
        }
        if self.property {
            xml.empty(&QName::push("property-update"));
        }
        xml.close(&root);
        xml.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "<subscription><web-push-subscription><push-resource> https://up.example.net/a </push-resource>\
        <content-encoding>aes128gcm</content-encoding>\
        <subscription-public-key type=\"p256dh\">BCV</subscription-public-key><auth-secret>BTB</auth-secret>\
        </web-push-subscription></subscription>";

    fn parse(inner: &str) -> Result<PushRegister, RequestError> {
        let body = format!("<push-register xmlns='{PUSH}' xmlns:D='DAV:'>{inner}</push-register>");
        PushRegister::parse(body.as_bytes(), &Limits::default())
    }

    #[test]
    fn x7_a_registration_is_read_with_its_triggers_and_its_end() {
        let read = parse(&format!(
            "{SUBSCRIPTION}<trigger><content-update><D:depth>1</D:depth></content-update></trigger>\
             <expires>Wed, 20 Dec 2023 10:03:31 GMT</expires>"
        ));
        let wanted = PushRegister {
            resource: "https://up.example.net/a".to_owned(),
            public_key: "BCV".to_owned(),
            auth_secret: "BTB".to_owned(),
            content: true,
            property: false,
            expires: Some("Wed, 20 Dec 2023 10:03:31 GMT".to_owned()),
        };
        assert_eq!(read, Ok(wanted.clone()));
        let all = PushRegister { property: true, expires: None, ..wanted.clone() };
        for nothing in ["", "<trigger/>"] {
            assert_eq!(parse(&format!("{SUBSCRIPTION}{nothing}")), Ok(all.clone()));
        }
        let only =
            format!("{SUBSCRIPTION}<trigger><property-update><D:depth>infinity</D:depth></property-update></trigger>");
        assert_eq!(parse(&only), Ok(PushRegister { content: false, property: true, expires: None, ..wanted }));
    }

    #[test]
    fn x7_what_cannot_be_registered_is_refused_by_its_condition() {
        let without = |gone: &str, put: &str| SUBSCRIPTION.replace(gone, put);
        for (body, condition) in [
            (String::new(), Condition::InvalidSubscription),
            ("<subscription><other/></subscription>".to_owned(), Condition::InvalidSubscription),
            (without("aes128gcm", "aesgcm"), Condition::InvalidSubscription),
            (without("p256dh", "ed25519"), Condition::InvalidSubscription),
            (without("<auth-secret>BTB</auth-secret>", ""), Condition::InvalidSubscription),
            (without("https://up.example.net/a", ""), Condition::InvalidSubscription),
            (without("/a ", &"a".repeat(2_001)), Condition::InvalidSubscription),
            (format!("{SUBSCRIPTION}<trigger><other/></trigger>"), Condition::NoSupportedTrigger),
        ] {
            let refused = parse(&body);
            assert!(
                matches!(&refused, Err(RequestError::Condition { condition: found, .. }) if *found == condition),
                "{body}: {refused:?}"
            );
        }
        let strange = PushRegister::parse(b"<x/>", &Limits::default());
        assert!(matches!(strange, Err(RequestError::Shape(_))));
    }

    #[test]
    fn x7_a_message_names_the_topic_the_token_and_what_has_changed() {
        let message = PushMessage { topic: "O7M1", sync_token: Some("urn:x:1&2"), property: true };
        assert_eq!(
            message.to_xml(),
            "<P:push-message xmlns:D=\"DAV:\" xmlns:P=\"https://bitfire.at/webdav-push\"><P:topic>O7M1</P:topic>\
             <P:content-update><D:sync-token>urn:x:1&amp;2</D:sync-token></P:content-update><P:property-update/>\
             </P:push-message>"
        );
        assert!(read(message.to_xml().as_bytes(), &Limits::default()).is_ok());
    }
}
