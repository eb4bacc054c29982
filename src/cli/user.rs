//! `anteroom user`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use super::word;
use crate::api::view::{IssuedView, PrincipalView, SecretView};
use crate::manage::api_keys;
use crate::manage::grants;
use crate::manage::passwords;
use crate::manage::principals::{self, NewPrincipal};
use crate::model::PrincipalKind;
use crate::model::Privilege;
use crate::model::Role;
use crate::store::principals as stored;
use clap::{Args, Subcommand};
use std::io::Write;

/// People and services that log in.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make a user with an app password, shown once
    #[command(
        after_help = "Examples:\n  anteroom user add anna --name \"Anna Berg\" --write council-hall --read '*'\n  \
        anteroom user add admin --role tenant_admin\n  anteroom user add billing --service --role tenant_viewer --api-key"
    )]
    Add(Add),
    /// List users, or the passwords and keys of one
    List {
        /// Login of the user whose passwords and keys are listed
        login: Option<String>,
    },
    /// Give a user one more app password or API key, shown once
    #[command(after_help = "Example:\n  anteroom user password anna --label \"Anna's phone\"")]
    Password(Password),
    /// Withdraw one password or key of a user, or lock the user out of everything
    #[command(
        after_help = "Examples:\n  anteroom user list anna\n  anteroom user revoke anna 0199…\n  anteroom user revoke anna --all"
    )]
    Revoke(Revoke),
}

/// A user to make.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The name to log in with: a-z, 0-9, '.', '_', '-', '@'
    login: String,
    /// The name people read
    #[arg(long)]
    name: Option<String>,
    /// E-mail address
    #[arg(long)]
    email: Option<String>,
    /// A program, not a person
    #[arg(long)]
    service: bool,
    #[arg(long, help = "member, system_monitor, tenant_viewer, tenant_operator, tenant_admin or super_admin", default_value = "member", value_parser = word::parse::<Role>)]
    role: Role,
    /// Rooms it may book, by slug; '*' for all; may be given several times
    #[arg(long, value_name = "ROOM")]
    write: Vec<String>,
    /// Rooms whose bookings it may read; '*' for all; may be given several times
    #[arg(long, value_name = "ROOM")]
    read: Vec<String>,
    /// Make an API key instead of an app password
    #[arg(long)]
    api_key: bool,
    /// What the password is for
    #[arg(long, default_value = "first password")]
    label: String,
}

/// One more secret.
#[derive(Debug, Args)]
pub(crate) struct Password {
    /// The login
    login: String,
    /// Which client uses it
    #[arg(long, default_value = "command line")]
    label: String,
    /// Make an API key for the REST interface instead of an app password
    #[arg(long)]
    api_key: bool,
}

/// What to withdraw.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The login
    login: String,
    /// Id of a password or key, as `user list LOGIN` shows it
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<String>,
    /// Lock the user out of everything
    #[arg(long)]
    all: bool,
}

impl User {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::Add(add) => add.run(&desk, common, out).await,
            Self::List { login: None } => list(&desk, common, out).await,
            Self::List { login: Some(login) } => list_secrets(&desk, &login, common, out).await,
            Self::Password(password) => password.run(&desk, common, out).await,
            Self::Revoke(revoke) => revoke.run(&desk, common, out).await,
        }
    }
}

impl Add {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let fresh = if self.api_key { api_keys::fresh().await? } else { passwords::fresh().await? };
        let new = NewPrincipal {
            login: self.login,
            display_name: self.name,
            email: self.email,
            kind: Some(if self.service { PrincipalKind::Service } else { PrincipalKind::Person }),
            role: Some(self.role),
        };
        let mut tx = desk.write().await?;
        let made = principals::create(&mut tx, &desk.acting(), &new).await?;
        // The stronger privilege is set last: a room named twice keeps it.
        for (rooms, privilege) in [(&self.read, Privilege::Read), (&self.write, Privilege::Write)] {
            for room in rooms {
                grants::set(&mut tx, &desk.acting(), &made.login, room, privilege).await?;
            }
        }
        let issued = if self.api_key {
            api_keys::issue(&mut tx, &desk.acting(), &made.login, &self.label, fresh).await?
        } else {
            passwords::issue(&mut tx, &desk.acting(), &made.login, &self.label, fresh).await?
        };
        tx.commit().await?;
        let server = format!("{}/dav/", desk.config.public_url());
        show(common, out, &made.login, &issued.into(), &server)
    }
}

impl Password {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let fresh = if self.api_key { api_keys::fresh().await? } else { passwords::fresh().await? };
        let mut tx = desk.write().await?;
        let issued = if self.api_key {
            api_keys::issue(&mut tx, &desk.acting(), &self.login, &self.label, fresh).await?
        } else {
            passwords::issue(&mut tx, &desk.acting(), &self.login, &self.label, fresh).await?
        };
        tx.commit().await?;
        let server = format!("{}/dav/", desk.config.public_url());
        show(common, out, &self.login, &issued.into(), &server)
    }
}

impl Revoke {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let mut tx = desk.write().await?;
        let sentence = if let Some(id) = &self.id {
            passwords::revoke(&mut tx, &desk.acting(), &self.login, id).await?;
            format!("{id} of {} is withdrawn.", self.login)
        } else {
            principals::set_disabled(&mut tx, &desk.acting(), &self.login, true).await?;
            format!("{} is locked out.", self.login)
        };
        tx.commit().await?;
        print::one(common, out, &serde_json::json!({ "done": sentence }), std::slice::from_ref(&sentence))
    }
}

fn show(common: &Common, out: &mut impl Write, login: &str, issued: &IssuedView, server: &str) -> Result<(), CliError> {
    let what = if issued.stored.prefix.is_some() { "API key" } else { "App password" };
    let sentences = [
        format!("User:     {login}"),
        format!("{what}: {}   (shown this once)", issued.secret),
        format!("Server:   {server}"),
    ];
    print::one(common, out, issued, &sentences)
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let users = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    let users: Vec<PrincipalView> = users.into_iter().map(PrincipalView::from).collect();
    let columns: &[print::Column<PrincipalView>] = &[
        ("Login", |user| user.login.clone()),
        ("Name", |user| user.display_name.clone()),
        ("Kind", |user| print::word(&user.kind)),
        ("Role", |user| print::word(&user.role)),
        ("Locked out", |user| if user.disabled { "yes" } else { "-" }.to_owned()),
    ];
    print::list(common, out, &users, columns)
}

async fn list_secrets(desk: &Desk, login: &str, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let secrets = passwords::list(&mut desk.read().await?, &desk.acting(), login).await?;
    let secrets: Vec<SecretView> = secrets.into_iter().map(SecretView::from).collect();
    let columns: &[print::Column<SecretView>] = &[
        ("Id", |secret| secret.id.clone()),
        ("Kind", |secret| secret.kind.clone()),
        ("Label", |secret| secret.label.clone()),
        ("Made", |secret| secret.created.clone()),
        ("Last used", |secret| or_dash(secret.last_used.as_ref())),
        ("Withdrawn", |secret| or_dash(secret.revoked.as_ref())),
    ];
    print::list(common, out, &secrets, columns)
}
