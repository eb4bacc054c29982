//! A dry run: reads both sides completely and says what a sync would do, with the decisions of pull and push. Writes
//! nothing to either side.

use super::folding::Gathered;
use super::plan::Decision;
use super::pull::millis;
use super::pull_item::{Judged, Seen, judge, judge_absent};
use super::push_plan::{Act, plan};
use super::{Engine, Site, SyncError, folding, held, hub, masks, observe, pair, retry, shadow};
use crate::bridge::RemoteItem;
use crate::model::Event;
use crate::model::MappingId;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::links;
use crate::store::links::Link;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::objects;
use crate::store::plans;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How long the plan of a mapping that waits for approval stands before it is made anew.
const FRESH_MS: i64 = 3_600_000;

/// Where something would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanSide {
    /// In the hub; other mappings of the room hear of it.
    Hub,
    /// At the remote side.
    Remote,
}

/// What would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanAct {
    /// A booking of both sides is recognised as one; nothing is written to either.
    Pair,
    /// Something new.
    Create,
    /// Something changes.
    Change,
    /// Something goes.
    Delete,
    /// An earlier write is looked into before anything else.
    Look,
    /// Nothing: that side cannot hold it, or does not let it be written.
    Leave,
}

/// One thing that would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Step {
    /// Where.
    pub side: PlanSide,
    /// What.
    pub act: PlanAct,
    /// The event.
    pub uid: String,
    /// Its title.
    pub title: String,
    /// Its wall-clock start.
    pub start: String,
    /// Why.
    pub why: String,
}

/// What a sync of one mapping would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Plan {
    /// The mapping.
    pub mapping: String,
    /// Slug of the room.
    pub room: String,
    /// How people know the remote calendar.
    pub remote_name: String,
    /// When it was made.
    #[schema(value_type = i64)]
    pub made: Timestamp,
    /// Why the brake would hold the whole run; then none of the steps is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<String>,
    /// Bookings that stand on both sides as they should.
    pub in_step: usize,
    /// What would be done.
    pub steps: Vec<Step>,
}

impl Plan {
    /// How many steps of one kind there are.
    pub fn count(&self, side: PlanSide, act: PlanAct) -> usize {
        self.steps.iter().filter(|step| (step.side, step.act) == (side, act)).count()
    }

    /// Whether anything would be written.
    pub fn writes(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.act, PlanAct::Create | PlanAct::Change | PlanAct::Delete))
    }

    /// The plan in one sentence.
    pub fn summary(&self) -> String {
        let count = |side, act| self.count(side, act);
        let side = |name: &str, side| {
            let (new, changed) = (count(side, PlanAct::Create), count(side, PlanAct::Change));
            format!("{name}: {new} to create, {changed} to change, {} to delete", count(side, PlanAct::Delete))
        };
        let paired = count(PlanSide::Remote, PlanAct::Pair);
        let (hub, remote) = (side("hub", PlanSide::Hub), side("remote", PlanSide::Remote));
        format!("{hub}; {remote}; {paired} recognised as one booking, {} in step", self.in_step)
    }
}

/// What a sync of one mapping would do now.
pub async fn preview(engine: &Engine, tenant: &TenantId, mapping: &MappingId) -> Result<Plan, SyncError> {
    let site = engine.glance(tenant, mapping).await?;
    let observed = observe::read(engine, &site, true).await?;
    let brake = held::verdict(engine, &site, &observed).await?;
    let mut tx = engine.store.begin_read().await?;
    let mut draft = Draft {
        engine,
        site: &site,
        overlay: BTreeMap::new(),
        decided: BTreeSet::new(),
        steps: Vec::new(),
        in_step: 0,
    };
    let gathered = folding::gathered(engine, &mut tx, &site, &observed.present).await?;
    let folded: BTreeSet<&str> = gathered.iter().flat_map(Gathered::ids).collect();
    for one in &gathered {
        draft.gathered(one);
    }
    for series in folding::to_give_back(engine, &mut tx, &site).await? {
        draft.hub(PlanAct::Change, Some(&series), &series.uid, "is given back date by date");
    }
    for item in observed.present.iter().filter(|item| !folded.contains(item.id.0.as_str())) {
        draft.present(&mut tx, item).await?;
    }
    for id in &observed.absent {
        if let Some(link) = links::by_remote(&mut tx, tenant, mapping, &id.0).await? {
            draft.absent(&mut tx, link).await?;
        }
    }
    if site.mapping.exports() {
        draft.outgoing(&mut tx).await?;
    }
    let Draft { mut steps, in_step, .. } = draft;
    steps.sort_by(|a, b| (a.side, a.act, &a.start, &a.uid).cmp(&(b.side, b.act, &b.start, &b.uid)));
    let (mapping, room) = (mapping.to_string(), site.room.slug.clone());
    Ok(Plan { mapping, room, remote_name: site.calendar.name.clone(), made: engine.now(), brake, in_step, steps })
}

