//! Tokens, events, series.

use super::*;

#[tokio::test]
async fn only_a_good_secret_brings_a_token_and_only_a_fresh_token_opens_graph() {
    let client = Client::start().await;
    let (status, body) = client.login("wrong").await;
    assert_eq!((status, &body["error"], &body["error_codes"][0]), (401, &json!("invalid_client"), &json!(7_000_215)));
    assert_eq!(client.get("/places/microsoft.graph.room").await.0, 200);
    client.clock.advance_ms(3_600_000);
    let (status, body) = client.get("/places/microsoft.graph.room").await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!("InvalidAuthenticationToken")));
}

#[tokio::test]
async fn rooms_come_in_pages_and_equipment_is_no_place() {
    let client = Client::start().await;
    let (_, first) = client.get("/places/microsoft.graph.room?$top=5").await;
    let (_, second) = client.get(first["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!(first["value"].as_array().unwrap().len(), 5);
    assert_eq!(second["value"].as_array().unwrap().len(), 3);
    assert!(second["@odata.nextLink"].is_null());
    let (_, user) = client.get(&format!("/users/{FJORD}?$select=id,mail")).await;
    assert_eq!(user["mail"], FJORD);
    assert_eq!(client.get(&format!("/users/{}", user["id"].as_str().unwrap())).await.0, 200);
}

#[tokio::test]
async fn an_event_comes_back_with_defaults_html_body_and_times_in_the_asked_zone() {
    let client = Client::start().await;
    let mut event = meeting(3, 9, 10);
    event["body"] = json!({"contentType": "text", "content": "Ta med <noter>\nog vann"});
    let id = client.book(FJORD, &event).await;
    let (_, utc) = client.get(&format!("/users/{FJORD}/events/{id}")).await;
    assert_eq!(utc["start"], json!({"dateTime": "2026-03-03T08:00:00.0000000", "timeZone": "UTC"}));
    assert_eq!(utc["originalStartTimeZone"], "W. Europe Standard Time");
    assert_eq!(utc["body"]["contentType"], "html");
    assert!(utc["body"]["content"].as_str().unwrap().contains("Ta med &lt;noter&gt;<br>"));
    assert_eq!(utc["responseStatus"], json!({"response": "organizer", "time": "0001-01-01T00:00:00Z"}));
    let prefer = [("Prefer", "outlook.timezone=\"Europe/Oslo\", outlook.body-content-type=\"text\"")];
    let (_, local) = client.with("GET", &format!("/users/{FJORD}/events/{id}"), &prefer, &Value::Null).await;
    assert_eq!(local["start"]["dateTime"], "2026-03-03T09:00:00.0000000");
    assert_eq!(local["body"]["content"], "Ta med <noter>\r\nog vann\r\n");
    assert_ne!(local["id"], utc["id"], "without the preference the id has its other form");
}

#[tokio::test]
async fn a_transaction_id_makes_one_event_and_refuses_other_content() {
    let client = Client::start().await;
    let mut event = meeting(3, 9, 10);
    event["transactionId"] = json!("gw-1");
    let first = client.book(FJORD, &event).await;
    assert_eq!(client.book(FJORD, &event).await, first);
    event["subject"] = json!("Noe annet");
    let (status, body) = client.post(&format!("/users/{FJORD}/events"), &event).await;
    assert!(status == 400 || status == 409);
    assert_eq!(body["error"]["code"], "ErrorDuplicateTransactionId");
    assert_eq!(body["error"]["@event.existingEventId"], first.as_str());
    let (_, list) = client.get(&format!("/users/{FJORD}/events")).await;
    assert_eq!(list["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_is_found_by_its_extended_property_which_shows_only_when_expanded() {
    let client = Client::start().await;
    let name = "String {66f5a359-4659-4638-81a3-d1d2b2f5c5b4} Name GatewayUid";
    let mut event = meeting(3, 9, 10);
    event["singleValueExtendedProperties"] = json!([{"id": name, "value": "uid-1@gw.example"}]);
    let id = client.book(FJORD, &event).await;
    client.book(FJORD, &meeting(4, 9, 10)).await;
    let filter = format!(
        "/users/{FJORD}/events?$filter=singleValueExtendedProperties/Any(ep: ep/id eq '{name}' and ep/value eq \
         'UID-1@gw.example')&$expand=singleValueExtendedProperties($filter=id eq '{name}')"
    );
    let (status, found) = client.get(&filter).await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(found["value"].as_array().unwrap().len(), 1);
    assert_eq!(found["value"][0]["id"], id.as_str());
    assert_eq!(found["value"][0]["singleValueExtendedProperties"], json!([{"id": name, "value": "uid-1@gw.example"}]));
    let (_, plain) = client.get(&format!("/users/{FJORD}/events/{id}")).await;
    assert!(plain["singleValueExtendedProperties"].is_null());
}

#[tokio::test]
async fn if_match_refuses_a_stale_tag_and_the_tag_moves_by_itself_after_a_create() {
    let client = Client::start().await;
    let (_, event) = client.post(&format!("/users/{FJORD}/events"), &meeting(3, 9, 10)).await;
    let target = format!("/users/{FJORD}/events/{}", event["id"].as_str().unwrap());
    let tag = event["@odata.etag"].as_str().unwrap();
    until(async || client.get(&target).await.1["@odata.etag"] != tag).await;
    let change = json!({"subject": "Ny"});
    let (status, body) = client.with("PATCH", &target, &[("If-Match", tag)], &change).await;
    assert_eq!((status, &body["error"]["code"]), (412, &json!("ErrorIrresolvableConflict")));
    let fresh = client.get(&target).await.1["@odata.etag"].as_str().unwrap().to_owned();
    assert_eq!(client.with("PATCH", &target, &[("If-Match", &fresh)], &change).await.0, 200);
    assert_eq!(client.delete(&target).await, 204);
    assert_eq!(client.get(&target).await.1["error"]["code"], "ErrorItemNotFound");
}

#[tokio::test]
async fn a_series_keeps_its_wall_clock_over_the_change_to_summer_time() {
    let client = Client::start().await;
    client.book(FJORD, &weekly(5)).await;
    let view = format!(
        "/users/{FJORD}/calendar/calendarView?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-05-01T00:00:00Z"
    );
    let (_, rows) = client.get(&view).await;
    let starts: Vec<&str> =
        rows["value"].as_array().unwrap().iter().map(|row| row["start"]["dateTime"].as_str().unwrap()).collect();
    assert_eq!(starts.len(), 5);
    assert_eq!(starts[3], "2026-03-23T17:00:00.0000000");
    assert_eq!(starts[4], "2026-03-30T16:00:00.0000000");
}

#[tokio::test]
async fn exceptions_and_cancelled_dates_show_on_the_master_and_a_new_pattern_drops_them() {
    let client = Client::start().await;
    let master = client.book(FJORD, &weekly(5)).await;
    let base = format!("/users/{FJORD}/events");
    let window = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-05-01T00:00:00Z";
    let (_, rows) = client.get(&format!("{base}/{master}/instances?{window}")).await;
    let id = |nth: usize| rows["value"][nth]["id"].as_str().unwrap().to_owned();
    let (status, moved) = client
        .patch(
            &format!("{base}/{}", id(1)),
            &json!({"subject": "Flyttet", "start": meeting(9, 19, 21)["start"], "end": meeting(9, 19, 21)["end"]}),
        )
        .await;
    assert_eq!((status, &moved["type"]), (200, &json!("exception")), "{moved}");
    assert_eq!(moved["originalStart"], "2026-03-09T17:00:00Z");
    assert_eq!(client.delete(&format!("{base}/{}", id(2))).await, 204);
    let crossing = json!({"start": meeting(30, 19, 21)["start"], "end": meeting(30, 19, 21)["end"]});
    let (status, refused) = client.patch(&format!("{base}/{}", id(3)), &crossing).await;
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("ErrorOccurrenceCrossingBoundary")));
    let bundle = format!(
        "{base}/{master}?$select=subject,recurrence,exceptionOccurrences,cancelledOccurrences&$expand=exceptionOccurrences"
    );
    let (_, shown) = client.get(&bundle).await;
    assert_eq!(shown["exceptionOccurrences"][0]["subject"], "Flyttet");
    assert_eq!(shown["cancelledOccurrences"], json!([format!("OID.{master}.2026-03-16")]));
    client.patch(&format!("{base}/{master}"), &json!({"subject": "Nytt navn"})).await;
    let (_, kept) = client.get(&bundle).await;
    assert_eq!(kept["exceptionOccurrences"][0]["subject"], "Flyttet");
    let mut daily = weekly(5)["recurrence"].clone();
    daily["pattern"] = json!({"type": "daily", "interval": 2});
    client.patch(&format!("{base}/{master}"), &json!({"recurrence": daily})).await;
    let (_, dropped) = client.get(&bundle).await;
    assert_eq!((&dropped["exceptionOccurrences"], &dropped["cancelledOccurrences"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn an_all_day_event_keeps_its_dates_and_must_last_whole_days() {
    let client = Client::start().await;
    let mut event = meeting(3, 0, 1);
    event["isAllDay"] = json!(true);
    assert_eq!(client.post(&format!("/users/{FJORD}/events"), &event).await.0, 400);
    event["end"] = meeting(4, 0, 1)["start"].clone();
    let id = client.book(FJORD, &event).await;
    let (_, shown) = client.get(&format!("/users/{FJORD}/events/{id}")).await;
    assert_eq!(shown["start"], json!({"dateTime": "2026-03-03T00:00:00.0000000", "timeZone": "UTC"}));
    assert_eq!(shown["end"]["dateTime"], "2026-03-04T00:00:00.0000000");
}

#[tokio::test]
async fn a_batch_answers_each_part_and_424_behind_a_failure() {
    let client = Client::start().await;
    let id = client.book(FJORD, &meeting(3, 9, 10)).await;
    let url = |id: &str| format!("/users/{FJORD}/events/{id}");
    let batch = json!({"requests": [
        {"id": "1", "method": "DELETE", "url": url(&id)},
        {"id": "2", "method": "GET", "url": url(&id), "dependsOn": ["1"]},
        {"id": "3", "method": "GET", "url": format!("/users/{FJORD}/events"), "dependsOn": ["2"]}]});
    let (status, body) = client.post("/$batch", &batch).await;
    assert_eq!(status, 200);
    let statuses: Vec<&Value> = body["responses"].as_array().unwrap().iter().map(|part| &part["status"]).collect();
    assert_eq!(statuses, [204, 404, 424]);
}

#[tokio::test]
async fn the_state_outlives_a_stop_without_warning() {
    let folder = tempfile::tempdir().unwrap();
    let first = Client::start_in(Some(folder.path().to_owned())).await;
    let id = first.book(FJORD, &meeting(3, 9, 10)).await;
    let second = Client::start_in(Some(folder.path().to_owned())).await;
    assert_eq!(second.get(&format!("/users/{FJORD}/events/{id}")).await.0, 200);
    first.sandbox.stop().await;
}

#[tokio::test]
async fn a_client_may_show_its_secret_in_the_authorization_header() {
    let client = Client::start().await;
    let address = format!("{}/{}/oauth2/v2.0/token", client.sandbox.login_url(), seed::TENANT_ID);
    let form =
        format!("grant_type=client_credentials&scope={}", percent_encode("https://graph.microsoft.com/.default"));
    let ask = async |secret: &str| {
        let pair = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!("{}:{}", seed::CLIENT_ID, percent_encode(secret)),
        );
        let headers = [("Authorization".to_owned(), format!("Basic {pair}"))];
        split(&call("POST", &address, &headers, form.as_bytes(), PATIENCE).await.unwrap())
    };
    let (status, answer) = ask(seed::CLIENT_SECRET).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["access_token"].is_string());
    assert_eq!(ask("wrong").await.0, 401);
}

#[tokio::test]
async fn a_mailbox_has_one_calendar_and_says_when_it_is_taken() {
    let client = Client::start().await;
    client.book(FJORD, &meeting(3, 10, 11)).await;
    let (_, calendars) = client.get(&format!("/users/{FJORD}/calendars")).await;
    let id = calendars["value"][0]["id"].as_str().unwrap().to_owned();
    let (status, events) = client.get(&format!("/users/{FJORD}/calendars/{id}/events")).await;
    assert_eq!((status, events["value"].as_array().unwrap().len()), (200, 1), "{events}");
    let time =
        |hour: u32| json!({"dateTime": format!("2026-03-03T{hour:02}:00:00"), "timeZone": "W. Europe Standard Time"});
    let ask = json!({"schedules": [FJORD], "startTime": time(9), "endTime": time(12), "availabilityViewInterval": 30});
    let (_, free) = client.post(&format!("/users/{FJORD}/calendar/getSchedule"), &ask).await;
    assert_eq!(free["value"][0]["availabilityView"], "002200", "{free}");
}
