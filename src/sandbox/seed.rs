//! A Norwegian town hall: eight rooms, two pieces of equipment, their people, and bookings around today.

use super::booking::generic;
use super::booking::portico_hooks;
use super::booking::portico_rows::Class;
use super::graph;
use super::graph::NewMailbox;
use super::graph::Policy;
use super::state::World;
use super::state::lock;
use super::wire::Request;
use crate::model::BridgeKind;
use crate::model::RoomKind;
use crate::model::ZoneId;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::civil::Weekday;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

/// The directory id of the simulated tenant.
pub const TENANT_ID: &str = "5d0a3c52-8d1b-4f60-9c7e-0f2a6b1f7a10";
/// A verified domain of the simulated tenant.
pub const TENANT_DOMAIN: &str = "fjordby.example";
/// The application id that may ask for tokens.
pub const CLIENT_ID: &str = "b7c1a0de-4a52-4b8e-93a5-6f3d2f0c9e41";
/// The application's secret.
pub const CLIENT_SECRET: &str = "sandbox-client-secret";
/// The key of the generic booking system.
pub const GENERIC_API_KEY: &str = "sandbox-booking-key";
/// `logindomain` of the portico booking system.
pub const PORTICO_DOMAIN: &str = "default";
/// `login` of the portico booking system.
pub const PORTICO_LOGIN: &str = "anteroom";
/// `passwd` of the portico booking system.
pub const PORTICO_PASSWORD: &str = "sandbox-password";

/// The simulated organisation.
#[derive(Clone, Debug, Serialize)]
pub struct TownHall {
    /// Its name.
    pub name: &'static str,
    /// The directory id of its tenant.
    pub tenant_id: &'static str,
    /// The application id for Graph.
    pub client_id: &'static str,
    /// The application's secret for Graph.
    pub client_secret: &'static str,
    /// The key of the generic booking system.
    pub generic_api_key: &'static str,
    /// `logindomain` of the portico booking system.
    pub portico_domain: &'static str,
    /// `login` of the portico booking system.
    pub portico_login: &'static str,
    /// `passwd` of the portico booking system.
    pub portico_password: &'static str,
    /// The zone of all wall-clock times.
    pub zone: &'static str,
    /// Rooms and equipment.
    pub rooms: Vec<TownRoom>,
    /// Mailboxes of people, as name and address.
    pub people: Vec<(&'static str, &'static str)>,
}

/// One room or piece of equipment of the town hall.
#[derive(Clone, Debug, Serialize)]
pub struct TownRoom {
    /// Its name in addresses: lower-case ASCII.
    pub slug: &'static str,
    /// Its name as people say it.
    pub name: &'static str,
    /// Room or equipment.
    pub kind: RoomKind,
    /// The address of its mailbox in Graph.
    pub mailbox: String,
    /// Which booking system has it.
    pub booking: BridgeKind,
    /// Its id in that booking system.
    pub booking_id: &'static str,
    /// How many people fit in; 0 for equipment.
    pub capacity: u32,
    /// Where it is.
    pub building: &'static str,
}

const PEOPLE: [(&str, &str); 5] = [
    ("Åse Bjørnstad", "ase.bjornstad@fjordby.example"),
    ("Øystein Lægreid", "oystein.legreid@fjordby.example"),
    ("Kjersti Håland", "kjersti.haland@fjordby.example"),
    ("Bjørn Særsten", "bjorn.sersten@fjordby.example"),
    ("Anteroom Tjeneste", "anteroom@fjordby.example"),
];

/// What a room of the town has, for people who look for one with a projector.
pub fn features(slug: &str) -> &'static [&'static str] {
    match slug {
        "kommunestyresalen" => &["projector", "hearing loop", "video conference", "wheelchair access"],
        "formannskapssalen" => &["video conference", "whiteboard", "wheelchair access"],
        "moterom-fjord" | "moterom-fjell" => &["display", "whiteboard"],
        "kulturhuset-storsal" => &["stage", "projector", "hearing loop", "wheelchair access"],
        "kantina" => &["kitchen", "wheelchair access"],
        "biblioteket-grupperom" => &["display"],
        _ => &[],
    }
}

