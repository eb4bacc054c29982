//! Two truths that no rule could settle, or that a rule settled and a person may want to see.

use super::db::{Tx, on};
use super::deliveries;
use super::error::StoreError;
use super::row::{row, word};
use crate::model::{ConflictId, MappingId, NoticeKind, Resolution, RoomId, TenantId, Timestamp, Uid};

row! {
    /// A conflict that was open until now.
    pub struct Settled {
        /// Its id.
        pub id: ConflictId,
        /// The room.
        pub room_id: RoomId,
        /// The event.
        pub uid: Uid,
        /// How it was decided.
        pub decision: String,
    }
}

row! {
    /// A conflict.
    pub struct Conflict {
        /// Its id.
        pub id: ConflictId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// The room.
        pub room_id: RoomId,
        /// The mapping it arose on; empty for two bookings of the hub.
        pub mapping_id: String,
        /// The event.
        pub uid: Uid,
        /// `slot_collision`, `field_conflict`, `delete_edit`, `rejected`, `date_refused`, `rest_refused`, `unrepresentable`, `ambiguous`,
        /// `locked`, `mass_delete_hold`, `closure`, or the rule of the room that a booking breaks: `opening_hours`,
        /// `booking_horizon`, `lead_time`, `booking_length`, `buffer`.
        pub kind: String,
        /// What happened, in a sentence.
        pub sentence: String,
        /// The hub's version, as JSON of the normal form; empty where the hub has none.
        pub ours: String,
        /// The other version; empty where there is none. The removals that wait, for a `mass_delete_hold`.
        pub theirs: String,
        /// [`OPEN`], [`AUTO`], [`RESOLVED`] or [`EXPIRED`].
        pub state: String,
        /// When it arose.
        pub created_ms: Timestamp,
        /// When it was decided.
        pub decided_ms: Option<Timestamp>,
        /// How it was decided: the word of a [`crate::model::Resolution`], or a sentence where its cause went away.
        pub decision: String,
        /// What is decided at the deadline; empty where only a person may decide.
        pub proposal: String,
        /// Until when a person may decide; `None` for as long as it takes.
        pub deadline_ms: Option<Timestamp>,
        /// Who decided: `principal:<login>`, `command-line`, `rule`.
        pub decided_by: String,
        /// Fingerprint of the hub's booking as the rule left it; empty where the hub has none.
        pub standing: String,
    }
}

/// Waits for a person, until its deadline.
pub const OPEN: &str = "open";
/// A rule decided, at the deadline or because a later change overtook it.
pub const AUTO: &str = "auto";
/// A person decided.
pub const RESOLVED: &str = "resolved";
/// Its cause went away before anybody decided.
pub const EXPIRED: &str = "expired";

/// A conflict that begins to wait.
pub struct Opened<'a> {
    /// The room.
    pub room: (&'a TenantId, &'a RoomId),
    /// The mapping it arose on; empty for two bookings of the hub.
    pub mapping: &'a str,
    /// The event.
    pub uid: &'a Uid,
    /// Its kind.
    pub kind: &'a str,
    /// What happened.
    pub sentence: String,
    /// The hub's version and the other one.
    pub versions: (String, String),
    /// What is decided at the deadline, and when that is.
    pub proposal: Option<(Resolution, Timestamp)>,
    /// Fingerprint of the hub's booking as the rule left it.
    pub standing: String,
    /// When.
    pub now: Timestamp,
}

impl From<Opened<'_>> for Conflict {
    fn from(opened: Opened<'_>) -> Self {
        Self {
            id: ConflictId::fresh(),
            tenant_id: opened.room.0.clone(),
            room_id: opened.room.1.clone(),
            mapping_id: opened.mapping.to_owned(),
            uid: opened.uid.clone(),
            kind: opened.kind.to_owned(),
            sentence: opened.sentence,
            ours: opened.versions.0,
            theirs: opened.versions.1,
            state: OPEN.to_owned(),
            created_ms: opened.now,
            decided_ms: None,
            decision: String::new(),
            proposal: opened.proposal.map_or_else(String::new, |(proposal, _)| word(&proposal)),
            deadline_ms: opened.proposal.map(|(_, deadline)| deadline),
            decided_by: String::new(),
            standing: opened.standing,
        }
    }
}

