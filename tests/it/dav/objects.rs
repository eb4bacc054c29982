//! Objects: statements O1 to O13.

use super::house::House;
use super::house::event;
use anteroom::model::Privilege;

const A: &str = "/dav/t/rooms/hall/a.ics";

#[actix_web::test]
async fn o1_put_then_get_gives_the_same_octets_and_the_put_carries_their_validator() {
    let house = House::with_anna().await;
    let put = house.book("anna", A, "a", 10).await;
    assert_eq!((put.status, put.body.as_str()), (201, ""));
    let get = house.send("anna", "GET", A, &[], "").await;
    assert_eq!((get.status, get.body.as_str()), (200, event("a", 10).as_str()));
    assert_eq!(get.headers.get("etag"), put.headers.get("etag"));
    assert_eq!(get.header("content-type"), Some("text/calendar; charset=utf-8; component=VEVENT"));
}

#[actix_web::test]
async fn o2_the_validator_is_the_same_wherever_it_is_told() {
    let house = House::with_anna().await;
    let etag = house.book("anna", A, "a", 10).await.header("etag").unwrap().to_owned();
    let told = format!("<D:getetag>{etag}</D:getetag>");
    let prop = "<prop xmlns='DAV:'><getetag/></prop>";
    let propfind = format!("<propfind xmlns='DAV:'>{prop}</propfind>");
    let multiget = format!(
        "<c:calendar-multiget xmlns:c='urn:ietf:params:xml:ns:caldav'>{prop}<href xmlns='DAV:'>{A}</href></c:calendar-multiget>"
    );
    let sync = format!("<sync-collection xmlns='DAV:'><sync-token/><sync-level>1</sync-level>{prop}</sync-collection>");
    for (method, path, depth, body) in [
        ("PROPFIND", A, "0", &propfind),
        ("PROPFIND", "/dav/t/rooms/hall/", "1", &propfind),
        ("REPORT", "/dav/t/rooms/hall/", "1", &multiget),
        ("REPORT", "/dav/t/rooms/hall/", "1", &sync),
    ] {
        let answer = house.send("anna", method, path, &[("depth", depth)], body).await;
        assert_eq!(answer.status, 207);
        assert!(answer.body.contains(&told), "{method} {path}: {}", answer.body);
    }
}

#[actix_web::test]
async fn o4_preconditions_hold_or_the_write_is_412() {
    let house = House::with_anna().await;
    let put = |headers: &'static [(&'static str, &'static str)], hour| {
        let house = &house;
        async move { house.send("anna", "PUT", A, headers, &event("a", hour)).await.status }
    };
    assert_eq!(put(&[("if-match", "*")], 10).await, 412);
    assert_eq!(put(&[("if-match", "nothing")], 10).await, 412);
    assert_eq!(put(&[("if-none-match", "*")], 10).await, 201);
    assert_eq!(put(&[("if-none-match", "*")], 11).await, 412);
    assert_eq!(put(&[("if-match", "*")], 11).await, 204);
    let etag = house.send("anna", "HEAD", A, &[], "").await.header("etag").unwrap().to_owned();
    let weak = format!("W/{etag}");
    let list = format!("\"x\", {etag}");
    assert_eq!(house.send("anna", "PUT", A, &[("if-match", &weak)], &event("a", 12)).await.status, 412);
    assert_eq!(house.send("anna", "PUT", A, &[("if-match", &list)], &event("a", 12)).await.status, 204);
    let stale = house
        .send("anna", "PUT", A, &[("if-match", &list), ("prefer", "return=representation")], &event("a", 13))
        .await;
    assert_eq!((stale.status, stale.body), (412, event("a", 12)));
}

#[actix_web::test]
async fn o5_of_many_writers_with_one_validator_exactly_one_wins() {
    let house = House::with_anna().await;
    let etag = house.book("anna", A, "a", 0).await.header("etag").unwrap().to_owned();
    let headers = [("if-match", etag.as_str())];
    let bodies: Vec<String> = (1..20).map(|hour| event("a", hour)).collect();
    let writes = bodies.iter().map(|body| house.send("anna", "PUT", A, &headers, body));
    let statuses: Vec<u16> = futures_util::future::join_all(writes).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 18, "{statuses:?}");
}

#[actix_web::test]
async fn o6_create_is_201_and_update_is_204_and_both_carry_the_validator() {
    let house = House::with_anna().await;
    let created = house.book("anna", A, "a", 10).await;
    let updated = house.book("anna", A, "a", 11).await;
    assert_eq!((created.status, updated.status), (201, 204));
    assert!(created.header("etag").is_some() && created.headers.get("etag") != updated.headers.get("etag"));
    assert_eq!(updated.header("location"), None);
}

