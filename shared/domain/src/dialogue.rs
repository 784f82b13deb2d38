//! Where a customer is in the chat: an enum whose variants carry what was gathered.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::ids::{BookingCode, DeviceId, ItemId};
use crate::language::Language;

/// What a customer has chosen so far: ids only, so that price and names come from the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The day.
    pub date: Option<Date>,
    /// The slot's id, such as `0900`.
    pub slot: Option<String>,
    /// The device.
    pub device: Option<DeviceId>,
    /// The part.
    pub item: Option<ItemId>,
    /// The code the booking will have, once the summary shows it.
    pub code: Option<BookingCode>,
}

/// What the customer is looking at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what was gathered")]
pub enum Dialogue {
    /// Greeted.
    Start,
    /// The commands.
    Help,
    /// The price list.
    Catalog { page: u16 },
    /// About to book.
    Welcome { draft: Draft },
    /// Asked for the day.
    AskDate { draft: Draft },
    /// Asked for the device.
    AskDevice { draft: Draft, page: u16 },
    /// Asked for the slot.
    AskSlot { draft: Draft },
    /// Asked for the part.
    AskPart { draft: Draft, page: u16 },
    /// The summary.
    Confirm { draft: Draft },
    /// The code and the link.
    Booked { code: BookingCode },
    /// Asked for a code.
    AskCode,
    /// How a booking stands.
    Status { code: BookingCode },
}

/// A chat with one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// What the customer reads.
    pub language: Language,
    /// As the customer calls themselves.
    pub first_name: String,
    /// Where the customer is.
    pub dialogue: Dialogue,
    /// Counts its commits; a button carries it, so that an old keyboard is known as old.
    pub version: u64,
    /// Wrong booking codes typed of late.
    pub wrong_codes: u8,
    /// When the first of them was typed.
    pub wrong_codes_since: Option<Timestamp>,
}

impl Chat {
    /// A chat nobody has written in.
    #[must_use]
    pub fn new(language: Language, first_name: String) -> Self {
        Self {
            language,
            first_name,
            dialogue: Dialogue::Start,
            version: 0,
            wrong_codes: 0,
            wrong_codes_since: None,
        }
    }
}
