//! WebDAV-Push from end to end: a client registers over CalDAV, a push service on this machine gets messages when the
//! room has changed, and the client opens them. Statement X7.

pub mod service;

use crate::house::{Engine, House};
use crate::sync::scene::{CALENDAR, Scene, event};
use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::{App, test};
use anteroom::bridge::webpush::PushSender;
use anteroom::config::{Limits, Profile, Push};
use anteroom::crypt::{Key, KeyRing, Keys, VerifiedCache, password};
use anteroom::dav::{self, DavDoor, KnownCallers, PushDoor};
use anteroom::manage::profile::Profiles;
use anteroom::manage::{self, Acting, SignIn};
use anteroom::model::{Privilege, Scope};
use anteroom::observe::{Metrics, names};
use anteroom::store::principals::Principal;
use anteroom::store::secrets::{self, SecretRow};
use anteroom::store::{audit, principals};
use anteroom::sync::{Announcer, Settings};
use base64::Engine as _;
use service::{Client, PushService, Received, claims};
use std::sync::{Arc, LazyLock};

const PASSWORD: &str = "correct horse";
static HASH: LazyLock<String> = LazyLock::new(|| password::hash(PASSWORD).unwrap());
const HALL: &str = "/dav/example/rooms/council-hall/";
const CONTENT: &str = "<trigger><content-update><D:depth>1</D:depth></content-update></trigger>";
const PROPERTY: &str = "<trigger><property-update><D:depth>0</D:depth></property-update></trigger>";

/// A house with a door, a push service and what tells clients of changes.
struct Stage<'a> {
    house: &'a House,
    door: Arc<DavDoor>,
    announcer: Announcer,
    service: PushService,
}

impl<'a> Stage<'a> {
    async fn new(house: &'a House) -> Self {
        let keys = Keys::from_ring(KeyRing::new("k1", Key::new([7; 32])));
        let verified = Arc::new(VerifiedCache::new(keys.cache.clone(), 300_000, 100));
        let clock = house.clock.clone();
        let push = Push { private_networks: true, ..Push::default() };
        let door = DavDoor {
            store: house.store.clone(),
            clock: clock.clone(),
            limits: Limits::default(),
            keys: keys.clone(),
            nudge: Arc::new(|_| {}),
            sign_in: Arc::new(SignIn::new(house.store.clone(), verified)),
            known: KnownCallers::default(),
            profiles: Arc::new(Profiles::new("https://rooms.example.org", &Profile::default()).unwrap()),
            push: PushDoor::of(&push, Some("https://rooms.example.org/")),
        };
        let announcer = Announcer {
            store: house.store.clone(),
            clock: clock.clone(),
            keys: Arc::new(keys),
            sender: PushSender::new(true, None, clock).unwrap(),
            settings: Settings::default(),
            pause_ms: push.pause_ms,
            contact: "mailto:ops@example.org".to_owned(),
            metrics: Arc::new(Metrics::new()),
        };
        Self { house, door: Arc::new(door), announcer, service: PushService::start().await }
    }

    /// A person who can sign in, with that privilege everywhere.
    async fn person(&self, login: &str, privilege: Privilege) -> Principal {
        let principal = self.house.user(login, privilege).await;
        let secret = SecretRow {
            id: format!("secret-{login}"),
            tenant_id: self.house.tenant().clone(),
            principal_id: principal.id.clone(),
            kind: secrets::APP_PASSWORD.to_owned(),
            label: "test".to_owned(),
            lookup: String::new(),
            hash: HASH.clone(),
            created_ms: self.house.now(),
            last_used_ms: None,
            revoked_ms: None,
            expires_ms: None,
            rotated_ms: None,
            scope: Scope::default(),
        };
        self.house.write_one(async |tx| secrets::insert(tx, &secret).await).await;
        principal
    }

    /// Status, `Location` and body of a request.
    async fn send(
        &self,
        login: &str,
        method: &str,
        path: &str,
        header: (&str, &str),
        body: &str,
    ) -> (u16, String, String) {
        let app = test::init_service(App::new().configure(|config| dav::routes(config, self.door.clone()))).await;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{login}:{PASSWORD}"));
        let request = test::TestRequest::with_uri(path)
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .append_header(("authorization", format!("Basic {basic}")))
            .append_header(header)
            .set_payload(body.to_owned());
        let response = test::call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let body = to_bytes(response.into_body()).await.ok().unwrap_or_default();
        (status, location.unwrap_or_default(), String::from_utf8_lossy(&body).into_owned())
    }

