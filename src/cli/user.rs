//! `anteroom user`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use super::word;
use crate::api::view::{IssuedView, Names, PrincipalView, ScopeView, SecretView};
use crate::manage::NewSecret;
use crate::manage::api_keys;
use crate::manage::grants;
use crate::manage::passwords::{self, Issued, Rotation};
use crate::manage::principals::{self, NewPrincipal};
use crate::model::PrincipalKind;
use crate::model::Privilege;
use crate::model::Role;
use crate::store::Tx;
use crate::store::principals as stored;
use clap::{Args, Subcommand};
use std::io::Write;

/// People and services that log in.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make a user with an app password, shown once
    #[command(
        after_help = "Examples:\n  anteroom user add anna --name \"Anna Berg\" --write council-hall --read '*'\n  \
        anteroom user add admin --role tenant_admin\n  anteroom user add billing --service --role tenant_viewer --api-key \
        --read-only --expires-in-days 365"
    )]
    Add(Add),
    /// List users, or the passwords and keys of one
    List {
        /// Login of the user whose passwords and keys are listed
        login: Option<String>,
        /// Of these only: person or service
        #[arg(long, conflicts_with = "login", value_parser = word::parse::<PrincipalKind>)]
        kind: Option<PrincipalKind>,
    },
    /// Give a user one more app password or API key, shown once
    #[command(after_help = "Examples:\n  anteroom user password anna --label \"Anna's phone\"\n  \
        anteroom user password anna --label \"Door display\" --read-only --only council-hall --expires-in-days 365\n  \
        anteroom user password billing --api-key --role tenant_viewer")]
    Password(Password),
    /// Replace one password or key of a user by another one, shown once; the former one works for a while
    #[command(
        after_help = "Examples:\n  anteroom user list billing\n  anteroom user rotate billing 0199… --overlap-hours 48\n  \
        anteroom user rotate billing 0199… --overlap-hours 0"
    )]
    Rotate(Rotate),
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
    #[command(flatten)]
    bounds: Bounds,
}

/// What a password or key may not.
#[derive(Debug, Args)]
struct Bounds {
    /// Days until it ends by itself; never if left out
    #[arg(long, alias = "expires-days", value_name = "DAYS")]
    expires_in_days: Option<i64>,
    /// It changes nothing
    #[arg(long)]
    read_only: bool,
    /// Rooms it reaches, by slug; group:SLUG for those of a group; may be given several times. It reaches nothing else then
    #[arg(long, value_name = "ROOM")]
    only: Vec<String>,
}

impl Bounds {
    fn wish(self, label: String, role: Option<Role>) -> NewSecret {
        let rooms = (!self.only.is_empty()).then_some(self.only);
        NewSecret { label, expires_in_days: self.expires_in_days, role, read_only: self.read_only, rooms }
    }
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
    #[arg(long, help = "The strongest role it acts with; the user's own if left out", value_parser = word::parse::<Role>)]
    role: Option<Role>,
    #[command(flatten)]
    bounds: Bounds,
}

/// Which secret is replaced, and how.
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The login
    login: String,
    /// Id of a password or key, as `user list LOGIN` shows it
    id: String,
    /// Hours for which the former one still works; 0 ends it at once
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    overlap_hours: i64,
    /// Days until the new one ends by itself; as long as the former one was meant to last if left out
    #[arg(long, alias = "expires-days", value_name = "DAYS")]
    expires_in_days: Option<i64>,
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
            Self::List { login: None, kind } => list(&desk, kind, common, out).await,
            Self::List { login: Some(login), .. } => list_secrets(&desk, &login, common, out).await,
            Self::Password(password) => password.run(&desk, common, out).await,
            Self::Rotate(rotate) => rotate.run(&desk, common, out).await,
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
        let wish = self.bounds.wish(self.label, None);
        let issued = if self.api_key {
            api_keys::issue(&mut tx, &desk.acting(), &made.login, &wish, fresh).await?
        } else {
            passwords::issue(&mut tx, &desk.acting(), &made.login, &wish, fresh).await?
        };
        show(desk, tx, (&made.login, issued), common, out).await
    }
}

