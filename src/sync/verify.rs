//! The invariants, looked at on the living sides: every mapping is read completely and compared with hub and links. Reads
//! only; each violation comes with its evidence.

use super::{Engine, Site, SyncError, hub, masks, pair, plan, shadow};
use crate::bridge::Complete;
use crate::bridge::RemoteItem;
use crate::change::resolve;
use crate::model::DetailLevel;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::LinkState;
use crate::model::MappingState;
use crate::model::ReservationClass;
use crate::model::TenantId;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::audit;
use crate::store::changes;
use crate::store::links;
use crate::store::links::Link;
use crate::store::mappings;
use crate::store::objects;
use crate::store::operations;
use crate::store::pages;
use crate::store::rooms;
use crate::store::rooms::Room;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most rows of a list that is read whole.
const MOST: i64 = 100_000;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Violation {
    /// `no_loss`, `no_duplicate`, `convergence`, `order`, `slot_exclusivity`, `audit` or `privacy`.
    pub invariant: String,
    /// Slug of the room.
    pub room: String,
    /// The mapping; absent where the hub alone is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
    /// The event; absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// What is wrong.
    pub sentence: String,
    /// What was seen.
    pub evidence: String,
}

/// What a look at the invariants came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// Rooms looked at.
    pub rooms: usize,
    /// Mappings read completely and compared.
    pub mappings: usize,
    /// Bookings compared with their copies.
    pub compared: usize,
    /// Differences that are known to wait: an operation is open, a notification is not answered yet, a person decides.
    pub waiting: usize,
    /// Mappings that could not be read, or are not at work, and why.
    pub skipped: Vec<String>,
    /// What must not be.
    pub violations: Vec<Violation>,
}

/// Looks at all rooms of a tenant, or at the one with that slug. What differs at the remote side since the last read may
/// only be new, and counts as waiting; with `quiet` nobody books meanwhile, and every difference counts.
pub async fn verify(engine: &Engine, tenant: &TenantId, room: Option<&str>, quiet: bool) -> Result<Report, SyncError> {
    let mut tx = engine.store.begin_read().await?;
    let mut all = rooms::list(&mut tx, tenant).await?;
    let mappings = mappings::list(&mut tx, tenant).await?;
    drop(tx);
    all.retain(|one| room.is_none_or(|slug| one.slug == slug));
    if let (Some(slug), true) = (room, all.is_empty()) {
        return Err(SyncError::Missing { what: "room", id: slug.to_owned() });
    }
    let mut report = Report { rooms: all.len(), ..Report::default() };
    for room in &all {
        let mut tx = engine.store.begin_read().await?;
        order(&mut tx, room, &mut report).await?;
        slots(engine, &mut tx, room, &mut report).await?;
    }
    for mapping in mappings.iter().filter(|mapping| all.iter().any(|room| room.id == mapping.room_id)) {
        let site = engine.glance(tenant, &mapping.id).await?;
        if mapping.state != MappingState::Active || mapping.completed_ms.is_none() {
            report.skipped.push(format!("{} ({}): not at work", site.room.slug, mapping.id));
            continue;
        }
        match site.bridge.read_all(&site.calendar, engine.window()).await {
            Ok(read) => Side { engine, site: &site, read: &read, quiet }.compare(&mut report).await?,
            Err(error) => report.skipped.push(format!("{} ({}): {error}", site.room.slug, mapping.id)),
        }
    }
    Ok(report)
}

