//! What a merchant's messages cost, and how fast they may go.

use crate::balance::{PRICE, Prices};
use crate::field::{self, FieldRefused};
use crate::money::Rupiah;
use crate::pace::WHATSAPP_PER_SECOND;

/// A merchant's settings for its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messaging {
    /// What a WhatsApp message costs, by category.
    pub prices: Prices,
    /// Below this the owner is told that the balance runs low.
    pub low_mark: Rupiah,
    /// What only one-time codes may use of the balance.
    pub protected: Rupiah,
    /// WhatsApp's limit for the number: messages a second, 80, or 1,000 after Meta has raised it
    /// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput>).
    pub whatsapp_per_second: u32,
    /// How many people a day may be written to who have not written themselves: 250, 2,000, 10,000
    /// or 100,000; none without a limit
    /// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits>).
    pub recipients_a_day: Option<u32>,
}

/// Enough for so many messages is left when the owner is told.
const LOW_MESSAGES: u64 = 50;

impl Default for Messaging {
    fn default() -> Self {
        Self {
            prices: Prices::default(),
            low_mark: Rupiah::new(PRICE.get().saturating_mul(LOW_MESSAGES)),
            protected: Rupiah::ZERO,
            whatsapp_per_second: WHATSAPP_PER_SECOND,
            recipients_a_day: None,
        }
    }
}

/// More than this a message costs nobody: a slip of the hand.
const DEAREST: u64 = 100_000;
/// More than this nobody keeps back.
const MOST_KEPT: u64 = 1_000_000_000;

impl Messaging {
    /// Whether every setting can be.
    ///
    /// # Errors
    /// [`FieldRefused`] names the first that cannot.
    pub fn check(&self) -> Result<(), FieldRefused> {
        let Prices {
            utility,
            authentication,
            marketing,
            service,
        } = self.prices;
        for (field, price) in [
            ("price", utility),
            ("price-otp", authentication),
            ("price", marketing),
            ("price-answer", service),
        ] {
            field::check_number(field, price.get(), 0, DEAREST)?;
        }
        field::check_number("low-mark", self.low_mark.get(), 0, MOST_KEPT)?;
        field::check_number("protected", self.protected.get(), 0, MOST_KEPT)?;
        let per_second = u64::from(self.whatsapp_per_second);
        field::check_number("per-second", per_second, 1, 1_000)?;
        if let Some(recipients) = self.recipients_a_day {
            field::check_number("recipients-a-day", u64::from(recipients), 1, 1_000_000)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_a_new_merchant_can_be() {
        let new = Messaging::default();
        assert_eq!(new.check(), Ok(()));
        assert_eq!(new.low_mark.to_string(), "Rp18.350");
        for (field, bent) in [
            (
                "per-second",
                Messaging {
                    whatsapp_per_second: 0,
                    ..new
                },
            ),
            (
                "recipients-a-day",
                Messaging {
                    recipients_a_day: Some(0),
                    ..new
                },
            ),
            (
                "low-mark",
                Messaging {
                    low_mark: Rupiah::new(u64::MAX),
                    ..new
                },
            ),
        ] {
            assert_eq!(bent.check().unwrap_err().field, field);
        }
    }
}
