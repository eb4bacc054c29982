//! Bookings made by programs, where several of them write at once.

use crate::house::on_both;
use anteroom::change::Precondition;
use anteroom::config::Limits;
use anteroom::manage::Acting;
use anteroom::manage::bookings::{self, Booker, BookingForm, Which};
use anteroom::model::{Privilege, Uid};
use std::time::Duration;

on_both!(two_changes_of_one_booking_at_once_are_both_kept, |house| async {
    let (room, limits, now) = (house.room("Hall").await, Limits::default(), house.now());
    let by = Booker { room: &room, login: "anna", privilege: Privilege::Write };
    let acting = Acting { tenant: &room.tenant_id, actor: "principal:anna", now };
    let some = |text: &str| Some(text.to_owned());
    let uid = Uid("choir".to_owned());
    let new = BookingForm {
        uid: some("choir"),
        summary: some("Choir"),
        start: some("2026-03-10T10:00"),
        end: some("2026-03-10T11:00"),
        ..BookingForm::default()
    };
    let mut tx = house.write().await;
    bookings::create(&mut tx, &acting, &limits, by, &new).await.unwrap();
    tx.commit().await.unwrap();

    let mut first = house.write().await;
    let which = Which { uid: &uid, instance: None, precondition: Precondition::none() };
    let wish = BookingForm { description: some("With the organ."), ..BookingForm::default() };
    bookings::change(&mut first, &acting, &limits, by, (which, &wish)).await.unwrap();
    let (store, there, name) = (house.store.clone(), room.clone(), uid.clone());
    let second = tokio::spawn(async move {
        let by = Booker { room: &there, login: "kari", privilege: Privilege::Write };
        let acting = Acting { tenant: &there.tenant_id, actor: "principal:kari", now };
        let which = Which { uid: &name, instance: None, precondition: Precondition::none() };
        let wish = BookingForm { location: Some("The gallery".to_owned()), ..BookingForm::default() };
        let mut tx = store.begin_write().await.unwrap();
        bookings::change(&mut tx, &acting, &Limits::default(), by, (which, &wish)).await.unwrap();
        tx.commit().await.unwrap();
    });
    // Long enough for the second to have read what it can.
    tokio::time::sleep(Duration::from_millis(300)).await;
    first.commit().await.unwrap();
    second.await.unwrap();
    let stands = bookings::find(&mut house.read().await, by, &limits, &uid).await.unwrap().event.content;
    assert_eq!((stands.description.as_str(), stands.location.as_str()), ("With the organ.", "The gallery"));
});
