//! `anteroom setup`: what a person types into which calendar program, and the profile for Apple devices.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use crate::dav;
use crate::manage::principals;
use crate::manage::profile::Account;
use crate::manage::profile::Profiles;
use crate::model::Clock;
use crate::model::SystemClock;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use url::Url;

/// Say what a person types into which calendar program.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  anteroom setup anna\n  anteroom setup anna --profile anna.mobileconfig\n\n\
    The profile sets up an iPhone, iPad or Mac; it holds no password, the device asks for it.")]
pub(crate) struct Setup {
    /// Login of the person
    login: String,
    /// Write a configuration profile for Apple devices to this file
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

/// What has to be typed.
#[derive(Debug, Serialize)]
struct Hints {
    user: String,
    server: String,
    port: u16,
    tls: bool,
    /// For programs that take one address and find the calendars themselves.
    caldav_url: String,
    principal_url: String,
    /// Where the person fetches the profile on the device itself.
    profile_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_file: Option<String>,
}

impl Setup {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let mut tx = desk.read().await?;
        let person = principals::find(&mut tx, &desk.acting(), &self.login).await?;
        let tenant = desk.tenant();
        drop(tx);
        let base = desk.config.public_url();
        let principal = dav::principal_path(&tenant.tenant_key, &person.login);
        let mut hints = Hints::of(&base, &person.login, &principal)?;
        if let Some(path) = self.profile {
            let account =
                Account { login: &person.login, name: &format!("Rooms of {}", tenant.name), principal: &principal };
            let file = Profiles::new(&base, &desk.config.profile)?.file(&account, SystemClock.now())?;
            std::fs::write(&path, file)
                .map_err(|error| CliError::Failed(format!("{} cannot be written: {error}", path.display())))?;
            hints.profile_file = Some(path.display().to_string());
        }
        let lines = hints.lines();
        print::one(common, out, &hints, &lines)
    }
}

impl Hints {
    fn of(base: &str, login: &str, principal: &str) -> Result<Self, CliError> {
        let url = Url::parse(base).map_err(|error| CliError::Usage(format!("server.public_url: {error}")))?;
        Ok(Self {
            user: login.to_owned(),
            server: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or(443),
            tls: url.scheme() == "https",
            caldav_url: format!("{base}/dav/"),
            principal_url: format!("{base}{principal}"),
            profile_url: format!("{base}/dav/profile.mobileconfig"),
            profile_file: None,
        })
    }

    fn lines(&self) -> Vec<String> {
        let Self { user, server, port, caldav_url, principal_url, profile_url, .. } = self;
        let tls = if self.tls { "on" } else { "off" };
        let mut lines = vec![
            format!("User:     {user}, with an app password (anteroom user password {user})"),
            format!("Thunderbird, DAVx5, Evolution, Outlook CalDav Synchronizer: {caldav_url}"),
            format!("Apple, by hand: server {server}, port {port}, SSL {tls}, path {principal_url}"),
            format!("Apple, by profile: open {profile_url} on the device and sign in"),
        ];
        if let Some(file) = &self.profile_file {
            lines.push(format!("The profile is written to {file}; send it by mail or AirDrop."));
        }
        lines
    }
}
