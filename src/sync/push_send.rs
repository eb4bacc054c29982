//! One remote write: the link says what is about to happen, the request is sent, the link says what has happened.

use super::pull::{begin, begin_alone, millis};
use super::pull_item::Seen;
use super::push_plan::Act;
use super::rewriting::is_rewriting;
use super::{Engine, Site, SyncError, conflict, hub, pull_item, shadow};
use crate::bridge::BridgeError;
use crate::bridge::IdempotencyKey;
use crate::bridge::Known;
use crate::bridge::Part;
use crate::bridge::Probe;
use crate::bridge::RemoteId;
use crate::bridge::RemoteItem;
use crate::bridge::RemoteVersion;
use crate::model::Event;
use crate::model::LinkId;
use crate::model::LinkState;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::audit;
use crate::store::links;
use crate::store::links::Link;
use crate::store::mappings::Mapping;
use std::time::Duration;

/// The namespace of idempotency keys: a fixed random UUID.
const KEYS: uuid::Uuid = uuid::Uuid::from_u128(0x8d0f_2c3e_51a4_4b6b_9d55_7a1c_0e64_f2b9);

/// How long an item may take to be shown after it was made.
const SHOWN: Duration = Duration::from_mins(2);

/// Sends the writes of one operation.
pub(super) struct Sender<'a> {
    pub(super) engine: &'a Engine,
    pub(super) site: &'a Site,
    /// Requests that changed something at the remote side.
    pub(super) writes: i64,
    /// The copy was read and decided about: what is to be done is to be planned anew.
    pub(super) looked: bool,
}

