//! What reading costs, counted: statements, rows, and steps of the database's machine. For the same answer a room of
//! twenty times as many bookings costs no more, and no statement of a door walks through a table.
//!
//! Statements are heard from the log of the driver, which is the whole process's: such tests run in one of their own.

use super::corpus::runs_alone;
use super::scene::{IN_WEEK, LISTING, Scene, WEEK, between, sync_report, week_query};
use crate::house::{Engine, House};
use anteroom::config::Alerts;
use anteroom::store::objects;
use anteroom::sync::Watchman;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// One statement that was run.
#[derive(Clone, Debug, Default)]
struct Statement {
    sql: String,
    rows: u64,
}

static HEARD: Mutex<Vec<Statement>> = Mutex::new(Vec::new());

/// Listens to the driver.
struct Ear;

impl<S: tracing::Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut statement = Statement::default();
            event.record(&mut statement);
            HEARD.lock().unwrap().push(statement);
        }
    }
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Short statements are told in the summary alone.
        if field.name() == "db.statement" && !value.is_empty() || field.name() == "summary" && self.sql.is_empty() {
            value.trim().clone_into(&mut self.sql);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

fn listen() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Ear)).unwrap();
}

/// The answer to a request, and the statements that made it.
async fn ask(scene: &Scene, method: &str, path: &str, depth: &str, body: &str) -> (String, Vec<Statement>) {
    // Once before: the first request of a caller verifies a password.
    scene.send("PROPFIND", "/dav/t/", "0", "").await;
    // A statement is told when its last row was taken, which may be after the answer.
    tokio::time::sleep(Duration::from_millis(50)).await;
    HEARD.lock().unwrap().clear();
    let (status, answer) = scene.send(method, path, depth, body).await;
    assert!(matches!(status, 200..300), "{method} {path}: {status} {answer}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut heard = std::mem::take(&mut *HEARD.lock().unwrap());
    // What a connection says when it is opened.
    heard.retain(|statement| !statement.sql.starts_with("PRAGMA"));
    (answer, heard)
}

fn rows(statements: &[Statement]) -> u64 {
    statements.iter().map(|statement| statement.rows).sum()
}

/// How many rooms of what size are compared.
const SMALL: usize = 100;
const LARGE: usize = 2_000;

#[test]
fn reports_on_a_large_room_cost_what_they_cost_on_a_small_one() {
    runs_alone("safety::growth::reports");
}

#[actix_web::test]
#[ignore = "listens to its process, so it is run in one of its own"]
async fn reports() {
    listen();
    let scene = Scene::new().await;
    let (small, large) = (scene.room("small", SMALL).await, scene.room("large", LARGE).await);
    let mut token = Vec::new();
    for room in [&small, &large] {
        let path = format!("/dav/t/rooms/{}/", room.slug);
        let limited = sync_report("")
            .replace("</sync-level>", &format!("</sync-level><limit><nresults>{}</nresults></limit>", room.seq - 10));
        let (answer, _) = ask(&scene, "REPORT", &path, "0", &limited).await;
        token.push(between(&answer, "<D:sync-token>", "</D:sync-token>").to_owned());
    }
    for (what, depth, bodies, members) in [
        ("a week", "1", [week_query(), week_query()], IN_WEEK),
        ("what changed", "0", [sync_report(&token[0]), sync_report(&token[1])], 10),
    ] {
        let (few, cheap) = ask(&scene, "REPORT", "/dav/t/rooms/small/", depth, &bodies[0]).await;
        let (same, dear) = ask(&scene, "REPORT", "/dav/t/rooms/large/", depth, &bodies[1]).await;
        assert_eq!(few.matches("<D:response>").count(), members, "{what}: {few}");
        let plain = |answer: &str, slug: &str| answer.split("<D:sync-token>").next().unwrap().replace(slug, "room");
        assert_eq!(plain(&few, "small"), plain(&same, "large"), "{what}");
        assert_eq!(cheap.len(), dear.len(), "{what}: statements");
        assert_eq!(rows(&cheap), rows(&dear), "{what}: rows");
        // Each statement that reads of rooms, walked through again with steps counted.
        for statement in dear.iter().filter(|statement| reads_a_room(&statement.sql)) {
            let (least, most) = (
                steps(&scene, &statement.sql, &small.slug, small.seq - 10).await,
                steps(&scene, &statement.sql, &large.slug, large.seq - 10).await,
            );
            assert!(
                most < 2 * least + 200,
                "{what}: {least} steps in the small room, {most} in the large: {}",
                statement.sql
            );
        }
    }
}

fn reads_a_room(sql: &str) -> bool {
    ["FROM instances", "FROM changes", "FROM objects"].iter().any(|table| sql.contains(table))
}

/// How many steps the machine of `SQLite` takes for a statement on a room, asked for the week or from a change on.
async fn steps(scene: &Scene, sql: &str, slug: &str, since: i64) -> u64 {
    let mut connection = SqliteConnection::connect(&scene.url()).await.unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    connection.lock_handle().await.unwrap().set_progress_handler(1, move || {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    });
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind("tenant-1").bind(format!("id-{slug}"));
    query = if sql.contains("FROM changes") {
        query.bind(since).bind(10_001_i64)
    } else {
        let week = WEEK.plus_days(7).ms();
        query.bind(WEEK.ms()).bind(week).bind(WEEK.ms() - 3_600_000)
    };
    query.fetch_all(&mut connection).await.unwrap();
    count.load(Ordering::Relaxed)
}

#[test]
fn a_listing_takes_the_same_statements_however_many_there_are() {
    runs_alone("safety::growth::listings");
}

#[actix_web::test]
#[ignore = "listens to its process, so it is run in one of its own"]
async fn listings() {
    listen();
    let scene = Scene::new().await;
    scene.room("small", SMALL).await;
    scene.room("large", LARGE).await;
    let (answer, few) = ask(&scene, "PROPFIND", "/dav/t/rooms/small/", "1", LISTING).await;
    assert_eq!(answer.matches("<D:response>").count(), SMALL + 1);
    let (answer, many) = ask(&scene, "PROPFIND", "/dav/t/rooms/large/", "1", LISTING).await;
    assert_eq!(answer.matches("<D:response>").count(), LARGE + 1);
    assert_eq!(many.len(), few.len(), "{few:?} {many:?}");
    // What a driver costs for each row is paid once, and not for each member.
    assert_eq!(rows(&many), rows(&few), "{few:?} {many:?}");
    // A home: one statement reads the rooms, three or three hundred.
    scene.room("third", 1).await;
    let (_, few) = ask(&scene, "PROPFIND", "/dav/t/rooms/", "1", LISTING).await;
    for number in 3..300 {
        scene.room(&format!("room-{number}"), 0).await;
    }
    let (answer, many) = ask(&scene, "PROPFIND", "/dav/t/rooms/", "1", LISTING).await;
    assert_eq!(answer.matches("<D:response>").count(), 301);
    assert_eq!(many.len(), few.len());
    let of_rooms: Vec<_> = many.iter().filter(|statement| statement.sql.contains("FROM rooms")).collect();
    assert_eq!((of_rooms.len(), of_rooms[0].rows), (1, 300), "{of_rooms:?}");
}

/// A weekly series without end, an hour long.
fn series(uid: &str, (day, hour): (usize, usize)) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n\
         DTSTART:202603{:02}T{hour:02}0000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        day + 2
    )
}

