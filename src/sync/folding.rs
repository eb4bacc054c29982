//! Allocations of a booking system as series: what a complete read has shown is gathered into one booking for each slot,
//! with a link for each date, before it is decided item by item; and is given back one by one where the mapping does
//! not ask for it any more. Nothing of it writes to the remote side.

use super::fold::{self, Instances, Shape, Slot};
use super::observe::Observed;
use super::pair;
use super::pull::begin_alone;
use super::pull_item::tell_assumed;
use super::{Engine, Site, SyncError, hub, ruling};
use crate::bridge::Part;
use crate::bridge::RemoteItem;
use crate::change::ChangeError;
use crate::ical::object::{CalendarObject, Stamp};
use crate::ical::recur::Budget;
use crate::model::Event;
use crate::model::LinkState;
use crate::model::Override;
use crate::model::RecurrenceId;
use crate::model::ReservationClass;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::links;
use crate::store::links::Link;
use crate::store::objects;
use std::collections::{BTreeMap, BTreeSet};

/// What the UID of a gathered series has that of a single allocation has not.
const MARK: &str = "-weekly";

/// Gathers what a complete read has shown, or gives back what was gathered. Answers how often the hub changed.
pub(super) async fn before(engine: &Engine, site: &Site, observed: &Observed) -> Result<usize, SyncError> {
    if !observed.complete {
        return Ok(0);
    }
    if !is_asked(site) {
        return give_back(engine, site, &observed.present).await;
    }
    let mut tx = engine.store.begin_read().await?;
    let all = gathered(engine, &mut tx, site, &observed.present).await?;
    drop(tx);
    let mut changed = 0;
    for one in &all {
        // Decided once more where nobody else can write: somebody may have changed a booking since.
        let items: Vec<RemoteItem> = one.members.iter().map(|member| member.item.clone()).collect();
        let mut tx = begin_alone(engine, site).await?;
        let mut well = true;
        for one in &gathered(engine, &mut tx, site, &items).await? {
            well &= Box::pin(gather(engine, &mut tx, site, one)).await?;
        }
        if well {
            tx.commit().await?;
            changed += 1;
        }
    }
    Ok(changed)
}

/// After every item was decided on: each gathered series is said most plainly again. The instances stay what they are.
pub(super) async fn after(engine: &Engine, site: &Site, observed: &Observed) -> Result<usize, SyncError> {
    if !observed.complete || !is_asked(site) {
        return Ok(0);
    }
    let mut tx = begin_alone(engine, site).await?;
    let mut changed = 0;
    for one in series_of(engine, &mut tx, site).await? {
        let plain = one.shape.and_then(|shape| shape.with(&one.instances, &Budget::of(&engine.limits)));
        if let Some(plain) = plain.filter(|plain| *plain != one.event) {
            changed += usize::from(hub::put(engine, &mut tx, site, plain, true).await?);
        }
    }
    tx.commit().await?;
    Ok(changed)
}

const fn is_asked(site: &Site) -> bool {
    site.mapping.fold_allocations && site.mapping.imports()
}

/// The series that a mapping has gathered and does not ask for any more. Reads only.
pub(super) async fn to_give_back(engine: &Engine, tx: &mut Tx, site: &Site) -> Result<Vec<Event>, SyncError> {
    if is_asked(site) {
        return Ok(Vec::new());
    }
    Ok(series_of(engine, tx, site).await?.into_iter().map(|series| series.event).collect())
}

/// A series that was gathered before, as the hub has it.
struct Series {
    event: Event,
    instances: Instances,
    /// `None` where somebody has made another series of it.
    shape: Option<Shape>,
}

