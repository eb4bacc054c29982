//! The command line in process: its answers, its refusals, its exit codes.

mod operator;
mod pkcs11;
mod providers;
mod removal;
mod users;
mod webhooks;

use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;

/// What a command answered.
pub struct Said {
    pub code: u8,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// A folder with a configuration, in which commands are run.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self::with("")
    }

    pub fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let text = format!(
            "[server]\ndata_dir = {:?}\npublic_url = \"https://rooms.example\"\n{more}",
            data.display().to_string()
        );
        std::fs::write(folder.path().join("anteroom.toml"), text).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub async fn run(&self, arguments: &[&str]) -> Said {
        let config = self.path().join("anteroom.toml");
        let mut line: Vec<OsString> = vec!["anteroom".into()];
        line.extend(arguments.iter().map(OsString::from));
        line.extend(["--config".into(), config.into()]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = anteroom::cli::run(line, &mut out, &mut err).await;
        Said { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
    }

    pub async fn done(&self, arguments: &[&str]) -> Said {
        let said = self.run(arguments).await;
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        said
    }
}

#[actix_web::test]
async fn a_room_a_user_and_a_feed_are_made_from_nothing() {
    let folder = Folder::new();
    let room = folder.done(&["room", "add", "Council hall", "--capacity", "40", "--zone", "Europe/Oslo"]).await;
    assert_eq!(
        room.out,
        "Room council-hall is made; its calendar is https://rooms.example/dav/default/rooms/council-hall/\n"
    );
    let rooms = folder.done(&["room", "list", "--json"]).await.json();
    assert_eq!((rooms[0]["slug"].as_str(), rooms[0]["zone"].as_str()), (Some("council-hall"), Some("Europe/Oslo")));
    let user = folder.done(&["user", "add", "anna", "--write", "council-hall"]).await;
    assert!(user.out.contains("App password: ") && user.out.contains("https://rooms.example/dav/"), "{}", user.out);
    let feed = folder.done(&["feed", "add", "council-hall", "--json"]).await.json();
    let url = feed["url"].as_str().unwrap();
    assert!(url.starts_with("https://rooms.example/feeds/") && url.ends_with("/council-hall.ics"), "{url}");
    let table = folder.done(&["feed", "list"]).await.out;
    assert!(table.contains("Council hall") && table.contains("busy"), "{table}");
    let id = feed["id"].as_str().unwrap();
    assert_ne!(folder.done(&["feed", "rotate", id, "--json"]).await.json()["url"], feed["url"]);
    folder.done(&["feed", "revoke", id]).await;
    assert!(folder.done(&["feed", "list", "--json"]).await.json()[0]["revoked"].is_string());
}

#[actix_web::test]
async fn passwords_are_listed_by_id_and_withdrawn() {
    let folder = Folder::new();
    let made =
        folder.done(&["user", "add", "bot", "--service", "--role", "tenant_viewer", "--api-key", "--json"]).await;
    assert!(made.json()["secret"].as_str().unwrap().starts_with("ar_"));
    folder.done(&["user", "password", "bot", "--label", "second"]).await;
    let secrets = folder.done(&["user", "list", "bot", "--json"]).await.json();
    assert_eq!(secrets.as_array().unwrap().len(), 2);
    let id = secrets[1]["id"].as_str().unwrap();
    folder.done(&["user", "revoke", "bot", id]).await;
    assert_eq!(folder.run(&["user", "revoke", "bot", id]).await.code, 1);
    folder.done(&["user", "revoke", "bot", "--all"]).await;
    let users = folder.done(&["user", "list", "--json"]).await.json();
    assert_eq!((users[0]["disabled"].as_bool(), users[0]["role"].as_str()), (Some(true), Some("tenant_viewer")));
}

#[actix_web::test]
async fn a_mapping_is_made_held_released_synced_and_removed() {
    let folder = Folder::new();
    let secret = folder.path().join("key");
    std::fs::write(&secret, "hush-hush\n").unwrap();
    let secret = format!("api_key={}", secret.display());
    folder.done(&["room", "add", "Hall"]).await;
    let base = "base_url=https://booking.example";
    let bridge = ["bridge", "add", "booking", "--kind", "booking_generic", "--set", base, "--secret", &secret];
    folder.done(&bridge).await;
    let bridges = folder.done(&["bridge", "list"]).await.out;
    assert!(bridges.contains("sealed") && !bridges.contains("hush"), "{bridges}");
    let mapping = ["mapping", "add", "hall", "booking", "17", "--direction", "two-way", "--json"];
    let mapping = folder.done(&mapping).await.json();
    let id = mapping["id"].as_str().unwrap();
    assert_eq!(folder.run(&["mapping", "release", id]).await.code, 1);
    folder.done(&["mapping", "hold", id, "--reason", "moving house"]).await;
    assert!(folder.run(&["mapping", "sync", id]).await.err.contains("moving house"));
    folder.done(&["mapping", "release", id]).await;
    folder.done(&["mapping", "sync", id]).await;
    folder.done(&["mapping", "remove", id]).await;
    assert_eq!(folder.done(&["mapping", "list", "--json"]).await.json(), serde_json::json!([]));
    let database = std::fs::read(folder.path().join("data/anteroom.db")).unwrap();
    assert!(!database.windows(9).any(|bytes| bytes == b"hush-hush"), "the secret is in the database in clear");
}

#[actix_web::test]
async fn a_grant_is_given_and_taken_back() {
    let folder = Folder::new();
    folder.done(&["room", "add", "Hall"]).await;
    folder.done(&["user", "add", "anna"]).await;
    assert_eq!(folder.done(&["grant", "anna", "hall", "write"]).await.out, "anna has write in hall.\n");
    assert_eq!(folder.done(&["grant", "anna", "*", "read-free-busy"]).await.code, 0);
    assert!(folder.done(&["grant", "anna", "hall", "none"]).await.out.contains("no grant"));
    assert_eq!(folder.run(&["grant", "anna", "hall", "everything"]).await.code, 2);
}

#[actix_web::test]
async fn refusals_are_sentences_with_an_exit_code() {
    let folder = Folder::new();
    folder.done(&["room", "add", "Hall"]).await;
    for (arguments, code, says) in [
        (vec!["room", "add", "Hall"], 1, "there is a room hall already"),
        (vec!["room", "add", "Other", "--zone", "Mars"], 2, "zone: \"Mars\" is no time zone"),
        (vec!["feed", "add", "cellar"], 1, "there is no room \"cellar\""),
        (vec!["user", "add", "anna", "--role", "boss"], 2, "tenant_admin"),
        (vec!["user", "revoke", "anna"], 2, "Usage:"),
        (vec!["room", "list", "--tenant", "nowhere"], 1, "there is no tenant \"nowhere\""),
        (vec!["nonsense"], 2, "Usage:"),
    ] {
        let said = folder.run(&arguments).await;
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(says), "{arguments:?}: {}", said.err);
    }
}

