//! Registrations for push messages (WebDAV-Push): who is told that a room has changed, and up to where it was told.
//!
//! Nothing is written when a room changes: a registration waits exactly when the room's sequence number is beyond the one
//! that was told last. So no change can be missed, however it came and wherever the process died.

use super::bell::Waking;
use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{PrincipalId, RegistrationId, RoomId, TenantId, Timestamp};

row! {
    /// A wish to be told.
    pub struct Registration {
        /// Its id, the last segment of its URL.
        pub id: RegistrationId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// Who is told.
        pub principal_id: PrincipalId,
        /// About which room.
        pub room_id: RoomId,
        /// Keyed hash of the push resource.
        pub resource_hash: String,
        /// Push resource and keys, sealed.
        pub sealed_target: String,
        /// Told of changed, new and gone members.
        pub content: bool,
        /// Told of changed properties of the room.
        pub property: bool,
        /// The room's sequence number that was told last.
        pub told_seq: i64,
        /// How often a property of the room has changed since the registration was made.
        pub property_seq: i64,
        /// Up to which of these changes it was told.
        pub property_told: i64,
        /// Nothing is sent before.
        pub due_ms: Timestamp,
        /// Failures in a row.
        pub attempts: i64,
        /// The last of them, as a sentence.
        pub last_error: String,
        /// When it ends.
        pub expires_ms: Timestamp,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, principal_id, room_id, resource_hash, sealed_target, content, property, told_seq, \
         property_seq, property_told, due_ms, attempts, last_error, expires_ms, created_ms"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO push_registrations (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
);
const GET: &str = concat!("SELECT ", columns!(), " FROM push_registrations WHERE tenant_id = $1 AND id = $2");
const SAME: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM push_registrations WHERE tenant_id = $1 AND room_id = $2 AND principal_id = $3 AND resource_hash = $4"
);
const RENEW: &str = "UPDATE push_registrations SET sealed_target = $3, content = $4, property = $5, expires_ms = $6,
    due_ms = $7, attempts = 0, last_error = '' WHERE tenant_id = $1 AND id = $2";
const COUNT: &str = "SELECT COUNT(*) FROM push_registrations WHERE tenant_id = $1 AND principal_id = $2";
const COUNT_ALL: &str = "SELECT COUNT(*) FROM push_registrations WHERE tenant_id = $1";
const DELETE: &str = "DELETE FROM push_registrations WHERE tenant_id = $1 AND id = $2";
const EXPIRE: &str = "DELETE FROM push_registrations WHERE expires_ms <= $1";
const WAITING: &str = "SELECT p.id AS id, p.tenant_id AS tenant_id, p.principal_id AS principal_id,
    p.room_id AS room_id, p.resource_hash AS resource_hash, p.sealed_target AS sealed_target, p.content AS content,
    p.property AS property, p.told_seq AS told_seq, p.property_seq AS property_seq,
    p.property_told AS property_told, p.due_ms AS due_ms, p.attempts AS attempts, p.last_error AS last_error, p.expires_ms AS expires_ms, p.created_ms AS created_ms
    FROM push_registrations p JOIN rooms r ON r.id = p.room_id
    WHERE p.due_ms <= $1 AND p.expires_ms > $1
    AND ((p.content AND r.seq > p.told_seq) OR (p.property AND p.property_seq > p.property_told))
    ORDER BY p.due_ms, p.id LIMIT $2";
const CLAIM: &str = "UPDATE push_registrations SET due_ms = $4 WHERE tenant_id = $1 AND id = $2 AND due_ms = $3";
const TOLD: &str =
    "UPDATE push_registrations SET told_seq = $3, property_told = $4, due_ms = $5, attempts = 0, last_error = ''
    WHERE tenant_id = $1 AND id = $2";
const FAILED: &str = "UPDATE push_registrations SET attempts = attempts + 1, due_ms = $3, last_error = $4
    WHERE tenant_id = $1 AND id = $2";
const LEAVE_OUT: &str = "UPDATE push_registrations
    SET told_seq = (SELECT r.seq FROM rooms r WHERE r.id = push_registrations.room_id)
    WHERE tenant_id = $1 AND room_id = $2 AND principal_id = $3 AND told_seq >= $4 AND ($5 = '*' OR id = $5)";
const PROPERTY: &str = "UPDATE push_registrations SET property_seq = property_seq + 1
    WHERE tenant_id = $1 AND room_id = $2 AND property AND ($3 = '*' OR principal_id = $3) AND id <> $4";