/// The change log names every object with its own number, each number once, none above the room's.
async fn order(tx: &mut Tx, room: &Room, report: &mut Report) -> Result<(), SyncError> {
    let (tenant, id) = (&room.tenant_id, &room.id);
    let now = rooms::get(tx, tenant, id).await?.map_or(room.seq, |room| room.seq);
    let log = changes::since(tx, tenant, id, 0, MOST).await?;
    let mut wrong = |uid: Option<&Uid>, sentence: &str, evidence: String| {
        report.violations.push(Violation {
            invariant: "order".to_owned(),
            room: room.slug.clone(),
            mapping: None,
            uid: uid.map(ToString::to_string),
            sentence: sentence.to_owned(),
            evidence,
        });
    };
    for pair in log.windows(2).filter(|pair| pair[0].seq >= pair[1].seq) {
        wrong(None, "two changes have one number", format!("{} and {}: {}", pair[0].name, pair[1].name, pair[1].seq));
    }
    if let Some(last) = log.last().filter(|last| last.seq > now) {
        wrong(None, "a change is ahead of its room", format!("{}: {} after {now}", last.name, last.seq));
    }
    let mut alive: BTreeMap<&str, i64> =
        log.iter().filter(|row| !row.deleted).map(|row| (row.name.as_str(), row.seq)).collect();
    for object in objects::list(tx, tenant, id).await? {
        let logged = alive.remove(object.name.as_str());
        if logged != Some(object.seq) {
            let evidence = format!("{}: object {}, log {logged:?}", object.name, object.seq);
            wrong(Some(&object.uid), "the change log does not name the object's last change", evidence);
        }
    }
    for (name, seq) in alive {
        wrong(None, "the change log names an object that is gone", format!("{name}: {seq}"));
    }
    Ok(())
}

/// Two confirmed bookings that exclude each other have a conflict record. Where bookings may overlap none excludes another.
async fn slots(engine: &Engine, tx: &mut Tx, room: &Room, report: &mut Report) -> Result<(), SyncError> {
    if room.allow_overlaps {
        return Ok(());
    }
    let (tenant, id) = (&room.tenant_id, &room.id);
    let range = TimeRange::new(engine.now(), engine.window().end);
    let mut busy = pages::instances(tx, (tenant, id), range, room.longest_ms, MOST).await?;
    busy.retain(|instance| instance.busy);
    let mut told: BTreeSet<(Uid, Uid)> = BTreeSet::new();
    let mut open: Vec<usize> = Vec::new();
    for (at, instance) in busy.iter().enumerate() {
        open.retain(|other| busy[*other].end_ms > instance.start_ms);
        for other in open.iter().map(|other| &busy[*other]).filter(|other| other.uid != instance.uid) {
            let pair = (other.uid.clone(), instance.uid.clone());
            let exclusive =
                other.class == instance.class || [other.class, instance.class].contains(&ReservationClass::Closure);
            if exclusive && told.insert(pair) && !is_told(engine, tx, room, (&other.uid, &instance.uid)).await? {
                report.violations.push(Violation {
                    invariant: "slot_exclusivity".to_owned(),
                    room: room.slug.clone(),
                    mapping: None,
                    uid: Some(instance.uid.to_string()),
                    sentence: "two confirmed bookings have the room at one time and no conflict tells it".to_owned(),
                    evidence: format!("{} and {} at {}", other.uid, instance.uid, instance.start_ms),
                });
            }
        }
        open.push(at);
    }
    Ok(())
}

