//! Putting the calendar that everything else is asked about.

use super::process::Server;
use super::work::Site;
use super::{Cost, cost};
use std::cell::Cell;
use std::ops::Range;
use tokio::time::Instant;

/// Puts all of it.
pub async fn all(server: &Server, site: &Site, clients: usize) -> Cost {
    part(server, site, 0..site.loaded.len(), clients).await
}

/// Puts all of it, and answers what its first and its last thousand, or a half where there are fewer, cost.
pub async fn flatness(server: &Server, site: &Site, clients: usize) -> (Cost, Cost) {
    let all = site.loaded.len();
    let slice = 1_000.min(all / 2);
    let first = part(server, site, 0..slice, clients).await;
    part(server, site, slice..all - slice, clients).await;
    (first, part(server, site, all - slice..all, clients).await)
}

async fn part(server: &Server, site: &Site, numbers: Range<usize>, clients: usize) -> Cost {
    let next = Cell::new(numbers.start);
    let (cpu, begun) = (server.cpu_ms(), Instant::now());
    let put = |number| {
        let (next, end) = (&next, numbers.end);
        async move {
            let (mut worker, mut times) = (site.worker(number, clients), Vec::new());
            while next.get() < end {
                let at = next.replace(next.get() + 1);
                let begun = Instant::now();
                worker.load(at).await.unwrap();
                times.push(begun.elapsed());
            }
            times
        }
    };
    let times = futures_util::future::join_all((0..clients).map(put)).await.concat();
    cost(times, 0, begun.elapsed(), server.cpu_ms() - cpu)
}