    /// Registers a client; its registration's address.
    async fn register(&self, login: &str, client: &Client, name: &str, trigger: &str) -> String {
        let body = client.registration(&format!("{}/{name}", self.service.origin), trigger);
        let (status, location, body) = self.send(login, "POST", HALL, ("content-type", "application/xml"), &body).await;
        assert_eq!(status, 201, "{body}");
        assert!(location.starts_with("https://rooms.example.org/dav/example/push/"), "{location}");
        location
    }

    async fn book(&self, login: &str, uid: &str, hour: u32, header: (&str, &str)) {
        let path = format!("{HALL}{uid}.ics");
        let (status, _, body) = self.send(login, "PUT", &path, header, &object(uid, hour)).await;
        assert!(matches!(status, 201 | 204), "{body}");
    }

    /// One property of the hall.
    async fn property(&self, login: &str, name: &str) -> String {
        let asked = format!(
            "<propfind xmlns='DAV:' xmlns:p='https://bitfire.at/webdav-push'><prop><{name}/></prop></propfind>"
        );
        let (_, _, body) = self.send(login, "PROPFIND", HALL, ("depth", "0"), &asked).await;
        let (_, rest) = body.split_once("<D:prop><").unwrap();
        rest.split_once('>').unwrap().1.split_once("</").unwrap().0.to_owned()
    }

    /// What reaches the push service after a while.
    async fn told(&self) -> Vec<Received> {
        self.house.clock.advance_ms(5_000);
        self.announcer.announce().await.unwrap();
        self.service.take()
    }

    async fn story(&self) -> Vec<String> {
        let entries = audit::latest(&mut self.house.read().await, self.house.tenant(), 100).await.unwrap();
        entries.into_iter().filter(|entry| entry.action == "push.end").map(|entry| entry.detail).collect()
    }
}

fn object(uid: &str, hour: u32) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260301T000000Z\r\nDTSTART:20260303T{hour:02}0000Z\r\nDURATION:PT1H\r\nSUMMARY:{uid}\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// Runs a case on each engine that there is.
async fn on_each(case: impl AsyncFn(&House)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(house) = House::on(engine).await else { continue };
        case(&house).await;
        house.leave().await;
    }
}

#[actix_web::test]
async fn x7_a_change_over_caldav_and_one_from_afar_reach_the_client_and_nobody_else_can_read_them() {
    on_each(async |house| {
        let scene = Scene::new(house, 1).await;
        scene.settle().await;
        let stage = Stage::new(house).await;
        stage.person("anna", Privilege::Write).await;
        stage.person("bert", Privilege::Read).await;
        let client = Client::new(3);
        stage.register("bert", &client, "up/bert", CONTENT).await;
        assert!(stage.told().await.is_empty(), "nothing has happened since");

        stage.book("anna", "budget", 9, ("x", "y")).await;
        let told = stage.told().await;
        let [message] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(message.path, "/up/bert");
        assert_eq!(message.headers["content-type"], "application/xml; charset=\"UTF-8\"");
        assert!(message.headers["ttl"].parse::<u32>().unwrap() > 0 && message.headers["topic"].len() <= 32);
        let (claims, key) = claims(message);
        assert_eq!(
            (claims["aud"].as_str(), claims["sub"].as_str()),
            (Some(stage.service.origin.as_str()), Some("mailto:ops@example.org"))
        );
        assert_eq!(key, stage.announcer.keys.vapid.public());
        let text = client.open(message);
        let (topic, token) = (stage.property("bert", "p:topic").await, stage.property("bert", "sync-token").await);
        assert_eq!(
            text,
            format!(
                "<P:push-message xmlns:D=\"DAV:\" xmlns:P=\"https://bitfire.at/webdav-push\"><P:topic>{topic}</P:topic>\
                 <P:content-update><D:sync-token>{token}</D:sync-token></P:content-update></P:push-message>"
            )
        );
        assert!(stage.told().await.is_empty(), "each change is told once");

        scene.remote().book(CALENDAR, event("x", "From afar", 4, 9));
        scene.settle().await;
        let told = stage.told().await;
        let [message] = told.as_slice() else { panic!("{told:?}") };
        let later = stage.property("bert", "sync-token").await;
        assert_ne!(later, token);
        assert!(client.open(message).contains(&format!("<D:sync-token>{later}</D:sync-token>")));
        assert_eq!(stage.announcer.metrics.value(&names::PUSH_MESSAGES, &["taken"]), Some(2.0));
    })
    .await;
}

