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
    /// What must be left of `available` after it: who else takes of it at the same moment may
    /// take no more than that allows.
    pub floor: Rupiah,
    /// What may be sent: what was asked for without what is held.
    pub funded: BTreeSet<MessageId>,
    /// What the balance does not cover, in the order it was asked for.
    pub held: Vec<MessageId>,
}

impl Reserved {
    /// Whether the owner is to be told that the balance runs low.
    #[must_use]
    pub fn tells_low(&self) -> bool {
        let effects = self.change.as_ref().map(|change| &change.effects);
        effects.is_some_and(|effects| effects.contains(&Effect::TellLow))
    }
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
        let mut floor = Rupiah::ZERO;
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
                floor = floor.max(self.kept_from(ask));
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
            floor,
            funded,
            held,
        })
    }

    /// What is left after one message, or none where it does not fit.
    fn pay(&self, left: Rupiah, ask: &Ask) -> Option<Rupiah> {
        if ask.line.price == Rupiah::ZERO {
            return Some(left);
        }
        let rest = left.checked_sub(ask.line.price)?;
        (rest >= self.kept_from(ask)).then_some(rest)
    }

    /// What a message may not touch.
    fn kept_from(&self, ask: &Ask) -> Rupiah {
        if ask.purpose.uses_protected_share() {
            Rupiah::ZERO
        } else {
            self.protected
        }
    }

    /// What must be there before a message that is held for want of money can go.
    #[must_use]
    pub fn wanted_by(&self, ask: &Ask) -> Rupiah {
        let price = ask.line.price;
        price.checked_add(self.kept_from(ask)).unwrap_or(price)
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
