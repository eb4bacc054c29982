//! App passwords that may less than their principal, as CalDAV clients see them, and the one moment at which they end.

use super::house::{House, NOW, event};
use anteroom::manage::{Acting, NewSecret, api_keys};
use anteroom::model::{Privilege, Role, RoomGroupId, Scope, TenantId, ZoneId};
use anteroom::store::principals::Principal;
use anteroom::store::room_groups::{self, RoomGroup};
use anteroom::store::rooms::Room;
use anteroom::store::tenants::{self, Tenant};

const HOME: &str = "/dav/t/rooms/";
const HALL: &str = "/dav/t/rooms/hall/";
const A: &str = "/dav/t/rooms/hall/a.ics";
const PRIVILEGES: &str = "<propfind xmlns='DAV:'><prop><current-user-privilege-set/></prop></propfind>";

fn read_only() -> Scope {
    Scope { read_only: true, ..Scope::default() }
}

/// A house where anna may write in the room `hall`, and rea may too, who has a password for reading only.
async fn with_reader() -> House {
    let house = House::with_anna().await;
    let rea = house.user_with("rea", Role::Member, |secret| secret.scope = read_only()).await;
    house.grant_all(&rea, Privilege::Write).await;
    assert_eq!(house.book("anna", A, "a", 10).await.status, 201);
    house
}

#[actix_web::test]
async fn a_password_for_reading_only_shows_a_room_that_cannot_be_written() {
    let house = with_reader().await;
    let shown = house.send("rea", "PROPFIND", HALL, &[("depth", "0")], PRIVILEGES).await.body;
    assert!(shown.contains("<D:read/>") && shown.contains("read-free-busy"), "{shown}");
    for missing in ["write", "bind", "unbind", "all"] {
        assert!(!shown.contains(&format!("<D:{missing}")), "{missing}: {shown}");
    }
    let query = "<c:calendar-query xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/></prop><c:filter>\
                 <c:comp-filter name='VCALENDAR'/></c:filter></c:calendar-query>";
    for (method, path, body, status) in
        [("GET", A, "", 200), ("HEAD", A, "", 200), ("PROPFIND", HALL, "", 207), ("REPORT", HALL, query, 207)]
    {
        assert_eq!(house.send("rea", method, path, &[("depth", "1")], body).await.status, status, "{method}");
    }
}

#[actix_web::test]
async fn a_password_for_reading_only_is_told_why_it_changes_nothing_whatever_the_method() {
    let house = with_reader().await;
    let there = ("destination", "/dav/t/rooms/hall/b.ics");
    for (method, path, privilege) in [
        ("PUT", A, "write-content"),
        ("PUT", "/dav/t/rooms/hall/new.ics", "write-content"),
        ("DELETE", A, "unbind"),
        ("MOVE", A, "unbind"),
        ("COPY", A, "bind"),
        ("PROPPATCH", HALL, "write-properties"),
        ("PROPPATCH", "/dav/t/principals/rea/", "write-properties"),
        ("POST", HALL, "write"),
        ("DELETE", "/dav/t/push/some", "unbind"),
        ("MKCALENDAR", "/dav/t/rooms/mine/", "write"),
        ("ACL", HALL, "write"),
        ("FROBNICATE", A, "write"),
    ] {
        let answer = house.send("rea", method, path, &[there], &event("a", 12)).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body);
        assert!(answer.body.contains("<D:need-privileges>"), "{}", answer.body);
        assert!(answer.body.contains(&format!("<D:privilege><D:{privilege}/>")), "{method} {path}: {}", answer.body);
        assert!(answer.body.contains("for reading only"), "{}", answer.body);
    }
    assert!(house.send("rea", "GET", A, &[], "").await.body.contains("T100000Z"), "nothing has changed");
    // A question to the outbox changes nothing; what is wrong here is the question.
    let asked = house.send("rea", "POST", "/dav/t/outbox/rea/", &[("content-type", "text/calendar")], "x").await;
    assert!(asked.status != 403 || !asked.body.contains("need-privileges"), "{}", asked.body);
    // Another password of somebody with the same rights writes on.
    assert_eq!(house.book("anna", A, "a", 12).await.status, 204);
}

#[actix_web::test]
async fn a_reader_sees_of_private_bookings_what_readers_see() {
    let house = with_reader().await;
    let private = event("p", 14).replace("SUMMARY:Meeting p", "CLASS:PRIVATE\r\nSUMMARY:Secret talks");
    let path = "/dav/t/rooms/hall/p.ics";
    assert_eq!(house.send("anna", "PUT", path, &[("content-type", "text/calendar")], &private).await.status, 201);
    assert!(house.send("anna", "GET", path, &[], "").await.body.contains("Secret talks"));
    let shown = house.send("rea", "GET", path, &[], "").await;
    assert!(shown.status == 200 && !shown.body.contains("Secret talks"), "{}", shown.body);
}

async fn group_of(house: &House, room: &Room) -> RoomGroup {
    let group = RoomGroup {
        id: RoomGroupId::fresh(),
        tenant_id: house.tenant.id.clone(),
        slug: "halls".to_owned(),
        name: "Halls".to_owned(),
        description: String::new(),
        created_ms: NOW,
    };
    let mut tx = house.store.begin_write().await.unwrap();
    room_groups::insert(&mut tx, &group).await.unwrap();
    room_groups::add(&mut tx, &group, &room.id).await.unwrap();
    tx.commit().await.unwrap();
    group
}

