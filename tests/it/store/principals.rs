//! Principals, their grants, their secrets, and the properties they set.

use super::is_taken;
use crate::house::{House, on_both};
use anteroom::model::{PrincipalId, Privilege, Reach, Role, RoomId, Scope, SecretState, TenantId};
use anteroom::store::principals::{self, Principal};
use anteroom::store::properties::{self, PropertyRow};
use anteroom::store::rights::Rights;
use anteroom::store::secrets::{self, SecretRow};

on_both!(a_login_is_unique_inside_its_tenant_only, |house| async {
    let anna = house.user("anna", Privilege::Write).await;
    let twin = house.plan_user("anna", Role::Member);
    let again = house.try_write(async |tx| principals::insert(tx, &twin).await).await;
    assert!(is_taken(&again), "{again:?}");

    let other = house.another_tenant("other").await;
    let namesake = Principal { tenant_id: other.id.clone(), ..house.plan_user("anna", Role::Member) };
    house.write_one(async |tx| principals::insert(tx, &namesake).await).await;

    let mut tx = house.read().await;
    assert_eq!(principals::by_login(&mut tx, house.tenant(), "anna").await.unwrap().unwrap().id, anna.id);
    assert_eq!(principals::by_login(&mut tx, &other.id, "anna").await.unwrap().unwrap().id, namesake.id);
    assert_eq!(principals::by_login_anywhere(&mut tx, "anna").await.unwrap().len(), 2);
    assert!(principals::get(&mut tx, &other.id, &anna.id).await.unwrap().is_none(), "another tenant's principal");
});

on_both!(a_disabled_principal_is_still_found_and_says_so, |house| async {
    let anna = house.user("anna", Privilege::Read).await;
    house.write_one(async |tx| principals::set_disabled(tx, house.tenant(), &anna.id, true).await).await;
    let mut tx = house.read().await;
    assert!(principals::get(&mut tx, house.tenant(), &anna.id).await.unwrap().unwrap().disabled);
    assert_eq!(principals::list(&mut tx, house.tenant()).await.unwrap().len(), 1);
});

on_both!(the_strongest_grant_counts_and_can_be_taken_back, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    let anna = house.user("anna", Privilege::ReadFreeBusy).await;
    house
        .write_one(async |tx| principals::grant(tx, house.tenant(), &anna.id, Some(&hall.id), Privilege::Read).await)
        .await;
    house
        .write_one(async |tx| principals::grant(tx, house.tenant(), &anna.id, Some(&hall.id), Privilege::Write).await)
        .await;
    assert_eq!(privilege(house, &anna, &hall.id).await, Some(Privilege::Write));
    assert_eq!(privilege(house, &anna, &attic.id).await, Some(Privilege::ReadFreeBusy));

    house.write_one(async |tx| principals::revoke(tx, house.tenant(), &anna.id, Some(&hall.id)).await).await;
    assert_eq!(privilege(house, &anna, &hall.id).await, Some(Privilege::ReadFreeBusy));
    house.write_one(async |tx| principals::revoke(tx, house.tenant(), &anna.id, None).await).await;
    assert_eq!(privilege(house, &anna, &hall.id).await, None);
});

on_both!(roles_open_rooms_without_grants, |house| async {
    let hall = house.room("Hall").await;
    for (role, expected) in [
        (Role::Member, None),
        (Role::SystemMonitor, None),
        (Role::TenantViewer, Some(Privilege::Read)),
        (Role::TenantOperator, Some(Privilege::Read)),
        (Role::TenantAdmin, Some(Privilege::Admin)),
        (Role::SuperAdmin, Some(Privilege::Admin)),
    ] {
        let person = house.plan_user(&format!("{role:?}"), role);
        house.write_one(async |tx| principals::insert(tx, &person).await).await;
        let stored = principals::get(&mut house.read().await, house.tenant(), &person.id).await.unwrap().unwrap();
        assert_eq!(privilege(house, &stored, &hall.id).await, expected, "{role:?}");
    }
});

