//! What an operator types: conflicts, plans, approval, purge, verify, dead letters, stories.

use super::Folder;
use crate::bridge_contract::{event, generic, oslo, room, sandbox, timed};
use anteroom::bridge::{IdempotencyKey, RemoteCalendar, RemoteItem};
use anteroom::model::{
    Clock, ERA, Event, LinkId, LinkState, MappingId, Resolution, SystemClock, TimeRange, Timestamp, Uid,
};
use anteroom::sandbox::Sandbox;
use anteroom::sandbox::seed::town_hall;
use anteroom::store::conflicts::{self, Conflict, Opened};
use anteroom::store::links::{self, Link};
use anteroom::store::{Store, mappings, rooms, tenants};
use jiff::civil::Date;

/// A remote system that nobody answers for.
const NOBODY: &str = "base_url=http://127.0.0.1:9";

/// A room with a mapping whose remote system does not answer; the mapping's id.
async fn mapped(folder: &Folder, more: &[&str]) -> String {
    let secret = folder.path().join("key");
    std::fs::write(&secret, "hush-hush\n").unwrap();
    let secret = format!("api_key={}", secret.display());
    folder.done(&["room", "add", "Hall"]).await;
    folder.done(&["bridge", "add", "booking", "--kind", "booking_generic", "--set", NOBODY, "--secret", &secret]).await;
    let add = [&["mapping", "add", "hall", "booking", "17", "--json"], more].concat();
    folder.done(&add).await.json()["id"].as_str().unwrap().to_owned()
}

/// A conflict that nobody has decided.
async fn conflict(folder: &Folder) -> String {
    let database = folder.path().join("data/anteroom.db");
    let store = Store::open(&format!("sqlite:{}", database.display())).await.unwrap();
    let mut tx = store.begin_write().await.unwrap();
    let tenant = tenants::by_key(&mut tx, "default").await.unwrap().unwrap();
    let room = rooms::by_slug(&mut tx, &tenant.id, "hall").await.unwrap().unwrap();
    let now = Timestamp(1_772_438_400_000);
    let open: Conflict = Opened {
        room: (&tenant.id, &room.id),
        mapping: "",
        uid: &Uid("choir@example.org".to_owned()),
        kind: "slot_collision",
        sentence: "Choir and Chess want the hall at one time".to_owned(),
        versions: (String::new(), String::new()),
        proposal: Some((Resolution::KeepBothTentative, now.plus_ms(3_600_000))),
        standing: String::new(),
        now,
    }
    .into();
    conflicts::record(&mut tx, &open).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    open.id.to_string()
}

#[actix_web::test]
async fn a_conflict_is_listed_shown_and_decided_once() {
    let folder = Folder::new();
    folder.done(&["room", "add", "Hall"]).await;
    let id = conflict(&folder).await;
    let table = folder.done(&["conflict", "list"]).await.out;
    assert!(table.contains("Choir and Chess") && table.contains("keep_both_tentative"), "{table}");
    let shown = folder.done(&["conflict", "show", &id]).await.out;
    assert!(shown.contains("Unless somebody decides: keep_both_tentative at 2026-03-02T09:00:00Z"), "{shown}");
    assert!(shown.contains("keep_hub, keep_remote, keep_both_tentative, ignore"), "{shown}");
    assert_eq!(folder.run(&["conflict", "resolve", &id, "toss_a_coin"]).await.code, 2);
    let senseless = folder.run(&["conflict", "resolve", &id, "push_again"]).await;
    assert!(senseless.code == 2 && senseless.err.contains("makes no sense"), "{}", senseless.err);
    let decided = folder.done(&["conflict", "resolve", &id, "ignore"]).await.out;
    assert_eq!(decided, format!("Conflict {id} is decided: ignore.\n"));
    folder.done(&["conflict", "resolve", &id, "ignore"]).await;
    assert_eq!(folder.run(&["conflict", "resolve", &id, "keep_hub"]).await.code, 1);
    assert_eq!(folder.done(&["conflict", "list", "--json"]).await.json(), serde_json::json!([]));
    let all = folder.done(&["conflict", "list", "--all", "--json"]).await.json();
    assert_eq!((all[0]["state"].as_str(), all[0]["decided_by"].as_str()), (Some("resolved"), Some("command-line")));
    assert_eq!(folder.run(&["conflict", "show", "nothing"]).await.code, 1);
}

#[actix_web::test]
async fn a_first_contact_waits_and_is_approved_once() {
    let folder = Folder::new();
    let id = mapped(&folder, &["--approve"]).await;
    let status = folder.done(&["status"]).await.out;
    assert!(status.contains("awaiting_approval") && status.contains("booking"), "{status}");
    folder.done(&["mapping", "approve", &id]).await;
    let again = folder.run(&["mapping", "approve", &id]).await;
    assert_eq!(again.code, 1, "{}", again.out);
    assert_eq!(folder.done(&["status", "--json"]).await.json()[0]["status"], "waiting");
}