/// Whether one of two bookings is not confirmed, or a conflict about either was recorded.
async fn is_told(engine: &Engine, tx: &mut Tx, room: &Room, pair: (&Uid, &Uid)) -> Result<bool, SyncError> {
    for uid in [pair.0, pair.1] {
        let records = pages::conflicts_of_event(tx, &room.tenant_id, &room.id, uid).await?;
        let confirmed = hub::event_in(engine, tx, room, uid)
            .await?
            .is_some_and(|event| event.content.status == EventStatus::Confirmed);
        if !confirmed || records.iter().any(|one| one.kind == resolve::SLOT_COLLISION || one.kind == resolve::CLOSURE) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One mapping with everything its remote calendar holds.
struct Side<'a> {
    engine: &'a Engine,
    site: &'a Site,
    read: &'a Complete,
    quiet: bool,
}

impl Side<'_> {
    async fn compare(&self, report: &mut Report) -> Result<(), SyncError> {
        report.mappings += 1;
        let mapping = &self.site.mapping;
        let mut tx = self.engine.store.begin_read().await?;
        let open = operations::open_of_mapping(&mut tx, &mapping.tenant_id, &mapping.id).await?;
        let open: BTreeSet<Uid> = open.into_iter().map(|operation| operation.uid).collect();
        let live = links::of_mapping(&mut tx, &mapping.tenant_id, &mapping.id).await?;
        let waits = |uid: &Uid| open.contains(uid) || mapping.dirty_since_ms.is_some();
        self.duplicates(&live, report);
        if mapping.imports() {
            self.unlinked(&mut tx, &live, report).await?;
        }
        if mapping.exports() {
            self.losses(&mut tx, &live, &waits, report).await?;
        }
        for link in &live {
            self.copy(&mut tx, link, waits(&link.uid), report).await?;
        }
        Ok(())
    }

    fn wrong(&self, report: &mut Report, invariant: &str, uid: &Uid, (sentence, evidence): (&str, String)) {
        report.violations.push(Violation {
            invariant: invariant.to_owned(),
            room: self.site.room.slug.clone(),
            mapping: Some(self.site.mapping.id.to_string()),
            uid: Some(uid.to_string()),
            sentence: sentence.to_owned(),
            evidence,
        });
    }

    /// One item for one key, one link for one item and part.
    fn duplicates(&self, live: &[Link], report: &mut Report) {
        let mut keys: BTreeMap<&str, &RemoteItem> = BTreeMap::new();
        for item in self.read.items() {
            let Some(key) = &item.key else { continue };
            if let Some(other) = keys.insert(key.0.as_str(), item) {
                let evidence = format!("{} and {} carry {}", other.id, item.id, key.0);
                self.wrong(report, "no_duplicate", &item.event.uid, ("two remote items carry one key", evidence));
            }
        }
        let mut parts: BTreeMap<(&str, &str), &Link> = BTreeMap::new();
        for link in live {
            if let Some(other) = parts.insert((link.uid.as_str(), link.part.as_str()), link) {
                let evidence = format!("links {} and {}", other.id, link.id);
                self.wrong(report, "no_duplicate", &link.uid, ("one booking has two copies", evidence));
            }
        }
    }

    /// Every remote item is known to the hub, unless a notification waits, the hub cannot hold it, it repeats our copy, or
    /// the hub does not keep what is so old.
    async fn unlinked(&self, tx: &mut Tx, live: &[Link], report: &mut Report) -> Result<(), SyncError> {
        let known: BTreeSet<&str> = live.iter().filter_map(|link| link.remote_id.as_deref()).collect();
        for item in self.read.items().iter().filter(|item| !known.contains(item.id.0.as_str())) {
            if self.site.mapping.dirty_since_ms.is_some() || self.is_newer() {
                report.waiting += 1;
                continue;
            }
            let is_shadow = shadow::of(self.engine, tx, self.site, item).await?.is_some();
            if is_shadow || pair::has_outlived(self.engine, tx, self.site, item).await? {
                continue;
            }
            let evidence = format!("{} \u{201c}{}\u{201d}", item.id, item.event.content.summary);
            self.wrong(report, "no_loss", &item.event.uid, ("a remote booking is not in the hub", evidence));
        }
        Ok(())
    }

    /// Whether people may have done something since the last read, which is not known yet and not wrong.
    fn is_newer(&self) -> bool {
        !self.quiet && self.site.mapping.pulled_ms.is_none_or(|at: Timestamp| at < self.engine.now())
    }

    /// Every part of every hub booking has a copy, an open operation, or a record that says why not.
    async fn losses(
        &self,
        tx: &mut Tx,
        live: &[Link],
        waits: &(impl Fn(&Uid) -> bool + Sync),
        report: &mut Report,
    ) -> Result<(), SyncError> {
        let (room, window) = (&self.site.room, self.engine.window());
        for (uid, last) in objects::spans(tx, &room.tenant_id, &room.id).await? {
            if last.is_some_and(|last| last <= window.start) {
                continue;
            }
            let (_, shown) = hub::shown(self.engine, tx, self.site, &uid).await?;
            let detail = self.site.mapping.detail;
            let bridge = self.site.bridge.as_ref();
            let Ok(wanted) = masks::project(bridge, &self.site.calendar, detail, &shown, window) else {
                continue;
            };
            for part in wanted.parts.keys() {
                report.compared += 1;
                let text = part.as_text();
                if live.iter().any(|link| link.uid == uid && link.part == text) {
                    continue;
                }
                if waits(&uid) || self.is_recorded(tx, &uid).await? {
                    report.waiting += 1;
                    continue;
                }
                let evidence = format!("part {text:?} has neither a copy nor an operation nor a conflict");
                self.wrong(report, "no_loss", &uid, ("a booking of the hub is not at the remote side", evidence));
            }
        }
        Ok(())
    }

    async fn is_recorded(&self, tx: &mut Tx, uid: &Uid) -> Result<bool, SyncError> {
        let room = &self.site.room;
        let records = pages::conflicts_of_event(tx, &room.tenant_id, &room.id, uid).await?;
        Ok(records.iter().any(|one| one.mapping_id == self.site.mapping.id.as_str()))
    }

    /// A copy says what the hub says, in the form that side keeps; its writing is audited; it tells no more than it may.
    async fn copy(&self, tx: &mut Tx, link: &Link, waits: bool, report: &mut Report) -> Result<(), SyncError> {
        let Some(id) = &link.remote_id else { return Ok(()) };
        let item = self.read.items().iter().find(|item| item.id.0 == *id);
        self.audited(tx, link, report).await?;
        if let Some(item) = item {
            self.private(link, item, report);
        }
        let ours = self.ours(tx, link).await?;
        let theirs = item.map(|item| {
            let aligned = hub::aligned(&item.event, link, ours.as_ref());
            self.site.bridge.comparable(&self.site.calendar, &aligned)
        });
        let echo = hub::event_of(&link.echo)?;
        let base = hub::event_of(&link.base)?;
        let same = theirs.as_ref().map(|theirs| plan::in_the_words_of(theirs, [ours.as_ref(), None])).as_deref()
            == ours.as_ref();
        let in_step = same || (echo.is_some() && echo == theirs && base == ours);
        let Some(ours) = ours else { return Ok(()) };
        if in_step || item.is_none() && !self.lies_in(&ours) {
            return Ok(());
        }
        if waits || !link.sent.is_empty() || link.state != LinkState::Linked || self.is_newer() && theirs != base {
            report.waiting += 1;
            return Ok(());
        }
        let sentence = if item.is_some() { "a copy says something else than the hub" } else { "a copy is gone" };
        let evidence =
            format!("{id}: hub {}, remote {}", hub::json(&ours), theirs.as_ref().map_or_else(String::new, hub::json));
        self.wrong(report, "convergence", &link.uid, (sentence, evidence));
        Ok(())
    }

    fn lies_in(&self, event: &Event) -> bool {
        let (start, end) = event.when.instants(&self.site.room.zone);
        let window = self.read.window();
        event.recurrence.is_none() && start >= window.start && end <= window.end
    }

    /// The hub's version of what a link carries, as the remote side may hold it.
    async fn ours(&self, tx: &mut Tx, link: &Link) -> Result<Option<Event>, SyncError> {
        let view = super::pull_item::View::load(self.engine, tx, self.site, link).await?;
        Ok(view.ours)
    }

    async fn audited(&self, tx: &mut Tx, link: &Link, report: &mut Report) -> Result<(), SyncError> {
        if link.born != links::HUB || link.create_key.is_empty() || link.state == LinkState::Creating {
            return Ok(());
        }
        let room = &self.site.room;
        let entries = audit::of_event(tx, &room.tenant_id, &room.id, &link.uid).await?;
        let told = |entry: &audit::AuditRow| entry.action.starts_with("push.") || entry.action == "pull.pair";
        let caused = operations::of_event(tx, &room.tenant_id, &room.id, &link.uid).await?;
        if !entries.iter().any(told) || caused.is_empty() {
            let id = link.remote_id.clone().unwrap_or_default();
            let evidence = format!("{id}: {} audit entries, {} operations", entries.len(), caused.len());
            self.wrong(report, "audit", &link.uid, ("a copy was written without a trace", evidence));
        }
        Ok(())
    }

    fn private(&self, link: &Link, item: &RemoteItem, report: &mut Report) {
        let content = &item.event.content;
        let ours = link.born == links::HUB && !link.create_key.is_empty();
        let told = content.summary != "Busy" || !content.description.is_empty() || !content.attendees.is_empty();
        if ours && self.site.mapping.detail == DetailLevel::Busy && told && link.sent.is_empty() {
            let evidence = format!("{} \u{201c}{}\u{201d}", item.id, content.summary);
            self.wrong(report, "privacy", &link.uid, ("a copy tells more than that the room is taken", evidence));
        }
    }
}
