//! A bill: what is asked for, until when, and the money that came and went for it.

mod ids;
mod lines;

use jiff::Timestamp;
use jiff::civil::Date;

pub use ids::BillId;
pub use lines::{LineItem, LineItems};

use crate::field::{self, FieldRefused};
use crate::ids::{OrderId, SlipId};
use crate::message::named;
use crate::money::Rupiah;

/// A subscriber's bill for a period. Its number is its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Which.
    pub id: BillId,
    /// What it is made of; the amount is their sum.
    pub lines: LineItems,
    /// When it is due.
    pub due: Date,
    /// When it was made.
    pub made_at: Timestamp,
    /// The money that came, the oldest first.
    pub instalments: Vec<Instalment>,
    /// The money that was given back, the oldest first.
    pub given_back: Vec<GivenBack>,
    /// What of that was given back twice: by hand, and by Midtrans or the bank as well. The shop has
    /// lost it, and the bill asks nobody for it.
    pub lost: Rupiah,
    /// Since when it is paid in full.
    pub settled_at: Option<Timestamp>,
    /// That it was called off.
    pub voided: Option<Voided>,
    /// How many attempts at paying it through Midtrans were begun.
    pub attempts: u8,
    /// Money that came for it and that a person must look at: it is asked for by nobody meanwhile.
    pub in_review: Vec<InReview>,
}

/// Money that came for a bill and is not counted: of a wrong amount, or of a bill that took none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InReview {
    /// Of which order.
    pub order: OrderId,
    /// What came and has not gone back.
    pub amount: Rupiah,
    /// Since when.
    pub since: Timestamp,
}

/// Money for a bill, all of it or a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instalment {
    /// How much.
    pub amount: Rupiah,
    /// What more came with it, does not count, and is for the shop to give back.
    pub surplus: Rupiah,
    /// How it came, and who says so.
    pub source: Source,
    /// When.
    pub at: Timestamp,
    /// When the bank took it back, or it was struck out.
    pub reversed_at: Option<Timestamp>,
    /// Who struck it out: it never came or, of an order, it was given back and never counted.
    pub struck: Option<Struck>,
    /// The slip of whoever recorded it; none where Midtrans told of it.
    pub slip: Option<Slip>,
}

/// What a record that a person made is told from every other by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// Its own: who wrote it finds it again where the answer was lost.
    pub id: SlipId,
    /// The number of the receipt or the transfer. A bill takes it once.
    pub reference: Option<Reference>,
    /// Who let money count that came through Midtrans; of any other record its source says who.
    pub counted_by: Option<Who>,
}

/// The number of a receipt or a transfer, as the shop or the bank wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(String);

/// How money came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In cash, recorded by this person.
    Cash(Who),
    /// By a transfer past Midtrans, recorded by this person.
    Transfer(Who),
    /// Through Midtrans, for this order.
    Online(OrderId),
}

/// That a record was a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Who says so.
    pub by: Who,
    /// Why.
    pub reason: Reason,
}

/// Money that went back to the subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBack {
    /// How much.
    pub amount: Rupiah,
    /// Why.
    pub reason: Reason,
    /// Who says so.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// Of which order, where Midtrans gave it back and not the shop by hand.
    pub order: Option<OrderId>,
    /// The slip of whoever recorded it; none where Midtrans told of it.
    pub slip: Option<Slip>,
}

/// That a bill was called off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voided {
    /// Why.
    pub reason: Reason,
    /// Who says so.
    pub by: Who,
    /// When.
    pub at: Timestamp,
}

/// Who recorded something: an operator or an API key, as their own system knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(String);

