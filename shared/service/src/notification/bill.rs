//! What money means for a bill.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{Billed, SubjectMove};
use pesan_domain::billing::{Cell, Reason, Source, Who};
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

/// What went back with the payment since `before`: the bill owes it again, or is closed. None where
/// nothing went back that the bill has.
pub(super) fn take_back(
    billed: &Billed,
    subject: &SubjectMove,
    before: &Payment,
    after: &Payment,
    case: &Case<'_>,
) -> Option<SubjectMove> {
    // Money that is heard of for the first time when it goes has come in this same step.
    let cell = match subject {
        SubjectMove::Bill { cell, .. } => cell,
        SubjectMove::Stays | SubjectMove::Reservation { .. } | SubjectMove::TopUp(_) => {
            &billed.cell
        }
    };
    let order = &after.order_id;
    let next = match after.state {
        PaymentState::Reversed | PaymentState::ChargedBack | PaymentState::Cancelled => {
            cell.take_back(order, case.today(), case.now).ok()?
        }
        PaymentState::PartlyRefunded | PaymentState::Refunded => {
            if !cell.bill.as_ref()?.has_money_of(order) {
                return None;
            }
            let known = if before.state.is_unpaid() {
                Rupiah::ZERO
            } else {
                before.gone_back()
            };
            let given_back = after.gone_back().saturating_sub(known);
            let who = Who::new(VENDOR).ok()?;
            let reason = Reason::new("refunded at Midtrans").ok()?;
            // What an operator has recorded already is not there to go once more.
            cell.refund(given_back, reason, who, case.now).ok()?
        }
        PaymentState::Created
        | PaymentState::Pending
        | PaymentState::Challenge
        | PaymentState::Paid
        | PaymentState::Denied
        | PaymentState::Expired
        | PaymentState::Review => return None,
    };
    Some(moved(billed, next))
}

fn moved(billed: &Billed, cell: Cell) -> SubjectMove {
    SubjectMove::Bill {
        over: billed.cell.version,
        cell: Box::new(cell),
    }
}
