//! Invitations and the booking attendant.

use super::*;

const KJERSTI: &str = "kjersti.haland@fjordby.example";

fn invitation(day: u32, from: u32, to: u32) -> Value {
    let mut event = meeting(day, from, to);
    event["sensitivity"] = json!("private");
    event["body"] = json!({"contentType": "text", "content": "Hemmelig"});
    event["attendees"] = json!([{"type": "resource", "emailAddress": {"address": FJORD, "name": "Møterom Fjord"}}]);
    event
}

async fn answer_of(client: &Client, id: &str) -> Value {
    let (_, event) = client.get(&format!("/users/{KJERSTI}/events/{id}")).await;
    event["attendees"][0]["status"]["response"].clone()
}

#[tokio::test]
async fn a_room_accepts_and_its_copy_says_who_and_not_what() {
    let client = Client::start().await;
    let id = client.book(KJERSTI, &invitation(3, 9, 10)).await;
    until(async || answer_of(&client, &id).await == "accepted").await;
    let (_, list) = client.get(&format!("/users/{FJORD}/events")).await;
    let copy = &list["value"][0];
    assert_eq!(copy["subject"], "Kjersti Håland");
    assert_eq!((&copy["bodyPreview"], &copy["sensitivity"]), (&json!(""), &json!("normal")));
    assert_eq!((&copy["isOrganizer"], &copy["responseStatus"]["response"]), (&json!(false), &json!("accepted")));
    let (_, own) = client.get(&format!("/users/{KJERSTI}/events/{id}")).await;
    assert_eq!(own["iCalUId"], copy["iCalUId"]);
    assert_ne!(own["id"], copy["id"]);
    let copy_id = copy["id"].as_str().unwrap();
    assert_eq!(client.post(&format!("/users/{FJORD}/events/{copy_id}/cancel"), &json!({})).await.0, 400);
}

#[tokio::test]
async fn a_taken_room_declines_while_a_direct_write_is_never_refused() {
    let client = Client::start().await;
    client.book(FJORD, &meeting(3, 9, 10)).await;
    client.book(FJORD, &meeting(3, 9, 10)).await;
    let id = client.book(KJERSTI, &invitation(3, 9, 11)).await;
    until(async || answer_of(&client, &id).await == "declined").await;
    let (_, list) = client.get(&format!("/users/{FJORD}/events")).await;
    assert_eq!(list["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_cancelled_meeting_stays_in_the_room_unless_the_policy_removes_it() {
    let client = Client::start().await;
    for (remove, left) in [(false, 1), (true, 1)] {
        let policy =
            json!({"remove_canceled_meetings": remove, "add_organizer_to_subject": false, "delete_subject": false});
        client.control("POST", &format!("/graph/rooms/{FJORD}/policy"), &policy).await;
        let id = client.book(KJERSTI, &invitation(3, 9, 10)).await;
        until(async || answer_of(&client, &id).await == "accepted").await;
        assert_eq!(client.post(&format!("/users/{KJERSTI}/events/{id}/cancel"), &json!({})).await.0, 202);
        let (_, list) = client.get(&format!("/users/{FJORD}/events")).await;
        let rows = list["value"].as_array().unwrap();
        assert_eq!(rows.len(), left);
        assert!(rows.iter().all(|row| row["isCancelled"] == true && row["subject"] == "Korøving"));
    }
}

#[tokio::test]
async fn a_room_that_declines_later_loses_its_copy_and_tells_the_organizer() {
    let client = Client::start().await;
    let id = client.book(KJERSTI, &invitation(3, 9, 10)).await;
    until(async || answer_of(&client, &id).await == "accepted").await;
    let (_, list) = client.get(&format!("/users/{FJORD}/events")).await;
    let copy = list["value"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        client.post(&format!("/users/{FJORD}/events/{copy}/decline"), &json!({"comment": "Stengt"})).await.0,
        202
    );
    assert_eq!(answer_of(&client, &id).await, "declined");
    assert_eq!(client.get(&format!("/users/{FJORD}/events/{copy}")).await.0, 404);
}

#[tokio::test]
async fn a_meeting_that_moves_or_drops_the_room_takes_the_rooms_copy_along() {
    let client = Client::start().await;
    let id = client.book(KJERSTI, &invitation(3, 9, 10)).await;
    until(async || answer_of(&client, &id).await == "accepted").await;
    let own = format!("/users/{KJERSTI}/events/{id}");
    let copy = async || client.get(&format!("/users/{FJORD}/events")).await.1["value"][0].clone();
    let moved = meeting(4, 12, 13);
    client.patch(&own, &json!({"start": moved["start"], "end": moved["end"]})).await;
    until(async || copy().await["start"]["dateTime"] == "2026-03-04T11:00:00.0000000").await;
    client.patch(&own, &json!({"attendees": []})).await;
    until(async || copy().await["isCancelled"] == true).await;
}