#[actix_web::test]
async fn a_password_for_certain_rooms_knows_of_no_others_and_follows_their_group() {
    let house = House::new().await;
    let (hall, attic) = (house.room("hall").await, house.room("attic").await);
    house.room("cellar").await;
    let group = group_of(&house, &attic).await;
    let rooms = vec![hall.id.to_string(), format!("group:{}", group.id)];
    let scope = Scope { rooms: Some(rooms), ..Scope::default() };
    house.user_with("ada", Role::TenantAdmin, |secret| secret.scope = scope).await;
    let body = "<propfind xmlns='DAV:'><prop><displayname/></prop></propfind>";
    let seen = async || house.send("ada", "PROPFIND", HOME, &[("depth", "1")], body).await.body;
    let shown = seen().await;
    assert!(shown.contains("/hall/") && shown.contains("/attic/") && !shown.contains("/cellar/"), "{shown}");
    assert_eq!(house.book("ada", A, "a", 10).await.status, 201);
    assert_eq!(house.book("ada", "/dav/t/rooms/cellar/a.ics", "a", 10).await.status, 404);
    let moved = [("destination", "/dav/t/rooms/cellar/a.ics")];
    assert_eq!(house.send("ada", "MOVE", A, &moved, "").await.status, 409, "there is no such room");
    assert_eq!(house.send("ada", "PROPFIND", "/dav/t/principals/bert/", &[("depth", "0")], "").await.status, 404);
    let mut tx = house.store.begin_write().await.unwrap();
    assert!(room_groups::take(&mut tx, &group, &attic.id).await.unwrap());
    tx.commit().await.unwrap();
    let shown = seen().await;
    assert!(shown.contains("/hall/") && !shown.contains("/attic/"), "{shown}");
}

#[actix_web::test]
async fn a_password_ends_at_its_moment_also_for_a_client_that_was_let_in_just_before() {
    let house = House::new().await;
    let hall = house.room("hall").await;
    let end = NOW.plus_ms(30_000);
    let rea = house.user_with("rea", Role::Member, |secret| secret.expires_ms = Some(end)).await;
    house.grant(&rea, &hall, Privilege::Write).await;
    let look = async || house.send("rea", "PROPFIND", HALL, &[("depth", "0")], "").await.status;
    assert_eq!([look().await, look().await], [207, 207]);
    house.clock.advance_ms(29_999);
    assert_eq!((look().await, house.book("rea", A, "a", 10).await.status), (207, 201));
    house.clock.advance_ms(1);
    let ended = house.send("rea", "PROPFIND", HALL, &[("depth", "0")], "").await;
    let wrong = house.send("nobody", "PROPFIND", HALL, &[("depth", "0")], "").await;
    assert_eq!((ended.status, &ended.body), (401, &wrong.body));
    assert_eq!(house.book("rea", A, "a", 11).await.status, 401);
}

/// An API key of a principal.
async fn api_key(house: &House, who: &Principal) -> String {
    let acting = Acting { tenant: &who.tenant_id, actor: "command-line", now: NOW };
    let fresh = api_keys::fresh().await.unwrap();
    let mut tx = house.store.begin_write().await.unwrap();
    let issued = api_keys::issue(&mut tx, &acting, &who.login, &NewSecret::labelled("script"), fresh).await.unwrap();
    tx.commit().await.unwrap();
    format!("Bearer {}", issued.clear.reveal())
}

#[actix_web::test]
async fn an_api_key_opens_its_own_tenant_only() {
    let house = House::new().await;
    house.room("hall").await;
    let zone = ZoneId::parse("Europe/Oslo").unwrap();
    let other = Tenant { id: TenantId::from("tenant-2"), ..Tenant::new("u", "Other town", zone, NOW) };
    let mut tx = house.store.begin_write().await.unwrap();
    tenants::insert(&mut tx, &other).await.unwrap();
    tx.commit().await.unwrap();
    let ada = house.user_as("ada", Role::TenantAdmin).await;
    let root = house.user_as("root", Role::SuperAdmin).await;
    let (of_ada, of_root) = (api_key(&house, &ada).await, api_key(&house, &root).await);
    let look = async |key: &str, path: &str| {
        house.anonymous("PROPFIND", path, &[("authorization", key), ("depth", "1")], b"").await.status
    };
    assert_eq!([look(&of_ada, HALL).await, look(&of_ada, "/dav/").await], [207, 207]);
    for path in ["/dav/u/rooms/", "/dav/u/", "/dav/u/principals/"] {
        assert_eq!(look(&of_ada, path).await, 401, "{path}");
        assert_eq!(look(&of_root, path).await, 207, "{path}");
    }
    // A super admin whose password has a ceiling stays at home.
    let scope = Scope { role: Some(Role::TenantAdmin), ..Scope::default() };
    house.user_with("rita", Role::SuperAdmin, |secret| secret.scope = scope).await;
    assert_eq!(house.send("rita", "PROPFIND", HALL, &[("depth", "0")], "").await.status, 207);
    assert_eq!(house.send("rita", "PROPFIND", "/dav/u/rooms/", &[("depth", "0")], "").await.status, 401);
}
