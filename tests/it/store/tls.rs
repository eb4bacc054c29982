//! TLS to the database: a real server with a certificate of its own, and what is said when something does not fit.

use anteroom::store::{Store, StoreError};
use sqlx::{Connection, Executor, PgConnection};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A server that speaks TLS as `localhost`, and the folder with its certificates.
struct Server {
    folder: TempDir,
    port: String,
}

fn run(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

/// An authority, and certificates that it signed: `openssl` makes them, as administrators do.
fn certificates(folder: &Path) {
    let openssl = |words: &str| run(Command::new("openssl").current_dir(folder).args(words.split(' ')));
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    std::fs::write(folder.join("server.ext"), "subjectAltName=DNS:localhost\n").unwrap();
    std::fs::write(folder.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    for authority in ["ca", "stranger"] {
        openssl(&format!("req -x509 {key} -days 2 -subj /CN={authority} -keyout {authority}.key -out {authority}.crt"));
    }
    for (name, subject) in [("server", "db"), ("client", "certified")] {
        openssl(&format!("req {key} -subj /CN={subject} -keyout {name}.key -out {name}.csr"));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile {name}.ext -out {name}.crt"
        ));
    }
}

fn script(folder: &Path, word: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("conformance/postgres.sh"));
    command.arg(word).env("PG_DIR", folder.join("pg")).env("PG_TLS", folder);
    command
}

impl Server {
    /// `None` where no `PostgreSQL` is at hand and none is asked for.
    fn start() -> Option<Self> {
        if crate::house::postgres_url().is_none() {
            println!("skipped: TEST_POSTGRES_URL is not set");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path());
        let url = run(&mut script(folder.path(), "start"));
        let port = url.split_once("127.0.0.1:").unwrap().1.split('/').next().unwrap().to_owned();
        Some(Self { folder, port })
    }

    fn url(&self, who: &str, parameters: &str) -> String {
        format!("postgres://{who}:{}/anteroom_test?{parameters}", self.port)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn open(&self, who: &str, parameters: &str) -> Result<Store, StoreError> {
        Store::open(&self.url(who, &parameters.replace("FOLDER", &self.folder.path().display().to_string()))).await
    }

    /// What is said where it does not open.
    async fn refusal(&self, who: &str, parameters: &str) -> String {
        match self.open(who, parameters).await {
            Ok(_) => panic!("{who} came in with {parameters}"),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        run(&mut script(self.folder.path(), "stop"));
    }
}

const ANTEROOM: &str = "anteroom@localhost";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_reached_over_tls_by_the_right_server_only() {
    let Some(server) = Server::start() else { return };
    for fine in [
        "sslmode=require",
        "sslmode=verify-full&sslrootcert=FOLDER/ca.crt",
        "sslmode=verify-ca&sslrootcert=FOLDER/ca.crt",
    ] {
        server.open(ANTEROOM, fine).await.unwrap().close().await;
    }
    let by_address = "anteroom@127.0.0.1";
    server.open(by_address, "sslmode=verify-ca&sslrootcert=FOLDER/ca.crt").await.unwrap().close().await;
    for (who, parameters, word) in [
        (by_address, "sslmode=verify-full&sslrootcert=FOLDER/ca.crt", "is not for \"127.0.0.1\""),
        (ANTEROOM, "sslmode=verify-full&sslrootcert=FOLDER/stranger.crt", "as sslrootcert"),
        (ANTEROOM, "sslmode=verify-ca&sslrootcert=FOLDER/stranger.crt", "as sslrootcert"),
        (ANTEROOM, "sslmode=verify-full", "as sslrootcert"),
        (ANTEROOM, "sslmode=verify-full&sslrootcert=FOLDER/nowhere.crt", "is not there"),
        (ANTEROOM, "sslmode=require&sslrootcert=FOLDER/ca.crt", "sslmode=verify-full"),
        (ANTEROOM, "ssl_mode=verify-full", "not known"),
        ("nobody@localhost", "sslmode=require", "nobody"),
    ] {
        let said = server.refusal(who, parameters).await;
        assert!(said.contains(word), "{parameters}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_opens_the_database() {
    let Some(server) = Server::start() else { return };
    let mut admin = PgConnection::connect(&server.url(ANTEROOM, "sslmode=require")).await.unwrap();
    admin.execute("CREATE ROLE certified LOGIN SUPERUSER").await.unwrap();
    admin.close().await.unwrap();
    let root = "sslmode=verify-full&sslrootcert=FOLDER/ca.crt";
    let with = format!("{root}&sslcert=FOLDER/client.crt&sslkey=FOLDER/client.key");
    let store = server.open("certified@localhost", &with).await.unwrap();
    // The connection that listens goes the same way.
    let listener = store.listener().unwrap();
    let (heard, mut says) = tokio::sync::mpsc::unbounded_channel();
    let ears = tokio::spawn(async move { listener.run(|one| heard.send(one).unwrap()).await });
    assert_eq!(says.recv().await, Some(anteroom::store::Heard::Connected));
    ears.abort();
    store.close().await;
    let said = server.refusal("certified@localhost", root).await;
    assert!(said.contains("certificate"), "{said}");
    let said = server.refusal("certified@localhost", "sslmode=disable").await;
    assert!(said.contains("pg_hba.conf"), "{said}");
    assert!(server.file("client.key").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let Some(url) = crate::house::postgres_url() else { return };
    let separator = if url.contains('?') { '&' } else { '?' };
    let error = Store::open(&format!("{url}{separator}sslmode=require")).await.err().unwrap().to_string();
    assert!(error.contains("offers no TLS"), "{error}");
}
