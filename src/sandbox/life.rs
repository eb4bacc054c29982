//! Life in the town hall: people who keep booking, moving and cancelling on all sides at a gentle pace.

use super::booking::generic;
use super::booking::portico_hooks;
use super::booking::portico_rows::Class;
use super::graph;
use super::seed;
use super::seed::TownRoom;
use super::state::World;
use super::state::lock;
use super::wire::Request;
use crate::model::BridgeKind;
use crate::model::ZoneId;
use jiff::ToSpan;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const TITLES: [&str; 8] = [
    "Avdelingsmøte",
    "Prosjektmøte skole",
    "Korøving",
    "Styremøte velforeningen",
    "Språkkafé",
    "Jobbsamtale",
    "Kurs i førstehjelp",
    "Møte med rådmannen",
];

/// Books something every `pace` until the sandbox stops.
pub(super) async fn run(world: Arc<World>, pace: Duration) {
    loop {
        tokio::time::sleep(pace).await;
        step(&world).await;
    }
}

/// One act of one person: mostly a new booking, at times a cancellation.
pub(super) async fn step(world: &Arc<World>) {
    let rooms = seed::town_hall().rooms;
    let (room, title, day, hour, act) = {
        let mut dice = lock(&world.dice);
        let mut pick = |most: usize| usize::try_from(dice.between(0, most as u64 - 1)).unwrap_or(0);
        (rooms[pick(rooms.len())].clone(), TITLES[pick(TITLES.len())], pick(21), pick(10), pick(10))
    };
    let oslo = ZoneId::parse("Europe/Oslo").unwrap_or_else(ZoneId::utc);
    let today = oslo.wall(world.now()).date();
    let date = today.checked_add(i64::try_from(day).unwrap_or(1).days()).unwrap_or(today);
    let start = date.at(8 + i8::try_from(hour).unwrap_or(0), 0, 0, 0);
    let end = start.checked_add(1.hour()).unwrap_or(start);
    match act {
        0..=3 => by_mail(world, &room, title, (start, end)),
        4..=7 if room.booking == BridgeKind::BookingPortico => {
            let id: u64 = room.booking_id.parse().unwrap_or(0);
            let body = json!({"title": title, "contact_name": "Kari Nordmann", "resources": [id],
                              "from_": start.to_string(), "to_": end.to_string()});
            portico_hooks::by_hand(world, Class::Event, "create", &body).await;
        }
        4..=7 => {
            let body = json!({"title": title, "location": room.name, "start_time": oslo.instant(start).to_string(),
                              "end_time": oslo.instant(end).to_string(), "organizer": {"name": "Kari Nordmann"}});
            generic::inside(world, &Request::new("POST", "/api/events").with_json(&body));
        }
        _ => cancel_one(world, &room),
    }
}

/// A person invites the room from Outlook.
fn by_mail(world: &Arc<World>, room: &TownRoom, title: &str, span: (jiff::civil::DateTime, jiff::civil::DateTime)) {
    let zone = "W. Europe Standard Time";
    let body = json!({
        "subject": title, "start": {"dateTime": span.0.to_string(), "timeZone": zone},
        "end": {"dateTime": span.1.to_string(), "timeZone": zone},
        "attendees": [{"type": "resource", "emailAddress": {"address": room.mailbox, "name": room.name}}],
    });
    let target = format!("/v1.0/users/kjersti.haland@{}/events", seed::TENANT_DOMAIN);
    graph::inside(world, &Request::new("POST", &target).with_json(&body));
}

/// The organizer of one meeting in the room takes it away.
fn cancel_one(world: &Arc<World>, room: &TownRoom) {
    let base = format!("/v1.0/users/kjersti.haland@{}/events", seed::TENANT_DOMAIN);
    let found = graph::inside(world, &Request::new("GET", &format!("{base}?$top=50"))).value();
    let meets = |event: &&Value| event["attendees"][0]["emailAddress"]["address"] == room.mailbox.as_str();
    let event = found["value"].as_array().into_iter().flatten().find(meets);
    if let Some(id) = event.and_then(|event| event["id"].as_str()) {
        graph::inside(world, &Request::new("POST", &format!("{base}/{id}/cancel")));
    }
}