#[actix_web::test]
async fn what_cannot_be_read_is_neither_planned_nor_purged_nor_verified() {
    let folder = Folder::new();
    let id = mapped(&folder, &[]).await;
    assert_eq!(folder.run(&["plan", "hall"]).await.code, 1);
    assert_eq!(folder.run(&["plan", "attic"]).await.code, 1);
    assert_eq!(folder.run(&["purge", &id]).await.code, 1);
    assert_eq!(folder.run(&["purge", &id, "--confirm", "0", "--remove"]).await.code, 1);
    assert_eq!(folder.done(&["mapping", "list", "--json"]).await.json().as_array().unwrap().len(), 1);
    let report = folder.done(&["verify", "--json"]).await.json();
    assert_eq!((report["rooms"].as_i64(), report["skipped"].as_array().map(Vec::len)), (Some(1), Some(1)));
    assert!(folder.done(&["verify", "hall"]).await.out.contains("not looked at: hall"));
    assert_eq!(folder.run(&["verify", "attic"]).await.code, 1);
}

/// A room that is mapped to a simulated booking system; the mapping's id.
async fn mapped_to(folder: &Folder, sandbox: &Sandbox) -> String {
    let secret = folder.path().join("key");
    std::fs::write(&secret, town_hall().generic_api_key).unwrap();
    let (url, secret) = (format!("base_url={}", sandbox.booking_generic_url()), secret.display());
    let secret = format!("api_key={secret}");
    folder.done(&["room", "add", "Hall"]).await;
    folder.done(&["bridge", "add", "booking", "--kind", "booking_generic", "--set", &url, "--secret", &secret]).await;
    let add = ["mapping", "add", "hall", "booking", "fjell", "--projection", "all", "--json"];
    let mapping = folder.done(&add).await.json();
    assert_eq!(mapping["projection"], "all");
    mapping["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_plan_says_what_a_sync_would_do_and_nothing_is_done() {
    let (folder, sandbox) = (Folder::new(), sandbox().await);
    mapped_to(&folder, &sandbox).await;
    let day = tomorrow().to_string();
    folder.done(&["room", "close", "hall", &day, &day, "--reason", "New floor"]).await;
    for _ in 0..2 {
        let said = folder.done(&["plan", "hall"]).await.out;
        assert!(said.contains("remote: create \u{201c}New floor\u{201d}"), "{said}");
    }
    let plan = folder.done(&["plan", "hall", "--json"]).await.json();
    assert_eq!(plan[0]["steps"].as_array().map(Vec::len), Some(1), "{plan}");
    assert_eq!(generic(&sandbox).read_all(&fjell(), soon()).await.unwrap().items(), []);
}

#[actix_web::test]
async fn a_purge_lists_our_copies_then_removes_them_and_nothing_else() {
    let (folder, sandbox) = (Folder::new(), sandbox().await);
    let mapping = mapped_to(&folder, &sandbox).await;
    let bridge = generic(&sandbox);
    let at = |hour| tomorrow().at(hour, 0, 0, 0);
    let of = |uid: &str, hour| Event { when: timed(at(hour), at(hour + 1)), ..event(uid, uid) };
    let ours = bridge.create(&fjell(), &of("Ours", 10), &IdempotencyKey("key-1".to_owned())).await.unwrap();
    bridge.create(&fjell(), &of("Theirs", 12), &IdempotencyKey("key-2".to_owned())).await.unwrap();
    linked(&folder, &mapping, &ours).await;

    let listed = folder.done(&["purge", &mapping]).await.out;
    assert!(listed.contains("Ours") && !listed.contains("Theirs"), "{listed}");
    assert!(listed.contains("Say --confirm 1 to remove them."), "{listed}");
    let wrong = folder.run(&["purge", &mapping, "--confirm", "2"]).await;
    assert!(wrong.code == 1 && wrong.err.contains("there are 1 copies of ours, not 2"), "{}", wrong.err);
    let done = folder.done(&["purge", &mapping, "--confirm", "1", "--remove"]).await.out;
    assert_eq!(done, "1 copies were removed, 0 could not be.\n");
    let left = bridge.read_all(&fjell(), soon()).await.unwrap();
    let left: Vec<&str> = left.items().iter().map(|item| item.event.content.summary.as_str()).collect();
    assert_eq!(left, ["Theirs"]);
    assert_eq!(folder.done(&["mapping", "list", "--json"]).await.json(), serde_json::json!([]));
}

/// The link of a copy that the gateway has made.
async fn linked(folder: &Folder, mapping: &str, item: &RemoteItem) {
    let database = folder.path().join("data/anteroom.db");
    let store = Store::open(&format!("sqlite:{}", database.display())).await.unwrap();
    let mut tx = store.begin_write().await.unwrap();
    let tenant = tenants::by_key(&mut tx, "default").await.unwrap().unwrap();
    let link = Link {
        id: LinkId::fresh(),
        tenant_id: tenant.id,
        mapping_id: mapping.into(),
        uid: Uid("ours@example.org".to_owned()),
        part: String::new(),
        remote_id: Some(item.id.0.clone()),
        remote_version: None,
        create_key: "key-1".to_owned(),
        epoch: 1,
        base: serde_json::to_string(&item.event).unwrap(),
        sent: String::new(),
        echo: String::new(),
        state: LinkState::Linked,
        born: links::HUB.to_owned(),
        locked: String::new(),
        written_ms: Timestamp(0),
        created_ms: Timestamp(0),
    };
    links::put(&mut tx, &link).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
}

fn tomorrow() -> Date {
    oslo().wall(SystemClock.now().plus_days(1)).date()
}

fn soon() -> TimeRange {
    TimeRange::new(SystemClock.now().plus_days(-1), SystemClock.now().plus_days(3))
}

fn fjell() -> RemoteCalendar {
    room("fjell", "M\u{f8}terom Fjell")
}

#[actix_web::test]
async fn stories_and_dead_letters_are_told_or_refused_with_a_sentence() {
    let folder = Folder::new();
    mapped(&folder, &[]).await;
    let story = folder.done(&["explain", "hall"]).await.out;
    assert!(story.contains("hall") && story.contains("booking"), "{story}");
    let nothing = folder.run(&["explain", "nobody@example.org"]).await;
    assert!(nothing.code == 1 && nothing.err.contains("no trace of an event"), "{}", nothing.err);
    assert_eq!(folder.done(&["operation", "list", "--json"]).await.json(), serde_json::json!([]));
    assert_eq!(folder.done(&["operation", "dead-letters", "--json"]).await.json(), serde_json::json!([]));
    assert_eq!(folder.run(&["operation", "retry", "nothing"]).await.code, 1);
    assert_eq!(folder.run(&["operation", "list", "--state", "lost"]).await.code, 2);
}

#[actix_web::test]
async fn what_an_operator_may_type_has_examples() {
    let folder = Folder::new();
    let others = [vec!["explain"], vec!["plan"], vec!["purge"], vec!["verify"], vec!["restored"]];
    for command in others.into_iter().chain([vec!["conflict", "resolve"]]) {
        let help = folder.done(&[&command[..], &["--help"]].concat()).await.out;
        assert!(help.contains("Example"), "{help}");
    }
}

#[actix_web::test]
async fn f60_a_restored_database_begins_anew_when_the_operator_says_so() {
    let folder = Folder::new();
    let mapping = mapped(&folder, &[]).await;
    let asked = folder.run(&["restored"]).await;
    assert!(asked.code == 1 && asked.err.contains("--yes"), "{}", asked.err);
    let state = async || {
        let database = folder.path().join("data/anteroom.db");
        let store = Store::open(&format!("sqlite:{}", database.display())).await.unwrap();
        let mut tx = store.begin_write().await.unwrap();
        let tenant = tenants::by_key(&mut tx, "default").await.unwrap().unwrap();
        let room = rooms::by_slug(&mut tx, &tenant.id, "hall").await.unwrap().unwrap();
        let mapping = mappings::get(&mut tx, &tenant.id, &MappingId::from(mapping.as_str())).await.unwrap().unwrap();
        // As after a first read that was complete.
        let pulled = mappings::Pulled {
            cursor: "cursor",
            window: TimeRange::new(Timestamp(0), Timestamp(1)),
            complete: true,
            due: Timestamp(i64::MAX / 2),
            ended: Timestamp(1),
            began: Timestamp(1),
        };
        let before = (room.seq, mapping.cursor.clone(), mapping.completed_ms);
        mappings::pulled(&mut tx, &mapping, &pulled).await.unwrap();
        tx.commit().await.unwrap();
        store.close().await;
        before
    };
    state().await;
    assert_eq!(state().await, (0, "cursor".to_owned(), Some(Timestamp(1))), "asking does nothing");
    folder.done(&["restored", "--yes"]).await;
    let (seq, cursor, completed) = state().await;
    assert!(seq >= ERA && seq % ERA == 0, "{seq}");
    assert_eq!(
        (cursor, completed),
        (String::new(), None),
        "tokens, cursors and complete reads of before count no more"
    );
    let told = folder.done(&["explain", "hall", "--json"]).await;
    assert!(told.json().is_object(), "{}", told.out);
}
