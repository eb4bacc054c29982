//! The audit as a chain: whole under writers at once, and every way to change it is found; shortened by policy without
//! breaking; and what it costs the writers.

use crate::house::{HOUR_MS, House, on_both};
use anteroom::config::Limits;
use anteroom::crypt::Key;
use anteroom::manage::chain::{self, Verdict};
use anteroom::manage::retention::{self, Archives, Bounds, NewPolicy};
use anteroom::manage::{Acting, ManageError};
use anteroom::model::TenantId;
use anteroom::store::Store;
use anteroom::store::audit::{self, Entry};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::sync::LazyLock;

fn key() -> Key {
    Key::new([3; 32])
}

async fn append(store: &Store, house: &House, tenant: &TenantId, detail: &str) {
    let entry = Entry {
        tenant,
        at: house.now(),
        actor: "principal:anna",
        action: "object.update",
        room: None,
        uid: None,
        seq: 0,
        detail,
    };
    let mut tx = store.begin_write().await.unwrap();
    audit::append(&mut tx, &entry).await.unwrap();
    tx.commit().await.unwrap();
}

async fn verdict(house: &House) -> Verdict {
    chain::verify(&mut house.read().await, &key(), house.tenant()).await.unwrap()
}

/// What somebody with the database's password does.
async fn tamper(house: &House, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    if house.url.starts_with("postgres") {
        let mut connection = PgConnection::connect(&house.url).await.unwrap();
        connection.execute(sqlx::raw_sql(sql)).await.unwrap();
    } else {
        let mut connection = SqliteConnection::connect(&house.url).await.unwrap();
        connection.execute(sqlx::raw_sql(sql)).await.unwrap();
    }
}

on_both!(writers_and_chainers_at_once_keep_one_chain_without_a_gap, |house| async {
    let other = Store::open(&house.url).await.unwrap();
    let village = house.another_tenant("village").await.id;
    let write = async |store: &Store| {
        for number in 0..60 {
            append(store, house, house.tenant(), &format!("entry {number}")).await;
            append(store, house, &village, "elsewhere").await;
        }
    };
    let follow = async |store: &Store| {
        for _ in 0..15 {
            chain::extend_all(store, &key()).await.unwrap();
        }
    };
    tokio::join!(write(&house.store), write(&other), follow(&house.store), follow(&other));
    chain::extend_all(&house.store, &key()).await.unwrap();
    let told = verdict(house).await;
    assert_eq!((told.whole, told.entries, told.first, told.waiting), (true, 120, 1, 0), "{told:?}");
    assert!(chain::verify(&mut house.read().await, &key(), &village).await.unwrap().whole);
    other.close().await;
});

on_both!(whatever_is_changed_the_first_broken_entry_is_named, |house| async {
    for number in 0..6 {
        append(&house.store, house, house.tenant(), &format!("entry {number}")).await;
    }
    chain::extend_all(&house.store, &key()).await.unwrap();
    assert!(verdict(house).await.whole);
    let (of, tenant) = (house.tenant().clone(), house.tenant());
    for (what, sql, undo, at) in [
        (
            "a detail",
            "UPDATE audit SET detail = 'lie' WHERE chain_no = 3",
            "UPDATE audit SET detail = 'entry 2' WHERE chain_no = 3",
            3,
        ),
        (
            "an actor",
            "UPDATE audit SET actor = 'principal:eve' WHERE chain_no = 2",
            "UPDATE audit SET actor = 'principal:anna' WHERE chain_no = 2",
            2,
        ),
        (
            "an action",
            "UPDATE audit SET action = 'x' WHERE chain_no = 5",
            "UPDATE audit SET action = 'object.update' WHERE chain_no = 5",
            5,
        ),
        (
            "an erasure that was none",
            "UPDATE audit SET erased_ms = 1 WHERE chain_no = 4",
            "UPDATE audit SET erased_ms = NULL WHERE chain_no = 4",
            4,
        ),
        ("a shorter end", "UPDATE audit_heads SET last_no = 4", "UPDATE audit_heads SET last_no = 6", 0),
        ("a later beginning", "UPDATE audit_heads SET anchor_no = 2", "UPDATE audit_heads SET anchor_no = 0", 2),
        (
            "a moved entry",
            "UPDATE audit SET chain_no = 9 WHERE chain_no = 4",
            "UPDATE audit SET chain_no = 4 WHERE chain_no = 9",
            4,
        ),
    ] {
        tamper(house, sql).await;
        let told = verdict(house).await;
        assert_eq!((told.whole, told.broken.as_ref().map(|b| b.number)), (false, Some(at)), "{what}: {told:?}");
        tamper(house, undo).await;
        assert!(verdict(house).await.whole, "{what} is taken back");
    }
    let other = chain::verify(&mut house.read().await, &Key::new([4; 32]), tenant).await.unwrap();
    assert!(!other.whole, "without the key nobody makes a chain that holds");
    tamper(house, &format!("DELETE FROM audit WHERE tenant_id = '{of}' AND chain_no = 6")).await;
    let told = verdict(house).await;
    assert!(told.broken.unwrap().why.contains("had 6 entries"), "a cut end is found");
});

