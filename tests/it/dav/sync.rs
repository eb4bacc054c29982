//! sync-collection: statements S1 to S11.

use super::house::Answer;
use super::house::House;
use super::house::event;
use anteroom::model::Privilege;
use std::collections::BTreeMap;

const HALL: &str = "/dav/t/rooms/hall/";

/// A client that follows one calendar.
#[derive(Default)]
struct Follower {
    token: String,
    items: BTreeMap<String, String>,
}

/// What one report told.
struct Told {
    changed: Vec<(String, String)>,
    removed: Vec<String>,
    token: String,
    truncated: bool,
}

async fn report(house: &House, token: &str, limit: Option<usize>) -> Answer {
    let limit = limit.map(|n| format!("<limit><nresults>{n}</nresults></limit>")).unwrap_or_default();
    let body = format!(
        "<sync-collection xmlns='DAV:'><sync-token>{token}</sync-token><sync-level>1</sync-level>{limit}\
         <prop><getetag/></prop></sync-collection>"
    );
    house.send("anna", "REPORT", HALL, &[("depth", "1")], &body).await
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

fn read(answer: &Answer) -> Told {
    assert_eq!(answer.status, 207, "{}", answer.body);
    let mut told = Told { changed: Vec::new(), removed: Vec::new(), token: String::new(), truncated: false };
    for response in answer.body.split("<D:response>").skip(1) {
        let href = between(response, "<D:href>", "</D:href>").unwrap().to_owned();
        match between(response, "<D:getetag>", "</D:getetag>") {
            Some(etag) => told.changed.push((href, etag.to_owned())),
            None if href == HALL => told.truncated = response.contains("507 Insufficient Storage"),
            None => {
                assert!(response.starts_with(&format!(
                    "<D:href>{href}</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>"
                )));
                told.removed.push(href);
            }
        }
    }
    told.token = between(&answer.body, "<D:sync-token>", "</D:sync-token>").unwrap().to_owned();
    told
}

impl Follower {
    async fn sync(&mut self, house: &House, limit: Option<usize>) -> usize {
        let mut pages = 0;
        loop {
            let told = read(&report(house, &self.token, limit).await);
            assert!(told.changed.len() + told.removed.len() <= limit.unwrap_or(usize::MAX));
            self.items.extend(told.changed);
            for href in told.removed {
                self.items.remove(&href);
            }
            self.token = told.token;
            pages += 1;
            if !told.truncated {
                return pages;
            }
        }
    }
}

async fn book(house: &House, name: &str, hour: u32) {
    let path = format!("{HALL}{name}.ics");
    assert!(house.book("anna", &path, name, hour).await.status < 300);
}

async fn remove(house: &House, name: &str) {
    assert_eq!(house.send("anna", "DELETE", &format!("{HALL}{name}.ics"), &[], "").await.status, 204);
}

#[actix_web::test]
async fn s1_the_initial_report_tells_all_members_and_no_removed_ones() {
    let house = House::with_anna().await;
    for (name, hour) in [("a", 8), ("b", 9), ("c", 10)] {
        book(&house, name, hour).await;
    }
    remove(&house, "b").await;
    let told = read(&report(&house, "", None).await);
    let hrefs: Vec<&str> = told.changed.iter().map(|(href, _)| href.as_str()).collect();
    assert_eq!(hrefs, ["/dav/t/rooms/hall/a.ics", "/dav/t/rooms/hall/c.ics"]);
    assert!(told.removed.is_empty() && !told.truncated);
}

#[actix_web::test]
async fn s3_a_token_of_elsewhere_is_403_valid_sync_token() {
    let house = House::with_anna().await;
    book(&house, "a", 8).await;
    let token = read(&report(&house, "", None).await).token;
    for bad in
        ["1", "urn:x-anteroom:sync:f.1:abc", "http://example.com/1", &format!("{token}x"), &token.replace("f.1", "f.9")]
    {
        let answer = report(&house, bad, None).await;
        assert_eq!(answer.status, 403, "{bad}");
        assert_eq!(
            answer.inner(),
            "<D:valid-sync-token/><D:responsedescription>This sync token is not one of this calendar's; start afresh \
             without a token.</D:responsedescription></D:error>"
        );
    }
}

#[actix_web::test]
async fn s4_s5_a_member_is_told_once_by_what_became_of_it() {
    let house = House::with_anna().await;
    book(&house, "a", 8).await;
    book(&house, "b", 9).await;
    let token = read(&report(&house, "", None).await).token;
    book(&house, "a", 10).await;
    book(&house, "new", 11).await;
    remove(&house, "new").await;
    remove(&house, "b").await;
    book(&house, "b", 12).await;
    let told = read(&report(&house, &token, None).await);
    let changed: Vec<&str> = told.changed.iter().map(|(href, _)| href.as_str()).collect();
    assert_eq!(changed, ["/dav/t/rooms/hall/a.ics", "/dav/t/rooms/hall/b.ics"]);
    assert_eq!(told.removed, ["/dav/t/rooms/hall/new.ics"]);
}

#[actix_web::test]
async fn s6_truncated_sync_loops_to_the_full_set_exactly_once() {
    let house = House::with_anna().await;
    for hour in 0..10 {
        book(&house, &format!("e{hour}"), hour).await;
    }
    for gone in ["e1", "e4", "e9"] {
        remove(&house, gone).await;
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    for page in 1.. {
        let told = read(&report(&house, &token, Some(3)).await);
        assert!(told.removed.is_empty(), "{:?}", told.removed);
        assert!(told.changed.len() <= 3);
        seen.extend(told.changed.into_iter().map(|(href, _)| href));
        token = told.token;
        if !told.truncated {
            assert_eq!(page, 3);
            break;
        }
    }
    let expected: Vec<String> = [0, 2, 3, 5, 6, 7, 8].iter().map(|n| format!("{HALL}e{n}.ics")).collect();
    assert_eq!(seen, expected);
    let told = read(&report(&house, &token, Some(3)).await);
    assert!(told.changed.is_empty() && told.removed.is_empty() && told.token == token);
}

#[actix_web::test]
async fn s6_the_server_s_own_limit_truncates_as_a_client_s_does() {
    let limits = anteroom::config::Limits { report_members: 2, ..Default::default() };
    let house = House::with_limits(limits).await;
    let (anna, hall) = (house.user("anna").await, house.room("hall").await);
    house.grant(&anna, &hall, anteroom::model::Privilege::Write).await;
    for hour in 0..5 {
        book(&house, &format!("e{hour}"), hour).await;
    }
    let mut follower = Follower::default();
    assert_eq!(follower.sync(&house, None).await, 3);
    assert_eq!(follower.items.len(), 5);
}

#[actix_web::test]
async fn s8_depth_0_1_and_absent_are_accepted_and_infinity_is_not() {
    let house = House::with_anna().await;
    let body = "<sync-collection xmlns='DAV:'><sync-token/><sync-level>1</sync-level><prop/></sync-collection>";
    for (headers, status) in
        [(&[("depth", "0")][..], 207), (&[("depth", "1")], 207), (&[], 207), (&[("depth", "infinity")], 400)]
    {
        assert_eq!(house.send("anna", "REPORT", HALL, headers, body).await.status, status, "{headers:?}");
    }
    let home = house.send("anna", "REPORT", "/dav/t/rooms/", &[("depth", "1")], body).await;
    assert_eq!(home.status, 403);
    assert!(home.inner().starts_with("<D:sync-traversal-supported/>"), "{}", home.body);
}

#[actix_web::test]
async fn s8_level_infinite_on_a_room_is_level_1() {
    let house = House::with_anna().await;
    for (name, hour) in [("a", 8), ("b", 9)] {
        book(&house, name, hour).await;
    }
    let mut answers = Vec::new();
    for level in ["1", "infinite", "infinity", " Infinite "] {
        let body = format!(
            "<sync-collection xmlns='DAV:'><sync-token/><sync-level>{level}</sync-level><prop><getetag/></prop></sync-collection>"
        );
        answers.push(house.send("anna", "REPORT", HALL, &[("depth", "0")], &body).await);
    }
    assert!(answers.iter().all(|answer| answer.status == 207 && answer.body == answers[0].body));
    assert_eq!(read(&answers[0]).changed.len(), 2);
    let body = "<sync-collection xmlns='DAV:'><sync-token/><sync-level>2</sync-level><prop/></sync-collection>";
    assert_eq!(house.send("anna", "REPORT", HALL, &[("depth", "0")], body).await.status, 400);
}

#[actix_web::test]
async fn s9_who_gains_or_loses_sight_of_bookings_starts_afresh_and_ends_equal() {
    let house = House::with_anna().await;
    let (bert, attic) = (house.user("bert").await, house.room("attic").await);
    let cara = house.user("cara").await;
    house.grant(&cara, &attic, Privilege::Write).await;
    house.grant(&bert, &attic, Privilege::Read).await;
    let path = "/dav/t/rooms/attic/";
    let (open, private) = (event("open", 8), event("private", 10).replace("SUMMARY", "CLASS:PRIVATE\r\nSUMMARY"));
    for (name, body) in [("open", &open), ("private", &private)] {
        assert_eq!(house.send("cara", "PUT", &format!("{path}{name}.ics"), &[], body).await.status, 201);
    }
    let sync = async |token: &str| {
        let body = format!(
            "<sync-collection xmlns='DAV:'><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
        );
        house.send("bert", "REPORT", path, &[("depth", "1")], &body).await
    };
    let as_reader = read(&sync("").await);
    house.grant(&bert, &attic, Privilege::Write).await;
    let refused = sync(&as_reader.token).await;
    assert_eq!((refused.status, refused.inner().starts_with("<D:valid-sync-token/>")), (403, true), "{}", refused.body);
    let as_writer = read(&sync("").await);
    assert_eq!(as_writer.changed.len(), 2);
    assert!(
        as_writer.changed.iter().all(|member| !as_reader.changed.contains(member)),
        "other octets, other validators"
    );
    house.grant(&bert, &attic, Privilege::ReadFreeBusy).await;
    let refused = sync(&as_writer.token).await;
    assert_eq!(refused.status, 403);
    assert!(refused.inner().starts_with("<D:need-privileges>"), "{}", refused.body);
    house.grant(&bert, &attic, Privilege::Read).await;
    assert_eq!(sync(&as_writer.token).await.status, 403);
    // What was hidden and becomes public is a changed member to those who saw it as busy.
    let public = private.replace("CLASS:PRIVATE", "CLASS:PUBLIC");
    assert_eq!(house.send("cara", "PUT", &format!("{path}private.ics"), &[], &public).await.status, 204);
    let told = read(&sync(&as_reader.token).await);
    assert_eq!(told.changed.iter().map(|(href, _)| href.as_str()).collect::<Vec<_>>(), [format!("{path}private.ics")]);
    let seen = house.send("bert", "GET", &format!("{path}private.ics"), &[], "").await;
    assert!(seen.body.contains("SUMMARY:Meeting private"), "{}", seen.body);
}

#[actix_web::test]
async fn o2_validators_and_tokens_outlive_a_restart() {
    let house = House::with_anna().await;
    for (name, hour) in [("a", 8), ("b", 9)] {
        book(&house, name, hour).await;
    }
    let token = read(&report(&house, "", None).await).token;
    book(&house, "b", 11).await;
    remove(&house, "a").await;
    let before = everywhere(&house).await;
    assert!(before.iter().all(|etag| *etag == before[0]), "{before:?}");
    let house = house.restarted().await;
    assert_eq!(everywhere(&house).await, before);
    let told = read(&report(&house, &token, None).await);
    assert_eq!((told.changed.len(), told.removed.len()), (1, 1));
    assert_eq!(told.changed[0].1, before[0]);
    let same = house.send("anna", "GET", &format!("{HALL}b.ics"), &[("if-none-match", &before[0])], "").await;
    assert_eq!(same.status, 304);
    let put = house.send("anna", "PUT", &format!("{HALL}b.ics"), &[("if-match", &before[0])], &event("b", 12)).await;
    assert_eq!(put.status, 204);
}

/// The validator of `b.ics` as GET, HEAD, PROPFIND of itself and of its room, multiget, query and sync tell it.
async fn everywhere(house: &House) -> Vec<String> {
    let path = format!("{HALL}b.ics");
    let mut found = Vec::new();
    for method in ["GET", "HEAD"] {
        found.push(house.send("anna", method, &path, &[], "").await.header("etag").unwrap().to_owned());
    }
    let prop = "<prop xmlns='DAV:'><getetag/></prop>";
    let caldav = "xmlns='urn:ietf:params:xml:ns:caldav'";
    for (method, at, body) in [
        ("PROPFIND", path.as_str(), format!("<propfind xmlns='DAV:'>{prop}</propfind>")),
        ("PROPFIND", HALL, format!("<propfind xmlns='DAV:'>{prop}</propfind>")),
        (
            "REPORT",
            HALL,
            format!("<calendar-multiget {caldav}>{prop}<href xmlns='DAV:'>{path}</href></calendar-multiget>"),
        ),
        (
            "REPORT",
            HALL,
            format!("<calendar-query {caldav}>{prop}<filter><comp-filter name='VCALENDAR'/></filter></calendar-query>"),
        ),
        (
            "REPORT",
            HALL,
            format!("<sync-collection xmlns='DAV:'><sync-token/><sync-level>1</sync-level>{prop}</sync-collection>"),
        ),
    ] {
        let answer = house.send("anna", method, at, &[("depth", "1")], &body).await;
        let told = super::xml::told(&answer.body).into_iter().find(|told| told.href == path).unwrap();
        found.push(told.props["{DAV:}getetag"].1.text());
    }
    found
}

#[actix_web::test]
async fn s10_any_interleaving_of_writes_and_paged_reports_leaves_the_client_equal_to_the_server() {
    let house = House::with_anna().await;
    let (mut slow, mut fast) = (Follower::default(), Follower::default());
    // A fixed sequence of steps; each names a member by its number and toggles or moves it.
    let mut dice: u32 = 20_260_302;
    let mut present = [None::<u32>; 6];
    for step in 0..60 {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (member, action) = ((dice >> 16) as usize % 6, (dice >> 24) % 3);
        let name = format!("m{member}");
        if present[member].is_some() && action == 0 {
            remove(&house, &name).await;
            present[member] = None;
        } else {
            let hour = u32::try_from(member).unwrap() * 3 + u32::from(present[member].is_some_and(|h| h % 3 == 0));
            book(&house, &name, hour).await;
            present[member] = Some(hour);
        }
        match step % 4 {
            0 => drop(fast.sync(&house, None).await),
            1 => {
                // One page only: the rest comes later, after more writes.
                let told = read(&report(&house, &slow.token, Some(1)).await);
                slow.items.extend(told.changed);
                told.removed.iter().for_each(|href| drop(slow.items.remove(href)));
                slow.token = told.token;
            }
            _ => {}
        }
    }
    slow.sync(&house, Some(2)).await;
    fast.sync(&house, None).await;
    let mut server = BTreeMap::new();
    for (member, _) in present.iter().enumerate().filter(|(_, hour)| hour.is_some()) {
        let path = format!("{HALL}m{member}.ics");
        let etag = house.send("anna", "HEAD", &path, &[], "").await.header("etag").unwrap().to_owned();
        server.insert(path, etag);
    }
    assert_eq!(slow.items, server);
    assert_eq!(fast.items, server);
}

#[actix_web::test]
async fn s11_the_property_is_the_report_s_token_at_rest_and_an_unchanged_put_moves_neither() {
    let house = House::with_anna().await;
    let asked = "<propfind xmlns='DAV:'><prop><sync-token/></prop></propfind>";
    for round in 0..2 {
        book(&house, "a", 8).await;
        let token = read(&report(&house, "", None).await).token;
        let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], asked).await;
        assert!(answer.body.contains(&format!("<D:sync-token>{token}</D:sync-token>")), "{round}: {}", answer.body);
        assert!(token.starts_with("urn:x-anteroom:sync:f.1:"), "{round}: {token}");
    }
}
