//! Money for a bill, and what it writes to the bill's cell.

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::{
    Bill, BillState, Event, GivenBack, InReview, Instalment, Reason, Slip, Source, Struck, Voided,
    Who,
};
use super::{Cell, Why};
use crate::ids::OrderId;
use crate::money::Rupiah;

/// A cell is one row: so much can be recorded of its money.
const MOST_RECORDED: usize = 24;

/// Why nothing is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing was asked of the subscriber for this period.
    #[error("there is no bill")]
    NoBill,
    /// The bill asks for nothing any more.
    #[error("the bill is {}", .0.name())]
    Closed(BillState),
    /// An amount of nothing.
    #[error("the amount is nothing")]
    Nothing,
    /// More than can be paid or given back.
    #[error("at most {most}")]
    TooMuch {
        /// What can.
        most: Rupiah,
    },
    /// It is called off only when what was paid has been given back.
    #[error("{kept} must be given back first")]
    PartlyPaid {
        /// What was paid.
        kept: Rupiah,
    },
    /// It is recorded already.
    #[error("recorded already")]
    Known,
    /// It is struck out.
    #[error("struck out already")]
    Struck,
    /// The reference stands on the bill already.
    #[error("recorded before, at {at}: nothing is changed")]
    Recorded {
        /// When.
        at: Timestamp,
    },
    /// No such money was recorded.
    #[error("no such payment")]
    NotPaid,
    /// As much as a bill can hold is recorded.
    #[error("too many payments of one bill")]
    TooMany,
}

impl Cell {
    /// The cell after money came for its bill. Paid in full, it is `P` on every track that can be.
    ///
    /// # Errors
    /// [`Refused`]: what cannot be taken is money for a person to look at.
    pub fn pay(&self, amount: Rupiah, source: Source, at: Timestamp) -> Result<Self, Refused> {
        self.receive(Instalment::new(amount, source, at))
    }

