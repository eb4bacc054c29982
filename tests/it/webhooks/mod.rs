//! Webhooks from end to end: what goes through the gate reaches a receiver on a real connection, signed, in order, and once
//! it is committed it is never lost.

mod replicas;

use crate::house::{Engine, House};
use crate::push::service::{PushService, Received};
use crate::sync::scene::{Scene, event};
use anteroom::bridge::webhook::WebhookSender;
use anteroom::config::{Deliveries, Limits};
use anteroom::crypt::{Key, KeyRing, Keys};
use anteroom::manage::Acting;
use anteroom::manage::webhooks::{self, NewWebhook, WebhookPatch};
use anteroom::model::{
    Clock, DeliveryState, DetailLevel, Event, MappingState, NoticeKind, Privacy, WebhookId, WebhookState,
};
use anteroom::observe::{Metrics, names};
use anteroom::store::conflicts::{self, Opened};
use anteroom::store::deliveries::Delivery;
use anteroom::store::pages::Page;
use anteroom::store::webhooks::Webhook;
use anteroom::store::{Store, audit, deliveries};
use anteroom::sync::{Courier, Settings};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

static KEYS: LazyLock<Arc<Keys>> = LazyLock::new(|| Arc::new(Keys::from_ring(KeyRing::new("k1", Key::new([7; 32])))));

fn terms() -> Deliveries {
    Deliveries { private_networks: true, timeout_seconds: 1, ..Deliveries::default() }
}

/// A process that delivers.
fn courier(store: &Store, clock: Arc<dyn Clock>) -> Courier {
    Courier {
        store: store.clone(),
        clock: clock.clone(),
        keys: KEYS.clone(),
        limits: Arc::new(Limits::default()),
        sender: WebhookSender::new(true, None, Duration::from_secs(1), clock).unwrap(),
        settings: Settings::default(),
        terms: terms(),
        metrics: Arc::new(Metrics::new()),
    }
}

/// A hall, a receiver and what tells it.
struct Stage<'a> {
    house: &'a House,
    scene: Scene<'a>,
    receiver: PushService,
    courier: Courier,
}

impl<'a> Stage<'a> {
    async fn new(house: &'a House) -> Self {
        let (scene, receiver) = (Scene::new(house, 0).await, PushService::start().await);
        receiver.answers(204, "");
        Self { house, scene, receiver, courier: courier(&house.store, house.clock.clone()) }
    }

