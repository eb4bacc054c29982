//! What a demonstration remembers in its folder, so that links and passwords that were handed out go on working.

use crate::crypt::password;
use crate::model::DetailLevel;
use crate::sandbox::Sandbox;
use crate::server::{ServerError, show};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Name of the file; readable by its owner only.
const FILE: &str = "demo.json";

/// The memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Port of the gateway.
    pub(super) port: u16,
    /// Ports of Graph, the generic and the portico booking system, and the control interface.
    pub(super) sandbox_ports: [u16; 4],
    /// Password of the person to try everything as.
    pub(super) password: String,
    /// API key of the same person.
    pub(super) api_key: String,
    /// Feeds with their secret paths.
    pub(super) feeds: Vec<FeedMemory>,
}

/// A feed that was handed out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FeedMemory {
    pub(super) room: String,
    pub(super) detail: DetailLevel,
    pub(super) path: String,
}

impl Memory {
    /// The memory of a folder; a new one, with a password, where there is none.
    pub(super) fn load(folder: &Path) -> Result<Self, ServerError> {
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| ServerError::Folder { path: show(&path), source: error.into() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { password: password::generate()?.reveal().to_owned(), ..Self::default() })
            }
            Err(source) => Err(ServerError::Folder { path: show(&path), source }),
        }
    }

    /// Where everything listens this time.
    pub(super) fn remember(&mut self, gateway: SocketAddr, sandbox: &Sandbox) {
        let port = |url: String| url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        self.port = gateway.port();
        self.sandbox_ports = [
            port(sandbox.graph_url()),
            port(sandbox.booking_generic_url()),
            port(sandbox.booking_portico_url()),
            port(sandbox.control_url()),
        ];
    }

    /// Writes the memory so that a crash leaves the old or the new one.
    pub(super) fn save(&self, folder: &Path) -> Result<(), ServerError> {
        let (path, fresh) = (folder.join(FILE), folder.join("demo.json.new"));
        let failed = |source| ServerError::Folder { path: show(&path), source };
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&fresh, &path).map_err(failed)
    }
}