    /// As [`Cell::pay`], with the slip of whoever records it: its reference is taken once.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn receive(&self, money: Instalment) -> Result<Self, Refused> {
        let (mut next, mut bill) = self.with_bill()?;
        if let Source::Online(order) = &money.source
            && bill.has_money_of(order)
        {
            return Err(Refused::Known);
        }
        if let Some(at) = bill.came_as(money.slip.as_ref()) {
            return Err(Refused::Recorded { at });
        }
        if bill.state() != BillState::Owed {
            return Err(Refused::Closed(bill.state()));
        }
        check(money.amount, bill.remaining(), bill.instalments.len())?;
        let at = money.at;
        bill.instalments.push(money);
        if bill.remaining() == Rupiah::ZERO {
            bill.settled_at = Some(at);
            next.befall(Why::Paid, at, |_, _| Event::Paid);
        }
        Ok(next.holding(bill))
    }

    /// The cell after the bank took an order's money back; `today` is the merchant's day. What the
    /// shop had given back of it is lost.
    ///
    /// # Errors
    /// [`Refused::NoBill`], or [`Refused::NotPaid`] where the order's money is not there.
    pub fn take_back(&self, order: &OrderId, today: Date, at: Timestamp) -> Result<Self, Refused> {
        let (mut next, mut bill) = self.with_bill()?;
        let (was, kept) = (bill.state(), bill.kept());
        let instalment = bill.standing(order).ok_or(Refused::NotPaid)?;
        instalment.reversed_at = Some(at);
        instalment.surplus = Rupiah::ZERO;
        bill.count_lost();
        // Of what Midtrans had given back whole, there was nothing to take.
        if was == BillState::Paid && bill.kept() < kept {
            bill.settled_at = None;
            next.befall(Why::Reversed, at, |track, mark| {
                Event::Reversed(self.before(track, mark, today))
            });
        }
        Ok(next.holding(bill))
    }

    /// The cell after a record of money that never came was struck out: the `place`th of those that
    /// came, from 0. The bill asks for it again, as when a bank takes money back.
    ///
    /// # Errors
    /// [`Refused::NotPaid`] where nothing is recorded there by hand, [`Refused::Struck`] where it is
    /// struck out already, [`Refused::Closed`] for a bill that is called off or given back.
    pub fn strike(
        &self,
        place: usize,
        struck: Struck,
        today: Date,
        at: Timestamp,
    ) -> Result<Self, Refused> {
        let (mut next, mut bill) = self.with_bill()?;
        let was = bill.state();
        let instalment = bill.instalments.get_mut(place).ok_or(Refused::NotPaid)?;
        match &instalment.source {
            Source::Cash(_) | Source::Transfer(_) => {}
            Source::Online(_) => return Err(Refused::NotPaid),
        }
        if instalment.struck.is_some() {
            return Err(Refused::Struck);
        }
        instalment.reversed_at = Some(at);
        instalment.struck = Some(struck);
        match was {
            BillState::Owed => {}
            BillState::Paid => {
                bill.settled_at = None;
                next.befall(Why::Struck, at, |track, mark| {
                    Event::Reversed(self.before(track, mark, today))
                });
            }
            BillState::Voided | BillState::Refunded => return Err(Refused::Closed(was)),
        }
        bill.count_lost();
        Ok(next.holding(bill))
    }

    /// The cell after so much of an order's money went to a person to look at or, with none, was
    /// decided about; none where that is known.
    #[must_use]
    pub fn reviewing(&self, order: &OrderId, waits: Option<Rupiah>, at: Timestamp) -> Option<Self> {
        let (next, mut bill) = self.with_bill().ok()?;
        let mut known = bill.in_review.iter_mut();
        match (known.find(|one| one.order == *order), waits) {
            (Some(one), Some(amount)) if one.amount != amount => one.amount = amount,
            (None, Some(amount)) => bill.in_review.push(InReview {
                order: order.clone(),
                amount,
                since: at,
            }),
            (Some(_), None) => bill.in_review.retain(|one| one.order != *order),
            (None, None) | (Some(_), Some(_)) => return None,
        }
        Some(next.holding(bill))
    }

    /// The cell after a person let an order's money count that waited; of what is `left` of it so
    /// much, or all that the bill asks for. The rest is for the shop to give back.
    ///
    /// # Errors
    /// [`Refused`]: with [`Refused::NotPaid`] where no money of that order waits.
    pub fn accept(
        &self,
        order: &OrderId,
        left: Rupiah,
        amount: Option<Rupiah>,
        slip: Slip,
        at: Timestamp,
    ) -> Result<Self, Refused> {
        let (_, bill) = self.with_bill()?;
        if !bill.waits_for(order) {
            return Err(Refused::NotPaid);
        }
        if bill.state() != BillState::Owed {
            return Err(Refused::Closed(bill.state()));
        }
        let most = left.min(bill.remaining());
        let amount = amount.unwrap_or(most);
        check(amount, most, bill.instalments.len())?;
        let paid = self.receive(Instalment {
            surplus: left.saturating_sub(amount),
            slip: Some(slip),
            ..Instalment::new(amount, Source::Online(order.clone()), at)
        })?;
        let decided = paid.reviewing(order, None, at);
        Ok(decided.unwrap_or(paid))
    }

    /// The cell after a person gave back past Midtrans what of an order's money counts for nothing:
    /// all that waited, or what more came than was let count. It is recorded as struck out.
    ///
    /// # Errors
    /// [`Refused::NotPaid`] where there is no such money, [`Refused::NoBill`], [`Refused::TooMany`]
    pub fn give_back_uncounted(
        &self,
        order: &OrderId,
        struck: Struck,
        slip: Slip,
        at: Timestamp,
    ) -> Result<Self, Refused> {
        let (next, mut bill) = self.with_bill()?;
        let waits = bill.in_review.iter().find(|one| one.order == *order);
        let amount = match waits.map(|one| one.amount) {
            Some(amount) => {
                bill.in_review.retain(|one| one.order != *order);
                amount
            }
            None => {
                let counted = bill.standing(order).ok_or(Refused::NotPaid)?;
                if counted.surplus == Rupiah::ZERO {
                    return Err(Refused::NotPaid);
                }
                std::mem::take(&mut counted.surplus)
            }
        };
        if bill.instalments.len() >= MOST_RECORDED {
            return Err(Refused::TooMany);
        }
        bill.instalments.push(Instalment {
            reversed_at: Some(at),
            struck: Some(struck),
            slip: Some(slip),
            ..Instalment::new(amount, Source::Online(order.clone()), at)
        });
        Ok(next.holding(bill))
    }

    /// The cell after its bill was called off.
    ///
    /// # Errors
    /// [`Refused::NoBill`], [`Refused::Closed`], [`Refused::PartlyPaid`]
    pub fn void(&self, reason: Reason, by: Who, at: Timestamp) -> Result<Self, Refused> {
        let (mut next, mut bill) = self.with_bill()?;
        if bill.state() != BillState::Owed {
            return Err(Refused::Closed(bill.state()));
        }
        let kept = bill.kept();
        if kept > Rupiah::ZERO {
            return Err(Refused::PartlyPaid { kept });
        }
        bill.voided = Some(Voided { reason, by, at });
        next.befall(Why::Voided, at, |_, _| Event::Voided);
        Ok(next.holding(bill))
    }

    /// The cell after money was given back. A paid bill of which all is given back is closed; of an
    /// unpaid one an instalment is given back, and it owes that again.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn refund(
        &self,
        amount: Rupiah,
        reason: Reason,
        by: Who,
        at: Timestamp,
    ) -> Result<Self, Refused> {
        self.give_back(GivenBack::new(amount, reason, by, at))
    }

    /// As [`Cell::refund`], with the slip of whoever records it: its reference is taken once.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn give_back(&self, money: GivenBack) -> Result<Self, Refused> {
        let (next, bill) = self.with_bill()?;
        if let Some(at) = bill.went_as(money.slip.as_ref()) {
            return Err(Refused::Recorded { at });
        }
        check(money.amount, bill.kept(), bill.given_back.len())?;
        Ok(next.after(bill, money))
    }

    /// The cell after Midtrans gave money of an order back. It is gone, whatever the bill says: first
    /// what of it counts for nothing; what was not there any more, since the shop had given it back by
    /// hand, is lost.
    ///
    /// # Errors
    /// [`Refused::NoBill`], [`Refused::Nothing`], [`Refused::TooMany`], or [`Refused::NotPaid`] where
    /// the order's money is not there.
    pub fn gave_back(&self, order: &OrderId, money: GivenBack) -> Result<Self, Refused> {
        let (next, mut bill) = self.with_bill()?;
        let instalment = bill.standing(order).ok_or(Refused::NotPaid)?;
        let uncounted = money.amount.min(instalment.surplus);
        instalment.surplus = instalment.surplus.saturating_sub(uncounted);
        let amount = money.amount.saturating_sub(uncounted);
        if amount == Rupiah::ZERO && uncounted > Rupiah::ZERO {
            return Ok(next.holding(bill));
        }
        check(amount, amount, bill.given_back.len())?;
        let order = Some(order.clone());
        let counted = GivenBack {
            amount,
            order,
            ..money
        };
        Ok(next.after(bill, counted))
    }

    /// With money that went back.
    fn after(mut self, mut bill: Bill, money: GivenBack) -> Self {
        let at = money.at;
        bill.given_back.push(money);
        bill.count_lost();
        if bill.state() == BillState::Refunded {
            self.befall(Why::Refunded, at, |_, _| Event::Refunded);
        }
        self.holding(bill)
    }

    pub(in crate::billing) fn with_bill(&self) -> Result<(Self, Bill), Refused> {
        let bill = self.bill.clone().ok_or(Refused::NoBill)?;
        Ok((self.clone(), bill))
    }

    pub(in crate::billing) fn holding(mut self, bill: Bill) -> Self {
        self.bill = Some(bill);
        self.next()
    }
}

