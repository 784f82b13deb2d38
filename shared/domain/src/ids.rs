//! Identities, each a type of its own whose only constructor parses.

use jiff::Timestamp;

/// A text that is no identity of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed {0}")]
pub struct IdError(&'static str);

impl IdError {
    pub(crate) fn of(kind: &'static str) -> Self {
        Self(kind)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Reads one.
            ///
            /// # Errors
            /// [`IdError`] when the text is not of its form.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError($kind))
                }
            }

            /// As it is stored and shown.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

mod order;

pub use order::{BillId, OrderId, OrderSubject, TopUpId};

fn is_slug(text: &str, shortest: usize, longest: usize) -> bool {
    (shortest..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A slug that no command line takes for an option.
fn is_reference(text: &str) -> bool {
    is_slug(text, 1, 24) && !text.starts_with('-')
}

fn is_vendor_id(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte))
}

/// Whether a text can be an order id at Midtrans: at most 50 letters, digits and `-_~.`
/// (<https://docs.midtrans.com/reference/request-body-json-parameter>).
#[must_use]
pub fn order_id_is_wellformed(text: &str) -> bool {
    is_vendor_id(text, 50)
}

text_id!(
    /// A merchant: a slug of 2 to 32 characters.
    MerchantId, "merchant", |text| is_slug(text, 2, 32)
);
text_id!(
    /// A device of a catalog: a slug of up to 40 characters.
    DeviceId, "device", |text| is_slug(text, 1, 40)
);
text_id!(
    /// A part for a device: a slug of up to 40 characters, so that it fits button and deep link.
    ItemId, "item", |text| is_slug(text, 1, 40)
);
text_id!(
    /// A transaction at Midtrans.
    TransactionId, "transaction", |text| is_vendor_id(text, 64)
);
text_id!(
    /// A booking's code: eight digits that do not begin with 0.
    BookingCode, "booking code",
    |text| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0')
);

text_id!(
    /// A monthly plan of a merchant: a slug of up to 24 characters.
    PlanId, "plan", |text| is_reference(text)
);
text_id!(
    /// A subscriber of a merchant: a slug of up to 24 characters, so that the order ids of their
    /// bills, `B-202611-<subscriber>-A99`, stay under Midtrans' 50.
    SubscriberId, "subscriber", |text| is_reference(text)
);

text_id!(
    /// A message: up to 64 letters, digits and `-_~.`, so that what causes it can be its id. It
    /// goes out as `biz_opaque_callback_data` and comes back in receipts.
    MessageId, "message", |text| is_vendor_id(text, 64)
);
text_id!(
    /// A message at its vendor: WhatsApp's `wamid…`, or Telegram's `message_id` in digits.
    VendorId, "message at its vendor",
    |text| (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
);

text_id!(
    /// An event: 32 hexadecimal digits, the first twelve its time, so that events sort by it.
    EventId, "event",
    |text| text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
);

text_id!(
    /// A batch of messages that were set aside together: of the form of an event's id.
    BatchId, "batch", |text| EventId::parse(text).is_ok()
);

impl From<EventId> for BatchId {
    fn from(id: EventId) -> Self {
        Self(id.0)
    }
}

text_id!(
    /// What a person recorded of a bill's money: of the form of an event's id.
    SlipId, "slip", |text| EventId::parse(text).is_ok()
);

impl From<EventId> for SlipId {
    fn from(id: EventId) -> Self {
        Self(id.0)
    }
}

impl EventId {
    /// The id of an event of this moment, told apart from others by a random number.
    #[must_use]
    pub fn new(at: Timestamp, random: u128) -> Self {
        const LOW_80_BITS: u128 = 0xffff_ffff_ffff_ffff_ffff;
        Self(format!("{}{:020x}", Self::time(at), random & LOW_80_BITS))
    }

    /// What the ids of a moment begin with, and those of every later one are above.
    #[must_use]
    pub fn time(at: Timestamp) -> String {
        format!("{:012x}", at.as_millisecond().max(0))
    }
}

impl BookingCode {
    /// A code from a random number; every code is reached equally but for one part in 50.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        const FIRST: u32 = 10_000_000;
        const CODES: u32 = 90_000_000;
        let within = number.checked_rem(CODES).unwrap_or_default();
        Self(within.saturating_add(FIRST).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_s_id_leaves_room_for_the_order_id_of_their_bills() {
        let longest = "9".repeat(24);
        let id = SubscriberId::parse(&longest).unwrap();
        assert!(order_id_is_wellformed(&format!("B-202611-{id}-A99")));
        for bad in [
            "",
            "-a",
            "PLG-1",
            "plg_1",
            "plg/1",
            "plg#1",
            "é",
            &"9".repeat(25),
        ] {
            assert!(SubscriberId::parse(bad).is_err(), "{bad}");
            assert!(PlanId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn events_sort_by_their_time() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let times = [
            "1969-12-31T23:59:59Z",
            "2026-12-01T01:00:00Z",
            "2026-12-01T01:00:00.001Z",
            "2126-12-01T01:00:00Z",
        ];
        let ids = times.map(|time| EventId::new(at(time), u128::MAX));
        assert!(ids.is_sorted());
        for (id, time) in ids.iter().zip(times) {
            assert_eq!(EventId::parse(id.as_str()).as_ref(), Ok(id));
            assert!(id.as_str().starts_with(&EventId::time(at(time))));
        }
        assert!(EventId::parse("0").is_err());
    }
}
