//! The keys that secrets are sealed with: taken from the database, rotated while everything runs, retired when nothing
//! uses them.
//!
//! A key goes through four states. It is made and every replica learns it; from [`SETTLE_MS`] later on it seals;
//! when a newer one seals it only opens, and what it sealed is sealed anew in small steps; when nothing in the database
//! was sealed with it any more, and nobody can still be writing with it, it is destroyed.

use super::{Acting, ManageError};
use crate::crypt::CryptError;
use crate::crypt::Key;
use crate::crypt::KeyProvider;
use crate::crypt::KeyRing;
use crate::crypt::Keys;
use crate::crypt::Place;
use crate::crypt::prefix;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::Store;
use crate::store::Tx;
use crate::store::data_keys::{self, DataKey};
use crate::store::leases;
use crate::store::schema;
use crate::store::sealed::{COLUMNS, Column, SealedRow};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Milliseconds between making a key and sealing with it: every replica has looked meanwhile.
pub const SETTLE_MS: i64 = 30_000;
/// Milliseconds after which nobody can still be writing what an older key sealed.
pub const LAST_WRITE_MS: i64 = 600_000;
/// Values that are sealed anew in one transaction.
const STEP: i64 = 100;
/// Milliseconds for which one replica seals anew before another may.
const LEASE_MS: i64 = 60_000;

/// Where keys come from.
#[derive(Clone)]
pub struct Vault {
    store: Store,
    provider: Arc<dyn KeyProvider>,
}

/// One key, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    /// Its id.
    pub id: String,
    /// What it does.
    pub state: KeyWord,
    /// When it was made; unknown for a master key.
    pub created: Option<Timestamp>,
    /// When it was destroyed.
    pub retired: Option<Timestamp>,
    /// How many stored values are sealed with it.
    pub values: i64,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyWord {
    /// Made a moment ago; replicas learn it before it seals.
    Waiting,
    /// Seals everything that is written now.
    Sealing,
    /// Opens what is not sealed anew yet.
    Opening,
    /// Destroyed.
    Retired,
    /// A master key that sealed directly, before keys were kept in the database.
    Direct,
}

/// The keys of an installation and what they are used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReport {
    /// Where the master key is.
    pub provider: String,
    /// The keys, oldest first.
    pub keys: Vec<KeyState>,
    /// How many values are sealed.
    pub values: i64,
    /// How many of them are still to be sealed anew with the present key.
    pub left: i64,
    /// Tenants whose secrets cannot be opened, and why.
    pub closed: BTreeMap<TenantId, String>,
}

impl Vault {
    /// A vault on that database, with that master key.
    pub fn new(store: Store, provider: Arc<dyn KeyProvider>) -> Self {
        Self { store, provider }
    }

    /// The keys of the database; the first start makes them. Refused when the master key does not open them.
    pub async fn open(&self, now: Timestamp) -> Result<Keys, ManageError> {
        let mut stored = data_keys::list(&mut self.store.begin_read().await?).await?;
        if !stored.iter().any(|key| key.purpose == data_keys::ROOT) {
            self.begin(now).await?;
            stored = data_keys::list(&mut self.store.begin_read().await?).await?;
        }
        let (root, ring) = unwrap_all(&self.provider, &stored, now).await?;
        self.wrap_anew(&stored).await?;
        Ok(Keys::from_root(&root, ring))
    }

