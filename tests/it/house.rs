//! The house that a test moves into: a fresh database on one engine, a clock that stands still, one tenant.
//!
//! `SQLite` lives in a file of a temporary folder, `PostgreSQL` in a schema of its own at `TEST_POSTGRES_URL`. Both are
//! removed when the test leaves, also when it fails.

use anteroom::model::{
    Clock, Features, ManualClock, PrincipalId, PrincipalKind, Privilege, Role, RoomId, RoomKind, TenantId, Timestamp,
    ZoneId,
};
use anteroom::store::principals::Principal;
use anteroom::store::rooms::Room;
use anteroom::store::tenants::Tenant;
use anteroom::store::{Store, StoreError, Tx, principals, rooms, tenants};
use futures_util::FutureExt;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tempfile::TempDir;

/// 2026-03-02T08:00:00Z, a Monday: when every test begins.
pub const START: Timestamp = Timestamp(1_772_438_400_000);

/// One hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// The database engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// What has to be removed when the test leaves.
enum Ground {
    Folder(TempDir),
    Schema { url: String, name: String },
}

/// A database, a clock and a tenant.
pub struct House {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    /// How to open the same database a second time, as another replica would.
    pub url: String,
    tenant: Tenant,
    ground: Ground,
}

/// Makes one case into two tests: `name::on_sqlite` and `name::on_postgres`.
macro_rules! on_both {
    ($name:ident, |$house:ident| async $body:block) => {
        async fn $name($house: &$crate::house::House) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                $crate::house::run($crate::house::Engine::Sqlite, super::$name).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                $crate::house::run($crate::house::Engine::Postgres, super::$name).await;
            }
        }
    };
}
pub(crate) use on_both;

/// Runs one case in a fresh house and tears the house down afterwards, whatever happened in it.
pub async fn run(engine: Engine, case: impl AsyncFnOnce(&House)) {
    let Some(house) = House::on(engine).await else {
        println!("skipped: TEST_POSTGRES_URL is not set");
        return;
    };
    let outcome = AssertUnwindSafe(case(&house)).catch_unwind().await;
    house.leave().await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

impl House {
    /// A house on `SQLite`, for tests that are not about the store.
    pub async fn new() -> Self {
        Self::on(Engine::Sqlite).await.unwrap()
    }

    /// A house on that engine; `None` when it is `PostgreSQL`, no server is named and none is required.
    pub async fn on(engine: Engine) -> Option<Self> {
        let (url, ground) = match engine {
            Engine::Sqlite => sqlite_ground(),
            Engine::Postgres => postgres_ground(&postgres_url()?).await,
        };
        Some(Self::at(url, ground).await)
    }

    async fn at(url: String, ground: Ground) -> Self {
        let store = Store::open(&url).await.unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let tenant = new_tenant("example", clock.now());
        let house = Self { store, clock, url, tenant, ground };
        house.write_one(async |tx| tenants::insert(tx, &house.tenant).await).await;
        house
    }

    /// A house whose `SQLite` file lies in memory where the machine has room for that: thousands of stories are told in
    /// one run, and none of them is about the disk.
    pub async fn for_simulation(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Sqlite => {
                let memory = std::path::Path::new("/dev/shm");
                let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
                let (url, ground) = sqlite_in(folder.unwrap());
                Some(Self::at(url, ground).await)
            }
            Engine::Postgres => Self::on(engine).await,
        }
    }

    /// Moves in again after everything was removed: as it was in the beginning, without the cost of building it.
    pub async fn move_in_again(&mut self) {
        self.clock = Arc::new(ManualClock::new(START));
        self.tenant = new_tenant("example", START);
        self.write_one(async |tx| tenants::insert(tx, &self.tenant).await).await;
    }

    /// The tenant that is there from the start.
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant.id
    }

    /// Its whole row.
    pub const fn tenant_row(&self) -> &Tenant {
        &self.tenant
    }

    /// One more tenant.
    pub async fn another_tenant(&self, key: &str) -> Tenant {
        let tenant = new_tenant(key, self.now());
        self.write_one(async |tx| tenants::insert(tx, &tenant).await).await;
        tenant
    }

    /// What time it is in the house.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A room of the tenant. `Council hall` gets the slug `council-hall`.
    pub async fn room(&self, name: &str) -> Room {
        let room = self.plan_room(name);
        self.write_one(async |tx| rooms::insert(tx, &room).await).await;
        room
    }

    /// A room that is not stored yet.
    pub fn plan_room(&self, name: &str) -> Room {
        Room {
            id: RoomId::fresh(),
            tenant_id: self.tenant().clone(),
            slug: name.to_lowercase().replace(' ', "-"),
            name: name.to_owned(),
            kind: RoomKind::Room,
            zone: self.tenant.zone.clone(),
            email: String::new(),
            description: String::new(),
            building: String::new(),
            capacity: Some(12),
            features: Features::default(),
            color: "#2a6f97".to_owned(),
            allow_overlaps: false,
            seq: 0,
            modified_ms: self.now(),
            longest_ms: 0,
            created_ms: self.now(),
        }
    }

    /// A person of the tenant who has that privilege in every room.
    pub async fn user(&self, login: &str, privilege: Privilege) -> Principal {
        let principal = self.plan_user(login, Role::Member);
        self.write_one(async |tx| {
            principals::insert(tx, &principal).await?;
            principals::grant(tx, self.tenant(), &principal.id, None, privilege).await
        })
        .await;
        principal
    }

    /// A person that is not stored yet and has no grant.
    pub fn plan_user(&self, login: &str, role: Role) -> Principal {
        Principal {
            id: PrincipalId::fresh(),
            tenant_id: self.tenant().clone(),
            login: login.to_owned(),
            display_name: login.to_owned(),
            email: format!("{login}@example.org"),
            kind: PrincipalKind::Person,
            role,
            disabled: false,
            created_ms: self.now(),
        }
    }

    /// A transaction that reads.
    pub async fn read(&self) -> Tx {
        self.store.begin_read().await.unwrap()
    }

    /// A transaction that writes.
    pub async fn write(&self) -> Tx {
        self.store.begin_write().await.unwrap()
    }

    /// Does something in a transaction of its own and commits it.
    pub async fn write_one<T>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>) -> T {
        self.try_write(work).await.unwrap()
    }

    /// Does something in a transaction of its own; a failure leaves no trace.
    pub async fn try_write<T>(
        &self,
        work: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut tx = self.write().await;
        let done = work(&mut tx).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Closes the database and removes it.
    pub async fn leave(self) {
        self.store.close().await;
        match self.ground {
            Ground::Folder(folder) => folder.close().unwrap(),
            Ground::Schema { url, name } => execute(&url, &format!("DROP SCHEMA {name} CASCADE")).await,
        }
    }
}

