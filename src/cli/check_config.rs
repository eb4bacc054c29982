//! `anteroom check-config`.

use super::Common;
use super::error::CliError;
use super::print;
use crate::config;
use crate::server;
use clap::Args;
use serde::Serialize;
use std::io::Write;

/// Say everything that is wrong with the configuration.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  anteroom check-config --config /etc/anteroom.toml\n\nExit code 2 when something is wrong."
)]
pub(crate) struct CheckConfig {}

#[derive(Serialize)]
struct Sound {
    listen: String,
    public_url: String,
    tenants: usize,
    rooms: usize,
    bridges: usize,
    mappings: usize,
    users: usize,
}

impl CheckConfig {
    pub(super) fn run(common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let config = config::from_process(common.config.as_deref(), &server::judge_bridge)?;
        let sound = Sound {
            listen: config.server.listen.clone(),
            public_url: config.public_url(),
            tenants: config.tenants().len(),
            rooms: config.room.len(),
            bridges: config.bridge.len(),
            mappings: config.mapping.len(),
            users: config.user.len(),
        };
        let sentence = format!(
            "The configuration is sound: listening on {}, reached at {}; it declares {} rooms, {} bridges, {} mappings \
             and {} users.",
            sound.listen, sound.public_url, sound.rooms, sound.bridges, sound.mappings, sound.users
        );
        print::one(common, out, &sound, &[sentence])
    }
}