on_both!(grants_of_another_tenant_do_not_count, |house| async {
    let anna = house.user("anna", Privilege::Write).await;
    let grants = principals::grants(&mut house.read().await, &TenantId::fresh(), &anna.id).await.unwrap();
    assert!(grants.is_empty());
});

async fn privilege(house: &House, principal: &Principal, room: &RoomId) -> Option<Privilege> {
    let reach = Reach::whole(principal.role);
    Rights::read(&mut house.read().await, principal, &reach).await.unwrap().in_room(room)
}

fn secret(house: &House, owner: &PrincipalId, kind: &str, lookup: &str) -> SecretRow {
    SecretRow {
        id: uuid::Uuid::now_v7().to_string(),
        tenant_id: house.tenant().clone(),
        principal_id: owner.clone(),
        kind: kind.to_owned(),
        label: "phone".to_owned(),
        lookup: lookup.to_owned(),
        hash: "$argon2id$".to_owned(),
        created_ms: house.now(),
        last_used_ms: None,
        revoked_ms: None,
        expires_ms: None,
        rotated_ms: None,
        scope: Scope::default(),
    }
}

on_both!(an_api_key_is_found_by_its_prefix_until_it_is_revoked, |house| async {
    let anna = house.user("anna", Privilege::Write).await;
    let key = secret(house, &anna.id, secrets::API_KEY, "ak_1234");
    let password = secret(house, &anna.id, secrets::APP_PASSWORD, "");
    house.write_one(async |tx| secrets::insert(tx, &key).await).await;
    house.write_one(async |tx| secrets::insert(tx, &password).await).await;
    assert_eq!(secrets::by_lookup(&mut house.read().await, "ak_1234").await.unwrap().len(), 1);
    assert!(secrets::by_lookup(&mut house.read().await, "").await.unwrap().is_empty(), "a password has no prefix");

    let first = house.write_one(async |tx| secrets::revoke(tx, house.tenant(), &key.id, house.now()).await).await;
    let second = house.write_one(async |tx| secrets::revoke(tx, house.tenant(), &key.id, house.now()).await).await;
    assert_eq!((first, second), (true, false));
    assert!(secrets::by_lookup(&mut house.read().await, "ak_1234").await.unwrap().is_empty());
});

on_both!(secrets_remember_use_and_are_listed_with_revoked_ones, |house| async {
    let anna = house.user("anna", Privilege::Write).await;
    let password = secret(house, &anna.id, secrets::APP_PASSWORD, "");
    house.write_one(async |tx| secrets::insert(tx, &password).await).await;
    house.clock.advance_ms(60_000);
    house.write_one(async |tx| secrets::touch(tx, house.tenant(), &password.id, house.now()).await).await;
    house.write_one(async |tx| secrets::revoke(tx, house.tenant(), &password.id, house.now()).await).await;
    let all = secrets::of_principal(&mut house.read().await, house.tenant(), &anna.id).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].last_used_ms, all[0].revoked_ms), (Some(house.now()), Some(house.now())));
    let strange =
        house.write_one(async |tx| secrets::revoke(tx, &TenantId::fresh(), &password.id, house.now()).await).await;
    assert!(!strange, "another tenant must not reach the secret");
});

