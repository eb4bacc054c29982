//! Sign-in providers and sessions at the command line.

use super::Folder;

#[actix_web::test]
async fn a_provider_is_made_changed_looked_at_and_removed() {
    let folder = Folder::new();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "of the client\n").unwrap();
    let file = secret.to_str().unwrap();
    // Nobody listens on the port of discarded data.
    let issuer = "http://127.0.0.1:9/realms/city";
    let add = ["provider", "add", "idp", "--issuer", issuer, "--client-id", "anteroom", "--client-secret-file", file];
    let more = ["--role", "admins=tenant_admin", "--domain", "City.example", "--create"];
    let made = folder.done(&[&add[..], &more[..]].concat()).await.out;
    assert!(made.contains("/sign-in/callback") && !made.contains("of the client"), "{made}");
    let listed = folder.done(&["provider", "list", "--json"]).await.json();
    assert_eq!(listed[0]["settings"]["domains"][0], "city.example");
    assert_eq!(
        (listed[0]["has_secret"].as_bool(), listed[0]["settings"]["login_claim"].as_str()),
        (Some(true), Some("email"))
    );
    let moved = folder.run(&["provider", "change", "idp", "--issuer", "https://id.example.org"]).await;
    assert!(moved.code != 0 && moved.err.contains("client_secret"), "{}", moved.err);
    folder.done(&["provider", "change", "idp", "--label", "City ID"]).await;
    let listed = folder.done(&["provider", "list", "--json"]).await.json();
    assert_eq!(listed[0]["label"], "City ID");
    assert_eq!(listed[0]["settings"]["roles"]["admins"], "tenant_admin", "what is not named stays");
    let looked = folder.run(&["provider", "look", "idp"]).await;
    assert!(looked.code == 1 && looked.err.contains("does not answer"), "{}", looked.err);
    let strong = folder.run(&["provider", "change", "idp", "--role", "root=super_admin"]).await;
    assert!(strong.code != 0 && strong.err.contains("super_admin"), "{}", strong.err);
    assert_eq!(folder.done(&["session", "list", "--json"]).await.json(), serde_json::json!([]));
    assert!(folder.run(&["session", "end", "nothing"]).await.err.contains("there is no session"));
    folder.done(&["provider", "remove", "idp"]).await;
    assert!(folder.run(&["provider", "look", "idp"]).await.err.contains("there is no provider"));
}