    fn acting(&self) -> Acting<'_> {
        Acting { tenant: self.house.tenant(), actor: "principal:ada", now: self.house.now() }
    }

    /// A webhook and its secret.
    async fn hook(&self, path: &str, kinds: &[NoticeKind], rooms: &[&str], detail: DetailLevel) -> (WebhookId, String) {
        let new = NewWebhook {
            url: format!("{}/{path}", self.receiver.origin),
            label: None,
            kinds: kinds.to_vec(),
            rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
            detail: Some(detail),
        };
        let mut tx = self.house.write().await;
        let made = webhooks::create(&mut tx, &self.acting(), (&KEYS.ring, &terms()), &new).await.unwrap();
        tx.commit().await.unwrap();
        (made.webhook.id, made.secret.reveal().to_owned())
    }

    async fn plain(&self) -> (WebhookId, String) {
        self.hook("a", &[], &[], DetailLevel::Full).await
    }

    async fn book(&self, uid: &str, hour: i8) {
        self.scene.put(&event(uid, &format!("About {uid}"), 3, hour)).await.unwrap();
    }

    /// What reaches the receiver now.
    async fn told(&self) -> Vec<Received> {
        self.courier.deliver().await.unwrap();
        self.receiver.take()
    }

    async fn later(&self, ms: i64) -> Vec<Received> {
        self.house.clock.advance_ms(ms);
        self.told().await
    }

    async fn webhook(&self, id: &WebhookId) -> Webhook {
        let mut tx = self.house.read().await;
        webhooks::find(&mut tx, &self.acting(), id).await.unwrap()
    }

    async fn deliveries(&self, id: &WebhookId) -> Vec<Delivery> {
        let page = Page { after: "", limit: 100 };
        deliveries::list(&mut self.house.read().await, self.house.tenant(), id, None, page).await.unwrap()
    }

    async fn patch(&self, id: &WebhookId, patch: WebhookPatch) {
        let mut tx = self.house.write().await;
        webhooks::update(&mut tx, &self.acting(), &terms(), id, &patch).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// The body, after a signature was verified with the secret, by code that shares nothing with the gateway's.
fn open(message: &Received, secret: &str) -> Value {
    assert!(signed_with(message, secret), "{:?}", message.headers);
    assert_eq!(message.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(body["id"].as_str(), Some(message.headers["webhook-id"].as_str()));
    body
}

fn signed_with(message: &Received, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, time) = (&message.headers["webhook-id"], &message.headers["webhook-timestamp"]);
    mac.update(format!("{id}.{time}.").as_bytes());
    mac.update(&message.body);
    let wanted = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    message.headers["webhook-signature"].split(' ').any(|signature| signature == wanted)
}

/// Kind and UID of each message.
fn story(told: &[Received]) -> Vec<(String, String)> {
    let read = |one: &Received| {
        let body: Value = serde_json::from_slice(&one.body).unwrap();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (word(&body["type"]), word(&body["data"]["uid"]))
    };
    told.iter().map(read).collect()
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(kind, uid)| ((*kind).to_owned(), (*uid).to_owned())).collect()
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
async fn bookings_are_told_in_order_signed_and_with_what_the_webhook_may_know() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        let (id, secret) = stage.plain().await;
        assert!(stage.told().await.is_empty(), "nothing has happened since it was made");
        stage.book("budget", 9).await;
        stage.book("budget", 10).await;
        stage.scene.delete("budget").await.unwrap();
        let told = stage.told().await;
        let wanted = [("booking.created", "budget"), ("booking.changed", "budget"), ("booking.cancelled", "budget")];
        assert_eq!(story(&told), pairs(&wanted));
        let seqs: Vec<i64> = told.iter().map(|one| open(one, &secret)["data"]["seq"].as_i64().unwrap()).collect();
        assert!(seqs.is_sorted() && seqs[0] > 0, "{seqs:?}");
        assert!(!signed_with(&told[0], "whsec_AAAA"), "another secret verifies nothing");

        stage.book("open", 11).await;
        let told = stage.told().await;
        let body = open(&told[0], &secret);
        assert_eq!(
            (body["data"]["tenant"].as_str(), body["data"]["room"].as_str()),
            (Some("example"), Some("council-hall"))
        );
        assert_eq!(body["data"]["booking"]["summary"], "About open");
        assert_eq!(body["data"]["booking"]["status"], "confirmed");
        let mut private: Event = event("secret", "Redundancies", 3, 13);
        private.content.privacy = Privacy::Private;
        stage.scene.put(&private).await.unwrap();
        let told = stage.told().await;
        assert!(!String::from_utf8_lossy(&told[0].body).contains("Redundancies"));
        assert!(stage.told().await.is_empty(), "each is told once");
        let ended = stage.deliveries(&id).await;
        assert_eq!(ended.len(), 5);
        assert!(ended.iter().all(|one| one.state == DeliveryState::Delivered && one.status == Some(204)));
        assert_eq!(stage.courier.metrics.value(&names::DELIVERIES, &["taken"]), Some(5.0));
    })
    .await;
}

#[actix_web::test]
async fn a_webhook_is_told_what_it_asked_for_about_its_rooms_and_no_more() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        house.room("Gym").await;
        stage.hook("new", &[NoticeKind::BookingCreated], &[], DetailLevel::Full).await;
        stage.hook("gym", &[], &["gym"], DetailLevel::Full).await;
        let (_, secret) = stage.hook("busy", &[], &["council-hall"], DetailLevel::Busy).await;
        stage.book("a", 9).await;
        stage.book("a", 10).await;
        // Octets that say the same booking tell nobody anything.
        stage.scene.edit_text("a", |text| text.replace("END:VEVENT", "X-COLOUR:red\r\nEND:VEVENT")).await;
        let told = stage.told().await;
        let of = |path: &str| told.iter().filter(|one| one.path == path).cloned().collect::<Vec<_>>();
        assert_eq!(story(&of("/new")), pairs(&[("booking.created", "a")]));
        assert!(of("/gym").is_empty());
        let busy = of("/busy");
        assert_eq!(story(&busy), pairs(&[("booking.created", "a"), ("booking.changed", "a")]));
        let booking = &open(&busy[0], &secret)["data"]["booking"];
        assert!(booking["start"].is_string() && booking["summary"].is_null(), "{booking}");
    })
    .await;
}

