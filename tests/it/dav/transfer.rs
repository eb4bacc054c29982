//! COPY and MOVE: statement O15.

use super::house::Answer;
use super::house::House;
use super::house::event;
use anteroom::model::Privilege;

const A: &str = "/dav/t/rooms/hall/a.ics";
const B: &str = "/dav/t/rooms/attic/b.ics";

/// A house where anna may write in `hall` and `attic`, and has booked the hall at ten.
async fn two_rooms() -> House {
    let house = House::with_anna().await;
    house.room("attic").await;
    house.room("cellar").await;
    let anna = house.user("boss").await;
    house.grant_all(&anna, Privilege::Write).await;
    assert_eq!(house.book("anna", A, "a", 10).await.status, 201);
    house.nudged.lock().unwrap().clear();
    house
}

async fn send(house: &House, method: &str, from: &str, headers: &[(&str, &str)]) -> Answer {
    house.send("boss", method, from, headers, "").await
}

async fn status(house: &House, path: &str) -> u16 {
    house.send("boss", "GET", path, &[], "").await.status
}

/// What a client learns that follows the changes of a room from its beginning: names that are there, names that are gone.
async fn changes(house: &House, room: &str, token: &str) -> (Vec<String>, Vec<String>, String) {
    let body = format!(
        "<sync-collection xmlns='DAV:'><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop>\
         </sync-collection>"
    );
    let answer = house.send("boss", "REPORT", &format!("/dav/t/rooms/{room}/"), &[], &body).await;
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for response in answer.body.split("<D:response>").skip(1) {
        let href = response.split_once("<D:href>").unwrap().1.split_once("</D:href>").unwrap().0;
        let name = href.rsplit_once('/').unwrap().1.to_owned();
        if response.contains("404 Not Found") { gone.push(name) } else { there.push(name) }
    }
    let token = answer.body.split_once("<D:sync-token>").unwrap().1.split_once("</D:sync-token>").unwrap().0;
    (there, gone, token.to_owned())
}

#[actix_web::test]
async fn o15_a_copy_stands_in_both_rooms_and_a_second_one_replaces_it() {
    let house = two_rooms().await;
    let copied = send(&house, "COPY", A, &[("destination", B)]).await;
    assert_eq!((copied.status, copied.body.as_str()), (201, ""));
    for path in [A, B] {
        assert_eq!(house.send("boss", "GET", path, &[], "").await.body, event("a", 10), "{path}");
    }
    assert_eq!(*house.nudged.lock().unwrap(), ["id-attic".into()]);
    house.book("anna", A, "a", 14).await;
    let kept = send(&house, "COPY", A, &[("destination", B), ("overwrite", "F")]).await;
    assert_eq!(kept.status, 412);
    assert_eq!(house.send("boss", "GET", B, &[], "").await.body, event("a", 10));
    let replaced = send(&house, "COPY", A, &[("destination", B), ("overwrite", "T"), ("depth", "0")]).await;
    assert_eq!(replaced.status, 204);
    assert_eq!(house.send("boss", "GET", B, &[], "").await.body, event("a", 14));
    assert_eq!(send(&house, "COPY", A, &[("destination", B), ("depth", "infinity")]).await.status, 204);
}

#[actix_web::test]
async fn o15_a_move_leaves_one_room_and_enters_the_other_in_one_step() {
    let house = two_rooms().await;
    let (_, _, hall) = changes(&house, "hall", "").await;
    let (_, _, attic) = changes(&house, "attic", "").await;
    let moved = send(&house, "MOVE", A, &[("destination", "http://localhost:8080/dav/t/rooms/attic/b%2Eics")]).await;
    assert_eq!((moved.status, moved.body.as_str()), (201, ""));
    assert_eq!((status(&house, A).await, status(&house, B).await), (404, 200));
    let (there, gone, _) = changes(&house, "hall", &hall).await;
    assert_eq!((there, gone), (vec![], vec!["a.ics".to_owned()]));
    let (there, gone, _) = changes(&house, "attic", &attic).await;
    assert_eq!((there, gone), (vec!["b.ics".to_owned()], vec![]));
    assert_eq!(house.nudged.lock().unwrap().len(), 2);
    assert_eq!(house.book("anna", "/dav/t/rooms/hall/c.ics", "c", 10).await.status, 201, "the slot is free again");
}

#[actix_web::test]
async fn o15_a_move_inside_a_room_is_a_new_name_and_the_same_octets() {
    let house = two_rooms().await;
    let etag = house.send("boss", "HEAD", A, &[], "").await.header("etag").unwrap().to_owned();
    let (_, _, token) = changes(&house, "hall", "").await;
    let new = "/dav/t/rooms/hall/new.ics";
    assert_eq!(send(&house, "MOVE", A, &[("destination", new), ("if-match", &etag)]).await.status, 201);
    let found = house.send("boss", "GET", new, &[], "").await;
    assert_eq!((found.header("etag"), found.body.as_str()), (Some(etag.as_str()), event("a", 10).as_str()));
    let (there, gone, _) = changes(&house, "hall", &token).await;
    assert_eq!((there, gone), (vec!["new.ics".to_owned()], vec!["a.ics".to_owned()]));
    let taken = house.book("anna", "/dav/t/rooms/hall/z.ics", "z", 10).await;
    assert_eq!(taken.status, 409, "it still takes the room");
    assert_eq!(house.book("anna", new, "a", 11).await.status, 204, "and can be written under its new name");
}

