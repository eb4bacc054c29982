//! Room groups as CalDAV clients see them: a room that comes into a group is there with the next request, and one that leaves
//! it is gone, also for a client that was let in a moment ago.

use super::house::House;
use anteroom::model::{Clock, Privilege, RoomGroupId};
use anteroom::store::principals::{self, Extent};
use anteroom::store::room_groups::{self, RoomGroup};

const HOME: &str = "/dav/t/rooms/";
const BODY: &str = "<propfind xmlns='DAV:'><prop><displayname/></prop></propfind>";

async fn listed(house: &House) -> String {
    house.send("anna", "PROPFIND", HOME, &[("depth", "1")], BODY).await.body
}

#[actix_web::test]
async fn a_client_sees_at_once_which_rooms_are_in_its_group() {
    let house = House::new().await;
    let (anna, hall) = (house.user("anna").await, house.room("hall").await);
    house.room("attic").await;
    let halls = RoomGroup {
        id: RoomGroupId::fresh(),
        tenant_id: house.tenant.id.clone(),
        slug: "halls".to_owned(),
        name: "Halls".to_owned(),
        description: String::new(),
        created_ms: house.clock.now(),
    };
    let mut tx = house.store.begin_write().await.unwrap();
    room_groups::insert(&mut tx, &halls).await.unwrap();
    let extent = Extent::Group(&halls.id);
    principals::grant(&mut tx, &house.tenant.id, &anna.id, extent, Privilege::Write).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!listed(&house).await.contains("hall/"));

    let mut tx = house.store.begin_write().await.unwrap();
    room_groups::add(&mut tx, &halls, &hall.id).await.unwrap();
    tx.commit().await.unwrap();
    let seen = listed(&house).await;
    assert!(seen.contains("/dav/t/rooms/hall/") && !seen.contains("attic"), "{seen}");
    assert_eq!(house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 10).await.status, 201);

    let mut tx = house.store.begin_write().await.unwrap();
    assert!(room_groups::take(&mut tx, &halls, &hall.id).await.unwrap());
    tx.commit().await.unwrap();
    assert!(!listed(&house).await.contains("hall/"));
    assert!(house.send("anna", "GET", "/dav/t/rooms/hall/a.ics", &[], "").await.status >= 400);
}