async fn series_of(engine: &Engine, tx: &mut Tx, site: &Site) -> Result<Vec<Series>, SyncError> {
    let mapping = &site.mapping;
    let links = links::of_mapping(tx, &mapping.tenant_id, &mapping.id).await?;
    let uids: BTreeSet<Uid> = links
        .into_iter()
        .filter(|link| link.uid.as_str().contains(MARK) && matches!(Part::parse(&link.part), Some(Part::Instance(_))))
        .map(|link| link.uid)
        .collect();
    let mut all = Vec::new();
    for uid in uids {
        let row = objects::by_uid(tx, &mapping.tenant_id, &mapping.room_id, &uid).await?;
        if row.is_none_or(|row| row.origin != mapping.id.as_str()) {
            continue;
        }
        let Some(event) = hub::event(engine, tx, site, &uid).await? else { continue };
        let Some(instances) = fold::instances(&event, &site.room.zone, &Budget::of(&engine.limits)) else { continue };
        all.push(Series { shape: Shape::of(&event), event, instances });
    }
    Ok(all)
}

/// An allocation that comes into a series.
pub(super) struct Member<'a> {
    pub(super) id: RecurrenceId,
    pub(super) item: &'a RemoteItem,
    /// Its link, where it was a booking of its own.
    single: Option<Link>,
}

/// A series as it shall be, and the allocations that come into it.
pub(super) struct Gathered<'a> {
    pub(super) event: Event,
    pub(super) members: Vec<Member<'a>>,
    /// Whether the hub has it already.
    pub(super) is_known: bool,
}

impl Gathered<'_> {
    /// The link of a member as it shall be.
    pub(super) fn link(&self, engine: &Engine, site: &Site, member: &Member<'_>) -> Link {
        let (uid, part) = (&self.event.uid, Part::Instance(member.id));
        let event = Event { uid: uid.clone(), ..member.item.event.clone() };
        let base = hub::json(&site.bridge.comparable(&site.calendar, &event));
        let link = member.single.clone();
        let link = link.unwrap_or_else(|| pair::new_link(engine, site, member.item, uid, &part, links::REMOTE));
        Link { uid: uid.clone(), part: part.as_text(), base, echo: String::new(), ..link }
    }

    /// Remote ids of the allocations.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.item.id.0.as_str())
    }

    /// UIDs of the bookings of their own that go.
    pub(super) fn singles(&self) -> impl Iterator<Item = &Uid> {
        self.members.iter().filter_map(|member| member.single.as_ref()).map(|link| &link.uid)
    }
}

/// What of a complete read comes into series. Reads only.
pub(super) async fn gathered<'a>(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    present: &'a [RemoteItem],
) -> Result<Vec<Gathered<'a>>, SyncError> {
    let mut slots: BTreeMap<Slot, Candidates<'a>> = BTreeMap::new();
    let present = if is_asked(site) { present } else { &[] };
    for item in present.iter().filter(|item| item.event.class == ReservationClass::Allocation) {
        if let Some(single) = candidate(engine, tx, site, item).await? {
            let id = RecurrenceId(item.event.when.wall_start());
            // A second allocation of the same hours is one of its own.
            slots.entry(Slot::of(&item.event)).or_default().entry(id).or_insert(Member { id, item, single });
        }
    }
    let mut all = Vec::new();
    if slots.is_empty() {
        return Ok(all);
    }
    for series in series_of(engine, tx, site).await? {
        let slot = Slot::of(&as_kept(site, &series.event));
        all.extend(slots.get_mut(&slot).and_then(|found| joined(engine, series, found)));
    }
    for found in slots.values_mut() {
        let dates: BTreeSet<_> = found.keys().map(|id| id.0.date()).collect();
        for run in fold::runs(&dates) {
            let on = |id: &RecurrenceId| run.dates.contains(&id.0.date());
            let ids: Vec<RecurrenceId> = found.keys().copied().filter(on).collect();
            let members: Vec<Member<'a>> = ids.iter().filter_map(|id| found.remove(id)).collect();
            all.extend(begun(engine, tx, site, &run, members).await?);
        }
    }
    Ok(all)
}

type Candidates<'a> = BTreeMap<RecurrenceId, Member<'a>>;

/// A date of a series as the remote side keeps it.
fn as_kept(site: &Site, series: &Event) -> Event {
    let single = Event { recurrence: None, overrides: BTreeMap::new(), ..series.clone() };
    Event { class: series.class, ..site.bridge.comparable(&site.calendar, &single) }
}

