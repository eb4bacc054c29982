//! Backups and moves on both engines: what was written comes back, damage is found, and after a restore no booking is lost
//! or doubled on any of three sides.

mod commands;
mod drill;
mod rights;

use crate::house::{Engine, House, on_both};
use crate::sync::scene::{CALENDAR, Scene, event};
use anteroom::crypt::{Key, KeyProvider, KeyRing, Keys, LocalKeys, Lock, Opener};
use anteroom::manage::backup::{self, Target, Verified};
use anteroom::manage::keys::Vault;
use anteroom::manage::{ManageError, chain};
use anteroom::store::dump::{self, Row};
use anteroom::store::schema;
use anteroom::store::tenants::Tenant;
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who has the master key: its root is what scenes sign and seal with.
fn master() -> Arc<dyn KeyProvider> {
    Arc::new(LocalKeys::new("file", KeyRing::new("k1", Key::new([7; 32]))))
}

async fn keys(house: &House) -> Keys {
    Vault::new(house.store.clone(), master()).open(house.now()).await.unwrap()
}

/// Makes a backup that everybody can read; the folder goes with the first of what is answered.
async fn saved(house: &House, tenant: Option<&Tenant>) -> (tempfile::TempDir, PathBuf) {
    let keys = keys(house).await;
    chain::extend_all(&house.store, &keys.audit).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup.gz");
    let made = backup::make(&house.store, tenant, Lock::Open, &path, house.now()).await.unwrap();
    assert!(made.rows > 0 && made.bytes > 0, "{made:?}");
    (folder, path)
}

async fn verified(path: &Path) -> Verified {
    backup::verify(path, &Opener::default(), Some(&master())).await.unwrap()
}

async fn put_back(house: &House, path: &Path, target: Target) -> Result<backup::Restored, ManageError> {
    let acting = ("command-line", house.now());
    backup::restore(&house.store, &master(), (path, &Opener::default()), &target, acting).await
}

/// Every row of every table, in an order of its own.
async fn everything(house: &House) -> BTreeMap<&'static str, Vec<Row>> {
    let mut tx = house.read().await;
    let mut all = BTreeMap::new();
    for table in schema::tables() {
        let mut rows: Vec<Row> = dump::rows(&mut tx, table, None).unwrap().try_collect().await.unwrap();
        rows.sort_by_key(|row| serde_json::to_string(row).unwrap());
        all.insert(table.name.as_str(), rows);
    }
    all
}

/// What somebody with the database's password does.
async fn tamper(house: &House, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    if house.url.starts_with("postgres") {
        PgConnection::connect(&house.url).await.unwrap().execute(sqlx::raw_sql(sql)).await.unwrap();
    } else {
        SqliteConnection::connect(&house.url).await.unwrap().execute(sqlx::raw_sql(sql)).await.unwrap();
    }
}

/// A house with bookings on three sides, a series, a private one, and traces of all of it.
async fn filled(house: &House) -> Scene<'_> {
    let scene = Scene::new(house, 2).await;
    for day in 2..12 {
        scene.put(&event(&format!("a{day}"), &format!("Møte «{day}» \"\\ \u{1f4c5}"), day, 9)).await.unwrap();
        scene.remotes[0].bridge.book(CALENDAR, event(&format!("b{day}"), &format!("Choir {day}"), day, 12));
        scene.remotes[1].bridge.book(CALENDAR, event(&format!("c{day}"), &format!("Chess {day}"), day, 15));
    }
    scene.settle().await;
    scene.delete("a2").await.unwrap();
    scene.settle().await;
    assert_eq!(scene.titles().await.len(), 29);
    scene
}

/// A house on the other engine; `None` where there is none.
async fn other_engine(house: &House) -> Option<House> {
    let other = if house.url.starts_with("postgres") { Engine::Sqlite } else { Engine::Postgres };
    House::on(other).await
}

on_both!(a_backup_is_whole_and_says_what_is_in_it, |house| async {
    filled(house).await;
    let (_folder, path) = saved(house, None).await;
    let found = verified(&path).await;
    assert!(found.is_whole() && found.keys && found.sealed.values >= 2, "{found:?}");
    assert_eq!((found.tenants.as_slice(), found.head.tenant.as_deref()), (&["example".to_owned()][..], None));
    let rows = everything(house).await;
    let counted: BTreeMap<&str, u64> = found.tables.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
    assert_eq!(counted, rows.iter().map(|(name, rows)| (*name, rows.len() as u64)).collect());
    let entries = rows["audit"].len();
    assert_eq!(found.audit.iter().map(|chain| chain.entries).collect::<Vec<_>>(), [i64::try_from(entries).unwrap()]);
});

