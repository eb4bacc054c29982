//! How cost grows: the same answer out of ten times as much may cost no more than a quarter more. Two gateways run side by
//! side, one small and one large, and are asked by turns, so that what else the machine does meets both.

use super::calendar::{self, Make};
use super::process::Server;
use super::work::{Kind, Site};
use super::{Options, load, one, servers, table};

/// How much more processor time the larger one may take.
pub const BOUND: f64 = 1.25;

/// Rounds of a comparison; of each side the cheapest counts, because disturbances only add.
const ROUNDS: usize = 3;

/// Further rounds for who seems to break the law.
const APPEALS: usize = 3;

/// Clients that ask at once.
const CLIENTS: usize = 4;

/// What costs the same however much else is in the room. Answers that are the whole room are not among them.
const IN_A_ROOM: [Kind; 11] = [
    Kind::Ctag,
    Kind::Get,
    Kind::GetSame,
    Kind::FeedSame,
    Kind::Week,
    Kind::Expand,
    Kind::FreeBusy,
    Kind::SyncDelta,
    Kind::PutNew,
    Kind::PutUpdate,
    Kind::Delete,
];

/// What is asked of series of different ages.
const OF_SERIES: [Kind; 3] = [Kind::Week, Kind::Expand, Kind::FreeBusy];

/// One comparison: processor time in microseconds.
pub struct Law {
    pub name: String,
    pub small_us: f64,
    pub large_us: f64,
    /// Why there are no figures.
    pub wrong: Option<String>,
}

impl Law {
    pub fn ratio(&self) -> f64 {
        self.large_us / self.small_us
    }

    pub fn holds(&self) -> bool {
        self.wrong.is_none() && self.ratio() <= BOUND
    }
}

/// Compares, prints, and says whether all laws hold.
pub async fn hold(options: &Options) -> bool {
    let mut laws =
        compare(options, "room of 10,000", (calendar::spread, 1_000), (calendar::spread, 10_000), &IN_A_ROOM).await;
    laws.extend(
        compare(options, "series ten years old", (calendar::young, 100), (calendar::old, 100), &OF_SERIES).await,
    );
    table::laws(&laws);
    laws.iter().all(Law::holds)
}

async fn compare(
    options: &Options,
    name: &str,
    small: (Make, usize),
    large: (Make, usize),
    kinds: &[Kind],
) -> Vec<Law> {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let small = servers::anteroom(first.path(), options, small).await;
    let large = servers::anteroom(second.path(), options, large).await;
    for (server, site) in [&small, &large] {
        let (begin, end) = load::flatness(server, site, CLIENTS).await;
        table::flatness(site.loaded.len(), &begin, &end);
    }
    let mut laws = Vec::new();
    for kind in kinds.iter().filter(|kind| options.wants(**kind)) {
        let mut law =
            Law { name: format!("{}, {name}", kind.name()), small_us: f64::MAX, large_us: f64::MAX, wrong: None };
        for round in 0..ROUNDS + APPEALS {
            if round >= ROUNDS && law.ratio() <= BOUND {
                break;
            }
            law.round(*kind, (&small, &large), options.seconds / 3.0).await;
        }
        table::law(&law);
        laws.push(law);
    }
    laws
}

impl Law {
    async fn round(&mut self, kind: Kind, (small, large): (&(Server, Site), &(Server, Site)), seconds: f64) {
        for ((server, site), least) in [(small, &mut self.small_us), (large, &mut self.large_us)] {
            let cost = one(server, site, (kind, CLIENTS), seconds).await;
            self.wrong = self.wrong.take().or(cost.wrong);
            *least = least.min(cost.cpu_us);
        }
    }
}