/// Kinds in which a rule has decided at once and a person may overrule it: they stay open until their deadline, whatever
/// both sides say meanwhile, and a later one of the same booking takes the place of an earlier one.
const OVERRULABLE: [&str; 3] = ["field_conflict", "delete_edit", "locked"];

macro_rules! columns {
    () => {
        "id, tenant_id, room_id, mapping_id, uid, kind, sentence, ours, theirs, state, created_ms, decided_ms, decision, \
         proposal, deadline_ms, decided_by, standing"
    };
}
pub(super) use columns;

const INSERT: &str = concat!(
    "INSERT INTO conflicts (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
    $16, $17)"
);
const SAME_OPEN: &str = "SELECT id FROM conflicts
    WHERE tenant_id = $1 AND room_id = $2 AND mapping_id = $3 AND uid = $4 AND kind = $5 AND sentence = $6
    AND state = 'open'";
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM conflicts WHERE tenant_id = $1 AND ($2 = '' OR state = $2) ORDER BY created_ms DESC LIMIT $3"
);
const OPEN_OF: &str = "SELECT COUNT(*) FROM conflicts
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND state = 'open'";
const COUNT_OPEN: &str = "SELECT COUNT(*) FROM conflicts WHERE tenant_id = $1 AND state = 'open'";
const CLOSE: &str = "UPDATE conflicts SET state = 'expired', decided_ms = $5, decision = $6
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND mapping_id = $4 AND state = 'open'
    AND kind NOT IN ('field_conflict', 'delete_edit', 'locked', 'date_refused')
    RETURNING id, room_id, uid, decision";
const OUTDATE: &str = "UPDATE conflicts SET state = 'expired', decided_ms = $5, decision = $6
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND mapping_id = '' AND kind = $4 AND sentence <> $7
    AND state = 'open' RETURNING id, room_id, uid, decision";
const OUTDATE_BOTH: &str = "UPDATE conflicts SET state = 'expired', decided_ms = $6, decision = $7
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND mapping_id = '' AND (kind = $4 OR kind = $5)
    AND state = 'open' RETURNING id, room_id, uid, decision";
const END_WITH: &str = "UPDATE conflicts SET state = 'expired', decided_ms = $5, decision = $6
    WHERE tenant_id = $1 AND room_id = $2 AND kind = $3 AND theirs = $4 AND state = 'open'
    RETURNING id, room_id, uid, decision";
const OVERTAKE: &str = "UPDATE conflicts SET state = 'auto', decided_ms = $6, decision = proposal, decided_by = 'rule'
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND mapping_id = $4 AND kind = $5 AND state = 'open'
    RETURNING id, room_id, uid, decision";
const GET: &str = concat!("SELECT ", columns!(), " FROM conflicts WHERE tenant_id = $1 AND id = $2");
const OPEN_OF_MAPPING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM conflicts WHERE tenant_id = $1 AND mapping_id = $2 AND kind = $3 AND state = 'open'
    ORDER BY created_ms DESC, id DESC LIMIT 1"
);
const OVERDUE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM conflicts WHERE state = 'open' AND deadline_ms <= $1 ORDER BY deadline_ms, id LIMIT $2"
);
const DECIDE: &str = "UPDATE conflicts SET state = $3, decided_ms = $4, decision = $5, decided_by = $6
    WHERE tenant_id = $1 AND id = $2 AND state = 'open' RETURNING id, room_id, uid, decision";
const FORGET: &str = "DELETE FROM conflicts WHERE state <> 'open' AND decided_ms < $1";

