//! Many tenants in one database: each with ten rooms of 200 bookings. What a request costs there, beside what it costs where
//! there is one tenant, and how long the program takes to start.

use super::calendar::{Booking, Chance, booking};
use super::client::Client;
use super::process::Server;
use super::{Cost, Options, cost, servers, table};
use anteroom::crypt::password;
use anteroom::ical::freebusy::BusyKind;
use anteroom::model::{
    Etag, Features, Fingerprint, ObjectName, PrincipalId, PrincipalKind, Privilege, ReservationClass, Role, RoomId,
    RoomKind, Scope, Timestamp, Uid, ZoneId,
};
use anteroom::store::changes::NewChange;
use anteroom::store::instances::{NewInstance, Owner};
use anteroom::store::objects::ObjectRow;
use anteroom::store::principals::Principal;
use anteroom::store::rooms::Room;
use anteroom::store::secrets::SecretRow;
use anteroom::store::tenants::Tenant;
use anteroom::store::{Store, Tx, changes, instances, objects, principals, rooms, secrets, tenants};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

const ROOMS: usize = 10;
const BOOKINGS: usize = 200;
/// Tenants whose people ask; the rest of them is only there.
pub const ASKING: usize = 100;
const CLIENTS: usize = 16;
const BEGIN: Timestamp = Timestamp(1_767_225_600_000);

/// What is asked in random rooms.
#[derive(Clone, Copy)]
pub enum Ask {
    Ctag,
    Week,
    Get,
    Put,
}

/// Measures one tenant, then so many.
pub async fn measure(count: usize, options: &Options) {
    let few = one(1, options).await;
    let many = one(count, options).await;
    table::scale(count, &few, &many);
}

/// What a database of that many tenants costs.
pub struct Scale {
    pub filled_per_second: f64,
    pub database_mib: f64,
    pub start_ms: f64,
    pub resident_mib: f64,
    pub costs: Vec<(&'static str, Cost)>,
}

async fn one(count: usize, options: &Options) -> Scale {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let data = filled(folder.path(), count).await;
    let all = f64::from(u32::try_from(count * ROOMS * BOOKINGS).unwrap());
    let filled_per_second = all / begun.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(data.join("anteroom.db")).unwrap().len();
    let begun = Instant::now();
    let server = servers::bare(folder.path(), options).await;
    let start_ms = 1e3 * begun.elapsed().as_secs_f64();
    let mut costs = Vec::new();
    warm(&server, count).await;
    for (name, ask) in [("ctag", Ask::Ctag), ("get-one", Ask::Get), ("week", Ask::Week), ("put-update", Ask::Put)] {
        run(&server, (ask, count), options.seconds / 6.0).await;
        costs.push((name, run(&server, (ask, count), options.seconds).await));
    }
    let database_mib = f64::from(u32::try_from(bytes >> 10).unwrap()) / 1024.0;
    Scale { filled_per_second, database_mib, start_ms, resident_mib: server.resident_mib(), costs }
}

/// Fills the database in the data folder of `folder`.
pub async fn filled(folder: &Path, count: usize) -> PathBuf {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).unwrap();
    fill(&data, count).await;
    data
}

/// Everybody who will ask signs in once: a password costs what a password has to.
pub async fn warm(server: &Server, count: usize) {
    let mut client = Client::new(&server.address, "anna", servers::PASSWORD);
    for tenant in 0..count.min(ASKING) {
        let path = format!("/dav/t{}/rooms/room-0/", place(tenant, count));
        let answer = client.send("PROPFIND", &path, &[("Depth", "0")], super::work::CTAG).await.unwrap();
        assert_eq!(answer.status, 207, "{}", answer.text());
    }
}

/// Those who ask lie all over the database.
pub const fn place(asking: usize, count: usize) -> usize {
    asking * 7_919 % count
}

/// A room of somebody who asks, and one of its bookings.
pub fn somewhere(chance: &mut Chance, count: usize) -> (String, usize) {
    let asking = usize::try_from(chance.below(count.min(ASKING) as u64)).unwrap();
    in_tenant(chance, place(asking, count))
}

/// A room of a tenant, and one of its bookings.
pub fn in_tenant(chance: &mut Chance, tenant: usize) -> (String, usize) {
    let room = format!("/dav/t{tenant}/rooms/room-{}/", chance.below(ROOMS as u64));
    (room, usize::try_from(chance.below(BOOKINGS as u64)).unwrap())
}

async fn run(server: &Server, (ask, count): (Ask, usize), seconds: f64) -> Cost {
    let (cpu, begun) = (server.cpu_ms(), Instant::now());
    let until = begun + Duration::from_secs_f64(seconds);
    let rounds = (0..CLIENTS).map(|number| async move {
        let mut client = Client::new(&server.address, "anna", servers::PASSWORD);
        let (mut chance, mut times, mut octets) = (Chance::new(number as u64), Vec::new(), 0);
        while Instant::now() < until {
            let (room, member) = somewhere(&mut chance, count);
            let begun = Instant::now();
            let answer = send(&mut client, ask, &room, (member, times.len() + 1)).await;
            octets = answer;
            times.push(begun.elapsed());
        }
        (times, octets)
    });
    let (times, octets): (Vec<_>, Vec<usize>) = futures_util::future::join_all(rounds).await.into_iter().unzip();
    cost(times.concat(), octets[0], begun.elapsed(), server.cpu_ms() - cpu)
}

