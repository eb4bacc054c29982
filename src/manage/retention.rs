//! How long data is kept: policies for each type, and the daily round that ends what has outlived them.
//!
//! What goes is written to an archive first where the policy says so: JSON lines, each sealed with a key of the tenant
//! that no rotation retires. The audit is shortened at its beginning only; its chain then begins at an anchor, and says so.
//! Past bookings go from the hub alone: nothing is deleted at a remote side, and nothing comes back from there.

use super::chain;
use super::{Acting, ManageError};
use crate::change;
use crate::change::Context;
use crate::config::Limits;
use crate::crypt::Key;
use crate::crypt::KeyRing;
use crate::crypt::Place;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::Store;
use crate::store::Tx;
use crate::store::audit_chain::{self, Chained};
use crate::store::idempotency;
use crate::store::leases;
use crate::store::mappings;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::retention::{self, BOOKINGS, BOOKINGS_LEAST, IDEMPOTENCY, Old, Policy, SHELVES, Shelf};
use crate::store::rooms;
use crate::store::rooms::Room;
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Rows that are ended in one transaction.
const STEP: i64 = 200;
/// Fewest days of the audit: what happened last week is still asked for.
const AUDIT_LEAST: i64 = 30;
/// Pulls, notifications and answers to repeated requests are kept so long at most, whatever a policy says.
const HOUSE_DAYS: i64 = 30;
/// How far back before the reconciler's window a series still shows what lay over it, and a little more.
const SHOWN_DAYS: i64 = 370;
/// How long the mappings of a room stand still while its past bookings go.
const LEASE_MS: i64 = 60_000;
/// Most days a policy may say: a hundred years.
const MOST: i64 = 36_500;
/// The type whose entries are chained.
pub const AUDIT: &str = "audit";

/// A policy to set.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// Days for which it is kept; at least 30 for the audit, at least 400 after their end for bookings, 1 to 30 for
    /// `sync_runs`, `inbox` and `idempotency`, at least 1 otherwise.
    pub keep_days: i64,
    /// Whether what goes is written to an encrypted archive first; not for `idempotency`.
    #[serde(default)]
    pub archive: bool,
}

/// Where archives are, and what they are sealed with.
#[derive(Clone, Debug)]
pub struct Archives {
    folder: PathBuf,
    ring: KeyRing,
    audit: Key,
}

impl Archives {
    /// Archives below the data folder.
    pub fn new(data_dir: &Path, archive: &Key, audit: &Key) -> Self {
        let ring = KeyRing::new("archive", archive.clone());
        Self { folder: data_dir.join("archive"), ring, audit: audit.clone() }
    }

    /// Writes lines to a new file of their own; durable when this returns. A round that breaks off afterwards writes
    /// some of them once more: an archive may hold a line twice, and lacks none.
    fn write(&self, tenant: &TenantId, data_type: &str, lines: &[Value]) -> Result<(), ManageError> {
        let failed = |error: std::io::Error| ManageError::State {
            why: format!("the archive {} cannot be written: {error}", self.folder.display()),
        };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let name = format!("{tenant}.{data_type}.{}.jsonl", uuid::Uuid::now_v7());
        let mut text = String::new();
        for line in lines {
            text.push_str(&self.ring.seal(place(tenant, data_type), &line.to_string())?);
            text.push('\n');
        }
        let path = self.folder.join(name);
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }

    /// What stands in the archives of a tenant about one type of data, oldest first.
    pub fn read(&self, tenant: &TenantId, data_type: &str) -> Result<Vec<Value>, ManageError> {
        let failed = |error: std::io::Error| ManageError::State { why: format!("the archive cannot be read: {error}") };
        let begins = format!("{tenant}.{data_type}.");
        let mut paths: Vec<PathBuf> = match std::fs::read_dir(&self.folder) {
            Ok(found) => found.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        let ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begins));
        paths.retain(ours);
        paths.sort();
        let mut lines = Vec::new();
        for path in paths {
            for line in std::fs::read_to_string(path).map_err(failed)?.lines() {
                let clear = self.ring.open(place(tenant, data_type), line)?;
                lines.push(serde_json::from_str(clear.reveal()).unwrap_or_default());
            }
        }
        Ok(lines)
    }
}

fn place<'a>(tenant: &'a TenantId, data_type: &'a str) -> Place<'a> {
    Place { tenant, table: "archive", column: data_type, row: "" }
}

