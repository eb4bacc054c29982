//! The commands, the schedule of the server, and a store that speaks S3.

use crate::cli::Folder;
use age::secrecy::ExposeSecret as _;
use age::x25519::Identity;
use anteroom::config::{Environment, load};
use anteroom::server::Gateway;
use std::path::Path;
use std::time::Duration;

/// The public key of the examples in the manual of age; nobody here can read what is locked for it.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// A new pair of keys: the public one, and the file with the secret one.
fn keys(folder: &Folder) -> (String, String) {
    let identity = Identity::generate();
    let path = folder.path().join("backup.key");
    std::fs::write(&path, format!("# a key for a test\n{}\n", identity.to_string().expose_secret())).unwrap();
    (identity.to_public().to_string(), path.display().to_string())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[actix_web::test]
async fn a_backup_is_made_verified_and_put_back_into_an_empty_installation() {
    let old = Folder::new();
    old.done(&["room", "add", "Council hall"]).await;
    old.done(&["user", "add", "anna", "--write", "council-hall"]).await;
    let asked = old.run(&["backup", "--to", "x.gz"]).await;
    assert!(asked.code == 2 && asked.err.contains("--recipient"), "{}", asked.err);
    let ((public, secret), shelf) = (keys(&old), format!("{}/backups/", old.path().display()));
    std::fs::create_dir(&shelf).unwrap();
    let made = old.done(&["backup", "--to", &shelf, "--recipient", &public, "--keep", "1,0,0"]).await.out;
    assert!(made.contains(".gz.age: ") && names(Path::new(&shelf)).len() == 1, "{made}");
    let from = ["--from", &shelf, "--identity", &secret];
    let verified = old.done(&[&["verify-backup"], &from[..]].concat()).await.out;
    for part in ["1 tenants (default), 1 rooms", "every sum right", "secrets open"] {
        assert!(verified.contains(part), "{verified}");
    }
    let new = Folder::new();
    let keyless = new.run(&[&["restore"], &from[..]].concat()).await;
    assert!(keyless.code == 1 && keyless.err.contains("no master key"), "{}", keyless.err);
    std::fs::copy(old.path().join("data/master.key"), new.path().join("data/master.key")).unwrap();
    new.done(&[&["restore"], &from[..]].concat()).await;
    let users = new.done(&["user", "list", "--json"]).await.json();
    assert_eq!(users[0]["login"], old.done(&["user", "list", "--json"]).await.json()[0]["login"]);
    let full = new.run(&[&["restore"], &from[..]].concat()).await;
    assert!(full.code == 1 && full.err.contains("--replace"), "{}", full.err);
    for (more, says) in [(&["--replace"][..], "say --yes"), (&["--tenant", "default"], "say --yes")] {
        let asked = new.run(&[&["restore"], &from[..], more].concat()).await;
        assert!(asked.code == 1 && asked.err.contains(says), "{}", asked.err);
    }
    new.done(&[&["restore"], &from[..], &["--tenant", "default", "--yes"]].concat()).await;
    new.done(&[&["restore"], &from[..], &["--replace", "--yes"]].concat()).await;
    keys(&old);
    let closed = new.run(&[&["verify-backup"], &from[..]].concat()).await;
    assert!(closed.code == 1 && closed.err.contains("does not open"), "{}", closed.err);
}

#[actix_web::test]
async fn what_a_killed_backup_left_is_removed_by_the_next_one_and_nothing_else_is() {
    let folder = Folder::new();
    let ((public, _), shelf) = (keys(&folder), folder.path().join("backups"));
    std::fs::create_dir(&shelf).unwrap();
    let left = ".anteroom-20260302T080000Z.gz.age.part";
    let kept =
        [".anteroom-20260303T080000Z.gz.age.part", ".another-program.part", "anteroom-notes.part", ".anteroom-notes"];
    let long_ago = std::time::UNIX_EPOCH + Duration::from_hours(400_000);
    for name in [&[left], &kept[..]].concat() {
        let file = std::fs::File::create(shelf.join(name)).unwrap();
        if name != kept[0] {
            file.set_modified(long_ago).unwrap();
        }
    }
    folder.done(&["backup", "--to", &format!("{}/", shelf.display()), "--recipient", &public]).await;
    let there = names(&shelf);
    assert_eq!(there.len(), kept.len() + 1, "{there:?}");
    assert!(kept.iter().all(|name| there.iter().any(|one| one == name)), "{there:?}");
}

#[actix_web::test]
async fn everything_moves_by_one_command() {
    let old = Folder::new();
    old.done(&["room", "add", "Council hall"]).await;
    let place = |name: &str| format!("sqlite://{}", old.path().join(name).display());
    let moved = old.done(&["migrate", "--from", &place("data/anteroom.db"), "--to", &place("new.db")]).await.out;
    assert!(moved.contains("rooms: 1 rows, the same on both sides") && moved.contains("Set database.url"), "{moved}");
    let again = old.run(&["migrate", "--from", &place("data/anteroom.db"), "--to", &place("new.db")]).await;
    assert!(again.code == 1 && again.err.contains("not empty"), "{}", again.err);
    let nothing = old.run(&["migrate", "--from", &place("nowhere.db"), "--to", &place("other.db")]).await;
    assert!(nothing.code == 2 && nothing.err.contains("no database"), "{}", nothing.err);
}

#[actix_web::test]
async fn a_running_server_makes_backups_by_itself_and_not_more_often_than_asked() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = folder.path().join("shelf");
    std::fs::create_dir(&shelf).unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = {:?}\n[backup]\nto = {:?}\nrecipients = \"{RECIPIENT}\"\n",
        folder.path().join("data").display().to_string(),
        shelf.display().to_string()
    );
    for start in 0..2 {
        let config = load(&text, &Environment::default(), &|_| Ok(())).unwrap();
        let gateway = Gateway::start(config).await.unwrap();
        for _ in 0..100 {
            if start == 0 && names(&shelf).iter().any(|name| name.ends_with(".gz.age") && !name.starts_with('.')) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(if start == 0 { 100 } else { 10 })).await;
        }
        gateway.stop().await;
        let made = names(&shelf);
        assert!(made.len() == 1 && made[0].starts_with("anteroom-") && made[0].ends_with(".gz.age"), "{made:?}");
    }
}

