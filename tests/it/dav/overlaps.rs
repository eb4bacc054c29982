//! Rooms in which bookings may lie over each other.

use super::house::House;
use anteroom::model::Privilege;
use anteroom::store::rooms::{self, Room};

#[actix_web::test]
async fn a_room_with_overlaps_refuses_nobody_and_is_exclusive_again_once_that_ends() {
    let house = House::with_anna().await;
    let foyer = house.room("foyer").await;
    let berit = house.user("berit").await;
    house.grant(&berit, &foyer, Privilege::Write).await;
    house.book("berit", "/dav/t/rooms/foyer/a.ics", "a", 10).await;
    assert_eq!(house.book("berit", "/dav/t/rooms/foyer/b.ics", "b", 10).await.status, 409);

    allow(&house, &foyer, true).await;
    assert_eq!(house.book("berit", "/dav/t/rooms/foyer/b.ics", "b", 10).await.status, 201);

    allow(&house, &foyer, false).await;
    assert_eq!(house.book("berit", "/dav/t/rooms/foyer/c.ics", "c", 10).await.status, 409);
}

async fn allow(house: &House, room: &Room, allow_overlaps: bool) {
    let mut tx = house.store.begin_write().await.unwrap();
    rooms::update(&mut tx, &Room { allow_overlaps, ..room.clone() }).await.unwrap();
    tx.commit().await.unwrap();
}
