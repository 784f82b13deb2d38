//! A bill: what is asked for, until when, and the money that came and went for it.

mod ids;
mod lines;

use jiff::Timestamp;
use jiff::civil::Date;

pub use ids::BillId;
pub use lines::{LineItem, LineItems};

use crate::field::{self, FieldRefused};
use crate::ids::OrderId;
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
    /// Since when it is paid in full.
    pub settled_at: Option<Timestamp>,
    /// That it was called off.
    pub voided: Option<Voided>,
    /// How many attempts at paying it through Midtrans were begun.
    pub attempts: u8,
}

/// Money for a bill, all of it or a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instalment {
    /// How much.
    pub amount: Rupiah,
    /// How it came, and who says so.
    pub source: Source,
    /// When.
    pub at: Timestamp,
    /// When the bank took it back.
    pub reversed_at: Option<Timestamp>,
}

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
            settled_at: None,
            voided: None,
            attempts: 0,
        }
    }

    /// What is asked for in all.
    #[must_use]
    pub fn amount(&self) -> Rupiah {
        self.lines.total()
    }

    /// What came and was not taken back by a bank.
    #[must_use]
    pub fn paid(&self) -> Rupiah {
        let standing = self.instalments.iter();
        sum(standing
            .filter(|one| one.reversed_at.is_none())
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
        self.paid().saturating_sub(self.refunded())
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

/// Each amount is bounded by a bill's, and their number too.
fn sum(amounts: impl Iterator<Item = Rupiah>) -> Rupiah {
    amounts.fold(Rupiah::ZERO, |total, amount| {
        total.checked_add(amount).unwrap_or(total)
    })
}
