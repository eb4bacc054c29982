//! Groups of rooms: rights for all that are in one, as long as they are.

use super::is_taken;
use crate::house::{House, START, on_both};
use anteroom::model::{PrincipalId, Privilege, Reach, Role, RoomGroupId, RoomId, TenantId};
use anteroom::store::principals::{self, Extent, Principal};
use anteroom::store::rights::Rights;
use anteroom::store::room_groups::{self, RoomGroup};
use anteroom::store::{directory, removal};

fn group(house: &House, slug: &str) -> RoomGroup {
    RoomGroup {
        id: RoomGroupId::fresh(),
        tenant_id: house.tenant().clone(),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        description: String::new(),
        created_ms: START,
    }
}

/// A member without any right of its own, who may write in the rooms of the group `halls`.
async fn setting(house: &House) -> (RoomGroup, Principal) {
    let (halls, anna) = (group(house, "halls"), house.plan_user("anna", Role::Member));
    house
        .write_one(async |tx| {
            room_groups::insert(tx, &halls).await?;
            principals::insert(tx, &anna).await?;
            principals::grant(tx, house.tenant(), &anna.id, Extent::Group(&halls.id), Privilege::Write).await
        })
        .await;
    (halls, anna)
}

async fn may(house: &House, who: &Principal, room: &RoomId) -> Option<Privilege> {
    Rights::read(&mut house.read().await, who, &Reach::whole(who.role)).await.unwrap().in_room(room)
}

async fn number(house: &House) -> i64 {
    directory::standing(&mut house.read().await, house.tenant(), "").await.unwrap().unwrap().directory
}

on_both!(a_right_for_a_group_holds_in_its_rooms_while_they_are_in_it, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    let (halls, anna) = setting(house).await;
    assert_eq!(may(house, &anna, &hall.id).await, None, "an empty group gives nothing");
    let before = number(house).await;
    house.write_one(async |tx| room_groups::add(tx, &halls, &hall.id).await).await;
    assert!(number(house).await > before, "doors that remember rights look again");
    assert_eq!(may(house, &anna, &hall.id).await, Some(Privilege::Write));
    assert_eq!(may(house, &anna, &attic.id).await, None);
    house.write_one(async |tx| room_groups::add(tx, &halls, &hall.id).await).await;
    let given = principals::given(&mut house.read().await, house.tenant(), &anna.id).await.unwrap();
    assert_eq!((given.len(), given[0].room_id.as_str()), (1, format!("group:{}", halls.id).as_str()));
    let before = number(house).await;
    assert!(house.write_one(async |tx| room_groups::take(tx, &halls, &hall.id).await).await);
    assert!(number(house).await > before);
    assert_eq!(may(house, &anna, &hall.id).await, None);
    assert!(!house.write_one(async |tx| room_groups::take(tx, &halls, &hall.id).await).await);
});

on_both!(the_strongest_of_room_groups_and_all_counts, |house| async {
    let hall = house.room("Hall").await;
    let (halls, anna) = setting(house).await;
    let second = group(house, "second");
    let grant = async |extent: Extent<'_>, privilege| {
        house.write_one(async |tx| principals::grant(tx, house.tenant(), &anna.id, extent, privilege).await).await;
    };
    house
        .write_one(async |tx| {
            room_groups::insert(tx, &second).await?;
            room_groups::add(tx, &halls, &hall.id).await?;
            room_groups::add(tx, &second, &hall.id).await
        })
        .await;
    grant(Extent::All, Privilege::ReadFreeBusy).await;
    grant(Extent::Room(&hall.id), Privilege::Read).await;
    assert_eq!(may(house, &anna, &hall.id).await, Some(Privilege::Write), "by the first group");
    grant(Extent::Group(&second.id), Privilege::Admin).await;
    assert_eq!(may(house, &anna, &hall.id).await, Some(Privilege::Admin), "by the second");
    for id in [&halls.id, &second.id] {
        let extent = Extent::Group(id);
        house.write_one(async |tx| principals::revoke(tx, house.tenant(), &anna.id, extent).await).await;
    }
    assert_eq!(may(house, &anna, &hall.id).await, Some(Privilege::Read), "by the room");
});

on_both!(a_group_that_goes_takes_its_rights_along_and_a_room_that_goes_leaves_its_groups, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    let (halls, anna) = setting(house).await;
    house
        .write_one(async |tx| {
            room_groups::add(tx, &halls, &hall.id).await?;
            room_groups::add(tx, &halls, &attic.id).await?;
            removal::room(tx, house.tenant(), &attic.id, START).await
        })
        .await;
    let members = room_groups::members(&mut house.read().await, house.tenant()).await.unwrap();
    assert_eq!((members.len(), &members[0].room_id), (1, &hall.id));
    let before = number(house).await;
    house.write_one(async |tx| room_groups::delete(tx, &halls).await).await;
    assert!(number(house).await > before);
    assert_eq!(may(house, &anna, &hall.id).await, None);
    assert!(principals::given(&mut house.read().await, house.tenant(), &anna.id).await.unwrap().is_empty());
    assert!(room_groups::list(&mut house.read().await, house.tenant()).await.unwrap().is_empty());
    setting_again(house).await;
});

/// The slug is free again, and everything goes with the tenant.
async fn setting_again(house: &House) {
    let again = group(house, "halls");
    house.write_one(async |tx| room_groups::insert(tx, &again).await).await;
    let twin = group(house, "halls");
    let taken = house.try_write(async |tx| room_groups::insert(tx, &twin).await).await;
    assert!(is_taken(&taken), "{taken:?}");
    house.write_one(async |tx| removal::tenant(tx, house.tenant()).await).await;
    assert!(room_groups::list(&mut house.read().await, house.tenant()).await.unwrap().is_empty());
}

on_both!(groups_of_another_tenant_give_nothing, |house| async {
    let hall = house.room("Hall").await;
    let (halls, anna) = setting(house).await;
    house.write_one(async |tx| room_groups::add(tx, &halls, &hall.id).await).await;
    let mut tx = house.read().await;
    assert!(principals::grants(&mut tx, &TenantId::fresh(), &anna.id).await.unwrap().is_empty());
    assert!(principals::grants(&mut tx, house.tenant(), &PrincipalId::fresh()).await.unwrap().is_empty());
    assert!(room_groups::by_slug(&mut tx, &TenantId::fresh(), "halls").await.unwrap().is_none());
});