/// Says how long a type of data is kept.
pub async fn set(tx: &mut Tx, acting: &Acting<'_>, data_type: &str, new: &NewPolicy) -> Result<Policy, ManageError> {
    let known = || SHELVES.iter().map(|shelf| shelf.data_type).chain([AUDIT, BOOKINGS, IDEMPOTENCY]);
    if !known().any(|one| one == data_type) {
        let all: Vec<_> = known().collect();
        return Err(ManageError::invalid("data_type", format!("{data_type:?} is none of {}", all.join(", "))));
    }
    let (least, most) = match data_type {
        AUDIT => (AUDIT_LEAST, MOST),
        BOOKINGS => (BOOKINGS_LEAST, MOST),
        "sync_runs" | "inbox" | IDEMPOTENCY => (1, HOUSE_DAYS),
        _ => (1, MOST),
    };
    if data_type == IDEMPOTENCY && new.archive {
        return Err(ManageError::invalid("archive", "answers to repeated requests are sealed and are not archived"));
    }
    if !(least..=most).contains(&new.keep_days) {
        return Err(ManageError::invalid("keep_days", format!("must be {least} to {most}")));
    }
    let policy = Policy {
        tenant_id: acting.tenant.clone(),
        data_type: data_type.to_owned(),
        keep_days: new.keep_days,
        archive: new.archive,
        changed_ms: acting.now,
        changed_by: acting.actor.to_owned(),
    };
    retention::set(tx, &policy).await?;
    let archived = if new.archive { "and archived then" } else { "and deleted then" };
    let detail = format!("{data_type} are kept for {} days {archived}.", new.keep_days);
    acting.record(tx, "retention.set", None, &detail).await?;
    Ok(policy)
}

/// Takes a policy back.
pub async fn unset(tx: &mut Tx, acting: &Acting<'_>, data_type: &str) -> Result<(), ManageError> {
    if !retention::unset(tx, acting.tenant, data_type).await? {
        return Err(ManageError::no("policy for", data_type));
    }
    Ok(acting.record(tx, "retention.unset", None, &format!("There is no policy for {data_type} any more.")).await?)
}

/// By what past bookings are judged.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// The limits in force.
    pub limits: &'a Limits,
    /// Days before today that the reconciler keeps in step (`sync.past_days`): nothing goes that it still looks at.
    pub past_days: i64,
}

/// Ends what has outlived the policies of a tenant; answers how many of each type.
pub async fn enforce(
    store: &Store,
    archives: &Archives,
    tenant: &TenantId,
    bounds: Bounds<'_>,
    now: Timestamp,
) -> Result<Vec<(String, u64)>, ManageError> {
    let mut tx = store.begin_write().await?;
    idempotency::forget(&mut tx, now).await?;
    tx.commit().await?;
    let policies = retention::policies(&mut store.begin_read().await?, tenant).await?;
    let mut ended = Vec::new();
    for policy in policies {
        let until = now.plus_days(-policy.keep_days);
        let count = match SHELVES.iter().find(|shelf| shelf.data_type == policy.data_type) {
            Some(shelf) => clear(store, archives, shelf, &policy, until).await?,
            None if policy.data_type == AUDIT => shorten(store, archives, &policy, until, now).await?,
            None if policy.data_type == BOOKINGS => {
                let until = until.min(now.plus_days(-(bounds.past_days + SHOWN_DAYS)));
                let context = Context { now, limits: bounds.limits };
                retire(store, archives, &policy, until, context).await?
            }
            None => 0,
        };
        if count > 0 {
            ended.push((policy.data_type, count));
        }
    }
    if !ended.is_empty() {
        let told: Vec<String> = ended.iter().map(|(what, count)| format!("{count} {what}")).collect();
        let acting = Acting { tenant, actor: "system:retention", now };
        let mut tx = store.begin_write().await?;
        acting.record(&mut tx, "retention.run", None, &format!("Ended by policy: {}.", told.join(", "))).await?;
        tx.commit().await?;
    }
    Ok(ended)
}

async fn clear(
    store: &Store,
    archives: &Archives,
    shelf: &Shelf,
    policy: &Policy,
    until: Timestamp,
) -> Result<u64, ManageError> {
    let mut count = 0;
    loop {
        let old = shelf.old(&mut store.begin_read().await?, &policy.tenant_id, until, STEP).await?;
        if old.is_empty() {
            return Ok(count);
        }
        if policy.archive {
            archives.write(&policy.tenant_id, shelf.data_type, &old.iter().map(line).collect::<Vec<_>>())?;
        }
        let mut tx = store.begin_write().await?;
        for one in &old {
            shelf.remove(&mut tx, &policy.tenant_id, &one.id).await?;
            count += 1;
        }
        tx.commit().await?;
    }
}

