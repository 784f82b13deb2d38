//! A top-up's credit, and taking it back where its payment was reversed, charged back or refunded.

use super::{Balance, BalanceError, Change, Effect, Entry, add};
use crate::money::Rupiah;

/// A top-up as it was credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// What was paid in.
    pub amount: Rupiah,
    /// What of it was taken back.
    pub taken_back: Rupiah,
    /// What of it could not be, because it was spent or set aside: the merchant owes it.
    pub owed: Rupiah,
}

/// What comes of a top-up whose payment is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credited {
    /// The balance's change; none where all had gone back before it was known to have come.
    pub change: Option<Change>,
    /// The credit.
    pub credit: Credit,
}

/// What comes of taking a top-up back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// The balance's change; none where nothing was left to take.
    pub change: Option<Change>,
    /// The credit now.
    pub credit: Credit,
    /// What is missing anew: a person must see to it.
    pub missing: Rupiah,
}

impl Balance {
    /// Credits a top-up, less what of its payment has already gone back.
    ///
    /// # Errors
    /// [`BalanceError::TooLarge`], [`BalanceError::Nothing`] for a top-up of nothing.
    pub fn credit(
        &self,
        reference: &str,
        amount: Rupiah,
        gone_back: Rupiah,
    ) -> Result<Credited, BalanceError> {
        let taken_back = gone_back.min(amount);
        let there = amount.saturating_sub(taken_back);
        let nothing_left = there == Rupiah::ZERO && amount > Rupiah::ZERO;
        Ok(Credited {
            change: if nothing_left {
                None
            } else {
                Some(self.top_up(reference, there)?)
            },
            credit: Credit {
                amount,
                taken_back,
                owed: Rupiah::ZERO,
            },
        })
    }

    /// Takes back what of a top-up has gone back to who paid it: `refunded` in all, so that the
    /// same news twice takes once. What is available is taken, and never what is set aside: a
    /// message on its way is paid for.
    ///
    /// None where as much was dealt with before.
    ///
    /// # Errors
    /// [`BalanceError::TooLarge`], [`BalanceError::NotPaidIn`]
    pub fn take_back(
        &self,
        reference: &str,
        credit: Credit,
        refunded: Rupiah,
    ) -> Result<Option<TakenBack>, BalanceError> {
        let dealt_with = add(credit.taken_back, credit.owed)?;
        let due = refunded.min(credit.amount).checked_sub(dealt_with);
        let Some(due) = due.filter(|due| *due > Rupiah::ZERO) else {
            return Ok(None);
        };
        let taken = due.min(self.available);
        let missing = due.saturating_sub(taken);
        let credit = Credit {
            taken_back: add(credit.taken_back, taken)?,
            owed: add(credit.owed, missing)?,
            ..credit
        };
        Ok(Some(TakenBack {
            change: self.taking(reference, taken)?,
            credit,
            missing,
        }))
    }

    fn taking(&self, reference: &str, taken: Rupiah) -> Result<Option<Change>, BalanceError> {
        if taken == Rupiah::ZERO {
            return Ok(None);
        }
        let less = |sum: Rupiah| sum.checked_sub(taken).ok_or(BalanceError::NotPaidIn);
        let available = less(self.available)?;
        let crosses = available < self.low_mark && !self.told_low;
        Ok(Some(Change {
            balance: Self {
                available,
                topped_up: less(self.topped_up)?,
                told_low: self.told_low || crosses,
                ..self.next()
            },
            entry: Entry::Refund {
                reference: reference.to_owned(),
                amount: taken,
            },
            effects: crosses.then_some(Effect::TellLow).into_iter().collect(),
        }))
    }
}