#[actix_web::test]
async fn x7_who_made_a_change_is_spared_the_message_and_others_are_not() {
    on_each(async |house| {
        house.room("Council hall").await;
        let stage = Stage::new(house).await;
        stage.person("anna", Privilege::Write).await;
        stage.person("bert", Privilege::Write).await;
        let client = Client::new(3);
        let own = stage.register("anna", &client, "phone", CONTENT).await;
        stage.register("anna", &client, "tablet", CONTENT).await;
        let strange = stage.register("bert", &client, "bert", CONTENT).await;
        let paths = async || {
            let mut paths: Vec<String> = stage.told().await.into_iter().map(|message| message.path).collect();
            paths.sort();
            paths
        };
        let quoted = format!("\"{own}\"");
        stage.book("anna", "a", 8, ("push-dont-notify", &quoted)).await;
        assert_eq!(paths().await, ["/bert", "/tablet"]);
        stage.book("anna", "b", 9, ("push-dont-notify", "*")).await;
        assert_eq!(paths().await, ["/bert"]);
        // Nobody can keep somebody else from being told.
        stage.book("anna", "c", 10, ("push-dont-notify", &format!("\"{strange}\""))).await;
        assert_eq!(paths().await, ["/bert", "/phone", "/tablet"]);
        // What somebody else did in between is told although the own change is not.
        stage.book("bert", "d", 11, ("push-dont-notify", "*")).await;
        stage.book("anna", "e", 12, ("push-dont-notify", &quoted)).await;
        assert_eq!(paths().await, ["/bert", "/phone", "/tablet"]);
        let (status, ..) =
            stage.send("anna", "DELETE", &format!("{HALL}e.ics"), ("push-dont-notify", &quoted), "").await;
        assert_eq!(status, 204);
        assert_eq!(paths().await, ["/bert", "/tablet"]);
        // An unchanged PUT tells nobody, and an ended registration gets nothing.
        stage.book("anna", "a", 8, ("x", "y")).await;
        assert_eq!(paths().await, Vec::<String>::new());
        let path = own.strip_prefix("https://rooms.example.org").unwrap();
        assert_eq!(stage.send("anna", "DELETE", path, ("x", "y"), "").await.0, 204);
        stage.book("anna", "a", 7, ("x", "y")).await;
        assert_eq!(paths().await, ["/bert", "/tablet"]);
    })
    .await;
}

#[actix_web::test]
async fn x7_properties_of_the_room_are_told_to_those_who_asked_for_them() {
    on_each(async |house| {
        house.room("Council hall").await;
        let stage = Stage::new(house).await;
        stage.person("anna", Privilege::Write).await;
        stage.person("bert", Privilege::Read).await;
        let client = Client::new(3);
        let own = stage.register("anna", &client, "anna", PROPERTY).await;
        stage.register("bert", &client, "bert", "").await;
        stage.register("bert", &client, "members", CONTENT).await;
        let acting = Acting { tenant: house.tenant(), actor: "principal:olav", now: house.now() };
        let patch = manage::rooms::RoomPatch { name: Some("Great hall".to_owned()), ..Default::default() };
        let mut tx = house.write().await;
        manage::rooms::update(&mut tx, &acting, "council-hall", &patch).await.unwrap();
        tx.commit().await.unwrap();
        let mut told = stage.told().await;
        told.sort_by(|one, other| one.path.cmp(&other.path));
        let paths: Vec<&str> = told.iter().map(|message| message.path.as_str()).collect();
        assert_eq!(paths, ["/anna", "/bert"]);
        let text = client.open(&told[0]);
        assert!(text.contains("<P:property-update/>") && !text.contains("sync-token"), "{text}");
        // A colour of one's own concerns oneself only.
        let colour = "<propertyupdate xmlns='DAV:'><set><prop><calendar-color xmlns='http://apple.com/ns/ical/'>#112233\
                      </calendar-color></prop></set></propertyupdate>";
        assert_eq!(stage.send("bert", "PROPPATCH", HALL, ("x", "y"), colour).await.0, 207);
        assert_eq!(stage.told().await.len(), 1);
        let quoted = format!("\"{own}\"");
        assert_eq!(stage.send("anna", "PROPPATCH", HALL, ("push-dont-notify", &quoted), colour).await.0, 207);
        assert_eq!(stage.told().await.len(), 0);
        // Both at once are one message.
        assert_eq!(stage.send("bert", "PROPPATCH", HALL, ("x", "y"), colour).await.0, 207);
        stage.book("anna", "a", 8, ("x", "y")).await;
        let told = stage.told().await;
        let both = told.iter().find(|message| message.path == "/bert").unwrap();
        let text = client.open(both);
        assert!(text.contains("<P:property-update/>") && text.contains("<D:sync-token>"), "{text}");
    })
    .await;
}

