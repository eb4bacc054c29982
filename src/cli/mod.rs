//! Floor 6: the command line. What it does to the store it does through `manage`, as the REST interface does.

mod alert;
mod approval;
mod audit;
mod backup;
mod bridge;
mod check_config;
mod conflict;
mod demo;
mod desk;
mod dns;
mod error;
mod explain;
mod feed;
mod grant;
mod health;
mod keys;
mod mapping;
mod operation;
mod person;
mod plan;
mod print;
mod provider;
mod restored;
mod retention;
mod room;
mod room_group;
mod rules;
mod serve;
mod session;
mod setup;
mod tenant;
mod tenant_env;
mod user;
mod webhook;
mod word;

pub use error::CliError;

use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

/// A CalDAV and ICS gateway for rooms.
#[derive(Debug, Parser)]
#[command(
    name = "anteroom",
    version,
    about = "A CalDAV and ICS gateway for rooms",
    after_help = "Examples:\n  anteroom serve\n  anteroom room add \"Council hall\" --capacity 40\n  \
        anteroom user add anna --write council-hall\n  anteroom feed add council-hall --label \"Display at the door\"\n\n\
        Commands that change things work on the database of the configuration, whether a server runs or not."
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Configuration file; without it the defaults and the environment
    #[arg(long, global = true, value_name = "FILE", env = "ANTEROOM_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Key of the tenant to work in; without it `default`, or the only one there is
    #[arg(long, global = true, value_name = "KEY")]
    pub(crate) tenant: Option<String>,
    /// Answer JSON instead of a table
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Run the server with simulated remote systems and example rooms
    Demo(demo::Demo),
    /// Say everything that is wrong with the configuration
    CheckConfig(check_config::CheckConfig),
    /// Ask a running server whether it is ready
    Health(health::Health),
    /// People and services that log in
    #[command(subcommand)]
    User(user::User),
    /// Signed feeds for calendar programs that subscribe
    #[command(subcommand)]
    Feed(feed::Feed),
    /// Organisations
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Rooms and equipment
    #[command(subcommand)]
    Room(room::Room),
    /// Rooms for which rights are given together
    #[command(subcommand)]
    RoomGroup(room_group::RoomGroup),
    /// Remote calendar systems
    #[command(subcommand)]
    Bridge(bridge::Bridge),
    /// Rooms on bridges
    #[command(subcommand)]
    Mapping(mapping::Mapping),
    /// What a principal may do in a room
    Grant(grant::Grant),
    /// Bookings that wait for somebody who administers their room
    #[command(subcommand)]
    Approval(approval::Approval),
    /// Say what a person types into which calendar program
    Setup(setup::Setup),
    /// Print the DNS records by which calendar programs find the server
    Dns(dns::Dns),
    /// What somebody should look at
    #[command(subcommand)]
    Alert(alert::Alert),
    /// What waits for a person
    #[command(subcommand)]
    Conflict(conflict::Conflict),
    /// Outgoing writes and those that were given up
    #[command(subcommand)]
    Operation(operation::Operation),
    /// Tell the whole story of one event or one room
    Explain(explain::Explain),
    /// Tell how every room is doing
    Status(explain::Status),
    /// Say what a sync of a room would do, and do nothing
    Plan(plan::Plan),
    /// Remove our copies from the remote calendar of a mapping
    Purge(plan::Purge),
    /// Check the invariants against the living sides
    Verify(plan::Verify),
    /// The audit: who changed what, and whether somebody changed that
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Who outside is told what happens
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Whom a tenant trusts to say who somebody is, by OIDC
    #[command(subcommand)]
    Provider(provider::Provider),
    /// Browsers that are signed in by a provider
    #[command(subcommand)]
    Session(session::Session),
    /// How long data is kept
    #[command(subcommand)]
    Retention(retention::Retention),
    /// What is known of a person: hand it out, or erase it
    #[command(subcommand)]
    Person(person::Person),
    /// The keys that secrets are sealed with
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Make a backup of everything, or of one tenant, while the server runs
    Backup(backup::Backup),
    /// Put a backup back: into an empty database, in the place of everything, or one tenant while others go on
    Restore(backup::Restore),
    /// Read a backup to its end and say whether it is whole
    VerifyBackup(backup::VerifyBackup),
    /// Move everything to another database, SQLite or PostgreSQL
    Migrate(backup::Migrate),
    /// Begin anew on a database that was set back to a backup
    Restored(restored::Restored),
}

