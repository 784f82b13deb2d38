//! What a cell is decided from: the few facts about a subscriber that the machine knows. Where they
//! are kept, and what else is known of a subscriber, it does not.

use jiff::Timestamp;

use super::LineItems;
use crate::language::Language;
use crate::message::{Channel, named};
use crate::subscriber::AnchorDay;

/// A subscriber as the run finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// When they came: who came after a run's scheduled time is not on its tape.
    pub made_at: Timestamp,
    /// Whether they are billed.
    pub subscription: Subscription,
    /// What their plan costs for the period, at the prices that the run froze; none where their plan
    /// is not known, which costs them a bill until somebody has put that right.
    pub lines: Option<LineItems>,
    /// On which day their bills are due.
    pub anchor: AnchorDay,
    /// How they are told.
    pub reach: Reach,
}

/// Whether a subscriber is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subscription {
    /// They are.
    Active,
    /// Not for now.
    Paused,
}

/// How a subscriber is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Over this.
    By(Channel),
    /// They cannot be told.
    Nothing(NoChannel),
}

/// Why a subscriber cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoChannel {
    /// They said STOP, and have linked no chat.
    OptedOut,
    /// They are no longer among the subscribers.
    Removed,
}

/// Why nothing is asked of a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NothingOwed {
    /// The subscription is paused.
    Paused,
    /// The bill is paid, called off or given back.
    Closed,
}

named!(Subscription, "subscription", {
    Active = "active",
    Paused = "paused",
});
named!(NoChannel, "reason", {
    OptedOut = "opted-out",
    Removed = "removed",
});
named!(NothingOwed, "reason", {
    Paused = "paused",
    Closed = "closed",
});

impl NoChannel {
    /// The reason as the operator reads it, with what ends it.
    #[must_use]
    pub fn in_words(self, language: Language) -> &'static str {
        let (indonesian, english) = match self {
            Self::OptedOut => (
                "Pelanggan berhenti menerima pesan. Hubungi langsung, atau minta ia membalas MULAI.",
                "The subscriber opted out. Contact them directly, or ask them to write MULAI.",
            ),
            Self::Removed => (
                "Pelanggan sudah dihapus. Hubungi langsung, atau batalkan tagihannya.",
                "The subscriber was removed. Contact them directly, or void the bill.",
            ),
        };
        language.pick(indonesian, english)
    }
}

impl NothingOwed {
    /// The reason as the operator reads it.
    #[must_use]
    pub fn in_words(self, language: Language) -> &'static str {
        let (indonesian, english) = match self {
            Self::Paused => ("Langganan sedang dijeda", "The subscription is paused"),
            Self::Closed => (
                "Tagihan sudah lunas, dibatalkan, atau dikembalikan",
                "The bill is paid, called off or given back",
            ),
        };
        language.pick(indonesian, english)
    }
}
