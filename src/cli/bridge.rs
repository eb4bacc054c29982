//! `anteroom bridge`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use super::tenant::Removal;
use super::word;
use crate::api::view::BridgeView;
use crate::bridge::build;
use crate::crypt::Secret;
use crate::manage::bridges::{self, NewBridge};
use crate::model::BridgeKind;
use crate::model::SystemClock;
use crate::store::bridges as stored;
use crate::store::removal::{What, going};
use crate::sync;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

/// Remote calendar systems.
#[derive(Debug, Subcommand)]
pub(crate) enum Bridge {
    /// Make a bridge; secrets are read from files and sealed
    #[command(
        after_help = "Examples:\n  anteroom bridge add m365 --kind graph --set tenant=city.example --set client_id=… \\\n    \
        --secret client_secret=/run/secrets/graph\n  \
        anteroom bridge add booking --kind booking_generic --set base_url=https://booking.example \\\n    \
        --secret api_key=/run/secrets/booking"
    )]
    Add(Add),
    /// List bridges
    List,
    /// Remove a bridge with its settings and secrets for good; its mappings end
    #[command(
        after_help = "Examples:\n  anteroom bridge remove m365 --dry-run\n  anteroom bridge remove m365 --confirm m365 --copies purge"
    )]
    Remove {
        /// The bridge
        name: String,
        #[command(flatten)]
        removal: Removal,
    },
    /// Sign in at the remote system and list the calendars that can be mapped
    #[command(after_help = "Example:\n  anteroom bridge test m365")]
    Test {
        /// The bridge
        name: String,
    },
}

/// A bridge to make.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What mappings call it: a-z, 0-9 and '-'
    name: String,
    #[arg(long, help = "graph, booking_generic or booking_portico", value_parser = word::parse::<BridgeKind>)]
    kind: BridgeKind,
    /// A setting; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    settings: Vec<(String, String)>,
    /// A secret and the file that holds it; may be given several times
    #[arg(long = "secret", value_name = "KEY=FILE", value_parser = pair)]
    secrets: Vec<(String, String)>,
}

impl Bridge {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::Add(add) => add.run(&desk, common, out).await,
            Self::List => list(&desk, common, out).await,
            Self::Remove { name, removal } => remove(&desk, common, (&name, &removal), out).await,
            Self::Test { name } => test(&desk, &name, common, out).await,
        }
    }
}

impl Add {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let settings: Map<String, Value> = self.settings.into_iter().map(|(key, text)| (key, value(text))).collect();
        let new = NewBridge { name: self.name, kind: self.kind, settings, secrets: read_secrets(self.secrets)? };
        let mut tx = desk.write().await?;
        let bridge = BridgeView::from(bridges::create(&mut tx, &desk.acting(), &desk.keys.ring, &new).await?);
        tx.commit().await?;
        print::one(common, out, &bridge, &[format!("Bridge {} is made.", bridge.name)])
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

/// Numbers and truth values as such, everything else as text.
fn value(text: String) -> Value {
    match serde_json::from_str(&text) {
        Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
        _ => Value::String(text),
    }
}

fn read_secrets(files: Vec<(String, String)>) -> Result<BTreeMap<String, Secret>, CliError> {
    let read = |(key, file): (String, String)| {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| CliError::Usage(format!("--secret {key}: {file} cannot be read: {error}")))?;
        Ok((key, Secret::from(text.trim_end_matches(['\r', '\n']))))
    };
    files.into_iter().map(read).collect()
}

async fn remove(
    desk: &Desk,
    common: &Common,
    (name, removal): (&str, &Removal),
    out: &mut impl Write,
) -> Result<(), CliError> {
    let acting = desk.acting();
    let mut tx = desk.read().await?;
    let bridge = bridges::find(&mut tx, &acting, name).await?;
    if removal.dry_run {
        let going = going(&mut tx, acting.tenant, What::Bridge(&bridge.id)).await?;
        return removal.tell(common, &format!("Bridge {name}"), &going, out);
    }
    removal.is_meant(name)?;
    let ending = bridges::mapped(&mut tx, &acting, &bridge).await?;
    drop(tx);
    let removed = sync::leave(&desk.engine(), acting.tenant, &ending, removal.copies, acting.actor).await?;
    let mut tx = desk.write().await?;
    bridges::remove(&mut tx, &acting, name).await?;
    tx.commit().await?;
    removal.done(common, &format!("Bridge {name}"), removed, out)
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let bridges = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    let bridges: Vec<BridgeView> = bridges.into_iter().map(BridgeView::from).collect();
    let columns: &[print::Column<BridgeView>] = &[
        ("Bridge", |bridge| bridge.name.clone()),
        ("Kind", |bridge| print::word(&bridge.kind)),
        ("Settings", |bridge| bridge.settings.to_string()),
        ("Secrets", |bridge| if bridge.has_secrets { "sealed" } else { "-" }.to_owned()),
    ];
    print::list(common, out, &bridges, columns)
}

/// A remote calendar, as it is listed.
#[derive(Serialize)]
struct Mappable {
    remote_id: String,
    name: String,
}

async fn test(desk: &Desk, name: &str, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let row = bridges::find(&mut desk.read().await?, &desk.acting(), name).await?;
    let config = bridges::config(&desk.keys.ring, &row)?;
    let refused = |error| CliError::Failed(format!("bridge {name}: {error}"));
    let bridge = build(&config, Arc::new(SystemClock), &desk.config.limits).map_err(refused)?;
    let calendars: Vec<Mappable> = bridge
        .calendars()
        .await
        .map_err(refused)?
        .into_iter()
        .map(|calendar| Mappable { remote_id: calendar.id, name: calendar.name })
        .collect();
    let columns: &[print::Column<Mappable>] =
        &[("Remote id", |calendar| calendar.remote_id.clone()), ("Name", |calendar| calendar.name.clone())];
    print::list(common, out, &calendars, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_keep_their_types() {
        assert_eq!(value("30000".to_owned()), Value::from(30000));
        assert_eq!(value("true".to_owned()), Value::from(true));
        assert_eq!(value("city.example".to_owned()), Value::from("city.example"));
        assert_eq!(value("\"17\"".to_owned()), Value::from("\"17\""));
        assert_eq!(pair("a=b=c").unwrap(), ("a".to_owned(), "b=c".to_owned()));
        assert!(pair("=x").is_err() && pair("x").is_err());
    }
}
