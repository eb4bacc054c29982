//! What a feed shows, and how it is fetched again.

use super::fixture::*;
use actix_web::test::TestRequest;
use anteroom::model::*;
use anteroom::store::rooms;
use jiff::ToSpan;
use jiff::civil::date;

#[actix_web::test]
async fn a_feed_is_a_calendar_with_the_headers_of_a_secret_address() {
    let house = House::new().await;
    house.book("b", 4, |_| {}).await;
    house.book("a", 5, |_| {}).await;
    let minted = house.feed(DetailLevel::Full).await;
    let answer = house.get(&minted).await;
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("content-type", "text/calendar; charset=utf-8"),
        ("cache-control", "private, max-age=3600"),
        ("content-disposition", "inline; filename=\"hall.ics\""),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
        ("x-content-type-options", "nosniff"),
        ("last-modified", "Mon, 02 Mar 2026 11:00:00 GMT"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(answer.text.contains("\r\nMETHOD:PUBLISH\r\nNAME:Council hall\r\n"), "{}", answer.text);
    assert!(answer.text.contains("\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n"));
    assert_eq!(answer.text.matches("BEGIN:VEVENT").count(), 2);
    assert!(answer.text.find("UID:a") < answer.text.find("UID:b"), "by UID");
    assert!(!answer.text.contains(minted.url.reveal().split('/').nth(4).unwrap()), "the address stays secret");
}

#[actix_web::test]
async fn the_same_state_and_day_give_the_same_bytes_even_after_a_restart() {
    let house = House::new().await;
    house.book("a", 4, |_| {}).await;
    let minted = house.feed(DetailLevel::Full).await;
    let first = house.get(&minted).await;
    // From noon to one minute before midnight in Oslo.
    house.clock.advance_ms(12 * 3_600_000 - 60_000);
    let house = house.restarted();
    let second = house.get(&minted).await;
    assert_eq!((&first.text, first.header("etag")), (&second.text, second.header("etag")));
    assert_eq!(first.header("last-modified"), second.header("last-modified"));
}

#[actix_web::test]
async fn the_window_moves_with_the_day_of_the_room() {
    let house = House::new().await;
    // The feed shows seven days back: on 2 March from 23 February, on 12 March from 5 March.
    house.book("a", 4, |_| {}).await;
    let minted = house.feed(DetailLevel::Full).await;
    assert!(house.get(&minted).await.text.contains("UID:a"));
    house.clock.advance_ms(10 * 86_400_000);
    assert!(!house.get(&minted).await.text.contains("UID:a"));
}

#[actix_web::test]
async fn who_has_the_page_gets_304_until_something_changes() {
    let house = House::new().await;
    house.book("a", 4, |_| {}).await;
    let minted = house.feed(DetailLevel::Full).await;
    let first = house.get(&minted).await;
    let etag = first.header("etag").to_owned();
    let again = |name: &'static str, value: String| TestRequest::get().uri(&path(&minted)).insert_header((name, value));
    for value in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let answer = house.ask(again("If-None-Match", value.clone())).await;
        assert_eq!((answer.status, answer.text.as_str(), answer.header("etag")), (304, "", etag.as_str()), "{value}");
    }
    let since = first.header("last-modified").to_owned();
    assert_eq!(house.ask(again("If-Modified-Since", since.clone())).await.status, 304);
    let older = "Sun, 01 Mar 2026 11:00:00 GMT".to_owned();
    assert_eq!(house.ask(again("If-Modified-Since", older)).await.status, 200);
    let both = again("If-None-Match", "\"other\"".to_owned()).insert_header(("If-Modified-Since", since));
    assert_eq!(house.ask(both).await.status, 200, "If-None-Match decides where it is given");
    house.clock.advance_ms(1_000);
    house.book("b", 5, |_| {}).await;
    assert_eq!(house.ask(again("If-None-Match", etag)).await.status, 200);
}

#[actix_web::test]
async fn an_unchanged_room_is_answered_without_reading_its_objects() {
    let house = House::new().await;
    house.book("a", 4, |_| {}).await;
    let minted = house.feed(DetailLevel::Full).await;
    let first = house.get(&minted).await;
    // Behind the gate's back: the room's sequence number stays, so nobody looks.
    house.spoil("a").await;
    assert_eq!(house.get(&minted).await.text, first.text);
    assert!(!house.restarted().get(&minted).await.text.contains("UID:a"));
}

#[actix_web::test]
async fn a_booking_that_cannot_be_read_is_left_out_and_the_others_stay() {
    let house = House::new().await;
    house.book("a", 4, |_| {}).await;
    house.book("b", 5, |_| {}).await;
    house.spoil("a").await;
    let text = house.get(&house.feed(DetailLevel::Full).await).await.text;
    assert!(text.contains("UID:b") && !text.contains("UID:a"), "{text}");
}

