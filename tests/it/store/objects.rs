//! Calendar objects: the octets come back as they were stored, under name and UID.

use super::{at, is_taken, name, object, put_with_instances, uid};
use crate::house::{START, on_both};
use anteroom::model::{Etag, ObjectName, ReservationClass, TenantId};
use anteroom::store::objects::{self, ObjectRow};
use std::collections::BTreeSet;

on_both!(an_object_comes_back_as_it_was_stored, |house| async {
    let room = house.room("Council hall").await;
    let body = "BEGIN:VCALENDAR\r\nX-ODD:  \t'\"\\;🦊\u{feff}\r\n folded\r\nEND:VCALENDAR".to_owned();
    let stored = ObjectRow {
        name: name("møte 7%.ics"),
        etag: Etag::of(body.as_bytes()),
        class: ReservationClass::Closure,
        recurring: true,
        last_ms: None,
        body,
        ..object(&room, "a", 1)
    };
    house.write_one(async |tx| objects::put(tx, &stored).await).await;
    let mut tx = house.read().await;
    let found = objects::by_name(&mut tx, house.tenant(), &room.id, &stored.name).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{stored:?}"));
    let found = objects::by_uid(&mut tx, house.tenant(), &room.id, &uid("a")).await.unwrap().unwrap();
    assert_eq!(found.id, stored.id);
    assert!(objects::by_name(&mut tx, house.tenant(), &room.id, &name("MØTE 7%.ics")).await.unwrap().is_none());
    assert!(objects::by_uid(&mut tx, &TenantId::fresh(), &room.id, &uid("a")).await.unwrap().is_none());
});

on_both!(replacing_keeps_id_name_uid_origin_and_birth, |house| async {
    let room = house.room("Council hall").await;
    let first = object(&room, "a", 1);
    house.write_one(async |tx| objects::put(tx, &first).await).await;
    let second = ObjectRow {
        body: "new".to_owned(),
        etag: Etag::of(b"new"),
        seq: 2,
        created_ms: START.plus_ms(5),
        modified_ms: START.plus_ms(5),
        origin: "elsewhere".to_owned(),
        name: name("other.ics"),
        ..first.clone()
    };
    house.write_one(async |tx| objects::put(tx, &second).await).await;
    let mut tx = house.read().await;
    let found = objects::by_name(&mut tx, house.tenant(), &room.id, &first.name).await.unwrap().unwrap();
    assert_eq!((found.body.as_str(), found.seq, found.modified_ms), ("new", 2, START.plus_ms(5)));
    assert_eq!((found.created_ms, found.origin.as_str()), (START, "hub"));
    assert_eq!(objects::count(&mut tx, house.tenant(), &room.id).await.unwrap(), 1);
});

on_both!(a_renamed_object_is_the_same_under_another_name, |house| async {
    let room = house.room("Council hall").await;
    let first = object(&room, "a", 1);
    house.write_one(async |tx| objects::put(tx, &first).await).await;
    let later = ObjectRow { seq: 2, modified_ms: START.plus_ms(5), ..first.clone() };
    house.write_one(async |tx| objects::rename(tx, &later, &name("new.ics")).await).await;
    let mut tx = house.read().await;
    assert!(objects::by_name(&mut tx, house.tenant(), &room.id, &first.name).await.unwrap().is_none());
    let found = objects::by_uid(&mut tx, house.tenant(), &room.id, &first.uid).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.seq, found.modified_ms), ("new.ics", 2, START.plus_ms(5)));
    assert_eq!((found.id, found.body, found.etag), (first.id, first.body, first.etag));
});

on_both!(name_and_uid_are_each_unique_in_a_room_only, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    house.write_one(async |tx| objects::put(tx, &object(&hall, "a", 1)).await).await;
    let same_uid = ObjectRow { name: name("b.ics"), ..object(&hall, "a", 2) };
    let same_name = ObjectRow { uid: uid("b"), ..object(&hall, "a", 2) };
    for twin in [same_uid, same_name] {
        let again = house.try_write(async |tx| objects::put(tx, &twin).await).await;
        assert!(is_taken(&again), "{again:?}");
    }
    house.write_one(async |tx| objects::put(tx, &object(&attic, "a", 1)).await).await;
    assert_eq!(objects::count(&mut house.read().await, house.tenant(), &attic.id).await.unwrap(), 1);
});

on_both!(twelve_hundred_names_are_looked_up_at_once, |house| async {
    let room = house.room("Council hall").await;
    house
        .write_one(async |tx| {
            for number in 0..700 {
                objects::put(tx, &object(&room, &format!("n{number}"), number)).await?;
            }
            Ok(())
        })
        .await;
    let wanted: Vec<ObjectName> = (0..1200).map(|number| name(&format!("n{number}.ics"))).collect();
    let mut tx = house.read().await;
    let found = objects::by_names(&mut tx, house.tenant(), &room.id, &wanted).await.unwrap();
    let names: BTreeSet<_> = found.iter().map(|object| object.name.clone()).collect();
    assert_eq!((found.len(), names.len()), (700, 700));
    assert!(objects::by_names(&mut tx, house.tenant(), &room.id, &[]).await.unwrap().is_empty());
});

on_both!(listings_are_in_the_order_of_octets_on_every_engine, |house| async {
    let room = house.room("Council hall").await;
    house
        .write_one(async |tx| {
            for of in ["b", "B", "a-2", "a1", "ø", "Z", "_"] {
                put_with_instances(tx, &object(&room, of, 1), &[(1, 2)]).await?;
            }
            Ok(())
        })
        .await;
    let mut tx = house.read().await;
    let expected = ["B.ics", "Z.ics", "_.ics", "a-2.ics", "a1.ics", "b.ics", "ø.ics"];
    let rows = objects::list(&mut tx, house.tenant(), &room.id).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), expected);
    let heads = objects::heads(&mut tx, house.tenant(), &room.id).await.unwrap();
    assert_eq!(heads.iter().map(|head| head.name.as_str()).collect::<Vec<_>>(), expected);
    let range = anteroom::model::TimeRange::new(at(0), at(9));
    let rows = objects::in_range(&mut tx, house.tenant(), &room.id, range, 3_600_000).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), expected);
});

on_both!(the_size_in_a_listing_counts_octets, |house| async {
    let room = house.room("Council hall").await;
    let body = "Rådssal 🦊".to_owned();
    let octets = i64::try_from(body.len()).unwrap();
    house.write_one(async |tx| objects::put(tx, &ObjectRow { body, ..object(&room, "a", 1) }).await).await;
    let heads = objects::heads(&mut house.read().await, house.tenant(), &room.id).await.unwrap();
    assert_eq!(heads[0].size_bytes, octets);
});

on_both!(a_deleted_object_is_gone_and_its_name_is_free, |house| async {
    let room = house.room("Council hall").await;
    let first = object(&room, "a", 1);
    house.write_one(async |tx| objects::put(tx, &first).await).await;
    house.write_one(async |tx| objects::delete(tx, &TenantId::fresh(), &room.id, &first.id).await).await;
    assert_eq!(objects::count(&mut house.read().await, house.tenant(), &room.id).await.unwrap(), 1, "other tenant");
    house.write_one(async |tx| objects::delete(tx, house.tenant(), &room.id, &first.id).await).await;
    assert_eq!(objects::count(&mut house.read().await, house.tenant(), &room.id).await.unwrap(), 0);
    house.write_one(async |tx| objects::put(tx, &object(&room, "a", 1)).await).await;
});