/// The town hall's description: what to configure in the gateway.
pub fn town_hall() -> TownHall {
    use BridgeKind::BookingGeneric as Generic;
    use BridgeKind::BookingPortico as Portico;
    use RoomKind::Equipment;
    use RoomKind::Room;
    let rooms = [
        ("kommunestyresalen", "Kommunestyresalen", Room, Portico, "101", 60, "Rådhuset"),
        ("formannskapssalen", "Formannskapssalen", Room, Portico, "102", 20, "Rådhuset"),
        ("moterom-fjord", "Møterom Fjord", Room, Portico, "103", 10, "Rådhuset"),
        ("kulturhuset-storsal", "Kulturhuset storsal", Room, Portico, "104", 300, "Kulturhuset"),
        ("idrettshallen", "Idrettshallen", Room, Portico, "105", 500, "Idrettsparken"),
        ("moterom-fjell", "Møterom Fjell", Room, Generic, "fjell", 8, "Rådhuset"),
        ("biblioteket-grupperom", "Biblioteket grupperom", Room, Generic, "grupperom", 6, "Biblioteket"),
        ("kantina", "Kantina", Room, Generic, "kantina", 80, "Rådhuset"),
        ("projektor", "Projektor", Equipment, Generic, "projektor", 0, "Rådhuset"),
        ("elbil", "Elbil", Equipment, Generic, "elbil", 0, "Rådhuset"),
    ];
    let rooms = rooms.map(|(slug, name, kind, booking, booking_id, capacity, building)| TownRoom {
        slug,
        name,
        kind,
        mailbox: format!("{slug}@{TENANT_DOMAIN}"),
        booking,
        booking_id,
        capacity,
        building,
    });
    TownHall {
        name: "Fjordby kommune",
        tenant_id: TENANT_ID,
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        generic_api_key: GENERIC_API_KEY,
        portico_domain: PORTICO_DOMAIN,
        portico_login: PORTICO_LOGIN,
        portico_password: PORTICO_PASSWORD,
        zone: "Europe/Oslo",
        rooms: rooms.to_vec(),
        people: PEOPLE.to_vec(),
    }
}

/// Adds the rooms and people where they are missing.
pub(super) fn furnish(world: &Arc<World>) {
    let hall = town_hall();
    for room in &hall.rooms {
        let kind = if room.kind == RoomKind::Room { "room" } else { "equipment" };
        add_room(world, (&room.mailbox, room.name), kind, (room.capacity, room.building));
        add_resource(world, room.booking, room.booking_id, room.name);
    }
    for (name, address) in hall.people {
        graph::add_mailbox(world, mailbox(address, name, "person", (0, "")));
    }
    world.save_all();
}

/// A mailbox, where it is missing.
pub(super) fn add_room(world: &Arc<World>, (address, name): (&str, &str), kind: &'static str, place: (u32, &str)) {
    graph::add_mailbox(world, mailbox(address, name, kind, place));
}

/// A resource of a booking system, where it is missing.
pub(super) fn add_resource(world: &Arc<World>, booking: BridgeKind, id: &str, name: &str) {
    if booking == BridgeKind::BookingGeneric {
        lock(&world.generic).resources.insert(id.to_owned(), name.to_owned());
    } else if let Ok(id) = id.parse() {
        lock(&world.portico).resources.insert(id, name.to_owned());
    }
}

fn mailbox(address: &str, name: &str, kind: &'static str, place: (u32, &str)) -> NewMailbox {
    NewMailbox {
        address: address.to_owned(),
        name: name.to_owned(),
        kind,
        capacity: place.0,
        building: place.1.to_owned(),
        policy: Policy::default(),
    }
}

/// Furnishes the town hall and, when nobody has booked anything yet, books its rooms around today.
pub(super) fn plant(world: &Arc<World>) {
    furnish(world);
    if !lock(&world.graph).is_untouched() {
        return;
    }
    let oslo = ZoneId::parse("Europe/Oslo").unwrap_or_else(ZoneId::utc);
    let today = oslo.wall(world.now()).date();
    let monday = today.checked_sub(i32::from(today.weekday().since(Weekday::Monday)).days()).unwrap_or(today);
    plant_graph(world, today, monday);
    plant_portico(world, today, monday);
    plant_generic(world, &oslo, today);
}

