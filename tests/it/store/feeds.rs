//! Signed feeds: rotation withdraws the old token, revocation ends the feed, a strange token is neither.

use crate::house::{House, on_both};
use anteroom::model::{DetailLevel, FeedId, RoomId, TenantId, Timestamp};
use anteroom::store::feeds::{self, Feed};

fn feed(house: &House, room: &RoomId, hash: &str) -> Feed {
    Feed {
        id: FeedId::fresh(),
        tenant_id: house.tenant().clone(),
        room_id: room.clone(),
        label: "door sign".to_owned(),
        token_hash: hash.to_owned(),
        detail: DetailLevel::Busy,
        past_days: 30,
        future_days: 400,
        version: 1,
        created_ms: house.now(),
        expires_ms: Some(house.now().plus_days(90)),
        revoked_ms: None,
        last_used_ms: None,
        last_client: String::new(),
    }
}

async fn stored_feed(house: &House) -> Feed {
    let room = house.room("Hall").await;
    let feed = feed(house, &room.id, "hash-1");
    house.write_one(async |tx| feeds::insert(tx, &feed).await).await;
    feed
}

async fn by_hash(house: &House, hash: &str) -> Option<Feed> {
    let sight = feeds::by_token_hash(&mut house.read().await, hash).await.unwrap();
    sight.map(|sight| sight.feed)
}

async fn is_withdrawn(house: &House, hash: &str) -> bool {
    feeds::is_withdrawn(&mut house.read().await, hash).await.unwrap()
}

on_both!(a_feed_is_found_by_the_hash_of_its_token, |house| async {
    let feed = stored_feed(house).await;
    let found = by_hash(house, "hash-1").await.unwrap();
    assert_eq!(format!("{found:?}"), format!("{feed:?}"));
    assert!(by_hash(house, "strange").await.is_none());
    assert!(!is_withdrawn(house, "strange").await);
    let mut tx = house.read().await;
    assert!(feeds::get(&mut tx, &TenantId::fresh(), &feed.id).await.unwrap().is_none());
    assert_eq!(feeds::list(&mut tx, house.tenant()).await.unwrap().len(), 1);
});

on_both!(rotation_gives_a_new_token_and_withdraws_the_old_one, |house| async {
    let feed = stored_feed(house).await;
    house.write_one(async |tx| feeds::rotate(tx, &feed, "hash-2", house.now()).await).await;
    assert!(by_hash(house, "hash-1").await.is_none());
    assert!(is_withdrawn(house, "hash-1").await);
    let found = by_hash(house, "hash-2").await.unwrap();
    assert_eq!((found.id, found.version, found.label.as_str()), (feed.id, 2, "door sign"));
    assert!(!is_withdrawn(house, "hash-2").await);
});

on_both!(a_revoked_feed_says_since_when, |house| async {
    let feed = stored_feed(house).await;
    house.write_one(async |tx| feeds::revoke(tx, &feed, house.now()).await).await;
    house.write_one(async |tx| feeds::revoke(tx, &feed, house.now().plus_days(1)).await).await;
    assert_eq!(by_hash(house, "hash-1").await.unwrap().revoked_ms, Some(house.now()), "the first time counts");
    assert!(is_withdrawn(house, "hash-1").await);
});

on_both!(a_feed_remembers_who_fetched_it_last, |house| async {
    let feed = stored_feed(house).await;
    let later = Timestamp(house.now().ms() + 60_000);
    house.write_one(async |tx| feeds::touch(tx, &feed, "Outlook", later).await).await;
    let found = by_hash(house, "hash-1").await.unwrap();
    assert_eq!((found.last_used_ms, found.last_client.as_str()), (Some(later), "Outlook"));
});
