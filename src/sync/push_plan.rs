//! Which remote writes bring one event's copies to what they should be (pure).

use crate::bridge::Part;
use crate::bridge::Projection;
use crate::model::Event;
use crate::model::LinkState;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::store::links::Link;
use std::collections::BTreeMap;

/// One remote write.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Create a copy that was never asked for.
    Create { part: Part, event: Event, epoch: i64 },
    /// A create was decided earlier and may have been sent: find out, then go on.
    Complete { link: Link, event: Event },
    /// An earlier update may have been carried out: read the copy, decide, and plan again.
    Look { link: Link },
    /// Bring a copy from its base to the event.
    Update { link: Link, event: Event },
    /// Remove a copy.
    Delete { link: Link },
    /// A create was decided earlier, may have been sent, and is no longer wanted.
    Abandon { link: Link },
}

/// Plans the writes: removals first, so that a slot is free before it is asked for again. Where nobody knows what a copy
/// says, looking at it is the whole plan.
pub(super) fn plan(projection: &Projection, links: &[Link], window_start: Timestamp, day_zone: &ZoneId) -> Vec<Act> {
    let mut epochs: BTreeMap<&str, i64> = BTreeMap::new();
    for link in links {
        let epoch = epochs.entry(link.part.as_str()).or_default();
        *epoch = link.epoch.max(*epoch);
    }
    let live: Vec<&Link> = links.iter().filter(|link| link.state != LinkState::Forgotten).collect();
    let looks: Vec<Act> = live.iter().filter(|link| is_unsure(link)).map(|link| look(link)).collect();
    if !looks.is_empty() {
        return looks;
    }
    let mut acts: Vec<Act> = live.iter().filter_map(|link| removal(projection, link, window_start, day_zone)).collect();
    acts.extend(live.iter().filter_map(|link| change(projection, link)));
    for (part, event) in &projection.parts {
        let text = part.as_text();
        // A copy that goes is not the copy of a booking that was made anew since.
        if !live.iter().any(|link| link.part == text && link.state != LinkState::Deleting) {
            let epoch = epochs.get(text.as_str()).copied().unwrap_or(0) + 1;
            acts.push(Act::Create { part: part.clone(), event: event.clone(), epoch });
        }
    }
    acts
}

/// Whether an update has left and its answer never came.
fn is_unsure(link: &Link) -> bool {
    link.state == LinkState::Linked && link.remote_id.is_some() && !link.sent.is_empty()
}

fn look(link: &Link) -> Act {
    Act::Look { link: link.clone() }
}

fn wanted<'a>(projection: &'a Projection, link: &Link) -> Option<&'a Event> {
    projection.parts.get(&Part::parse(&link.part)?)
}

fn base(link: &Link) -> Option<Event> {
    serde_json::from_str(&link.base).ok()
}

fn removal(projection: &Projection, link: &Link, window_start: Timestamp, day_zone: &ZoneId) -> Option<Act> {
    if wanted(projection, link).is_some() && link.state != LinkState::Deleting {
        return None;
    }
    if link.remote_id.is_none() {
        return Some(Act::Abandon { link: link.clone() });
    }
    let past = base(link).is_some_and(|base| base.when.instants(day_zone).1 <= window_start);
    // An instance that has left the window is history, not a cancellation.
    let archived = past && !link.part.is_empty() && !projection.parts.is_empty();
    (!archived).then(|| Act::Delete { link: link.clone() })
}