/// How many cases a long test takes: ten times as many under `make test-long`, which sets `ANTEROOM_TEST_SCALE`.
#[expect(clippy::disallowed_methods, reason = "how long a run may take is a property of the run")]
pub fn scaled(cases: usize) -> usize {
    let scale = std::env::var("ANTEROOM_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    cases * scale.unwrap_or(1).max(1)
}

fn new_tenant(key: &str, now: Timestamp) -> Tenant {
    Tenant::new(key, &format!("Town of {key}"), ZoneId::parse("Europe/Oslo").unwrap(), now)
}

fn sqlite_ground() -> (String, Ground) {
    sqlite_in(tempfile::tempdir().unwrap())
}

fn sqlite_in(folder: TempDir) -> (String, Ground) {
    let url = format!("sqlite:{}", folder.path().join("house.db").display());
    (url, Ground::Folder(folder))
}

async fn postgres_ground(server: &str) -> (String, Ground) {
    let name = format!("house_{}", uuid::Uuid::now_v7().simple());
    execute(server, &format!("CREATE SCHEMA {name}")).await;
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options=-csearch_path%3D{name}");
    (url, Ground::Schema { url: server.to_owned(), name })
}

async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
    connection.close().await.unwrap();
}

/// The server that tests run on.
#[expect(clippy::disallowed_methods, reason = "which server to test against is a property of the machine")]
pub fn postgres_url() -> Option<String> {
    let url = std::env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
    let required = std::env::var("REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
    assert!(url.is_some() || !required, "REQUIRE_POSTGRES=1, but TEST_POSTGRES_URL names no server");
    url
}

#[test]
#[should_panic(expected = "the case failed")]
fn a_case_that_fails_fails_its_test() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(Engine::Sqlite, async |_: &House| panic!("the case failed")));
}

#[tokio::test]
async fn a_house_leaves_nothing_behind() {
    let house = House::new().await;
    let Ground::Folder(folder) = &house.ground else { panic!("a house is built on SQLite unless told otherwise") };
    let path = folder.path().to_owned();
    assert!(path.join("house.db").exists());
    house.leave().await;
    assert!(!path.exists());
}