/// Where a store speaks S3, as `conformance/s3.sh` starts one; it takes every key.
#[expect(clippy::disallowed_methods, reason = "which server to test against is a property of the machine")]
fn s3() -> Option<String> {
    let url = std::env::var("TEST_S3_URL").ok().filter(|url| !url.is_empty());
    let required = std::env::var("REQUIRE_S3").is_ok_and(|value| value == "1");
    assert!(url.is_some() || !required, "REQUIRE_S3=1, but TEST_S3_URL names no server");
    url
}

#[actix_web::test]
async fn a_bucket_keeps_backups_and_gives_them_back() {
    let Some(endpoint) = s3() else {
        println!("skipped: TEST_S3_URL is not set");
        return;
    };
    let folder = Folder::with(&format!(
        "[backup]\ns3_endpoint = \"{endpoint}\"\ns3_region = \"us-east-1\"\ns3_access_key = \"key\"\n\
         s3_secret_key = \"secret\"\n"
    ));
    folder.done(&["room", "add", "Council hall"]).await;
    let place = format!("s3://anteroom/{}/", uuid::Uuid::now_v7().simple());
    let (public, secret) = keys(&folder);
    let to = ["backup", "--to", &place, "--recipient", &public, "--keep", "1,0,0", "--json"];
    let first = folder.done(&to).await.json();
    // Names go by the second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let second = folder.done(&to).await.json();
    assert_eq!(second["removed"], serde_json::json!([first["name"]]), "one of each day is kept");
    let verified = folder.done(&["verify-backup", "--from", &place, "--identity", &secret]).await.out;
    assert!(verified.contains("1 rooms"), "{verified}");
    let one = format!("{place}{}", second["name"].as_str().unwrap());
    folder.done(&["restore", "--from", &one, "--identity", &secret, "--replace", "--yes"]).await;
    let gone = format!("{place}{}", first["name"].as_str().unwrap());
    let gone = folder.run(&["verify-backup", "--from", &gone, "--identity", &secret]).await;
    assert_eq!(gone.code, 1, "{}", gone.out);
    let left = names(&folder.path().join("data"));
    assert!(left.iter().all(|name| !name.contains(".gz")), "copies are left: {left:?}");
}