#[actix_web::test]
async fn a_receiver_that_fails_or_is_slow_gets_everything_in_order_when_it_recovers() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        let (id, secret) = stage.plain().await;
        stage.receiver.answers(503, "");
        stage.book("a", 9).await;
        stage.book("b", 10).await;
        let first = stage.told().await;
        assert_eq!(story(&first), pairs(&[("booking.created", "a")]), "the second waits behind the first");
        assert!(stage.told().await.is_empty(), "it is not asked again at once");
        stage.receiver.slow(Duration::from_secs(3));
        let second = stage.later(5_000).await;
        assert_eq!(story(&second), pairs(&[("booking.created", "a")]));
        let waiting = stage.deliveries(&id).await;
        assert_eq!((waiting[1].attempts, waiting[1].state), (2, DeliveryState::Pending));
        assert!(stage.webhook(&id).await.failing_since_ms.is_some());
        stage.receiver.slow(Duration::ZERO);
        stage.receiver.answers(200, "");
        let told = stage.later(3_600_000).await;
        assert_eq!(story(&told), pairs(&[("booking.created", "a"), ("booking.created", "b")]));
        let ids = |told: &[Received]| told[0].headers["webhook-id"].clone();
        assert_eq!(ids(&first), ids(&told), "a repetition is known by its id");
        open(&told[0], &secret);
        assert_eq!((stage.webhook(&id).await.failures, stage.webhook(&id).await.failing_since_ms), (0, None));
    })
    .await;
}

#[actix_web::test]
async fn what_a_receiver_refuses_holds_up_its_own_room_alone() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        let (id, _) = stage.plain().await;
        house.room("Gym").await;
        stage.receiver.answers(422, "");
        stage.book("a", 9).await;
        assert_eq!(stage.told().await.len(), 1);
        stage.book("b", 10).await;
        stage.receiver.answers(200, "");
        let acting = stage.acting();
        let mut tx = house.write().await;
        let gym = anteroom::manage::rooms::find(&mut tx, &acting, "gym").await.unwrap();
        let uid = anteroom::model::Uid("elsewhere".to_owned());
        let notice = deliveries::Notice {
            tenant: house.tenant(),
            kind: NoticeKind::BookingCreated,
            room: Some(&gym.id),
            uid: Some(&uid),
            subject: "",
            sentence: "",
            at: house.now(),
        };
        deliveries::tell(&mut tx, &notice).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(story(&stage.told().await), pairs(&[("booking.created", "elsewhere")]));
        let told = stage.later(60_000).await;
        assert_eq!(story(&told), pairs(&[("booking.created", "a"), ("booking.created", "b")]));
        assert!(stage.deliveries(&id).await.iter().all(|one| one.state == DeliveryState::Delivered));
    })
    .await;
}

#[actix_web::test]
async fn what_was_committed_is_told_after_a_restart_and_by_one_of_two_processes() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        let (_, secret) = stage.plain().await;
        stage.book("a", 9).await;
        // The process that took the booking is gone; another opens the database.
        let store = Store::open(&house.url).await.unwrap();
        let other = courier(&store, house.clock.clone());
        let (one, two) = tokio::join!(other.deliver(), stage.courier.deliver());
        one.unwrap();
        two.unwrap();
        let told = stage.receiver.take();
        assert_eq!(story(&told), pairs(&[("booking.created", "a")]));
        open(&told[0], &secret);
        store.close().await;
    })
    .await;
}

#[actix_web::test]
async fn what_was_taken_by_a_process_that_died_is_sent_by_another_later() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        let (id, _) = stage.plain().await;
        stage.book("a", 9).await;
        let found = stage.webhook(&id).await;
        let until = house.now().plus_ms(60_000);
        let claimed = house.write_one(async |tx| anteroom::store::webhooks::claim(tx, &found, until).await).await;
        assert!(claimed && stage.told().await.is_empty(), "somebody is at it");
        assert_eq!(story(&stage.later(60_001).await), pairs(&[("booking.created", "a")]));
    })
    .await;
}

