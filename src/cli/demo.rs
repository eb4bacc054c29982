//! `anteroom demo`.

use super::Common;
use super::error::CliError;
use super::serve::stop_signal;
use crate::config::Observe;
use crate::observe::tracing;
use crate::server;
use crate::server::DemoOptions;
use clap::Args;
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// Run the server with simulated remote systems and example rooms.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  anteroom demo --listen 127.0.0.1:8080 --life")]
pub(crate) struct Demo {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// Folder for everything; a second start on it goes on where the first ended. Without it all is gone at the end
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Let simulated people book and move things all the time
    #[arg(long)]
    pub(crate) life: bool,
}

impl Demo {
    /// Runs until a signal ends it.
    pub(super) async fn run(&self, common: &Common, out: &mut dyn Write) -> Result<(), CliError> {
        let listen = address(&self.listen).ok_or_else(|| {
            CliError::Usage(format!("--listen {}: not an address and port, as 127.0.0.1:8080", self.listen))
        })?;
        let observe = Observe { filter: "warn".to_owned(), ..Observe::default() };
        tracing::init(&observe).map_err(CliError::Failed)?;
        let stop = stop_signal()?;
        let options = DemoOptions { listen, data: self.data.clone(), life: self.life };
        let demo = server::Demo::start(options).await.map_err(|error| CliError::Failed(error.to_string()))?;
        if common.json {
            demo.sheet().print_json(out)?;
        } else {
            demo.sheet().print(out)?;
        }
        stop.await;
        demo.stop().await;
        Ok(())
    }
}

/// An address or a name of this machine with a port.
fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| {
        let found: Vec<SocketAddr> = text.to_socket_addrs().ok()?.collect();
        found.iter().find(|address| address.is_ipv4()).or(found.first()).copied()
    })
}
