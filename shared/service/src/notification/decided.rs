//! What a verdict about a payment comes to for its reservation, and for people.

use jiff::Timestamp;
use pesan_adapters::dynamodb::TaskKind;
use pesan_domain::merchant::Merchant;
use pesan_domain::payment::{Alarm, Effect, Notice, Payment, PaymentState, Verdict};
use pesan_domain::reservation::{Order, Reservation};

/// What a verdict comes to for payment and reservation.
pub(super) struct Decided {
    pub payment: Option<Payment>,
    pub reservation: Option<Reservation>,
    pub seat: Option<Option<Timestamp>>,
    pub tasks: Vec<TaskKind>,
    pub notice: Option<Notice>,
    pub alarms: Vec<Alarm>,
}

impl Decided {
    pub fn of(
        merchant: &Merchant,
        order: &Order,
        verdict: Verdict,
        settled_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        let reservation = &order.reservation;
        let mut decided = Self {
            payment: verdict.payment,
            reservation: None,
            seat: None,
            tasks: vec![],
            notice: None,
            alarms: vec![],
        };
        for effect in verdict.effects {
            match effect {
                Effect::ConfirmSubject => {
                    let start = merchant.slot_start(reservation.date, &reservation.slot);
                    let mut confirmed = reservation.confirm(settled_at, start, now);
                    if let Some(confirmed) = &mut confirmed {
                        // The page shows the attempt that was paid, if it is an older one.
                        confirmed.order_id.clone_from(&order.payment.order_id);
                    }
                    decided.seat = confirmed.as_ref().map(|_| None);
                    decided.reservation = confirmed;
                    if decided.reservation.is_none() {
                        decided.review();
                    }
                }
                Effect::FreezeHold { until } => {
                    decided.reservation = reservation.freeze(until);
                    decided.seat = decided.reservation.as_ref().map(|_| Some(until));
                }
                Effect::Notify(notice) => {
                    decided.notice = decided.notice.or(Some(notice));
                }
                Effect::Alarm(alarm) => {
                    match alarm {
                        Alarm::Reversed | Alarm::ChargedBack | Alarm::CaptureCancelled => {
                            decided.tasks.push(TaskKind::Reversed);
                        }
                        Alarm::WrongAmount => decided.tasks.push(TaskKind::Review),
                        Alarm::PaidTwice | Alarm::RefundedTooMuch => {}
                    }
                    decided.alarms.push(alarm);
                }
                Effect::RefundTask(_) => decided.tasks.push(TaskKind::Refund),
            }
        }
        decided
    }

    /// The subject cannot be taken: a person decides what becomes of the money.
    fn review(&mut self) {
        self.reservation = None;
        self.seat = None;
        let Some(payment) = &mut self.payment else {
            return;
        };
        match payment.state {
            PaymentState::Paid => {
                payment.state = PaymentState::Review;
                self.tasks.push(TaskKind::Review);
                self.notice = Some(Notice::Review);
            }
            // The rest of the money is nobody's yet.
            PaymentState::PartlyRefunded => self.tasks.push(TaskKind::Review),
            _ => {}
        }
    }

    /// Whether nothing is left for a person to decide about a payment that was in review.
    pub fn closes_review(&self, order: &Order) -> bool {
        order.payment.state == PaymentState::Review
            && self.payment.as_ref().is_some_and(|payment| {
                !matches!(
                    payment.state,
                    PaymentState::Review | PaymentState::PartlyRefunded
                )
            })
    }

    pub fn seat_lost(&mut self, free: Option<u8>) {
        match (&mut self.reservation, free) {
            (Some(reservation), Some(seat)) if reservation.seat != seat => reservation.seat = seat,
            _ => self.review(),
        }
    }
}

pub(super) fn alarm_name(alarm: Alarm) -> &'static str {
    match alarm {
        Alarm::WrongAmount => "wrong amount",
        Alarm::PaidTwice => "paid twice",
        Alarm::Reversed => "reversed",
        Alarm::ChargedBack => "charged back",
        Alarm::CaptureCancelled => "capture cancelled",
        Alarm::RefundedTooMuch => "refunded too much",
    }
}