fn at(date: Date, offset: i32, hour: i8) -> String {
    let day = date.checked_add(offset.days()).unwrap_or(date);
    day.at(hour, 0, 0, 0).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A Graph event in the town hall's zone.
fn event(subject: &str, start: &str, end: &str) -> Value {
    let zone = "W. Europe Standard Time";
    json!({"subject": subject, "start": {"dateTime": start, "timeZone": zone}, "end": {"dateTime": end, "timeZone": zone}})
}

fn post(world: &Arc<World>, mailbox: &str, body: &Value) -> Value {
    let target = format!("/v1.0/users/{mailbox}@{TENANT_DOMAIN}/events");
    let reply = graph::inside(world, &Request::new("POST", &target).with_json(body));
    if reply.status != 201 {
        tracing::warn!(mailbox, status = reply.status, answer = %reply.value(), "a booking of the seed was refused");
    }
    reply.value()
}

fn plant_graph(world: &Arc<World>, today: Date, monday: Date) {
    post(world, "moterom-fjord", &event("Budsjettmøte økonomi", &at(today, 0, 9), &at(today, 0, 10)));
    post(world, "moterom-fjell", &event("Medarbeidersamtale Kjersti", &at(today, 1, 13), &at(today, 1, 14)));
    post(world, "elbil", &event("Befaring Sørøya skole", &at(today, 2, 8), &at(today, 2, 12)));
    let mut closed = event("Stengt: gulvsliping", &at(today, 7, 0), &at(today, 8, 0));
    closed["isAllDay"] = json!(true);
    closed["showAs"] = json!("busy");
    post(world, "kulturhuset-storsal", &closed);
    let mut invited = event("Planlegging av høstferien", &at(today, 1, 10), &at(today, 1, 11));
    invited["attendees"] = json!([{"type": "resource", "emailAddress": {
        "address": format!("formannskapssalen@{TENANT_DOMAIN}"), "name": "Formannskapssalen"}}]);
    post(world, "kjersti.haland", &invited);
    plant_series(world, monday);
}

/// A weekly series with one moved date and one cancelled date.
fn plant_series(world: &Arc<World>, monday: Date) {
    let mut weekly = event("Ledermøte", &at(monday, 0, 8), &at(monday, 0, 9));
    weekly["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday"},
        "range": {"type": "numbered", "startDate": monday.to_string(), "numberOfOccurrences": 20,
                  "recurrenceTimeZone": "W. Europe Standard Time"},
    });
    let master = post(world, "formannskapssalen", &weekly);
    let base = format!("/v1.0/users/formannskapssalen@{TENANT_DOMAIN}/events");
    let target = format!(
        "{base}/{}/instances?startDateTime={}&endDateTime={}",
        master["id"].as_str().unwrap_or_default(),
        at(monday, 0, 0),
        at(monday, 35, 0)
    );
    let found = graph::inside(world, &Request::new("GET", &target)).value();
    let id = |nth: usize| found["value"][nth]["id"].as_str().unwrap_or_default().to_owned();
    let moved = event("Ledermøte (flyttet til ettermiddagen)", &at(monday, 14, 14), &at(monday, 14, 15));
    graph::inside(world, &Request::new("PATCH", &format!("{base}/{}", id(2))).with_json(&moved));
    graph::inside(world, &Request::new("DELETE", &format!("{base}/{}", id(3))));
}

fn plant_portico(world: &Arc<World>, today: Date, monday: Date) {
    let rows = (0..12).map(|week| {
        let body = json!({"name": "Fjordby IL håndball", "organization_id": 7, "season_id": 3, "resources": [105],
                          "from_": at(monday, 7 * week + 1, 17), "to_": at(monday, 7 * week + 1, 21)});
        (Class::Allocation, body)
    });
    let singles = [
        json!({"title": "Høringsmøte reguleringsplan", "resources": [101], "contact_name": "Øystein Lægreid",
               "contact_email": "oystein.legreid@fjordby.example", "from_": at(today, 2, 18), "to_": at(today, 2, 21)}),
        json!({"title": "Julekonsert øving", "resources": [104], "contact_name": "Fjordby songlag",
               "from_": at(today, 3, 18), "to_": at(today, 3, 20)}),
        json!({"title": "Håndballcup", "resources": [105], "contact_name": "Bjørn Særsten", "from_": at(today, 5, 9),
               "to_": at(today, 5, 18), "dates": [
                   {"from_": at(today, 5, 9), "to_": at(today, 5, 18)},
                   {"from_": at(today, 6, 9), "to_": at(today, 6, 16)}]}),
    ];
    let mut state = lock(&world.portico);
    for (class, body) in rows.chain(singles.into_iter().map(|body| (Class::Event, body))) {
        if let Err(reply) = portico_hooks::add(&mut state, class, &body) {
            tracing::warn!(answer = %reply.value(), "a reservation of the seed was refused");
        }
    }
    world.save_portico(&state);
}

fn plant_generic(world: &Arc<World>, oslo: &ZoneId, today: Date) {
    let instant = |offset: i32, hour: i8| {
        let day = today.checked_add(offset.days()).unwrap_or(today);
        oslo.instant(day.at(hour, 0, 0, 0)).to_string()
    };
    let rows = [
        ("Lunsj for nytilsette", "Kantina", 1, (11, 13), "Åse Bjørnstad"),
        ("Lesesirkel", "Biblioteket grupperom", 0, (17, 19), "Kjersti Håland"),
        ("Prosjektør til kommunestyret", "Projektor", 2, (17, 22), "Øystein Lægreid"),
        ("Klubbkveld sjakk", "Møterom Fjell", 3, (18, 21), "Bjørn Særsten"),
    ];
    for (title, location, day, (from, to), who) in rows {
        let body = json!({"title": title, "location": location, "description": "", "start_time": instant(day, from),
                          "end_time": instant(day, to), "organizer": {"name": who, "email": null}});
        let reply = generic::inside(world, &Request::new("POST", "/api/events").with_json(&body));
        if reply.status != 201 {
            tracing::warn!(title, status = reply.status, answer = %reply.value(), "a booking of the seed was refused");
        }
    }
}