impl Password {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let fresh = if self.api_key { api_keys::fresh().await? } else { passwords::fresh().await? };
        let wish = self.bounds.wish(self.label, self.role);
        let mut tx = desk.write().await?;
        let issued = if self.api_key {
            api_keys::issue(&mut tx, &desk.acting(), &self.login, &wish, fresh).await?
        } else {
            passwords::issue(&mut tx, &desk.acting(), &self.login, &wish, fresh).await?
        };
        show(desk, tx, (&self.login, issued), common, out).await
    }
}

impl Rotate {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let former = passwords::find(&mut desk.read().await?, &desk.acting(), &self.login, &self.id).await?;
        let fresh = passwords::fresh_like(&former).await?;
        let overlap_seconds = Some(self.overlap_hours.saturating_mul(3_600));
        let wish = Rotation { overlap_seconds, expires_in_days: self.expires_in_days };
        let mut tx = desk.write().await?;
        let issued = passwords::rotate(&mut tx, &desk.acting(), (&self.login, &self.id), &wish, fresh).await?;
        show(desk, tx, (&self.login, issued), common, out).await
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

/// Commits, and shows what is shown once.
async fn show(
    desk: &Desk,
    mut tx: Tx,
    (login, issued): (&str, Issued),
    common: &Common,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let acting = desk.acting();
    let names = Names::of(&mut tx, acting.tenant).await?;
    tx.commit().await?;
    let issued = IssuedView::of(issued, acting.now, &names);
    let what = if issued.stored.prefix.is_some() { "API key" } else { "App password" };
    let mut sentences = vec![
        format!("User:     {login}"),
        format!("{what}: {}   (shown this once)", issued.secret),
        format!("Server:   {}/dav/", desk.config.public_url()),
    ];
    sentences.extend(issued.stored.scope.as_ref().map(|scope| format!("Scope:    {}", told(scope))));
    sentences.extend(issued.stored.expires.as_ref().map(|end| format!("Ends:     {end}")));
    print::one(common, out, &issued, &sentences)
}

/// A scope in a few words.
fn told(scope: &ScopeView) -> String {
    let mut parts = Vec::new();
    parts.extend(scope.read_only.then(|| "read only".to_owned()));
    parts.extend(scope.role.map(|role| format!("{} at most", print::word(&role))));
    parts.extend(scope.rooms.as_ref().map(|rooms| format!("only {}", rooms.join(", "))));
    parts.join("; ")
}

async fn list(desk: &Desk, kind: Option<PrincipalKind>, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let mut users = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    users.retain(|user| kind.is_none_or(|kind| kind == user.kind));
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
    let (mut tx, acting) = (desk.read().await?, desk.acting());
    let secrets = passwords::list(&mut tx, &acting, login).await?;
    let names = Names::of(&mut tx, acting.tenant).await?;
    let secrets: Vec<SecretView> =
        secrets.into_iter().map(|secret| SecretView::of(secret, acting.now, &names)).collect();
    let columns: &[print::Column<SecretView>] = &[
        ("Id", |secret| secret.id.clone()),
        ("Kind", |secret| secret.kind.clone()),
        ("Prefix", |secret| or_dash(secret.prefix.as_ref())),
        ("Label", |secret| secret.label.clone()),
        ("Made", |secret| secret.created.clone()),
        ("Last used", |secret| or_dash(secret.last_used.as_ref())),
        ("Ends", |secret| or_dash(secret.revoked.as_ref().or(secret.expires.as_ref()))),
        ("State", |secret| print::word(&secret.state)),
        ("Scope", |secret| or_dash(secret.scope.as_ref().map(told).as_ref())),
    ];
    print::list(common, out, &secrets, columns)
}
