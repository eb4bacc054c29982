//! How a room hangs together with a remote calendar, and the states of the work between them.

use serde::{Deserialize, Serialize};

/// The kinds of remote calendar systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BridgeKind {
    /// Microsoft Graph.
    Graph,
    /// A booking system with the generic `/api/events` contract.
    BookingGeneric,
    /// A `PorticoEstate` booking system.
    BookingPortico,
    /// In memory, for tests.
    Memory,
}

/// Which way changes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    TwoWay,
    /// From the remote side into the hub only.
    Import,
    /// From the hub to the remote side only.
    Export,
}

/// Whose version of a field wins when both sides changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// The remote side.
    Remote,
    /// The hub.
    Hub,
    /// The side where the booking was born.
    PerOrigin,
}

/// How much of a booking may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DetailLevel {
    /// Title, text, people.
    Full,
    /// Only that the room is taken.
    Busy,
}

/// What of bookings that lie over each other leaves, where a stronger reservation class lies over a weaker one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassProjection {
    /// The strongest class alone: a weaker booking shows where nothing stronger lies over it.
    HighestWins,
    /// All of them.
    All,
}

/// Whether a mapping works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MappingState {
    /// Kept in step.
    Active,
    /// Stopped by the brake or a person, or while its copies are being removed; waits for release.
    Held,
    /// Made, and waits until a person has approved what the first contact would do.
    AwaitingApproval,
    /// Removed; kept so that copies at the remote side can still be recognised.
    Removed,
}

/// Where one link between a hub event and its remote copy stands (`ARCHITECTURE.md`, "Links and operations").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// A create was decided and may have been sent.
    Creating,
    /// Both sides are known; the base is what they last agreed on.
    Linked,
    /// A delete was decided and may have been sent.
    Deleting,
    /// Ended. Kept so that a late echo is recognised.
    Forgotten,
}

impl LinkState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Creating, Self::Linked, Self::Deleting, Self::Forgotten];

    /// Whether a link in this state may be stored in that one. A part that is wanted again after its link has ended gets
    /// another link; an item that turns up for an ended link is looked at before it is removed.
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Creating, Self::Creating | Self::Linked | Self::Deleting | Self::Forgotten)
            | (Self::Linked | Self::Deleting, Self::Linked | Self::Deleting | Self::Forgotten)
            | (Self::Forgotten, Self::Linked | Self::Forgotten) => true,
            (Self::Linked | Self::Deleting | Self::Forgotten, Self::Creating) | (Self::Forgotten, Self::Deleting) => {
                false
            }
        }
    }
}

/// Where one outgoing write stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Waits until it is due.
    Pending,
    /// A worker has it; after its lease the outcome counts as unknown.
    Sending,
    /// It may or may not have taken effect; probed before it is repeated.
    Unknown,
    /// Took effect, or was not needed any more.
    Done,
    /// Refused for good; a conflict tells why.
    Failed,
}

impl OperationState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Sending, Self::Unknown, Self::Done, Self::Failed];

    /// Whether an operation in this state may come into that one. Nobody is in doubt about what was never sent; what is
    /// done stays done; what failed is tried again because a person asks.
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Pending, Self::Pending | Self::Sending | Self::Done | Self::Failed)
            | (
                Self::Sending | Self::Unknown,
                Self::Pending | Self::Sending | Self::Unknown | Self::Done | Self::Failed,
            )
            | (Self::Failed, Self::Pending) => true,
            (Self::Pending, Self::Unknown)
            | (Self::Done, Self::Pending | Self::Sending | Self::Unknown | Self::Done | Self::Failed)
            | (Self::Failed, Self::Sending | Self::Unknown | Self::Done | Self::Failed) => false,
        }
    }
}

/// What may become of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The hub's version holds; the other one gives way.
    KeepHub,
    /// The remote side's version holds; the hub's gives way.
    KeepRemote,
    /// Both stay, as tentative.
    KeepBothTentative,
    /// The hub's version is sent once more.
    PushAgain,
    /// Everything stays as it is.
    Ignore,
}

impl Resolution {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::KeepHub, Self::KeepRemote, Self::KeepBothTentative, Self::PushAgain, Self::Ignore];

    /// The word, as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeepHub => "keep_hub",
            Self::KeepRemote => "keep_remote",
            Self::KeepBothTentative => "keep_both_tentative",
            Self::PushAgain => "push_again",
            Self::Ignore => "ignore",
        }
    }

    /// From the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}
