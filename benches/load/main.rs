//! What the gateway costs as its users have it: the released program as a process of its own, asked over HTTP, beside a
//! server that does nothing but answer, and beside other calendar servers where these are installed. Every answer is checked
//! before it is timed.
//!
//! Compare ratios of one run, and processor time for each request: both hold on a machine that has other work. Arguments:
//! `--seconds 3`, `--events 1000`, `--clients 16`, `--only ctag,get-one`, `--alone` (no other servers), `--program PATH` (another
//! build of the gateway). Instead of all this: `--tenants 500` (a database of so many tenants beside one of a single one),
//! `--tenants 500 --steady 30` (what a region asks, for so many minutes, in that database),
//! `--laws` (how cost grows, and an error where it grows beyond its bound), `--engine` (the reconciler).
#![expect(clippy::unwrap_used, clippy::missing_docs_in_private_items, reason = "a bench that cannot be set up ends")]
#![expect(missing_docs, reason = "no program uses it")]

mod calendar;
mod client;
mod engine;
mod laws;
mod limit;
mod load;
mod process;
mod scale;
mod servers;
mod steady;
mod table;
mod work;

use calendar::Make;
use client::Client;
use process::Server;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;
use work::{Kind, Site};

/// Clients of the mixed crowd.
const CROWD: usize = 50;

/// What the run is asked for.
pub struct Options {
    pub seconds: f64,
    pub events: usize,
    pub clients: usize,
    pub only: Vec<String>,
    pub alone: bool,
    /// Another build of the gateway than this one's.
    pub program: Option<String>,
    /// How many tenants a large database has.
    pub tenants: Option<usize>,
    /// For how many minutes a region asks.
    pub steady: Option<usize>,
    /// Whether the laws of growth are judged.
    pub laws: bool,
    /// Whether the reconciler is measured.
    pub engine: bool,
}

/// What one kind of request cost.
#[derive(Clone, Default)]
pub struct Cost {
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Processor time of the server for one round, in microseconds.
    pub cpu_us: f64,
    /// Octets of an answer.
    pub octets: usize,
    /// Why there are no figures, or why they do not count.
    pub wrong: Option<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, port] = &arguments[..]
        && word == "limit"
    {
        return limit::serve(port.parse().unwrap()).unwrap();
    }
    if let Some(("sandbox", ports)) = arguments.split_first().map(|(word, rest)| (word.as_str(), rest)) {
        return engine::remote_side(ports);
    }
    let options = Options::read(&arguments);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match (options.tenants, options.steady) {
        (Some(tenants), Some(minutes)) => {
            table::steady(&runtime.block_on(steady::measure(tenants, minutes, &options)));
        }
        (Some(tenants), None) => runtime.block_on(scale::measure(tenants, &options)),
        _ if options.engine => table::engine(&runtime.block_on(engine::measure(&options))),
        _ if options.laws => assert!(runtime.block_on(laws::hold(&options)), "a law of growth is broken"),
        _ => runtime.block_on(measure(&options)),
    }
}

impl Options {
    fn read(arguments: &[String]) -> Self {
        let after = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            arguments.get(at + 1).cloned()
        };
        Self {
            seconds: after("--seconds").map_or(3.0, |text| text.parse().unwrap()),
            events: after("--events").map_or(1_000, |text| text.parse().unwrap()),
            clients: after("--clients").map_or(16, |text| text.parse().unwrap()),
            only: after("--only").map_or_else(Vec::new, |text| text.split(',').map(str::to_owned).collect()),
            alone: arguments.iter().any(|argument| argument == "--alone"),
            program: after("--program"),
            steady: after("--steady").map(|text| text.parse().unwrap()),
            laws: arguments.iter().any(|argument| argument == "--laws"),
            engine: arguments.iter().any(|argument| argument == "--engine"),
            tenants: after("--tenants").map(|text| text.parse().unwrap()),
        }
    }

    fn wants(&self, kind: Kind) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == kind.name())
    }
}

/// One row of the result.
pub struct Row {
    pub kind: Kind,
    pub clients: usize,
    pub ours: Cost,
    /// The same number of octets from the server that does nothing else.
    pub limit: Cost,
    pub others: Vec<Cost>,
}