#[actix_web::test]
async fn configurations_are_checked_and_every_problem_is_told() {
    let sound = Folder::new().run(&["check-config"]).await;
    assert_eq!(sound.code, 0, "{}", sound.err);
    assert!(sound.out.contains("https://rooms.example"), "{}", sound.out);
    let broken = Folder::with("[sync]\npoll_secnds = 5\n").run(&["check-config"]).await;
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("poll_secnds"), "{}", broken.err);
}

#[actix_web::test]
async fn every_command_has_help_with_an_example() {
    let folder = Folder::new();
    for command in [vec![], vec!["serve"], vec!["demo"], vec!["check-config"], vec!["health"], vec!["grant"]] {
        let help = folder.done(&[&command[..], &["--help"]].concat()).await.out;
        assert!(help.contains("Usage: anteroom"), "{help}");
    }
    for command in [["user", "add"], ["feed", "add"], ["room", "add"], ["bridge", "add"], ["mapping", "add"]] {
        let help = folder.done(&[&command[..], &["--help"]].concat()).await.out;
        assert!(help.contains("Example"), "{help}");
    }
}

#[actix_web::test]
async fn rules_and_closures_of_a_room_are_set_from_the_command_line() {
    let folder = Folder::new();
    folder.done(&["room", "add", "Council hall", "--zone", "Europe/Oslo"]).await;
    let none = folder.done(&["room", "rules", "council-hall"]).await.out;
    assert_eq!(none, "Always open; nothing is asked of bookings\n");
    let open = ["room", "rules", "council-hall", "--open", "mon-wed 08:00-16:00", "--buffer-after", "15"];
    folder.done(&open).await;
    let more = ["room", "rules", "council-hall", "--except", "2026-12-24 closed Christmas Eve", "--approval", "true"];
    let said = folder.done(&more).await.out;
    assert_eq!(
        said,
        "Open 08:00-16:00 on monday, tuesday, wednesday\nOn 2026-12-24 closed Christmas Eve\n\
         Minutes free after every booking: 15\nBookings wait for a confirmation\n"
    );
    let json = folder.done(&["room", "rules", "council-hall", "--always-open", "--buffer-after", "0", "--json"]).await;
    let json = json.json();
    assert_eq!((json["opening_hours"].as_array().unwrap().len(), json["buffer_after_minutes"].as_i64()), (0, Some(0)));
    let bad = folder.run(&["room", "rules", "council-hall", "--open", "monday"]).await;
    assert_eq!(bad.code, 2, "{}", bad.err);
    let closure = ["room", "close", "council-hall", "2199-07-01", "2199-07-14", "--reason", "New floor", "--json"];
    let closure = folder.done(&closure).await.json();
    assert_eq!(closure["end"], "2199-07-14T22:00:00Z");
    let table = folder.done(&["room", "closures", "council-hall"]).await.out;
    assert!(table.contains("New floor"), "{table}");
    folder.done(&["room", "open", "council-hall", closure["uid"].as_str().unwrap()]).await;
    assert!(!folder.done(&["room", "closures", "council-hall"]).await.out.contains("New floor"));
    assert!(folder.done(&["approval", "list"]).await.out.contains("Asked by"));
    assert_eq!(folder.run(&["approval", "confirm", "nothing"]).await.code, 1);
}

