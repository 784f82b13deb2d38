//! What money means for a prepaid balance.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{CreditRecord, SubjectMove, TopUpMove};
use pesan_adapters::events::Envelope;
use pesan_domain::balance::Balance;
use pesan_domain::ids::{OrderId, OrderSubject};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Payment;

use crate::event_id;

/// The balance is credited; none where it cannot be: it was before, or no number holds so much.
pub(super) fn credit(
    balance: &Balance,
    credit: Option<CreditRecord>,
    payment: &Payment,
) -> Option<SubjectMove> {
    let reference = payment.order_id.as_str();
    if credit.is_some() {
        return None;
    }
    let credited = balance
        .credit(reference, payment.amount, payment.gone_back())
        .ok()?;
    Some(SubjectMove::TopUp(TopUpMove {
        change: credited.change,
        credit: credited.credit,
        over: None,
    }))
}

/// What of a credit went back with its payment is taken from the balance, as far as it goes; and
/// what is missing. None where nothing went back that was not dealt with.
pub(super) fn take_back(
    balance: &Balance,
    before: CreditRecord,
    payment: &Payment,
) -> Option<(SubjectMove, Rupiah)> {
    let reference = payment.order_id.as_str();
    let taken = balance
        .take_back(reference, before.credit, payment.gone_back())
        .ok()??;
    let moved = SubjectMove::TopUp(TopUpMove {
        change: taken.change,
        credit: taken.credit,
        over: Some(before.version),
    });
    Some((moved, taken.missing))
}

/// Tells whoever listens that a balance was credited.
pub(super) fn announced(order: &OrderId, moved: &SubjectMove, now: Timestamp) -> Option<Envelope> {
    let SubjectMove::TopUp(TopUpMove {
        change: Some(_),
        over: None,
        ..
    }) = moved
    else {
        return None;
    };
    match order.subject() {
        OrderSubject::TopUp(id) => Some(Envelope::balance_topped_up(
            event_id(now),
            id.merchant(),
            order,
            now,
        )),
        OrderSubject::Booking(_) | OrderSubject::Bill(_) => None,
    }
}
