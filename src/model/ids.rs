//! Typed identifiers: newtypes over UUIDv7 text, so that ids of different things cannot be swapped.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A fresh id. UUIDv7, so that ids made later sort later and index pages fill in order.
            pub fn fresh() -> Self {
                Self(uuid::Uuid::now_v7().to_string())
            }

            /// The id as it is stored and printed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// One organisation.
    TenantId
);
id!(
    /// A person, device or service that logs in (RFC 3744, 2).
    PrincipalId
);
id!(
    /// A room or piece of equipment.
    RoomId
);
id!(
    /// A configured remote calendar system.
    BridgeId
);
id!(
    /// A room on one bridge.
    MappingId
);
id!(
    /// One event on both sides of a mapping.
    LinkId
);
id!(
    /// One outgoing write.
    OperationId
);
id!(
    /// A signed feed.
    FeedId
);
id!(
    /// A subscription for change notifications at a remote system.
    SubscriptionId
);
id!(
    /// Two truths that wait for a decision.
    ConflictId
);
id!(
    /// Somebody's wish to be told over Web Push that a room has changed.
    RegistrationId
);
id!(
    /// A booking that waits for somebody who administers the room.
    ApprovalId
);
id!(
    /// An address outside that is told what happens.
    WebhookId
);
id!(
    /// Something that somebody should look at.
    AlertId
);
id!(
    /// Whom a tenant trusts to say who somebody is (`OpenID` Connect).
    ProviderId
);
id!(
    /// A browser that is signed in.
    SessionId
);
id!(
    /// Rooms for which rights are given together.
    RoomGroupId
);
