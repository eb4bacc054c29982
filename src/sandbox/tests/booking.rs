//! The two booking systems.

use super::*;

const HEARING: &str = "Høringsmøte";

struct Booking<'a> {
    client: &'a Client,
    session: String,
}

impl<'a> Booking<'a> {
    async fn login(client: &'a Client) -> Self {
        let body = json!({"logindomain": seed::PORTICO_DOMAIN, "login": seed::PORTICO_LOGIN, "passwd": seed::PORTICO_PASSWORD});
        let answer = portico(client, "POST", "/login", &body).await;
        assert_eq!(answer.0, 200);
        let session =
            format!("{}={}", answer.1["session_name"].as_str().unwrap(), answer.1["session_id"].as_str().unwrap());
        Self { client, session }
    }

    async fn send(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let joint = if target.contains('?') { '&' } else { '?' };
        portico(self.client, method, &format!("{target}{joint}{}", self.session), body).await
    }

    async fn schedule(&self, resource: u32) -> Vec<Value> {
        let target = format!("/booking/resources/{resource}/schedule?start_date=2026-03-01&end_date=2026-03-31");
        self.send("GET", &target, &Value::Null).await.1.as_array().unwrap().clone()
    }
}

async fn portico(client: &Client, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let address = format!("{}{target}", client.sandbox.booking_portico_url());
    let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    split(&call(method, &address, &headers, &bytes, PATIENCE).await.unwrap())
}

fn hearing(from: &str, to: &str) -> Value {
    json!({"title": HEARING, "from_": format!("2026-03-03 {from}"), "to_": format!("2026-03-03 {to}"), "source": "outlook"})
}

#[tokio::test]
async fn a_session_ends_after_half_an_hour() {
    let client = Client::start().await;
    let booking = Booking::login(&client).await;
    assert_eq!(booking.send("GET", "/booking/resources", &Value::Null).await.1["total_records"], 5);
    client.clock.advance_ms(31 * 60_000);
    assert_eq!(booking.send("GET", "/booking/resources", &Value::Null).await.0, 401);
}

#[tokio::test]
async fn events_collide_with_events_only_and_a_repeat_is_called_duplicate() {
    let client = Client::start().await;
    let booking = Booking::login(&client).await;
    let allocation = json!({"name": "IL", "organization_id": 7, "season_id": 3, "resources": [105],
                            "from_": "2026-03-03 17:00:00", "to_": "2026-03-03 21:00:00"});
    assert_eq!(booking.send("POST", "/booking/allocations", &allocation).await.0, 201);
    assert_eq!(booking.send("POST", "/booking/allocations", &allocation).await.0, 409);
    let events = "/booking/resources/105/events";
    let (status, made) = booking.send("POST", events, &hearing("18:00:00", "20:00:00")).await;
    assert_eq!(status, 201, "{made}");
    assert!(made["event"]["source"].is_null(), "source is accepted and dropped");
    let (status, text) = booking.send("POST", events, &hearing("18:00:00", "20:00:00")).await;
    assert_eq!((status, &text["error"]), (409, &json!("Duplicate event")));
    assert_eq!(booking.send("POST", events, &hearing("19:00:00", "22:00:00")).await.0, 409);
    let kinds: Vec<Value> = booking.schedule(105).await.iter().map(|row| row["type"].clone()).collect();
    assert_eq!(kinds, ["allocation", "event"]);
}

#[tokio::test]
async fn an_offset_is_dropped_and_a_deactivated_event_leaves_the_schedule() {
    let client = Client::start().await;
    let booking = Booking::login(&client).await;
    let event =
        json!({"title": "Z", "from_": "2026-03-03T18:00:00Z", "to_": "2026-03-03T19:00:00+01:00", "source": "x"});
    let (_, made) = booking.send("POST", "/booking/resources/101/events", &event).await;
    let id = made["id"].as_u64().unwrap();
    assert_eq!(booking.schedule(101).await[0]["from_"], "2026-03-03 18:00:00");
    let toggle = format!("/booking/events/{id}/toggle-active");
    assert_eq!(booking.send("PATCH", &toggle, &json!({"active": false})).await.1["active"], 0);
    assert_eq!(booking.schedule(101).await.len(), 0);
    assert_eq!(booking.send("POST", "/booking/resources/101/events", &hearing("18:00:00", "19:00:00")).await.0, 201);
    assert_eq!(booking.send("PATCH", &toggle, &Value::Null).await.1["active"], 1, "without a body it turns round");
    assert_eq!(booking.schedule(101).await.len(), 2, "no conflict check");
}

