//! WebDAV-Push (draft-bitfire-webdav-push-00, 4): tells clients that a room has changed. It is driven by the change log: a
//! registration waits when its room's sequence number is beyond the one that was told last, whoever made the change.

use super::Settings;
use super::SyncError;
use super::retry;
use super::rounds::Rounds;
use super::worker::Nudge;
use crate::bridge::webpush::Delivery;
use crate::bridge::webpush::Message;
use crate::bridge::webpush::PushSender;
use crate::crypt::Keys;
use crate::crypt::Place;
use crate::crypt::mac;
use crate::crypt::sync_token;
use crate::crypt::webpush::Reader;
use crate::davxml::PushMessage;
use crate::model::Clock;
use crate::model::Privilege;
use crate::model::Reach;
use crate::model::RegistrationId;
use crate::model::RoomId;
use crate::model::SyncToken;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::View;
use crate::observe::Metrics;
use crate::observe::names;
use crate::store::Store;
use crate::store::audit;
use crate::store::principals;
use crate::store::registrations;
use crate::store::registrations::Registration;
use crate::store::rights::Rights;
use crate::store::rooms;
use crate::store::rooms::Room;
use crate::store::tenants;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Deserialize;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Registrations found in one look, and messages on their way at once.
const FOUND: i64 = 64;
const AT_ONCE: usize = 8;

/// How long a process has for one message before another may send it.
const CLAIM_MS: i64 = 60_000;

/// Failures in a row after which a registration ends: a day of them with the longest pauses, or three plain refusals.
const FAILURES: i64 = 100;
const REFUSALS: i64 = 3;

/// Where messages go and who reads them, as it is sealed in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushTarget {
    /// The push resource.
    pub resource: String,
    /// The reader's public key, base64url.
    pub public_key: String,
    /// The authentication secret, base64url.
    pub auth_secret: String,
}

impl PushTarget {
    /// Where a target is sealed.
    pub fn place<'a>(tenant: &'a TenantId, id: &'a RegistrationId) -> Place<'a> {
        Place { tenant, table: "push_registrations", column: "sealed_target", row: id.as_str() }
    }
}

/// The name of a room towards push services: tells nothing, and is the same for ever (2.1).
pub fn topic(keys: &Keys, room: &RoomId) -> String {
    mac::sign_text(&keys.push, &format!("topic {room}"))
}

/// What a push resource is known by.
pub fn resource_hash(keys: &Keys, resource: &str) -> String {
    mac::keyed_hash(&keys.push, &format!("resource {resource}"))
}

/// Tells clients what has changed.
pub struct Announcer {
    /// The hub.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Opens targets, signs messages and sync tokens.
    pub keys: Arc<Keys>,
    /// Brings messages to push services.
    pub sender: PushSender,
    /// How long to wait after failures.
    pub settings: Settings,
    /// Shortest pause between two messages to one registration, in milliseconds; what happens in it is told at its end.
    pub pause_ms: i64,
    /// How the operator of a push service reaches the operator of this server: an https or mailto URI.
    pub contact: String,
    /// What the operator watches.
    pub metrics: Arc<Metrics>,
}

/// Why a registration is over.
enum End {
    /// A sentence for the audit.
    Because(&'static str),
    Failed(SyncError),
}

impl<E: Into<SyncError>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Announcer {
    /// Works until `stop` resolves; looks when it is nudged, and when the time has come.
    pub async fn run(self, nudge: Nudge, stop: impl Future<Output = ()>) {
        let mut rounds = Rounds::until(stop, nudge, self.settings.look);
        while let Some(keep_house) = rounds.next().await {
            if let Err(error) = self.round(keep_house).await {
                tracing::warn!("could not tell clients of changes: {error}");
            }
        }
    }

    async fn round(&self, keep_house: bool) -> Result<(), SyncError> {
        if keep_house {
            self.keep_house().await?;
        }
        self.announce().await
    }

    /// Sends every message that may be sent now.
    pub async fn announce(&self) -> Result<(), SyncError> {
        let found = registrations::waiting(&mut self.store.begin_read().await?, self.clock.now(), FOUND).await?;
        let told = stream::iter(found).map(|one| async move {
            if let Err(error) = self.tell(&one).await {
                tracing::warn!(registration.id = %one.id, "a push message was not sent: {error}");
            }
        });
        told.buffer_unordered(AT_ONCE).collect::<()>().await;
        Ok(())
    }

    /// Ends what has expired, and counts.
    async fn keep_house(&self) -> Result<(), SyncError> {
        let mut tx = self.store.begin_write().await?;
        registrations::expire(&mut tx, self.clock.now()).await?;
        tx.commit().await?;
        let mut tx = self.store.begin_read().await?;
        for tenant in tenants::list(&mut tx).await? {
            let count = registrations::count_of_tenant(&mut tx, &tenant.id).await?;
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.metrics.set(&names::PUSH_REGISTRATIONS, &[&tenant.tenant_key], f64::from(count));
        }
        Ok(())
    }