/// Whether an allocation may come into a series: with its link where it is a booking of its own that says nothing else
/// than the allocation, without one where nothing in the hub is it. `None`: it stays what it is.
async fn candidate(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    item: &RemoteItem,
) -> Result<Option<Option<Link>>, SyncError> {
    let Some(link) = pair::find(engine, tx, site, item).await? else {
        let known = pair::counterpart(engine, tx, site, item).await?.is_some();
        return Ok((!known).then_some(None));
    };
    let settled = link.state == LinkState::Linked && link.sent.is_empty() && link.born == links::REMOTE;
    let plain = settled && link.part.is_empty() && is_untouched(engine, tx, site, &link, item).await?;
    Ok(plain.then_some(Some(link)))
}

/// Whether the hub's booking is what the reconciler made of the allocation, and nobody has added anything.
async fn is_untouched(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    link: &Link,
    item: &RemoteItem,
) -> Result<bool, SyncError> {
    let row = objects::by_uid(tx, &site.mapping.tenant_id, &site.mapping.room_id, &link.uid).await?;
    let Some(row) = row.filter(|row| row.origin == site.mapping.id.as_str()) else { return Ok(false) };
    let stamp = Stamp { created: engine.now(), modified: engine.now(), sequence: 0 };
    let event = Event { uid: link.uid.clone(), class: row.class, ..item.event.clone() };
    let made = CalendarObject::compose(&event, &stamp).map_err(ChangeError::from)?;
    Ok(said(&row.body) == said(made.text()))
}

/// The lines of an object without those that tell when it was written.
fn said(text: &str) -> BTreeSet<&str> {
    let stamps = ["DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE"];
    text.lines().filter(|line| !stamps.iter().any(|stamp| line.starts_with(stamp))).collect()
}

/// A series with the allocations that fit into it; `None` where none does.
fn joined<'a>(engine: &Engine, series: Series, found: &mut Candidates<'a>) -> Option<Gathered<'a>> {
    let Series { mut event, mut instances, shape } = series;
    let mut shape = shape?;
    let mut members = Vec::new();
    while let Some(id) = found.values().map(|one| (one.id, &one.item.event.when)).find_map(|(id, when)| {
        let free = !instances.contains_key(&id);
        (free && shape.takes(when)).then_some(id)
    }) {
        let member = found.remove(&id)?;
        let (when, content) = (member.item.event.when.clone(), event.content.clone());
        let mut more = instances.clone();
        more.insert(id, Override { when, content });
        event = shape.with(&more, &Budget::of(&engine.limits))?;
        shape = Shape::of(&event)?;
        instances = more;
        members.push(member);
    }
    (!members.is_empty()).then_some(Gathered { event, members, is_known: true })
}

/// A new series.
async fn begun<'a>(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    run: &fold::Run,
    members: Vec<Member<'a>>,
) -> Result<Option<Gathered<'a>>, SyncError> {
    let Some(first) = members.first().map(|member| member.item) else { return Ok(None) };
    let mut named = first.clone();
    named.event.uid = Uid(format!("{}{MARK}", first.event.uid.as_str()));
    let uid = pair::free_uid(tx, site, &named).await?;
    let instance = |member: &Member<'_>| {
        let event = &member.item.event;
        (member.id, Override { when: event.when.clone(), content: event.content.clone() })
    };
    let instances: Instances = members.iter().map(instance).collect();
    let shape = Shape::new(uid, &first.event, run);
    let event = shape.and_then(|shape| shape.with(&instances, &Budget::of(&engine.limits)));
    Ok(event.map(|event| Gathered { event, members, is_known: false }))
}