#[test]
fn a_series_that_is_booked_reads_nothing_of_the_series_between_its_dates() {
    runs_alone("safety::growth::bookings");
}

#[actix_web::test]
#[ignore = "listens to its process, so it is run in one of its own"]
async fn bookings() {
    listen();
    let scene = Scene::new().await;
    // Both first: with a room that comes what is remembered of the others goes.
    scene.room("few", 0).await;
    scene.room("many", 0).await;
    for (slug, others) in [("few", 1), ("many", 60)] {
        for number in 0..others {
            let body = series(&format!("s{number}"), (number % 7, 6 + number / 7));
            let (status, answer) = scene.send("PUT", &format!("/dav/t/rooms/{slug}/s{number}.ics"), "0", &body).await;
            assert_eq!(status, 201, "{answer}");
        }
    }
    let (first, moved, taken) = (series("new", (3, 22)), series("new", (4, 22)), series("other", (4, 22)));
    for (what, name, body) in [("a new series", "new", &first), ("a series that moves", "new", &moved)] {
        let (_, cheap) = ask(&scene, "PUT", &format!("/dav/t/rooms/few/{name}.ics"), "0", body).await;
        let (_, dear) = ask(&scene, "PUT", &format!("/dav/t/rooms/many/{name}.ics"), "0", body).await;
        assert_eq!(cheap.len(), dear.len(), "{what}: statements");
        assert_eq!(rows(&cheap), rows(&dear), "{what}: rows");
    }
    let told = moved.replace("DURATION", "SUMMARY:Told anew\r\nDURATION");
    let (_, heard) = ask(&scene, "PUT", "/dav/t/rooms/many/new.ics", "0", &told).await;
    let writes: Vec<_> = heard.iter().filter(|one| !one.sql.starts_with("SELECT")).collect();
    assert!(!writes.iter().any(|one| one.sql.contains("instances")), "who corrects a text moves nothing: {writes:?}");
    let (status, answer) = scene.send("PUT", "/dav/t/rooms/many/other.ics", "0", &taken).await;
    assert_eq!((status, answer.contains("room-occupied")), (409, true), "{answer}");
}