    /// Makes root and first key. Of two replicas that start at once, one wins, and both read the same afterwards.
    async fn begin(&self, now: Timestamp) -> Result<(), ManageError> {
        let root = match self.provider.direct().into_iter().next() {
            Some((_, first)) => first,
            None => Key::generate()?,
        };
        let root = self.wrapped("root", data_keys::ROOT, &root, (now, now)).await?;
        let first = self.wrapped("d1", data_keys::SEAL, &Key::generate()?, (now, now)).await?;
        let mut tx = self.store.begin_write().await?;
        if data_keys::insert(&mut tx, &root).await? {
            data_keys::insert(&mut tx, &first).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn wrapped(
        &self,
        id: &str,
        purpose: &str,
        key: &Key,
        (made, seals): (Timestamp, Timestamp),
    ) -> Result<DataKey, ManageError> {
        let (provider, name, key) = (self.provider.clone(), id.to_owned(), key.clone());
        let wrapped = elsewhere(move || provider.wrap(&name, &key)).await?;
        Ok(DataKey {
            id: id.to_owned(),
            purpose: purpose.to_owned(),
            wrapped,
            created_ms: made,
            seals_from_ms: seals,
            retired_ms: None,
        })
    }

    /// What was wrapped with a master key that shall go is wrapped with the present one.
    async fn wrap_anew(&self, stored: &[DataKey]) -> Result<(), ManageError> {
        let living = stored.iter().filter(|key| key.retired_ms.is_none());
        for key in living.filter(|key| !self.provider.is_current(&key.wrapped)) {
            let Ok(clear) = unwrap(&self.provider, key).await else { continue };
            let anew = self.wrapped(&key.id, &key.purpose, &clear, (key.created_ms, key.seals_from_ms)).await?;
            let mut tx = self.store.begin_write().await?;
            data_keys::rewrap(&mut tx, key, &anew.wrapped).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Learns keys that others made or retired, and lets the newest seal when its time has come.
    pub async fn refresh(&self, ring: &KeyRing, now: Timestamp) -> Result<(), ManageError> {
        let stored = data_keys::list(&mut self.store.begin_read().await?).await?;
        install(&self.provider, ring, &stored, now).await
    }

    /// Makes a new key that is not stored yet: what a security module does is done before a transaction begins.
    pub async fn make(&self, now: Timestamp) -> Result<DataKey, ManageError> {
        let stored = data_keys::list(&mut self.store.begin_read().await?).await?;
        let numbers = stored.iter().filter_map(|key| key.id.strip_prefix('d')?.parse::<u32>().ok());
        let id = format!("d{}", numbers.max().unwrap_or(0) + 1);
        self.wrapped(&id, data_keys::SEAL, &Key::generate()?, (now, now.plus_ms(SETTLE_MS))).await
    }

    /// What there is and how far the last rotation has come.
    pub async fn report(&self, ring: &KeyRing, now: Timestamp) -> Result<KeyReport, ManageError> {
        let mut tx = self.store.begin_read().await?;
        let stored = data_keys::list(&mut tx).await?;
        let stored: Vec<_> = stored.into_iter().filter(|key| key.purpose == data_keys::SEAL).collect();
        let sealing = stored.iter().rfind(|key| key.seals_from_ms <= now).map(|key| key.id.clone());
        let mut keys = Vec::new();
        for (id, _) in self.provider.direct() {
            let values = uses(&mut tx, &id).await?;
            keys.push(KeyState { id, state: KeyWord::Direct, created: None, retired: None, values });
        }
        for key in stored {
            let values = uses(&mut tx, &key.id).await?;
            let state = match key.retired_ms {
                Some(_) => KeyWord::Retired,
                None if key.seals_from_ms > now => KeyWord::Waiting,
                None if Some(&key.id) == sealing.as_ref() => KeyWord::Sealing,
                None => KeyWord::Opening,
            };
            let created = Some(key.created_ms);
            keys.push(KeyState { id: key.id, state, created, retired: key.retired_ms, values });
        }
        let mut values = 0;
        for column in COLUMNS {
            values += column.count_all(&mut tx).await?;
        }
        let present: i64 = keys.iter().filter(|key| key.state == KeyWord::Sealing).map(|key| key.values).sum();
        let (provider, closed) = (self.provider.kind().to_owned(), ring.all_closed());
        Ok(KeyReport { provider, keys, values, left: values - present, closed })
    }

    /// Seals anew what older keys sealed, in small steps, unless another replica does; answers how many values moved.
    pub async fn seal_anew(&self, ring: &KeyRing, owner: &str, now: Timestamp) -> Result<u64, ManageError> {
        let mut moved = 0;
        for column in COLUMNS {
            let mut after = String::new();
            let present = prefix(&ring.current_id());
            if column.others(&mut self.store.begin_read().await?, &present, "", 1).await?.is_empty() {
                continue;
            }
            loop {
                let mut tx = self.store.begin_write().await?;
                let until = now.plus_ms(LEASE_MS);
                if leases::acquire(&mut tx, "keys", owner, now, until).await?.is_none() {
                    return Ok(moved);
                }
                let rows = column.others(&mut tx, &present, &after, STEP).await?;
                let Some(last) = rows.last() else { break };
                after.clone_from(&last.row_id);
                moved += reseal(&mut tx, ring, column, &rows).await?;
                tx.commit().await?;
            }
        }
        Ok(moved)
    }

    /// Destroys keys that nothing uses any more; answers which.
    pub async fn retire(&self, now: Timestamp) -> Result<Vec<String>, ManageError> {
        let mut tx = self.store.begin_write().await?;
        // There may be sealed values in columns that only a later version knows.
        if schema::is_later(&mut tx).await? {
            return Ok(Vec::new());
        }
        let stored = data_keys::list(&mut tx).await?;
        let seals = |key: &&DataKey| key.purpose == data_keys::SEAL && key.retired_ms.is_none();
        let settled = |key: &&DataKey| key.seals_from_ms.plus_ms(LAST_WRITE_MS) <= now;
        let Some(present) = stored.iter().filter(seals).rfind(settled) else { return Ok(Vec::new()) };
        let mut retired = Vec::new();
        for key in stored.iter().filter(seals).filter(|key| key.seals_from_ms < present.seals_from_ms) {
            if uses(&mut tx, &key.id).await? == 0 && data_keys::retire(&mut tx, &key.id, now).await? {
                retired.push(key.id.clone());
            }
        }
        tx.commit().await?;
        Ok(retired)
    }

    /// Looks whether everything that is sealed opens. Nothing of a tenant where something does not is opened from then
    /// on: half of its secrets would make half a truth. The others work on. Answers who is closed, and why.
    pub async fn check(&self, ring: &KeyRing) -> Result<BTreeMap<TenantId, String>, ManageError> {
        let mut closed = BTreeMap::new();
        // Answers to repeated requests are kept for a day, and nothing depends on them.
        for column in COLUMNS.iter().filter(|column| column.table != "idempotency_keys") {
            let mut after = String::new();
            loop {
                let rows = column.page(&mut self.store.begin_read().await?, &after, STEP).await?;
                let Some(last) = rows.last() else { break };
                after.clone_from(&last.row_id);
                for row in &rows {
                    if let Err(error) = ring.look(place(column, row), &row.sealed) {
                        closed.entry(row.tenant_id.clone()).or_insert_with(|| error.to_string());
                    }
                }
            }
        }
        ring.close_only(closed.clone());
        Ok(closed)
    }
}

/// Opens stored keys, those of a database or of a backup: the root, and a ring with the others.
pub(super) async fn unwrap_all(
    provider: &Arc<dyn KeyProvider>,
    stored: &[DataKey],
    now: Timestamp,
) -> Result<(Key, KeyRing), ManageError> {
    let root = stored.iter().find(|key| key.purpose == data_keys::ROOT);
    let root = unwrap(provider, root.ok_or(CryptError::Envelope("there is no root key"))?).await?;
    let ring = KeyRing::new("root", root.clone());
    install(provider, &ring, stored, now).await?;
    Ok((root, ring))
}

async fn unwrap(provider: &Arc<dyn KeyProvider>, key: &DataKey) -> Result<Key, CryptError> {
    let (provider, key) = (provider.clone(), key.clone());
    elsewhere(move || provider.unwrap(&key.id, &key.wrapped)).await
}

/// Puts the living keys into a ring. One that does not open is left out: what it sealed is found by the check.
async fn install(
    provider: &Arc<dyn KeyProvider>,
    ring: &KeyRing,
    stored: &[DataKey],
    now: Timestamp,
) -> Result<(), ManageError> {
    let mut older = provider.direct();
    let (mut current, mut refused) = (None, None);
    for key in stored.iter().filter(|key| key.purpose == data_keys::SEAL && key.retired_ms.is_none()) {
        let opened = match ring.get(&key.id) {
            Some(known) => known,
            None => match unwrap(provider, key).await {
                Ok(opened) => opened,
                Err(error) => {
                    tracing::error!("{error}");
                    refused = Some(error);
                    continue;
                }
            },
        };
        let one = (key.id.clone(), opened);
        if key.seals_from_ms > now {
            older.push(one);
        } else if let Some(before) = current.replace(one) {
            older.push(before);
        }
    }
    let missing = CryptError::Envelope("the database has no key to seal with");
    let current = current.ok_or_else(|| refused.unwrap_or(missing))?;
    ring.install(current, older);
    Ok(())
}

/// Stores a new key, which seals from half a minute later on.
pub async fn rotate(tx: &mut Tx, acting: &Acting<'_>, key: &DataKey) -> Result<(), ManageError> {
    let stored = data_keys::list(tx).await?;
    if let Some(waiting) = stored.iter().find(|key| key.seals_from_ms > acting.now) {
        let id = &waiting.id;
        let why = format!("the key {id} was made a moment ago and seals shortly; there is no need for another");
        return Err(ManageError::State { why });
    }
    if !data_keys::insert(tx, key).await? {
        return Err(ManageError::State { why: "somebody else rotates the keys just now".to_owned() });
    }
    let detail = format!("Key {} was made and seals in half a minute.", key.id);
    Ok(acting.record(tx, "keys.rotate", None, &detail).await?)
}

/// How many values are sealed with a key.
async fn uses(tx: &mut Tx, id: &str) -> Result<i64, ManageError> {
    let mut values = 0;
    for column in COLUMNS {
        values += column.count(tx, &prefix(id)).await?;
    }
    Ok(values)
}

async fn reseal(tx: &mut Tx, ring: &KeyRing, column: &Column, rows: &[SealedRow]) -> Result<u64, ManageError> {
    let mut moved = 0;
    for row in rows {
        // What does not open stays as it is: the key may come back.
        if let Ok(Some(sealed)) = ring.reseal(place(column, row), &row.sealed)
            && column.replace(tx, row, &sealed).await?
        {
            moved += 1;
        }
    }
    Ok(moved)
}

fn place<'a>(column: &Column, row: &'a SealedRow) -> Place<'a> {
    Place { tenant: &row.tenant_id, table: column.table, column: column.name, row: &row.row_id }
}

/// A security module may take its time: not on a thread that serves requests.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CryptError> + Send + 'static,
) -> Result<T, CryptError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|_| CryptError::Module("the thread that asked it ended early".to_owned()))?
}
