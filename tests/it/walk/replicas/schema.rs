//! Replicas of two versions side by side: nobody is let in before the schema is up to date, and a program works on the
//! schema of a later version, which only has more.

use super::{CALM, on_postgres};
use crate::walk::demo::until;
use crate::walk::gateways::Plan;
use crate::walk::http::{Trouble, ask};
use crate::walk::quiet::converged;
use crate::walk::town::{Side, slot};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
}

#[test]
fn nobody_is_let_in_before_the_schema_is_up_to_date() {
    on_postgres(Plan::of(2, 1), |gateways, house| {
        gateways.kill(1);
        let runtime = runtime();
        let mut migrating = runtime.block_on(PgConnection::connect(&house.url)).unwrap();
        // As another replica does that changes the schema.
        let lock = "BEGIN; LOCK TABLE _sqlx_migrations IN ACCESS EXCLUSIVE MODE";
        runtime.block_on(execute(&mut migrating, lock));
        gateways.start_again(1);
        let ready = format!("{}/ready", gateways.towns[1].base);
        for _ in 0..30 {
            assert_eq!(ask("GET", &ready, &[], "").map(|answer| answer.status), Err(Trouble::NotSent));
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(gateways.is_ready(0), "the others go on");
        runtime.block_on(execute(&mut migrating, "COMMIT"));
        gateways.until_ready(1);
    });
}

#[test]
fn a_program_works_on_the_schema_of_a_later_version_and_starts_on_it() {
    on_postgres(Plan::of(2, 2), |gateways, house| {
        let town = &gateways.towns[0];
        converged(town, CALM);
        let runtime = runtime();
        let mut later = runtime.block_on(PgConnection::connect(&house.url)).unwrap();
        let mut sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (9000, 'later', TRUE, '', 0); CREATE TABLE later_things (id TEXT PRIMARY KEY);"
            .to_owned();
        for table in ["rooms", "objects", "instances", "changes", "links", "operations", "mappings", "audit", "leases"]
        {
            write!(
                sql,
                "ALTER TABLE {table} ADD COLUMN later_text TEXT NOT NULL DEFAULT '';
                ALTER TABLE {table} ADD COLUMN later_ms BIGINT;"
            )
            .unwrap();
        }
        runtime.block_on(execute(&mut later, &sql));
        // One that ran before goes on, and one that dies comes back.
        gateways.kill(1);
        gateways.start_again(1);
        gateways.until_ready(1);
        for (number, town) in gateways.towns.iter().enumerate() {
            let day = 30 + i64::try_from(number).unwrap();
            for (side, hour) in [(Side::CalDav, 8), (Side::Graph, 10), (Side::Booking, 12)] {
                let what = slot(day, hour).titled(&format!("Later {number} {side:?}"));
                town.book(side, &town.rooms[number], &what).unwrap().unwrap();
                for other in [Side::CalDav, Side::Graph, Side::Booking] {
                    let is_there = || town.find(other, &town.rooms[number], &what).map(|_| ());
                    until(&format!("{what:?} on {other:?}"), CALM, is_there);
                }
            }
        }
        assert!(gateways.complaints().contains("of a later version"), "{}", gateways.complaints());
        gateways.verify();
    });
}