/// What the door and the workers ask of tables that grow, each statement once.
async fn statements(scene: &Scene) -> BTreeSet<String> {
    let room = "/dav/t/rooms/small/";
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nBEGIN:VEVENT\r\nUID:new\r\nDTSTAMP:20260101T000000Z\r\n\
        DTSTART:20260401T100000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let multiget = "<c:calendar-multiget xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/></prop>\
        <href>/dav/t/rooms/small/b1.ics</href><href>/dav/t/rooms/small/b2.ics</href></c:calendar-multiget>";
    let free = "<c:free-busy-query xmlns:c='urn:ietf:params:xml:ns:caldav'><c:time-range start='20260302T000000Z' \
        end='20260309T000000Z'/></c:free-busy-query>";
    let object = format!("{room}new.ics");
    let mut all = Vec::new();
    for (method, path, depth, body) in [
        ("REPORT", room, "1", &week_query()[..]),
        ("REPORT", room, "0", &sync_report("")),
        ("REPORT", room, "1", multiget),
        ("REPORT", room, "1", free),
        ("PROPFIND", room, "1", LISTING),
        ("PROPFIND", "/dav/t/rooms/", "1", LISTING),
        ("PUT", &object, "0", event),
        ("PUT", &object, "0", &event.replace("COUNT=3", "COUNT=4")),
        ("GET", &object, "0", ""),
        ("DELETE", &object, "0", ""),
    ] {
        all.extend(ask(scene, method, path, depth, body).await.1);
    }
    objects::behind_horizon(&mut scene.store.begin_read().await.unwrap(), WEEK, 10).await.unwrap();
    all.extend(std::mem::take(&mut *HEARD.lock().unwrap()));
    let plain = all.into_iter().map(|statement| statement.sql);
    plain.filter(|sql| ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb))).collect()
}

#[test]
fn no_statement_of_a_door_walks_through_a_table_on_either_engine() {
    runs_alone("safety::growth::plans");
}