on_both!(the_schema_that_migrations_spell_is_the_schema_that_the_engine_has, |house| async {
    // A column that is missing here would be missing in every backup.
    let counts = if house.url.starts_with("postgres") {
        "SELECT table_name, COUNT(*) FROM information_schema.columns WHERE table_schema = current_schema()
            AND table_name NOT LIKE '\\_sqlx%' GROUP BY table_name"
    } else {
        "SELECT m.name, COUNT(*) FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'
            AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%' GROUP BY m.name"
    };
    let has: BTreeMap<String, i64> = if house.url.starts_with("postgres") {
        let mut connection = PgConnection::connect(&house.url).await.unwrap();
        sqlx::query_as(counts).fetch_all(&mut connection).await.unwrap().into_iter().collect()
    } else {
        let mut connection = SqliteConnection::connect(&house.url).await.unwrap();
        sqlx::query_as(counts).fetch_all(&mut connection).await.unwrap().into_iter().collect()
    };
    let read = schema::tables().iter().map(|table| (table.name.clone(), i64::try_from(table.columns.len()).unwrap()));
    assert_eq!(read.collect::<BTreeMap<_, _>>(), has);
});

on_both!(a_backup_shows_one_state_while_others_write, |house| async {
    let scene = filled(house).await;
    let save = async {
        for _ in 0..3 {
            let (_folder, path) = saved(house, None).await;
            let found = verified(&path).await;
            let count = |name: &str| found.tables.iter().find(|(table, _)| table == name).unwrap().1;
            // Each of these bookings has exactly one instance, made in the same transaction.
            assert_eq!(count("objects"), count("instances"));
            assert!(found.is_whole(), "{found:?}");
        }
    };
    let write = async {
        for day in 12..28 {
            scene.put(&event(&format!("w{day}"), "Meanwhile", day, 9)).await.unwrap();
        }
    };
    tokio::join!(save, write);
});

on_both!(what_was_changed_behind_the_programs_back_is_found_in_the_backup, |house| async {
    filled(house).await;
    let (_folder, path) = saved(house, None).await;
    let stranger: Arc<dyn KeyProvider> = Arc::new(LocalKeys::new("file", KeyRing::new("k1", Key::new([8; 32]))));
    let unknown = backup::verify(&path, &Opener::default(), Some(&stranger)).await.unwrap();
    assert!(!unknown.keys && unknown.audit.is_empty(), "another master key judges nothing");
    let (acting, nothing) = (("command-line", house.now()), Opener::default());
    let refused = backup::restore(&house.store, &stranger, (&path, &nothing), &Target::Everything, acting).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("put the master key back"), "{refused}");
    tamper(house, "UPDATE audit SET action = 'nothing' WHERE chain_no = 3").await;
    tamper(house, "UPDATE mappings SET cursor = 'v1.d1.AAAAAAAAAAAAAAAA.AAAA'").await;
    let (_folder, path) = saved(house, None).await;
    let found = verified(&path).await;
    assert_eq!(found.audit[0].broken.as_ref().map(|broken| broken.number), Some(3));
    assert!(found.sealed.refused == 2 && !found.is_whole(), "{found:?}");
});

on_both!(a_backup_of_one_engine_comes_back_on_the_other, |house| async {
    let Some(other) = other_engine(house).await else { return };
    filled(house).await;
    let before = everything(house).await;
    let (_folder, path) = saved(house, None).await;
    other.clock.advance_ms(house.now().ms() - other.now().ms());
    let full = put_back(&other, &path, Target::Empty).await.unwrap_err().to_string();
    assert!(full.contains("not empty") && full.contains("--replace"), "{full}");
    let done = put_back(&other, &path, Target::Everything).await.unwrap();
    assert_eq!(done.rows, done.backup.tables.iter().map(|(_, rows)| rows).sum::<u64>());
    let after = everything(&other).await;
    // These begin anew, or tell that.
    let anew = ["rooms", "mappings", "operations", "leases", "subscriptions", "audit", "audit_heads", "data_keys"];
    for (table, rows) in before.iter().filter(|(table, _)| !anew.contains(table)) {
        assert_eq!(rows, &after[table], "{table}");
    }
    assert!(before["objects"].len() == 29 && !before["links"].is_empty());
    chain::extend_all(&other.store, &keys(&other).await.audit).await.unwrap();
    let verdict = chain::verify(&mut other.read().await, &keys(&other).await.audit, house.tenant()).await.unwrap();
    assert!(verdict.whole && verdict.entries > i64::try_from(before["audit"].len()).unwrap(), "{verdict:?}");
    other.leave().await;
});

on_both!(everything_moves_to_the_other_engine_and_is_the_same_there, |house| async {
    let Some(other) = other_engine(house).await else { return };
    filled(house).await;
    keys(house).await;
    let full = backup::carry(&house.store, &other.store, |_| Ok(())).await.unwrap_err().to_string();
    assert!(full.contains("tenants has rows") && full.contains("not empty"), "{full}");
    tamper(&other, "DELETE FROM tenants").await;
    // A move that breaks off leaves nothing, and is begun again.
    let stop = |moved: &backup::Moved| match moved.table {
        "objects" => Err(ManageError::State { why: "the cable was pulled".to_owned() }),
        _ => Ok(()),
    };
    assert!(backup::carry(&house.store, &other.store, stop).await.is_err());
    assert!(everything(&other).await.values().all(Vec::is_empty));
    let moved = backup::carry(&house.store, &other.store, |_| Ok(())).await.unwrap();
    assert_eq!(everything(house).await, everything(&other).await);
    assert!(moved.iter().any(|one| one.table == "objects" && one.rows == 29), "{moved:?}");
    other.leave().await;
});