#[actix_web::test]
async fn x7_a_busy_push_service_is_asked_again_later_and_many_changes_are_one_message() {
    on_each(async |house| {
        house.room("Council hall").await;
        let stage = Stage::new(house).await;
        stage.person("anna", Privilege::Write).await;
        let client = Client::new(3);
        stage.register("anna", &client, "a", CONTENT).await;
        stage.service.answers(429, "retry-after: 60\r\n");
        stage.book("anna", "a", 8, ("x", "y")).await;
        assert_eq!(stage.told().await.len(), 1);
        house.clock.advance_ms(50_000);
        assert_eq!(stage.told().await.len(), 0, "not before the time that was asked for");
        stage.service.answers(503, "");
        stage.book("anna", "b", 9, ("x", "y")).await;
        assert_eq!(stage.told().await.len(), 1);
        stage.service.answers(201, "");
        house.clock.advance_ms(60_000);
        let told = stage.told().await;
        let token = stage.property("anna", "sync-token").await;
        assert_eq!(told.len(), 1);
        assert!(client.open(&told[0]).contains(&token), "the message tells the present state");
        // Changes that follow each other closely are told together.
        for hour in 10..14 {
            stage.book("anna", &format!("n{hour}"), hour, ("x", "y")).await;
            stage.announcer.announce().await.unwrap();
        }
        let hasty = stage.service.take().len();
        assert!(hasty <= 1, "{hasty} messages at one instant");
        assert!(hasty + stage.told().await.len() <= 2);
        assert_eq!(stage.told().await.len(), 0);
    })
    .await;
}

#[actix_web::test]
async fn x7_a_registration_ends_with_its_subscription_its_right_its_time_or_when_it_is_refused() {
    on_each(async |house| {
        house.room("Council hall").await;
        let stage = Stage::new(house).await;
        stage.person("anna", Privilege::Write).await;
        let bert = stage.person("bert", Privilege::Read).await;
        let client = Client::new(3);
        for (number, status) in [(0, 404), (1, 410)] {
            stage.register("anna", &client, "gone", CONTENT).await;
            stage.service.answers(status, "");
            stage.book("anna", &format!("gone{number}"), 8 + number, ("x", "y")).await;
            assert_eq!(stage.told().await.len(), 1);
            stage.service.answers(201, "");
            assert_eq!(stage.told().await.len(), 0, "the subscription is over");
        }
        assert_eq!(stage.story().await.len(), 2);
        // A service that refuses is not asked for ever.
        stage.register("anna", &client, "refused", CONTENT).await;
        stage.service.answers(403, "");
        stage.book("anna", "refused", 10, ("x", "y")).await;
        let mut asked = 0;
        for _ in 0..20 {
            house.clock.advance_ms(3_600_000);
            asked += stage.told().await.len();
        }
        assert_eq!(asked, 3);
        stage.service.answers(201, "");
        // Who may not read the room any more is not told.
        stage.register("bert", &client, "bert", CONTENT).await;
        house.write_one(async |tx| principals::revoke(tx, house.tenant(), &bert.id, None).await).await;
        stage.book("anna", "secret", 11, ("x", "y")).await;
        assert_eq!(stage.told().await.len(), 0);
        assert!(stage.story().await[0].contains("may not read"), "{:?}", stage.story().await);
        // What has expired is not used.
        stage.register("anna", &client, "old", CONTENT).await;
        house.clock.advance_ms(31 * 86_400_000);
        stage.book("anna", "late", 12, ("x", "y")).await;
        assert_eq!(stage.told().await.len(), 0);
    })
    .await;
}