#[actix_web::test]
#[ignore = "listens to its process, so it is run in one of its own"]
async fn plans() {
    listen();
    let scene = Scene::new().await;
    scene.room("small", SMALL).await;
    let statements = statements(&scene).await;
    assert!(statements.len() > 20, "{statements:?}");
    let mut connection = SqliteConnection::connect(&scene.url()).await.unwrap();
    for sql in &statements {
        let rows = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).await.unwrap();
        for row in rows {
            let detail: String = row.get("detail");
            // What was found by another part of the statement is walked through.
            let own =
                ["SCAN found", "SCAN (subquery"].iter().any(|start| detail.starts_with(start)) || is_constant(&detail);
            assert!(!detail.starts_with("SCAN") || own, "{detail}: {sql}");
        }
    }
    let Some(house) = House::on(Engine::Postgres).await else {
        println!("1 engine only: TEST_POSTGRES_URL is not set");
        return;
    };
    let mut connection = PgConnection::connect(&house.url).await.unwrap();
    // Nothing is stored, so that walking would be cheapest: whether an index can answer is what is asked.
    connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan").await.unwrap();
    for (number, sql) in statements.iter().map(|sql| numbered(sql)).enumerate() {
        let prepared = connection.execute(AssertSqlSafe(format!("PREPARE s{number} AS {sql}"))).await;
        prepared.unwrap_or_else(|error| panic!("{error}: {sql}"));
        let binds = (1..100).take_while(|bind| sql.contains(&format!("${bind}"))).map(|_| "NULL").collect::<Vec<_>>();
        let call = if binds.is_empty() { String::new() } else { format!("({})", binds.join(", ")) };
        let rows = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN EXECUTE s{number}{call}"))).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(!plan.iter().any(|line| line.contains("Seq Scan")), "{plan:#?}: {sql}");
    }
    connection.close().await.unwrap();
    house.leave().await;
}

/// `SCAN CONSTANT ROW`, `SCAN 8 CONSTANT ROWS`: what a statement brings along.
fn is_constant(detail: &str) -> bool {
    detail.trim_end_matches('S').ends_with("CONSTANT ROW")
}

/// A statement made for one engine as the other one reads it: places of values have numbers.
fn numbered(sql: &str) -> String {
    let mut parts = sql.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.enumerate().fold(first, |text, (at, part)| format!("{text}${}{part}", at + 1))
}

#[test]
fn keeping_house_takes_the_same_statements_however_many_tenants_there_are() {
    runs_alone("safety::growth::tenants");
}

#[actix_web::test]
#[ignore = "listens to its process, so it is run in one of its own"]
async fn tenants() {
    listen();
    let house = House::new().await;
    let scene = crate::sync::scene::Scene::new(&house, 1).await;
    scene.settle().await;
    kept(&scene).await;
    let few = kept(&scene).await;
    assert!(few.len() > 10, "{few:#?}");
    for number in 0..40 {
        house.another_tenant(&format!("town-{number}")).await;
    }
    let many = kept(&scene).await;
    assert_eq!(few, many);
    let mut connection = SqliteConnection::connect(&house.url).await.unwrap();
    for sql in many.iter().filter(|sql| !sql.starts_with("BEGIN") && !sql.starts_with("COMMIT")) {
        for row in connection.fetch_all(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).await.unwrap() {
            let detail: String = row.get("detail");
            // As many as there are rooms; all else grows with what has ever happened.
            let few =
                ["tenants", "mappings", "m", "m USING", "subscriptions", "s", "bridges", "webhooks", "w", "secrets"];
            let walks = detail.strip_prefix("SCAN ").filter(|of| !detail.contains("INDEX") && !few.contains(of));
            assert!(walks.is_none(), "{detail}: {sql}");
        }
    }
    house.leave().await;
}

/// The statements of one round in which house is kept and somebody looks for what is amiss.
async fn kept(scene: &crate::sync::scene::Scene<'_>) -> Vec<String> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    HEARD.lock().unwrap().clear();
    scene.keep_house().await;
    Watchman { engine: scene.engine.clone(), terms: Alerts::default() }.look().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let heard = std::mem::take(&mut *HEARD.lock().unwrap()).into_iter().map(|statement| statement.sql);
    // What a connection says when it is opened.
    heard.filter(|sql| !sql.starts_with("PRAGMA")).collect()
}
