//! Setting aside the prices of a batch before anything of it is sent.

use std::collections::BTreeSet;

use super::{Balance, BalanceError, Change, Effect, Entry, Line, add};
use crate::ids::MessageId;
use crate::message::Purpose;
use crate::money::Rupiah;

/// A message that is to be paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which, at what price.
    pub line: Line,
    /// Why it is sent, which says who goes first and what it may use.
    pub purpose: Purpose,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// What to store; none where nothing is to be set aside.
    pub change: Option<Change>,
    /// What may be sent: what was asked for without what is held.
    pub funded: BTreeSet<MessageId>,
    /// What the balance does not cover, in the order it was asked for.
    pub held: Vec<MessageId>,
}

impl Balance {
    /// Sets aside what fits: one-time codes first, which alone may use the protected share, then
    /// the urgent, then the rest in the order they were asked for. A message that stands twice in
    /// a batch counts once. What has been reserved already must not be asked for.
    ///
    /// # Errors
    /// [`BalanceError::TooLarge`] where a sum overflows.
    pub fn reserve(&self, asks: &[Ask]) -> Result<Reserved, BalanceError> {
        let mut order: Vec<&Ask> = asks.iter().collect();
        order.sort_by_key(|ask| (!ask.purpose.uses_protected_share(), ask.purpose.urgency()));
        let mut left = self.available;
        let mut lines = vec![];
        let mut funded = BTreeSet::new();
        for ask in order {
            let id = &ask.line.message;
            if funded.contains(id) {
                continue;
            }
            let Some(rest) = self.pay(left, ask) else {
                continue;
            };
            left = rest;
            funded.insert(id.clone());
            if ask.line.price > Rupiah::ZERO {
                lines.push(ask.line.clone());
            }
        }
        let held = held(asks, &funded);
        let change = if lines.is_empty() {
            None
        } else {
            Some(self.reserving(left, lines)?)
        };
        Ok(Reserved {
            change,
            funded,
            held,
        })
    }

    /// What is left after one message, or none where it does not fit.
    fn pay(&self, left: Rupiah, ask: &Ask) -> Option<Rupiah> {
        if ask.line.price == Rupiah::ZERO {
            return Some(left);
        }
        let kept = if ask.purpose.uses_protected_share() {
            Rupiah::ZERO
        } else {
            self.protected
        };
        let rest = left.checked_sub(ask.line.price)?;
        (rest >= kept).then_some(rest)
    }

    fn reserving(&self, left: Rupiah, lines: Vec<Line>) -> Result<Change, BalanceError> {
        let taken = super::total(&lines)?;
        let crosses = left < self.low_mark && !self.told_low;
        Ok(Change {
            balance: Self {
                available: left,
                reserved: add(self.reserved, taken)?,
                told_low: self.told_low || crosses,
                ..self.next()
            },
            entry: Entry::Reserve(lines),
            effects: crosses.then_some(Effect::TellLow).into_iter().collect(),
        })
    }
}

fn held(asks: &[Ask], funded: &BTreeSet<MessageId>) -> Vec<MessageId> {
    let mut seen = BTreeSet::new();
    asks.iter()
        .map(|ask| &ask.line.message)
        .filter(|id| !funded.contains(id) && seen.insert(*id))
        .cloned()
        .collect()
}