#[actix_web::test]
async fn d2_the_records_of_the_configured_server_are_printed_ready_to_paste() {
    let folder = Folder::new();
    let said = folder.done(&["dns", "--domain", "town.example", "--ttl", "600"]).await;
    let lines: Vec<&str> = said.out.lines().filter(|line| !line.starts_with(';')).collect();
    assert_eq!(
        lines,
        [
            "_caldavs._tcp.town.example. 600 IN SRV 0 1 443 rooms.example.",
            "_caldavs._tcp.town.example. 600 IN TXT \"path=/dav/\"",
            "_caldav._tcp.town.example. 600 IN SRV 0 0 0 .",
        ]
    );
    assert!(said.out.contains("return 301 https://rooms.example/dav/; }"), "{}", said.out);
    let json = folder.done(&["dns", "--url", "https://cal.other.example:8443", "--json"]).await.json();
    assert_eq!(json["records"][0]["data"], "0 1 8443 cal.other.example.");
    assert_eq!(json["well_known"], "https://cal.other.example:8443/dav/");
    let refused = folder.run(&["dns", "--url", "http://127.0.0.1:8080"]).await;
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--url https://rooms.example.org"), "{}", refused.err);
}

#[actix_web::test]
async fn what_to_type_is_said_and_a_profile_is_written() {
    let folder = Folder::new();
    folder.done(&["user", "add", "anna"]).await;
    let file = folder.path().join("anna.mobileconfig");
    let said = folder.done(&["setup", "anna", "--profile", file.to_str().unwrap()]).await;
    for part in ["https://rooms.example/dav/\n", "server rooms.example, port 443, SSL on", "/dav/profile.mobileconfig"]
    {
        assert!(said.out.contains(part), "{part} in {}", said.out);
    }
    let profile = std::fs::read_to_string(&file).unwrap();
    assert!(profile.contains("<string>/dav/default/principals/anna/</string>"), "{profile}");
    let json = folder.done(&["setup", "anna", "--json"]).await.json();
    assert_eq!(json["principal_url"], "https://rooms.example/dav/default/principals/anna/");
    assert_eq!(folder.run(&["setup", "nobody"]).await.code, 1);
}
