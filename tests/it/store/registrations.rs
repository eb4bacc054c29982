//! Registrations for push messages: who waits, who is spared, and that one process sends.

use crate::house::on_both;
use anteroom::model::{Privilege, RegistrationId};
use anteroom::store::registrations::{self, Maker, Registration};
use anteroom::store::rooms;

on_both!(a_registration_waits_while_its_room_is_ahead_of_it, |house| async {
    let (anna, room) = (house.user("anna", Privilege::Read).await, house.room("Council hall").await);
    let one = Registration {
        id: RegistrationId::fresh(),
        tenant_id: house.tenant().clone(),
        principal_id: anna.id.clone(),
        room_id: room.id.clone(),
        resource_hash: "hash".to_owned(),
        sealed_target: "sealed".to_owned(),
        content: true,
        property: false,
        told_seq: 0,
        property_seq: 0,
        property_told: 0,
        due_ms: house.now(),
        attempts: 0,
        last_error: String::new(),
        expires_ms: house.now().plus_days(1),
        created_ms: house.now(),
    };
    house.write_one(async |tx| registrations::insert(tx, &one).await).await;
    let twice = Registration { id: RegistrationId::fresh(), ..one.clone() };
    assert!(
        house.try_write(async |tx| registrations::insert(tx, &twice).await).await.is_err(),
        "one for each resource"
    );
    let waiting = async || registrations::waiting(&mut house.read().await, house.now(), 10).await.unwrap();
    let change =
        async || house.write_one(async |tx| rooms::next_seq(tx, house.tenant(), &room.id, house.now()).await).await;
    assert!(waiting().await.is_empty());
    let seq = change().await;
    assert_eq!(waiting().await, std::slice::from_ref(&one));

    // Of two processes one sends.
    let until = house.now().plus_ms(60_000);
    assert!(house.write_one(async |tx| registrations::claim(tx, &one, until).await).await);
    assert!(!house.write_one(async |tx| registrations::claim(tx, &one, until).await).await);
    assert!(waiting().await.is_empty());
    house.write_one(async |tx| registrations::told(tx, &one, seq, house.now()).await).await;
    assert!(waiting().await.is_empty());

    // A property counts only where it was asked for.
    house.write_one(async |tx| registrations::property_changed(tx, house.tenant(), &room.id, None, "").await).await;
    assert!(waiting().await.is_empty());

    // Who made the change is spared, but not what somebody else did before.
    let maker = Maker { tenant: house.tenant(), principal: &anna.id, registration: "*" };
    let own = change().await;
    house.write_one(async |tx| registrations::leave_out(tx, &maker, &room.id, own - 1).await).await;
    assert!(waiting().await.is_empty());
    change().await;
    let own = change().await;
    house.write_one(async |tx| registrations::leave_out(tx, &maker, &room.id, own - 1).await).await;
    assert_eq!(waiting().await.len(), 1);

    house.write_one(async |tx| registrations::failed(tx, &one, house.now().plus_ms(5), "busy").await).await;
    assert!(waiting().await.is_empty());
    house.clock.advance_ms(10);
    assert_eq!((waiting().await[0].attempts, waiting().await[0].last_error.as_str()), (1, "busy"));
    house.clock.advance_ms(86_400_000);
    assert!(waiting().await.is_empty(), "what has expired does not wait");
    house.write_one(async |tx| registrations::expire(tx, house.now()).await).await;
    assert_eq!(registrations::count(&mut house.read().await, house.tenant(), &anna.id).await.unwrap(), 0);
});
