//! What a region asks all day, held for minutes on a database of many tenants: so many reads and writes a second, at times of
//! their own and not when the answer before has come. Told minute by minute, so that a drift is seen. And one tenant that
//! writes as fast as it can, beside others that write now and then.

use super::calendar::Chance;
use super::client::Client;
use super::process::Server;
use super::scale::{self, ASKING, Ask};
use super::{Cost, Options, cost, servers};
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::Instant;

/// Reads a second; one of ten is a week's bookings, the others ask whether anything has changed.
const READS: u64 = 1_400;
/// Writes a second.
const WRITES: u64 = 120;
/// Connections.
const CLIENTS: u64 = 48;
/// Writers of the tenant that never rests, and those of the others.
const NOISY: usize = 32;
const OTHERS: usize = 8;

/// One minute of it.
pub struct Minute {
    pub ctag: Cost,
    pub week: Cost,
    pub put: Cost,
    pub resident_mib: f64,
    pub log_mib: f64,
    /// Of one core, in hundredths.
    pub core_percent: f64,
}

/// What the others' writes cost while one tenant never rests, and while it does.
pub struct Noise {
    pub noisy: Cost,
    pub others: Cost,
    pub others_alone: Cost,
}

pub struct Steady {
    pub minutes: Vec<Minute>,
    pub noise: Noise,
}

pub async fn measure(tenants: usize, minutes: usize, options: &Options) -> Steady {
    let folder = tempfile::tempdir().unwrap();
    scale::filled(folder.path(), tenants).await;
    let server = servers::bare(folder.path(), options).await;
    scale::warm(&server, tenants).await;
    let mut told = Vec::new();
    for _ in 0..minutes {
        let mut minute = minute(&server, tenants).await;
        let log = std::fs::metadata(folder.path().join("data/anteroom.db-wal")).map_or(0, |file| file.len());
        minute.log_mib = f64::from(u32::try_from(log >> 10).unwrap()) / 1024.0;
        super::table::minute(told.len() + 1, &minute);
        told.push(minute);
    }
    let alone = writers(&server, (tenants, OTHERS, 0), options.seconds).await;
    let both = writers(&server, (tenants, OTHERS, NOISY), options.seconds).await;
    Steady { minutes: told, noise: Noise { noisy: both.1, others: both.0, others_alone: alone.0 } }
}

/// A minute of reads and writes at their times.
async fn minute(server: &Server, tenants: usize) -> Minute {
    let times: [RefCell<Vec<Duration>>; 3] = Default::default();
    let (cpu, begun) = (server.cpu_ms(), Instant::now());
    let length = Duration::from_mins(1);
    let clients = (0..CLIENTS).map(|number| {
        let times = &times;
        async move {
            let mut client = Client::new(&server.address, "anna", servers::PASSWORD);
            let mut chance = Chance::new(number + 1);
            let step = Duration::from_secs(CLIENTS) / u32::try_from(READS + WRITES).unwrap();
            // All begin at different moments of the first step.
            let mut due = begun + step * u32::try_from(number).unwrap() / u32::try_from(CLIENTS).unwrap();
            while due < begun + length {
                tokio::time::sleep_until(due).await;
                let (at, ask) = match chance.below(READS + WRITES) {
                    draw if draw < WRITES => (2, Ask::Put),
                    draw if draw % 10 == 0 => (1, Ask::Week),
                    _ => (0, Ask::Ctag),
                };
                let place = scale::somewhere(&mut chance, tenants);
                let revision = usize::try_from(chance.below(1_000_000)).unwrap();
                scale::send(&mut client, ask, &place.0, (place.1, revision)).await;
                // What waits because the one before took long has waited since it was due.
                times[at].borrow_mut().push(due.elapsed());
                due += step;
            }
        }
    });
    futures_util::future::join_all(clients).await;
    let cpu_ms = server.cpu_ms() - cpu;
    let elapsed = begun.elapsed();
    let [ctag, week, put] = times.map(|times| cost(times.into_inner(), 0, elapsed, cpu_ms));
    let core_percent = 0.1 * cpu_ms / elapsed.as_secs_f64();
    Minute { ctag, week, put, resident_mib: server.resident_mib(), log_mib: 0.0, core_percent }
}

/// Writers of many tenants, each of a tenant of its own, beside many writers of one. Answers what both wrote.
async fn writers(server: &Server, (tenants, others, noisy): (usize, usize, usize), seconds: f64) -> (Cost, Cost) {
    let begun = Instant::now();
    let until = begun + Duration::from_secs_f64(seconds);
    let write = |number: usize, tenant: usize| async move {
        let mut client = Client::new(&server.address, "anna", servers::PASSWORD);
        let (mut chance, mut times) = (Chance::new(number as u64 + 77), Vec::new());
        while Instant::now() < until {
            let (room, member) = scale::in_tenant(&mut chance, scale::place(tenant, tenants));
            let begun = Instant::now();
            let revision = usize::try_from(chance.below(1_000_000)).unwrap();
            scale::send(&mut client, Ask::Put, &room, (member, revision)).await;
            times.push(begun.elapsed());
        }
        times
    };
    let quiet = futures_util::future::join_all((0..others).map(|number| write(number, 1 + number % (ASKING - 1))));
    let loud = futures_util::future::join_all((0..noisy).map(|number| write(100 + number, 0)));
    let (quiet, loud) = futures_util::future::join(quiet, loud).await;
    let told = |times: Vec<Vec<Duration>>| cost(times.concat(), 0, begun.elapsed(), 0.0);
    (told(quiet), told(loud))
}
