//! Passwords and keys at the command line: made with an end and a scope, listed with both, replaced, withdrawn.

use super::Folder;
use serde_json::json;

/// A room, and a service with a key; the key's id.
async fn billing(folder: &Folder) -> String {
    folder.done(&["room", "add", "Hall"]).await;
    let add = ["user", "add", "billing", "--service", "--role", "tenant_viewer", "--api-key", "--json"];
    let made = folder.done(&[&add[..], &["--read-only", "--expires-in-days", "365"]].concat()).await.json();
    assert_eq!(made["scope"], json!({ "read_only": true }));
    assert!(made["secret"].as_str().unwrap().starts_with(made["prefix"].as_str().unwrap()));
    made["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_key_is_made_with_its_terms_and_listed_with_them() {
    let folder = Folder::new();
    billing(&folder).await;
    folder.done(&["room-group", "add", "Halls", "--room", "hall"]).await;
    let only = ["--only", "hall", "--only", "group:halls", "--role", "tenant-viewer", "--expires-days", "30"];
    let told = folder.done(&[&["user", "password", "billing", "--label", "Display"], &only[..]].concat()).await.out;
    assert!(
        told.contains("Scope:    tenant_viewer at most; only hall, group:halls\n") && told.contains("Ends:     "),
        "{told}"
    );
    let listed = folder.done(&["user", "list", "billing"]).await.out;
    for shown in ["Prefix", "Scope", "read only", "only hall, group:halls", "active", "Display"] {
        assert!(listed.contains(shown), "{shown}: {listed}");
    }
    let services = folder.done(&["user", "list", "--kind", "service", "--json"]).await.json();
    assert_eq!((services.as_array().unwrap().len(), services[0]["login"].as_str()), (1, Some("billing")));
    assert_eq!(folder.done(&["user", "list", "--kind", "person", "--json"]).await.json(), json!([]));
    for wrong in [["--only", "nowhere"], ["--only", "group:nowhere"], ["--expires-in-days", "0"], ["--role", "king"]] {
        let said = folder.run(&[&["user", "password", "billing"], &wrong[..]].concat()).await;
        assert_ne!(said.code, 0, "{wrong:?}");
    }
}

#[actix_web::test]
async fn a_key_is_rotated_once_and_withdrawn() {
    let folder = Folder::new();
    let id = billing(&folder).await;
    let new = folder.done(&["user", "rotate", "billing", &id, "--overlap-hours", "48", "--json"]).await.json();
    assert_eq!((&new["kind"], &new["scope"]), (&json!("api_key"), &json!({ "read_only": true })));
    let twice = folder.run(&["user", "rotate", "billing", &id]).await;
    assert!(twice.code == 1 && twice.err.contains("already"), "{} {}", twice.code, twice.err);
    let listed = folder.done(&["user", "list", "billing", "--json"]).await.json();
    let states: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["rotated", "active"]);
    let new = new["id"].as_str().unwrap();
    folder.done(&["user", "rotate", "billing", new, "--overlap-hours", "0"]).await;
    folder.done(&["user", "revoke", "billing", &id]).await;
    let listed = folder.done(&["user", "list", "billing", "--json"]).await.json();
    let states: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["revoked", "expired", "active"]);
    assert_ne!(folder.run(&["user", "rotate", "billing", "nothing"]).await.code, 0);
    assert_ne!(folder.run(&["user", "rotate", "billing", new, "--overlap-hours", "721"]).await.code, 0);
}
