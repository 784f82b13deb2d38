//! What money means for a bill.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{Billed, SubjectMove};
use pesan_domain::billing::{Bill, Cell, GivenBack, Reason, Refused, Source, Who};
use pesan_domain::ids::OrderId;
use pesan_domain::money::Rupiah;
use pesan_domain::payment::{Payment, PaymentState};

use super::case::Case;

/// Who gave money back that Midtrans tells of.
const VENDOR: &str = "Midtrans";

/// The bill is paid; none where it cannot take the money: it is paid already, called off, or owes
/// less by now.
pub(super) fn pay(
    billed: &Billed,
    payment: &Payment,
    settled_at: Timestamp,
) -> Option<SubjectMove> {
    let source = Source::Online(payment.order_id.clone());
    let paid = billed.cell.pay(payment.amount, source, settled_at).ok()?;
    Some(moved(billed, paid))
}

/// The bill with what is to be known of a payment for it: that a person must look at it, or no longer;
/// none where that is known.
pub(super) fn review(
    billed: &Billed,
    subject: &SubjectMove,
    payment: &Payment,
    now: Timestamp,
) -> Option<SubjectMove> {
    let cell = left(billed, subject);
    let order = &payment.order_id;
    let counts = |bill: &Bill| bill.has_money_of(order);
    let is_counted = cell.bill.as_ref().is_some_and(counts);
    let waits = match payment.state {
        PaymentState::Review => true,
        // The rest of it is nobody's yet.
        PaymentState::PartlyRefunded => !is_counted,
        PaymentState::Created
        | PaymentState::Pending
        | PaymentState::Challenge
        | PaymentState::Paid
        | PaymentState::Denied
        | PaymentState::Cancelled
        | PaymentState::Expired
        | PaymentState::Refunded
        | PaymentState::ChargedBack
        | PaymentState::Reversed => false,
    };
    let next = cell.reviewing(order, waits.then(|| payment.left()), now)?;
    Some(moved(billed, next))
}

/// Whether nobody need look at a payment's money any more that somebody had to.
pub(super) fn leaves_review(billed: &Billed, subject: &SubjectMove, order: &OrderId) -> bool {
    let waits = |cell: &Cell| cell.bill.as_ref().is_some_and(|bill| bill.waits_for(order));
    waits(&billed.cell) && !waits(left(billed, subject))
}

/// The cell as this step has left it so far.
fn left<'a>(billed: &'a Billed, subject: &'a SubjectMove) -> &'a Cell {
    match subject {
        SubjectMove::Bill { cell, .. } => cell,
        SubjectMove::Stays | SubjectMove::Reservation { .. } | SubjectMove::TopUp(_) => {
            &billed.cell
        }
    }
}

/// What became of money that went back.
pub(super) enum WentBack {
    /// The bill does not have it, or nothing went back.
    Nothing,
    /// The bill owes it again, or is closed.
    Taken {
        moved: SubjectMove,
        /// Whether the shop had given some of it back already: that is lost.
        twice: bool,
    },
    /// The bill has no room to record it.
    Unrecorded,
}

/// What went back with the payment since `before`.
pub(super) fn take_back(
    billed: &Billed,
    subject: &SubjectMove,
    before: &Payment,
    after: &Payment,
    case: &Case<'_>,
) -> WentBack {
    // Money that is heard of for the first time when it goes has come in this same step.
    let cell = left(billed, subject);
    let order = &after.order_id;
    let next = match after.state {
        PaymentState::Reversed | PaymentState::ChargedBack | PaymentState::Cancelled => {
            cell.take_back(order, case.today(), case.now)
        }
        PaymentState::PartlyRefunded | PaymentState::Refunded => {
            let known = if before.state.is_unpaid() {
                Rupiah::ZERO
            } else {
                refunded(before)
            };
            let amount = refunded(after).saturating_sub(known);
            let (Ok(who), Ok(reason)) = (Who::new(VENDOR), Reason::new("refunded at Midtrans"))
            else {
                return WentBack::Unrecorded;
            };
            cell.gave_back(order, GivenBack::new(amount, reason, who, case.now))
        }
        PaymentState::Created
        | PaymentState::Pending
        | PaymentState::Challenge
        | PaymentState::Paid
        | PaymentState::Denied
        | PaymentState::Expired
        | PaymentState::Review => return WentBack::Nothing,
    };
    match next {
        Ok(next) => WentBack::Taken {
            twice: lost(&next) > lost(cell),
            moved: moved(billed, next),
        },
        Err(Refused::NoBill | Refused::NotPaid | Refused::Nothing) => WentBack::Nothing,
        Err(
            Refused::Closed(_)
            | Refused::TooMuch { .. }
            | Refused::PartlyPaid { .. }
            | Refused::Known
            | Refused::Struck
            | Refused::Recorded { .. }
            | Refused::TooMany,
        ) => WentBack::Unrecorded,
    }
}

/// What Midtrans gave back of what came; the method's fee is not the bill's.
fn refunded(payment: &Payment) -> Rupiah {
    payment.gone_back().min(payment.received())
}

fn lost(cell: &Cell) -> Rupiah {
    let bill = cell.bill.as_ref();
    bill.map(|bill| bill.lost).unwrap_or_default()
}

fn moved(billed: &Billed, cell: Cell) -> SubjectMove {
    SubjectMove::Bill {
        over: billed.cell.version,
        cell: Box::new(cell),
    }
}
