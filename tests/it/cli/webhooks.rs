//! Webhooks and alerts at the command line.

use super::Folder;

#[actix_web::test]
async fn a_webhook_is_made_tested_paused_rotated_and_removed() {
    let folder = Folder::new();
    folder.done(&["room", "add", "Council hall"]).await;
    let add = ["webhook", "add", "https://hooks.example.org/a", "--kind", "booking.created", "--room", "council-hall"];
    let made = folder.done(&[&add[..], &["--json"]].concat()).await.json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert!(secret.starts_with("whsec_"), "{secret}");
    let listed = folder.done(&["webhook", "list"]).await.out;
    assert!(listed.contains("hooks.example.org") && listed.contains("active") && !listed.contains(secret), "{listed}");
    folder.done(&["webhook", "test", id]).await;
    let told = folder.done(&["webhook", "deliveries", id]).await.out;
    assert!(told.contains("webhook.test") && told.contains("pending"), "{told}");
    let none = folder.done(&["webhook", "resend", id, "--since", "2026-03-02T08:00:00Z"]).await.out;
    assert!(none.contains("0 deliveries are sent again"), "{none}");
    assert_eq!(folder.run(&["webhook", "resend", id]).await.code, 2, "one of them, or since when");
    folder.done(&["webhook", "pause", id]).await;
    assert_eq!(folder.run(&["webhook", "test", id]).await.code, 1);
    folder.done(&["webhook", "resume", id]).await;
    let rotated = folder.done(&["webhook", "rotate", id]).await.out;
    assert!(rotated.contains("whsec_") && !rotated.contains(secret), "{rotated}");
    folder.done(&["webhook", "remove", id]).await;
    let gone = folder.run(&["webhook", "deliveries", id]).await;
    assert!(gone.code == 1 && gone.err.contains("there is no webhook"), "{}", gone.err);
    let refused = folder.run(&["webhook", "add", "http://127.0.0.1/a"]).await;
    assert!(refused.code != 0 && refused.err.contains("url: "), "{}", refused.err);
}

#[actix_web::test]
async fn without_alerts_the_list_is_empty_and_a_strange_one_is_refused() {
    let folder = Folder::new();
    assert_eq!(folder.done(&["alert", "list", "--all", "--json"]).await.json(), serde_json::json!([]));
    let strange = folder.run(&["alert", "acknowledge", "nothing"]).await;
    assert!(strange.code == 1 && strange.err.contains("there is no alert"), "{}", strange.err);
}