/// Why an operator did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Who {
    /// Takes 1 to 64 characters.
    ///
    /// # Errors
    /// [`FieldRefused`]
    pub fn new(text: &str) -> Result<Self, FieldRefused> {
        field::check_text("by", text, 1, 64)?;
        Ok(Self(text.to_owned()))
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Reason {
    /// Takes 1 to 200 characters.
    ///
    /// # Errors
    /// [`FieldRefused`]
    pub fn new(text: &str) -> Result<Self, FieldRefused> {
        field::check_text("reason", text, 1, 200)?;
        Ok(Self(text.to_owned()))
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Reference {
    /// Takes 1 to 64 characters.
    ///
    /// # Errors
    /// [`FieldRefused`]
    pub fn new(text: &str) -> Result<Self, FieldRefused> {
        field::check_text("reference", text, 1, 64)?;
        Ok(Self(text.to_owned()))
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Instalment {
    /// Money that came.
    #[must_use]
    pub fn new(amount: Rupiah, source: Source, at: Timestamp) -> Self {
        Self {
            amount,
            surplus: Rupiah::ZERO,
            source,
            at,
            reversed_at: None,
            struck: None,
            slip: None,
        }
    }
}

impl GivenBack {
    /// Money that went back.
    #[must_use]
    pub fn new(amount: Rupiah, reason: Reason, by: Who, at: Timestamp) -> Self {
        Self {
            amount,
            reason,
            by,
            at,
            order: None,
            slip: None,
        }
    }
}

/// How a bill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BillState {
    /// Something remains to be paid.
    Owed,
    /// Paid in full.
    Paid,
    /// Called off.
    Voided,
    /// Paid, and all of it given back.
    Refunded,
}

named!(BillState, "bill state", {
    Owed = "Owed",
    Paid = "Paid",
    Voided = "Voided",
    Refunded = "Refunded",
});

impl Bill {
    /// A bill that nothing was paid for yet.
    #[must_use]
    pub fn new(id: BillId, lines: LineItems, due: Date, made_at: Timestamp) -> Self {
        Self {
            id,
            lines,
            due,
            made_at,
            instalments: Vec::new(),
            given_back: Vec::new(),
            lost: Rupiah::ZERO,
            settled_at: None,
            voided: None,
            attempts: 0,
            in_review: Vec::new(),
        }
    }

    /// What is asked for in all.
    #[must_use]
    pub fn amount(&self) -> Rupiah {
        self.lines.total()
    }

    /// What came and was not taken back by a bank. What Midtrans had given back before that, the bank
    /// did not take.
    #[must_use]
    pub fn paid(&self) -> Rupiah {
        sum(self.instalments.iter().map(|one| {
            if one.reversed_at.is_none() {
                return one.amount;
            }
            if one.struck.is_some() {
                return Rupiah::ZERO;
            }
            match &one.source {
                Source::Online(order) => self.refunded_of(order).min(one.amount),
                Source::Cash(_) | Source::Transfer(_) => Rupiah::ZERO,
            }
        }))
    }

    /// What Midtrans gave back of an order.
    fn refunded_of(&self, order: &OrderId) -> Rupiah {
        let of_order = |one: &&GivenBack| one.order.as_ref() == Some(order);
        sum(self
            .given_back
            .iter()
            .filter(of_order)
            .map(|one| one.amount))
    }

    /// What was given back.
    #[must_use]
    pub fn refunded(&self) -> Rupiah {
        sum(self.given_back.iter().map(|one| one.amount))
    }

    /// What came and is still here.
    #[must_use]
    pub fn kept(&self) -> Rupiah {
        self.paid().saturating_sub(self.gone())
    }

    /// What went back of the money that came, counted once.
    fn gone(&self) -> Rupiah {
        self.refunded().saturating_sub(self.lost)
    }

    /// More cannot have gone back than came: what has, is lost.
    pub(super) fn count_lost(&mut self) {
        let twice = self.gone().saturating_sub(self.paid());
        self.lost = self.lost.saturating_add(twice);
    }

    /// When money that came with this reference was recorded. What was struck out holds none.
    pub(super) fn came_as(&self, slip: Option<&Slip>) -> Option<Timestamp> {
        let reference = slip?.reference.as_ref();
        let mut known = self.instalments.iter().filter(|one| one.struck.is_none());
        known
            .find(|one| is_of(one.slip.as_ref(), reference))
            .map(|one| one.at)
    }

    /// When money that went back with this reference was recorded.
    pub(super) fn went_as(&self, slip: Option<&Slip>) -> Option<Timestamp> {
        let reference = slip?.reference.as_ref();
        let mut known = self.given_back.iter();
        known
            .find(|one| is_of(one.slip.as_ref(), reference))
            .map(|one| one.at)
    }

    /// Whether what a slip says is recorded.
    #[must_use]
    pub fn has_slip(&self, id: &SlipId) -> bool {
        let came = self.instalments.iter().map(|one| &one.slip);
        let went = self.given_back.iter().map(|one| &one.slip);
        came.chain(went).flatten().any(|slip| slip.id == *id)
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> BillState {
        if self.voided.is_some() {
            BillState::Voided
        } else if self.settled_at.is_none() {
            BillState::Owed
        } else if self.kept() == Rupiah::ZERO {
            BillState::Refunded
        } else {
            BillState::Paid
        }
    }

    /// What remains to be paid. Giving a part of a paid bill back asks for nothing again; giving an
    /// instalment back does.
    #[must_use]
    pub fn remaining(&self) -> Rupiah {
        match self.state() {
            BillState::Owed => self.amount().saturating_sub(self.kept()),
            BillState::Paid | BillState::Voided | BillState::Refunded => Rupiah::ZERO,
        }
    }

    /// Whether something remains to be paid.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.remaining() > Rupiah::ZERO
    }
}

fn is_of(slip: Option<&Slip>, reference: Option<&Reference>) -> bool {
    reference.is_some() && slip.and_then(|slip| slip.reference.as_ref()) == reference
}

/// Each amount is bounded by a bill's, and their number too. A sum that no number holds is more than
/// any bill, never less.
fn sum(amounts: impl Iterator<Item = Rupiah>) -> Rupiah {
    amounts.fold(Rupiah::ZERO, Rupiah::saturating_add)
}
