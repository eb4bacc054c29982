//! App passwords and API keys that end, that may do less than their principal, and that are replaced by other ones.

use super::fixture::{Answer, House, PASSWORD, START};
use crate::house::on_both;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use anteroom::model::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const CITY: &str = "/v1/tenants/city/principals";
const ROOMS: &str = "/v1/tenants/city/rooms";
const DAY_MS: i64 = 86_400_000;

/// Has somebody make an API key; it is known under that name from then on. Answers its id.
async fn key(house: &mut House, name: &'static str, (by, path): (&str, &str), mut terms: Value) -> String {
    terms["label"] = name.into();
    let made = house.post(by, &format!("{path}/api-keys"), terms).await;
    assert_eq!(made.status, 201, "{}", made.text);
    house.keys.insert(name, made.json()["secret"].as_str().unwrap().to_owned());
    made.json()["id"].as_str().unwrap().to_owned()
}

/// A key of `ada` with those terms.
async fn of_ada(house: &mut House, name: &'static str, terms: Value) -> String {
    key(house, name, ("ada", &format!("{CITY}/ada")), terms).await
}

/// Every operation of both interfaces, at a path that names the tenant and nothing else that is there.
async fn operations(house: &House) -> Vec<(Method, String)> {
    let mut all = Vec::new();
    for (document, base) in [("/v1/openapi.json", "/v1"), ("/v1/openapi-predecessor.json", "")] {
        let document = house.get("", document).await.json();
        for (path, item) in document["paths"].as_object().unwrap() {
            let path = path.replace("{tenant}", "city").replace(['{', '}'], "");
            let methods = item.as_object().unwrap().keys().filter_map(|method| method.to_uppercase().parse().ok());
            let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
            all.extend(methods.filter(|m| known.contains(m)).map(|method: Method| (method, format!("{base}{path}"))));
        }
    }
    assert!(all.len() > 170, "{}", all.len());
    all
}

/// What the audit has of a kind of act, newest first.
async fn audited(house: &House, action: &str) -> Vec<Value> {
    let audit = house.get("vera", "/v1/tenants/city/audit?limit=200").await.json();
    audit["items"].as_array().unwrap().iter().filter(|one| one["action"] == action).cloned().collect()
}

fn detail(answer: &Answer) -> String {
    serde_json::from_str(&answer.text)
        .ok()
        .and_then(|body: Value| Some(body["detail"].as_str()?.to_owned()))
        .unwrap_or_default()
}

#[actix_web::test]
async fn a_key_for_reading_only_is_refused_by_every_operation_that_is_no_get_and_by_no_other() {
    let mut house = House::new().await;
    key(&mut house, "reader", ("root", "/v1/tenants/village/principals/root"), json!({ "read_only": true })).await;
    let (mut changes, mut reads) = (0, 0);
    for (method, path) in operations(&house).await {
        let answer = house.ask("reader", method.clone(), &path, Value::Null).await;
        let refused = answer.status == 403 && detail(&answer).contains("for reading only");
        assert_eq!(refused, method != Method::GET, "{method} {path}: {} {}", answer.status, answer.text);
        *(if refused { &mut changes } else { &mut reads }) += 1;
    }
    assert!(changes > 90 && reads > 70, "{changes} {reads}");
    // Nothing is told of what there is, and a body is not read.
    let unread = house.post("reader", &format!("{CITY}/nobody/passwords"), json!([1])).await;
    assert_eq!((unread.status.as_u16(), detail(&unread).contains("read_only")), (403, true), "{}", unread.text);
    let own = house.get("reader", "/v1/session").await.json();
    assert_eq!((&own["role"], &own["read_only"]), (&json!("super_admin"), &json!(true)));
    // The same of an app password.
    let wish = json!({ "label": "Display", "read_only": true });
    let made = house.post("ada", &format!("{CITY}/ada/passwords"), wish).await.json();
    let basic = format!("Basic {}", STANDARD.encode(format!("ada:{}", made["secret"].as_str().unwrap())));
    let ask = |request: TestRequest| house.send(request.insert_header(("authorization", basic.clone())));
    assert_eq!(ask(TestRequest::get().uri(ROOMS)).await.status, 200);
    let refused = ask(TestRequest::post().uri(ROOMS).set_json(json!({ "name": "Hall" }))).await;
    assert!(refused.status == 403 && detail(&refused).contains("for reading only"), "{}", refused.text);
    let whole = format!("Basic {}", STANDARD.encode(format!("ada:{PASSWORD}")));
    let other = TestRequest::post().uri(ROOMS).insert_header(("authorization", whole));
    assert_eq!(house.send(other.set_json(json!({ "name": "Hall" }))).await.status, 201, "the other password is whole");
}

