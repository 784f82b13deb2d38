//! The ledger: rows that never change, one a batch. Added up again, they are the balance.

use std::collections::{BTreeMap, BTreeSet};

use super::{BalanceError, Line, Seen, add, judge_top_up};
use crate::ids::MessageId;
use crate::money::Rupiah;

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Money came in.
    TopUp {
        /// The payment's order id: one top-up each.
        reference: String,
        /// How much.
        amount: Rupiah,
    },
    /// Money of a top-up went back to who paid it.
    Refund {
        /// The top-up's.
        reference: String,
        /// How much; of one top-up never more than it paid in.
        amount: Rupiah,
    },
    /// The prices of a batch were set aside.
    Reserve(Vec<Line>),
    /// A batch was resolved.
    Settle {
        /// Accepted by the vendor.
        posted: Vec<Line>,
        /// Not to be sent.
        voided: Vec<Line>,
    },
}

/// What the entries add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fold {
    /// What can be spent.
    pub available: Rupiah,
    /// What is set aside.
    pub reserved: Rupiah,
    /// What was spent.
    pub spent: Rupiah,
    /// What was paid in and did not go back.
    pub topped_up: Rupiah,
    /// Which messages are set aside, at what price.
    pub open: BTreeMap<MessageId, Rupiah>,
    /// Which messages were paid for.
    pub posted: BTreeSet<MessageId>,
    top_ups: BTreeMap<String, Rupiah>,
    refunds: BTreeMap<String, Rupiah>,
}

/// Entries that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// A message was set aside while it was, or after it was paid for.
    #[error("message {0} is reserved twice")]
    ReservedTwice(MessageId),
    /// A message was resolved that was not set aside, or at another price.
    #[error("message {0} is resolved without a reservation")]
    NotReserved(MessageId),
    /// A payment was applied twice.
    #[error("top-up {0} is applied twice")]
    AppliedTwice(String),
    /// More of a payment went back than it paid in.
    #[error("more of top-up {0} is taken back than it paid in")]
    NotPaidIn(String),
    /// More was set aside or taken back than was there.
    #[error("the balance goes below nothing")]
    BelowNothing,
    /// A sum that no balance can have.
    #[error(transparent)]
    Balance(#[from] BalanceError),
}

/// Adds entries up.
///
/// # Errors
/// [`LedgerFault`] names the first entry that cannot be.
pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Fold, LedgerFault> {
    entries.into_iter().try_fold(Fold::default(), Fold::with)
}

impl Fold {
    fn with(mut self, entry: &Entry) -> Result<Self, LedgerFault> {
        match entry {
            Entry::TopUp { reference, amount } => {
                match judge_top_up(self.top_ups.get(reference).copied(), *amount) {
                    Seen::New => {}
                    Seen::Already | Seen::OtherAmount => {
                        return Err(LedgerFault::AppliedTwice(reference.clone()));
                    }
                }
                self.top_ups.insert(reference.clone(), *amount);
                self.topped_up = add(self.topped_up, *amount)?;
                self.available = add(self.available, *amount)?;
            }
            Entry::Refund { reference, amount } => self.refund(reference, *amount)?,
            Entry::Reserve(lines) => {
                for line in lines {
                    self.reserve(line)?;
                }
            }
            Entry::Settle { posted, voided } => {
                for line in posted {
                    self.resolve(line)?;
                    self.posted.insert(line.message.clone());
                    self.spent = add(self.spent, line.price)?;
                }
                for line in voided {
                    self.resolve(line)?;
                    self.available = add(self.available, line.price)?;
                }
            }
        }
        Ok(self)
    }

    fn refund(&mut self, reference: &str, amount: Rupiah) -> Result<(), LedgerFault> {
        let fault = || LedgerFault::NotPaidIn(reference.to_owned());
        let before = self.refunds.get(reference).copied().unwrap_or_default();
        let refunded = add(before, amount)?;
        if self
            .top_ups
            .get(reference)
            .is_none_or(|paid| refunded > *paid)
        {
            return Err(fault());
        }
        self.refunds.insert(reference.to_owned(), refunded);
        self.topped_up = self.topped_up.checked_sub(amount).ok_or_else(fault)?;
        self.available = self
            .available
            .checked_sub(amount)
            .ok_or(LedgerFault::BelowNothing)?;
        Ok(())
    }

    fn reserve(&mut self, line: &Line) -> Result<(), LedgerFault> {
        let id = &line.message;
        let before = self.open.insert(id.clone(), line.price);
        if before.is_some() || self.posted.contains(id) {
            return Err(LedgerFault::ReservedTwice(id.clone()));
        }
        self.available = self
            .available
            .checked_sub(line.price)
            .ok_or(LedgerFault::BelowNothing)?;
        self.reserved = add(self.reserved, line.price)?;
        Ok(())
    }

    fn resolve(&mut self, line: &Line) -> Result<(), LedgerFault> {
        let fault = || LedgerFault::NotReserved(line.message.clone());
        if self.open.remove(&line.message) != Some(line.price) {
            return Err(fault());
        }
        self.reserved = self.reserved.checked_sub(line.price).ok_or_else(fault)?;
        Ok(())
    }
}