on_both!(a_secret_keeps_its_scope_and_end_and_makes_room_for_another_one_once, |house| async {
    let anna = house.user("anna", Privilege::Write).await;
    let rooms = Some(vec!["id-1".to_owned(), "group:id-2".to_owned()]);
    let scope = Scope { role: Some(Role::TenantViewer), read_only: true, rooms };
    let end = house.now().plus_days(90);
    let key = SecretRow { scope, expires_ms: Some(end), ..secret(house, &anna.id, secrets::API_KEY, "ak_1234") };
    let plain = secret(house, &anna.id, secrets::APP_PASSWORD, "");
    house.write_one(async |tx| secrets::insert(tx, &key).await).await;
    house.write_one(async |tx| secrets::insert(tx, &plain).await).await;
    let all = async || secrets::of_principal(&mut house.read().await, house.tenant(), &anna.id).await.unwrap();
    assert_eq!(all().await, [key.clone(), plain.clone()]);
    let found = secrets::by_lookup(&mut house.read().await, "ak_1234").await.unwrap();
    assert_eq!(found, std::slice::from_ref(&key));
    assert_eq!((key.is_valid(end.plus_ms(-1)), key.is_valid(end)), (true, false));
    assert_eq!((key.state(end), plain.state(end)), (SecretState::Expired, SecretState::Active));

    let until = house.now().plus_days(1);
    let rotate = async |tenant: &TenantId| {
        house.write_one(async |tx| secrets::rotate(tx, tenant, &key.id, until, house.now()).await).await
    };
    assert!(!rotate(&TenantId::fresh()).await, "another tenant must not reach the secret");
    assert_eq!((rotate(house.tenant()).await, rotate(house.tenant()).await), (true, false));
    let rotated = all().await.remove(0);
    assert_eq!((rotated.expires_ms, rotated.rotated_ms), (Some(until), Some(house.now())));
    assert_eq!((rotated.state(house.now()), rotated.state(until)), (SecretState::Rotated, SecretState::Expired));
    house.write_one(async |tx| secrets::revoke(tx, house.tenant(), &plain.id, house.now()).await).await;
    let strange = house.write_one(async |tx| secrets::rotate(tx, house.tenant(), &plain.id, until, house.now()).await);
    assert!(!strange.await, "it was withdrawn");
});

on_both!(secrets_that_end_soon_are_found_while_they_are_of_use, |house| async {
    let anna = house.user("anna", Privilege::Write).await;
    let of = |days: i64| {
        let expires_ms = Some(house.now().plus_days(days));
        SecretRow { expires_ms, label: days.to_string(), ..secret(house, &anna.id, secrets::API_KEY, "") }
    };
    let [gone, past, near, far, rotated, withdrawn] = [-9, -3, 5, 40, 6, 7].map(of);
    for one in [&far, &near, &past, &gone, &rotated, &withdrawn] {
        house.write_one(async |tx| secrets::insert(tx, one).await).await;
    }
    let (soon, now) = (house.now().plus_days(6), house.now());
    house.write_one(async |tx| secrets::rotate(tx, house.tenant(), &rotated.id, soon, now).await).await;
    house.write_one(async |tx| secrets::revoke(tx, house.tenant(), &withdrawn.id, now).await).await;
    let between = (now.plus_days(-7), now.plus_days(30));
    let found = async |tenant: &TenantId, most| {
        let found = secrets::ending(&mut house.read().await, tenant, between, most).await.unwrap();
        found.into_iter().map(|one| format!("{} of {}", one.label, one.login)).collect::<Vec<_>>()
    };
    assert_eq!(found(house.tenant(), 10).await, ["-3 of anna", "5 of anna"]);
    assert_eq!(found(house.tenant(), 1).await, ["-3 of anna"]);
    assert!(found(&TenantId::fresh(), 10).await.is_empty());
    house.write_one(async |tx| principals::set_disabled(tx, house.tenant(), &anna.id, true).await).await;
    assert!(found(house.tenant(), 10).await.is_empty(), "nobody misses what opens nothing anyway");
});