async fn measure(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    let limit = servers::limit(folder.path()).unwrap();
    let calendar: (Make, usize) = (calendar::booking, options.events);
    let (server, ours) = servers::anteroom(folder.path(), options, calendar).await;
    let mut all = vec![("Anteroom", server, ours)];
    let mut absent = Vec::new();
    if !options.alone {
        match servers::radicale(folder.path(), calendar).await {
            Ok((server, site)) => all.push(("Radicale", server, site)),
            Err(why) => absent.push(format!("Radicale: {why}")),
        }
        absent.push("Cyrus: this bench does not set it up".to_owned());
    }
    table::begin(options, limit::promises(folder.path()));
    for (name, server, site) in &all {
        let loaded = load::all(server, site, options.clients).await;
        table::loaded(name, &loaded, server.resident_mib());
    }
    let mut rows = Vec::new();
    for kind in work::ALL.into_iter().filter(|kind| options.wants(*kind)) {
        let counts = if kind == Kind::Mixed { vec![CROWD] } else { vec![1, options.clients] };
        for clients in counts {
            let mut costs = Vec::new();
            for (_, server, site) in &all {
                costs.push(one(server, site, (kind, clients), options.seconds).await);
            }
            let ours = costs.remove(0);
            let plain = plain(&limit, (clients, ours.octets), options.seconds / 2.0).await;
            let row = Row { kind, clients, ours, limit: plain, others: costs };
            table::progress(&row);
            rows.push(row);
        }
    }
    let names: Vec<&str> = all.iter().skip(1).map(|(name, _, _)| *name).collect();
    table::print(&rows, &names, &absent, all[0].1.resident_mib());
}

/// Checks a kind of request, and measures it.
async fn one(server: &Server, site: &Site, (kind, clients): (Kind, usize), seconds: f64) -> Cost {
    if let Err(wrong) = site.worker(0, 1).check(kind).await {
        return Cost { wrong: Some(wrong), ..Cost::default() };
    }
    // What was prepared is not timed, but the server's processor time cannot be told apart where it is writes.
    phase(server, site, (kind, clients), seconds / 6.0).await;
    phase(server, site, (kind, clients), seconds).await
}

async fn phase(server: &Server, site: &Site, (kind, clients): (Kind, usize), seconds: f64) -> Cost {
    let (octets, wrong) = (Cell::new(0), Cell::new(None));
    let mut workers: Vec<_> = (0..clients).map(|number| site.worker(number, clients)).collect();
    for worker in &mut workers {
        if let Err(error) = worker.prepare(kind).await {
            wrong.set(Some(error));
        }
    }
    let (cpu, begun) = (server.cpu_ms(), Instant::now());
    let until = begun + Duration::from_secs_f64(seconds);
    let rounds = workers.into_iter().map(|mut worker| {
        let (octets, wrong) = (&octets, &wrong);
        async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let prepared = worker.prepare(kind).await;
                let begun = Instant::now();
                match (prepared, worker.act(kind).await) {
                    (Ok(()), Ok(answer)) => {
                        octets.set(answer.body.len());
                        times.push(begun.elapsed());
                    }
                    (Err(error), _) | (_, Err(error)) => {
                        wrong.set(Some(error));
                        break;
                    }
                }
            }
            times
        }
    });
    let times = futures_util::future::join_all(rounds).await.concat();
    let cost = cost(times, octets.get(), begun.elapsed(), server.cpu_ms() - cpu);
    Cost { wrong: wrong.take(), ..cost }
}

/// The server that does nothing else, for answers of that length.
async fn plain(server: &Server, (clients, octets): (usize, usize), seconds: f64) -> Cost {
    let (cpu, begun) = (server.cpu_ms(), Instant::now());
    let until = begun + Duration::from_secs_f64(seconds);
    let path = format!("/{octets}");
    let rounds = (0..clients).map(|_| async {
        let (mut client, mut times) = (Client::new(&server.address, "anna", "correct horse"), Vec::new());
        while Instant::now() < until {
            let begun = Instant::now();
            client.send("GET", &path, &[], "").await.unwrap();
            times.push(begun.elapsed());
        }
        times
    });
    let times = futures_util::future::join_all(rounds).await.concat();
    cost(times, octets, begun.elapsed(), server.cpu_ms() - cpu)
}

fn cost(mut times: Vec<Duration>, octets: usize, elapsed: Duration, cpu_ms: f64) -> Cost {
    times.sort_unstable();
    let count = f64::from(u32::try_from(times.len()).unwrap());
    let at = |hundredths: usize| times.get(times.len() * hundredths / 100).map_or(0.0, |time| 1e3 * time.as_secs_f64());
    let rate = count / elapsed.as_secs_f64();
    Cost { rate, p50_ms: at(50), p99_ms: at(99), cpu_us: 1e3 * cpu_ms / count.max(1.0), octets, wrong: None }
}
