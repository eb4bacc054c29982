//! WebDAV-Push (draft-bitfire-webdav-push-00): what a room offers, and how a client registers and ends that. Statement X7.

use super::house::{Answer, House, NOW};
use super::xml;
use anteroom::config::Limits;
use anteroom::model::Privilege;
use anteroom::store::{audit, registrations};

const HALL: &str = "/dav/t/rooms/hall/";
const KEY: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

fn subscription(resource: &str) -> String {
    format!(
        "<subscription><web-push-subscription><push-resource>{resource}</push-resource>\
         <content-encoding>aes128gcm</content-encoding>\
         <subscription-public-key type='p256dh'>{KEY}</subscription-public-key>\
         <auth-secret>BTBZMqHH6r4Tts7J_aSIgg</auth-secret></web-push-subscription></subscription>"
    )
}

async fn register(house: &House, login: &str, resource: &str, rest: &str) -> Answer {
    let body = format!(
        "<?xml version='1.0'?><push-register xmlns='https://bitfire.at/webdav-push' xmlns:D='DAV:'>{}{rest}\
         </push-register>",
        subscription(resource)
    );
    house.send(login, "POST", HALL, &[("content-type", "application/xml")], &body).await
}

/// The path of an absolute URI.
fn path(location: &str) -> String {
    let (_, rest) = location.split_once("://").expect("an absolute address");
    rest[rest.find('/').unwrap()..].to_owned()
}

#[actix_web::test]
async fn x7_a_room_tells_how_it_tells_of_changes() {
    let house = House::with_anna().await;
    let cara = house.user("cara").await;
    let attic = house.room("attic").await;
    house.grant_all(&cara, Privilege::ReadFreeBusy).await;
    let options = house.anonymous("OPTIONS", HALL, &[], b"").await;
    assert!(options.header("dav").unwrap().ends_with(", webdav-push"));
    assert!(options.header("allow").unwrap().contains("POST"));
    let asked = "<propfind xmlns='DAV:' xmlns:p='https://bitfire.at/webdav-push'><prop><p:transports/><p:topic/>\
                 <p:supported-triggers/></prop></propfind>";
    let told = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], asked).await;
    let props = xml::told(&told.body).remove(0).props;
    let push = |name: &str| &props[&format!("{{https://bitfire.at/webdav-push}}{name}")];
    let web_push = push("transports").1.elements().next().unwrap();
    let key = web_push.elements().next().unwrap();
    assert_eq!((web_push.name.local.as_ref(), key.name.local.as_ref()), ("web-push", "vapid-public-key"));
    assert_eq!((key.attribute("type"), key.text().len()), (Some("p256ecdsa"), 87));
    let topic = push("topic").1.text();
    assert!(topic.len() >= 22 && !topic.contains("hall"));
    let triggers: Vec<String> = push("supported-triggers")
        .1
        .elements()
        .map(|trigger| format!("{} {}", trigger.name.local, trigger.elements().next().unwrap().text()))
        .collect();
    assert_eq!(triggers, ["content-update 1", "property-update 0"]);
    // Another room has another topic, and who may only know when it is taken is not told.
    house.grant(&house.user("bert").await, &attic, Privilege::Read).await;
    let other = house.send("bert", "PROPFIND", "/dav/t/rooms/attic/", &[("depth", "0")], asked).await;
    assert!(!other.body.contains(&topic));
    let hidden = house.send("cara", "PROPFIND", HALL, &[("depth", "0")], asked).await;
    assert!(hidden.body.contains("403") && !hidden.body.contains(&topic));
    assert_eq!(register(&house, "cara", "https://up.example.net/c", "").await.status, 403);
}

