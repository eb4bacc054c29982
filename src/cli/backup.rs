//! `anteroom backup`, `restore`, `verify-backup` and `migrate`.

use super::Common;
use super::desk::ACTOR;
use super::error::CliError;
use super::print;
use crate::bridge::shelf::Shelf;
use crate::config;
use crate::config::Config;
use crate::config::Secret;
use crate::crypt::{Lock, Opener};
use crate::manage::ManageError;
use crate::manage::backup::{self, Found, Keep, Target, Verified};
use crate::manage::tenants;
use crate::model::{Clock, SystemClock};
use crate::server;
use crate::store::Store;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use url::Url;

/// Make a backup while the server runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  anteroom backup --to /backup/ --recipient age1... --keep 7,4,12\n  \
        anteroom backup --to s3://bucket/anteroom\n  anteroom backup --to town.gz.age --tenant springfield\n\n\
        Without --recipient the recipients of the configuration ([backup]) can read it.")]
pub(crate) struct Backup {
    /// A file, a folder (with / at its end), or `s3://bucket/prefix`
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// Who can read it: a public key of age; several times for several people
    #[arg(long, value_name = "AGE1...")]
    recipient: Vec<String>,
    /// A passphrase that opens it, in the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
    passphrase_file: Option<PathBuf>,
    /// Everybody who has the file can read it
    #[arg(long, conflicts_with_all = ["recipient", "passphrase_file"])]
    unencrypted: bool,
    /// Afterwards remove from the folder or bucket what is not the newest of so many days, weeks and months
    #[arg(long, value_name = "D,W,M")]
    keep: Option<Keep>,
}

/// What opens a backup, and where it is.
#[derive(Debug, Args)]
pub(crate) struct From {
    /// A file, or a folder or `s3://bucket/prefix/` of which the newest is taken
    #[arg(long = "from", value_name = "PLACE")]
    place: String,
    /// The secret keys of age that open it, as age-keygen writes them
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The passphrase that opens it, in the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    passphrase_file: Option<PathBuf>,
}

/// Put a backup back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  anteroom restore --from /backup/ --identity key.txt\n  \
    anteroom restore --from town.gz.age --identity key.txt --tenant springfield --yes\n\n\
    A whole backup goes into an empty database; with --replace in the place of everything, while no server runs. One tenant \
    goes into a running system.")]
pub(crate) struct Restore {
    #[command(flatten)]
    from: From,
    /// Put it in the place of everything that is in the database; no server may run
    #[arg(long)]
    replace: bool,
    /// What is there of the tenant, or of everything, may go
    #[arg(long)]
    yes: bool,
}

/// Read a backup to its end and say whether it is whole.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  anteroom verify-backup --from s3://bucket/anteroom/ --identity key.txt")]
pub(crate) struct VerifyBackup {
    #[command(flatten)]
    from: From,
}

/// Move everything to another database.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  anteroom migrate --from sqlite:///var/lib/anteroom/anteroom.db --to \
    postgres://anteroom@localhost/anteroom\n\nStop every server first; afterwards set database.url to the new one and \
    start. The old database stays as it is.")]
pub(crate) struct Migrate {
    /// The database that is moved: `sqlite://path` or `postgres://user@host/name`
    #[arg(long, value_name = "URL")]
    from: String,
    /// The database it is moved to, which has to be empty
    #[arg(long, value_name = "URL")]
    to: String,
}

/// Configuration and shelf, for work on backups. No key is made here, and no database opened.
fn configured(common: &Common) -> Result<Config, CliError> {
    let config = config::from_process(common.config.as_deref(), &|_| Ok(()))?;
    server::make_folder(&config.server.data_dir).map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(config)
}

/// The shelf that a place is on, and the name there where the place is one file.
fn shelf(config: &Config, place: &str, whole: bool) -> Result<(Shelf, Option<String>), CliError> {
    let s3 = server::s3(&config.backup);
    let opened = |place: &str| Shelf::open(place, &s3).map_err(|error| CliError::Manage(ManageError::from(error)));
    let folder = place.ends_with('/') || Path::new(place).is_dir() || (whole && place.starts_with("s3://"));
    match place.rsplit_once('/') {
        _ if folder => Ok((opened(place)?, None)),
        Some((before, name)) if !before.is_empty() => Ok((opened(before)?, Some(name.to_owned()))),
        Some((_, name)) => Ok((opened("/")?, Some(name.to_owned()))),
        None => Ok((opened(".")?, Some(place.to_owned()))),
    }
}

