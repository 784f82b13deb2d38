//! A bill with the newest attempt at paying it through Midtrans: what its page shows, and what a
//! click on its button comes to.

use jiff::{SignedDuration, Timestamp};

use super::{Bill, BillState, Cell, Refused, Source};
use crate::ids::{OrderId, OrderSubject};
use crate::money::Rupiah;
use crate::payment::{Payment, PaymentState};

/// How long a page at Midtrans takes money for a bill.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Attempts at paying one bill; an order id has room for 99.
const MOST_ATTEMPTS: u8 = 20;

/// A bill with the newest attempt at paying it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillOrder {
    /// The bill.
    pub bill: Bill,
    /// The newest attempt; none before the first click.
    pub payment: Option<Payment>,
}

/// What a click on *Bayar Sekarang* comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Click {
    /// Nothing is to be paid: it is paid, called off, or money for it is in somebody's hands.
    Closed,
    /// This attempt takes the money.
    Live(Payment),
    /// A new attempt takes it.
    Next {
        /// The attempt before, where Midtrans may still take money for it: it is ended first, so
        /// that one attempt is payable at a time.
        ends: Option<OrderId>,
    },
    /// So many attempts were begun that there is no next one: the shop takes the money another way.
    UsedUp,
}

impl BillOrder {
    /// Whether something is owed that nobody has in their hands.
    fn is_payable(&self) -> bool {
        let is_awaited = match self.payment.as_ref().map(|payment| payment.state) {
            Some(PaymentState::Challenge | PaymentState::Review) => true,
            None
            | Some(
                PaymentState::Created
                | PaymentState::Pending
                | PaymentState::Paid
                | PaymentState::Denied
                | PaymentState::Cancelled
                | PaymentState::Expired
                | PaymentState::PartlyRefunded
                | PaymentState::Refunded
                | PaymentState::ChargedBack
                | PaymentState::Reversed,
            ) => false,
        };
        self.bill.is_owed() && !is_awaited
    }

    /// What a click comes to.
    #[must_use]
    pub fn click(&self, now: Timestamp) -> Click {
        if !self.is_payable() {
            return Click::Closed;
        }
        let next = |ends| {
            if self.bill.may_begin() {
                Click::Next { ends }
            } else {
                Click::UsedUp
            }
        };
        let Some(payment) = &self.payment else {
            return next(None);
        };
        match payment.state {
            PaymentState::Created | PaymentState::Pending | PaymentState::Denied => {
                // Cash may have come in part since it was opened.
                let is_live = payment.expires_at > now && payment.amount == self.bill.remaining();
                if is_live {
                    Click::Live(payment.clone())
                } else {
                    next(Some(payment.order_id.clone()))
                }
            }
            PaymentState::Cancelled
            | PaymentState::Expired
            | PaymentState::Paid
            | PaymentState::PartlyRefunded
            | PaymentState::Refunded
            | PaymentState::ChargedBack
            | PaymentState::Reversed => next(None),
            PaymentState::Challenge | PaymentState::Review => Click::Closed,
        }
    }

    /// The order id that its page shows: of the attempt that paid it, of the newest one, or the
    /// bill's own.
    #[must_use]
    pub fn order_id(&self) -> OrderId {
        let is_closed = self.bill.settled_at.is_some() && self.state() != PaymentState::Review;
        if is_closed && let Some(order) = self.bill.paid_by() {
            return order.clone();
        }
        self.payment
            .as_ref()
            .map_or_else(|| self.bill.attempt(1), |payment| payment.order_id.clone())
    }

    /// How its page says that it stands. The bill decides: cash, or an older attempt, may have paid
    /// it. Money that a person must look at is said before that.
    #[must_use]
    pub fn state(&self) -> PaymentState {
        let payment = self.payment.as_ref();
        let online = payment.map_or(PaymentState::Created, |payment| payment.state);
        if online == PaymentState::Review {
            return online;
        }
        match self.bill.state() {
            BillState::Paid if self.bill.kept() < self.bill.amount() => {
                PaymentState::PartlyRefunded
            }
            BillState::Paid => PaymentState::Paid,
            BillState::Refunded => PaymentState::Refunded,
            BillState::Voided => PaymentState::Cancelled,
            BillState::Owed => self.owed(online),
        }
    }

    /// How a bill of which something remains is said to stand.
    fn owed(&self, online: PaymentState) -> PaymentState {
        let asks_for_other = self
            .payment
            .as_ref()
            .is_some_and(|payment| payment.amount != self.bill.remaining());
        match online {
            // That attempt asks for what was owed before a part was paid.
            PaymentState::Created | PaymentState::Pending | PaymentState::Denied
                if asks_for_other =>
            {
                PaymentState::Created
            }
            // Its money is counted, and was a part of it, or went back.
            PaymentState::Paid | PaymentState::PartlyRefunded | PaymentState::Refunded => {
                PaymentState::Created
            }
            PaymentState::Created
            | PaymentState::Pending
            | PaymentState::Denied
            | PaymentState::Challenge
            | PaymentState::Cancelled
            | PaymentState::Expired
            | PaymentState::ChargedBack
            | PaymentState::Reversed
            | PaymentState::Review => online,
        }
    }

    /// What its page counts: what remains, and once nothing does, all of it.
    #[must_use]
    pub fn total(&self) -> Rupiah {
        if self.bill.is_owed() {
            self.bill.remaining()
        } else {
            self.bill.amount()
        }
    }
}

impl Bill {
    /// The order id of an attempt at paying it, from 1.
    #[must_use]
    pub fn attempt(&self, attempt: u8) -> OrderId {
        OrderId::new(OrderSubject::Bill(self.id.clone()), attempt)
    }

    /// Whether another attempt at paying it may begin.
    #[must_use]
    pub fn may_begin(&self) -> bool {
        self.attempts < MOST_ATTEMPTS
    }

    /// The newest attempt whose money is there.
    fn paid_by(&self) -> Option<&OrderId> {
        let mut newest_first = self.instalments.iter().rev();
        newest_first.find_map(|one| match &one.source {
            Source::Online(order) => one.reversed_at.is_none().then_some(order),
            Source::Cash(_) | Source::Transfer(_) => None,
        })
    }

    /// Whether an order's money came for it and was not taken back.
    #[must_use]
    pub fn has_money_of(&self, order: &OrderId) -> bool {
        self.instalments.iter().any(|one| one.stands_for(order))
    }

    /// The order id of the newest attempt; none before the first.
    #[must_use]
    pub fn newest_attempt(&self) -> Option<OrderId> {
        (self.attempts > 0).then(|| self.attempt(self.attempts))
    }
}

impl Cell {
    /// The cell with one more attempt at paying what remains of its bill, and the attempt.
    ///
    /// # Errors
    /// [`Refused::NoBill`], [`Refused::Closed`], [`Refused::TooMany`]
    pub fn next_attempt(&self, now: Timestamp) -> Result<(Self, Payment), Refused> {
        let (next, mut bill) = self.with_bill()?;
        if !bill.is_owed() {
            return Err(Refused::Closed(bill.state()));
        }
        if !bill.may_begin() {
            return Err(Refused::TooMany);
        }
        bill.attempts = bill.attempts.saturating_add(1);
        let until = now.checked_add(OPEN_FOR).unwrap_or(now);
        let payment = Payment::new(bill.attempt(bill.attempts), bill.remaining(), until, now);
        Ok((next.holding(bill), payment))
    }
}