#[actix_web::test]
async fn a_key_with_a_ceiling_is_answered_as_somebody_with_that_role_by_every_operation() {
    let mut house = House::new().await;
    let terms = |role: &str| json!({ "role": role });
    of_ada(&mut house, "as member", terms("member")).await;
    of_ada(&mut house, "as viewer", terms("tenant_viewer")).await;
    of_ada(&mut house, "as operator", terms("tenant_operator")).await;
    let all = operations(&house).await;
    let mut refused = 0;
    for (limited, natural) in [("as member", "max"), ("as viewer", "vera"), ("as operator", "olav")] {
        for (method, path) in &all {
            let one = house.ask(natural, method.clone(), path, Value::Null).await;
            let other = house.ask(limited, method.clone(), path, Value::Null).await;
            assert_eq!(one.status, other.status, "{limited} {method} {path}: {}\n{}", one.text, other.text);
            refused += usize::from(other.status == 403);
        }
    }
    assert!(refused > 200, "{refused}");
    assert_eq!(house.get("as viewer", "/v1/session").await.json()["role"], "tenant_viewer");
}

#[actix_web::test]
async fn a_ceiling_gives_nothing_and_a_limited_key_makes_none_without_limits() {
    let mut house = House::new().await;
    key(&mut house, "max up", ("ada", &format!("{CITY}/max")), json!({ "role": "super_admin" })).await;
    assert_eq!(house.get("max up", ROOMS).await.status, 403, "a ceiling above is no ladder");
    let roots = "/v1/tenants/village/principals/root";
    key(&mut house, "root at home", ("root", roots), json!({ "role": "tenant_admin" })).await;
    assert_eq!(house.get("root at home", "/v1/tenants/village/rooms").await.status, 200);
    assert_eq!(house.get("root at home", ROOMS).await.status, 403, "it is no super admin now");
    let more = house.post("root at home", &format!("{roots}/api-keys"), json!({ "label": "x" })).await;
    assert_eq!(more.status, 403, "{}", more.text);
    of_ada(&mut house, "halls", json!({ "rooms": ["*"] })).await;
    let more = house.post("halls", &format!("{CITY}/ada/api-keys"), json!({ "label": "x" })).await;
    assert_eq!(more.status, 403, "{}", more.text);
}

#[actix_web::test]
async fn a_key_for_certain_rooms_reaches_these_and_nothing_outside_of_rooms() {
    let mut house = House::new().await;
    for name in ["Hall", "Attic", "Cellar"] {
        assert_eq!(house.post("ada", ROOMS, json!({ "name": name })).await.status, 201);
    }
    assert_eq!(house.post("ada", "/v1/tenants/city/room-groups", json!({ "name": "Upstairs" })).await.status, 201);
    let member = "/v1/tenants/city/room-groups/upstairs/rooms/attic";
    assert!(house.ask("ada", Method::PUT, member, Value::Null).await.status.is_success());
    of_ada(&mut house, "some", json!({ "rooms": ["hall", "group:upstairs"] })).await;
    let wish = json!({ "start": "2026-03-10T10:00", "end": "2026-03-10T11:30", "summary": "Choir" });
    let book = async |who: &str, room: &str| {
        house.post(who, &format!("{ROOMS}/{room}/bookings"), wish.clone()).await.status.as_u16()
    };
    assert_eq!(
        [book("some", "hall").await, book("some", "attic").await, book("some", "cellar").await],
        [201, 201, 404]
    );
    assert!(house.ask("ada", Method::DELETE, member, Value::Null).await.status.is_success());
    assert_eq!(house.get("some", &format!("{ROOMS}/attic/free-busy")).await.status, 404, "it left the group");
    for outside in [ROOMS, CITY, "/v1/tenants/city/audit", "/v1/tenants/city/sessions"] {
        assert_eq!(house.get("some", outside).await.status, 403, "{outside}");
    }
    let listed = house.get("ada", &format!("{CITY}/ada/passwords")).await.json();
    let some = listed.as_array().unwrap().iter().find(|secret| secret["label"] == "some").unwrap();
    assert_eq!(some["scope"], json!({ "read_only": false, "rooms": ["hall", "group:upstairs"] }));
    for (rooms, status) in [(json!([]), 422), (json!(["nowhere"]), 404), (json!(["group:nowhere"]), 404)] {
        let made = house.post("ada", &format!("{CITY}/ada/api-keys"), json!({ "label": "x", "rooms": rooms })).await;
        assert_eq!(made.status, status, "{}", made.text);
    }
    // A member has what was granted, and of that what is reached.
    let grant = json!({ "login": "max", "room": "*", "privilege": "write" });
    assert_eq!(house.ask("ada", Method::PUT, "/v1/tenants/city/grants", grant).await.status, 200);
    key(&mut house, "cellar", ("ada", &format!("{CITY}/max")), json!({ "rooms": ["cellar"], "read_only": true })).await;
    let busy = |room: &str| format!("{ROOMS}/{room}/free-busy");
    assert_eq!(house.get("cellar", &busy("cellar")).await.status, 200);
    assert_eq!(house.get("cellar", &busy("hall")).await.status, 404);
    assert_eq!(house.post("cellar", &format!("{ROOMS}/cellar/bookings"), wish.clone()).await.status, 403);
}

