//! The conversation with a customer (DESIGN section 5): where they are is an enum whose variants
//! carry what was gathered, and every reply is rendered from it, so the same update again gets the
//! same answer again.
//!
//! One update goes through three steps: [`aim`] reads the input without knowing what is stored,
//! [`needs`] says what must be loaded to judge and show where that leads, and [`land`] corrects it
//! by what was found.

mod input;
mod render;
mod step;
mod texts;

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::calendar::SlotTime;
use crate::catalog::{Catalog, Item};
use crate::ids::{BookingCode, DeviceId, ItemId};
use crate::language::Language;
use crate::merchant::{DayRefused, Merchant};
use crate::money::Rupiah;
use crate::reservation::Order;
use crate::whatsapp::{ConsentSource, Phone, SharedPhone};

pub use input::{Button, Card, ChatLink, Input, LONGEST_DATA, Press};
pub use render::{Key, KeyDoes, Keyboard, Links, Reply, news, private_only, render};
pub use step::{Aim, Hold, Landing, Needs, NumberStep, aim, land, needs};
pub use texts::{Command, commands};

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
    /// The price the summary showed: a booking is made at no other.
    pub quoted: Option<Rupiah>,
}

impl Draft {
    /// Without the day and what depends on it.
    #[must_use]
    pub fn without_date(self) -> Self {
        Self {
            date: None,
            slot: None,
            ..self
        }
    }
}

/// What the customer is told besides where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The commands, asked for in the middle of a booking.
    Help,
    /// The booking was called off.
    Cancelled,
    /// The button belongs to an older message.
    OldKeyboard,
    /// The button is none of this step.
    NotNow,
    /// A text came where a button is asked for.
    UseButtons,
    /// No date was typed.
    DateFormat,
    /// There is no such day.
    DateImpossible,
    /// The day cannot be booked.
    Day(DayRefused),
    /// Every seat of the day is taken.
    DayFull,
    /// The slot has begun or is none of the shop's.
    SlotGone,
    /// Somebody else has the slot.
    SlotTaken,
    /// The device or part is not on offer.
    NotOffered,
    /// The price is no longer the one that was shown.
    PriceChanged,
    /// What was typed is no booking code.
    CodeFormat,
    /// No booking of this chat has the code.
    WrongCode,
    /// Too many wrong codes.
    Locked {
        /// When the next one is read.
        until: Timestamp,
    },
    /// What became of the number, told in the middle of a booking.
    Number(NumberTold),
    /// The contact card is somebody else's.
    ForeignContact,
    /// The contact card holds no phone number.
    NoPhoneNumber,
}

/// What became of the customer's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberTold {
    /// It is kept, and messages also go there.
    Kept,
    /// It was forgotten.
    Forgotten,
    /// There was none to forget.
    NoneKept,
    /// The customer would rather not share it.
    Declined,
    /// The shop writes to nobody on WhatsApp, so it was not kept.
    NotUsed,
}

/// The seats of one day that cannot be sold now, by slot id and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    taken: BTreeSet<(String, u8)>,
}

impl Day {
    /// From the seats that are taken, by slot id (`0900`) and number from 1.
    #[must_use]
    pub fn new(taken: impl IntoIterator<Item = (String, u8)>) -> Self {
        Self {
            taken: taken.into_iter().collect(),
        }
    }

    /// The first free seat of a slot.
    #[must_use]
    pub fn free_seat(&self, merchant: &Merchant, slot: &SlotTime) -> Option<u8> {
        (1..=merchant.seats_per_slot).find(|seat| !self.taken.contains(&(slot.id(), *seat)))
    }

    /// The slots of the day that have a free seat and have not begun.
    #[must_use]
    pub fn free_slots<'a>(
        &self,
        merchant: &'a Merchant,
        date: Date,
        now: Timestamp,
    ) -> Vec<&'a SlotTime> {
        let mut slots = merchant.bookable_slots(date, now);
        slots.retain(|slot| self.free_seat(merchant, slot).is_some());
        slots
    }
}

/// What was loaded; none where it was not asked for.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The whole catalog.
    pub catalog: Option<Catalog>,
    /// One item; the inner none where there is no such item.
    pub item: Option<Option<Item>>,
    /// The day of the draft.
    pub day: Option<Day>,
    /// One order; the inner none where this chat has no such booking.
    pub order: Option<Option<Order>>,
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
    /// Asked to share the number.
    AskNumber,
    /// Told what became of it.
    Number { told: NumberTold },
    /// Told that bills come here from now on.
    Linked,
    /// Told that a link to that was none, or was used.
    LinkRefused,
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
    /// What was said with it last, so that the same update again is answered alike.
    pub note: Option<Note>,
    /// Counts its commits; a button carries it, so that an old keyboard is known as old.
    pub version: u64,
    /// Wrong booking codes typed of late.
    pub wrong_codes: u8,
    /// When the first of them was typed.
    pub wrong_codes_since: Option<Timestamp>,
    /// The number that the customer shared.
    pub phone: Option<SharedPhone>,
}

impl Chat {
    /// A chat nobody has written in.
    #[must_use]
    pub fn new(language: Language, first_name: String) -> Self {
        Self {
            language,
            first_name,
            dialogue: Dialogue::Start,
            note: None,
            version: 0,
            wrong_codes: 0,
            wrong_codes_since: None,
            phone: None,
        }
    }

    /// Keeps the customer's number, in place of the one before.
    pub fn share_number(&mut self, phone: Phone, now: Timestamp) {
        self.phone = Some(SharedPhone {
            phone,
            source: ConsentSource::Telegram,
            at: now,
        });
    }

    /// Until when no booking code is read, after too many wrong ones.
    #[must_use]
    pub fn locked_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.wrong_codes_since?.checked_add(LOCKED_FOR).ok()?;
        (self.wrong_codes >= MOST_WRONG_CODES && now < until).then_some(until)
    }

    /// Counts a wrong code; the count begins anew an hour after its first.
    pub fn count_wrong_code(&mut self, now: Timestamp) {
        let fresh = self
            .wrong_codes_since
            .and_then(|since| since.checked_add(LOCKED_FOR).ok())
            .is_none_or(|until| until <= now);
        if fresh {
            self.wrong_codes = 0;
            self.wrong_codes_since = Some(now);
        }
        self.wrong_codes = self.wrong_codes.saturating_add(1);
    }
}

/// Wrong codes within [`LOCKED_FOR`] after which none is read: eight digits stay a secret.
const MOST_WRONG_CODES: u8 = 5;
const LOCKED_FOR: SignedDuration = SignedDuration::from_hours(1);