/// Puts a series and links its dates. `false` where the hub cannot hold it: then it stays date by date, and nothing of
/// the transaction counts.
async fn gather(engine: &Engine, tx: &mut Tx, site: &Site, one: &Gathered<'_>) -> Result<bool, SyncError> {
    for link in one.members.iter().filter_map(|member| member.single.as_ref()) {
        let single = hub::event(engine, tx, site, &link.uid).await?;
        hub::remove(engine, tx, site, single.as_ref(), &Part::Whole, link).await?;
    }
    match hub::put(engine, tx, site, one.event.clone(), true).await {
        Err(SyncError::Change(ChangeError::Ical(_) | ChangeError::TooManyInstances(_))) => return Ok(false),
        outcome => outcome?,
    };
    for member in &one.members {
        links::put(tx, &one.link(engine, site, member)).await?;
        tell_assumed(engine, tx, site, &one.event.uid, member.item).await?;
    }
    let ids: Vec<&str> = one.ids().collect();
    let detail = format!("dates of this series at {}: {}", site.calendar.name, ids.join(", "));
    ruling::tell(engine, tx, site, &one.event.uid, ("pull.fold", &detail)).await?;
    Ok(true)
}

/// Makes bookings of their own of what was gathered.
async fn give_back(engine: &Engine, site: &Site, present: &[RemoteItem]) -> Result<usize, SyncError> {
    let mut tx = engine.store.begin_read().await?;
    let is_any = !series_of(engine, &mut tx, site).await?.is_empty();
    drop(tx);
    if !is_any {
        return Ok(0);
    }
    let items: BTreeMap<&str, &RemoteItem> = present.iter().map(|item| (item.id.0.as_str(), item)).collect();
    let mut tx = begin_alone(engine, site).await?;
    let all = series_of(engine, &mut tx, site).await?;
    for series in &all {
        Box::pin(unfold(engine, &mut tx, site, series, &items)).await?;
    }
    tx.commit().await?;
    Ok(all.len())
}

async fn unfold(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    series: &Series,
    items: &BTreeMap<&str, &RemoteItem>,
) -> Result<(), SyncError> {
    let uid = &series.event.uid;
    let links = links::of_uid(tx, &site.mapping.tenant_id, &site.mapping.id, uid).await?;
    let mut live: BTreeMap<RecurrenceId, Link> = BTreeMap::new();
    for link in links.into_iter().filter(|link| link.state != LinkState::Forgotten) {
        if let Some(Part::Instance(id)) = Part::parse(&link.part) {
            live.insert(id, link);
        }
    }
    if let Some(link) = live.values().next() {
        hub::remove(engine, tx, site, Some(&series.event), &Part::Whole, link).await?;
    }
    for (id, instance) in &series.instances {
        let link = live.remove(id);
        let item = link.as_ref().and_then(|link| items.get(link.remote_id.as_deref()?));
        let own = match item {
            Some(item) => pair::free_uid(tx, site, item).await?,
            None => Uid(format!("{uid}-{id}")),
        };
        let (when, content) = (instance.when.clone(), instance.content.clone());
        let class = series.event.class;
        let single = Event { uid: own.clone(), class, when, content, recurrence: None, overrides: BTreeMap::new() };
        hub::put(engine, tx, site, single, true).await?;
        if let Some(link) = link {
            links::put(tx, &alone(link, &own)?).await?;
        }
        ruling::tell(engine, tx, site, &own, ("pull.unfold", &format!("was a date of the series {uid}"))).await?;
    }
    // What the series had lost and that side still has is forgotten with it; it is read as what it is.
    for link in live.into_values() {
        links::put(tx, &Link { state: LinkState::Forgotten, sent: String::new(), ..link }).await?;
    }
    Ok(())
}

/// The link of a date as that of a booking of its own.
fn alone(link: Link, uid: &Uid) -> Result<Link, SyncError> {
    let renamed = |json: &str| {
        let event = hub::event_of(json)?.map(|event| Event { uid: uid.clone(), ..event });
        Ok::<String, SyncError>(event.as_ref().map_or_else(String::new, hub::json))
    };
    let (base, sent, echo) = (renamed(&link.base)?, renamed(&link.sent)?, renamed(&link.echo)?);
    Ok(Link { uid: uid.clone(), part: Part::Whole.as_text(), base, sent, echo, ..link })
}
