//! Dates of a series that the remote side does not take: the series goes on without them, and each is a conflict of its
//! own, for a person to ask for it again. Of what shows beside a stronger booking only the refused stretch is missing.

use super::layers::Shown;
use super::pull::{begin, begin_alone};
use super::push_plan::Act;
use super::{Engine, Site, SyncError, conflict, hub, masks, ruling};
use crate::bridge::Part;
use crate::change::resolve;
use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::model::Event;
use crate::model::LinkState;
use crate::model::Override;
use crate::model::RecurrenceId;
use crate::store::Tx;
use crate::store::links;
use crate::store::links::Link;
use crate::store::operations::Operation;

/// A date that was asked for and not taken.
pub(super) struct Refusal {
    id: RecurrenceId,
    /// What was asked for.
    wanted: Event,
    /// What stands there instead; `None` where there is nothing.
    stands: Option<Event>,
    /// What the remote side said.
    pub(super) why: String,
}

impl Refusal {
    /// What a refusal of this act would be about; `None` for acts that are not about one date.
    pub(super) fn of(act: &Act) -> Option<Self> {
        let (part, wanted, base) = match act {
            Act::Create { part, event, .. } => (part.clone(), event, ""),
            Act::Complete { link, event } => (Part::parse(&link.part)?, event, ""),
            Act::Update { link, event } => (Part::parse(&link.part)?, event, link.base.as_str()),
            Act::Look { .. } | Act::Delete { .. } | Act::Abandon { .. } => return None,
        };
        let Part::Instance(id) = part else { return None };
        let stands = serde_json::from_str(base).ok();
        Some(Self { id, wanted: wanted.clone(), stands, why: String::new() })
    }

    /// The same with what the remote side said.
    pub(super) fn because(self, why: String) -> Self {
        Self { why, ..self }
    }
}

/// What of a booking shows behind a stronger one, where an act is about such a rest. It is no date of its own, and
/// nothing that the hub could take back: it follows from what lies over the booking.
pub(super) fn rest_of(act: &Act) -> Option<Event> {
    let (part, event) = match act {
        Act::Create { part, event, .. } => (part.clone(), event),
        Act::Complete { link, event } | Act::Update { link, event } => (Part::parse(&link.part)?, event),
        Act::Look { .. } | Act::Delete { .. } | Act::Abandon { .. } => return None,
    };
    matches!(part, Part::Rest(_)).then(|| event.clone())
}

/// Tells of rests that were refused. The booking itself stands, and they are asked for again whenever it is looked at.
pub(super) async fn tell_rests(
    engine: &Engine,
    site: &Site,
    operation: &Operation,
    rests: &[(Event, String)],
) -> Result<(), SyncError> {
    let mut tx = begin(engine, site).await?;
    for (rest, why) in rests {
        let (from, to) = (rest.when.wall_start(), rest.when.wall_end());
        let span = format!("{} to {}", from.strftime("%Y-%m-%d %H:%M"), to.strftime("%H:%M"));
        let why = format!("what is left of it from {span} was refused ({why}); the booking stands without it there");
        ruling::tell(engine, &mut tx, site, &operation.uid, ("push.rest_refused", &why)).await?;
        conflict::refused(engine, &mut tx, site, &operation.uid, resolve::REST_REFUSED, &why).await?;
    }
    Ok(tx.commit().await?)
}

/// Takes refused dates out of the series, or back to what stands. `false` when the remote side has taken no date at all,
/// or the booking is no series: that is a refusal of the whole.
pub(super) async fn carry_on(
    engine: &Engine,
    site: &Site,
    operation: &Operation,
    refusals: Vec<Refusal>,
) -> Result<bool, SyncError> {
    let mut tx = begin_alone(engine, site).await?;
    let links = links::of_uid(&mut tx, &operation.tenant_id, &operation.mapping_id, &operation.uid).await?;
    let taken = links.iter().any(Link::has_copy);
    let (before, shown) = hub::shown(engine, &mut tx, site, &operation.uid).await?;
    let Some(before) = before.filter(|event| taken && event.recurrence.is_some()) else { return Ok(false) };
    let mut after = before.clone();
    let mut told = Vec::new();
    for refusal in refusals {
        // What was changed while the request was under way is asked for anew.
        if !is_still_wanted(engine, site, &shown, &refusal) {
            continue;
        }
        after = match &refusal.stands {
            Some(stands) => hub::with_instance(&after, refusal.id, &refusal.wanted, stands),
            None => hub::without_instance(&after, refusal.id),
        };
        told.push(refusal);
    }
    hub::put(engine, &mut tx, site, after, true).await?;
    for refusal in &told {
        forget(&mut tx, &links, refusal).await?;
        tell(engine, &mut tx, site, &before, refusal).await?;
    }
    tx.commit().await?;
    Ok(true)
}

fn is_still_wanted(engine: &Engine, site: &Site, shown: &Shown, refusal: &Refusal) -> bool {
    let (bridge, detail) = (site.bridge.as_ref(), site.mapping.detail);
    let now = masks::project(bridge, &site.calendar, detail, shown, engine.window());
    now.is_ok_and(|now| masks::piece(&now, &Part::Instance(refusal.id)) == Some(&refusal.wanted))
}

/// The create that was refused is over; if the date is wanted again, it is a new one.
async fn forget(tx: &mut Tx, links: &[Link], refusal: &Refusal) -> Result<(), SyncError> {
    let part = Part::Instance(refusal.id).as_text();
    let waiting = links.iter().find(|link| link.part == part && link.state == LinkState::Creating);
    if let Some(link) = waiting.filter(|link| link.remote_id.is_none()) {
        links::put(tx, &Link { state: LinkState::Forgotten, sent: String::new(), ..link.clone() }).await?;
    }
    Ok(())
}

async fn tell(engine: &Engine, tx: &mut Tx, site: &Site, series: &Event, refusal: &Refusal) -> Result<(), SyncError> {
    let date = alone(engine, site, series, refusal);
    let wall = date.when.wall_start();
    let left = match &refusal.stands {
        Some(stands) => format!("stays at {}", spoken(stands)),
        None => "the series goes on without it".to_owned(),
    };
    let why = format!("{} was refused ({}); {left}", wall.strftime("%Y-%m-%d %H:%M"), refusal.why);
    ruling::tell(engine, tx, site, &series.uid, ("push.date_refused", &why)).await?;
    conflict::date_refused(engine, tx, site, &date, &why).await
}

fn spoken(event: &Event) -> String {
    event.when.wall_start().strftime("%Y-%m-%d %H:%M").to_string()
}

/// The date as the hub had it, without its series.
fn alone(engine: &Engine, site: &Site, series: &Event, refusal: &Refusal) -> Event {
    let (budget, day_zone) = (Budget::of(&engine.limits), &site.room.zone);
    let found = recur::occurrences(series, engine.window(), day_zone, &budget).unwrap_or_default();
    let own = found.into_iter().find(|one| one.recurrence_id == Some(refusal.id)).map(|one| one.when);
    let when = own.unwrap_or_else(|| refusal.wanted.when.clone());
    let content = series.content_of(Some(refusal.id)).clone();
    let date = Override { when: when.clone(), content: content.clone() };
    Event {
        uid: series.uid.clone(),
        class: series.class,
        when,
        content,
        recurrence: None,
        overrides: [(refusal.id, date)].into(),
    }
}