struct Draft<'a> {
    engine: &'a Engine,
    site: &'a Site,
    /// Links as the pull would leave them, by id.
    overlay: BTreeMap<String, Link>,
    /// Events whose outgoing writes follow from what comes in.
    decided: BTreeSet<Uid>,
    steps: Vec<Step>,
    in_step: usize,
}

impl Draft<'_> {
    fn step(&mut self, side: PlanSide, act: PlanAct, event: Option<&Event>, (uid, why): (&Uid, &str)) {
        self.steps.push(Step {
            side,
            act,
            uid: uid.to_string(),
            title: event.map_or_else(String::new, |event| event.content.summary.clone()),
            start: event.map_or_else(String::new, |event| event.when.wall_start().to_string()),
            why: why.to_owned(),
        });
    }

    fn gathered(&mut self, one: &Gathered<'_>) {
        let act = if one.is_known { PlanAct::Change } else { PlanAct::Create };
        let why = format!("{} weekly allocations are identical but for their date", one.members.len());
        self.hub(act, Some(&one.event), &one.event.uid, &why);
        for single in one.singles() {
            self.hub(PlanAct::Delete, Some(&one.event), single, "becomes a date of a series");
        }
        for member in &one.members {
            let link = one.link(self.engine, self.site, member);
            self.overlay.insert(link.id.to_string(), link);
        }
    }

    async fn present(&mut self, tx: &mut Tx, item: &RemoteItem) -> Result<(), SyncError> {
        let (engine, site) = (self.engine, self.site);
        let link = match pair::find(engine, tx, site, item).await? {
            Some(link) => link,
            None if !site.mapping.imports() => return Ok(()),
            None => match pair::counterpart(engine, tx, site, item).await? {
                Some((uid, part)) if !self.is_paired(&uid, &part.as_text()) => {
                    let link = pair::adoption(engine, tx, site, item, (uid, &part)).await?;
                    let why = "the same booking stands on both sides";
                    self.step(PlanSide::Remote, PlanAct::Pair, Some(&item.event), (&link.uid, why));
                    link
                }
                _ if shadow::of(engine, tx, site, item).await?.is_some() => return Ok(()),
                _ if pair::has_outlived(engine, tx, site, item).await? => return Ok(()),
                _ => {
                    let why = "stands at the remote side only";
                    self.step(PlanSide::Hub, PlanAct::Create, Some(&item.event), (&item.event.uid, why));
                    return Ok(());
                }
            },
        };
        let judged = judge(engine, tx, site, link, Seen { item, fresh: false }).await?;
        self.judged(&judged);
        self.overlay.insert(judged.link.id.to_string(), judged.link);
        Ok(())
    }

    fn is_paired(&self, uid: &Uid, part: &str) -> bool {
        self.overlay.values().any(|link| link.uid == *uid && link.part == part)
    }

    fn judged(&mut self, judged: &Judged) {
        let (uid, theirs) = (&judged.link.uid, Some(&judged.theirs));
        let locked = !judged.link.locked.is_empty() && judged.view.ours.is_some();
        match &judged.decision {
            Decision::Nothing | Decision::Agree => self.in_step += 1,
            Decision::TakeTheirs => self.hub(PlanAct::Change, theirs, uid, "was changed at the remote side"),
            Decision::TakeBack => self.hub(PlanAct::Create, theirs, uid, "was changed there after it was removed here"),
            Decision::DeleteOurs => self.hub(PlanAct::Delete, theirs, uid, "was removed at the remote side"),
            Decision::SendOurs | Decision::Merge(_) if locked => {
                self.hub(PlanAct::Change, theirs, uid, "the remote copy may not be written, so the hub follows it");
            }
            Decision::Merge(merged) => {
                let units = merged.contested.join(", ");
                let why = if units.is_empty() {
                    "was changed on both sides, in different fields".to_owned()
                } else {
                    format!("was changed on both sides; contested: {units}")
                };
                self.hub(PlanAct::Change, Some(&merged.event), uid, &why);
                self.step(PlanSide::Remote, PlanAct::Change, Some(&merged.event), (uid, &why));
            }
            Decision::SendOurs | Decision::DeleteTheirs | Decision::CreateAnew | Decision::Forget => {}
        }
    }

    fn hub(&mut self, act: PlanAct, event: Option<&Event>, uid: &Uid, why: &str) {
        self.decided.insert(uid.clone());
        self.step(PlanSide::Hub, act, event, (uid, why));
    }

    async fn absent(&mut self, tx: &mut Tx, link: Link) -> Result<(), SyncError> {
        let (link, view, decision) = judge_absent(self.engine, tx, self.site, link).await?;
        if decision == Decision::DeleteOurs && view.hub.is_some() {
            self.hub(PlanAct::Delete, view.hub.as_ref(), &link.uid, "was removed at the remote side");
        }
        self.overlay.insert(link.id.to_string(), link);
        Ok(())
    }

    /// What would be sent: everything the hub holds against the links as the pull would leave them.
    async fn outgoing(&mut self, tx: &mut Tx) -> Result<(), SyncError> {
        let mapping = &self.site.mapping;
        let spans = objects::spans(tx, &mapping.tenant_id, &mapping.room_id).await?;
        let window = self.engine.window();
        let mut uids: BTreeSet<Uid> = BTreeSet::new();
        for (uid, last) in spans {
            if last.is_none_or(|last| last > window.start) {
                uids.insert(uid);
            }
        }
        let live = links::of_mapping(tx, &mapping.tenant_id, &mapping.id).await?;
        uids.extend(live.into_iter().map(|link| link.uid));
        for uid in uids {
            if !self.decided.contains(&uid) {
                self.outgoing_event(tx, &uid).await?;
            }
        }
        Ok(())
    }

    async fn outgoing_event(&mut self, tx: &mut Tx, uid: &Uid) -> Result<(), SyncError> {
        let (engine, site) = (self.engine, self.site);
        let (event, shown) = hub::shown(engine, tx, site, uid).await?;
        let links = self.links(tx, uid).await?;
        let window = engine.window();
        let detail = site.mapping.detail;
        let projection = masks::project(site.bridge.as_ref(), &site.calendar, detail, &shown, window);
        let projection = match projection {
            Ok(projection) => projection,
            Err(error) => {
                self.step(PlanSide::Remote, PlanAct::Leave, event.as_ref(), (uid, &error.to_string()));
                return Ok(());
            }
        };
        for act in plan(&projection, &links, window.start, &site.room.zone) {
            self.act(&act, event.as_ref(), uid)?;
        }
        Ok(())
    }

    async fn links(&self, tx: &mut Tx, uid: &Uid) -> Result<Vec<Link>, SyncError> {
        let mapping = &self.site.mapping;
        let stored = links::of_uid(tx, &mapping.tenant_id, &mapping.id, uid).await?;
        let known: BTreeSet<String> = stored.iter().map(|link| link.id.to_string()).collect();
        let mut links: Vec<Link> =
            stored.into_iter().map(|link| self.overlay.get(link.id.as_str()).cloned().unwrap_or(link)).collect();
        let paired = self.overlay.values().filter(|link| link.uid == *uid && !known.contains(link.id.as_str()));
        links.extend(paired.cloned());
        Ok(links)
    }

    fn act(&mut self, act: &Act, hub: Option<&Event>, uid: &Uid) -> Result<(), SyncError> {
        let (act, event, why) = match act {
            Act::Create { event, .. } => (PlanAct::Create, Some(event.clone()), "stands in the hub only"),
            Act::Complete { event, .. } => (PlanAct::Create, Some(event.clone()), "an earlier create was not answered"),
            Act::Look { link } => (PlanAct::Look, hub::event_of(&link.sent)?, "an earlier change was not answered"),
            Act::Update { event, .. } => (PlanAct::Change, Some(event.clone()), "was changed in the hub"),
            Act::Delete { link } => (PlanAct::Delete, hub::event_of(&link.base)?, "is not in the hub any more"),
            Act::Abandon { link } => {
                (PlanAct::Delete, hub::event_of(&link.sent)?, "was being created and is not wanted")
            }
        };
        self.step(PlanSide::Remote, act, event.as_ref().or(hub), (uid, why));
        Ok(())
    }
}