impl Sender<'_> {
    pub(super) async fn send(&mut self, act: Act) -> Result<(), SyncError> {
        match act {
            Act::Create { part, event, epoch } => {
                let link = self.new_link(&event.uid, &part, epoch);
                Box::pin(self.create(link, &event, false)).await
            }
            Act::Complete { link, event } => Box::pin(self.create(link, &event, true)).await,
            Act::Look { link } => self.look_again(link).await,
            Act::Update { link, event } => Box::pin(self.update(link, &event)).await,
            Act::Delete { link } => self.delete(link).await,
            Act::Abandon { link } => self.abandon(link).await,
        }
    }

    /// Creates a copy. Where an earlier attempt may have taken effect, its effect is looked for first.
    async fn create(&mut self, link: Link, event: &Event, attempted: bool) -> Result<(), SyncError> {
        let key = IdempotencyKey(link.create_key.clone());
        if attempted && let Some(found) = self.find_effect(&link, &key).await? {
            // Somebody may have changed it since: it is decided as what was read, and not taken for what was sent.
            return self.decide(link, Some(found)).await;
        }
        let link = self.about_to_send(Link { state: LinkState::Creating, ..link }, event).await?;
        match self.site.bridge.create(&self.site.calendar, event, &key).await {
            Ok(created) => {
                self.writes += 1;
                self.refuse_claimed(&created).await?;
                self.written(link.now, event, created, "push.create").await
            }
            Err(BridgeError::NotFound) => self.made_and_gone(link.before).await,
            Err(error) => self.unsent(link, error).await,
        }
    }

    /// The key has made its item before, and it is not there any more: somebody has removed it, which is decided as any
    /// other removal. Right after a create it may also be that the system does not show it yet.
    async fn made_and_gone(&mut self, link: Link) -> Result<(), SyncError> {
        self.store(&link).await?;
        if self.engine.now() < link.created_ms.plus_ms(millis(SHOWN)) {
            return Err(BridgeError::Unknown("what this key has made cannot be seen yet".to_owned()).into());
        }
        self.looked = true;
        let mut tx = begin_alone(self.engine, self.site).await?;
        let link = Link { base: link.sent.clone(), ..link };
        pull_item::gone(self.engine, &mut tx, self.site, link).await?;
        Ok(tx.commit().await?)
    }

    /// Stores what is about to leave.
    async fn about_to_send(&self, link: Link, event: &Event) -> Result<Sent, SyncError> {
        let now = Link { sent: hub::json(event), ..link.clone() };
        self.store(&now).await?;
        Ok(Sent { before: link, now })
    }

    /// A write that failed. Where it surely did nothing, the link says again what it said before.
    async fn unsent(&self, link: Sent, error: BridgeError) -> Result<(), SyncError> {
        if !error.may_have_been_done() {
            self.store(&link.before).await?;
        }
        Err(error.into())
    }

    async fn find_effect(&self, link: &Link, key: &IdempotencyKey) -> Result<Option<RemoteItem>, SyncError> {
        let Some(sent) = hub::event_of(&link.sent)? else { return Ok(None) };
        match self.site.bridge.probe(&self.site.calendar, &sent, key).await? {
            Probe::Found(item) if self.is_unclaimed(&item).await? => Ok(Some(*item)),
            Probe::Found(_) | Probe::NotFound => Ok(None),
            Probe::Ambiguous(ids) => {
                let why = format!("{} remote bookings could be it; a person has to say which", ids.len());
                self.tell(&link.uid, "ambiguous", &why).await?;
                Err(BridgeError::Refused(why).into())
            }
        }
    }

    /// A remote side that answers a create with the id of another booking is damaged: nothing is linked then.
    async fn refuse_claimed(&self, created: &RemoteItem) -> Result<(), SyncError> {
        if self.is_unclaimed(created).await? {
            return Ok(());
        }
        let why = format!("it answered with the id {} of another booking", created.id);
        Err(BridgeError::Refused(why).into())
    }

    /// Whether no other link has this remote item.
    async fn is_unclaimed(&self, item: &RemoteItem) -> Result<bool, SyncError> {
        let mapping = &self.site.mapping;
        let mut tx = self.engine.store.begin_read().await?;
        Ok(links::by_remote(&mut tx, &mapping.tenant_id, &mapping.id, &item.id.0).await?.is_none())
    }

    async fn update(&mut self, link: Link, event: &Event) -> Result<(), SyncError> {
        if !link.locked.is_empty() {
            return self.look_again(link).await;
        }
        let base = match hub::event_of(&link.echo)? {
            Some(echo) => echo,
            None => hub::event_of(&link.base)?.unwrap_or_else(|| event.clone()),
        };
        let Some(known) = known(&link) else { return Ok(()) };
        let link = self.about_to_send(link, event).await?;
        match self.site.bridge.update(&self.site.calendar, &known, &base, event).await {
            Ok(item) => {
                self.writes += 1;
                self.written(link.now, event, item, "push.update").await
            }
            Err(BridgeError::NotFound) => self.gone(&link.before).await,
            Err(error) => self.unsent(link, error).await,
        }
    }

    async fn delete(&mut self, link: Link) -> Result<(), SyncError> {
        let Some(known) = known(&link) else { return self.abandon(link).await };
        let link = Link { state: LinkState::Deleting, ..link };
        self.store(&link).await?;
        match self.site.bridge.delete(&self.site.calendar, &known).await {
            // A copy that may not be removed takes place, whatever the hub says: it comes back.
            Err(BridgeError::Refused(why)) if !link.locked.is_empty() => {
                self.tell(&link.uid, "locked", &why).await?;
                return self.look_again(Link { state: LinkState::Linked, base: String::new(), ..link }).await;
            }
            outcome => outcome?,
        }
        self.writes += 1;
        self.ended(link, "push.delete").await
    }

    /// A create that is no longer wanted: if it took effect, the effect is removed.
    async fn abandon(&mut self, link: Link) -> Result<(), SyncError> {
        let key = IdempotencyKey(link.create_key.clone());
        if let Some(item) = self.find_effect(&link, &key).await? {
            let known = Known { id: item.id, version: item.version };
            self.site.bridge.delete(&self.site.calendar, &known).await?;
            self.writes += 1;
        }
        self.ended(link, "push.abandon").await
    }

    /// A copy that was to be changed is gone: decided as any other absence.
    async fn gone(&mut self, link: &Link) -> Result<(), SyncError> {
        let Some(id) = &link.remote_id else { return Ok(()) };
        if self.site.bridge.fetch(&self.site.calendar, &RemoteId(id.clone())).await?.is_some() {
            return Err(BridgeError::Stale.into());
        }
        self.decide(link.clone(), None).await
    }

    /// What the copy says is read and decided: it may not be written, or nobody knows whether the last write arrived.
    async fn look_again(&mut self, link: Link) -> Result<(), SyncError> {
        let id = RemoteId(link.remote_id.clone().unwrap_or_default());
        let item = self.look(&id).await?;
        self.decide(link, item).await
    }

    /// Decides about a copy by what has just been read of it.
    async fn decide(&mut self, link: Link, item: Option<RemoteItem>) -> Result<(), SyncError> {
        self.looked = true;
        let mut tx = begin_alone(self.engine, self.site).await?;
        if let Some(item) = item {
            pull_item::linked(self.engine, &mut tx, self.site, link, Seen { item: &item, fresh: true }).await?;
        } else {
            let id = RemoteId(link.remote_id.unwrap_or_default());
            pull_item::absent(self.engine, &mut tx, self.site, &id).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The item as it stands, read by its id or found in a complete read.
    async fn look(&self, id: &RemoteId) -> Result<Option<RemoteItem>, SyncError> {
        if !self.site.bridge.is_only_listed(id) {
            return Ok(self.site.bridge.fetch(&self.site.calendar, id).await?);
        }
        let all = self.site.bridge.read_all(&self.site.calendar, self.engine.window()).await?;
        Ok(all.items().iter().find(|item| item.id == *id).cloned())
    }

    /// A write that was answered: the link says what both sides agree on now, and how that side writes it. Where the copy
    /// says something else, somebody was quicker than the answer: it is decided as what was read.
    async fn written(&mut self, link: Link, sent: &Event, item: RemoteItem, action: &str) -> Result<(), SyncError> {
        let echo = hub::aligned(&item.event, &link, Some(sent));
        let echo = self.site.bridge.comparable(&self.site.calendar, &echo);
        if !is_rewriting(sent, &echo) {
            return self.decide(link, Some(item)).await;
        }
        let link = Link {
            remote_id: Some(item.id.0),
            remote_version: item.version.map(|version| version.0),
            base: hub::json(sent),
            sent: String::new(),
            echo: if echo == *sent { String::new() } else { hub::json(&echo) },
            state: LinkState::Linked,
            written_ms: self.engine.now(),
            ..link
        };
        let mut tx = begin(self.engine, self.site).await?;
        self.put_told(&mut tx, &link, action).await?;
        Ok(tx.commit().await?)
    }

    async fn ended(&self, link: Link, action: &str) -> Result<(), SyncError> {
        let link = Link { state: LinkState::Forgotten, written_ms: self.engine.now(), ..link };
        let mut tx = begin(self.engine, self.site).await?;
        self.put_told(&mut tx, &link, action).await?;
        shadow::step_out(self.engine, &mut tx, self.site, &link).await?;
        Ok(tx.commit().await?)
    }

    async fn store(&self, link: &Link) -> Result<(), SyncError> {
        let mut tx = begin(self.engine, self.site).await?;
        links::put(&mut tx, link).await?;
        Ok(tx.commit().await?)
    }

    async fn put_told(&self, tx: &mut Tx, link: &Link, action: &str) -> Result<(), SyncError> {
        links::put(tx, link).await?;
        let entry = audit::Entry {
            tenant: &link.tenant_id,
            at: self.engine.now(),
            actor: "reconciler",
            action,
            room: Some(&self.site.room.id),
            uid: Some(&link.uid),
            seq: 0,
            detail: &format!("{} at {}", link.remote_id.as_deref().unwrap_or("nothing"), self.site.calendar.name),
        };
        Ok(audit::append(tx, &entry).await?)
    }

    async fn tell(&self, uid: &Uid, kind: &str, why: &str) -> Result<(), SyncError> {
        let mut tx = begin(self.engine, self.site).await?;
        conflict::refused(self.engine, &mut tx, self.site, uid, kind, why).await?;
        Ok(tx.commit().await?)
    }

    fn new_link(&self, uid: &Uid, part: &Part, epoch: i64) -> Link {
        let mapping = &self.site.mapping;
        let part = part.as_text();
        Link {
            id: LinkId::fresh(),
            tenant_id: mapping.tenant_id.clone(),
            mapping_id: mapping.id.clone(),
            uid: uid.clone(),
            create_key: create_key(mapping, uid, &part, epoch),
            part,
            remote_id: None,
            remote_version: None,
            epoch,
            base: String::new(),
            sent: String::new(),
            echo: String::new(),
            state: LinkState::Creating,
            born: links::HUB.to_owned(),
            locked: String::new(),
            written_ms: self.engine.now(),
            created_ms: self.engine.now(),
        }
    }
}

/// The key of a create: the same for the same wish after any crash, on any replica.
pub(super) fn create_key(mapping: &Mapping, uid: &Uid, part: &str, epoch: i64) -> String {
    let name = format!("{}|{}|{uid}|{part}|{epoch}", mapping.tenant_id, mapping.id);
    uuid::Uuid::new_v5(&KEYS, name.as_bytes()).to_string()
}

/// A link as it was before a write left, and as it is while the write is on its way.
struct Sent {
    before: Link,
    now: Link,
}

fn known(link: &Link) -> Option<Known> {
    Some(Known { id: RemoteId(link.remote_id.clone()?), version: link.remote_version.clone().map(RemoteVersion) })
}
