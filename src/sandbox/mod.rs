//! Floor 5: real HTTP servers on the loopback that behave like Microsoft Graph and two booking systems, faults included.
//! The gateway reaches them through its ordinary configuration and cannot tell the difference.

mod booking;
mod caller;
mod control;
mod faults;
mod graph;
mod life;
pub mod seed;
mod serve;
mod state;
#[cfg(test)]
mod tests;
mod wire;

pub use faults::Fault;
pub use faults::Faults;
pub use faults::Once;
pub use faults::SystemFaults;

use crate::model::BridgeKind;
use crate::model::Clock;
use crate::model::SystemClock;
use serve::System;
use state::World;
use state::lock;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How to start a sandbox.
pub struct SandboxOptions {
    /// Where Graph and its token endpoint listen; port 0 picks a free one.
    pub graph: SocketAddr,
    /// Where the generic booking system listens.
    pub generic: SocketAddr,
    /// Where the portico booking system listens.
    pub portico: SocketAddr,
    /// Where the control API listens.
    pub control: SocketAddr,
    /// The folder of the state files; `None` keeps everything in memory.
    pub folder: Option<PathBuf>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The seed of all chance.
    pub seed: u64,
    /// Whether an empty sandbox gets the town hall's bookings; its rooms and people are always there.
    pub town_hall: bool,
    /// How often somebody books something by himself; `None` for never.
    pub life: Option<Duration>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            graph: any,
            generic: any,
            portico: any,
            control: any,
            folder: None,
            clock: Arc::new(SystemClock),
            seed: 1,
            town_hall: true,
            life: None,
        }
    }
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address cannot be listened on.
    #[error("the sandbox cannot listen on {address}: {source}; stop what uses the port, or choose port 0")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The state files cannot be read or written.
    #[error("the sandbox cannot use its data folder: {0}")]
    Files(#[source] std::io::Error),
    /// A server does not start.
    #[error("a server of the sandbox does not start: {0}")]
    Server(#[source] std::io::Error),
}

/// A running sandbox.
pub struct Sandbox {
    world: Arc<World>,
    servers: Vec<actix_web::dev::ServerHandle>,
    addresses: [SocketAddr; 4],
}

impl Sandbox {
    /// Loads the state, plants the town hall into an empty one, and starts the four servers in the caller's runtime.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let listeners = [bind(options.graph)?, bind(options.generic)?, bind(options.portico)?, bind(options.control)?];
        let world = World::open(options.clock, options.folder, options.seed).map_err(SandboxError::Files)?;
        let world = Arc::new(world);
        let is_new = lock(&world.graph).mailboxes.is_empty();
        match (is_new, options.town_hall) {
            (true, true) => seed::plant(&world),
            _ => seed::furnish(&world),
        }
        graph::resume(&world);
        let systems = [System::Graph, System::Generic, System::Portico, System::Control];
        let mut servers = Vec::new();
        let mut addresses = [options.graph, options.generic, options.portico, options.control];
        for (at, (listener, address)) in listeners.into_iter().enumerate() {
            addresses[at] = address;
            servers.push(serve::start(&world, systems[at], listener).map_err(SandboxError::Server)?);
        }
        if let Some(pace) = options.life {
            world.spawn(life::run(Arc::clone(&world), pace));
        }
        tokio::task::yield_now().await;
        Ok(Self { world, servers, addresses })
    }

    /// Base address of Graph, without `/v1.0`.
    pub fn graph_url(&self) -> String {
        format!("http://{}", self.addresses[0])
    }

    /// Base address of the token endpoint: tokens are at `/{tenant}/oauth2/v2.0/token`.
    pub fn login_url(&self) -> String {
        self.graph_url()
    }

    /// Base address of the generic booking system, without `/api`.
    pub fn booking_generic_url(&self) -> String {
        format!("http://{}", self.addresses[1])
    }

    /// Base address of the portico booking system, without `/booking`.
    pub fn booking_portico_url(&self) -> String {
        format!("http://{}", self.addresses[2])
    }

    /// Base address of the control API.
    pub fn control_url(&self) -> String {
        format!("http://{}", self.addresses[3])
    }

    /// Adds a room with its mailbox and its place in a booking system; one that is there already stays.
    pub fn add_room(&self, slug: &str, booking: BridgeKind, booking_id: &str) {
        seed::add_room(&self.world, (&format!("{slug}@{}", seed::TENANT_DOMAIN), slug), "room", (10, ""));
        seed::add_resource(&self.world, booking, booking_id, slug);
    }

    /// Throws the switches, as `PUT /faults` does.
    pub fn set_faults(&self, faults: Faults) {
        let mut own = lock(&self.world.faults);
        *own = faults;
        self.world.save_faults(&own);
    }

    /// Stops the servers and all background work, and saves.
    pub async fn stop(self) {
        self.halt().await;
    }

    /// The same for who has only borrowed it.
    pub async fn halt(&self) {
        self.world.halt();
        for server in &self.servers {
            server.stop(false).await;
        }
        self.world.save_all();
    }
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SandboxError> {
    let fail = |source| SandboxError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    let bound = listener.local_addr().map_err(fail)?;
    Ok((listener, bound))
}
