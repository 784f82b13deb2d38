//! Taking a top-up back whose payment was reversed, charged back or refunded.

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

impl Credit {
    /// One just paid in.
    #[must_use]
    pub fn of(amount: Rupiah) -> Self {
        Self {
            amount,
            taken_back: Rupiah::ZERO,
            owed: Rupiah::ZERO,
        }
    }
}

impl Balance {
    /// Takes back what of a top-up has gone back to who paid it: `refunded` in all, so that the
    /// same news twice takes once. What is available is taken, and never what is set aside: a
    /// message on its way is paid for.
    ///
    /// None where as much was dealt with before.
    ///
    /// # Errors
    /// [`BalanceError::TooLarge`] where a sum overflows.
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
        let missing = due.checked_sub(taken).unwrap_or_default();
        let credit = Credit {
            taken_back: add(credit.taken_back, taken)?,
            owed: add(credit.owed, missing)?,
            ..credit
        };
        Ok(Some(TakenBack {
            change: self.taking(reference, taken),
            credit,
            missing,
        }))
    }

    fn taking(&self, reference: &str, taken: Rupiah) -> Option<Change> {
        if taken == Rupiah::ZERO {
            return None;
        }
        let available = self.available.checked_sub(taken)?;
        let crosses = available < self.low_mark && !self.told_low;
        Some(Change {
            balance: Self {
                available,
                topped_up: self.topped_up.checked_sub(taken)?,
                told_low: self.told_low || crosses,
                ..self.next()
            },
            entry: Entry::Refund {
                reference: reference.to_owned(),
                amount: taken,
            },
            effects: crosses.then_some(Effect::TellLow).into_iter().collect(),
        })
    }
}