#[actix_web::test]
async fn every_event_of_a_feed_has_a_dtstamp_whatever_the_booking_lacks() {
    let house = House::new().await;
    house.book("a", 4, |_| {}).await;
    house.without("a", "DTSTAMP:").await;
    for detail in [DetailLevel::Full, DetailLevel::Busy] {
        let text = house.get(&house.feed(detail).await).await.text;
        assert_eq!((text.matches("BEGIN:VEVENT").count(), text.matches("\r\nDTSTAMP:").count()), (1, 1), "{text}");
    }
}

#[actix_web::test]
async fn a_series_is_shown_only_if_one_of_its_instances_is_in_the_window() {
    let house = House::new().await;
    let series = |end| {
        move |event: &mut Event| {
            let rule = Rule { end, ..Rule::every(Frequency::Weekly) };
            event.recurrence = Some(Recurrence { rule: Some(rule), ..Recurrence::default() });
            let EventTime::Timed { start, end, .. } = &mut event.when else { unreachable!() };
            (*start, *end) = (start.saturating_sub(1.year()), end.saturating_sub(1.year()));
        }
    };
    house.book("weekly", 4, series(RuleEnd::Never)).await;
    house.book("ended", 4, series(RuleEnd::Count(3))).await;
    let text = house.get(&house.feed(DetailLevel::Full).await).await.text;
    assert!(text.contains("UID:weekly") && !text.contains("UID:ended"), "{text}");
}

#[actix_web::test]
async fn a_new_name_of_the_room_changes_the_page() {
    let house = House::new().await;
    let minted = house.feed(DetailLevel::Full).await;
    let first = house.get(&minted).await;
    let mut tx = house.store.begin_write().await.unwrap();
    let room = rooms::Room { name: "Great hall".to_owned(), ..house.room.clone() };
    rooms::update(&mut tx, &room).await.unwrap();
    tx.commit().await.unwrap();
    let second = house.get(&minted).await;
    assert!(second.text.contains("\r\nNAME:Great hall\r\n"));
    assert_ne!(first.header("etag"), second.header("etag"));
}

#[actix_web::test]
async fn a_busy_feed_and_private_bookings_show_no_details_and_keep_their_uids() {
    let house = House::new().await;
    house.book("open", 4, |_| {}).await;
    house.book("closed", 5, |event| event.content.privacy = Privacy::Private).await;
    house.book("free", 6, |event| event.content.busy = false).await;
    house.book("off", 7, |event| event.content.status = EventStatus::Cancelled).await;
    let full = house.get(&house.feed(DetailLevel::Full).await).await.text;
    assert!(full.contains("Meeting open") && full.contains("Meeting free") && !full.contains("Meeting closed"));
    assert!(full.contains("UID:closed"));
    let busy = house.get(&house.feed(DetailLevel::Busy).await).await.text;
    assert!(!busy.contains("Meeting"), "{busy}");
    assert!(busy.contains("UID:open") && busy.contains("UID:closed"));
    assert!(!busy.contains("UID:free") && !busy.contains("UID:off"), "what takes no room is not busy");
}

#[actix_web::test]
async fn the_last_good_page_is_served_while_the_store_does_not_answer() {
    let house = House::new().await;
    house.book("a", 4, |_| {}).await;
    let (known, other) = (house.feed(DetailLevel::Full).await, house.feed(DetailLevel::Full).await);
    let before = house.get(&known).await;
    house.store.close().await;
    let after = house.get(&known).await;
    assert_eq!((after.status, &after.text), (200, &before.text));
    assert_eq!(after.header("etag"), before.header("etag"));
    let unknown = house.get(&other).await;
    assert_eq!((unknown.status, unknown.header("retry-after")), (503, "60"));
}

#[actix_web::test]
async fn o9_instances_alone_are_in_the_feed_one_by_one() {
    let house = House::new().await;
    house
        .book("alone", 10, |event| {
            let zone = house.room.zone.clone();
            for day in [10, 17] {
                let at = |hour| date(2026, 3, day).at(hour, 0, 0, 0);
                let when = EventTime::Timed { start: at(18), end: at(19), zone: zone.clone() };
                let content = Content { summary: format!("Guest {day}"), busy: true, ..Content::default() };
                event.overrides.insert(RecurrenceId(at(18)), Override { when, content });
            }
        })
        .await;
    let page = house.get(&house.feed(DetailLevel::Full).await).await;
    for line in [
        "RECURRENCE-ID;TZID=Europe/Oslo:20260310T180000\r\nDTSTART;TZID=Europe/Oslo:20260310T180000\r\n",
        "RECURRENCE-ID;TZID=Europe/Oslo:20260317T180000\r\nDTSTART;TZID=Europe/Oslo:20260317T180000\r\n",
        "SUMMARY:Guest 10\r\n",
        "SUMMARY:Guest 17\r\n",
    ] {
        assert_eq!(page.text.matches(line).count(), 1, "{line}\n{}", page.text);
    }
    assert_eq!(page.text.matches("UID:alone\r\n").count(), 2);
}
