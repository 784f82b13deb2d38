use jiff::Timestamp;

use super::Phone;
use crate::message::named;

/// Where a person gave their consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentSource {
    /// By a button of the bot that shares the number of who presses it.
    Telegram,
}

named!(ConsentSource, "source of consent", {
    Telegram = "telegram"
});

/// A number that its owner shared, so that messages about what they booked also go there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedPhone {
    /// The number.
    pub phone: Phone,
    /// How it was shared.
    pub source: ConsentSource,
    /// When.
    pub at: Timestamp,
}
