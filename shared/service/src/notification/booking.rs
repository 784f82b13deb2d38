//! What money means for a booking.

use jiff::Timestamp;
use pesan_adapters::dynamodb::SubjectMove;
use pesan_domain::ids::OrderId;
use pesan_domain::merchant::Merchant;
use pesan_domain::reservation::Reservation;

/// The seat is taken for good; none where the money cannot take it.
pub(super) fn confirm(
    merchant: &Merchant,
    reservation: &Reservation,
    order: &OrderId,
    settled_at: Timestamp,
    now: Timestamp,
) -> Option<SubjectMove> {
    let start = merchant.slot_start(reservation.date, &reservation.slot);
    let mut confirmed = reservation.confirm(settled_at, start, now)?;
    // The page shows the attempt that was paid, if it is an older one.
    confirmed.order_id.clone_from(order);
    Some(SubjectMove::Reservation {
        reservation: Box::new(confirmed),
        seat: Some(None),
    })
}

/// The hold lasts longer.
pub(super) fn freeze(reservation: &Reservation, until: Timestamp) -> SubjectMove {
    match reservation.freeze(until) {
        Some(frozen) => SubjectMove::Reservation {
            reservation: Box::new(frozen),
            seat: Some(Some(until)),
        },
        None => SubjectMove::Stays,
    }
}
