//! A merchant's prepaid balance: every WhatsApp message is paid from it, and it never goes below
//! nothing (DESIGN section 5, "Ledger"). A commit stores the balance and its ledger entry together.

mod batch;
mod ledger;
mod price;
mod refund;
mod reserve;

pub use batch::{Batch, BatchId, Resolution, Settling};
pub use ledger::{Entry, Fold, LedgerFault, fold};
pub use price::{PACKAGES, PRICE, Package, Prices, package};
pub use refund::{Credit, Credited, TakenBack};
pub use reserve::{Ask, Reserved};

use crate::ids::MessageId;
use crate::money::Rupiah;

/// A merchant's money for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What can be spent.
    pub available: Rupiah,
    /// What is set aside for messages whose outcome is open.
    pub reserved: Rupiah,
    /// What accepted messages have cost.
    pub spent: Rupiah,
    /// What was ever paid in and did not go back.
    pub topped_up: Rupiah,
    /// Below this the owner is told; nothing switches that off.
    pub low_mark: Rupiah,
    /// What only one-time codes may use.
    pub protected: Rupiah,
    /// Whether the owner was told since it was last above the mark by a top-up.
    pub told_low: bool,
    /// Counts its commits.
    pub version: u64,
}

/// A message with its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub message: MessageId,
    /// What it costs.
    pub price: Rupiah,
}

/// A balance after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The balance now.
    pub balance: Balance,
    /// What the ledger gets in the same commit.
    pub entry: Entry,
    /// What must happen because of it.
    pub effects: Vec<Effect>,
}

/// What must happen because a balance changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The owner is told that it runs low: once a crossing.
    TellLow,
    /// Messages that wait for the balance are released, the most urgent first.
    ReleaseHeld,
}

/// Why a balance cannot change so. Each is a fault of the caller, never of the merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BalanceError {
    /// A top-up of nothing.
    #[error("a top-up must be more than nothing")]
    Nothing,
    /// More than any number holds.
    #[error("the amount is too large")]
    TooLarge,
    /// More is settled than was set aside.
    #[error("more is settled than is reserved")]
    NotReserved,
    /// More is taken back than was paid in.
    #[error("more is taken back than was paid in")]
    NotPaidIn,
}

/// What is to be done with a top-up whose payment was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is new: to be applied.
    New,
    /// It was applied already.
    Already,
    /// It was applied with another amount: an alarm, and nothing else.
    OtherAmount,
}

/// Judges a top-up by what was applied under the same reference.
#[must_use]
pub fn judge_top_up(applied: Option<Rupiah>, amount: Rupiah) -> Seen {
    match applied {
        None => Seen::New,
        Some(applied) if applied == amount => Seen::Already,
        Some(_) => Seen::OtherAmount,
    }
}

impl Balance {
    /// An empty one.
    #[must_use]
    pub fn new(low_mark: Rupiah, protected: Rupiah) -> Self {
        Self {
            available: Rupiah::ZERO,
            reserved: Rupiah::ZERO,
            spent: Rupiah::ZERO,
            topped_up: Rupiah::ZERO,
            low_mark,
            protected,
            told_low: false,
            version: 0,
        }
    }

    /// Pays in.
    ///
    /// # Errors
    /// [`BalanceError::Nothing`], [`BalanceError::TooLarge`]
    pub fn top_up(&self, reference: &str, amount: Rupiah) -> Result<Change, BalanceError> {
        if amount == Rupiah::ZERO {
            return Err(BalanceError::Nothing);
        }
        let available = add(self.available, amount)?;
        let balance = Self {
            available,
            topped_up: add(self.topped_up, amount)?,
            told_low: self.told_low && available < self.low_mark,
            ..self.next()
        };
        Ok(Change {
            balance,
            entry: Entry::TopUp {
                reference: reference.to_owned(),
                amount,
            },
            effects: vec![Effect::ReleaseHeld],
        })
    }

    /// Settles a batch: what the vendor took is spent, what will not be sent is given back. What
    /// is unknown is in neither and stays reserved.
    ///
    /// # Errors
    /// [`BalanceError::NotReserved`] where it is more than is reserved.
    pub fn settle(&self, posted: Vec<Line>, voided: Vec<Line>) -> Result<Change, BalanceError> {
        let (post, void) = (total(&posted)?, total(&voided)?);
        let reserved = self
            .reserved
            .checked_sub(add(post, void)?)
            .ok_or(BalanceError::NotReserved)?;
        let given_back = void > Rupiah::ZERO;
        Ok(Change {
            balance: Self {
                available: add(self.available, void)?,
                reserved,
                spent: add(self.spent, post)?,
                ..self.next()
            },
            entry: Entry::Settle { posted, voided },
            effects: given_back
                .then_some(Effect::ReleaseHeld)
                .into_iter()
                .collect(),
        })
    }

    /// Whether the books hold: what was paid in is there, set aside or spent.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let parts = add(self.available, self.reserved).and_then(|sum| add(sum, self.spent));
        parts == Ok(self.topped_up)
    }

    fn next(&self) -> Self {
        Self {
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }
}

fn add(one: Rupiah, other: Rupiah) -> Result<Rupiah, BalanceError> {
    one.checked_add(other).ok_or(BalanceError::TooLarge)
}

fn total(lines: &[Line]) -> Result<Rupiah, BalanceError> {
    lines
        .iter()
        .try_fold(Rupiah::ZERO, |sum, line| add(sum, line.price))
}

#[cfg(test)]
mod tests;