#[actix_web::test]
async fn o7_a_body_that_is_refused_names_the_precondition_with_403() {
    let house = House::with_anna().await;
    house.book("anna", A, "a", 10).await;
    let with_method = event("b", 12).replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST");
    let todo = event("b", 12).replace("VEVENT", "VTODO").replace("DTEND", "DUE");
    let large = format!("{}{}", event("b", 12), "X".repeat(1 << 20));
    for (body, kind, condition) in [
        ("hello", "text/calendar", "<C:valid-calendar-data/>"),
        (with_method.as_str(), "text/calendar", "<C:valid-calendar-object-resource/>"),
        (todo.as_str(), "text/calendar", "<C:supported-calendar-component/>"),
        ("{}", "application/json", "<C:supported-calendar-data/>"),
        (
            event("a", 12).as_str(),
            "text/calendar",
            "<C:no-uid-conflict><D:href>/dav/t/rooms/hall/a.ics</D:href></C:no-uid-conflict>",
        ),
        (large.as_str(), "text/calendar", "<C:max-resource-size/>"),
    ] {
        let answer = house.send("anna", "PUT", "/dav/t/rooms/hall/b.ics", &[("content-type", kind)], body).await;
        assert_eq!(answer.status, 403, "{condition}");
        assert!(answer.inner().starts_with(condition), "{}", answer.inner());
        assert!(answer.inner().contains("<D:responsedescription>"), "{}", answer.inner());
    }
}

#[actix_web::test]
async fn compressed_bodies_are_refused() {
    let house = House::with_anna().await;
    let answer = house.send("anna", "PUT", A, &[("content-encoding", "gzip")], "x").await;
    assert_eq!(answer.status, 415);
}

#[actix_web::test]
async fn o11_delete_honours_if_match_and_a_room_cannot_be_deleted() {
    let house = House::with_anna().await;
    house.book("anna", A, "a", 10).await;
    assert_eq!(house.send("anna", "DELETE", A, &[("if-match", "\"x\"")], "").await.status, 412);
    assert_eq!(house.send("anna", "DELETE", A, &[], "").await.status, 204);
    assert_eq!(house.send("anna", "DELETE", A, &[], "").await.status, 404);
    let room = house.send("anna", "DELETE", "/dav/t/rooms/hall/", &[], "").await;
    assert_eq!(room.status, 403);
    assert_eq!(
        room.inner(),
        "<D:need-privileges><D:resource><D:href>/dav/t/rooms/hall/</D:href><D:privilege><D:unbind/></D:privilege>\
         </D:resource></D:need-privileges><D:responsedescription>Rooms are removed by an administrator.\
         </D:responsedescription></D:error>"
    );
}