/// Runs the command line `arguments` (the program's name first) and answers the exit code: 0 done, 1 failed, 2 wrong
/// usage or configuration. Results go to `out`, refusals as sentences to `err`.
pub async fn run<A, O, E>(arguments: A, out: &mut O, err: &mut E) -> u8
where
    A: IntoIterator<Item = OsString>,
    O: Write,
    E: Write,
{
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => return say_usage(&usage, out, err),
    };
    // On the heap: some commands hold much while they wait.
    let done = Box::pin(carry_out(cli.command, &cli.common, out)).await;
    match done {
        Ok(()) => 0,
        Err(refusal) => {
            // A closed standard error leaves only the exit code to tell it.
            let _told = writeln!(err, "anteroom: {refusal}");
            refusal.exit_code()
        }
    }
}

async fn carry_out(command: Command, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    match command {
        Command::Serve(serve) => serve.run(common).await,
        Command::Demo(demo) => demo.run(common, out).await,
        Command::CheckConfig(_) => check_config::CheckConfig::run(common, out),
        Command::Health(health) => health.run(out),
        Command::User(user) => user.run(common, out).await,
        Command::Feed(feed) => feed.run(common, out).await,
        Command::Tenant(tenant) => Box::pin(tenant.run(common, out)).await,
        Command::Room(room) => room.run(common, out).await,
        Command::RoomGroup(group) => group.run(common, out).await,
        Command::Bridge(bridge) => bridge.run(common, out).await,
        Command::Mapping(mapping) => mapping.run(common, out).await,
        Command::Grant(grant) => grant.run(common, out).await,
        Command::Approval(approval) => approval.run(common, out).await,
        Command::Setup(setup) => setup.run(common, out).await,
        Command::Dns(dns) => dns.run(common, out),
        Command::Alert(alert) => alert.run(common, out).await,
        Command::Conflict(conflict) => conflict.run(common, out).await,
        Command::Operation(operation) => operation.run(common, out).await,
        Command::Explain(explain) => explain.run(common, out).await,
        Command::Status(_) => explain::Status::run(common, out).await,
        Command::Plan(plan) => plan.run(common, out).await,
        Command::Purge(purge) => purge.run(common, out).await,
        Command::Verify(verify) => verify.run(common, out).await,
        Command::Audit(audit) => audit.run(common, out).await,
        Command::Webhook(webhook) => webhook.run(common, out).await,
        Command::Provider(provider) => provider.run(common, out).await,
        Command::Session(session) => session.run(common, out).await,
        Command::Retention(retention) => retention.run(common, out).await,
        Command::Person(person) => person.run(common, out).await,
        Command::Keys(keys) => keys.run(common, out).await,
        Command::Backup(backup) => backup.run(common, out).await,
        Command::Restore(restore) => restore.run(common, out).await,
        Command::VerifyBackup(verify) => verify.run(common, out).await,
        Command::Migrate(migrate) => migrate.run(common, out).await,
        Command::Restored(restored) => restored.run(common, out).await,
    }
}

/// Help and version are results; everything else is wrong usage.
fn say_usage<O: Write, E: Write>(usage: &clap::Error, out: &mut O, err: &mut E) -> u8 {
    let text = usage.render();
    if usage.use_stderr() {
        let _told = write!(err, "{text}");
        return 2;
    }
    let _told = write!(out, "{text}");
    0
}
