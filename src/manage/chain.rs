//! The audit as a chain: each entry carries a code over itself and the entry before, made with a key that is not in the
//! database. Whoever changes, moves, adds or takes out an entry without that key is found by [`verify`].
//!
//! What may name a person (actor, detail, request) stands in the chain as a salted digest. When the person is erased, the
//! salt is destroyed with the text: the digest then tells nothing, and the chain stays whole.

use super::ManageError;
use crate::crypt::CryptError;
use crate::crypt::Key;
use crate::crypt::mac;
use crate::model::TenantId;
use crate::store::Store;
use crate::store::Tx;
use crate::store::audit_chain::{self, Chained, Head};

/// Entries that are chained in one transaction.
const STEP: i64 = 200;
/// Entries that are checked at once.
const PAGE: i64 = 1000;

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Verdict {
    /// Whether nothing is wrong.
    pub whole: bool,
    /// How many entries were checked.
    pub entries: i64,
    /// Number of the first of them; entries before it were archived.
    pub first: i64,
    /// How many of them had a person erased from them.
    pub erased: i64,
    /// How many entries are so young that they are not chained yet.
    pub waiting: i64,
    /// Code of the last entry. Written down elsewhere, it shows later that no end was cut off.
    pub last_code: String,
    /// The first thing that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Broken {
    /// Number in the chain.
    pub number: i64,
    /// Id of the entry; absent where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// What is wrong.
    pub why: String,
}

/// Chains everything that waits, of all tenants; answers how many entries.
pub async fn extend_all(store: &Store, key: &Key) -> Result<u64, ManageError> {
    let mut chained = 0;
    let tenants = audit_chain::waiting(&mut store.begin_read().await?).await?;
    for tenant in tenants {
        chained += extend(store, key, &tenant).await?;
    }
    Ok(chained)
}

/// Chains what waits of one tenant. Several processes may do so at once: they take turns at the end of the chain.
pub async fn extend(store: &Store, key: &Key, tenant: &TenantId) -> Result<u64, ManageError> {
    let mut chained = 0;
    loop {
        let mut tx = store.begin_write().await?;
        let mut head = audit_chain::lock(&mut tx, tenant).await?;
        let mut rows = audit_chain::unchained(&mut tx, tenant, STEP).await?;
        if rows.is_empty() {
            return Ok(chained);
        }
        for entry in &mut rows {
            let no = head.last_no + 1;
            entry.salt = mac::salt()?;
            entry.personal = personal(key, entry);
            entry.chain_no = Some(no);
            entry.chain_hash = code(key, entry, &head.last_hash);
            (head.last_no, head.last_hash) = (no, entry.chain_hash.clone());
            chained += 1;
        }
        audit_chain::link(&mut tx, tenant, &rows).await?;
        head.code = head_code(key, &head);
        audit_chain::set_head(&mut tx, &head).await?;
        tx.commit().await?;
    }
}

