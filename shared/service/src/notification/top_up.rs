//! What money means for a prepaid balance.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{SubjectMove, TopUp, TopUpMove};
use pesan_adapters::events::Envelope;
use pesan_domain::balance::{Change, Credit, Effect, Entry, Seen, judge_top_up};
use pesan_domain::ids::OrderId;
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Payment;

use crate::event_id;

/// The balance is credited; none where it cannot be: it was before, or no number holds so much.
pub(super) fn credit(top_up: &TopUp, payment: &Payment, now: Timestamp) -> Option<SubjectMove> {
    match judge_top_up(top_up.applied, payment.amount) {
        Seen::New if top_up.credit.is_none() => {}
        Seen::New | Seen::Already | Seen::OtherAmount => return None,
    }
    let reference = payment.order_id.as_str();
    let credited = top_up
        .balance
        .credit(reference, payment.amount, payment.gone_back())
        .ok()?;
    Some(moved(top_up, credited.change, credited.credit, None, now))
}

/// What of a credit went back with its payment is taken from the balance, as far as it goes; and
/// what is missing. None where nothing went back that was not dealt with.
pub(super) fn take_back(
    top_up: &TopUp,
    payment: &Payment,
    now: Timestamp,
) -> Option<(SubjectMove, Rupiah)> {
    let before = top_up.credit?;
    let reference = payment.order_id.as_str();
    let taken = top_up
        .balance
        .take_back(reference, before.credit, payment.gone_back())
        .ok()??;
    let over = Some(before.version);
    let moved = moved(top_up, taken.change, taken.credit, over, now);
    Some((moved, taken.missing))
}

fn moved(
    top_up: &TopUp,
    change: Option<Change>,
    credit: Credit,
    over: Option<u64>,
    now: Timestamp,
) -> SubjectMove {
    SubjectMove::TopUp(Box::new(TopUpMove {
        merchant: top_up.merchant.clone(),
        before: top_up.balance.clone(),
        change,
        entry: event_id(now),
        credit,
        over,
    }))
}

/// What whoever listens is told of a balance: that it was credited, or that it runs low.
pub(super) fn announced(order: &OrderId, moved: &SubjectMove, now: Timestamp) -> Option<Envelope> {
    let SubjectMove::TopUp(moved) = moved else {
        return None;
    };
    let (merchant, change) = (&moved.merchant.id, moved.change.as_ref()?);
    match &change.entry {
        Entry::TopUp { .. } => Some(Envelope::balance_topped_up(
            event_id(now),
            merchant,
            order,
            now,
        )),
        Entry::Refund { .. } => change
            .effects
            .contains(&Effect::TellLow)
            .then(|| Envelope::balance_low(event_id(now), merchant, now)),
        Entry::Reserve(_) | Entry::Settle { .. } => None,
    }
}