    async fn tell(&self, one: &Registration) -> Result<(), SyncError> {
        let until = self.clock.now().plus_ms(CLAIM_MS);
        let mut tx = self.store.begin_write().await?;
        let ours = registrations::claim(&mut tx, one, until).await?;
        tx.commit().await?;
        if !ours {
            return Ok(());
        }
        let (room, view) = match self.audience(one).await {
            Ok(found) => found,
            Err(End::Because(why)) => return self.end(one, "ended", why).await,
            Err(End::Failed(error)) => return Err(error),
        };
        let (resource, message) = match self.message(one, &room, view) {
            Ok(made) => made,
            Err(why) => return self.end(one, "unusable", &why).await,
        };
        let delivery = self.sender.send(&resource, message).await;
        self.settle(one, room.seq, delivery).await
    }

    /// The room as it is now, and what the principal may see of it.
    async fn audience(&self, one: &Registration) -> Result<(Room, View), End> {
        let mut tx = self.store.begin_read().await?;
        let room = rooms::get(&mut tx, &one.tenant_id, &one.room_id).await?;
        let room = room.ok_or(End::Because("The room is gone."))?;
        // A super administrator of another tenant keeps grants and registrations where the rooms are.
        let principal = principals::get_anywhere(&mut tx, &one.principal_id).await?;
        let principal = principal.filter(|principal| !principal.disabled);
        let principal = principal.ok_or(End::Because("The principal is gone or locked out."))?;
        let rights = Rights::read(&mut tx, &principal, &Reach::whole(principal.role)).await?;
        let privilege = rights.in_room(&room.id);
        let privilege = privilege.filter(|privilege| *privilege >= Privilege::Read);
        let privilege = privilege.ok_or(End::Because("The principal may not read the room any more."))?;
        Ok((room, View::of(privilege)))
    }

    /// The message and its destination; the error is a sentence.
    fn message(
        &self,
        one: &Registration,
        room: &Room,
        view: View,
    ) -> Result<(crate::bridge::webpush::PushResource, Message), String> {
        let target = self.keys.ring.open(PushTarget::place(&one.tenant_id, &one.id), &one.sealed_target);
        let target = target.map_err(|error| error.to_string())?;
        let target: PushTarget = serde_json::from_str(target.reveal()).map_err(|error| error.to_string())?;
        let resource = self.sender.resource(&target.resource)?;
        let reader = Reader::parse(&target.public_key, &target.auth_secret).map_err(|error| error.to_string())?;
        let point = SyncToken { room: room.id.clone(), seq: room.seq, began: None };
        let token = sync_token::print(&self.keys.sync_token, &point, view);
        let content = one.content && room.seq > one.told_seq;
        let property = one.property && one.property_seq > one.property_told;
        let topic = topic(&self.keys, &room.id);
        let text = PushMessage { topic: &topic, sync_token: content.then_some(token.as_str()), property }.to_xml();
        // Two messages of the same kinds say the same, so that the newer may replace the older.
        let mut replaces = mac::sign_text(&self.keys.push, &format!("replaces {} {content} {property}", one.id));
        replaces.truncate(32);
        let now = self.clock.now().ms() / 1000;
        let authorization = self.keys.vapid.authorization(&resource.origin(), &self.contact, now);
        let body = reader.seal(text.as_bytes()).map_err(|error| error.to_string())?;
        Ok((resource, Message { authorization, topic: replaces, body }))
    }

    /// Writes down what became of a message.
    async fn settle(&self, one: &Registration, seq: i64, delivery: Delivery) -> Result<(), SyncError> {
        let now = self.clock.now();
        let (why, after_ms, most) = match delivery {
            Delivery::Taken => {
                self.count("taken");
                let mut tx = self.store.begin_write().await?;
                registrations::told(&mut tx, one, seq, now.plus_ms(self.pause_ms)).await?;
                return Ok(tx.commit().await?);
            }
            Delivery::Gone => return self.end(one, "gone", "The push service knows the subscription no more.").await,
            Delivery::Later { after_ms, why } => (why, after_ms, FAILURES),
            Delivery::Refused(why) => (why, None, REFUSALS),
        };
        if one.attempts + 1 >= most {
            return self.end(one, "given_up", &format!("Given up after {most} failures: {why}.")).await;
        }
        self.count("failed");
        let due = self.again(one, after_ms, now);
        let mut tx = self.store.begin_write().await?;
        registrations::failed(&mut tx, one, due, &why).await?;
        Ok(tx.commit().await?)
    }

    /// When to try again; what the push service asks for is never shortened.
    fn again(&self, one: &Registration, after_ms: Option<u64>, now: Timestamp) -> Timestamp {
        let seed =
            one.id.as_str().bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let attempts = u32::try_from(one.attempts).unwrap_or(u32::MAX);
        let wait = retry::backoff(attempts, seed, &self.settings);
        let wait = wait.max(Duration::from_millis(after_ms.unwrap_or(0)));
        now.plus_ms(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
    }

    /// Ends a registration and writes down why.
    async fn end(&self, one: &Registration, outcome: &str, why: &str) -> Result<(), SyncError> {
        self.count(outcome);
        let mut tx = self.store.begin_write().await?;
        registrations::delete(&mut tx, &one.tenant_id, &one.id).await?;
        let entry = audit::Entry {
            tenant: &one.tenant_id,
            at: self.clock.now(),
            actor: "system:push",
            action: "push.end",
            room: Some(&one.room_id),
            uid: None,
            seq: 0,
            detail: why,
        };
        audit::append(&mut tx, &entry).await?;
        Ok(tx.commit().await?)
    }

    fn count(&self, outcome: &str) {
        self.metrics.add(&names::PUSH_MESSAGES, &[outcome], 1);
    }
}
