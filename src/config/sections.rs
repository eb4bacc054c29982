//! The sections of the configuration that are not limits.

use super::Secret;
use super::section::section;
use crate::model::DetailLevel;
use serde::Deserialize;
use serde::Serialize;
use std::path::PathBuf;

section! {
    /// Where the server listens and what it is called from outside.
    Server {
        /// Address and port to listen on. Behind a proxy leave it on loopback.
        listen: String = "127.0.0.1:8080".to_owned(),
        /// The address people and programs reach the server at, for links in feeds, pages and the REST description.
        /// Without it links are made from `listen`.
        public_url: Option<String> = None,
        /// Folder of the database, the master key and other files of the server.
        data_dir: PathBuf = PathBuf::from("./data"),
        /// Threads that answer requests; 0 means one for each core.
        workers: usize = 0,
        /// Seconds a stop waits for requests and syncs that have begun.
        shutdown_seconds: u64 = 20,
        /// Seconds before a stop in which `/ready` says no and requests are still taken, so that a load balancer sees it
        /// in time. Behind none 0.
        drain_seconds: u64 = 0,
    }
}

section! {
    /// Where everything is stored.
    Database {
        /// `sqlite://path` or `postgres://user:password@host/name`. Without it an SQLite file in `server.data_dir`.
        url: Option<Secret> = None,
        /// File that holds the URL, for secret mounts.
        url_file: Option<PathBuf> = None,
    }
}

section! {
    /// The master key everything secret is sealed with.
    MasterKey {
        /// The key as `base64:<32 bytes>`. Without it `master.key` in `server.data_dir`, made at the first start.
        master_key: Option<Secret> = None,
        /// File that holds the key or several, one `<key id> base64:<32 bytes>` a line; the last one seals.
        master_key_file: Option<PathBuf> = None,
        /// The PKCS#11 library of a security module, which then has the master key and never gives it away.
        pkcs11_module: Option<PathBuf> = None,
        /// Label of the token in it.
        pkcs11_token: String = "anteroom".to_owned(),
        /// Label of the AES-256 key in the token; made at the first start if it is not there.
        pkcs11_key: String = "anteroom".to_owned(),
        /// PIN of the user of the token.
        pkcs11_pin: Option<Secret> = None,
        /// File that holds the PIN.
        pkcs11_pin_file: Option<PathBuf> = None,
    }
}

section! {
    /// How people and programs prove who they are.
    Auth {
        /// Seconds a verified password is remembered, so that a syncing client does not pay for argon2 each time.
        cache_seconds: i64 = 300,
        /// Most verified passwords remembered.
        cache_capacity: usize = 10_000,
        /// Hours after which a browser that signed in by a provider has to do so again.
        session_hours: i64 = 12,
        /// Minutes after which a browser that asks for nothing is signed out.
        session_idle_minutes: i64 = 120,
        /// A key for the REST interface that may do everything in the tenant `default`.
        api_key: Option<Secret> = None,
        /// File that holds that key.
        api_key_file: Option<PathBuf> = None,
    }
}

section! {
    /// How rooms are kept in step with remote systems.
    Sync {
        /// Rooms that are pulled and pushed at once.
        workers: usize = 8,
        /// Milliseconds between two looks for what has become due, such as repetitions. What is new needs no look, also
        /// where another replica made it: PostgreSQL tells.
        look_ms: u64 = 500,
        /// Calls to remote systems that one tenant has under way at once, in each process.
        tenant_calls: usize = 16,
        /// Seconds between two pulls of a room without working notifications.
        poll_seconds: u64 = 60,
        /// Seconds between two pulls of a room whose notifications work.
        poll_notified_seconds: u64 = 900,
        /// Days before today that are kept in step.
        past_days: i64 = 30,
        /// Days from today on that are kept in step.
        future_days: i64 = 400,
        /// Hours between two complete comparisons of a room with its remote calendars; from 24 on they are made at night.
        compare_hours: u64 = 24,
        /// Seconds before the first repetition of a failed call; doubled each time.
        backoff_first_seconds: u64 = 1,
        /// Longest pause between two repetitions in seconds.
        backoff_most_seconds: u64 = 900,
        /// Seconds a worker owns a room before another may take over.
        lease_seconds: u64 = 120,
        /// The brake: removals planned in one run beyond this share of a calendar's bookings wait for a person.
        brake_percent: u8 = 20,
        /// The brake never holds fewer removals than this.
        brake_least: usize = 10,
    }
}

section! {
    /// Signed feeds for calendar programs that subscribe.
    Feed {
        /// Minutes after which clients are told to fetch again.
        refresh_minutes: u32 = 60,
        /// Days before today a new feed shows.
        past_days: i64 = 30,
        /// Days from today on a new feed shows.
        future_days: i64 = 400,
        /// What a new feed shows of a booking: `busy` or `full`.
        detail: DetailLevel = DetailLevel::Busy,
        /// Bytes of rendered feeds kept in memory, served when nothing changed or the store is busy.
        cache_bytes: usize = 64 << 20,
    }
}

section! {
    /// What the server tells about itself.
    Observe {
        /// `text` for people, `json` for log collectors.
        log: LogFormat = LogFormat::Text,
        /// Which events are logged: a level (`error`, `warn`, `info`, `debug`, `trace`) or a list such as
        /// `info,anteroom::sync=debug`.
        filter: String = "info".to_owned(),
        /// Whether `/metrics` is answered without credentials; otherwise it takes the role `system_monitor`.
        metrics: bool = true,
        /// A second address and port, e.g. `0.0.0.0:9090`, on which `/metrics`, `/health` and `/ready` are answered
        /// without credentials and nothing else is: for a collector on an inner network.
        metrics_listen: Option<String> = None,
    }
}

