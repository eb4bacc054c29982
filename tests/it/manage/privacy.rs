//! A person handed out and erased: gone from bookings, principals, conflicts and audit, whose chain stays whole.

use crate::house::{House, on_both};
use anteroom::change::{self, Change, Context, Origin, Precondition, Target, Wish};
use anteroom::config::Limits;
use anteroom::crypt::Key;
use anteroom::ical::{CalendarObject, ParseContext};
use anteroom::manage::{Acting, ManageError, chain, privacy};
use anteroom::model::{ObjectName, Privilege};
use anteroom::store::principals::Principal;
use anteroom::store::rooms::Room;
use anteroom::store::{audit, objects, pages, principals};

const BOOKING: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:choir\r\n\
    DTSTAMP:20260301T000000Z\r\nDTSTART:20260310T100000Z\r\nDTEND:20260310T110000Z\r\nSUMMARY:Choir\r\n\
    DESCRIPTION:Ask Kari@Example.org for the key.\r\nORGANIZER;CN=Kari Nordmann:mailto:kari@example.org\r\n\
    ATTENDEE;CN=Kari Nordmann:mailto:kari@example.org\r\nATTENDEE;CN=Ola:mailto:ola@example.org\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

/// Kari, Ola, and a booking of hers.
async fn booked(house: &House) -> (Room, Principal) {
    let (limits, room) = (Limits::default(), house.room("Hall").await);
    let kari = house.user("kari", Privilege::Write).await;
    house.user("ola", Privilege::Write).await;
    let object =
        CalendarObject::parse(BOOKING.as_bytes(), &ParseContext { limits: &limits, floating: &room.zone }).unwrap();
    let mut tx = house.write().await;
    let change = Change {
        target: Target::Name(ObjectName::parse("choir.ics").unwrap()),
        wish: Wish::Put(Box::new(object)),
        precondition: Precondition::none(),
        origin: Origin::Principal { login: "kari".to_owned(), privilege: Privilege::Write },
    };
    Box::pin(change::apply(&mut tx, Context { now: house.now(), limits: &limits }, &room, change)).await.unwrap();
    let entry = audit::Entry {
        tenant: house.tenant(),
        at: house.now(),
        actor: "system",
        action: "test",
        room: None,
        uid: None,
        seq: 0,
        detail: "A sentence about kari@example.org.",
    };
    audit::append(&mut tx, &entry).await.unwrap();
    tx.commit().await.unwrap();
    (room, kari)
}

on_both!(an_erased_person_is_gone_everywhere_and_the_audit_stays_whole, |house| async {
    let (key, limits) = (Key::new([3; 32]), Limits::default());
    let (room, kari) = booked(house).await;
    chain::extend_all(&house.store, &key).await.unwrap();

    let acting = Acting { tenant: house.tenant(), actor: "principal:root", now: house.now() };
    let mut tx = house.write().await;
    assert!(matches!(privacy::export(&mut tx, &acting, &limits, "kari").await, Err(ManageError::Invalid { .. })));
    let known = privacy::export(&mut tx, &acting, &limits, "KARI@example.org").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(known.principal.unwrap()["login"], "kari");
    assert_eq!((known.bookings.len(), known.audit.len()), (1, 2));
    assert!(known.bookings[0]["icalendar"].as_str().unwrap().contains("UID:choir"));

    let done = privacy::erase(&house.store, &key, &acting, &limits, "kari@example.org").await.unwrap();
    assert_eq!((done.bookings, done.audit, done.principal), (1, 2, true), "{done:?}");
    assert_eq!(done.remains, Vec::<String>::new());
    let mut tx = house.read().await;
    let stands = objects::list(&mut tx, house.tenant(), &room.id).await.unwrap().remove(0).body;
    assert!(!stands.to_lowercase().contains("kari"), "{stands}");
    assert!(stands.contains("mailto:ola@example.org") && stands.contains("SUMMARY:Choir"), "{stands}");
    let gone = principals::get(&mut tx, house.tenant(), &kari.id).await.unwrap().unwrap();
    assert!(gone.disabled && gone.email.is_empty() && !gone.login.contains("kari"), "{gone:?}");
    assert!(principals::by_login(&mut tx, house.tenant(), "ola").await.unwrap().is_some());
    let page = pages::Page { after: "", limit: 100 };
    let all = pages::audit(&mut tx, house.tenant(), page, "").await.unwrap();
    assert!(!format!("{all:?}").to_lowercase().contains("kari"), "{all:?}");
    drop(tx);
    chain::extend_all(&house.store, &key).await.unwrap();
    let told = chain::verify(&mut house.read().await, &key, house.tenant()).await.unwrap();
    assert_eq!((told.whole, told.erased), (true, 2), "{told:?}");

    let again = privacy::erase(&house.store, &key, &acting, &limits, "kari@example.org").await.unwrap();
    assert_eq!((again.bookings, again.audit, again.principal), (0, 0, false));
});
