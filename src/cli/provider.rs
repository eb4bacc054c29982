//! `anteroom provider`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use super::word;
use crate::api::view::ProviderView;
use crate::bridge::oidc::Issuers;
use crate::crypt::Secret;
use crate::manage::Federation;
use crate::manage::providers::{self, NewProvider, ProviderPatch, ProviderSettings};
use crate::model::Clock;
use crate::model::Role;
use crate::model::SystemClock;
use crate::store::providers as stored;
use crate::store::providers::Provider as Row;
use clap::{Args, Subcommand};
use std::io::Write;
use std::sync::Arc;

/// Whom a tenant trusts to say who somebody is, by OIDC.
#[derive(Debug, Subcommand)]
pub(crate) enum Provider {
    /// Make a provider; the client secret is read from a file and sealed
    #[command(
        after_help = "Examples:\n  anteroom provider add entra --issuer https://login.microsoftonline.com/TENANT-ID/v2.0 \
        --client-id CLIENT-ID \\\n    --client-secret-file /run/secrets/entra --login-claim preferred_username --domain \
        city.example \\\n    --role Anteroom.Admin=tenant_admin --role Anteroom.Viewer=tenant_viewer --create\n  \
        anteroom provider add keycloak --issuer https://id.city.example/realms/city --client-id anteroom \\\n    \
        --role-claim realm_access.roles --role rooms-admin=tenant_admin"
    )]
    Add(Add),
    /// List providers
    List,
    /// Change a provider; what is left out stays, but for what it says who somebody is, which is given in whole
    Change(Change),
    /// Ask a provider what it says of itself
    Look {
        /// Its name
        name: String,
    },
    /// Remove a provider; whoever signed in by it is signed out
    Remove {
        /// Its name
        name: String,
    },
}

/// A provider to make.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What it is called in addresses
    name: String,
    /// Its issuer identifier, exactly as it writes it itself
    #[arg(long)]
    issuer: String,
    /// Under which id the gateway is registered there
    #[arg(long)]
    client_id: String,
    /// File that holds the client secret; none for a public client
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<String>,
    /// What people read on its button
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    rules: Rules,
}

/// Changes to a provider.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Its name
    name: String,
    /// Its issuer identifier; needs the client secret anew
    #[arg(long)]
    issuer: Option<String>,
    /// Under which id the gateway is registered there
    #[arg(long)]
    client_id: Option<String>,
    /// File that holds the client secret
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<String>,
    /// What people read on its button
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    rules: Rules,
}

/// What follows from what a provider says.
#[derive(Debug, Args)]
struct Rules {
    /// Scope to ask for beside openid; may be given several times; email and profile if left out
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Audience of access tokens that are meant for the gateway; the client id if left out
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// Claim with the login or address by which somebody is known here; email if left out
    #[arg(long, value_name = "CLAIM")]
    login_claim: Option<String>,
    /// Claim with roles or groups; roles if left out
    #[arg(long, value_name = "CLAIM")]
    role_claim: Option<String>,
    /// A value of that claim and the role it stands for; may be given several times
    #[arg(long, value_name = "VALUE=ROLE", value_parser = pair)]
    role: Vec<(String, Role)>,
    /// Domain of those who may sign in; all if left out
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    /// Make a principal for who is not known yet
    #[arg(long)]
    create: bool,
}

fn pair(text: &str) -> Result<(String, Role), String> {
    let (value, role) = text.rsplit_once('=').ok_or_else(|| "write VALUE=ROLE".to_owned())?;
    Ok((value.to_owned(), word::parse(role)?))
}

impl Rules {
    fn given(&self) -> bool {
        !self.scope.is_empty()
            || !self.audience.is_empty()
            || !self.role.is_empty()
            || !self.domain.is_empty()
            || self.login_claim.is_some()
            || self.role_claim.is_some()
            || self.create
    }

