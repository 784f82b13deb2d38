//! Why a symbol was written.

use std::fmt;

use super::super::{Event, NoChannel, NothingOwed};
use crate::message::{Channel, DropReason, FailReason, UnknownName};

/// What is heard of a cell's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// A channel took it.
    Accepted(Channel),
    /// It will not arrive.
    Failed(FailReason),
    /// It was not sent.
    Dropped(DropReason),
}

impl News {
    pub(super) fn event(self) -> Event {
        match self {
            Self::Accepted(_) => Event::Accepted,
            Self::Failed(_) | Self::Dropped(_) => Event::GivenUp,
        }
    }

    pub(super) fn is_acceptance(self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    pub(super) fn why(self) -> Why {
        match self {
            Self::Accepted(channel) => Why::Accepted(channel),
            Self::Failed(reason) => Why::Failed(reason),
            Self::Dropped(reason) => Why::Dropped(reason),
        }
    }
}

/// Why a symbol was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The run made it and committed its message for this channel.
    Made(Channel),
    /// The run made it, and it cannot be told.
    NoChannel(NoChannel),
    /// The run found nothing to ask for.
    NothingOwed(NothingOwed),
    /// The run's deadline passed without an outcome.
    Deadline,
    /// This channel took the message.
    Accepted(Channel),
    /// The message failed.
    Failed(FailReason),
    /// The message was dropped.
    Dropped(DropReason),
    /// The bill was paid in full.
    Paid,
    /// The bill was called off.
    Voided,
    /// The money was given back.
    Refunded,
    /// The bank took the money back.
    Reversed,
    /// The money never came: its record was a mistake.
    Struck,
}

impl Why {
    fn parts(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Made(channel) => ("made", Some(channel.name())),
            Self::NoChannel(reason) => ("no-channel", Some(reason.name())),
            Self::NothingOwed(reason) => ("nothing-owed", Some(reason.name())),
            Self::Deadline => ("deadline", None),
            Self::Accepted(channel) => ("accepted", Some(channel.name())),
            Self::Failed(reason) => ("failed", Some(reason.name())),
            Self::Dropped(reason) => ("dropped", Some(reason.name())),
            Self::Paid => ("paid", None),
            Self::Voided => ("voided", None),
            Self::Refunded => ("refunded", None),
            Self::Reversed => ("reversed", None),
            Self::Struck => ("struck", None),
        }
    }

    /// Reads what [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    /// [`UnknownName`]
    pub fn parse(text: &str) -> Result<Self, UnknownName> {
        let (kind, detail) = match text.split_once(':') {
            Some((kind, detail)) => (kind, Some(detail)),
            None => (text, None),
        };
        match (kind, detail) {
            ("made", Some(name)) => Channel::parse(name).map(Self::Made),
            ("no-channel", Some(name)) => NoChannel::parse(name).map(Self::NoChannel),
            ("nothing-owed", Some(name)) => NothingOwed::parse(name).map(Self::NothingOwed),
            ("deadline", None) => Ok(Self::Deadline),
            ("accepted", Some(name)) => Channel::parse(name).map(Self::Accepted),
            ("failed", Some(name)) => FailReason::parse(name).map(Self::Failed),
            ("dropped", Some(name)) => DropReason::parse(name).map(Self::Dropped),
            ("paid", None) => Ok(Self::Paid),
            ("voided", None) => Ok(Self::Voided),
            ("refunded", None) => Ok(Self::Refunded),
            ("reversed", None) => Ok(Self::Reversed),
            ("struck", None) => Ok(Self::Struck),
            _ => Err(UnknownName {
                kind: "reason of a write",
                name: text.to_owned(),
            }),
        }
    }
}

/// Reads `made:whatsapp`, `failed:not-on-whatsapp` or `paid`.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (kind, None) => f.write_str(kind),
            (kind, Some(detail)) => write!(f, "{kind}:{detail}"),
        }
    }
}