/// Records a conflict, unless the same one is open already.
pub async fn record(tx: &mut Tx, conflict: &Conflict) -> Result<(), StoreError> {
    let same: Option<String> = on!(tx, c => sqlx::query_scalar(SAME_OPEN)
        .bind(conflict.tenant_id.as_str())
        .bind(conflict.room_id.as_str())
        .bind(&conflict.mapping_id)
        .bind(conflict.uid.as_str())
        .bind(&conflict.kind)
        .bind(&conflict.sentence)
        .fetch_optional(c).await)?;
    if OVERRULABLE.contains(&conflict.kind.as_str()) {
        overtake(tx, conflict).await?;
    } else if same.is_some() {
        return Ok(());
    }
    on!(tx, c => sqlx::query(INSERT)
        .bind(conflict.id.as_str())
        .bind(conflict.tenant_id.as_str())
        .bind(conflict.room_id.as_str())
        .bind(&conflict.mapping_id)
        .bind(conflict.uid.as_str())
        .bind(&conflict.kind)
        .bind(&conflict.sentence)
        .bind(&conflict.ours)
        .bind(&conflict.theirs)
        .bind(&conflict.state)
        .bind(conflict.created_ms.ms())
        .bind(conflict.decided_ms.map(Timestamp::ms))
        .bind(&conflict.decision)
        .bind(&conflict.proposal)
        .bind(conflict.deadline_ms.map(Timestamp::ms))
        .bind(&conflict.decided_by)
        .bind(&conflict.standing)
        .execute(c).await.map(|_| ())?);
    let notice = deliveries::Notice {
        tenant: &conflict.tenant_id,
        kind: NoticeKind::ConflictOpened,
        room: Some(&conflict.room_id),
        uid: Some(&conflict.uid),
        subject: conflict.id.as_str(),
        sentence: &conflict.sentence,
        at: conflict.created_ms,
    };
    deliveries::tell(tx, &notice).await
}

/// Tells whoever wants to know that conflicts wait no longer.
async fn tell_settled(tx: &mut Tx, tenant: &TenantId, settled: &[Settled], now: Timestamp) -> Result<(), StoreError> {
    for one in settled {
        let notice = deliveries::Notice {
            tenant,
            kind: NoticeKind::ConflictSettled,
            room: Some(&one.room_id),
            uid: Some(&one.uid),
            subject: one.id.as_str(),
            sentence: &one.decision,
            at: now,
        };
        deliveries::tell(tx, &notice).await?;
    }
    Ok(())
}

/// The open conflicts of the same kind and booking keep what their rule decided: a later one takes their place.
async fn overtake(tx: &mut Tx, by: &Conflict) -> Result<(), StoreError> {
    let settled: Vec<Settled> = on!(tx, c => sqlx::query_as(OVERTAKE)
        .bind(by.tenant_id.as_str())
        .bind(by.room_id.as_str())
        .bind(by.uid.as_str())
        .bind(&by.mapping_id)
        .bind(&by.kind)
        .bind(by.created_ms.ms())
        .fetch_all(c).await)?;
    tell_settled(tx, &by.tenant_id, &settled, by.created_ms).await
}

/// The conflict with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &ConflictId) -> Result<Option<Conflict>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// The latest open conflict of one kind on a mapping.
pub async fn open_of_mapping(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
    kind: &str,
) -> Result<Option<Conflict>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OPEN_OF_MAPPING).bind(tenant.as_str()).bind(mapping.as_str()).bind(kind)
        .fetch_optional(c).await)?)
}

/// Open conflicts of all tenants whose deadline has come, the longest overdue first.
pub async fn overdue(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Conflict>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OVERDUE).bind(now.ms()).bind(limit).fetch_all(c).await)?)
}

/// Deletes what was decided before `until`, with both versions.
pub async fn forget(tx: &mut Tx, until: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FORGET).bind(until.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Conflicts of a tenant in one state, or in any for `""`, newest first.
pub async fn list(tx: &mut Tx, tenant: &TenantId, state: &str, limit: i64) -> Result<Vec<Conflict>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).bind(state).bind(limit).fetch_all(c).await)?)
}

/// Whether a conflict about an event is open.
pub async fn is_open(tx: &mut Tx, (tenant, room, uid): (&TenantId, &RoomId, &Uid)) -> Result<bool, StoreError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(OPEN_OF)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(uid.as_str())
        .fetch_one(c).await)?;
    Ok(count > 0)
}

