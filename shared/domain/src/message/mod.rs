//! An outgoing message and its machine (DESIGN section 5): every message of Pesan leaves this way,
//! whatever it is for.

pub mod activation;
pub mod consent;
mod funds;
mod purpose;
pub mod quiet;
mod reason;
mod recipients;
mod schedule;
mod standing;
mod step;
pub mod text;
pub mod verdict;

use jiff::Timestamp;

pub use crate::ids::{MessageId, VendorId};
pub use funds::Funds;
pub(crate) use purpose::named;
pub use purpose::{Category, Channel, Purpose, UnknownName, Urgency};
pub use reason::{DropReason, FailReason, HoldReason, PauseReason};
pub use recipients::DayOfRecipients;
pub use schedule::{Jitter, Schedule};
pub use standing::{Obstacle, Standing};
pub use step::{Alarm, Effect, Event, Input, Outcome, Receipt, Refused, Report, Step};

use crate::calendar::Zone;
use crate::ids::MerchantId;
use crate::money::Rupiah;
use activation::{Activation, NotActive};

/// How often a message may be sent without anybody saying what came of it.
pub const MOST_UNANSWERED: u8 = 2;

/// Where a message is. `Accepted(wamid)` of the design keeps its wamid in
/// [`Message::vendor_id`], as a failed one may have one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// To be sent.
    Queued,
    /// A sender has it.
    Sending {
        /// Until when; after that nobody knows.
        lease_until: Timestamp,
        /// Which try, from 1.
        attempt: u16,
    },
    /// The vendor took it.
    Accepted,
    /// The vendor sent it.
    Sent,
    /// It is on the recipient's device.
    Delivered,
    /// It was read.
    Read,
    /// It waits.
    Held {
        /// For what.
        reason: HoldReason,
        /// Until when, where the clock ends it.
        until: Option<Timestamp>,
    },
    /// The vendor refused it for now.
    Retry {
        /// When it is tried again.
        at: Timestamp,
    },
    /// It will not arrive.
    Failed(Failure),
    /// It is not sent any more.
    Dropped(DropReason),
    /// A try ended without an outcome.
    Unknown {
        /// How long a receipt is waited for.
        until: Timestamp,
    },
}

/// Why it will not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The vendor's code; 0 where the vendor gave none.
    pub code: u32,
    /// What it means.
    pub reason: FailReason,
}

impl MessageState {
    /// The name it is published under.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Sending { .. } => "Sending",
            Self::Accepted => "Accepted",
            Self::Sent => "Sent",
            Self::Delivered => "Delivered",
            Self::Read => "Read",
            Self::Held { .. } => "Held",
            Self::Retry { .. } => "Retry",
            Self::Failed(_) => "Failed",
            Self::Dropped(_) => "Dropped",
            Self::Unknown { .. } => "Unknown",
        }
    }

    /// Why it waits, failed or was dropped.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Held { reason, .. } => Some(reason.name()),
            Self::Failed(failure) => Some(failure.reason.name()),
            Self::Dropped(reason) => Some(reason.name()),
            Self::Queued
            | Self::Sending { .. }
            | Self::Accepted
            | Self::Sent
            | Self::Delivered
            | Self::Read
            | Self::Retry { .. }
            | Self::Unknown { .. } => None,
        }
    }

    /// Whether it may still be sent, so that its arguments, and a sealed code among them, must be
    /// kept.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Queued
            | Self::Sending { .. }
            | Self::Held { .. }
            | Self::Retry { .. }
            | Self::Unknown { .. } => true,
            Self::Accepted
            | Self::Sent
            | Self::Delivered
            | Self::Read
            | Self::Failed(_)
            | Self::Dropped(_) => false,
        }
    }
}

/// A message on its way out. Recipient and text stand beside it; it knows neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its key, which goes out with it and comes back in receipts.
    pub id: MessageId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What carries it.
    pub channel: Channel,
    /// Why it is sent.
    pub purpose: Purpose,
    /// Whether the recipient had just asked for it when it was queued, so that it may come at night,
    /// soon after.
    pub asked_for: bool,
    /// Where the recipient's clock stands.
    pub zone: Zone,
    /// What it costs, as it was when it was queued.
    pub price: Rupiah,
    /// Where it is.
    pub state: MessageState,
    /// Where its money is.
    pub funds: Funds,
    /// The vendor's id, once the vendor is known to have taken it.
    pub vendor_id: Option<VendorId>,
    /// What a receipt said failed, also beside a delivery to another device.
    pub failure: Option<Failure>,
    /// How often it was handed to the vendor.
    pub tries: u16,
    /// How often the vendor refused it and was itself in trouble: these are bounded.
    pub refusals: u16,
    /// How often it only came too fast: these end with its age.
    pub delays: u16,
    /// How many tries nobody has told the outcome of.
    pub unanswered: u8,
    /// Whether it was sent again without knowing: it may have arrived twice.
    pub possibly_double: bool,
    /// When it makes no sense any more.
    pub deadline: Timestamp,
    /// When it was queued.
    pub made_at: Timestamp,
    /// Counts its commits.
    pub version: u64,
}

/// What is known of a message when it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its key, which follows from what causes it where that can happen twice.
    pub id: MessageId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What carries it.
    pub channel: Channel,
    /// Why it is sent.
    pub purpose: Purpose,
    /// Whether the recipient has just asked for it.
    pub asked_for: bool,
    /// Where the recipient's clock stands.
    pub zone: Zone,
    /// What it costs.
    pub price: Rupiah,
    /// Whether its price was reserved in the same commit.
    pub reserved: bool,
    /// When its subject ends, where that is sooner than its purpose says.
    pub ends_at: Option<Timestamp>,
}

impl Message {
    /// When it must be looked at again if nothing happens to it before. A queued one is with an
    /// event, and one that is over needs nobody.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        match self.state {
            MessageState::Sending { lease_until, .. } => Some(lease_until),
            MessageState::Held { until, .. } => Some(until.unwrap_or(self.deadline)),
            MessageState::Retry { at } => Some(at),
            MessageState::Unknown { until } => Some(until),
            MessageState::Queued
            | MessageState::Accepted
            | MessageState::Sent
            | MessageState::Delivered
            | MessageState::Read
            | MessageState::Failed(_)
            | MessageState::Dropped(_) => None,
        }
    }

    /// A message in the queue.
    ///
    /// # Errors
    /// [`NotActive`] where it would go over WhatsApp and the merchant's WhatsApp is not active:
    /// nothing is queued.
    pub fn queue(new: NewMessage, whatsapp: Activation, now: Timestamp) -> Result<Step, NotActive> {
        let price = match new.channel {
            Channel::WhatsApp => {
                whatsapp.check()?;
                new.price
            }
            Channel::Telegram => Rupiah::ZERO,
        };
        let oldest = now
            .checked_add(new.purpose.max_age())
            .unwrap_or(Timestamp::MAX);
        let next = Self {
            id: new.id,
            merchant: new.merchant,
            channel: new.channel,
            purpose: new.purpose,
            asked_for: new.asked_for,
            zone: new.zone,
            price,
            state: MessageState::Queued,
            funds: Funds::of(price, new.reserved),
            vendor_id: None,
            failure: None,
            tries: 0,
            refusals: 0,
            delays: 0,
            unanswered: 0,
            possibly_double: false,
            deadline: new.ends_at.map_or(oldest, |end| end.min(oldest)),
            made_at: now,
            version: 1,
        };
        Ok(Step {
            next,
            effects: vec![Effect::Enqueue],
        })
    }
}

#[cfg(test)]
mod tests;
