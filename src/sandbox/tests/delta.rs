//! Delta rounds.

use super::*;

const WINDOW: &str = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";

/// Reads a round to its delta link.
async fn round(client: &Client, start: &str) -> (Vec<Value>, String) {
    let mut rows = Vec::new();
    let mut next = start.to_owned();
    loop {
        let prefer = [("Prefer", "odata.maxpagesize=2, IdType=\"ImmutableId\"")];
        let (status, page) = client.with("GET", &next, &prefer, &Value::Null).await;
        assert_eq!(status, 200, "{page}");
        rows.extend(page["value"].as_array().unwrap().clone());
        match (page["@odata.nextLink"].as_str(), page["@odata.deltaLink"].as_str()) {
            (Some(link), None) => next = link.to_owned(),
            (None, Some(link)) => return (rows, link.to_owned()),
            both => panic!("one link is expected, not {both:?}"),
        }
    }
}

/// Waits until the change keys have moved on their own.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(600)).await;
}

#[tokio::test]
async fn a_round_brings_masters_minimal_occurrences_and_later_only_what_changed() {
    let client = Client::start().await;
    let master = client.book(FJORD, &weekly(4)).await;
    let single = client.book(FJORD, &meeting(3, 9, 10)).await;
    client.book(FJORD, &meeting(4, 9, 10)).await;
    settle().await;
    let (rows, link) = round(&client, &format!("/users/{FJORD}/calendarView/delta?{WINDOW}")).await;
    assert_eq!(rows.len(), 7);
    let occurrence = rows.iter().find(|row| row["type"] == "occurrence").unwrap().as_object().unwrap();
    let names: Vec<&str> = occurrence.keys().map(String::as_str).collect();
    assert_eq!(names, ["@odata.etag", "@odata.type", "end", "id", "seriesMasterId", "start", "type"]);
    assert_eq!(round(&client, &link).await.0, Vec::<Value>::new());
    client.delete(&format!("/users/{FJORD}/events/{single}")).await;
    let victim = occurrence["id"].as_str().unwrap();
    client.delete(&format!("/users/{FJORD}/events/{victim}")).await;
    let (rows, _) = round(&client, &link).await;
    let gone: Vec<&Value> = rows.iter().filter(|row| row["@removed"]["reason"] == "deleted").collect();
    assert_eq!(gone.iter().map(|row| row["id"].as_str().unwrap()).collect::<Vec<_>>(), [single.as_str()]);
    assert!(rows.iter().any(|row| row["id"] == master.as_str() && row["type"] == "seriesMaster"));
    assert_eq!(rows.iter().filter(|row| row["type"] == "occurrence").count(), 3);
    assert!(rows.iter().all(|row| row["id"] != victim), "no row announces the deleted occurrence");
}

#[tokio::test]
async fn an_event_that_leaves_the_window_is_announced_as_removed() {
    let client = Client::start().await;
    let id = client.book(FJORD, &meeting(3, 9, 10)).await;
    settle().await;
    let (_, link) = round(&client, &format!("/users/{FJORD}/calendarView/delta?{WINDOW}")).await;
    let later = json!({"start": {"dateTime": "2026-06-01T09:00:00", "timeZone": "UTC"},
                       "end": {"dateTime": "2026-06-01T10:00:00", "timeZone": "UTC"}});
    client.patch(&format!("/users/{FJORD}/events/{id}"), &later).await;
    let (rows, _) = round(&client, &link).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["@removed"]["reason"], "deleted");
    assert_eq!(client.get(&format!("/users/{FJORD}/events/{id}")).await.0, 200);
}

#[tokio::test]
async fn events_delta_has_no_occurrences_and_refuses_an_end() {
    let client = Client::start().await;
    client.book(FJORD, &weekly(4)).await;
    client.book(FJORD, &meeting(3, 9, 10)).await;
    let start = format!("/users/{FJORD}/events/delta?startDateTime=2026-03-01T00:00:00Z");
    let (rows, _) = round(&client, &start).await;
    let mut kinds: Vec<&str> = rows.iter().map(|row| row["type"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["seriesMaster", "singleInstance"]);
    assert_eq!(client.get(&format!("/users/{FJORD}/events/delta?{WINDOW}")).await.0, 400);
}

#[tokio::test]
async fn a_refused_cursor_is_410_once_and_a_foreign_one_is_invalid() {
    let client = Client::start().await;
    let (_, link) = round(&client, &format!("/users/{FJORD}/calendarView/delta?{WINDOW}")).await;
    client.control("PUT", "/faults", &json!({"graph": {"cursor_gone_next": 1}})).await;
    let (status, body) = client.get(&link).await;
    assert_eq!((status, &body["error"]["code"]), (410, &json!("syncStateNotFound")));
    assert_eq!(client.get(&link).await.0, 200);
    client.control("POST", "/graph/expire-cursors", &Value::Null).await;
    assert_eq!(client.get(&link).await.0, 410);
    let other = link.replace(FJORD, "kantina@fjordby.example");
    assert_eq!(client.get(&other).await.1["error"]["code"], "InvalidDeltaToken");
}