/// Follows the chain of a tenant from its first kept entry to its end.
pub async fn verify(tx: &mut Tx, key: &Key, tenant: &TenantId) -> Result<Verdict, ManageError> {
    let waiting = audit_chain::count_waiting(tx, tenant).await?;
    let head = audit_chain::head(tx, tenant).await?;
    let mut walk = Walk::begin(key.clone(), head, waiting);
    while walk.verdict.broken.is_none() {
        let rows = audit_chain::after(tx, tenant, walk.no, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for entry in &rows {
            walk.follow(entry);
        }
    }
    Ok(walk.end())
}

/// A check on its way along a chain.
pub(super) struct Walk {
    key: Key,
    head: Option<Head>,
    no: i64,
    hash: String,
    verdict: Verdict,
}

impl Walk {
    /// Begins where the chain does.
    pub(super) fn begin(key: Key, head: Option<Head>, waiting: i64) -> Self {
        let (no, hash) = head.as_ref().map_or((0, String::new()), |head| (head.anchor_no, head.anchor_hash.clone()));
        let forged = head.as_ref().is_some_and(|head| head.last_no > 0 && head.code != head_code(&key, head));
        let broken = forged.then(|| Broken {
            number: no,
            entry: None,
            why: "where the chain begins and ends was changed".to_owned(),
        });
        let last_code = head.as_ref().map_or_else(String::new, |head| head.last_hash.clone());
        let verdict = Verdict { whole: false, entries: 0, first: no + 1, erased: 0, waiting, last_code, broken };
        Self { key, head, no, hash, verdict }
    }

    /// Goes on to the next entry, unless something was wrong before.
    pub(super) fn follow(&mut self, entry: &Chained) {
        if self.verdict.broken.is_none() {
            self.verdict.broken = self.step(entry);
        }
    }

    fn step(&mut self, entry: &Chained) -> Option<Broken> {
        let number = self.no + 1;
        let broken = |why: &str| Some(Broken { number, entry: Some(entry.id.clone()), why: why.to_owned() });
        if entry.chain_no != Some(number) {
            return Some(Broken { number, entry: None, why: "the entry with this number is missing".to_owned() });
        }
        if entry.chain_hash != code(&self.key, entry, &self.hash) {
            return broken("the entry was changed, or it does not follow on the one before");
        }
        if entry.erased_ms.is_some() {
            self.verdict.erased += 1;
            if entry.salt != erasure(&self.key, entry) {
                return broken("the entry says that a person was erased from it, and that is not true");
            }
        } else if entry.personal != personal(&self.key, entry) {
            return broken("who did it, what was said or the request was changed");
        }
        self.verdict.entries += 1;
        (self.no, self.hash) = (number, entry.chain_hash.clone());
        None
    }

    /// What was found.
    pub(super) fn end(mut self) -> Verdict {
        let last = self.head.as_ref().map_or(0, |head| head.last_no);
        if self.verdict.broken.is_none() && self.no != last {
            let why = format!("the chain ends here, but it had {last} entries");
            self.verdict.broken = Some(Broken { number: self.no + 1, entry: None, why });
        }
        self.verdict.whole = self.verdict.broken.is_none();
        self.verdict
    }
}

/// The chain begins after that entry from now on; what is kept is removed by the caller.
pub(super) fn move_anchor(key: &Key, head: &mut Head, entry: &Chained) -> Result<(), CryptError> {
    head.anchor_no = entry.chain_no.ok_or(CryptError::Envelope("an entry that is not chained is no anchor"))?;
    head.anchor_hash.clone_from(&entry.chain_hash);
    head.code = head_code(key, head);
    Ok(())
}

/// What stands in the place of the salt when a person was erased: only who has the key can say so.
pub(super) fn erasure(key: &Key, entry: &Chained) -> String {
    let parts = ["erased", &entry.id, &entry.actor, &entry.detail, &entry.request, &entry.personal];
    mac::sign_parts(key, &parts)
}

fn personal(key: &Key, entry: &Chained) -> String {
    mac::sign_parts(key, &["personal", &entry.salt, &entry.actor, &entry.detail, &entry.request])
}

fn code(key: &Key, entry: &Chained, before: &str) -> String {
    let number = |value: i64| value.to_string();
    let (no, at, seq) = (number(entry.chain_no.unwrap_or(0)), number(entry.at_ms.ms()), number(entry.seq));
    let (tenant, personal) = (entry.tenant_id.as_str(), entry.personal.as_str());
    let parts =
        ["entry", before, &no, &entry.id, tenant, &at, &entry.action, &entry.room_id, &entry.uid, &seq, personal];
    mac::sign_parts(key, &parts)
}

fn head_code(key: &Key, head: &Head) -> String {
    let (last, anchor) = (head.last_no.to_string(), head.anchor_no.to_string());
    let parts = ["head", head.tenant_id.as_str(), &last, &head.last_hash, &anchor, &head.anchor_hash];
    mac::sign_parts(key, &parts)
}
