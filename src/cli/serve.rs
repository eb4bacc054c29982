//! `anteroom serve`.

use super::Common;
use super::error::CliError;
use crate::config;
use crate::observe;
use crate::server;
use crate::server::Gateway;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

/// Run the server.
#[derive(Debug, Args)]
#[command(after_help = "Without a configuration file: SQLite in ./data, listening on http://127.0.0.1:8080.")]
pub(crate) struct Serve {}

impl Serve {
    /// Runs until a signal ends it, then lets what has begun end.
    pub(super) async fn run(&self, common: &Common) -> Result<(), CliError> {
        let config = config::from_process(common.config.as_deref(), &server::judge_bridge)?;
        observe::tracing::init(&config.observe).map_err(CliError::Failed)?;
        let stop = stop_signal()?;
        let (public_url, log) = (config.public_url(), config.observe.filter.clone());
        let gateway = Gateway::start(config).await.map_err(|error| CliError::Failed(error.to_string()))?;
        tracing::info!(address = %gateway.address(), filter = %log, "anteroom is ready at {public_url}");
        stop.await;
        tracing::info!("stopping: no new requests, those that have begun may end");
        gateway.stop().await;
        Ok(())
    }
}

/// Resolves at SIGINT or SIGTERM. Listens from now on, so that an early signal is not lost.
pub(super) fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