#[actix_web::test]
async fn o12_head_equals_get_without_body_and_304_carries_the_validator() {
    let house = House::with_anna().await;
    house.book("anna", A, "a", 10).await;
    let get = house.send("anna", "GET", A, &[], "").await;
    let head = house.send("anna", "HEAD", A, &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for name in ["etag", "content-type", "last-modified", "cache-control"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let etag = get.header("etag").unwrap();
    let same = house.send("anna", "GET", A, &[("if-none-match", etag)], "").await;
    assert_eq!((same.status, same.body.as_str(), same.header("etag")), (304, "", Some(etag)));
    let room = house.send("anna", "GET", "/dav/t/rooms/hall/", &[], "").await;
    assert_eq!((room.status, room.header("allow")), (405, Some("OPTIONS, PROPFIND, PROPPATCH, REPORT, POST")));
}

#[actix_web::test]
async fn o13_a_taken_slot_is_409_with_a_named_element_and_a_sentence() {
    let house = House::with_anna().await;
    house.book("anna", A, "a", 10).await;
    let answer = house.book("anna", "/dav/t/rooms/hall/b.ics", "b", 10).await;
    assert_eq!(answer.status, 409);
    assert_eq!(
        answer.inner(),
        "<R:room-occupied/><D:responsedescription>Hall is taken on 2026-03-03 11:00-12:00 by Meeting a.\
         </D:responsedescription></D:error>"
    );
    assert_eq!(house.send("anna", "GET", "/dav/t/rooms/hall/b.ics", &[], "").await.status, 404);
}

#[actix_web::test]
async fn readers_may_not_write_and_free_busy_readers_may_not_read() {
    let house = House::with_anna().await;
    house.book("anna", A, "a", 10).await;
    let (bert, hall) = (house.user("bert").await, house.room("attic").await);
    house.grant(&bert, &hall, Privilege::ReadFreeBusy).await;
    let answer = house.send("bert", "GET", "/dav/t/rooms/attic/a.ics", &[], "").await;
    assert_eq!(answer.status, 403);
    assert!(answer.inner().contains("<D:privilege><D:read/></D:privilege>"), "{}", answer.body);
    house.grant(&bert, &hall, Privilege::Read).await;
    let answer = house.book("bert", "/dav/t/rooms/attic/b.ics", "b", 10).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.inner(),
        "<D:need-privileges><D:resource><D:href>/dav/t/rooms/attic/b.ics</D:href><D:privilege><D:bind/></D:privilege>\
         </D:resource></D:need-privileges><D:responsedescription>You may not change bookings of Attic.\
         </D:responsedescription></D:error>"
    );
    assert_eq!(house.book("bert", "/dav/t/rooms/hall/b.ics", "b", 14).await.status, 404);
}

#[actix_web::test]
async fn a_private_booking_shows_only_its_time_to_readers_and_under_another_validator() {
    let house = House::with_anna().await;
    let body = event("a", 10).replace("SUMMARY:Meeting a", "SUMMARY:Salaries\r\nCLASS:PRIVATE\r\nX-NOTE:secret");
    assert_eq!(house.send("anna", "PUT", A, &[("content-type", "text/calendar")], &body).await.status, 201);
    let bert = house.user("bert").await;
    house.grant_all(&bert, Privilege::Read).await;
    let full = house.send("anna", "GET", A, &[], "").await;
    let shown = house.send("bert", "GET", A, &[], "").await;
    assert_eq!((full.body, shown.status), (body, 200));
    for secret in ["Salaries", "secret", "X-NOTE"] {
        assert!(!shown.body.contains(secret), "{}", shown.body);
    }
    for kept in ["SUMMARY:Busy\r\n", "UID:a\r\n", "20260303T100000Z"] {
        assert!(shown.body.contains(kept), "{}", shown.body);
    }
    assert_ne!(full.headers.get("etag"), shown.headers.get("etag"));
    assert_eq!(house.send("bert", "GET", A, &[], "").await.body, shown.body);
    let told = format!("<D:getetag>{}</D:getetag>", shown.header("etag").unwrap());
    let asked = "<propfind xmlns='DAV:'><prop><getetag/></prop></propfind>";
    let listed = house.send("bert", "PROPFIND", "/dav/t/rooms/hall/", &[("depth", "1")], asked).await;
    assert!(listed.body.contains(&told), "{}", listed.body);
    let sync = "<sync-collection xmlns='DAV:'><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>";
    let synced = house.send("bert", "REPORT", "/dav/t/rooms/hall/", &[("depth", "1")], sync).await;
    assert!(synced.body.contains(&told), "{}", synced.body);
}

#[actix_web::test]
async fn methods_that_do_nothing_are_refused_so_that_clients_go_on() {
    let house = House::with_anna().await;
    let made = house.send("anna", "MKCALENDAR", "/dav/t/rooms/new/", &[], "").await;
    assert_eq!(made.status, 403);
    assert!(made.inner().starts_with("<C:calendar-collection-location-ok/>"), "{}", made.body);
    assert_eq!(house.send("anna", "MKCOL", "/dav/t/rooms/new/", &[], "").await.status, 403);
    for method in ["LOCK", "UNLOCK", "ACL", "POST", "PATCH", "BOGUS"] {
        let answer = house.send("anna", method, A, &[], "").await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("OPTIONS, GET, HEAD, PUT, DELETE, COPY, MOVE, PROPFIND, REPORT"));
    }
    for method in ["COPY", "MOVE"] {
        let room = house.send("anna", method, "/dav/t/rooms/hall/", &[("destination", "/dav/t/rooms/new/")], "").await;
        assert_eq!((room.status, room.header("allow")), (405, Some("OPTIONS, PROPFIND, PROPPATCH, REPORT, POST")));
    }
}

#[actix_web::test]
async fn what_cannot_be_made_where_nothing_is_is_not_answered_as_if_it_were_not_there_yet() {
    let house = House::with_anna().await;
    let body = super::house::event("a", 10);
    for (method, path, status, says) in [
        ("MKCOL", "/dav/t/rooms/hall/coll/", 403, "<D:need-privileges>"),
        ("MKCOL", "/dav/t/rooms/hall/no/such/", 403, "<D:need-privileges>"),
        ("MKCALENDAR", "/dav/t/rooms/hall/coll/", 403, "<C:calendar-collection-location-ok/>"),
        ("PUT", "/dav/t/rooms/hall/no/such/parent.ics", 409, "right into a room"),
        ("PUT", "/dav/t/rooms/hall/a%0Ab.ics", 403, "without control characters"),
        ("PUT", "/dav/t/rooms/hall/a%2Fb.ics", 403, "slashes"),
        ("GET", "/dav/t/rooms/hall/no/such/parent.ics", 404, "There is nothing at"),
        ("DELETE", "/dav/t/rooms/hall/a%0Ab.ics", 404, "There is nothing at"),
        ("PUT", "/elsewhere/a.ics", 404, ""),
    ] {
        let answer = house.send("anna", method, path, &[("content-type", "text/calendar")], &body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(answer.body.contains(says), "{method} {path}: {}", answer.body);
    }
    // A method that does nothing is refused before its body is looked at.
    let path = "/dav/t/rooms/hall/a.ics";
    assert_eq!(house.send("anna", "PROPPATCH", path, &[], "<broken").await.status, 405);
}

#[actix_web::test]
async fn an_event_without_dtstamp_is_kept_as_it_was_sent() {
    let house = House::with_anna().await;
    let body = super::house::event("a", 10).replace("DTSTAMP:20260301T000000Z\r\n", "");
    assert_eq!(house.send("anna", "PUT", A, &[("content-type", "text/calendar")], &body).await.status, 201);
    assert_eq!(house.send("anna", "GET", A, &[], "").await.body, body);
}
