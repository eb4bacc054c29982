//! The `If` header: statement S11, and what of RFC 4918, 10.4 works without locks.

use super::house::House;
use super::house::event;
use super::xml;

const HALL: &str = "/dav/t/rooms/hall/";
const A: &str = "/dav/t/rooms/hall/a.ics";

async fn token(house: &House, who: &str) -> String {
    let asked = "<propfind xmlns='DAV:'><prop><sync-token/></prop></propfind>";
    let answer = house.send(who, "PROPFIND", HALL, &[("depth", "0")], asked).await;
    xml::told(&answer.body)[0].props["{DAV:}sync-token"].1.text()
}

async fn put_if(house: &House, path: &str, hour: u32, condition: &str) -> u16 {
    let uid = path.rsplit('/').next().unwrap();
    let headers = [("content-type", "text/calendar"), ("if", condition)];
    house.send("anna", "PUT", path, &headers, &event(uid, hour)).await.status
}

#[actix_web::test]
async fn s11_a_write_under_the_present_sync_token_is_done_and_under_an_older_one_refused() {
    let house = House::with_anna().await;
    let before = token(&house, "anna").await;
    let tagged = |token: &str| format!("<{HALL}> (<{token}>)");
    assert_eq!(put_if(&house, A, 8, &tagged(&before)).await, 201);
    let after = token(&house, "anna").await;
    assert_ne!(before, after);
    assert_eq!(put_if(&house, &format!("{HALL}b.ics"), 9, &tagged(&before)).await, 412, "somebody wrote meanwhile");
    assert_eq!(house.send("anna", "GET", &format!("{HALL}b.ics"), &[], "").await.status, 404);
    for (method, path) in [("DELETE", A), ("PROPPATCH", HALL)] {
        let patch = "<propertyupdate xmlns='DAV:'><set><prop><x xmlns='urn:x'/></prop></set></propertyupdate>";
        let body = if method == "PROPPATCH" { patch } else { "" };
        let stale = house.send("anna", method, path, &[("if", &tagged(&before))], body).await;
        assert_eq!(stale.status, 412, "{method}");
        assert!(stale.inner().starts_with("<D:responsedescription>No list of the If header holds"), "{}", stale.body);
        let fresh = house.send("anna", method, path, &[("if", &tagged(&token(&house, "anna").await))], body).await;
        assert!([204, 207].contains(&fresh.status), "{method}: {}", fresh.status);
    }
}

#[actix_web::test]
async fn s11_tokens_and_validators_of_if_follow_rfc_4918() {
    let house = House::with_anna().await;
    let etag = house.book("anna", A, "a.ics", 8).await.header("etag").unwrap().to_owned();
    let token = token(&house, "anna").await;
    let url = format!("http://localhost{HALL}");
    for (condition, holds) in [
        (format!("([{etag}])"), true),
        (format!("(Not [{etag}])"), false),
        (format!("([\"other\"]) ([{etag}])"), true),
        (format!("([W/{etag}])"), false),
        (format!("(<{token}>)"), false),
        (format!("<{HALL}> (<{token}>) <{A}> ([\"other\"])"), true),
        (format!("<{url}> (<{token}>)"), true),
        (format!("<{HALL}> (<{token}> Not <DAV:no-lock>)"), true),
        ("(<urn:uuid:a-lock-of-yesterday>)".to_owned(), false),
        ("(<DAV:no-lock>)".to_owned(), false),
        ("(Not <DAV:no-lock>)".to_owned(), true),
        ("</dav/other/rooms/hall/> (Not <urn:x>)".to_owned(), true),
        (format!("</dav/t/rooms/secret/> (<{token}>)"), false),
    ] {
        let get = house.send("anna", "GET", A, &[("if", &condition)], "").await;
        assert_eq!(get.status, if holds { 200 } else { 412 }, "{condition}");
        let status = put_if(&house, A, 8, &condition).await;
        assert_eq!(status, if holds { 204 } else { 412 }, "{condition}");
    }
    for broken in ["", "(", "[\"a\"]", "<x>", "(<a>) <b> (<c>)"] {
        assert_eq!(put_if(&house, A, 8, broken).await, 400, "{broken:?}");
    }
}

#[actix_web::test]
async fn s11_of_many_writers_with_one_token_exactly_one_wins() {
    let house = House::with_anna().await;
    let condition = format!("<{HALL}> (<{}>)", token(&house, "anna").await);
    let paths: Vec<String> = (0..12).map(|n| format!("{HALL}w{n}.ics")).collect();
    let writes = (0..).zip(&paths).map(|(hour, path)| put_if(&house, path, hour, &condition));
    let statuses = futures_util::future::join_all(writes).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 11, "{statuses:?}");
}

#[actix_web::test]
async fn s11_if_does_not_tell_the_state_of_what_the_caller_may_not_read() {
    let house = House::with_anna().await;
    let hall_token = token(&house, "anna").await;
    house.user("bert").await;
    let condition = format!("<{HALL}> (<{hall_token}>)");
    let answer = house.send("bert", "PROPFIND", "/dav/", &[("depth", "0"), ("if", &condition)], "").await;
    assert_eq!(answer.status, 412);
}