fn check(amount: Rupiah, most: Rupiah, recorded: usize) -> Result<(), Refused> {
    if amount == Rupiah::ZERO {
        return Err(Refused::Nothing);
    }
    if amount > most {
        return Err(Refused::TooMuch { most });
    }
    if recorded >= MOST_RECORDED {
        return Err(Refused::TooMany);
    }
    Ok(())
}

impl Bill {
    /// Whether money of an order waits for a person's decision.
    #[must_use]
    pub fn waits_for(&self, order: &OrderId) -> bool {
        self.in_review.iter().any(|one| one.order == *order)
    }

    /// What more came with an order than counts, and is not given back yet.
    #[must_use]
    pub fn surplus_of(&self, order: &OrderId) -> Rupiah {
        let mut instalments = self.instalments.iter();
        let standing = instalments.find(|one| one.stands_for(order));
        standing.map(|one| one.surplus).unwrap_or_default()
    }

    /// An order's money, unless the bank took it back.
    fn standing(&mut self, order: &OrderId) -> Option<&mut Instalment> {
        let mut instalments = self.instalments.iter_mut();
        instalments.find(|one| one.stands_for(order))
    }
}

impl Instalment {
    /// Whether it is an order's money that the bank did not take back.
    pub(in crate::billing) fn stands_for(&self, order: &OrderId) -> bool {
        let is_this = match &self.source {
            Source::Online(paid) => paid == order,
            Source::Cash(_) | Source::Transfer(_) => false,
        };
        is_this && self.reversed_at.is_none()
    }
}