    fn settings(self) -> ProviderSettings {
        let usual = ProviderSettings::default();
        ProviderSettings {
            scopes: if self.scope.is_empty() { usual.scopes } else { self.scope },
            audiences: self.audience,
            login_claim: self.login_claim.unwrap_or(usual.login_claim),
            role_claim: self.role_claim.unwrap_or(usual.role_claim),
            roles: self.role.into_iter().collect(),
            domains: self.domain,
            create_principals: self.create,
        }
    }
}

impl Provider {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::Add(add) => add.run(&desk, common, out).await,
            Self::List => list(&desk, common, out).await,
            Self::Change(change) => change.run(&desk, common, out).await,
            Self::Look { name } => look(&desk, &name, common, out).await,
            Self::Remove { name } => {
                let mut tx = desk.write().await?;
                providers::remove(&mut tx, &desk.acting(), &name).await?;
                tx.commit().await?;
                let sentence = format!("The provider {name} is removed.");
                print::one(common, out, &serde_json::json!({ "done": sentence }), std::slice::from_ref(&sentence))
            }
        }
    }
}

impl Add {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let new = NewProvider {
            name: self.name,
            label: self.label,
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret: secret(self.client_secret_file.as_deref())?,
            settings: self.rules.settings(),
        };
        let mut tx = desk.write().await?;
        let provider = providers::create(&mut tx, &desk.acting(), &desk.keys.ring, &new).await?;
        tx.commit().await?;
        show(desk, provider, common, out)
    }
}

impl Change {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let patch = ProviderPatch {
            label: self.label,
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret: secret(self.client_secret_file.as_deref())?,
            settings: self.rules.given().then(|| self.rules.settings()),
        };
        let mut tx = desk.write().await?;
        let provider = providers::update(&mut tx, &desk.acting(), &desk.keys.ring, &self.name, &patch).await?;
        tx.commit().await?;
        show(desk, provider, common, out)
    }
}

fn secret(file: Option<&str>) -> Result<Option<Secret>, CliError> {
    let Some(file) = file else { return Ok(None) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::Usage(format!("--client-secret-file: {file} cannot be read: {error}")))?;
    Ok(Some(Secret::from(text.trim())))
}

fn redirect(desk: &Desk) -> String {
    format!("{}{}", desk.config.public_url().trim_end_matches('/'), Federation::RETURN)
}

fn show(desk: &Desk, provider: Row, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let redirect = redirect(desk);
    let view = ProviderView::of(provider, Some(&redirect))?;
    let sentences = [
        format!("Provider:     {} ({})", view.name, view.issuer),
        format!("Redirect URI: {redirect}   (register it there)"),
        format!("Sign in at:   {}/dashboard/{}", desk.config.public_url(), desk.tenant().tenant_key),
    ];
    print::one(common, out, &view, &sentences)
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let redirect = redirect(desk);
    let all = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    let all: Result<Vec<ProviderView>, _> = all.into_iter().map(|one| ProviderView::of(one, Some(&redirect))).collect();
    let columns: &[print::Column<ProviderView>] = &[
        ("Name", |one| one.name.clone()),
        ("Issuer", |one| one.issuer.clone()),
        ("Client", |one| one.client_id.clone()),
        ("Secret", |one| if one.has_secret { "sealed" } else { "-" }.to_owned()),
        ("Known by", |one| one.settings.login_claim.clone()),
        ("Makes principals", |one| if one.settings.create_principals { "yes" } else { "-" }.to_owned()),
    ];
    print::list(common, out, &all?, columns)
}

async fn look(desk: &Desk, name: &str, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let provider = providers::find(&mut desk.read().await?, &desk.acting(), name).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let issuers = Issuers::new(clock, Arc::new(desk.config.limits.clone()));
    let looked = match issuers.of(&provider.issuer) {
        Ok(issuer) => issuer.look().await,
        Err(why) => Err(why),
    };
    let keys = looked.map_err(|why| CliError::Failed(why.to_string()))?;
    let sentence = format!("{} answers; it signs with {keys} keys.", provider.issuer);
    print::one(common, out, &serde_json::json!({ "keys": keys }), std::slice::from_ref(&sentence))
}