section! {
    /// Configuration profiles that set up an account on Apple devices.
    Profile {
        /// Who hands them out, as the device shows it. Without it the name of the server.
        organization: String = String::new(),
        /// PEM file with the certificate that profiles are signed with, and after it those that vouch for it. Without
        /// it profiles are not signed, and the device says so.
        certificate_file: Option<PathBuf> = None,
        /// PEM file with the key of that certificate, RSA or P-256.
        key_file: Option<PathBuf> = None,
    }
}

section! {
    /// Messages to clients when a room has changed, over their push services (WebDAV-Push).
    Push {
        /// Whether clients may register for messages; each goes to the push service that the client names.
        enabled: bool = true,
        /// How a push service reaches the operator of this server: an https or mailto URI. Without it
        /// `server.public_url`.
        contact: Option<String> = None,
        /// Whether push services may lie in private networks and be called without encryption, such as one of your own.
        private_networks: bool = false,
        /// Proxy for messages. It resolves the names of push services, and has to keep them out of your network.
        proxy: Option<String> = None,
        /// Shortest pause between two messages about one room to one client, in milliseconds.
        pause_ms: i64 = 2_000,
        /// Days after which a client has to register again.
        days: i64 = 30,
    }
}

section! {
    /// Backups that the server makes while it runs; of several replicas one does.
    Backup {
        /// Where they go: a folder, or `s3://bucket/prefix`. Without it the server makes none.
        to: Option<String> = None,
        /// Hours between two of them.
        every_hours: u64 = 24,
        /// Who can read them: public keys of age (`age1...`, made by `age-keygen`), separated by spaces. Without one no
        /// backup is made.
        recipients: String = String::new(),
        /// Of how many days the newest backup is kept.
        keep_daily: usize = 7,
        /// Of how many weeks.
        keep_weekly: usize = 4,
        /// Of how many months.
        keep_monthly: usize = 12,
        /// Address of a store that speaks S3; without it Amazon's. What is not said here is read from the variables
        /// `AWS_...`.
        s3_endpoint: Option<String> = None,
        /// Region of the bucket.
        s3_region: Option<String> = None,
        /// Name of the access key.
        s3_access_key: Option<String> = None,
        /// Its secret.
        s3_secret_key: Option<Secret> = None,
        /// File that holds the secret.
        s3_secret_key_file: Option<PathBuf> = None,
    }
}

impl Backup {
    /// Who can read the backups, one by one.
    pub fn recipients(&self) -> Vec<String> {
        let separated = self.recipients.split(|c: char| c == ',' || c.is_whitespace());
        separated.filter(|one| !one.is_empty()).map(str::to_owned).collect()
    }
}

section! {
    /// Notifications from remote systems.
    Webhooks {
        /// The address remote systems reach the server at; https, as Microsoft Graph demands. Without it no
        /// notifications are asked for and rooms are polled.
        base_url: Option<String> = None,
        /// Milliseconds between a notification and the pull it causes; some systems notify before they commit.
        settle_ms: i64 = 500,
    }
}

section! {
    /// What webhooks of the tenants are told: every delivery goes to the address that an administrator of the tenant named.
    Deliveries {
        /// Whether anything is sent. What happens meanwhile waits for as long as a failed delivery does.
        enabled: bool = true,
        /// Whether receivers may lie in private networks and be called without encryption, such as programs of your own.
        private_networks: bool = false,
        /// Proxy for deliveries. It resolves the names of receivers, and has to keep them out of your network.
        proxy: Option<String> = None,
        /// Seconds a receiver has to answer.
        timeout_seconds: u64 = 15,
        /// Hours for which a delivery that is not taken is sent again.
        retry_hours: i64 = 24,
        /// Hours of nothing but failure after which a webhook is disabled.
        give_up_hours: i64 = 72,
        /// Days for which it can be read what became of a delivery.
        keep_days: i64 = 7,
        /// Most webhooks of one tenant.
        webhooks: usize = 50,
    }
}

section! {
    /// From when on something that waits or fails is told as an alert.
    Alerts {
        /// Whether anything is looked for.
        enabled: bool = true,
        /// Seconds between two looks.
        every_seconds: u64 = 30,
        /// Minutes that a change at a remote side may wait to be taken over.
        unreconciled_minutes: i64 = 15,
        /// Minutes that a change here may wait to be sent.
        pending_minutes: i64 = 30,
        /// Most writes of a tenant that may wait.
        backlog: i64 = 1_000,
        /// Hours within which each calendar is read completely.
        complete_read_hours: i64 = 50,
        /// Most writes to one calendar that may be given up within a day.
        dead_letters: usize = 5,
        /// Hours before its deadline from which a conflict counts.
        conflict_hours: i64 = 4,
        /// Minutes that a calendar may be without notifications although a subscription was asked for.
        subscription_minutes: i64 = 120,
        /// Minutes that a webhook may take nothing.
        webhook_minutes: i64 = 60,
        /// Days before a client secret ends whose end is known, or an app password or API key.
        expiry_days: i64 = 30,
        /// The same from which it is critical.
        expiry_critical_days: i64 = 7,
        /// Minutes that a cause has to stay gone before its alert settles.
        settle_minutes: i64 = 5,
        /// Days for which settled alerts are kept.
        keep_days: i64 = 90,
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}