fn first_line(path: &Path) -> Result<Secret, CliError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|why| CliError::Usage(format!("{} cannot be read: {why}", path.display())))?;
    match text.lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(Secret::new(line)),
        None => Err(CliError::Usage(format!("{} is empty", path.display()))),
    }
}

impl Backup {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let config = configured(common)?;
        let lock = self.lock(&config)?;
        let (rack, name) = shelf(&config, &self.to, true)?;
        if self.keep.is_some() && name.is_some() {
            return Err(CliError::Usage("--keep needs a folder or bucket: end the place with /".to_owned()));
        }
        let store = Store::open(config.database_url().reveal()).await?;
        let key = common.tenant.as_deref();
        let tenant = match key {
            Some(key) => Some(tenants::find(&mut store.begin_read().await?, key).await?),
            None => None,
        };
        let place = (&rack, config.server.data_dir.as_path(), name);
        let (name, made) = backup::make_at(&store, tenant.as_ref(), lock, place, SystemClock.now()).await?;
        let gone = match self.keep {
            Some(keep) => backup::prune(&rack, key, keep).await?,
            None => Vec::new(),
        };
        let mut sentences =
            vec![format!("{name}: {} rows of {} tables in {} bytes.", made.rows, made.tables, made.bytes)];
        sentences.extend(gone.iter().map(|name| format!("{name} has outlived the policy and is removed.")));
        print::one(common, out, &json!({ "name": name, "made": made, "removed": gone }), &sentences)
    }

    fn lock(&self, config: &Config) -> Result<Lock, CliError> {
        if self.unencrypted {
            return Ok(Lock::Open);
        }
        if let Some(path) = &self.passphrase_file {
            return Ok(Lock::Passphrase(first_line(path)?));
        }
        let recipients = if self.recipient.is_empty() { config.backup.recipients() } else { self.recipient.clone() };
        if recipients.is_empty() {
            let ask = "say who can read it: --recipient age1..., --passphrase-file FILE, or --unencrypted";
            return Err(CliError::Usage(ask.to_owned()));
        }
        Ok(Lock::parse(&recipients)?)
    }
}

impl From {
    fn opener(&self) -> Result<Opener, CliError> {
        if let Some(path) = &self.identity {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|why| CliError::Usage(format!("{} cannot be read: {why}", path.display())))?;
            return Ok(Opener::identities(&text)?);
        }
        Ok(match &self.passphrase_file {
            Some(path) => Opener::passphrase(first_line(path)?),
            None => Opener::default(),
        })
    }

    async fn find(&self, common: &Common, config: &Config) -> Result<Found, CliError> {
        let (rack, name) = shelf(config, &self.place, false)?;
        Ok(Found::on(&rack, name, common.tenant.as_deref(), &config.server.data_dir).await?)
    }
}

impl Restore {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let target = self.target(common)?;
        let config = configured(common)?;
        let opener = self.from.opener()?;
        if !server::has_master_key(&config) {
            let ask = "there is no master key: put the one in place with which the keys of the backup were wrapped";
            return Err(CliError::Failed(ask.to_owned()));
        }
        let found = self.from.find(common, &config).await?;
        let store = Store::open(config.database_url().reveal()).await?;
        let acting = (ACTOR, SystemClock.now());
        let master = server::provider(&config)?;
        let done = backup::restore(&store, &master, (&found.path, &opener), &target, acting).await?;
        let mut sentences = told(&done.backup);
        sentences.push(format!("{} rows were put back; everything is read anew.", done.rows));
        if done.left_out > 0 {
            sentences.push(format!("{} rows of people who are gone were left out.", done.left_out));
        }
        print::one(common, out, &done, &sentences)
    }

    fn target(&self, common: &Common) -> Result<Target, CliError> {
        let ask = |what: &str| {
            let how = "every remote calendar is read anew before anything is sent, and calendar programs fetch afresh";
            Err(CliError::Failed(format!("{what} goes and the backup takes its place; {how}; say --yes to do it")))
        };
        match (&common.tenant, self.replace, self.yes) {
            (Some(_), true, _) => Err(CliError::Usage("--replace is for a whole backup; leave it out".to_owned())),
            (Some(key), false, false) => ask(&format!("what there is of the tenant {key}")),
            (None, true, false) => ask("everything in the database"),
            (Some(key), false, true) => Ok(Target::Tenant(key.clone())),
            (None, true, true) => Ok(Target::Everything),
            (None, false, _) => Ok(Target::Empty),
        }
    }
}

