//! The world the simulators share: state behind one lock per system, the clock, the dice, the log, and its files.

use super::booking::generic::Generic;
use super::booking::portico::Portico;
use super::faults::Dice;
use super::faults::Faults;
use super::faults::SystemFaults;
use super::graph::Graph;
use crate::model::Clock;
use crate::model::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use tokio::task::JoinSet;

/// How many requests the log keeps.
const LOG_LENGTH: usize = 1_000;

/// Everything the simulators know.
pub(super) struct World {
    pub clock: SandboxClock,
    pub graph: Mutex<Graph>,
    pub generic: Mutex<Generic>,
    pub portico: Mutex<Portico>,
    pub faults: Mutex<Faults>,
    pub dice: Mutex<Dice>,
    pub log: Mutex<Log>,
    pub files: Files,
    tasks: Mutex<JoinSet<()>>,
    runtime: tokio::runtime::Handle,
}

impl World {
    /// How many times a notification of that system is delivered now; one that is lost is counted.
    pub fn copies(&self, of: impl Fn(&Faults) -> &SystemFaults) -> u64 {
        let copies = of(&lock(&self.faults)).copies(&mut lock(&self.dice));
        if copies == 0 {
            lock(&self.log).count("fault lost_notification".to_owned());
        }
        copies
    }

    /// A world from its files, or an empty one. Must be called inside a tokio runtime.
    pub fn open(clock: Arc<dyn Clock>, folder: Option<PathBuf>, seed: u64) -> std::io::Result<Self> {
        let files = Files { folder };
        files.prepare()?;
        Ok(Self {
            clock: SandboxClock { inner: clock, ahead_ms: AtomicI64::new(0) },
            graph: Mutex::new(Graph::load(&files, seed)?),
            generic: Mutex::new(files.read("generic.json")?.unwrap_or_default()),
            portico: Mutex::new(files.read("portico.json")?.unwrap_or_default()),
            faults: Mutex::new(files.read("faults.json")?.unwrap_or_default()),
            dice: Mutex::new(Dice::new(seed)),
            log: Mutex::new(Log::default()),
            files,
            tasks: Mutex::new(JoinSet::new()),
            runtime: tokio::runtime::Handle::current(),
        })
    }

    /// The sandbox's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs work in the background until it ends or the sandbox stops.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(work, &self.runtime);
    }

    /// Ends all background work.
    pub fn halt(&self) {
        lock(&self.tasks).abort_all();
    }

    /// Writes down what changed in Graph.
    pub fn save_graph(&self, graph: &mut Graph) {
        report(graph.save(&self.files));
    }

    /// Writes down the generic booking system.
    pub fn save_generic(&self, generic: &Generic) {
        report(self.files.write("generic.json", generic));
    }

    /// Writes down the portico booking system.
    pub fn save_portico(&self, portico: &Portico) {
        report(self.files.write("portico.json", portico));
    }

    /// Writes down the switchboard.
    pub fn save_faults(&self, faults: &Faults) {
        report(self.files.write("faults.json", faults));
    }

    /// Writes down everything.
    pub fn save_all(&self) {
        self.save_graph(&mut lock(&self.graph));
        self.save_generic(&lock(&self.generic));
        self.save_portico(&lock(&self.portico));
        self.save_faults(&lock(&self.faults));
    }
}

fn report(outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "the sandbox cannot save its state");
    }
}

/// Locks; a panic of another holder does not spread.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that can be moved ahead of the one it stands on.
pub(super) struct SandboxClock {
    inner: Arc<dyn Clock>,
    ahead_ms: AtomicI64,
}

impl SandboxClock {
    /// Moves ahead.
    pub fn advance_ms(&self, ms: i64) {
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        self.inner.now().plus_ms(self.ahead_ms.load(Ordering::SeqCst))
    }
}

/// The last requests, and how many there were of each kind.
#[derive(Default)]
pub(super) struct Log {
    lines: VecDeque<LogLine>,
    counters: BTreeMap<String, u64>,
}

/// One request that came in.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LogLine {
    pub at: String,
    pub system: &'static str,
    pub method: String,
    pub path: String,
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<super::faults::Fault>,
}

impl LogLine {
    /// Whether the request has done what it asked for, whatever its sender was told.
    const fn took_effect(&self) -> bool {
        use super::faults::Fault;
        match self.fault {
            Some(Fault::LostAnswer | Fault::LostAnswer504 | Fault::Truncate) => true,
            Some(Fault::Throttle | Fault::Error | Fault::Reset | Fault::Html) => false,
            None => self.status < 300,
        }
    }
}

impl Log {
    /// Adds a line; the oldest falls out.
    pub fn add(&mut self, line: LogLine) {
        let kind = if matches!(line.method.as_str(), "GET" | "HEAD") { "reads" } else { "writes" };
        for key in [format!("{}.requests", line.system), format!("{}.{kind}", line.system)] {
            self.count(key);
        }
        let endpoint = shape(&line.path);
        let is_booking = kind == "writes" && ["/events", "/allocations"].iter().any(|part| endpoint.contains(part));
        if is_booking && line.took_effect() {
            self.count(format!("{}.changes", line.system));
        }
        if let Some(fault) = line.fault {
            self.count(format!("fault {}", json!(fault).as_str().unwrap_or_default()));
        }
        self.count(format!("{} {} {endpoint}", line.system, line.method));
        if self.lines.len() == LOG_LENGTH {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Counts something that happened.
    pub fn count(&mut self, what: String) {
        *self.counters.entry(what).or_default() += 1;
    }

    pub fn lines(&self) -> impl Iterator<Item = &LogLine> {
        self.lines.iter()
    }

    pub const fn counters(&self) -> &BTreeMap<String, u64> {
        &self.counters
    }

    pub fn clear(&mut self) {
        self.lines.clear();
        self.counters.clear();
    }
}

/// A path with its ids replaced, so that counters count endpoints.
fn shape(path: &str) -> String {
    let is_id = |part: &str| {
        part.len() > 30 || part.contains('@') || part.contains("%40") || part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts = path.split('/').map(|part| if !part.is_empty() && is_id(part) { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Where the state is kept: a folder of JSON files, or nowhere.
pub(super) struct Files {
    folder: Option<PathBuf>,
}

impl Files {
    fn prepare(&self) -> std::io::Result<()> {
        self.folder.as_ref().map_or(Ok(()), std::fs::create_dir_all)
    }

    /// Reads one file; `None` when it was never written.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> std::io::Result<Option<T>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        match std::fs::read(folder.join(name)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                let text = format!("{}: {error}; delete the file to start anew", folder.join(name).display());
                std::io::Error::new(std::io::ErrorKind::InvalidData, text)
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces one file as a whole: a reader, or a start after a kill, sees the old or the new content.
    pub fn write<T: Serialize>(&self, name: &str, content: &T) -> std::io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let temporary = folder.join(format!("{name}.new"));
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(content)?)?;
        std::fs::rename(temporary, folder.join(name))
    }

    /// Names of the files that start with `prefix`.
    pub fn names(&self, prefix: &str) -> std::io::Result<Vec<String>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with(prefix) && Path::new(&name).extension().is_some_and(|kind| kind == "json") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes one file, if it is there.
    pub fn remove(&self, name: &str) -> std::io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