on_both!(a_secret_opens_until_its_last_millisecond_and_is_refused_as_a_wrong_one_then, |ground| async {
    let mut house = House::on(&ground.store).await;
    of_ada(&mut house, "short", json!({ "expires_in_days": 1 })).await;
    let made =
        house.post("ada", &format!("{CITY}/ada/passwords"), json!({ "label": "Phone", "expires_in_days": 1 })).await;
    assert_eq!(made.json()["expires"], "2026-03-03T08:00:00Z", "{}", made.text);
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("ada:{password}")));
    let phone = basic(made.json()["secret"].as_str().unwrap());
    let by_password = |header: String| TestRequest::get().uri(ROOMS).insert_header(("authorization", header));
    let end = Timestamp(START.ms() + DAY_MS);
    house.set_clock(end.plus_ms(-1));
    for _ in 0..2 {
        assert_eq!(house.get("short", ROOMS).await.status, 200);
        assert_eq!(house.send(by_password(phone.clone())).await.status, 200);
    }
    assert_eq!(house.get("short", "/v1/session").await.json()["expires"], "2026-03-03T08:00:00Z");
    house.set_clock(end);
    let (ended, wrong) = (house.get("short", ROOMS).await, house.send(by_password(basic("wrong"))).await);
    let phone = house.send(by_password(phone)).await;
    for answer in [&ended, &phone] {
        assert_eq!((answer.status, detail(answer)), (wrong.status, detail(&wrong)));
        assert_eq!(answer.header("www-authenticate"), wrong.header("www-authenticate"));
    }
    assert_eq!(wrong.status, 401);
    let listed = house.get("vera", &format!("{CITY}/ada/passwords")).await.json();
    let states: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["active", "active", "expired", "expired"]);
    for days in [0, -1, 3661] {
        let wish = json!({ "label": "x", "expires_in_days": days });
        let refused = house.post("ada", &format!("{CITY}/ada/api-keys"), wish).await;
        assert_eq!((refused.status.as_u16(), refused.json()["field"].as_str()), (422, Some("expires_in_days")));
    }
});

