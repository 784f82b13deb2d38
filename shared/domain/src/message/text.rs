//! What messages say. A [`Template`] carries typed arguments; out of them come the call of a
//! registered WhatsApp template and the same words for Telegram. The templates that Meta has to
//! approve are in `infra/whatsapp-templates/`, and a test holds them against these texts.

mod argument;
mod arguments;
mod render;
mod wording;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

pub use argument::{ArgumentError, LinkPath, OtpCode};
pub use arguments::Arguments;
pub use render::{Action, Button, Call, Html};
pub use wording::Kind;

use crate::calendar::Zone;
use crate::ids::BookingCode;
use crate::money::Rupiah;
use crate::reservation::ReservationState;

/// What was paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paid {
    /// A booking.
    Booking(BookingCode),
    /// A month's bill; any day of that month.
    Bill(Date),
    /// A top-up of the balance.
    TopUp,
}

/// A message with its arguments. Its `Debug` shows the kind only: the rest is personal.
#[derive(Clone, PartialEq, Eq)]
pub enum Template {
    /// A monthly bill.
    Bill {
        /// Whom it greets.
        name: String,
        /// The business.
        shop: String,
        /// Any day of the month that is billed.
        period: Date,
        /// What is owed.
        amount: Rupiah,
        /// Until when.
        due: Date,
        /// The bill's page.
        link: LinkPath,
    },
    /// A bill that is not paid yet, before its due day, on it or after it.
    Reminder {
        /// Whom it greets.
        name: String,
        /// The business.
        shop: String,
        /// Any day of the month that is billed.
        period: Date,
        /// What is owed.
        amount: Rupiah,
        /// Until when.
        due: Date,
        /// The bill's page.
        link: LinkPath,
    },
    /// Money has arrived.
    Receipt {
        /// Whom it greets.
        name: String,
        /// The business.
        shop: String,
        /// How much.
        amount: Rupiah,
        /// For what.
        paid: Paid,
        /// When.
        at: Timestamp,
        /// Whose clock says so.
        zone: Zone,
        /// The page that shows it.
        link: LinkPath,
    },
    /// A one-time code; WhatsApp's own words around it.
    Otp {
        /// The code.
        code: OtpCode,
    },
    /// Somebody is asked to approve.
    Approval {
        /// Whom it greets.
        name: String,
        /// Who asks.
        requester: String,
        /// What for.
        subject: String,
        /// The business.
        shop: String,
        /// Until when it can be decided.
        until: Timestamp,
        /// Whose clock says so.
        zone: Zone,
        /// The page where it is decided.
        link: LinkPath,
        /// What a press on "approve" sends back.
        approve: String,
        /// What a press on "reject" sends back.
        reject: String,
    },
    /// A repair has moved.
    RepairStatus {
        /// Whom it greets.
        name: String,
        /// What is repaired.
        device: String,
        /// The booking.
        code: BookingCode,
        /// The business.
        shop: String,
        /// Where the repair is.
        status: ReservationState,
        /// The order page.
        link: LinkPath,
    },
    /// The balance runs low.
    LowBalance {
        /// The business.
        shop: String,
        /// What is left.
        available: Rupiah,
        /// How many messages that buys.
        messages: u64,
        /// The page where it is topped up.
        link: LinkPath,
    },
}

impl Template {
    /// Which one it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Bill { .. } => Kind::Bill,
            Self::Reminder { .. } => Kind::Reminder,
            Self::Receipt { .. } => Kind::Receipt,
            Self::Otp { .. } => Kind::Otp,
            Self::Approval { .. } => Kind::Approval,
            Self::RepairStatus { .. } => Kind::RepairStatus,
            Self::LowBalance { .. } => Kind::LowBalance,
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({})", self.kind().name())
    }
}

#[cfg(test)]
mod tests;