#[actix_web::test]
async fn a_webhook_is_given_up_after_long_failure_and_at_once_where_the_receiver_is_gone() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        let (id, _) = stage.plain().await;
        stage.receiver.answers(500, "");
        stage.book("a", 9).await;
        stage.told().await;
        house.clock.advance_ms(25 * 3_600_000);
        stage.courier.keep_house().await.unwrap();
        let [one]: [Delivery; 1] = stage.deliveries(&id).await.try_into().unwrap();
        assert_eq!((one.state, one.last_error.as_str()), (DeliveryState::Failed, "the receiver answered 500"));
        stage.book("b", 10).await;
        stage.later(48 * 3_600_000).await;
        let webhook = stage.webhook(&id).await;
        assert_eq!(webhook.state, WebhookState::Disabled);
        assert!(webhook.reason.contains("72 hours"), "{}", webhook.reason);
        let entries = audit::latest(&mut house.read().await, house.tenant(), 50).await.unwrap();
        assert!(entries.iter().any(|one| one.action == "webhook.disable" && one.actor == "system:webhooks"));
        let before = stage.deliveries(&id).await.len();
        stage.book("c", 11).await;
        assert_eq!(stage.deliveries(&id).await.len(), before, "nothing is kept for it");

        stage.patch(&id, WebhookPatch { paused: Some(false), ..WebhookPatch::default() }).await;
        stage.receiver.answers(410, "");
        stage.book("d", 12).await;
        stage.later(60_000).await;
        let webhook = stage.webhook(&id).await;
        assert!(webhook.state == WebhookState::Disabled && webhook.reason.contains("410"), "{webhook:?}");
        house.clock.advance_ms(9 * 86_400_000);
        stage.courier.keep_house().await.unwrap();
        stage.courier.keep_house().await.unwrap();
        assert!(stage.deliveries(&id).await.is_empty(), "what is over is forgotten");
    })
    .await;
}

#[actix_web::test]
async fn conflicts_and_held_mappings_are_told_when_they_begin_and_when_they_end() {
    on_each(async |house| {
        let scene = Scene::new(house, 1).await;
        let receiver = PushService::start().await;
        let stage = Stage { house, scene, receiver, courier: courier(&house.store, house.clock.clone()) };
        let (_, secret) = stage.plain().await;
        let told = |kind: &'static str| {
            let stage = &stage;
            let secret = &secret;
            async move {
                let told = stage.told().await;
                assert_eq!(told.len(), 1, "{:?}", story(&told));
                let body = open(&told[0], secret);
                assert_eq!(body["type"], kind);
                body["data"]["subject"].as_str().unwrap().to_owned()
            }
        };
        stage.scene.set_state(MappingState::Held).await;
        let held = told("mapping.held").await;
        stage.scene.set_state(MappingState::Held).await;
        stage.scene.set_state(MappingState::Active).await;
        assert_eq!(told("mapping.released").await, held);
        let uid = anteroom::model::Uid("a".to_owned());
        let room = (house.tenant(), &stage.scene.room.id);
        let opened = Opened {
            room,
            mapping: "",
            uid: &uid,
            kind: "slot_collision",
            sentence: "Two at once".to_owned(),
            versions: (String::new(), String::new()),
            proposal: None,
            standing: String::new(),
            now: house.now(),
        };
        let conflict = conflicts::Conflict::from(opened);
        house.write_one(async |tx| conflicts::record(tx, &conflict).await).await;
        // The same again is no news.
        house.write_one(async |tx| conflicts::record(tx, &conflict).await).await;
        assert_eq!(told("conflict.opened").await, conflict.id.as_str());
        let event = (room.0, room.1, &uid);
        house.write_one(async |tx| conflicts::settle(tx, event, "", house.now(), "gone").await).await;
        assert_eq!(told("conflict.settled").await, conflict.id.as_str());
    })
    .await;
}

#[actix_web::test]
async fn a_test_is_sent_a_pause_keeps_what_happens_and_a_rotated_secret_signs_for_a_day() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        let (id, first) = stage.hook("a", &[NoticeKind::MappingHeld], &[], DetailLevel::Busy).await;
        let mut tx = house.write().await;
        webhooks::test(&mut tx, &stage.acting(), &id).await.unwrap();
        let second = webhooks::rotate(&mut tx, &stage.acting(), &KEYS.ring, &id).await.unwrap();
        tx.commit().await.unwrap();
        let second = second.secret.reveal().to_owned();
        let told = stage.told().await;
        assert_eq!(open(&told[0], &second)["type"], "webhook.test");
        assert!(signed_with(&told[0], &first) && first != second);

        stage.patch(&id, WebhookPatch { kinds: Some(vec![]), paused: Some(true), ..WebhookPatch::default() }).await;
        stage.book("a", 9).await;
        assert!(stage.later(86_400_000).await.is_empty(), "it is paused");
        stage.patch(&id, WebhookPatch { paused: Some(false), ..WebhookPatch::default() }).await;
        let told = stage.told().await;
        assert_eq!(story(&told), pairs(&[("booking.created", "a")]));
        assert!(signed_with(&told[0], &second) && !signed_with(&told[0], &first), "a day is over");
    })
    .await;
}