#[actix_web::test]
async fn x7_a_registration_is_made_renewed_and_ended() {
    let house = House::with_anna().await;
    house.user_as("bert", anteroom::model::Role::TenantViewer).await;
    let made =
        register(&house, "anna", "https://up.example.net/a", "<expires>Wed, 04 Mar 2026 08:00:00 GMT</expires>").await;
    assert_eq!((made.status, made.header("expires")), (201, Some("Wed, 04 Mar 2026 08:00:00 GMT")), "{}", made.body);
    let location = made.header("location").unwrap().to_owned();
    // The same push resource again: the same registration, for as long as the server allows at most.
    let again =
        register(&house, "anna", "https://up.example.net/a", "<expires>Fri, 04 Mar 2033 08:00:00 GMT</expires>").await;
    assert_eq!((again.status, again.header("location")), (204, Some(location.as_str())));
    assert_eq!(again.header("expires"), Some("Wed, 01 Apr 2026 08:00:00 GMT"));
    // Somebody else with the same push resource has a registration of their own, and cannot end this one.
    let other = register(&house, "bert", "https://up.example.net/a", "").await;
    assert_eq!(other.status, 201);
    assert_ne!(other.header("location"), Some(location.as_str()));
    let own = path(&location);
    assert_eq!(house.send("bert", "DELETE", &own, &[], "").await.status, 404);
    assert_eq!(house.anonymous("DELETE", &own, &[], b"").await.status, 401);
    assert_eq!(house.send("anna", "GET", &own, &[], "").await.header("allow"), Some("OPTIONS, DELETE"));
    assert_eq!(house.send("anna", "PROPFIND", &own, &[("depth", "0")], "").await.status, 405);
    assert_eq!(house.send("anna", "DELETE", &own, &[], "").await.status, 204);
    assert_eq!(house.send("anna", "DELETE", &own, &[], "").await.status, 404);
    let mut tx = house.store.begin_read().await.unwrap();
    let story = audit::latest(&mut tx, &house.tenant.id, 10).await.unwrap();
    let told: Vec<&str> = story.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(told, ["push.unregister", "push.register", "push.register"]);
    // Nothing of the push resource is in the store in clear.
    house.clock.advance_ms(1);
    let mut tx = house.store.begin_read().await.unwrap();
    let waiting = registrations::waiting(&mut tx, NOW.plus_days(1), 10).await.unwrap();
    assert!(waiting.iter().all(|one| !format!("{one:?}").contains("up.example.net")));
}

#[actix_web::test]
async fn x7_what_cannot_be_registered_is_refused_by_its_condition_and_bounded() {
    let house = House::with_limits(Limits { push_registrations: 2, ..Limits::default() }).await;
    let (anna, hall) = (house.user("anna").await, house.room("hall").await);
    house.grant(&anna, &hall, Privilege::Read).await;
    for (resource, rest, status, condition) in [
        ("http://up.example.net/a", "", 403, "P:invalid-subscription"),
        ("https://169.254.169.254/latest", "", 403, "P:invalid-subscription"),
        ("https://[::1]/a", "", 403, "P:invalid-subscription"),
        ("https://up.example.net/a", "<trigger><x/></trigger>", 403, "P:no-supported-trigger"),
        ("https://up.example.net/a", "<expires>soon</expires>", 400, ""),
        ("https://up.example.net/a", "<expires>Wed, 04 Mar 2020 08:00:00 GMT</expires>", 400, ""),
    ] {
        let answer = register(&house, "anna", resource, rest).await;
        assert_eq!(answer.status, status, "{resource} {rest}: {}", answer.body);
        assert!(answer.body.contains(condition) && answer.body.contains("responsedescription"), "{}", answer.body);
    }
    assert_eq!(house.send("anna", "POST", HALL, &[], "<x/>").await.status, 400);
    assert_eq!(register(&house, "anna", "https://up.example.net/1", "").await.status, 201);
    assert_eq!(register(&house, "anna", "https://up.example.net/2", "").await.status, 201);
    let third = register(&house, "anna", "https://up.example.net/3", "").await;
    assert_eq!(third.status, 403);
    assert!(third.body.contains("P:push-not-available") && third.body.contains("which is the most"), "{}", third.body);
    assert_eq!(register(&house, "anna", "https://up.example.net/2", "").await.status, 204, "a known one is renewed");
}