/// How many conflicts wait for a person.
pub async fn count_open(tx: &mut Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(COUNT_OPEN).bind(tenant.as_str()).fetch_one(c).await)?)
}

/// Ends the open conflicts of an event on a mapping whose cause is gone. Those in which a rule has decided stay open for
/// who wants to overrule it.
pub async fn settle(
    tx: &mut Tx,
    event: (&TenantId, &RoomId, &Uid),
    mapping: &str,
    now: Timestamp,
    decision: &str,
) -> Result<(), StoreError> {
    let settled: Vec<Settled> = on!(tx, c => sqlx::query_as(CLOSE)
        .bind(event.0.as_str())
        .bind(event.1.as_str())
        .bind(event.2.as_str())
        .bind(mapping)
        .bind(now.ms())
        .bind(decision)
        .fetch_all(c).await)?;
    tell_settled(tx, event.0, &settled, now).await
}

/// Ends the open conflicts of one kind that an event has inside the hub, except the one with the sentence
/// `standing`; `""` for all.
pub async fn outdate(
    tx: &mut Tx,
    event: (&TenantId, &RoomId, &Uid),
    kind: &str,
    now: Timestamp,
    (decision, standing): (&str, &str),
) -> Result<(), StoreError> {
    let settled: Vec<Settled> = on!(tx, c => sqlx::query_as(OUTDATE)
        .bind(event.0.as_str())
        .bind(event.1.as_str())
        .bind(event.2.as_str())
        .bind(kind)
        .bind(now.ms())
        .bind(decision)
        .bind(standing)
        .fetch_all(c).await)?;
    tell_settled(tx, event.0, &settled, now).await
}

/// Ends the open conflicts of two kinds that an event has inside the hub, whatever they say.
pub async fn outdate_both(
    tx: &mut Tx,
    event: (&TenantId, &RoomId, &Uid),
    kinds: (&str, &str),
    now: Timestamp,
    decision: &str,
) -> Result<(), StoreError> {
    let settled: Vec<Settled> = on!(tx, c => sqlx::query_as(OUTDATE_BOTH)
        .bind(event.0.as_str())
        .bind(event.1.as_str())
        .bind(event.2.as_str())
        .bind(kinds.0)
        .bind(kinds.1)
        .bind(now.ms())
        .bind(decision)
        .fetch_all(c).await)?;
    tell_settled(tx, event.0, &settled, now).await
}

/// Ends the open conflicts of one kind that any event of a room has with `theirs`: that side is gone.
pub async fn end_with(
    tx: &mut Tx,
    room: (&TenantId, &RoomId),
    (kind, theirs): (&str, &str),
    now: Timestamp,
    decision: &str,
) -> Result<(), StoreError> {
    let settled: Vec<Settled> = on!(tx, c => sqlx::query_as(END_WITH)
        .bind(room.0.as_str())
        .bind(room.1.as_str())
        .bind(kind)
        .bind(theirs)
        .bind(now.ms())
        .bind(decision)
        .fetch_all(c).await)?;
    tell_settled(tx, room.0, &settled, now).await
}

/// What was decided.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// [`AUTO`], [`RESOLVED`] or [`EXPIRED`].
    pub state: &'a str,
    /// The word of a resolution, or a sentence where its cause went away.
    pub decision: &'a str,
    /// Who.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
}

/// Closes an open conflict; `false` when it is not open.
pub async fn decide(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &ConflictId,
    decided: &Decided<'_>,
) -> Result<bool, StoreError> {
    let settled: Vec<Settled> = on!(tx, c => sqlx::query_as(DECIDE)
        .bind(tenant.as_str())
        .bind(id.as_str())
        .bind(decided.state)
        .bind(decided.now.ms())
        .bind(decided.decision)
        .bind(decided.by)
        .fetch_all(c).await)?;
    tell_settled(tx, tenant, &settled, decided.now).await?;
    Ok(!settled.is_empty())
}