/// Stores a new registration.
pub async fn insert(tx: &mut Tx, new: &Registration) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(new.id.as_str())
        .bind(new.tenant_id.as_str())
        .bind(new.principal_id.as_str())
        .bind(new.room_id.as_str())
        .bind(&new.resource_hash)
        .bind(&new.sealed_target)
        .bind(new.content)
        .bind(new.property)
        .bind(new.told_seq)
        .bind(new.property_seq)
        .bind(new.property_told)
        .bind(new.due_ms.ms())
        .bind(new.attempts)
        .bind(&new.last_error)
        .bind(new.expires_ms.ms())
        .bind(new.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The registration with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &RegistrationId) -> Result<Option<Registration>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// The registration of the same push resource for the same room by the same principal.
pub async fn same(tx: &mut Tx, new: &Registration) -> Result<Option<Registration>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(SAME)
        .bind(new.tenant_id.as_str())
        .bind(new.room_id.as_str())
        .bind(new.principal_id.as_str())
        .bind(&new.resource_hash)
        .fetch_optional(c).await)?)
}

/// Gives a registration new keys, triggers and a new end; what was not told yet stays to be told.
pub async fn renew(tx: &mut Tx, registration: &Registration) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(RENEW)
        .bind(registration.tenant_id.as_str())
        .bind(registration.id.as_str())
        .bind(&registration.sealed_target)
        .bind(registration.content)
        .bind(registration.property)
        .bind(registration.expires_ms.ms())
        .bind(registration.due_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// How many registrations a principal has.
pub async fn count(tx: &mut Tx, tenant: &TenantId, principal: &PrincipalId) -> Result<i64, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(COUNT).bind(tenant.as_str()).bind(principal.as_str()).fetch_one(c).await)?)
}

/// How many registrations a tenant has.
pub async fn count_of_tenant(tx: &mut Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(COUNT_ALL).bind(tenant.as_str()).fetch_one(c).await)?)
}

/// Ends a registration.
pub async fn delete(tx: &mut Tx, tenant: &TenantId, id: &RegistrationId) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(DELETE).bind(tenant.as_str()).bind(id.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Ends what has expired, in every tenant.
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(EXPIRE).bind(now.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Registrations of any tenant that wait for a message which may be sent now.
pub async fn waiting(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Registration>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(WAITING).bind(now.ms()).bind(limit).fetch_all(c).await)?)
}

/// Takes the sending of one message over until `until`; `false` where another process has.
pub async fn claim(tx: &mut Tx, one: &Registration, until: Timestamp) -> Result<bool, StoreError> {
    let taken = on!(tx, c => sqlx::query(CLAIM)
        .bind(one.tenant_id.as_str())
        .bind(one.id.as_str())
        .bind(one.due_ms.ms())
        .bind(until.ms())
        .execute(c).await.map(|done| done.rows_affected())?);
    Ok(taken == 1)
}

/// Remembers that the push service took a message about the room's change `seq` and all property changes that `one`
/// counts; nothing more is sent before `due`.
pub async fn told(tx: &mut Tx, one: &Registration, seq: i64, due: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(TOLD)
        .bind(one.tenant_id.as_str())
        .bind(one.id.as_str())
        .bind(seq)
        .bind(one.property_seq)
        .bind(due.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Remembers that the push service did not take a message, and when to try again.
pub async fn failed(tx: &mut Tx, one: &Registration, due: Timestamp, why: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FAILED)
        .bind(one.tenant_id.as_str())
        .bind(one.id.as_str())
        .bind(due.ms())
        .bind(why)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Whom a change need not be told to: the one who makes it.
pub struct Maker<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// Who.
    pub principal: &'a PrincipalId,
    /// One registration of theirs, or `*` for all.
    pub registration: &'a str,
}

/// Spares its maker the message about what happened in a room since the sequence number `since`, unless something older
/// is still to be told.
pub async fn leave_out(tx: &mut Tx, maker: &Maker<'_>, room: &RoomId, since: i64) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(LEAVE_OUT)
        .bind(maker.tenant.as_str())
        .bind(room.as_str())
        .bind(maker.principal.as_str())
        .bind(since)
        .bind(maker.registration)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Notes that a property of a room has changed: for everybody, or for one principal, but not for one registration.
pub async fn property_changed(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    principal: Option<&PrincipalId>,
    except: &str,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(PROPERTY)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(principal.map_or("*", PrincipalId::as_str))
        .bind(except)
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::ANNOUNCER);
    Ok(())
}