#[actix_web::test]
async fn o15_one_uid_is_one_object_in_a_room() {
    let house = two_rooms().await;
    let copy = send(&house, "COPY", A, &[("destination", "/dav/t/rooms/hall/b.ics")]).await;
    let conflict = |href: &str| format!("<C:no-uid-conflict><D:href>{href}</D:href></C:no-uid-conflict>");
    assert_eq!(copy.status, 403);
    assert!(copy.inner().starts_with(&conflict(A)), "{}", copy.body);
    house.book("boss", B, "b", 12).await;
    house.book("boss", "/dav/t/rooms/hall/b.ics", "b", 12).await;
    for (method, destination) in [("COPY", B), ("MOVE", B), ("MOVE", "/dav/t/rooms/hall/b.ics")] {
        let answer = send(&house, method, A, &[("destination", destination)]).await;
        assert_eq!(answer.status, 403, "{method} {destination}");
        assert!(answer.inner().starts_with(&conflict(destination)), "{}", answer.body);
    }
    let other_name =
        send(&house, "MOVE", "/dav/t/rooms/hall/b.ics", &[("destination", "/dav/t/rooms/attic/c.ics")]).await;
    assert!(other_name.inner().starts_with(&conflict(B)), "{}", other_name.body);
    assert_eq!((status(&house, A).await, status(&house, B).await), (200, 200));
}

#[actix_web::test]
async fn o15_a_move_into_a_taken_slot_is_refused_and_leaves_everything_as_it_was() {
    let house = two_rooms().await;
    house.book("boss", "/dav/t/rooms/attic/x.ics", "x", 10).await;
    let (_, _, hall) = changes(&house, "hall", "").await;
    for method in ["COPY", "MOVE"] {
        let answer = send(&house, method, A, &[("destination", B)]).await;
        assert_eq!(answer.status, 409);
        assert_eq!(
            answer.inner(),
            "<R:room-occupied/><D:responsedescription>Attic is taken on 2026-03-03 11:00-12:00 by Meeting x.\
             </D:responsedescription></D:error>"
        );
    }
    assert_eq!((status(&house, A).await, status(&house, B).await), (200, 404));
    assert_eq!(changes(&house, "hall", &hall).await, (vec![], vec![], hall));
}

#[actix_web::test]
async fn o15_both_rooms_ask_for_their_right_and_a_copy_shows_no_more_than_the_caller_may_see() {
    let house = two_rooms().await;
    let (bert, hall, attic) = (house.user("bert").await, house.room("den").await, house.room("loft").await);
    let need = |href: &str, privilege: &str| {
        format!(
            "<D:need-privileges><D:resource><D:href>{href}</D:href><D:privilege><D:{privilege}/></D:privilege>\
             </D:resource></D:need-privileges>"
        )
    };
    house.grant(&bert, &hall, Privilege::Read).await;
    house.grant(&bert, &attic, Privilege::Write).await;
    let (den, loft) = ("/dav/t/rooms/den/p.ics", "/dav/t/rooms/loft/p.ics");
    let secret = event("p", 10).replace("SUMMARY:Meeting p", "SUMMARY:Salaries\r\nCLASS:PRIVATE");
    house.send("boss", "PUT", den, &[("content-type", "text/calendar")], &secret).await;
    let moved = house.send("bert", "MOVE", den, &[("destination", loft)], "").await;
    assert_eq!(moved.status, 403);
    assert!(moved.inner().starts_with(&need(den, "unbind")), "{}", moved.body);
    let etag = house.send("bert", "HEAD", den, &[], "").await.header("etag").unwrap().to_owned();
    let copied = house.send("bert", "COPY", den, &[("destination", loft), ("if-match", &etag)], "").await;
    assert_eq!(copied.status, 201, "{}", copied.body);
    let shown = house.send("bert", "GET", loft, &[], "").await.body;
    assert!(shown.contains("SUMMARY:Busy\r\n") && !shown.contains("Salaries"), "{shown}");
    let back = house.send("bert", "COPY", loft, &[("destination", "/dav/t/rooms/den/q.ics")], "").await;
    assert!(back.inner().starts_with(&need("/dav/t/rooms/den/q.ics", "bind")), "{}", back.body);
    let hidden = house.send("bert", "COPY", loft, &[("destination", "/dav/t/rooms/hall/q.ics")], "").await;
    assert_eq!(hidden.status, 409, "a room one may not know of is no room");
}

#[actix_web::test]
async fn o15_what_cannot_be_meant_is_refused_by_its_status() {
    let house = two_rooms().await;
    for (headers, expected) in [
        (&[][..], 400),
        (&[("destination", "b.ics")], 400),
        (&[("destination", "//localhost:8080/dav/t/rooms/attic/b.ics")], 400),
        (&[("destination", "http://elsewhere.example.com/dav/t/rooms/attic/b.ics")], 502),
        (&[("destination", A)], 403),
        (&[("destination", "/dav/t/rooms/attic/")], 403),
        (&[("destination", "/dav/t/rooms/")], 403),
        (&[("destination", "/dav/t/rooms/none/b.ics")], 409),
        (&[("destination", "/dav/other/rooms/attic/b.ics")], 409),
        (&[("destination", "/elsewhere/b.ics")], 409),
        (&[("destination", B), ("overwrite", "maybe")], 400),
        (&[("destination", B), ("depth", "1")], 400),
        (&[("destination", B), ("depth", "deep")], 400),
        (&[("destination", B), ("if-match", "\"old\"")], 412),
        (&[("destination", B), ("if-none-match", "*")], 412),
    ] {
        for method in ["COPY", "MOVE"] {
            let answer = send(&house, method, A, headers).await;
            assert_eq!(answer.status, expected, "{method} {headers:?}: {}", answer.body);
            assert!(answer.inner().contains("<D:responsedescription>"), "{}", answer.body);
        }
    }
    assert_eq!(send(&house, "MOVE", "/dav/t/rooms/hall/none.ics", &[("destination", B)]).await.status, 404);
    assert_eq!((status(&house, A).await, status(&house, B).await), (200, 404));
}
