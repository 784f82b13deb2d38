//! Where a message's money is: what makes each reservation resolved exactly once.

use crate::message::step::{Alarm, Effect};
use crate::money::Rupiah;

/// Where a message's money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Funds {
    /// It costs nothing.
    Free,
    /// Its price is not set aside.
    Unreserved,
    /// Its price is set aside; it stays so while the outcome is unknown.
    Reserved,
    /// The vendor took it: its price is spent.
    Posted,
    /// It will not be sent: its price was given back.
    Voided,
}

super::named!(Funds, "funds", {
    Free = "free",
    Unreserved = "unreserved",
    Reserved = "reserved",
    Posted = "posted",
    Voided = "voided",
});

impl Funds {
    pub(super) fn of(price: Rupiah, reserved: bool) -> Self {
        if price == Rupiah::ZERO {
            Self::Free
        } else if reserved {
            Self::Reserved
        } else {
            Self::Unreserved
        }
    }

    /// Whether the sender must reserve its price first.
    #[must_use]
    pub fn must_reserve(self) -> bool {
        match self {
            Self::Unreserved => true,
            Self::Free | Self::Reserved | Self::Posted | Self::Voided => false,
        }
    }

    /// After the vendor took it. What was given back already cannot be spent: that is an alarm.
    pub(super) fn post(self) -> (Self, Option<Effect>) {
        match self {
            Self::Free => (Self::Free, None),
            Self::Reserved => (Self::Posted, Some(Effect::Post)),
            Self::Posted => (Self::Posted, None),
            Self::Unreserved | Self::Voided => {
                (Self::Voided, Some(Effect::Alarm(Alarm::TakenUnpaid)))
            }
        }
    }

    /// After it was given up.
    pub(super) fn void(self) -> (Self, Option<Effect>) {
        match self {
            Self::Free => (Self::Free, None),
            Self::Unreserved | Self::Voided => (Self::Voided, None),
            Self::Reserved => (Self::Voided, Some(Effect::Void)),
            Self::Posted => (Self::Posted, None),
        }
    }

    /// While the merchant is paused: given back, to be set aside anew before the next try.
    pub(super) fn release(self) -> (Self, Option<Effect>) {
        match self {
            Self::Reserved => (Self::Unreserved, Some(Effect::Void)),
            Self::Free | Self::Unreserved | Self::Posted | Self::Voided => (self, None),
        }
    }
}
