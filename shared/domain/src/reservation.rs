//! A reservation and its machine (DESIGN section 5).

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::calendar::SlotTime;
use crate::ids::{BookingCode, ItemId, OrderId};
use crate::language::Language;
use crate::money::Rupiah;
use crate::payment::{Payment, PaymentState};

/// How long after a hold's end its seat is sold again: late notifications find it still theirs.
pub const RESALE_GRACE: SignedDuration = SignedDuration::from_mins(5);

/// Where a reservation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationState {
    /// The seat waits for the payment.
    Held,
    /// Paid.
    Confirmed,
    /// The device is at the shop.
    Received,
    /// The fault is known.
    Diagnosed,
    /// The customer is asked about the price.
    Estimated,
    /// Being repaired.
    InRepair,
    /// Can be picked up.
    Ready,
    /// Picked up.
    PickedUp,
    /// Not paid in time.
    Expired,
    /// Called off.
    Cancelled,
    /// The customer did not come.
    NoShow,
}

/// A name that is no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no state is called {0}")]
pub struct UnknownState(pub String);

impl ReservationState {
    const ALL: [Self; 11] = [
        Self::Held,
        Self::Confirmed,
        Self::Received,
        Self::Diagnosed,
        Self::Estimated,
        Self::InRepair,
        Self::Ready,
        Self::PickedUp,
        Self::Expired,
        Self::Cancelled,
        Self::NoShow,
    ];

    /// The name it is stored and published under.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "Held",
            Self::Confirmed => "Confirmed",
            Self::Received => "Received",
            Self::Diagnosed => "Diagnosed",
            Self::Estimated => "Estimated",
            Self::InRepair => "InRepair",
            Self::Ready => "Ready",
            Self::PickedUp => "PickedUp",
            Self::Expired => "Expired",
            Self::Cancelled => "Cancelled",
            Self::NoShow => "NoShow",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// [`UnknownState`]
    pub fn parse(name: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| UnknownState(name.to_owned()))
    }
}

/// A booking of one seat for one repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// What the customer names it by.
    pub code: BookingCode,
    /// The chat it was made in, and the only one it is shown in.
    pub chat: i64,
    /// As the customer calls themselves.
    pub customer_name: String,
    /// What its messages and page speak.
    pub language: Language,
    /// What is repaired.
    pub item: ItemId,
    /// The device's name when it was booked.
    pub device: String,
    /// The part's name when it was booked.
    pub part: String,
    /// The price when it was booked.
    pub price: Rupiah,
    /// The day.
    pub date: Date,
    /// The slot.
    pub slot: SlotTime,
    /// The seat of the slot, from 1.
    pub seat: u8,
    /// Where it is; read it through [`Reservation::state_at`].
    pub state: ReservationState,
    /// When an unpaid hold ends.
    pub held_until: Timestamp,
    /// When it was made.
    pub made_at: Timestamp,
    /// The order id of the newest attempt at paying it.
    pub order_id: OrderId,
    /// Counts its commits.
    pub version: u64,
}

/// A reservation with one attempt at paying it: what its page and a notification look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The reservation.
    pub reservation: Reservation,
    /// The payment.
    pub payment: Payment,
}

impl Order {
    /// Whether money can still be taken for it.
    #[must_use]
    pub fn is_payable(&self, now: Timestamp) -> bool {
        self.reservation.state_at(now) == ReservationState::Held
            && self.payment.state.is_unpaid()
            && self.payment.state != PaymentState::Challenge
    }
}

impl Reservation {
    /// Its state by the clock: a hold ends by itself.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> ReservationState {
        if self.state == ReservationState::Held && self.held_until <= now {
            ReservationState::Expired
        } else {
            self.state
        }
    }

    /// The reservation once its money is there. `None` where it cannot be confirmed: it is
    /// confirmed already, was called off, or its slot began while it was expired.
    #[must_use]
    pub fn confirm(
        &self,
        settled_at: Timestamp,
        slot_start: Timestamp,
        now: Timestamp,
    ) -> Option<Self> {
        let in_time = settled_at < self.held_until;
        let takes = match self.state {
            ReservationState::Held | ReservationState::Expired => in_time || slot_start > now,
            ReservationState::Confirmed
            | ReservationState::Received
            | ReservationState::Diagnosed
            | ReservationState::Estimated
            | ReservationState::InRepair
            | ReservationState::Ready
            | ReservationState::PickedUp
            | ReservationState::Cancelled
            | ReservationState::NoShow => false,
        };
        takes.then(|| Self {
            state: ReservationState::Confirmed,
            version: self.version.saturating_add(1),
            ..self.clone()
        })
    }

    /// The reservation with its hold frozen until later, while a card payment is looked into.
    #[must_use]
    pub fn freeze(&self, until: Timestamp) -> Option<Self> {
        (self.state == ReservationState::Held && until > self.held_until).then(|| Self {
            held_until: until,
            version: self.version.saturating_add(1),
            ..self.clone()
        })
    }
}