/// Makes and stores the plans of mappings that wait for approval.
pub(super) async fn approval_plans(engine: &Engine) -> Result<(), SyncError> {
    let awaiting = mappings::awaiting(&mut engine.store.begin_read().await?, engine.now(), 8).await?;
    for mapping in awaiting {
        let outcome = preview(engine, &mapping.tenant_id, &mapping.id).await;
        store(engine, &mapping, outcome).await?;
    }
    Ok(())
}

async fn store(engine: &Engine, mapping: &Mapping, outcome: Result<Plan, SyncError>) -> Result<(), SyncError> {
    let now = engine.now();
    let mut tx = engine.store.begin_write().await?;
    match outcome {
        Ok(plan) => {
            let text = serde_json::to_string(&plan).unwrap_or_default();
            plans::put(&mut tx, &mapping.tenant_id, &mapping.id, now, &text).await?;
            let due = now.plus_ms(FRESH_MS);
            mappings::set_reason(&mut tx, mapping, &format!("waits for approval: {}", plan.summary()), due).await?;
        }
        Err(error) => {
            let wait = retry::jitter(engine.settings.poll_unhealthy, u64::try_from(now.ms()).unwrap_or(0));
            mappings::failed(&mut tx, mapping, &error.to_string(), now.plus_ms(millis(wait)), now).await?;
        }
    }
    Ok(tx.commit().await?)
}