pub async fn send(client: &mut Client, ask: Ask, room: &str, (member, revision): (usize, usize)) -> usize {
    let xml = |depth| [("Content-Type", "application/xml"), ("Depth", depth)];
    let path = format!("{room}load-{member:06}.ics");
    let (answer, statuses) = match ask {
        Ask::Ctag => (client.send("PROPFIND", room, &xml("0"), super::work::CTAG).await, [207, 207]),
        Ask::Week => {
            let body = super::work::query(super::calendar::WEEK, false);
            (client.send("REPORT", room, &xml("1"), &body).await, [207, 207])
        }
        Ask::Get => (client.send("GET", &path, &[], "").await, [200, 200]),
        Ask::Put => {
            let body = booking(member, revision).ics;
            (client.send("PUT", &path, &[("Content-Type", "text/calendar")], &body).await, [201, 204])
        }
    };
    let answer = answer.unwrap();
    assert!(statuses.contains(&answer.status), "{}: {}", answer.status, answer.text());
    answer.body.len()
}

async fn fill(data: &Path, count: usize) {
    let store = Store::open(&format!("sqlite:{}", data.join("anteroom.db").display())).await.unwrap();
    let pool: Vec<Booking> = (0..BOOKINGS).map(|number| booking(number, 0)).collect();
    let hash = password::hash(servers::PASSWORD).unwrap();
    for number in 0..count {
        let mut tx = store.begin_write().await.unwrap();
        let tenant = Tenant::new(&format!("t{number}"), "Town", ZoneId::parse("Europe/Oslo").unwrap(), BEGIN);
        tenants::insert(&mut tx, &tenant).await.unwrap();
        anna(&mut tx, &tenant, &hash).await;
        for room in 0..ROOMS {
            fill_room(&mut tx, &tenant, room, &pool).await;
        }
        tx.commit().await.unwrap();
    }
    store.close().await;
}

async fn anna(tx: &mut Tx, tenant: &Tenant, hash: &str) {
    let principal = Principal {
        id: PrincipalId::fresh(),
        tenant_id: tenant.id.clone(),
        login: "anna".to_owned(),
        display_name: "Anna".to_owned(),
        email: format!("anna@{}.example.org", tenant.tenant_key),
        kind: PrincipalKind::Person,
        role: Role::Member,
        disabled: false,
        created_ms: BEGIN,
    };
    let secret = SecretRow {
        id: uuid::Uuid::now_v7().to_string(),
        tenant_id: tenant.id.clone(),
        principal_id: principal.id.clone(),
        kind: secrets::APP_PASSWORD.to_owned(),
        label: "load".to_owned(),
        lookup: String::new(),
        hash: hash.to_owned(),
        created_ms: BEGIN,
        last_used_ms: None,
        revoked_ms: None,
        expires_ms: None,
        rotated_ms: None,
        scope: Scope::default(),
    };
    principals::insert(tx, &principal).await.unwrap();
    principals::grant(tx, &tenant.id, &principal.id, None, Privilege::Write).await.unwrap();
    secrets::insert(tx, &secret).await.unwrap();
}

async fn fill_room(tx: &mut Tx, tenant: &Tenant, number: usize, pool: &[Booking]) {
    let room = Room {
        id: RoomId::fresh(),
        tenant_id: tenant.id.clone(),
        slug: format!("room-{number}"),
        name: format!("Room {number}"),
        kind: RoomKind::Room,
        zone: tenant.zone.clone(),
        email: String::new(),
        description: String::new(),
        building: String::new(),
        capacity: None,
        features: Features::default(),
        color: "#336699".to_owned(),
        allow_overlaps: true,
        seq: i64::try_from(pool.len()).unwrap(),
        modified_ms: BEGIN,
        longest_ms: 86_400_000,
        created_ms: BEGIN,
    };
    rooms::insert(tx, &room).await.unwrap();
    for (at, booking) in pool.iter().enumerate() {
        fill_booking(tx, &room, i64::try_from(at + 1).unwrap(), booking).await;
    }
}

async fn fill_booking(tx: &mut Tx, room: &Room, seq: i64, booking: &Booking) {
    let at = |seconds: i64| Timestamp(1_000 * seconds);
    let uid = Uid(booking.name.trim_end_matches(".ics").to_owned());
    let (first, last) = (booking.instances[0].0, booking.instances[booking.instances.len() - 1].1);
    let recurring = booking.instances.len() > 1;
    let object = ObjectRow {
        id: uuid::Uuid::now_v7().to_string(),
        tenant_id: room.tenant_id.clone(),
        room_id: room.id.clone(),
        name: ObjectName::parse(&booking.name).unwrap(),
        uid: uid.clone(),
        etag: Etag::of(booking.ics.as_bytes()),
        fingerprint: Fingerprint::of(&uid.0),
        class: ReservationClass::Event,
        origin: "hub".to_owned(),
        body: booking.ics.clone(),
        seq,
        recurring,
        first_ms: at(first),
        last_ms: Some(at(last)),
        expanded_from_ms: if recurring { BEGIN } else { Timestamp(i64::MIN) },
        expanded_until_ms: if recurring { at(last) } else { Timestamp(i64::MAX) },
        created_ms: BEGIN,
        modified_ms: BEGIN,
    };
    objects::put(tx, &object).await.unwrap();
    let rows: Vec<NewInstance> = booking
        .instances
        .iter()
        .map(|(start, end)| NewInstance {
            start: at(*start),
            end: at(*end),
            recurrence_id: if recurring { start.to_string() } else { String::new() },
            busy: booking.busy.then_some(BusyKind::Busy),
        })
        .collect();
    let owner = Owner { tenant: &room.tenant_id, room: &room.id, object: &object.id };
    instances::insert(tx, &owner, &rows).await.unwrap();
    let (tenant, id) = (&room.tenant_id, &room.id);
    let change = NewChange { tenant, room: id, name: &object.name, uid: &uid, seq, deleted: false, at: BEGIN };
    changes::record(tx, &change).await.unwrap();
}