impl VerifyBackup {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let config = configured(common)?;
        let opener = self.from.opener()?;
        let found = self.from.find(common, &config).await?;
        let master = if server::has_master_key(&config) { Some(server::provider(&config)?) } else { None };
        let verified = backup::verify(&found.path, &opener, master.as_ref()).await?;
        print::one(common, out, &verified, &told(&verified))?;
        if verified.is_whole() { Ok(()) } else { Err(CliError::Failed("the backup is not whole".to_owned())) }
    }
}

fn told(backup: &Verified) -> Vec<String> {
    let head = &backup.head;
    let made = jiff::Timestamp::from_millisecond(head.made_ms).map_or_else(|_| "?".to_owned(), |at| at.to_string());
    let rows: u64 = backup.tables.iter().map(|(_, rows)| rows).sum();
    let count = |name: &str| backup.tables.iter().find(|(table, _)| table == name).map_or(0, |(_, rows)| *rows);
    let mut told = vec![format!(
        "Made at {made} by version {}: {} tenants ({}), {} rooms, {} bookings; {rows} rows, every sum right.",
        head.program,
        backup.tenants.len(),
        backup.tenants.join(", "),
        count("rooms"),
        count("objects")
    )];
    if !backup.keys {
        told.push("The master key here does not open its keys: secrets and audit were NOT judged.".to_owned());
        return told;
    }
    let sealed = &backup.sealed;
    told.push(match sealed.refused {
        0 => format!("All {} secrets open.", sealed.values),
        refused => format!("{refused} of {} secrets do NOT open.", sealed.values),
    });
    told.extend(backup.audit.iter().map(|chain| match &chain.broken {
        None => format!("The audit of {} is whole: {} entries.", chain.tenant, chain.entries),
        Some(broken) => format!("The audit of {} is BROKEN at number {}: {}.", chain.tenant, broken.number, broken.why),
    }));
    told
}

impl Migrate {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let there = self.from.strip_prefix("sqlite:").map(|path| path.trim_start_matches("//"));
        let there = there.map(|path| path.split('?').next().unwrap_or_default());
        if let Some(path) = there.filter(|path| !Path::new(path).exists()) {
            return Err(CliError::Usage(format!("--from: there is no database {path}")));
        }
        let (from, to) = (Store::open(&self.from).await?, Store::open(&self.to).await?);
        let json = common.json;
        let moved = backup::carry(&from, &to, |moved| {
            if json || moved.rows == 0 {
                return Ok(());
            }
            let line = format!("{}: {} rows, the same on both sides", moved.table, moved.rows);
            writeln!(out, "{line}")
                .and_then(|()| out.flush())
                .map_err(|why| ManageError::State { why: why.to_string() })
        })
        .await?;
        to.close().await;
        from.close().await;
        let rows: u64 = moved.iter().map(|one| one.rows).sum();
        let place = shown(&self.to);
        let sentence =
            format!("{rows} rows of {} tables are in {place}. Set database.url to it and start.", moved.len());
        print::one(common, out, &json!({ "tables": moved, "rows": rows }), std::slice::from_ref(&sentence))
    }
}

/// An address without what nobody else may read.
fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) if url.password().is_some() => {
            // Only an address without a host refuses it.
            let _ = url.set_password(None);
            url.to_string()
        }
        _ => url.to_owned(),
    }
}
