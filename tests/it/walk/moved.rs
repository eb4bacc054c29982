//! A house that moves: from SQLite to PostgreSQL with everything that others hold of it, and back to a backup while its
//! servers and everybody else go on.

use super::demo::{TURN, until};
use super::gateways::{Gateways, Plan, find};
use super::http::ask;
use super::quiet::{Picture, converged, look_everywhere, stays_quiet};
use super::replicas::on_postgres;
use super::town::{Room, SIDES, Seen, Side, Town, slot};
use crate::house::{Engine, House};
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};
use std::sync::PoisonError;
use std::time::Duration;

const CALM: Duration = Duration::from_mins(2);

/// Members that changed since the token, and the next one.
fn changed(town: &Town, room: &Room, token: &str) -> (Vec<String>, String) {
    let body = format!(
        "<sync-collection xmlns='DAV:'><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop>\
         </sync-collection>"
    );
    let answer = town.dav("REPORT", &format!("/dav/fjordby/rooms/{}/", room.slug), &[], &body).unwrap();
    assert_eq!(answer.status, 207, "{token}: {}", answer.text);
    let between = |text: &str, name: &str| {
        let rest = text.split_once(&format!("<D:{name}>")).unwrap().1;
        rest.split_once(&format!("</D:{name}>")).unwrap().0.to_owned()
    };
    let members = answer.text.split("<D:response>").skip(1).map(|one| between(one, "href")).collect();
    (members, between(&answer.text, "sync-token"))
}

/// A booking on each side of each room.
fn furnish(town: &Town, day: i64, word: &str) -> Vec<(Room, Seen)> {
    let mut made = Vec::new();
    for room in &town.rooms {
        for (hour, side) in (8..).zip(SIDES) {
            let what = slot(day, hour).titled(&format!("{word} {side:?} {}", room.slug));
            town.book(side, room, &what).unwrap().unwrap();
            made.push((room.clone(), what));
        }
    }
    made
}

fn is_in(picture: &Picture, made: &[(Room, Seen)]) {
    for (room, what) in made {
        assert_eq!(picture[&room.slug].iter().filter(|seen| *seen == what).count(), 1, "{what:?}: {picture:?}");
    }
}

#[test]
fn a_house_that_moves_to_postgresql_goes_on_where_it_was() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let Some(house) = runtime.block_on(House::on(Engine::Postgres)) else {
        println!("skipped: TEST_POSTGRES_URL is not set");
        return;
    };
    runtime.block_on(async {
        let mut target = PgConnection::connect(&house.url).await.unwrap();
        target.execute("DELETE FROM tenants").await.unwrap();
        target.close().await.unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let old = format!("sqlite://{}/anteroom.db", folder.path().display());
    let mut gateways = Gateways::start(&runtime, &old, Plan { poll_notified_seconds: 3_600, ..Plan::of(1, 2) });
    moves(&mut gateways, (&old, &house.url));
    gateways.stop(&runtime);
    runtime.block_on(house.leave());
}

fn moves(gateways: &mut Gateways, (old, new): (&str, &str)) {
    let town = gateways.towns[0].clone();
    let room = &town.rooms[0];
    converged(&town, CALM);
    let first = furnish(&town, 30, "Before");
    is_in(&converged(&town, CALM), &first);
    let feed: Value = serde_json::from_str(&gateways.run(&["feed", "add", &room.slug, "--detail", "full"])).unwrap();
    let feed = find(&feed, "url").unwrap();
    let (all, token) = changed(&town, room, "");
    let late = slot(30, 14).titled("Since the token");
    let href = town.book(Side::CalDav, room, &late).unwrap().unwrap();
    let before = converged(&town, CALM);
    let writes = town.remote_writes().unwrap();

    gateways.signal(0, "TERM");
    assert!(gateways.wait(0).success(), "{}", gateways.complaints());
    let moved: Value = serde_json::from_str(&gateways.run(&["migrate", "--from", old, "--to", new])).unwrap();
    println!("moved {} rows to PostgreSQL", moved["rows"]);
    gateways.lives_in(new);
    gateways.start_again(0);
    gateways.until_ready(0);
    look_everywhere(&town, CALM);
    let after = converged(&town, CALM);
    assert_eq!(after, before);
    stays_quiet(&town, &after, Duration::from_secs(5));
    assert_eq!(town.remote_writes().unwrap(), writes, "the move itself sends nothing");
    assert_eq!(changed(&town, room, &token).0, [href], "an old token answers what changed since, and no more: {all:?}");
    let shown = ask("GET", &feed, &[], "").unwrap();
    assert!(shown.status == 200 && shown.text.contains("SUMMARY:Since the token"), "{shown:?}");
    let second = furnish(&town, 40, "Afterwards");
    for (room, what) in &second {
        for side in SIDES {
            until(&format!("{what:?} on {side:?}"), CALM, || town.find(side, room, what).map(|_| ()));
        }
    }
    let whole = converged(&town, CALM);
    is_in(&whole, &first);
    is_in(&whole, &second);
    stays_quiet(&town, &whole, Duration::from_secs(3));
    gateways.verify();
}

/// What happened after the backup is known to the remote systems: it comes back from there, each booking once and by its mark.
#[test]
fn a_tenant_that_is_set_back_while_everything_runs_agrees_with_all_sides_again() {
    on_postgres(Plan::of(2, 2), |gateways, _| {
        let town = &gateways.towns[0];
        converged(town, CALM);
        let first = furnish(town, 30, "Before");
        converged(town, CALM);
        let shelf = gateways.folder().join("shelf");
        std::fs::create_dir(&shelf).unwrap();
        let phrase = gateways.folder().join("phrase");
        std::fs::write(&phrase, "five words that open backups\n").unwrap();
        let (shelf, phrase) = (format!("{}/", shelf.display()), phrase.display().to_string());
        gateways.run(&["backup", "--to", &shelf, "--passphrase-file", &phrase]);

        let second = furnish(town, 40, "Lost time");
        let (room, what) = &first[0];
        let id = town.find(Side::CalDav, room, what).unwrap();
        assert!(town.cancel(Side::CalDav, room, &id).unwrap().is_success());
        let (room, what) = &first[4];
        let renamed = what.titled("Renamed in the lost time");
        let id = town.find(Side::Graph, room, what).unwrap();
        assert!(town.change(Side::Graph, room, &id, &renamed).unwrap().is_success());
        until("the new name", CALM, || town.find(Side::CalDav, room, &renamed).map(|_| ()));
        let before = converged(town, CALM);

        gateways.run(&["restore", "--from", &shelf, "--passphrase-file", &phrase, "--yes"]);
        look_everywhere(town, CALM);
        let after = converged(town, CALM);
        assert_eq!(after, before, "what the remote systems know is what holds");
        is_in(&after, &second);
        stays_quiet(town, &after, Duration::from_secs(3));
        gateways.verify();
    });
}