/// As far back as the reconciler looks where nobody says otherwise.
fn bounds() -> Bounds<'static> {
    static LIMITS: LazyLock<Limits> = LazyLock::new(Limits::default);
    Bounds { limits: &LIMITS, past_days: 30 }
}

on_both!(a_policy_shortens_the_audit_at_its_beginning_and_the_archive_has_what_went, |house| async {
    let folder = tempfile::tempdir().unwrap();
    let archives = Archives::new(folder.path(), &Key::new([5; 32]), &key());
    for number in 0..5 {
        append(&house.store, house, house.tenant(), &format!("old {number}")).await;
    }
    house.clock.advance_ms(31 * 24 * HOUR_MS);
    append(&house.store, house, house.tenant(), "young").await;
    let acting = Acting { tenant: house.tenant(), actor: "principal:root", now: house.now() };
    let mut tx = house.write().await;
    for (what, days) in [("audit", 29), ("audit", 0), ("gossip", 30)] {
        let new = NewPolicy { keep_days: days, archive: true };
        assert!(
            matches!(retention::set(&mut tx, &acting, what, &new).await, Err(ManageError::Invalid { .. })),
            "{what}"
        );
    }
    retention::set(&mut tx, &acting, "audit", &NewPolicy { keep_days: 30, archive: true }).await.unwrap();
    tx.commit().await.unwrap();
    let ended = retention::enforce(&house.store, &archives, house.tenant(), bounds(), house.now()).await.unwrap();
    assert_eq!(ended, [("audit".to_owned(), 5)]);
    chain::extend_all(&house.store, &key()).await.unwrap();
    let told = verdict(house).await;
    assert_eq!((told.whole, told.first, told.entries), (true, 6, 4), "young, policy, anchor, run: {told:?}");
    let kept = archives.read(house.tenant(), "audit").unwrap();
    let details: Vec<_> = kept.iter().map(|line| line["detail"].as_str().unwrap().to_owned()).collect();
    assert_eq!(details, ["old 0", "old 1", "old 2", "old 3", "old 4"]);
    let file = std::fs::read_dir(folder.path().join("archive")).unwrap().next().unwrap().unwrap().path();
    assert!(!std::fs::read_to_string(file).unwrap().contains("old 0"), "an archive is encrypted");
    assert_eq!(retention::enforce(&house.store, &archives, house.tenant(), bounds(), house.now()).await.unwrap(), []);
    tamper(house, "UPDATE audit SET detail = 'lie' WHERE chain_no = 6").await;
    house.clock.advance_ms(60 * 24 * HOUR_MS);
    let refused = retention::enforce(&house.store, &archives, house.tenant(), bounds(), house.now()).await;
    assert!(matches!(refused, Err(ManageError::State { .. })), "what is broken is not shortened");
});

/// Measures what the chain costs those who write: 400 entries by eight writers, with a chainer beside them and without.
async fn cost(house: &House) {
    let store = &house.store;
    let round = async |chained: bool| {
        let began = tokio::time::Instant::now();
        let writers = (0..8).map(|_| async {
            for _ in 0..50 {
                append(store, house, house.tenant(), "a change").await;
            }
        });
        let chainer = async {
            while chained && began.elapsed().as_millis() < 300 {
                chain::extend_all(store, &key()).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        let done = async {
            futures_util::future::join_all(writers).await;
            began.elapsed()
        };
        tokio::join!(done, chainer).0
    };
    let (alone, beside) = (round(false).await, round(true).await);
    println!("400 entries by 8 writers: {alone:?} alone, {beside:?} beside a chainer");
    assert!(beside < alone * 10 + std::time::Duration::from_secs(5), "{alone:?} alone, {beside:?} beside a chainer");
    chain::extend_all(store, &key()).await.unwrap();
    assert_eq!(verdict(house).await.entries, 800);
}

on_both!(a_chainer_beside_them_does_not_hold_writers_up, |house| async { cost(house).await });
