//! What is removed for good at the command line: it asks for the name once more, and takes with it what hangs on it.

use super::Folder;
use serde_json::json;

/// A room on a bridge, with a person who may book it.
async fn with_mapping() -> Folder {
    let folder = Folder::new();
    let secret = folder.path().join("key");
    std::fs::write(&secret, "hush-hush\n").unwrap();
    let secret = format!("api_key={}", secret.display());
    folder.done(&["room", "add", "Hall"]).await;
    folder.done(&["user", "add", "anna", "--write", "hall"]).await;
    let base = "base_url=https://booking.example";
    folder.done(&["bridge", "add", "booking", "--kind", "booking_generic", "--set", base, "--secret", &secret]).await;
    folder.done(&["mapping", "add", "hall", "booking", "17", "--direction", "two-way"]).await;
    folder
}

#[actix_web::test]
async fn a_room_goes_with_its_mappings_and_feeds_and_its_name_is_free_again() {
    let folder = with_mapping().await;
    folder.done(&["feed", "add", "hall"]).await;
    let unsure = folder.run(&["room", "remove", "hall", "--confirm", "attic"]).await;
    assert!(unsure.code != 0 && unsure.err.contains("confirm"), "{}", unsure.err);
    assert_ne!(folder.run(&["room", "remove", "hall"]).await.code, 0);
    let told = folder.done(&["room", "remove", "hall", "--confirm", "hall"]).await.out;
    assert_eq!(told, "Room hall is removed; copies at remote systems stay.\n");
    for list in ["room", "mapping"] {
        assert_eq!(folder.done(&[list, "list", "--json"]).await.json(), json!([]), "{list}");
    }
    assert!(folder.run(&["room", "remove", "hall", "--confirm", "hall"]).await.err.contains("there is no room"));
    folder.done(&["room", "add", "Hall"]).await;
}

#[actix_web::test]
async fn a_bridge_goes_with_its_mappings_and_its_room_stays() {
    let folder = with_mapping().await;
    assert_ne!(folder.run(&["bridge", "remove", "booking", "--confirm", "yes"]).await.code, 0);
    let told = folder.done(&["bridge", "remove", "booking", "--confirm", "booking"]).await.out;
    assert_eq!(told, "Bridge booking is removed; copies at remote systems stay.\n");
    for list in ["bridge", "mapping"] {
        assert_eq!(folder.done(&[list, "list", "--json"]).await.json(), json!([]), "{list}");
    }
    assert_eq!(folder.done(&["room", "list", "--json"]).await.json()[0]["slug"], "hall");
}

#[actix_web::test]
async fn a_tenant_goes_once_it_is_suspended_and_others_stay() {
    let folder = Folder::new();
    folder.done(&["room", "add", "Hall"]).await;
    folder.done(&["tenant", "add", "village", "--zone", "Europe/Oslo"]).await;
    folder.done(&["room", "add", "Barn", "--tenant", "village"]).await;
    folder.done(&["room-group", "add", "Barns", "--room", "barn", "--tenant", "village"]).await;
    folder.done(&["user", "add", "bert", "--tenant", "village"]).await;
    folder.done(&["grant", "bert", "group:barns", "write", "--tenant", "village"]).await;
    let remove = ["tenant", "remove", "village", "--confirm", "village"];
    let open = folder.run(&remove).await;
    assert!(open.code == 1 && open.err.contains("suspend"), "{}", open.err);
    folder.done(&["tenant", "suspend", "village", "--reason", "merged"]).await;
    assert_ne!(folder.run(&["tenant", "remove", "village", "--confirm", "default"]).await.code, 0);
    let told = folder.done(&remove).await.out;
    assert_eq!(told, "Tenant village is removed; copies at remote systems stay.\n");
    let left = folder.done(&["tenant", "list", "--json"]).await.json();
    assert_eq!((left.as_array().unwrap().len(), left[0]["key"].as_str()), (1, Some("default")));
    assert_eq!(folder.done(&["room", "list", "--json", "--tenant", "default"]).await.json()[0]["slug"], "hall");
}

#[actix_web::test]
async fn a_room_group_is_made_filled_granted_and_removed() {
    let folder = Folder::new();
    for room in ["Hall", "Attic"] {
        folder.done(&["room", "add", room]).await;
    }
    folder.done(&["user", "add", "anna"]).await;
    folder.done(&["room-group", "add", "Big halls", "--room", "hall"]).await;
    folder.done(&["room-group", "put", "big-halls", "attic"]).await;
    folder.done(&["room-group", "take", "big-halls", "hall"]).await;
    let listed = folder.done(&["room-group", "list", "--json"]).await.json();
    assert_eq!((&listed[0]["slug"], &listed[0]["rooms"]), (&json!("big-halls"), &json!(["attic"])));
    let granted = folder.done(&["grant", "anna", "group:big-halls", "write"]).await.out;
    assert_eq!(granted, "anna has write in group:big-halls.\n");
    assert!(folder.run(&["grant", "anna", "group:cellars", "write"]).await.err.contains("there is no room group"));
    folder.done(&["room-group", "remove", "big-halls"]).await;
    assert!(folder.run(&["room-group", "put", "big-halls", "hall"]).await.err.contains("there is no room group"));
}