on_both!(a_scope_takes_away_from_grants_and_role, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    let anna = house.user("anna", Privilege::Write).await;
    let ada = house.plan_user("ada", Role::TenantAdmin);
    house.write_one(async |tx| principals::insert(tx, &ada).await).await;
    let may = async |who: &Principal, scope: &Scope, room: &RoomId| {
        let reach = Reach::within(who.role, scope.clone());
        Rights::read(&mut house.read().await, who, &reach).await.unwrap().in_room(room)
    };
    let rooms = |named: &[&str]| Some(named.iter().map(|&one| one.to_owned()).collect());
    let in_hall = Scope { rooms: rooms(&[hall.id.as_str()]), ..Scope::default() };
    assert_eq!(may(&anna, &in_hall, &hall.id).await, Some(Privilege::Write));
    assert_eq!(may(&anna, &in_hall, &attic.id).await, None);
    assert_eq!(may(&ada, &in_hall, &hall.id).await, Some(Privilege::Admin));
    assert_eq!(may(&ada, &in_hall, &attic.id).await, None);
    let reading = Scope { read_only: true, ..Scope::default() };
    assert_eq!(may(&anna, &reading, &hall.id).await, Some(Privilege::Read));
    assert_eq!(may(&ada, &reading, &attic.id).await, Some(Privilege::Read));
    let viewer = Scope { role: Some(Role::TenantViewer), ..Scope::default() };
    assert_eq!(may(&ada, &viewer, &hall.id).await, Some(Privilege::Read));
    assert_eq!(may(&anna, &viewer, &hall.id).await, Some(Privilege::Write), "a grant is no role");
    let member = Scope { role: Some(Role::Member), ..Scope::default() };
    assert_eq!(may(&ada, &member, &hall.id).await, None);
    let everywhere = Scope { rooms: rooms(&[principals::ALL_ROOMS]), ..Scope::default() };
    assert_eq!(may(&ada, &everywhere, &attic.id).await, Some(Privilege::Admin));
    for nothing in [rooms(&[]), rooms(&["group:nowhere"])] {
        assert_eq!(may(&ada, &Scope { rooms: nothing, ..Scope::default() }, &hall.id).await, None);
    }
    assert_eq!(may(&ada, &Scope::from_text("{\"hours\":8}"), &hall.id).await, None, "not understood");
});

fn property(resource: &str, name: &str, value: &str) -> PropertyRow {
    PropertyRow {
        resource: resource.to_owned(),
        namespace: "urn:example".to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

on_both!(a_property_belongs_to_who_set_it, |house| async {
    let anna = house.user("anna", Privilege::Read).await;
    let bert = house.user("bert", Privilege::Read).await;
    for (who, value) in [(&anna, "red"), (&anna, "green <i xml:lang=\"nb\">grønn</i>"), (&bert, "blue")] {
        house
            .write_one(async |tx| {
                properties::set(tx, house.tenant(), &who.id, &property("room:1", "color", value)).await
            })
            .await;
    }
    house
        .write_one(async |tx| properties::set(tx, house.tenant(), &anna.id, &property("home", "order", "1")).await)
        .await;
    let mut tx = house.read().await;
    let on_room = properties::of_resource(&mut tx, house.tenant(), &anna.id, "room:1").await.unwrap();
    assert_eq!(
        on_room.iter().map(|row| row.value.as_str()).collect::<Vec<_>>(),
        ["green <i xml:lang=\"nb\">grønn</i>"]
    );
    assert_eq!(properties::of_principal(&mut tx, house.tenant(), &anna.id).await.unwrap().len(), 2);
    assert_eq!(properties::of_principal(&mut tx, house.tenant(), &bert.id).await.unwrap()[0].value, "blue");
});

on_both!(removing_a_property_that_is_not_there_is_no_error, |house| async {
    let anna = house.user("anna", Privilege::Read).await;
    house
        .write_one(async |tx| properties::set(tx, house.tenant(), &anna.id, &property("home", "order", "1")).await)
        .await;
    for _ in 0..2 {
        house
            .write_one(async |tx| {
                properties::remove(tx, house.tenant(), &anna.id, "home", ("urn:example", "order")).await
            })
            .await;
    }
    assert!(properties::of_principal(&mut house.read().await, house.tenant(), &anna.id).await.unwrap().is_empty());
});