#[tokio::test]
async fn any_save_of_an_event_with_several_dates_leaves_one() {
    let client = Client::start().await;
    let booking = Booking::login(&client).await;
    let cup = json!({"title": "Cup", "resources": [105], "dates": [
        {"from_": "2026-03-07 09:00:00", "to_": "2026-03-07 18:00:00"},
        {"from_": "2026-03-08 09:00:00", "to_": "2026-03-08 16:00:00"}],
        "from_": "2026-03-07 09:00:00", "to_": "2026-03-07 18:00:00"});
    let (_, made) = client.control("POST", "/portico/ui/events/create", &cup).await;
    let target = format!("/booking/events/{}", made["id"]);
    let dates = async || booking.send("GET", &target, &Value::Null).await.1["dates"].as_array().unwrap().len();
    assert_eq!(dates().await, 2);
    assert_eq!(booking.send("PUT", &target, &json!({"description": "ny"})).await.0, 200);
    assert_eq!(dates().await, 1);
}

#[tokio::test]
async fn only_the_user_interface_fires_webhooks_and_a_deletion_is_announced_before_it_happens() {
    let client = Client::start().await;
    let booking = Booking::login(&client).await;
    let (url, got) = receiver(200).await;
    let wanted =
        json!({"calendar_id": 101, "entity_type": "event", "webhook_url": url, "secretKey": "k", "client_state": "c"});
    let (status, made) = booking.send("POST", "/booking/webhooks/subscriptions", &wanted).await;
    assert_eq!((status, &made["resource_id"]), (201, &Value::Null));
    booking.send("POST", "/booking/resources/101/events", &hearing("10:00:00", "11:00:00")).await;
    let mut by_hand = hearing("12:00:00", "13:00:00");
    by_hand["resources"] = json!([101]);
    let (_, row) = client.control("POST", "/portico/ui/events/create", &by_hand).await;
    client.control("POST", "/portico/ui/events/deactivate", &json!({"id": row["id"]})).await;
    client.control("POST", "/portico/ui/events/delete", &json!({"id": row["id"]})).await;
    let seen: Vec<(String, Value)> = got
        .lock()
        .unwrap()
        .iter()
        .map(|(_, head, body)| (head.clone(), serde_json::from_str::<Value>(body).unwrap()["value"][0].clone()))
        .collect();
    let changes: Vec<&Value> = seen.iter().map(|(_, row)| &row["change_type"]).collect();
    assert_eq!(changes, ["created", "deleted", "deleted"]);
    assert_eq!(seen[0].1["timestamp"], "2026-03-02T09:00:00Z", "local time with a Z");
    assert!(seen[0].0.contains("X-Booking-Signature: sha256="));
    assert_eq!(booking.send("GET", &format!("/booking/events/{}", row["id"]), &Value::Null).await.0, 404);
}

async fn generic(client: &Client, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let address = format!("{}{target}", client.sandbox.booking_generic_url());
    let headers = [("X-API-Key".to_owned(), seed::GENERIC_API_KEY.to_owned())];
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    split(&call(method, &address, &headers, &bytes, PATIENCE).await.unwrap())
}

fn lunch(external: &str, from: u32, to: u32) -> Value {
    json!({"external_id": external, "title": "Lunsj", "description": "", "location": "Kantina", "source_system": "outlook",
           "start_time": format!("2026-03-03T{from:02}:00:00Z"), "end_time": format!("2026-03-03T{to:02}:00:00Z"),
           "organizer": {"name": "Åse", "email": "ase@fjordby.example"}})
}

#[tokio::test]
async fn a_generic_booking_lives_and_is_cancelled_and_changes_since_show_it() {
    let client = Client::start().await;
    let (status, made) = generic(&client, "POST", "/api/events", &lunch("outlook-1", 11, 12)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["location"], &made["resource_id"]), (&json!("Kantina"), &json!("kantina")));
    let (status, refused) = generic(&client, "POST", "/api/events", &lunch("outlook-2", 11, 13)).await;
    assert_eq!((status, &refused["conflicting_id"]), (409, &made["id"]));
    let target = format!("/api/events/{}", made["id"].as_str().unwrap());
    client.clock.advance_ms(60_000);
    assert_eq!(generic(&client, "PUT", &target, &json!({"title": "Lang lunsj"})).await.1["title"], "Lang lunsj");
    client.clock.advance_ms(60_000);
    assert_eq!(generic(&client, "DELETE", &target, &Value::Null).await.1["active"], false);
    let (_, list) = generic(&client, "GET", "/api/events?since=2026-03-02T08:02:00Z", &Value::Null).await;
    assert_eq!(list["events"].as_array().unwrap().len(), 1);
    assert_eq!(list["events"][0]["active"], false);
    assert_eq!(generic(&client, "POST", "/api/events", &lunch("outlook-2", 11, 13)).await.0, 201);
}

#[tokio::test]
async fn a_generic_webhook_is_signed() {
    let client = Client::start().await;
    let (url, got) = receiver(200).await;
    generic(&client, "POST", "/api/webhooks", &json!({"url": url, "secret": "hush"})).await;
    generic(&client, "POST", "/api/events", &lunch("outlook-1", 11, 12)).await;
    until(async || !got.lock().unwrap().is_empty()).await;
    let (_, head, body) = got.lock().unwrap()[0].clone();
    let expected = crate::sandbox::booking::hooks::signature("hush", body.as_bytes());
    assert!(head.contains(&format!("X-Booking-Signature: {expected}")));
}
