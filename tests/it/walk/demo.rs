//! The fixture: the built binary as a process of its own, `anteroom demo` in a temporary folder, killed and started
//! again at will.

use super::town::Town;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// How long a start may take.
const START: Duration = Duration::from_secs(90);

/// Walks take turns: each measures times on a machine it wants for itself.
pub static TURN: Mutex<()> = Mutex::new(());

/// A running demonstration. Ends with the value.
pub struct Demo {
    child: Child,
    sheet: Receiver<String>,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Demo {
    /// Starts one and waits until it says that both sides agree.
    pub fn start() -> (Self, Town) {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let (child, sheet) = spawn(&folder);
        let mut demo = Self { child, sheet, folder, _turn: turn };
        let town = demo.ready();
        (demo, town)
    }

    /// Waits until it says that both sides agree.
    pub fn ready(&mut self) -> Town {
        let line = self.sheet.recv_timeout(START).unwrap_or_else(|_| panic!("no start:\n{}", self.complaints()));
        Town::new(&serde_json::from_str::<Value>(&line).unwrap())
    }

    /// SIGKILL, whatever it is doing.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, as a supervisor stops a service.
    pub fn terminate(&self) {
        let done = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        until("the process to end", Duration::from_secs(30), || self.child.try_wait().unwrap()).0
    }

    /// Starts on the same folder, without waiting.
    pub fn restart(&mut self) {
        (self.child, self.sheet) = spawn(&self.folder);
    }

    /// Whether it runs; it never ends by itself.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The end of what it wrote to its log.
    pub fn complaints(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("the log of the demonstration ends with:\n{}", self.complaints());
        }
    }
}

fn spawn(folder: &TempDir) -> (Child, Receiver<String>) {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.path().join("log")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_anteroom"))
        .args(["demo", "--json", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (send, sheet) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        if out.read_line(&mut line).is_ok_and(|length| length > 0) {
            let _ = send.send(line);
        }
    });
    (child, sheet)
}

/// Looks until there is something, or fails with the name of what was waited for. Answers how long it took.
pub fn until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> (T, Duration) {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return (found, began.elapsed());
        }
        assert!(began.elapsed() < patience, "waited {patience:?} in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