/// Takes past bookings out of the hub, room by room. A room on whose mappings the reconciler works just now is left to the
/// next round.
async fn retire(
    store: &Store,
    archives: &Archives,
    policy: &Policy,
    until: Timestamp,
    context: Context<'_>,
) -> Result<u64, ManageError> {
    let mut count = 0;
    for room in rooms::list(&mut store.begin_read().await?, &policy.tenant_id).await? {
        let mut after = (Timestamp(i64::MIN), String::new());
        loop {
            let (of, mut tx) = ((&room.tenant_id, &room.id), store.begin_read().await?);
            let old = objects::past(&mut tx, of, until, (after.0, &after.1), STEP).await?;
            drop(tx);
            let Some(last) = old.last() else { break };
            after = (last.last_ms.unwrap_or(until), last.id.clone());
            let archives = policy.archive.then_some(archives);
            let Some(gone) = retire_some(store, archives, (&room, &old), until, context).await? else { break };
            count += gone;
        }
    }
    Ok(count)
}

/// Takes some of them out in one transaction, while nobody works on a mapping of the room; `None` where somebody does.
async fn retire_some(
    store: &Store,
    archives: Option<&Archives>,
    (room, old): (&Room, &[ObjectRow]),
    until: Timestamp,
    context: Context<'_>,
) -> Result<Option<u64>, ManageError> {
    let (mut tx, owner) = (store.begin_write().await?, format!("retention {}", uuid::Uuid::now_v7()));
    let mut held = Vec::new();
    for mapping in mappings::of_room(&mut tx, &room.tenant_id, &room.id).await? {
        let (name, end) = (format!("mapping:{}", mapping.id), context.now.plus_ms(LEASE_MS));
        let Some(lease) = leases::acquire(&mut tx, &name, &owner, context.now, end).await? else { return Ok(None) };
        held.push(lease);
    }
    let mut gone = Vec::new();
    for row in old {
        if change::retire(&mut tx, context, room, row, until).await? {
            gone.push(booked(row, room));
        }
    }
    if let Some(archives) = archives.filter(|_| !gone.is_empty()) {
        archives.write(&room.tenant_id, BOOKINGS, &gone)?;
    }
    for lease in &held {
        leases::release(&mut tx, lease).await?;
    }
    tx.commit().await?;
    Ok(Some(gone.len() as u64))
}

/// Takes the oldest entries out of the audit: a whole beginning, never one from the middle.
async fn shorten(
    store: &Store,
    archives: &Archives,
    policy: &Policy,
    until: Timestamp,
    now: Timestamp,
) -> Result<u64, ManageError> {
    let (tenant, key) = (&policy.tenant_id, &archives.audit);
    chain::extend(store, key, tenant).await?;
    let verdict = chain::verify(&mut store.begin_read().await?, key, tenant).await?;
    if let Some(broken) = verdict.broken {
        let why = format!("the audit is broken at number {}; nothing of it is ended: {}", broken.number, broken.why);
        return Err(ManageError::State { why });
    }
    let mut count = 0;
    loop {
        let mut tx = store.begin_write().await?;
        let mut head = audit_chain::lock(&mut tx, tenant).await?;
        let rows = audit_chain::after(&mut tx, tenant, head.anchor_no, STEP).await?;
        let old: Vec<Chained> = rows.into_iter().take_while(|entry| entry.at_ms < until).collect();
        let Some(last) = old.last() else { break };
        if policy.archive {
            archives.write(tenant, AUDIT, &old.iter().map(audited).collect::<Vec<_>>())?;
        }
        chain::move_anchor(key, &mut head, last)?;
        audit_chain::set_head(&mut tx, &head).await?;
        count += audit_chain::drop_until(&mut tx, tenant, head.anchor_no).await?;
        let detail = format!("The audit begins after number {}, whose code is {}.", head.anchor_no, head.anchor_hash);
        let acting = Acting { tenant, actor: "system:retention", now };
        acting.record(&mut tx, "audit.anchor", None, &detail).await?;
        tx.commit().await?;
    }
    Ok(count)
}

fn line(old: &Old) -> Value {
    json!({
        "id": old.id, "at": old.at_ms.to_string(), "place": old.place, "about": old.about, "outcome": old.outcome,
        "detail": old.detail,
    })
}

fn booked(row: &ObjectRow, room: &Room) -> Value {
    json!({
        "id": row.id, "at": row.last_ms.map(|at| at.to_string()), "place": room.id.as_str(), "room": room.slug,
        "about": row.uid.as_str(), "name": row.name.as_str(), "class": row.class, "origin": row.origin, "detail": row.body,
    })
}

fn audited(entry: &Chained) -> Value {
    json!({
        "id": entry.id, "at": entry.at_ms.to_string(), "actor": entry.actor, "action": entry.action,
        "room": entry.room_id, "uid": entry.uid, "seq": entry.seq, "detail": entry.detail, "request": entry.request,
        "number": entry.chain_no, "code": entry.chain_hash, "personal": entry.personal, "salt": entry.salt,
    })
}
