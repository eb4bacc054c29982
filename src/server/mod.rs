//! Floor 6: the assembly. Opens the store, makes what the configuration declares, starts the reconciler, mounts the
//! doors, and stops all of it in good order.

mod address;
mod backups;
mod bootstrap;
mod compress;
mod demo;
mod doors;
mod ears;
mod keeper;
mod refusals;
mod source;
mod watch;

pub use bootstrap::judge_bridge;
pub use demo::{Demo, DemoOptions};
pub(crate) use source::bridge_source;

use address::Address;
use backups::Backups;
pub(crate) use backups::s3;
use doors::Doors;
use ears::{Ears, Sleepers};
use keeper::Keeper;
use refusals::Refusals;

use crate::bridge::oidc::Issuers;
use crate::bridge::shelf::Shelf;
use crate::bridge::webhook::WebhookSender;
use crate::bridge::webpush::PushSender;
use crate::config::Config;
use crate::crypt;
use crate::crypt::CryptError;
use crate::crypt::KeyProvider;
use crate::crypt::Keys;
use crate::crypt::LocalKeys;
use crate::crypt::Secret;
use crate::crypt::VerifiedCache;
use crate::crypt::pkcs11;
use crate::manage;
use crate::manage::Federation;
use crate::manage::ManageError;
use crate::manage::SignIn;
use crate::manage::keys::Vault;
use crate::manage::retention::Archives;
use crate::model::BridgeKind;
use crate::model::Clock;
use crate::model::SystemClock;
use crate::observe::Metrics;
use crate::sandbox::SandboxError;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::tenants;
use crate::sync::{Announcer, BridgeSource, Courier, Engine, Nudge, Settings, Watchman, Worker};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; stop what uses the port, or set {key}")]
    Listen {
        /// The address.
        address: String,
        /// Where the configuration says so.
        key: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The data folder cannot be used.
    #[error("cannot use the data folder {path}: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A declared time zone does not exist.
    #[error("there is no time zone {0:?}")]
    Zone(String),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] CryptError),
    /// The database.
    #[error("cannot open the database: {0}")]
    Store(#[from] StoreError),
    /// Something that is declared cannot be made.
    #[error("cannot make what the configuration declares: {0}")]
    Declared(#[from] ManageError),
    /// A declared bridge has the name of one that is of another kind.
    #[error(
        "the bridge {name} is of kind {stored:?} already and cannot become {declared:?}; give the declared one another name"
    )]
    BridgeKind {
        /// Its name.
        name: String,
        /// The kind it has.
        stored: BridgeKind,
        /// The kind the configuration declares.
        declared: BridgeKind,
    },
    /// The sandbox of a demonstration.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The client of webhooks.
    #[error("cannot send to webhooks: {0}; correct [deliveries], or set deliveries.enabled to false")]
    Deliveries(String),
    /// The client of push services.
    #[error("cannot send push messages: {0}; correct [push], or set push.enabled to false")]
    Push(String),
    /// The web server.
    #[error("the web server does not start: {0}")]
    Web(#[source] std::io::Error),
    /// What was printed cannot be written.
    #[error("cannot print: {0}")]
    Print(#[source] std::io::Error),
}

/// A running gateway.
pub struct Gateway {
    address: SocketAddr,
    store: Store,
    keys: Arc<Keys>,
    nudge: Nudge,
    leaving: Leaving,
    /// How long requests are still taken after the end was announced.
    drain: Duration,
    webs: Vec<(actix_web::dev::ServerHandle, JoinHandle<std::io::Result<()>>)>,
    worker_task: JoinHandle<()>,
    stop_worker: oneshot::Sender<()>,
    /// What tells others of changes, and what keeps order beside the reconciler.
    aside: Vec<Beside>,
}

impl Gateway {
    /// Starts everything the configuration asks for.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        let address = Address::take(&config.server.listen, "server.listen")?;
        Box::pin(Self::start_on(config, address)).await
    }

    /// Starts on an address that is taken already, so that it could be written into the configuration. Nobody is let in
    /// before the database is up to date and everything that is declared exists.
    async fn start_on(config: Config, address: Address) -> Result<Self, ServerError> {
        let inner = config.observe.metrics_listen.as_deref();
        let inner = inner.map(|inner| Address::take(inner, "observe.metrics_listen")).transpose()?;
        let parts = Parts::prepare(config).await?;
        let (bound, engine) = (address.bound, parts.engine());
        let mut servers = vec![serve(&parts, address.listen()?)?];
        if let Some(inner) = inner {
            servers.push(serve_inner(&parts, inner.listen()?)?);
        }
        let webs = servers.into_iter().map(|server| (server.handle(), tokio::spawn(server))).collect();
        let aside = parts.aside()?;
        let Parts { config, store, keys, sleepers, leaving, .. } = parts;
        let nudge = sleepers.reconciler;
        let (stop_worker, stopped) = oneshot::channel();
        let worker = Worker::new(Arc::new(engine), nudge.clone());
        Ok(Self {
            address: bound,
            store,
            keys,
            nudge,
            leaving,
            drain: Duration::from_secs(config.server.drain_seconds),
            webs,
            worker_task: tokio::spawn(worker.run(async {
                let _ = stopped.await;
            })),
            stop_worker,
            aside,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hub.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Its keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Wakes the reconciler.
    pub fn nudge(&self) {
        self.nudge.nudge();
    }

    /// Tells load balancers to go elsewhere, and stops taking requests once they have had the time to; lets those that have
    /// begun end, then the work of the reconciler, then the database.
    pub async fn stop(self) {
        self.leaving.store(true, Ordering::Relaxed);
        tokio::time::sleep(self.drain).await;
        for (web, task) in self.webs {
            web.stop(true).await;
            let _ = task.await;
        }
        let _ = self.stop_worker.send(());
        let _ = self.worker_task.await;
        for (task, stop) in self.aside {
            let _ = stop.send(());
            let _ = task.await;
        }
        self.store.close().await;
    }
}

/// What works beside the reconciler, and what ends it.
type Beside = (JoinHandle<()>, oneshot::Sender<()>);

/// Starts something that works until it is told to stop.
fn beside<F>(work: impl FnOnce(Stopped) -> F) -> Beside
where
    F: Future<Output = ()> + Send + 'static,
{
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped: Stopped = Box::pin(async {
        let _ = stopped.await;
    });
    (tokio::spawn(work(stopped)), stop)
}

/// Whether the process is about to end: it is not ready any more, and connections are not kept.
type Leaving = Arc<AtomicBool>;

/// Resolves when the gateway stops.
type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who may come in: principals by password or key or by a provider, and whoever has the key of the configuration.
async fn sign_in(
    config: &Config,
    store: &Store,
    keys: &Arc<Keys>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<SignIn>, ServerError> {
    let remember_ms = config.auth.cache_seconds * 1000;
    let verified = VerifiedCache::new(keys.cache.clone(), remember_ms, config.auth.cache_capacity);
    let issuers = Issuers::new(clock.clone(), Arc::new(config.limits.clone()));
    let federation = Federation::new(store.clone(), keys.clone(), issuers, &config.public_url(), &config.auth);
    let sign_in = SignIn::new(store.clone(), Arc::new(verified)).with_federation(federation);
    let mut tx = store.begin_read().await?;
    let tenant = tenants::by_key(&mut tx, manage::tenants::DEFAULT).await?;
    Ok(Arc::new(match (&config.auth.api_key, tenant) {
        (Some(key), Some(tenant)) => sign_in.with_configured_key(tenant.id, Secret::new(key.reveal())),
        (_, _) => sign_in,
    }))
}

/// What everything in one gateway shares.
struct Parts {
    config: Config,
    store: Store,
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    vault: Vault,
    refusals: Refusals,
    metrics: Arc<Metrics>,
    sleepers: Sleepers,
    leaving: Leaving,
    sign_in: Arc<SignIn>,
    bridges: BridgeSource,
}

impl Parts {
    /// Opens the database, brings it up to date, and makes what the configuration declares.
    async fn prepare(config: Config) -> Result<Self, ServerError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        make_folder(&config.server.data_dir)?;
        let store = Store::open(config.database_url().reveal()).await?;
        let vault = vault(&config, &store)?;
        let keys = Arc::new(vault.open(clock.now()).await?);
        let closed = vault.check(&keys.ring).await?;
        keeper::tell_closed(&store, &closed, clock.now()).await?;
        bootstrap::bootstrap(&store, &keys, &config, clock.now()).await?;
        let sign_in = sign_in(&config, &store, &keys, &clock).await?;
        let (metrics, limits) = (Arc::new(Metrics::new()), Arc::new(config.limits.clone()));
        let bridges = bridge_source(keys.clone(), clock.clone(), limits, config.sync.tenant_calls);
        let (refusals, sleepers, leaving) = (Refusals::default(), Sleepers::default(), Leaving::default());
        Ok(Self { config, store, clock, keys, vault, refusals, metrics, sleepers, leaving, sign_in, bridges })
    }

    /// Starts what works beside the reconciler.
    fn aside(&self) -> Result<Vec<Beside>, ServerError> {
        let mut aside = Vec::new();
        if let Some(announcer) = self.announcer()? {
            aside.push(beside(|stopped| announcer.run(self.sleepers.announcer.clone(), stopped)));
        }
        if let Some(courier) = self.courier()? {
            aside.push(beside(|stopped| courier.run(self.sleepers.courier.clone(), stopped)));
        }
        if self.config.alerts.enabled {
            let watchman = Watchman { engine: Arc::new(self.engine()), terms: self.config.alerts.clone() };
            aside.push(beside(|stopped| watchman.run(stopped)));
        }
        let keeper = self.keeper();
        aside.push(beside(|stopped| keeper.run(stopped)));
        if let Some(backups) = self.backups()? {
            aside.push(beside(|stopped| backups.run(stopped)));
        }
        // The last one to stop: it tells the others what those before it left.
        if let Some(listener) = self.store.listener() {
            let ears = Ears { listener, sleepers: self.sleepers.clone(), metrics: self.metrics.clone() };
            aside.push(beside(|stopped| ears.run(stopped)));
        }
        Ok(aside)
    }

    fn engine(&self) -> Engine {
        engine(&self.config, &self.store, &self.bridges, &self.keys, &self.clock, &self.metrics)
    }

    fn keeper(&self) -> Keeper {
        Keeper {
            store: self.store.clone(),
            clock: self.clock.clone(),
            keys: self.keys.clone(),
            vault: self.vault.clone(),
            metrics: self.metrics.clone(),
            refusals: self.refusals.clone(),
            archives: Archives::new(&self.config.server.data_dir, &self.keys.archive, &self.keys.audit),
            limits: self.config.limits.clone(),
            past_days: self.config.sync.past_days,
            retained: AtomicI64::new(0),
            owner: uuid::Uuid::new_v4().to_string(),
        }
    }

    /// What tells webhooks what happened; `None` where nothing is sent.
    fn courier(&self) -> Result<Option<Courier>, ServerError> {
        let terms = &self.config.deliveries;
        if !terms.enabled {
            return Ok(None);
        }
        let patience = Duration::from_secs(terms.timeout_seconds);
        let sender = WebhookSender::new(terms.private_networks, terms.proxy.as_deref(), patience, self.clock.clone());
        Ok(Some(Courier {
            store: self.store.clone(),
            clock: self.clock.clone(),
            keys: self.keys.clone(),
            limits: Arc::new(self.config.limits.clone()),
            sender: sender.map_err(ServerError::Deliveries)?,
            settings: Settings::from(&self.config.sync),
            terms: terms.clone(),
            metrics: self.metrics.clone(),
        }))
    }

    /// What makes backups; `None` where none are asked for.
    fn backups(&self) -> Result<Option<Backups>, ServerError> {
        let Some(to) = &self.config.backup.to else { return Ok(None) };
        let opened = Shelf::open(to, &s3(&self.config.backup)).map_err(ManageError::from)?;
        Ok(Some(Backups {
            store: self.store.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            config: self.config.backup.clone(),
            shelf: opened,
            bench: self.config.server.data_dir.clone(),
            owner: uuid::Uuid::new_v4().to_string(),
        }))
    }

    /// What tells clients of changes; `None` where nothing is told.
    fn announcer(&self) -> Result<Option<Announcer>, ServerError> {
        let push = &self.config.push;
        if !push.enabled {
            return Ok(None);
        }
        let sender = PushSender::new(push.private_networks, push.proxy.as_deref(), self.clock.clone());
        Ok(Some(Announcer {
            store: self.store.clone(),
            clock: self.clock.clone(),
            keys: self.keys.clone(),
            sender: sender.map_err(ServerError::Push)?,
            settings: Settings::from(&self.config.sync),
            pause_ms: push.pause_ms,
            contact: push.contact.clone().unwrap_or_else(|| self.config.public_url()),
            metrics: self.metrics.clone(),
        }))
    }
}

/// A reconciler of its own: it holds leases under a name that no other has.
pub(crate) fn engine(
    config: &Config,
    store: &Store,
    bridges: &BridgeSource,
    keys: &Arc<Keys>,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
) -> Engine {
    Engine {
        store: store.clone(),
        clock: clock.clone(),
        settings: Settings::from(&config.sync),
        bridges: bridges.clone(),
        limits: Arc::new(config.limits.clone()),
        keys: keys.clone(),
        metrics: metrics.clone(),
        owner: uuid::Uuid::new_v4().to_string(),
        hook_base: config.webhook_url(),
    }
}

fn serve(parts: &Parts, listener: TcpListener) -> Result<actix_web::dev::Server, ServerError> {
    let (doors, metrics, config) = (Doors::new(parts)?, web::Data::from(parts.metrics.clone()), &parts.config);
    let refusals = web::Data::new(parts.refusals.clone());
    let clock = web::Data::new(parts.clock.clone());
    let leaving = web::Data::from(parts.leaving.clone());
    let mut server = HttpServer::new(move || {
        let doors = doors.clone();
        App::new()
            .app_data(metrics.clone())
            .app_data(refusals.clone())
            .app_data(clock.clone())
            .app_data(leaving.clone())
            .wrap(from_fn(compress::compress))
            .wrap(from_fn(watch::watch))
            .configure(|app| doors.mount(app))
    })
    .disable_signals()
    .shutdown_timeout(config.server.shutdown_seconds);
    if config.server.workers > 0 {
        server = server.workers(config.server.workers);
    }
    Ok(server.listen(listener).map_err(ServerError::Web)?.run())
}

/// What insiders may ask, on an address of its own.
fn serve_inner(parts: &Parts, listener: TcpListener) -> Result<actix_web::dev::Server, ServerError> {
    let doors = Doors::new(parts)?;
    let server = HttpServer::new(move || {
        let doors = doors.clone();
        App::new().configure(|app| doors.mount_inner(app))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(parts.config.server.shutdown_seconds);
    Ok(server.listen(listener).map_err(ServerError::Web)?.run())
}

/// The vault of a database.
pub(crate) fn vault(config: &Config, store: &Store) -> Result<Vault, CryptError> {
    Ok(Vault::new(store.clone(), provider(config)?))
}

/// Whoever has the master key: the configuration, the file it names, the security module, or the data folder.
pub(crate) fn provider(config: &Config) -> Result<Arc<dyn KeyProvider>, CryptError> {
    let keys = &config.keys;
    Ok(if let Some(module) = &keys.pkcs11_module {
        let pin = keys.pkcs11_pin.clone().unwrap_or_else(|| Secret::new(""));
        let place = pkcs11::Place { module, token: &keys.pkcs11_token, key: &keys.pkcs11_key, pin: &pin };
        Arc::new(pkcs11::Token::open(&place)?)
    } else if let Some(key) = &keys.master_key {
        let parsed = Keys::parse(key.reveal())
            .map_err(|reason| CryptError::KeyFile { path: "keys.master_key".into(), reason })?;
        Arc::new(LocalKeys::new("environment", parsed.ring))
    } else if let Some(path) = &keys.master_key_file {
        Arc::new(LocalKeys::new("file", Keys::read(path)?.ring))
    } else {
        Arc::new(LocalKeys::new("file", Keys::load_or_create(&config.server.data_dir)?.ring))
    })
}

/// Whether there is a master key to be asked for; otherwise asking makes one.
pub(crate) fn has_master_key(config: &Config) -> bool {
    let keys = &config.keys;
    keys.pkcs11_module.is_some()
        || keys.master_key.is_some()
        || keys.master_key_file.is_some()
        || config.server.data_dir.join(crypt::FILE_NAME).exists()
}

/// Makes a folder that only its owner can look into: databases and keys are in it. One that is there stays as it is.
pub(crate) fn make_folder(path: &Path) -> Result<(), ServerError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| ServerError::Folder { path: show(path), source })
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::make_folder;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_new_data_folder_is_its_owners_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        make_folder(&folder).unwrap();
        make_folder(&folder).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
