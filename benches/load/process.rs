//! The servers: started in a folder of their own, ended with the run, and what they cost according to the system.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// A server that runs. Ended when it is dropped.
pub struct Server {
    pub address: String,
    child: Child,
}

impl Server {
    /// Starts a command that listens on that port, and waits until it does.
    pub fn start(command: &mut Command, port: u16, log: &Path) -> Option<Self> {
        let output = File::create(log).ok()?;
        command.stdin(Stdio::null()).stdout(output.try_clone().ok()?).stderr(output);
        let mut started = Self { address: format!("127.0.0.1:{port}"), child: command.spawn().ok()? };
        let begun = Instant::now();
        while std::net::TcpStream::connect(&started.address).is_err() {
            let ended = started.child.try_wait().ok()?.is_some();
            if ended || begun.elapsed() > Duration::from_secs(60) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(started)
    }

    /// Processor time in milliseconds that it has taken, with all it has started. The system counts in steps of 10.
    pub fn cpu_ms(&self) -> f64 {
        let ticks: u64 = self.family().iter().filter_map(|id| ticks(*id)).sum();
        10.0 * f64::from(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// Resident memory in MiB.
    pub fn resident_mib(&self) -> f64 {
        let pages = |id: &u32| -> Option<u32> {
            let text = std::fs::read_to_string(format!("/proc/{id}/statm")).ok()?;
            text.split(' ').nth(1)?.parse().ok()
        };
        f64::from(self.family().iter().filter_map(pages).sum::<u32>()) * 4.0 / 1024.0
    }

    fn family(&self) -> BTreeSet<u32> {
        let mut family = BTreeSet::from([self.child.id()]);
        let parents: Vec<(u32, u32)> = processes().filter_map(|id| Some((id, parent(id)?))).collect();
        loop {
            let next: Vec<u32> = parents
                .iter()
                .filter(|(id, parent)| family.contains(parent) && !family.contains(id))
                .map(|(id, _)| *id)
                .collect();
            if next.is_empty() {
                return family;
            }
            family.extend(next);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The fields of `/proc/{id}/stat` after the name, which may hold anything.
fn stat(id: u32) -> Option<Vec<u64>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(|field| field.parse().unwrap_or(0)).collect())
}

fn parent(id: u32) -> Option<u32> {
    u32::try_from(*stat(id)?.get(1)?).ok()
}

/// User and system time, of children that have ended too.
fn ticks(id: u32) -> Option<u64> {
    Some(stat(id)?.get(11..15)?.iter().sum())
}
