//! What is removed for good at the command line: it asks for the name once more, and takes with it what hangs on it.

use super::Folder;
use anteroom::store::{Store, audit, tenants};
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

#[actix_web::test]
async fn what_would_go_is_told_and_stays_where_nobody_confirms() {
    let folder = with_mapping().await;
    folder.done(&["feed", "add", "hall"]).await;
    let told = folder.done(&["room", "remove", "hall", "--dry-run"]).await.out;
    assert!(told.starts_with("Room hall would be removed; with it: 1 rooms, 1 feeds, 1 mappings.\n"), "{told}");
    let told = folder.done(&["bridge", "remove", "booking", "--dry-run", "--copies", "purge"]).await.out;
    assert!(told.starts_with("Bridge booking would be removed; with it: 1 mappings, 1 bridges.\n"), "{told}");
    assert!(told.contains("would be removed where they are ours") && told.contains("Nothing was changed"), "{told}");
    let told = folder.done(&["tenant", "remove", "default", "--dry-run", "--json"]).await.json();
    assert_eq!((&told["rooms"], &told["mappings"], &told["principals"]), (&json!(1), &json!(1), &json!(1)));
    for (what, name) in [("room", "hall"), ("bridge", "booking"), ("tenant", "default")] {
        assert_eq!(folder.run(&[what, "remove", name]).await.code, 2, "{what}: neither confirmed nor asked");
        assert_eq!(folder.run(&[what, "remove", name, "--dry-run", "--confirm", name]).await.code, 2, "{what}: both");
        assert_eq!(folder.done(&[what, "list", "--json"]).await.json().as_array().unwrap().len(), 1, "{what}");
    }
}

#[actix_web::test]
async fn what_is_not_there_is_named_whatever_was_confirmed() {
    let folder = with_mapping().await;
    for what in ["room", "bridge", "tenant"] {
        for more in [&["--dry-run"][..], &["--confirm", "nowhere"], &["--confirm", "hall"]] {
            let said = folder.run(&[&[what, "remove", "nowhere"], more].concat()).await;
            let named = said.err.contains("there is no") && said.err.contains("nowhere");
            assert!(said.code != 0 && named, "{what} {more:?}: {} {}", said.code, said.err);
        }
    }
}

#[actix_web::test]
async fn the_audit_tells_what_was_removed_also_of_a_tenant_that_is_gone() {
    let folder = with_mapping().await;
    folder.done(&["room", "remove", "hall", "--confirm", "hall"]).await;
    folder.done(&["bridge", "remove", "booking", "--confirm", "booking"]).await;
    folder.done(&["tenant", "add", "village", "--zone", "Europe/Oslo"]).await;
    folder.done(&["tenant", "suspend", "village", "--reason", "merged"]).await;
    folder.done(&["tenant", "remove", "village", "--confirm", "village"]).await;
    let store = Store::open(&format!("sqlite:{}", folder.path().join("data/anteroom.db").display())).await.unwrap();
    let mut tx = store.begin_read().await.unwrap();
    let here = tenants::by_key(&mut tx, "default").await.unwrap().unwrap();
    let gone = tenants::removed(&mut tx).await.unwrap().remove(0);
    let mut acts = Vec::new();
    for tenant in [&here.id, &gone.id] {
        let entries = audit::latest(&mut tx, tenant, 100).await.unwrap();
        acts.extend(entries.into_iter().map(|entry| (entry.actor, entry.action)));
    }
    for action in ["room.remove", "bridge.remove", "mapping.remove", "tenant.suspend", "tenant.remove"] {
        assert!(acts.iter().any(|(actor, act)| actor == "command-line" && act == action), "{action}: {acts:?}");
    }
    assert!(gone.tenant_key.starts_with("village"), "{}", gone.tenant_key);
    drop(tx);
    store.close().await;
}