fn change(projection: &Projection, link: &Link) -> Option<Act> {
    let event = wanted(projection, link)?;
    if link.state == LinkState::Deleting {
        return None;
    }
    if link.remote_id.is_none() {
        return Some(Act::Complete { link: link.clone(), event: event.clone() });
    }
    (base(link).as_ref() != Some(event)).then(|| Act::Update { link: link.clone(), event: event.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Content, EventTime, LinkId, MappingId, ReservationClass, TenantId, Uid};
    use jiff::civil::date;

    fn event(title: &str) -> Event {
        Event {
            uid: Uid("u".to_owned()),
            class: ReservationClass::Event,
            when: EventTime::Timed {
                start: date(2026, 3, 2).at(9, 0, 0, 0),
                end: date(2026, 3, 2).at(10, 0, 0, 0),
                zone: ZoneId::utc(),
            },
            content: Content { summary: title.to_owned(), busy: true, ..Content::default() },
            recurrence: None,
            overrides: BTreeMap::new(),
        }
    }

    fn link(state: LinkState, base: &str, remote: Option<&str>, epoch: i64) -> Link {
        Link {
            id: LinkId::fresh(),
            tenant_id: TenantId::from("t"),
            mapping_id: MappingId::from("m"),
            uid: Uid("u".to_owned()),
            part: String::new(),
            remote_id: remote.map(str::to_owned),
            remote_version: None,
            create_key: "k".to_owned(),
            epoch,
            base: serde_json::to_string(&event(base)).unwrap(),
            sent: String::new(),
            echo: String::new(),
            state,
            born: "hub".to_owned(),
            locked: String::new(),
            written_ms: Timestamp(0),
            created_ms: Timestamp(0),
        }
    }

    fn acts(wanted: Option<&str>, links: &[Link]) -> Vec<String> {
        let parts = wanted.map(|title| (Part::Whole, event(title))).into_iter().collect();
        plan(&Projection { parts }, links, Timestamp(0), &ZoneId::utc())
            .iter()
            .map(|act| match act {
                Act::Create { epoch, .. } => format!("create {epoch}"),
                Act::Complete { .. } => "complete".to_owned(),
                Act::Look { .. } => "look".to_owned(),
                Act::Update { .. } => "update".to_owned(),
                Act::Delete { .. } => "delete".to_owned(),
                Act::Abandon { .. } => "abandon".to_owned(),
            })
            .collect()
    }

    #[test]
    fn every_state_of_a_link_has_its_write() {
        assert_eq!(acts(Some("a"), &[]), ["create 1"]);
        assert_eq!(acts(Some("a"), &[link(LinkState::Forgotten, "a", Some("r"), 3)]), ["create 4"]);
        assert_eq!(acts(Some("a"), &[link(LinkState::Creating, "a", None, 1)]), ["complete"]);
        assert_eq!(acts(Some("a"), &[link(LinkState::Linked, "a", Some("r"), 1)]), Vec::<String>::new());
        assert_eq!(acts(Some("b"), &[link(LinkState::Linked, "a", Some("r"), 1)]), ["update"]);
        assert_eq!(acts(None, &[link(LinkState::Linked, "a", Some("r"), 1)]), ["delete"]);
        assert_eq!(acts(None, &[link(LinkState::Creating, "a", None, 1)]), ["abandon"]);
        assert_eq!(acts(None, &[link(LinkState::Forgotten, "a", Some("r"), 1)]), Vec::<String>::new());
        assert_eq!(acts(Some("a"), &[link(LinkState::Deleting, "a", Some("r"), 1)]), ["delete", "create 2"]);
        assert_eq!(acts(Some("a"), &[link(LinkState::Deleting, "a", None, 1)]), ["abandon", "create 2"]);
    }

    #[test]
    fn where_an_update_was_not_answered_the_copy_is_looked_at_first() {
        let unsure = Link { sent: "{}".to_owned(), ..link(LinkState::Linked, "a", Some("r"), 1) };
        for wanted in [Some("a"), Some("b"), None] {
            assert_eq!(acts(wanted, std::slice::from_ref(&unsure)), ["look"]);
        }
        let deleting = Link { state: LinkState::Deleting, ..unsure };
        assert_eq!(acts(None, &[deleting]), ["delete"], "a removal is wanted whatever the copy says");
    }

    #[test]
    fn an_instance_that_has_left_the_window_stays_where_it_is() {
        let mut old = link(LinkState::Linked, "a", Some("r"), 1);
        old.part = "20260302T090000".to_owned();
        let later = Part::parse("20260601T090000").unwrap();
        let projection = Projection { parts: [(later, event("a"))].into_iter().collect() };
        let window_start = Timestamp(1_780_000_000_000);
        let acts = plan(&projection, std::slice::from_ref(&old), window_start, &ZoneId::utc());
        assert!(matches!(acts.as_slice(), [Act::Create { .. }]), "{acts:?}");
        let acts = plan(&Projection::default(), &[old], window_start, &ZoneId::utc());
        assert!(matches!(acts.as_slice(), [Act::Delete { .. }]), "{acts:?}");
    }
}
