//! The description for programs: statement X12. What it says is what the server does.

use super::house::{House, NOW};
use super::xml;
use anteroom::config::Limits;
use anteroom::model::Privilege;
use anteroom::store::rules::{self, RulesRow};
use serde_json::Value;
use std::collections::BTreeSet;

/// Where a resource of each kind is in the furnished house.
const WHERE: [(&str, &str); 10] = [
    ("root", "/dav/"),
    ("tenant", "/dav/t/"),
    ("principals", "/dav/t/principals/"),
    ("principal", "/dav/t/principals/anna/"),
    ("room-principals", "/dav/t/principals/rooms/"),
    ("room-principal", "/dav/t/principals/rooms/hall/"),
    ("home", "/dav/t/rooms/"),
    ("room", "/dav/t/rooms/hall/"),
    ("object", "/dav/t/rooms/hall/a.ics"),
    ("outbox", "/dav/t/outbox/anna/"),
];

/// Properties that a resource can have and does not tell by `propname`.
const UNTOLD: [&str; 3] =
    ["{DAV:}acl", "{http://apple.com/ns/ical/}calendar-order", "{urn:ietf:params:xml:ns:caldav}calendar-data"];

async fn furnished(limits: Limits) -> (House, Value) {
    let house = House::with_limits(limits).await;
    let anna = house.user("anna").await;
    let mut hall = house.room("hall").await;
    house.grant(&anna, &hall, Privilege::Write).await;
    "Where the council meets".clone_into(&mut hall.description);
    hall.features = anteroom::model::Features::of(&["projector"]).unwrap();
    house.describe(&hall).await;
    let hours = r#"{"opening_hours":[{"days":["tuesday"],"from":"00:00","to":"24:00"}]}"#;
    let rules = serde_json::from_str(hours).unwrap();
    let row = RulesRow { room_id: hall.id.clone(), rules, changed_ms: NOW, changed_by: "test".to_owned() };
    let mut tx = house.store.begin_write().await.unwrap();
    rules::put(&mut tx, &house.tenant.id, &row).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 8).await.status, 201);
    let answer = house.anonymous("GET", "/dav/features.json", &[], b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let description = serde_json::from_str(&answer.body).unwrap();
    (house, description)
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

#[actix_web::test]
async fn x12_methods_classes_and_reports_are_those_the_server_tells() {
    let (house, description) = furnished(Limits::default()).await;
    for (kind, path) in WHERE {
        let said = &description["resources"][kind];
        let options = house.anonymous("OPTIONS", path, &[], b"").await;
        assert_eq!(options.header("allow").unwrap(), words(&said["methods"]).join(", "), "{kind}");
        assert_eq!(options.header("dav").unwrap(), words(&said["dav"]).join(", "), "{kind}");
        if kind == "room" {
            assert!(words(&said["dav"]).contains(&"webdav-push"));
        } else {
            assert_eq!(said["dav"], description["dav"]);
        }
        let asked = "<propfind xmlns='DAV:'><prop><supported-report-set/></prop></propfind>";
        let answer = house.send("anna", "PROPFIND", path, &[("depth", "0")], asked).await;
        let told = &xml::told(&answer.body)[0].props["{DAV:}supported-report-set"].1;
        let names: Vec<String> = told
            .elements()
            .map(|supported| supported.child("DAV:", "report").unwrap().elements().next().unwrap().name.clark())
            .collect();
        assert_eq!(names, words(&said["reports"]), "{kind}");
    }
}

#[actix_web::test]
async fn x12_properties_are_those_the_server_has() {
    let (house, description) = furnished(Limits::default()).await;
    for (kind, path) in WHERE {
        let said: BTreeSet<&str> = words(&description["resources"][kind]["properties"]).into_iter().collect();
        let names = "<propfind xmlns='DAV:'><propname/></propfind>";
        let answer = house.send("anna", "PROPFIND", path, &[("depth", "0")], names).await;
        let told = xml::told(&answer.body).remove(0).props;
        let mut expected: BTreeSet<&str> = told.keys().map(String::as_str).collect();
        expected.extend(said.iter().copied().filter(|name| UNTOLD.contains(name)));
        assert_eq!(said, expected, "{kind}");
        for name in words(&description["resources"][kind]["personal_properties"]) {
            assert!(said.contains(name), "{name}");
        }
    }
}

#[actix_web::test]
async fn x12_personal_properties_can_be_set_and_all_others_of_the_server_cannot() {
    let (house, description) = furnished(Limits::default()).await;
    let room = &description["resources"]["room"];
    let personal = words(&room["personal_properties"]);
    for name in words(&room["properties"]) {
        let (ns, local) = name[1..].split_once('}').unwrap();
        let body = format!(
            "<propertyupdate xmlns='DAV:'><remove><prop><{local} xmlns='{ns}'/></prop></remove></propertyupdate>"
        );
        let answer = house.send("anna", "PROPPATCH", "/dav/t/rooms/hall/", &[], &body).await;
        let status = xml::told(&answer.body)[0].props[name].0;
        assert_eq!(status, if personal.contains(&name) { 200 } else { 403 }, "{name}");
    }
}

#[actix_web::test]
async fn x12_limits_components_and_collations_are_those_the_room_tells() {
    let (house, description) = furnished(Limits { attendees: 7, max_year: 2099, ..Limits::default() }).await;
    let names = [
        "max-resource-size",
        "min-date-time",
        "max-date-time",
        "max-instances",
        "max-attendees-per-instance",
        "supported-calendar-component-set",
        "supported-collation-set",
    ];
    let props: String = names.map(|name| format!("<c:{name}/>")).concat();
    let asked =
        format!("<propfind xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop>{props}</prop></propfind>");
    let answer = house.send("anna", "PROPFIND", "/dav/t/rooms/hall/", &[("depth", "0")], &asked).await;
    let told = xml::told(&answer.body).remove(0).props;
    for name in &names[..5] {
        let said = &description["limits"][name];
        let said = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
        assert_eq!(told[&xml::clark(&format!("C:{name}"))].1.text(), said, "{name}");
    }
    let components = &told[&xml::clark("C:supported-calendar-component-set")].1;
    let names: Vec<&str> = components.elements().map(|comp| comp.attribute("name").unwrap()).collect();
    assert_eq!(names, words(&description["calendar_components"]));
    let collations: Vec<String> =
        told[&xml::clark("C:supported-collation-set")].1.elements().map(anteroom::davxml::Element::text).collect();
    assert_eq!(collations, words(&description["collations"]));
    let set = "<principal-search-property-set xmlns='DAV:'/>";
    let answer = house.send("anna", "REPORT", "/dav/t/principals/", &[("depth", "0")], set).await;
    let searchable: Vec<String> = xml::tree(&answer.body)
        .elements()
        .map(|entry| entry.child("DAV:", "prop").unwrap().elements().next().unwrap().name.clark())
        .collect();
    assert_eq!(searchable, words(&description["principal_search"]));
}

#[actix_web::test]
async fn x12_what_is_said_not_to_be_offered_is_answered_as_it_is_said() {
    let (house, description) = furnished(Limits::default()).await;
    let said = |what: &str| {
        let all = description["not_offered"].as_array().unwrap();
        all.iter().find(|entry| entry["what"] == what).unwrap()["answer"].as_str().unwrap().to_owned()
    };
    for (what, method, path, status) in [
        ("MKCALENDAR", "MKCALENDAR", "/dav/t/rooms/new/", "403"),
        ("MKCOL", "MKCOL", "/dav/t/rooms/new/", "403"),
        ("LOCK, UNLOCK", "LOCK", "/dav/t/rooms/hall/a.ics", "405"),
        ("LOCK, UNLOCK", "UNLOCK", "/dav/t/rooms/hall/a.ics", "405"),
        ("ACL", "ACL", "/dav/t/rooms/hall/", "405"),
        ("Depth: infinity", "PROPFIND", "/dav/t/rooms/", "403"),
    ] {
        assert!(said(what).starts_with(status), "{what}");
        let answer = house.send("anna", method, path, &[], "").await;
        assert_eq!(answer.status.to_string(), status, "{method}");
    }
    assert_eq!(house.anonymous("PROPFIND", "/dav/", &[("depth", "0")], b"").await.status, 401);
    assert!(said("anonymous access").starts_with("401"));
}