on_both!(a_rotated_key_works_beside_its_successor_until_the_overlap_ends, |ground| async {
    let mut house = House::on(&ground.store).await;
    let id = of_ada(&mut house, "old", json!({ "expires_in_days": 90, "role": "tenant_viewer" })).await;
    let rotate = |id: &str| format!("{CITY}/ada/passwords/{id}/rotate");
    house.set_clock(Timestamp(START.ms() + DAY_MS));
    let made = house.post("ada", &rotate(&id), json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let new = made.json();
    assert_eq!((&new["label"], &new["kind"], &new["state"]), (&json!("old"), &json!("api_key"), &json!("active")));
    assert_eq!(new["scope"], json!({ "role": "tenant_viewer", "read_only": false }));
    assert_eq!(new["expires"], "2026-06-01T08:00:00Z", "ninety days from now on");
    house.keys.insert("new", new["secret"].as_str().unwrap().to_owned());
    for who in ["old", "new"] {
        assert_eq!(house.get(who, ROOMS).await.status, 200, "{who}");
        assert_eq!(house.post(who, ROOMS, json!({ "name": "Hall" })).await.status, 403, "{who} is a viewer");
    }
    let twice = house.post("ada", &rotate(&id), json!({})).await;
    assert_eq!((twice.status.as_u16(), detail(&twice).contains("already")), (409, true), "{}", twice.text);
    let listed = house.get("vera", &format!("{CITY}/ada/passwords")).await.json();
    let old = listed.as_array().unwrap().iter().find(|one| one["id"] == json!(id)).unwrap().clone();
    assert_eq!((&old["state"], &old["expires"]), (&json!("rotated"), &json!("2026-03-04T08:00:00Z")));
    assert_eq!(old["rotated"], "2026-03-03T08:00:00Z");
    house.set_clock(Timestamp(START.ms() + 2 * DAY_MS - 1));
    assert_eq!(house.get("old", ROOMS).await.status, 200);
    house.set_clock(Timestamp(START.ms() + 2 * DAY_MS));
    assert_eq!(
        (house.get("old", ROOMS).await.status, house.get("new", ROOMS).await.status.as_u16()),
        (401.try_into().unwrap(), 200)
    );

    // At once, and on other terms.
    let second = new["id"].as_str().unwrap();
    for seconds in [-1, 30 * 86_400 + 1] {
        let refused = house.post("ada", &rotate(second), json!({ "overlap_seconds": seconds })).await;
        assert_eq!((refused.status.as_u16(), refused.json()["field"].as_str()), (422, Some("overlap_seconds")));
    }
    let third = house.post("ada", &rotate(second), json!({ "overlap_seconds": 0, "expires_in_days": 7 })).await;
    assert_eq!((third.status.as_u16(), &third.json()["expires"]), (201, &json!("2026-03-11T08:00:00Z")));
    assert_eq!(house.get("new", ROOMS).await.status, 401);
    let third = third.json();
    let path = format!("{CITY}/ada/passwords/{}", third["id"].as_str().unwrap());
    assert_eq!(house.ask("ada", Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(house.post("ada", &format!("{path}/rotate"), json!({})).await.status, 404, "it was withdrawn");
    // Who rotated which is in the audit; a weaker role rotates nothing.
    let told = audited(&house, "password.rotate").await;
    let first = told.iter().find(|one| one["detail"].as_str().unwrap().contains(&id)).unwrap();
    assert_eq!(first["actor"], "principal:ada");
    assert!(first["detail"].as_str().unwrap().contains("\"old\" of ada"), "{first}");
    assert_eq!(house.post("olav", &rotate(&id), json!({})).await.status, 403);
});

#[actix_web::test]
async fn an_app_password_is_rotated_into_an_app_password_and_never_outlives_its_own_end() {
    let house = House::new().await;
    let path = format!("{CITY}/ada/passwords");
    let made = house.post("ada", &path, json!({ "label": "Phone", "expires_in_days": 1 })).await.json();
    house.set_clock(Timestamp(START.ms() + DAY_MS / 2));
    let rotate = format!("{path}/{}/rotate", made["id"].as_str().unwrap());
    let new = house.post("ada", &rotate, json!({ "overlap_seconds": 86_400 })).await.json();
    assert_eq!((&new["kind"], new.get("prefix")), (&json!("app_password"), None));
    assert_eq!(new["expires"], "2026-03-03T20:00:00Z");
    let listed = house.get("ada", &path).await.json();
    let old = listed.as_array().unwrap().iter().find(|one| one["id"] == made["id"]).unwrap().clone();
    assert_eq!(old["expires"], "2026-03-03T08:00:00Z", "the overlap is no longer than it was meant to last");
}

#[actix_web::test]
async fn an_answer_to_one_secret_is_not_repeated_to_another_one_that_may_less() {
    let mut house = House::new().await;
    of_ada(&mut house, "limited", json!({ "role": "tenant_viewer" })).await;
    let post = |house: &House, who: &str| {
        let request = TestRequest::post()
            .uri(&format!("{CITY}/max/api-keys"))
            .insert_header(("x-api-key", house.keys[who].clone()))
            .insert_header(("idempotency-key", "k-1"));
        request.set_json(json!({ "label": "script" }))
    };
    let first = house.send(post(&house, "ada")).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(house.send(post(&house, "ada")).await.text, first.text);
    let other = house.send(post(&house, "limited")).await;
    assert_eq!(other.status, 422, "{}", other.text);
    assert!(!other.text.contains(first.json()["secret"].as_str().unwrap()));
}

#[actix_web::test]
async fn a_service_gets_a_key_of_its_own_is_found_as_one_and_is_seen_to_use_it() {
    let mut house = House::new().await;
    let new = json!({ "login": "billing", "kind": "service", "role": "tenant_viewer" });
    assert_eq!(house.post("ada", CITY, new).await.status, 201);
    let services = house.get("vera", &format!("{CITY}?kind=service")).await.json();
    let logins: Vec<&str> =
        services["items"].as_array().unwrap().iter().map(|one| one["login"].as_str().unwrap()).collect();
    assert_eq!(logins, ["billing"]);
    assert_eq!(house.get("vera", &format!("{CITY}?kind=robot")).await.status, 400);
    let terms = json!({ "read_only": true, "expires_in_days": 365 });
    let id = key(&mut house, "invoices", ("ada", &format!("{CITY}/billing")), terms).await;
    assert_eq!(house.get("invoices", ROOMS).await.status, 200);
    let listed = house.get("vera", &format!("{CITY}/billing/passwords")).await.json();
    assert_eq!(listed[0]["last_used"], "2026-03-02T08:00:00Z");
    assert!(listed[0]["prefix"].as_str().unwrap().starts_with("ar_"), "{listed}");
    let told = audited(&house, "api-key.issue").await.remove(0)["detail"].as_str().unwrap().to_owned();
    assert_eq!(told, "billing got the API key \"invoices\", for reading only, until 2027-03-02T08:00:00Z.");
    let path = format!("{CITY}/billing/passwords/{id}");
    assert_eq!(house.ask("ada", Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(house.get("invoices", ROOMS).await.status, 401);
}
