//! How rows become values: a column is text, a number or a truth value, each perhaps absent, and every type of the model
//! says from which of them it is read.

use crate::model::{
    AlertId, AlertKind, AlertState, ApprovalId, Authority, BridgeId, BridgeKind, ClassProjection, ConflictId,
    DeliveryState, DetailLevel, Direction, Etag, Features, FeedId, Fingerprint, LinkId, LinkState, MappingId,
    MappingState, NoticeKind, ObjectName, OperationId, OperationState, PrincipalId, PrincipalKind, Privilege,
    ProviderId, RegistrationId, ReservationClass, Role, RoomGroupId, RoomId, RoomKind, RoomRules, Scope, SessionId,
    Severity, SubscriptionId, TenantId, TenantState, Timestamp, Uid, WebhookId, WebhookState, ZoneId,
};
use serde::Serialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};

/// A value that is read from one column.
pub(super) trait FromColumn: Sized {
    /// What the driver reads.
    type Raw;
    /// The value, or what is wrong with the raw one.
    fn from_raw(raw: Self::Raw) -> Result<Self, String>;
}

macro_rules! plain {
    ($($ty:ty),*) => { $(
        impl FromColumn for $ty {
            type Raw = $ty;
            fn from_raw(raw: $ty) -> Result<Self, String> { Ok(raw) }
        }
    )* };
}
plain!(String, i64, bool, Option<String>, Option<i64>);

macro_rules! from_text {
    ($($ty:ty),*) => { $(
        impl FromColumn for $ty {
            type Raw = String;
            fn from_raw(raw: String) -> Result<Self, String> { Ok(raw.into()) }
        }
    )* };
}
from_text!(
    AlertId,
    ApprovalId,
    TenantId,
    PrincipalId,
    ProviderId,
    SessionId,
    RoomGroupId,
    RoomId,
    BridgeId,
    MappingId,
    LinkId,
    OperationId,
    FeedId,
    SubscriptionId,
    ConflictId,
    RegistrationId,
    WebhookId,
    Etag,
    Fingerprint
);

macro_rules! from_word {
    ($($ty:ty),*) => { $(
        impl FromColumn for $ty {
            type Raw = String;
            fn from_raw(raw: String) -> Result<Self, String> { read_word(&raw) }
        }
    )* };
}
from_word!(
    AlertKind,
    AlertState,
    Authority,
    BridgeKind,
    ClassProjection,
    DeliveryState,
    DetailLevel,
    Direction,
    LinkState,
    MappingState,
    NoticeKind,
    OperationState,
    PrincipalKind,
    Privilege,
    ReservationClass,
    Role,
    RoomKind,
    Severity,
    TenantState,
    WebhookState
);

impl FromColumn for Uid {
    type Raw = String;
    fn from_raw(raw: String) -> Result<Self, String> {
        Ok(Self(raw))
    }
}

impl FromColumn for Timestamp {
    type Raw = i64;
    fn from_raw(raw: i64) -> Result<Self, String> {
        Ok(Self(raw))
    }
}

impl FromColumn for Option<Timestamp> {
    type Raw = Option<i64>;
    fn from_raw(raw: Option<i64>) -> Result<Self, String> {
        Ok(raw.map(Timestamp))
    }
}

impl FromColumn for ObjectName {
    type Raw = String;
    fn from_raw(raw: String) -> Result<Self, String> {
        Self::parse(&raw).ok_or_else(|| format!("{raw:?} is no object name"))
    }
}

impl FromColumn for Features {
    type Raw = String;
    fn from_raw(raw: String) -> Result<Self, String> {
        Self::parse(&raw).ok_or_else(|| format!("{raw:?} is no list of features"))
    }
}

impl FromColumn for ZoneId {
    type Raw = String;
    fn from_raw(raw: String) -> Result<Self, String> {
        Self::parse(&raw).ok_or_else(|| format!("{raw:?} is no time zone"))
    }
}

impl FromColumn for RoomRules {
    type Raw = String;
    fn from_raw(raw: String) -> Result<Self, String> {
        serde_json::from_str(&raw).map_err(|error| error.to_string())
    }
}

impl FromColumn for Scope {
    type Raw = String;
    fn from_raw(raw: String) -> Result<Self, String> {
        Ok(Self::from_text(&raw))
    }
}

/// The steps from state to state that are allowed, as SQL literals `'from>to'`.
pub(super) fn steps<T: Copy + Serialize>(all: &[T], allowed: impl Fn(T, T) -> bool) -> String {
    let pairs = all.iter().flat_map(|from| all.iter().map(move |to| (*from, *to)));
    let literals =
        pairs.filter(|(from, to)| allowed(*from, *to)).map(|(from, to)| format!("'{}>{}'", word(&from), word(&to)));
    literals.collect::<Vec<_>>().join(", ")
}

/// The word by which a unit variant is stored: the same as in JSON.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Back from the stored word.
fn read_word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let word: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(word).map_err(|error| error.to_string())
}

/// Declares a struct that is read from the columns of the same names, on either engine.
macro_rules! row {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty,)* }

        impl<'r, R> sqlx::FromRow<'r, R> for $name
        where
            R: sqlx::Row,
            &'static str: sqlx::ColumnIndex<R>,
            String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            bool: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            Option<String>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            Option<i64>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: {
                    let raw: <$ty as $crate::store::row::FromColumn>::Raw = row.try_get(stringify!($field))?;
                    <$ty as $crate::store::row::FromColumn>::from_raw(raw).map_err(|what| {
                        sqlx::Error::ColumnDecode {
                            index: stringify!($field).to_owned(),
                            source: what.into(),
                        }
                    })?
                },)* })
            }
        }
    };
}
pub(super) use row;
