//! Rules of rooms, and bookings that wait.

use super::{at, uid};
use crate::house::on_both;
use anteroom::model::RoomRules;
use anteroom::store::approvals::{self, CONFIRMED, DECLINED, Ending, PENDING, Request};
use anteroom::store::pages::Page;
use anteroom::store::rooms::Room;
use anteroom::store::rules::{self, RulesRow};

fn row(room: &Room, rules: RoomRules) -> RulesRow {
    RulesRow { room_id: room.id.clone(), rules, changed_ms: at(0), changed_by: "test".to_owned() }
}

on_both!(rules_are_kept_by_room_and_replaced_as_a_whole, |house| async {
    let (hall, cellar) = (house.room("Hall").await, house.room("Cellar").await);
    let other = house.another_tenant("other").await;
    let strict: RoomRules = serde_json::from_str(
        r#"{"opening_hours":[{"days":["monday"],"from":"08:00","to":"16:00"}],"lead_minutes":5,"approval":true}"#,
    )
    .unwrap();
    for rules in [&RoomRules { horizon_days: Some(7), ..RoomRules::default() }, &strict] {
        house.write_one(async |tx| rules::put(tx, house.tenant(), &row(&hall, rules.clone())).await).await;
    }
    let mut tx = house.read().await;
    assert_eq!(rules::get(&mut tx, house.tenant(), &hall.id).await.unwrap().unwrap(), row(&hall, strict.clone()));
    assert_eq!(rules::of_room(&mut tx, house.tenant(), &cellar.id).await.unwrap(), RoomRules::default());
    assert_eq!(rules::get(&mut tx, &other.id, &hall.id).await.unwrap(), None, "another tenant's room");
    assert_eq!(rules::list(&mut tx, house.tenant()).await.unwrap(), [row(&hall, strict)]);
});

on_both!(a_booking_waits_once_until_it_is_decided, |house| async {
    let hall = house.room("Hall").await;
    let booking = uid("a");
    let ask = async |summary: &str, hour: i64| {
        let request = Request {
            tenant: house.tenant(),
            room: &hall.id,
            uid: &booking,
            summary,
            at: (at(hour), at(hour + 1)),
            recurring: false,
            by: "anna",
            now: at(0),
        };
        house.write_one(async |tx| approvals::ask(tx, &request).await).await;
    };
    ask("Choir", 1).await;
    ask("Choir rehearsal", 2).await;
    let list = async |of: (&str, &str)| {
        let mut tx = house.read().await;
        approvals::list(&mut tx, house.tenant(), Page { after: "", limit: 10 }, of).await.unwrap()
    };
    let waiting = list((PENDING, "")).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].summary.as_str(), waiting[0].start_ms), ("Choir rehearsal", at(2)));
    assert_eq!(approvals::waiting(&mut house.read().await, house.tenant()).await.unwrap(), [(hall.id.clone(), 1)]);
    let end = async |state: &str| {
        let ending = Ending { state, by: "greta", now: at(3), reason: "why" };
        house.write_one(async |tx| approvals::end(tx, (house.tenant(), &hall.id, &booking), &ending).await).await
    };
    assert!(end(DECLINED).await);
    assert!(!end(CONFIRMED).await, "decided already");
    ask("Once more", 4).await;
    let all = list(("", hall.id.as_str())).await;
    assert_eq!(all.iter().map(|one| one.state.as_str()).collect::<Vec<_>>(), [PENDING, DECLINED]);
    assert_eq!((all[1].decided_by.as_str(), all[1].decided_ms, all[1].reason.as_str()), ("greta", Some(at(3)), "why"));
    assert_eq!(list(("", "another")).await, []);
    let found = approvals::get(&mut house.read().await, house.tenant(), &all[0].id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&all[0]));
});
